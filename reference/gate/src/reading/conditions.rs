//! Conditions as they are read and put together: one of each key, in the order of the keys.

use std::ops::Range;

use super::fields;
use super::instead;
use super::parts::{Fault, Remarks};
use crate::problem::Severity;
use crate::rules::{Condition, ConditionKey, Conditions, RoleCondition};
use crate::words;

/// RULES-7: the condition that a rule file calls by this name.
pub(super) fn named(name: &str) -> Option<ConditionKey> {
    match name {
        "Country" | "country" => Some(ConditionKey::Country),
        "Language" | "language" => Some(ConditionKey::Language),
        "Cookie" => Some(ConditionKey::Cookie),
        _ => None,
    }
}

impl Conditions {
    /// The values that are listed under `key`.
    pub fn values(&self, key: ConditionKey) -> &[String] {
        self.others.iter().find(|condition| condition.key == key).map(|one| one.values.as_slice()).unwrap_or_default()
    }

    /// Lists these values under `key`, in the place of others; without values there is no such condition.
    pub fn set(&mut self, key: ConditionKey, values: Vec<String>) {
        self.others.retain(|condition| condition.key != key);
        if !values.is_empty() {
            let place = self.others.partition_point(|condition| condition.key < key);
            self.others.insert(place, Condition { key, values });
        }
    }

    /// Lists one more value under `key`.
    pub fn add(&mut self, key: ConditionKey, value: String) {
        let place = self.others.partition_point(|condition| condition.key < key);
        match self.others.get_mut(place).filter(|condition| condition.key == key) {
            Some(condition) => condition.values.push(value),
            None => self.others.insert(place, Condition { key, values: vec![value] }),
        }
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
    /// One condition, which stands at `whole`, and the values that it lists, which stand at `place`.
    pub(crate) fn add<'v>(
        &mut self,
        place: impl Into<Range<usize>>,
        whole: impl Into<Range<usize>>,
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
                let (help, whole) = (instead::of_condition(key, &values, form), whole.into());
                let fault = |message: String| {
                    Fault::at(place.clone(), "condition-unknown", message, "").told(whole.clone(), help.clone())
                };
                self.unknown.get_or_insert_with(|| fault(message.clone()));
                remarks.push((Severity::Error, fault(message + ", so this rule never matches")));
                self.conditions.add(ConditionKey::Unknown, format!("{key}={}", values.join(",")));
                return Ok(());
            }
        };
        // RULES-11
        if !listed.is_empty() {
            return Err(repeated(place, key));
        }
        // RULES-8
        let list = values.clone();
        let mut values = values.peekable();
        if values.peek().is_none() || values.clone().any(str::is_empty) {
            let is_empty = values.all(str::is_empty);
            let message =
                if is_empty { format!("`{key}` lists no value") } else { format!("`{key}` lists an empty value") };
            let help = if is_empty { "write at least one value" } else { form.empty() };
            let fault = Fault::at(place.clone(), "condition-empty", message, help);
            let others: Vec<&str> = list.filter(|value| !value.is_empty()).collect();
            return Err(match form {
                Form::List if !is_empty => fault.writing(place, form.listed(&others)),
                _ => fault,
            });
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
            return Err(punctuated(place, key, role, &list, form));
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
pub(super) fn is_role_punctuation(c: char) -> bool {
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
fn punctuated(place: Range<usize>, key: &str, role: &str, list: &[String], form: Form) -> Fault {
    let message = format!(
        "`{role}` is no name of a role: the value is neither quoted nor bracketed, and a comma alone parts roles"
    );
    let help = instead::of_roles(key, role, list, form, is_role_punctuation);
    Fault::at(place, "role-punctuation", message, help)
}

/// RULES-11
pub(crate) fn repeated(place: impl Into<Range<usize>>, key: &str) -> Fault {
    let message = format!("`{key}` stands here twice");
    Fault::at(place, "condition-repeated", message, words::help::CONDITION_REPEATED)
}
