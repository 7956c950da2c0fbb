//! Who writes: what the token says of a visitor, never what a request says.

use serde_json::{Map, Value};

use crate::tokens;

/// Somebody who edits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Editor {
    /// The name, for commits.
    pub name: String,
    /// The e-mail address; without one nobody commits.
    pub email: String,
    /// `app_metadata.roles`.
    pub roles: Vec<String>,
}

impl Editor {
    /// Reads the claims of a token that has been verified.
    pub fn of(claims: &Map<String, Value>) -> Editor {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(plain).unwrap_or_default();
        let email = text(claims.get("email"));
        let full_name = text(claims.get("user_metadata").and_then(|data| data.get("full_name")));
        let local_part = email.split('@').next().unwrap_or_default();
        let name = if full_name.is_empty() { local_part.to_owned() } else { full_name };
        Editor { name, email, roles: tokens::roles(claims).map(str::to_owned).collect() }
    }

    /// Whether one of these roles is theirs; where no role is named, everybody who is logged in may edit, as with Netlify.
    pub fn may_edit(&self, roles: &[String]) -> bool {
        roles.is_empty() || roles.iter().any(|role| self.roles.contains(role))
    }
}

/// What can stand in an author's line: no bracket, no control character, and nothing that git takes off at the ends.
fn plain(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).take(200).collect();
    kept.trim_matches(|c: char| c.is_whitespace() || matches!(c, '.' | ',' | ':' | ';' | '"' | '\\' | '\'')).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(claims: &Value) -> Editor {
        Editor::of(claims.as_object().unwrap())
    }

    #[test]
    fn an_author_is_who_the_token_says() {
        let editor = |claims: Value| {
            let editor = of(&claims);
            (editor.name, editor.email)
        };
        let both = |name: &str, email: &str| (name.to_owned(), email.to_owned());
        let named = json!({ "email": "a@site.example", "user_metadata": { "full_name": "Ada L." } });
        assert_eq!(editor(named), both("Ada L", "a@site.example"));
        assert_eq!(editor(json!({ "email": "a@site.example" })), both("a", "a@site.example"));
        assert_eq!(editor(json!({ "email": "a@site.example", "user_metadata": null })), both("a", "a@site.example"));
        let forged = json!({ "email": "a@site.example", "user_metadata": { "full_name": "A <b@c>\nauthor X" } });
        assert_eq!(editor(forged), both("A b@cauthor X", "a@site.example"));
        assert_eq!(editor(json!({ "sub": "0" })), both("", ""));
    }

    #[test]
    fn roles_are_those_of_app_metadata() {
        let editor =
            of(&json!({ "app_metadata": { "roles": ["editor", 1] }, "user_metadata": { "roles": ["admin"] } }));
        assert!(editor.may_edit(&[]));
        assert!(editor.may_edit(&["admin".to_owned(), "editor".to_owned()]));
        assert!(!editor.may_edit(&["admin".to_owned()]));
        assert!(!of(&json!({ "role": "admin", "app_metadata": { "roles": "admin" } })).may_edit(&["admin".to_owned()]));
    }
}
