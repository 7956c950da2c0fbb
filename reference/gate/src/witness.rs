//! Witnesses: requests that a rule is for, made up from the rule alone. Lints try rules with them, and an audit asks them of a site.

use crate::request::Scheme;
use crate::rules::{Condition, ConditionKey, QueryValue, Rule};
use crate::uri::form_encode;

/// The word in the place of a free segment.
pub const WORD: &str = crate::rules::EXAMPLE;

/// A request that a rule matches and all whose conditions but the role hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Witness {
    /// The request target.
    pub target: String,
    /// The host that the rule names.
    pub host: Option<String>,
    /// The scheme of the connection.
    pub scheme: Scheme,
    /// The country that the visitor comes from.
    pub country: Option<String>,
    /// Further header lines, with names in lower case.
    pub headers: Vec<(&'static str, String)>,
}

impl Witness {
    /// A witness of the rule, with `word` in the place of each free segment.
    #[must_use]
    pub fn of(rule: &Rule, word: &str) -> Witness {
        let (scheme, host) = match &rule.origin {
            Some(origin) => (origin.scheme(), Some(origin.host().to_owned())),
            None => (Scheme::Https, None),
        };
        let query: Vec<String> = rule
            .query
            .iter()
            .map(|constraint| {
                let value = match &constraint.value {
                    QueryValue::Capture(_) => word.to_owned(),
                    QueryValue::Literal(text) => form_encode(text),
                };
                format!("{}={value}", form_encode(&constraint.key))
            })
            .collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let target = rule.pattern.example(word).encoded() + &query;
        let mut witness = Witness { target, host, scheme, country: None, headers: Vec::new() };
        let conditions = rule.apply().map(|apply| apply.conditions.others()).unwrap_or_default();
        for Condition { key, values } in conditions {
            let Some(value) = values.first() else { continue };
            match key {
                ConditionKey::Country => witness.country = Some(value.clone()),
                ConditionKey::Language => witness.headers.push(("accept-language", value.clone())),
                ConditionKey::Cookie => witness.headers.push(("cookie", format!("{value}=1"))),
                ConditionKey::Unknown => {}
            }
        }
        witness
    }
}
