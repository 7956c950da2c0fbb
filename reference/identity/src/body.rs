//! What bodies and queries say: forms and JSON documents.

use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use crate::user::Metadata;

/// The longest body that is read, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// So many fields of a form are read; what follows is not looked at.
const MAX_FIELDS: usize = 64;

/// The fields of a form or a query, in the order sent (WHATWG URL, `application/x-www-form-urlencoded`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the text of a form. There is no text that is none; bytes that are no UTF-8 are replaced.
    pub fn read(text: &str) -> Form {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).take(MAX_FIELDS);
        Form(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                })
                .collect(),
        )
    }

    /// The fields of a body, and then those of a query: where both have a field, that of the body counts, as in Go.
    pub fn of(body: &[u8], query: &str) -> Form {
        let mut form = Form::read(&String::from_utf8_lossy(body));
        form.0.extend(Form::read(query).0);
        form
    }

    /// The first field of this name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The first field of this name, if it is not empty.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.field(name).filter(|value| !value.is_empty())
    }
}

/// Reads a JSON object.
///
/// # Errors
/// What is wrong with it, in one line without its content.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    // A list would be read as the members of a structure in their order.
    let members: Metadata = serde_json::from_slice(body).map_err(|error| {
        let kind = match error.classify() {
            Category::Eof => "the JSON document ends too early",
            Category::Syntax => "this is no JSON document",
            Category::Data | Category::Io => "this is no JSON object",
        };
        format!("{kind} (line {}, column {})", error.line(), error.column())
    })?;
    serde_json::from_value(Value::Object(members)).map_err(|_| "a member is of another type than expected".to_owned())
}

/// The body of `POST /signup`, `POST /invite`, `POST /recover`, `POST /verify` and of both ways to change a user.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
pub struct Asked {
    /// The address.
    pub email: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// What the user says.
    pub data: Option<Metadata>,
    /// What kind of token `token` is.
    pub r#type: Option<String>,
    /// A token that was mailed.
    pub token: Option<String>,
    /// A token that was mailed to a new address.
    pub email_change_token: Option<String>,
    /// What the operator says.
    pub app_metadata: Option<Metadata>,
    /// What the user says, as the admin API has it.
    pub user_metadata: Option<Metadata>,
    /// The role of the admin API.
    pub role: Option<String>,
    /// Whether the address counts as confirmed.
    pub confirm: Option<bool>,
    /// The audience.
    pub aud: Option<String>,
}

/// A text that is there and not empty.
pub fn filled(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let form = Form::of(
            b"grant_type=password&username=a%40b&password=p%C3%A4ss+w%2Brd%26%3D%20&password=2&=x&flag&&",
            "username=c&page=2",
        );
        for (name, expected) in [
            ("grant_type", Some("password")),
            ("username", Some("a@b")),
            ("password", Some("päss w+rd&= ")),
            ("page", Some("2")),
            ("flag", Some("")),
            ("", Some("x")),
            ("other", None),
        ] {
            assert_eq!(form.field(name), expected, "{name}");
        }
        assert_eq!(form.filled("flag"), None);
        assert_eq!(Form::read("a=%&b=%zz&c=%ff").field("a"), Some("%"));
        assert_eq!(Form::read(&"a=1&".repeat(10_000)).0.len(), MAX_FIELDS);
    }

    #[test]
    fn documents() {
        let asked: Asked = json(br#"{"email":"a@b","password":null,"data":{"x":1},"other":[]}"#).unwrap();
        assert_eq!((asked.email.as_deref(), asked.password), (Some("a@b"), None));
        for bad in ["", "{", "[]x", r#"["a@b"]"#, "null", r#"{"email":1}"#, r#"{"data":[]}"#, "null x"] {
            let error = json::<Asked>(bad.as_bytes()).unwrap_err();
            assert!(!error.contains("email"), "{error}");
        }
        // Deep nesting is refused, not followed.
        assert!(json::<Asked>(format!(r#"{{"data":{{"a":{}"#, "[".repeat(30_000)).as_bytes()).is_err());
    }
}
