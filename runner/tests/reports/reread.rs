//! A JSON report holds the run: what is read back is told in every format as it was, and parts become the whole.

use gatecheck::report::Kind;
use gatecheck::report::aggregate::Aggregate;
use gatecheck::report::json::Report;
use gatecheck::report::merge::{Named, merge};
use gatecheck::shard::Shard;

use crate::run::{aggregate, corpus, no_gate, with_known};

fn report(run: &Aggregate) -> Report {
    serde_json::from_str(&Kind::Json.render(run).unwrap()).unwrap()
}

#[test]
fn what_is_read_back_is_told_as_it_was() {
    for run in [aggregate(), with_known(), no_gate()] {
        let again = Aggregate::reread(&report(&run), &corpus(), None).unwrap();
        assert_eq!(again.exit_status(), run.exit_status());
        for kind in Kind::ALL {
            assert_eq!(kind.render(&again).unwrap(), kind.render(&run).unwrap(), "{kind}");
        }
    }
}

/// The run cut into parts, as the runner would have cut it.
fn parts(run: &Aggregate, of: usize) -> Vec<Named> {
    let whole = report(run);
    (1..=of)
        .map(|index| {
            let shard = Shard::new(index, of).unwrap();
            let mut part = whole.clone();
            part.results = whole.results[shard.range(whole.results.len())].to_vec();
            let stamp = part.run.as_mut().unwrap();
            stamp.shard = Some(shard.to_string());
            stamp.seeds = vec![u32::try_from(index).unwrap()];
            Named { file: format!("{index}.json"), report: part }
        })
        .collect()
}

/// Without what tells when and in which order.
fn timeless(mut report: Report) -> Report {
    let stamp = report.run.as_mut().unwrap();
    stamp.seeds.clear();
    stamp.millis = 0.0;
    report
}

#[test]
fn parts_become_the_whole_in_any_order() {
    let run = with_known();
    let expected = serde_json::to_value(timeless(report(&run))).unwrap();
    for of in [1, 2, 5, 20] {
        let mut parts = parts(&run, of);
        for _ in 0..2 {
            let whole = merge(&parts, &corpus()).unwrap();
            assert_eq!(whole.summary, run.tally.summary);
            let again = report(&Aggregate::reread(&whole, &corpus(), None).unwrap());
            let seeds: Vec<u32> = again.run.as_ref().unwrap().seeds.clone();
            assert_eq!(seeds, (1..=u32::try_from(of).unwrap()).collect::<Vec<_>>(), "each part says its own");
            assert_eq!(serde_json::to_value(timeless(again)).unwrap(), expected, "of {of}");
            parts.reverse();
        }
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let run = aggregate();
    let refused = |change: &dyn Fn(&mut Vec<Named>)| {
        let mut parts = parts(&run, 3);
        change(&mut parts);
        merge(&parts, &corpus()).unwrap_err().to_string()
    };
    let stamp = |named: &mut Named| named.report.run.clone().unwrap();
    for (change, says) in [
        (
            (&|parts: &mut Vec<Named>| drop(parts.remove(1))) as &dyn Fn(&mut Vec<Named>),
            "part 2/3 is missing; run it with `--shard 2/3`",
        ),
        (&|parts| parts.push(parts[0].clone()), "part 1/3 is there twice: 1.json and 1.json"),
        (&|parts| parts.clear(), "nothing to merge"),
        (&|parts| parts[1].report.corpus.digest = "0123".to_owned(), "corpus differs"),
        (
            &|parts| parts.iter_mut().for_each(|part| part.report.corpus.digest = "0123".to_owned()),
            "made with another corpus (0123, here: ",
        ),
        (&|parts| parts[2].report.gate = "another".to_owned(), "gate differs: `gate.example"),
        (
            &|parts| {
                let mut run = stamp(&mut parts[1]);
                run.conditions.patterns = vec!["role".to_owned()];
                parts[1].report.run = Some(run);
            },
            "1.json and 2.json are no parts of one run: patterns differs: `` and `role`",
        ),
        (
            &|parts| {
                let mut run = stamp(&mut parts[1]);
                run.shard = None;
                parts[1].report.run = Some(run);
            },
            "2.json is a whole run",
        ),
        (
            &|parts| {
                let mut run = stamp(&mut parts[1]);
                run.shard = Some("2/4".to_owned());
                parts[1].report.run = Some(run);
            },
            "different divisions, into 3 and 4",
        ),
        (&|parts| drop(parts[1].report.results.pop()), "1 case of the selection in no part, for example `"),
        (
            &|parts| {
                let twice = parts[0].report.results[0].clone();
                parts[1].report.results.push(twice);
            },
            "is in another part as well",
        ),
        (&|parts| parts[1].report.baseline = report(&with_known()).baseline, "baseline differs"),
    ] {
        let said = refused(change);
        assert!(said.contains(says), "{says}: {said}");
    }
}
