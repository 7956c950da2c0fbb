//! The page for people: one card a rule. What it says, who was let in, who was not, and the requests that matter, each with a command line.

use gatecheck::exit::ExitStatus;
use gatecheck::report::aggregate::Aggregate;
use gatecheck::report::html::shell;
use gatecheck::text::visible;
use gatecheck::verdict::Verdict;
use maud::{Markup, html};

use crate::Audit;
use crate::table::{count, forwarded, left_out, thousands};
use crate::verdicts::{RuleVerdict, Standing, headline, reasons, why};

/// More findings of a rule than this are told by number.
const WHOLE: usize = 20;

/// The page.
#[must_use]
pub fn render(audit: &Audit, run: &Aggregate, verdicts: &[RuleVerdict<'_>], site: Option<&str>) -> String {
    let body = html! {
        header class="page" {
            h1 { "Audit of " (visible(&run.pins.target)) }
            p class={ "standing " (tone(run, verdicts)) } { strong { (headline(run, verdicts).0) } }
            (summary(audit, verdicts, site))
        }
        main class="page" {
            @for note in &audit.notes { p class="note" { (visible(note)) } }
            @for verdict in ordered(verdicts) { (card(verdict)) }
            footer {
                dl class="pins" {
                    @for (name, value) in run.stamp() { div { dt { (name) } dd { (visible(&value)) } } }
                }
            }
        }
    };
    shell::page("Audit", "", &body)
}

/// The colour of the whole.
fn tone(run: &Aggregate, verdicts: &[RuleVerdict<'_>]) -> &'static str {
    match run.exit_status() {
        ExitStatus::AsExpected if headline(run, verdicts).1 => "unproven",
        ExitStatus::AsExpected => "pass",
        _ if run.tally.new_leaks > 0 => "leak",
        _ => "fail",
    }
}

/// What needs a look first, then in list order.
fn ordered<'v, 'a>(verdicts: &'v [RuleVerdict<'a>]) -> Vec<&'v RuleVerdict<'a>> {
    let mut all: Vec<&RuleVerdict<'a>> = verdicts.iter().collect();
    all.sort_by_key(|verdict| match verdict.standing {
        Standing::Acts => 8,
        Standing::NotAsked => 9,
        Standing::Shut => 7,
        standing => standing as u8,
    });
    all
}

fn summary(audit: &Audit, verdicts: &[RuleVerdict<'_>], site: Option<&str>) -> Markup {
    let sizes = &audit.sizes;
    html! {
        dl class="facts" {
            dt { "Rules" } dd { (thousands(sizes.rules.0)) ", " (count(sizes.rules.1, "gate")) " among them, in " (sizes.rule_files.join(", ")) }
            dt { "Files" } dd { (thousands(sizes.files.0)) ", " (thousands(sizes.files.1)) " of them closed to somebody" }
            dt { "Visitors" } dd { (sizes.visitors) }
            @if let Some(site) = site { dt { "This site?" } dd { (visible(site)) } }
            dt { "Asked" } dd {
                (count(sizes.requests, "request"))
                @if !sizes.left_out.is_empty() { "; " (left_out(sizes)) }
                @if sizes.forwarded > 0 { "; " (forwarded(sizes)) }
            }
            dt { "Gates" } dd {
                @for standing in [Standing::Open, Standing::Otherwise, Standing::Unproven, Standing::Unjudged, Standing::Unsupported, Standing::Denied, Standing::Sampled, Standing::ClosesNothing, Standing::Contested, Standing::Shut, Standing::NotAsked] {
                    @let gates = verdicts.iter().filter(|verdict| verdict.standing == standing && verdict.rule.is_gate).count();
                    @if gates > 0 { span class="count" { (gates) " " (standing.word()) } " " }
                }
            }
        }
    }
}

fn card(verdict: &RuleVerdict<'_>) -> Markup {
    let rule = verdict.rule;
    let class = match verdict.standing {
        Standing::Open => "leak",
        Standing::Otherwise | Standing::Unproven => "fail",
        Standing::Unjudged => "error",
        Standing::Denied | Standing::Sampled | Standing::ClosesNothing | Standing::Contested => "unproven",
        Standing::Shut | Standing::Acts => "pass",
        Standing::NotAsked | Standing::Unsupported => "unsupported",
    };
    let open = !matches!(verdict.standing, Standing::Shut | Standing::Acts | Standing::NotAsked);
    html! {
        details class={ "finding " (class) } open[open] id=(rule.id) {
            summary {
                span class="badge" { (verdict.standing.word()) }
                span class="id" { (visible(&rule.pattern)) " " (visible(&rule.condition)) }
                span class="level" { (rule.file) ":" (rule.line) }
            }
            div class="body" {
            @if !verdict.says.is_empty() { p class="sentence" { (visible(&verdict.says)) } }
            dl class="facts" {
                dt { "Rule" } dd { code { (visible(&rule.text)) } }
                dt { "Requests" } dd { (thousands(verdict.requests)) }
                @if !rule.left_out.is_empty() { dt { "Left out" } dd { (rule.left_out.told()) } }
                @if rule.files > 0 { dt { "Closes" } dd { (count(rule.files, "file")) } }
                @if rule.is_gate {
                    dt { "Let in" }
                    dd { @if verdict.let_in.is_empty() { "nobody" } @else { (listed(verdict.let_in.iter().map(|who| visible(who)))) } }
                    dt { "Turned away" }
                    dd {
                        @if verdict.turned_away.is_empty() { "nobody" }
                        @else { (listed(verdict.turned_away.iter().map(|(who, times)| format!("{} ({})", visible(who), thousands(*times))))) }
                    }
                }
            }
            @for (outcome, about) in verdict.findings.iter().take(WHOLE) {
                details class={ "finding " (outcome.verdict.name()) } open {
                    summary {
                        span class="badge" { (outcome.verdict.name()) }
                        @if let Some(about) = about { span class="id" { (visible(&about.target)) } span class="level" { "for " (visible(&about.visitor)) } }
                    }
                    div class="body" {
                    dl class="facts" {
                        dt { "Expected" } dd { (visible(outcome.expected.split("; or ").next().unwrap_or_default())) }
                        dt { "Got" } dd { (visible(&outcome.came)) }
                        @for reason in reasons(outcome) {
                            dt { @if matches!(outcome.verdict, Verdict::Leak(_)) { "Leaked" } @else { "Differs" } } dd { (visible(&reason)) }
                        }
                        @if let Some(why) = why(outcome, *about, verdict) { dt { "Why" } dd { (why) } }
                        @if let Some(known) = &outcome.known { dt { "Known" } dd { (visible(&known.told())) } }
                    }
                    @if let Some(evidence) = &outcome.evidence { pre { code { (visible(&evidence.again)) } } }
                    }
                }
            }
            @if verdict.findings.len() > WHOLE { p { "and " (count(verdict.findings.len().saturating_sub(WHOLE), "more finding")) } }
            }
        }
    }
}

fn listed(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
