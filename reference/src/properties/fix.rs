//! `check --fix` changes nothing that anybody gets.

use crate::decide::decide as decide_by_index;
use crate::fix;
use crate::request::{Request, Scheme};
use crate::rules::RuleSet;
use crate::site::MemorySite;
use crate::visitor::Visitor;

use super::small::Case;

const SEGMENTS: &[&str] = &["a", "b", "ab", "a.html", "index", "index.html", "404.html", "-"];

/// NOLEAK-1, ROLE-3: every decision is as it was, so that no path that was shut is open; and nothing is left to fix.
pub fn fix_opens_nothing(bytes: &[u8]) {
    let case = Case::new(bytes);
    let site = MemorySite::new(case.files.iter().copied());
    let fixed = fix::fix(case.rules.as_bytes(), &[], &site);
    let (before, after) = (RuleSet::parse(case.rules.as_bytes()).rules, RuleSet::parse(&fixed.redirects).rules);
    if fixed.changes.is_empty() {
        assert_eq!(fixed.redirects, case.rules.as_bytes(), "what changes is told\n{case}");
        return;
    }
    let again = fix::fix(&fixed.redirects, &[], &site);
    assert!(again.changes.is_empty(), "a second time changes more\n{case}");
    let visitors = [
        Visitor::Anonymous,
        Visitor::with_roles(Vec::<String>::new()),
        Visitor::with_roles(["r"]),
        Visitor::with_roles(["s"]),
        Visitor::with_roles(["r", "s"]),
    ];
    let one = SEGMENTS.iter().map(|segment| format!("/{segment}"));
    let two = one.clone().flat_map(|first| SEGMENTS.iter().map(move |second| format!("{first}/{second}")));
    let queries = ["/?q=1", "/a?q=1", "/a?q=", "/a/b?q=2", "/b?q"].map(str::to_owned);
    let fixed_targets = ["/".to_owned(), "/a/".to_owned(), "/a/b/a/b".to_owned(), case.target.clone()];
    for target in fixed_targets.into_iter().chain(one).chain(two).chain(queries) {
        for (headers, country) in [(&[][..], None), (&[("cookie", &b"c=1"[..])][..], Some("de"))] {
            let (target, host) = (target.as_bytes(), Some("a.example"));
            let request = Request { method: "GET", target, host, scheme: Scheme::Https, headers, country };
            for visitor in &visitors {
                let decide = |rules: &RuleSet| {
                    let decision = decide_by_index(rules, &request, visitor, &site);
                    (decision.outcome, decision.target, decision.denied, decision.role_dependent)
                };
                assert_eq!(
                    decide(&before),
                    decide(&after),
                    "{visitor:?} at {}\n{case}\nfixed:\n{}",
                    String::from_utf8_lossy(target),
                    String::from_utf8_lossy(&fixed.redirects)
                );
            }
        }
    }
}
