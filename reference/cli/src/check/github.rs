//! Problems as workflow commands, which GitHub shows beside the lines of a change.
//!
//! GitHub shows the first ten errors and the first ten warnings of a step, so errors come first, and a kind that is found many
//! times in a file comes once.

use rolegate::{Problem, Severity};
use rolegate_check::InWords as _;

use super::places::Places;
use super::{Checked, Shown, json, shown};
use crate::visible;

/// The commands, a line each, and the summary.
pub(super) fn report(checked: &Checked, all: bool) -> String {
    let source = &checked.source;
    let mut lines = Vec::new();
    for severity in [Severity::Error, Severity::Warning] {
        let notes = source.layout.notes.iter().filter(|note| note.severity == severity);
        lines.extend(notes.map(|note| {
            format!(
                "::{} title=rolegate check::{}",
                json::severity(severity),
                data(&format!("{}\nhelp: {}", note.message, note.help))
            )
        }));
        let files = rolegate_files(checked);
        for Shown { problem, others } in
            shown(source, all).into_iter().filter(|shown| shown.problem.severity == severity)
        {
            let places = files.iter().find(|(file, _)| *file == problem.span.file).map(|(_, places)| places);
            lines.extend(
                places.map(|places| command(problem, others.as_deref(), &source.name(problem.span.file), places)),
            );
        }
    }
    // A line that begins with colons would be a command.
    lines.push(format!("rolegate check: {}", visible(&checked.summary())));
    lines.join("\n")
}

fn rolegate_files(checked: &Checked) -> Vec<(rolegate::RuleFile, Places<'_>)> {
    use rolegate::RuleFile::{Headers, Redirects, Toml};
    [Redirects, Toml, Headers].map(|file| (file, Places::new(file, checked.source.file(file).bytes()))).into()
}

fn command(problem: &Problem, others: Option<&str>, name: &str, places: &Places<'_>) -> String {
    let end = places.end(problem.span);
    // Columns are those of one line.
    let columns = match end.line == problem.span.line {
        true => format!(",col={},endColumn={}", problem.span.column, end.column),
        false => String::new(),
    };
    let others = others.map_or_else(String::new, |text| format!("\n{text}"));
    let text = problem.in_lines() + &others;
    format!(
        "::{} file={},line={},endLine={}{columns},title={}::{}",
        json::severity(problem.severity),
        property(name.strip_prefix("./").unwrap_or(name)),
        problem.span.line,
        end.line,
        property(problem.id),
        data(&text)
    )
}

/// What stands behind the last colons of a command.
fn data(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(visible).collect();
    lines.join("\n").replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_property_or_a_command_is_escaped() {
        for (text, as_data, as_property) in [
            ("a: b, c", "a: b, c", "a%3A b%2C c"),
            ("50%\nand %0A", "50%25%0Aand %250A", "50%25%0Aand %250A"),
            ("x\r::error::y", "x\u{fffd}::error::y", "x\u{fffd}%3A%3Aerror%3A%3Ay"),
            ("\u{1b}[31m", "\u{fffd}[31m", "\u{fffd}[31m"),
            ("ü → 日本", "ü → 日本", "ü → 日本"),
        ] {
            assert_eq!((data(text), property(text)), (as_data.to_owned(), as_property.to_owned()), "{text}");
        }
    }
}
