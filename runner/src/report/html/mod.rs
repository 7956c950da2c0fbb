//! The HTML report: one file, no network, for people.
//!
//! Everything that stands in it is text of the document, escaped by the template engine; the script is the same in every report and reads
//! only the document and the fragment of its URL. A content security policy with the digests of that script and style forbids everything else.

pub mod matrix;
pub mod shell;
mod words;

use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::aggregate::Aggregate;
use super::causes::Row;
use super::evidence::{Evidence, block, shortened};
use super::outcome::{Chapter, Outcome};
use super::{BY_ID, cases, leaks_title};
use crate::corpus::question::Question;
use crate::corpus::source::{Level, Requirement};
use crate::text::visible;
use crate::verdict::Verdict;
use crate::wire::{Answer, Client, End};
use words::{clock, length, meaning, reason_name, tone, when};

pub(super) use words::number;

const SCRIPT: &str = include_str!("page.js");
/// Longer requests and answers are cut.
const BYTES_SHOWN: usize = 6000;
/// Longer lines of a fact are cut.
const LINE: usize = 1200;
/// More findings than this are closed at first.
const OPEN: usize = 5;
/// More findings of one requirement than this are folded away.
const UNFOLDED: usize = 8;
/// What a fragment holds as it is.
const IN_FRAGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');

/// The page.
#[must_use]
pub fn render(run: &Aggregate) -> String {
    let gate = visible(&run.pins.gate);
    let title = format!("{}: {gate}", run.headline());
    let body = html! {
        div class="page" { (head(run, &gate)) }
        (tools(run))
        main class="page" {
            (leaks(run))
            (causes(run))
            (findings(run))
            (known(run))
            (requirements(run))
            p id="empty" class="empty" hidden { "Nothing fits this filter." }
            (notes(run))
        }
        footer class="page" {
            "gatecheck " (run.pins.runner_version) " · corpus " (run.pins.corpus_version) " " code { (run.pins.corpus_digest) }
        }
    };
    shell::page(&title, SCRIPT, &body)
}

fn head(run: &Aggregate, gate: &str) -> Markup {
    let pins = &run.pins;
    html! {
        header {
            div class="title" {
                span { "Gatecheck report" }
                button id="theme" class="quiet needs-script" type="button" hidden { "Dark or light" }
            }
            h1 { (gate) }
            p class={ "standing " (tone(run)) } { strong { (run.headline()) } span { (meaning(run)) } }
            (questions(run))
            (bar(run))
            dl class="pins" {
                div class="wide" { dt { "Target" } dd { code { (visible(&pins.target)) } } }
                @if let Some(when) = when(pins) { div class="wide" { dt { "When" } dd { (when) } } }
                (pin("Corpus", &format!("{} · {}", pins.corpus_version, pins.short_digest())))
                @if let Some(offset) = run.clock_offset() { (pin("Gate's clock", &clock(offset))) }
                @if let Some(seed) = pins.seed() { (pin("Seed", &seed)) }
                @if let Some(shard) = pins.shard { (pin("Part", &shard.to_string())) }
            }
        }
    }
}

fn pin(name: &str, said: &str) -> Markup {
    html! { div { dt { (name) } dd { (visible(said)) } } }
}

/// What came of the two questions.
fn questions(run: &Aggregate) -> Markup {
    html! {
        dl class="pins" id="questions" {
            @for question in Question::ALL {
                @let score = run.tally.scores.of(question);
                @if score.asked > 0 {
                    div {
                        dt { @match question { Question::Format => "Does it do what the format says?", Question::Defence => "Is it hard to get past?" } }
                        dd { (question.name()) " " (score.told()) }
                    }
                }
            }
            div { dt { "Leaks" } dd { (number(run.tally.summary.leak)) } }
        }
    }
}

/// The verdicts side by side, as wide as they are many.
fn bar(run: &Aggregate) -> Markup {
    let all = run.tally.summary.by_weight();
    let total: usize = all.iter().map(|(_, count)| count).sum();
    let mut x = 0_usize;
    let parts: Vec<(&str, usize, usize)> = all
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| {
            let at = x;
            x = x.saturating_add(count);
            (name, at, count)
        })
        .collect();
    html! {
        @if total > 0 {
            svg class="bar" viewBox={ "0 0 " (total) " 1" } preserveAspectRatio="none" role="img" aria-label=(super::counts(&run.tally.summary)) {
                @for (name, at, count) in parts { rect class=(name) x=(at) width=(count) height="1" {} }
            }
        }
    }
}

fn tools(run: &Aggregate) -> Markup {
    let summary = &run.tally.summary;
    html! {
        div class="tools" role="search" hidden {
            div class="page" {
                div class="row" {
                    input id="q" type="search" placeholder="Search ids, sentences, answers" aria-label="Search" autocomplete="off" spellcheck="false";
                    select id="level" aria-label="Level" {
                        option value="" { "Any level" }
                        @for level in [Level::Must, Level::Should, Level::Survey] { option value=(level.as_str()) { (level.as_str()) } }
                    }
                }
                div class="chips" role="group" aria-label="Verdicts" {
                    @for (name, count) in summary.by_weight() {
                        @if count > 0 || matches!(name, "pass" | "leak") {
                            button type="button" class=(name) value=(name) aria-pressed="false" { (name) " " b { (number(count)) } }
                        }
                    }
                }
                p class="shown" role="status" { (number(summary.total())) " cases" }
            }
        }
    }
}

/// The leaks that no cause explains; each leads to its finding.
fn leaks(run: &Aggregate) -> Markup {
    let leaks = run.unexplained_leaks();
    html! {
        @if !leaks.is_empty() {
            section id="leaks" {
                h2 { (leaks_title(run, leaks.len())) }
                div class="group leak" {
                    ul class="notes" {
                        @for outcome in leaks.iter().take(BY_ID) {
                            li {
                                a class="id" href={ "#case=" (utf8_percent_encode(&outcome.id, IN_FRAGMENT)) } { (visible(&outcome.id)) }
                                " " (prose(&shortened(&outcome.actual(), LINE)))
                            }
                        }
                        @if leaks.len() > BY_ID { li { "… and " (number(leaks.len().saturating_sub(BY_ID))) " more" } }
                    }
                }
            }
        }
    }
}

/// What is wrong, in at most ten lines, each with its smallest example.
fn causes(run: &Aggregate) -> Markup {
    html! {
        @if !run.causes.is_empty() {
            section id="causes" {
                h2 { "What is wrong " small { (number(run.causes.len())) " for " (number(run.explained())) " of " (number(run.findings().len())) " findings" } }
                @for cause in &run.causes {
                    div class="group" {
                        h3 { span { (prose(&cause.says)) } span class="level" { (linked(run, &cause.requirement)) " · " (cases(cause.cases.len())) } }
                        dl class="facts" {
                            @for (row, said) in cause.rows(run) { (row_of_a_cause(row, &said)) }
                        }
                    }
                }
            }
        }
    }
}

fn row_of_a_cause(row: Row, said: &str) -> Markup {
    let name = row.name();
    let name = name.get(..1).unwrap_or_default().to_ascii_uppercase() + name.get(1..).unwrap_or_default();
    match row {
        Row::Example => html! {
            dt { (name) }
            dd { a class="id" href={ "#case=" (utf8_percent_encode(said, IN_FRAGMENT)) } { (visible(said)) } }
        },
        Row::Again => html! { dt { (name) } dd { code { (visible(&shortened(said, LINE))) } } },
        Row::Got => fact(&name, "bad", said),
        Row::Request | Row::Expected | Row::LookAt => fact(&name, "", said),
    }
}

fn findings(run: &Aggregate) -> Markup {
    let told = run.findings().len();
    let open = told <= OPEN;
    html! {
        section id="findings" {
            h2 { "Findings " small id="found" { (number(told)) } a href="#requirements" { "Requirements" } }
            @for failed in &run.gates_failed {
                div class="group error" {
                    h3 { span class="badge" { "no gate" } }
                    pre { (shortened(&visible(&failed.to_string()), BYTES_SHOWN)) }
                }
            }
            @if !run.stale.is_empty() {
                div class="group fail" id="stale" {
                    h3 { span class="badge" { "stale" } "Baseline" }
                    p class="sentence" { "Known failures are strict both ways: what passes, fits nothing or has expired fails the run." }
                    ul class="notes" { @for problem in &run.stale { li { code { (visible(&format!("{}:{}", problem.file, problem.line))) } " " (prose(&problem.message)) } } }
                }
            }
            @if told == 0 && run.stale.is_empty() { p class="empty" { @if run.known().is_empty() { "None: everything that was asked was answered as expected." } @else { "None beside the known failures below." } } }
            @for (requirement, group) in run.findings_by_requirement() {
                div class="group" {
                    h3 { span class="id" { (linked(run, &requirement.id)) } span class="level" { (requirement.level.as_str()) } }
                    p class="sentence" { (prose(&requirement.sentence)) }
                    @for outcome in group.iter().take(UNFOLDED) { (finding(outcome, open)) }
                    @if group.len() > UNFOLDED {
                        details class="more" {
                            summary { "and " (number(group.len().saturating_sub(UNFOLDED))) " more of " (requirement.id) }
                            @for outcome in group.iter().skip(UNFOLDED) { (finding(outcome, open)) }
                        }
                    }
                }
            }
        }
    }
}

/// What a baseline covers, by entry.
fn known(run: &Aggregate) -> Markup {
    let known = run.known();
    let count: usize = known.iter().map(|(_, outcomes)| outcomes.len()).sum();
    html! {
        @if count > 0 {
            section id="known" {
                h2 { "Known failures " small { (number(count)) } }
                @for (entry, outcomes) in &known {
                    div class="group" {
                        h3 { span { (prose(&entry.reason)) } span class="level" { (visible(&entry.owner)) @if let Some(day) = entry.expires { " · until " (day.to_string()) } " · " (visible(&entry.at())) } }
                        @for outcome in outcomes.iter().take(UNFOLDED) { (finding(outcome, false)) }
                        @if outcomes.len() > UNFOLDED {
                            details class="more" {
                                summary { "and " (number(outcomes.len().saturating_sub(UNFOLDED))) " more" }
                                @for outcome in outcomes.iter().skip(UNFOLDED) { (finding(outcome, false)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn finding(outcome: &Outcome, open: bool) -> Markup {
    let name = outcome.standing();
    html! {
        details id={ "case=" (outcome.id) } class={ "finding " (name) } data-verdict=(name) data-level=(outcome.level.as_str()) open[open] {
            summary {
                span class="badge" { @if outcome.known.is_some() { "known " } (outcome.verdict.name()) }
                span class="id" { (visible(&outcome.id)) }
                span class="came" { (visible(&shortened(&outcome.came, LINE))) }
            }
            div class="body" {
                dl class="facts" {
                    (fact("Expected", "", &outcome.expected))
                    @if !outcome.came.is_empty() { (fact("Got", "", &outcome.came)) }
                    @for reason in outcome.reasons() { (fact(reason_name(&outcome.verdict), "bad", &reason)) }
                    @if let Some(why) = &outcome.why { (fact("Why", "", why)) }
                    @if let Some(entry) = &outcome.known { (fact("Known", "", &format!("{}: {}", entry.at(), entry.told()))) }
                    dt { "Case" }
                    dd { code { (outcome.path()) ":" (outcome.line) } " " span class="level" { (outcome.level.as_str()) " · " (outcome.requirements.join(", ")) } }
                    @if outcome.attempts > 1 { (fact("Attempts", "", &outcome.attempts.to_string())) }
                }
                @if let Some(evidence) = &outcome.evidence { (wire(evidence)) }
            }
        }
    }
}

/// The id of a requirement, which leads to where its sentence is explained.
fn linked(run: &Aggregate, id: &str) -> Markup {
    html! {
        @match run.requirement(id).and_then(Requirement::page) {
            Some(page) => a href=(page) rel="noreferrer" { (id) },
            None => (id),
        }
    }
}

fn fact(name: &str, class: &str, said: &str) -> Markup {
    html! { dt { (name) } dd class=[(!class.is_empty()).then_some(class)] { (prose(&shortened(said, LINE))) } }
}

/// A text with what stands between back-ticks as code.
fn prose(text: &str) -> Markup {
    let text = visible(text);
    let parts: Vec<&str> = text.split('`').collect();
    // Without its partner a back-tick is only a back-tick.
    let paired = parts.len() % 2 == 1;
    html! {
        @if paired {
            @for (at, part) in parts.iter().enumerate() { @if at % 2 == 1 { code { (part) } } @else { (part) } }
        } @else {
            (text)
        }
    }
}

fn wire(evidence: &Evidence) -> Markup {
    let exchange = &evidence.exchange;
    let bytes = exchange.answer.bytes();
    let what = match &exchange.answer {
        Answer::Response(response) => match response.end {
            End::Whole => "Response",
            End::Closed => "Response, cut off: the connection was closed",
            End::TimedOut => "Response, not whole within the time limit",
            End::TooLong => "Response, cut: longer than is read",
        },
        Answer::TooLong(_) => "Response: none in as much as is read",
        Answer::Closed(_) => "Response: the connection was closed",
        Answer::TimedOut(_) => "Response: none within the time limit",
    };
    let client = match exchange.client {
        Client::Plain => "ordinary client",
        Client::Raw => "byte for byte",
    };
    html! {
        div class="wire" {
            figure {
                figcaption { "Request, " (client) }
                pre tabindex="0" { (shortened(block(&exchange.sent.bytes()).trim_end(), BYTES_SHOWN)) }
            }
            figure {
                figcaption {
                    span { (what) }
                    span { (number(evidence.wire_length)) " bytes in " (length(exchange.elapsed)) }
                }
                pre tabindex="0" { @if bytes.is_empty() { "(nothing came)" } @else { (shortened(block(bytes).trim_end(), BYTES_SHOWN)) } }
            }
        }
        figure {
            figcaption { "Ask again" button class="copy quiet needs-script" type="button" hidden { "Copy" } }
            pre tabindex="0" { (visible(&evidence.again)) }
        }
    }
}

fn requirements(run: &Aggregate) -> Markup {
    let chapters = run.chapters();
    let mut areas: Vec<(&str, Vec<&Chapter<'_>>)> = Vec::new();
    for chapter in &chapters {
        let area = chapter.requirement.id.split('-').next().unwrap_or_default();
        match areas.last_mut() {
            Some((last, of_area)) if *last == area => of_area.push(chapter),
            _ => areas.push((area, vec![chapter])),
        }
    }
    let asked = chapters.iter().filter(|chapter| !chapter.outcomes.is_empty()).count();
    html! {
        section id="requirements" {
            h2 { "Requirements " small { (number(asked)) " of " (number(chapters.len())) " asked" } a href="#findings" { "Findings" } }
            @for (area, of_area) in areas {
                div class="area" {
                    h3 { (area) }
                    div class="requirements" { @for chapter in of_area { (requirement(chapter)) } }
                }
            }
        }
    }
}

fn requirement(chapter: &Chapter<'_>) -> Markup {
    let requirement = chapter.requirement;
    let standing = chapter.standing();
    let (good, all) = (chapter.summary.pass.saturating_add(chapter.summary.observed), chapter.summary.total());
    html! {
        details class={ "requirement " (standing.replace(' ', "-")) } data-level=(requirement.level.as_str()) {
            summary {
                span class="badge" { (standing) }
                span class="name" { span class="id" { (requirement.id) } span class="level" { (requirement.level.as_str()) } }
                span class="sentence" { (prose(&requirement.sentence)) }
                span class="count" { @if all > 0 { (number(good)) " of " (number(all)) } }
            }
            @if let Some(note) = &requirement.note { p class="note" { (prose(note)) } }
            @if let Some(page) = requirement.page() { p class="note" { a href=(page) rel="noreferrer" { (requirement.id) " in the ledger" } } }
            @if all == 0 {
                p class="note" { @if let Some(why) = &requirement.no_case { "No case: " (prose(why)) } @else { "No case of it was selected." } }
            } @else {
                ul class="cases" { @for outcome in &chapter.outcomes { (case(outcome)) } }
            }
        }
    }
}

fn case(outcome: &Outcome) -> Markup {
    let name = outcome.standing();
    html! {
        li class=(name) data-verdict=(name) data-level=(outcome.level.as_str()) {
            span class="word" { (name) }
            span {
                @if outcome.verdict.is_finding() {
                    a class="id" href={ "#case=" (utf8_percent_encode(&outcome.id, IN_FRAGMENT)) } { (visible(&outcome.id)) }
                } @else {
                    span class="id" { (visible(&outcome.id)) }
                }
                @if !matches!(outcome.verdict, Verdict::Pass) { span class="what" { (visible(&shortened(&outcome.reasons().join("; "), 300))) } }
            }
        }
    }
}

fn notes(run: &Aggregate) -> Markup {
    let (unsupported, not_asked, weather) = (run.unsupported(), run.not_asked(), run.weather.told());
    let is_whole = unsupported.is_empty() && not_asked.is_empty() && weather.is_empty();
    html! {
        @if !(is_whole && run.left_out.is_empty() && run.without.is_empty()) {
            section {
                h2 { "Not asked, and why" }
                ul class="notes" {
                    @for ((feature, reason), count) in unsupported {
                        li { (cases(count)) " for lack of " code { (feature) } ": " (visible(reason)) }
                    }
                    @for (reason, count) in not_asked { li { (cases(count)) ": " (visible(reason)) } }
                    @for line in weather { li { (line) } }
                    @for (suite, reason) in &run.left_out { li { "suite " code { (suite) } ": " (visible(reason)) } }
                    @for (invariant, reason) in &run.without { li { "invariant " code { (invariant.name()) } ": " (visible(reason)) } }
                }
            }
        }
    }
}
