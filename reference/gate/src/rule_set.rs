//! The rules of a site: everything that its rule files say, as one value.
//!
//! HEADERS-6: what closes a path stands in the list itself, whichever file it comes from, so that nobody who decides by the
//! list can leave a file out.

use crate::decide::{Asked, RuleList};
use crate::edge::addresses::{Addresses, UnknownPort};
use crate::headers::{self, HeaderRules, ParsedHeaders};
use crate::meaning::rules::Rule;
use crate::query::Parameters;
use crate::reading::netlify_toml::Document;
use crate::reading::{self, Line, LineKind, Parsed};
use crate::request::{Origin, Scheme};
use crate::span::Span;
use crate::speed::index::Index;
use crate::uri::Segments;

/// The rule files of a site; one that is not there is empty.
#[derive(Clone, Copy, Debug)]
pub struct RuleFiles<'a> {
    /// `_redirects`
    pub redirects: &'a [u8],
    /// `netlify.toml`
    pub toml: &'a [u8],
    /// `_headers`
    pub headers: &'a [u8],
}

/// Everything that the rule files of a site say: an ordered list of rules, and header fields by path.
///
/// As a [`RuleList`] it finds the rules that can match a request through an index (MATCH-9); [`RuleSet::rules`] is the list
/// itself, by which the same is decided.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// HEADERS-6: so many of them stand for `Basic-Auth`, the first ones.
    seals: usize,
    pub(crate) index: Index,
    addresses: Addresses,
    unreadable: Vec<Span>,
    headers: HeaderRules,
    unreadable_headers: Vec<Span>,
    has_gates: bool,
}

impl RuleSet {
    /// Reads the `_redirects` file of a site that has no other rule file. RULES-6: good rules and problems come back together.
    pub fn parse(redirects: &[u8]) -> Parsed {
        RuleSet::read(RuleFiles { redirects, toml: b"", headers: b"" })
    }

    /// Reads all rule files of a site. RULES-6, HEADERS-1: good rules and problems come back together.
    ///
    /// HEADERS-6: the seals of `Basic-Auth` come first. TOML-2: the rules of `_redirects` come before those of `netlify.toml`, and
    /// all are in force.
    pub fn read(files: RuleFiles<'_>) -> Parsed {
        let toml = Document::read(files.toml);
        let reading::Read { rules, unreadable, mut problems, mut lines } = reading::read(files.redirects, &toml);
        let read = headers::read(files.headers, &toml);
        let ParsedHeaders { rules: headers, seals, unreadable: unreadable_headers, problems: with_headers } = read;
        problems.extend(with_headers);
        problems.sort_by_key(|problem| problem.span);
        for Line { kind, .. } in &mut lines {
            if let LineKind::Rule(place) = kind {
                *place += seals.len();
            }
        }
        let of_basic_auth = seals.len();
        let rules = RuleSet::of(seals.into_iter().chain(rules));
        let rules = RuleSet { seals: of_basic_auth, unreadable, headers, unreadable_headers, ..rules };
        Parsed { rules, problems, lines }
    }

    /// These rules, in this order, without header fields.
    pub fn of(rules: impl IntoIterator<Item = Rule>) -> RuleSet {
        let rules: Vec<Rule> = rules.into_iter().collect();
        RuleSet {
            index: Index::new(&rules),
            addresses: Addresses::of(&rules),
            has_gates: rules.iter().any(Rule::is_gate),
            rules,
            ..RuleSet::default()
        }
    }

    /// The rules, in list order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// HEADERS-6: the sealed rules that stand for `Basic-Auth`; they come first in the list.
    pub fn seals(&self) -> &[Rule] {
        self.rules.split_at_checked(self.seals).map_or(&[], |(seals, _)| seals)
    }

    /// The header fields that the site gives its own files.
    pub fn headers(&self) -> &HeaderRules {
        &self.headers
    }

    /// RULES-9: lines that name a role and whose path cannot be read. While there is one, no gate starts.
    pub fn unreadable(&self) -> &[Span] {
        &self.unreadable
    }

    /// HEADERS-6: lines that ask for a password and whose path cannot be read. While there is one, no gate starts.
    pub fn unreadable_headers(&self) -> &[Span] {
        &self.unreadable_headers
    }

    /// Whether a rule names a host.
    pub(crate) fn names_origins(&self) -> bool {
        self.index.names_origins()
    }

    /// HOST-3: the host that rules name for a request to `host`, where ports that `is_own` knows are those of the site; a host
    /// that they do not name as it is.
    pub(crate) fn address<'a>(
        &'a self,
        scheme: Scheme,
        host: &'a str,
        is_own: impl Fn(u16) -> bool,
    ) -> Result<&'a str, UnknownPort> {
        self.addresses.find(scheme, host, is_own)
    }

    /// The rules that can match one of these paths, by their place in the list, in list order (MATCH-9), for a request from
    /// `origin` with `parameters`.
    pub fn candidates<'a>(
        &'a self,
        paths: &[Segments<'_>],
        origin: Option<&Origin>,
        parameters: &Parameters,
    ) -> impl Iterator<Item = usize> + use<'a> {
        let mut look_up = self.index.look_up(origin, parameters);
        paths.iter().for_each(|path| look_up.path(path));
        look_up.candidates()
    }
}

/// MATCH-9: a request costs nothing for the rules that it does not match.
impl RuleList for RuleSet {
    fn rules(&self) -> &[Rule] {
        &self.rules
    }

    fn has_gates(&self) -> bool {
        self.has_gates
    }

    fn places(&self, paths: &[Segments<'_>], asked: &Asked<'_>) -> impl Iterator<Item = usize> {
        let origin = if self.names_origins() { asked.origin() } else { None };
        self.candidates(paths, origin, asked.parameters())
    }

    fn are_parameters_plain(&self, paths: &[Segments<'_>], asked: &Asked<'_>) -> bool {
        if asked.parameters().is_empty() {
            return true;
        }
        let origin = if self.names_origins() { asked.origin() } else { None };
        let sent = asked.sent();
        paths.iter().all(|path| self.index.are_plain_in(&sent, path, origin, &self.rules))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{Outcome, decide};
    use crate::request::Request;
    use crate::site::MemorySite;
    use crate::visitor::Visitor;

    const FILES: RuleFiles<'_> = RuleFiles {
        redirects: b"/a /b\n# a comment\n/m/* /login 302\n",
        toml: b"[[redirects]]\nfrom = '/c'\nto = '/d'\n[[headers]]\nfor = '/n'\nvalues = { Basic-Auth = 'a:b' }\n",
        headers: b"/m/*\n  Basic-Auth: a:b\n/free\n  X-A: b\n",
    };

    #[test]
    fn headers_6_whoever_decides_by_the_rules_decides_by_the_seals() {
        let rules = RuleSet::read(FILES).rules;
        let site = MemorySite::new(["/m/x.html", "/n", "/free"]);
        for (target, shut) in [("/m/x", true), ("/n", true), ("/free", false)] {
            let request = Request {
                method: "GET",
                target: target.as_bytes(),
                host: None,
                scheme: Scheme::Https,
                headers: &[],
                country: None,
            };
            let visitor = Visitor::with_roles(["admin"]);
            let by_index = decide(&rules, &request, &visitor, &site);
            let by_walk = decide(rules.rules(), &request, &visitor, &site);
            assert_eq!(by_index.outcome, by_walk.outcome, "{target}");
            assert_eq!((by_index.denied, by_walk.denied), (shut, shut), "{target}");
            assert_eq!(matches!(by_walk.outcome, Outcome::Serve { .. }), !shut, "{target}");
        }
    }

    #[test]
    fn a_line_knows_the_place_of_its_rule() {
        let parsed = RuleSet::read(FILES);
        let places = parsed.lines.iter().filter_map(|line| match line.kind {
            LineKind::Rule(place) => Some((line.span.line, parsed.rules.rules()[place].text.as_str())),
            _ => None,
        });
        assert_eq!(places.collect::<Vec<_>>(), [(1, "/a /b"), (3, "/m/* /login 302")]);
        assert_eq!(parsed.rules.seals().len(), 2);
        assert_eq!(parsed.rules.headers().fields_for_all().count(), 0);
    }
}
