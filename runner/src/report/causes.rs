//! Causes: what is wrong with a gate, in at most ten lines. A cause is a known defect that would give these very answers, that the gate went down, gave no
//! answer, or did not start, or one and the same difference in many answers.

pub(super) mod common;
mod everybody;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::everybody::{Controls, Wholly, everybody_is_let_in, nobody_is_let_in, others_are_shown};
use super::aggregate::Aggregate;
use super::outcome::{Outcome, rank};
use crate::gates::without_folders;
use crate::invariants::Invariant;
use crate::verdict::Verdict;
use crate::wire::Answer;

/// No more causes than this are told.
pub const MOST: usize = 10;
/// A cause that nobody named in advance needs this many cases.
const LEAST: usize = 2;

/// One cause of findings.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Cause {
    /// What is wrong, in plain words.
    pub says: String,
    /// The requirement that it breaks.
    pub requirement: String,
    /// The cases that it explains, by id.
    pub cases: Vec<String>,
    /// The case with the smallest request among them, of the cause's own requirement where there is one.
    pub example: String,
    /// What to look at in a gate.
    pub look: String,
    /// The broken gate of the self-test that has this defect, where one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_gate: Option<String>,
}

/// A known defect that would give the answers that came.
#[derive(Clone, Debug)]
pub struct Named {
    /// The broken gate that has it.
    pub broken_gate: String,
    /// What is wrong, in plain words.
    pub says: String,
    /// The requirement that it breaks.
    pub requirement: String,
    /// The cases to which it would give the answer that came.
    pub cases: Vec<String>,
}

/// What stands below the sentence of a cause.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Row {
    /// The id of the smallest example.
    Example,
    /// Its request line.
    Request,
    /// What was expected of it.
    Expected,
    /// What came.
    Got,
    /// The command line that asks it again.
    Again,
    /// What to look at in a gate.
    LookAt,
}

impl Row {
    /// What the row is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Example => "example",
            Self::Request => "request",
            Self::Expected => "expected",
            Self::Got => "got",
            Self::Again => "again",
            Self::LookAt => "look at",
        }
    }
}

impl Cause {
    /// The smallest example, as it was told; none where the report has no such case.
    #[must_use]
    pub fn example<'a>(&self, run: &'a Aggregate) -> Option<&'a Outcome> {
        run.outcomes.get(&self.example)
    }

    /// The rows in the order in which every report tells them; those of the example only where the report has that case.
    #[must_use]
    pub fn rows<'a>(&'a self, run: &'a Aggregate) -> Vec<(Row, Cow<'a, str>)> {
        let mut rows = Vec::new();
        if let Some(example) = self.example(run) {
            let evidence = example.evidence.as_ref();
            rows.push((Row::Example, Cow::from(&example.id)));
            rows.extend(evidence.map(|evidence| (Row::Request, Cow::from(evidence.request_line()))));
            rows.push((Row::Expected, Cow::from(&example.expected)));
            rows.push((Row::Got, Cow::from(example.actual())));
            rows.extend(evidence.map(|evidence| (Row::Again, Cow::from(&evidence.again))));
        }
        rows.push((Row::LookAt, Cow::from(&self.look)));
        rows
    }
}

/// The causes of a run that asked only what had failed before: what shows in the answers themselves. Which defect it is, and whether everybody or nobody is let in,
/// is told from what passes as well.
#[must_use]
pub fn causes_of_failures(run: &Aggregate) -> Vec<Cause> {
    in_order(run, of_the_gate(run), Vec::new())
}

/// The causes of a run: what takes the gate away, then the named defects and what other findings have in common, the weightiest first.
#[must_use]
pub fn causes(run: &Aggregate, named: &[Named]) -> Vec<Cause> {
    let mut all = of_the_gate(run);
    // Where few suites were asked, a known defect says more.
    let least = if named.is_empty() { 1 } else { SUITES };
    let controls = Controls::of(run);
    let wholly = nobody_is_let_in(run, &controls, least).or_else(|| everybody_is_let_in(run));
    let is_explained = |one: &Named| {
        let explained = wholly.iter().flat_map(|Wholly { suites, .. }| {
            let is_of_them =
                |id: &&String| run.outcomes.get(*id).is_some_and(|one| suites.contains(one.suite.as_str()));
            one.cases.iter().filter(is_of_them)
        });
        // What goes with nobody or everybody being let in says nothing of why.
        explained.count().saturating_mul(2) > one.cases.len()
    };
    let mut others: Vec<Cause> = named
        .iter()
        .filter(|one| !is_explained(one))
        .filter_map(|one| {
            cause(run, one.says.clone(), &one.requirement, one.cases.clone(), Some(one.broken_gate.clone()))
        })
        .collect();
    if wholly.is_none() {
        others.extend(others_are_shown(run, &controls));
    }
    all.splice(0..0, wholly.map(|wholly| wholly.cause));
    in_order(run, all, others)
}

/// The first as they are, then the others and what further findings have in common, the weightiest first.
fn in_order(run: &Aggregate, mut first: Vec<Cause>, mut others: Vec<Cause>) -> Vec<Cause> {
    let in_common = in_common(run, first.iter().chain(&others));
    others.extend(in_common);
    others.sort_by_key(|one| weight(run, one));
    first.extend(others);
    first.truncate(MOST);
    first
}

/// What fails the run goes first, leaks before all, then what explains most.
fn weight(run: &Aggregate, cause: &Cause) -> impl Ord + use<> {
    let outcomes = cause.cases.iter().filter_map(|id| run.outcomes.get(id));
    let heaviest = outcomes.map(|outcome| (run.weight(outcome), rank(&outcome.verdict))).min();
    (heaviest, Reverse(cause.cases.len()))
}

/// What the findings have in common that no cause explains yet.
fn in_common<'a>(run: &'a Aggregate, told: impl Iterator<Item = &'a Cause>) -> Vec<Cause> {
    let explained: BTreeSet<&String> = told.flat_map(|cause| &cause.cases).collect();
    let rest = run.findings().into_iter().filter(|outcome| !explained.contains(&outcome.id));
    let found = common::common(rest).filter(|(_, _, cases)| cases.len() >= LEAST);
    found
        .filter_map(|(says, requirement, cases)| {
            let requirement = requirement.map_or_else(|| tested_most(run, &cases), str::to_owned);
            cause(run, says, &requirement, cases, None)
        })
        .collect()
}

/// In fewer suites than this it is no setting that keeps everybody out.
const SUITES: usize = 3;

/// What needs no known defect to be named: the gate did not start, went down, or gave no answer.
fn of_the_gate(run: &Aggregate) -> Vec<Cause> {
    let mut groups: BTreeMap<(u8, String), Vec<String>> = BTreeMap::new();
    let mut sites: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for outcome in run.findings() {
        if let Some((rank, says)) = fall(outcome) {
            if rank == NO_START {
                sites.entry(says.clone()).or_default().insert(&outcome.suite);
            }
            groups.entry((rank, says)).or_default().push(outcome.id.clone());
        }
    }
    let told = groups.into_iter().filter(|((rank, _), cases)| *rank < NO_ANSWER || cases.len() >= LEAST);
    told.filter_map(|((rank, says), cases)| {
        if rank != NO_START {
            return cause(run, says, Invariant::Liveness.requirement(), cases, None);
        }
        let requirement = tested_most(run, &cases);
        let mut cause = cause(run, refused(sites.get(&says)?, &says), &requirement, cases, None)?;
        START.clone_into(&mut cause.look);
        Some(cause)
    })
    .collect()
}

/// That a gate did not start, on which sites, and what it said.
fn refused(sites: &BTreeSet<&str>, said: &str) -> String {
    let first = sites.first().copied().unwrap_or_default();
    match sites.len() {
        0 | 1 => format!("does not start on the site of {first}: {said}"),
        count => format!("does not start on {count} sites, such as that of {first}: {said}"),
    }
}

/// What to look at where a gate does not start.
const START: &str = "what the gate says when it starts: `gatecheck serve SUITE` starts it on that site and shows it";

/// The requirement that most of these cases test.
fn tested_most(run: &Aggregate, cases: &[String]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for outcome in cases.iter().filter_map(|id| run.outcomes.get(id)) {
        let count = counts.entry(outcome.requirement()).or_default();
        *count = count.saturating_add(1);
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(id, _)| id.to_owned()).unwrap_or_default()
}

/// The rank of a gate that does not start.
const NO_START: u8 = 0;
/// The rank of a cause that is told where it has several cases.
const NO_ANSWER: u8 = 2;

fn fall(outcome: &Outcome) -> Option<(u8, String)> {
    let Verdict::Fail(mismatches) = &outcome.verdict else { return None };
    if let Some(refusal) = mismatches.iter().find(|one| one.is_refusal()) {
        return Some((NO_START, without_folders(&first_line(&refusal.actual))));
    }
    if let Some(down) = mismatches.iter().find(|one| one.is_down()) {
        return Some((1, first_line(&format!("went down on a request: {}", down.actual))));
    }
    match &outcome.evidence.as_ref()?.exchange.answer {
        Answer::Closed(bytes) if bytes.is_empty() => {
            Some((NO_ANSWER, "closes the connection without an answer".to_owned()))
        }
        Answer::TimedOut(_) => Some((NO_ANSWER, "gives no answer within the time limit".to_owned())),
        _ => None,
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

fn cause(
    run: &Aggregate,
    says: String,
    requirement: &str,
    cases: Vec<String>,
    broken_gate: Option<String>,
) -> Option<Cause> {
    // A case of another requirement may fail for it too, and says less.
    let worth = |id: &&String| {
        let outcome = run.outcomes.get(id.as_str());
        let evidence = outcome.and_then(|outcome| outcome.evidence.as_ref());
        let size = evidence.map_or(usize::MAX, |evidence| evidence.exchange.sent.bytes().len());
        (outcome.is_none_or(|outcome| outcome.requirement() != requirement), size, id.len(), (*id).clone())
    };
    let example = cases.iter().min_by_key(worth)?.clone();
    let look = look(requirement).to_owned();
    Some(Cause { says, requirement: requirement.to_owned(), cases, example, look, broken_gate })
}

/// What to look at in a gate that breaks a requirement: the longest beginning of its id decides.
#[must_use]
pub fn look(requirement: &str) -> &'static str {
    let fits = |start: &str| {
        requirement
            .strip_prefix(start)
            .is_some_and(|rest| rest.is_empty() || !rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    LOOK.iter()
        .filter(|(start, _)| fits(start))
        .max_by_key(|(start, _)| start.len())
        .map_or("the sentence of the requirement, and the code that obeys it", |(_, text)| text)
}

/// What to look at, by requirement or by area.
const LOOK: [(&str, &str); 58] = [
    ("ADMIN", "the check of `Host` on the operator's listener"),
    ("AUTHORIZE", "how the description of a request is read from the server in front"),
    ("CLAIM", "where the roles are read out of the claims: the path, and which shapes count"),
    ("COND", "how country, language and cookie conditions are tested, and where their values come from"),
    ("COOKIE", "how the `Cookie` field is taken apart and the token is found in it"),
    ("COOKIE-3", "which of several spellings of the cookie counts"),
    ("COST", "what is done again for each rule"),
    ("FRONT", "which path the next server reads from the same target"),
    ("HEADERS", "how header fields of the site are read and put on an answer"),
    ("HEADERS-5", "whether the site's fields are put on after the gate's own"),
    ("HEADERS-6", "what becomes of a `Basic-Auth` line"),
    ("HOST", "where scheme and host of a request come from, and how they are compared with a rule"),
    ("HOST-2", "which fields of a client are believed: `X-Forwarded-*`, `Forwarded`, `X-Original-URL`"),
    ("HTTP-1", "whether anything asks for the method before the decision, and what HEAD and 405 answer"),
    ("HTTP-2", "how preconditions and ranges of an admitted visitor are evaluated"),
    ("HTTP-3", "the parser of the request head: what it repairs instead of refusing"),
    ("HTTP-4", "how a target in absolute form is read"),
    ("HTTP-5", "where the body of a request ends, and what is read on the connection behind it"),
    ("HTTP-6", "what the options of `Connection` take away"),
    ("HTTP-7", "what is done with `Expect` and `Upgrade` before the decision"),
    ("HTTP-8", "the limits on the head of a request"),
    ("HTTP-10", "how a content coding is chosen, and which fields go with it"),
    (
        "HTTP-11",
        "what the gate prints at this request (`gatecheck again CASE` shows it): what throws, recurses or blocks",
    ),
    ("LOC", "how the `Location` is built: substitution, query, escapes"),
    ("MATCH", "how a path is compared with the pattern of a rule"),
    ("MATCH-1", "the order in which rules are tried"),
    ("MATCH-7", "where paths and patterns are decoded, and how often"),
    ("NOLEAK-1", "whether rules and files go by one and the same canonical path"),
    ("NOLEAK-2", "what is said about a protected file before the decision: length, tag, date, ranges, variants"),
    ("NOLEAK-3", "which other spellings of a file the gate on one of them covers"),
    ("NOLEAK-4", "`Cache-Control` and `Vary` of answers that depended on a role"),
    ("NOLEAK-5", "whether the answer for a hidden file differs from the one for a missing file"),
    ("NOLEAK-6", "what is written into the page that a denied visitor gets"),
    ("PACE", "what a slow client holds"),
    ("PROXY", "what is sent to an upstream, and what comes back from it"),
    ("QUERY", "how query parameters of a rule are compared and captured"),
    ("ROLE", "what is done for a visitor without the role, and with which rule the walk goes on"),
    ("ROLE-3", "what the answer is where no later rule fits: the 404, although the file is there"),
    ("ROLE-5", "how role names are compared"),
    ("ROLE-6", "what `Role=*` and a role `*` mean"),
    ("RULES", "how a line of the rule file is taken apart"),
    ("RULES-9", "what becomes of a line that names a role and cannot be read"),
    ("SHADOW", "when a file goes before a rule, and whether it does after a denial"),
    ("STATIC", "which file a path is served from, and which files are never served"),
    ("STATUS", "what each status of a rule does"),
    ("STATUS-5", "how a redirect that leads to itself is recognised"),
    ("SUBST", "how captured text is put into a target, and encoded for its place"),
    ("TOKEN", "the checks on a token, in order: shape, header, key, signature, claims"),
    ("TOKEN-1", "how the three parts are told apart and decoded"),
    ("TOKEN-3", "which values of `alg` are taken"),
    (
        "TOKEN-4",
        "which members of the header choose a key or change how it is used: `jwk`, `jku`, `kid`, `crit`, `b64`",
    ),
    ("TOKEN-5", "how `exp` is compared"),
    ("TOKEN-6", "whether `nbf` is looked at"),
    ("TOKEN-8", "the JSON parser: duplicate names, depth, what is no strict JSON"),
    ("TOKEN-9", "whether `aud` and `iss` are compared with the settings"),
    ("TOKEN-10", "what a visitor with a rejected token is answered"),
    ("TOKEN-12", "which public key verifies which token"),
    ("TOML", "how `netlify.toml` is read"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_starts_nowhere_for_one_reason_is_one_cause() {
        let said = "it ended with exit status: 1: Error: no secret in";
        let sites = |names: &[&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(refused(&sites(&["role/any"]), said), format!("does not start on the site of role/any: {said}"));
        assert_eq!(
            refused(&sites(&["role/list", "role/any"]), said),
            format!("does not start on 2 sites, such as that of role/any: {said}")
        );
    }

    #[test]
    fn the_longest_beginning_decides() {
        for (requirement, start) in [
            ("TOKEN-1", "how the three"),
            ("TOKEN-10", "what a visitor"),
            ("TOKEN-2", "the checks"),
            ("TOKEN-8.duplicates", "the JSON"),
            ("X-1", "the sentence"),
        ] {
            assert!(look(requirement).starts_with(start), "{requirement}: {}", look(requirement));
        }
    }
}
