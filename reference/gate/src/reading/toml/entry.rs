//! One `[[redirects]]` entry: a table becomes a rule or a fault.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use http::header::{HeaderName, HeaderValue};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::conditions::{ConditionReader, Form};
use super::super::destination::Names;
use super::super::fields::{Field, misplaced, within_one_edit};
use super::super::from::{self, Covered, read_from};
use super::super::instead::{self, Instead};
use super::super::parse::MAX_LINE;
use super::super::parts::{self, Fault, Parts, Remarks};
use super::{is_field, is_unseen, names_role, names_role_behind_path};
use crate::problem::Severity;
use crate::reading::netlify_toml::on_one_line;
use crate::rules::{Apply, Conditions, Destination, QueryConstraint};
use crate::words;

type Value<'v, 'i> = &'v Spanned<DeValue<'i>>;

/// The fields of an entry, each under one name whatever alias it was written with (TOML-1).
#[derive(Default)]
struct Fields<'v, 'i> {
    from: Option<Value<'v, 'i>>,
    to: Option<Value<'v, 'i>>,
    status: Option<Value<'v, 'i>>,
    force: Option<Value<'v, 'i>>,
    query: Option<Value<'v, 'i>>,
    conditions: Option<Value<'v, 'i>>,
    headers: Option<Value<'v, 'i>>,
    signed: Option<Value<'v, 'i>>,
}

/// What an entry can have, as it is said.
const FIELDS: [&str; 8] = ["from", "to", "status", "force", "query", "conditions", "headers", "signed"];

/// TOML-1: fields that other programs know and that change nothing about who gets what.
const OF_OTHERS: [&str; 1] = ["rate_limit"];

/// So many characters that nobody sees are taken out of a text.
const MOST_TAKEN_OUT: usize = 8;

/// Where values stand, by the names of their fields.
type Named = Vec<(String, Range<usize>)>;

/// Reads one entry of `text`: the rule, where its `from` stands, and where other fields do.
pub(crate) fn read(
    text: &str,
    at: Range<usize>,
    table: &DeTable<'_>,
    remarks: &mut Remarks,
) -> Result<(Parts, Range<usize>, Named), Fault> {
    let reader = EntryReader { text };
    let fields = reader.fields(table, remarks)?;
    let Some(from) = fields.from else {
        let message = "this rule has no `from`".to_owned();
        return Err(Fault::at(at, "from-missing", message, words::help::FROM_MISSING));
    };
    for (name, value) in [("from", Some(from)), ("to", fields.to)] {
        value.map(|value| reader.no_role_in_path(name, value)).transpose()?;
    }
    let (origin, pattern) = reader.with_text("from", from, remarks, read_from)?;
    let query = fields.query.map(|query| reader.query(query, remarks)).transpose()?.unwrap_or_default();
    let status = fields.status.map(|status| reader.status(status, fields.force, remarks)).transpose()?;
    let force = fields.force.map(|force| reader.force(force)).transpose()?.unwrap_or_default();
    let code = status.unwrap_or(301);
    let names = parts::captured_names(from.span(), &pattern, &query)?;
    let to = match fields.to {
        Some(to) => {
            reader.with_text("to", to, remarks, |field, remarks| read_destination(field, &names, code, remarks))?
        }
        // The path that is named stands in a field of its own here.
        None => reader
            .with_text("from", from, remarks, |field, _| parts::left_out_destination(field, &names, code))
            .map_err(|fault| Fault { instead: Vec::new(), ..fault })?,
    };
    drop(names);
    let conditions = fields
        .conditions
        .map(|conditions| reader.conditions(conditions, table, remarks))
        .transpose()?
        .unwrap_or_default();
    let headers = fields.headers.map(|headers| reader.headers(headers)).transpose()?.unwrap_or_default();
    let signed = fields
        .signed
        .map(|signed| reader.with_text("signed", signed, remarks, |field, _| parts::read_variable(field, field.text)))
        .transpose()?;
    let apply = Apply { to, status: code, force, conditions, headers, signed };
    if let Some(signed) = fields.signed {
        parts::remark_on_signature(&apply, signed.span(), remarks);
    }
    let is_empty = |table: &Value<'_, '_>| table.get_ref().as_table().is_some_and(|table| table.is_empty());
    if let Some(headers) = fields.headers.filter(|table| !apply.is_proxy() && !is_empty(table)) {
        let message = "these headers go with a forwarded request, and this rule forwards none";
        let help = words::help::HEADERS_WITHOUT_PROXY;
        remarks.push((Severity::Warning, Fault::at(headers.span(), "headers-without-proxy", message, help)));
    }
    Ok((Parts { origin, pattern, query, apply }, from.span(), places(&fields)))
}

/// Where the value of `to` stands, and that of each parameter and of each condition.
fn places(fields: &Fields<'_, '_>) -> Named {
    let to = fields.to.map(|to| ("to".to_owned(), to.span()));
    let tables = [fields.query, fields.conditions].into_iter().flatten();
    let named = tables.filter_map(|table| table.get_ref().as_table()).flat_map(|table| in_order(table));
    to.into_iter().chain(named.map(|(key, value)| (key.get_ref().to_string(), value.span()))).collect()
}

/// RULES-9: what an entry in error covers, and where its `from` stands.
pub(crate) fn covering(table: &DeTable<'_>) -> Option<(Range<usize>, Covered)> {
    let mut written = table.iter().filter(|(key, _)| matches!(key.get_ref().as_ref(), "from" | "origin"));
    let (_, from) = written.next()?;
    // Of two paths nobody knows which one is meant.
    if written.next().is_some() {
        return None;
    }
    let text = from.get_ref().as_str()?.trim();
    let is_line = names_role_behind_path(text);
    let path = if is_line { text.split(is_unseen).next()? } else { text };
    let covered = from::covering(path, is_line)?;
    Some((from.span(), covered))
}

/// RULES-3
fn read_destination(
    field: Field<'_>,
    names: &Names<'_>,
    status: u16,
    remarks: &mut Remarks,
) -> Result<Destination, Fault> {
    if !super::super::fields::is_destination(field.text) {
        let message = format!("`{}` is not a destination", field.text);
        let help = instead::of_destination(field.text);
        let help = help.unwrap_or_else(|| "a destination begins with `/`, `http://` or `https://`".into());
        return Err(Fault::at(field, "to-not-a-path", message, help));
    }
    parts::read_destination(field, names, status, remarks)
}

struct EntryReader<'t> {
    text: &'t str,
}

/// What to write instead of `Role = ["admin"]` beside `from`.
fn role_beside_from(key: &str, value: &DeValue<'_>) -> Option<Instead> {
    if !["role", "roles"].contains(&key.to_lowercase().as_str()) {
        return None;
    }
    let names: Vec<&str> = match value {
        DeValue::String(text) => text.split(',').map(str::trim).collect(),
        DeValue::Array(items) => items.iter().map(|item| item.get_ref().as_str()).collect::<Option<_>>()?,
        _ => return None,
    };
    let is_plain =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let is_short = names.iter().map(|name| name.len()).sum::<usize>() <= 80;
    let listed: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let written = format!("conditions = {{ Role = [{}] }}", listed.join(", "));
    (is_short && !names.is_empty() && names.iter().all(|name| is_plain(name)))
        .then(|| Instead::new(format!("a role is a condition: write `{written}`"), written))
}

impl EntryReader<'_> {
    fn fields<'v, 'i>(&self, table: &'v DeTable<'i>, remarks: &mut Remarks) -> Result<Fields<'v, 'i>, Fault> {
        let mut fields = Fields::default();
        for (key, value) in table {
            let slot = match key.get_ref().as_ref() {
                "from" | "origin" => &mut fields.from,
                "to" | "destination" => &mut fields.to,
                "status" => &mut fields.status,
                "force" => &mut fields.force,
                "query" | "params" | "parameters" => &mut fields.query,
                "conditions" => &mut fields.conditions,
                "headers" => &mut fields.headers,
                "signed" | "sign" | "signing" => &mut fields.signed,
                other => {
                    let message = format!("`{other}` is not a field of a rule, and is not looked at");
                    let help = match FIELDS.iter().find(|field| within_one_edit(&other.to_lowercase(), field)) {
                        Some(field) => Instead::new(format!("write `{field}`"), *field),
                        None => format!("the fields are `{}`", FIELDS.join("`, `")).into(),
                    };
                    // RULES-9: `role = "admin"` beside `from`, or `condition.Role`.
                    if names_role(other, value.get_ref()) {
                        let fault = Fault::at(key.span(), "toml-field-unknown", message, help);
                        return Err(match role_beside_from(other, value.get_ref()) {
                            Some(help) => fault.told(key.span().start..value.span().end, help),
                            None => fault,
                        });
                    }
                    let fault = Fault::at(key.span(), "toml-field-unknown", message, help);
                    // TOML-1
                    if OF_OTHERS.contains(&other) {
                        continue;
                    }
                    remarks.push((Severity::Warning, fault));
                    continue;
                }
            };
            if slot.replace(value).is_some() {
                let message = format!("`{}` stands here twice, under two names", key.get_ref());
                let help = "leave one of them out".to_owned();
                return Err(Fault::at(key.span(), "toml-field-repeated", message, help));
            }
        }
        Ok(fields)
    }

    /// Runs `read` on a text, and puts what it finds where it stands in the file.
    fn with_text<T>(
        &self,
        name: &str,
        value: Value<'_, '_>,
        remarks: &mut Remarks,
        read: impl FnOnce(Field<'_>, &mut Remarks) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let field = self.field(name, value)?;
        let verbatim = self.text.get(field.start..field.end()) == Some(field.text);
        let place = |mut fault: Fault| {
            // Escapes stand in the file as other bytes than in the text, and a place in one is none in the other.
            if !verbatim {
                fault.range = value.span();
            }
            // Nor is every text one that can be written between its quotation marks.
            if !verbatim || fault.instead.iter().any(|(_, text)| text.contains(['"', '\'', '\\', '\n'])) {
                fault.instead.clear();
            }
            fault
        };
        let mut found = Remarks::new();
        let result = read(field, &mut found);
        remarks.extend(found.into_iter().map(|(severity, fault)| (severity, place(fault))));
        result.map_err(place)
    }

    /// TOML-3: a line of `_redirects` in a field of its own would ask for no role.
    fn no_role_in_path(&self, name: &str, value: Value<'_, '_>) -> Result<(), Fault> {
        let Some(text) = value.get_ref().as_str() else { return Ok(()) };
        if !names_role_behind_path(text) {
            return Ok(());
        }
        let message = format!("`{name}` holds more than a path, and no role is asked for by what follows it");
        Err(Fault::at(value.span(), "toml-role-in-path", message, words::help::TOML_ROLE_IN_PATH))
    }

    /// A text without control characters, of a length that a line of `_redirects` can have.
    fn field<'v>(&self, name: &str, value: Value<'v, '_>) -> Result<Field<'v>, Fault> {
        let fault = |id, message, help: &str| Fault::at(value.span(), id, message, help);
        let DeValue::String(text) = value.get_ref() else {
            let kind = value.get_ref().type_str();
            let message = format!("`{name}` takes a text, and this is of the type {kind}");
            let fault = fault("toml-type", message, "write it in quotes");
            let written =
                self.text.get(value.span()).filter(|_| !value.get_ref().is_table() && !value.get_ref().is_array());
            return Err(match written {
                Some(written) => fault.writing(value.span(), format!("\"{written}\"")),
                None => fault,
            });
        };
        // RULES-14
        if text.len() > MAX_LINE {
            let message = format!("this text has {} bytes; no more than {MAX_LINE} are read", text.len());
            return Err(fault("line-too-long", message, "write several shorter rules"));
        }
        // RULES-13
        if let Some(what) = text.chars().find_map(misplaced) {
            let fault = fault("control-character", format!("this text holds {what}"), "remove it");
            let start = value.span().start + 1;
            let unseen = text.char_indices().filter(|(_, c)| misplaced(*c).is_some() && !c.is_whitespace());
            let is_verbatim = self.text.get(start..start + text.len()) == Some(text.as_ref());
            let gone = unseen.filter(|_| is_verbatim).take(MOST_TAKEN_OUT);
            return Err(gone.fold(fault, |fault, (at, c)| fault.writing(start + at..start + at + c.len_utf8(), "")));
        }
        if text.trim().len() != text.len() {
            let message = format!("`{text}` has white space around it");
            let fault = fault("white-space", message, "write it without");
            let is_plain = !text.contains(['"', '\\']);
            return Err(if is_plain { fault.writing(value.span(), format!("\"{}\"", text.trim())) } else { fault });
        }
        Ok(Field { text, start: value.span().start + 1 })
    }

    /// A table, or a fault that says how to write one.
    fn table<'v, 'i>(&self, name: &str, value: Value<'v, 'i>, example: &str) -> Result<&'v DeTable<'i>, Fault> {
        value.get_ref().as_table().ok_or_else(|| {
            let message = format!("`{name}` is not a table");
            Fault::at(value.span(), "toml-type", message, format!("write `{name} = {{ {example} }}`"))
        })
    }

    /// QUERY-1
    fn query(&self, value: Value<'_, '_>, remarks: &mut Remarks) -> Result<Vec<QueryConstraint>, Fault> {
        let table = self.table("query", value, r#"id = ":id""#)?;
        let mut query: Vec<QueryConstraint> = Vec::with_capacity(table.len());
        for (key, value) in in_order(table) {
            let name = key.get_ref();
            let constraint = self.with_text(name, value, remarks, |field, remarks| {
                parts::read_parameter(field, name, field.text, remarks)
            })?;
            query.push(constraint);
        }
        // Two keys can differ only in how they are encoded.
        let mut keys: Vec<&[u8]> = query.iter().map(|constraint| constraint.key.as_slice()).collect();
        keys.sort_unstable();
        if keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            let message = "a parameter stands here twice";
            return Err(Fault::at(value.span(), "query-key-repeated", message, "leave one of them out"));
        }
        Ok(query)
    }

    /// RULES-4, TOML-3: a number, or the same number as a text.
    fn status(&self, value: Value<'_, '_>, force: Option<Value<'_, '_>>, remarks: &mut Remarks) -> Result<u16, Fault> {
        let digits = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => Cow::Borrowed(number.as_str()),
            DeValue::String(text) => Cow::Borrowed(text.as_ref()),
            // TOML-4
            DeValue::Float(number) => Cow::Owned(whole(number.as_str()).unwrap_or_else(|| number.as_str().to_owned())),
            other => Cow::Owned(format!("this {}", other.type_str())),
        };
        let Some(code) = parts::read_status(&digits) else {
            let help = match digits.strip_suffix('!').and_then(parts::read_status) {
                Some(code) => Instead {
                    help: format!("write `status = {code}` and, to force, `force = true`"),
                    text: self.forced(code, value, force),
                },
                None => "write a number from 200 to 599".into(),
            };
            let message = format!("`{digits}` is not a status");
            return Err(Fault::at(value.span(), "status-invalid", message, help));
        };
        parts::remark_on_status(code, value.span(), remarks);
        Ok(code)
    }

    /// The status as a number, and beside it that the rule is forced, where the entry does not say so.
    fn forced(&self, code: u16, value: Value<'_, '_>, force: Option<Value<'_, '_>>) -> Option<String> {
        if let Some(force) = force {
            return (force.get_ref().as_bool() == Some(true)).then(|| code.to_string());
        }
        let before = self.text.get(..value.span().start)?;
        let line = before.rsplit('\n').next()?;
        let indent = line.get(..line.len() - line.trim_start().len())?;
        let has_own_line = line.trim_start().split('=').next()?.trim() == "status";
        Some(match has_own_line {
            true => format!("{code}\n{indent}force = true"),
            false => format!("{code}, force = true"),
        })
    }

    /// TOML-3
    fn force(&self, value: Value<'_, '_>) -> Result<bool, Fault> {
        value.get_ref().as_bool().ok_or_else(|| {
            let help = "write `force = true` or `force = false`, without quotes";
            let fault = Fault::at(value.span(), "toml-force", words::message::TOML_FORCE, help);
            match value.get_ref().as_str().map(str::trim) {
                Some(text @ ("true" | "false")) => fault.writing(value.span(), text),
                _ => fault,
            }
        })
    }

    /// COND-1, RULES-7, RULES-8: lists, or texts with commas.
    fn conditions(
        &self,
        value: Value<'_, '_>,
        entry: &DeTable<'_>,
        remarks: &mut Remarks,
    ) -> Result<Conditions, Fault> {
        let mut conditions = ConditionReader::default();
        let conditions_at = value.span();
        let table = self.table("conditions", value, r#"Role = ["admin"]"#)?;
        for (key, value) in in_order(table) {
            let name = key.get_ref();
            let mut items: Vec<&str> = Vec::new();
            match value.get_ref() {
                DeValue::Array(list) => {
                    for item in list {
                        let field = self.field(name, item)?;
                        // Other gates are known to read such an item as two.
                        if field.text.contains(',') {
                            let message = format!("`{}` holds a comma", field.text);
                            let fault =
                                Fault::at(item.span(), "condition-comma", message, words::help::CONDITION_COMMA);
                            let names: Vec<&str> = field.text.split(',').map(str::trim).collect();
                            let is_plain = names.iter().all(|name| !name.is_empty() && !name.contains(['"', '\\']));
                            let written: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                            return Err(match is_plain {
                                true => fault.writing(item.span(), written.join(", ")),
                                false => fault,
                            });
                        }
                        items.push(field.text);
                    }
                }
                // What stands below the heading of the conditions belongs to them.
                other if other.as_str().is_none() && is_field(&name.to_lowercase()) => {
                    let message = format!("`{name}` stands among the conditions");
                    let help = instead::of_condition(name, &[], Form::Quoted);
                    let fault = Fault::at(key.span(), "condition-unknown", message, help);
                    return Err(self.above_heading(fault, conditions_at, table));
                }
                _ => items.extend(self.field(name, value)?.text.split(',').map(str::trim)),
            }
            let form = if value.get_ref().is_array() { Form::List } else { Form::Quoted };
            conditions.add(
                value.span(),
                key.span().start..value.span().end,
                name,
                items.iter().copied(),
                form,
                remarks,
            )?;
        }
        // RULES-9
        let named = || entry.iter().any(|(key, value)| names_role(key.get_ref(), value.get_ref()));
        conditions.finish(named)
    }

    /// What is wrong with fields of the entry that stand below the heading of its conditions: they stand above it.
    fn above_heading(&self, fault: Fault, conditions: Range<usize>, table: &DeTable<'_>) -> Fault {
        let is_heading = self.text.get(conditions.start..).is_some_and(|rest| rest.starts_with('['));
        let start = self.text.get(..conditions.start).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
        if !is_heading {
            return fault;
        }
        let (mut fault, mut moved) = (fault, String::new());
        for (key, value) in in_order(table).into_iter().filter(|(key, _)| is_field(&key.get_ref().to_lowercase())) {
            let (from, rest) = (key.span().start, self.text.get(value.span().end..).unwrap_or_default());
            let begin = self.text.get(..from).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
            let end = value.span().end + rest.find('\n').map_or(rest.len(), |end| end + 1);
            let line = self.text.get(begin..end).unwrap_or_default();
            moved += line.trim_end_matches(['\r', '\n']);
            moved += if line.ends_with("\r\n") { "\r\n" } else { "\n" };
            fault = fault.writing(begin..end, "");
        }
        fault.writing(start..start, moved)
    }

    /// PROXY-1
    fn headers(&self, value: Value<'_, '_>) -> Result<Vec<(HeaderName, HeaderValue)>, Fault> {
        let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
        let mut names = HashSet::new();
        for (key, value) in in_order(self.table("headers", value, r#"X-From = "here""#)?) {
            let name = key.get_ref();
            let text = match value.get_ref() {
                // TOML-4
                DeValue::String(text) if text.contains(['\n', '\r']) && text.len() <= MAX_LINE => on_one_line(text),
                _ => Cow::Borrowed(self.field(name, value)?.text),
            };
            let fault = |id, message, help: &str| Fault::at(key.span(), id, message, help);
            let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
                let message = format!("`{name}` is no name of a header");
                return Err(fault("header-name", message, words::help::HEADER_NAME));
            };
            let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) else {
                let message = format!("the value of `{name}` cannot stand in a header");
                return Err(fault("header-value", message, "write it in visible characters"));
            };
            if OF_THE_CONNECTION.contains(&header.as_str()) {
                let message = format!("the gate itself writes `{name}`");
                return Err(fault("header-of-the-connection", message, "leave it out"));
            }
            if !names.insert(header.clone()) {
                let message = format!("`{name}` stands here twice");
                return Err(fault("header-repeated", message, "leave one of them out"));
            }
            headers.push((header, value));
        }
        Ok(headers)
    }
}

/// The digits of a number with a point or an exponent that is a whole number.
fn whole(number: &str) -> Option<String> {
    let number: f64 = number.parse().ok()?;
    (number.fract() == 0.0 && (0.0..1000.0).contains(&number)).then(|| format!("{number:.0}"))
}

/// What says how a message is framed and where it goes (RFC 9110 §7.2, §7.6.1; RFC 9112 §6).
const OF_THE_CONNECTION: [&str; 10] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-nf-sign",
];

/// The entries of a table as they were written; the library keeps them by name.
fn in_order<'v, 'i>(table: &'v DeTable<'i>) -> Vec<(&'v Spanned<Cow<'i, str>>, Value<'v, 'i>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}
