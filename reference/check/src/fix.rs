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

/// What becomes of the `_redirects` of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fixed {
    /// The file as it will be.
    pub redirects: Vec<u8>,
    /// Every line that changes, in order.
    pub changes: Vec<Change>,
}

/// A line that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The line before any change, from 1.
    pub line: usize,
    /// The problems that are gone with it.
    pub ids: Vec<&'static str>,
    /// The line as it was, with what ends it.
    pub before: Vec<u8>,
    /// The line as it will be; none where it is taken out.
    pub after: Option<Vec<u8>>,
}

/// Applies every fix there is to the `_redirects` of `site`, whose `netlify.toml` is `toml`.
pub fn fix(redirects: &[u8], toml: &[u8], site: &impl Site) -> Fixed {
    let mut text = Text::new(redirects);
    for _ in 0..ROUNDS {
        let Some(next) = round(&text, toml, site) else { break };
        text = next;
    }
    Fixed { redirects: text.bytes(), changes: text.changes.into_values().collect() }
}

/// One round of fixes; `None` where there is nothing to do, or it would not be safe.
fn round(text: &Text, toml: &[u8], site: &impl Site) -> Option<Text> {
    let redirects = text.bytes();
    let before = read(&redirects, toml);
    let mut problems = before.problems.clone();
    problems.extend(lint_without_advice(&before.rules, site));
    // LINT-3: what its author accepts stays as it is.
    let problems = review(RuleFiles { redirects: &redirects, toml, headers: b"" }, problems).problems;
    let mut next = text.next_round();
    let changed = problems.iter().filter(|problem| next.apply(problem)).count();
    (changed > 0 && is_safe(&before, &next, toml)).then_some(next)
}

fn read(redirects: &[u8], toml: &[u8]) -> Parsed {
    RuleSet::read(RuleFiles { redirects, toml, headers: b"" })
}

/// Whether what is left reads as it did.
fn is_safe(before: &Parsed, next: &Text, toml: &[u8]) -> bool {
    let after = read(&next.bytes(), toml);
    let out: BTreeSet<usize> = next.out_of_force().collect();
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
    CommentedOut,
    Removed,
}

impl Text {
    fn new(bytes: &[u8]) -> Text {
        let mut text = Text { lines: Vec::new(), changes: BTreeMap::new() };
        let numbered = (1..).zip(lines(bytes));
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

    /// Applies the fix of a problem of this file, if it has one, unless another one has changed the line in this round.
    fn apply(&mut self, problem: &Problem) -> bool {
        let line = problem.span.line.checked_sub(1).and_then(|at| self.lines.get_mut(at));
        let is_here = problem.span.file == RuleFile::Redirects;
        let Some(line) = line.filter(|line| is_here && line.state != State::Removed) else { return false };
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
            // A file can be one long line; where nothing is done to it nothing of it is copied.
            _ => return false,
        };
        let after = (line.state != State::Removed).then(|| line.bytes.clone());
        let first = Change { line: line.number, ids: Vec::new(), before, after: None };
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
    fn lines_that_never_decide_go() {
        for (before, after) in [
            ("/a /b 301\n/a /b 301\n", "/a /b 301\n"),
            ("/a /b 301\r\n/a /b 301\r\n/c /d\r\n", "/a /b 301\r\n/c /d\r\n"),
            ("/a /b 301\r/a /b 301\r/c /d", "/a /b 301\r/c /d"),
            ("/a /b 301\n  /a /b 301 # why\n# kept\n", "/a /b 301\n# kept\n"),
            ("/a /b 301\n\t/a /c 301", "/a /b 301\n\t# /a /c 301"),
            ("\u{feff}/a /b 301\n/a /b 301\n", "\u{feff}/a /b 301\n"),
            ("/é/ü /b 301\n /é/ü /c 301\n", "/é/ü /b 301\n # /é/ü /c 301\n"),
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
            // RULES-11: some gates let the last of two alike count, and would meet the gate first no more.
            "/* /x 200\n/m/* /m/:splat 200! Role=a\n/* /x 200\n",
            // Some gates match nothing with such a path, and the line below decides there.
            "/m//* /x 200\n/m/* /m/:splat 200! Role=a\n",
            "/m//x /y 301\n/m/x /z 301\n",
            "/m//* 200! Role=a\n/m/* 200! Role=a\n",
            // Others know one of two spellings alone.
            "/caf%C3%A9/* 200! Role=a\n/café/* 200! Role=a\n",
            "/caf%C3%A9/* /x 301\n/café/* /y 301\n",
            "/%6Fld /x 301\n/old /x 301\n",
            "/map /m.html 301\n/map/ /m.html 301\n",
            "/map /m.html 301\n/map/ /n.html 301\n",
            // MATCH-8.prefix: others match nothing with such a star.
            "/m* /m.html 301\n/m/x /n.html 301\n",
            "/m* 200! Role=a\n/m/* 200! Role=a\n",
            // The line that decides here stands once more below.
            "/* /index.html 200\n/m/* /login 401!\n/* /index.html 200\n",
            // What is in error here may be in force elsewhere.
            "/* /index.html 200\n/m/* /login 401 !\n/* /index.html 200\n",
        ] {
            let fixed = fixed(text.as_bytes(), "");
            assert_eq!((fixed.redirects.as_slice(), fixed.changes), (text.as_bytes(), Vec::new()), "{text}");
        }
    }

    #[test]
    fn a_change_says_where_it_was_and_why() {
        let fixed = fixed(b"/a /b 301\n/a /b 301\n/a /b 302\n", "");
        let told = |change: &Change| {
            let after = change.after.as_ref().map(|line| String::from_utf8_lossy(line).into_owned());
            format!("{} {:?} {after:?}", change.line, change.ids)
        };
        let changes: Vec<String> = fixed.changes.iter().map(told).collect();
        let expected = [r#"2 ["duplicate"] None"#, r##"3 ["rule-unreachable"] Some("# /a /b 302\n")"##];
        assert_eq!(changes, expected);
    }
}
