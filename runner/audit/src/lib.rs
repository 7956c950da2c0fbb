//! `gatecheck audit`: is *my* site shut? A user's own rules and files, asked of the site that is deployed.
//!
//! 1. [`model`]: the reference reads rules, `netlify.toml`, `_headers` and files as a gate does.
//! 2. [`visitors`]: nobody, forged tokens, holders of each role.
//! 3. [`ground`]: which file is closed to whom, and with which request each rule is tried.
//! 4. [`spellings`], [`terms`], [`probe`]: near misses, and what a budget takes of all that could be asked; [`left_out`]: the rest. [`tokens`]: the corpus' own.
//! 5. [`expect`]: what the rules say becomes what must come back.
//! 6. [`Audit`]: all of it as a corpus of one suite, which `gatecheck` runs, judges and reports as any other.
//! 7. [`site_check`]: whether what is deployed is this site at all.
//! 8. [`verdicts`]: the cases of a rule become a verdict on the rule; [`table`] and [`page`] show them.
//!
//! 9. [`self_test`]: whether all this finds the gates that are broken on purpose.
//!
//! The reference is the model here, and the judge sees expectations alone: a verdict is never the reference's opinion of an answer.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test that cannot go on should stop with a message"
    )
)]

pub mod expect;
pub mod given;
pub mod ground;
pub mod left_out;
pub mod model;
pub mod page;
pub mod plan;
pub mod probe;
pub mod self_test;
pub mod site_check;
pub mod spellings;
pub mod table;
pub mod terms;
pub mod tokens;
pub mod verdicts;
pub mod visitors;

mod build;
mod moved;
mod renamed;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use gatecheck::corpus::{Corpus, Settings};
use gatecheck::invariants::Invariant;
use gatecheck::own::Tokens as GivenTokens;
use gatecheck::own::marks::Marks;

pub use build::SUITE;

use crate::ground::{Ground, Way};
use crate::left_out::LeftOut;
use crate::model::{Answer, Model};
use crate::probe::{From, Kind, Tokens};
use crate::visitors::{Means, Visitors};

/// What the user says.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The root of the project, or the folder that is published.
    pub site: PathBuf,
    /// The `netlify.toml` to read, where it is not the one of the project.
    pub netlify_toml: Option<PathBuf>,
    /// The secret of the site.
    pub secret: Option<String>,
    /// Where roles stand in a token.
    pub role_path: String,
    /// The claim `iss` that the gate asks for, and that tokens are made with.
    pub issuer: Option<String>,
    /// The same of the claim `aud`.
    pub audience: Option<String>,
    /// Roles for which there are real tokens.
    pub given_roles: BTreeSet<String>,
    /// The tokens for them.
    pub given: Arc<dyn GivenTokens>,
    /// How many requests at most.
    pub budget: usize,
    /// What is left out is drawn with it.
    pub seed: u32,
    /// Whether requests may be asked that the site forwards to other servers or to functions.
    pub forwarding: bool,
    /// The host that is asked; none for a gate that is started here.
    pub host: Option<String>,
    /// Scheme and authority of the site.
    pub origin: String,
    /// Whether the site is reached over TLS.
    pub https: bool,
    /// Whether what is served is byte for byte what lies in the folder.
    pub is_alike: bool,
    /// The time, in seconds since the epoch.
    pub now: i64,
}

impl Wish {
    /// The settings of the gate, as far as the user says them.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            secret: self.secret.clone().unwrap_or_else(|| tokens::UNKNOWN.to_owned()),
            role_path: self.role_path.clone(),
            audience: self.audience.clone(),
            issuer: self.issuer.clone(),
            ..Settings::default()
        }
    }
}

/// The invariants that an audit leaves out, and why: some would ask once more what is asked already, and one is no matter of the rules.
#[must_use]
pub fn leaves_out() -> BTreeMap<Invariant, String> {
    [
        (Invariant::Liveness, "an audit asks each question once"),
        (Invariant::NoContent, "an audit asks who is shown what, and not how a server ends an answer"),
        (Invariant::Uniform, "an audit asks each question once"),
    ]
    .map(|(one, why)| (one, why.to_owned()))
    .into()
}

/// What is asked of a site, ready to be run.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The cases, as a corpus of one suite.
    pub corpus: Arc<Corpus>,
    /// What each case is about, by its id.
    pub cases: BTreeMap<String, AboutCase>,
    /// The rules in list order.
    pub rules: Vec<AboutRule>,
    /// What was looked at, for the head of the report.
    pub sizes: Sizes,
    /// What the reader should know, a sentence each.
    pub notes: Vec<String>,
}

/// What a case is about.
#[derive(Clone, Debug)]
pub struct AboutCase {
    /// The rule, by its place in the list.
    pub rule: usize,
    /// What kind of request it is.
    pub kind: Kind,
    /// Who asks, in words.
    pub visitor: String,
    /// Whether that is somebody whom nothing lets in.
    pub is_stranger: bool,
    /// The request target, as text.
    pub target: String,
    /// Whether the rules let the visitor in to something that others may not have.
    pub admits: bool,
    /// Whether the rules turn the visitor away for want of a role.
    pub denies: bool,
    /// Whether the rules send the visitor elsewhere.
    pub redirects: bool,
    /// Of a case of [`Kind::Rule`], whether a stranger gets another answer to the same request, so that this one proves that somebody was let in.
    pub is_telling: bool,
    /// How many requests it is.
    pub requests: usize,
    /// What it means if content comes back that the visitor may not have.
    pub if_leaked: &'static str,
}

impl AboutCase {
    /// Whether the request bears no token at all, nor does one before it.
    #[must_use]
    pub fn is_everybody(&self) -> bool {
        self.kind != Kind::Cache && self.is_without_token()
    }

    /// Whether the request bears no token.
    #[must_use]
    pub fn is_without_token(&self) -> bool {
        self.kind != Kind::Token && self.visitor == Visitors::anonymous().words
    }

    /// Whether the request bears no token and nothing else that a gate may go by.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.is_without_token() && self.is_asked_plainly()
    }

    /// Whether the request bears nothing but a token that a gate may go by.
    #[must_use]
    pub fn is_asked_plainly(&self) -> bool {
        matches!(self.kind, Kind::Rule | Kind::File | Kind::Cache)
    }

    /// The path that is asked for, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// What a report says of a rule beside its verdict.
#[derive(Clone, Debug)]
pub struct AboutRule {
    /// Where it stands: file and line.
    pub id: String,
    /// The rule file.
    pub file: String,
    /// The line.
    pub line: u64,
    /// Path and host.
    pub pattern: String,
    /// The conditions.
    pub condition: String,
    /// The rule as written.
    pub text: String,
    /// Whether it decides who sees its path.
    pub is_gate: bool,
    /// The requirement under which sources disagree about such a rule.
    pub contested: Option<&'static str>,
    /// Why it is not asked, if it is not.
    pub not_asked: Option<String>,
    /// Whether there was anybody to be let in.
    pub has_holder: bool,
    /// How many files it closes.
    pub files: usize,
    /// Why nothing is closed by it, if nothing is.
    pub closes_nothing: Option<&'static str>,
    /// What is not asked of it for the budget.
    pub left_out: LeftOut,
}

/// How much there is.
#[derive(Clone, Debug, Default)]
pub struct Sizes {
    /// Rules, and gates among them.
    pub rules: (usize, usize),
    /// The rule files that there are.
    pub rule_files: Vec<String>,
    /// Files of the site, and those that somebody may not have.
    pub files: (usize, usize),
    /// Closed files that nothing tells.
    pub untold: usize,
    /// The visitors in one line.
    pub visitors: String,
    /// How many requests are asked.
    pub requests: usize,
    /// What is not asked for the budget.
    pub left_out: LeftOut,
    /// The least budget that leaves nothing out, in requests.
    pub budget_for_all: usize,
    /// By kind: how many requests there would be, and how many the budget takes.
    pub by_kind: BTreeMap<Kind, (usize, usize)>,
    /// Requests that are not asked because the site would forward them.
    pub forwarded: usize,
}

/// The site as it is read, before anything is chosen.
#[derive(Debug)]
pub struct Seen {
    /// Rules and files.
    pub model: Model,
    /// Who asks.
    pub visitors: Visitors,
    /// Which file is closed to whom.
    pub ground: Ground,
    /// Where requests go.
    pub way: Way,
}

impl Seen {
    /// Reads a site.
    ///
    /// # Errors
    /// Why no gate would start on it, in a sentence.
    pub fn of(wish: &Wish) -> Result<Self, String> {
        let model = Model::read(&wish.site, wish.netlify_toml.as_deref())?;
        if model.views.is_empty() {
            return Err(format!(
                "there are no rules for `{}`: write them into its `_redirects`, or name the folder that holds them",
                model.published.display()
            ));
        }
        let means = Means {
            secret: wish.secret.clone(),
            given: wish.given_roles.clone(),
            issuer: wish.issuer.clone(),
            audience: wish.audience.clone(),
        };
        let visitors = Visitors::of(&model.views, &means);
        let way = Way { host: wish.host.clone(), https: wish.https };
        let ground = Ground::of(&model, &visitors, &way);
        Ok(Self { model, visitors, ground, way })
    }

    /// Files that everybody gets, by path and content: what tells whether a deployed site is this one.
    #[must_use]
    pub fn public_files(&self, most: usize) -> Vec<(String, Vec<u8>)> {
        // What a rule shows elsewhere, and a gate closes at its own path, is to be had where it is shown.
        let shown = &self.ground.shown_anyway;
        let elsewhere: BTreeSet<&str> = shown.iter().map(|one| one.file.as_str()).collect();
        // Whoever compares sends no header lines that a rule may ask for.
        let is_plain = |rule: usize| self.model.made(rule, Model::word()).is_some_and(|made| made.headers.is_empty());
        let shown = shown.iter().filter(|one| one.at.1 == 200 && is_plain(one.rule)).take(most.div_ceil(2));
        let shown: Vec<_> = shown.filter_map(|one| Some((one.at.0.clone(), self.model.content(&one.file)?))).collect();
        let most = most.saturating_sub(shown.len());
        let names: Vec<&String> = self.ground.public.iter().filter(|name| !elsewhere.contains(name.as_str())).collect();
        let stride = names.len().div_ceil(most.max(1)).max(1);
        let names = names.into_iter().step_by(stride).take(most);
        let own = names.filter_map(|name| Some((ground::path_of(name), self.model.content(name)?)));
        own.chain(shown).collect()
    }

    /// Paths behind gates at which nothing lies: what a stranger gets there is what a gate says to everybody, and tells no file.
    #[must_use]
    pub fn nothing_behind_gates(&self, most: usize) -> Vec<String> {
        let rules = self.model.views.iter().zip(&self.ground.witnesses);
        let asked = rules.filter(|(view, _)| view.is_gate && !view.forwards && view.host.is_none());
        let paths = asked.filter_map(|(_, witness)| {
            let target = String::from_utf8_lossy(&witness.as_ref()?.ask.target).into_owned();
            let path = target.split('?').next()?;
            let folder = path.rfind('/').and_then(|at| path.get(..=at))?;
            Some(format!("{folder}gatecheck-looks-for-nothing-here"))
        });
        // Where one page stands for all paths, something lies there.
        let shows_nothing = |path: &String| {
            let ask = self.way.ask(path.as_str());
            self.visitors.holders().all(|holder| match self.model.decide(&ask, &holder.who).answer {
                Answer::Shown { file, .. } => !self.ground.closed.contains_key(&file),
                _ => true,
            })
        };
        let mut seen = BTreeSet::new();
        paths.filter(|path| seen.insert(path.clone())).filter(shows_nothing).take(most).collect()
    }

    /// Redirects that act on everybody, by path: the target, the status and where they lead.
    #[must_use]
    pub fn open_redirects(&self, most: usize) -> Vec<(String, u16, String)> {
        let rules = self.model.views.iter().zip(&self.ground.witnesses);
        let plain = rules
            .filter(|(view, _)| !view.is_gate && view.host.is_none() && !view.asks_country && view.contested.is_none());
        let redirects = plain.filter_map(|(_, witness)| {
            let witness =
                witness.as_ref().filter(|witness| !witness.to_strangers.denied && witness.ask.headers.is_empty())?;
            let Answer::Redirect { status, location } = &witness.to_strangers.answer else { return None };
            Some((String::from_utf8_lossy(&witness.ask.target).into_owned(), *status, location.clone()))
        });
        redirects.take(most).collect()
    }

    /// How many requests tell whether a deployed site is this one, where so many of each kind are looked at.
    #[must_use]
    pub fn looked_at(&self, most: usize) -> usize {
        let all =
            [self.public_files(most).len(), self.nothing_behind_gates(most).len(), self.open_redirects(most).len()];
        all.iter().sum()
    }

    /// What is asked, chosen within the budget.
    #[must_use]
    pub fn audit(self, wish: &Wish, corpus: &Corpus) -> Audit {
        let marks = build::marks(&self);
        self.with_marks(wish, corpus, marks)
    }

    /// The same for whoever only wants to know what would be asked: no file is read, so that no answer could be judged by it.
    #[must_use]
    pub fn plan(self, wish: &Wish, corpus: &Corpus) -> Audit {
        self.with_marks(wish, corpus, Marks::default())
    }

    fn with_marks(self, wish: &Wish, corpus: &Corpus, marks: Marks) -> Audit {
        let from = From {
            model: &self.model,
            ground: &self.ground,
            visitors: &self.visitors,
            way: &self.way,
            origin: &wish.origin,
            budget: wish.budget,
            seed: wish.seed,
            any_host: wish.host.is_none(),
        };
        // Who brings real tokens has another key than a secret, for which forgeries of the corpus say little.
        let settings = wish.settings();
        let tokens = Tokens { corpus, settings: &settings, knows_secret: wish.secret.is_some(), now: wish.now };
        let tokens = (wish.secret.is_some() || wish.given_roles.is_empty()).then_some(tokens);
        let probes = from.choose(tokens);
        build::audit(&self, wish, &from, probes, marks)
    }
}
