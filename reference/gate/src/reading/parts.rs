//! What a rule is made of, in whichever file it stands: `from`, query parameters, `to`, status and conditions.

use std::borrow::Cow;
use std::ops::Range;

use super::conditions::named;
use super::destination::{DestinationFaultKind, Names, split_scheme};
use super::fields::{self, Field};
use super::instead;
use super::pattern::{Oddity, PatternFault, PatternFaultKind};
use crate::authority::is_authority;
use crate::path::Refused;
use crate::problem::{Problem, Severity};
use crate::reach::tidy;
use crate::request::Origin;
use crate::rules::{
    Apply, ConditionKey, Conditions, Destination, Effect, Pattern, QueryConstraint, QueryValue, RoleCondition, Rule,
};
use crate::span::{Places, Span};
use crate::uri::form_decode;
use crate::words;

/// What is wrong with a rule; the bytes at fault are counted as those of the field are.
pub(crate) struct Fault {
    pub(crate) id: &'static str,
    pub(crate) range: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: String,
}

impl Fault {
    pub(crate) fn at(
        place: impl Into<Range<usize>>,
        id: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Fault {
        Fault { id, range: place.into(), message: message.into(), help: help.into() }
    }
}

impl Fault {
    /// The fault as it is told, with the place of its range.
    pub(crate) fn into_problem(self, severity: Severity, span: Span) -> Problem {
        let Fault { id, range: _, message, help } = self;
        Problem { id, severity, span, message, help, note: None, fix: None, refuses_to_start: false, advice: None }
    }
}

/// RULES-9: the rule that lets nobody in to what is covered, in the place of what stands at `span`.
pub(crate) fn seal(span: Span, text: String, (origin, pattern): Covered) -> Rule {
    Rule { span, text, origin, pattern, query: Vec::new(), effect: Effect::Seal, places: Places::default() }
}

/// RULES-9: what follows where a path can be read and its rule cannot.
pub(crate) fn seal_note(origin: Option<&Origin>, pattern: &Pattern) -> String {
    let origin = origin.map(ToString::to_string).unwrap_or_default();
    format!("nobody is admitted to `{origin}{pattern}` until this is corrected, because it names a role")
}

/// RULES-9: what follows where not even the path can be read.
pub(crate) const UNREADABLE_NOTE: &str =
    "no gate starts with this file, because this names a role and its path cannot be read";

/// Where a rule is in force: scheme and host, if it names one, and path.
pub(crate) type Covered = (Option<Origin>, Pattern);

/// RULES-9: what a rule in error covers by its `from`, if that can be read at all; all that begins so where the text
/// is cut short.
pub(crate) fn covering(from: &str, cut_short: bool) -> Option<Covered> {
    let (from, cut_short) = match from.find(|c| fields::is_invisible(c) || (c != ' ' && fields::is_unseen(c))) {
        Some(at) => (from.get(..at).unwrap_or_default(), true),
        None => (from, cut_short),
    };
    let (origin, path) = split_from(from)?;
    let origin = match origin {
        // A host that cannot be read is every host.
        Some((scheme, host)) if is_authority(host) => Some(Origin::new(scheme, host)),
        _ => None,
    };
    let path = &*path;
    let pattern = if cut_short {
        Pattern::covering(path, path.len())
    } else {
        match Pattern::parse(path) {
            Ok((pattern, oddities)) => match doubtful_from(path, &oddities) {
                Some(at) => Pattern::covering(path, at),
                None => pattern,
            },
            Err(fault) => fault.covering,
        }
    };
    Some((origin, pattern))
}

/// Where a path begins to say something that may have been meant otherwise: by a star that is literal text, or in the language of
/// another program.
fn doubtful_from(path: &str, oddities: &[Oddity]) -> Option<usize> {
    let star = if oddities.contains(&Oddity::LiteralStar) { path.find('*') } else { None };
    let foreign = super::foreign::in_from(path).map(|(at, _)| at);
    star.into_iter().chain(foreign).min()
}

/// RULES-14.bounds: a rule holds no more names than so many in each of its parts.
pub(crate) const MAX_NAMES: usize = 32;

/// What does not keep a text from being a rule.
pub(crate) type Remarks = Vec<(Severity, Fault)>;

/// What is read as a rule.
pub(crate) struct Parts {
    pub(crate) origin: Option<Origin>,
    pub(crate) pattern: Pattern,
    pub(crate) query: Vec<QueryConstraint>,
    pub(crate) apply: Apply,
}

/// `from`: HOST-1 for a URL, MATCH-1 to MATCH-8 for its path.
pub(crate) fn read_from(field: Field<'_>, remarks: &mut Remarks) -> Result<(Option<Origin>, Pattern), Fault> {
    let Some((origin, path)) = split_from(field.text) else {
        return Err(Fault::at(
            field,
            "from-not-a-path",
            format!("`{}` is not a path", field.text),
            instead::of_no_path(field.text),
        ));
    };
    let origin = match origin {
        Some((_, host)) if !is_authority(host) => {
            let message = format!("`{host}` is not a host");
            return Err(Fault::at(field, "from-host", message, words::help::FROM_HOST));
        }
        other => other.map(|(scheme, host)| Origin::new(scheme, host)),
    };
    let path = &*path;
    // A slash that was added stands in no file.
    let place = |at: usize| (field.end() + at).saturating_sub(path.len()).max(field.start);
    let (pattern, oddities) = Pattern::parse(path).map_err(|fault| from_fault(&fault, path, place))?;
    if is_path_without_slash(field.text) {
        let message = format!("`{}` does not begin with a slash, and is read as `{path}`", field.text);
        let help = format!("write `{path}`");
        remarks.push((Severity::Warning, Fault::at(field, "from-without-slash", message, help)));
    }
    if let Some(message) = instead::of_look_alike(path) {
        let help = "if the one of the format is meant, write that; else write it as an escape, such as `%EF%BC%8A`";
        remarks.push((Severity::Warning, Fault::at(field, "from-look-alike", message, help)));
    }
    let foreign = super::foreign::in_from(path);
    if let Some((at, message)) = &foreign {
        let help = instead::of_foreign_segment(path, *at);
        remarks.push((Severity::Warning, Fault::at(field, "from-foreign-syntax", message.clone(), help)));
    }
    // RULES-14: one remark of a kind speaks for all of the field.
    for oddity in oddities {
        if foreign.is_some() && matches!(oddity, Oddity::LiteralStar | Oddity::PrefixStar) {
            continue;
        }
        let (id, message, help) = oddity_text(oddity, path, &pattern);
        remarks.push((Severity::Warning, Fault::at(field, id, message, help)));
    }
    // RULES-12
    if pattern.is_reserved() {
        return Err(Fault::at(
            field,
            "from-reserved",
            "a rule cannot begin with `/.netlify`, which the platform keeps for itself",
            instead::of_reserved(path),
        ));
    }
    Ok((origin, pattern))
}

pub(crate) type RawOrigin<'a> = Option<(crate::request::Scheme, &'a str)>;

/// Scheme and host, if any, and the path.
fn split_from(text: &str) -> Option<(RawOrigin<'_>, Cow<'_, str>)> {
    if text.starts_with('/') {
        return Some((None, text.into()));
    }
    if is_path_without_slash(text) {
        return Some((None, format!("/{text}").into()));
    }
    let (scheme, rest) = split_scheme(text)?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    Some((Some((scheme, host)), if path.is_empty() { "/" } else { path }.into()))
}

/// RULES-3.slash: whether a text can be nothing but a path whose first slash is left out: a star, or a segment that is no host and
/// the rest of a path.
fn is_path_without_slash(text: &str) -> bool {
    let is_plain =
        |segment: &str| segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    text == "*" || text.split_once('/').is_some_and(|(first, _)| !first.is_empty() && is_plain(first))
}

fn from_fault(fault: &PatternFault, path: &str, place: impl Fn(usize) -> usize) -> Fault {
    let (id, message, help) = match fault.kind {
        PatternFaultKind::DoubleStar => {
            let (help, end) = (instead::of_double_star(path), fault.end.min(path.len()));
            let range = place(fault.start)..place(end);
            return Fault::at(range, "from-double-star", words::message::FROM_DOUBLE_STAR, help);
        }
        PatternFaultKind::Fragment => {
            ("from-fragment", "a request never holds a fragment, so `from` cannot", words::help::FROM_FRAGMENT)
        }
        PatternFaultKind::Query => ("from-query", words::message::FROM_QUERY, words::help::FROM_QUERY),
        PatternFaultKind::ManyNames => (
            "too-many-captures",
            "`from` holds more than 32 placeholders",
            "write fewer, or `/*` for what follows the last one that is needed",
        ),
        PatternFaultKind::ManyStars => (
            "from-many-stars",
            "more than 32 segments follow the first `*` of this path, which is not at its end",
            words::help::FROM_MANY_STARS,
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
        PatternFaultKind::Segment(Refused::NotUtf8) => ("from-utf8", words::message::FROM_UTF8, words::help::FROM_UTF8),
        PatternFaultKind::Segment(_) => ("from-escape", "`%` starts no escape here", words::help::FROM_ESCAPE),
    };
    let end = fault.end.min(path.len());
    Fault::at(place(fault.start)..place(end), id, message, help)
}

fn oddity_text(oddity: Oddity, path: &str, pattern: &Pattern) -> (&'static str, String, String) {
    match oddity {
        Oddity::LiteralStar => (
            "from-literal-star",
            "this `*` is literal text: it matches a star and nothing else".to_owned(),
            instead::of_literal_star(path),
        ),
        Oddity::MiddleStar => (
            "from-middle-star",
            "a `*` in the middle of a path is not documented; here it matches one or more segments".to_owned(),
            instead::of_middle_star(path),
        ),
        Oddity::NotCanonical => (
            "from-not-canonical",
            "no request keeps dot segments or empty segments".to_owned(),
            format!("write `{}`, which is how this is read", tidy(path, pattern)),
        ),
        Oddity::PrefixStar => (
            "from-prefix-star",
            "a `*` that is not a segment of its own is not documented; here it matches everything that begins so"
                .to_owned(),
            instead::of_prefix_star(path),
        ),
    }
}

/// QUERY-1: one parameter that a request must have.
pub(crate) fn read_parameter(
    field: Field<'_>,
    key: &str,
    value: &str,
    remarks: &mut Remarks,
) -> Result<QueryConstraint, Fault> {
    let key = form_decode(key.as_bytes());
    let text = String::from_utf8_lossy(&key);
    let captures = value.starts_with(':');
    // RULES-9: `rule=:id` can only be a parameter, since no role is a placeholder; anything else that near is a
    // condition in the wrong place.
    if text.to_lowercase().starts_with("role") || (!captures && fields::is_like_role(&text)) {
        let message = format!("`{text}` stands where query parameters stand");
        let help = words::help::QUERY_ROLE;
        return Err(Fault::at(field, "query-role", message, help));
    }
    if fields::is_like_role(&text) {
        let message = format!("`{text}` is read as a query parameter");
        let help = words::help::QUERY_LIKE_ROLE;
        remarks.push((Severity::Warning, Fault::at(field, "query-like-role", message, help)));
    }
    if key.is_empty() {
        return Err(Fault::at(field, "query-key-empty", "this parameter has no key", "write `key=value`"));
    }
    let value = match value.strip_prefix(':').filter(|name| !name.is_empty()) {
        Some(name) => QueryValue::Capture(name.to_owned()),
        None => QueryValue::Literal(form_decode(value.as_bytes())),
    };
    Ok(QueryConstraint { key, value })
}

/// The names that a destination can hold.
///
/// # Errors
/// RULES-14.bounds: there are too many.
pub(crate) fn captured_names<'a>(
    place: impl Into<Range<usize>>,
    pattern: &'a Pattern,
    query: &'a [QueryConstraint],
) -> Result<Names<'a>, Fault> {
    let of_query = query.iter().filter_map(|constraint| match &constraint.value {
        QueryValue::Capture(name) => Some(name.as_str()),
        QueryValue::Literal(_) => None,
    });
    if of_query.clone().nth(MAX_NAMES).is_some() {
        let message = format!("this rule captures more than {MAX_NAMES} query parameters");
        return Err(Fault::at(place, "too-many-captures", message, "capture those that `to` needs"));
    }
    Ok(Names::new(pattern.names().chain(of_query)))
}

/// RULES-4, RULES-11: a number from 200 to 599.
pub(crate) fn read_status(digits: &str) -> Option<u16> {
    match digits.as_bytes() {
        [b'2'..=b'5', b'0'..=b'9', b'0'..=b'9'] => digits.parse().ok(),
        _ => None,
    }
}

/// STATUS-1
pub(crate) fn remark_on_status(code: u16, place: impl Into<Range<usize>>, remarks: &mut Remarks) {
    if (300..400).contains(&code) && !matches!(code, 301 | 302 | 303 | 307 | 308) {
        let message = format!("{code} is an unusual status for a redirect");
        remarks.push((Severity::Warning, Fault::at(place, "status-unusual", message, words::help::STATUS_UNUSUAL)));
    }
}

pub(crate) fn destination_missing(from: Field<'_>) -> Fault {
    Fault::at(
        from,
        "to-missing",
        "this rule has no destination",
        instead::of_commas(from.text).unwrap_or("write one after `from`; it begins with `/`, `http://` or `https://`"),
    )
}

/// SUBST-1 to SUBST-3.
pub(crate) fn read_destination(
    field: Field<'_>,
    names: &Names<'_>,
    status: u16,
    remarks: &mut Remarks,
) -> Result<Destination, Fault> {
    let to = Destination::parse(field.text, names).map_err(|fault| {
        let (id, message, help) = match fault.kind {
            DestinationFaultKind::Authority => ("to-host", "this is not a host", words::help::FROM_HOST),
            DestinationFaultKind::OtherSite => {
                ("to-other-site", "a browser takes this for another site", words::help::TO_OTHER_SITE)
            }
            DestinationFaultKind::PartOfLabel => {
                ("to-name-in-host", "in a host, a name stands for one whole label", words::help::TO_NAME_IN_HOST)
            }
        };
        let range = field.start + fault.range.start..field.start + fault.range.end;
        Fault::at(range, id, message, help)
    })?;
    // STATUS-2, STATUS-3: a page of another site can be redirected to, or forwarded with 200, and nothing else.
    if to.is_absolute() && status != 200 && !(300..400).contains(&status) {
        let message = format!("the status {status} shows a page of this site, and this is a URL");
        return Err(Fault::at(field, "to-absolute", message, words::help::TO_ABSOLUTE));
    }
    // PROXY-3
    if !to.has_fixed_host() && status == 200 {
        let message = words::message::TO_NAME_IN_UPSTREAM;
        let help = words::help::TO_NAME_IN_UPSTREAM;
        return Err(Fault::at(field, "to-name-in-upstream", message, help));
    }
    // RULES-14.bounds: each of them may become as long as the request.
    if to.count_of_names() > MAX_NAMES {
        let message = format!("this destination holds more than {MAX_NAMES} names");
        return Err(Fault::at(field, "too-many-captures", message, "write fewer of them"));
    }
    if let Some(piece) = super::foreign::in_to(field.text) {
        let message = format!("`{piece}` is literal text in a destination");
        let help = words::help::TO_FOREIGN_SYNTAX;
        remarks.push((Severity::Warning, Fault::at(field, "to-foreign-syntax", message, help)));
    }
    // SUBST-6
    if let Some(help) = instead::of_star_in_destination(field.text) {
        let message = words::message::TO_LITERAL_STAR;
        remarks.push((Severity::Warning, Fault::at(field, "to-literal-star", message, help)));
    }
    if let Some(name) = to.unknown_name() {
        let message = format!("`{name}` is captured nowhere in this rule, and stays as it is");
        let help = instead::of_unknown_name(name, names);
        remarks.push((Severity::Warning, Fault::at(field, "to-unknown-name", message, help)));
    }
    Ok(to)
}

/// RULES-5: `/a/* 200` leads to `/a/:splat`.
pub(crate) fn left_out_destination(from: Field<'_>, names: &Names<'_>, status: u16) -> Result<Destination, Fault> {
    let path = split_from(from.text).map(|(_, path)| path).filter(|_| (200..300).contains(&status));
    if let Some(stem) = path.as_ref().and_then(|path| path.strip_suffix('*')).filter(|stem| stem.ends_with('/')) {
        return Destination::parse(&format!("{stem}:splat"), names).map_err(|_| destination_missing(from));
    }
    let own = path.as_ref().filter(|path| !path.contains(['*', '?', '#']));
    // MATCH-8
    let star = || {
        let path = path.as_ref().filter(|path| path.contains('*'))?;
        let (pattern, oddities) = Pattern::parse(path).ok()?;
        let odd = oddities.into_iter().find(|oddity| *oddity != Oddity::NotCanonical)?;
        Some(oddity_text(odd, path, &pattern).2)
    };
    let help = match (own, star()) {
        (Some(path), _) => {
            format!("write where it leads, `{path}` for what is at the path; {}", words::help::TO_LEFT_OUT)
        }
        (None, Some(help)) => format!("{help}; {}", words::help::A_DESTINATION_LEFT_OUT),
        (None, None) => words::help::TO_MISSING.to_owned(),
    };
    Err(Fault { help, ..destination_missing(from) })
}

/// PROXY-1: the secret stands in the environment, never in a rule file.
pub(crate) fn read_variable(field: Field<'_>, name: &str) -> Result<String, Fault> {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if begins && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(name.to_owned());
    }
    let message = format!("`{name}` is no name of an environment variable");
    let help = words::help::SIGN_VARIABLE;
    Err(Fault::at(field, "sign-variable", message, help))
}

/// PROXY-1: only what is forwarded can be signed.
pub(crate) fn remark_on_signature(apply: &Apply, place: impl Into<Range<usize>>, remarks: &mut Remarks) {
    if !apply.is_proxy() {
        let message = "only a forwarded request is signed, and this rule forwards none";
        let help = words::help::SIGN_WITHOUT_PROXY;
        remarks.push((Severity::Warning, Fault::at(place, "sign-without-proxy", message, help)));
    }
}

/// How the values of a condition are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As a text, with commas between them.
    Text,
    /// The same in quotation marks.
    Quoted,
    /// As a list of texts.
    List,
}

impl Form {
    fn empty(self) -> &'static str {
        match self {
            Form::Text | Form::Quoted => words::help::CONDITION_EMPTY,
            Form::List => "take the empty item out of the list",
        }
    }
}

/// Conditions as they are read, one after the other (RULES-7 to RULES-11).
#[derive(Default)]
pub(crate) struct ConditionReader {
    conditions: Conditions,
    roles: Vec<String>,
    /// The first condition that nobody knows.
    pub(crate) unknown: Option<Fault>,
}

impl ConditionReader {
    /// One condition and the values that it lists.
    pub(crate) fn add<'v>(
        &mut self,
        place: impl Into<Range<usize>>,
        key: &str,
        values: impl Iterator<Item = &'v str> + Clone,
        form: Form,
        remarks: &mut Remarks,
    ) -> Result<(), Fault> {
        let place = place.into();
        let is_role = matches!(key, "Role" | "role");
        let known = named(key);
        let listed = match known {
            _ if is_role => self.roles.as_slice(),
            Some(known) => self.conditions.values(known),
            // RULES-10
            None => {
                let message = format!("`{key}` is not a condition");
                let values: Vec<&str> = values.collect();
                let help = instead::of_condition(key, &values, form);
                self.unknown.get_or_insert_with(|| {
                    Fault::at(place.clone(), "condition-unknown", message.clone(), help.clone())
                });
                let message = message + ", so this rule never matches";
                remarks.push((Severity::Error, Fault::at(place, "condition-unknown", message, help)));
                self.conditions.add(ConditionKey::Unknown, format!("{key}={}", values.join(",")));
                return Ok(());
            }
        };
        // RULES-11
        if !listed.is_empty() {
            return Err(repeated(place, key));
        }
        // RULES-8
        let mut values = values.peekable();
        if values.peek().is_none() || values.clone().any(str::is_empty) {
            let is_empty = values.all(str::is_empty);
            let message =
                if is_empty { format!("`{key}` lists no value") } else { format!("`{key}` lists an empty value") };
            let help = if is_empty { "write at least one value" } else { form.empty() };
            return Err(Fault::at(place, "condition-empty", message, help));
        }
        let list: Vec<String> = values.map(str::to_owned).collect();
        if let Some(known) = known {
            // RULES-9
            if let Some(value) = list.iter().find(|value| holds_a_role(value)) {
                let message = format!("`{value}` is no value of `{key}`: it names a role");
                let help = "put a space before each condition, as in `Country=de Role=admin`";
                return Err(Fault::at(place, "role-punctuation", message, help));
            }
            self.conditions.set(known, list);
            return Ok(());
        }
        // RULES-9
        if let Some(role) = list.iter().find(|role| role.contains(is_role_punctuation)) {
            return Err(punctuated(place, key, role, &list));
        }
        // ROLE-8
        if let Some(role) = list.iter().find(|role| role.contains(':')) {
            let message = format!("the role `{role}` holds a colon, which other gates are known never to match");
            let help = match role.starts_with(':') {
                true => words::help::ROLE_FROM_PATH,
                false => words::help::ROLE_COLON,
            };
            remarks.push((Severity::Warning, Fault::at(place, "role-colon", message, help)));
        }
        self.roles = list;
        Ok(())
    }

    /// RULES-9: a condition that nobody knows, on a rule that names a role, is a fault of the whole rule.
    pub(crate) fn finish(self, names_role: impl FnOnce() -> bool) -> Result<Conditions, Fault> {
        let ConditionReader { mut conditions, roles, unknown } = self;
        if let Some(fault) = unknown
            && names_role()
        {
            return Err(fault);
        }
        // ROLE-6
        conditions.role = match roles.as_slice() {
            [] => None,
            [all] if all == "*" => Some(RoleCondition::AnyToken),
            _ => Some(RoleCondition::AnyOf(roles)),
        };
        Ok(conditions)
    }
}

/// RULES-9: whether the value of another condition is a condition on the role, which something else than a space has joined to it.
fn holds_a_role(value: &str) -> bool {
    value.split([';', '&']).any(|part| part.contains(['=', ':']) && fields::is_like_role(part))
}

/// RULES-9: punctuation that means something elsewhere, and nothing in a list of roles: quotation marks, brackets, other
/// separators than the comma, `=`, and the backslash of an escape.
fn is_role_punctuation(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | '`' | '\u{ab}' | '\u{bb}' | '\u{2018}'
            ..='\u{201f}'
                | '\u{2039}'
                | '\u{203a}'
                | '\u{ff02}'
                | '\u{ff07}'
                | '('
                | ')'
                | '['
                | ']'
                | '{'
                | '}'
                | '<'
                | '>'
                | ';'
                | '|'
                | '&'
                | '\u{37e}'
                | '\u{60c}'
                | '\u{61b}'
                | '\u{3001}'
                | '\u{ff0c}'
                | '\u{ff1b}'
                | '\u{ff5c}'
                | '='
                | '\\'
    )
}

/// A role whose name holds punctuation, and what its author may have meant.
fn punctuated(place: Range<usize>, key: &str, role: &str, list: &[String]) -> Fault {
    let names: Vec<&str> = list.iter().flat_map(|role| role.split(is_role_punctuation)).collect();
    let message = format!(
        "`{role}` is no name of a role: the value is neither quoted nor bracketed, and a comma alone parts roles"
    );
    let help = instead::of_roles(key, role, &names);
    Fault::at(place, "role-punctuation", message, help)
}

/// RULES-11
pub(crate) fn repeated(place: impl Into<Range<usize>>, key: &str) -> Fault {
    let message = format!("`{key}` stands here twice");
    Fault::at(place, "condition-repeated", message, words::help::CONDITION_REPEATED)
}
