//! The gate beside another server: that server asks it about each request, and serves or not as the answer says.
//!
//! nginx (`auth_request`), Caddy and Traefik (`forward_auth`) and Envoy (`ext_authz` over HTTP) send a request of their own
//! that describes the visitor's. What it says is believed from configured proxies only (HOST-2), and what is missing
//! or said in two ways is refused: no answer but 200 lets a visitor in.

use std::borrow::Cow;
use std::sync::Arc;

use crate::decide::{self, Decision, Outcome, RuleList};
use crate::elsewhere::{names_elsewhere, shortest_elsewhere};
use crate::path::{RequestPath, Target};
use crate::request::{Origin, Request};
use crate::site::Site;
use crate::visitor::Visitor;

/// Answers like the gate itself: 200, or the denial response as it is.
pub const AUTHORIZE: &str = "/__gate/authorize";
/// Answers 200, 401 or 403 and nothing else, with the denial response in fields; for nginx, which takes no other status.
pub const SUBREQUEST: &str = "/__gate/subrequest";

/// How the server in front wants the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// 200, or the denial response as it is.
    AsIs,
    /// 200, 401 or 403; what the visitor should get stands in `X-Gate-Status` and `X-Gate-Location`.
    StatusOnly,
}

/// The visitor's request, as the server in front describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Original<'a> {
    /// The method.
    pub method: &'a str,
    /// The request target.
    pub target: &'a [u8],
}

/// Why a request does not describe another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDescribed {
    /// No field holds the request target, two hold different ones, or one holds something else or more than one.
    #[error(
        "the server in front names no one request target; let it send `X-Forwarded-Uri` or `X-Original-URI`, with the path and query that the visitor sent"
    )]
    Target,
    /// The method is named twice, or is none.
    #[error("the server in front names no method; let it send one `X-Forwarded-Method`")]
    Method,
}

/// Whether `target` asks for a decision, and how the answer is wanted.
pub fn asked(target: &[u8]) -> Option<Manner> {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    if path == SUBREQUEST.as_bytes() {
        return Some(Manner::StatusOnly);
    }
    let rest = path.strip_prefix(AUTHORIZE.as_bytes())?;
    (rest.is_empty() || rest.starts_with(b"/")).then_some(Manner::AsIs)
}

/// Reads the description of the visitor's request out of the request that asks. Host, scheme and address are those that
/// [`crate::edge`] takes for true, as in any request through a trusted proxy.
///
/// # Errors
/// [`NotDescribed`] where a part is missing or said in two ways.
pub fn original<'a>(
    method: &'a str,
    target: &'a [u8],
    lines: &[(&'a str, &'a [u8])],
) -> Result<Original<'a>, NotDescribed> {
    let said = one(lines, &["x-forwarded-method", "x-original-method"]).map_err(|Several| NotDescribed::Method)?;
    let method = match said {
        None => method,
        Some(said) => std::str::from_utf8(said).map_err(|_| NotDescribed::Method)?,
    };
    Ok(Original { method, target: original_target(target, lines)? })
}

/// Envoy puts the visitor's target behind the path that it asks at, the others into a field.
fn original_target<'a>(target: &'a [u8], lines: &[(&'a str, &'a [u8])]) -> Result<&'a [u8], NotDescribed> {
    let behind = target.strip_prefix(AUTHORIZE.as_bytes()).filter(|rest| rest.starts_with(b"/"));
    let named = one(lines, &["x-forwarded-uri", "x-original-uri"]).map_err(|Several| NotDescribed::Target)?;
    let target = match (behind, named) {
        (Some(target), None) | (None, Some(target)) => target,
        (Some(behind), Some(named)) if behind == named => named,
        _ => return Err(NotDescribed::Target),
    };
    // AUTHORIZE-3: a whole URL has a host of its own, and two lines may have been joined on the way.
    let is_joined = target.windows(2).any(|pair| pair == b",/") || target.iter().any(|byte| b" \t".contains(byte));
    if target.starts_with(b"/") && !is_joined { Ok(target) } else { Err(NotDescribed::Target) }
}

/// More than one value, or one that is no text.
struct Several;

/// The one value that the fields of these names have, if any; equal ones count as one.
fn one<'a>(lines: &[(&'a str, &'a [u8])], names: &[&str]) -> Result<Option<&'a [u8]>, Several> {
    let mut values = lines
        .iter()
        .filter(|(sent, _)| names.iter().any(|name| sent.eq_ignore_ascii_case(name)))
        .map(|(_, value)| *value);
    let first = values.next();
    if values.all(|other| Some(other) == first) { Ok(first) } else { Err(Several) }
}

/// The decision about the visitor's request. The server in front goes by its own reading of the target, so one that has two is
/// refused (FRONT-1); and it finds the file for a path in its own way, so a gate covers every file that it may find (FRONT-2).
pub fn decide(
    rules: &(impl RuleList + ?Sized),
    request: &Request<'_>,
    visitor: &Visitor,
    site: &impl Site,
) -> Decision {
    decide::decide(rules, request, visitor, &Beside(site))
}

/// A site that another server serves from the same folder.
struct Beside<'s, S>(&'s S);

impl<S: Site> Site for Beside<'_, S> {
    fn has(&self, name: &str) -> bool {
        self.0.has(name)
    }

    fn file<'p>(&'p self, path: &'p RequestPath) -> Option<Cow<'p, str>> {
        self.0.file(path)
    }

    fn not_found_page(&self) -> Option<String> {
        self.0.not_found_page()
    }

    fn is_listed(&self) -> bool {
        self.0.is_listed()
    }

    /// FRONT-1
    fn is_read_elsewhere(&self) -> bool {
        true
    }

    fn server(&self) -> Option<&Origin> {
        self.0.server()
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        self.0.names()
    }

    /// FRONT-2: also what the other server may serve for the paths of `file`, whichever of them is there.
    fn other_names(&self, file: &str) -> Vec<String> {
        let mut names = self.0.other_names(file);
        if !self.is_listed() {
            return names;
        }
        let shortest = shortest_elsewhere(file);
        names.push(shortest.to_owned());
        names.extend(names_elsewhere(shortest));
        names
    }

    fn same_file(&self, name: &str) -> &[Arc<str>] {
        self.0.same_file(name)
    }
}

/// Whether the server in front may answer the visitor's request for `target` with what it has.
///
/// It serves the path that was asked for, so a rule that leads elsewhere admits nobody here, whoever asks: the server in front
/// would show what the rule replaces.
pub fn admits(decision: &Decision, target: &[u8]) -> bool {
    // FRONT-1
    let Some(Target { path, .. }) = decision.read.as_ref().filter(|_| Target::check_plain(target).is_ok()) else {
        return false;
    };
    if decision.denied {
        return false;
    }
    match &decision.outcome {
        Outcome::Serve { .. } => true,
        // FRONT-2: the other server may have found what the gate has not: a link, or a file that is new.
        Outcome::NotFound { .. } => false,
        Outcome::Rewrite { status: 200, .. } => {
            let target = decision.target.as_deref().and_then(|target| target.split(['?', '#']).next());
            target
                .and_then(|target| RequestPath::parse(target.as_bytes()).ok())
                .is_some_and(|target| target.same_but_for_slash(path))
        }
        Outcome::BadRequest(_) | Outcome::Proxy { .. } | Outcome::Redirect { .. } | Outcome::Rewrite { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemorySite, Request, RuleSet, Scheme, Visitor, decide};

    type Lines<'a> = Vec<(&'a str, &'a [u8])>;

    fn read<'a>(target: &'a str, lines: &'a Lines<'a>) -> Result<Original<'a>, NotDescribed> {
        original("GET", target.as_bytes(), lines)
    }

    #[test]
    fn where_it_is_asked() {
        for (target, manner) in [
            ("/__gate/authorize", Some(Manner::AsIs)),
            ("/__gate/authorize?x", Some(Manner::AsIs)),
            ("/__gate/authorize/a/b?x", Some(Manner::AsIs)),
            ("/__gate/subrequest", Some(Manner::StatusOnly)),
            ("/__gate/authorized", None),
            ("/__gate/subrequest/a", None),
            ("/__gate//authorize", None),
            ("/", None),
        ] {
            assert_eq!(asked(target.as_bytes()), manner, "{target}");
        }
    }

    #[test]
    fn the_visitors_request() {
        let caddy: Lines<'_> = vec![("X-Forwarded-Method", b"POST"), ("X-Forwarded-Uri", b"/a?b")];
        let expected = Original { method: "POST", target: b"/a?b" };
        assert_eq!(read("/__gate/authorize", &caddy), Ok(expected));
        let nginx: Lines<'_> = vec![("X-Original-URI", b"/a"), ("X-Original-Method", b"PUT")];
        let expected = Original { method: "PUT", target: b"/a" };
        assert_eq!(read("/__gate/subrequest", &nginx), Ok(expected));
        let envoy = Vec::new();
        assert_eq!(read("/__gate/authorize/a//b?c", &envoy).map(|original| original.target), Ok(&b"/a//b?c"[..]));
    }

    #[test]
    fn what_is_not_described() {
        let table: Vec<(Lines<'_>, NotDescribed)> = vec![
            (vec![], NotDescribed::Target),
            (vec![("X-Forwarded-Uri", b"http://a.example/a")], NotDescribed::Target),
            (vec![("X-Original-URI", b"a.example/a")], NotDescribed::Target),
            (vec![("X-Original-URI", b"")], NotDescribed::Target),
            (vec![("X-Forwarded-Uri", b"/a"), ("X-Forwarded-Uri", b"/b")], NotDescribed::Target),
            (vec![("X-Forwarded-Uri", b"/a"), ("X-Original-URI", b"/b")], NotDescribed::Target),
            (
                vec![("X-Forwarded-Uri", b"/a"), ("X-Forwarded-Method", b"A"), ("X-Forwarded-Method", b"B")],
                NotDescribed::Method,
            ),
        ];
        for (lines, why) in &table {
            assert_eq!(read("/__gate/authorize", lines), Err(*why), "{lines:?}");
        }
        for odd in ["", "*", "a", "http://h/a", "https://h", "/a,/b", "/a, /b", "/a?b,/c", "/a /b", "/a\t", ",/a"] {
            let lines = vec![("X-Original-URI", odd.as_bytes())];
            assert_eq!(read("/__gate/authorize", &lines), Err(NotDescribed::Target), "{odd}");
        }
        for several in [["/a", "/b"], ["/a", ""], ["/a", "//a"], ["/a", "/%61"], ["/a", "http://h/a"]] {
            for names in [["X-Forwarded-Uri", "X-Forwarded-Uri"], ["X-Original-URI", "x-forwarded-uri"]] {
                let lines = names.into_iter().zip(several.map(str::as_bytes)).collect();
                assert_eq!(read("/__gate/authorize", &lines), Err(NotDescribed::Target), "{several:?}");
            }
        }
        let both = vec![("X-Forwarded-Uri", &b"/a"[..])];
        assert_eq!(read("/__gate/authorize/b", &both), Err(NotDescribed::Target));
    }

    #[test]
    fn front_2_what_the_other_server_may_find_is_covered() {
        let files = [
            "/y.html",
            "/y/index.html",
            "/e/index.html",
            "/e/index/index.html",
            "/b.html",
            "/b.html.html",
            "/index.html",
        ];
        for (gated, asked) in [
            ("/y/index.html", "/y/"),
            ("/y/index.html", "/y"),
            ("/y/index", "/y/"),
            ("/y.html", "/y"),
            ("/e/index/index.html", "/e/index/"),
            ("/b.html.html", "/b.html"),
            ("/index", "/"),
        ] {
            let rules = RuleSet::parse(format!("{gated} {gated} 200! Role=admin").as_bytes()).rules;
            let site = MemorySite::new(files);
            let request = Request {
                method: "GET",
                target: asked.as_bytes(),
                host: None,
                scheme: Scheme::Http,
                headers: &[],
                country: None,
            };
            let decision = super::decide(&rules, &request, &Visitor::Anonymous, &site);
            assert!(!admits(&decision, asked.as_bytes()), "{asked} with a gate on {gated}");
        }
    }

    #[test]
    fn who_is_let_in() {
        let rules = "/members/* /members/:splat 200! Role=admin\n/members/* /login 302\n/hidden/* /page 200\n/old /new 301\n/up/* https://up.example/:splat 200!\n/401/* /login 401";
        let rules = RuleSet::parse(rules.as_bytes()).rules;
        let site =
            MemorySite::new(["/members/a.html", "/login.html", "/hidden/b.html", "/page.html", "/c.html", "/new.html"]);
        for (path, role, admitted) in [
            ("/members/a", Some("admin"), true),
            ("/members/a.html", Some("admin"), true),
            ("/members/a", Some("other"), false),
            ("/members/a", None, false),
            ("/c", None, true),
            ("/nothing", None, false),
            ("/hidden/b", None, true),
            ("/hidden/none", None, false),
            ("/old", None, false),
            ("/up/x", None, false),
            ("/401/x", None, false),
            ("/a%2fb", None, false),
            // FRONT-1
            ("/x//../members/a", Some("admin"), false),
            ("/x//../c", None, false),
            ("//c", None, false),
            ("/%63", None, false),
            ("/c;x", None, false),
            ("/c%3Fx", None, false),
            ("http://h/c", None, true),
        ] {
            let request = Request {
                method: "GET",
                target: path.as_bytes(),
                host: None,
                scheme: Scheme::Http,
                headers: &[],
                country: None,
            };
            let visitor = role.map_or(Visitor::Anonymous, |role| Visitor::with_roles([role]));
            let decision = decide(&rules, &request, &visitor, &site);
            let admitted_here = admits(&decision, path.as_bytes());
            assert_eq!(admitted_here, admitted, "{path} {role:?} {decision:?}");
        }
    }
}
