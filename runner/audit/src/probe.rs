//! Which requests there are to ask, in the order in which a budget takes them: every rule by every class of visitor, caches, cookies, spellings, files, tokens.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use gatecheck::corpus::{Corpus, Settings};

use crate::expect::Writing;
use crate::ground::{Ground, Way, path_of, pretty};
use crate::left_out::LeftOut;
use crate::model::{Ask, Model, Who};
use crate::spellings::{self, Around, Spelling, Trick, Version};
use crate::terms;
use crate::tokens::{Borrowed, borrowed};
use crate::visitors::{Visitor, Visitors};

mod caches;

/// One request of one visitor, for one rule.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The rule, by its place in the list.
    pub rule: usize,
    /// What kind of request it is.
    pub kind: Kind,
    /// What tells it from others of its kind: a spelling, a file, a case of the corpus.
    pub label: String,
    /// The request.
    pub ask: Ask,
    /// Whether an ordinary client would change it on the way.
    pub is_exact: bool,
    /// How it is written.
    pub writing: Writing,
    /// What is tried by it.
    pub trick: Trick,
    /// Who asks.
    pub visitor: Visitor,
    /// Who asks for the same just before, in order.
    pub before: Vec<Visitor>,
    /// The version of HTTP that it is asked in.
    pub version: Version,
}

impl Probe {
    /// How many requests it is, with those just before it.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.before.len().saturating_add(1)
    }
}

/// What kind of request it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// The request with which a rule is tried first.
    Rule,
    /// The same URL asked by two visitors, one after the other.
    Cache,
    /// What a visitor got as cookies, without a token.
    Session,
    /// A near miss, or another spelling.
    Spelling,
    /// A closed file, by one of its names.
    File,
    /// A token of the corpus.
    Token,
}

impl Kind {
    /// The name in ids.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Cache => "cache",
            Self::Session => "session",
            Self::Spelling => "spelling",
            Self::File => "file",
            Self::Token => "token",
        }
    }

    /// Its place in the order of kinds.
    #[must_use]
    pub fn stage(self) -> usize {
        match self {
            Self::Rule => 0,
            Self::Cache => 1,
            Self::Session => 2,
            Self::Spelling => 3,
            Self::File => 4,
            Self::Token => 5,
        }
    }
}

/// What there is to ask, and how much of it is left out.
#[derive(Debug, Default)]
pub struct Probes {
    /// The requests that are asked.
    pub chosen: Vec<Probe>,
    /// How many requests there would be of each kind, and how many of them are asked.
    pub counts: BTreeMap<Kind, (usize, usize)>,
    /// The same for each rule by itself. Those of [`Kind::Token`] are about the key, for which one gate stands, and are not among them.
    by_rule: BTreeMap<(usize, Kind), (usize, usize)>,
}

impl Probes {
    /// What is left out for the budget.
    #[must_use]
    pub fn left_out(&self) -> LeftOut {
        LeftOut::of(self.counts.iter().map(|(kind, (all, asked))| (*kind, all.saturating_sub(*asked))))
    }

    /// What of each rule is left out for the budget.
    #[must_use]
    pub fn left_out_by_rule(&self) -> BTreeMap<usize, LeftOut> {
        let mut by_rule: BTreeMap<usize, Vec<(Kind, usize)>> = BTreeMap::new();
        for ((rule, kind), (all, asked)) in &self.by_rule {
            by_rule.entry(*rule).or_default().push((*kind, all.saturating_sub(*asked)));
        }
        by_rule.into_iter().map(|(rule, left_out)| (rule, LeftOut::of(left_out))).collect()
    }

    /// The least budget that leaves nothing out, in requests.
    #[must_use]
    pub fn budget_for_all(&self) -> usize {
        self.counts.values().map(|(all, _)| all).sum()
    }
}

/// What may be asked of one rule, of one kind.
#[derive(Clone, Copy, Debug)]
struct Group {
    rule: usize,
    cases: usize,
    /// How many requests a case is.
    each: usize,
}

impl Group {
    fn of(rule: usize, cases: usize) -> Self {
        Self { rule, cases, each: 1 }
    }

    fn requests(&self) -> usize {
        self.cases.saturating_mul(self.each)
    }
}

/// What requests are made of.
#[derive(Clone, Copy, Debug)]
pub struct From<'a> {
    /// The rules and files.
    pub model: &'a Model,
    /// Which file is closed to whom.
    pub ground: &'a Ground,
    /// Who asks.
    pub visitors: &'a Visitors,
    /// Where requests go.
    pub way: &'a Way,
    /// The scheme and authority, for targets that are whole URLs.
    pub origin: &'a str,
    /// How many requests at most.
    pub budget: usize,
    /// What is left out is drawn with it.
    pub seed: u32,
    /// Whether the host is one that a rule for another host may be tried at.
    pub any_host: bool,
}

/// What tokens of the corpus are made for.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a> {
    /// The corpus.
    pub corpus: &'a Corpus,
    /// The settings of the gate.
    pub settings: &'a Settings,
    /// Whether its secret is known.
    pub knows_secret: bool,
    /// The time, in seconds since the epoch.
    pub now: i64,
}

/// How many right holders and how many others are asked for each gate.
const HOLDERS_OF_A_GATE: usize = 4;

impl<'a> From<'a> {
    /// Chooses what is asked.
    #[must_use]
    pub fn choose(&self, tokens: Option<Tokens<'_>>) -> Probes {
        let mut probes = Probes::default();
        // By kind: how many cases there are of each rule, and how to make the one at a place.
        let rules: Vec<usize> = (0..self.model.views.len()).filter(|place| self.is_asked(*place)).collect();
        let first: Vec<(usize, Vec<Visitor>)> = rules.iter().map(|place| (*place, self.visitors_of(*place))).collect();
        let groups = first.iter().map(|(place, visitors)| Group::of(*place, visitors.len()));
        self.take(&mut probes, Kind::Rule, groups, |group, at| {
            let (place, visitors) = first.get(group)?;
            self.at_the_rule(*place, visitors.get(at)?.clone())
        });
        let mut cached = self.caches(&rules);
        cached.extend(self.caches_by_ending());
        let groups = cached.iter().map(|probe| Group { rule: probe.rule, cases: 1, each: probe.requests() });
        self.take(&mut probes, Kind::Cache, groups, |group, _| cached.get(group).cloned());
        let sessions = self.sessions(&rules);
        let groups = sessions.iter().map(|probe| Group { rule: probe.rule, cases: 1, each: probe.requests() });
        self.take(&mut probes, Kind::Session, groups, |group, _| sessions.get(group).cloned());
        let spelled: Vec<(usize, Vec<Visitor>)> = rules.iter().map(|place| (*place, self.who_spells(*place))).collect();
        let groups = spelled
            .iter()
            .map(|(place, visitors)| Group::of(*place, self.spellings(*place).len().saturating_mul(visitors.len())));
        self.take(&mut probes, Kind::Spelling, groups, |group, at| {
            let (place, visitors) = spelled.get(group)?;
            let visitor = visitors.get(at.checked_rem(visitors.len())?)?.clone();
            self.spelled(*place, at.checked_div(visitors.len())?, visitor)
        });
        let closed = self.ground.closed.iter().map(|(name, gate)| (name.as_str(), *gate));
        let files: Vec<(&str, usize)> =
            closed.filter(|(_, gate)| self.is_asked(*gate)).chain(self.rule_files(&rules)).collect();
        let names = |name: &str| if pretty(name) == path_of(name) { 1 } else { 2 };
        let groups = files.iter().map(|(name, gate)| Group::of(*gate, names(name)));
        self.take(&mut probes, Kind::File, groups, |group, at| {
            let (name, gate) = files.get(group)?;
            self.file(name, *gate, at)
        });
        if let (Some(tokens), Some(place)) = (tokens, self.gate_for_tokens(&rules)) {
            let named = self.model.views.get(place).and_then(|view| view.roles.first()).map(String::as_str);
            let role = self.admitting_role(place).or(named).unwrap_or_default();
            let all = borrowed(tokens, role);
            let groups = all.iter().map(|_| Group::of(place, 1));
            self.take(&mut probes, Kind::Token, groups, |group, _| self.token(place, all.get(group)?));
        }
        probes
    }

    /// The rule files, which are never served (STATIC-2), with the first gate: what they say is said of it.
    fn rule_files(&self, rules: &[usize]) -> Vec<(&'a str, usize)> {
        let texts = &self.model.texts;
        let all = [("/_redirects", &texts.redirects), ("/_headers", &texts.headers), ("/netlify.toml", &texts.toml)];
        let is_gate = |place: &usize| self.model.views.get(*place).is_some_and(|view| view.is_gate);
        let gate = rules.iter().copied().find(is_gate);
        all.into_iter().filter(|(_, text)| !text.is_empty()).filter_map(|(name, _)| Some((name, gate?))).collect()
    }

    /// The gate at which tokens are tried: the first that lets a holder in to a file, and about which sources agree, or else what comes nearest to that.
    fn gate_for_tokens(&self, rules: &[usize]) -> Option<usize> {
        let gates = rules.iter().filter_map(|place| {
            let view = self.model.views.get(*place).filter(|view| !view.roles.is_empty())?;
            let witness = self.ground.witnesses.get(*place)?.as_ref()?;
            let admits = witness.admits.as_deref().is_some_and(|role| !role.is_empty());
            let shows = self.ground.behind.get(place).is_some_and(|(closed, _)| *closed > 0) && !view.forwards;
            (admits || shows).then_some((*place, Reverse((admits && shows, admits, view.contested.is_none()))))
        });
        gates.min_by_key(|(_, merit)| *merit).map(|(place, _)| place)
    }

    /// Takes as many of a kind as the budget leaves, drawn evenly over all groups.
    fn take(
        &self,
        probes: &mut Probes,
        kind: Kind,
        groups: impl Iterator<Item = Group>,
        make: impl Fn(usize, usize) -> Option<Probe>,
    ) {
        let groups: Vec<Group> = groups.collect();
        let all: usize = groups.iter().map(|group| group.cases).sum();
        let requests: usize = groups.iter().map(Group::requests).sum();
        let spent: usize = probes.counts.values().map(|(_, asked)| asked).sum();
        let room = self.budget.saturating_sub(spent);
        let most = match room.saturating_mul(all).checked_div(requests) {
            Some(most) if room < requests => most,
            _ => all,
        };
        let mut asked = 0_usize;
        let (mut group, mut start) = (0_usize, 0_usize);
        let cases = |group: usize| groups.get(group).map_or(0, |group| group.cases);
        for number in 0..most {
            // The place of the draw: evenly spread, moved by the seed, each once.
            let place = drawn(number, most, all, self.seed);
            while group < groups.len() && place >= start.saturating_add(cases(group)) {
                start = start.saturating_add(cases(group));
                group = group.saturating_add(1);
            }
            let Some(probe) = make(group, place.saturating_sub(start)) else { continue };
            if asked.saturating_add(probe.requests()) > room {
                break;
            }
            asked = asked.saturating_add(probe.requests());
            if kind != Kind::Token {
                let (_, of_rule) = probes.by_rule.entry((probe.rule, kind)).or_default();
                *of_rule = of_rule.saturating_add(probe.requests());
            }
            probes.chosen.push(probe);
        }
        // What makes no request is no gap.
        probes.counts.insert(kind, (if most == all { asked } else { requests }, asked));
        for group in groups.iter().filter(|_| kind != Kind::Token && most < all) {
            let (of_rule, _) = probes.by_rule.entry((group.rule, kind)).or_default();
            *of_rule = of_rule.saturating_add(group.requests());
        }
    }

    /// Whether a rule is asked at all, and if not it is told.
    #[must_use]
    pub fn is_asked(&self, place: usize) -> bool {
        self.why_not(place).is_none()
    }

    /// Why a rule is not asked.
    #[must_use]
    pub fn why_not(&self, place: usize) -> Option<String> {
        let view = self.model.views.get(place)?;
        if let Some(host) = view.host.as_ref().filter(|host| !self.any_host && Some(*host) != self.way.host.as_ref()) {
            return Some(format!("it is for `{host}`, and no other host is asked"));
        }
        match self.ground.witnesses.get(place).and_then(Option::as_ref) {
            Some(_) => None,
            None if view.asks_country => Some("it asks for a country, which nobody can choose".to_owned()),
            None => {
                Some("no request was found that it decides: a rule before it, or a file, takes them all".to_owned())
            }
        }
    }

    /// The role whose holder a gate lets in.
    #[must_use]
    pub fn admitting_role(&self, place: usize) -> Option<&'a str> {
        self.ground.witnesses.get(place)?.as_ref()?.admits.as_deref()
    }

    /// Who asks for the request with which a rule is tried first; whoever is let in by it comes first.
    fn visitors_of(&self, place: usize) -> Vec<Visitor> {
        let Some(view) = self.model.views.get(place) else { return Vec::new() };
        let anonymous = Visitors::anonymous();
        if !view.is_gate {
            return vec![anonymous];
        }
        let admitted = self.admitting_role(place);
        let right =
            admitted.into_iter().chain(view.roles.iter().map(String::as_str).filter(|role| Some(*role) != admitted));
        let mut all: Vec<Visitor> =
            right.filter_map(|role| self.visitors.holder(role)).take(HOLDERS_OF_A_GATE).cloned().collect();
        all.push(anonymous);
        let wrong = self.visitors.holders().filter(|visitor| match &visitor.who {
            Who::Holder(roles) => !roles.iter().any(|role| view.roles.contains(role)),
            Who::Nobody => false,
        });
        for visitor in wrong.take(HOLDERS_OF_A_GATE) {
            if !all.contains(visitor) {
                all.push(visitor.clone());
            }
        }
        all.extend(view.roles.first().and_then(|role| self.visitors.alike(role)).cloned());
        all.extend(self.visitors.forgers(view.roles.first().map(String::as_str).unwrap_or_default()));
        all
    }

    /// Who asks for spellings: a stranger, and whoever is let in.
    fn who_spells(&self, place: usize) -> Vec<Visitor> {
        let is_gate = self.model.views.get(place).is_some_and(|view| view.is_gate);
        let mut all = vec![Visitors::anonymous()];
        if is_gate {
            let holder = self.admitting_role(place).and_then(|role| self.visitors.holder(role));
            all.extend(holder.cloned());
        }
        all
    }

    fn at_the_rule(&self, place: usize, visitor: Visitor) -> Option<Probe> {
        let witness = self.ground.witnesses.get(place)?.as_ref()?;
        Some(Probe {
            rule: place,
            kind: Kind::Rule,
            label: String::new(),
            ask: witness.ask.clone(),
            is_exact: false,
            writing: Writing::Plain,
            trick: Trick::None,
            visitor,
            before: Vec::new(),
            version: Version::Usual,
        })
    }

    fn spellings(&self, place: usize) -> Vec<Spelling> {
        let Some(witness) = self.ground.witnesses.get(place).and_then(Option::as_ref) else { return Vec::new() };
        if !self.model.views.get(place).is_some_and(|view| view.is_gate) {
            return Vec::new();
        }
        let target = String::from_utf8_lossy(&witness.ask.target).into_owned();
        let role = self.model.views.get(place).and_then(|view| view.roles.first()).map_or("admin", String::as_str);
        let own = witness.file.as_deref().map(path_of);
        let around = Around { origin: self.origin, open: &self.ground.open, folder: &self.model.folder };
        let mut all = spellings::of(&target, own.as_deref(), role, around);
        all.extend(terms::of(&target, &witness.ask.headers));
        all
    }

    fn spelled(&self, place: usize, at: usize, visitor: Visitor) -> Option<Probe> {
        let witness = self.ground.witnesses.get(place)?.as_ref()?;
        let spelling = self.spellings(place).into_iter().nth(at)?;
        let trick = spelling.trick(&witness.ask.target);
        let mut ask = witness.ask.clone();
        ask.target = spelling.target;
        ask.method = spelling.method.to_owned();
        if spelling.misses_conditions {
            ask.headers.clear();
        }
        ask.headers.extend(spelling.headers);
        Some(Probe {
            rule: place,
            kind: Kind::Spelling,
            label: spelling.id.to_owned(),
            ask,
            is_exact: spelling.is_exact,
            writing: if spelling.is_exact { Writing::Odd } else { Writing::Plain },
            trick,
            visitor,
            before: Vec::new(),
            version: spelling.version,
        })
    }

    fn file(&self, name: &str, gate: usize, at: usize) -> Option<Probe> {
        let witness = self.ground.witnesses.get(gate)?.as_ref()?;
        let path = if at == 0 { path_of(name) } else { pretty(name) };
        let mut ask = witness.ask.clone();
        // With the query that the gate asks for, without which it is another rule's.
        let query = witness.ask.target.iter().position(|byte| *byte == b'?');
        let query = query.and_then(|at| witness.ask.target.get(at..)).unwrap_or_default();
        ask.target = [path.as_bytes(), query].concat();
        Some(Probe {
            rule: gate,
            kind: Kind::File,
            label: path,
            ask,
            is_exact: false,
            writing: Writing::Plain,
            trick: Trick::None,
            visitor: Visitors::anonymous(),
            before: Vec::new(),
            version: Version::Usual,
        })
    }

    fn token(&self, place: usize, borrowed: &Borrowed) -> Option<Probe> {
        let mut probe = self.at_the_rule(place, Visitors::anonymous())?;
        probe.kind = Kind::Token;
        probe.label.clone_from(&borrowed.id);
        probe.is_exact = borrowed.is_exact || borrowed.query.is_some();
        if borrowed.may_be_refused {
            probe.writing = Writing::Odd;
        }
        probe.ask.headers.extend(borrowed.headers.clone());
        if let Some(query) = &borrowed.query {
            if probe.ask.target.contains(&b'?') {
                // QUERY-2: with another parameter it may be another rule's.
                probe.writing = Writing::Odd;
            }
            probe.ask.target.push(if probe.ask.target.contains(&b'?') { b'&' } else { b'?' });
            probe.ask.target.extend_from_slice(query.as_bytes());
        }
        probe.visitor = Visitor {
            id: "token".to_owned(),
            words: format!("whoever sends what `{}` sends", borrowed.id),
            recipe: None,
            is_stranger: borrowed.who == Who::Nobody,
            who: borrowed.who.clone(),
        };
        Some(probe)
    }
}

/// The place that draw `number` of `most` falls on, of `all`: in order, each once, evenly spread and moved by the seed.
fn drawn(number: usize, most: usize, all: usize, seed: u32) -> usize {
    if most >= all {
        return number;
    }
    let scaled = |number: usize| {
        let place = (number as u128).saturating_mul(all as u128).checked_div(most as u128).unwrap_or_default();
        usize::try_from(place).unwrap_or(all)
    };
    let (first, next) = (scaled(number), scaled(number.saturating_add(1)));
    let room = next.saturating_sub(first).max(1);
    let shift =
        usize::try_from(seed.wrapping_mul(2_654_435_761).rotate_left(u32::try_from(number % 31).unwrap_or_default()));
    first.saturating_add(shift.unwrap_or_default().checked_rem(room).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::drawn;

    #[test]
    fn draws_are_in_order_and_each_once() {
        for (most, all) in [(1, 1), (3, 10), (10, 10), (7, 1000), (999, 1000)] {
            for seed in [0, 1, 77, u32::MAX] {
                let places: Vec<usize> = (0..most).map(|number| drawn(number, most, all, seed)).collect();
                assert!(places.windows(2).all(|two| two[0] < two[1]), "{places:?}");
                assert!(places.iter().all(|place| *place < all), "{places:?}");
            }
        }
        assert_ne!(drawn(3, 7, 1000, 1), drawn(3, 7, 1000, 2));
    }
}
