//! What the gate and the format owner's matcher are known to disagree about, and why the gate decides as it does.

use crate::case::{Ask, RuleText};
use crate::{own_answer, parsed};

pub struct Known {
    pub name: &'static str,
    pub reason: &'static str,
    /// Whether a disagreement is of this kind: by rules, request, and what the gate and the matcher answer.
    pub explains: fn(&[RuleText], &Ask, Option<&str>, Option<&str>) -> bool,
    pub witness: fn() -> (Vec<RuleText>, Ask),
}

pub const KNOWN: &[Known] = &[
    Known {
        name: "to itself",
        reason: "STATUS-5: a redirect to the request itself is passed over; the matcher sends the visitor round",
        explains: |_, ask, _, theirs| {
            let target = theirs.and_then(|theirs| theirs.strip_prefix('3')).and_then(|theirs| theirs.split_once(' '));
            let path = target.map(|(_, to)| to.strip_prefix("https://site.example").unwrap_or(to));
            path.is_some_and(|path| path.trim_end_matches('/') == ask.path.trim_end_matches('/'))
        },
        witness: || (vec![RuleText { to: "/a", status: "302", ..rule("/a") }], ask("/a")),
    },
    Known {
        name: "other conditions first",
        reason: "ROLE-7: who lacks the role is denied whatever the other conditions of the rule say; the matcher asks these first",
        explains: |rules, ask, own, theirs| {
            let both = |rule: &RuleText| !rule.role.is_empty() && !rule.condition.is_empty() && covers(rule, ask);
            own == Some("404!") && theirs.is_none() && rules.iter().any(both)
        },
        witness: || {
            let gate = RuleText { to: "/a", status: "200", role: "Role=r", condition: "Country=at", ..rule("/a") };
            (vec![gate], ask("/a"))
        },
    },
    Known {
        name: "in the tree",
        reason: "STATUS-5.own-tree: where a redirect is passed over the walk goes on, gates are asked, and whole segments count; the matcher ends \
                 the walk, for every status but 200 and by the text of the target",
        explains: |rules, ask, _, theirs| {
            let at_its_path = |rule: &RuleText| covers(&RuleText { query: "", ..*rule }, ask);
            let ends = |rule: &RuleText| at_its_path(rule) && ends_the_walk(rule, ask);
            matches!(theirs, None | Some("404!")) && rules.iter().any(ends)
        },
        witness: || {
            let into = RuleText { to: "/a/:splat", status: "302", ..rule("/*") };
            (vec![into, RuleText { to: "/c", status: "302", ..rule("/a/*") }], ask("/a/b"))
        },
    },
    Known {
        name: "said twice",
        reason: "MATCH-1: rules are tried in the order of the file; of two lines that say the same the owner's parser keeps the later one, below \
                 what stands between them (`check` names it: `duplicate`)",
        explains: |rules, ask, _, _| {
            let twice = |(at, rule): (usize, &RuleText)| {
                covers(rule, ask) && rules.iter().skip(at + 1).any(|other| other == rule)
            };
            rules.iter().enumerate().any(twice)
        },
        witness: || {
            let twice = RuleText { status: "302", ..rule("/a") };
            (vec![twice, RuleText { to: "/d", ..rule("/a") }, twice], ask("/a"))
        },
    },
];

/// Whether path, host and query of the rule are those of the request.
fn covers(rule: &RuleText, ask: &Ask) -> bool {
    let open = RuleText { role: "", condition: "", to: "/other", status: "200", ..*rule };
    own_answer(&parsed(&[open]), ask).is_some()
}

/// What the matcher was seen to do with rules that end in a splat.
fn ends_the_walk(rule: &RuleText, ask: &Ask) -> bool {
    let is_own = rule.from == "/*" && rule.to.starts_with("https://site.example/");
    let local = if is_own { rule.to.trim_start_matches("https://site.example") } else { rule.to };
    let start = local.split("/:splat").next().unwrap_or_default();
    let from =
        rule.from.trim_end_matches('*').trim_end_matches('/').split('/').take_while(|name| !name.starts_with(':'));
    let from = from.collect::<Vec<_>>().join("/");
    let below_start =
        local.starts_with('/') && !start.is_empty() && start.starts_with(&from) && ask.path.starts_with(start);
    // Nor is a visitor sent up to where the path begins.
    let open = RuleText { role: "", condition: "", query: "", status: "404", ..*rule };
    let led = own_answer(&parsed(&[open]), ask);
    let led_up = led.is_some_and(|led| led.strip_prefix("404 ").is_some_and(|to| ask.path.starts_with(to)));
    rule.from.ends_with('*') && rule.status != "200" && (below_start || led_up)
}

fn rule(from: &'static str) -> RuleText {
    RuleText { host: "", from, query: "", to: "/c", status: "200", force: false, role: "", condition: "" }
}

fn ask(path: &str) -> Ask {
    Ask { path: path.to_owned(), query: "", roles: None, language: "en", country: "de", cookies: &[] }
}
