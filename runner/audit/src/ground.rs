//! The site as the audit sees it: which file is closed to whom, and with which requests each rule is tried.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Answer, Ask, Made, Model, Said, Who};
use crate::visitors::{Visitors, holder_recipe};

/// No more files than this are looked at for one gate or one rewrite.
const FILES_OF_A_RULE: usize = 64;
/// No more kinds of requests than this are looked at for each file, and no more requests than this for all files.
const TERMS: (usize, usize) = (16, 100_000);

/// Which file is closed to whom, and the requests with which rules are tried.
#[derive(Debug)]
pub struct Ground {
    /// The files that somebody may not have, in byte order, each with the first gate that closes it.
    pub closed: BTreeMap<String, usize>,
    /// Files that everybody gets by asking for them.
    pub public: Vec<String>,
    /// Files that a gate closes and another rule shows to everybody.
    pub shown_anyway: Vec<ShownAnyway>,
    /// For each gate: how many files it closes, and how many lie behind it that another rule shows to everybody.
    pub behind: BTreeMap<usize, (usize, usize)>,
    /// By the recipe of its token: the closed files that a visitor may have.
    pub may_have: BTreeMap<String, Arc<BTreeSet<String>>>,
    /// For each rule the request with which it is tried first; none where no request was found that it decides.
    pub witnesses: Vec<Option<Witnessed>>,
    /// A path that everybody may have.
    pub open: String,
}

/// A file that a gate closes at its own path and another rule shows to everybody.
#[derive(Clone, Debug)]
pub struct ShownAnyway {
    /// The file.
    pub file: String,
    /// The rule that shows it.
    pub rule: usize,
    /// Where it is shown, and with which status.
    pub at: (String, u16),
}

/// The request with which a rule is tried first.
#[derive(Clone, Debug)]
pub struct Witnessed {
    /// The request.
    pub ask: Ask,
    /// The file behind it, where there is one.
    pub file: Option<String>,
    /// What a stranger gets.
    pub to_strangers: Said,
    /// The role whose holder the gate lets in; none where nobody is let in by it, or it is no gate.
    pub admits: Option<String>,
}

/// What a request bears beside its path because a gate asks for it: a query with its `?`, header lines.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Terms {
    query: String,
    headers: Vec<(String, Vec<u8>)>,
}

impl Terms {
    fn of(made: &Made) -> Self {
        let query = made.target.find('?').and_then(|at| made.target.get(at..)).unwrap_or_default().to_owned();
        let headers = made.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
        Self { query, headers }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The request for a path on these terms.
    fn ask(&self, way: &Way, path: &str) -> Ask {
        Ask { headers: self.headers.clone(), ..way.ask(format!("{path}{}", self.query)) }
    }
}

/// Where requests go.
#[derive(Clone, Debug)]
pub struct Way {
    /// The host of the site, without a port where it is the scheme's own.
    pub host: Option<String>,
    /// Whether it is reached over TLS.
    pub https: bool,
}

impl Way {
    /// A request on this way.
    #[must_use]
    pub fn ask(&self, target: impl Into<Vec<u8>>) -> Ask {
        Ask {
            target: target.into(),
            method: "GET".to_owned(),
            host: self.host.clone(),
            https: self.https,
            headers: Vec::new(),
            country: None,
        }
    }
}

/// The path of a file by its own name, escaped as far as it must be.
#[must_use]
pub fn path_of(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$'()*+,;=:@&".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The path that people use: without `.html` or `index.html`.
#[must_use]
pub fn pretty(name: &str) -> String {
    let path = path_of(name);
    match path.strip_suffix("/index.html") {
        Some(folder) => format!("{folder}/"),
        None => path.strip_suffix(".html").map_or(path.clone(), str::to_owned),
    }
}

impl Ground {
    /// Looks at a site.
    #[must_use]
    pub fn of(model: &Model, visitors: &Visitors, way: &Way) -> Self {
        let (mut closed, mut public) = (BTreeMap::new(), Vec::new());
        let mut by_gate: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let terms = terms(model);
        for name in model.files() {
            let path = path_of(name);
            let said = model.decide(&way.ask(path.as_str()), &Who::Nobody);
            let is_public = matches!(&said.answer, Answer::Shown { file, .. } if file == name);
            if is_public {
                public.push(name.to_owned());
            }
            let mut gates = if is_public { Vec::new() } else { said.closed_by };
            for terms in &terms {
                gates.extend(model.decide(&terms.ask(way, &path), &Who::Nobody).closed_by);
            }
            if let Some(gate) = gates.first().filter(|_| !is_public) {
                closed.insert(name.to_owned(), *gate);
            }
            for gate in gates.into_iter().collect::<BTreeSet<_>>() {
                by_gate.entry(gate).or_default().push(name.to_owned());
            }
        }
        let mut ground = Self {
            closed,
            public,
            shown_anyway: Vec::new(),
            behind: BTreeMap::new(),
            may_have: BTreeMap::new(),
            witnesses: Vec::new(),
            open: "/no-such-page".to_owned(),
        };
        ground.take_out_what_is_shown(model, way);
        let behind = by_gate.iter().map(|(gate, files)| {
            let closed = files.iter().filter(|name| ground.closed.contains_key(*name)).count();
            (*gate, (closed, files.len().saturating_sub(closed)))
        });
        ground.behind = behind.collect();
        ground.open =
            ground.public.iter().find(|name| name.ends_with(".html")).map_or(ground.open.clone(), |name| pretty(name));
        for place in 0..model.views.len() {
            let files = by_gate.get(&place).map(Vec::as_slice).unwrap_or_default();
            let witness = ground.witness(model, visitors, way, place, files);
            ground.witnesses.push(witness);
        }
        ground.may_have = ground.who_may_have(model, visitors, way, &terms);
        ground
    }

    /// The closed files of each holder. Only a holder of a role that some gate before the file asks for can get another answer than a stranger, so that nobody else
    /// is asked about.
    fn who_may_have(
        &self,
        model: &Model,
        visitors: &Visitors,
        way: &Way,
        terms: &[Terms],
    ) -> BTreeMap<String, Arc<BTreeSet<String>>> {
        let mut all: BTreeMap<&str, BTreeSet<String>> =
            visitors.holders().filter_map(|visitor| Some((visitor.recipe.as_deref()?, BTreeSet::new()))).collect();
        for name in self.closed.keys() {
            let (own, short) = (path_of(name), pretty(name));
            let paths: &[&String] = if own == short { &[&own] } else { &[&own, &short] };
            let plain = Terms::default();
            let asks =
                paths.iter().flat_map(|path| [&plain].into_iter().chain(terms).map(|terms| terms.ask(way, path)));
            for ask in asks {
                let gates = model.decide(&ask, &Who::Nobody).closed_by;
                let gates: Vec<_> = gates.iter().filter_map(|place| model.views.get(*place)).collect();
                let is_asked_for = |who: &Who| match who {
                    Who::Nobody => false,
                    Who::Holder(roles) => gates
                        .iter()
                        .any(|gate| gate.roles.is_empty() || roles.iter().any(|role| gate.roles.contains(role))),
                };
                for visitor in visitors.holders().filter(|visitor| is_asked_for(&visitor.who)) {
                    let shown = model.decide(&ask, &visitor.who).answer;
                    if matches!(shown, Answer::Shown { file, .. } if file == *name)
                        && let Some(files) = visitor.recipe.as_deref().and_then(|recipe| all.get_mut(recipe))
                    {
                        files.insert(name.clone());
                    }
                }
            }
        }
        let mut all: BTreeMap<String, Arc<BTreeSet<String>>> =
            all.into_iter().map(|(recipe, files)| (recipe.to_owned(), Arc::new(files))).collect();
        // No rule names what looks like a role: it opens what any token opens.
        if let Some(files) = all.get(&holder_recipe("")).cloned() {
            let alike = visitors.alikes().filter_map(|visitor| visitor.recipe.clone());
            all.extend(alike.map(|recipe| (recipe, Arc::clone(&files))));
        }
        all
    }

    /// What a rule without a role shows to everybody is public, whatever gate stands before its own path: the rules say so.
    fn take_out_what_is_shown(&mut self, model: &Model, way: &Way) {
        for (place, view) in model.views.iter().enumerate().filter(|(_, view)| !view.is_gate && view.to.is_some()) {
            let Some(made) = model.made(place, Model::word()) else { continue };
            let terms = Terms::of(&made);
            let mut targets = vec![made.target];
            // `/open/* /members/:splat`: what lies behind the place that the splat stands for.
            if let Some((before, _)) = view.to.as_deref().and_then(|to| to.split_once(":splat"))
                && let Some(stem) = view.pattern.strip_suffix('*')
                && before.starts_with('/')
                && !stem.contains(['*', ':'])
            {
                let below = self.closed.range(before.to_owned()..).take_while(|(name, _)| name.starts_with(before));
                targets.extend(below.take(FILES_OF_A_RULE).filter_map(|(name, _)| {
                    name.strip_prefix(before).map(|rest| format!("{stem}{}{}", path_of(rest), terms.query))
                }));
            }
            for target in targets {
                let ask = Ask { headers: terms.headers.clone(), ..way.ask(target.as_str()) };
                let Answer::Shown { file, status } = model.decide(&ask, &Who::Nobody).answer else {
                    continue;
                };
                if self.closed.remove(&file).is_some() {
                    self.shown_anyway.push(ShownAnyway { file: file.clone(), rule: place, at: (target, status) });
                    self.public.push(file);
                }
            }
        }
    }

    /// The request with which the rule at `place` is tried.
    fn witness(
        &self,
        model: &Model,
        visitors: &Visitors,
        way: &Way,
        place: usize,
        files: &[String],
    ) -> Option<Witnessed> {
        let view = model.views.get(place)?;
        let made = model.made(place, Model::word())?;
        let Terms { query, headers } = Terms::of(&made);
        let mut plain = Ask { headers, ..way.ask(made.target.as_str()) };
        plain.host = made.host.clone().or(plain.host);
        let at = |target: String| Ask { target: target.into_bytes(), ..plain.clone() };
        // Pages first: a page is what people ask for, and what most hosts treat in their own way.
        let (pages, others): (Vec<_>, Vec<_>) =
            files.iter().take(FILES_OF_A_RULE).partition(|name| name.ends_with(".html"));
        let paths = pages.into_iter().chain(others).map(|name| (Some(name.clone()), at(pretty(name) + &query)));
        let candidates = paths.chain([(None, plain.clone())]);
        let holders: Vec<(&str, &Who)> = {
            let named = view.roles.iter().map(String::as_str);
            let any = [""].into_iter().filter(|_| view.is_gate && view.roles.is_empty() && !view.is_sealed);
            named.chain(any).filter_map(|role| Some((role, &visitors.holder(role)?.who))).collect()
        };
        let mut second = None;
        for (file, ask) in candidates {
            let to_strangers = model.decide(&ask, &Who::Nobody);
            let stands_in_the_way = to_strangers.closed_by.contains(&place);
            if view.is_gate {
                let lets_in = |who: &Who| {
                    let said = model.decide(&ask, who);
                    !said.denied && said.by == Some(place)
                };
                // Without a token for its role nobody can be let in, and what the rules would say is asked all the same.
                let would = holders.iter().find(|(_, who)| lets_in(who)).map(|(role, _)| (*role).to_owned());
                let found = Witnessed { ask, file, to_strangers, admits: would };
                if stands_in_the_way && found.admits.is_some() {
                    return Some(found);
                }
                if stands_in_the_way && second.is_none() {
                    second = Some(found);
                }
            } else if to_strangers.by == Some(place) {
                return Some(Witnessed { ask, file, to_strangers, admits: None });
            }
        }
        second
    }
}

/// What gates ask for beside a path and a role, each once: a file may be closed, or be had at all, in this way alone.
fn terms(model: &Model) -> Vec<Terms> {
    let (each, all) = TERMS;
    let most = all.checked_div(model.files().count()).unwrap_or(each).clamp(1, each);
    let gates = model.views.iter().enumerate().filter(|(_, view)| view.is_gate);
    let mut found: Vec<Terms> = Vec::new();
    for terms in gates.filter_map(|(place, _)| Some(Terms::of(&model.made(place, Model::word())?))) {
        if !terms.is_empty() && !found.contains(&terms) {
            found.push(terms);
        }
        if found.len() >= most {
            break;
        }
    }
    found
}
