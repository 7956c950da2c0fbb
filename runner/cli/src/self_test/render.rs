//! What a self-test has shown: for people, and as JSON.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use owo_colors::OwoColorize as _;
use serde_json::json;

use gatecheck::corpus::Corpus;
use gatecheck_mutants::session::Outcome;
use gatecheck_mutants::teeth::Teeth;
use gatecheck_mutants::trial::Fate;

/// How many cases of a list are shown.
const SHOWN: usize = 10;

/// For people: the kill matrix in short, then everything that is wrong, then one line of figures.
pub(super) fn text(outcome: &Outcome, teeth: &Teeth<'_>, corpus: &Corpus, elapsed: Duration) -> String {
    let mut out = String::new();
    outcome.fates.iter().for_each(|fate| row(&mut out, fate));
    proofs(&mut out, outcome, corpus);
    for (gate, what) in outcome.false_alarms() {
        let _ = writeln!(out, "{} on {gate}: {what}", "FALSE ALARM".red().bold());
    }
    for line in &outcome.unsaid {
        let _ = writeln!(out, "{} {line}", "UNSAID".red().bold());
    }
    blunt(&mut out, teeth);
    let _ = writeln!(
        out,
        "teeth: of the cases that turn a visitor away {} catch a broken gate of their own requirement, {} are excused, {} do neither",
        teeth.biting,
        teeth.excused,
        teeth.blunt.len()
    );
    let caught = outcome.fates.iter().filter(|fate| !fate.killers.is_empty());
    let by_others = caught.clone().filter(|fate| !fate.by_its_own).count();
    let is_clean = outcome.is_clean() && teeth.are_sound();
    let verdict = if is_clean { "pass".green().bold().to_string() } else { "FAIL".red().bold().to_string() };
    let _ = writeln!(
        out,
        "{verdict}  {} broken gates: {} caught ({by_others} by cases of other requirements only), {} survive; {} idle gates: {} pass something; {} false alarms; {} cases, {} measured, {:.0} s",
        outcome.fates.len(),
        caught.count(),
        outcome.survivors().count(),
        outcome.proven.len(),
        outcome.proven.values().filter(|passed| !passed.is_empty()).count(),
        outcome.false_alarms().count(),
        corpus.len(),
        outcome.measured,
        elapsed.as_secs_f64(),
    );
    out
}

/// One broken gate and what catches it.
fn row(out: &mut String, fate: &Fate) {
    let killers: Vec<&str> = fate.killers.iter().map(String::as_str).collect();
    let first = killers.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    let more = if killers.len() > 3 { format!(" and {} more", killers.len().saturating_sub(3)) } else { String::new() };
    let row = format!("{:<46} {:<22}", fate.mutant.id, fate.mutant.requirement);
    let _ = if killers.is_empty() {
        writeln!(out, "{row} {}  {}", "SURVIVES".red().bold(), fate.mutant.says)
    } else if fate.by_its_own {
        writeln!(out, "{row} {}", format_args!("{first}{more}").dimmed())
    } else {
        writeln!(out, "{row} {} {}", "by others:".yellow(), format_args!("{first}{more}").dimmed())
    };
    for reason in fate.not_started.iter().take(1) {
        let _ = writeln!(out, "{:<46} {reason}", "");
    }
}

/// What idle gates pass.
fn proofs(out: &mut String, outcome: &Outcome, corpus: &Corpus) {
    for (gate, passed) in outcome.proven.iter().filter(|(_, passed)| !passed.is_empty()) {
        let requirements: BTreeSet<&str> = corpus
            .cases()
            .filter(|(_, case)| passed.contains(&case.id))
            .filter_map(|(_, case)| case.requirements.first().map(String::as_str))
            .collect();
        let _ = writeln!(
            out,
            "{} the idle gate {gate} passes {} cases of {}:",
            "PROOF".red().bold(),
            passed.len(),
            requirements.into_iter().collect::<Vec<_>>().join(", ")
        );
        list(out, passed.iter().map(String::as_str));
    }
}

/// Cases that turn a visitor away and catch nothing.
fn blunt(out: &mut String, teeth: &Teeth<'_>) {
    if !teeth.blunt.is_empty() {
        let _ = writeln!(
            out,
            "{} {} cases turn a visitor away and catch no broken gate of their own requirement; write one, or a reason in reasons.yaml:",
            "BLUNT".red().bold(),
            teeth.blunt.len()
        );
        list(out, teeth.blunt.iter().map(|case| case.id.as_str()));
    }
    for reason in &teeth.idle_reasons {
        let _ = writeln!(out, "{} `{}` excuses no case; take the reason out", "REASON".red().bold(), reason.cases);
    }
}

fn list<'a>(out: &mut String, ids: impl ExactSizeIterator<Item = &'a str>) {
    let more = ids.len().saturating_sub(SHOWN);
    for id in ids.take(SHOWN) {
        let _ = writeln!(out, "    {id}");
    }
    if more > 0 {
        let _ = writeln!(out, "    and {more} more");
    }
}

/// For programs: the same, with every case.
pub(super) fn json(outcome: &Outcome, teeth: &Teeth<'_>, corpus: &Corpus) -> serde_json::Value {
    json!({
        "corpus-digest": corpus.digest,
        "mutants": outcome.fates.iter().map(|fate| json!({
            "id": fate.mutant.id,
            "requirement": fate.mutant.requirement,
            "says": fate.mutant.says,
            "killed-by-its-own": fate.by_its_own,
            "killed-by": fate.killers,
        })).collect::<Vec<_>>(),
        "idle-gates": outcome.proven,
        "false-alarms": outcome.false_alarms().map(|(gate, case)| json!({ "gate": gate, "case": case })).collect::<Vec<_>>(),
        "teeth": {
            "biting": teeth.biting,
            "excused": teeth.excused,
            "blunt": teeth.blunt.iter().map(|case| case.id.as_str()).collect::<Vec<_>>(),
        },
    })
}
