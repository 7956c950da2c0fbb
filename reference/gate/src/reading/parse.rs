//! One line of a `_redirects` file: `from [query…] [to] [status[!]] [conditions…]`.
//!
//! Each step stands under the requirement that it obeys. A line is a rule or a fault; a fault on a line that names a
//! role seals its path (RULES-9).

use std::collections::HashSet;

use super::conditions::{self, ConditionReader, Form};
use super::fields::{self, Field};
use super::from::read_from;
use super::instead::{self, Instead};
use super::parts::{self, Fault, Parts, Remarks};
use crate::cost::step;
use crate::rules::{Apply, Conditions, QueryConstraint};
use crate::words;

/// RULES-14: a longer line is an error. No request target comes near it, and what is done within a line stays bounded.
pub const MAX_LINE: usize = 16 * 1024;

/// So many query parameters are compared with each other one by one, and so many characters are taken out.
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

    let (origin, pattern) = read_from(*from, remarks).map_err(|fault| of_first_field(fault, &fields))?;

    // RULES-1: query parameters stand between `from` and `to`.
    let of_comment = |fault: Fault| match instead::of_commas(from.text) {
        Some(help) => fault.told(*from, help),
        None if from.text == "//" => fault.told(*from, Instead::new(A_COMMENT, "#")),
        None => match (from.text, rest) {
            ("/*", [.., before, last]) if last.text == "*/" => {
                fault.told(*from, Instead::new(A_COMMENT, "#")).writing(before.end()..last.end(), "")
            }
            _ => fault,
        },
    };
    let (query, rest) = read_query(rest, remarks).map_err(of_comment)?;

    // RULES-3, RULES-5
    let (to, rest) = match rest.split_first() {
        Some((to, rest)) if fields::is_destination(to.text) => (Some(*to), rest),
        _ => (None, rest),
    };
    let (status, rest) = read_status(*from, to, rest)?;
    let names = parts::captured_names(*from, &pattern, &query)?;
    let before = Before { status: status.field, has_destination: to.is_some() };
    let to = match to {
        Some(field) => parts::read_destination(field, &names, status.code, remarks)?,
        None => parts::left_out_destination(*from, &names, status.code)
            .map_err(|fault| behind_status(fault, status.field, rest))?,
    };
    drop(names);
    if let Some(field) = status.field {
        parts::remark_on_status(status.code, field, remarks);
    }

    // COND-1
    let (conditions, signed) = read_conditions(rest, &before, remarks)?;
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

/// What is wrong with the first field of a line, and what to write where the others have a say about that.
fn of_first_field(fault: Fault, fields: &[Field<'_>]) -> Fault {
    let Some(from) = fields.first() else { return fault };
    let quoted = || instead::of_quoted_fields(fields).filter(|_| fault.id == "from-not-a-path");
    let query = || instead::of_query(from.text).filter(|_| fault.id == "from-query");
    match (query(), quoted()) {
        (Some(help), _) => fault.told(*from, help),
        (None, Some((place, help))) => fault.told(place, help),
        (None, None) => fault,
    }
}

/// A destination is missing, or stands in the place of a condition.
fn behind_status(fault: Fault, status: Option<Field<'_>>, rest: &[Field<'_>]) -> Fault {
    let Some(at) = rest.iter().position(|field| fields::is_destination(field.text)) else { return fault };
    let Some(to) = rest.get(at) else { return fault };
    let fault = fault.told(*to, format!("{BEFORE_STATUS}: write `{}` before it", to.text));
    moved(fault, status, rest, at)
}

/// What is wrong where the field at this place of `rest` stands before `first` as it should be written; `rest` follows `first`.
fn moved(fault: Fault, first: Option<Field<'_>>, rest: &[Field<'_>], at: usize) -> Fault {
    let (Some(first), Some(field)) = (first, rest.get(at)) else { return fault };
    let before = at.checked_sub(1).and_then(|at| rest.get(at)).map_or(first.end(), Field::end);
    fault.writing(first.start..first.start, format!("{} ", field.text)).writing(before..field.end(), "")
}

/// What is wrong with a condition where query parameters stand, which belongs behind all that follows it.
fn behind_all(fault: Fault, field: Field<'_>, after: &[Field<'_>]) -> Fault {
    let has_status = after.iter().any(|other| parts::read_status(other.text.trim_end_matches('!')).is_some());
    match (after.first(), after.last()) {
        // What a rule captures is a parameter.
        (Some(next), Some(last)) if has_status && !field.text.contains("=:") => {
            fault.writing(field.start..next.start, "").writing(last.end()..last.end(), format!(" {}", field.text))
        }
        _ => fault,
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
    // What may have been meant to part two words is not taken out.
    let goes = |c: char| fields::misplaced(c).is_some() && c != '\t' && !c.is_whitespace();
    match characters.find_map(|(at, c)| Some((at, c, fields::misplaced(c)?))) {
        None => Ok(line),
        Some((at, c, what)) => {
            let message = format!("this line holds {what}");
            let fault = Fault::at(at..at + c.len_utf8(), "control-character", message, "remove it");
            let gone = line.char_indices().filter(|(_, c)| goes(*c)).take(FEW);
            Err(gone.fold(fault, |fault, (at, c)| fault.writing(at..at + c.len_utf8(), "")))
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
                true => A_COMMENT.into(),
                false => instead::of_word_before_destination(field.text, has_destination),
            };
            let id = if has_destination { "bare-word" } else { "to-not-a-path" };
            // What goes takes the space behind it along.
            let goes = help.text.as_ref().is_some_and(String::is_empty);
            let end = after.first().filter(|_| goes).map_or(field.end(), |next| next.start);
            return Err(Fault::at(*field, id, message, "").told(field.start..end, help));
        };
        let constraint = parts::read_parameter(*field, key, value, remarks).map_err(|fault| match fault.id {
            "query-role" => behind_all(fault, *field, after),
            _ => fault,
        })?;
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
        let is_status = |other: &Field<'_>| parts::read_status(other.text.trim_end_matches('!')).is_some();
        let found = |help: String| Fault::at(*field, "status-missing", words::message::STATUS_MISSING, help);
        let status = rest.iter().position(is_status);
        return Err(match status.and_then(|at| Some((at, rest.get(at)?))) {
            Some((at, status)) => {
                let help =
                    format!("conditions stand after the status: write `{}` before `{}`", status.text, field.text);
                moved(found(help), Some(*field), rest, at)
            }
            None => found(format!("write `302` or `200!`, for example, before `{}`", field.text)),
        });
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
                Some(like) => {
                    Instead::new(format!("{like}: write it with that one"), instead::without_look_alikes(field.text))
                }
                None => "write a number from 200 to 599, with a `!` directly after it to force".into(),
            },
        )),
    }
}

/// What stands before conditions.
struct Before<'a> {
    status: Option<Field<'a>>,
    has_destination: bool,
}

/// The secret that signs, by the name of its variable, and where that stands.
type Signed<'a> = Option<(Field<'a>, String)>;

/// RULES-7 to RULES-11.
fn read_conditions<'a>(
    rest: &[Field<'a>],
    before: &Before<'_>,
    remarks: &mut Remarks,
) -> Result<(Conditions, Signed<'a>), Fault> {
    let mut conditions = ConditionReader::default();
    let mut signed = None;
    for (at, field) in rest.iter().enumerate() {
        let Some((key, value)) = field.text.split_once('=') else {
            // What comes first on the line is said first.
            return Err(conditions.unknown.unwrap_or_else(|| no_condition(rest, at, *field, before)));
        };
        match key {
            "Sign" | "signed" if signed.is_some() => return Err(conditions::repeated(*field, key)),
            "Sign" | "signed" => signed = Some((*field, parts::read_variable(*field, value)?)),
            _ => {
                let added = conditions.add(*field, *field, key, value.split(','), Form::Text, remarks);
                added.map_err(|fault| match instead::of_apart(rest, at) {
                    Some((place, help)) if fault.id == "condition-empty" => fault.told(place, help),
                    _ => fault,
                })?;
            }
        }
    }
    // RULES-9
    Ok((conditions.finish(|| fields::names_role(rest))?, signed))
}

/// What is wrong with a field, at this place of `rest`, that is no condition; `rest` follows the status.
fn no_condition(rest: &[Field<'_>], at: usize, field: Field<'_>, before: &Before<'_>) -> Fault {
    let fault = Fault::at(field, "bare-word", format!("`{}` is not a condition", field.text), "");
    match field.text {
        text if is_comment(field, &[]) => {
            let begin = if text.starts_with("//") { "//".len() } else { text.len() };
            let space = if text.len() > begin { "# " } else { "#" };
            fault.told(field.start..field.start + begin, Instead::new(A_COMMENT, space))
        }
        text if fields::is_destination(text) => {
            let fault = fault.told(field, BEFORE_STATUS);
            // Of two nobody knows which one is meant.
            if before.has_destination { fault } else { moved(fault, before.status, rest, at) }
        }
        "!" => {
            let fault = fault.told(field, "the `!` that forces a rule stands directly after the status, as in `200!`");
            match before.status.filter(|status| at == 0 && !status.text.ends_with('!')) {
                Some(status) => fault.writing(status.end()..field.end(), "!"),
                None => fault,
            }
        }
        _ => match instead::of_apart(rest, at) {
            Some((place, help)) => fault.told(place, help),
            None => fault.told(field, instead::TOGETHER),
        },
    }
}

#[cfg(test)]
mod tests;
