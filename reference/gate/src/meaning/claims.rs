//! What a verified token claims, and which of it counts as roles (CLAIM-1 to CLAIM-4).

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::role_path::RolePath;

/// The payload of a verified token: a JSON object without duplicate names.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Arc<Map<String, Value>>);

impl Claims {
    /// The claims of a payload with these members.
    pub fn new(members: impl Into<Arc<Map<String, Value>>>) -> Claims {
        Claims(members.into())
    }

    /// All members, in the order in which they stand.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The top-level member `name`.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The roles at `path`; anything that is not there in the right shape grants nothing.
    pub fn roles(&self, path: &RolePath) -> Roles {
        // CLAIM-4: this one place is looked at. Names of objects only: an array index addresses nothing.
        let Some((last, parents)) = path.0.split_last() else {
            return Roles::default();
        };
        let mut object = self.0.as_ref();
        for name in parents {
            match object.get(name) {
                Some(Value::Object(inner)) => object = inner,
                _ => return Roles::default(),
            }
        }
        Roles::new(roles_in(object.get(last)))
    }
}

/// The roles in what stands at the place that a role path names.
pub fn roles_in(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let (list, one) = match value {
        Some(Value::Array(items)) => (items.as_slice(), None),
        // CLAIM-2: a single string is one role, never a list.
        Some(Value::String(role)) => (&[][..], Some(role.as_str())),
        _ => (&[][..], None),
    };
    // CLAIM-1; CLAIM-3: an item that is no string grants nothing.
    list.iter().filter_map(Value::as_str).chain(one)
}

/// The roles of one visitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// In the order of the token.
    held: Vec<String>,
    /// The same once more where they are many, so that a rule asks for each of its roles once (COST-1).
    many: HashSet<String>,
}

/// So many roles are compared one by one.
const FEW: usize = 8;

impl Roles {
    /// These roles.
    pub fn new<R: Into<String>>(roles: impl IntoIterator<Item = R>) -> Roles {
        let held: Vec<String> = roles.into_iter().map(Into::into).collect();
        let many = if held.len() > FEW { held.iter().cloned().collect() } else { HashSet::new() };
        Roles { held, many }
    }

    /// Whether `role` is among them. ROLE-5: equal byte for byte, or not equal.
    pub fn contains(&self, role: &str) -> bool {
        if self.many.is_empty() { self.held.iter().any(|held| held == role) } else { self.many.contains(role) }
    }

    /// The roles in the order of the token.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.held.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(payload: Value, path: &str) -> Vec<String> {
        let Value::Object(members) = payload else { panic!("an object") };
        Claims::new(members).roles(&path.parse().unwrap()).iter().map(str::to_owned).collect()
    }

    #[test]
    fn shapes() {
        let at = |value: Value| roles(serde_json::json!({ "a": { "b": value } }), "a.b");
        let none: [&str; 0] = [];
        assert_eq!(at(serde_json::json!(["x", "y"])), ["x", "y"]);
        assert_eq!(at(serde_json::json!(["x", 1, null, ["y"], {"z": "z"}])), ["x"]);
        assert_eq!(at(serde_json::json!("x,y")), ["x,y"]);
        for value in
            [serde_json::json!(null), serde_json::json!(1), serde_json::json!(true), serde_json::json!({"x": "x"})]
        {
            assert_eq!(at(value), none);
        }
        assert_eq!(roles(serde_json::json!({ "b": ["x"], "a.b": ["y"], "a": [["b", "z"]] }), "a.b"), none);
    }

    #[test]
    fn names_and_pointers() {
        assert_eq!(roles(serde_json::json!({ "https://x.y/r": ["z"] }), "/https:~1~1x.y~1r"), ["z"]);
        assert_eq!(roles(serde_json::json!({ "a": ["z"] }), "/a"), ["z"]);
    }
}
