//! `--plan`: what would be asked, and how long that takes. Nothing is sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::probe::Kind;
use crate::table::{count, forwarded, head, lasting, left_out, thousands};
use crate::{AboutCase, Audit};

/// More rules than this are summed up.
const LISTED: usize = 40;

/// What is looked at first, to see whether a deployed site is this one.
#[derive(Clone, Copy, Debug)]
pub struct First {
    /// How many requests that is, where no page is sent to another spelling.
    pub requests: usize,
}

/// How many requests at most prove that what a member gets is a closed page, and how many a finding.
const OF_A_PAGE: usize = 4;
const OF_A_FINDING: usize = 7;

/// The plan as a person reads it.
#[must_use]
pub fn render(audit: &Audit, rate: Option<f64>, first: Option<First>) -> String {
    let mut out = head(&audit.sizes);
    let asked = audit.sizes.requests;
    let looked_at = first.map_or(0, |first| first.requests);
    let time = match rate {
        #[expect(clippy::cast_precision_loss, reason = "a length of time for people")]
        Some(rate) if rate > 0.0 => {
            format!(", {} at {rate}/s", lasting(asked.saturating_add(looked_at) as f64 / rate))
        }
        _ => String::new(),
    };
    let _ = writeln!(out, "  {:<10} {}{time}; nothing is sent now", "would ask", count(asked, "request"));
    if looked_at > 0 {
        let _ = writeln!(
            out,
            "  {:<10} {} before, to see whether this is the site, and one for each page that is sent to another spelling",
            "",
            count(looked_at, "request")
        );
    }
    let _ = writeln!(
        out,
        "  {:<10} {} for a closed page that is built otherwise than it lies here, {} for a finding to be proved, and what fails is asked again",
        "may add",
        count(OF_A_PAGE, "request"),
        count(OF_A_FINDING, "request")
    );
    if !audit.sizes.left_out.is_empty() {
        let _ = writeln!(out, "  {}", left_out(&audit.sizes));
    }
    if audit.sizes.forwarded > 0 {
        let _ = writeln!(out, "  {}", forwarded(&audit.sizes));
    }
    let _ = writeln!(out);
    let _ = writeln!(out, "  by kind");
    for (kind, (all, taken)) in &audit.sizes.by_kind {
        let what = match kind {
            Kind::Rule => "every rule by every class of visitor",
            Kind::Cache => "caches: one URL by two visitors",
            Kind::Session => "cookies that everybody is given, without a token",
            Kind::Spelling => "near misses and other spellings",
            Kind::File => "closed files by their names",
            Kind::Token => "tokens and cookies of the corpus",
        };
        let _ = writeln!(out, "    {:>7} of {:>7}  {what}", thousands(*taken), thousands(*all));
    }
    let _ = writeln!(out, "\n  by rule");
    let mut by_rule: BTreeMap<usize, Vec<&AboutCase>> = BTreeMap::new();
    for about in audit.cases.values() {
        by_rule.entry(about.rule).or_default().push(about);
    }
    for (place, rule) in audit.rules.iter().enumerate().take(LISTED) {
        let cases = by_rule.get(&place).map(Vec::as_slice).unwrap_or_default();
        let requests: usize = cases.iter().map(|about| about.requests).sum();
        let why = rule.not_asked.as_deref().map(|why| format!("  {why}")).unwrap_or_default();
        let _ = writeln!(out, "    {:>7}  {}  {} {}{why}", thousands(requests), rule.id, rule.pattern, rule.condition);
    }
    if audit.rules.len() > LISTED {
        let rest: usize = by_rule
            .iter()
            .filter(|(place, _)| **place >= LISTED)
            .flat_map(|(_, cases)| cases)
            .map(|about| about.requests)
            .sum();
        let _ = writeln!(
            out,
            "    {:>7}  of {}",
            thousands(rest),
            count(audit.rules.len().saturating_sub(LISTED), "further rule")
        );
    }
    let _ = writeln!(out, "\n  by visitor");
    let mut by_visitor: BTreeMap<&str, usize> = BTreeMap::new();
    for about in audit.cases.values() {
        let name =
            if about.kind == Kind::Token { "whoever sends a cookie of the corpus" } else { about.visitor.as_str() };
        let sum = by_visitor.entry(name).or_default();
        *sum = sum.saturating_add(about.requests);
    }
    let mut visitors: Vec<_> = by_visitor.into_iter().collect();
    visitors.sort_by_key(|(name, requests)| (std::cmp::Reverse(*requests), *name));
    for (visitor, requests) in visitors {
        let _ = writeln!(out, "    {:>7}  {visitor}", thousands(requests));
    }
    for note in &audit.notes {
        let _ = writeln!(out, "\n  note: {note}");
    }
    out
}
