//! Which few cases catch most broken gates: what `gatecheck run --quick` asks.

use std::collections::{BTreeMap, BTreeSet};

use super::matrix::Matrix;

/// A suite is a start of the gate, which takes as long as some requests.
const A_START: usize = 2;

/// Cases that together catch at least this share of the broken gates that any case catches, in percent: the next case is always the one that catches most of
/// what is left for its price.
#[must_use]
pub fn choose(matrix: &Matrix, percent: usize) -> BTreeSet<String> {
    let rows = matrix.rows();
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

/// How many of the broken gates that any case catches these cases catch, and how many there are.
#[must_use]
pub fn caught(matrix: &Matrix, cases: &BTreeSet<String>) -> (usize, usize) {
    let rows = matrix.rows();
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
        let cases: BTreeSet<String> = if std::env::var_os("GATECHECK_UPDATE").is_some() {
            // More than is claimed, so that a broken gate that is added does not break the claim.
            let cases = choose(&matrix, 95);
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
        let (caught, all) = caught(&matrix, &cases);
        assert!(caught * 10 >= all * 9, "{caught} of {all} broken gates are caught; make the list anew");
    }

    #[test]
    fn a_case_that_catches_two_is_chosen_before_those_that_catch_one() {
        let mut matrix = Matrix::default();
        let by = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        for (gate, killers) in [("one", &["a/s/x", "a/s/both"][..]), ("two", &["a/s/both", "b/s/y"]), ("none", &[])] {
            matrix.note(gate, by(killers), &by(killers));
        }
        assert_eq!(choose(&matrix, 100), by(&["a/s/both"]));
        assert_eq!(caught(&matrix, &by(&["a/s/x"])), (1, 2));
        assert_eq!(caught(&matrix, &choose(&matrix, 100)), (2, 2));
    }
}
