//! `check --map`: who gets what, as a person reads it. Visitors who get the same in all of an area share a column, and rows that
//! say the same are told once.

mod json;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use rolegate::RuleSet;
use rolegate_check::map::{Area, Gets, Map, Row, Who};
use rolegate_server::Source;

use crate::{counted, visible};

pub(super) use json::{MapReport, report as as_json};

/// More rows that say the same are not each told.
const ALIKE: usize = 8;
/// So many of them are.
const TOLD: usize = 3;

/// The map as text.
pub(super) fn text(map: &Map, rules: &RuleSet, source: &Source, all: bool) -> String {
    let mut text = String::new();
    for area in &map.areas {
        let columns = Column::of(area);
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{}  ({})", visible(&area.paths), gates(area, rules, source).join(", "));
        let names = columns.iter().map(|column| column.name(&map.visitors));
        let mut lines = vec![std::iter::once(String::new()).chain(names).collect::<Vec<_>>()];
        lines.extend(told(&area.rows, &columns, all));
        if !area.ways.is_empty() {
            lines.push(vec!["given out elsewhere as well:".to_owned()]);
            lines.extend(told(&area.ways, &columns, all));
        }
        text += &table(&lines);
        text.push('\n');
    }
    if map.areas.is_empty() {
        text.push_str("no gate has a say about any path\n\n");
    }
    text += &everybody(map, all);
    text.trim_end().to_owned()
}

/// The rows of an area as lines; unless all are asked for, not each of many that say the same.
fn told(rows: &[Row], columns: &[Column], all: bool) -> Vec<Vec<String>> {
    let kinds = kinds(rows);
    let mut totals: HashMap<usize, usize> = HashMap::new();
    kinds.iter().for_each(|kind| *totals.entry(*kind).or_default() += 1);
    let mut told: HashMap<usize, usize> = HashMap::new();
    let mut lines = Vec::new();
    for (row, kind) in rows.iter().zip(&kinds) {
        let total = totals.get(kind).copied().unwrap_or_default();
        let before = told.entry(*kind).or_insert(0);
        if all || total <= ALIKE || *before < TOLD {
            lines.push(cells(row, columns));
        } else if *before == TOLD {
            lines.push(vec![format!("… {} more alike; --all lists each", total - TOLD)]);
        }
        *before += 1;
    }
    lines
}

fn everybody(map: &Map, all: bool) -> String {
    let mut text = String::new();
    let files = map.everybody.iter().filter(|row| row.file.is_some()).count();
    let others = map.everybody.len() - files;
    let rest = match (files, others) {
        (0, 0) => None,
        (_, 0) => Some(counted(files, "file")),
        (0, _) => Some(counted(others, "other path")),
        _ => Some(format!("{} and {}", counted(files, "file"), counted(others, "other path"))),
    };
    if let Some(rest) = rest {
        let how = if all { "" } else { "; --all lists them" };
        let _ = writeln!(text, "everybody gets the same at {rest}{how}");
        if all {
            let rows = map.everybody.iter().map(|row| cells(row, &[Column::first()])).collect::<Vec<_>>();
            text += &table(&rows);
        }
    }
    for warning in limits(map) {
        let _ = writeln!(text, "{warning}");
    }
    text
}

/// What the map leaves out.
pub(super) fn limits(map: &Map) -> Vec<String> {
    let mut limits = Vec::new();
    if map.further_roles > 0 {
        limits.push(format!("{} more are named, and not asked for", counted(map.further_roles, "role")));
    }
    if map.not_asked > 0 {
        limits.push(format!(
            "too many rules have a say about {}, so nobody knows them",
            counted(map.not_asked, "more path")
        ));
    }
    limits
}

/// Where the gates of an area stand, a few of them.
pub(super) fn gates(area: &Area, rules: &RuleSet, source: &Source) -> Vec<String> {
    let places = area.gates.iter().filter_map(|place| rules.rules().get(*place));
    let mut places: Vec<String> =
        places.map(|rule| format!("{}:{}", visible(&source.name(rule.span.file)), rule.span.line)).collect();
    if places.len() > ALIKE {
        let more = format!("{} more", places.len() - TOLD);
        places.truncate(TOLD);
        places.push(more);
    }
    places
}

/// Visitors who get the same in each row.
pub(super) struct Column {
    /// Their places among the visitors of the map.
    places: Vec<usize>,
}

impl Column {
    /// The columns of an area, in the order of their first visitors.
    pub(super) fn of(area: &Area) -> Vec<Column> {
        let visitors = area.rows.first().map_or(0, |row| row.gets.len());
        let same = |one: usize, other: usize| {
            area.rows.iter().chain(&area.ways).all(|row| match (row.gets.get(one), row.gets.get(other)) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one.is_like(other),
                _ => false,
            })
        };
        let mut columns: Vec<Column> = Vec::new();
        for place in 0..visitors {
            match columns.iter_mut().find(|column| column.places.first().is_some_and(|first| same(*first, place))) {
                Some(column) => column.places.push(place),
                None => columns.push(Column { places: vec![place] }),
            }
        }
        columns
    }

    /// The column of the first visitor, where all get the same.
    pub(super) fn first() -> Column {
        Column { places: vec![0] }
    }

    /// Who they are. Whoever is in no other column is in the one of those without a token or with any other.
    pub(super) fn name(&self, visitors: &[Who]) -> String {
        let who: Vec<&Who> = self.places.iter().filter_map(|place| visitors.get(*place)).collect();
        if who.len() == visitors.len() {
            return "everybody".to_owned();
        }
        if who.contains(&&Who::Anonymous) && who.contains(&&Who::Other) {
            return "everybody else".to_owned();
        }
        who.into_iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// What they get in a row.
    pub(super) fn gets<'r>(&self, row: &'r Row) -> Option<&'r Gets> {
        row.gets.get(*self.places.first()?).map(Arc::as_ref)
    }
}

/// A visitor as a heading names them: roles are told from words by their marks.
pub(super) fn name(who: &Who) -> String {
    match who {
        Who::Role(role) => format!("`{}`", visible(role)),
        Who::Anonymous | Who::Other => who.words().to_owned(),
    }
}

/// For each row the number of its kind: rows of one kind differ in nothing but their paths.
fn kinds(rows: &[Row]) -> Vec<usize> {
    let mut known = HashMap::new();
    let kind = |row| {
        let Row { gets, .. }: &Row = row;
        let next = known.len();
        *known.entry(gets.iter().map(|gets| gets.likeness()).collect::<Vec<_>>()).or_insert(next)
    };
    rows.iter().map(kind).collect()
}

/// What is asked for, with what else has to be so.
pub(super) fn label(row: &Row) -> String {
    let when = if row.when.is_empty() { String::new() } else { format!(" with {}", row.when.join(", ")) };
    visible(&format!("{}{when}", row.label))
}

fn cells(row: &Row, columns: &[Column]) -> Vec<String> {
    let gets = columns.iter().map(|column| column.gets(row).map_or_else(String::new, |gets| visible(&gets.words())));
    std::iter::once(label(row)).chain(gets).collect()
}

/// Lines with cells below each other, each line two spaces in.
fn table(lines: &[Vec<String>]) -> String {
    let count = lines.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or_default()).collect();
    let line = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned() + "\n"
    };
    lines.iter().map(line).collect()
}
