//! What the gates that a visitor did not pass have left behind: what they protect stays hidden, whatever comes later.
//!
//! ROLE-3, ROLE-12, RULES-9, SHADOW-3: that is the file at the requested path, and whatever each of these gates would have shown to
//! those who pass, be it another file of the site or something on another server.

use smallvec::SmallVec;

use super::fetched::Fetched;
use super::{Asked, RuleList};
use crate::cost::step;
use crate::meaning::rules::{Apply, Captures, Effect, Rule, Substituted};
use crate::site::Site;
use crate::uri::{Segments, segments};

/// COST-1: for so many bytes of a request's path, over all gates, it is worked out what they would have shown.
const COMPARED: usize = 128 * 1024;
/// What to work that out takes beside the path, as bytes of it.
const LOOK: usize = 256;

/// The gates that the visitor did not pass, in list order.
#[derive(Default)]
pub(super) struct Denial<'r> {
    gates: SmallVec<[&'r Rule; 2]>,
}

impl<'r> Denial<'r> {
    /// ROLE-2, ROLE-7, RULES-9: the visitor did not pass this gate.
    pub(super) fn record(&mut self, gate: &'r Rule) {
        // Many gates that differ in their roles alone count as one.
        if self.gates.last().is_none_or(|last| !show_alike(last, gate)) {
            self.gates.push(gate);
        }
    }

    /// Whether there was a gate that the visitor did not pass.
    pub(super) fn is_recorded(&self) -> bool {
        !self.gates.is_empty()
    }

    /// Whether it still counts where this rule decides.
    ///
    /// ROLE-4: a role rule that passes admits, whatever role rules before it did not; its own target is shown, and what
    /// SHADOW-3 hides stays hidden. RULES-9: a seal is no role rule, and no role lifts it.
    pub(super) fn stands_before(&self, apply: &Apply) -> bool {
        self.is_recorded() && (self.is_sealed() || apply.conditions.role.is_none())
    }

    /// ROLE-3, ROLE-12: whether the rule that decides leads back to what was denied.
    pub(super) fn protects(&self, apply: &Apply, target: &Substituted, asked: &Asked<'_>, site: &impl Site) -> bool {
        let Some(fetched) = Fetched::by(target, site) else { return false };
        self.hides(&fetched, asked, site) || (self.is_sealed() && follows_the_request(apply, &fetched, asked))
    }

    /// Whether it is what lies at the requested path, or what one of the gates would have shown.
    pub(super) fn hides(&self, fetched: &Fetched, asked: &Asked<'_>, site: &impl Site) -> bool {
        // ROLE-3.redirect
        let kept = self.gates.iter().any(|gate| gate.protects());
        let own = || Fetched::own(&asked.target.path, asked.own_file, site);
        // COST-1: what there is no time to compare may be what is hidden.
        let each = LOOK + asked.paths.len() * asked.target.path.name().len();
        let mut left = COMPARED;
        let mut would_show = |gate: &Rule| {
            left = left.saturating_sub(each);
            step(each);
            left == 0 || shows(gate, fetched, asked, site)
        };
        (kept && own().is_some_and(|own| own.is(fetched, site))) || self.gates.iter().any(|gate| would_show(gate))
    }

    /// STATUS-6: the page for what is not found. ROLE-3: it is not shown to those to whom it is denied. STATIC-4: where a gate closes
    /// another name of it, it is shown to nobody.
    pub(super) fn not_found_page(
        &self,
        list: &(impl RuleList + ?Sized),
        asked: &Asked<'_>,
        site: &impl Site,
    ) -> Option<String> {
        let page = site.not_found_page()?;
        let is_denied = self.hides(&Fetched::File(page.clone()), asked, site);
        (!is_denied && !is_closed_by_a_link(&page, list, asked, site)).then_some(page)
    }

    fn is_sealed(&self) -> bool {
        self.gates.iter().any(|gate| gate.is_sealed())
    }
}

/// STATIC-4: whether a gate closes another name of this file.
fn is_closed_by_a_link(file: &str, list: &(impl RuleList + ?Sized), asked: &Asked<'_>, site: &impl Site) -> bool {
    if !list.has_gates() || site.same_file(file).is_empty() {
        return false;
    }
    let names = site.other_names(file);
    let paths: Vec<Segments<'_>> = names.iter().map(|name| segments(name)).collect();
    let mut rules = list.places(&paths, asked).filter_map(|place| list.rules().get(place));
    rules.any(|rule| {
        let is_asked = rule.origin.is_none() || rule.origin.as_ref() == asked.origin();
        let covers = || paths.iter().any(|path| rule.pattern.matches_segments(path));
        rule.is_gate() && is_asked && rule.query_matches(asked.parameters()) && covers()
    })
}

/// Whether two gates show the same to those whom they admit, where both cover a request.
fn show_alike(gate: &Rule, other: &Rule) -> bool {
    let leads_alike = match (&gate.effect, &other.effect) {
        (Effect::Apply(own), Effect::Apply(other)) => own.to == other.to && own.is_redirect() == other.is_redirect(),
        (own, other) => own == other,
    };
    leads_alike && gate.pattern == other.pattern && gate.query == other.query
}

/// Whether a gate would show this to somebody who passes.
fn shows(gate: &Rule, fetched: &Fetched, asked: &Asked<'_>, site: &impl Site) -> bool {
    let Effect::Apply(apply) = &gate.effect else { return false };
    let is_remote = apply.to.is_absolute() || !site.is_listed();
    if apply.is_redirect() || is_remote != matches!(fetched, Fetched::Remote(_)) {
        return false;
    }
    let leads_there = |captures: &Captures| {
        let shown = Fetched::by(&apply.to.substitute(captures), site);
        shown.is_some_and(|shown| shown.is(fetched, site))
    };
    if !apply.to.takes_captures() {
        return leads_there(&Captures::default());
    }
    let slash = asked.target.path.trailing_slash();
    let captures = |path: &[&str]| gate.captures(path, slash, &asked.parameters);
    // NOLEAK-3: a gate on one spelling of a file covers the others.
    asked.paths.iter().filter_map(|path| captures(path)).any(|captures| leads_there(&captures))
}

/// RULES-9: where a sealed line leads nobody knows. Most likely it is along the requested path, so a rule that does the same
/// may lead there; a page that is the same for all, where people log in, is none of that.
fn follows_the_request(apply: &Apply, fetched: &Fetched, asked: &Asked<'_>) -> bool {
    let follows = match fetched {
        Fetched::File(_) => apply.to.names_in_path().next().is_some(),
        Fetched::Remote(_) => apply.to.takes_captures(),
    };
    follows || fetched.ends_in(&asked.target.path)
}
