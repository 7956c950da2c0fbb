//! How the rule file is read (RULES-1 to RULES-13, MATCH-1).

use Defect::{Decide, RuleList, RuleText};
use rolegate::rules::{ConditionKey, Effect, LineKind, Rule, RuleSet};
use rolegate::span::RuleFile;

use super::status::reread;
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "rules/tabs-do-not-part",
        "RULES-1",
        "tabs do not part the fields of a line",
        RuleText(|file| lines(file, |line| line.replace('\t', "%09"))),
    ),
    Mutant::new(
        "rules/one-space-only",
        "RULES-1",
        "two spaces in a row make an empty field, which spoils the line",
        RuleText(|file| {
            lines(
                file,
                |line| if line.trim().contains("  ") { format!("{} - -", line.trim_end()) } else { line.to_owned() },
            )
        }),
    ),
    Mutant::new(
        "rules/carriage-return-kept",
        "RULES-1",
        "the CR before a line feed stays in the last field",
        RuleText(|file| {
            let text = String::from_utf8_lossy(file).replace("\r\n", "%0D\n");
            text.into_bytes()
        }),
    ),
    Mutant::new(
        "rules/last-line-lost",
        "RULES-1",
        "a last line without a line feed is not read",
        RuleText(|file| {
            let end = file.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            file.get(..end).unwrap_or_default().to_vec()
        }),
    ),
    Mutant::new(
        "rules/indented-lines-skipped",
        "RULES-1",
        "a line that begins with white space is skipped",
        RuleText(|file| {
            lines(file, |line| if line.starts_with([' ', '\t']) { "#".to_owned() } else { line.to_owned() })
        }),
    ),
    Mutant::new(
        "rules/hash-always-comments",
        "RULES-2",
        "a `#` inside a field begins a comment",
        RuleText(|file| lines(file, |line| line.split('#').next().unwrap_or_default().to_owned())),
    ),
    Mutant::new(
        "rules/comments-behind-rules-read",
        "RULES-2",
        "a comment behind a rule is read as more fields",
        RuleText(|file| {
            lines(
                file,
                |line| if line.trim_start().starts_with('#') { line.to_owned() } else { line.replace(" #", " x") },
            )
        }),
    ),
    Mutant::new(
        "rules/target-without-slash",
        "RULES-3",
        "a target that does not begin with a slash gets one",
        RuleText(|file| {
            lines(file, |line| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                [from, to, rest @ ..]
                    if from.starts_with('/')
                        && !to.starts_with(['/', '#'])
                        && !to.contains(['=', ':'])
                        && !to.starts_with(|c: char| c.is_ascii_digit()) =>
                {
                    format!("{from} /{to} {}\n", rest.join(" "))
                }
                _ => line.to_owned(),
            })
        }),
    ),
    Mutant::new(
        "rules/302-by-default",
        "RULES-4",
        "a rule without a status is a 302",
        RuleList(|rules| {
            edited(rules, |rule| {
                let written = rule.text.split_whitespace().any(|field| field.trim_end_matches('!') == "301");
                if let Effect::Apply(apply) = &mut rule.effect
                    && apply.status == 301
                    && !written
                {
                    apply.status = 302;
                }
            })
        }),
    ),
    Mutant::new(
        "rules/force-ignored",
        "RULES-4",
        "the `!` behind a status is ignored",
        RuleList(|rules| edited(rules, |rule| force(rule, false))),
    ),
    Mutant::new(
        "rules/always-forced",
        "SHADOW-1",
        "every rule wins over an existing file",
        RuleList(|rules| edited(rules, |rule| force(rule, true))),
    ),
    Mutant::new(
        "rules/forward-rules-dropped",
        "RULES-5",
        "a rule without a target is dropped",
        RuleList(|mut rules| {
            rules.retain(|rule| rule.is_sealed() || has_target(&rule.text));
            rules
        }),
    ),
    Mutant::new(
        "rules/target-may-always-be-missing",
        "RULES-5",
        "a rule without a target leads to its own path, splat or not",
        RuleText(|file| {
            lines(file, |line| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                [from, status, rest @ ..]
                    if from.starts_with('/')
                        && status.starts_with(|c: char| c.is_ascii_digit())
                        && !from.contains('*') =>
                {
                    format!("{from} {from} {status} {}\n", rest.join(" "))
                }
                _ => line.to_owned(),
            })
        }),
    ),
    Mutant::new(
        "rules/bad-line-ends-the-file",
        "RULES-6",
        "nothing behind a line in error is read",
        RuleText(|file| {
            let parsed = RuleSet::parse(file);
            let bad = parsed.lines.iter().find(|line| line.kind == LineKind::Error);
            file.get(..bad.map_or(file.len(), |line| line.span.start)).unwrap_or_default().to_vec()
        }),
    ),
    Mutant::new(
        "rules/bad-line-spoils-the-file",
        "RULES-6",
        "one line in error puts no rule into force",
        RuleText(|file| {
            let bad = RuleSet::parse(file).lines.iter().any(|line| line.kind == LineKind::Error);
            if bad { Vec::new() } else { file.to_vec() }
        }),
    ),
    Mutant::new(
        "rules/condition-keys-in-one-case",
        "RULES-7",
        "condition keys in lower case are unknown",
        RuleText(|file| {
            lines(file, |line| {
                line.replace(" role=", " x-r=").replace(" country=", " x-c=").replace(" language=", " x-l=")
            })
        }),
    ),
    Mutant::new(
        "rules/condition-keys-in-any-case",
        "RULES-9",
        "`ROLE=` counts as `Role=`",
        RuleText(|file| {
            lines(file, |line| line.replace(" ROLE=", " Role=").replace(" RoLe=", " Role=").replace(" rOLE=", " Role="))
        }),
    ),
    Mutant::new(
        "rules/empty-list-items-skipped",
        "RULES-8",
        "empty items of a list are skipped, so that the rule counts",
        RuleText(|file| {
            lines(file, |line| {
                let end = line.trim_end().len();
                let (line, rest) = line.split_at_checked(end).unwrap_or((line, ""));
                let line = line.replace(",,", ",").replace("=,", "=");
                format!("{}{rest}", line.trim_end_matches(','))
            })
        }),
    ),
    Mutant::new(
        "rules/unreadable-role-line-dropped",
        "RULES-9",
        "a line that names a role and cannot be read is dropped, and its path is open",
        RuleList(|mut rules| {
            rules.retain(|rule| !rule.is_sealed());
            rules
        }),
    ),
    Mutant::new(
        "rules/unreadable-role-line-as-any-token",
        "RULES-9",
        "a line that names a role and cannot be read asks for any valid token",
        RuleList(|rules| {
            rules
                .into_iter()
                .map(|rule| {
                    let wanted = format!("{} {} 200! Role=*", rule.pattern, rule.pattern);
                    if rule.is_sealed() { reread(&rule, &wanted).unwrap_or(rule) } else { rule }
                })
                .collect()
        }),
    ),
    Mutant::new(
        "rules/role-without-status-open",
        "RULES-9",
        "a role rule without a status is dropped (`/x /x Role=admin`)",
        RuleList(|mut rules| {
            let written = |field: &str| field.trim_end_matches('!').parse::<u16>().is_ok();
            rules.retain(|rule| !rule.is_sealed() || rule.text.split_whitespace().any(written));
            rules
        }),
    ),
    Mutant::new(
        "rules/misspelt-role-open",
        "RULES-9",
        "a rule whose `Role` is misspelt is dropped",
        RuleList(|mut rules| {
            rules.retain(|rule| !rule.is_sealed() || rule.text.contains("Role=") || rule.text.contains("role="));
            rules
        }),
    ),
    Mutant::new(
        "rules/unknown-condition-ignored",
        "RULES-10",
        "a condition that nobody knows is ignored",
        RuleList(|rules| {
            edited(rules, |rule| {
                if let Effect::Apply(apply) = &mut rule.effect {
                    apply.conditions.set(ConditionKey::Unknown, Vec::new());
                }
            })
        }),
    ),
    Mutant::new(
        "rules/reserved-paths-open-to-rules",
        "RULES-12",
        "a rule may begin with `/.netlify`",
        Decide(|scene, visitor| {
            // What may not stand in a rule is matched under another name.
            let Some(asked) = scene.asked.with_path(|path| path.replace("/.netlify", "/reserved-netlify")) else {
                return scene.decide(visitor);
            };
            let text = lines(&scene.ground.site.rule_text, |line| {
                let start = line.starts_with("/.netlify") || line.starts_with("/%2Enetlify");
                if start {
                    line.replacen(".netlify", "reserved-netlify", 1).replacen("%2Enetlify", "reserved-netlify", 1)
                } else {
                    line.to_owned()
                }
            });
            scene.decide_as(&asked, &RuleSet::parse(&text).rules, visitor)
        }),
    ),
    Mutant::new(
        "rules/mark-spoils-the-first-line",
        "RULES-13",
        "a byte-order mark belongs to the first field",
        RuleText(|file| match file.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => [b"/%EF%BB%BF", rest].concat(),
            None => file.to_vec(),
        }),
    ),
    Mutant::new(
        "rules/invalid-utf-8-ends-the-file",
        "RULES-13",
        "nothing behind a byte that is no UTF-8 is read",
        RuleText(|file| match std::str::from_utf8(file) {
            Ok(_) => file.to_vec(),
            Err(error) => file.get(..error.valid_up_to()).unwrap_or_default().to_vec(),
        }),
    ),
    Mutant::new(
        "rules/last-match-decides",
        "MATCH-1",
        "the last rule that matches decides",
        RuleList(|mut rules| {
            rules.reverse();
            rules
        }),
    ),
    Mutant::new(
        "rules/longest-match-decides",
        "MATCH-1",
        "the most specific rule decides, wherever it stands",
        RuleList(|mut rules| {
            rules.sort_by_key(|rule| std::cmp::Reverse(rule.pattern.to_string().len()));
            rules
        }),
    ),
    Mutant::new(
        "rules/basic-auth-not-asked",
        "HEADERS-6",
        "`Basic-Auth` in `_headers` is passed over, and its path is open",
        RuleList(|rules| rules.into_iter().filter(|rule| rule.span.file != RuleFile::Headers).collect()),
    ),
    Mutant::new(
        "rules/exact-paths-first",
        "MATCH-9",
        "rules without a splat are looked at before those with one",
        RuleList(|mut rules| {
            rules.sort_by_key(|rule| rule.pattern.to_string().ends_with('*'));
            rules
        }),
    ),
];

/// The file with every line changed.
fn lines(file: &[u8], change: impl Fn(&str) -> String) -> Vec<u8> {
    let mut out = Vec::new();
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        match std::str::from_utf8(line) {
            Ok(text) => {
                let changed = change(text);
                out.extend_from_slice(changed.as_bytes());
                if text.ends_with('\n') && !changed.ends_with('\n') {
                    out.push(b'\n');
                }
            }
            Err(_) => out.extend_from_slice(line),
        }
    }
    out
}

fn edited(mut rules: Vec<Rule>, edit: impl Fn(&mut Rule)) -> Vec<Rule> {
    rules.iter_mut().for_each(edit);
    rules
}

fn force(rule: &mut Rule, forced: bool) {
    if let Effect::Apply(apply) = &mut rule.effect {
        apply.force = forced;
    }
}

fn has_target(line: &str) -> bool {
    line.split_whitespace()
        .skip(1)
        .take_while(|field| !field.starts_with('#'))
        .any(|field| field.starts_with('/') || field.contains("://"))
}
