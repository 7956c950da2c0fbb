//! Broken gates: what tells whether the corpus can be believed.
//!
//! A [`Mutant`] is the reference gate with one defect, made of the reference's public parts: what goes into a part, or what comes out of it, is
//! changed; nothing inside is. Each names the requirement that it breaks and says in plain words what is wrong, which is also what
//! [`diagnosis`] says of a gate that fails the same cases. An [`idle`] gate does nothing worth the name; no requirement may pass on it.
//!
//! 1. [`ground`]: the site of a suite, opened once for all broken gates; [`mod@reference`]: its settings in the reference's terms.
//! 2. [`gate`]: an HTTP/1.1 gate of this process that takes the reference's steps one by one, so that a defect can stand between two of them.
//! 3. [`scene`], [`jwt`], [`public`]: what a defect sees of a request, a token taken apart, and the keys that sign it anew; [`forward`]: what goes
//!    to an upstream, and what comes back.
//! 4. [`defects`]: the list.
//! 5. [`trial`], [`matrix`]: broken gates against the corpus, and which cases catch which; [`quick`]: the few cases that catch most; [`teeth`]: whether every case catches one.
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

pub mod defects;
pub mod diagnosis;
pub mod forward;
pub mod gate;
pub mod ground;
pub mod idle;
pub mod jwt;
pub mod matrix;
pub mod measured;
pub mod public;
pub mod quick;
pub mod reference;
pub mod scene;
pub mod session;
pub mod suspects;
pub mod teeth;
pub mod trial;

use gatecheck::wire::Response;
use rolegate::decide::Decision;
use rolegate::rules::Rule;
use rolegate::token::TokenSettings;
use rolegate::visitor::Visitor;
use serde_json::{Map, Value};

pub use defects::all;

use forward::Onward;
use jwt::Token;
use scene::{Asked, Reply, Scene};

/// A gate with one defect.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// `area/what-it-does`; stable.
    pub id: &'static str,
    /// The requirement that it breaks.
    pub requirement: &'static str,
    /// What is wrong with it, in plain words.
    pub says: &'static str,
    /// Where it differs from the reference.
    pub defect: Defect,
    /// Whether it remembers earlier requests, so that what it answers may depend on them.
    pub remembers: bool,
}

impl Mutant {
    /// A gate with one defect.
    #[must_use]
    pub const fn new(id: &'static str, requirement: &'static str, says: &'static str, defect: Defect) -> Self {
        Self { id, requirement, says, defect, remembers: false }
    }

    /// The same, remembering earlier requests.
    #[must_use]
    pub const fn remembering(self) -> Self {
        Self { remembers: true, ..self }
    }
}

/// The place between two steps of the reference where a mutant differs, in the order in which the data flows.
#[derive(Clone, Copy, Debug)]
pub enum Defect {
    /// None: the reference itself, served as the mutants are.
    None,
    /// The bytes of the rule file are changed before they are read.
    RuleText(fn(&[u8]) -> Vec<u8>),
    /// The rules are changed after they are read.
    RuleList(fn(Vec<Rule>) -> Vec<Rule>),
    /// The secret is changed before it becomes a key.
    Secret(fn(&[u8]) -> Vec<u8>),
    /// The members of the set of public keys are changed before they become keys.
    KeySet(fn(&mut Vec<Map<String, Value>>)),
    /// The token settings are changed.
    Settings(fn(&mut TokenSettings)),
    /// The text of `netlify.toml` is changed before it is read.
    TomlText(fn(&str) -> String),
    /// The text of `_headers` is changed before it is read.
    HeaderText(fn(&str) -> String),
    /// The bytes of a request head are changed before they are read.
    Wire(fn(&[u8]) -> Vec<u8>),
    /// The answer to a request head that cannot be read is changed.
    Refusal(fn(&mut Reply)),
    /// The request is changed after it is read.
    Request(fn(&mut Asked)),
    /// The token is changed before it is verified, and signed anew where the function says so.
    Token(fn(&mut Token<'_>) -> bool),
    /// The visitor is found out in another way.
    Visitor(fn(&Scene<'_>) -> Visitor),
    /// The decision is made in another way.
    Decide(fn(&Scene<'_>, &Visitor) -> Decision),
    /// A request is forwarded as if whoever sends it held every role, and decided on afterwards; the function says whether what the
    /// upstream has answered is sent without a decision.
    Ahead(fn(&Reply) -> bool),
    /// Whether a request is passed on that goes no further than the gate, for its method or because it says so.
    Passes(fn(&Scene<'_>) -> bool),
    /// What goes to an upstream is changed before it is sent.
    Onward(fn(&Scene<'_>, &mut Onward)),
    /// What an upstream has answered, if it has, becomes another reply.
    Back(fn(&Decision, Option<&Response>, &mut Reply)),
    /// The response is changed before it is sent.
    Reply(fn(&Scene<'_>, &Decision, &mut Reply)),
}
