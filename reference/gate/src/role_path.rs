//! The place of the roles in a token, as an operator writes it and as a token is given it.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

/// Where in a token the roles stand: names from the outermost object inwards.
///
/// Written with dots (`app_metadata.authorization.roles`) or, where a name holds a dot or a slash, as a JSON Pointer
/// (RFC 6901): `/https:~1~1example.com~1roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolePath(pub(crate) Vec<String>);

impl RolePath {
    /// The path of these names; `None` where there is none, or an empty one.
    pub fn of(names: &[&str]) -> Option<RolePath> {
        let sound = !names.is_empty() && names.iter().all(|name| !name.is_empty());
        sound.then(|| RolePath(names.iter().map(|name| (*name).to_owned()).collect()))
    }
}

impl Default for RolePath {
    /// CLAIM-1: `app_metadata.authorization.roles`.
    fn default() -> RolePath {
        RolePath(["app_metadata", "authorization", "roles"].map(str::to_owned).to_vec())
    }
}

impl RolePath {
    /// Puts `roles` at this place of `claims`, and makes the objects that lead there.
    ///
    /// # Errors
    /// The name on the way that is taken by something else than an object.
    pub fn set(&self, claims: &mut Map<String, Value>, roles: &[&str]) -> Result<(), String> {
        let mut object = claims;
        let Some((last, parents)) = self.0.split_last() else { return Ok(()) };
        for name in parents {
            let inner = object.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
            object = inner.as_object_mut().ok_or_else(|| name.clone())?;
        }
        object.insert(last.clone(), Value::from(roles));
        Ok(())
    }
}

/// Why a text is no [`RolePath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RolePathError {
    /// There is no name, or one of the names is empty.
    #[error("`{0}` holds an empty name; write names with dots between them, such as `app_metadata.roles`")]
    EmptyName(String),
    /// RFC 6901 §3: `~` stands only before `0` or `1`.
    #[error("`{0}` holds a `~` that is followed by neither `0` nor `1`; write `~0` for `~` and `~1` for `/`")]
    BadEscape(String),
}

impl FromStr for RolePath {
    type Err = RolePathError;

    fn from_str(text: &str) -> Result<RolePath, RolePathError> {
        let names = match text.strip_prefix('/') {
            Some(pointer) => pointer
                .split('/')
                .map(|name| unescape(name).ok_or_else(|| RolePathError::BadEscape(text.to_owned())))
                .collect::<Result<Vec<_>, _>>()?,
            None => text.split('.').map(str::to_owned).collect(),
        };
        if names.iter().any(String::is_empty) {
            return Err(RolePathError::EmptyName(text.to_owned()));
        }
        Ok(RolePath(names))
    }
}

impl fmt::Display for RolePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dotted = self.0.iter().all(|name| !name.contains(['.', '/']));
        if dotted {
            return f.write_str(&self.0.join("."));
        }
        for name in &self.0 {
            write!(f, "/{}", name.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

/// One name of a JSON Pointer (RFC 6901 §4).
fn unescape(name: &str) -> Option<String> {
    let mut plain = String::with_capacity(name.len());
    let mut rest = name.chars();
    while let Some(c) = rest.next() {
        plain.push(match c {
            '~' => match rest.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for text in ["app_metadata.roles", "a", "/x.y/z~1~0"] {
            assert_eq!(text.parse::<RolePath>().unwrap().to_string(), text);
        }
        for text in ["", ".", "a.", "a..b", "/", "/a//b"] {
            assert_eq!(text.parse::<RolePath>(), Err(RolePathError::EmptyName(text.to_owned())));
        }
        for text in ["/~", "/a~2"] {
            assert_eq!(text.parse::<RolePath>(), Err(RolePathError::BadEscape(text.to_owned())));
        }
    }
}
