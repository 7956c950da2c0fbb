//! `# rolegate: allow ID reason`: a comment with which the author of a rule file accepts a finding.
//!
//! It speaks of its own line, or where it stands alone of the next rule; in `netlify.toml` of the entry that it stands in or
//! before. What it accepts is told no longer, and counted still. A comment that accepts nothing is told itself, so that none
//! is left behind that would hide the next finding (LINT-3).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;

use rolegate::columns::Columns;
use rolegate::cost::step;
use rolegate::problem::{Problem, Severity};
use rolegate::rules::{RuleFiles, lines, within_one_edit};
use rolegate::span::{RuleFile, Span};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use crate::catalogue;

/// The kind that says that a comment accepts nothing, as where less is looked for than it speaks of.
pub const UNUSED: &str = "allow-unused";

/// What a comment for this program begins with.
const OURS: &str = "rolegate:";

/// Findings, by whether the author of the files accepts them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviewed {
    /// What nobody accepts, with what is wrong with the comments themselves, in the order of files and lines.
    pub problems: Vec<Problem>,
    /// The others, in the same order.
    pub accepted: Vec<Accepted>,
}

/// A finding that the author of the file accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What is found.
    pub problem: Problem,
    /// Why that is all right.
    pub reason: String,
}

impl Accepted {
    /// Whether such a finding is a known way to leave a gate open.
    pub fn opens(&self) -> bool {
        catalogue::find(self.problem.id).is_some_and(|entry| !entry.traps.is_empty())
    }
}

/// Parts what is found by the comments of the files.
pub fn review(files: RuleFiles<'_>, problems: Vec<Problem>) -> Reviewed {
    let mut allows = Vec::new();
    allows.extend(of_lines(RuleFile::Redirects, files.redirects));
    allows.extend(of_toml(files.toml));
    allows.extend(of_lines(RuleFile::Headers, files.headers));
    let mut reviewed = Reviewed::default();
    let first = First::of(&allows);
    for problem in problems {
        let allow = first.about(&problem).and_then(|place| allows.get_mut(place));
        match allow.filter(|allow| allow.is_about(&problem)).map(Allow::accept) {
            Some(reason) => reviewed.accepted.push(Accepted { problem, reason }),
            None => reviewed.problems.push(problem),
        }
    }
    let refusing = reviewed.problems.iter().filter(|problem| problem.refuses_to_start);
    let refused: HashSet<&str> = refusing.map(|problem| problem.id).collect();
    let faults: Vec<Problem> =
        allows.iter().filter_map(|allow| allow.fault(refused.contains(allow.id.as_str()))).collect();
    reviewed.problems.extend(faults);
    reviewed.problems.sort_by_key(|problem| problem.span);
    reviewed
}

/// RULES-14: where the first comment stands that accepts findings of one kind in one file, by the line from which on it speaks. The
/// lines of two comments are the same, or lie apart.
struct First(HashMap<(RuleFile, String), BTreeMap<usize, usize>>);

impl First {
    fn of(allows: &[Allow]) -> First {
        let mut first = First(HashMap::new());
        for (place, allow) in allows.iter().enumerate().filter(|(_, allow)| allow.is_whole()) {
            let Some(lines) = &allow.lines else { continue };
            let of_kind = first.0.entry((allow.span.file, allow.id.clone())).or_default();
            of_kind.entry(*lines.start()).or_insert(place);
        }
        first
    }

    /// The place of the comment that may be about a finding.
    fn about(&self, problem: &Problem) -> Option<usize> {
        let of_kind = self.0.get(&(problem.span.file, problem.id.to_owned()))?;
        of_kind.range(..=problem.span.line).next_back().map(|(_, place)| *place)
    }
}

/// A comment for this program.
#[derive(Debug)]
struct Allow {
    /// All of the comment.
    span: Span,
    /// What it says first.
    verb: String,
    id: String,
    reason: String,
    /// The lines that it speaks of.
    lines: Option<RangeInclusive<usize>>,
    is_used: bool,
}

impl Allow {
    /// Reads a comment, which begins with `#`: one for each kind that it lists, and none where it is not for this program.
    fn read(comment: &str, span: Span, lines: Option<RangeInclusive<usize>>) -> Vec<Allow> {
        let text = comment.trim_start_matches('#').trim();
        let Some(said) = text.get(..OURS.len()).filter(|start| start.eq_ignore_ascii_case(OURS)) else {
            return Vec::new();
        };
        let text = text.get(said.len()..).unwrap_or_default().trim();
        let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let (ids, reason) = listed(rest.trim_start());
        let reason = reason.trim_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '-' | '–' | '—'));
        let reason = if reason.contains(char::is_alphanumeric) { reason } else { "" };
        let one = |id: &str| Allow {
            span,
            verb: verb.to_owned(),
            id: id.to_owned(),
            reason: reason.to_owned(),
            lines: lines.clone(),
            is_used: false,
        };
        ids.into_iter().map(one).collect()
    }

    /// Whether it accepts the finding: it is whole, and the finding leaves a gate to start.
    fn is_about(&self, problem: &Problem) -> bool {
        step(1);
        self.is_whole()
            && self.id == problem.id
            && self.span.file == problem.span.file
            && self.lines.as_ref().is_some_and(|lines| lines.contains(&problem.span.line))
            && !problem.refuses_to_start
    }

    /// Whether it can accept anything.
    fn is_whole(&self) -> bool {
        self.verb == "allow" && !self.reason.is_empty()
    }

    fn accept(&mut self) -> String {
        self.is_used = true;
        self.reason.clone()
    }

    /// What is wrong with the comment itself. `is_refused`: a finding of the kind keeps a gate from starting.
    fn fault(&self, is_refused: bool) -> Option<Problem> {
        let told = |id, message: String, help: String| {
            let (severity, note, fix, advice) = (Severity::Warning, None, None, None);
            let (refuses_to_start, instead) = (false, Vec::new());
            Some(Problem { id, severity, span: self.span, message, help, note, fix, refuses_to_start, advice, instead })
        };
        let Allow { verb, id, .. } = self;
        if verb != "allow" || id.is_empty() {
            let meant = if !verb.is_empty() && within_one_edit(&verb.to_lowercase(), "allow") {
                "; did you mean `allow`?"
            } else {
                ""
            };
            let message = match verb.as_str() {
                "allow" => "this comment does not say which finding it accepts".to_owned(),
                "" => "this comment says nothing".to_owned(),
                _ => format!("`{verb}` is nothing that a comment can say{meant}"),
            };
            return told("allow-unreadable", message, catalogue::fix("allow-unreadable").to_owned());
        }
        if catalogue::find(id).is_none() {
            let known = catalogue::all().map(|entry| (strsim::damerau_levenshtein(id, entry.id), entry.id)).min();
            let meant = known
                .filter(|(far, _)| *far <= 2.max(id.len() / 3))
                .map_or_else(String::new, |(_, known)| format!("; did you mean `{known}`?"));
            let help = catalogue::fix("allow-unknown").to_owned();
            return told("allow-unknown", format!("`{id}` is no kind of finding{meant}"), help);
        }
        if self.reason.is_empty() {
            let message = format!("this comment gives no reason, so it accepts no `{id}`");
            return told(
                "allow-without-reason",
                message,
                format!("write `# rolegate: allow {id}` and why that is all right"),
            );
        }
        if self.is_used {
            return None;
        }
        let (message, help) = match is_refused {
            true => (
                format!("`{id}` keeps a gate from starting, and no comment accepts that"),
                "correct the line; `check` shows where".to_owned(),
            ),
            false => {
                (format!("no `{id}` is found here, so this comment accepts nothing"), catalogue::fix(UNUSED).to_owned())
            }
        };
        told(UNUSED, message, help)
    }
}

/// The ids that a comment lists, with commas between them, and what stands behind: at least one id, be it an empty one. Behind
/// a comma and a space an id is what is one: the reason may begin there.
fn listed(text: &str) -> (Vec<&str>, &str) {
    let (mut list, mut rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let mut ids = Vec::new();
    loop {
        ids.extend(list.split(',').map(|id| id.trim_end_matches([':', ';'])).filter(|id| !id.is_empty()));
        let behind = rest.trim_start();
        let (next, after) = behind.split_once(char::is_whitespace).unwrap_or((behind, ""));
        let is_id = |text: &str| catalogue::find(text.trim_end_matches([':', ';'])).is_some();
        if !list.ends_with(',') || !next.split(',').any(is_id) {
            break;
        }
        (list, rest) = (next, after);
    }
    if ids.is_empty() {
        ids.push("");
    }
    (ids, rest)
}

/// The comments of a file whose rules stand on lines.
fn of_lines(file: RuleFile, bytes: &[u8]) -> Vec<Allow> {
    if !holds_ours(bytes) {
        return Vec::new();
    }
    let columns = Columns::new(bytes);
    let mut found: Vec<Allow> = Vec::new();
    // Those that wait for the line that they are about.
    let mut waiting = 0;
    let mut start = 0;
    for (number, line) in (1..).zip(lines(bytes)) {
        let mark = if number == 1 && line.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        let text = String::from_utf8_lossy(line.get(mark..).unwrap_or_default());
        let text = text.trim_end();
        let content = text.trim_start();
        let own = content.starts_with('#').then_some(text.len() - content.len());
        // RULES-2: a field that starts with `#` ends the rule; in `_headers` it is a part of the value.
        let behind = || (file == RuleFile::Redirects).then(|| comment_behind(text)).flatten();
        if let Some(at) = own.or_else(behind) {
            let comment = text.get(at..).unwrap_or_default();
            // A line that is no UTF-8 has other bytes than its text.
            let end = (start + mark + text.len()).min(start + line.len());
            let at = (start + mark + at).min(end);
            let column = columns.between(start + mark, at) + 1;
            let span = Span { file, start: at, end, line: number, column };
            found.extend(Allow::read(comment, span, own.is_none().then_some(number..=number)));
        }
        if own.is_none() && !content.is_empty() {
            found
                .iter_mut()
                .skip(waiting)
                .filter(|allow| allow.lines.is_none())
                .for_each(|allow| allow.lines = Some(number..=number));
            waiting = found.len();
        }
        start += line.len();
    }
    found
}

/// Where in a rule's line a comment begins.
fn comment_behind(text: &str) -> Option<usize> {
    text.match_indices('#')
        .map(|(at, _)| at)
        .find(|at| text.get(..*at).is_some_and(|before| before.ends_with([' ', '\t'])))
}

/// The comments of `netlify.toml`.
fn of_toml(bytes: &[u8]) -> Vec<Allow> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if holds_ours(bytes) => text,
        _ => return Vec::new(),
    };
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let text = text.get(mark..).unwrap_or_default();
    let columns = Columns::new(text.as_bytes());
    let mut comments: Vec<(Span, &str, bool)> = Vec::new();
    // The lines on which something stands, and those of them that begin an entry.
    let (mut written, mut entries) = (Vec::new(), Vec::new());
    let (mut line, mut line_start, mut depth) = (1, 0, 0_usize);
    let mut entry = "";
    for token in Source::new(text).lex() {
        let (start, end) = (token.span().start(), token.span().end());
        let own = text.get(start..end).unwrap_or_default();
        let is_first = written.last() != Some(&line);
        match token.kind() {
            TokenKind::Comment => {
                let column = columns.between(line_start, start) + 1;
                let span = Span { file: RuleFile::Toml, start: mark + start, end: mark + end, line, column };
                comments.push((span, own, is_first));
            }
            TokenKind::Whitespace | TokenKind::Newline | TokenKind::Eof => {}
            kind => {
                if is_first {
                    written.push(line);
                }
                match kind {
                    TokenKind::LeftSquareBracket if is_first && depth == 0 => {
                        let rest = text.get(end..).unwrap_or_default();
                        let is_list = rest.starts_with('[');
                        let name = rest.trim_start_matches('[').split(['.', ']']).next().unwrap_or_default().trim();
                        if is_list || name != entry {
                            entries.push((line, is_list));
                            entry = name;
                        }
                        depth += 1;
                    }
                    TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => depth += 1,
                    TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
        if let Some(last) = own.rfind('\n') {
            line += own.matches('\n').count();
            line_start = start + last + 1;
        }
    }
    let end = line;
    let about = |line: usize| {
        let place = entries.partition_point(|(start, _)| *start <= line);
        let next = entries.get(place).map_or(end, |(next, _)| next.saturating_sub(1));
        // What stands in no entry of a list is not one rule, so the comment is about the one line.
        match place.checked_sub(1).and_then(|place| entries.get(place)) {
            Some((start, true)) => *start..=next,
            _ => line..=line,
        }
    };
    let allows = comments.into_iter().flat_map(|(span, text, is_alone)| {
        let line = match is_alone {
            false => Some(span.line),
            true => written.get(written.partition_point(|line| *line <= span.line)).copied(),
        };
        Allow::read(text, span, line.map(about))
    });
    allows.collect()
}

/// Whether a file holds a comment for this program at all.
fn holds_ours(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b':', bytes).any(|colon| {
        let start = (colon + 1).checked_sub(OURS.len());
        start.and_then(|start| bytes.get(start..=colon)).is_some_and(|word| word.eq_ignore_ascii_case(OURS.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(id: &'static str, file: RuleFile, line: usize) -> Problem {
        let span = Span { file, start: 0, end: 0, line, column: 1 };
        let (message, help) = (String::new(), String::new());
        let severity = Severity::Warning;
        let (note, fix, refuses_to_start, advice, instead) = (None, None, false, None, Vec::new());
        Problem { id, severity, span, message, help, note, fix, refuses_to_start, advice, instead }
    }

    /// Kind, line, column and label of a problem.
    type Told = (&'static str, usize, usize, String);

    /// The lines on which `gate-undone` is accepted, and the kinds of what is wrong with comments, with their places.
    fn reviewed(file: RuleFile, text: &str) -> (Vec<usize>, Vec<Told>) {
        let none = RuleFiles { redirects: b"", toml: b"", headers: b"" };
        let files = match file {
            RuleFile::Redirects => RuleFiles { redirects: text.as_bytes(), ..none },
            RuleFile::Toml => RuleFiles { toml: text.as_bytes(), ..none },
            RuleFile::Headers => RuleFiles { headers: text.as_bytes(), ..none },
        };
        let all = 1..=text.split(['\n', '\r']).count() + 1;
        let Reviewed { problems, accepted } =
            review(files, all.map(|line| finding("gate-undone", file, line)).collect());
        let faults = problems.into_iter().filter(|problem| problem.id.starts_with("allow-"));
        let faults = faults.map(|Problem { id, span, message, .. }| {
            assert!(text.get(span.start..span.end).is_some_and(|text| text.starts_with('#')), "{id} {span:?}");
            (id, span.line, span.column, message)
        });
        (accepted.iter().map(|accepted| accepted.problem.span.line).collect(), faults.collect())
    }

    #[test]
    fn which_lines_a_comment_is_about() {
        const ALLOW: &str = "# rolegate: allow gate-undone it is meant";
        for (text, accepted) in [
            (format!("{ALLOW}\n/a /b\n/c /d"), vec![2]),
            (format!("/a /b {ALLOW}\n/c /d"), vec![1]),
            (format!("{ALLOW}\n\n# more words\n/a /b\n/c /d"), vec![4]),
            (format!("\u{feff}{ALLOW}\r\n/a /b\r/c /d"), vec![2]),
            (format!("/é#x /b \t{ALLOW}"), vec![1]),
            ("/a /b#rolegate: allow gate-undone no comment".to_owned(), vec![]),
            ("#ROLEGATE:allow  gate-undone: upper case\n/a /b".to_owned(), vec![2]),
        ] {
            assert_eq!(reviewed(RuleFile::Redirects, &text).0, accepted, "{text}");
        }
        let headers = format!("{ALLOW}\n/a\n  X: {ALLOW}\n");
        assert_eq!(reviewed(RuleFile::Headers, &headers).0, [2], "what stands behind a value is a part of it");
        for (text, accepted) in [
            (
                format!(
                    "{ALLOW}\n[[redirects]]\nfrom = '/a'\nto = '/b'\n[redirects.conditions]\nx = 1\n[[redirects]]\nx=2"
                ),
                vec![2, 3, 4, 5, 6],
            ),
            (format!("[[redirects]]\n{ALLOW}\nfrom = '/a'\n\n[[redirects]]\nx = 2"), vec![1, 2, 3, 4]),
            (format!("[[redirects]]\nfrom = '/a' {ALLOW}\n[build]\nx = 2"), vec![1, 2]),
            (format!("[[redirects]]\nfrom = '''\n{ALLOW}\n'''\n"), vec![]),
            (format!("redirects = [\n  {ALLOW}\n  {{ from = '/a' }},\n  {{ from = '/b' }},\n]\n"), vec![3]),
            (format!("x = [\n[\n'[[redirects]]', {ALLOW}\n]]\n[[redirects]]\ny = 1"), vec![3]),
            (format!("\u{feff}{ALLOW}\r\n[[redirects]]\r\nfrom = '/a'\r\n"), vec![2, 3, 4]),
            (format!("[[redirects]]\nfrom = '/a'\n{ALLOW}"), vec![]),
        ] {
            assert_eq!(reviewed(RuleFile::Toml, &text).0, accepted, "{text}");
        }
    }

    #[test]
    fn a_comment_may_list_kinds() {
        for (ids, told) in [
            ("gate-undone,duplicate", vec!["no `duplicate` is found here, so this comment accepts nothing"]),
            ("duplicate,gate-undone:", vec!["no `duplicate` is found here, so this comment accepts nothing"]),
            ("gate-undone, duplicate:", vec!["no `duplicate` is found here, so this comment accepts nothing"]),
            ("gate-undone,", vec![]),
            ("gate-undone,zzz", vec!["`zzz` is no kind of finding"]),
        ] {
            let text = format!("# rolegate: allow {ids} the preview is meant\n/a /b");
            let reviewed = review(
                RuleFiles { redirects: text.as_bytes(), toml: b"", headers: b"" },
                vec![finding("gate-undone", RuleFile::Redirects, 2)],
            );
            let reasons: Vec<&str> = reviewed.accepted.iter().map(|accepted| accepted.reason.as_str()).collect();
            assert_eq!(reasons, ["the preview is meant"], "{ids}");
            let problems: Vec<&str> = reviewed.problems.iter().map(|problem| problem.message.as_str()).collect();
            assert_eq!(problems, told, "{ids}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_comment() {
        let one = |text: &str| {
            let (accepted, faults) = reviewed(RuleFile::Redirects, text);
            assert_eq!(accepted, [0; 0], "{text}");
            faults.into_iter().next().map(|(id, line, column, message)| (id, (line, column), message))
        };
        for (comment, id, told) in [
            ("# rolegate: allow gate-undone", "allow-without-reason", "no reason"),
            ("# rolegate: allow gate-undone: - —", "allow-without-reason", "no reason"),
            ("# rolegate: allow gate-undoen it is meant", "allow-unknown", "did you mean `gate-undone`?"),
            ("# rolegate: allow gate_undone it is meant", "allow-unknown", "did you mean `gate-undone`?"),
            ("# rolegate: allow zzz it is meant", "allow-unknown", "`zzz` is no kind of finding"),
            ("# rolegate: allow duplicate it is meant", "allow-unused", "no `duplicate` is found here"),
            ("# rolegate: alow gate-undone it is meant", "allow-unreadable", "did you mean `allow`?"),
            ("# rolegate: ignore gate-undone it is meant", "allow-unreadable", "`ignore` is nothing"),
            ("# rolegate: allow", "allow-unreadable", "which finding"),
            ("# rolegate:", "allow-unreadable", "says nothing"),
        ] {
            let (found, place, message) = one(&format!(" {comment}\n/a /b")).unwrap_or_else(|| panic!("{comment}"));
            assert!(found == id && place == (1, 2) && message.contains(told), "{comment}: {found} {place:?} {message}");
        }
        assert_eq!(one("# rolegate is what we use\n/a /b"), None);
        let (_, faults) = reviewed(RuleFile::Redirects, "/a /b\n# rolegate: allow gate-undone at the end\n");
        assert!(matches!(faults.as_slice(), [("allow-unused", 2, 1, _)]), "{faults:?}");
    }

    #[test]
    fn what_keeps_a_gate_from_starting_is_not_accepted() {
        let files =
            RuleFiles { redirects: b"# rolegate: allow gate-undone it is meant\n/a /b", toml: b"", headers: b"" };
        let refusing = Problem { refuses_to_start: true, ..finding("gate-undone", RuleFile::Redirects, 2) };
        let reviewed = review(files, vec![refusing]);
        let ids: Vec<&str> = reviewed.problems.iter().map(|problem| problem.id).collect();
        assert_eq!((reviewed.accepted.len(), ids), (0, vec!["gate-undone", "allow-unused"]));
    }
}
