//! What a gate may lack: the features by name, each with what a gate has that does not lack it. Error messages, the schemas and the guide tell them from here.

use std::borrow::Cow;
use std::fmt::Write as _;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use crate::suggest::nearest;

/// A feature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Feature {
    /// The name in suites and gate files.
    pub name: &'static str,
    /// What a gate has that does not lack it, in a line.
    pub gloss: &'static str,
    /// Who says that it is lacking.
    pub told_by: Teller,
}

/// Who says that a feature is lacking.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Teller {
    /// The gate file.
    Gate,
    /// The runner, from where and how the gate is asked.
    Runner,
}

const fn of_gate(name: &'static str, gloss: &'static str) -> Feature {
    Feature { name, gloss, told_by: Teller::Gate }
}

const fn of_runner(name: &'static str, gloss: &'static str) -> Feature {
    Feature { name, gloss, told_by: Teller::Runner }
}

/// Every feature, by name.
pub const FEATURES: [Feature; 29] = [
    of_gate("asymmetric", "it verifies tokens with public keys"),
    of_gate("audience", "it can be told which `aud` and `iss` a token must have"),
    of_gate("cache-fields", "its answers say what caches may do with them"),
    of_gate("compression", "it sends content codings"),
    of_gate("cookie", "it takes the token from a cookie"),
    of_gate("cookie-condition", "it reads `Cookie=` conditions in rules"),
    of_gate("country", "it reads `Country=` conditions in rules"),
    of_gate("country-header", "it can be told in which field a trusted proxy names the visitor's country"),
    of_runner("first-reader", "it reads messages before any other server does (not with `--behind-proxy`)"),
    of_gate("headers", "it reads the file `_headers`"),
    of_gate("host", "it reads rules with a full URL in front"),
    of_gate("http-1", "it speaks HTTP/1.1 itself, without a front that ends TLS"),
    of_gate("language", "it reads `Language=` conditions in rules"),
    of_gate("listener", "it runs on this machine, so that a call from it to the runner would be seen"),
    of_gate("placeholder", "it reads `:name` in rules"),
    of_runner("plain-http", "it is asked without TLS"),
    of_gate("proxy", "it forwards where a rule leads to another server"),
    of_gate("query", "it reads query parameters in rules"),
    of_gate("raw-target", "request targets come to it as they were sent, and no front such as a CDN repairs them"),
    of_gate("role", "it reads `Role=` conditions in rules"),
    of_runner("root-path", "the site lies at the root, and not under the path prefix of a bundle"),
    of_gate("rules", "it reads rules, so that one path can have more than one gate in front of it"),
    of_gate("sealed", "it closes the path of a line that names a role and cannot be read (RULES-9, RULES-10)"),
    of_gate("site", "it serves any site; one that cannot have a site ends with status 77 and says why"),
    of_gate("splat", "it reads `*` at the end of a path in rules"),
    of_runner("tls", "it is asked over TLS"),
    of_gate("toml", "it reads rules from `netlify.toml`"),
    of_gate("trusted-proxy", "it can be told which proxies in front of it to believe"),
    of_gate("trusted-upstream", "it can be told which server behind it may see the token"),
];

/// Whether there is such a feature.
#[must_use]
pub fn is_feature(name: &str) -> bool {
    FEATURES.iter().any(|feature| feature.name == name)
}

/// That no feature has this name, and which one may be meant, or which there are.
pub(crate) fn no_feature(name: &str) -> String {
    let meant = nearest(name, FEATURES.iter().map(|feature| feature.name));
    if let Some(one) = FEATURES.iter().find(|feature| Some(feature.name) == meant) {
        return format!("no feature `{name}`; did you mean `{}` ({})?", one.name, one.gloss);
    }
    let widest = FEATURES.iter().map(|feature| feature.name.len()).max().unwrap_or_default();
    let mut text = format!("no feature `{name}`; a gate may lack");
    for feature in FEATURES.iter().filter(|feature| feature.told_by == Teller::Gate) {
        let _ = write!(text, "\n  {:widest$}  {}", feature.name, feature.gloss);
    }
    text
}

/// The features that one of them tells, as a table of Markdown.
#[must_use]
pub fn table(told_by: Teller) -> String {
    let mut text = "| feature | what a gate has that does not lack it |\n| --- | --- |\n".to_owned();
    for feature in FEATURES.iter().filter(|feature| feature.told_by == told_by) {
        let _ = writeln!(text, "| `{}` | {} |", feature.name, feature.gloss);
    }
    text
}

/// The schema of features with reasons, as gate files have them.
pub(crate) fn with_reasons(_: &mut SchemaGenerator) -> Schema {
    let described = |feature: &Feature| {
        (feature.name.to_owned(), json_schema!({ "description": feature.gloss, "type": "string" }).to_value())
    };
    let properties: Map<String, Value> = FEATURES.iter().map(described).collect();
    json_schema!({ "type": "object", "properties": properties, "additionalProperties": false, "default": {} })
}

/// The name of a feature, for the schemas.
struct Name;

impl JsonSchema for Name {
    fn schema_name() -> Cow<'static, str> {
        "Feature".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = |feature: &Feature| json_schema!({ "const": feature.name, "description": feature.gloss }).to_value();
        let all: Vec<Value> = FEATURES.iter().map(one).collect();
        json_schema!({ "oneOf": all })
    }
}

/// The schema of one feature or a list of them, as suites and cases have them.
pub(crate) fn one_or_many(generator: &mut SchemaGenerator) -> Schema {
    let one = generator.subschema_for::<Name>();
    json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_in_order() {
        assert!(FEATURES.is_sorted_by(|one, next| one.name < next.name));
    }

    #[test]
    fn an_unknown_feature_is_answered_with_the_one_that_is_meant_or_with_all() {
        assert_eq!(
            no_feature("assymetric"),
            "no feature `assymetric`; did you mean `asymmetric` (it verifies tokens with public keys)?"
        );
        let all = no_feature("wasm");
        assert!(all.starts_with("no feature `wasm`; a gate may lack\n  asymmetric        it verifies tokens"), "{all}");
        assert_eq!(all.lines().count(), 1 + FEATURES.iter().filter(|one| one.told_by == Teller::Gate).count());
    }
}
