//! The kill matrix: which cases catch which broken gate. Measured by `gatecheck self-test`, kept as data in `kills.txt`.
//!
//! The kept matrix knows what each suite was when it was measured. A suite that has changed since is stale: what is kept of it still serves to find a
//! quick killer and to name a defect, and `gatecheck self-test` measures it anew before it judges the cases.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use gatecheck::corpus::{Corpus, Suite};

const KEPT: &str = include_str!("../kills.txt");

/// The number of a broken gate in the file; it stays when others come and go.
type Number = u16;

/// Which cases catch which broken gate.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Matrix {
    /// Broken gate to its number.
    numbers: BTreeMap<String, Number>,
    /// Suite to the digest of its file when every broken gate was asked all of its cases.
    measured: BTreeMap<String, String>,
    /// Case to the broken gates that it catches; cases that catch none are left out.
    caught: BTreeMap<String, BTreeSet<Number>>,
}

impl Matrix {
    /// The matrix that was measured last, in the cases of this corpus.
    #[must_use]
    pub fn kept(corpus: &Corpus) -> Self {
        Self::read(KEPT, corpus)
    }

    /// Whether a broken gate was measured.
    #[must_use]
    pub fn knows(&self, mutant: &str) -> bool {
        self.numbers.contains_key(mutant)
    }

    /// Whether a suite was measured as it is.
    #[must_use]
    pub fn is_fresh(&self, suite: &Suite) -> bool {
        self.measured.get(&suite.id) == Some(&short(suite))
    }

    /// Notes which of the cases that were asked catch a broken gate, in the place of what was known about them.
    pub fn note(&mut self, mutant: &str, asked: impl IntoIterator<Item = String>, killers: &BTreeSet<String>) {
        let next = self.numbers.values().max().map_or(1, |last| last.saturating_add(1));
        let number = *self.numbers.entry(mutant.to_owned()).or_insert(next);
        for case in asked {
            if killers.contains(&case) {
                self.caught.entry(case).or_default().insert(number);
            } else if let Some(caught) = self.caught.get_mut(&case) {
                caught.remove(&number);
            }
        }
    }

    /// Notes that every broken gate was asked all cases of a suite as it is.
    pub fn settle(&mut self, suite: &Suite) {
        self.measured.insert(suite.id.clone(), short(suite));
    }

    /// Forgets broken gates and suites that there are no longer.
    pub fn prune(&mut self, is_mutant: impl Fn(&str) -> bool, corpus: &Corpus) {
        self.numbers.retain(|mutant, _| is_mutant(mutant));
        let numbers: BTreeSet<Number> = self.numbers.values().copied().collect();
        for caught in self.caught.values_mut() {
            caught.retain(|number| numbers.contains(number));
        }
        self.caught.retain(|_, caught| !caught.is_empty());
        self.measured.retain(|id, _| corpus.suites.iter().any(|suite| suite.id == *id));
    }

    /// The broken gates that a case catches.
    pub fn caught_by<'a>(&'a self, case: &str) -> impl Iterator<Item = &'a str> {
        let caught = self.caught.get(case);
        self.numbers.iter().filter(move |(_, number)| caught.is_some_and(|caught| caught.contains(number))).map(name)
    }

    /// Every broken gate that was measured, with the cases that catch it.
    #[must_use]
    pub fn rows(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let names: BTreeMap<Number, &str> = self.numbers.iter().map(|(mutant, number)| (*number, &**mutant)).collect();
        let mut rows: BTreeMap<&str, BTreeSet<&str>> = names.values().map(|name| (*name, BTreeSet::new())).collect();
        for (case, caught) in &self.caught {
            for row in caught.iter().filter_map(|number| names.get(number)) {
                rows.entry(row).or_default().insert(case);
            }
        }
        rows
    }

    /// Reads what [`Matrix::write`] wrote. A case that the corpus no longer has is left out.
    #[must_use]
    pub fn read(text: &str, corpus: &Corpus) -> Self {
        let expanded = expansions(corpus);
        let mut matrix = Self::default();
        let mut suite = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((numbers, cases)) = line.strip_prefix("  ").and_then(|entry| entry.split_once(": ")) {
                let caught: BTreeSet<Number> = numbers.split(' ').flat_map(range).collect();
                for id in cases.split(' ').flat_map(|case| expand(&expanded, suite, case)) {
                    matrix.caught.entry(id.to_owned()).or_default().extend(&caught);
                }
            } else if let Some((id, digest)) = line.strip_prefix("suite ").and_then(|rest| rest.split_once(' ')) {
                suite = id;
                matrix.measured.insert(id.to_owned(), digest.to_owned());
            } else if let Some((number, id)) = line.strip_prefix("gate ").and_then(|rest| rest.split_once(' ')) {
                matrix.numbers.extend(number.parse().ok().map(|number| (id.to_owned(), number)));
            }
        }
        matrix
    }

    /// The matrix as text: cases of a suite that catch the same broken gates share a line.
    #[must_use]
    pub fn write(&self, corpus: &Corpus) -> String {
        let mut out = String::from(HEADER);
        let mut gates: Vec<(Number, &str)> = self.numbers.iter().map(|(mutant, number)| (*number, &**mutant)).collect();
        gates.sort_unstable();
        for (number, mutant) in gates {
            let _ = writeln!(out, "gate {number} {mutant}");
        }
        let expanded = expansions(corpus);
        for suite in &corpus.suites {
            let Some(digest) = self.measured.get(&suite.id) else { continue };
            let _ = writeln!(out, "suite {} {digest}", suite.id);
            let mut alike: BTreeMap<&BTreeSet<Number>, Vec<&str>> = BTreeMap::new();
            for case in &suite.cases {
                if let Some(caught) = self.caught.get(&case.id) {
                    alike.entry(caught).or_default().push(&case.id);
                }
            }
            for (caught, ids) in alike {
                let cases = fold(&expanded, &suite.id, &ids.into_iter().collect());
                let _ = writeln!(out, "  {}: {cases}", ranges(caught));
            }
        }
        out
    }
}

const HEADER: &str = "# Which cases catch which broken gate. Made by `gatecheck self-test --keep FILE`; not edited by hand.
# The broken gates have numbers. Under each suite, with the digest of its file when it was measured: the numbers of the broken gates that are caught
# by the cases behind the colon. `case/*`: every case that the written one expands to; `case/{a,b}`: some of them.
";

fn name<'a>((mutant, _): (&'a String, &Number)) -> &'a str {
    mutant
}

/// The first bytes of the digest of the suite's file.
fn short(suite: &Suite) -> String {
    suite.digest.chars().take(12).collect()
}

/// Suite and written case to the ids that it expands to.
fn expansions(corpus: &Corpus) -> BTreeMap<(&str, &str), Vec<&str>> {
    let mut all: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (suite, case) in corpus.cases() {
        all.entry((&suite.id, &case.written_id)).or_default().push(&case.id);
    }
    all
}

/// The ids that `case`, `case/*` or `case/{a,b}` stands for.
fn expand<'a>(
    expanded: &'a BTreeMap<(&'a str, &'a str), Vec<&'a str>>,
    suite: &'a str,
    written: &'a str,
) -> Vec<&'a str> {
    let (case, labels) = written.split_once('/').unwrap_or((written, "*"));
    let Some(ids) = expanded.get(&(suite, case)) else { return Vec::new() };
    match labels.strip_prefix('{').and_then(|labels| labels.strip_suffix('}')) {
        None => ids.clone(),
        Some(labels) => {
            let wanted: BTreeSet<&str> = labels.split(',').collect();
            ids.iter().copied().filter(|id| wanted.contains(label(id, suite, case))).collect()
        }
    }
}

/// The shortest text that [`expand`] reads as these ids.
fn fold(expanded: &BTreeMap<(&str, &str), Vec<&str>>, suite: &str, ids: &BTreeSet<&str>) -> String {
    let mut cases = Vec::new();
    for ((_, case), all) in expanded.range((suite, "")..).take_while(|((in_suite, _), _)| *in_suite == suite) {
        let hit: Vec<&str> = all.iter().copied().filter(|id| ids.contains(id)).collect();
        if hit.is_empty() {
            continue;
        }
        cases.push(if hit.len() < all.len() {
            let labels: Vec<&str> = hit.into_iter().map(|id| label(id, suite, case)).collect();
            format!("{case}/{{{}}}", labels.join(","))
        } else if all.len() > 1 {
            format!("{case}/*")
        } else {
            (*case).to_owned()
        });
    }
    cases.join(" ")
}

/// What stands behind suite and written case in an id.
fn label<'a>(id: &'a str, suite: &str, case: &str) -> &'a str {
    let rest = id.strip_prefix(suite).and_then(|rest| rest.strip_prefix('/')).and_then(|rest| rest.strip_prefix(case));
    rest.and_then(|rest| rest.strip_prefix('/')).unwrap_or_default()
}

/// `3` or `3-7`.
fn range(text: &str) -> std::ops::RangeInclusive<Number> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse(), last.parse()) {
        (Ok(first), Ok(last)) => first..=last,
        #[expect(clippy::reversed_empty_ranges, reason = "nothing is what an unreadable range stands for")]
        _ => 1..=0,
    }
}

/// Numbers in order, with runs drawn together.
fn ranges(numbers: &BTreeSet<Number>) -> String {
    let mut runs: Vec<(Number, Number)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let text = |(first, last): &(Number, Number)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    runs.iter().map(text).collect::<Vec<_>>().join(" ")
}
