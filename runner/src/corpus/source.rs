//! The three kinds of YAML file as they are written: requirements, tokens, suites.
//!
//! Unknown fields are errors everywhere, so that a typo cannot weaken a case. `request`, `expect` and `observe` stay generic trees
//! here, because an axis may still put a value into them; [`super::expand`] gives them their types.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use super::assertion::Kind;
use super::features;

/// How binding a requirement is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Sources disagree: recorded, never failed.
    Survey,
    /// Best current practice: a miss is a finding.
    Should,
    /// Documented by the format's owner, by an RFC, or the only safe reading: a miss fails the run.
    Must,
}

impl Level {
    /// The level as it is written in the ledger.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::Survey => "SURVEY",
        }
    }
}

/// Where a requirement comes from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// Sources contradict each other.
    Contested,
    /// The format's owner says so.
    Documented,
    /// The only safe reading.
    Hardening,
    /// Seen in the format owner's published packages.
    Observed,
    /// An RFC says so.
    Rfc,
}

/// Whether a requirement has an admitting and a refusing side.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Sides {
    /// It needs a case that is admitted and one that is denied or refused.
    Both,
    /// One case is enough.
    #[default]
    One,
}

/// One sentence of the ledger, `requirements.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Requirement {
    /// Area and number, for example `ROLE-3`; a part of a sentence at another level has a dotted name, `TOKEN-5.leeway`.
    pub id: String,
    /// MUST, SHOULD or SURVEY.
    pub level: Level,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Whether it needs cases on both sides.
    #[serde(default)]
    pub sides: Sides,
    /// What a gate has to do.
    pub sentence: String,
    /// What it speaks of beyond which answer comes.
    #[serde(default)]
    pub says: Vec<Kind>,
    /// The sentences that make it a MUST, each with where it stands: `RFC 9112 §3: “…”`.
    #[serde(default)]
    pub quote: OneOrMany,
    /// With a MUST of the defence that no RFC demands: how somebody gets in by itself where it is missed.
    #[serde(default)]
    pub opens: Option<String>,
    /// A decision of this project where the sources are silent.
    #[serde(default)]
    pub note: Option<String>,
    /// Why no case asks for it.
    #[serde(default)]
    pub no_case: Option<String>,
}

/// One family of attacks, in `families.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// The name that suites and cases use.
    pub id: String,
    /// What the attacker tries.
    pub about: String,
}

/// `tokens.yaml`: recipes by name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TokensFile(
    /// The recipes; what a recipe holds is described by [`super::recipe::Recipe`].
    #[schemars(with = "BTreeMap<String, super::recipe::Recipe>")]
    pub BTreeMap<String, Spanned<Value>>,
);

/// One value, or a list of values.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(with = "OneOrManySchema")]
pub struct OneOrMany(pub Vec<String>);

#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum OneOrManySchema {
    One(String),
    Many(Vec<String>),
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = OneOrMany;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text or a list of texts")
            }
            fn visit_str<E>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = items.next_element::<String>()? {
                    all.push(item);
                }
                Ok(OneOrMany(all))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The name of an expectation (or an axis), or an expectation.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum ExpectationSchema {
    Name(String),
    Written(Box<super::expectation::Expectation>),
}

/// A request, or an axis whose values are requests.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum RequestSchema {
    Axis(String),
    Written(Box<super::request::RequestSource>),
}

/// One suite: a site with one list of rules, and the cases asked of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SuiteSource {
    /// One line.
    pub title: String,
    /// What the suite is for.
    #[serde(default)]
    pub about: Option<String>,
    /// The family of attacks that the suite belongs to.
    #[serde(default)]
    pub family: Option<String>,
    /// Where the behaviour is written down or was seen.
    #[serde(default)]
    pub source: OneOrMany,
    /// The sentences of an RFC that make its cases a MUST, where their requirements quote others.
    #[serde(default)]
    pub quote: OneOrMany,
    /// What a gate may lack.
    #[serde(default)]
    #[schemars(schema_with = "features::one_or_many")]
    pub features: OneOrMany,
    /// Why the suite cannot share a deployment with others under a path prefix.
    #[serde(default)]
    pub standalone: Option<String>,
    /// Why a gate may refuse to start on this site; then a refusal counts as right, for every case.
    #[serde(default)]
    pub may_refuse: Option<String>,
    /// The tokens of those for whom the protected files of the site are meant, though its lines let nobody in: in their hands a file is a failure and no leak.
    #[serde(default)]
    pub meant_for: OneOrMany,
    /// The settings of the gate.
    #[serde(default)]
    pub settings: SettingsSource,
    /// Rules and files.
    pub site: SiteSource,
    /// Recipes of this suite alone.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, super::recipe::Recipe>")]
    pub tokens: BTreeMap<String, Spanned<Value>>,
    /// What a denied visitor gets.
    #[serde(default)]
    #[schemars(with = "Option<ExpectationSchema>")]
    pub denied: Option<Spanned<Value>>,
    /// Further named expectations.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, ExpectationSchema>")]
    pub expectations: BTreeMap<String, Spanned<Value>>,
    /// The case that must pass for a denial to mean something.
    #[schemars(with = "String")]
    pub control: Spanned<String>,
    /// The cases.
    pub cases: Vec<CaseSource>,
}

/// The settings of a gate.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SettingsSource {
    /// The HS256 secret; the corpus secret if left out.
    #[serde(default)]
    pub secret: Option<String>,
    /// Where the roles stand: names joined by dots, or a JSON Pointer.
    #[serde(default)]
    pub role_path: Option<String>,
    /// The networks whose proxies the gate trusts, such as `127.0.0.0/8`, from where the runner connects; none if left out.
    #[serde(default)]
    pub trusted_proxy: OneOrMany,
    /// The field in which a trusted proxy names the visitor's country.
    #[serde(default)]
    pub country_header: Option<String>,
    /// A test key, whose public half the gate is given as PEM text in the place of the secret.
    #[serde(default)]
    pub public_key: Option<String>,
    /// The keys of the JWKS document that the gate is given in the place of the secret.
    #[serde(default)]
    pub jwks: Option<Vec<JwkSource>>,
    /// The algorithms that the public keys may serve.
    #[serde(default)]
    pub algorithms: OneOrMany,
    /// What the token's `aud` has to hold.
    #[serde(default)]
    pub audience: Option<String>,
    /// What the token's `iss` has to be.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Whether the runner's upstream may see the cookie `nf_jwt`.
    #[serde(default)]
    pub trust_upstream: bool,
    /// Environment variables that rules name.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// A member of the JWKS document: a test key by name, or one with its members changed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum JwkSource {
    /// The public half of a test key; its `kid` is its name.
    Name(String),
    /// Members changed.
    Edited(EditedJwk),
}

/// A JSON Web Key with members changed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditedJwk {
    /// The test key that is changed; without one, the key is what `set` says.
    #[serde(default)]
    pub key: Option<String>,
    /// Members to set.
    #[serde(default)]
    pub set: Map<String, Value>,
    /// Members to leave out.
    #[serde(default)]
    pub drop: Vec<String>,
}

/// Rules and files of a suite.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SiteSource {
    /// The text of `_redirects`.
    #[serde(default)]
    pub rules: Option<String>,
    /// The bytes of `_redirects` in hexadecimal.
    #[serde(default)]
    pub rules_hex: Option<String>,
    /// The text of `netlify.toml`. The suite needs the feature `toml`, and is deployed alone.
    #[serde(default)]
    pub toml: Option<String>,
    /// The text of `_headers`.
    #[serde(default)]
    pub headers: Option<String>,
    /// Whether a comment line with a canary is appended to the rules (default true).
    #[serde(default = "yes")]
    pub mark_rules: bool,
    /// Path to what the file is.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, FileSource>")]
    pub files: BTreeMap<String, Spanned<FileSource>>,
}

fn yes() -> bool {
    true
}

/// Who may see a file.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Only a visitor whose case says so.
    Protected,
    /// Everybody.
    Public,
}

/// A file of the site: who may see it and, if it matters, its size in bytes.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(with = "FileSourceSchema")]
pub struct FileSource {
    /// Who may see it.
    pub access: Access,
    /// Size in bytes, at least 256; otherwise the runner picks one.
    pub size: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FileMap {
    kind: Access,
    #[serde(default)]
    size: Option<usize>,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum FileSourceSchema {
    Kind(Access),
    Map(FileMap),
}

impl<'de> Deserialize<'de> for FileSource {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = FileSource;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`public`, `protected`, or `{ kind: …, size: … }`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<FileSource, E> {
                let access = match text {
                    "public" => Access::Public,
                    "protected" => Access::Protected,
                    other => return Err(E::custom(format!("`{other}` is neither `public` nor `protected`"))),
                };
                Ok(FileSource { access, size: None })
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<FileSource, A::Error> {
                let FileMap { kind, size } = FileMap::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(FileSource { access: kind, size })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// One written case, before its axes are expanded.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CaseSource {
    /// Lower case, digits and hyphens; unique in the suite.
    #[schemars(with = "String")]
    pub id: Spanned<String>,
    /// What the case tests (the first) and touches (the others).
    #[schemars(with = "OneOrMany")]
    pub requirement: Spanned<OneOrMany>,
    /// Lowers the level of the requirement.
    #[serde(default)]
    pub level: Option<LoweredLevel>,
    /// What a gate that fails has got wrong.
    #[serde(default)]
    pub why: Option<String>,
    /// The family of attacks.
    #[serde(default)]
    pub family: Option<String>,
    /// Where the behaviour is written down or was seen.
    #[serde(default)]
    pub source: OneOrMany,
    /// The sentences of an RFC that make it a MUST, where the requirement quotes another: `RFC 9112 §3: “…”`.
    #[serde(default)]
    pub quote: OneOrMany,
    /// What a gate may lack.
    #[serde(default)]
    #[schemars(schema_with = "features::one_or_many")]
    pub features: OneOrMany,
    /// Another control than the suite's.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub control: Option<Spanned<String>>,
    /// The token whose holder the visitor is, though theirs is written, or sent, in a form that must not count: what that token opens is in their hands a failure
    /// and no leak.
    #[serde(default)]
    pub holder: Option<String>,
    /// Written axes.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Value>")]
    pub each: Option<Spanned<Map<String, Value>>>,
    /// Generated axes.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, super::expand::Sweep>")]
    pub sweep: Option<Spanned<Map<String, Value>>>,
    /// What is sent.
    #[schemars(with = "RequestSchema")]
    pub request: Spanned<Value>,
    /// What must come back.
    #[serde(default)]
    #[schemars(with = "Option<ExpectationSchema>")]
    pub expect: Option<Spanned<Value>>,
    /// What may come back, by label.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, ExpectationSchema>")]
    pub observe: Option<Spanned<Map<String, Value>>>,
    /// The label that the reference gate shows.
    #[serde(default)]
    pub reference: Option<String>,
}

/// A level that a case may give itself: it can only go down.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum LoweredLevel {
    /// Best current practice.
    Should,
    /// Recorded, never failed.
    Survey,
}
