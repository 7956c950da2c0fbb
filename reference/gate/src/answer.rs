//! From a decision to the answer: what a visitor may be told, and what caches may keep (NOLEAK-2, NOLEAK-4, HTTP-1).
//!
//! Pure: a file is named here, and whoever serves it reads it. A server may say more about a [`AnswerBody::File`] (validators,
//! ranges, codings); of everything else it sends what stands here, whole.

use http::header::{self, HeaderMap, HeaderValue};

use crate::caches::{CacheRules, Keeping, Varies};
use crate::decide::{Decision, Outcome};
use crate::rules::ConditionKey;

/// The answer to a request that was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<'d> {
    /// The status code.
    pub status: u16,
    /// Header fields, those for caches included; what the content itself is, the server adds.
    pub fields: HeaderMap,
    /// The content. HTTP-1: of a `HEAD` request it is left out.
    pub body: AnswerBody<'d>,
}

/// The content of an [`Answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerBody<'d> {
    /// None: the visitor is sent to this URL (STATUS-1), and nothing of the request is repeated in a body.
    Location(&'d str),
    /// This sentence, as `text/plain; charset=utf-8`.
    Sentence(&'static str),
    /// The file of the site with this name as a page: whole and as it is, without validators, whatever conditions or ranges
    /// the request carries (NOLEAK-2). Where it is not there, [`NOT_FOUND`] with status 404.
    Page(&'d str),
    /// The file of the site with this name as itself, to a visitor who may have it: conditions and ranges apply (HTTP-2).
    /// Where it is not there, [`NOT_FOUND`] with status 404.
    File(&'d str),
    /// What the server at this URL answers (PROXY-1); a server that forwards nothing says [`NOT_FORWARDED`] with status 501.
    Upstream(&'d str),
}

/// STATUS-6: what is said where the site has no page that says it.
pub const NOT_FOUND: &str = "404: there is nothing at this address.\n";
/// What is said where a server does not forward requests.
pub const NOT_FORWARDED: &str = "501: this address is forwarded to another server, which is not done here.\n";

impl<'d> AnswerBody<'d> {
    /// What `decision` comes to for a request with this method, with its status code.
    pub fn of(decision: &'d Decision, method: &str) -> (u16, AnswerBody<'d>) {
        match &decision.outcome {
            Outcome::BadRequest(refused) if refused.status() == 414 => {
                (414, AnswerBody::Sentence("414: this address is too long.\n"))
            }
            Outcome::BadRequest(_) => (400, AnswerBody::Sentence("400: this address cannot be read.\n")),
            // STATUS-6: the site's own page, else a plain sentence.
            Outcome::NotFound { page, .. } => {
                (404, page.as_deref().map_or(AnswerBody::Sentence(NOT_FOUND), AnswerBody::Page))
            }
            Outcome::Proxy { url } => (501, AnswerBody::Upstream(url)),
            Outcome::Redirect { status, location } => (*status, AnswerBody::Location(location)),
            // NOLEAK-2, HTTP-1: a denied visitor gets the denial response for every method and every header.
            Outcome::Rewrite { status: 200, file } | Outcome::Serve { file } if !decision.denied => match method {
                "GET" | "HEAD" => (200, AnswerBody::File(file)),
                _ => (405, AnswerBody::Sentence("405: this address answers GET and HEAD only.\n")),
            },
            Outcome::Serve { file } => (200, AnswerBody::Page(file)),
            // STATUS-3
            Outcome::Rewrite { status, file } => (*status, AnswerBody::Page(file)),
        }
    }
}

impl<'d> Answer<'d> {
    /// The answer that `decision` comes to for a request with this method.
    pub fn of(decision: &'d Decision, method: &str) -> Answer<'d> {
        let (mut status, mut body) = AnswerBody::of(decision, method);
        let mut fields = HeaderMap::new();
        if let AnswerBody::Location(location) = body {
            match HeaderValue::try_from(location) {
                Ok(location) => _ = fields.insert(header::LOCATION, location),
                // LOC-3: a value that is no header value never leaves; the decision has made sure that it is one.
                Err(_) => (status, body) = (500, AnswerBody::Sentence("500: this answer cannot be sent.\n")),
            }
        }
        if let AnswerBody::Sentence(_) = body {
            fields.insert(header::CONTENT_TYPE, const { HeaderValue::from_static("text/plain; charset=utf-8") });
            fields.insert(header::X_CONTENT_TYPE_OPTIONS, const { HeaderValue::from_static("nosniff") });
        }
        if status == 405 {
            fields.insert(header::ALLOW, const { HeaderValue::from_static("GET, HEAD") });
        }
        let rules = cache_rules(decision);
        fields.insert(header::CACHE_CONTROL, rules.control());
        fields.extend(rules.vary().map(|vary| (header::VARY, vary)));
        Answer { status, fields, body }
    }
}

/// NOLEAK-4, NOLEAK-4.conditions: what caches may keep, so that none shows one visitor what depended on what another is or says.
pub fn cache_rules(decision: &Decision) -> CacheRules {
    let (of_role, read) = (decision.denied || decision.role_dependent, decision.conditions);
    let keeping = match decision.denied {
        true => Keeping::Nowhere,
        // No field of the request says where a visitor is.
        false if of_role || read.contains(ConditionKey::Country) => Keeping::ByTheVisitor,
        false => Keeping::ByAnybody,
    };
    let varies = match read.contains(ConditionKey::Language) {
        true => Varies::WithLanguage,
        false if of_role || !read.is_empty() => Varies::WithCookie,
        false => Varies::Never,
    };
    CacheRules { keeping, varies }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Request, Scheme};
    use crate::rules::RuleSet;
    use crate::site::MemorySite;
    use crate::visitor::Visitor;

    #[test]
    fn what_conditions_do_to_caches() {
        let rules = "/l /page 200 Language=de\n/c /page 200 Cookie=beta\n/p /page 200 Country=de\n/m /page 200 Role=a Language=de";
        let rules = RuleSet::parse(rules.as_bytes()).rules;
        let site = MemorySite::new(["/page.html"]);
        let admin = Visitor::with_roles(["a"]);
        for (target, visitor, keeping, varies) in [
            ("/page", &admin, Keeping::ByAnybody, Varies::Never),
            ("/l", &admin, Keeping::ByAnybody, Varies::WithLanguage),
            ("/c", &admin, Keeping::ByAnybody, Varies::WithCookie),
            ("/p", &admin, Keeping::ByTheVisitor, Varies::WithCookie),
            ("/m", &admin, Keeping::ByTheVisitor, Varies::WithLanguage),
            ("/m", &Visitor::Anonymous, Keeping::Nowhere, Varies::WithCookie),
        ] {
            let target = target.as_bytes();
            let request =
                Request { method: "GET", target, host: None, scheme: Scheme::Https, headers: &[], country: None };
            let decision = crate::decide(&rules, &request, visitor, &site);
            assert_eq!(cache_rules(&decision), CacheRules { keeping, varies }, "{target:?}");
        }
    }

    #[test]
    fn what_is_told_and_what_is_kept() {
        let rules = "/members/* /members/:splat 200! Role=admin\n/members/* /login 401\n/old /new 301\n/far https://b.example/ 200";
        let rules = RuleSet::parse(rules.as_bytes()).rules;
        let site = MemorySite::new(["/index.html", "/login.html", "/members/a.html", "/404.html"]);
        let (admin, nobody) = (Visitor::with_roles(["admin"]), Visitor::Anonymous);
        let (public, private) = ("public, max-age=0, must-revalidate", "private, max-age=0, must-revalidate");
        for (method, target, visitor, status, content, cache) in [
            ("GET", "/", &nobody, 200, AnswerBody::File("/index.html"), public),
            ("HEAD", "/", &nobody, 200, AnswerBody::File("/index.html"), public),
            ("POST", "/", &nobody, 405, AnswerBody::Sentence("405: this address answers GET and HEAD only.\n"), public),
            ("GET", "/members/a", &admin, 200, AnswerBody::File("/members/a.html"), private),
            ("GET", "/members/a", &nobody, 401, AnswerBody::Page("/login.html"), "private, no-store"),
            // A denial is the same for every method, and says no 405.
            ("DELETE", "/members/a", &nobody, 401, AnswerBody::Page("/login.html"), "private, no-store"),
            ("GET", "/members/none", &nobody, 401, AnswerBody::Page("/login.html"), "private, no-store"),
            ("GET", "/nothing", &nobody, 404, AnswerBody::Page("/404.html"), public),
            ("GET", "/old", &nobody, 301, AnswerBody::Location("/new"), public),
            ("GET", "/far", &nobody, 501, AnswerBody::Upstream("https://b.example/"), public),
            ("GET", "/%zz", &nobody, 400, AnswerBody::Sentence("400: this address cannot be read.\n"), public),
        ] {
            let target_bytes = target.as_bytes();
            let request = Request {
                method,
                target: target_bytes,
                host: None,
                scheme: Scheme::Https,
                headers: &[],
                country: None,
            };
            let decision = crate::decide(&rules, &request, visitor, &site);
            let answer = Answer::of(&decision, method);
            assert_eq!((answer.status, answer.body), (status, content), "{method} {target}");
            assert_eq!(answer.fields[header::CACHE_CONTROL], cache, "{method} {target}");
            assert_eq!(answer.fields.contains_key(header::VARY), cache.starts_with("private"), "{method} {target}");
            assert_eq!(answer.fields.contains_key(header::LOCATION), status == 301);
        }
    }
}
