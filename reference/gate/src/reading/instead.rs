//! What to write instead of what cannot be meant as it is written.

use super::conditions::Form;
use super::destination::Names;
use super::fields::within_one_edit;
use super::parts::read_status;
use crate::authority::is_authority;
use crate::rules::is_of_a_function;
use crate::words;

/// No longer value of a condition is repeated in what is said about it.
const SHOWN: usize = 40;

/// The conditions, each with what people call it.
const CONDITIONS: [(&str, &[&str]); 4] = [
    ("Role", &["roles"]),
    ("Country", &["countries", "geo"]),
    ("Language", &["languages", "lang", "langs", "locale"]),
    ("Cookie", &["cookies"]),
];

/// What to write instead of a condition that is none.
pub(super) fn of_condition(key: &str, values: &[&str], form: Form) -> String {
    let lower = key.to_lowercase();
    // What stands below a heading of TOML belongs to it.
    if super::toml::is_field(&lower) && form != Form::Text {
        return format!("`{key}` is a field of the rule and no condition: move it above `[redirects.conditions]`");
    }
    let known = match lower.as_str() {
        "status" | "force" => {
            "a status stands alone before the conditions, as in `200!`, where the `!` forces the rule"
        }
        "host" | "domain" | "hostname" => {
            let host = values.first().filter(|host| host.contains('.') && host.len() <= SHOWN && !host.contains('/'));
            let url = format!("https://{}/path", host.unwrap_or(&"www.example.com"));
            return format!("no condition looks at the host: write it into `from`, as in `{url}`");
        }
        "header" | "headers" => {
            "no condition looks at a header; the conditions are `Role`, `Country`, `Language` and `Cookie`"
        }
        "query" | "param" | "params" | "parameter" => {
            "no condition looks at the query: parameters stand between `from` and `to`, and in `netlify.toml` under `query`"
        }
        _ if key.ends_with(['!', '<', '>', '~', '^', '-']) || key.starts_with(['!', '-', '~', '^']) => {
            "a condition says whom a rule is for, by name, and never whom it is not for: write `Role=` with the roles of \
             those whom it lets in, and below it what everybody else gets"
        }
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    let is_word = key.chars().all(char::is_alphabetic);
    let meant = CONDITIONS
        .iter()
        .filter(|_| is_word)
        .find(|(name, called)| called.contains(&lower.as_str()) || within_one_edit(&lower, &name.to_lowercase()));
    match (meant, values.join(",")) {
        (None, _) => "the conditions are `Role`, `Country`, `Language` and `Cookie`".to_owned(),
        (Some((name, _)), value) if value.is_empty() || value.len() > SHOWN => format!("write `{name}`"),
        (Some((name, _)), value) => match form {
            Form::Text => format!("write `{name}={value}`"),
            Form::Quoted => format!("write `{name} = \"{value}\"`"),
            Form::List => format!(
                "write `{name} = [{}]`",
                values.iter().map(|value| format!("\"{value}\"")).collect::<Vec<_>>().join(", ")
            ),
        },
    }
}

/// What to write instead of roles whose names hold punctuation; `names` are those that stand between it.
pub(super) fn of_roles(key: &str, role: &str, names: &[&str]) -> String {
    let names: Vec<&str> =
        names.iter().copied().filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("role")).collect();
    if ["${", "$(", "{{", "<%", "#{"].iter().any(|begin| role.contains(begin)) {
        return "nothing is put in the place of a variable here: write the name of the role".to_owned();
    }
    // `R&D` and `O'Brien`
    let is_inside = |at: usize| {
        let (before, after) = (role.get(..at).unwrap_or_default(), role.get(at + 1..).unwrap_or_default());
        before.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric)
    };
    let is_of_a_name = role.find(['&', '\'']).is_some_and(is_inside);
    match names.as_slice() {
        [] => "write the names of roles, parted by commas".to_owned(),
        names if is_of_a_name => format!(
            "if these are the roles that are meant, write `{key}={}`; if it is one, give it a name of letters, digits and hyphens",
            names.join(",")
        ),
        names => format!("if these are the roles that are meant, write `{key}={}`", names.join(",")),
    }
}

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

/// What to write instead of a line whose fields are parted by commas.
pub(super) fn of_commas(from: &str) -> Option<&'static str> {
    let is_parted = [",/", ",http://", ",https://"].iter().any(|comma| from.contains(comma));
    is_parted.then_some(
        "fields are parted by spaces, and a comma is part of a path: write a space in the place of each comma",
    )
}

/// What to write instead of a path that the platform keeps for itself.
pub(super) fn of_reserved(path: &str) -> &'static str {
    match is_of_a_function(path) {
        true => "no rule is met where a function answers: the function has to look at the token itself",
        false => "choose another path; `to` may lead there",
    }
}

/// What to write instead of a line that begins with no path, and may belong into another file.
pub(super) fn of_no_path(text: &str) -> String {
    if let Some(help) = of_quotes(text, &["/"]) {
        return help;
    }
    if is_host_of_the_web(text) {
        return format!("write `https://{text}`, or the path alone");
    }
    of_no_path_at_all(text).to_owned()
}

/// What to write instead of a text in quotation marks that begins so.
fn of_quotes(text: &str, beginnings: &[&str]) -> Option<String> {
    let quoted = text.trim_matches(['"', '\'', '`']);
    (quoted != text && beginnings.iter().any(|begin| quoted.starts_with(begin)))
        .then(|| format!("nothing is quoted here: write `{quoted}`"))
}

/// Whether a text begins as the name of a host on the web does, without a scheme.
fn is_host_of_the_web(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    host.len() <= SHOWN && host.strip_prefix("www.").is_some_and(|name| name.contains('.')) && is_authority(host)
}

/// What to write instead of a path with a query in it: its parameters as fields of their own.
pub(super) fn of_query(from: &str) -> Option<String> {
    let (path, query) = from.split_once('?').filter(|_| from.len() <= SHOWN)?;
    let is_parameter = |text: &str| text.split_once('=').is_some_and(|(key, _)| !key.is_empty());
    let fields: Vec<&str> = query.split('&').collect();
    let is_plain = !query.contains(['#', '?', '*', ':']) && fields.iter().all(|field| is_parameter(field));
    is_plain.then(|| format!("a parameter is a field of its own: write `{path} {}`", fields.join(" ")))
}

/// What to write instead of a word where a destination is looked for.
pub(super) fn of_word_before_destination(word: &str, has_destination: bool) -> String {
    const A_DESTINATION: &str = "a destination begins with `/`, `http://` or `https://`";
    if matches!(word, "->" | "=>" | "-->" | "==>" | ">" | "→" | "to") {
        return format!("leave `{word}` out: spaces alone stand between the fields");
    }
    if let Some(digits) = word.strip_prefix('!').filter(|digits| read_status(digits).is_some()) {
        return format!("the `!` that forces a rule stands directly after the status: write `{digits}!`");
    }
    if let Some(help) = of_quotes(word, &["/", "http"]) {
        return help;
    }
    if !has_destination && is_host_of_the_web(word) {
        return format!("write `https://{word}`: {A_DESTINATION}");
    }
    let is_file = [".html", ".htm", ".pdf", ".php", ".txt", ".xml", ".json"].iter().any(|end| word.ends_with(end));
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    if !has_destination && is_file && is_plain && !word.starts_with('.') && word.len() <= SHOWN {
        return format!("write `/{word}`: {A_DESTINATION}");
    }
    let space = if has_destination { "; a space in a path is `%20`" } else { "" };
    format!("a parameter is `key=value`; {A_DESTINATION}{space}")
}

/// What to write instead of a condition whose parts stand apart, as in `Role = admin`.
pub(super) fn of_apart<'f>(word: &str, after: impl Iterator<Item = &'f str>) -> String {
    const TOGETHER: &str = "a condition is `Key=value`; no space stands around `=` or `,`";
    let mut after = after;
    let is_key = CONDITIONS.iter().any(|(name, _)| name.eq_ignore_ascii_case(word));
    let value = match after.next() {
        Some("=") => after.next(),
        Some(text) => text.strip_prefix('='),
        None => None,
    };
    let is_whole = after.next().is_none();
    let value = value.filter(|value| is_whole && is_key && !value.is_empty() && !value.contains('='));
    match value.filter(|value| value.len() <= SHOWN && !value.split(',').any(str::is_empty)) {
        Some(value) => format!("write `{word}={value}`: {TOGETHER}"),
        None => TOGETHER.to_owned(),
    }
}

/// What to write instead of a name in a host, where it was meant to stand behind it: `https://a.example:splat`.
pub(super) fn of_name_in_host(to: &str, names: &Names<'_>) -> Option<String> {
    let (scheme, rest) = to.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    let (host, name) = host.split_once(':')?;
    let is_known = name.starts_with(|c: char| c.is_ascii_alphabetic()) && names.iter().any(|known| known == name);
    (is_known && host.contains('.') && is_authority(host) && to.len() <= 2 * SHOWN)
        .then(|| format!("a slash stands between a host and a path: write `{scheme}://{host}/:{name}{path}`"))
}

fn of_no_path_at_all(text: &str) -> &'static str {
    let is_field = text.strip_suffix(':').is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()));
    match text {
        text if text.starts_with(['\u{ff0f}', '\u{2215}', '\u{2044}']) => {
            "the first character looks like a slash and is another one: begin with `/`"
        }
        _ if is_field => "a header field stands in `_headers`, below the path that it is for",
        text if text.starts_with("[[") => {
            "this is what `netlify.toml` holds: write it there, or each rule on a line of its own"
        }
        _ => words::help::FROM_NOT_A_PATH,
    }
}

/// What to write instead of a `from` that ends in letters and a star.
pub(super) fn of_prefix_star(path: &str) -> String {
    let before = path.trim_end_matches('/').trim_end_matches('*');
    let (folder, name) = before.rsplit_once('/').unwrap_or_default();
    match (folder, name.ends_with(char::is_alphanumeric)) {
        _ if before.contains('*') => words::help::FROM_PREFIX_STAR.to_owned(),
        (_, true) => format!("write `{before}/*` for what lies below `{before}`, or list the paths"),
        ("", false) => words::help::FROM_PREFIX_STAR.to_owned(),
        (folder, false) => format!("write `{folder}/*` for all that lies below `{folder}`, or list the paths"),
    }
}

/// What to write instead of a `from` with a star among letters.
pub(super) fn of_literal_star(path: &str) -> String {
    let before = path.split('*').next().unwrap_or_default();
    let ending =
        path.strip_prefix("/*.").filter(|ending| !ending.is_empty() && ending.chars().all(char::is_alphanumeric));
    if let Some(ending) = ending {
        return format!(
            "no rule is for what ends in `.{ending}`: a star stands at the end of a path, as a segment of its own, so write a rule for each \
             folder, such as `/folder/*`, or for each page; write `%2A` if a star is meant"
        );
    }
    match before.rsplit_once('/') {
        Some((folder, _)) if !folder.is_empty() => {
            format!("write `{folder}/*` for all that lies below `{folder}`, or `%2A` if a star is meant")
        }
        _ => words::help::FROM_LITERAL_STAR.to_owned(),
    }
}

/// What to write instead of a `from` with a star as a segment that is not the last.
pub(super) fn of_middle_star(path: &str) -> String {
    match path.split("/*/").collect::<Vec<_>>().as_slice() {
        ["", rest] if !rest.contains('*') => format!("write `/:name/{rest}` for one segment"),
        [before, rest] if !rest.contains('*') => {
            format!("write `{before}/:name/{rest}` for one segment, or `{before}/*` for all that lies below `{before}`")
        }
        _ => words::help::FROM_MIDDLE_STAR.to_owned(),
    }
}

/// What to write instead of a `from` with two stars beside each other.
pub(super) fn of_double_star(path: &str) -> String {
    let (before, after) = path.split_once("**").unwrap_or((path, ""));
    let folder = before.trim_end_matches('/');
    match (folder, after) {
        _ if folder.contains('*') => words::help::FROM_DOUBLE_STAR.to_owned(),
        ("", "") => "write `/*`: it covers every depth".to_owned(),
        ("", _) => words::help::FROM_DOUBLE_STAR.to_owned(),
        (folder, _) => format!("write `{folder}/*`: it covers every depth"),
    }
}

/// What to write instead of a `from` in which the segment at `at` is written as other programs do.
pub(super) fn of_foreign_segment(path: &str, at: usize) -> String {
    let folder = path.get(..at).unwrap_or_default().trim_end_matches('/');
    if folder.is_empty() || folder.contains('*') {
        return words::help::FROM_FOREIGN_SYNTAX.to_owned();
    }
    format!("write `{folder}/:name` for one segment, or `{folder}/*` for all that lies below `{folder}`")
}

/// What to write instead of a star in the path of a destination, if there is one.
pub(super) fn of_star_in_destination(text: &str) -> Option<String> {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let at = path.find('*')?;
    let meant = path.strip_suffix("/*").filter(|stem| !stem.contains('*'));
    Some(match meant {
        Some(stem) => {
            format!("write `{stem}/:splat` for what the star of `from` stands for, or `%2A` if a star is meant")
        }
        None => {
            let before = path.get(..at).unwrap_or_default();
            format!(
                "after `{before}`, write `:splat` for what the star of `from` stands for, or `%2A` if a star is meant"
            )
        }
    })
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
    fn conditions() {
        for (key, values, instead) in [
            ("Roles", &["admin"][..], "write `Role=admin`"),
            ("ROLE", &["a", "b"], "write `Role=a,b`"),
            ("Rolle", &[], "write `Role`"),
            ("Contry", &["de"], "write `Country=de`"),
            ("lang", &["de"], "write `Language=de`"),
            ("Role!", &["guest"], "never whom it is not for"),
            ("Group", &["a"], "the conditions are"),
            ("Host", &["a"], "write it into `from`"),
            ("Host", &["a.example"], "as in `https://a.example/path`"),
            ("status", &["200"], "a status stands alone before the conditions"),
        ] {
            let help = of_condition(key, values, Form::Text);
            assert!(help.contains(instead), "{key}: {help}");
        }
        assert_eq!(of_condition("Roles", &["a", "b"], Form::List), "write `Role = [\"a\", \"b\"]`");
        for key in ["status", "force", "to"] {
            let help = of_condition(key, &["200"], Form::Quoted);
            assert!(help.contains("move it above `[redirects.conditions]`"), "{help}");
        }
    }

    #[test]
    fn stars() {
        for (of, path, instead) in [
            (of_prefix_star as fn(&str) -> String, "/admin*", "write `/admin/*` for"),
            (of_prefix_star, "/blog/post-*", "write `/blog/*` for"),
            (of_prefix_star, "/post-*", "list the paths"),
            (of_prefix_star, "/*/a*", "list the paths"),
            (of_literal_star, "/admin/*.html", "write `/admin/*` for"),
            (of_literal_star, "/*.html", "as a segment of its own"),
            (of_middle_star, "/a/*/b", "write `/a/:name/b` for one segment, or `/a/*`"),
            (of_middle_star, "/*/b", "write `/:name/b` for one segment"),
            (of_middle_star, "/a/*/b/*", "write `:name`"),
            (of_double_star, "/admin/**", "write `/admin/*`:"),
            (of_double_star, "/**", "write `/*`:"),
            (of_double_star, "/**/x", "at the end"),
        ] {
            let help = of(path);
            assert!(help.contains(instead), "{path}: {help}");
        }
        // Nobody is told to gate the whole site where a part of it is meant.
        for path in ["/post-*", "/*/a*"] {
            assert!(!of_prefix_star(path).contains("`/*`"), "{path}");
        }
    }

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
            assert!(of_no_path(text).contains(instead), "{text}");
        }
    }

    #[test]
    fn roles() {
        for (role, names, instead) in [
            ("${ROLE}", &["$", "ROLE"][..], "nothing is put in the place"),
            ("R&D", &["R", "D"], "if it is one, give it a name"),
            ("a;b", &["a", "b"], "write `Role=a,b`"),
            ("\"\"", &["", ""], "write the names"),
        ] {
            let help = of_roles("Role", role, names);
            assert!(help.contains(instead), "{role}: {help}");
        }
    }
}
