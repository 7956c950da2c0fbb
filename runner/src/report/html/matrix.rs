//! The matrix as a page, in the look of the report.

use maud::{Markup, html};

use super::super::matrix::{Matrix, Row, told};
use super::{number, prose, shell};
use crate::corpus::source::Level;
use crate::text::visible;

const SCRIPT: &str = include_str!("matrix.js");

/// The page.
#[must_use]
pub fn render(matrix: &Matrix) -> String {
    let body = html! {
        div class="page" { (head(matrix)) }
        (tools())
        main class="page" {
            div class="matrix" tabindex="0" role="region" aria-label="Requirements by gate" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Requirement" }
                            @for gate in &matrix.gates { th scope="col" { (visible(&gate.name)) } }
                        }
                    }
                    tbody { @for row in &matrix.rows { (line(row)) } }
                }
            }
        }
        footer class="page" { "gatecheck " (env!("CARGO_PKG_VERSION")) }
    };
    shell::page("Gates side by side", SCRIPT, &body)
}

fn head(matrix: &Matrix) -> Markup {
    html! {
        header {
            div class="title" {
                span { "Gatecheck matrix" }
                button id="theme" class="quiet needs-script" type="button" hidden { "Dark or light" }
            }
            h1 { "Gates side by side" }
            @if !matrix.one_corpus() { p class="standing unproven" { strong { "Different corpora" } span { "These gates were not asked the same." } } }
            dl class="pins" {
                @for gate in &matrix.gates {
                    div class="wide" { dt { (visible(&gate.name)) } dd { (gate.told()) } dd { code { (visible(&gate.target)) } } }
                }
            }
        }
    }
}

fn tools() -> Markup {
    html! {
        div class="tools" role="search" hidden {
            div class="page" {
                div class="row" {
                    input id="q" type="search" placeholder="Search requirements and verdicts" aria-label="Search" autocomplete="off" spellcheck="false";
                    button id="differ" type="button" aria-pressed="false" { "Only differences" }
                }
                p class="shown" role="status" {}
            }
        }
    }
}

fn line(row: &Row) -> Markup {
    html! {
        tr data-differs[row.differs()] {
            th scope="row" {
                span class="id" { (row.id) } " " span class="level" { (row.level.map_or("", Level::as_str)) @if let Some(question) = row.question { " · " (question.name()) } }
                span class="sentence" { (prose(&row.sentence)) }
            }
            @for cell in &row.cells {
                @let standing = cell.standing();
                td class=(standing.replace(' ', "-")) title=(told(cell)) {
                    @if cell.total() == 0 { span class="word" { "–" } } @else {
                        span class="word" { (standing) }
                        span class="count" { (number(cell.pass.saturating_add(cell.observed))) " of " (number(cell.total())) }
                    }
                }
            }
        }
    }
}
