//! The matrix of many gates for a terminal of 80 columns: a cell is a letter and how many cases have that verdict.

use std::fmt::Write as _;

use owo_colors::OwoColorize;

use super::{Matrix, OTHER_CORPORA, Summary};
use crate::corpus::source::Level;
use crate::report::counts;

/// More gates than this do not fit side by side with their verdicts in words.
pub const IN_WORDS: usize = 3;

/// The columns of a terminal that nobody has made wider.
const COLUMNS: usize = 80;
/// Where the names of gates begin.
const INDENT: usize = 4;
/// What the letters stand for.
const LEGEND: &str = "L leak, F fail, U unproven, E error, K known, each with how many cases; small\n\
                      letters where the requirement is a SHOULD. ok: all passed that were asked,\n\
                      o: observed, where sources disagree, -: not asked";

impl Matrix {
    /// The matrix for people at a terminal, as narrow as it goes: ten gates fit into 80 columns.
    #[must_use]
    pub fn narrow(&self) -> String {
        let mut out = String::new();
        for (number, gate) in (1..).zip(&self.gates) {
            let _ = writeln!(out, "{:>2}  {}", number.bold(), gate.name.bold());
            out.push_str(&wrapped(&counts(&gate.summary)));
        }
        if !self.one_corpus() {
            let _ = writeln!(out, "    {}", OTHER_CORPORA.yellow());
        }
        let rows: Vec<_> = self.rows.iter().map(|row| (row.id.as_str(), row.level, row.cells.as_slice())).collect();
        let _ = writeln!(out, "\n{}\n\n{}", LEGEND.dimmed(), table(&rows, self.gates.len()));
        out
    }
}

/// Items with commas between, in lines that fit.
fn wrapped(items: &str) -> String {
    let mut lines = vec![String::new()];
    for item in items.split_inclusive(", ") {
        let fits = |line: &String| INDENT + line.chars().count() + item.trim_end().chars().count() <= COLUMNS;
        match lines.last_mut().filter(|line| fits(line)) {
            Some(line) => line.push_str(item),
            None => lines.push(item.to_owned()),
        }
    }
    lines.iter().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "{:INDENT$}{}", "", line.trim_end());
        out
    })
}

/// The requirements by id, each with the cells of all gates.
fn table(rows: &[(&str, Option<Level>, &[Summary])], gates: usize) -> String {
    let first = rows.iter().map(|(id, ..)| id.chars().count()).max().unwrap_or(0);
    let told = |level: Option<Level>, cell: &Summary| cell_of(level, cell);
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|(_, level, cells)| Some(told(*level, cells.get(at)?).len()));
        cells.max().unwrap_or(0).max(2)
    };
    let widths: Vec<usize> = (0..gates).map(width).collect();
    let heads: String = (1..).zip(&widths).map(|(number, width): (usize, _)| format!(" {number:>width$}")).collect();
    let mut out = format!("{:first$} {}\n", "", heads.bold());
    for (id, level, cells) in rows {
        let _ = write!(out, "{id:first$} ");
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(out, " {}", coloured(cell.standing(), &format!("{:>width$}", told(*level, cell))));
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out
}

fn cell_of(level: Option<Level>, cell: &Summary) -> String {
    let letter = match cell.standing() {
        "leak" => 'L',
        "fail" => 'F',
        "unproven" => 'U',
        "error" => 'E',
        "known" => 'K',
        "pass" => return "ok".to_owned(),
        "observed" => return "o".to_owned(),
        _ => return "-".to_owned(),
    };
    let letter = if level == Some(Level::Should) { letter.to_ascii_lowercase() } else { letter };
    let standing = cell.standing();
    let count = cell.by_weight().into_iter().find(|(name, _)| *name == standing).map_or(0, |(_, count)| count);
    format!("{letter}{count}")
}

fn coloured(standing: &str, text: &str) -> String {
    match standing {
        "leak" => text.red().bold().to_string(),
        "fail" => text.red().to_string(),
        "error" => text.magenta().to_string(),
        "unproven" | "known" => text.yellow().to_string(),
        "pass" => text.green().to_string(),
        _ => text.dimmed().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn ten_gates_fit_into_80_columns() {
        let many = [Summary { leak: 391, fail: 20, pass: 268, ..Summary::default() }; 10];
        let rows = [
            ("RULES-9", Some(Level::Must), &many[..]),
            ("RULES-11.duplicate-lines", Some(Level::Survey), &[Summary { observed: 1, ..Summary::default() }; 10][..]),
        ];
        let table = plain(&table(&rows, 10));
        assert!(table.lines().all(|line| line.chars().count() <= COLUMNS), "{table}");
        let counts = "10817 pass, 1199 leak, 1121 fail, 49 unproven, 55 error, 2483 unsupported, 377 observed";
        let counts = wrapped(counts);
        assert!(counts.lines().all(|line| line.chars().count() <= COLUMNS), "{counts}");
        assert_eq!(counts.lines().count(), 2);
    }

    #[test]
    fn a_cell_is_a_letter_and_a_count() {
        let of = |level, summary| cell_of(Some(level), &summary);
        let some = Summary { pass: 3, ..Summary::default() };
        assert_eq!(of(Level::Must, Summary { leak: 2, fail: 7, ..some }), "L2");
        assert_eq!(of(Level::Must, Summary { fail: 7, ..some }), "F7");
        assert_eq!(of(Level::Should, Summary { fail: 7, ..some }), "f7");
        assert_eq!(of(Level::Must, Summary { unproven: 1, ..some }), "U1");
        assert_eq!(of(Level::Must, Summary { error: 1, ..Summary::default() }), "E1");
        assert_eq!(of(Level::Must, some), "ok");
        assert_eq!(of(Level::Must, Summary { unsupported: 4, ..some }), "ok");
        assert_eq!(of(Level::Survey, Summary { observed: 4, ..Summary::default() }), "o");
        assert_eq!(of(Level::Must, Summary { unsupported: 4, ..Summary::default() }), "-");
        assert_eq!(of(Level::Must, Summary::default()), "-");
    }
}
