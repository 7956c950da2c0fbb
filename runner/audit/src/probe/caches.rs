//! Questions to what may keep answers in front of a site: the same URL by two visitors, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use super::{From, Kind, Probe};
use crate::model::Answer;
use crate::spellings::Version;
use crate::visitors::{Visitor, Visitors};

/// How many gates are asked for their caches: what stands in front of a site stands in front of all of it.
const CACHED_GATES: usize = 3;
/// How many gates are asked for each kind of file that a cache may keep by its ending.
const CACHED_ENDINGS: usize = 3;
/// A longer ending tells no kind of file.
const LONGEST_ENDING: usize = 5;

impl From<'_> {
    /// The same URL by a member and by a stranger, in both orders, with and without a query, over both versions of HTTP.
    pub(super) fn caches(&self, rules: &[usize]) -> Vec<Probe> {
        let mut all = Vec::new();
        let gates = rules.iter().filter(|place| {
            let shows =
                self.ground.witnesses.get(**place).and_then(Option::as_ref).is_some_and(|one| one.file.is_some());
            shows && self.admitting_role(**place).is_some()
        });
        for place in gates.take(CACHED_GATES) {
            let holder = self.admitting_role(*place).and_then(|role| self.visitors.holder(role));
            let (Some(holder), anonymous) = (holder, Visitors::anonymous()) else { continue };
            let with_query = self.model.views.get(*place).is_some_and(|view| !view.asks_query);
            for over_http2 in [false, true] {
                if over_http2 && !self.way.https {
                    continue;
                }
                for (name, query) in [("with-a-query", true), ("without-a-query", false)] {
                    if query && !with_query {
                        continue;
                    }
                    let version = if over_http2 { "-http-2" } else { "" };
                    // Nobody asked before: what comes back says whether the gate or a cache is to blame for the others.
                    let alone = query.then(|| ("stranger-alone", Vec::new(), anonymous.clone()));
                    let orders = [
                        ("member-first", vec![holder.clone()], anonymous.clone()),
                        ("stranger-first", vec![anonymous.clone()], holder.clone()),
                        ("stranger-between", vec![anonymous.clone(), holder.clone()], anonymous.clone()),
                    ];
                    for (order, before, visitor) in alone.into_iter().chain(orders) {
                        let Some(mut probe) = self.at_the_rule(*place, visitor) else { continue };
                        probe.kind = Kind::Cache;
                        probe.label = format!("{order}-{name}{version}");
                        if query {
                            let text = format!("?gatecheck={:08x}{place}{}", self.seed, all.len());
                            probe.ask.target.extend_from_slice(text.as_bytes());
                        }
                        probe.before = before;
                        probe.version = if over_http2 { Version::Http2 } else { Version::Usual };
                        all.push(probe);
                    }
                }
            }
        }
        all
    }

    /// A gate with nothing but the cookies that the site sets for everybody, whom it turns away. What a member is given is the member's.
    pub(super) fn sessions(&self, rules: &[usize]) -> Vec<Probe> {
        let is_gate = |place: &usize| {
            let shows =
                self.ground.witnesses.get(*place).and_then(Option::as_ref).is_some_and(|one| one.file.is_some());
            shows && self.model.views.get(*place).is_some_and(|view| view.is_gate)
        };
        let mut all = Vec::new();
        for place in rules.iter().copied().filter(is_gate).take(CACHED_GATES) {
            let visitor = Visitor {
                id: "bearer".to_owned(),
                words: "whoever sends the cookies that everybody is given, and no token".to_owned(),
                ..Visitors::anonymous()
            };
            let Some(mut probe) = self.at_the_rule(place, visitor) else { continue };
            probe.kind = Kind::Session;
            probe.label = "cookies-of-everybody".to_owned();
            probe.before = vec![Visitors::anonymous()];
            all.push(probe);
        }
        all
    }

    /// A closed file of each ending behind a gate by a member and then by a stranger: many caches go by the ending alone, and leave pages to the site.
    pub(super) fn caches_by_ending(&self) -> Vec<Probe> {
        let (mut all, mut gates) = (Vec::new(), BTreeMap::<String, BTreeSet<usize>>::new());
        for (name, gate) in self.ground.closed.iter().filter(|(_, gate)| self.is_asked(**gate)) {
            let Some(ending) = ending(name) else { continue };
            let gates = gates.entry(ending.clone()).or_default();
            if gates.len() >= CACHED_ENDINGS || gates.contains(gate) {
                continue;
            }
            let pairs = self.by_ending(name, *gate, &ending, all.len());
            if !pairs.is_empty() {
                gates.insert(*gate);
                all.extend(pairs);
            }
        }
        all
    }

    /// The pairs for one file, with and without a query; none where nobody may have it at its own path.
    fn by_ending(&self, name: &str, gate: usize, ending: &str, number: usize) -> Vec<Probe> {
        let Some(plain) = self.file(name, gate, 0) else { return Vec::new() };
        if self.model.views.get(gate).is_some_and(|view| view.asks_query) {
            return Vec::new();
        }
        let may_have = |visitor: &&Visitor| {
            let said = self.model.decide(&plain.ask, &visitor.who);
            matches!(said.answer, Answer::Shown { file, .. } if file == name)
        };
        let Some(holder) = self.visitors.holders().find(may_have) else { return Vec::new() };
        let pairs = [("with-a-query", true), ("without-a-query", false)].map(|(label, query)| {
            let mut probe = plain.clone();
            probe.kind = Kind::Cache;
            probe.label = format!("member-first-{ending}-{label}");
            probe.before = vec![holder.clone()];
            if query {
                let text = format!("?gatecheck={:08x}{gate}{ending}{number}", self.seed);
                probe.ask.target.extend_from_slice(text.as_bytes());
            }
            probe
        });
        pairs.into()
    }
}

/// The ending of a file that tells its kind, in small letters.
fn ending(name: &str) -> Option<String> {
    let (_, ending) = name.rsplit('/').next()?.rsplit_once('.')?;
    let tells = (1..=LONGEST_ENDING).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    tells.then(|| ending.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::ending;

    #[test]
    fn an_ending_tells_a_kind_of_file() {
        for (name, told) in [
            ("/a/b.PDF", Some("pdf")),
            ("/a.b/c", None),
            ("/.well-known/x.json", Some("json")),
            ("/a.tar.gz", Some("gz")),
            ("/a.", None),
            ("/a.version2", None),
            ("/a.b c", None),
        ] {
            assert_eq!(ending(name).as_deref(), told, "{name}");
        }
    }
}
