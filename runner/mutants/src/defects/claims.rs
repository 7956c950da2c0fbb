//! Where the roles stand in a token, and in what shape they count (CLAIM-1, CLAIM-3, CLAIM-4).

use Defect::Settings;
use rolegate::claims::RolePath;
use serde_json::Value;

use crate::jwt::Token;
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "claim/roles-at-the-top",
        "CLAIM-4",
        "a claim `roles` at the top of the token counts as well",
        Defect::Token(|token| also(token, &["roles"])),
    ),
    Mutant::new(
        "claim/roles-that-users-edit",
        "CLAIM-4",
        "roles under `user_metadata`, which users can edit, count as well",
        Defect::Token(|token| {
            also(token, &["user_metadata", "authorization", "roles"]) || also(token, &["user_metadata", "roles"])
        }),
    ),
    Mutant::new(
        "claim/roles-right-under-app-metadata",
        "CLAIM-4",
        "`app_metadata.roles` counts although another path is configured",
        Defect::Token(|token| also(token, &["app_metadata", "roles"])),
    ),
    Mutant::new(
        "claim/path-as-one-name",
        "CLAIM-4",
        "one claim whose name is the whole path counts as well",
        Defect::Token(|token| {
            let name = token.role_path().join(".");
            let value = token.claims.get(&name).cloned();
            value.is_some_and(|value| token.is_signed() && token.grant(value))
        }),
    ),
    Mutant::new(
        "claim/names-in-any-case",
        "CLAIM-4",
        "the names on the way to the roles are compared without regard to case",
        Defect::Token(|token| {
            let path = token.role_path().to_vec();
            let mut value = Value::Object(token.claims.clone());
            for name in &path {
                let found = value.as_object().and_then(|members| {
                    members
                        .iter()
                        .find(|(other, _)| other.to_lowercase() == name.to_lowercase())
                        .map(|(_, value)| value.clone())
                });
                let Some(found) = found else { return false };
                value = found;
            }
            token.roles().is_none() && token.is_signed() && token.grant(value)
        }),
    ),
    Mutant::new(
        "claim/roles-in-the-header",
        "CLAIM-4",
        "roles in the header of the token count as well",
        Defect::Token(|token| {
            let path = token.role_path().to_vec();
            let mut names = path.iter();
            let first = names.next().and_then(|first| token.header.get(first)).cloned();
            let found = first.and_then(|first| names.try_fold(first, |value, name| value.get(name).cloned()));
            let found = found.or_else(|| token.header.get("roles").cloned());
            found.is_some_and(|value| token.is_signed() && token.grant(value))
        }),
    ),
    Mutant::new(
        "claim/object-is-a-list",
        "CLAIM-3",
        "the names of an object count as roles",
        Defect::Token(|token| {
            let names =
                token.roles().and_then(Value::as_object).map(|members| members.keys().cloned().collect::<Vec<_>>());
            names.is_some_and(|names| token.is_signed() && token.grant(Value::from(names)))
        }),
    ),
    Mutant::new(
        "claim/nested-lists-are-flattened",
        "CLAIM-3",
        "roles in an array inside the array count",
        Defect::Token(|token| {
            let flat = token.roles().filter(|roles| roles.is_array()).map(flat);
            flat.is_some_and(|flat| token.is_signed() && token.grant(Value::Array(flat)))
        }),
    ),
    Mutant::new(
        "claim/one-odd-item-spoils-the-list",
        "CLAIM-3",
        "an item that is no string takes all roles away",
        Defect::Token(|token| {
            let odd =
                token.roles().and_then(Value::as_array).is_some_and(|items| items.iter().any(|item| !item.is_string()));
            odd && token.is_signed() && token.grant(Value::Null)
        }),
    ),
    Mutant::new(
        "claim/objects-with-a-name-are-roles",
        "CLAIM-3",
        "an object with a `name` counts as the role of that name",
        Defect::Token(|token| {
            let named = |item: &Value| match item {
                Value::Object(members) => members.values().next().cloned().unwrap_or(Value::Null),
                other => other.clone(),
            };
            let roles =
                token.roles().and_then(Value::as_array).map(|items| items.iter().map(named).collect::<Vec<_>>());
            roles.is_some_and(|roles| token.is_signed() && token.grant(Value::Array(roles)))
        }),
    ),
    Mutant::new(
        "claim/first-role-only",
        "CLAIM-1",
        "only the first role of a token counts",
        Defect::Token(|token| cut(token, 1)),
    ),
    Mutant::new(
        "claim/first-hundred-roles-only",
        "CLAIM-1",
        "roles behind the hundredth are dropped",
        Defect::Token(|token| cut(token, 100)),
    ),
    Mutant::new(
        "claim/array-on-the-way",
        "CLAIM-3",
        "an array on the way to the roles is entered at its first item",
        Defect::Token(|token| {
            let path = token.role_path().to_vec();
            let mut value = Value::Object(token.claims.clone());
            for name in &path {
                while let Value::Array(items) = &value {
                    value = items.first().cloned().unwrap_or(Value::Null);
                }
                value = value.get(name).cloned().unwrap_or(Value::Null);
            }
            token.roles().is_none() && !value.is_null() && token.is_signed() && token.grant(value)
        }),
    ),
    Mutant::new(
        "claim/configured-path-ignored",
        "CLAIM-1",
        "the configured role path is ignored; the default one is used",
        Settings(|settings| settings.role_path = RolePath::default()),
    ),
    Mutant::new(
        "claim/pointer-escapes-kept",
        "CLAIM-1",
        "`~1` in the role path is not read as a slash",
        Settings(|settings| {
            if let Ok(path) = settings.role_path.to_string().replace('~', "~0").parse::<RolePath>() {
                settings.role_path = path;
            }
        }),
    ),
];

/// Roles at another place count too, where there are none at the right one.
fn also(token: &mut Token<'_>, path: &[&str]) -> bool {
    let here: Vec<&str> = token.role_path().iter().map(String::as_str).collect();
    if here == path || token.roles().is_some_and(|roles| roles.as_array().is_some_and(|items| !items.is_empty())) {
        return false;
    }
    let value = token.claim(path).cloned();
    value.is_some_and(|value| token.is_signed() && token.grant(value))
}

fn flat(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        other => vec![other.clone()],
    }
}

fn cut(token: &mut Token<'_>, count: usize) -> bool {
    let first = token.roles().and_then(Value::as_array).filter(|items| items.len() > count);
    let first = first.map(|items| items.iter().take(count).cloned().collect::<Vec<_>>());
    first.is_some_and(|first| token.is_signed() && token.grant(Value::Array(first)))
}
