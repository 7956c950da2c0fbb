//! For whom a rule is: a role, and whatever else it asks of a visitor.

use crate::claims::Roles;
use crate::cost::step;
use crate::said::Said;
use crate::visitor::Visitor;

/// The conditions of a rule, all of which must hold (COND-1). An empty list is no condition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `Role=`
    pub role: Option<RoleCondition>,
    /// One of each key at most, in the order of the keys.
    pub(crate) others: Vec<Condition>,
}

/// Which visitors a role condition admits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleCondition {
    /// ROLE-1: whose token holds one of these roles.
    AnyOf(Vec<String>),
    /// ROLE-6: `Role=*`; whose token is valid.
    AnyToken,
}

/// A condition beside the role: one of the values has to be the visitor's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What is asked for.
    pub key: ConditionKey,
    /// The values that are listed; of conditions that nobody knows, each as it is written.
    pub values: Vec<String>,
}

/// What a condition beside the role asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionKey {
    /// Where the visitor is, by its code (COND-3).
    Country,
    /// The language that the visitor chose or names first, or the one that it is a variety of.
    Language,
    /// A cookie of this name with a value.
    Cookie,
    /// RULES-10: what nobody knows, which never holds.
    Unknown,
}

impl Conditions {
    /// The conditions beside the role.
    pub fn others(&self) -> &[Condition] {
        &self.others
    }

    /// COND-1: the conditions beside the role that do not hold.
    pub(crate) fn unmet(&self, said: &Said<'_>) -> ConditionKeys {
        let failed = self.others.iter().filter(|condition| !condition.holds(said, self.role.is_some()));
        failed.map(|condition| condition.key).collect()
    }

    /// What they ask for beside the role.
    pub(crate) fn keys(&self) -> ConditionKeys {
        self.others.iter().map(|condition| condition.key).collect()
    }
}

impl Condition {
    /// Whether the condition holds for whoever said this; `beside_role`: the rule asks for a role as well.
    fn holds(&self, said: &Said<'_>, beside_role: bool) -> bool {
        step(self.values.len());
        let one_is = |fits: &dyn Fn(&[u8]) -> bool| self.values.iter().any(|value| fits(value.as_bytes()));
        match self.key {
            // COND-3
            ConditionKey::Country => {
                said.country(beside_role).is_some_and(|own| one_is(&|code| code.eq_ignore_ascii_case(own)))
            }
            ConditionKey::Language => said.language().is_some_and(|own| one_is(&|tag| speaks(own, tag))),
            ConditionKey::Cookie => self.values.iter().any(|name| said.cookie(name).is_some()),
            // RULES-10
            ConditionKey::Unknown => false,
        }
    }
}

impl ConditionKey {
    /// The name in a rule file; none for what nobody knows.
    pub fn name(self) -> Option<&'static str> {
        match self {
            ConditionKey::Country => Some("Country"),
            ConditionKey::Language => Some("Language"),
            ConditionKey::Cookie => Some("Cookie"),
            ConditionKey::Unknown => None,
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Conditions beside the role, by what they ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConditionKeys(u8);

impl FromIterator<ConditionKey> for ConditionKeys {
    fn from_iter<I: IntoIterator<Item = ConditionKey>>(keys: I) -> ConditionKeys {
        ConditionKeys(keys.into_iter().fold(0, |keys, key| keys | key.bit()))
    }
}

impl ConditionKeys {
    /// Those of either.
    pub(crate) fn and(self, other: ConditionKeys) -> ConditionKeys {
        ConditionKeys(self.0 | other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the condition with this key is one of them.
    pub fn contains(self, key: ConditionKey) -> bool {
        self.0 & key.bit() != 0
    }
}

impl RoleCondition {
    /// Whether `visitor` satisfies the condition. Only the holder of a verified token can.
    pub fn holds(&self, visitor: &Visitor) -> bool {
        match (self, visitor.roles()) {
            (_, None) => false,
            // ROLE-6
            (RoleCondition::AnyToken, Some(_)) => true,
            // ROLE-1, ROLE-5
            (RoleCondition::AnyOf(listed), Some(held)) => any(listed, held),
        }
    }
}

fn any(listed: &[String], held: &Roles) -> bool {
    step(listed.len());
    listed.iter().any(|role| held.contains(role))
}

/// Whether a visitor's language is `tag` or a variety of it: `en-GB` is `en`.
fn speaks(visitor: &[u8], tag: &[u8]) -> bool {
    visitor
        .split_at_checked(tag.len())
        .is_some_and(|(start, rest)| start.eq_ignore_ascii_case(tag) && matches!(rest.first(), None | Some(b'-')))
}
