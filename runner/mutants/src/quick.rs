//! Which few cases catch most broken gates, and tell what is wrong with them: what `gatecheck run --quick` asks.

use std::collections::{BTreeMap, BTreeSet};

use gatecheck::corpus::{Case, Corpus};

use super::matrix::Matrix;
use super::trial::is_own;

/// A suite is a start of the gate, which takes as long as some requests.
const A_START: usize = 2;
/// What nearly every gate has. One that lacks a feature fails the cases of that feature whatever else is wrong with it.
const USUAL: [&str; 11] = [
    "cookie",
    "first-reader",
    "http-1",
    "placeholder",
    "plain-http",
    "raw-target",
    "role",
    "root-path",
    "rules",
    "site",
    "splat",
];

/// Which broken gate is caught by which cases.
pub type Rows<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Of the cases that catch a broken gate, those that tell what is wrong with it: of the requirement that it breaks, where there are any, and of these those that
/// need nothing which many gates lack.
#[must_use]
pub fn telling<'a>(corpus: &'a Corpus, matrix: &'a Matrix) -> Rows<'a> {
    telling_of(corpus, matrix, |_| true)
}

/// The same of the cases that are asked.
fn telling_of<'a>(corpus: &'a Corpus, matrix: &'a Matrix, is_asked: impl Fn(&Case) -> bool) -> Rows<'a> {
    let cases: BTreeMap<&str, &Case> = corpus.cases().map(|(_, case)| (case.id.as_str(), case)).collect();
    let mutants: BTreeMap<&str, _> = super::all().map(|mutant| (mutant.id, mutant)).collect();
    let mut rows = matrix.rows();
    for (gate, row) in &mut rows {
        row.retain(|id| cases.get(id).is_some_and(|case| is_asked(case)));
        let is_of_it = |case: &Case| mutants.get(gate).is_some_and(|mutant| is_own(mutant, case));
        let is_plain = |case: &Case| case.features.iter().all(|feature| USUAL.contains(&feature.as_str()));
        narrow(row, |id| cases.get(id).is_some_and(|case| is_of_it(case)));
        narrow(row, |id| cases.get(id).is_some_and(|case| is_plain(case)));
    }
    rows
}

/// The cases of `gatecheck run --quick` for a gate that lacks these features: those of the list that it can be asked, and of the others so many that as much of
/// what may be wrong with it is caught as of a gate that lacks nothing.
#[must_use]
pub fn without(corpus: &Corpus, lacks: &BTreeSet<&str>) -> BTreeSet<String> {
    let is_asked = |case: &Case| !case.features.iter().any(|feature| lacks.contains(feature.as_str()));
    let matrix = Matrix::kept(corpus);
    let mut cases = choose(&telling_of(corpus, &matrix, is_asked), CLAIMED);
    let listed: BTreeSet<String> = corpus.quick(&[]).into_iter().collect();
    let also = corpus.cases().map(|(_, case)| case).filter(|case| is_asked(case) && listed.contains(&case.id));
    cases.extend(also.map(|case| case.id.clone()));
    cases
}

/// This share of the broken gates that can be caught is caught, in percent; a little more than is told, so that a broken gate that is added does not break what
/// is told.
const CLAIMED: usize = 93;

/// Leaves those that fit, if any do.
fn narrow(row: &mut BTreeSet<&str>, fits: impl Fn(&str) -> bool) {
    if row.iter().any(|id| fits(id)) {
        row.retain(|id| fits(id));
    }
}

/// Cases that together catch at least this share of the broken gates that any case catches, in percent: the next case is always the one that catches most of
/// what is left for its price.
#[must_use]
pub fn choose(rows: &Rows<'_>, percent: usize) -> BTreeSet<String> {
    let all = rows.values().filter(|cases| !cases.is_empty()).count();
    let wanted = all.saturating_mul(percent) / 100;
    // Case to the broken gates that it catches and no chosen one does.
    let mut catches: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (gate, cases) in rows.values().enumerate() {
        for case in cases {
            catches.entry(case).or_default().push(gate);
        }
    }
    let (mut chosen, mut started, mut caught) = (BTreeSet::new(), BTreeSet::new(), 0_usize);
    while caught < wanted {
        // As a fraction, compared without dividing; the first by id where two are worth the same.
        let mut best: Option<(&str, usize, usize)> = None;
        for (case, gates) in &catches {
            let gain = gates.len();
            let price = if started.contains(suite(case)) { 1 } else { A_START.saturating_add(1) };
            let is_better =
                best.map_or(gain > 0, |(_, most, paid)| gain.saturating_mul(paid) > most.saturating_mul(price));
            if is_better {
                best = Some((case, gain, price));
            }
        }
        let Some((case, gain, _)) = best else { break };
        let gone: BTreeSet<usize> = catches.remove(case).into_iter().flatten().collect();
        for gates in catches.values_mut() {
            gates.retain(|gate| !gone.contains(gate));
        }
        catches.retain(|_, gates| !gates.is_empty());
        caught = caught.saturating_add(gain);
        started.insert(suite(case));
        chosen.insert(case.to_owned());
    }
    chosen
}

/// Adds cases of the suites that are started anyway, until there are `most`, so that more of the broken gates are caught twice: one case alone seldom tells what is
/// wrong. The next case is always the one that catches most of those that are caught once.
pub fn catch_twice(rows: &Rows<'_>, chosen: &mut BTreeSet<String>, most: usize) {
    let started: BTreeSet<String> = chosen.iter().map(|case| suite(case).to_owned()).collect();
    while chosen.len() < most {
        let mut catches: BTreeMap<&str, usize> = BTreeMap::new();
        for row in rows.values().filter(|row| row.iter().filter(|case| chosen.contains(**case)).count() == 1) {
            for case in row.iter().filter(|case| started.contains(suite(case)) && !chosen.contains(**case)) {
                let count = catches.entry(case).or_default();
                *count = count.saturating_add(1);
            }
        }
        // The first by id where two are worth the same.
        let Some((best, _)) = catches.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0))) else { break };
        chosen.insert((*best).to_owned());
    }
}

/// How many of the broken gates that any case catches these cases catch, and how many there are.
#[must_use]
pub fn caught(rows: &Rows<'_>, cases: &BTreeSet<String>) -> (usize, usize) {
    let all: Vec<&BTreeSet<&str>> = rows.values().filter(|caught| !caught.is_empty()).collect();
    let by_these = all.iter().filter(|by| by.iter().any(|case| cases.contains(*case)));
    (by_these.count(), all.len())
}

/// The suite of a case: what stands before the second slash of its id.
fn suite(case: &str) -> &str {
    case.match_indices('/').nth(1).and_then(|(at, _)| case.get(..at)).unwrap_or(case)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use gatecheck::corpus::Corpus;
    use gatecheck::corpus::quick::chosen;

    use super::*;

    const HEADER: &str = "# The cases of `gatecheck run --quick`: the few that catch most broken gates.\n# Made by `GATECHECK_UPDATE=1 cargo test -p gatecheck-mutants --lib quick`; not edited by hand.\n";

    fn corpus() -> Corpus {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance-cases");
        Corpus::open(&folder).unwrap_or_else(|errors| panic!("{errors:#?}"))
    }

    #[test]
    fn the_quick_cases_are_few_and_catch_nine_of_ten() {
        let corpus = corpus();
        let matrix = Matrix::kept(&corpus);
        let telling = telling(&corpus, &matrix);
        let cases: BTreeSet<String> = if std::env::var_os("GATECHECK_UPDATE").is_some() {
            let mut cases = choose(&telling, CLAIMED);
            catch_twice(&telling, &mut cases, 490);
            let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
            std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("../quick.txt"), format!("{HEADER}{lines}"))
                .unwrap();
            cases
        } else {
            let known: BTreeSet<String> = corpus.quick(&[]).into_iter().collect();
            let gone: Vec<&str> = chosen().filter(|id| !corpus.cases().any(|(_, case)| case.is(id))).collect();
            assert!(gone.is_empty(), "no case has these ids any more; make the list anew: {gone:?}");
            known
        };
        assert!((200..500).contains(&cases.len()), "{} cases", cases.len());
        for (rows, how) in [(&matrix.rows(), "caught"), (&telling, "caught for what is wrong with them")] {
            let (caught, all) = caught(rows, &cases);
            assert!(caught * 10 >= all * 9, "{caught} of {all} broken gates are {how}; make the list anew");
        }
    }

    #[test]
    fn of_a_gate_that_lacks_much_as_much_is_caught_with_as_few() {
        let corpus = corpus();
        let matrix = Matrix::kept(&corpus);
        for lacks in [
            &["headers", "proxy", "toml", "host", "country", "language", "cookie-condition", "compression", "query"][..],
            &["sealed", "asymmetric", "audience", "trusted-proxy"],
        ] {
            let lacks: BTreeSet<&str> = lacks.iter().copied().collect();
            let cases = without(&corpus, &lacks);
            let can_be_asked = |case: &Case| !case.features.iter().any(|feature| lacks.contains(feature.as_str()));
            let of_it: BTreeMap<&str, bool> =
                corpus.cases().map(|(_, case)| (case.id.as_str(), can_be_asked(case))).collect();
            assert!(cases.iter().all(|id| of_it[id.as_str()]), "{lacks:?}");
            assert!((200..600).contains(&cases.len()), "{lacks:?}: {} cases", cases.len());
            let (caught, all) = caught(&telling_of(&corpus, &matrix, can_be_asked), &cases);
            assert!(caught * 10 >= all * 9, "{lacks:?}: {caught} of {all}");
        }
    }

    #[test]
    fn a_case_that_catches_two_is_chosen_before_those_that_catch_one() {
        let mut matrix = Matrix::default();
        let by = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        for (gate, killers) in [("one", &["a/s/x", "a/s/both"][..]), ("two", &["a/s/both", "b/s/y"]), ("none", &[])] {
            matrix.note(gate, by(killers), &by(killers));
        }
        let rows = matrix.rows();
        assert_eq!(choose(&rows, 100), by(&["a/s/both"]));
        assert_eq!(caught(&rows, &by(&["a/s/x"])), (1, 2));
        assert_eq!(caught(&rows, &choose(&rows, 100)), (2, 2));
        let mut twice = choose(&rows, 100);
        catch_twice(&rows, &mut twice, 9);
        assert_eq!(twice, by(&["a/s/both", "a/s/x"]), "and no suite more");
    }
}
