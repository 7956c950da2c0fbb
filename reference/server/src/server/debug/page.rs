//! The debug page as HTML. Every text that is put in is escaped by maud; there is no script.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use rolegate::edge::{Network, Seen};
use rolegate::explain::{Explanation, visitor_in_words};
use rolegate::visitor::Visitor;

use super::Question;

/// The style of the page, whose digest the content security policy names.
pub(super) const STYLE: &str = include_str!("page.css");

/// What the page shows.
pub(super) struct Shown<'a> {
    pub(super) action: &'a str,
    pub(super) question: &'a Question,
    pub(super) visitor: &'a Visitor,
    pub(super) seen: &'a Seen<'a>,
    pub(super) explanation: &'a Explanation,
    /// How many rules there are.
    pub(super) rules: usize,
    pub(super) readers: &'a [Network],
}

pub(super) fn page(shown: &Shown<'_>) -> String {
    let Shown { question, explanation, .. } = shown;
    let path = String::from_utf8_lossy(&question.target);
    let roles = question.roles.join(", ");
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (explanation.status) " " (path) " · gate" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "What the gate decides" }
                form action=(shown.action) method="get" {
                    label { span { "Path" } input name="path" value=(path) autocomplete="off" spellcheck="false" autocapitalize="off" autofocus; }
                    label { span { "Roles " small { "instead of yours" } } input name="roles" value=(roles) placeholder="yours" autocomplete="off" spellcheck="false" autocapitalize="off"; }
                    button { "Explain" }
                }
                section class=(if explanation.denied { "answer denied" } else { "answer" }) {
                    h2 { (explanation.headline()) }
                    @if explanation.denied {
                        p {
                            "The visitor is denied: the file at the requested path is never the answer."
                            @if explanation.rule.is_none() { " No later rule says what to show instead, so it is a 404." }
                        }
                    }
                }
                (visitor(shown))
                (rules(shown))
                footer {
                    "This page is shown to visitors from "
                    @for (place, network) in shown.readers.iter().enumerate() {
                        @if place > 0 { ", " }
                        code { (network) }
                    }
                    " alone. It holds no secret and no token, but rules and roles; switch it off where nobody needs it."
                }
            }
        }
    };
    markup.into_string()
}

fn visitor(shown: &Shown<'_>) -> Markup {
    let Shown { question, visitor, seen, .. } = shown;
    html! {
        section {
            h2 { @if question.roles.is_empty() { "You" } @else { "You, with other roles" } }
            dl {
                dt { "Visitor" }
                dd { (prose(&visitor_in_words(visitor))) }
                dt { "Asked" }
                dd { code { (seen.scheme.name()) "://" (seen.host.unwrap_or("?")) } }
                dt { "Address" }
                dd {
                    @match seen.client { Some(client) => code { (client) }, None => "not known" }
                    @if seen.through_proxy { " (a trusted proxy says so)" }
                }
                dt { "Country" }
                dd { @match &seen.country { Some(country) => (country), None => "not known" } }
            }
        }
    }
}

fn rules(shown: &Shown<'_>) -> Markup {
    let Shown { explanation, rules, .. } = shown;
    let other = explanation.for_other_paths();
    html! {
        section {
            h2 { "Why" }
            @if explanation.refused.is_some() { p { "The address cannot be read, so no rule is asked." } }
            @if *rules == 0 { p { "This site has no rules: every file is public." } }
            ol {
                @for passed in explanation.passed_over.iter().filter(|passed| !passed.is_for_another_path()) {
                    li class=(passed.why) { (rule(passed.line, &passed.text, &passed.reason)) }
                }
                @if let (Some(deciding), Some(decides)) = (&explanation.rule, explanation.decides()) {
                    li class="decides" { (rule(deciding.line, &deciding.text, &decides)) }
                }
            }
            @if explanation.rule.is_none() && explanation.refused.is_none() && *rules > 0 { p { "No rule decides." } }
            @match other {
                0 => {},
                1 => p { "One rule is for another path." },
                _ => p { (other) " rules are for other paths." },
            }
        }
    }
}

fn rule(line: usize, text: &str, reason: &str) -> Markup {
    html! {
        span class="line" { "line " (line) }
        code { (text) }
        p { (prose(reason)) }
    }
}

/// A sentence whose back-ticks become code.
fn prose(sentence: &str) -> Markup {
    html! {
        @for (place, part) in sentence.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
