//! Baselines: failures that somebody knows of and answers for.
//!
//! A known failure is still asked and still told; it only does not fail the run. An entry is strict both ways: whatever its patterns fit must fail, so that
//! what is mended leaves the list; but for a flaky one, which a date ends. A leak is known only where an entry names that very case, says `verdict: leak`, and has an end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

use crate::corpus::source::OneOrMany;
use crate::corpus::{Case, Corpus, LoadError};
use crate::suggest::nearest;
use crate::verdict::Verdict;

/// What is known, in written order.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    /// The entries.
    pub entries: Vec<Arc<Entry>>,
}

/// Failures with one reason.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Entry {
    /// The file as it was named.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
    /// The column, counted from 1.
    pub column: u64,
    /// Patterns as `gatecheck run` takes them; every case that fits one is known to fail.
    pub cases: Vec<String>,
    /// Why it is so.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which the entry holds, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Day>,
    /// Which verdict is known; `fail` and `unproven` if it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<KnownVerdict>,
    /// Whether the cases sometimes pass: then one that does is no contradiction.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flaky: bool,
}

/// An entry as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntrySource {
    /// A pattern as `gatecheck run` takes it, or a list of them. Every case that fits is known to fail; one that passes fails the run.
    cases: OneOrMany,
    /// Why it is so.
    reason: String,
    /// Who answers for it.
    owner: String,
    /// The last day on which the entry holds, in UTC, for example 2027-03-31.
    #[serde(default)]
    expires: Option<Day>,
    /// Which verdict is known; `fail` and `unproven` if it does not say. With `leak`, `cases` are full ids and `expires` is required.
    #[serde(default)]
    verdict: Option<KnownVerdict>,
    /// Whether the cases sometimes pass; then `expires` is required, since no pass ends the entry.
    #[serde(default)]
    flaky: bool,
}

/// A verdict that can be known.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KnownVerdict {
    /// The answer differs.
    Fail,
    /// Protected content came through.
    Leak,
    /// The control did not pass.
    Unproven,
}

/// A day in UTC.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct Day(NaiveDate);

impl Baseline {
    /// Reads a baseline; `file` is its name for messages.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<LoadError>> {
        let options = serde_saphyr::options! { with_snippet: false };
        let written: Vec<Spanned<EntrySource>> =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| {
                let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
                vec![LoadError { file: file.to_owned(), line, column, message: error.to_string() }]
            })?;
        let entries: Vec<Arc<Entry>> = written
            .into_iter()
            .map(|Spanned { value, referenced, .. }| {
                Arc::new(Entry {
                    file: file.to_owned(),
                    line: referenced.line(),
                    column: referenced.column(),
                    cases: value.cases.0,
                    reason: value.reason.trim().to_owned(),
                    owner: value.owner.trim().to_owned(),
                    expires: value.expires,
                    verdict: value.verdict,
                    flaky: value.flaky,
                })
            })
            .collect();
        let mistakes: Vec<LoadError> = entries.iter().filter_map(|entry| Some(entry.says(entry.mistake()?))).collect();
        if mistakes.is_empty() { Ok(Self { entries }) } else { Err(mistakes) }
    }

    /// Whether any entry names this case.
    #[must_use]
    pub fn names(&self, case: &Case) -> bool {
        self.entries.iter().any(|entry| entry.names(case))
    }

    /// The entry that covers this verdict on a case.
    #[must_use]
    pub fn covering(&self, case: &Case, verdict: &Verdict, today: Day) -> Option<&Arc<Entry>> {
        self.entries.iter().find(|entry| entry.covers(case, verdict, today))
    }

    /// What is wrong with the entries themselves: no case that fits, a leak that is not named by its full id, a date that has passed.
    #[must_use]
    pub fn problems(&self, corpus: &Corpus, today: Day) -> Vec<LoadError> {
        let mut found = Vec::new();
        for entry in &self.entries {
            if entry.has_expired(today) {
                found.push(entry.says(entry.expiry_message()));
            }
            for pattern in &entry.cases {
                found.extend(entry.pattern_problem(corpus, pattern).map(|message| entry.says(message)));
            }
        }
        found
    }

    /// What the verdicts of a run say against the entries: cases that pass, and verdicts other than the one that is known.
    #[must_use]
    pub fn contradictions<'a>(
        &self,
        corpus: &Corpus,
        verdict_of: impl Fn(&str) -> Option<&'a Verdict>,
        today: Day,
    ) -> Vec<LoadError> {
        let mut found = Vec::new();
        for entry in self.entries.iter().filter(|entry| !entry.has_expired(today)) {
            let mut asked = 0_usize;
            let mut passing: Vec<&str> = Vec::new();
            let mut other: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (_, case) in corpus.cases().filter(|(_, case)| entry.names(case)) {
                let Some(verdict) = verdict_of(&case.id) else { continue };
                asked = asked.saturating_add(1);
                match verdict {
                    Verdict::Pass if entry.flaky => {}
                    Verdict::Pass => passing.push(&case.id),
                    Verdict::Observed(_) if entry.verdict == Some(KnownVerdict::Leak) => passing.push(&case.id),
                    Verdict::Fail(_) | Verdict::Leak(_) | Verdict::Unproven(_)
                        if self.covering(case, verdict, today).is_none() =>
                    {
                        other.entry(verdict.name()).or_default().push(&case.id);
                    }
                    _ => {}
                }
            }
            found.extend(passing_message(asked, &passing).map(|message| entry.says(message)));
            found.extend(other.iter().map(|(name, ids)| entry.says(entry.other_message(name, ids))));
        }
        found
    }
}

impl Entry {
    /// `known.yaml:3`
    #[must_use]
    pub fn at(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// Reason, owner, whether it is flaky, and end in one line.
    #[must_use]
    pub fn told(&self) -> String {
        let until = self.expires.map(|day| format!(", until {day}")).unwrap_or_default();
        let flaky = if self.flaky { ", flaky" } else { "" };
        format!("{} ({}{flaky}{until})", self.reason, self.owner)
    }

    fn names(&self, case: &Case) -> bool {
        match self.verdict {
            // A pattern would let a leak in that nobody has seen yet.
            Some(KnownVerdict::Leak) => self.cases.iter().any(|id| case.is(id)),
            _ => self.cases.iter().any(|pattern| case.matches(pattern)),
        }
    }

    fn covers(&self, case: &Case, verdict: &Verdict, today: Day) -> bool {
        let known = match (verdict, self.verdict) {
            (Verdict::Fail(_), None | Some(KnownVerdict::Fail))
            | (Verdict::Unproven(_), None | Some(KnownVerdict::Unproven))
            | (Verdict::Leak(_), Some(KnownVerdict::Leak)) => true,
            // What could not be asked is nobody's failure, and cannot be known.
            _ => false,
        };
        known && !self.has_expired(today) && self.names(case)
    }

    fn has_expired(&self, today: Day) -> bool {
        self.expires.is_some_and(|last| last < today)
    }

    fn says(&self, message: String) -> LoadError {
        LoadError { file: self.file.clone(), line: self.line, column: self.column, message }
    }

    fn mistake(&self) -> Option<String> {
        if self.cases.is_empty() {
            return Some("an entry without `cases` covers nothing; name a case or remove the entry".to_owned());
        }
        if self.reason.is_empty() {
            return Some("`reason` is empty; write why these cases fail".to_owned());
        }
        if self.owner.is_empty() {
            return Some("`owner` is empty; write who answers for these failures".to_owned());
        }
        if self.verdict == Some(KnownVerdict::Leak) && self.expires.is_none() {
            return Some("a known leak has an end; write `expires: YYYY-MM-DD`".to_owned());
        }
        if self.flaky && self.verdict == Some(KnownVerdict::Leak) {
            return Some("what leaks now and then is a leak; leave `flaky` out".to_owned());
        }
        if self.flaky && self.expires.is_none() {
            return Some("no pass ends a flaky entry, so it has an end; write `expires: YYYY-MM-DD`".to_owned());
        }
        None
    }

    fn expiry_message(&self) -> String {
        let day = self.expires.map(|day| day.to_string()).unwrap_or_default();
        format!("this entry ended on {day}; mend what it covers, or agree on a new date with {}", self.owner)
    }

    fn pattern_problem(&self, corpus: &Corpus, pattern: &str) -> Option<String> {
        if self.verdict == Some(KnownVerdict::Leak) && !corpus.cases().any(|(_, case)| case.is(pattern)) {
            return Some(format!(
                "`{pattern}` is no case; a known leak is named by the full id of its case, never by a pattern"
            ));
        }
        if corpus.cases().any(|(_, case)| case.matches(pattern)) {
            return None;
        }
        if let Some(why) = corpus.retired(pattern) {
            return Some(format!("`{pattern}` was retired ({why}); remove it"));
        }
        let near = nearest(pattern, corpus.names().iter().map(String::as_str))
            .map(|near| format!(", for example `{near}`"))
            .unwrap_or_default();
        Some(format!("`{pattern}` fits no case; remove it, or write the id as it is now{near}"))
    }

    fn other_message(&self, name: &str, ids: &[&str]) -> String {
        let which = those(ids);
        match name {
            "leak" => format!(
                "{which} leaks, and this entry does not cover a leak; write an entry of its own with the full id, `verdict: leak` and `expires`"
            ),
            name => format!(
                "{which} is `{name}` now, and this entry covers `{}` alone; write `verdict: {name}`, or an entry of its own",
                match self.verdict {
                    Some(KnownVerdict::Leak) => "leak",
                    Some(KnownVerdict::Unproven) => "unproven",
                    Some(KnownVerdict::Fail) | None => "fail",
                }
            ),
        }
    }
}

fn passing_message(asked: usize, passing: &[&str]) -> Option<String> {
    match passing {
        [] => None,
        [one] if asked == 1 => Some(format!("`{one}` passes now; remove this entry")),
        all if all.len() == asked => Some(format!("all {asked} cases of this entry pass now; remove it")),
        some => Some(format!(
            "{} passes now; write patterns that fit only what fails ({} of {asked} cases)",
            those(some),
            asked.saturating_sub(some.len())
        )),
    }
}

/// `` `a` ``, or `` `a` (and 3 more) ``
fn those(ids: &[&str]) -> String {
    match ids {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [first, rest @ ..] => format!("`{first}` (and {} more)", rest.len()),
    }
}

impl Day {
    /// The day of a time.
    #[must_use]
    pub fn of(at: SystemTime) -> Self {
        Self(DateTime::<Utc>::from(at).date_naive())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(Self)
            .map_err(|_| format!("`{text}` is no day; write YYYY-MM-DD, for example `2027-03-31`"))
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl JsonSchema for Day {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date" })
    }
}

/// A finding that a baseline could cover.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Finding {
    /// The full id.
    pub id: String,
    /// `fail`, `leak` or `unproven`.
    pub verdict: String,
}

/// What `gatecheck baseline write` says about every entry.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Why it is so.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day.
    pub expires: Option<Day>,
}

/// A baseline that covers these findings and nothing else: one entry for each verdict, with as few patterns as that allows.
#[must_use]
pub fn written(corpus: &Corpus, findings: &BTreeSet<Finding>, terms: &Terms) -> String {
    let mut out = String::from(
        "# Known failures, for `gatecheck run --baseline`. They are still asked; one that passes fails the run.\n",
    );
    for verdict in ["leak", "fail", "unproven"] {
        let ids: BTreeSet<&str> =
            findings.iter().filter(|one| one.verdict == verdict).map(|one| one.id.as_str()).collect();
        if ids.is_empty() {
            continue;
        }
        let patterns =
            if verdict == "leak" { ids.iter().map(|id| (*id).to_owned()).collect() } else { patterns(corpus, &ids) };
        out.push_str("- cases:\n");
        for pattern in patterns {
            out.push_str(&format!("    - {pattern}\n"));
        }
        // JSON's strings are YAML's.
        out.push_str(&format!("  reason: {}\n", serde_json::Value::from(terms.reason.as_str())));
        out.push_str(&format!("  owner: {}\n", serde_json::Value::from(terms.owner.as_str())));
        if let Some(day) = terms.expires {
            out.push_str(&format!("  expires: {day}\n"));
        }
        out.push_str(&format!("  verdict: {verdict}\n"));
    }
    if findings.is_empty() {
        out.push_str("[]\n");
    }
    out
}

/// A written case whose cases all fail stands for them.
fn patterns(corpus: &Corpus, ids: &BTreeSet<&str>) -> Vec<String> {
    let mut out = Vec::new();
    for suite in &corpus.suites {
        let mut of_written: BTreeMap<&str, (Vec<&str>, usize)> = BTreeMap::new();
        for case in &suite.cases {
            let (failing, all) = of_written.entry(&case.written_id).or_default();
            *all = all.saturating_add(1);
            if ids.contains(case.id.as_str()) {
                failing.push(&case.id);
            }
        }
        for (written, (failing, all)) in of_written {
            match failing.len() {
                0 => {}
                count if count == all && count > 1 => out.push(format!("{}/{written}", suite.id)),
                _ => out.extend(failing.into_iter().map(str::to_owned)),
            }
        }
    }
    out
}
