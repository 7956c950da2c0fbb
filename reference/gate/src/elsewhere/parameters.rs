//! Whether every reader of a query reads in it what the rules have read.
//!
//! FRONT-3: of a parameter that is sent twice some servers take the first and some the last, or a list; some part
//! parameters at `;` as well, some decode names and some do not, some take `id[]` for `id`. A rule that names a parameter
//! decides by one reading, and means nothing for a server that shows something by another. So a parameter that a rule names
//! comes once, its name written in the one way in which all read it, and its value so that the rule says the same of each
//! reading. What no rule names is nobody's business here.

use std::collections::HashMap;

use crate::cost::step;
use crate::meaning::rules::{QueryConstraint, QueryValue};
use crate::uri::{escape, form_decode};

/// The parameters that rules name, by what servers may take for the same name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named(HashMap<Vec<u8>, Wanted>);

/// What rules want of one parameter.
#[derive(Clone, Debug, Default)]
struct Wanted {
    /// Its name.
    name: Vec<u8>,
    /// Whether there are others that servers may take for it.
    several: bool,
    /// Whether no text at all may be what is wanted.
    empty: bool,
    /// Whether some text is wanted and no other.
    literal: bool,
    /// Whether that text has a space or a `+` in it.
    spaced: bool,
}

impl Named {
    /// The parameters that one rule names.
    pub(crate) fn by(rule: &[QueryConstraint]) -> Named {
        let mut named = Named::default();
        named.add(rule);
        named
    }

    /// Adds those that another rule names.
    pub(crate) fn add(&mut self, rule: &[QueryConstraint]) {
        for QueryConstraint { key, value } in rule {
            step(key.len());
            let first = || Wanted { name: key.clone(), ..Wanted::default() };
            let wanted = self.0.entry(folded(key)).or_insert_with(first);
            wanted.several |= wanted.name != *key;
            match value {
                QueryValue::Capture(_) => wanted.empty = true,
                QueryValue::Literal(text) => {
                    wanted.empty |= text.is_empty();
                    wanted.literal = true;
                    wanted.spaced |= text.iter().any(|byte| matches!(byte, b' ' | b'+'));
                }
            }
        }
    }

    /// Whether the rules would say the same, however a server reads what was sent.
    pub(crate) fn are_plain_in(&self, sent: &Sent) -> bool {
        if self.0.is_empty() {
            return true;
        }
        // Either can be long: the shorter one is gone through, and looked up in the other.
        step(self.0.len().min(sent.parameters.len()));
        let are_plain = if self.0.len() < sent.parameters.len() {
            let mut both = self.0.iter().filter_map(|(name, wanted)| Some((wanted, sent.parameters.get(name)?)));
            both.all(|(wanted, parameter)| wanted.is_plain_in(parameter))
        } else {
            let mut both = sent.parameters.iter().filter_map(|(name, sent)| Some((self.0.get(name)?, sent)));
            both.all(|(wanted, parameter)| wanted.is_plain_in(parameter))
        };
        are_plain && !sent.has_unclear_name
    }
}

impl Wanted {
    fn is_plain_in(&self, sent: &Parameter) -> bool {
        let is_value_plain = match sent.value {
            Value::Plain => true,
            Value::None => !self.empty,
            Value::Spaced => !self.spaced,
            Value::Odd => !self.literal,
        };
        sent.is_plain && !self.several && self.name == sent.name && is_value_plain
    }
}

/// The parameters of one query, by what servers may take for the same name.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    parameters: HashMap<Vec<u8>, Parameter>,
    /// Whether something is a parameter for some servers alone, or one of which nobody knows the name.
    has_unclear_name: bool,
}

/// A parameter as it was sent.
#[derive(Debug)]
struct Parameter {
    /// Its name as a form has it.
    name: Vec<u8>,
    /// Whether it comes once, and is a parameter of this name for everybody.
    is_plain: bool,
    value: Value,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// There is none, not even a `=`; for some that is an empty one.
    None,
    /// In the one way in which all read it.
    Plain,
    /// With a `+`, which is a space for some.
    Spaced,
    /// So that servers read different texts in it.
    Odd,
}

impl Sent {
    /// Reads a raw query, which stood after the `?`.
    pub(crate) fn of(query: &[u8]) -> Sent {
        step(query.len());
        let mut sent = Sent::default();
        for pair in query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let is_whole = !pair.contains(&b';');
            // For some servers `;;` is nothing, and for others the name of a parameter.
            sent.has_unclear_name |= pair.iter().all(|byte| *byte == b';');
            for part in pair.split(|byte| *byte == b';').filter(|part| !part.is_empty()) {
                let at = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
                let (spelled, value) = part.split_at_checked(at).unwrap_or_default();
                let name = form_decode(spelled);
                let alike = folded(&name);
                sent.has_unclear_name |= alike.is_empty() || alike.contains(&b'%');
                let is_plain = is_whole && is_plain_name(spelled) && !sent.parameters.contains_key(&alike);
                let value = value.strip_prefix(b"=").map_or(Value::None, Value::of);
                sent.parameters.insert(alike, Parameter { name, is_plain, value });
            }
        }
        sent
    }
}

impl Value {
    fn of(spelled: &[u8]) -> Value {
        let decoded = form_decode(spelled);
        let is_text = || std::str::from_utf8(&decoded).is_ok_and(|text| text.trim() == text);
        let is_clear = || decoded.iter().all(|byte| !byte.is_ascii_control() && *byte != b'%');
        match is_plainly_escaped(spelled) && is_text() && is_clear() {
            true if spelled.contains(&b'+') => Value::Spaced,
            true => Value::Plain,
            false => Value::Odd,
        }
    }
}

/// What is left of a name where it is taken for that of a list, and `.` and spaces for `_`.
fn folded(name: &[u8]) -> Vec<u8> {
    let ends = |(at, byte): (usize, &u8)| *byte == 0 || (*byte == b'[' && at > 0);
    let end = name.iter().enumerate().position(ends).unwrap_or(name.len());
    let name = name.get(..end).unwrap_or_default().trim_ascii();
    name.iter().map(|byte| if matches!(byte, b'.' | b' ') { b'_' } else { *byte }).collect()
}

/// Whether a name is the same for everybody, a `+` left out.
fn is_plain_name(spelled: &[u8]) -> bool {
    is_plainly_escaped(spelled) && !spelled.contains(&b'+')
}

/// Whether what is escaped is what everybody escapes, and in upper case (RFC 3986 §6.2.2).
fn is_plainly_escaped(spelled: &[u8]) -> bool {
    let mut escapes = spelled.split(|byte| *byte == b'%').skip(1);
    let is_needed = |rest: &[u8]| {
        let is_upper = rest.iter().take(2).all(|digit| !digit.is_ascii_lowercase());
        let value = escape(rest).map(|(value, _)| value);
        is_upper && value.is_some_and(|value| !value.is_ascii_alphanumeric() && !matches!(value, b'-' | b'.' | b'_'))
    };
    spelled.iter().all(u8::is_ascii_graphic) && escapes.all(is_needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(key: &str, value: &str) -> QueryConstraint {
        QueryConstraint { key: key.into(), value: QueryValue::Literal(value.into()) }
    }

    fn capture(key: &str) -> QueryConstraint {
        QueryConstraint { key: key.into(), value: QueryValue::Capture("x".to_owned()) }
    }

    fn is_plain(rules: &[&[QueryConstraint]], query: &str) -> bool {
        let mut named = Named::default();
        rules.iter().for_each(|rule| named.add(rule));
        let sent = Sent::of(query.as_bytes());
        let all = named.are_plain_in(&sent);
        let each = rules.iter().all(|rule| Named::by(rule).are_plain_in(&sent));
        assert_eq!(all, each, "{query}: rules are asked together as one by one");
        all
    }

    #[test]
    fn plain_and_not() {
        let rules = [
            literal("id", "secret"),
            literal("a.b", "x"),
            capture("tags[]"),
            literal("two words", "x y"),
            capture("q"),
        ];
        for query in [
            "",
            "&",
            "&&id=1&",
            "id=1",
            "id=",
            "id",
            "id=a+b%20c%26d%3B",
            "id=1&x=2&x=3",
            "x=1;y=2&id=1",
            "x=1;&id=1",
            "ID=1&Id=2",
            "a.b=1",
            "tags[]=1",
            "tags%5B%5D=1",
            "two%20words=1",
            "two%20words=x%20y",
            "ids=1&i=2&d=3",
            "x=%zz&id=1",
            "id=%C3%A9",
            "q=%2531+%zz%FF",
            "q=",
        ] {
            assert!(is_plain(&[&rules], query), "{query}");
        }
        for query in [
            "id=1&id=1",
            "id=1&x=1&id=2",
            "id=1&id",
            "q",
            "%69d=1",
            "i%64=1",
            "%2569d=1",
            "%u0069d=1",
            "id[]=1",
            "id%5B%5D=1",
            "id%5b%5d=1",
            "id[0]=1",
            "id[=1",
            "id[a]=1&id=2",
            "+id=1",
            "%20id=1",
            "id%00x=1",
            "id=1;x",
            "x=1;id=2",
            "x;id=2",
            "amp;id=2",
            "id=1&;",
            "id=1&=2",
            "id=1&=",
            "=x",
            "id=1&+=2",
            "id=1&%00x=2",
            "x%zz=1",
            "id=%zz",
            "id=%u0031",
            "id=%2531",
            "id=100%25",
            "id=s%65cret",
            "id=caf%c3%a9",
            "id=café",
            "id=%20secret",
            "id=secret%0A",
            "id=1%00",
            "id=%FF",
            "a_b=1",
            "a%2Eb=1",
            "tags=1",
            "tags[]=1&tags[]=2",
            "two+words=1",
            "two%20words=x+y",
            "two%20words=x%2By+",
        ] {
            assert!(!is_plain(&[&rules], query), "{query}");
        }
        // Two rules that name it in two ways: no spelling is that of both.
        assert!(!is_plain(&[&[literal("id", "1")], &[literal("id[]", "1")]], "id=1"));
        assert!(!is_plain(&[&[literal("x", "1")], &[literal("x", "")]], "x"));
        assert!(is_plain(&[&[]], "id=1&id=2&=3"));
    }
}
