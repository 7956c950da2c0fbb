//! The decision beside the format owner's published matcher (npm `netlify-redirector`), on rule files and requests at random.
//!
//! Needs Node.js, and the packages of `tests/engine/package-lock.json` (`npm ci` in `tests/engine`); where they are missing the test says so and asks
//! nothing. `ENGINE_SEED` and `ENGINE_FILES` say which rule files and how many. What the two are known to disagree about stands in
//! `tests/engine/known.rs`, each with a witness; a witness on which they agree fails the test.
#![allow(
    missing_docs,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

#[path = "engine/case.rs"]
mod case;
#[path = "engine/known.rs"]
mod known;
#[path = "engine/toml.rs"]
mod toml;

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use rolegate::{MemorySite, Request, RuleSet, Scheme, Visitor, decide};
use serde_json::{Value, json};

use case::{Ask, Dice, RuleText, text_of};
use known::KNOWN;

/// Rule files of a run, each asked so many times.
const FILES: usize = 1_500;
const ASKS: usize = 40;

/// The matcher, in a process of its own.
struct Engine {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Engine {
    /// `None` where Node.js or the packages are missing.
    fn start() -> Option<Engine> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine");
        if !folder.join("node_modules/netlify-redirector").is_dir() {
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: the packages are missing (`npm ci` in reference/gate/tests/engine)"
            );
            return None;
        }
        let process = Command::new("node")
            .arg("answer.mjs")
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut process) = process else {
            let _ = writeln!(std::io::stderr(), "SKIPPED: there is no `node`");
            return None;
        };
        let (input, output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Some(Engine { process, input, output })
    }

    fn ask(&mut self, asked: &Value) -> Value {
        writeln!(self.input, "{asked}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn answers(&mut self, rules: &[RuleText], asks: &[Ask]) -> Vec<Option<String>> {
        let asks: Vec<Value> = asks.iter().map(Ask::json).collect();
        let answer = self.ask(&json!({ "rules": text_of(rules), "asks": asks }));
        let answers = answer["answers"].as_array().unwrap_or_else(|| panic!("{answer}\n{}", text_of(rules)));
        answers.iter().map(|answer| answer.as_str().map(str::to_owned)).collect()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the gate says, in the same words: nothing, `404!`, or status and target.
fn own_answer(rules: &RuleSet, ask: &Ask) -> Option<String> {
    let target = if ask.query.is_empty() { ask.path.clone() } else { format!("{}?{}", ask.path, ask.query) };
    let cookies: String = ask.cookies.iter().map(|name| format!("{name}=1; ")).collect();
    let headers: &[(&str, &[u8])] = &[("accept-language", ask.language.as_bytes()), ("cookie", cookies.as_bytes())];
    let request = Request {
        method: "GET",
        target: target.as_bytes(),
        host: Some("site.example"),
        scheme: Scheme::Https,
        headers,
        country: Some(ask.country),
    };
    let visitor = ask.roles.map_or(Visitor::Anonymous, |roles| Visitor::with_roles(roles.iter().copied()));
    let decision = decide(rules.rules(), &request, &visitor, &MemorySite::default());
    match decision.by.and_then(|by| rules.rules().get(by)?.apply()) {
        Some(apply) => Some(format!("{} {}", apply.status, decision.target.unwrap_or_default())),
        None if decision.denied => Some("404!".to_owned()),
        None => None,
    }
}

fn parsed(rules: &[RuleText]) -> RuleSet {
    RuleSet::parse(text_of(rules).as_bytes()).rules
}

/// The known disagreement that one is, if the two disagree at all: `Err` where nobody knows of it.
fn disagreement(rules: &[RuleText], ask: &Ask, theirs: Option<&str>) -> Result<Option<&'static str>, ()> {
    let own = own_answer(&parsed(rules), ask);
    if same(own.as_deref(), theirs) {
        return Ok(None);
    }
    let known = KNOWN.iter().find(|known| (known.explains)(rules, ask, own.as_deref(), theirs));
    known.map(|known| Some(known.name)).ok_or(())
}

/// The empty segments aside that a splat which holds nothing leaves in a target.
fn same(own: Option<&str>, theirs: Option<&str>) -> bool {
    let tidy = |text: &str| {
        let (scheme, rest) = text.split_once("https://").unwrap_or(("", text));
        let segments: Vec<&str> = rest.split('/').filter(|segment| !segment.is_empty()).collect();
        format!("{scheme}|{}", segments.join("/"))
    };
    own.map(tidy) == theirs.map(tidy)
}

/// The smallest rule file that still shows it.
fn shrink(engine: &mut Engine, mut rules: Vec<RuleText>, ask: &Ask) -> Vec<RuleText> {
    let mut fails = |rules: &[RuleText]| {
        let theirs = engine.answers(rules, std::slice::from_ref(ask)).remove(0);
        disagreement(rules, ask, theirs.as_deref()).is_err()
    };
    loop {
        let mut smaller: Vec<Vec<RuleText>> = Vec::new();
        for at in 0..rules.len() {
            let mut without = rules.clone();
            without.remove(at);
            smaller.push(without);
            let edits: [fn(&mut RuleText); 5] =
                [|r| r.host = "", |r| r.query = "", |r| r.force = false, |r| r.role = "", |r| r.condition = ""];
            for edit in edits {
                let mut edited = rules.clone();
                edit(&mut edited[at]);
                smaller.push(edited);
            }
        }
        smaller.retain(|other| *other != rules && !other.is_empty() && other.iter().all(is_whole));
        match smaller.into_iter().find(|other| fails(other)) {
            Some(other) => rules = other,
            None => return rules,
        }
    }
}

/// Whether each name in the target is one that the rule captures.
fn is_whole(rule: &RuleText) -> bool {
    !rule.to.contains(":q") || rule.query == "q=:q"
}

/// TOML-4
#[test]
fn what_the_owner_reads_in_a_netlify_toml_is_read() {
    let Some(mut engine) = Engine::start() else { return };
    let seed = seed();
    eprintln!("ENGINE_SEED={seed}");
    let mut dice = Dice(seed);
    for _ in 0..2_000 {
        let text = toml::file(&mut dice);
        let theirs = toml::theirs(&engine.ask(&json!({ "toml": text })));
        assert_eq!(theirs.0, [""; 0], "{text}");
        assert_eq!(toml::own(&text), theirs, "{text}");
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn seed() -> u64 {
    let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |age| age.as_secs());
    number("ENGINE_SEED").unwrap_or_else(clock)
}

#[test]
fn the_decision_is_that_of_the_owners_matcher() {
    let Some(mut engine) = Engine::start() else { return };
    let seed = seed();
    let files = number("ENGINE_FILES").map_or(FILES, |files| files as usize);
    eprintln!("ENGINE_SEED={seed} ENGINE_FILES={files}");
    let mut dice = Dice(seed);
    let (mut decisions, mut counts, mut unknown) = (0, vec![0; KNOWN.len()], Vec::new());
    for _ in 0..files {
        let mut rules: Vec<RuleText> = (0..1 + dice.below(6)).map(|_| case::rule(&mut dice)).collect();
        if dice.below(8) == 0 {
            rules.push(rules[0]);
        }
        let asks: Vec<Ask> = (0..ASKS).map(|_| case::ask(&mut dice)).collect();
        let theirs = engine.answers(&rules, &asks);
        for (ask, theirs) in asks.iter().zip(&theirs) {
            decisions += 1;
            match disagreement(&rules, ask, theirs.as_deref()) {
                Ok(None) => {}
                Ok(Some(name)) => counts[KNOWN.iter().position(|known| known.name == name).unwrap()] += 1,
                Err(()) => unknown.push((rules.clone(), ask.clone())),
            }
        }
        if unknown.len() >= 20 {
            break;
        }
    }
    for (known, count) in KNOWN.iter().zip(&counts) {
        eprintln!("{count:>7} {}: {}", known.name, known.reason);
    }
    eprintln!("{decisions} decisions");
    if unknown.is_empty() && decisions >= 20_000 {
        let idle: Vec<&str> =
            KNOWN.iter().zip(&counts).filter(|(_, count)| **count == 0).map(|(known, _)| known.name).collect();
        assert!(idle.is_empty(), "no longer disagreed about: {idle:?}");
    }
    let found = unknown.len();
    for (rules, ask) in unknown.into_iter().take(8) {
        let rules = shrink(&mut engine, rules, &ask);
        let theirs = engine.answers(&rules, std::slice::from_ref(&ask)).remove(0);
        let own = own_answer(&parsed(&rules), &ask);
        eprintln!("{}{ask:?}\n  gate {own:?}\n  matcher {theirs:?}\n", text_of(&rules));
    }
    assert_eq!(found, 0, "decisions that differ for no known reason (seed {seed})");
}

/// An entry of the table is true of its own witness.
#[test]
fn what_is_known_is_still_so() {
    let Some(mut engine) = Engine::start() else { return };
    for known in KNOWN {
        let (rules, ask) = (known.witness)();
        let theirs = engine.answers(&rules, std::slice::from_ref(&ask)).remove(0);
        let found = disagreement(&rules, &ask, theirs.as_deref());
        assert_eq!(found, Ok(Some(known.name)), "{}{ask:?}\n{theirs:?}", text_of(&rules));
    }
}
