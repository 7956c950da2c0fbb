//! How the `[[headers]]` of `netlify.toml` are read (HEADERS-6, HEADERS-8).

use super::toml::{entries_of, lines};
use crate::{Defect, Mutant};

use Defect::TomlText;

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "toml/header-fields-not-read",
        "HEADERS-8",
        "`[[headers]]` of `netlify.toml` is not read, but for its passwords",
        TomlText(|text| entries(text, |entry| asks(entry).then(|| entry.to_owned()))),
    ),
    Mutant::new(
        "toml/header-fields-for-every-path",
        "HEADERS-8",
        "the header fields of `netlify.toml` are sent with every page of the site",
        TomlText(|text| {
            entries(text, |entry| match entry.split_once('\n') {
                Some((_, rest)) if !asks(entry) => Some(format!("for = \"/*\"\n{rest}")),
                _ => Some(entry.to_owned()),
            })
        }),
    ),
    Mutant::new(
        "toml/first-text-of-a-list",
        "HEADERS-8",
        "of a list of values in `[[headers]]` only the first is sent",
        TomlText(|text| {
            lines(text, |line| match line.split_once("\", \"") {
                Some((first, _)) if line.contains("= [") => format!("{first}\"]\n"),
                _ => line.to_owned(),
            })
        }),
    ),
    Mutant::new(
        "toml/basic-auth-not-asked",
        "HEADERS-6",
        "`Basic-Auth` in `netlify.toml` is passed over, and its path is open",
        TomlText(|text| lines(text, |line| if asks(line) { String::new() } else { line.to_owned() })),
    ),
    Mutant::new(
        "toml/basic-auth-is-a-field",
        "HEADERS-6",
        "`Basic-Auth` in `netlify.toml` is sent as a header field like any other",
        TomlText(|text| lines(text, |line| if asks(line) { line.replace("asic-", "asics-") } else { line.to_owned() })),
    ),
];

/// Whether a line or an entry asks for a password.
fn asks(text: &str) -> bool {
    text.contains("Basic-Auth") || text.contains("basic-auth")
}

/// The file with every entry of header fields changed or left out.
fn entries(text: &str, change: impl Fn(&str) -> Option<String>) -> String {
    entries_of("[[headers]]\n", text, change)
}
