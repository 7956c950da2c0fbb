//! `check --format html`: a page with a picture of who gets what, the same file by file, and what was found. One file, without
//! scripts; every text that is put in is escaped by maud.

use std::sync::Arc;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use rolegate::Severity;
use rolegate_check::InWords as _;
use rolegate_check::map::{Class, Gets, Map, Row};

use super::map::{Column, gates, label, limits, name};
use super::{Checked, Shown, json, shown};
use crate::{counted, visible};

const STYLE: &str = include_str!("page.css");

/// So many areas are drawn, and so many rows of each told.
const AREAS: usize = 200;
const ROWS: usize = 500;

/// The names of more visitors than that stand upright above their columns.
const MANY: usize = 8;

/// The page.
pub(super) fn page(checked: &Checked, map: &Map, all: bool) -> String {
    let Checked { rules, source, .. } = checked;
    let site = visible(&source.layout.published.display().to_string());
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Who gets what of " (site) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Who gets what" }
                    p { (visible(&checked.summary())) }
                }
                (picture(map))
                @for area in map.areas.iter().take(AREAS) {
                    section {
                        h2 { code { (visible(&area.paths)) } }
                        p.soft { (gates(area, rules, source).join(", ")) }
                        (rows(&area.rows, &Column::of(area), map))
                        @if !area.ways.is_empty() {
                            p { strong { "Given out elsewhere as well" } }
                            (rows(&area.ways, &Column::of(area), map))
                        }
                    }
                }
                @if map.areas.len() > AREAS {
                    p.soft { (counted(map.areas.len() - AREAS, "more area")) "; --format json has all" }
                }
                section {
                    details {
                        summary { h2 { "Everybody gets the same" } span.soft { (counted(map.everybody.len(), "path")) } }
                        (rows(&map.everybody, &[Column::first()], map))
                    }
                }
                (findings(checked, all))
            }
        }
    };
    markup.into_string()
}

/// Areas × visitors.
fn picture(map: &Map) -> Markup {
    html! {
        section.picture {
            div.scroll tabindex="0" role="region" aria-label="Who gets what, by area" {
                table.grid.many[map.visitors.len() > MANY] {
                    thead {
                        tr {
                            th scope="col" { "Paths" }
                            @for who in &map.visitors {
                                th.who scope="col" { span { (name(who).trim_matches('`')) } }
                            }
                        }
                    }
                    tbody {
                        @for area in map.areas.iter().take(AREAS) {
                            tr {
                                th scope="row" { code { (visible(&area.paths)) } }
                                @for place in 0..map.visitors.len() { (cell(area.rows.iter().chain(&area.ways), |row| row.gets.get(place).map(Arc::as_ref))) }
                            }
                        }
                        @if !map.everybody.is_empty() {
                            tr {
                                th scope="row" { "everything else" }
                                @for _ in &map.visitors { (cell(map.everybody.iter(), |row| row.gets.first().map(Arc::as_ref))) }
                            }
                        }
                    }
                }
            }
            ul.legend {
                @for class in Class::ALL {
                    li { (icon(class)) span { (class.meaning()) } }
                }
            }
            @for limit in limits(map) { p.soft { (limit) } }
        }
    }
}

/// What one visitor gets in an area: each class that there is, the most open first, with how many paths have it.
fn cell<'r>(rows: impl Iterator<Item = &'r Row>, gets: impl Fn(&'r Row) -> Option<&'r Gets>) -> Markup {
    let all: Vec<&Gets> = rows.filter_map(gets).collect();
    let classes: Vec<(Class, usize)> = Class::ALL
        .into_iter()
        .map(|class| (class, all.iter().filter(|gets| gets.class == class).count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    // The class is said by the first; what nobody has a file for says little beside the rest.
    let main = classes.iter().find(|(class, _)| *class != Class::Nothing).or(classes.first());
    let title: Vec<String> =
        classes.iter().map(|(class, count)| format!("{}: {}", counted(*count, "path"), class.meaning())).collect();
    html! {
        td.(main.map_or("nothing", |(class, _)| class.name())) title=(title.join("\n")) {
            @for (class, _) in classes.iter().filter(|(class, _)| *class != Class::Nothing || classes.len() == 1) { (icon(*class)) }
            span.hidden { (title.join(", ")) }
        }
    }
}

fn rows(rows: &[Row], columns: &[Column], map: &Map) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Path by path" {
            table.rows {
                thead {
                    tr {
                        th scope="col" { "Path" }
                        @for column in columns { th scope="col" { (column.name(&map.visitors).replace('`', "")) } }
                    }
                }
                tbody {
                    @for row in rows.iter().take(ROWS) {
                        tr {
                            th scope="row" { code { (label(row)) } }
                            @for column in columns {
                                @match column.gets(row) {
                                    Some(gets) => td.(gets.class.name()) data-who=(column.name(&map.visitors).replace('`', "")) { (icon(gets.class)) span { (visible(&gets.words())) } },
                                    None => td {},
                                }
                            }
                        }
                    }
                }
            }
        }
        @if rows.len() > ROWS {
            p.soft { (counted(rows.len() - ROWS, "more path")) "; --format json has all" }
        }
    }
}

fn findings(checked: &Checked, all: bool) -> Markup {
    let source = &checked.source;
    let found = shown(source, all);
    html! {
        section {
            h2 { "What was found" }
            @if found.is_empty() && source.layout.notes.is_empty() { p.soft { "Nothing." } }
            ul.found {
                @for note in &source.layout.notes {
                    li.(json::severity(note.severity)) { p { strong { (json::severity(note.severity)) } " " (visible(&note.message)) } p.soft { (visible(&note.help)) } }
                }
                @for Shown { problem, others } in &found {
                    li.(json::severity(problem.severity)) {
                        p {
                            strong { (json::severity(problem.severity)) } " "
                            code { (visible(&source.name(problem.span.file))) ":" (problem.span.line) } " "
                            (visible(&problem.message)) " " small { (problem.id) }
                        }
                        p.soft { "A visitor gets: " (visible(problem.visitor())) }
                        p.soft { (visible(&problem.help)) }
                        @if let Some(others) = others { p.soft { (others) } }
                    }
                }
                @for accepted in &checked.accepted {
                    li.accepted {
                        p {
                            strong { "accepted" } " "
                            code { (visible(&source.name(accepted.problem.span.file))) ":" (accepted.problem.span.line) } " "
                            (visible(&accepted.problem.message)) " " small { (accepted.problem.id) }
                        }
                        p.soft { (visible(&accepted.reason)) @if accepted.problem.severity == Severity::Error { "; the line is in error" } }
                    }
                }
            }
        }
    }
}

/// A shape for each class, so that colour is not all that tells them.
fn icon(class: Class) -> Markup {
    let shape = match class {
        Class::Open => r#"<circle cx="10" cy="10" r="8"/><path class="mark" d="M6 10.5l3 3 5.5-6.5"/>"#,
        Class::Sent => {
            r#"<rect x="2" y="2" width="16" height="16" rx="4"/><path class="mark" d="M5 10h9M10.5 6.5L14 10l-3.5 3.5"/>"#
        }
        Class::Instead => r#"<path d="M3 3h14v14H3z"/><path class="mark" d="M6 7.5h8M6 10.5h8M6 13.5h4.5"/>"#,
        Class::Closed => r#"<path d="M6.5 2h7L18 6.5v7L13.5 18h-7L2 13.5v-7z"/><path class="mark" d="M5.5 10h9"/>"#,
        Class::Nothing => r#"<circle class="hollow" cx="10" cy="10" r="7"/>"#,
    };
    html! { svg class=(format!("icon {}", class.name())) viewBox="0 0 20 20" aria-hidden="true" { (PreEscaped(shape)) } }
}
