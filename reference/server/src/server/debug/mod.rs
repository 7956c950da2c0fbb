//! The debug page: what the gate decides about the visitor who looks at it, rule by rule.
//!
//! It shows rules, roles and why a token failed, so it is off unless the operator names a path for it, and then it is
//! there for the operator's own addresses alone (TOKEN-11). For everybody else the path is a path like any other. It never
//! shows the secret or a token.

mod page;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use rolegate::decide::decide;
use rolegate::edge::{Edge, Network, Seen, marks};
use rolegate::explain::Explanation;
use rolegate::path::{RequestPath, Target};
use rolegate::query::Parameters;
use rolegate::request::Request;
use rolegate::token::Time;
use rolegate::visitor::Visitor;
use sha2::{Digest as _, Sha256};

use super::head::Head;
use super::hosts;
use crate::files::DirSite;
use crate::files::body::Body;
use crate::in_force::KeyedGate;

/// Where the debug page stands, and for whom.
#[derive(Clone, Debug)]
pub struct DebugPage {
    path: RequestPath,
    readers: Vec<Network>,
}

/// What the page asks the gate about.
struct Question {
    /// The request target, as typed.
    target: Vec<u8>,
    /// The roles to look at it with instead of those of the visitor.
    roles: Vec<String>,
}

impl DebugPage {
    /// A page at `path` for visitors from the networks `readers`; `None` where the path has no canonical form.
    pub fn new(path: &str, readers: Vec<Network>) -> Option<DebugPage> {
        let path = path.strip_prefix('/').and_then(|_| RequestPath::parse(path.as_bytes()).ok())?;
        Some(DebugPage { path, readers })
    }

    /// The networks that a visitor of this machine comes from.
    pub fn this_machine() -> Vec<Network> {
        ["127.0.0.0/8", "::1"].iter().filter_map(|network| network.parse().ok()).collect()
    }

    /// The page, where the request asks for it and the visitor may see it.
    pub(super) fn answer(
        &self,
        gate: &KeyedGate<DirSite>,
        head: &Head<'_>,
        seen: &Seen<'_>,
        now: Time,
    ) -> Option<Response<Body>> {
        let target = Target::parse(head.target).ok()?;
        let is_read = matches!(head.method, "GET" | "HEAD");
        if !target.path.same_but_for_slash(&self.path) || !is_read || !self.may_read(gate.edge(), seen, &head.headers) {
            return None;
        }
        let question = Question::read(target.query.as_deref().unwrap_or_default());
        let request = Request {
            method: "GET",
            target: &question.target,
            host: seen.address,
            scheme: seen.scheme,
            headers: &head.headers,
            country: seen.country.as_ref().map(|country| country.code()),
        };
        let visitor = match question.roles.as_slice() {
            [] => gate.visitor(&request, now),
            roles => Visitor::with_roles(roles.iter().cloned()),
        };
        let decision = decide(gate.rules().rules(), &request, &visitor, gate.site());
        let explanation = Explanation::new(gate.rules(), &decision, &request, &visitor);
        let page = page::page(&page::Shown {
            action: &self.path.to_string(),
            question: &question,
            visitor: &visitor,
            seen,
            explanation: &explanation,
            rules: gate.rules().rules().len(),
            readers: &self.readers,
        });
        Some(response(page, head.method == "HEAD"))
    }

    /// Whether the page is for this visitor.
    fn may_read(&self, edge: &Edge, seen: &Seen<'_>, headers: &[(&str, &[u8])]) -> bool {
        let Some(client) = seen.client else { return false };
        let is_known = if seen.through_proxy {
            // This machine is known by its connection alone, and whoever sits behind a proxy's address by nothing.
            !client.is_loopback() && !edge.trusts(client)
        } else {
            // A proxy that nobody named stands in between, and the address is the proxy's.
            !headers.iter().any(|(name, _)| marks::mark(name).is_some())
        };
        self.readers.iter().any(|network| network.contains(client))
            && is_known
            // A name of somebody else's that leads to this machine (DNS rebinding) would let a foreign page read this one.
            && (!client.is_loopback() || seen.host.is_some_and(hosts::is_this_machine))
    }
}

impl Question {
    fn read(query: &[u8]) -> Question {
        let parameters = Parameters::parse(query);
        let target = parameters.value(b"path").filter(|path| !path.is_empty()).unwrap_or(b"/").to_vec();
        let roles = String::from_utf8_lossy(parameters.value(b"roles").unwrap_or_default())
            .split(',')
            .map(|role| role.trim().to_owned())
            .filter(|role| !role.is_empty())
            .collect();
        Question { target, roles }
    }
}

/// The page with nothing allowed in it but its own style.
fn response(page: String, is_head: bool) -> Response<Body> {
    let digest = STANDARD.encode(Sha256::digest(page::STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let length = page.len();
    let mut response = Response::new(if is_head { Body::default() } else { Body::of(page) });
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &str); 6] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "private, no-store"),
        (header::VARY, "Cookie"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CONTENT_LENGTH, length.into());
    response
}

#[cfg(test)]
mod tests {
    use rolegate::request::Scheme;

    use super::*;

    #[test]
    fn who_may_read_the_page() {
        let page = DebugPage::new("/__gate/debug", DebugPage::this_machine()).unwrap();
        let told = DebugPage::new("/__gate/debug", vec!["192.0.2.0/24".parse().unwrap()]).unwrap();
        let inside = DebugPage::new("/__gate/debug", vec!["10.0.0.0/8".parse().unwrap()]).unwrap();
        let edge = Edge { trusted: vec!["10.0.0.0/8".parse().unwrap()], ..Edge::default() };
        let none: &[(&str, &[u8])] = &[];
        let forwarded: &[(&str, &[u8])] = &[("X-Forwarded-For", b"192.0.2.1")];
        for (page, client, host, headers, through_proxy, may) in [
            (&page, Some("127.0.0.1"), Some("localhost:8888"), none, false, true),
            (&page, Some("127.0.0.1"), Some("127.0.0.1"), none, false, true),
            (&page, Some("::1"), Some("[::1]:8888"), none, false, true),
            // DNS rebinding.
            (&page, Some("127.0.0.1"), Some("evil.example"), none, false, false),
            (&page, Some("127.0.0.1"), Some("localhost.evil.example"), none, false, false),
            (&page, Some("127.0.0.1"), None, none, false, false),
            (&page, Some("192.0.2.1"), Some("localhost"), none, false, false),
            // A proxy that nobody named.
            (&page, Some("127.0.0.1"), Some("localhost"), forwarded, false, false),
            (&page, Some("127.0.0.1"), Some("localhost"), &[("via", b"1.1 a".as_slice())], false, false),
            (&page, Some("127.0.0.1"), Some("localhost"), &[("X_Real_IP", b"127.0.0.1".as_slice())], false, false),
            (
                &page,
                Some("127.0.0.1"),
                Some("localhost"),
                &[("Fastly-Client-IP", b"127.0.0.1".as_slice())],
                false,
                false,
            ),
            (&page, Some("127.0.0.1"), Some("localhost"), &[("X-Request-Id", b"1".as_slice())], false, false),
            // The operator's machine is known by its connection alone.
            (&page, Some("127.0.0.1"), Some("localhost"), forwarded, true, false),
            (&page, Some("::1"), Some("localhost"), forwarded, true, false),
            // Behind a proxy's own address anybody may sit.
            (&inside, Some("10.0.0.9"), Some("a.example"), forwarded, true, false),
            (&inside, Some("10.0.0.9"), Some("a.example"), none, false, true),
            // A trusted proxy that speaks for somebody, or does not say for whom.
            (&page, Some("192.0.2.1"), Some("localhost"), forwarded, true, false),
            (&page, None, Some("localhost"), none, true, false),
            (&told, Some("192.0.2.1"), Some("a.example"), forwarded, true, true),
            (&told, Some("192.0.2.1"), Some("a.example"), none, false, true),
            (&told, Some("127.0.0.1"), Some("localhost"), none, false, false),
        ] {
            let client = client.map(|client| client.parse().unwrap());
            let seen = Seen { scheme: Scheme::Http, host, address: host, client, country: None, through_proxy };
            assert_eq!(page.may_read(&edge, &seen, headers), may, "{client:?} {host:?} {headers:?} {through_proxy}");
        }
    }

    #[test]
    fn what_is_no_path_for_it() {
        assert!(DebugPage::new("debug", Vec::new()).is_none());
        assert!(DebugPage::new("/a%2fb", Vec::new()).is_none());
        assert!(DebugPage::new("/__gate/debug", Vec::new()).is_some());
    }
}
