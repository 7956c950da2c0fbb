//! One line of a rule file: `from [query…] [to] [status[!]] [conditions…]`.
//!
//! Each step stands under the requirement that it obeys. A line is a rule or a fault; a fault on a line that names a
//! role seals its path (RULES-9).

use std::collections::HashSet;
use std::ops::Range;

use super::fields::{self, Field};
use super::pattern::{Oddity, Pattern, PatternFault, PatternFaultKind};
use super::target::{Destination, DestinationFaultKind, Names, split_scheme};
use super::{Apply, Conditions, QueryConstraint, QueryValue, RoleCondition};
use crate::path::{Refused, is_authority};
use crate::problem::Severity;
use crate::query::form_decode;
use crate::request::Origin;

/// RULES-14: a longer line is an error. No request target comes near it, and what is done within a line stays bounded.
pub(crate) const MAX_LINE: usize = 16 * 1024;

/// What is wrong with a line; the bytes at fault are counted from the start of the line.
pub(super) struct Fault {
    pub(super) id: &'static str,
    pub(super) range: Range<usize>,
    pub(super) message: String,
    pub(super) help: String,
}

impl Fault {
    fn at(field: Field<'_>, id: &'static str, message: impl Into<String>, help: impl Into<String>) -> Fault {
        Fault { id, range: field.start..field.end(), message: message.into(), help: help.into() }
    }
}

/// A line that is a rule.
pub(super) struct Parts {
    pub(super) origin: Option<Origin>,
    pub(super) pattern: Pattern,
    pub(super) query: Vec<QueryConstraint>,
    pub(super) apply: Apply,
}

pub(super) type Remarks = Vec<(Severity, Fault)>;

/// Reads one line without white space around it; `remarks` gets what does not keep it from being a rule.
pub(super) fn read_line(content: &[u8], remarks: &mut Remarks) -> Result<Parts, Fault> {
    // RULES-14
    if content.len() > MAX_LINE {
        let id = "line-too-long";
        let message = format!("this line has {} bytes; no more than {MAX_LINE} are read", content.len());
        return Err(Fault { id, range: 0..1, message, help: "write several shorter rules".to_owned() });
    }
    let line = read_text(content)?;
    let fields = fields::fields(line);
    let Some((from, rest)) = fields.split_first() else {
        return Err(Fault {
            id: "blank",
            range: 0..0,
            message: "this line is blank".to_owned(),
            help: "remove it".to_owned(),
        });
    };
    if let Some(at) = fields.iter().find_map(|field| field.text.find(char::is_whitespace).map(|at| field.start + at)) {
        let width = line.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        let message = "only spaces and tabs separate fields; this is another kind of white space";
        let help = "put an ordinary space here, or percent-encode it inside a path".to_owned();
        return Err(Fault { id: "white-space", range: at..at + width, message: message.to_owned(), help });
    }

    let (origin, pattern) = read_from(*from, remarks)?;
    // RULES-12
    if pattern.is_reserved() {
        return Err(Fault::at(
            *from,
            "from-reserved",
            "a rule cannot begin with `/.netlify`, which the platform keeps for itself",
            "choose another path; `to` may lead there",
        ));
    }

    // RULES-1: query parameters stand between `from` and `to`.
    let (query, rest) = read_query(rest, remarks)?;

    // RULES-3, RULES-5
    let (to, rest) = match rest.split_first() {
        Some((to, rest)) if fields::is_destination(to.text) => (Some(*to), rest),
        _ => (None, rest),
    };
    let (status, rest) = read_status(*from, to, rest)?;
    let names = Names::new(pattern.names().chain(query.iter().filter_map(|constraint| match &constraint.value {
        QueryValue::Capture(name) => Some(name.as_str()),
        QueryValue::Literal(_) => None,
    })));
    let to = match to {
        Some(field) => read_destination(field, &names, status.code, remarks)?,
        None => left_out_destination(*from, &names, &status)?,
    };
    status.remark(remarks);

    // COND-1
    let (conditions, signed) = read_conditions(rest, remarks)?;
    // PROXY-1
    if let Some(variable) = &signed
        && !(to.is_absolute() && status.code == 200)
    {
        let message = "only a forwarded request is signed, and this rule forwards none";
        let help = "leave `Sign=` out, or write a URL and the status 200";
        remarks.push((Severity::Warning, Fault::at(variable.at, "sign-without-proxy", message, help)));
    }
    let signed = signed.map(|variable| variable.name.to_owned());
    let apply = Apply { to, status: status.code, force: status.force, conditions, headers: Vec::new(), signed };
    Ok(Parts { origin, pattern, query, apply })
}

/// RULES-13: text in UTF-8 without control characters.
fn read_text(content: &[u8]) -> Result<&str, Fault> {
    let line = std::str::from_utf8(content).map_err(|error| {
        let at = error.valid_up_to();
        let end = error.error_len().map_or(content.len(), |length| at + length);
        Fault {
            id: "invalid-utf8",
            range: at..end,
            message: format!("byte {at} of this line is not UTF-8"),
            help: "save the file as UTF-8, or percent-encode the path".to_owned(),
        }
    })?;
    match line.char_indices().find(|(_, c)| c.is_control() && *c != '\t') {
        None => Ok(line),
        Some((at, c)) => Err(Fault {
            id: "control-character",
            range: at..at + c.len_utf8(),
            message: format!("this line holds the control character U+{:04X}", u32::from(c)),
            help: "remove it".to_owned(),
        }),
    }
}

/// The `from` of a line: HOST-1 for a URL, MATCH-1 to MATCH-8 for its path.
fn read_from(field: Field<'_>, remarks: &mut Remarks) -> Result<(Option<Origin>, Pattern), Fault> {
    let Some((origin, path)) = split_from(field.text) else {
        return Err(Fault::at(
            field,
            "from-not-a-path",
            format!("`{}` is not a path", field.text),
            "begin with `/`, or with `http://` or `https://` and a host",
        ));
    };
    let origin = match origin {
        Some((_, host)) if !is_authority(host) => {
            let message = format!("`{host}` is not a host");
            return Err(Fault::at(
                field,
                "from-host",
                message,
                "write a host name, with a port if it is not the default one",
            ));
        }
        other => other.map(|(scheme, host)| Origin::new(scheme, host)),
    };
    let offset = field.end() - path.len();
    let path = if path.is_empty() { "/" } else { path };
    let (pattern, oddities) = Pattern::parse(path).map_err(|fault| from_fault(&fault, path, offset))?;
    for oddity in oddities {
        let (id, message, help) = oddity_text(oddity, &pattern);
        remarks.push((Severity::Warning, Fault::at(field, id, message, help)));
    }
    Ok((origin, pattern))
}

pub(super) type RawOrigin<'a> = Option<(crate::request::Scheme, &'a str)>;

/// Scheme and host, if any, and the path.
pub(super) fn split_from(text: &str) -> Option<(RawOrigin<'_>, &str)> {
    if text.starts_with('/') {
        return Some((None, text));
    }
    let (scheme, rest) = split_scheme(text)?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    Some((Some((scheme, host)), path))
}

fn from_fault(fault: &PatternFault, path: &str, offset: usize) -> Fault {
    let (id, message, help) = match fault.kind {
        PatternFaultKind::DoubleStar => {
            ("from-double-star", "`**` is no splat", "write `/*` at the end: it covers every depth")
        }
        PatternFaultKind::Fragment => (
            "from-fragment",
            "a request never holds a fragment, so `from` cannot",
            "leave out `#` and what follows, or write `%23`",
        ),
        PatternFaultKind::Query => (
            "from-query",
            "`from` holds a query",
            "write parameters as fields of their own, `key=value`, or write `%3F`",
        ),
        PatternFaultKind::Segment(Refused::Backslash) => {
            ("from-backslash", "`from` holds a backslash", "no request that holds one is answered; write `/`")
        }
        PatternFaultKind::Segment(Refused::EncodedSlash) => {
            ("from-encoded-slash", "`from` holds an encoded slash", "no request that holds one is answered; write `/`")
        }
        PatternFaultKind::Segment(Refused::Control) => (
            "from-control",
            "`from` holds an encoded control character",
            "no request that holds one is answered; leave it out",
        ),
        PatternFaultKind::Segment(Refused::NotUtf8) => {
            ("from-utf8", "the escapes in `from` are not UTF-8", "encode the UTF-8 bytes of the text")
        }
        PatternFaultKind::Segment(_) => ("from-escape", "`%` starts no escape here", "write `%25` for a percent sign"),
    };
    let end = fault.end.min(path.len());
    Fault { id, range: offset + fault.start..offset + end, message: message.to_owned(), help: help.to_owned() }
}

fn oddity_text(oddity: Oddity, pattern: &Pattern) -> (&'static str, String, String) {
    match oddity {
        Oddity::LiteralStar => (
            "from-literal-star",
            "this `*` is literal text: it matches a star and nothing else".to_owned(),
            "write `/*` at the end of the path, or `%2A` if a star is meant".to_owned(),
        ),
        Oddity::MiddleStar => (
            "from-middle-star",
            "a `*` in the middle of a path is not documented; here it matches one or more segments".to_owned(),
            "write `:name` for one segment, or `/*` at the end".to_owned(),
        ),
        Oddity::NotCanonical => (
            "from-not-canonical",
            "no request keeps dot segments or empty segments".to_owned(),
            format!("write `{pattern}`, which is how this is read"),
        ),
        Oddity::PrefixStar => (
            "from-prefix-star",
            "a `*` that is not a segment of its own is not documented; here it matches everything that begins so"
                .to_owned(),
            "write `/*`, or list the paths".to_owned(),
        ),
    }
}

/// QUERY-1: `key=value` and `key=:name`, up to `to`, or to a status where `to` is left out.
fn read_query<'f, 'a>(
    mut rest: &'f [Field<'a>],
    remarks: &mut Remarks,
) -> Result<(Vec<QueryConstraint>, &'f [Field<'a>]), Fault> {
    let mut query = Vec::new();
    let mut keys = HashSet::new();
    while let Some((field, after)) = rest.split_first() {
        if fields::is_destination(field.text) {
            break;
        }
        let Some((key, value)) = field.text.split_once('=') else {
            if field.text.starts_with(|c: char| c.is_ascii_digit()) {
                break;
            }
            let message = format!("`{}` is neither a query parameter nor a destination", field.text);
            let help = "a parameter is `key=value`; a destination begins with `/`, `http://` or `https://`";
            return Err(Fault::at(*field, "bare-word", message, help));
        };
        let key = form_decode(key.as_bytes());
        let text = String::from_utf8_lossy(&key);
        let captures = value.starts_with(':');
        // RULES-9: `rule=:id` can only be a parameter, since no role is a placeholder; anything else that near is a
        // condition in the wrong place.
        if text.to_lowercase().starts_with("role") || (!captures && fields::is_like_role(&text)) {
            let message = format!("`{}` stands where query parameters stand", field.text);
            return Err(Fault::at(
                *field,
                "query-role",
                message,
                "write destination and status first: conditions stand after the status",
            ));
        }
        if fields::is_like_role(&text) {
            let message = format!("`{}` is read as a query parameter", field.text);
            remarks.push((
                Severity::Warning,
                Fault::at(*field, "query-like-role", message, "if a role is meant, write `Role=` after the status"),
            ));
        }
        if key.is_empty() {
            return Err(Fault::at(*field, "query-key-empty", "this parameter has no key", "write `key=value`"));
        }
        if !keys.insert(key.clone()) {
            let message = format!("the parameter `{}` stands here twice", String::from_utf8_lossy(&key));
            return Err(Fault::at(*field, "query-key-repeated", message, "leave one of them out"));
        }
        let value = match value.strip_prefix(':').filter(|name| !name.is_empty()) {
            Some(name) => QueryValue::Capture(name.to_owned()),
            None => QueryValue::Literal(form_decode(value.as_bytes())),
        };
        query.push(QueryConstraint { key, value });
        rest = after;
    }
    Ok((query, rest))
}

struct Status<'a> {
    field: Option<Field<'a>>,
    code: u16,
    force: bool,
}

impl Status<'_> {
    fn remark(&self, remarks: &mut Remarks) {
        // STATUS-1
        if let Some(field) = self.field
            && (300..400).contains(&self.code)
            && !matches!(self.code, 301 | 302 | 303 | 307 | 308)
        {
            let message = format!("{} is an unusual status for a redirect", self.code);
            remarks.push((Severity::Warning, Fault::at(field, "status-unusual", message, "write 301 or 302")));
        }
    }
}

/// RULES-4, RULES-11: digits from 200 to 599, and perhaps one `!`. It cannot be left out where conditions follow.
fn read_status<'f, 'a>(
    from: Field<'a>,
    to: Option<Field<'a>>,
    rest: &'f [Field<'a>],
) -> Result<(Status<'a>, &'f [Field<'a>]), Fault> {
    let Some((field, rest)) = rest.split_first() else {
        return match to {
            Some(_) => Ok((Status { field: None, code: 301, force: false }, rest)),
            None => Err(destination_missing(from)),
        };
    };
    if field.text.contains('=') {
        let help = format!("write `302` or `200!`, for example, before `{}`", field.text);
        return Err(Fault::at(*field, "status-missing", "conditions stand after a status, and there is none", help));
    }
    let (digits, force) = match field.text.strip_suffix('!') {
        Some(digits) => (digits, true),
        None => (field.text, false),
    };
    let code = Some(digits)
        .filter(|digits| digits.len() == 3 && digits.chars().all(|c| c.is_ascii_digit()))
        .and_then(|digits| digits.parse::<u16>().ok())
        .filter(|code| (200..600).contains(code));
    match code {
        Some(code) => Ok((Status { field: Some(*field), code, force }, rest)),
        None => Err(Fault::at(
            *field,
            "status-invalid",
            format!("`{}` is not a status", field.text),
            "write a number from 200 to 599, with a `!` directly after it to force",
        )),
    }
}

fn destination_missing(from: Field<'_>) -> Fault {
    Fault::at(
        from,
        "to-missing",
        "this rule has no destination",
        "write one after `from`; it begins with `/`, `http://` or `https://`",
    )
}

/// SUBST-1 to SUBST-3.
fn read_destination(
    field: Field<'_>,
    names: &Names<'_>,
    status: u16,
    remarks: &mut Remarks,
) -> Result<Destination, Fault> {
    let to = Destination::parse(field.text, names).map_err(|fault| {
        let (id, message, help) = match fault.kind {
            DestinationFaultKind::Authority => {
                ("to-host", "this is not a host", "write a host name, with a port if it is not the default one")
            }
            DestinationFaultKind::OtherSite => (
                "to-other-site",
                "a browser takes this for another site",
                "write `https://host/…` for another site, or a single `/`",
            ),
            DestinationFaultKind::PartOfLabel => (
                "to-name-in-host",
                "in a host, a name stands for one whole label",
                "write it between dots, as in `https://:name.example.com/`",
            ),
        };
        let range = field.start + fault.range.start..field.start + fault.range.end;
        Fault { id, range, message: message.to_owned(), help: help.to_owned() }
    })?;
    // STATUS-2, STATUS-3: a page of another site can be redirected to, or forwarded with 200, and nothing else.
    if to.is_absolute() && status != 200 && !(300..400).contains(&status) {
        let message = format!("the status {status} shows a page of this site, and this is a URL");
        return Err(Fault::at(field, "to-absolute", message, "write a local path, or the status 200 or 302"));
    }
    // PROXY-3
    if !to.has_fixed_host() && status == 200 {
        let message = "a visitor would choose the server that the gate asks".to_owned();
        return Err(Fault::at(
            field,
            "to-name-in-upstream",
            message,
            "write the whole host, or a redirect status such as 302",
        ));
    }
    if let Some(name) = to.unknown_name() {
        let message = format!("`{name}` is captured nowhere in this rule, and stays as it is");
        remarks.push((
            Severity::Warning,
            Fault::at(
                field,
                "to-unknown-name",
                message,
                "capture it in `from` or in a query parameter, or write `%3A` for a colon",
            ),
        ));
    }
    Ok(to)
}

/// RULES-5: `/a/* 200` leads to `/a/:splat`.
fn left_out_destination(from: Field<'_>, names: &Names<'_>, status: &Status<'_>) -> Result<Destination, Fault> {
    let stem = split_from(from.text).and_then(|(_, path)| path.strip_suffix('*')).filter(|stem| stem.ends_with('/'));
    match stem {
        Some(stem) if (200..300).contains(&status.code) => {
            Destination::parse(&format!("{stem}:splat"), names).map_err(|_| destination_missing(from))
        }
        _ => Err(Fault {
            help: "write one; it can be left out only where `from` ends in `/*` and the status is 200".to_owned(),
            ..destination_missing(from)
        }),
    }
}

/// The environment variable that `Sign=` names.
struct Variable<'a> {
    at: Field<'a>,
    name: &'a str,
}

/// PROXY-1: the secret stands in the environment, never in a rule file.
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// RULES-7 to RULES-11.
fn read_conditions<'a>(rest: &[Field<'a>], remarks: &mut Remarks) -> Result<(Conditions, Option<Variable<'a>>), Fault> {
    let mut conditions = Conditions::default();
    let mut roles = Vec::new();
    let mut signed: Option<Variable<'a>> = None;
    for field in rest {
        let Some((key, value)) = field.text.split_once('=') else {
            let message = format!("`{}` is not a condition", field.text);
            return Err(Fault::at(
                *field,
                "bare-word",
                message,
                "a condition is `Key=value`; no space stands around `=` or `,`",
            ));
        };
        let repeated = || {
            let message = format!("`{key}` stands here twice");
            let help = "list the values in one condition, with commas between them";
            Fault::at(*field, "condition-repeated", message, help)
        };
        let list = match key {
            "Sign" | "signed" if signed.is_some() => return Err(repeated()),
            "Sign" | "signed" if is_variable(value) => {
                signed = Some(Variable { at: *field, name: value });
                continue;
            }
            "Sign" | "signed" => {
                let message = format!("`{value}` is no name of an environment variable");
                let help = "name the variable that holds the secret: letters, digits and `_`";
                return Err(Fault::at(*field, "sign-variable", message, help));
            }
            "Role" | "role" => &mut roles,
            "Country" | "country" => &mut conditions.country,
            "Language" | "language" => &mut conditions.language,
            "Cookie" => &mut conditions.cookie,
            // RULES-9, RULES-10
            _ => {
                let message = format!("`{key}` is not a condition, so this rule never matches");
                let help = "the conditions are `Role`, `Country`, `Language` and `Cookie`";
                let fault = Fault::at(*field, "condition-unknown", message, help);
                if fields::names_role(rest) {
                    return Err(Fault { message: format!("`{key}` is not a condition"), ..fault });
                }
                remarks.push((Severity::Error, fault));
                conditions.unknown.push(field.text.to_owned());
                continue;
            }
        };
        // RULES-11
        if !list.is_empty() {
            return Err(repeated());
        }
        // RULES-8
        if value.split(',').any(str::is_empty) {
            let message = format!("`{}` holds an empty value", field.text);
            return Err(Fault::at(
                *field,
                "condition-empty",
                message,
                "write a value on each side of every comma, without spaces",
            ));
        }
        *list = value.split(',').map(str::to_owned).collect();
        // ROLE-8
        if let Some(role) = list.iter().find(|role| matches!(key, "Role" | "role") && role.contains(':')) {
            let message = format!("the role `{role}` holds a colon, which other gates are known never to match");
            remarks
                .push((Severity::Warning, Fault::at(*field, "role-colon", message, "name the role without a colon")));
        }
    }
    // ROLE-6
    conditions.role = match roles.as_slice() {
        [] => None,
        [all] if all == "*" => Some(RoleCondition::AnyToken),
        _ => Some(RoleCondition::AnyOf(roles)),
    };
    Ok((conditions, signed))
}

#[cfg(test)]
mod tests;
