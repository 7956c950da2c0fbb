//! What a case sends, as written and as understood.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::recipe::Recipe;
use super::template::{Piece, Template};
use crate::suggest::with_suggestion;

/// The `request` of a case.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RequestSource {
    /// An ordinary URL path, with query if any.
    #[serde(default)]
    pub path: Option<String>,
    /// The request target, byte for byte.
    #[serde(default)]
    pub target: Option<String>,
    /// A whole request: a list of lines, or one string sent as it is.
    #[serde(default)]
    pub raw: Option<Value>,
    /// The method; `GET` if left out.
    #[serde(default)]
    pub method: Option<String>,
    /// A recipe, by name or written here; sent as the cookie `nf_jwt`.
    #[serde(default)]
    pub token: Option<Value>,
    /// `Cookie` lines.
    #[serde(default)]
    #[schemars(with = "ListOrAxis")]
    pub cookies: Vec<String>,
    /// Header lines: a value or a list of values for each name.
    #[serde(default)]
    #[schemars(with = "MapOrAxis")]
    pub headers: Map<String, Value>,
    /// Another `Host` than the gate's own.
    #[serde(default)]
    pub host: Option<String>,
    /// The body.
    #[serde(default)]
    pub body: Option<String>,
    /// How many responses to read on the connection, with `raw`.
    #[serde(default)]
    pub responses: Option<usize>,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ListOrAxis {
    List(Vec<String>),
    Axis(String),
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum MapOrAxis {
    Map(Map<String, Value>),
    Axis(String),
}

/// What is sent, placeholders still open.
#[derive(Clone, Debug)]
pub struct Request {
    /// How the target travels.
    pub form: Form,
    /// The method.
    pub method: String,
    /// The recipe of the token.
    pub token: Option<TokenRef>,
    /// Where that token stands.
    pub carrier: Carrier,
    /// `Cookie` lines.
    pub cookies: Vec<Template>,
    /// Header lines.
    pub headers: Vec<(String, Template)>,
    /// Another `Host` than the gate's own.
    pub host: Option<Template>,
    /// The body.
    pub body: Option<Template>,
}

/// Where the token of a request stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Carrier {
    /// In `Authorization: Bearer`.
    Authorization,
    /// In the cookie of this name.
    Cookie(String),
}

impl Default for Carrier {
    /// The cookie of the format (COOKIE-1).
    fn default() -> Self {
        Self::Cookie(super::TOKEN_COOKIE.to_owned())
    }
}

impl Carrier {
    /// The field that carries a token.
    #[must_use]
    pub fn field(&self, token: &[u8]) -> (String, Vec<u8>) {
        match self {
            Self::Authorization => ("Authorization".to_owned(), [b"Bearer ".as_slice(), token].concat()),
            Self::Cookie(name) => ("Cookie".to_owned(), [name.as_bytes(), b"=", token].concat()),
        }
    }
}

/// How the request travels.
#[derive(Clone, Debug)]
pub enum Form {
    /// Through an ordinary HTTP client.
    Path(Template),
    /// A whole request, byte for byte, and how many responses to read.
    Raw {
        /// The bytes.
        bytes: Template,
        /// How many responses to read.
        responses: usize,
    },
    /// The request target byte for byte.
    Target(Template),
}

/// The token of a request.
#[derive(Clone, Debug)]
pub enum TokenRef {
    /// Written in the case.
    Inline(Box<Recipe>),
    /// By name.
    Named(String),
}

impl TokenRef {
    /// The name, or `(inline)`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Inline(_) => "(written in the case)",
            Self::Named(name) => name,
        }
    }
}

impl Request {
    /// Gives a written request its types.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what to write instead.
    pub fn understand(value: Value) -> Result<Self, String> {
        let source: RequestSource =
            serde_json::from_value(value).map_err(|error| with_suggestion(&error.to_string()))?;
        let form = match (&source.path, &source.target, &source.raw) {
            (Some(path), None, None) => Form::Path(ordinary_path(path)?),
            (None, Some(target), None) => Form::Target(Template::parse(target)?),
            (None, None, Some(raw)) => Form::Raw { bytes: raw_bytes(raw)?, responses: source.responses.unwrap_or(1) },
            (None, None, None) => return Err("a request needs one of `path`, `target`, `raw`".to_owned()),
            _ => return Err("a request has only one of `path`, `target`, `raw`".to_owned()),
        };
        if let Form::Raw { .. } = form {
            let beside = [
                ("method", source.method.is_some()),
                ("token", source.token.is_some()),
                ("cookies", !source.cookies.is_empty()),
                ("headers", !source.headers.is_empty()),
                ("host", source.host.is_some()),
                ("body", source.body.is_some()),
            ];
            if let Some((name, _)) = beside.iter().find(|(_, given)| *given) {
                return Err(format!("`{name}` cannot stand beside `raw`: write it into the raw request"));
            }
        } else if source.responses.is_some() {
            return Err("`responses` goes with `raw` only".to_owned());
        }
        let token = match source.token {
            None => None,
            Some(Value::String(name)) if name == "none" => None,
            Some(Value::String(name)) => Some(TokenRef::Named(name)),
            Some(map @ Value::Object(_)) => {
                let recipe = serde_json::from_value(map).map_err(|error| format!("token: {error}"))?;
                Some(TokenRef::Inline(Box::new(recipe)))
            }
            Some(other) => return Err(format!("`token` is the name of a recipe or a recipe, not `{other}`")),
        };
        let mut headers = Vec::new();
        for (name, value) in source.headers {
            let values = match value {
                Value::Array(items) => items,
                one => vec![one],
            };
            for value in values {
                let text = match value {
                    Value::String(text) => text,
                    Value::Number(number) => number.to_string(),
                    other => return Err(format!("header `{name}`: a text or a list of texts, not `{other}`")),
                };
                headers.push((name.clone(), Template::parse(&text)?));
            }
        }
        let optional = |text: Option<String>| text.as_deref().map(Template::parse).transpose();
        Ok(Self {
            form,
            method: source.method.unwrap_or_else(|| "GET".to_owned()),
            token,
            carrier: Carrier::default(),
            cookies: source.cookies.iter().map(|line| Template::parse(line)).collect::<Result<_, _>>()?,
            headers,
            host: optional(source.host)?,
            body: optional(source.body)?,
        })
    }

    /// Every text with placeholders, for checks.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let form = match &self.form {
            Form::Path(text) | Form::Target(text) | Form::Raw { bytes: text, .. } => text,
        };
        std::iter::once(form)
            .chain(&self.cookies)
            .chain(self.headers.iter().map(|(_, value)| value))
            .chain(&self.host)
            .chain(&self.body)
    }

    /// The same, to be changed.
    pub fn templates_mut(&mut self) -> impl Iterator<Item = &mut Template> {
        let form = match &mut self.form {
            Form::Path(text) | Form::Target(text) | Form::Raw { bytes: text, .. } => text,
        };
        std::iter::once(form)
            .chain(&mut self.cookies)
            .chain(self.headers.iter_mut().map(|(_, value)| value))
            .chain(&mut self.host)
            .chain(&mut self.body)
    }

    /// The recipes of the tokens that the request carries as they were minted, in whatever place.
    pub fn whole_tokens(&self) -> impl Iterator<Item = &str> {
        let named = match &self.token {
            Some(TokenRef::Named(name)) => Some(name.as_str()),
            _ => None,
        };
        named.into_iter().chain(self.templates().flat_map(Template::whole_tokens))
    }

    /// Whether the request carries a token, in whatever place.
    #[must_use]
    pub fn carries_token(&self) -> bool {
        self.token.is_some() || self.templates().any(|text| text.tokens().next().is_some())
    }

    /// Whether more than one request is sent, or something in it may be taken for another one.
    #[must_use]
    pub fn is_several(&self) -> bool {
        const VERSION: &[u8] = b"HTTP/";
        let Form::Raw { bytes, responses } = &self.form else { return false };
        let versions = bytes.pieces().iter().map(|piece| match piece {
            Piece::Text(text) => memchr::memmem::find_iter(text.as_bytes(), VERSION).count(),
            Piece::Bytes(bytes) => memchr::memmem::find_iter(bytes, VERSION).count(),
            _ => 0,
        });
        *responses > 1 || versions.sum::<usize>() > 1
    }

    /// Whether the request has to go over the byte-exact wire.
    #[must_use]
    pub fn is_byte_exact(&self) -> bool {
        !matches!(self.form, Form::Path(_))
    }
}

/// A path that an ordinary client sends as it stands.
fn ordinary_path(path: &str) -> Result<Template, String> {
    let template = Template::parse(path)?;
    if !path.starts_with('/') {
        return Err(format!("`path: {path}` does not start with `/`; write `target:` to send it as it is"));
    }
    let probe = format!("http://gate.example{path}");
    match url_target(&probe) {
        Some(sent) if sent == path || template.pieces().len() > 1 => Ok(template),
        Some(sent) => {
            Err(format!("an ordinary client would send `{path}` as `{sent}`; write `target:` to send it as it is"))
        }
        None => Err(format!("`path: {path}` is no URL path; write `target:` to send it as it is")),
    }
}

fn url_target(text: &str) -> Option<String> {
    let url = url::Url::parse(text).ok()?;
    Some(match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    })
}

/// A line of a raw request. YAML reads `Host: x` in a list as a map of one member; it is the line that it looks like.
fn raw_line(line: &Value) -> Result<String, String> {
    match line {
        Value::String(text) => Ok(text.clone()),
        Value::Object(map) => match map.iter().next() {
            Some((name, Value::String(value))) if map.len() == 1 => Ok(format!("{name}: {value}")),
            Some((name, Value::Number(value))) if map.len() == 1 => Ok(format!("{name}: {value}")),
            _ => Err(format!("`raw` is a list of lines; put quotes around `{line}`")),
        },
        _ => Err(format!("`raw` is a list of lines; put quotes around `{line}`")),
    }
}

fn raw_bytes(raw: &Value) -> Result<Template, String> {
    match raw {
        Value::String(text) => Template::parse(text),
        Value::Array(lines) => {
            let lines = lines.iter().map(raw_line).collect::<Result<Vec<_>, _>>()?;
            let head_end = lines.iter().position(String::is_empty);
            let (head, body) = match head_end {
                Some(end) => {
                    (lines.get(..end).unwrap_or_default(), lines.get(end.saturating_add(1)..).unwrap_or_default())
                }
                None => (lines.as_slice(), &[][..]),
            };
            let text = format!("{}\r\n\r\n{}", head.join("\r\n"), body.join("\r\n"));
            Template::parse(&text)
        }
        _ => Err("`raw` is a list of lines or one text".to_owned()),
    }
}
