//! What to write instead of what cannot be meant as it is written: in words, and as a text where they name one thing.

mod conditions;
mod stars;

use std::ops::Range;

use super::destination::Names;
use super::fields::{Field, within_one_edit};
use super::parts::read_status;
use crate::authority::is_authority;
use crate::rules::is_of_a_function;
use crate::words;

pub(super) use conditions::{TOGETHER, of_apart, of_condition, of_roles};
pub(super) use stars::{
    of_double_star, of_foreign_segment, of_literal_star, of_middle_star, of_prefix_star, of_star_in_destination,
};

/// What to write, in words, and the text itself where the words name one and no other could be meant.
#[derive(Clone, Debug)]
pub(crate) struct Instead {
    pub(crate) help: String,
    pub(crate) text: Option<String>,
}

impl Instead {
    pub(crate) fn new(help: impl Into<String>, text: impl Into<String>) -> Instead {
        Instead { help: help.into(), text: Some(text.into()) }
    }

    fn words(help: impl Into<String>) -> Instead {
        Instead { help: help.into(), text: None }
    }
}

impl From<String> for Instead {
    fn from(help: String) -> Instead {
        Instead::words(help)
    }
}

impl From<&str> for Instead {
    fn from(help: &str) -> Instead {
        Instead::words(help)
    }
}

/// No longer value of a condition is repeated in what is said about it.
const SHOWN: usize = 40;

/// Characters that look like one of the format and are others, each with the one that it looks like.
const LOOK_ALIKES: [(char, char); 8] = [
    ('\u{ff0a}', '*'),
    ('\u{2217}', '*'),
    ('\u{204e}', '*'),
    ('\u{ff0f}', '/'),
    ('\u{2215}', '/'),
    ('\u{2044}', '/'),
    ('\u{ff1a}', ':'),
    ('\u{ff01}', '!'),
];

/// The first character of a text that looks like one of the format, as a sentence about it.
pub(super) fn of_look_alike(text: &str) -> Option<String> {
    text.chars().find_map(|c| {
        let (_, meant) = LOOK_ALIKES.iter().find(|(like, _)| *like == c)?;
        Some(format!("`{c}` (U+{:04X}) looks like `{meant}` and is another character", u32::from(c)))
    })
}

/// A text with the characters of the format in the place of those that look like them.
pub(super) fn without_look_alikes(text: &str) -> String {
    let meant = |c: char| LOOK_ALIKES.iter().find(|(like, _)| *like == c).map_or(c, |(_, meant)| *meant);
    text.chars().map(meant).collect()
}

/// What to write instead of a first field in which commas part fields.
pub(super) fn of_commas(from: &str) -> Option<Instead> {
    let is_parted = [",/", ",http://", ",https://"].iter().any(|comma| from.contains(comma));
    is_parted.then(|| {
        Instead::new(
            "fields are parted by spaces, and a comma is part of a path: write a space in the place of each comma",
            from.replace(',', " "),
        )
    })
}

/// The path with each backslash and each encoded slash as a slash.
pub(super) fn with_slashes(path: &str) -> String {
    ["\\", "%5C", "%5c", "%2F", "%2f"].iter().fold(path.to_owned(), |path, other| path.replace(other, "/"))
}

/// The path with an escape for each percent sign that starts none.
pub(super) fn with_percent_signs(path: &str) -> String {
    let mut pieces = path.split('%');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |path, piece| {
        let is_escape = piece.len() >= 2 && piece.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
        path + if is_escape { "%" } else { "%25" } + piece
    })
}

/// What to write instead of a path that the platform keeps for itself.
pub(super) fn of_reserved(path: &str) -> &'static str {
    match is_of_a_function(path) {
        true => "no rule is met where a function answers: the function has to look at the token itself",
        false => "choose another path; `to` may lead there",
    }
}

/// What to write instead of a line that begins with no path, and may belong into another file.
pub(super) fn of_no_path(text: &str) -> Instead {
    if let Some(help) = of_quotes(text, &["/"]) {
        return help;
    }
    if is_host_of_the_web(text) {
        return format!("write `https://{text}`, or the path alone").into();
    }
    of_no_path_at_all(text)
}

const QUOTES: [char; 3] = ['"', '\'', '`'];

/// What to write instead of a text in quotation marks that begins so.
fn of_quotes(text: &str, beginnings: &[&str]) -> Option<Instead> {
    let quoted = text.trim_matches(QUOTES);
    (quoted != text && beginnings.iter().any(|begin| quoted.starts_with(begin)))
        .then(|| Instead::new(format!("nothing is quoted here: write `{quoted}`"), quoted))
}

/// What to write instead of the quoted fields of a line, the first of which is its path.
pub(super) fn of_quoted_fields(fields: &[Field<'_>]) -> Option<(Range<usize>, Instead)> {
    let is_quoted = |field: &&Field<'_>| {
        field.text.len() > 1 && field.text.starts_with(QUOTES) && field.text.chars().last() == field.text.chars().next()
    };
    let bare = |field: &Field<'_>| field.text.trim_matches(QUOTES).to_owned();
    let first = fields.first().filter(is_quoted).filter(|first| bare(first).starts_with('/'))?;
    let last = fields.iter().rposition(|field| is_quoted(&field))?;
    let quoted: Vec<String> = fields.iter().filter(is_quoted).map(bare).collect();
    let written: Vec<String> = fields
        .get(..=last)?
        .iter()
        .map(|field| if is_quoted(&field) { bare(field) } else { field.text.to_owned() })
        .collect();
    let help = format!("nothing is quoted here: write `{}`", quoted.join("`, `"));
    Some((first.start..fields.get(last)?.end(), Instead::new(help, written.join(" "))))
}

/// Whether a text begins as the name of a host on the web does, without a scheme.
fn is_host_of_the_web(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    host.len() <= SHOWN && host.strip_prefix("www.").is_some_and(|name| name.contains('.')) && is_authority(host)
}

/// What to write instead of a path with a query in it: its parameters as fields of their own.
pub(super) fn of_query(from: &str) -> Option<Instead> {
    let (path, query) = from.split_once('?').filter(|_| from.len() <= SHOWN)?;
    let is_parameter = |text: &str| text.split_once('=').is_some_and(|(key, _)| !key.is_empty());
    let fields: Vec<&str> = query.split('&').collect();
    let is_plain = !query.contains(['#', '?', '*', ':']) && fields.iter().all(|field| is_parameter(field));
    let written = format!("{path} {}", fields.join(" "));
    is_plain.then(|| Instead::new(format!("a parameter is a field of its own: write `{written}`"), written))
}

/// How a destination begins, as it is said.
const A_DESTINATION: &str = "a destination begins with `/`, `http://` or `https://`";

/// What to write instead of a word where a destination is looked for; an empty text where it goes.
pub(super) fn of_word_before_destination(word: &str, has_destination: bool) -> Instead {
    if matches!(word, "->" | "=>" | "-->" | "==>" | ">" | "→" | "to") {
        return Instead::new(format!("leave `{word}` out: spaces alone stand between the fields"), "");
    }
    if let Some(digits) = word.strip_prefix('!').filter(|digits| read_status(digits).is_some()) {
        let written = format!("{digits}!");
        let help = format!("the `!` that forces a rule stands directly after the status: write `{written}`");
        return Instead::new(help, written);
    }
    if let Some(help) = of_quotes(word, &["/", "http"]) {
        return help;
    }
    if let Some(help) = of_destination(word).filter(|_| !has_destination) {
        return help;
    }
    let space = if has_destination { "; a space in a path is `%20`" } else { "" };
    format!("a parameter is `key=value`; {A_DESTINATION}{space}").into()
}

/// What to write instead of a host or a file where a destination stands.
pub(super) fn of_destination(word: &str) -> Option<Instead> {
    let is_file = [".html", ".htm", ".pdf", ".php", ".txt", ".xml", ".json"].iter().any(|end| word.ends_with(end));
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    let before = match () {
        () if is_host_of_the_web(word) => "https://",
        () if is_file && is_plain && !word.starts_with('.') && word.len() <= SHOWN => "/",
        () => return None,
    };
    let written = format!("{before}{word}");
    Some(Instead::new(format!("write `{written}`: {A_DESTINATION}"), written))
}

/// What to write instead of a name in a host, where it was meant to stand behind it: `https://a.example:splat`.
pub(super) fn of_name_in_host(to: &str, names: &Names<'_>) -> Option<Instead> {
    let (scheme, rest) = to.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    let (host, name) = host.split_once(':')?;
    let is_known = name.starts_with(|c: char| c.is_ascii_alphabetic()) && names.iter().any(|known| known == name);
    let written = format!("{scheme}://{host}/:{name}{path}");
    (is_known && host.contains('.') && is_authority(host) && to.len() <= 2 * SHOWN)
        .then(|| Instead::new(format!("a slash stands between a host and a path: write `{written}`"), written))
}

fn of_no_path_at_all(text: &str) -> Instead {
    if text.starts_with(['\u{ff0f}', '\u{2215}', '\u{2044}']) {
        let help = "the first character looks like a slash and is another one: begin with `/`";
        return Instead::new(help, without_look_alikes(text));
    }
    let is_field = text.strip_suffix(':').is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()));
    match text {
        _ if is_field => "a header field stands in `_headers`, below the path that it is for",
        text if text.starts_with("[[") => {
            "this is what `netlify.toml` holds: write it there, or each rule on a line of its own"
        }
        _ => words::help::FROM_NOT_A_PATH,
    }
    .into()
}

/// What to write instead of a name in a destination, with its colon, that is none of `names`.
pub(super) fn of_unknown_name(unknown: &str, names: &Names<'_>) -> String {
    let own = unknown.trim_start_matches(':');
    let begins_so = |name: &&str| {
        name.strip_prefix(own).is_some_and(|rest| rest.starts_with(|c: char| !(c.is_alphanumeric() || c == '_')))
    };
    if let Some(longer) = names.iter().find(begins_so) {
        return format!(
            "`from` captures `:{longer}`, since a name goes to the end of its segment: write `:{longer}` here, or `:{own}` there"
        );
    }
    let is_number = own.bytes().all(|byte| byte.is_ascii_digit());
    let is_meant = |name: &&str| if is_number { *name == "splat" } else { within_one_edit(own, name) };
    match names.iter().filter(|name| name.len() > 2).find(is_meant) {
        Some(name) => format!("write `:{name}`, which `from` captures, or `%3A` for a colon"),
        None => words::help::TO_UNKNOWN_NAME.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_destinations() {
        for (unknown, names, instead) in [
            (":slug", &["slug.html"][..], "`from` captures `:slug.html`"),
            (":1", &["splat"], "write `:splat`"),
            (":spalt", &["splat"], "write `:splat`"),
            (":id", &["slug"], "capture it"),
            (":1", &[], "capture it"),
        ] {
            let help = of_unknown_name(unknown, &Names::new(names.iter().copied()));
            assert!(help.contains(instead), "{unknown}: {help}");
        }
    }

    #[test]
    fn lines_of_other_files() {
        for (text, instead) in [
            ("X-Frame-Options:", "`_headers`"),
            ("[[redirects]]", "`netlify.toml`"),
            ("admin", "begin with"),
            ("\u{ff0f}admin/*", "looks like a slash"),
            (":", "begin with"),
        ] {
            assert!(of_no_path(text).help.contains(instead), "{text}");
        }
    }
}
