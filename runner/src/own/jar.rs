//! The cookies that a site sets, as a browser would send them back.

use std::collections::BTreeMap;

use crate::corpus::TOKEN_COOKIE;
use crate::wire::{Exchange, Response};

/// Cookies by name.
#[derive(Debug, Default)]
pub struct Jar(BTreeMap<String, String>);

impl Jar {
    /// Takes the cookies that an answer sets. The token is none of them, nor is one that holds the token that was sent: whoever bears it bears a token.
    pub fn take(&mut self, exchange: &Exchange) {
        let sent = exchange.sent.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
        let sent: Vec<String> = sent
            .filter_map(|(_, value)| Some(String::from_utf8_lossy(value).split_once('=')?.1.to_owned()))
            .filter(|token| !token.is_empty())
            .collect();
        let fields =
            exchange.answer.response().into_iter().flat_map(|response: &Response| response.header("set-cookie"));
        for field in fields {
            let Ok(field) = std::str::from_utf8(field) else { continue };
            let mut parts = field.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let (name, value) = (name.trim(), value.trim());
            let is_plain =
                |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
            if name == TOKEN_COOKIE || !is_plain(name) || sent.iter().any(|token| value.contains(token.as_str())) {
                continue;
            }
            let is_over = parts.any(|part| {
                let age = part.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"));
                age.and_then(|(_, age)| age.trim().parse::<i64>().ok()).is_some_and(|age| age <= 0)
            });
            if is_over || !is_plain(value) {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The value of `Cookie`; none where no cookie was set.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}
