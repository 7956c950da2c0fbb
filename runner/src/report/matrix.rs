//! Gates side by side, requirements as rows.
//!
//! It reads reports alone. A requirement is told in the words of the ledger at hand, and a case counts for the first requirement that it names.

mod narrow;

pub use narrow::IN_WORDS;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use owo_colors::OwoColorize;

use super::Summary;
use super::counts;
use super::markdown::text;
use super::merge::Named;
use super::score::Scores;
use crate::corpus::Corpus;
use crate::corpus::question::Question;
use crate::corpus::source::Level;

/// What is said of gates whose reports were made with different corpora.
const OTHER_CORPORA: &str = "these gates were asked by different corpora";

/// Gates and what they made of each requirement.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// The gates, in the order of the reports.
    pub gates: Vec<Column>,
    /// The requirements that any of them was asked, in the order of the ledger; those that it does not have stand last.
    pub rows: Vec<Row>,
}

/// A gate.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name; with the file behind it where two have the same.
    pub name: String,
    /// Whom was asked.
    pub target: String,
    /// The corpus digest.
    pub corpus: String,
    /// Counts.
    pub summary: Summary,
    /// What came of the two questions.
    pub scores: Scores,
}

/// A requirement.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// How binding it is, if the ledger has it.
    pub level: Option<Level>,
    /// Which of the two questions it belongs to, if the ledger has it.
    pub question: Option<Question>,
    /// What a gate has to do.
    pub sentence: String,
    /// The verdicts on its cases, gate by gate.
    pub cells: Vec<Summary>,
}

impl Matrix {
    /// Sets reports side by side.
    #[must_use]
    pub fn of(reports: &[Named], corpus: &Corpus) -> Self {
        let mut cells: BTreeMap<&str, Vec<Summary>> = BTreeMap::new();
        for (at, named) in reports.iter().enumerate() {
            for result in &named.report.results {
                let id = result.requirements.first().map_or("", String::as_str);
                let row = cells.entry(id).or_insert_with(|| vec![Summary::default(); reports.len()]);
                if let Some(summary) = row.get_mut(at) {
                    summary.count(result.standing());
                }
            }
        }
        let mut rows = Vec::new();
        for one in &corpus.requirements {
            if let Some(cells) = cells.remove(one.id.as_str()) {
                rows.push(Row {
                    id: one.id.clone(),
                    level: Some(one.level),
                    question: Some(one.question()),
                    sentence: one.sentence.clone(),
                    cells,
                });
            }
        }
        let unknown = cells.into_iter().map(|(id, cells)| Row {
            id: id.to_owned(),
            level: None,
            question: None,
            sentence: "not in the ledger at hand".to_owned(),
            cells,
        });
        rows.extend(unknown);
        Self { gates: columns(reports), rows }
    }

    /// Whether all gates were asked by one corpus.
    #[must_use]
    pub fn one_corpus(&self) -> bool {
        self.gates.iter().map(|gate| &gate.corpus).collect::<BTreeSet<_>>().len() <= 1
    }

    /// The rows in which the gates do not stand alike.
    #[must_use]
    pub fn differing(self) -> Self {
        let rows = self.rows.into_iter().filter(Row::differs).collect();
        Self { rows, ..self }
    }

    /// The matrix for people at a terminal: a numbered column a gate.
    #[must_use]
    pub fn terminal(&self) -> String {
        let mut out = String::new();
        for (number, gate) in (1..).zip(&self.gates) {
            let _ = writeln!(out, "{:>3}  {}: {}  {}", number.bold(), gate.name, gate.told(), gate.target.dimmed());
        }
        if !self.one_corpus() {
            let _ = writeln!(out, "     {}", OTHER_CORPORA.yellow());
        }
        let first = self.rows.iter().map(|row| row.id.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.gates.len())
            .map(|at| {
                self.rows
                    .iter()
                    .filter_map(|row| row.cells.get(at))
                    .map(|cell| told(cell).len())
                    .max()
                    .unwrap_or(0)
                    .max(4)
            })
            .collect();
        let heads: Vec<String> =
            widths.iter().zip(1_usize..).map(|(width, number)| format!("{number:<width$}")).collect();
        let _ = writeln!(out, "\n{:first$}  {:6}  {:7}  {}", "", "", "", heads.join("  ").trim_end().bold());
        for row in &self.rows {
            let level = row.level.map_or("", Level::as_str);
            let last = widths.len().saturating_sub(1);
            let cells = row.cells.iter().zip(&widths).enumerate();
            let cells = cells.map(|(at, (cell, width))| coloured(cell, if at == last { 0 } else { *width }));
            let line = cells.collect::<Vec<_>>().join("  ");
            let question = row.question.map_or("", Question::name);
            let _ = writeln!(out, "{:first$}  {:6}  {:7}  {}", row.id, level.dimmed(), question.dimmed(), line);
        }
        out
    }

    /// The matrix as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::from("| gate | result | target |\n| --- | --- | --- |\n");
        for gate in &self.gates {
            let _ = writeln!(out, "| {} | {} | {} |", text(&gate.name), gate.told(), text(&gate.target));
        }
        if !self.one_corpus() {
            out.push_str("\nThese gates were asked by different corpora.\n");
        }
        let names: Vec<String> = self.gates.iter().map(|gate| text(&gate.name)).collect();
        let _ = writeln!(out, "\n| requirement | level | question | {} | sentence |", names.join(" | "));
        let _ = writeln!(out, "| --- | --- | --- |{} --- |", " --- |".repeat(names.len()));
        for row in &self.rows {
            let cells: Vec<String> = row
                .cells
                .iter()
                .map(|cell| match cell.standing() {
                    "pass" | "observed" | "unsupported" | "not asked" => told(cell),
                    _ => format!("**{}**", told(cell)),
                })
                .collect();
            let level = row.level.map_or("", Level::as_str);
            let _ = writeln!(
                out,
                "| {} | {level} | {} | {} | {} |",
                text(&row.id),
                row.question.map_or("", Question::name),
                cells.join(" | "),
                text(&row.sentence)
            );
        }
        out
    }
}

impl Column {
    /// What came of both questions, and the counts, in one line.
    #[must_use]
    pub fn told(&self) -> String {
        format!("{} ({})", self.scores.told(self.summary.leak), counts(&self.summary))
    }
}

impl Row {
    /// Whether the gates do not stand alike.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.cells.iter().map(Summary::standing).collect::<BTreeSet<_>>().len() > 1
    }
}

/// A verdict with how many cases have it: `pass 12`, `leak 2 of 12`.
#[must_use]
pub fn told(cell: &Summary) -> String {
    let standing = cell.standing();
    let count = cell.by_weight().into_iter().find(|(name, _)| *name == standing).map_or(0, |(_, count)| count);
    match cell.total() {
        0 => "–".to_owned(),
        all if all == count => format!("{standing} {all}"),
        all => format!("{standing} {count} of {all}"),
    }
}

fn coloured(cell: &Summary, width: usize) -> String {
    let text = format!("{:<width$}", told(cell));
    match cell.standing() {
        "leak" => text.red().bold().to_string(),
        "fail" => text.red().to_string(),
        "error" => text.magenta().to_string(),
        "unproven" | "known" => text.yellow().to_string(),
        "pass" => text.green().to_string(),
        _ => text.dimmed().to_string(),
    }
}

fn columns(reports: &[Named]) -> Vec<Column> {
    let twice = |gate: &str| reports.iter().filter(|named| named.report.gate == gate).count() > 1;
    reports
        .iter()
        .map(|Named { file, report }| Column {
            name: if twice(&report.gate) { format!("{} ({file})", report.gate) } else { report.gate.clone() },
            target: report.run.as_ref().map(|run| run.target.clone()).unwrap_or_default(),
            corpus: report.corpus.digest.clone(),
            summary: report.summary,
            scores: report.scores,
        })
        .collect()
}
