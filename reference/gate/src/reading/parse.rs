//! One line of a `_redirects` file: `from [query…] [to] [status[!]] [conditions…]`.
//!
//! Each step stands under the requirement that it obeys. A line is a rule or a fault; a fault on a line that names a
//! role seals its path (RULES-9).

use std::collections::HashSet;

use super::conditions::{self, ConditionReader, Form};
use super::fields::{self, Field};
use super::from::read_from;
use super::instead;
use super::parts::{self, Fault, Parts, Remarks};
use crate::cost::step;
use crate::rules::{Apply, Conditions, QueryConstraint};
use crate::words;

/// RULES-14: a longer line is an error. No request target comes near it, and what is done within a line stays bounded.
pub const MAX_LINE: usize = 16 * 1024;

/// So many query parameters are compared with each other one by one.
const FEW: usize = 8;

/// Reads one line without white space around it; `remarks` gets what does not keep it from being a rule.
pub(crate) fn read_line(content: &[u8], remarks: &mut Remarks) -> Result<Parts, Fault> {
    // RULES-14
    if content.len() > MAX_LINE {
        let id = "line-too-long";
        let message = words::message::line_too_long(content.len());
        return Err(Fault::at(0..1, id, message, "write several shorter rules"));
    }
    step(content.len());
    let line = read_text(content)?;
    let fields = fields::fields(line);
    let Some((from, rest)) = fields.split_first() else {
        return Err(Fault::at(0..0, "blank", "this line is blank", "remove it"));
    };
    // What is white space in ASCII is a separator or a control character.
    let foreign = |field: &Field<'_>| field.text.find(char::is_whitespace).map(|at| field.start + at);
    if !line.is_ascii()
        && let Some(at) = fields.iter().find_map(foreign)
    {
        let width = line.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        let message = "only spaces and tabs separate fields; this is another kind of white space";
        let help = "put an ordinary space here, or percent-encode it inside a path".to_owned();
        return Err(Fault::at(at..at + width, "white-space", message, help));
    }

    let (origin, pattern) = read_from(*from, remarks).map_err(|fault| match instead::of_query(from.text) {
        Some(help) if fault.id == "from-query" => Fault { help, ..fault },
        _ => fault,
    })?;

    // RULES-1: query parameters stand between `from` and `to`.
    let of_comment = |fault| match instead::of_commas(from.text) {
        Some(help) => Fault { help: help.to_owned(), ..fault },
        None if from.text == "//" => Fault { help: A_COMMENT.to_owned(), ..fault },
        None => fault,
    };
    let (query, rest) = read_query(rest, remarks).map_err(of_comment)?;

    // RULES-3, RULES-5
    let (to, rest) = match rest.split_first() {
        Some((to, rest)) if fields::is_destination(to.text) => (Some(*to), rest),
        _ => (None, rest),
    };
    let (status, rest) = read_status(*from, to, rest)?;
    let names = parts::captured_names(*from, &pattern, &query)?;
    let to = match to {
        Some(field) => parts::read_destination(field, &names, status.code, remarks)?,
        None => parts::left_out_destination(*from, &names, status.code).map_err(|fault| behind_status(fault, rest))?,
    };
    drop(names);
    if let Some(field) = status.field {
        parts::remark_on_status(status.code, field, remarks);
    }

    // COND-1
    let (conditions, signed) = read_conditions(rest, remarks)?;
    let (signature, signed) = signed.unzip();
    let Status { code: status, force, .. } = status;
    let apply = Apply { to, status, force, conditions, headers: Vec::new(), signed };
    if let Some(field) = signature {
        parts::remark_on_signature(&apply, field, remarks);
    }
    Ok(Parts { origin, pattern, query, apply })
}

/// What is said of a destination in the place of a condition.
const BEFORE_STATUS: &str = "the destination stands before the status";

/// What is said of a comment of another language.
const A_COMMENT: &str = "a comment begins with `#`";

/// Whether a field that is none begins or ends a comment in another language: `// …`, `; …`, `-- …` or `/* … */`.
fn is_comment(field: Field<'_>, after: &[Field<'_>]) -> bool {
    let begins = field.text.starts_with("//") || matches!(field.text, ";" | "--" | "<!--");
    begins || after.last().is_some_and(|last| last.text == "*/")
}

/// A destination is missing, or stands in the place of a condition.
fn behind_status(fault: Fault, rest: &[Field<'_>]) -> Fault {
    match rest.iter().find(|field| fields::is_destination(field.text)) {
        Some(to) => Fault { help: format!("{BEFORE_STATUS}: write `{}` before it", to.text), ..fault },
        None => fault,
    }
}

/// RULES-13: text in UTF-8 without control characters.
fn read_text(content: &[u8]) -> Result<&str, Fault> {
    let line = std::str::from_utf8(content).map_err(|error| {
        let at = error.valid_up_to();
        let end = error.error_len().map_or(content.len(), |length| at + length);
        Fault::at(at..end, "invalid-utf8", format!("byte {at} of this line is not UTF-8"), words::help::INVALID_UTF8)
    })?;
    // Most lines hold nothing but ASCII that can be seen; to look at all of it is quicker than to stop early.
    if content.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~' | b'\t')) {
        return Ok(line);
    }
    let mut characters = line.char_indices().filter(|(_, c)| *c != '\t');
    match characters.find_map(|(at, c)| Some((at, c, fields::misplaced(c)?))) {
        None => Ok(line),
        Some((at, c, what)) => {
            let message = format!("this line holds {what}");
            Err(Fault::at(at..at + c.len_utf8(), "control-character", message, "remove it"))
        }
    }
}

/// QUERY-1: `key=value` and `key=:name`, up to `to`, or to a status where `to` is left out.
fn read_query<'f, 'a>(
    mut rest: &'f [Field<'a>],
    remarks: &mut Remarks,
) -> Result<(Vec<QueryConstraint>, &'f [Field<'a>]), Fault> {
    let mut query: Vec<QueryConstraint> = Vec::new();
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
            // Others skip a word before a destination; without any they drop the line.
            let has_destination = after.iter().any(|field| fields::is_destination(field.text));
            let help = match is_comment(*field, after) {
                true => A_COMMENT.to_owned(),
                false => instead::of_word_before_destination(field.text, has_destination),
            };
            let id = if has_destination { "bare-word" } else { "to-not-a-path" };
            return Err(Fault::at(*field, id, message, help));
        };
        let constraint = parts::read_parameter(*field, key, value, remarks)?;
        // Most lines ask for few parameters; the set keeps the time of any other within bounds.
        let repeated = if query.len() < FEW {
            query.iter().any(|known| known.key == constraint.key)
        } else {
            if keys.is_empty() {
                keys.extend(query.iter().map(|known| known.key.clone()));
            }
            !keys.insert(constraint.key.clone())
        };
        if repeated {
            let message = format!("the parameter `{}` stands here twice", String::from_utf8_lossy(&constraint.key));
            return Err(Fault::at(*field, "query-key-repeated", message, "leave one of them out"));
        }
        query.push(constraint);
        rest = after;
    }
    Ok((query, rest))
}

struct Status<'a> {
    field: Option<Field<'a>>,
    code: u16,
    force: bool,
}

/// RULES-4, RULES-11: digits from 200 to 599, and perhaps one `!`. It cannot be left out where conditions follow.
fn read_status<'f, 'a>(
    from: Field<'_>,
    to: Option<Field<'_>>,
    rest: &'f [Field<'a>],
) -> Result<(Status<'a>, &'f [Field<'a>]), Fault> {
    let Some((field, rest)) = rest.split_first() else {
        return match to {
            Some(_) => Ok((Status { field: None, code: 301, force: false }, rest)),
            None => Err(parts::destination_missing(from)),
        };
    };
    if field.text.contains('=') {
        let is_status = |other: &&Field<'_>| parts::read_status(other.text.trim_end_matches('!')).is_some();
        let help = match rest.iter().find(is_status) {
            Some(status) => {
                format!("conditions stand after the status: write `{}` before `{}`", status.text, field.text)
            }
            None => format!("write `302` or `200!`, for example, before `{}`", field.text),
        };
        return Err(Fault::at(*field, "status-missing", words::message::STATUS_MISSING, help));
    }
    let (digits, force) = match field.text.strip_suffix('!') {
        Some(digits) => (digits, true),
        None => (field.text, false),
    };
    match parts::read_status(digits) {
        Some(code) => Ok((Status { field: Some(*field), code, force }, rest)),
        None => Err(Fault::at(
            *field,
            "status-invalid",
            format!("`{}` is not a status", field.text),
            match instead::of_look_alike(field.text) {
                Some(like) => format!("{like}: write it with that one"),
                None => "write a number from 200 to 599, with a `!` directly after it to force".to_owned(),
            },
        )),
    }
}

/// The secret that signs, by the name of its variable, and where that stands.
type Signed<'a> = Option<(Field<'a>, String)>;

/// RULES-7 to RULES-11.
fn read_conditions<'a>(rest: &[Field<'a>], remarks: &mut Remarks) -> Result<(Conditions, Signed<'a>), Fault> {
    let mut conditions = ConditionReader::default();
    let mut signed = None;
    for (at, field) in rest.iter().enumerate() {
        let Some((key, value)) = field.text.split_once('=') else {
            let message = format!("`{}` is not a condition", field.text);
            let after = rest.get(at + 1..).unwrap_or_default();
            let help = match field.text {
                _ if is_comment(*field, &[]) => A_COMMENT.to_owned(),
                text if fields::is_destination(text) => BEFORE_STATUS.to_owned(),
                "!" => "the `!` that forces a rule stands directly after the status, as in `200!`".to_owned(),
                text => instead::of_apart(text, after.iter().map(|field| field.text)),
            };
            let fault = Fault::at(*field, "bare-word", message, help);
            // What comes first on the line is said first.
            return Err(conditions.unknown.unwrap_or(fault));
        };
        match key {
            "Sign" | "signed" if signed.is_some() => return Err(conditions::repeated(*field, key)),
            "Sign" | "signed" => signed = Some((*field, parts::read_variable(*field, value)?)),
            _ => conditions.add(*field, key, value.split(','), Form::Text, remarks)?,
        }
    }
    // RULES-9
    Ok((conditions.finish(|| fields::names_role(rest))?, signed))
}

#[cfg(test)]
mod tests;
