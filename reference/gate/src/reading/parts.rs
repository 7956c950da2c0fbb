//! What a rule is made of, in whichever file it stands: `from`, query parameters, `to`, status and conditions.

use std::ops::Range;

use super::destination::{DestinationFaultKind, Names};
use super::fields::{self, Field};
use super::from::{Covered, oddity_text, split_from};
use super::instead::{self, Instead};
use super::pattern::Oddity;
use crate::problem::{Problem, Replacement, Severity};
use crate::request::Origin;
use crate::rules::{Apply, Destination, Effect, Pattern, QueryConstraint, QueryValue, Rule};
use crate::span::{Places, Span};
use crate::uri::form_decode;
use crate::words;

/// What is wrong with a rule; the bytes at fault are counted as those of the field are.
pub(crate) struct Fault {
    pub(crate) id: &'static str,
    pub(crate) range: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: String,
    /// What the help names to write in the place of which bytes, where it names one thing.
    pub(crate) instead: Vec<(Range<usize>, String)>,
}

impl Fault {
    /// What is wrong with these bytes; a text that the help names stands in the place of them.
    pub(crate) fn at(
        place: impl Into<Range<usize>>,
        id: &'static str,
        message: impl Into<String>,
        help: impl Into<Instead>,
    ) -> Fault {
        let range = place.into();
        let fault =
            Fault { id, range: range.clone(), message: message.into(), help: String::new(), instead: Vec::new() };
        fault.told(range, help)
    }

    /// The same with another help, and what it names in the place of these bytes.
    pub(crate) fn told(self, place: impl Into<Range<usize>>, help: impl Into<Instead>) -> Fault {
        let Instead { help, text } = help.into();
        let instead = text.map(|text| (place.into(), text)).into_iter().collect();
        Fault { help, instead, ..self }
    }

    /// The same where the help names this text for these bytes, too.
    pub(crate) fn writing(mut self, place: impl Into<Range<usize>>, text: impl Into<String>) -> Fault {
        self.instead.push((place.into(), text.into()));
        self
    }

    /// The fault as it is told, with the place of each range.
    pub(crate) fn into_problem(self, severity: Severity, place: impl Fn(&Range<usize>) -> Span) -> Problem {
        let Fault { id, range, message, help, instead } = self;
        let instead = instead.into_iter().map(|(range, text)| Replacement { span: place(&range), text });
        Problem {
            id,
            severity,
            span: place(&range),
            message,
            help,
            note: None,
            fix: None,
            refuses_to_start: false,
            advice: None,
            instead: instead.collect(),
        }
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
        instead::of_commas(from.text)
            .unwrap_or_else(|| "write one after `from`; it begins with `/`, `http://` or `https://`".into()),
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
            DestinationFaultKind::Authority => ("to-host", "this is not a host", words::help::FROM_HOST.into()),
            DestinationFaultKind::OtherSite => {
                ("to-other-site", "a browser takes this for another site", words::help::TO_OTHER_SITE.into())
            }
            DestinationFaultKind::PartOfLabel => {
                let help = instead::of_name_in_host(field.text, names);
                let help = help.unwrap_or_else(|| words::help::TO_NAME_IN_HOST.into());
                ("to-name-in-host", "in a host, a name stands for one whole label", help)
            }
        };
        let range = field.start + fault.range.start..field.start + fault.range.end;
        Fault::at(range, id, message, "").told(field, help)
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
        (Some(path), _) => Instead::new(
            format!("write where it leads, `{path}` for what is at the path; {}", words::help::TO_LEFT_OUT),
            format!(" {path}"),
        ),
        (None, Some(help)) => format!("{help}; {}", words::help::A_DESTINATION_LEFT_OUT).into(),
        (None, None) => words::help::TO_MISSING.into(),
    };
    Err(destination_missing(from).told(from.end()..from.end(), help))
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
