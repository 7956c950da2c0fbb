//! The corpus: requirements, token recipes, suites and cases, each knowing the file and line where it stands.
//!
//! Loading collects every mistake it finds and says all of them at once, each with file, line, column and what to write instead.

pub mod aliases;
pub mod assertion;
mod case_ref;
pub mod entitlement;
pub mod expand;
pub mod expectation;
pub mod features;
mod load;
pub mod patterns;
pub mod question;
pub mod quick;
pub mod recipe;
pub mod request;
mod settings;
pub mod shape;
pub mod source;
pub mod subset;
pub mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use self::aliases::{Alias, Fate, below};
pub use self::case_ref::CaseRef;
use self::expectation::Expected;
use self::question::Question;
use self::recipe::Recipes;
use self::request::Request;
pub use self::settings::{PublicKeys, Settings};
use self::source::{Access, Family, FileSource, Level, Requirement};
use crate::own::OwnSite;
use crate::suggest::did_you_mean_or;

/// The secret of every suite that names none: 64 bytes, as RFC 7518 §3.2 wants at least 32.
pub const DEFAULT_SECRET: &str = "gatecheck-conformance-secret-of-64-octets-0123456789abcdefABCDEF";
/// The role path of every suite that names none.
pub const DEFAULT_ROLE_PATH: &str = "app_metadata.authorization.roles";
/// The cookie of the token, where nothing else is said.
pub const TOKEN_COOKIE: &str = "nf_jwt";
/// The path of the second file of rules.
pub const TOML_FILE: &str = "/netlify.toml";
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
    pub suites: Vec<Arc<Suite>>,
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
    /// Why a gate may refuse to start on this site; then a refusal counts as right.
    pub may_refuse: Option<String>,
    /// The recipes of those for whom the protected files are meant, though nobody may be let in.
    pub meant_for: Vec<String>,
    /// The settings of the gate.
    pub settings: Settings,
    /// The bytes of `_redirects`, without the canary line.
    pub rules: Vec<u8>,
    /// The text of `netlify.toml`, without the canary line.
    pub toml: Option<String>,
    /// The text of `_headers`, where the site has one.
    pub headers: Option<String>,
    /// Whether a comment line with a canary is appended to the rules.
    pub mark_rules: bool,
    /// Path to what the file is.
    pub files: BTreeMap<String, FileSource>,
    /// The site of a user in the place of these files.
    pub own: Option<Arc<OwnSite>>,
    /// All recipes that the suite can name.
    pub recipes: Recipes,
    /// The cases, expanded, in written order.
    pub cases: Vec<Arc<Case>>,
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
    /// The file in which it stands, where that is not the one of its suite.
    pub file: Option<String>,
    /// The line of the case in the suite file, counted from 1.
    pub line: u64,
    /// The line of the expectation, counted from 1.
    pub expect_line: u64,
    /// What it tests (the first) and touches.
    pub requirements: Vec<String>,
    /// How binding it is.
    pub level: Level,
    /// Which of the two questions it asks.
    pub question: Question,
    /// What a gate that fails has got wrong.
    pub why: Option<String>,
    /// The family of attacks.
    pub family: Option<String>,
    /// Where the behaviour is written down or was seen.
    pub sources: Vec<String>,
    /// The sentences of an RFC that the case or its suite quotes.
    pub quotes: Vec<String>,
    /// The place in the suite of the case whose answer it is said of, where it is what another requirement says of that answer.
    pub of: Option<usize>,
    /// What a gate may lack.
    pub features: Vec<String>,
    /// The full id of the control; empty where a gate of a user lets nobody in.
    pub control: String,
    /// The recipe whose holder the visitor is, whatever is wrong with what they send.
    pub holder: Option<String>,
    /// What is asked before it, one after the other, in the same place; the answers are looked through for leaks by nobody.
    pub before: Vec<Request>,
    /// Whether it is asked over HTTP/2, whatever the run speaks.
    pub over_http2: bool,
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

    /// That nothing fits a pattern, and what may have been meant: a suite, a case, a requirement, a family.
    #[must_use]
    pub fn nothing_fits(&self, pattern: &str) -> String {
        let names = self.names();
        let known = names.iter().map(String::as_str);
        let requirements = self.requirements.iter().map(|one| one.id.as_str());
        let families = self.families.iter().map(|one| one.id.as_str());
        let known = requirements.chain(families).chain(known);
        format!("no case fits `{pattern}`{}", did_you_mean_or(pattern, known, "`gatecheck list` shows the ids"))
    }

    /// The corpus for a gate that must choose as the reference does: a case where the sources disagree binds it to the label that
    /// the case records. A case that records none stays as it is.
    #[must_use]
    pub fn held_to_the_reference(mut self) -> Self {
        for case in self.suites.iter_mut().flat_map(|suite| &mut Arc::make_mut(suite).cases) {
            let case = Arc::make_mut(case);
            if let Some(choice) = case.expected.choice_of_the_reference() {
                case.expected = Expected::Judge(choice.to_vec());
                case.level = Level::Must;
            }
        }
        self
    }

    /// Every case with its suite.
    pub fn cases(&self) -> impl Iterator<Item = (&Suite, &Case)> {
        self.suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (&**suite, &**case)))
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
            .map(|suite| {
                suite
                    .cases
                    .iter()
                    .filter(|case| case.of.is_none())
                    .map(|case| &case.written_id)
                    .collect::<BTreeSet<_>>()
                    .len()
            })
            .sum()
    }
}

impl Suite {
    /// The case of that full id.
    #[must_use]
    pub fn case(&self, id: &str) -> Option<&Case> {
        self.cases.iter().find(|case| case.id == id).map(|case| &**case)
    }

    /// A site with nothing odd in it and no cases, to see whether a gate starts at all.
    #[must_use]
    pub fn plain(&self) -> Self {
        Self {
            id: "a plain site".to_owned(),
            title: "A plain site".to_owned(),
            standalone: None,
            may_refuse: None,
            meant_for: Vec::new(),
            settings: Settings::default(),
            rules: b"/old /index 302\n".to_vec(),
            toml: None,
            headers: None,
            files: [("/index.html".to_owned(), FileSource { access: Access::Public, size: None })].into(),
            cases: Vec::new(),
            ..self.clone()
        }
    }

    /// Whether its rules name the runner's upstream.
    #[must_use]
    pub fn needs_upstream(&self) -> bool {
        let names = |text: &[u8]| memchr::memmem::find(text, crate::upstream::PLACEHOLDER.as_bytes()).is_some();
        names(&self.rules) || self.toml.as_ref().is_some_and(|toml| names(toml.as_bytes()))
    }

    /// Whether somebody may not have the file.
    #[must_use]
    pub fn is_protected(&self, file: &str) -> bool {
        self.own.as_ref().is_some_and(|own| own.marks.is_closed(file))
            || self.files.get(file).is_some_and(|file| file.access == Access::Protected)
    }

    /// The folder of its file in a checkout, with a slash at its end. The rule files of a user are named as the user named them.
    #[must_use]
    pub fn folder(&self) -> &'static str {
        if self.own.is_some() { "" } else { "conformance-cases/" }
    }

    /// Whether any file is protected.
    #[must_use]
    pub fn has_protected_files(&self) -> bool {
        self.own.is_some() || self.files.values().any(|file| file.access == Access::Protected)
    }
}

impl Case {
    /// Whether whatever is expected lets the visitor in to a protected file.
    #[must_use]
    pub fn shows_protected(&self, suite: &Suite) -> bool {
        self.expected.shows_something()
            && self.expected.alternatives().filter_map(|one| one.shown()).all(|file| suite.is_protected(file))
    }

    /// The requirement that it tests.
    #[must_use]
    pub fn requirement(&self) -> &str {
        self.requirements.first().map_or("", String::as_str)
    }

    /// Whether `id` is its id, or was.
    #[must_use]
    pub fn is(&self, id: &str) -> bool {
        self.ids().any(|own| own == id)
    }

    /// Whether `pattern` selects this case: its id, the start of its id at a slash, a glob over the id, a requirement id or a glob over one, or a family.
    /// An id that it had does as well.
    #[must_use]
    pub fn matches(&self, pattern: &str) -> bool {
        let pattern = pattern.trim_end_matches('/');
        self.requirements.iter().any(|id| id == pattern || (pattern.contains('*') && glob(pattern, id)))
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
