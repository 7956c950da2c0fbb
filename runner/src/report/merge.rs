//! Parts of one run become one report. What does not belong together is refused, and what is missing is named.

use std::collections::{BTreeMap, BTreeSet};

use super::Summary;
use super::cases;
use super::json::{CaseResult, Report, RunStamp, WeatherStamp};
use super::reread::RereadError;
use super::score::Scores;
use crate::corpus::question::{Profile, Question};
use crate::corpus::{CaseRef, Corpus};
use crate::run::selection;
use crate::shard::Shard;

/// A report with the name of its file.
#[derive(Clone, Debug)]
pub struct Named {
    /// The file as it was named.
    pub file: String,
    /// The report.
    pub report: Report,
}

/// Why reports are not the parts of one run: everything that is wrong, one sentence each.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct MergeError(pub Vec<String>);

/// The whole run.
///
/// # Errors
/// The reports are not the parts of one run, or not all of them.
pub fn merge(parts: &[Named], corpus: &Corpus) -> Result<Report, MergeError> {
    let Some(first) = parts.first() else { return Err(MergeError(vec!["there is nothing to merge".to_owned()])) };
    let mut wrong: Vec<String> = parts.iter().skip(1).flat_map(|part| differences(first, part)).collect();
    if first.report.corpus.digest != corpus.digest {
        let short = |digest: &str| digest.chars().take(12).collect();
        let other =
            RereadError::OtherCorpus { theirs: short(&first.report.corpus.digest), ours: short(&corpus.digest) };
        wrong.push(format!("{}: {other}", first.file));
    }
    wrong.extend(shards(parts));
    if !wrong.is_empty() {
        return Err(MergeError(wrong));
    }
    let mut results: BTreeMap<&str, &CaseResult> = BTreeMap::new();
    for part in parts {
        for result in &part.report.results {
            if results.insert(&result.id, result).is_some() {
                wrong.push(format!("{}: `{}` is in another part as well", part.file, result.id));
            }
        }
    }
    wrong.extend(missing(corpus, &first.report, &results));
    if !wrong.is_empty() {
        return Err(MergeError(wrong));
    }
    let mut summary = Summary::default();
    let mut scores = Scores::default();
    for result in results.values() {
        summary.count(result.standing());
        match result.question {
            Question::Format => scores.format.count(result.standing(), result.level),
            Question::Defence => scores.defence.count(result.standing(), result.level),
        }
    }
    Ok(Report {
        gate: first.report.gate.clone(),
        corpus: first.report.corpus.clone(),
        run: Some(whole_stamp(parts)),
        summary,
        scores,
        gates_failed: parts.iter().flat_map(|part| part.report.gates_failed.iter().cloned()).collect(),
        // Told anew by whoever looks at the whole.
        causes: Vec::new(),
        left_out: first.report.left_out.clone(),
        not_checked: first.report.not_checked.clone(),
        baseline: first.report.baseline.clone(),
        // Told anew when everything is together.
        stale: Vec::new(),
        results: results.into_values().cloned().collect(),
    })
}

/// What two parts of one run have in common and these two have not.
fn differences(one: &Named, other: &Named) -> Vec<String> {
    let (a, b) = (&one.report, &other.report);
    let (run_a, run_b) = (a.run.clone().unwrap_or_default(), b.run.clone().unwrap_or_default());
    let short = |digest: &str| digest.chars().take(12).collect::<String>();
    let told = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let (c, d) = (&run_a.conditions, &run_b.conditions);
    let rows = [
        ("corpus", short(&a.corpus.digest), short(&b.corpus.digest)),
        ("gate", a.gate.clone(), b.gate.clone()),
        ("target", run_a.target.clone(), run_b.target.clone()),
        ("runner", run_a.runner.clone(), run_b.runner.clone()),
        ("patterns", c.patterns.join(" "), d.patterns.join(" ")),
        ("HTTP version", c.http.clone(), d.http.clone()),
        ("--timeout", format!("{} ms", c.timeout_millis), format!("{} ms", d.timeout_millis)),
        ("--retries", c.retries.to_string(), d.retries.to_string()),
        ("--profile", c.profile.clone(), d.profile.clone()),
        ("--strict", c.strict.to_string(), d.strict.to_string()),
        ("--show-secrets", c.show_secrets.to_string(), d.show_secrets.to_string()),
        ("suites left out", told(&a.left_out), told(&b.left_out)),
        ("invariants not checked", told(&a.not_checked), told(&b.not_checked)),
        ("baseline", told(&a.baseline), told(&b.baseline)),
    ];
    rows.into_iter()
        .filter(|(_, a, b)| a != b)
        .map(|(name, a, b)| {
            let values = if a.len().max(b.len()) > 100 { String::new() } else { format!(": `{a}` and `{b}`") };
            format!("{} and {} are no parts of one run: {name} differs{values}", one.file, other.file)
        })
        .collect()
}

/// What is wrong with the parts as parts: not one, twice, or missing.
fn shards(parts: &[Named]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<Shard, &str> = BTreeMap::new();
    for part in parts {
        let shard = part.report.run.as_ref().and_then(|run| run.shard.as_deref()).and_then(|text| text.parse().ok());
        let Some(shard) = shard else {
            wrong.push(format!("{} is a whole run; parts are made with `gatecheck run --shard I/N`", part.file));
            continue;
        };
        if let Some(other) = seen.insert(shard, &part.file) {
            wrong.push(format!("part {shard} is there twice: {other} and {}", part.file));
        }
    }
    let counts: BTreeSet<usize> = seen.keys().map(|shard| shard.of()).collect();
    match counts.iter().copied().collect::<Vec<_>>().as_slice() {
        [] => {}
        [of] => {
            let lacking =
                (1..=*of).filter_map(|index| Shard::new(index, *of)).filter(|shard| !seen.contains_key(shard));
            wrong.extend(
                lacking.map(|shard| {
                    format!("part {shard} is missing; run it with `--shard {shard}` and the same options")
                }),
            );
        }
        many => {
            let many: Vec<String> = many.iter().map(usize::to_string).collect();
            wrong.push(format!("these are parts of different divisions, into {}", many.join(" and ")));
        }
    }
    wrong
}

/// Cases that were selected and are in no part: a report that was cut short.
fn missing(corpus: &Corpus, report: &Report, results: &BTreeMap<&str, &CaseResult>) -> Option<String> {
    let patterns = report.run.as_ref().map(|run| run.conditions.patterns.as_slice()).unwrap_or_default();
    let profile = report.run.as_ref().and_then(|run| run.conditions.profile.parse().ok()).unwrap_or(Profile::All);
    let selected = match selection(corpus, patterns, profile) {
        Ok(selected) => selected,
        Err(error) => return Some(error.to_string()),
    };
    let asked = selected.iter().filter(|case| !report.left_out.contains_key(&case.suite().id));
    let lacking: Vec<&str> = asked.map(CaseRef::id).filter(|id| !results.contains_key(id)).collect();
    let first = lacking.first()?;
    Some(format!("{} of the selection in no part, for example `{first}`", cases(lacking.len())))
}

/// From the first start to the last end.
fn whole_stamp(parts: &[Named]) -> RunStamp {
    let mut runs: Vec<RunStamp> = parts.iter().filter_map(|part| part.report.run.clone()).collect();
    runs.sort_by_key(|run| run.shard.as_deref().and_then(|text| text.parse::<Shard>().ok()));
    let first = runs.first().cloned().unwrap_or_default();
    let mut offsets: Vec<f64> = runs.iter().filter_map(|run| run.clock_offset).collect();
    offsets.sort_by(f64::total_cmp);
    let mut seeds: Vec<u32> = Vec::new();
    for seed in runs.iter().flat_map(|run| run.seeds.iter().copied()) {
        if !seeds.contains(&seed) {
            seeds.push(seed);
        }
    }
    RunStamp {
        // RFC 3339 in UTC sorts as time does.
        started: runs.iter().filter_map(|run| run.started.clone()).min(),
        finished: runs.iter().filter_map(|run| run.finished.clone()).max(),
        clock_offset: offsets.get(offsets.len() / 2).copied(),
        millis: runs.iter().map(|run| run.millis).sum(),
        seeds,
        weather: runs.iter().map(|run| run.weather).fold(WeatherStamp::default(), WeatherStamp::with),
        shard: None,
        planned: None,
        ..first
    }
}
