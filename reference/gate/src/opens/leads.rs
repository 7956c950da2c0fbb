//! Whether a rule of the new list leads to what an old gate closes under its own path: a file of the site, or what another server
//! has.

use std::rc::Rc;

use super::files::Paths;
use super::lookup::names_of;
use super::{Change, Comparison, Fetched, Found, Gate, Stop, is_no_wider, open, said, share_an_origin};
use crate::decide::decide;
use crate::elsewhere::names_elsewhere;
use crate::elsewhere::readings::Readings;
use crate::elsewhere::remote::Server;
use crate::path::{RequestPath, segments};
use crate::request::{Origin, Request, Scheme};
use crate::rules::{Apply, Captures, Covered, Rule, RuleSet};
use crate::site::Site;
use crate::visitor::Visitor;
use crate::witness::Witness;

impl<'a, S: Site> Comparison<'a, S> {
    /// Whether a rule leads to what a gate closes under its own path.
    pub(super) fn leads_behind(&mut self, change: &Change<'a>, gates: &[Gate<'a>]) -> Found<'a> {
        let Change { rule, apply, .. } = change;
        if apply.is_redirect() {
            return Ok(());
        }
        if !self.old_site.is_listed() {
            self.fetches_behind(change, gates)?;
        }
        if apply.to.is_absolute() || !self.new_site.is_listed() {
            self.forwards_behind(change)?;
        }
        if apply.to.is_absolute() {
            return Ok(());
        }
        let literal =
            if apply.to.takes_captures() { None } else { Some(apply.to.substitute(&Captures::default()).path) };
        if let Some(path) = &literal {
            let Some((file, names)) = self.shown(path) else { return Ok(()) };
            for gate in gates {
                self.spend(names.len(), gate.rule)?;
                if names.iter().any(|name| gate.rule.pattern.matches_name(name)) {
                    self.keeps(rule, &file, gate)?;
                }
            }
            return Ok(());
        }
        let reach = apply.to.reach().with_spellings();
        for gate in gates {
            self.spend(1, gate.rule)?;
            let meets = self.has_links || rule.captures_query() || gate.reach.may_share_with(&reach);
            if meets && !is_no_wider(rule, gate.rule) {
                return Err(open(rule.pattern.example("…").name(), gate.rule));
            }
        }
        Ok(())
    }

    /// The same for one path that a rule acts at: the very file, or URL, that it leads to from there.
    pub(super) fn leads_behind_from(
        &mut self,
        rule: &'a Rule,
        apply: &'a Apply,
        captures: &Captures,
        at: &Paths<'_, 'a>,
    ) -> Found<'a> {
        let path = apply.to.substitute(captures).path;
        if apply.to.is_absolute() {
            // ROLE-12: as the loosest of servers reads it.
            let there = Readings::of(&path).loose;
            return self.fetches_what_is_kept(rule, apply, &path, |fetched| fetched.matches_name(&there));
        }
        let Some((file, names)) = self.shown(&path) else { return Ok(()) };
        for gate in at.gates.at(&names) {
            self.spend(1, gate.rule)?;
            self.keeps(rule, &file, gate)?;
        }
        Ok(())
    }

    /// The file that is shown for a path, and the names of all paths that it is served under.
    fn shown(&self, path: &str) -> Option<(String, Vec<String>)> {
        let path = RequestPath::parse(path.as_bytes()).ok()?;
        let file = self.new_site.file(&path)?.into_owned();
        let names = names_of(self.new_site, &file);
        Some((file, names))
    }

    /// Whether a rule shows this file, which a gate covers, to nobody whom the gate turns away.
    fn keeps(&self, rule: &Rule, file: &str, gate: &Gate<'a>) -> Found<'a> {
        if is_no_wider(rule, gate.rule) || self.was_public(file, rule, gate.rule) {
            return Ok(());
        }
        Err(open(file, gate.rule))
    }

    /// Whether anybody got `file` before, by its own path or by this rule, where the gate holds.
    fn was_public(&self, file: &str, rule: &Rule, gate: &Rule) -> bool {
        // What another server shows may depend on the query that goes along.
        if !self.old_site.is_listed() && !gate.query.is_empty() {
            return false;
        }
        let of_gate = gate.origin.as_ref().filter(|_| share_an_origin(rule, gate));
        let origin = of_gate.or(rule.origin.as_ref());
        let own = (RequestPath::of(segments(file)).encoded(), None, Vec::new());
        let by_rule = self.first_old.contains_key(&said(rule)).then(|| Witness::of(rule, "-"));
        let by_rule = by_rule.map(|witness| (witness.target, witness.country, witness.headers));
        [Some(own), by_rule].into_iter().flatten().any(|(target, country, headers)| {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
            let request = Request {
                method: "GET",
                target: target.as_bytes(),
                host: origin.map(Origin::host),
                scheme: origin.map_or(Scheme::Https, Origin::scheme),
                headers: &headers,
                country: country.as_deref(),
            };
            let decision = decide(self.old, &request, &Visitor::Anonymous, self.old_site);
            decision.outcome.file() == Some(file)
        })
    }

    /// The same for a site that another server has: paths there that a gate closed, whoever leads to them, by whatever name of the
    /// server.
    fn fetches_behind(&mut self, change: &Change<'a>, gates: &[Gate<'a>]) -> Found<'a> {
        let Change { rule, apply, .. } = change;
        let own = self.old_site.server().map(Server::of);
        if !Server::may_be_one(fetched_from(apply, self.new_site).as_ref(), own.as_ref()) {
            return Ok(());
        }
        let literal = (!apply.to.takes_captures()).then(|| apply.to.substitute(&Captures::default()).path);
        let loose = literal.as_deref().map(|path| Readings::of(path).loose);
        let names = loose.map(|loose| names_elsewhere(&loose).into_iter().chain([loose]).collect::<Vec<_>>());
        let path = literal.and_then(|path| RequestPath::parse(path.as_bytes()).ok());
        let reach = apply.to.fetches().with_spellings();
        for gate in gates {
            self.spend(names.as_ref().map_or(1, Vec::len), gate.rule)?;
            let meets = match &names {
                Some(names) => names.iter().any(|name| gate.there.matches_name(name)),
                None => rule.captures_query() || gate.there.with_spellings().may_share_with(&reach),
            };
            let file = || path.as_ref().and_then(|path| self.old_site.file(path));
            let was_public = || file().is_some_and(|file| self.was_public(&file, rule, gate.rule));
            if meets && !is_no_wider(rule, gate.rule) && !was_public() {
                return Err(open(rule.pattern.example("…").name(), gate.rule));
            }
        }
        Ok(())
    }

    /// The same for what lies on another server: URLs that the old rules fetched behind a gate.
    fn forwards_behind(&mut self, change: &Change<'a>) -> Found<'a> {
        let Change { rule, apply, .. } = change;
        let reach = apply.to.fetches().with_spellings();
        let example = rule.pattern.example("…");
        self.fetches_what_is_kept(rule, apply, example.name(), |fetched| fetched.may_share_with(&reach))
    }

    /// Whether a rule fetches what only those got from there whom a gate admitted. `meets`: whether it comes to such paths.
    fn fetches_what_is_kept(
        &mut self,
        rule: &Rule,
        apply: &Apply,
        told: &str,
        meets: impl Fn(&Covered) -> bool,
    ) -> Found<'a> {
        let server = fetched_from(apply, self.new_site);
        for Fetched { gate, server: other, reach } in Rc::clone(&self.fetched).iter() {
            self.spend(1, gate)?;
            let meets = || rule.captures_query() || meets(reach);
            if Server::may_be_one(server.as_ref(), other.as_ref()) && meets() && !is_no_wider(rule, gate) {
                return Err(open(told, gate));
            }
        }
        Ok(())
    }

    /// What the old rules fetched from other servers behind a gate.
    pub(super) fn fetched(&mut self, gates: &[Gate<'a>]) -> Result<Vec<Fetched<'a>>, Stop<'a>> {
        let old: &'a RuleSet = self.old;
        let mut all = Vec::new();
        for (at, other) in old.rules().iter().enumerate() {
            let Some(fetched) = other.apply().filter(|apply| apply.is_proxy()) else { continue };
            let gate = match other.role() {
                Some(_) => Some(other),
                None => {
                    self.spend(gates.len(), other)?;
                    let above = gates.iter().take_while(|gate| gate.place < at).map(|gate| (gate.rule, &gate.reach));
                    let mut above = above.filter(|(_, reach)| reach.may_meet(&other.pattern)).map(|(rule, _)| rule);
                    above.next()
                }
            };
            let (server, reach) = (fetched_from(fetched, self.old_site), fetched.to.fetches().with_spellings());
            all.extend(gate.map(|gate| Fetched { gate, server, reach }));
        }
        Ok(all)
    }
}

/// The server that a rule fetches from, before this site; `None` where it is not always the same, or not known.
pub(super) fn fetched_from(apply: &Apply, site: &impl Site) -> Option<Server> {
    if !apply.to.is_absolute() {
        return site.server().map(Server::of);
    }
    let origin = || apply.to.substitute(&Captures::default()).origin();
    apply.to.has_fixed_host().then(origin).flatten().as_ref().map(Server::of)
}
