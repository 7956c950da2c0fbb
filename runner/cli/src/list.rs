//! `gatecheck list`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use gatecheck::corpus::Corpus;
use gatecheck::exit::ExitStatus;
use gatecheck_mutants::Mutant;

use super::{Failure, say};

/// Arguments of `gatecheck list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Only what fits one of these patterns
    patterns: Vec<String>,
    /// Suites with their titles and counts
    #[arg(long, group = "what")]
    suites: bool,
    /// Requirements with level, number of cases and sentence
    #[arg(long, group = "what")]
    requirements: bool,
    /// Families of attacks with counts
    #[arg(long, group = "what")]
    families: bool,
    /// The broken gates of `gatecheck self-test`, with the requirement that each breaks; patterns are starts of ids and requirements
    #[arg(long, group = "what")]
    broken_gates: bool,
}

/// Lists cases, one id a line, or what the flag says.
pub(super) fn list(corpus: &Corpus, args: &ListArgs) -> Result<ExitStatus, Failure> {
    let chosen = |case: &gatecheck::corpus::Case| {
        args.patterns.is_empty() || args.patterns.iter().any(|pattern| case.matches(pattern))
    };
    let mut out = String::new();
    if args.broken_gates {
        let fits = |mutant: &&Mutant| {
            let fits = |pattern: &String| mutant.id.starts_with(pattern.as_str()) || mutant.requirement == pattern;
            args.patterns.is_empty() || args.patterns.iter().any(fits)
        };
        for mutant in gatecheck_mutants::all().filter(fits) {
            let _ = writeln!(out, "{:<48} {:<14} {}", mutant.id, mutant.requirement, mutant.says);
        }
        say(&out);
        return Ok(ExitStatus::AsExpected);
    }
    if let Some(pattern) = args.patterns.iter().find(|pattern| !corpus.cases().any(|(_, case)| case.matches(pattern))) {
        return Err(Failure::usage(corpus.nothing_fits(pattern)));
    }
    if args.requirements {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, case) in corpus.cases().filter(|(_, case)| chosen(case)) {
            for id in &case.requirements {
                let count = counts.entry(id).or_default();
                *count = count.saturating_add(1);
            }
        }
        for one in &corpus.requirements {
            let _ = writeln!(
                out,
                "{:<28} {:<6} {:>5}  {}",
                one.id,
                one.level.as_str(),
                counts.get(one.id.as_str()).unwrap_or(&0),
                one.sentence
            );
        }
    } else if args.suites {
        for suite in &corpus.suites {
            let count = suite.cases.iter().filter(|case| chosen(case)).count();
            if count > 0 {
                let _ = writeln!(out, "{:<36} {count:>5}  {}", suite.id, suite.title);
            }
        }
    } else if args.families {
        let counts = families(corpus);
        for family in &corpus.families {
            let _ = writeln!(
                out,
                "{:>6}  {:<24} {}",
                counts.get(family.id.as_str()).unwrap_or(&0),
                family.id,
                family.about
            );
        }
        let _ = writeln!(out, "{:>6}  in {} families", counts.values().sum::<usize>(), counts.len());
    } else {
        for (_, case) in corpus.cases().filter(|(_, case)| chosen(case)) {
            let _ = writeln!(out, "{}", case.id);
        }
    }
    if out.is_empty() {
        return Err(Failure::usage(format!("nothing fits {}", args.patterns.join(" "))));
    }
    say(&out);
    Ok(ExitStatus::AsExpected)
}

/// The table of families for the README of the corpus: family, cases, suites, sentence.
#[must_use]
pub fn families_table(corpus: &Corpus) -> String {
    let counts = families(corpus);
    let mut table = String::from("| family | cases | what is tried |\n| --- | ---: | --- |\n");
    for family in &corpus.families {
        let count = counts.get(family.id.as_str()).unwrap_or(&0);
        let _ = writeln!(table, "| `{}` | {count} | {} |", family.id, family.about.replace('|', "\\|"));
    }
    let _ = writeln!(table, "| **{} families** | **{}** | |", counts.len(), counts.values().sum::<usize>());
    table
}

/// How many cases each family has.
#[must_use]
pub fn families(corpus: &Corpus) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for family in corpus.cases().filter_map(|(_, case)| case.family.as_deref()) {
        let count: &mut usize = counts.entry(family).or_default();
        *count = count.saturating_add(1);
    }
    counts
}
