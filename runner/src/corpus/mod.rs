//! The corpus: requirements, token recipes, suites and cases, each knowing the file and line where it stands.
//!
//! Loading collects every mistake it finds and says all of them at once, each with file, line, column and what to write instead.

pub mod aliases;
pub mod expand;
pub mod expectation;
pub mod recipe;
pub mod request;
pub mod schema;
mod settings;
pub mod source;
pub mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde_json::Value;
use serde_saphyr::Spanned;
use sha2::{Digest, Sha256};

use self::aliases::{Alias, AliasesFile, Fate, below};
use self::expectation::{Expected, Names};
use self::recipe::{Recipe, Recipes};
use self::request::{Request, TokenRef};
pub use self::settings::{PublicKeys, Settings};
use self::source::{Access, CaseSource, Family, FileSource, Level, LoweredLevel, Requirement, SuiteSource, TokensFile};

use crate::keys::TestKey;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// The secret of every suite that names none: 64 octets, as RFC 7518 §3.2 wants at least 32.
pub const DEFAULT_SECRET: &str = "gatecheck-conformance-secret-of-64-octets-0123456789abcdefABCDEF";
/// The role path of every suite that names none.
pub const DEFAULT_ROLE_PATH: &str = "app_metadata.authorization.roles";
/// The path of the second file of rules.
pub const TOML_FILE: &str = "/netlify.toml";
/// What a gate may lack.
pub const FEATURES: [&str; 18] = [
    "asymmetric",
    "audience",
    "compression",
    "cookie-condition",
    "country",
    "country-header",
    "headers",
    "host",
    "http-1",
    "language",
    "large-rules",
    "listener",
    "proxy",
    "query",
    "raw-target",
    "sealed",
    "toml",
    "trusted-proxy",
];

/// Everything the runner knows about right behaviour.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Where the files came from, for messages.
    pub origin: String,
    /// SHA-256 over names and contents of all files, in hexadecimal.
    pub digest: String,
    /// The ledger, in written order.
    pub requirements: Vec<Requirement>,
    /// The families of attacks, in written order.
    pub families: Vec<Family>,
    /// Ids that are no more.
    pub aliases: Vec<Alias>,
    /// The suites, by id.
    pub suites: Vec<Suite>,
}

/// A site with one list of rules, and the cases asked of it.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The path of the file without `.yaml`.
    pub id: String,
    /// The file, relative to the corpus.
    pub file: String,
    /// SHA-256 over the content of the file, in hexadecimal.
    pub digest: String,
    /// One line.
    pub title: String,
    /// What it is for.
    pub about: Option<String>,
    /// Why it cannot share a deployment.
    pub standalone: Option<String>,
    /// The settings of the gate.
    pub settings: Settings,
    /// The octets of `_redirects`, without the canary line.
    pub rules: Vec<u8>,
    /// The text of `netlify.toml`, without the canary line.
    pub toml: Option<String>,
    /// The text of `_headers`, where the site has one.
    pub headers: Option<String>,
    /// Whether a comment line with a canary is appended to the rules.
    pub mark_rules: bool,
    /// Path to what the file is.
    pub files: BTreeMap<String, FileSource>,
    /// All recipes that the suite can name.
    pub recipes: Recipes,
    /// The cases, expanded, in written order.
    pub cases: Vec<Case>,
}

/// One expanded case.
#[derive(Clone, Debug)]
pub struct Case {
    /// `suite/case/label/…`
    pub id: String,
    /// Ids that it had before, as `aliases.yaml` says.
    pub former: Vec<String>,
    /// The id as written in the suite file.
    pub written_id: String,
    /// The line of the case in the suite file, counted from 1.
    pub line: u64,
    /// The line of the expectation, counted from 1.
    pub expect_line: u64,
    /// What it tests (the first) and touches.
    pub requirements: Vec<String>,
    /// How binding it is.
    pub level: Level,
    /// What a gate that fails has got wrong.
    pub why: Option<String>,
    /// The family of attacks.
    pub family: Option<String>,
    /// Where the behaviour is written down or was seen.
    pub sources: Vec<String>,
    /// What a gate may lack.
    pub features: Vec<String>,
    /// The full id of the control.
    pub control: String,
    /// What is sent.
    pub request: Request,
    /// What must come back.
    pub expected: Expected,
}

/// A mistake in a corpus file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoadError {
    /// The file, relative to the corpus.
    pub file: String,
    /// Line, counted from 1; 0 if the mistake has no place.
    pub line: u64,
    /// Column, counted from 1.
    pub column: u64,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}:{}: {}", self.file, self.column, self.message),
        }
    }
}

impl Corpus {
    /// The corpus that was built into this binary.
    ///
    /// # Errors
    /// Every mistake in its files.
    pub fn embedded() -> Result<Self, Vec<LoadError>> {
        let files = embedded::FILES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Self::load("built in", files)
    }

    /// The corpus in a folder.
    ///
    /// # Errors
    /// Every mistake in its files, or that the folder cannot be read.
    pub fn open(folder: &Path) -> Result<Self, Vec<LoadError>> {
        let mut files = BTreeMap::new();
        read_folder(folder, "", &mut files).map_err(|error| {
            vec![LoadError { file: folder.display().to_string(), line: 0, column: 0, message: error.to_string() }]
        })?;
        Self::load(&folder.display().to_string(), files)
    }

    /// The corpus made of these files, by name.
    ///
    /// # Errors
    /// Every mistake in them.
    pub fn load(origin: &str, files: BTreeMap<String, String>) -> Result<Self, Vec<LoadError>> {
        let mut loader = Loader::default();
        let digest = digest(&files);
        let requirements: Vec<Requirement> = loader.parse(&files, "requirements.yaml").unwrap_or_default();
        let tokens: Option<TokensFile> = loader.parse(&files, "tokens.yaml");
        // A corpus of one's own may do without families.
        let families: Vec<Family> = match files.contains_key("families.yaml") {
            true => loader.parse(&files, "families.yaml").unwrap_or_default(),
            false => Vec::new(),
        };
        let levels: BTreeMap<&str, Level> = requirements.iter().map(|one| (one.id.as_str(), one.level)).collect();
        if levels.len() < requirements.len() {
            loader.say("requirements.yaml", None, "a requirement id stands twice".to_owned());
        }
        let shared = loader.recipes("tokens.yaml", tokens.map(|file| file.0).unwrap_or_default(), &Recipes::default());
        let mut suites = Vec::new();
        for (name, text) in &files {
            if !name.contains('/') || name.starts_with("schema/") {
                continue;
            }
            if let Some(source) = loader.parse::<SuiteSource>(&files, name) {
                suites.extend(loader.suite(name, text, source, &shared, &levels));
            }
        }
        let aliases = loader.aliases(&files, &mut suites);
        loader.check_families(&files, &families, &suites);
        // The cases that one written case expands to share their mistakes; one of each place is enough.
        let mut told = BTreeSet::new();
        loader.errors.retain(|error| error.line == 0 || told.insert((error.file.clone(), error.line, error.column)));
        if loader.errors.is_empty() {
            Ok(Self { origin: origin.to_owned(), digest, requirements, families, aliases, suites })
        } else {
            Err(loader.errors)
        }
    }

    /// The requirement of that id.
    #[must_use]
    pub fn requirement(&self, id: &str) -> Option<&Requirement> {
        self.requirements.iter().find(|one| one.id == id)
    }

    /// The id that an id of an earlier release has now; the same id where nothing is known of it.
    #[must_use]
    pub fn current_id(&self, id: &str) -> String {
        let renamed = self.aliases.iter().find_map(|alias| match &alias.fate {
            Fate::Renamed(new) => Some(format!("{new}{}", below(id, &alias.old)?)),
            Fate::Retired(_) => None,
        });
        renamed.unwrap_or_else(|| id.to_owned())
    }

    /// Why the cases of that id are asked no more.
    #[must_use]
    pub fn retired(&self, id: &str) -> Option<&str> {
        self.aliases.iter().find_map(|alias| match &alias.fate {
            Fate::Retired(why) if below(id, &alias.old).is_some() => Some(why.retired.as_str()),
            _ => None,
        })
    }

    /// The ids of all suites and cases, for suggestions.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let suites = self.suites.iter().map(|suite| suite.id.clone());
        suites.chain(self.cases().map(|(_, case)| case.id.clone())).collect()
    }

    /// Every case with its suite.
    pub fn cases(&self) -> impl Iterator<Item = (&Suite, &Case)> {
        self.suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)))
    }

    /// How many cases there are after expansion.
    #[must_use]
    pub fn len(&self) -> usize {
        self.suites.iter().map(|suite| suite.cases.len()).sum()
    }

    /// Whether there are no cases.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many cases were written by hand, before expansion.
    #[must_use]
    pub fn written(&self) -> usize {
        self.suites
            .iter()
            .map(|suite| suite.cases.iter().map(|case| &case.written_id).collect::<BTreeSet<_>>().len())
            .sum()
    }
}

impl Suite {
    /// The case of that full id.
    #[must_use]
    pub fn case(&self, id: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.id == id)
    }

    /// Whether its rules name the runner's upstream.
    #[must_use]
    pub fn needs_upstream(&self) -> bool {
        let names = |text: &[u8]| memchr::memmem::find(text, crate::upstream::PLACEHOLDER.as_bytes()).is_some();
        names(&self.rules) || self.toml.as_ref().is_some_and(|toml| names(toml.as_bytes()))
    }

    /// Whether any file is protected.
    #[must_use]
    pub fn has_protected_files(&self) -> bool {
        self.files.values().any(|file| file.access == Access::Protected)
    }
}

impl Case {
    /// Whether whatever is expected lets the visitor in to a protected file.
    #[must_use]
    pub fn shows_protected(&self, suite: &Suite) -> bool {
        let protected = |file: &str| suite.files.get(file).is_some_and(|file| file.access == Access::Protected);
        self.expected.shows_something() && self.expected.alternatives().filter_map(|one| one.shown()).all(protected)
    }

    /// Whether `id` is its id, or was.
    #[must_use]
    pub fn is(&self, id: &str) -> bool {
        self.ids().any(|own| own == id)
    }

    /// Whether `pattern` selects this case: its id, the start of its id at a slash, a glob over the id, or a requirement id. An id that it had does as well.
    #[must_use]
    pub fn matches(&self, pattern: &str) -> bool {
        let pattern = pattern.trim_end_matches('/');
        self.requirements.iter().any(|id| id == pattern)
            || self.family.as_deref() == Some(pattern)
            || self.ids().any(|id| below(id, pattern).is_some() || (pattern.contains('*') && glob(pattern, id)))
    }

    fn ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.former.iter().map(String::as_str))
    }
}

/// `*` stands for any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn digest(files: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for (name, text) in files {
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hex(&hash.finalize())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read_folder(&entry.path(), &format!("{name}/"), files)?;
        } else if name.ends_with(".yaml") {
            files.insert(name, std::fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}

/// Reads files and remembers what is wrong with them.
#[derive(Default)]
struct Loader {
    errors: Vec<LoadError>,
}

/// What the cases of a suite may refer to.
struct Context<'a> {
    file: &'a str,
    suite_id: &'a str,
    suite: &'a SuiteSource,
    names: &'a Names,
    recipes: &'a Recipes,
    levels: &'a BTreeMap<&'a str, Level>,
}

impl Loader {
    fn say(&mut self, file: &str, place: Option<serde_saphyr::Location>, message: String) {
        let (line, column) = place.map_or((0, 0), |place| (place.line(), place.column()));
        self.errors.push(LoadError { file: file.to_owned(), line, column, message });
    }

    fn parse<T: serde::de::DeserializeOwned>(&mut self, files: &BTreeMap<String, String>, name: &str) -> Option<T> {
        let Some(text) = files.get(name) else {
            self.say(name, None, "this file is missing".to_owned());
            return None;
        };
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_nodes: 2_000_000, max_events: 4_000_000 },
            with_snippet: false,
        };
        match serde_saphyr::from_str_with_options(text, options) {
            Ok(value) => Some(value),
            Err(error) => {
                let place = error.location();
                self.say(name, place, error.to_string());
                None
            }
        }
    }

    /// A corpus of one's own may do without aliases.
    fn aliases(&mut self, files: &BTreeMap<String, String>, suites: &mut [Suite]) -> Vec<Alias> {
        const FILE: &str = "aliases.yaml";
        if !files.contains_key(FILE) {
            return Vec::new();
        }
        let mut all = Vec::new();
        for (old, written) in self.parse::<AliasesFile>(files, FILE).unwrap_or_default().0 {
            let place = Some(written.referenced);
            match aliases::understand(&old, written.value)
                .and_then(|alias| aliases::apply(&alias, suites).map(|()| alias))
            {
                Ok(alias) => all.push(alias),
                Err(message) => self.say(FILE, place, message),
            }
        }
        all
    }

    fn recipes(&mut self, file: &str, sources: BTreeMap<String, Spanned<Value>>, shared: &Recipes) -> Recipes {
        let mut all = shared.clone();
        let mut places = Vec::new();
        for (name, source) in sources {
            match serde_json::from_value::<Recipe>(source.value) {
                Ok(recipe) => {
                    all.0.insert(name.clone(), recipe);
                    places.push((name, source.referenced));
                }
                Err(error) => self.say(file, Some(source.referenced), format!("token `{name}`: {error}")),
            }
        }
        for (name, place) in places {
            if let Some(Err(error)) = all.find(&name).map(|recipe| check_recipe(recipe, &all)) {
                self.say(file, Some(place), format!("token `{name}`: {error}"));
            }
        }
        all
    }

    fn suite(
        &mut self,
        file: &str,
        text: &str,
        mut source: SuiteSource,
        shared: &Recipes,
        levels: &BTreeMap<&str, Level>,
    ) -> Option<Suite> {
        let before = self.errors.len();
        let id = file.strip_suffix(".yaml").unwrap_or(file);
        let rules = match (&source.site.rules, &source.site.rules_hex) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(digits)) => template::hex(digits).unwrap_or_else(|error| {
                self.say(file, None, format!("`rules-hex`: {error}"));
                Vec::new()
            }),
            (None, None) if source.site.toml.is_some() => Vec::new(),
            _ => {
                self.say(file, None, "`site` has either `rules` or `rules-hex`".to_owned());
                Vec::new()
            }
        };
        if source.site.toml.is_some() && !source.features.0.iter().any(|feature| feature == "toml") {
            self.say(
                file,
                None,
                "`site.toml` needs `features: toml`, since not every gate reads such a file".to_owned(),
            );
        }
        if source.site.toml.is_some() && source.site.files.contains_key(TOML_FILE) {
            self.say(file, None, format!("`{TOML_FILE}` is written from `site.toml`, and stands among the files too"));
        }
        if source.site.headers.is_some() && source.site.files.contains_key("/_headers") {
            self.say(file, None, "`site` has either `headers` or a file `/_headers`".to_owned());
        }
        for (path, spec) in &source.site.files {
            if !path.starts_with('/')
                || path.split('/').skip(1).any(|name| name.is_empty() || name == "." || name == "..")
            {
                self.say(file, Some(spec.referenced), format!("`{path}` is no file path; write `/folder/name.html`"));
            }
            if spec.value.size.is_some_and(|size| size < 256) {
                self.say(
                    file,
                    Some(spec.referenced),
                    format!("`{path}`: a file needs at least 256 octets, for its canary"),
                );
            }
        }
        let settings = Settings::understand(source.settings.clone()).unwrap_or_else(|error| {
            self.say(file, None, error);
            Settings::default()
        });
        let recipes = self.recipes(file, std::mem::take(&mut source.tokens), shared);
        let mut named: Vec<(String, Spanned<Value>)> = Vec::new();
        named.extend(source.denied.take().map(|denied| ("denied".to_owned(), denied)));
        named.extend(std::mem::take(&mut source.expectations));
        let values: Vec<(String, Value)> =
            named.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect();
        let names = Names::understand(&values).unwrap_or_else(|(name, error)| {
            let place = named.iter().find(|(other, _)| *other == name).map(|(_, value)| value.referenced);
            self.say(file, place, format!("`{name}`: {error}"));
            Names::default()
        });
        for feature in &source.features.0 {
            self.known_feature(file, None, feature);
        }
        if memchr::memmem::find(&rules, crate::upstream::PLACEHOLDER.as_bytes()).is_some()
            && !source.features.0.iter().any(|feature| feature == "proxy")
        {
            self.say(file, None, "rules that name `$(upstream)` need `features: proxy`".to_owned());
        }
        let context = Context { file, suite_id: id, suite: &source, names: &names, recipes: &recipes, levels };
        let mut cases = Vec::new();
        let mut ids = BTreeSet::new();
        for case in &source.cases {
            for expanded in self.case(&context, case) {
                if !ids.insert(expanded.id.clone()) {
                    self.say(file, Some(case.id.referenced), format!("the id `{}` stands twice", expanded.id));
                }
                cases.push(expanded);
            }
        }
        let control = format!("{id}/{}", source.control.value);
        match cases.iter().find(|case| case.id == control) {
            None => self.say(
                file,
                Some(source.control.referenced),
                format!("no case `{}` in this suite to be its control", source.control.value),
            ),
            Some(case) if matches!(case.expected, Expected::Observe { .. }) => {
                self.say(
                    file,
                    Some(source.control.referenced),
                    "a control needs an `expect`, not an `observe`".to_owned(),
                );
            }
            Some(_) => {}
        }
        let places: BTreeMap<&str, serde_saphyr::Location> =
            source.cases.iter().map(|case| (case.id.value.as_str(), case.id.referenced)).collect();
        for case in &cases {
            let place = places.get(case.written_id.as_str()).copied();
            if !ids.contains(&case.control) {
                self.say(
                    file,
                    place,
                    format!("`{}` has the control `{}`, which is no case of this suite", case.id, case.control),
                );
            }
            for shown in case
                .expected
                .alternatives()
                .flat_map(|one| one.shown().into_iter().chain(one.hides.iter().map(String::as_str)))
            {
                if !source.site.files.contains_key(shown) {
                    self.say(file, place, format!("`{}` names `{shown}`, which is no file of this suite", case.id));
                }
            }
        }
        (self.errors.len() == before).then(|| Suite {
            digest: hex(&Sha256::digest(text)),
            id: id.to_owned(),
            file: file.to_owned(),
            title: source.title,
            about: source.about,
            standalone: source.standalone,
            settings,
            rules,
            toml: source.site.toml,
            headers: source.site.headers,
            mark_rules: source.site.mark_rules,
            files: source.site.files.into_iter().map(|(path, spec)| (path, spec.value)).collect(),
            recipes,
            cases,
        })
    }

    /// A typo in a family would hide its cases from whoever asks for it.
    fn check_families(&mut self, files: &BTreeMap<String, String>, families: &[Family], suites: &[Suite]) {
        let cases = suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)));
        for (suite, case) in cases.filter(|_| files.contains_key("families.yaml")) {
            if let Some(family) = case.family.as_ref().filter(|family| !families.iter().any(|one| one.id == **family)) {
                let message = format!("no family `{family}` in families.yaml");
                self.errors.push(LoadError { file: suite.file.clone(), line: case.line, column: 1, message });
            }
        }
    }

    fn known_feature(&mut self, file: &str, place: Option<serde_saphyr::Location>, feature: &str) {
        if !FEATURES.contains(&feature) {
            self.say(file, place, format!("no feature `{feature}`; known: {}", FEATURES.join(", ")));
        }
    }

    fn case(&mut self, context: &Context<'_>, source: &CaseSource) -> Vec<Case> {
        let place = Some(source.id.referenced);
        let id = &source.id.value;
        if id.is_empty()
            || !id.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-')
        {
            self.say(context.file, place, format!("`{id}` is no case id; use lower-case letters, digits and hyphens"));
        }
        for feature in &source.features.0 {
            self.known_feature(context.file, place, feature);
        }
        let Some(level) = self.level(context, source) else { return Vec::new() };
        let each = source.each.as_ref().map(|each| &each.value);
        let sweep = source.sweep.as_ref().map(|sweep| &sweep.value);
        let axes = match expand::axes(each, sweep) {
            Ok(axes) => axes,
            Err(error) => {
                let place = source
                    .each
                    .as_ref()
                    .map(|each| each.referenced)
                    .or(source.sweep.as_ref().map(|sweep| sweep.referenced));
                self.say(context.file, place, error);
                return Vec::new();
            }
        };
        let mut cases = Vec::new();
        for combination in expand::combinations(&axes) {
            let observe = source.observe.as_ref().map(|observe| Value::Object(observe.value.clone()));
            let trees: Vec<&Value> =
                [Some(&source.request.value), source.expect.as_ref().map(|expect| &expect.value), observe.as_ref()]
                    .into_iter()
                    .flatten()
                    .collect();
            if let Some(name) = combination.unused(&trees) {
                self.say(
                    context.file,
                    place,
                    format!("axis `{name}` is not used; write `$({name})` where its value belongs"),
                );
                break;
            }
            let request = match understand_request(combination.fill(&source.request.value), context.recipes) {
                Ok(request) => request,
                Err(error) => {
                    self.say(context.file, Some(source.request.referenced), format!("request: {error}"));
                    break;
                }
            };
            let expected = match understand_expected(&combination, source, context.names) {
                Ok(expected) => expected,
                Err(error) => {
                    let at = source
                        .expect
                        .as_ref()
                        .map(|expect| expect.referenced)
                        .or(source.observe.as_ref().map(|observe| observe.referenced))
                        .or(place);
                    self.say(context.file, at, error);
                    break;
                }
            };
            if matches!(expected, Expected::Observe { .. }) != (level == Level::Survey) {
                self.say(context.file, place, "a SURVEY case has `observe`, every other case has `expect`".to_owned());
                break;
            }
            let suite_id = context.suite_id;
            let or_suite = |own: &Option<String>, of_suite: &Option<String>| own.clone().or_else(|| of_suite.clone());
            cases.push(Case {
                id: std::iter::once(format!("{suite_id}/{id}"))
                    .chain(combination.labels.iter().cloned())
                    .collect::<Vec<_>>()
                    .join("/"),
                former: Vec::new(),
                written_id: id.clone(),
                line: source.id.referenced.line(),
                expect_line: source
                    .expect
                    .as_ref()
                    .map_or(source.id.referenced.line(), |expect| expect.referenced.line()),
                requirements: source.requirement.value.0.clone(),
                level,
                why: source.why.clone(),
                family: or_suite(&source.family, &context.suite.family),
                sources: context.suite.source.0.iter().chain(&source.source.0).cloned().collect(),
                features: context.suite.features.0.iter().chain(&source.features.0).cloned().collect(),
                control: format!(
                    "{suite_id}/{}",
                    source.control.as_ref().map_or(&context.suite.control.value, |control| &control.value)
                ),
                request,
                expected,
            });
        }
        cases
    }

    fn level(&mut self, context: &Context<'_>, source: &CaseSource) -> Option<Level> {
        let place = Some(source.requirement.referenced);
        let ids = &source.requirement.value.0;
        for id in ids {
            if !context.levels.contains_key(id.as_str()) {
                self.say(context.file, place, format!("no requirement `{id}` in requirements.yaml"));
            }
        }
        let Some(first) = ids.first() else {
            self.say(context.file, place, "a case names at least one requirement".to_owned());
            return None;
        };
        let required = *context.levels.get(first.as_str())?;
        let lowered = match source.level {
            None => required,
            Some(LoweredLevel::Should) => Level::Should,
            Some(LoweredLevel::Survey) => Level::Survey,
        };
        if lowered > required {
            self.say(
                context.file,
                place,
                format!("`{first}` is {}; a case can lower that level, never raise it", required.as_str()),
            );
        }
        Some(lowered)
    }
}

fn understand_request(value: Value, recipes: &Recipes) -> Result<Request, String> {
    let request = Request::understand(value)?;
    match &request.token {
        Some(TokenRef::Named(name)) => {
            recipes.find(name).ok_or_else(|| recipe::unknown(name, recipes.0.keys()))?;
        }
        Some(TokenRef::Inline(recipe)) => check_recipe(recipe, recipes)?,
        None => {}
    }
    for name in request.templates().flat_map(|text| text.tokens()) {
        recipes.find(name).ok_or_else(|| recipe::unknown(name, recipes.0.keys()))?;
    }
    Ok(request)
}

fn understand_expected(
    combination: &expand::Combination,
    source: &CaseSource,
    names: &Names,
) -> Result<Expected, String> {
    match (&source.expect, &source.observe) {
        (Some(expect), None) if source.reference.is_none() => {
            names.resolve(&combination.fill(&expect.value)).map(Expected::Judge)
        }
        (None, Some(observe)) => {
            let mut labels = Vec::new();
            for (label, value) in &observe.value {
                labels.push((
                    label.clone(),
                    names.resolve(&combination.fill(value)).map_err(|error| format!("`{label}`: {error}"))?,
                ));
            }
            let reference =
                source.reference.as_ref().map(|label| match combination.fill(&Value::String(label.clone())) {
                    Value::String(label) => label,
                    other => other.to_string(),
                });
            if let Some(label) = &reference
                && !labels.iter().any(|(known, _)| known == label)
            {
                return Err(format!("`reference: {label}` is none of the labels of `observe`"));
            }
            Ok(Expected::Observe { labels, reference })
        }
        (Some(_), None) => Err("`reference` goes with `observe`".to_owned()),
        _ => Err("a case has either `expect` or `observe`".to_owned()),
    }
}

/// Checks what can be checked before a token is minted.
fn check_recipe(recipe: &Recipe, recipes: &Recipes) -> Result<(), String> {
    let flat = recipes.flatten(recipe)?;
    for text in flat.header_text.iter().chain(&flat.claims_text) {
        template::Template::parse(text)?;
    }
    if let Some(recipe::Signature::Of(other)) = &flat.signature {
        recipes.find(other).ok_or_else(|| recipe::unknown(other, recipes.0.keys()))?;
    }
    match &flat.key {
        Some(recipe::KeyText::Pair(pair)) => TestKey::check_name(&pair.of)?,
        Some(recipe::KeyText::Der(name)) => TestKey::check_name(name)?,
        _ => {}
    }
    for edit in &flat.edits {
        let given = [
            edit.append.is_some(),
            edit.prepend.is_some(),
            edit.insert.is_some(),
            edit.replace.is_some(),
            edit.set.is_some(),
            edit.drop,
            edit.alphabet.is_some(),
            edit.trailing_bits.is_some(),
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err("an edit has exactly one of `append`, `prepend`, `insert`, `replace`, `set`, `drop`, `alphabet`, `trailing-bits`".to_owned());
        }
        if edit.insert.is_some() != edit.at.is_some() || edit.replace.is_some() != edit.with.is_some() {
            return Err("`insert` needs `at`, and `replace` needs `with`".to_owned());
        }
    }
    Ok(())
}
