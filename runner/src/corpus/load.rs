//! From files to the corpus: every mistake is collected, and told with its place.

mod case;
mod suite;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use serde_saphyr::Spanned;
use sha2::{Digest, Sha256};

use super::aliases::{self, Alias, AliasesFile};
use super::features::{is_feature, no_feature};
use super::recipe::{self, Recipe, Recipes};
use super::source::{Family, Requirement, SuiteSource, TokensFile};
use super::{Corpus, LoadError, Suite, template};
use crate::keys::TestKey;
use crate::suggest::{did_you_mean, with_suggestion};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// Where the docs site explains the requirements, each at the anchor of its id.
const LEDGER: &str = concat!(env!("CARGO_PKG_HOMEPAGE"), "requirements/#");

impl Requirement {
    /// The address at which the docs site explains it. `None` where it stands in a corpus of somebody else, which that site does not know.
    #[must_use]
    pub fn page(&self) -> Option<String> {
        let (_, ledger) = embedded::FILES.iter().find(|(name, _)| *name == "requirements.yaml")?;
        ledger.lines().any(|line| line.strip_prefix("- id: ") == Some(&self.id)).then(|| format!("{LEDGER}{}", self.id))
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
        let ledger: BTreeMap<&str, &Requirement> = requirements.iter().map(|one| (one.id.as_str(), one)).collect();
        if ledger.len() < requirements.len() {
            loader.say("requirements.yaml", None, "a requirement id stands twice".to_owned());
        }
        let shared = loader.recipes("tokens.yaml", tokens.map(|file| file.0).unwrap_or_default(), &Recipes::default());
        let mut suites = Vec::new();
        for (name, text) in &files {
            if !name.contains('/') || name.starts_with("schema/") {
                continue;
            }
            if let Some(source) = loader.parse::<SuiteSource>(&files, name) {
                suites.extend(loader.suite(name, text, source, &shared, &ledger));
            }
        }
        let aliases = loader.aliases(&files, &mut suites);
        loader.check_families(&files, &families, &suites);
        // The cases that one written case expands to share their mistakes; one of each place is enough.
        let mut told = BTreeSet::new();
        loader.errors.retain(|error| error.line == 0 || told.insert((error.file.clone(), error.line, error.column)));
        if loader.errors.is_empty() {
            let suites = suites.into_iter().map(Arc::new).collect();
            Ok(Self { origin: origin.to_owned(), digest, requirements, families, aliases, suites })
        } else {
            Err(loader.errors)
        }
    }
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
                // The place stands in front already.
                let said = error.to_string();
                let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
                self.say(name, place, with_suggestion(said));
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
        let ids = aliases::Ids::of(suites);
        let mut all = Vec::new();
        for (old, written) in self.parse::<AliasesFile>(files, FILE).unwrap_or_default().0 {
            let place = Some(written.referenced);
            match aliases::understand(&old, written.value)
                .and_then(|alias| aliases::apply(&alias, &ids, suites).map(|()| alias))
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
                Err(error) => {
                    let said = with_suggestion(&error.to_string());
                    self.say(file, Some(source.referenced), format!("token `{name}`: {said}"));
                }
            }
        }
        for (name, place) in places {
            if let Some(Err(error)) = all.find(&name).map(|recipe| check_recipe(recipe, &all)) {
                self.say(file, Some(place), format!("token `{name}`: {error}"));
            }
        }
        all
    }

    /// A typo in a family would hide its cases from whoever asks for it.
    fn check_families(&mut self, files: &BTreeMap<String, String>, families: &[Family], suites: &[Suite]) {
        let cases = suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)));
        for (suite, case) in cases.filter(|_| files.contains_key("families.yaml")) {
            if let Some(family) = case.family.as_ref().filter(|family| !families.iter().any(|one| one.id == **family)) {
                let meant = did_you_mean(family, families.iter().map(|one| one.id.as_str()));
                let message = format!("no family `{family}` in families.yaml{meant}");
                self.errors.push(LoadError { file: suite.file.clone(), line: case.line, column: 1, message });
            }
        }
    }

    fn known_feature(&mut self, file: &str, place: Option<serde_saphyr::Location>, feature: &str) {
        if !is_feature(feature) {
            self.say(file, place, no_feature(feature));
        }
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
