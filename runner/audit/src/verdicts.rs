//! The cases of a rule become a verdict on the rule. `Shut` needs somebody who was let in, and `Open` needs bytes.

mod place;

use std::collections::{BTreeMap, BTreeSet};

use gatecheck::exit::ExitStatus;
use gatecheck::invariants::Invariant;
use gatecheck::report::aggregate::Aggregate;
use gatecheck::report::outcome::Outcome;
use gatecheck::verdict::{Fault, Verdict};

use self::place::{came, is_respelled};
use crate::probe::Kind;
use crate::{AboutCase, AboutRule, Audit};

/// What it means that a cache hands out what it should not.
pub(crate) const CACHED: &str = "A cache in front of the site keeps for one visitor what another one got.";

/// What is said of a rule.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Standing {
    /// Content came back to somebody who may not have it.
    Open,
    /// Something was answered otherwise than the rule says, and nothing leaked.
    Otherwise,
    /// A holder was not let in, so that no denial proves anything.
    Unproven,
    /// Not all of it was asked, or no answer came.
    Unjudged,
    /// The gate says that it cannot be asked this.
    Unsupported,
    /// Everybody who was tried was turned away, and nobody was let in.
    Denied,
    /// Nothing was handed out, and not all that there is to ask of the rule was asked.
    Sampled,
    /// A gate that closes no file: nothing about it can be shut.
    ClosesNothing,
    /// A holder was let in, and nobody else.
    Shut,
    /// A rule that is no gate does what it says.
    Acts,
    /// Sources disagree about such a rule: what the site does was looked at, and nothing leaked.
    Contested,
    /// Nothing was asked.
    NotAsked,
}

impl Standing {
    /// The word in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Otherwise => "differs",
            Self::Unproven => "unproven",
            Self::Unjudged => "no answer",
            Self::Unsupported => "unsupported",
            Self::Denied => "denied",
            Self::Sampled => "sampled",
            Self::ClosesNothing => "no files",
            Self::Shut => "shut",
            Self::Acts => "acts",
            Self::Contested => "contested",
            Self::NotAsked => "not asked",
        }
    }
}

/// A rule with its verdict.
#[derive(Clone, Debug)]
pub struct RuleVerdict<'a> {
    /// The rule.
    pub rule: &'a AboutRule,
    /// What is said of it.
    pub standing: Standing,
    /// Why, in one line.
    pub says: String,
    /// How many requests were asked for it.
    pub requests: usize,
    /// Who was let in.
    pub let_in: BTreeSet<String>,
    /// How many requests of whom were turned away.
    pub turned_away: BTreeMap<String, usize>,
    /// The findings, the heaviest first.
    pub findings: Vec<(&'a Outcome, Option<&'a AboutCase>)>,
    /// Where sources disagree: how often the site chose to send a visitor to another spelling.
    pub respelled: usize,
    /// The paths at which a visitor without a token, who asked plainly, was turned away.
    closed_at: BTreeSet<String>,
    /// Holders and the paths at which they were let in by asking plainly.
    open_to: BTreeSet<(String, String)>,
}

/// The verdict on each rule, in list order.
#[must_use]
pub fn of<'a>(audit: &'a Audit, run: &'a Aggregate) -> Vec<RuleVerdict<'a>> {
    let mut by_rule: BTreeMap<usize, Vec<(&Outcome, Option<&AboutCase>)>> = BTreeMap::new();
    for outcome in run.all_findings() {
        let about = audit.cases.get(&outcome.id);
        by_rule.entry(about.map_or(usize::MAX, |about| about.rule)).or_default().push((outcome, about));
    }
    for outcome in run.outcomes.values().filter(|outcome| !outcome.verdict.is_finding()) {
        let about = audit.cases.get(&outcome.id);
        by_rule.entry(about.map_or(usize::MAX, |about| about.rule)).or_default().push((outcome, about));
    }
    let mut planned: BTreeMap<usize, usize> = BTreeMap::new();
    for about in audit.cases.values() {
        let count = planned.entry(about.rule).or_default();
        *count = count.saturating_add(1);
    }
    let rules = audit.rules.iter().enumerate();
    rules
        .map(|(place, rule)| {
            let outcomes = by_rule.remove(&place).unwrap_or_default();
            let missing = planned.get(&place).copied().unwrap_or_default().saturating_sub(outcomes.len());
            verdict(rule, outcomes, missing, run.pins.shard.is_some())
        })
        .collect()
}

fn verdict<'a>(
    rule: &'a AboutRule,
    outcomes: Vec<(&'a Outcome, Option<&'a AboutCase>)>,
    missing: usize,
    is_part: bool,
) -> RuleVerdict<'a> {
    // What another part asks is not missing here.
    let (missing, elsewhere) = if is_part { (0, missing) } else { (missing, 0) };
    let requests = outcomes.iter().map(|(_, about)| about.map_or(1, |about| about.requests)).sum();
    let (mut let_in, mut turned_away) = (BTreeSet::new(), BTreeMap::<String, usize>::new());
    let (mut respelled, mut closed_at, mut open_to) = (0_usize, BTreeSet::new(), BTreeSet::new());
    // Where those are sent who are turned away is no other spelling of anything.
    let denials: BTreeSet<_> = outcomes
        .iter()
        .filter(|(outcome, about)| {
            outcome.verdict == Verdict::Pass && about.is_some_and(|about| about.denies && !is_respelled(outcome, about))
        })
        .map(|(outcome, _)| came(outcome))
        .collect();
    for (outcome, about) in &outcomes {
        let (Some(about), Verdict::Pass | Verdict::Observed(_)) = (about, &outcome.verdict) else { continue };
        if about.denies && is_respelled(outcome, about) {
            respelled = respelled.saturating_add(1);
        } else if about.denies {
            let count = turned_away.entry(about.visitor.clone()).or_default();
            *count = count.saturating_add(1);
            if about.is_plain() {
                closed_at.insert(about.path().to_owned());
            }
        } else if about.kind == Kind::Rule
            && !about.is_stranger
            && outcome.verdict == Verdict::Pass
            && about.is_telling
            // Whoever is sent to another spelling was not let in yet.
            && (!about.admits || outcome.came.starts_with("status 2"))
        {
            let_in.insert(about.visitor.clone());
        }
        if about.admits && !about.is_stranger && about.is_asked_plainly() && outcome.came.starts_with("status 2") {
            open_to.insert((about.visitor.clone(), about.path().to_owned()));
        }
        let is_sent_on = outcome.came.starts_with("status 30") && !outcome.came.starts_with("status 304");
        if !about.denies
            && !about.redirects
            && is_sent_on
            && !denials.contains(&came(outcome))
            && outcome.expected.contains(crate::expect::RESPELLED)
        {
            respelled = respelled.saturating_add(1);
        }
    }
    let mut findings: Vec<(&Outcome, Option<&AboutCase>)> =
        outcomes.iter().filter(|(outcome, _)| outcome.verdict.is_finding()).copied().collect();
    // What was asked of every rule first: it says more than a spelling or an order of requests.
    // Of that the widest class of visitors, since what everybody gets says more than what a holder gets.
    findings.sort_by_key(|(outcome, about)| {
        let about = about.map(|about| (about.kind, !about.is_everybody(), !about.is_stranger));
        (heaviness(&outcome.verdict), about)
    });
    let of_kind =
        |wanted: fn(&Verdict) -> bool| findings.iter().filter(move |(outcome, _)| wanted(&outcome.verdict)).count();
    let leaks: Vec<_> = findings.iter().filter(|(outcome, _)| matches!(outcome.verdict, Verdict::Leak(_))).collect();
    let fails = of_kind(|verdict| matches!(verdict, Verdict::Fail(_)));
    let unproven = of_kind(|verdict| matches!(verdict, Verdict::Unproven(_)));
    let errors = of_kind(|verdict| matches!(verdict, Verdict::Error(_)));
    // A holder who got no answer was not turned away.
    let no_control = findings.iter().any(|(outcome, about)| {
        let is_holder = about.is_some_and(|about| about.kind == Kind::Rule && !about.is_stranger && !about.denies);
        is_holder && matches!(outcome.verdict, Verdict::Error(_))
    });
    let away: usize = turned_away.values().sum();
    let lacking: Vec<&str> = outcomes.iter().filter_map(|(outcome, _)| lacks(outcome)).collect();
    let (standing, says) = if let Some((leak, about)) = leaks.first() {
        (Standing::Open, opened(leak, *about, leaks.len()))
    } else if let (Some(reason), true) = (lacking.first(), lacking.len() == outcomes.len()) {
        (Standing::Unsupported, format!("the gate cannot be asked this: {reason}"))
    } else if let Some(why) = outcomes.first().and_then(|(outcome, _)| refused_site(outcome)) {
        (Standing::Unjudged, format!("the gate does not start on this site: {why}"))
    } else if outcomes.is_empty() && missing == 0 {
        (
            Standing::NotAsked,
            rule.not_asked.clone().unwrap_or_else(|| "the budget did not reach it, or another part asks it".to_owned()),
        )
    } else if unproven > 0 && !no_control {
        (Standing::Unproven, "whoever holds its role was not let in, so the denials prove nothing".to_owned())
    } else if fails > 0 {
        (Standing::Otherwise, differs(&findings, fails))
    } else if errors > 0 || missing > 0 || unproven > 0 {
        (Standing::Unjudged, unjudged(&findings, errors, missing))
    } else if rule.contested.is_some() {
        (
            Standing::Contested,
            format!("sources disagree about such a rule ({}); nothing leaked", rule.contested.unwrap_or_default()),
        )
    } else if !rule.is_gate {
        let is_sent_on = |(outcome, about): &(&Outcome, Option<&AboutCase>)| {
            // A rule may lead to another spelling itself.
            let is_written = outcome.expected.split("; or ").next() == Some(outcome.came.as_str());
            !is_written && about.is_some_and(|about| is_respelled(outcome, about))
        };
        let says = if outcomes.iter().all(is_sent_on) {
            "sent on to another spelling of its path, as far as was asked"
        } else {
            ""
        };
        (Standing::Acts, says.to_owned())
    } else if let Some(why) = rule.closes_nothing {
        (Standing::ClosesNothing, format!("nothing is closed by it: {why}"))
    } else if !rule.has_holder || (let_in.is_empty() && elsewhere == 0) {
        (Standing::Denied, "denied to all that were tried; nobody was let in, so this proves little".to_owned())
    } else if let Some(reason) = lacking.first() {
        let says = format!("nothing came back; cases that this gate cannot be asked: {} ({reason})", lacking.len());
        (Standing::Sampled, says)
    } else if elsewhere > 0 {
        (Standing::Sampled, format!("nothing came back; {elsewhere} of its cases are asked in other parts"))
    } else if !rule.left_out.is_empty() {
        (Standing::Sampled, format!("nothing came back; left out for the budget: {}", rule.left_out.told()))
    } else if away == 0 {
        (Standing::Sampled, "nothing came back, and nobody was there to be turned away".to_owned())
    } else {
        (Standing::Shut, String::new())
    };
    RuleVerdict { rule, standing, says, requests, let_in, turned_away, findings, respelled, closed_at, open_to }
}

/// Why the gate cannot be asked a case, where it says so.
fn lacks(outcome: &Outcome) -> Option<&str> {
    match &outcome.verdict {
        Verdict::Unsupported { reason, .. } => Some(reason),
        _ => None,
    }
}

/// What the gate said that ended instead of serving the site.
fn refused_site(outcome: &Outcome) -> Option<&str> {
    match &outcome.verdict {
        Verdict::Fail(mismatches) => mismatches.iter().find(|one| one.is_refusal()).map(|one| one.actual.as_str()),
        _ => None,
    }
}

/// How the audit ends: as a run does, but that a gate which could be asked nothing is none.
#[must_use]
pub fn exit_status(run: &Aggregate) -> ExitStatus {
    match run.exit_status() {
        ExitStatus::AsExpected if is_unsupported(run) => ExitStatus::Unreachable,
        status => status,
    }
}

/// Whether the gate says of everything that it cannot be asked it.
fn is_unsupported(run: &Aggregate) -> bool {
    !run.outcomes.is_empty() && run.outcomes.values().all(|outcome| lacks(outcome).is_some())
}

/// The whole audit in a word or two, and whether that is less than a pass though nothing was found. A pass is a claim that what the rules close is shut, so it
/// needs gates of which nothing is left open.
#[must_use]
pub fn headline(run: &Aggregate, verdicts: &[RuleVerdict<'_>]) -> (&'static str, bool) {
    let is_open = |standing: Standing| {
        matches!(
            standing,
            Standing::Denied
                | Standing::Sampled
                | Standing::NotAsked
                | Standing::Unjudged
                | Standing::Unsupported
                | Standing::ClosesNothing
        )
    };
    let gates = || verdicts.iter().filter(|verdict| verdict.rule.is_gate);
    match run.exit_status() {
        ExitStatus::AsExpected if is_unsupported(run) => ("UNSUPPORTED", true),
        ExitStatus::AsExpected if gates().all(|gate| gate.rule.closes_nothing.is_some()) => ("nothing is closed", true),
        ExitStatus::AsExpected if run.headline() == "pass" && gates().any(|gate| is_open(gate.standing)) => {
            ("no finding", true)
        }
        _ => (run.headline(), false),
    }
}

fn heaviness(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Leak(_) => 0,
        Verdict::Fail(_) => 1,
        Verdict::Error(_) => 2,
        _ => 3,
    }
}

/// What there is to say of a finding beside what was expected and what came.
#[must_use]
pub fn reasons(outcome: &Outcome) -> Vec<String> {
    match &outcome.verdict {
        Verdict::Fail(mismatches) => {
            let telling = mismatches.iter().filter(|one| !matches!(one.what.as_str(), "answer" | "status"));
            telling.map(ToString::to_string).collect()
        }
        _ => outcome.reasons(),
    }
}

/// What a finding means. Of a rule that hands out its file to whoever asks plainly, no spelling, cache or name is to blame.
#[must_use]
pub fn why<'o>(outcome: &'o Outcome, about: Option<&AboutCase>, verdict: &RuleVerdict<'_>) -> Option<&'o str> {
    let about = about?;
    let findings = &verdict.findings;
    // What happened, where that says more: no answer came, or the gate failed.
    if let Some(happened) = &outcome.why {
        return Some(happened);
    }
    let is_plainly_open = |to: &dyn Fn(&AboutCase) -> bool| {
        findings.iter().any(|(other, plain)| {
            let is_plain = plain.is_some_and(|plain| plain.kind == Kind::Rule && to(plain));
            is_plain && matches!(other.verdict, Verdict::Leak(_))
        })
    };
    let turned_away = |about: &AboutCase| about.denies && about.is_plain() && verdict.closed_at.contains(about.path());
    let was_let_in = |about: &AboutCase| {
        about.is_asked_plainly() && verdict.open_to.contains(&(about.visitor.clone(), about.path().to_owned()))
    };
    let is_the_same = |plain: &AboutCase| plain.visitor == about.visitor;
    let is_cached = || findings.iter().any(|(other, _)| comes_from_a_cache(other));
    match &outcome.verdict {
        Verdict::Leak(_) if about.denies && about.is_without_token() && is_cached() => Some(CACHED),
        // Who asked just before is to blame where a stranger gets as much without a cookie.
        Verdict::Leak(_)
            if about.kind == Kind::Session
                && findings.iter().any(|(other, about)| {
                    matches!(other.verdict, Verdict::Leak(_)) && about.is_some_and(AboutCase::is_plain)
                }) =>
        {
            Some("Here a plain request, or one after a member's, opens the gate without any cookie.")
        }
        Verdict::Leak(_) if turned_away(about) => Some(
            "The same visitor was turned away at this path at another time: what comes back depends on what was asked before, as where a cache keeps what a \
                 member got.",
        ),
        // Whoever else got it, by a plain request or because everybody gets it, may have got it from there.
        Verdict::Leak(_)
            if about.denies
                && (about.is_asked_plainly() || is_plainly_open(&AboutCase::is_everybody))
                && findings.iter().any(|(other, about)| {
                    matches!(other.verdict, Verdict::Leak(_)) && about.is_some_and(turned_away)
                }) =>
        {
            Some(
                "Here it depends on what was asked before who gets the content, as where a cache keeps what a member got.",
            )
        }
        Verdict::Leak(_)
            if about.denies
                && !(about.kind == Kind::Rule && about.is_everybody())
                && is_plainly_open(&AboutCase::is_everybody) =>
        {
            Some("The gate is open: everybody gets the content by a plain request.")
        }
        Verdict::Leak(_) if about.kind != Kind::Rule && about.denies && is_plainly_open(&is_the_same) => {
            Some("The gate is open: the same visitor gets the content by a plain request.")
        }
        Verdict::Leak(_) => Some(about.if_leaked),
        Verdict::Fail(mismatches)
            if about.denies && mismatches.iter().any(|one| one.invariant() == Some(Invariant::Metadata)) =>
        {
            Some("Who is turned away is told what describes the closed file: its length, its tag or its date.")
        }
        Verdict::Fail(_) if about.denies => {
            Some("The visitor is to be turned away in another way; no run of bytes of a closed file was seen.")
        }
        Verdict::Fail(_) if is_kept_out(outcome, about) && was_let_in(about) => Some(
            "The same visitor was let in at this path at another time: what comes back depends on what was asked before, as where a cache keeps what was said \
             to somebody who is turned away.",
        ),
        Verdict::Fail(_)
            if is_kept_out(outcome, about)
                && findings.iter().any(|(other, about)| {
                    about.is_some_and(|about| is_kept_out(other, about) && was_let_in(about))
                }) =>
        {
            Some(
                "Here it depends on what was asked before who is let in, as where a cache keeps what was said to somebody who is turned away.",
            )
        }
        Verdict::Fail(_) if is_kept_out(outcome, about) => Some("Whoever holds the role is kept out."),
        Verdict::Fail(_) => Some("The answer is not what the rules say; nothing leaked."),
        _ => None,
    }
}

/// Whether somebody who may have a closed file got no file.
fn is_kept_out(outcome: &Outcome, about: &AboutCase) -> bool {
    matches!(outcome.verdict, Verdict::Fail(_))
        && about.admits
        && !about.is_stranger
        && !outcome.came.starts_with("status 2")
}

fn opened(leak: &Outcome, about: Option<&AboutCase>, count: usize) -> String {
    let Some(about) = about else { return leak.actual() };
    let whose = if about.denies || about.is_stranger {
        about.visitor.clone()
    } else {
        format!("{}, who may not have it", about.visitor)
    };
    let more = if count > 1 { format!(" (and {} more)", count.saturating_sub(1)) } else { String::new() };
    let cached = if comes_from_a_cache(leak) { ", from a cache" } else { "" };
    format!("{} came back to {whose}{cached}{more}", about.target)
}

/// Whether a cache says that an answer is one of its own.
fn comes_from_a_cache(outcome: &Outcome) -> bool {
    matches!(outcome.verdict, Verdict::Leak(_))
        && outcome.reasons().iter().any(|reason| reason.contains("a cache says"))
}

fn differs(findings: &[(&Outcome, Option<&AboutCase>)], fails: usize) -> String {
    let first = findings.iter().find(|(outcome, _)| matches!(outcome.verdict, Verdict::Fail(_)));
    let Some((outcome, about)) = first else { return String::new() };
    let target = about.map(|about| about.target.as_str()).unwrap_or_default();
    let visitor = about.map(|about| about.visitor.as_str()).unwrap_or_default();
    let more = if fails > 1 { format!(" (and {} more)", fails.saturating_sub(1)) } else { String::new() };
    if let Verdict::Fail(mismatches) = &outcome.verdict
        && let Some(down) = mismatches.iter().find(|one| one.is_down())
    {
        return format!("{target} for {visitor}: {}{more}", down.actual);
    }
    let expected = outcome.expected.split("; or ").next().unwrap_or_default();
    let denied = format!("`{}` (", crate::expect::DENIED);
    let plain = expected.strip_prefix(&denied).and_then(|rest| rest.strip_suffix(')')).unwrap_or(expected);
    // The answer is the one that is wanted: what differs is what stands in it.
    let is_of_the_answer = match &outcome.verdict {
        Verdict::Fail(mismatches) => mismatches.iter().any(|one| one.invariant().is_none()),
        _ => true,
    };
    if (plain == outcome.came || !is_of_the_answer)
        && let Some(reason) = reasons(outcome).first()
    {
        return format!("{target} for {visitor}: {}; {reason}{more}", outcome.came);
    }
    let with = if plain.starts_with(&format!("{}, showing", outcome.came)) { " with other content" } else { "" };
    format!("{target} for {visitor}: {}{with} instead of {expected}{more}", outcome.came)
}

fn unjudged(findings: &[(&Outcome, Option<&AboutCase>)], errors: usize, missing: usize) -> String {
    let why = findings.iter().find_map(|(outcome, _)| match &outcome.verdict {
        Verdict::Error(Fault::NotAsked(why) | Fault::Unreachable(why) | Fault::Harness(why)) => Some(why.clone()),
        _ => None,
    });
    match (why, missing) {
        (Some(why), 0) => format!("cases without an answer: {errors} ({why})"),
        (Some(why), _) => format!("cases without an answer: {errors} ({why}); not asked: {missing}"),
        (None, _) => format!("cases not asked: {missing}"),
    }
}
