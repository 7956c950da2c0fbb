//! A badge: the endpoint JSON that shields.io draws, and the same as a picture that needs nobody.

use serde::Serialize;

use super::RenderError;
use super::aggregate::Aggregate;
use crate::exit::ExitStatus;

const LABEL: &str = "gatecheck";

/// The endpoint badge, as shields.io documents it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    schema_version: u8,
    label: &'static str,
    message: String,
    color: &'static str,
    is_error: bool,
}

/// The endpoint JSON.
///
/// # Errors
/// None that a run can bring about.
pub fn render_json(run: &Aggregate) -> Result<String, RenderError> {
    let (message, color) = message(run);
    let is_error = run.exit_status() != ExitStatus::AsExpected;
    let endpoint = Endpoint { schema_version: 1, label: LABEL, message, color: color.name, is_error };
    Ok(serde_json::to_string(&endpoint)? + "\n")
}

/// The picture.
#[must_use]
pub fn render_svg(run: &Aggregate) -> String {
    let (message, color) = message(run);
    let (left, right) = (width(LABEL), width(&message));
    let all = left.saturating_add(right);
    let (left_middle, right_middle) = (left / 2, left.saturating_add(right / 2));
    let color = color.hex;
    // `message` is made of words of this file and of digits, so there is nothing to escape.
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{all}" height="20" role="img" aria-label="{LABEL}: {message}">
  <title>{LABEL}: {message}</title>
  <clipPath id="corners"><rect width="{all}" height="20" rx="3"/></clipPath>
  <g clip-path="url(#corners)">
    <rect width="{left}" height="20" fill="#444c56"/>
    <rect x="{left}" width="{right}" height="20" fill="{color}"/>
  </g>
  <g fill="#fff" text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">
    <text x="{left_middle}" y="14">{LABEL}</text>
    <text x="{right_middle}" y="14">{message}</text>
  </g>
</svg>
"##
    )
}

/// A colour by its name at shields.io, and one of our own that white text can be read on.
struct Color {
    name: &'static str,
    hex: &'static str,
}

fn message(run: &Aggregate) -> (String, Color) {
    let summary = &run.tally.summary;
    let (green, yellow, red, grey) = (
        Color { name: "brightgreen", hex: "#1a7f37" },
        Color { name: "yellow", hex: "#8a6100" },
        Color { name: "red", hex: "#c62828" },
        Color { name: "lightgrey", hex: "#59636e" },
    );
    match run.exit_status() {
        ExitStatus::AsExpected if run.tally.known_leaks > 0 => {
            (format!("{}, {} known", run.score_line(), run.tally.known_leaks), red)
        }
        ExitStatus::AsExpected if summary.known > 0 => {
            (format!("{}, {} known", run.score_line(), summary.known), yellow)
        }
        ExitStatus::AsExpected if run.tally.should_findings > 0 => (run.score_line(), yellow),
        ExitStatus::AsExpected => (run.score_line(), green),
        ExitStatus::Findings if run.only_stale() => ("stale baseline".to_owned(), red),
        ExitStatus::Findings => (run.score_line(), red),
        ExitStatus::Defence => (run.score_line(), yellow),
        ExitStatus::Unreachable => ("no gate".to_owned(), grey),
        ExitStatus::Harness | ExitStatus::Usage => ("harness fault".to_owned(), grey),
    }
}

/// How wide a text is at 11 pixels of Verdana, with room on both sides: wide enough for every letter that a message has.
fn width(text: &str) -> usize {
    text.chars().count().saturating_mul(7).saturating_add(12)
}
