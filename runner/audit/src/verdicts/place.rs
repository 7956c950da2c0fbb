//! Where an answer leads.

use gatecheck::report::outcome::Outcome;

use crate::AboutCase;

/// The status that came, and where it leads, whatever the query.
pub(super) fn came(outcome: &Outcome) -> (&str, Option<&str>) {
    (outcome.came.split(',').next().unwrap_or_default(), place(outcome))
}

/// Where an answer leads, without the query.
fn place(outcome: &Outcome) -> Option<&str> {
    outcome.location.as_deref().and_then(|location| location.split(['?', '#']).next())
}

/// Whether whoever is to be turned away was sent to another spelling of the path, which says nothing of the gate yet (STATIC-3).
pub(super) fn is_respelled(outcome: &Outcome, about: &AboutCase) -> bool {
    let is_sent_on = outcome.came.starts_with("status 3");
    let Some(location) = place(outcome).filter(|_| is_sent_on) else { return false };
    let path = match location.split_once("://") {
        Some((_, behind)) => behind.find('/').and_then(|at| behind.get(at..)).unwrap_or("/"),
        None => location,
    };
    crate::expect::spellings_of(about.path(), None).iter().any(|one| one == path)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gatecheck::corpus::question::Question;
    use gatecheck::corpus::source::Level;
    use gatecheck::verdict::Verdict;

    use super::*;
    use crate::probe::Kind;

    /// What came, told as a report tells it.
    fn answered(came: &str, location: Option<&str>) -> Outcome {
        Outcome {
            id: String::new(),
            suite: String::new(),
            file: String::new(),
            folder: "",
            line: 1,
            requirements: Vec::new(),
            level: Level::Must,
            question: Question::Format,
            why: None,
            expected: String::new(),
            came: came.to_owned(),
            location: location.map(str::to_owned),
            verdict: Verdict::Pass,
            known: None,
            elapsed: Duration::ZERO,
            attempts: 1,
            evidence: None,
        }
    }

    #[test]
    fn another_spelling_is_told_by_where_a_redirect_leads() {
        let about = |target: &str| AboutCase {
            rule: 0,
            kind: Kind::Rule,
            visitor: String::new(),
            is_stranger: true,
            target: target.to_owned(),
            admits: false,
            denies: true,
            redirects: false,
            is_telling: true,
            requests: 1,
            if_leaked: "",
        };
        for (target, came, location, is_so) in [
            ("/a", "status 301, Location `/a/`", Some("/a/"), true),
            ("/a", "status 301, Location `https://x.example/a/?q=1`", Some("https://x.example/a/?q=1"), true),
            ("/a`b", "status 301, Location `/a`b/`", Some("/a`b/"), true),
            ("/a", "status 302, Location `/login`", Some("/login"), false),
            ("/a", "status 302, Location `/a/`b`", Some("/a/`b"), false),
            ("/a", "status 200, Location `/a/`", Some("/a/"), false),
            ("/a", "no whole response, only 40 bytes: Location `/a/`", None, false),
        ] {
            assert_eq!(is_respelled(&answered(came, location), &about(target)), is_so, "{target}: {came}");
        }
    }
}
