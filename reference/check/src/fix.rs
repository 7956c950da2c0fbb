//! What `check --fix` writes: rule files without what can be taken out or put better at no risk.
//!
//! The rule that every [`Fix`] obeys: no decision changes, for anybody. Where a change could open a path there is no fix,
//! and where it could close one that is for the author to say. What was meant is checked once more here: after each
//! round the rules that are left must read as they did before, one by one, or the round is not taken.

use std::collections::{BTreeMap, BTreeSet};

use rolegate::problem::{COMMENT, Fix, Problem};
use rolegate::rules::{Parsed, Rule, RuleFiles, RuleSet, lines};
use rolegate::site::Site;
use rolegate::span::RuleFile;

use crate::allow::review;
use crate::lint::lint_without_advice;

/// A fix can make room for another one; after so many rounds it is enough.
const ROUNDS: usize = 8;

/// What becomes of the rule files of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fixed {
    /// `_redirects`
    pub redirects: Vec<u8>,
    /// `netlify.toml`
    pub toml: Vec<u8>,
    /// Every line that changes, by file and line.
    pub changes: Vec<Change>,
}

/// A line that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub file: RuleFile,
    /// The line before any change, from 1.
    pub line: usize,
    /// The problems that are gone with it.
    pub ids: Vec<&'static str>,
    /// The line as it was, with what ends it.
    pub before: Vec<u8>,
    /// The line as it will be; none where it is taken out.
    pub after: Option<Vec<u8>>,
}

/// Applies every fix there is to the rule files of `site`.
pub fn fix(redirects: &[u8], toml: &[u8], site: &impl Site) -> Fixed {
    let mut texts = [Text::new(RuleFile::Redirects, redirects), Text::new(RuleFile::Toml, toml)];
    for _ in 0..ROUNDS {
        let Some(next) = round(&texts, site) else { break };
        texts = next;
    }
    let changes = texts.iter().flat_map(|text| text.changes.values().cloned()).collect();
    let [redirects, toml] = texts.map(|text| text.bytes());
    Fixed { redirects, toml, changes }
}

/// One round of fixes; `None` where there is nothing to do, or it would not be safe.
fn round(texts: &[Text; 2], site: &impl Site) -> Option<[Text; 2]> {
    let before = read(texts);
    let mut problems = before.problems.clone();
    problems.extend(lint_without_advice(&before.rules, site));
    // LINT-3: what its author accepts stays as it is.
    let [redirects, toml] = texts.each_ref().map(Text::bytes);
    let mut problems = review(RuleFiles { redirects: &redirects, toml: &toml, headers: b"" }, problems).problems;
    problems.retain(|problem| problem.fix.is_some());
    if problems.is_empty() {
        return None;
    }
    let attempt = |takes: fn(RuleFile) -> bool| {
        let mut next = texts.each_ref().map(Text::next_round);
        let taken = problems.iter().filter(|problem| takes(problem.span.file));
        let changed = taken.filter(|problem| next.iter_mut().any(|text| text.apply(problem))).count();
        (changed > 0 && is_safe(&before, &next)).then_some(next)
    };
    attempt(|_| true).or_else(|| attempt(|file| file == RuleFile::Redirects))
}

fn read(texts: &[Text; 2]) -> Parsed {
    let [redirects, toml] = texts.each_ref().map(Text::bytes);
    RuleSet::read(RuleFiles { redirects: &redirects, toml: &toml, headers: b"" })
}

/// Whether what is left reads as it did.
fn is_safe(before: &Parsed, next: &[Text; 2]) -> bool {
    let [redirects, _] = next;
    let after = read(next);
    let out: BTreeSet<usize> = redirects.out_of_force().collect();
    let is_left = |rule: &&Rule| rule.span.file != RuleFile::Redirects || !out.contains(&rule.span.line);
    let meaning = |rule: &'_ Rule| {
        let Rule { origin, pattern, query, effect, .. } = rule.clone();
        (rule.span.file, origin, pattern, query, effect)
    };
    before.rules.unreadable().len() == after.rules.unreadable().len()
        && before.rules.rules().iter().filter(is_left).map(meaning).eq(after.rules.rules().iter().map(meaning))
}

/// The lines of a file, with what has become of each.
#[derive(Clone, Debug)]
struct Text {
    file: RuleFile,
    lines: Vec<Kept>,
    /// What has changed, by the number of the line before any change.
    changes: BTreeMap<usize, Change>,
}

/// A line that is still there when a round begins.
#[derive(Clone, Debug)]
struct Kept {
    /// Its number before any change.
    number: usize,
    /// Where it starts in the text.
    start: usize,
    bytes: Vec<u8>,
    state: State,
}

/// What a round has done to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Untouched,
    Edited,
    CommentedOut,
    Removed,
}

impl Text {
    fn new(file: RuleFile, bytes: &[u8]) -> Text {
        let lines: Vec<&[u8]> = match file {
            // TOML knows no line that ends in CR alone.
            RuleFile::Toml => bytes.split_inclusive(|byte| *byte == b'\n').collect(),
            RuleFile::Redirects | RuleFile::Headers => lines(bytes).collect(),
        };
        let mut text = Text { file, lines: Vec::new(), changes: BTreeMap::new() };
        let numbered = (1..).zip(lines);
        text.lines.extend(numbered.map(|(number, line)| Kept {
            number,
            start: 0,
            bytes: line.to_vec(),
            state: State::Untouched,
        }));
        text.next_round()
    }

    /// The text as a new round finds it.
    fn next_round(&self) -> Text {
        let mut next = self.clone();
        next.lines.retain(|line| line.state != State::Removed);
        let mut start = 0;
        for line in &mut next.lines {
            line.state = State::Untouched;
            line.start = start;
            start += line.bytes.len();
        }
        next
    }

    fn bytes(&self) -> Vec<u8> {
        let kept = self.lines.iter().filter(|line| line.state != State::Removed);
        kept.flat_map(|line| &line.bytes).copied().collect()
    }

    /// The lines that held a rule and hold none any more.
    fn out_of_force(&self) -> impl Iterator<Item = usize> {
        let is_out = |line: &Kept| matches!(line.state, State::CommentedOut | State::Removed);
        (1..).zip(&self.lines).filter(move |(_, line)| is_out(line)).map(|(number, _)| number)
    }

    /// Applies the fix of a problem of this file, unless another one has changed the line in this round.
    fn apply(&mut self, problem: &Problem) -> bool {
        let line = problem.span.line.checked_sub(1).and_then(|at| self.lines.get_mut(at));
        let Some(line) = line.filter(|line| problem.span.file == self.file && line.state != State::Removed) else {
            return false;
        };
        let before = match &problem.fix {
            Some(Fix::RemoveLine) => {
                line.state = State::Removed;
                line.bytes.clone()
            }
            Some(Fix::CommentOut) if line.state != State::CommentedOut => {
                let at = problem.span.start.saturating_sub(line.start);
                let Some((indent, rule)) = line.bytes.split_at_checked(at) else { return false };
                let bytes = [indent, COMMENT.as_bytes(), rule].concat();
                line.state = State::CommentedOut;
                std::mem::replace(&mut line.bytes, bytes)
            }
            Some(Fix::Replace { start, end, text }) if line.state == State::Untouched => {
                let range = start.saturating_sub(line.start)..end.saturating_sub(line.start);
                let (Some(head), Some(tail)) = (line.bytes.get(..range.start), line.bytes.get(range.end..)) else {
                    return false;
                };
                let bytes = [head, text.as_bytes(), tail].concat();
                line.state = State::Edited;
                std::mem::replace(&mut line.bytes, bytes)
            }
            // A file can be one long line; where nothing is done to it nothing of it is copied.
            _ => return false,
        };
        let after = (line.state != State::Removed).then(|| line.bytes.clone());
        let first = Change { file: self.file, line: line.number, ids: Vec::new(), before, after: None };
        let change = self.changes.entry(line.number).or_insert(first);
        change.after = after;
        change.ids.push(problem.id);
        true
    }
}

#[cfg(test)]
mod tests {
    use rolegate::site::MemorySite;

    use super::*;

    fn fixed(redirects: &[u8], toml: &str) -> Fixed {
        fix(redirects, toml.as_bytes(), &MemorySite::default())
    }

    #[test]
    fn lines_that_never_decide_go_and_paths_are_written_as_they_are_read() {
        for (before, after) in [
            ("/a /b 301\n/a /b 301\n", "/a /b 301\n"),
            ("/a /b 301\r\n/a /b 301\r\n/c /d\r\n", "/a /b 301\r\n/c /d\r\n"),
            ("/a /b 301\r/a /b 301\r/c /d", "/a /b 301\r/c /d"),
            ("/a /b 301\n# kept\n\n  /a /b 301 # why\n", "/a /b 301\n# kept\n\n"),
            ("/a /b 301\n\t/a /c 301", "/a /b 301\n\t# /a /c 301"),
            ("/a /b 301\n/a/./ /c 301", "/a /b 301\n# /a /c 301"),
            ("\u{feff}/x//y /b 301\n", "\u{feff}/x/y /b 301\n"),
            ("/é/./ü /b 301\n", "/é/ü /b 301\n"),
            // What becomes a duplicate by one fix is taken out by the next.
            ("/x/y /b 301\n/x//y /b 301\n", "/x/y /b 301\n"),
            ("/m/* /x 200! Role=a\n/m/* /x 200 Role=a\n", "/m/* /x 200! Role=a\n# /m/* /x 200 Role=a\n"),
        ] {
            assert_eq!(String::from_utf8(fixed(before.as_bytes(), "").redirects).unwrap(), after, "{before}");
        }
    }

    #[test]
    fn what_could_open_a_path_stays() {
        for text in [
            // NOLEAK-3: whoever holds `b` is denied at `/x` by the second line alone.
            "/x.html /x 200! Role=a,b\n/x.html /x 200! Role=a\n",
            "/m/* /x 200\n/m/* /y 200! Role=a\n",
            // ROLE-12: without the second line a later one could show `/y` to those whom it denies.
            "/m/* /x 200! Role=a\n/m/* /y 200! Role=a\n",
            "/m/* /x 200! ROLE=a\n/m/* /x 200! ROLE=a\n",
        ] {
            let fixed = fixed(text.as_bytes(), "");
            assert_eq!((fixed.redirects.as_slice(), fixed.changes), (text.as_bytes(), Vec::new()), "{text}");
        }
    }

    #[test]
    fn a_path_of_netlify_toml_is_written_only_where_it_can_be() {
        let entry = |from: &str| format!("[[redirects]]\nfrom = {from}\nto = \"/b\"\n");
        for (before, after) in [
            ("\"/a//b\"", "\"/a/b\""),
            ("'/a//b'", "'/a/b'"),
            // The canonical path would end the text.
            ("'/a/%2e/%27'", "'/a/%2e/%27'"),
            ("'/a//%27'", "'/a/%27'"),
            ("\"/a//\\u0062\"", "\"/a//\\u0062\""),
        ] {
            let toml = fixed(b"", &entry(before)).toml;
            assert_eq!(String::from_utf8(toml).unwrap(), entry(after), "{before}");
        }
    }

    #[test]
    fn a_change_says_where_it_was_and_why() {
        let fixed = fixed(b"/a /b 301\n/a /b 301\n/x//y /c\n/a /b 302\n", "");
        let told = |change: &Change| {
            let after = change.after.as_ref().map(|line| String::from_utf8_lossy(line).into_owned());
            format!("{} {:?} {after:?}", change.line, change.ids)
        };
        let changes: Vec<String> = fixed.changes.iter().map(told).collect();
        let expected = [
            r#"2 ["duplicate"] None"#,
            r#"3 ["from-not-canonical"] Some("/x/y /c\n")"#,
            r##"4 ["rule-unreachable"] Some("# /a /b 302\n")"##,
        ];
        assert_eq!(changes, expected);
    }
}
