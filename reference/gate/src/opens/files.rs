//! Whether a file falls out from under its gate: by the names of the new site, by being moved, or because another one is gone.

use std::rc::Rc;

use super::lookup::{Lookup, names_at, names_of};
use super::{Change, Comparison, Found, Gate, is_no_wider, open, share_an_origin, turns_away_whom};
use crate::path::{RequestPath, segments};
use crate::rules::{Pattern, Rule, RuleSet};
use crate::site::{Site, Spellings, is_same_file};

impl<'a, S: Site> Comparison<'a, S> {
    /// Every path of every file: what the old gates covered there they cover still, and no unforced rule goes before them.
    pub(super) fn files(&mut self, at: &Paths<'_, 'a>, gates: &[Gate<'a>], changes: &[Change<'a>]) -> Found<'a> {
        let unforced =
            changes.iter().filter(|change| !change.stays && !change.apply.force && change.rule.role().is_none());
        let before = Lookup::of(unforced.map(|change| (change.rule.pattern.clone(), change)));
        let (new_site, is_other_site): (&'a S, bool) = (self.new_site, !self.has_same_names());
        for file in new_site.names() {
            let own: Vec<String> = Spellings::of(new_site, file).iter().map(str::to_owned).collect();
            let now: Vec<String> = own.iter().cloned().chain(new_site.other_names(file)).collect();
            for path in &own {
                let was = names_at(self.old_site, path);
                let covered = at.gates.at(was.iter().chain([path]));
                let is_known = |(_, gate): &(usize, &Rule)| {
                    covered.iter().any(|old| old.rule.effect == gate.effect && old.rule.pattern == gate.pattern)
                };
                // Point 4, where it is a file that makes a gate cover the path.
                if is_other_site && !at.new_gates.at(now.iter().chain([path])).into_iter().all(is_known) {
                    for change in at.unforced.at([path]) {
                        self.leads_behind(change, gates)?;
                    }
                }
                for gate in covered {
                    self.spend(1 + now.len(), gate.rule)?;
                    if !now.iter().any(|name| gate.rule.pattern.matches_name(name)) {
                        return Err(open(path, gate.rule));
                    }
                    let goes_before = |change: &&Change<'a>| {
                        change.place < gate.heir && !change.stood_above(gate) && share_an_origin(change.rule, gate.rule)
                    };
                    if before.at([path]).into_iter().any(goes_before) {
                        return Err(open(path, gate.rule));
                    }
                }
            }
        }
        Ok(())
    }

    /// Where a file is gone, a rule acts that it went before, and gates cover what they covered by its name alone.
    pub(super) fn gone(&mut self, at: &Paths<'_, 'a>, gates: &[Gate<'a>]) -> Found<'a> {
        let gone = Rc::clone(&self.gone);
        let Some(some_gate) = gates.first().map(|gate| gate.rule).filter(|_| !gone.is_empty()) else { return Ok(()) };
        let showing = self.new.rules().iter().filter_map(|rule| {
            let apply = rule.apply().filter(|apply| !apply.is_redirect())?;
            Some((rule.pattern.clone(), (rule, apply)))
        });
        let showing = Lookup::of(showing);
        for file in gone.iter() {
            let names = names_of(self.old_site, file);
            let closed = at.gates.at(&names);
            for path in names.iter().map(|name| RequestPath::of(segments(name))) {
                let closing = at.new_gates.at([path.name()]);
                let mut opened = closed.iter().map(|gate| gate.rule);
                let opened = opened.find(|gate| !closing.iter().any(|(_, heir)| turns_away_whom(heir, gate)));
                for (rule, apply) in showing.at([path.name()]) {
                    self.spend(1, some_gate)?;
                    // What is fetched along a path comes from there, whatever lay here.
                    if let Some(gate) = opened.filter(|gate| apply.is_proxy() && !is_no_wider(rule, gate)) {
                        return Err(open(path.name(), gate));
                    }
                    if let Some(captures) = rule.pattern.captures(&path) {
                        self.leads_behind_from(rule, apply, &captures, at)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A file that has another name now, or is served under a further path, is closed there to whom it was closed before.
    pub(super) fn moved(
        &mut self,
        at: &Paths<'_, 'a>,
        moved: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
    ) -> Found<'a> {
        let (old_site, new_site): (&'a S, &'a S) = (self.old_site, self.new_site);
        let mut moved = moved.into_iter().peekable();
        if moved.peek().is_none() && self.gone.is_empty() {
            return Ok(());
        }
        let ways = self.new.rules().iter().enumerate().filter_map(|(place, rule)| Way::of(place, rule));
        let ways = Lookup::of(ways);
        for (old, new) in moved {
            let (old, new) = (old.as_ref(), new.as_ref());
            // It was open under that name already, by a link.
            if !is_same_file(old_site, old, new) {
                self.is_closed_still(at, &ways, &names_at(old_site, old), &names_at(new_site, new), new)?;
            }
        }
        // STATIC-1: what went before it at the shorter path is gone.
        let stayed = new_site.names().filter(|name| old_site.has(name));
        for file in stayed {
            let (was, now) = (Spellings::of(old_site, file), Spellings::of(new_site, file));
            let further = now.iter().find(|name| was.iter().all(|known| known != *name));
            if let Some(path) = further {
                self.is_closed_still(at, &ways, &names_at(old_site, file), &names_at(new_site, file), path)?;
            }
        }
        Ok(())
    }

    /// Whether what lay under some names, and lies under others now, is closed there to whom it was closed before.
    fn is_closed_still(
        &mut self,
        at: &Paths<'_, 'a>,
        ways: &Lookup<Way<'a>>,
        was: &[String],
        now: &[String],
        new: &str,
    ) -> Found<'a> {
        let (closing, leading, showing) = (at.new_gates.at(now), ways.at(now), at.unforced.at(now));
        for gate in at.gates.at(was) {
            self.spend(1 + closing.len() + leading.len() + showing.len(), gate.rule)?;
            let mut heirs = closing.iter().filter(|(_, heir)| turns_away_whom(heir, gate.rule));
            let is_closed = heirs.any(|(heir, by)| {
                // ROLE-3, RULES-9: below a gate a rule without a role lifts nothing, and below a seal none does.
                let lifts = |way: &Way<'_>| !by.protects() || (way.rule.role().is_some() && !by.is_sealed());
                let is_below = |way: &Way<'_>| way.leads_to_itself && *heir < way.place;
                let around = leading.iter().filter(|way| !is_below(way) || lifts(way));
                // A file goes before what is not forced.
                let above = showing.iter().filter(|change| change.place < *heir);
                let mut open = around.map(|way| way.rule).chain(above.map(|change| change.rule));
                open.all(|rule| is_no_wider(rule, gate.rule))
            });
            if !is_closed {
                return Err(open(new, gate.rule));
            }
        }
        Ok(())
    }
}

/// Which rules have to do with a path.
pub(super) struct Paths<'g, 'a> {
    /// The old gates.
    pub(super) gates: Lookup<&'g Gate<'a>>,
    /// Those of the new list, with their places.
    new_gates: Lookup<(usize, &'a Rule)>,
    /// The rules of the new list before which a file goes.
    unforced: Lookup<Change<'a>>,
}

impl<'g, 'a> Paths<'g, 'a> {
    pub(super) fn of(gates: &'g [Gate<'a>], new: &'a RuleSet) -> Paths<'g, 'a> {
        let rules = || new.rules().iter().enumerate();
        let new_gates = rules().filter(|(_, rule)| rule.is_gate());
        let unforced = rules().filter_map(|(place, rule)| {
            let apply = rule.apply().filter(|apply| !apply.force)?;
            Some(Change { rule, apply, place, was: Some(place), stays: true, is_uncovered: false, admits_more: false })
        });
        Paths {
            gates: Lookup::of(gates.iter().map(|gate| (gate.rule.pattern.clone(), gate))),
            new_gates: Lookup::of(new_gates.map(|(place, gate)| (gate.pattern.clone(), (place, gate)))),
            unforced: Lookup::of(unforced.map(|change| (change.rule.pattern.clone(), change))),
        }
    }
}

/// A rule that shows files of the site.
struct Way<'a> {
    rule: &'a Rule,
    place: usize,
    /// Whether it leads from each path to that path.
    leads_to_itself: bool,
}

impl<'a> Way<'a> {
    /// The paths that a rule may lead to, and how.
    fn of(place: usize, rule: &'a Rule) -> Option<(Pattern, Way<'a>)> {
        let apply = rule.apply().filter(|apply| !apply.is_redirect() && !apply.to.is_absolute())?;
        Some((apply.to.reach(), Way { rule, place, leads_to_itself: rule.leads_to_itself() }))
    }
}
