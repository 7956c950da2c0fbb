//! Rule files: any bytes can be read, linted, shown and written again. Each claim is a property of its own, so that a
//! fuzzer asks the cheap ones often.

use std::collections::{HashMap, HashSet};

use rolegate::problem::{Problem, Severity};
use rolegate::rules::{LineKind, MAX_LINE, Parsed, Pattern, Rule, RuleFiles, RuleSet};
use rolegate::site::MemorySite;
use rolegate::span::RuleFile;
use rolegate_check::InWords as _;
use rolegate_check::catalogue;
use rolegate_check::entries;
use rolegate_check::lint::{lint, lint_with};

/// RULES-6, RULES-13, RULES-14: any bytes can be read, and nothing of them is lost.
pub fn parse_redirects(bytes: &[u8]) {
    let parsed = RuleSet::parse(bytes);
    every_byte_is_accounted_for(bytes, &parsed);
    places_lie_in_the_file(bytes, parsed.rules.rules(), &parsed.problems);
    kinds_are_known(&parsed.problems);
}

/// RULES-1: a rule that is printed reads as the same rule.
pub fn print_rules(bytes: &[u8]) {
    let parsed = RuleSet::parse(bytes);
    let rules = parsed.rules.rules();
    let lines: Vec<String> = rules.iter().map(ToString::to_string).collect();
    if lines.iter().any(|line| line.len() > MAX_LINE) {
        return; // Encoding made it longer than a line may be.
    }
    let again = RuleSet::parse(lines.join("\n").as_bytes());
    assert_eq!(again.rules.rules().len(), rules.len(), "{lines:#?}");
    for ((first, second), line) in rules.iter().zip(again.rules.rules()).zip(&lines) {
        let meaning =
            |rule: &Rule| (rule.origin.clone(), rule.pattern.clone(), rule.query.clone(), rule.effect.clone());
        assert_eq!(meaning(first), meaning(second), "{line}");
    }
}

/// What is said of rules as a list has its place in the file, and a kind that the catalogue knows.
///
/// The first byte chooses the file: `_redirects` where it is even, else `netlify.toml`.
pub fn lint_rules(bytes: &[u8]) {
    let Some((choice, file)) = bytes.split_first() else { return };
    let (redirects, toml) = if choice % 2 == 0 { (file, &b""[..]) } else { (&b""[..], file) };
    let files = RuleFiles { redirects, toml, headers: b"" };
    let read = RuleSet::read(files);
    let found = lint_with(read.problems, files, &read.rules, &MemorySite::default());
    kinds_are_known(&found);
    places_lie_in_the_file(file, &[], &found);
    // LINT-1: what is advised is written where it stands.
    for advice in found.iter().filter_map(|problem| problem.advice.as_ref()) {
        for (_, change) in entries::written(advice, files).unwrap_or_default() {
            assert!(change.range.start <= change.range.end && change.range.end <= file.len(), "{advice:?}");
        }
    }
}

/// What a person is shown of a problem holds no control character, so that no rule file writes to the terminal.
///
/// The first byte chooses the file: `_redirects`, `netlify.toml` or `_headers`.
pub fn render_problems(bytes: &[u8]) {
    let Some((choice, file)) = bytes.split_first() else { return };
    let (name, problems) = match choice % 3 {
        0 => {
            let Parsed { rules, mut problems, .. } = RuleSet::parse(file);
            problems.truncate(6);
            problems.extend(lint(&rules, &MemorySite::default()));
            ("_redirects", problems)
        }
        1 => ("netlify.toml", RuleSet::read(RuleFiles { redirects: b"", toml: file, headers: b"" }).problems),
        _ => ("_headers", RuleSet::read(RuleFiles { redirects: b"", toml: b"", headers: file }).problems),
    };
    for problem in problems.iter().take(8) {
        let text = problem.render(name, file, false);
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'),
            "a control character reaches the terminal"
        );
    }
}

/// TOML-1 to TOML-3, RULES-13: any bytes can be read as a `netlify.toml`, and a sealed rule is an error.
pub fn parse_toml(bytes: &[u8]) {
    let parsed = RuleSet::read(RuleFiles { redirects: b"/first /rule\n", toml: bytes, headers: b"" });
    // TOML-2
    let written = parsed.rules.rules().iter().skip(parsed.rules.seals().len());
    assert_eq!(written.map(|rule| rule.text.as_str()).next(), Some("/first /rule"));
    let (rules, problems) = (parsed.rules.rules(), &parsed.problems);
    let rules: Vec<Rule> = rules.iter().filter(|rule| rule.span.file == RuleFile::Toml).cloned().collect();
    assert_eq!(rules.len() + 1, parsed.rules.rules().len());
    assert!(
        rules.iter().map(|rule| rule.span).chain(problems.iter().map(|p| p.span)).all(|s| s.file == RuleFile::Toml)
    );
    places_lie_in_the_file(bytes, &rules, problems);
    kinds_are_known(problems);
    let refusing = problems.iter().filter(|problem| problem.refuses_to_start).count();
    assert_eq!(refusing, parsed.rules.unreadable().len() + parsed.rules.unreadable_headers().len());
    let is_error = |problem: &Problem| problem.severity == Severity::Error;
    assert!(problems.iter().any(is_error) || !rules.iter().any(Rule::is_sealed), "a sealed rule is an error");
}

/// RULES-9: no entry of a `netlify.toml` that names a role leaves its path open, by a second reading of the file.
pub fn toml_gates(bytes: &[u8]) {
    // A second reading, by the library's own data model; most files have nothing to say to it.
    let table = std::str::from_utf8(bytes).ok().and_then(|text| toml::from_str::<toml::Table>(text).ok());
    let Some(entries) = table.as_ref().and_then(|table| table.get("redirects")).and_then(toml::Value::as_array) else {
        return;
    };
    let parsed = RuleSet::read(RuleFiles { redirects: b"", toml: bytes, headers: b"" });
    if !parsed.rules.unreadable().is_empty() {
        return;
    }
    for entry in entries {
        let from = entry.get("from").or(entry.get("origin")).and_then(toml::Value::as_str).unwrap_or_default();
        let conditions = entry.get("conditions").and_then(toml::Value::as_table);
        let named = conditions.is_some_and(|table| table.keys().any(|key| key.eq_ignore_ascii_case("role")));
        let Ok((pattern, _)) = Pattern::parse(from.trim()) else { continue };
        if named && from.trim().starts_with('/') {
            let path = pattern.example("x");
            let gate = parsed.rules.rules().iter().find(|rule| rule.is_gate() && rule.pattern.matches(&path));
            assert!(gate.is_some(), "`{from}` names a role and is open");
        }
    }
}

/// RULES-6: the catalogue knows every kind of problem, and with this severity.
pub(super) fn kinds_are_known(problems: &[Problem]) {
    for problem in problems {
        // RULES-9: what is a warning otherwise is an error where it seals a path.
        let is_seal = problem.severity == Severity::Error && problem.note.is_some();
        let severity = catalogue::find(problem.id).map(|entry| entry.severity);
        assert!(severity.is_some_and(|known| known == problem.severity || is_seal), "{}", problem.id);
        assert!(!problem.visitor().is_empty() && !problem.help.is_empty());
    }
}

fn every_byte_is_accounted_for(bytes: &[u8], parsed: &Parsed) {
    // Whether an error is among the problems of a line.
    let mut problems: HashMap<usize, bool> = HashMap::new();
    for problem in &parsed.problems {
        *problems.entry(problem.span.line).or_default() |= problem.severity == Severity::Error;
    }
    let mut sealed: HashSet<usize> = HashSet::new();
    let (mut end, mut rules) = (0, 0);
    for line in &parsed.lines {
        assert_eq!(line.span.start, end, "lines follow each other without a gap");
        end = line.span.end;
        let problem = problems.get(&line.span.line);
        match line.kind {
            // What is told of such a line is the end that it has.
            LineKind::Blank | LineKind::Comment => {
                let ends_oddly = bytes.get(..end).is_some_and(|line| line.ends_with(b"\r"));
                assert!(problem.is_none() || (problem == Some(&false) && ends_oddly), "{problem:?}");
            }
            LineKind::Error => assert_eq!(problem, Some(&true)),
            LineKind::Rule(place) => {
                assert_eq!(place, rules, "rules stand in the order of their lines");
                rules += 1;
            }
        }
        sealed.extend((problem == Some(&true)).then_some(line.span.line));
    }
    assert_eq!(end, bytes.len(), "the lines are the whole file");
    assert_eq!(rules, parsed.rules.rules().len());
    for rule in parsed.rules.rules().iter().filter(|rule| rule.is_sealed()) {
        assert!(sealed.contains(&rule.span.line), "a sealed rule is an error");
    }
}

fn places_lie_in_the_file(bytes: &[u8], rules: &[Rule], problems: &[Problem]) {
    let text = std::str::from_utf8(bytes).ok();
    for span in problems.iter().map(|problem| problem.span).chain(rules.iter().map(|rule| rule.span)) {
        assert!(span.start <= span.end && span.end <= bytes.len());
        assert!(span.line >= 1 && span.column >= 1);
        if let Some(text) = text {
            assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
        }
    }
}
