//! What was seen of a deployed gate before its first case, as a page on standard error: standard output is for the report.

use std::fmt::Write as _;
use std::io::Write as _;

use gatecheck::look::{Check, Standing};
use gatecheck::text::visible;
use owo_colors::OwoColorize;

/// Shows the page.
pub(super) fn show(checks: &[Check]) {
    let _ = anstream::stderr().lock().write_all(page(checks).as_bytes());
}

fn page(checks: &[Check]) -> String {
    let mut out = String::from("Looked at before the first case:\n");
    for check in checks {
        let (mark, name) = (mark(check.standing), format!("{:<9}", check.about.name()));
        let _ = writeln!(out, "  {mark}  {}  {}", name.bold(), visible(&check.seen));
        if !check.to_do.is_empty() {
            let _ = writeln!(out, "         {:<9}  {}", "", visible(&check.to_do).dimmed());
        }
    }
    out.push('\n');
    out
}

fn mark(standing: Standing) -> String {
    match standing {
        Standing::Good => "ok   ".green().to_string(),
        Standing::Odd => "look ".yellow().to_string(),
        Standing::Wrong => "wrong".red().to_string(),
    }
}
