//! What many findings have in common: one and the same difference between what was expected and what came. It is a cause that no known defect has to be asked
//! for, since it says no more than what was seen.

use std::collections::{BTreeMap, BTreeSet};

use crate::invariants::{Invariant, UNIFORM, described};
use crate::report::outcome::Outcome;
use crate::verdict::{ABSENT, Mismatch, Verdict};

/// What stands in a mismatch in the place of a field and is none.
const NO_FIELDS: [&str; 6] = ["answer", "body", "connection", "end", "requests", "status"];

/// One difference that findings have in common.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
struct Difference {
    /// In plain words.
    says: String,
    /// The requirement that it breaks, whatever the case is about.
    requirement: Option<&'static str>,
}

/// What findings have in common: in plain words, the requirement if it is always the same, and the cases.
pub(super) fn common<'a>(
    findings: impl Iterator<Item = &'a Outcome>,
) -> impl Iterator<Item = (String, Option<&'static str>, Vec<String>)> {
    let mut groups: BTreeMap<BTreeSet<Difference>, Vec<String>> = BTreeMap::new();
    for outcome in findings {
        if let Some(differences) = differences(&outcome.verdict) {
            groups.entry(differences).or_default().push(outcome.id.clone());
        }
    }
    groups.into_iter().map(|(differences, cases)| {
        let says: Vec<&str> = differences.iter().map(|one| one.says.as_str()).collect();
        (says.join("; and "), differences.iter().find_map(|one| one.requirement), cases)
    })
}

/// All that differs, if each of it may be what others have as well.
fn differences(verdict: &Verdict) -> Option<BTreeSet<Difference>> {
    let Verdict::Fail(mismatches) = verdict else { return None };
    if let Some(own) = mismatches.iter().find_map(own_error) {
        return Some([own].into());
    }
    mismatches.iter().map(difference).collect()
}

/// An error of the gate's own, whatever else that answer lacks.
fn own_error(mismatch: &Mismatch) -> Option<Difference> {
    // RFC 9110 §15.6.2, §15.6.4, §15.6.6: what is not implemented, not now, or not of this version is refused.
    let is_error = |status: &str| status.len() == 3 && status.starts_with('5') && !REFUSALS.contains(&status);
    let status = match mismatch.what.as_str() {
        "status" => mismatch.actual.as_str(),
        "answer" => mismatch.actual.strip_prefix("status ")?.split(',').next()?,
        _ => return None,
    };
    // Where an error is what is expected, another one says something else.
    let is_wanted = mismatch.expected.split(" or ").all(is_error);
    let says = format!("the answer is an error of the gate's own, with status {status}");
    (is_error(status) && !is_wanted).then_some(Difference { says, requirement: None })
}

/// What stands among errors of a server and says that it does not do this.
const REFUSALS: [&str; 3] = ["501", "503", "505"];

fn difference(mismatch: &Mismatch) -> Option<Difference> {
    let Mismatch { what, expected, actual } = mismatch;
    if let Some(place) = described(mismatch) {
        let says = format!("who is denied is told the `{place}` of what is denied");
        return Some(Difference { says, requirement: Some(Invariant::Metadata.requirement()) });
    }
    if mismatch.invariant() == Some(Invariant::NoContent) {
        let says = "content comes behind an answer that ends with its head".to_owned();
        return Some(Difference { says, requirement: Some(Invariant::NoContent.requirement()) });
    }
    if let Some(told) = what.strip_prefix(UNIFORM) {
        let told = told.trim_start_matches(": ").split(" from ").next().unwrap_or_default();
        let says = format!("a token that does not count is answered otherwise than none: by another {told}");
        return Some(Difference { says, requirement: Some(Invariant::Uniform.requirement()) });
    }
    if let Some(names) = mismatch.added_query() {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let says =
            format!("the `Location` of a redirect has a query that its rule does not write: {}", names.join(", "));
        return Some(Difference { says, requirement: Some(ADDED_QUERY) });
    }
    let is_field = mismatch.invariant().is_none()
        && !NO_FIELDS.contains(&what.as_str())
        && what.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let says = match (expected.as_str(), actual.as_str()) {
        _ if !is_field => return None,
        (ABSENT, _) => format!("the answer has a field `{what}`, which it must not have"),
        ("present", ABSENT) => format!("the answer has no field `{what}`"),
        (expected, ABSENT) => format!("the answer has no field `{what}` {expected}"),
        _ => return None,
    };
    Some(Difference { says, requirement: None })
}

/// What says which query a `Location` has.
pub(in crate::report) const ADDED_QUERY: &str = "LOC-2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_findings_may_have_in_common() {
        let mismatch = |(what, expected, actual): &(&str, &str, &str)| Mismatch {
            what: (*what).to_owned(),
            expected: (*expected).to_owned(),
            actual: (*actual).to_owned(),
        };
        let location = ("Location", "`/login`", "`/login?next=%2Fa&x`");
        for (mismatches, said) in [
            (
                &[("what describes the content", "not the ETag that whoever is admitted is told", "the same")][..],
                "who is denied is told the `ETag` of what is denied",
            ),
            (
                &[("bad token is no token: body from byte 7", "`a`", "`b`")],
                "a token that does not count is answered otherwise than none: by another body",
            ),
            (
                &[("what comes behind the head", "nothing", "7 bytes")],
                "content comes behind an answer that ends with its head",
            ),
            (&[location], "the `Location` of a redirect has a query that its rule does not write: `next`, `x`"),
            (&[("Location", "`/login`", "`/other`")], ""),
            (&[("etag", "absent", "`\"x\"`")], "the answer has a field `etag`, which it must not have"),
            (&[("vary", "with cookie or *", "absent")], "the answer has no field `vary` with cookie or *"),
            (&[("status", "302", "500"), location], "the answer is an error of the gate's own, with status 500"),
            (&[("status", "400 or 501", "500")], "the answer is an error of the gate's own, with status 500"),
            (&[("status", "400", "501")], ""),
            (&[("status", "502 or 504", "500")], ""),
            (
                &[("answer", "one of: `refused`; `denied`", "status 500, Location `/`")],
                "the answer is an error of the gate's own, with status 500",
            ),
            (&[("status", "302", "404")], ""),
            (&[("status", "302", "404"), location], ""),
            (&[("end", "absent", "x")], ""),
        ] {
            let verdict = Verdict::Fail(mismatches.iter().map(mismatch).collect());
            let told: Vec<String> = differences(&verdict).into_iter().flatten().map(|one| one.says).collect();
            assert_eq!(told.join("; "), said, "{mismatches:?}");
        }
    }
}
