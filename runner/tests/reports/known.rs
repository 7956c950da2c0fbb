//! Known failures in every format: told as what they are, and never as a pass or as a failure.

use gatecheck::baseline::Baseline;
use gatecheck::exit::ExitStatus;
use gatecheck::report::Kind;
use gatecheck::report::aggregate::Aggregate;
use serde_json::Value;

use crate::run::{events, steady, with_known};
use crate::{command, tap};

fn render(kind: Kind) -> String {
    kind.render(&with_known()).unwrap()
}

/// The run with a baseline that is true of it.
fn with(entries: &str) -> Aggregate {
    let baseline = Baseline::parse("known.yaml", entries).unwrap();
    let mut run = Aggregate::default().knowing(baseline);
    events().iter().for_each(|event| run.note(event));
    run
}

#[test]
fn what_a_person_reads() {
    let terminal = gatecheck::report::terminal::TerminalReporter::new(gatecheck::report::terminal::TerminalOptions {
        all: true,
        whole: 1,
        observations: false,
        progress: false,
        columns: 80,
    });
    let run = with_known();
    let plain = anstream::adapter::strip_str(&terminal.render(&run)).to_string();
    insta::assert_snapshot!("known-terminal", steady(&plain));
    insta::assert_snapshot!("known-markdown", steady(&render(Kind::Markdown)));
    insta::assert_snapshot!("known-annotations", steady(&render(Kind::Annotations)));
}

#[test]
fn known_is_neither_pass_nor_fail() {
    let run = with_known();
    let summary = run.tally.summary;
    assert_eq!((summary.known, summary.fail, summary.leak, summary.unproven), (2, 0, 1, 1), "a known leak is a leak");
    assert_eq!((run.tally.known_leaks, run.tally.new_leaks), (1, 0));
    assert_eq!(summary.total(), run.outcomes.len());
    assert_eq!(run.tally.stale, 2, "{:#?}", run.stale);
    assert_eq!(run.exit_status(), ExitStatus::Findings);
}

#[test]
fn junit_skips_it_with_what_is_known() {
    let text = render(Kind::Junit);
    let report = quick_junit::Report::deserialize_from_str(&text).unwrap();
    let run = with_known();
    assert_eq!(report.skipped, run.tally.summary.unsupported + 3);
    assert_eq!(report.failures, run.tally.summary.unproven + run.tally.stale);
    let document = roxmltree::Document::parse(&text).unwrap();
    let messages: Vec<&str> = document
        .descendants()
        .filter(|node| node.has_tag_name("skipped"))
        .filter_map(|node| node.attribute("message"))
        .collect();
    assert!(
        messages.contains(&"known leak, known.yaml:10: Mended in the next release. (ann, until 2027-02-01)"),
        "{messages:#?}"
    );
}

#[test]
fn tap_has_it_to_do_and_fails_what_is_stale() {
    let points = tap(&render(Kind::Tap));
    let run = with_known();
    assert_eq!(points.len(), run.outcomes.len() + run.stale.len());
    let todo: Vec<&str> = points
        .iter()
        .filter(|point| point.directive.starts_with("TODO known: "))
        .map(|point| point.description.as_str())
        .collect();
    assert_eq!(todo, ["http/odd/nul-in-target", "http/odd/should-be-so", "role/denial/hostile-answer"]);
    assert!(points.iter().filter(|point| todo.contains(&point.description.as_str())).all(|point| !point.ok));
    let stale = points.iter().filter(|point| point.description.starts_with("baseline known.yaml:"));
    assert!(stale.clone().all(|point| !point.ok && point.directive.is_empty()));
    assert_eq!(stale.count(), 2);
}

#[test]
fn sarif_suppresses_it_and_says_why() {
    let log: Value = serde_json::from_str(&render(Kind::Sarif)).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 4, "it is still told");
    for result in results {
        let case = result["properties"]["case"].as_str().unwrap();
        let suppressions = result["suppressions"].as_array().unwrap();
        assert_eq!(suppressions.is_empty(), case == "role/denial/proves-nothing", "{case}");
        for one in suppressions {
            assert_eq!((one["kind"].as_str(), one["status"].as_str()), (Some("external"), Some("accepted")));
            let place = &one["location"]["physicalLocation"];
            assert_eq!(place["artifactLocation"]["uri"], "known.yaml");
            assert!(one["justification"].as_str().unwrap().contains("edge-team") || case.ends_with("hostile-answer"));
        }
    }
    let notifications = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    assert!(notifications.iter().any(|one| one["message"]["text"].as_str().unwrap().contains("passes now")));
}

#[test]
fn annotations_point_into_the_baseline() {
    let text = render(Kind::Annotations);
    let read: Vec<_> = text.lines().map(command).collect();
    let about = |file: &str, name: &str| {
        read.iter()
            .filter(|(command, properties, _)| command == name && properties.get("file").is_some_and(|one| one == file))
            .count()
    };
    assert_eq!(
        (about("known.yaml", "error"), about("known.yaml", "warning"), about("known.yaml", "notice")),
        (2, 1, 2)
    );
}

#[test]
fn json_and_badge_name_it() {
    let report: Value = serde_json::from_str(&render(Kind::Json)).unwrap();
    let of = |id: &str| report["results"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone();
    assert_eq!(of("http/odd/nul-in-target")["verdict"], "fail", "the verdict is the verdict");
    assert_eq!(of("http/odd/nul-in-target")["known"]["at"], "known.yaml:5");
    assert_eq!(of("role/denial/proves-nothing")["known"], Value::Null, "the entry has expired");
    assert_eq!(report["stale"].as_array().unwrap().len(), 2);

    let only_known = with(
        "- { cases: [http/odd/should-be-so, http/odd/nul-in-target, role/denial/proves-nothing], reason: r, owner: o }\n- { cases: role/denial/hostile-answer, reason: r, owner: o, expires: 2027-02-01, verdict: leak }\n",
    );
    assert_eq!((only_known.stale.len(), only_known.findings().len()), (0, 1), "an error cannot be known");
    let badge: Value = serde_json::from_str(&Kind::BadgeJson.render(&only_known).unwrap()).unwrap();
    assert_eq!(badge["message"], "no gate", "{badge}");
}

#[test]
fn a_leak_is_known_by_its_own_name_alone() {
    for (entries, stale) in [
        // By a pattern without a word of a leak: it stays a leak, and the entry is told.
        ("- { cases: [role/denial/hostile-answer], reason: r, owner: o }\n", "does not cover a leak"),
        ("- { cases: [role/denial/hostile-answer], reason: r, owner: o, verdict: fail }\n", "does not cover a leak"),
        // By a pattern with it: never.
        ("- { cases: role/denial, reason: r, owner: o, expires: 2027-02-01, verdict: leak }\n", "never by a pattern"),
        ("- { cases: NOLEAK-1, reason: r, owner: o, expires: 2027-02-01, verdict: leak }\n", "never by a pattern"),
        (
            "- { cases: role/denial/hostile-answer, reason: r, owner: o, expires: 2027-01-14, verdict: leak }\n",
            "ended on",
        ),
    ] {
        let run = with(entries);
        assert_eq!((run.tally.new_leaks, run.headline()), (1, "LEAK"), "{entries}");
        assert!(run.stale.iter().any(|problem| problem.message.contains(stale)), "{entries}: {:#?}", run.stale);
    }
    let named =
        with("- { cases: role/denial/hostile-answer, reason: r, owner: o, expires: 2027-01-15, verdict: leak }\n");
    assert_eq!((named.tally.new_leaks, named.tally.known_leaks, named.stale.len()), (0, 1, 0), "the last day counts");
}

#[test]
fn an_entry_is_strict_both_ways() {
    for (entries, says) in [
        (
            "- { cases: http/odd/control, reason: r, owner: o }\n",
            "known.yaml:1:3: `http/odd/control` passes now; remove this entry",
        ),
        (
            "- { cases: [http/odd/control, http/odd/should-be-so], reason: r, owner: o }\n",
            "fit only what fails (1 of 2 cases)",
        ),
        ("- { cases: http/odd/no-such, reason: r, owner: o }\n", "`http/odd/no-such` fits no case"),
        (
            "- { cases: http/odd/should-be-so, reason: r, owner: o, verdict: unproven }\n",
            "is `fail` now, and this entry covers `unproven` alone",
        ),
        ("- { cases: http/odd/should-be-so, reason: r, owner: o, expires: 2027-01-14 }\n", "ended on 2027-01-14"),
    ] {
        let run = with(entries);
        assert_eq!(run.tally.stale, 1, "{entries}: {:#?}", run.stale);
        assert!(run.stale[0].to_string().contains(says), "{}", run.stale[0]);
    }
}

#[test]
fn a_flaky_entry_may_pass_and_may_fail() {
    for (case, covered) in [("http/odd/control", false), ("http/odd/should-be-so", true)] {
        let run = with(&format!("- {{ cases: {case}, reason: r, owner: o, expires: 2027-02-01, flaky: true }}\n"));
        assert_eq!(run.tally.stale, 0, "{case}: {:#?}", run.stale);
        assert_eq!(run.outcomes[case].known.is_some(), covered, "{case}");
        assert!(run.baseline.entries[0].told().contains("flaky"), "{case}");
    }
    let ended = with("- { cases: http/odd/should-be-so, reason: r, owner: o, expires: 2027-01-14, flaky: true }\n");
    assert_eq!((ended.tally.stale, ended.outcomes["http/odd/should-be-so"].known.is_some()), (1, false));
}

#[test]
fn mistakes_in_a_baseline_have_a_place() {
    for (entries, says) in [
        ("- { cases: a/b, reason: r }\n", "owner"),
        ("- { cases: a/b, reason: '', owner: o }\n", "`reason` is empty"),
        ("- { cases: a/b, reason: r, owner: ' ' }\n", "`owner` is empty"),
        ("- { cases: [], reason: r, owner: o }\n", "covers nothing"),
        ("- { cases: a/b, reason: r, owner: o, verdict: leak }\n", "expires: YYYY-MM-DD"),
        ("- { cases: a/b, reason: r, owner: o, flaky: true }\n", "expires: YYYY-MM-DD"),
        (
            "- { cases: a/b, reason: r, owner: o, expires: 2027-02-01, verdict: leak, flaky: true }\n",
            "leave `flaky` out",
        ),
        ("- { cases: a/b, reason: r, owner: o, verdict: pass }\n", "pass"),
        ("- { cases: a/b, reason: r, owner: o, expires: 31.12.2027 }\n", "write YYYY-MM-DD"),
        ("- { cases: a/b, reason: r, owner: o, until: never }\n", "until"),
        ("nothing\n", ""),
    ] {
        let errors = Baseline::parse("known.yaml", entries).unwrap_err();
        assert!(errors[0].to_string().starts_with("known.yaml:1:"), "{}", errors[0]);
        assert!(errors[0].message.contains(says), "{entries}: {}", errors[0]);
    }
    assert!(Baseline::parse("known.yaml", "[]\n").unwrap().entries.is_empty());
}
