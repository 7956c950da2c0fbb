//! What a request says of its visitor beside the token, read once, however many rules ask for it (COST-1).

use std::collections::BTreeMap;

use crate::cookie;
use crate::cost::step;
use crate::request::Request;

/// Cookies, language and country of one request.
#[derive(Debug)]
pub(crate) struct Said<'a> {
    /// The first value of every cookie.
    cookies: BTreeMap<&'a [u8], &'a [u8]>,
    first_language: Option<&'a [u8]>,
    country: Option<&'a [u8]>,
}

impl<'a> Said<'a> {
    /// Reads the request's fields.
    pub(crate) fn of(request: &Request<'a>) -> Said<'a> {
        Said {
            cookies: cookie::jar(request.cookie_lines()),
            first_language: first_language(request),
            country: request.country.map(str::as_bytes),
        }
    }

    /// The value of the cookie `name`, where it has one that is not empty.
    pub(crate) fn cookie(&self, name: &str) -> Option<&'a [u8]> {
        step(name.len());
        self.cookies.get(name.as_bytes()).copied().filter(|value| !value.is_empty())
    }

    /// COND-1: the language that the visitor has chosen, or else the first that the client names.
    pub(crate) fn language(&self) -> Option<&'a [u8]> {
        self.cookie("nf_lang").or(self.first_language)
    }

    /// COND-3: the visitor's country, for a rule that asks for a role as well or for none.
    pub(crate) fn country(&self, beside_role: bool) -> Option<&'a [u8]> {
        // COND-3.role: beside a role nobody is taken at their word about where they are.
        let chosen = if beside_role { None } else { self.cookie("nf_country") };
        chosen.or(self.country)
    }
}

/// The first entry of `Accept-Language`, without its weight.
fn first_language<'a>(request: &Request<'a>) -> Option<&'a [u8]> {
    let line = request.header_lines("accept-language").next()?;
    let tag = line.split(|byte| matches!(byte, b',' | b';')).next()?;
    step(tag.len());
    let tag = tag.trim_ascii();
    (!tag.is_empty()).then_some(tag)
}
