//! `gatecheck run --resume RUN.json`: a run that was cut short goes on with what it has not asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use gatecheck::corpus::Corpus;
use gatecheck::corpus::question::Profile;
use gatecheck::gates::Gate;
use gatecheck::report::aggregate::{Aggregate, ReportOptions};
use gatecheck::report::json::Report;
use gatecheck::run::RunOptions;
use gatecheck::run::selection;
use gatecheck::shard::Shard;
use gatecheck::wire::plain::HttpVersion;

use super::Failure;

/// A run that goes on.
pub(super) struct Resumed {
    file: String,
    report: Report,
    /// What is left to ask.
    pub(super) left: Vec<String>,
}

impl Resumed {
    /// Reads the report of a run, and finds what it has not asked. What had no answer is asked again.
    ///
    /// # Errors
    /// It is no report of this corpus.
    pub(super) fn open(file: &str, corpus: &Arc<Corpus>) -> Result<Self, Failure> {
        let mut found = super::reports(&[file.to_owned()])?;
        let mut report = found.pop().ok_or_else(|| Failure::harness("no report"))?.report;
        let wrong = |why: String| Failure::usage(format!("{file}: {why}"));
        report.results.retain(|result| result.verdict != "error");
        let run = report.run.get_or_insert_default();
        let profile = match run.conditions.profile.as_str() {
            "" => Profile::All,
            name => name.parse().map_err(wrong)?,
        };
        let shard: Option<Shard> = run.shard.as_deref().map(str::parse).transpose().map_err(wrong)?;
        let selected =
            selection(corpus, &run.conditions.patterns, profile).map_err(|error| wrong(error.to_string()))?;
        let served: Vec<_> =
            selected.into_iter().filter(|case| !report.left_out.contains_key(&case.suite().id)).collect();
        let range = shard.map_or(0..served.len(), |shard| shard.range(served.len()));
        run.planned = Some(range.len());
        let asked: BTreeSet<&str> = report.results.iter().map(|result| result.id.as_str()).collect();
        let selected = served.get(range).unwrap_or(&served);
        let left = selected.iter().map(|case| case.id()).filter(|id| !asked.contains(id)).map(str::to_owned).collect();
        // It is read as a report of this corpus before anything is asked.
        Aggregate::reread(&report, corpus, None).map_err(|error| wrong(error.to_string()))?;
        Ok(Self { file: file.to_owned(), report, left })
    }

    /// The options of the rest: what verdicts depend on is as it was.
    ///
    /// # Errors
    /// Another gate is asked.
    pub(super) fn options(&self, gate: &Gate, options: RunOptions) -> Result<RunOptions, Failure> {
        let run = self.report.run.clone().unwrap_or_default();
        if run.target != gate.stated() {
            return Err(Failure::usage(format!(
                "{} is a run of `{}`, and this is `{}`; name the same gate in the same way",
                self.file,
                run.target,
                gate.stated()
            )));
        }
        Ok(RunOptions {
            patterns: self.left.clone(),
            profile: Profile::All,
            shard: None,
            http: if run.conditions.http == "2" { HttpVersion::Http2 } else { HttpVersion::Http1 },
            timeout: std::time::Duration::from_millis(run.conditions.timeout_millis),
            retries: run.conditions.retries,
            ..options
        })
    }

    /// The run as far as it had gone.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn report(&self, corpus: &Arc<Corpus>, options: ReportOptions) -> Result<Aggregate, Failure> {
        let run = Aggregate::reread(&self.report, corpus, None).map_err(|error| Failure::usage(error.to_string()))?;
        Ok(run.resumed(options))
    }
}
