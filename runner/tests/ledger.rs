//! The ledger and the cases keep each other honest: every requirement has its cases, or a written reason why it has none.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gatecheck::corpus::expectation::Expected;
use gatecheck::corpus::question::Question;
use gatecheck::corpus::source::{Level, Sides};
use gatecheck::corpus::{Case, Corpus};

fn corpus() -> Corpus {
    Corpus::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance-cases"))
        .unwrap_or_else(|errors| panic!("{}", errors.iter().map(|error| format!("{error}\n")).collect::<String>()))
}

#[test]
fn every_requirement_has_a_case_or_a_reason() {
    let corpus = corpus();
    let tested: BTreeSet<&str> =
        corpus.cases().flat_map(|(_, case)| case.requirements.iter().map(String::as_str)).collect();
    let mut wrong = Vec::new();
    for one in &corpus.requirements {
        match (tested.contains(one.id.as_str()), &one.no_case) {
            (false, None) => wrong.push(format!("{} has neither a case nor a `no-case` reason", one.id)),
            (true, Some(reason)) => wrong.push(format!("{} says it has no case ({reason}), but it has", one.id)),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_requirement_with_two_sides_has_cases_on_both() {
    let corpus = corpus();
    let mut sides: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for (suite, case) in corpus.cases().filter(|(suite, _)| suite.has_protected_files()) {
        for id in &case.requirements {
            let (admitted, denied) = sides.entry(id).or_default();
            match &case.expected {
                Expected::Judge(_) if case.shows_protected(suite) => *admitted = true,
                Expected::Judge(_) => *denied = true,
                Expected::Observe { .. } => (*admitted, *denied) = (true, true),
            }
        }
    }
    let wrong: Vec<_> = corpus
        .requirements
        .iter()
        .filter(|one| one.sides == Sides::Both && one.no_case.is_none())
        .filter_map(|one| match sides.get(one.id.as_str()).copied().unwrap_or_default() {
            (true, true) => None,
            (admitted, denied) => Some(format!("{}: admitted side {admitted}, denied side {denied}", one.id)),
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_corpus_is_as_large_as_it_says() {
    let corpus = corpus();
    assert!(corpus.written() >= 120, "{} written cases", corpus.written());
    assert!(corpus.len() >= 700, "{} cases", corpus.len());
}

#[test]
fn every_refusing_case_says_what_a_failing_gate_got_wrong() {
    let corpus = corpus();
    let turns_away = ["denied", "refused", "not-canonical"];
    let refuses = |expected: &Expected| {
        expected.alternatives().any(|one| one.name.as_deref().is_some_and(|name| turns_away.contains(&name)))
    };
    let mute: BTreeSet<String> = corpus
        .cases()
        .filter(|(suite, case)| suite.has_protected_files() && case.level != Level::Survey && refuses(&case.expected))
        .filter(|(_, case)| case.why.is_none() && case.id != case.control)
        .map(|(suite, case)| format!("{}:{} {}", suite.file, case.line, case.written_id))
        .collect();
    assert!(
        mute.is_empty(),
        "{} cases without `why`:\n{}",
        mute.len(),
        mute.into_iter().collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn every_base_token_carries_alg_and_typ() {
    let corpus = corpus();
    for suite in &corpus.suites {
        for (name, recipe) in
            suite.recipes.0.iter().filter(|(_, recipe)| recipe.base.is_none() && recipe.header_text.is_none())
        {
            assert!(recipe.header.contains_key("alg") && recipe.header.contains_key("typ"), "{}: {name}", suite.id);
        }
    }
}

#[test]
fn no_two_cases_of_a_suite_ask_the_same_and_expect_another_status() {
    let corpus = corpus();
    let status = |expected: &Expected| -> BTreeSet<u16> {
        expected.alternatives().flat_map(|one| one.status.iter().copied()).collect()
    };
    for suite in &corpus.suites {
        let mut seen: BTreeMap<String, &gatecheck::corpus::Case> = BTreeMap::new();
        let asked = |case: &gatecheck::corpus::Case| case.of.is_none() && matches!(case.expected, Expected::Judge(_));
        for case in suite.cases.iter().filter(|case| asked(case)) {
            if let Some(other) = seen.insert(format!("{:?}", case.request), case) {
                assert!(
                    !status(&other.expected).is_disjoint(&status(&case.expected)),
                    "{} and {} contradict each other",
                    case.id,
                    other.id
                );
            }
        }
    }
}

#[test]
fn no_must_rests_on_what_its_sentence_does_not_say() {
    let unsaid = gatecheck::corpus::assertion::unsaid(&corpus());
    assert!(unsaid.is_empty(), "{}", unsaid.into_iter().collect::<Vec<_>>().join("\n"));
}

/// A MUST of the defence is one because an RFC demands it, or because whoever is let in by a miss is let in by that alone.
/// A gate that says that it drops what it cannot read (`unsupported: sealed`) is not asked about it.
#[test]
fn every_case_about_a_sealed_line_can_be_left_out() {
    let corpus = corpus();
    let is_about_it = |case: &Case| ["RULES-9", "RULES-10"].contains(&case.requirements[0].as_str());
    let wrong: Vec<&str> = corpus
        .cases()
        .filter(|(suite, case)| is_about_it(case) && !case.shows_protected(suite))
        .filter(|(_, case)| !case.features.iter().any(|feature| feature == "sealed"))
        .map(|(_, case)| case.id.as_str())
        .collect();
    assert!(wrong.is_empty(), "these cases lack `features: sealed`: {wrong:#?}");
}

#[test]
fn every_must_of_the_defence_has_its_reason() {
    let mute: Vec<String> = corpus()
        .requirements
        .iter()
        .filter(|one| one.level == Level::Must && one.question() == Question::Defence && one.no_case.is_none())
        .filter(|one| one.quote.0.is_empty() && one.opens.is_none())
        .map(|one| one.id.clone())
        .collect();
    assert!(mute.is_empty(), "neither `quote` nor `opens`: {}", mute.join(", "));
}

/// Where cases are about HTTP, JOSE and JSON, a MUST quotes the sentence that makes it one; it may be a MUST of the format, or fail only where somebody gets in.
#[test]
fn every_must_about_a_protocol_quotes_its_sentence() {
    let corpus = corpus();
    let about_a_protocol = |id: &str| ["wire/", "http/", "jose/", "json/"].iter().any(|area| id.starts_with(area));
    let mute: BTreeSet<String> = corpus
        .cases()
        .filter(|(suite, case)| about_a_protocol(&suite.id) && case.level == Level::Must && case.quotes.is_empty())
        .filter_map(|(suite, case)| Some((suite, case, corpus.requirement(case.requirement())?)))
        .filter(|(_, _, one)| one.question() == Question::Defence && one.quote.0.is_empty() && one.opens.is_none())
        .map(|(suite, case, one)| format!("{}/{}: {}", suite.id, case.written_id, one.id))
        .collect();
    assert!(mute.is_empty(), "{}", mute.into_iter().collect::<Vec<_>>().join("\n"));
}

/// `.ci/docs` holds that these anchors are there.
#[test]
fn every_requirement_has_its_place_on_the_docs_site() {
    let corpus = corpus();
    for one in &corpus.requirements {
        let place = format!("{}requirements/#{}", env!("CARGO_PKG_HOMEPAGE"), one.id);
        assert_eq!(one.page(), Some(place));
    }
    let mut of_somebody_else = corpus.requirements[0].clone();
    of_somebody_else.id = "MINE-1".to_owned();
    assert_eq!(of_somebody_else.page(), None);
}

/// A quotation is a whole run of words from one place, so that whoever has the RFC finds it by a search: nothing is left out, and no second place is named.
#[test]
fn a_quotation_says_where_it_stands() {
    let corpus = corpus();
    let of_cases = corpus.cases().flat_map(|(_, case)| case.quotes.iter());
    let wrong: BTreeSet<&String> = corpus
        .requirements
        .iter()
        .flat_map(|one| &one.quote.0)
        .chain(of_cases)
        .filter(|quote| !is_a_quotation(quote))
        .collect();
    assert!(wrong.is_empty(), "not `RFC 9112 §3.2: “…”`, with the words as they stand there: {wrong:#?}");
}

/// Whether this is `RFC`, its number, a section, and words in quotation marks.
fn is_a_quotation(text: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((place, words)) = text.trim().split_once(": “") else { return false };
    let Some((rfc, section)) = place.strip_prefix("RFC ").and_then(|place| place.split_once(" §")) else {
        return false;
    };
    let Some(words) = words.strip_suffix('”') else { return false };
    number(rfc) && section.split('.').all(number) && !words.trim().is_empty() && !words.contains(['…', '“', '”'])
}
