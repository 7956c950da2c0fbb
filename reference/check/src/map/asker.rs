//! The requests that a map asks for, and where each row of it belongs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rolegate::decide::Decision;
use rolegate::path::RequestPath;
use rolegate::request::{Origin, Request, Scheme};
use rolegate::rules::{QueryValue, RoleCondition, Rule, RuleSet};
use rolegate::site::{Site, Spellings};
use rolegate::speed::decide_within;
use rolegate::visitor::Visitor;
use rolegate::witness::{WORD, Witness};

use super::ways::Given;
use super::{Area, Gets, Map, Row};

/// No more than so many hosts that gates name are asked for.
const HOSTS: usize = 8;

/// So many rules that ask for a country, a language or a cookie are asked about at each file: of those that have a say there, and
/// of those for another host.
const CONDITIONAL: usize = 32;

/// Patterns of so few rules are matched before a host is asked for a file.
const FEW: usize = 16;

/// RULES-14: where more rules have a say about one request, nobody asks what it gets.
pub(super) const LOOKED_AT: usize = 256;

/// RULES-14: so many rules are looked at for each rule and each file, over all of them.
const LOOKS: usize = 64;

/// RULES-14: so many files are asked for by paths at which rules show them, for each rule and each file, over all of them: that each of
/// many rules shows all of many files is said once and not in millions of rows.
const LEADS: usize = 4;

/// What has been asked so far.
pub(super) struct Asker<'a, S> {
    rules: &'a RuleSet,
    site: &'a S,
    tokens: Vec<Visitor>,
    /// How many rules may still be looked at.
    left: usize,
    /// How many files may still be asked for by paths at which rules show them.
    leads: usize,
    /// Requests that have been asked for.
    seen: HashSet<Witness>,
    map: Map,
    /// By the place of the gate that names each.
    areas: BTreeMap<usize, Area>,
    /// The same places by what the gates write.
    named: HashMap<String, usize>,
    /// What is given where a gate has a say.
    given: Given,
    /// Files, each with the rules that would have a say about it if the visitor had what they ask for besides the role.
    conditional: Vec<(String, Vec<usize>)>,
}

/// What comes of a request.
struct Answered {
    /// What each visitor gets; one answer where no gate has a say.
    gets: Vec<Arc<Gets>>,
    /// The gates that have a say.
    gates: Vec<usize>,
    /// Rules that were passed over and ask for more than a role.
    conditional: BTreeSet<usize>,
}

impl<'a, S: Site> Asker<'a, S> {
    /// Asks nothing yet; the rows will be in `map`.
    pub(super) fn new(rules: &'a RuleSet, site: &'a S, tokens: Vec<Visitor>, map: Map) -> Asker<'a, S> {
        let names = site.names().count();
        Asker {
            rules,
            site,
            tokens,
            left: LOOKS * (rules.rules().len() + names) + LOOKS * LOOKED_AT,
            leads: LEADS * (rules.rules().len() + names) + LEADS * LOOKED_AT,
            seen: HashSet::new(),
            map,
            areas: BTreeMap::new(),
            named: HashMap::new(),
            given: Given::default(),
            conditional: Vec::new(),
        }
    }

    /// The map of all rows.
    pub(super) fn ask(mut self) -> Map {
        let rules = self.rules;
        let gates = rules.rules().iter().filter(|rule| rule.is_gate());
        let mut known = HashSet::new();
        let hosts: Vec<&Origin> =
            gates.filter_map(|rule| rule.origin.as_ref()).filter(|host| known.insert(*host)).collect();
        for name in self.site.names() {
            self.file(name, None);
            for host in hosts.iter().take(HOSTS) {
                self.file(name, Some(host));
            }
        }
        for rule in rules.rules() {
            let asked = Witness::of(rule, WORD);
            let label = match rule.pattern.literal() {
                Some(_) => from_of(rule),
                None => format!("{}, any other path", from_of(rule)),
            };
            let file = file_at(self.site, &asked.target);
            self.row(Row { label, when: when(rule), asked, file, gets: Vec::new() }, false);
        }
        let rule_at = |place: &usize| rules.rules().get(*place);
        for (name, places) in std::mem::take(&mut self.conditional) {
            self.map.not_asked += places.len().saturating_sub(CONDITIONAL);
            let rules: Vec<&Rule> = places.iter().take(CONDITIONAL).filter_map(rule_at).collect();
            self.file_when(&name, &rules);
        }
        let mut of_hosts = rules.rules().iter().filter(|rule| rule.origin.is_some() && !when(rule).is_empty());
        let asked_with: Vec<&Rule> = of_hosts.by_ref().take(CONDITIONAL).collect();
        self.map.not_asked += of_hosts.count();
        if !asked_with.is_empty() {
            self.site.names().for_each(|name| self.file_when(name, &asked_with));
        }
        self.on_other_hosts();
        self.where_rules_lead();
        for path in self.given.functions() {
            let asked =
                Witness { target: path.clone(), host: None, scheme: Scheme::Https, country: None, headers: Vec::new() };
            self.row(Row { label: path, when: Vec::new(), asked, file: None, gets: Vec::new() }, false);
        }
        let site = self.site;
        let everybody = std::mem::take(&mut self.map.everybody);
        let count = self.tokens.len();
        self.map.everybody = self.given.take_ways(everybody, count, &mut self.areas, |target| file_at(site, target));
        self.given.add_ways_of_others(&mut self.areas);
        self.map.areas = self.areas.into_values().collect();
        self.map.areas.iter_mut().for_each(Area::sort);
        self.map
    }

    /// Asks for the files that a gate keeps on the hosts that rules name which ask for no role.
    fn on_other_hosts(&mut self) {
        let rules = self.rules.rules().iter().filter(|rule| !rule.is_gate());
        let mut hosts: Vec<(&Origin, Vec<&Rule>)> = Vec::new();
        let mut places = HashMap::new();
        for (rule, origin) in rules.filter_map(|rule| Some((rule, rule.origin.as_ref()?))) {
            let place = *places.entry(origin).or_insert(hosts.len());
            if let Some((_, own)) = hosts.get_mut(place) {
                own.push(rule);
            } else if hosts.len() < HOSTS {
                hosts.push((origin, vec![rule]));
            }
        }
        if hosts.is_empty() {
            return;
        }
        let kept: Vec<String> = self.given.kept();
        for name in kept {
            let spellings = Spellings::of(self.site, &name);
            let shortest = spellings.iter().min_by_key(|path| path.len()).unwrap_or(&name).to_owned();
            let path = path_of(&shortest);
            for (host, own) in &hosts {
                let is_met = own.len() > FEW || own.iter().any(|rule| rule.pattern.matches(&path));
                if is_met && self.may_look() {
                    self.row(of_file(&name, &path, Some(host)), true);
                }
            }
        }
    }

    /// Asks for files by the paths at which rules show them: those that a gate keeps, and all that a gate shows elsewhere than at
    /// their own paths.
    fn where_rules_lead(&mut self) {
        let rules = self.rules;
        let kept = self.given.kept();
        let mut names: Vec<String> = self.site.names().map(str::to_owned).collect();
        names.sort_unstable();
        let leads = |rule: &&Rule| {
            rule.apply()
                .is_some_and(|apply| apply.to.takes_captures() && !apply.to.is_absolute() && !apply.is_redirect())
        };
        for rule in rules.rules().iter().filter(leads) {
            let Some(start) = rule.leads_below() else { continue };
            let is_elsewhere =
                rule.is_gate() && rule.apply().is_some_and(|apply| !rule.pattern.covers(&apply.to.reach()));
            let (own, below) = at_and_below(if is_elsewhere { &names } else { &kept }, &start);
            let count = usize::from(own.is_some()) + below.len();
            if self.left == 0 || self.leads < count {
                self.map.not_asked += count;
                continue;
            }
            self.leads -= count;
            own.into_iter().chain(below).for_each(|name| self.file_by(name, rule));
        }
    }

    /// Asks for a file by its own name; where a gate has a say, by each other spelling that gets something else too.
    fn file(&mut self, name: &str, host: Option<&Origin>) {
        let spellings = Spellings::of(self.site, name);
        let row = |path: &str| of_file(name, &path_of(path), host);
        let shortest = spellings.iter().min_by_key(|path| path.len()).unwrap_or(name).to_owned();
        let Some(first) = self.row(row(&shortest), host.is_some()) else { return };
        if host.is_none() && !first.conditional.is_empty() {
            self.conditional.push((name.to_owned(), first.conditional.into_iter().collect()));
        }
        if first.gates.is_empty() {
            return;
        }
        let others: Vec<String> = spellings.iter().filter(|path| *path != shortest).map(str::to_owned).collect();
        for path in others {
            let row = row(&path);
            if self.gets(&row).is_some_and(|other| !are_like(&other.gets, &first.gets)) {
                self.row(row, host.is_some());
            }
        }
    }

    /// Asks for a file as whoever has what one of the rules asks for besides the role, where that gets anybody something else.
    fn file_when(&mut self, name: &str, rules: &[&Rule]) {
        let spellings = Spellings::of(self.site, name);
        let path = path_of(spellings.iter().min_by_key(|path| path.len()).unwrap_or(name));
        for rule in rules {
            if !self.may_look() || !rule.pattern.matches(&path) {
                continue;
            }
            let row = Row::of(rule, &path, Some(name.to_owned()));
            let asked = Witness { country: None, headers: Vec::new(), ..row.asked.clone() };
            let bare = Row { asked, ..row.clone() };
            match (self.gets(&row), self.gets(&bare)) {
                (Some(with), Some(without)) if are_like(&with.gets, &without.gets) => {}
                (Some(_), Some(_)) => {
                    self.row(row, false);
                }
                _ => self.map.not_asked += 1,
            }
        }
    }

    /// Asks for a file that a gate keeps by the path at which the rule would show it.
    fn file_by(&mut self, name: &str, rule: &Rule) {
        if !self.may_look() {
            return;
        }
        let Some(path) = rule.path_to(&path_of(name)) else { return };
        let row = Row::of(rule, &path, file_at(self.site, &path.encoded()));
        if row.file.as_deref() != Some(name) {
            self.row(row, false);
        }
    }

    /// RULES-14: takes one look of those that are left. Where none is, one more path is not asked for.
    fn may_look(&mut self) -> bool {
        let Some(left) = self.left.checked_sub(1) else {
            self.map.not_asked += 1;
            return false;
        };
        self.left = left;
        true
    }

    /// What each visitor gets.
    fn gets(&mut self, row: &Row) -> Option<Answered> {
        let headers = headers(&row.asked);
        let request = request(&row.asked, &headers);
        let (rules, site, file) = (self.rules, self.site, row.file.as_deref());
        let left = &mut self.left;
        let mut conditional = BTreeSet::new();
        let is_conditional = |place: &usize| {
            let others = rules.rules().get(*place).and_then(Rule::apply).map(|apply| apply.conditions.others());
            others.is_some_and(|others| !others.is_empty())
        };
        let mut decide = |visitor: &Visitor| {
            if *left == 0 {
                return None;
            }
            let decision = decide_within(LOOKED_AT, rules, &request, visitor, site);
            let looks = decision.as_ref().map_or(LOOKED_AT, |decision| decision.passed_over.len() + 1);
            *left = left.saturating_sub(looks);
            let passed_over = decision.iter().flat_map(|decision| &decision.passed_over).map(|(place, _)| *place);
            conditional.extend(passed_over.filter(is_conditional));
            decision
        };
        let (first, rest) = self.tokens.split_first()?;
        let decision = decide(first)?;
        // Nobody holds less than somebody without a token, so all gates that have a say deny here.
        let gates: Vec<usize> = decision.denials().collect();
        let mut gets = vec![Arc::new(Gets::of(&decision, file, &row.asked.target))];
        if gates.is_empty() {
            return Some(Answered { gets, gates, conditional });
        }
        let met = |decision: &Decision| -> Vec<&RoleCondition> {
            let places = decision.passed_over.iter().map(|(place, _)| *place).chain(decision.by);
            places.filter_map(|place| rules.rules().get(place)?.role()).collect()
        };
        let mut asked = vec![(first, met(&decision), gets.first().map(Arc::clone)?)];
        for visitor in rest {
            // Whoever differs from one who was asked in no role that is asked for on the way gets the same, by the same rules.
            let is_like = |(other, met, _): &&(&Visitor, Vec<&RoleCondition>, Arc<Gets>)| {
                met.iter().all(|role| role.holds(visitor) == role.holds(other))
            };
            if let Some((_, _, same)) = asked.iter().find(is_like) {
                gets.push(Arc::clone(same));
                continue;
            }
            let decision = decide(visitor)?;
            let own = Arc::new(Gets::of(&decision, file, &row.asked.target));
            asked.push((visitor, met(&decision), Arc::clone(&own)));
            gets.push(own);
        }
        Some(Answered { gets, gates, conditional })
    }

    /// Asks for a row and puts it where it belongs; what came of it. `of_host`: it is worth a row for a gate alone that
    /// names a host.
    fn row(&mut self, mut row: Row, of_host: bool) -> Option<Answered> {
        // COND-3: what is no code of two letters is no country that anybody comes from.
        let is_country = |code: &String| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !row.asked.country.iter().all(is_country) || !self.seen.insert(row.asked.clone()) {
            return None;
        }
        let Some(answered) = self.gets(&row) else {
            self.map.not_asked += 1;
            return None;
        };
        let Answered { gets, gates, .. } = &answered;
        let names_host = |place: &usize| self.rules.rules().get(*place).is_some_and(|rule| rule.origin.is_some());
        // Where no gate has a say, a file that one keeps elsewhere is worth it.
        let is_a_way = || gates.is_empty() && gets.first().is_some_and(|gets| self.given.keeps(gets));
        if of_host && !gates.iter().any(names_host) && !is_a_way() {
            return None;
        }
        row.gets = gets.clone();
        let naming = gates.iter().copied().reduce(|narrow, place| {
            match (self.rules.rules().get(narrow), self.rules.rules().get(place)) {
                (Some(one), Some(other)) if one.pattern != other.pattern && one.pattern.covers(&other.pattern) => place,
                _ => narrow,
            }
        });
        let Some((place, rule)) = naming.and_then(|place| Some((place, self.rules.rules().get(place)?))) else {
            self.map.everybody.push(row);
            return Some(answered);
        };
        let paths = from_of(rule);
        // Gates for the same paths make one area.
        let place = *self.named.entry(paths.clone()).or_insert(place);
        let area = self.areas.entry(place).or_insert_with(|| Area {
            paths,
            gates: BTreeSet::new(),
            rows: Vec::new(),
            ways: Vec::new(),
        });
        if row.label == format!("{}, any other path", area.paths) {
            "any other path".clone_into(&mut row.label);
        }
        area.gates.extend(gates);
        self.given.note(&row, place, rule.pattern.ends_in_splat());
        area.rows.push(row);
        Some(answered)
    }
}

/// A request for a file by one of its paths.
fn of_file(name: &str, path: &RequestPath, host: Option<&Origin>) -> Row {
    let target = path.encoded();
    let asked = Witness {
        target: target.clone(),
        host: host.map(|host| host.host().to_owned()),
        scheme: host.map_or(Scheme::Https, Origin::scheme),
        country: None,
        headers: Vec::new(),
    };
    let label = host.map(ToString::to_string).unwrap_or_default() + &target;
    Row { label, when: Vec::new(), asked, file: Some(name.to_owned()), gets: Vec::new() }
}

/// The path that is written so.
pub(super) fn path_of(text: &str) -> RequestPath {
    RequestPath::of(text.split('/').filter(|segment| !segment.is_empty()))
}

/// Of names in byte order the one that is `path`, and those below it.
pub(super) fn at_and_below<'n>(names: &'n [String], path: &str) -> (Option<&'n String>, &'n [String]) {
    let own = names.binary_search_by(|name| name.as_str().cmp(path)).ok().and_then(|place| names.get(place));
    let folder = [path, "/"].concat();
    let from = names.partition_point(|name| *name < folder);
    let rest = names.get(from..).unwrap_or_default();
    let below = rest.partition_point(|name| name.starts_with(&folder));
    (own, rest.get(..below).unwrap_or_default())
}

fn are_like(some: &[Arc<Gets>], others: &[Arc<Gets>]) -> bool {
    some.len() == others.len() && some.iter().zip(others).all(|(one, other)| one.is_like(other))
}

pub(super) fn file_at(site: &impl Site, target: &str) -> Option<String> {
    let path = RequestPath::parse(target.split('?').next()?.as_bytes()).ok()?;
    site.file(&path).map(|file| file.into_owned()).filter(|_| site.is_listed())
}

pub(super) fn headers(asked: &Witness) -> Vec<(&str, &[u8])> {
    asked.headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect()
}

pub(super) fn request<'r>(asked: &'r Witness, headers: &'r [(&'r str, &'r [u8])]) -> Request<'r> {
    Request {
        method: "GET",
        target: asked.target.as_bytes(),
        host: asked.host.as_deref(),
        scheme: asked.scheme,
        headers,
        country: asked.country.as_deref(),
    }
}

/// For which paths a rule is, as it writes them.
fn from_of(rule: &Rule) -> String {
    let mut text = format!("{}{}", rule.origin.as_ref().map(ToString::to_string).unwrap_or_default(), rule.pattern);
    for (at, constraint) in rule.query.iter().enumerate() {
        let value = match &constraint.value {
            QueryValue::Capture(name) => format!(":{name}"),
            QueryValue::Literal(value) => String::from_utf8_lossy(value).into_owned(),
        };
        let mark = if at == 0 { '?' } else { '&' };
        text += &format!("{mark}{}={value}", String::from_utf8_lossy(&constraint.key));
    }
    text
}

/// What a rule asks for besides path and role, as far as a witness of it has it.
pub(super) fn when(rule: &Rule) -> Vec<String> {
    let conditions = rule.apply().map(|apply| apply.conditions.others()).unwrap_or_default();
    let first = conditions.iter().filter_map(|one| Some(format!("{}={}", one.key.name()?, one.values.first()?)));
    first.collect()
}
