//! What bodies and queries say: forms and JSON documents.

use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use crate::Call;
use crate::user::Metadata;

/// The longest body that is read, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// So deep may a JSON document be nested: what is kept of it stands in documents of our own, which have to be read as well.
const MAX_DEPTH: usize = 64;
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

    /// The fields of a body that is a form, or does not say what it is; one that says it is something else has none.
    pub fn body(call: &Call) -> Form {
        let kind = call.header(CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split_once(';').map_or(kind, |(kind, _)| kind).trim();
        let is_form = kind.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        if is_form || !call.headers.contains_key(CONTENT_TYPE) {
            return Form::read(&String::from_utf8_lossy(&call.body));
        }
        Form::default()
    }

    /// The fields of a body, and then those of a query: where both have a field, that of the body counts, as in Go.
    pub fn of(call: &Call) -> Form {
        let mut form = Form::body(call);
        form.0.extend(Form::read(&call.query).0);
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
    let document = Value::Object(members);
    if !is_within(&document, MAX_DEPTH) {
        return Err(format!("the JSON document is nested deeper than {MAX_DEPTH} levels"));
    }
    serde_json::from_value(document).map_err(|_| "a member is of another type than expected".to_owned())
}

/// The body of `POST /signup`. As with each of these, what a route does not know is not looked at, whatever its type.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
pub struct SignUp {
    /// The address.
    pub email: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// What the user says.
    pub data: Option<Metadata>,
}

/// The body of `POST /invite`.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
pub struct Invite {
    /// The address.
    pub email: Option<String>,
    /// What the user is said to say.
    pub data: Option<Metadata>,
}

/// The body of `POST /recover`.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
pub struct Recover {
    /// The address.
    pub email: Option<String>,
}

/// The body of `POST /verify`.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
pub struct Verify {
    /// What kind of token `token` is.
    pub r#type: Option<String>,
    /// A token that was mailed.
    pub token: Option<String>,
    /// The password of somebody who was invited.
    pub password: Option<String>,
}

/// The body of `PUT /user`.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
pub struct Account {
    /// The new address.
    pub email: Option<String>,
    /// The new password.
    pub password: Option<String>,
    /// What the user says.
    pub data: Option<Metadata>,
    /// What the operator says.
    pub app_metadata: Option<Metadata>,
    /// A token that was mailed to a new address.
    pub email_change_token: Option<String>,
}

/// The body of the routes of the admin API that make and change a user.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
pub struct ByAdmin {
    /// The address.
    pub email: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The role of the admin API.
    pub role: Option<String>,
    /// Whether the address counts as confirmed.
    pub confirm: Option<bool>,
    /// The audience.
    pub aud: Option<String>,
    /// What the operator says.
    pub app_metadata: Option<Metadata>,
    /// What the user says.
    pub user_metadata: Option<Metadata>,
}

/// A text that is there and not empty.
pub fn filled(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

/// Whether lists and objects in it stand in no more than so many others.
fn is_within(value: &Value, depth: usize) -> bool {
    match (value, depth.checked_sub(1)) {
        (Value::Array(items), Some(depth)) => items.iter().all(|item| is_within(item, depth)),
        (Value::Object(members), Some(depth)) => members.values().all(|member| is_within(member, depth)),
        (Value::Array(_) | Value::Object(_), None) => false,
        _ => true,
    }
}

fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;

    #[test]
    fn forms() {
        let form = Form::of(&call(
            &["application/x-www-form-urlencoded; charset=utf-8"],
            "grant_type=password&username=a%40b&password=p%C3%A4ss+w%2Brd%26%3D%20&password=2&=x&flag&&",
            "username=c&page=2",
        ));
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

    fn call(kinds: &[&'static str], body: &str, query: &str) -> Call {
        let mut headers = HeaderMap::new();
        for kind in kinds {
            headers.append(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        Call {
            method: Method::POST,
            path: String::new(),
            query: query.to_owned(),
            headers,
            body: body.to_owned().into(),
            origin: String::new(),
            home: String::new(),
            client: [127, 0, 0, 1].into(),
            now: crate::Moment::from_seconds(1),
        }
    }

    #[test]
    fn which_bodies_are_forms() {
        const FORM: &str = "application/x-www-form-urlencoded";
        for (kinds, is_form) in [
            ([FORM].as_slice(), true),
            (&["Application/X-WWW-Form-Urlencoded;charset=UTF-8"], true),
            (&["application/x-www-form-urlencoded ; charset=UTF-8"], true),
            (&["application/json"], false),
            (&["text/plain"], false),
            (&["multipart/form-data; boundary=x"], false),
            (&["application/x-www-form-urlencoded-not"], false),
            (&[FORM, FORM], false),
            (&[""], false),
            (&[], true),
        ] {
            let form = Form::of(&call(kinds, "a=body", "a=query"));
            assert_eq!(form.field("a"), Some(if is_form { "body" } else { "query" }), "{kinds:?}");
        }
    }

    #[test]
    fn documents() {
        let asked: SignUp = json(br#"{"email":"a@b","password":null,"data":{"x":1},"other":[]}"#).unwrap();
        assert_eq!((asked.email.as_deref(), asked.password), (Some("a@b"), None));
        for bad in ["", "{", "[]x", r#"["a@b"]"#, "null", r#"{"email":1}"#, r#"{"data":[]}"#, "null x"] {
            let error = json::<SignUp>(bad.as_bytes()).unwrap_err();
            assert!(!error.contains("email"), "{error}");
        }
        let nested =
            |depth: usize| format!(r#"{{"data":{{"a":{}1{}}}}}"#, "[".repeat(depth - 2), "]".repeat(depth - 2));
        assert!(json::<SignUp>(nested(MAX_DEPTH).as_bytes()).is_ok());
        let error = json::<SignUp>(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err();
        assert_eq!(error, "the JSON document is nested deeper than 64 levels");
        // Deep nesting is refused, not followed.
        assert!(json::<SignUp>(format!(r#"{{"data":{{"a":{}"#, "[".repeat(30_000)).as_bytes()).is_err());
    }
}
