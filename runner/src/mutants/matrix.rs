//! The kill matrix: which cases catch which mutant. Measured by `gatecheck self-test --matrix`, kept as data in `kills.txt`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::corpus::Corpus;

const KEPT: &str = include_str!("kills.txt");

/// Mutant id to the ids of the cases that catch it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Matrix {
    kills: BTreeMap<String, BTreeSet<String>>,
}

impl Matrix {
    /// The matrix that was measured last, in the cases of this corpus.
    #[must_use]
    pub fn kept(corpus: &Corpus) -> Self {
        Self::read(KEPT, corpus)
    }

    /// Notes what catches a mutant.
    pub fn note(&mut self, mutant: &str, killers: BTreeSet<String>) {
        self.kills.insert(mutant.to_owned(), killers);
    }

    /// The cases that catch a mutant, if it was measured.
    #[must_use]
    pub fn killers(&self, mutant: &str) -> Option<&BTreeSet<String>> {
        self.kills.get(mutant)
    }

    /// Every mutant that was measured, with the cases that catch it.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.kills.iter().map(|(mutant, cases)| (mutant.as_str(), cases))
    }

    /// Reads what [`Matrix::write`] wrote. A case that the corpus no longer has is left out.
    #[must_use]
    pub fn read(text: &str, corpus: &Corpus) -> Self {
        let expanded = expansions(corpus);
        let mut matrix = Self::default();
        let mut mutant = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let Some(entry) = line.strip_prefix("  ") else {
                line.clone_into(&mut mutant);
                matrix.kills.entry(mutant.clone()).or_default();
                continue;
            };
            let (written, labels) =
                entry.split_once(": ").map_or((entry, None), |(written, labels)| (written, Some(labels)));
            let Some(ids) = expanded.get(written) else { continue };
            let wanted: Option<BTreeSet<&str>> = labels.map(|labels| labels.split(' ').collect());
            let hit = ids.iter().filter(|id| wanted.as_ref().is_none_or(|wanted| wanted.contains(label(id, written))));
            matrix.kills.entry(mutant.clone()).or_default().extend(hit.map(|id| (*id).to_owned()));
        }
        matrix
    }

    /// The matrix as text: under each mutant the written cases that catch it, with their labels where not all expansions do.
    #[must_use]
    pub fn write(&self, corpus: &Corpus) -> String {
        let mut out = String::from(HEADER);
        let expanded = expansions(corpus);
        for (mutant, cases) in &self.kills {
            let _ = writeln!(out, "{mutant}");
            for (written, ids) in &expanded {
                let hit: Vec<&str> = ids.iter().copied().filter(|id| cases.contains(*id)).collect();
                if hit.len() == ids.len() && !hit.is_empty() {
                    let _ = writeln!(out, "  {written}");
                } else if !hit.is_empty() {
                    let labels: Vec<&str> = hit.into_iter().map(|id| label(id, written)).collect();
                    let _ = writeln!(out, "  {written}: {}", labels.join(" "));
                }
            }
        }
        out
    }
}

const HEADER: &str =
    "# Which cases catch which broken gate. Made by `gatecheck self-test --matrix --keep FILE`; not edited by hand.
# A mutant, and under it the written cases that catch it: all expansions, or those that are listed.
";

/// Written case to the ids that it expands to.
fn expansions(corpus: &Corpus) -> BTreeMap<String, Vec<&str>> {
    let mut all: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (suite, case) in corpus.cases() {
        all.entry(format!("{}/{}", suite.id, case.written_id)).or_default().push(&case.id);
    }
    all
}

fn label<'a>(id: &'a str, written: &str) -> &'a str {
    id.strip_prefix(written).and_then(|rest| rest.strip_prefix('/')).unwrap_or("-")
}
