//! Conditions that are none, that stand in parts, or whose roles hold punctuation: what to write instead.

use std::ops::Range;

use super::{Instead, SHOWN};
use crate::reading::conditions::{Form, is_role_punctuation};
use crate::reading::fields::{Field, within_one_edit};
use crate::reading::toml;

/// The conditions, each with what people call it.
const CONDITIONS: [(&str, &[&str]); 4] = [
    ("Role", &["roles"]),
    ("Country", &["countries", "geo"]),
    ("Language", &["languages", "lang", "langs", "locale"]),
    ("Cookie", &["cookies"]),
];

/// What to write instead of a condition that is none, from its key to its value.
pub(in crate::reading) fn of_condition(key: &str, values: &[&str], form: Form) -> Instead {
    let lower = key.to_lowercase();
    // What stands below a heading of TOML belongs to it.
    if toml::is_field(&lower) && form != Form::Text {
        return format!("`{key}` is a field of the rule and no condition: move it above `[redirects.conditions]`")
            .into();
    }
    let known = match lower.as_str() {
        "status" | "force" => {
            "a status stands alone before the conditions, as in `200!`, where the `!` forces the rule"
        }
        "host" | "domain" | "hostname" => {
            let host = values.first().filter(|host| host.contains('.') && host.len() <= SHOWN && !host.contains('/'));
            let url = format!("https://{}/path", host.unwrap_or(&"www.example.com"));
            return format!("no condition looks at the host: write it into `from`, as in `{url}`").into();
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
        return known.into();
    }
    let is_word = key.chars().all(char::is_alphabetic);
    let meant = CONDITIONS
        .iter()
        .filter(|_| is_word)
        .find(|(name, called)| called.contains(&lower.as_str()) || within_one_edit(&lower, &name.to_lowercase()));
    match (meant, values.join(",")) {
        (None, _) => "the conditions are `Role`, `Country`, `Language` and `Cookie`".into(),
        (Some((name, _)), value) if value.is_empty() || value.len() > SHOWN => format!("write `{name}`").into(),
        (Some((name, _)), _) => {
            let written = form.assigned(name, values);
            Instead::new(format!("write `{written}`"), written)
        }
    }
}

impl Form {
    /// A condition in this form.
    fn assigned(self, key: &str, values: &[&str]) -> String {
        let sign = if self == Form::Text { "=" } else { " = " };
        format!("{key}{sign}{}", self.listed(values))
    }

    /// Values in this form.
    pub(in crate::reading) fn listed(self, values: &[&str]) -> String {
        match self {
            Form::Text => values.join(","),
            Form::Quoted => format!("\"{}\"", values.join(",")),
            Form::List => {
                let values: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
                format!("[{}]", values.join(", "))
            }
        }
    }
}

/// What parts roles elsewhere and here does not.
const SEPARATORS: [char; 10] =
    [';', '|', '\u{37e}', '\u{60c}', '\u{61b}', '\u{3001}', '\u{ff0c}', '\u{ff1b}', '\u{ff5c}', ','];

/// The roles that are listed, where nothing but separators stands between them and nothing but quotation marks and brackets around
/// them: what a sign means among the letters of a name nobody knows, and `&` may ask for all of them.
fn plainly_listed(list: &[String], is_punctuation: impl Fn(char) -> bool) -> Option<Vec<String>> {
    let means_more = |c: char| matches!(c, '=' | '\\' | '&' | ',') || SEPARATORS.contains(&c);
    let around = |c: char| is_punctuation(c) && !means_more(c);
    let whole = list.join(",");
    let whole = whole.trim_matches(around);
    let names: Vec<String> = whole.split(SEPARATORS).map(|name| name.trim_matches(around).to_owned()).collect();
    names.iter().all(|name| !name.is_empty() && !name.contains(&is_punctuation)).then_some(names)
}

/// What to write as the value instead of roles of which one, whose name is `role`, holds punctuation; `names` are those that stand
/// between it.
pub(in crate::reading) fn of_roles(
    key: &str,
    role: &str,
    list: &[String],
    form: Form,
    is_punctuation: impl Fn(char) -> bool,
) -> Instead {
    let names = list.iter().flat_map(|role| role.split(&is_punctuation));
    let names: Vec<&str> = names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("role")).collect();
    if ["${", "$(", "{{", "<%", "#{"].iter().any(|begin| role.contains(begin)) {
        return "nothing is put in the place of a variable here: write the name of the role".into();
    }
    // `R&D` and `O'Brien`
    let is_inside = |at: usize| {
        let (before, after) = (role.get(..at).unwrap_or_default(), role.get(at + 1..).unwrap_or_default());
        before.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric)
    };
    let is_of_a_name = role.find(['&', '\'']).is_some_and(is_inside);
    let meant = format!("if these are the roles that are meant, write `{}`", form.assigned(key, &names));
    match names.as_slice() {
        [] => "write the names of roles, parted by commas".into(),
        _ if is_of_a_name => format!("{meant}; if it is one, give it a name of letters, digits and hyphens").into(),
        names => {
            let plain = plainly_listed(list, is_punctuation).filter(|plain| plain == names);
            let value = form.listed(names);
            let written = if form == Form::Text { format!("{key}={value}") } else { value };
            Instead { help: meant, text: plain.map(|_| written) }
        }
    }
}

/// What is said of a condition in parts.
pub(in crate::reading) const TOGETHER: &str = "a condition is `Key=value`; no space stands around `=` or `,`";

/// What to write instead of the fields from `at` on, which are a condition in parts, as in `Role = admin`, `Role: admin` and
/// `Role=a, b`, and in the place of which bytes.
pub(in crate::reading) fn of_apart(fields: &[Field<'_>], at: usize) -> Option<(Range<usize>, Instead)> {
    // A list goes on with its comma.
    let is_going_on = fields.get(at)?.text.starts_with(',');
    let first = at.checked_sub(usize::from(is_going_on))?;
    let begin = fields.get(first)?;
    let (mut written, mut end) = (begin.text.to_owned(), begin.end());
    for field in fields.get(first + 1..)? {
        let joins = written.ends_with(['=', ',', ':']) || field.text.starts_with(['=', ',', ':']);
        if !joins {
            break;
        }
        (written, end) = (written + field.text, field.end());
    }
    let (key, value) = written.split_once(['=', ':'])?;
    let (name, _) = CONDITIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
    // What is quoted or in brackets is an error of its own.
    let is_bare = !value.contains(|c: char| is_role_punctuation(c) || matches!(c, ':' | '/'));
    let is_list = is_bare && value.len() <= SHOWN && !value.split(',').any(str::is_empty);
    let written = format!("{name}={value}");
    is_list.then(|| (begin.start..end, Instead::new(format!("write `{written}`: {TOGETHER}"), written)))
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
            let help = of_condition(key, values, Form::Text).help;
            assert!(help.contains(instead), "{key}: {help}");
        }
        assert_eq!(of_condition("Roles", &["a", "b"], Form::List).help, "write `Role = [\"a\", \"b\"]`");
        for key in ["status", "force", "to"] {
            let help = of_condition(key, &["200"], Form::Quoted).help;
            assert!(help.contains("move it above `[redirects.conditions]`"), "{help}");
        }
    }

    #[test]
    fn roles() {
        let is_punctuation = |c: char| "\"'()[]{}<>;|&=\\".contains(c);
        for (value, instead, written) in [
            ("${ROLE}", "nothing is put in the place", None),
            ("R&D", "if it is one, give it a name", None),
            ("a;b", "write `Role=a,b`", Some("Role=a,b")),
            ("\"\"", "write the names", None),
            ("\"a\"", "write `Role=a`", Some("Role=a")),
            ("\"a,b\"", "write `Role=a,b`", Some("Role=a,b")),
            ("[\"a\",'b']", "write `Role=a,b`", Some("Role=a,b")),
            ("a||b", "write `Role=a,b`", None),
            ("a&&b", "write `Role=a,b`", None),
            ("a=b", "write `Role=a,b`", None),
            ("a(b)", "write `Role=a,b`", None),
            ("a\\b", "write `Role=a,b`", None),
            ("role;a", "write `Role=a`", None),
        ] {
            let list: Vec<String> = value.split(',').map(str::to_owned).collect();
            let found = of_roles("Role", &list[0], &list, Form::Text, is_punctuation);
            assert!(found.help.contains(instead), "{value}: {found:?}");
            assert_eq!(found.text.as_deref(), written, "{value}");
        }
    }
}
