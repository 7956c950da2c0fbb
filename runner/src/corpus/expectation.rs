//! What must come back, as written and as understood.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::template::Template;
use crate::suggest::with_suggestion;

/// The statuses with which the HTTP layer refuses a request.
pub const REFUSALS: [u16; 13] = [400, 404, 405, 408, 411, 413, 414, 417, 421, 426, 431, 501, 505];

/// An expectation as written: one alternative, or `any-of`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expectation {
    /// One status, or any of a list.
    #[serde(default)]
    #[schemars(with = "Option<StatusSchema>")]
    pub status: Option<Value>,
    /// The `Location`, compared after resolving; `any` for any.
    #[serde(default)]
    pub location: Option<String>,
    /// Whether the `Location` must stay on this origin, as a browser reads it.
    #[serde(default)]
    pub same_origin: Option<bool>,
    /// A file whose canary stands in the body.
    #[serde(default)]
    pub shows: Option<String>,
    /// The body is exactly these bytes of a file.
    #[serde(default)]
    pub part: Option<FilePart>,
    /// A file that the visitor is let in to, though the body need not show it.
    #[serde(default)]
    pub admits: Option<String>,
    /// Files whose canaries do not stand in the body.
    #[serde(default)]
    pub hides: Vec<String>,
    /// `empty`.
    #[serde(default)]
    pub body: Option<BodyShape>,
    /// Header fields.
    #[serde(default)]
    pub headers: BTreeMap<String, HeaderExpectation>,
    /// Files that earlier responses on the same connection may show.
    #[serde(default)]
    pub earlier_shows: Vec<String>,
    /// The connection may also be closed without a response.
    #[serde(default)]
    pub closed: Option<bool>,
    /// The connection is closed after the answer; for `raw` requests.
    #[serde(default)]
    pub then_closed: bool,
    /// What the upstream behind the gate was asked; left out, it must not have been asked at all.
    #[serde(default)]
    pub upstream: Option<UpstreamExpectation>,
    /// What other requirements say of this answer, by their ids: expectations that say nothing about what the answer is.
    #[serde(default)]
    pub also: BTreeMap<String, Value>,
    /// Alternatives: names or expectations.
    #[serde(default)]
    #[schemars(with = "Option<Vec<Value>>")]
    pub any_of: Option<Vec<Value>>,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum StatusSchema {
    One(u16),
    Any(Vec<u16>),
    Axis(String),
}

/// The one request that the upstream behind the gate got.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UpstreamExpectation {
    /// The method.
    #[serde(default)]
    pub method: Option<String>,
    /// The request target.
    #[serde(default)]
    pub target: Option<String>,
    /// Header fields, by name in lower case.
    #[serde(default)]
    pub headers: BTreeMap<String, HeaderExpectation>,
    /// The whole body.
    #[serde(default)]
    pub body: Option<String>,
}

/// Bytes of a file, first and last included (RFC 9110 §14.1.2 counts the same way).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilePart {
    /// The file.
    pub of: String,
    /// The first byte.
    pub first: usize,
    /// The last byte.
    pub last: usize,
}

/// The shape of a body.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum BodyShape {
    /// No bytes.
    Empty,
}

/// What a header field must look like.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HeaderExpectation {
    /// The whole value.
    #[serde(default)]
    pub is: Option<String>,
    /// All of these stand in the comma list.
    #[serde(default)]
    pub contains: Vec<String>,
    /// At least one of these stands in the comma list.
    #[serde(default)]
    pub one_of: Vec<String>,
    /// None of these stands in the comma list.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// The field is not there.
    #[serde(default)]
    pub absent: bool,
    /// The field is there.
    #[serde(default)]
    pub present: bool,
}

/// One understood alternative; everything in it must hold.
#[derive(Clone, Debug)]
pub struct Alternative {
    /// The name under which it was written, if any.
    pub name: Option<String>,
    /// Any of these statuses.
    pub status: Vec<u16>,
    /// The `Location`.
    pub location: Option<LocationExpectation>,
    /// The `Location` stays on this origin.
    pub same_origin: bool,
    /// The file that is shown.
    pub shows: Option<String>,
    /// The bytes of a file that the body is.
    pub part: Option<FilePart>,
    /// The file that the visitor is let in to, though the body need not show it.
    pub admits: Option<String>,
    /// Files whose canaries do not stand in the body.
    pub hides: Vec<String>,
    /// No body.
    pub empty_body: bool,
    /// Header fields.
    pub headers: BTreeMap<String, HeaderExpectation>,
    /// Files that earlier responses on the same connection may show.
    pub earlier_shows: Vec<String>,
    /// The connection may be closed without a response.
    pub closed: bool,
    /// The connection is closed after the answer.
    pub then_closed: bool,
    /// What the upstream behind the gate was asked.
    pub upstream: Option<UpstreamExpectation>,
    /// What other requirements say of this answer, by their ids.
    pub also: BTreeMap<String, Alternative>,
}

/// What a `Location` must be.
#[derive(Clone, Debug)]
pub enum LocationExpectation {
    /// Present, whatever it is.
    Any,
    /// Equal after resolving.
    Is(Template),
    /// The path of the request in one of these spellings, with its query. A host may lose parameters on the way, or put them in another order (STATIC-3).
    Spelled(Vec<String>),
}

/// What a case expects.
#[derive(Clone, Debug)]
pub enum Expected {
    /// One of these must fit.
    Judge(Vec<Alternative>),
    /// The first that fits is what was observed.
    Observe {
        /// Label and alternatives, in order.
        labels: Vec<(String, Vec<Alternative>)>,
        /// The label that the reference gate shows.
        reference: Option<String>,
    },
}

impl Expected {
    /// Every alternative.
    pub fn alternatives(&self) -> Box<dyn Iterator<Item = &Alternative> + '_> {
        match self {
            Self::Judge(alternatives) => Box::new(alternatives.iter()),
            Self::Observe { labels, .. } => Box::new(labels.iter().flat_map(|(_, alternatives)| alternatives)),
        }
    }

    /// What fits the label that the reference gate shows; none where the expectation binds everybody, or records no label.
    #[must_use]
    pub fn choice_of_the_reference(&self) -> Option<&[Alternative]> {
        let Self::Observe { labels, reference: Some(choice) } = self else { return None };
        labels.iter().find(|(label, _)| label == choice).map(|(_, alternatives)| alternatives.as_slice())
    }

    /// Whether every alternative shows `file` or another one: the visitor is let in.
    #[must_use]
    pub fn shows_something(&self) -> bool {
        matches!(self, Self::Judge(alternatives) if alternatives.iter().all(|one| one.shown().is_some()))
    }
}

impl Alternative {
    /// The file that a visitor is let in to under this alternative.
    #[must_use]
    pub fn shown(&self) -> Option<&str> {
        self.shows.as_deref().or(self.part.as_ref().map(|part| part.of.as_str())).or(self.admits.as_deref())
    }
}

/// The names that an expectation can refer to.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<String, Vec<Alternative>>);

impl Names {
    /// Understands `denied` and the other named expectations of a suite.
    ///
    /// # Errors
    /// The name and a sentence.
    pub fn understand(named: &[(String, Value)]) -> Result<Self, (String, String)> {
        let mut names = Self::default();
        for (name, value) in named {
            if ["refused", "not-canonical"].contains(&name.as_str()) {
                return Err((name.clone(), format!("`{name}` is a built-in expectation; give yours another name")));
            }
            let mut alternatives = names.resolve(value).map_err(|error| (name.clone(), error))?;
            for alternative in &mut alternatives {
                alternative.name.get_or_insert_with(|| name.clone());
            }
            names.0.insert(name.clone(), alternatives);
        }
        Ok(names)
    }

    /// Understands an expectation: a name, or a map.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what to write instead.
    pub fn resolve(&self, value: &Value) -> Result<Vec<Alternative>, String> {
        match value {
            Value::String(name) => self.named(name),
            Value::Object(map) => self.written(map),
            other => Err(format!("an expectation is a name or a map, not `{other}`")),
        }
    }

    fn named(&self, name: &str) -> Result<Vec<Alternative>, String> {
        let denied = || self.0.get("denied").cloned().unwrap_or_default();
        match name {
            "refused" => {
                let refusal = Alternative { closed: true, ..Alternative::of_status(name, &REFUSALS) };
                Ok(std::iter::once(refusal).chain(denied()).collect())
            }
            "not-canonical" => {
                let refusal = Alternative::of_status(name, &[400, 404]);
                let moved = Alternative {
                    location: Some(LocationExpectation::Any),
                    same_origin: true,
                    ..Alternative::of_status(name, &[301, 302, 307, 308])
                };
                Ok([refusal, moved].into_iter().chain(denied()).collect())
            }
            _ => self.0.get(name).cloned().ok_or_else(|| {
                let known: Vec<_> = self.0.keys().map(|known| format!("`{known}`")).collect();
                format!(
                    "no expectation `{name}`; known here: `refused`, `not-canonical`{}{}",
                    if known.is_empty() { "" } else { ", " },
                    known.join(", ")
                )
            }),
        }
    }

    fn written(&self, map: &Map<String, Value>) -> Result<Vec<Alternative>, String> {
        let written: Expectation =
            serde_json::from_value(Value::Object(map.clone())).map_err(|error| with_suggestion(&error.to_string()))?;
        if let Some(list) = written.any_of {
            if map.len() > 1 {
                return Err("nothing else can stand beside `any-of`".to_owned());
            }
            let mut all = Vec::new();
            for one in &list {
                all.extend(self.resolve(one)?);
            }
            return if all.is_empty() { Err("`any-of` is empty, so it asserts nothing".to_owned()) } else { Ok(all) };
        }
        let status = match written.status {
            None => Vec::new(),
            Some(Value::Array(items)) => items.iter().map(status).collect::<Result<_, _>>()?,
            Some(one) => vec![status(&one)?],
        };
        let location = match written.location.as_deref() {
            None => None,
            Some("any") => Some(LocationExpectation::Any),
            Some(text) => Some(LocationExpectation::Is(Template::parse(text)?)),
        };
        let also = written.also.iter().map(|(id, value)| Ok((id.clone(), further(self, id, value)?)));
        let also = also.collect::<Result<BTreeMap<_, _>, String>>()?;
        let alternative = Alternative {
            name: None,
            also,
            status,
            location,
            same_origin: written.same_origin.unwrap_or_default(),
            shows: written.shows,
            part: written.part,
            admits: written.admits,
            hides: written.hides,
            empty_body: written.body.is_some(),
            headers: written.headers.into_iter().map(|(name, field)| (name.to_ascii_lowercase(), field)).collect(),
            earlier_shows: written.earlier_shows,
            closed: written.closed.unwrap_or_default(),
            then_closed: written.then_closed,
            upstream: written.upstream.map(|asked| UpstreamExpectation {
                headers: asked.headers.into_iter().map(|(name, field)| (name.to_ascii_lowercase(), field)).collect(),
                ..asked
            }),
        };
        let asserts_answer = !alternative.status.is_empty()
            || alternative.location.is_some()
            || alternative.shown().is_some()
            || !alternative.headers.is_empty()
            || alternative.same_origin
            || alternative.empty_body
            || alternative.then_closed
            || !alternative.hides.is_empty()
            || alternative.upstream.is_some();
        if !asserts_answer && !alternative.closed {
            return Err(
                "this expectation asserts nothing; say at least `status`, `location`, `shows` or `headers`".to_owned()
            );
        }
        if alternative.status.iter().all(|status| (300..400).contains(status) && *status != 304)
            && !alternative.status.is_empty()
            && alternative.location.is_none()
        {
            return Err("a redirect needs a `location` (write `location: any` if any will do)".to_owned());
        }
        let asked = alternative.upstream.iter().flat_map(|upstream| &upstream.headers);
        for (name, field) in alternative.headers.iter().chain(asked) {
            if field.is.is_none()
                && field.contains.is_empty()
                && field.one_of.is_empty()
                && field.lacks.is_empty()
                && !field.absent
                && !field.present
            {
                return Err(format!(
                    "header `{name}` asserts nothing; say `is`, `contains`, `one-of`, `lacks`, `absent` or `present`"
                ));
            }
        }
        Ok(vec![alternative])
    }
}

impl Alternative {
    pub(super) fn of_status(name: &str, status: &[u16]) -> Self {
        Self { name: Some(name.to_owned()), ..Self::plain(status) }
    }

    /// One of these statuses, and nothing else that is looked at.
    #[must_use]
    pub fn plain(status: &[u16]) -> Self {
        Self {
            name: None,
            status: status.to_vec(),
            location: None,
            same_origin: false,
            shows: None,
            part: None,
            admits: None,
            hides: Vec::new(),
            empty_body: false,
            headers: BTreeMap::new(),
            earlier_shows: Vec::new(),
            closed: false,
            then_closed: false,
            upstream: None,
            also: BTreeMap::new(),
        }
    }
}

/// What another requirement says of an answer. Which answer it is, the case itself says.
fn further(names: &Names, id: &str, value: &Value) -> Result<Alternative, String> {
    let Value::Object(map) = value else {
        return Err(format!("`also: {id}` is an expectation: write `{id}: {{ headers: … }}`"));
    };
    const OF_THE_CASE: [&str; 8] = ["any-of", "also", "status", "location", "shows", "admits", "closed", "upstream"];
    if let Some(key) = OF_THE_CASE.iter().find(|key| map.contains_key(**key)) {
        return Err(format!("`also: {id}` says `{key}`, which only the case itself can say"));
    }
    let understood = names.written(map).map_err(|error| format!("`also: {id}`: {error}"))?;
    understood.into_iter().next().ok_or_else(|| format!("`also: {id}` asserts nothing"))
}

fn status(value: &Value) -> Result<u16, String> {
    value
        .as_u64()
        .and_then(|number| u16::try_from(number).ok())
        .filter(|number| (100..600).contains(number))
        .ok_or_else(|| format!("`{value}` is no HTTP status (100 to 599)"))
}
