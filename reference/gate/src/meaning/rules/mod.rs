//! The rules of a site: an ordered list, each rule with whom it is for and what it answers.
//!
//! RULES-9: a line in error that names a role is a *sealed* rule, which covers its path and admits nobody. HEADERS-6: so is a
//! path that asks for a password; these rules stand before all others.

pub(crate) mod captures;
mod condition;
pub(crate) mod destination;
pub(crate) mod pattern;

use http::header::{HeaderName, HeaderValue};

pub use captures::{Captured, Captures};
pub use condition::{Condition, ConditionKey, ConditionKeys, Conditions, RoleCondition};
pub use destination::{Destination, Substituted};
pub use pattern::Pattern;

use crate::authority::Origin;
use crate::cost::step;
use crate::query::Parameters;
use crate::span::{Places, Span};

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The line without white space around it; in `netlify.toml` the entry's `from`.
    pub span: Span,
    /// The line as written, without white space around it; in `netlify.toml` the entry as such a line.
    pub text: String,
    /// HOST-1: the scheme and host of a full-URL `from`.
    pub origin: Option<Origin>,
    /// The path of `from`.
    pub pattern: Pattern,
    /// QUERY-1: the parameters that a request must have.
    pub query: Vec<QueryConstraint>,
    /// What the rule does.
    pub effect: Effect,
    /// Where the fields of an entry stand.
    pub places: Places,
}

/// What a rule does to a request that its host, path and query match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Admit those who satisfy the conditions, and answer.
    Apply(Box<Apply>),
    /// RULES-9: admit nobody.
    Seal,
}

/// The answer of a rule, and for whom it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apply {
    /// Where the rule leads.
    pub to: Destination,
    /// RULES-4: the status, 301 where none is written.
    pub status: u16,
    /// RULES-4: whether the rule wins over an existing file.
    pub force: bool,
    /// COND-1: all of them must hold.
    pub conditions: Conditions,
    /// TOML-1, PROXY-1: what a forwarded request carries besides its own headers; only `netlify.toml` can say it.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// PROXY-1: the name of the environment variable whose secret signs forwarded requests.
    pub signed: Option<String>,
}

/// A query parameter that a rule asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryConstraint {
    /// The key, decoded.
    pub key: Vec<u8>,
    /// What its value must be.
    pub value: QueryValue,
}

/// The value that a rule asks of a query parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryValue {
    /// Any value, which this name then stands for.
    Capture(String),
    /// This value, decoded.
    Literal(Vec<u8>),
}

impl Rule {
    /// The answer of the rule; none where it is sealed.
    pub fn apply(&self) -> Option<&Apply> {
        match &self.effect {
            Effect::Apply(apply) => Some(apply),
            Effect::Seal => None,
        }
    }

    /// The rule's role condition.
    pub fn role(&self) -> Option<&RoleCondition> {
        self.apply().and_then(|apply| apply.conditions.role.as_ref())
    }

    /// RULES-9: whether the rule admits nobody.
    pub fn is_sealed(&self) -> bool {
        self.effect == Effect::Seal
    }

    /// Whether the rule decides who sees its path: it has a role condition, or is sealed.
    pub fn is_gate(&self) -> bool {
        self.is_sealed() || self.role().is_some()
    }

    /// ROLE-3.redirect: whether what lies at its path is for those alone whom the rule admits; a role rule that redirects sends its
    /// holders elsewhere, and protects nothing (LINT-2). RULES-9: of a sealed line nobody knows.
    pub fn protects(&self) -> bool {
        self.is_gate() && self.apply().is_none_or(|apply| !apply.is_redirect())
    }

    /// Whether the rule forwards requests to another server (PROXY-1).
    pub fn is_proxy(&self) -> bool {
        self.apply().is_some_and(Apply::is_proxy)
    }

    /// QUERY-1, QUERY-2: whether the request has exactly the parameters that the rule asks for, if it asks for any.
    pub(crate) fn query_matches(&self, parameters: &Parameters) -> bool {
        if self.query.is_empty() {
            return true;
        }
        step(self.query.len());
        // Keys of a rule differ from each other, so equal numbers and all present means none besides.
        self.query.len() == parameters.len()
            && self.query.iter().all(|constraint| match (parameters.value(&constraint.key), &constraint.value) {
                // QUERY-3: a bare key has no value to capture or to compare.
                (None, _) => false,
                (Some(_), QueryValue::Capture(_)) => true,
                (Some(value), QueryValue::Literal(expected)) => value == expected,
            })
    }

    /// What the names in `from` and in the query stand for, if both match.
    pub(crate) fn captures(
        &self,
        segments: &[&str],
        trailing_slash: bool,
        parameters: &Parameters,
    ) -> Option<Captures> {
        let mut captures = self.pattern.captures_of(segments, trailing_slash)?;
        for constraint in &self.query {
            if let QueryValue::Capture(name) = &constraint.value {
                captures.add_text(name, parameters.value(&constraint.key)?.to_vec());
            }
        }
        Some(captures)
    }
}

impl Apply {
    /// STATUS-1: whether the visitor is sent elsewhere.
    pub fn is_redirect(&self) -> bool {
        (300..400).contains(&self.status)
    }

    /// Whether the request is forwarded to another server (PROXY-1).
    pub fn is_proxy(&self) -> bool {
        self.to.is_absolute() && self.status == 200
    }
}
