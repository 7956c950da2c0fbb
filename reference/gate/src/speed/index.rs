//! An index over rules, so that a request costs nothing for the rules that it does not match (MATCH-9).
//!
//! A tree of segments for the rules of every host, and one for each origin that a rule names. A rule hangs on the node
//! that its head leads to; among the rules of a node, one that asks for query parameters hangs on the first of them.
//! Looking up walks the request's segments and collects the lists of rules on the way; merged, they give the
//! candidates in list order. A candidate may still fail its full match; a rule that is no candidate never matches. The
//! walk over the whole list stays the definition.

mod prefixes;

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::hash::BuildHasher as _;
use std::num::NonZeroUsize;
use std::slice;

use smallvec::SmallVec;

use crate::cost::step;
use crate::elsewhere::parameters::{Named, Sent};
use crate::meaning::rules::pattern::Segment;
use crate::query::Parameters;
use crate::request::Origin;
use crate::rules::{Pattern, QueryConstraint, QueryValue, Rule};
use crate::speed::hash::{Map, Quick};
use crate::speed::table::Table;
use prefixes::Prefixes;

/// The place of a rule in the list.
type Place = usize;

/// The place of a node among the nodes.
type NodeAt = usize;

/// Nodes that lie equally deep; there are few.
type Level = SmallVec<[NodeAt; 8]>;

#[derive(Clone, Debug)]
pub(crate) struct Index {
    nodes: Vec<Node>,
    /// The texts of the literal segments that lead to nodes, one after the other.
    texts: String,
    /// The nodes that literal segments lead to, by the node before and the text.
    literal: Table,
    hasher: Quick,
    /// HOST-1: where the rules of one origin begin.
    origins: Map<Origin, NodeAt>,
}

/// Rules that share an origin and a head.
#[derive(Clone, Debug, Default)]
struct Node {
    /// The node before.
    parent: NodeAt,
    /// Where in the texts the segment that leads here starts; it ends where that of the next node starts.
    text: usize,
    /// The node that a placeholder leads to.
    any: Option<NonZeroUsize>,
    /// Rules whose pattern ends here.
    exact: List,
    /// Rules whose pattern goes on with a `*`.
    star: Option<Box<Star>>,
}

/// Rules whose pattern goes on with a `*`.
#[derive(Clone, Debug, Default)]
struct Star {
    /// A splat.
    splat: List,
    /// One that is no splat of its own.
    unusual: Option<Box<Unusual>>,
}

/// MATCH-8: rules with a `*` in an unusual place.
#[derive(Clone, Debug, Default)]
struct Unusual {
    /// Rules that go on with a `*` in the middle and end in this literal segment.
    middle: Map<String, List>,
    /// Rules that go on with a `*` in the middle and end in anything else.
    middle_any: List,
    /// Those among all of these that ask for parameters.
    middle_naming: Vec<Place>,
    /// Rules whose last segment is this text and then `*`, as in `/a*`.
    prefix: Prefixes,
}

/// Rules in ascending order of their places, by what they ask of the query. Most lists are short, and there are many.
#[derive(Clone, Debug, Default)]
enum List {
    #[default]
    Empty,
    /// One rule that asks nothing of it.
    One(Place),
    Several(Box<Several>),
}

#[derive(Clone, Debug, Default)]
struct Several {
    /// Rules that ask nothing of the query.
    plain: Vec<Place>,
    /// QUERY-1: rules whose first parameter has this key.
    keyed: Map<Vec<u8>, Values>,
    /// FRONT-3: every parameter that one of the rules names.
    named: Named,
}

#[derive(Clone, Debug, Default)]
struct Values {
    /// Rules that take any value.
    any: Vec<Place>,
    /// Rules that ask for this value.
    literal: Map<Vec<u8>, Vec<Place>>,
}

const ROOT: NodeAt = 0;

impl Default for Index {
    fn default() -> Index {
        Index {
            nodes: vec![Node::default()],
            texts: String::new(),
            literal: Table::default(),
            hasher: Quick::default(),
            origins: Map::default(),
        }
    }
}

impl Index {
    pub(crate) fn new(rules: &[Rule]) -> Index {
        let mut index = Index::default();
        // Most rules have a segment that no rule before them has.
        index.nodes.reserve(rules.len());
        index.literal.reserve(rules.len());
        for (place, rule) in rules.iter().enumerate() {
            index.insert(place, rule);
        }
        let stars = index.nodes.iter_mut().filter_map(|node| node.star.as_deref_mut());
        stars.filter_map(|star| star.unusual.as_deref_mut()).for_each(|unusual| unusual.prefix.close());
        index
    }

    fn insert(&mut self, place: Place, rule: &Rule) {
        let mut at = match &rule.origin {
            None => ROOT,
            Some(origin) => self.root_of(origin),
        };
        let mut prefix = None;
        let Pattern { head, middles, splat } = &rule.pattern;
        step(1 + rule.query.len());
        for segment in head {
            step(1);
            at = match segment {
                Segment::Literal(text) => self.literal_child(at, text),
                Segment::Placeholder(_) => self.any_child(at),
                Segment::Prefix(text) => {
                    prefix = Some(text);
                    at
                }
            };
        }
        let Some(node) = self.nodes.get_mut(at) else {
            return;
        };
        let query = &rule.query;
        let list = match (prefix, middles.last()) {
            (Some(text), _) => return node.unusual().prefix.add(text, |list| list.add(place, query)),
            (None, Some(last)) => {
                let unusual = node.unusual();
                unusual.middle_naming.extend((!query.is_empty()).then_some(place));
                match last.last() {
                    Some(Segment::Literal(text)) if !splat => unusual.middle.entry(text.to_string()).or_default(),
                    _ => &mut unusual.middle_any,
                }
            }
            (None, None) if *splat => &mut node.star.get_or_insert_default().splat,
            (None, None) => &mut node.exact,
        };
        list.add(place, query);
    }

    fn root_of(&mut self, origin: &Origin) -> NodeAt {
        if let Some(root) = self.origins.get(origin) {
            return *root;
        }
        let root = self.add(ROOT, "");
        self.origins.insert(origin.clone(), root);
        root
    }

    fn literal_child(&mut self, at: NodeAt, text: &str) -> NodeAt {
        let hash = self.hash(at, text);
        if let Some(child) = self.find(hash, at, text) {
            return child;
        }
        let child = self.add(at, text);
        self.literal.add(hash, child);
        child
    }

    fn any_child(&mut self, at: NodeAt) -> NodeAt {
        if let Some(child) = self.nodes.get(at).and_then(|node| node.any) {
            return child.get();
        }
        let child = self.add(at, "");
        if let Some(node) = self.nodes.get_mut(at) {
            // The root is there before all others, and nobody's child.
            node.any = NonZeroUsize::new(child);
        }
        child
    }

    fn add(&mut self, parent: NodeAt, text: &str) -> NodeAt {
        let node = Node { parent, text: self.texts.len(), ..Node::default() };
        self.texts.push_str(text);
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn hash(&self, at: NodeAt, text: &str) -> u64 {
        self.hasher.hash_one((at, text))
    }

    /// The node that a literal segment leads to.
    fn find(&self, hash: u64, at: NodeAt, text: &str) -> Option<NodeAt> {
        self.literal.find(hash, |node| self.leads_to(node) == (at, text))
    }

    /// The node before a node, and the text of the segment that leads from there to it.
    fn leads_to(&self, node: NodeAt) -> (NodeAt, &str) {
        let Some(Node { parent, text: start, .. }) = self.nodes.get(node) else { return (node, "") };
        let end = self.nodes.get(node + 1).map_or(self.texts.len(), |next| next.text);
        (*parent, self.texts.get(*start..end).unwrap_or_default())
    }

    /// Whether any rule names an origin.
    pub(crate) fn names_origins(&self) -> bool {
        !self.origins.is_empty()
    }

    /// FRONT-3: whether every server reads in the query what the rules for this path and origin have read in it; `rules` are
    /// those of this index.
    pub(crate) fn are_plain_in(&self, sent: &Sent, segments: &[&str], origin: Option<&Origin>, rules: &[Rule]) -> bool {
        let origin = origin.and_then(|origin| self.origins.get(origin)).copied();
        let mut are_plain = true;
        let is_plain = |place: &Place| {
            let rule = rules.get(*place).filter(|rule| rule.pattern.matches_segments(segments));
            rule.is_none_or(|rule| Named::by(&rule.query).are_plain_in(sent))
        };
        self.walk(origin, segments, |found| {
            are_plain = are_plain
                && match found {
                    Found::Matching(list) => list.are_plain_in(sent),
                    Found::Middle(unusual) => unusual.middle_naming.iter().all(is_plain),
                }
        });
        are_plain
    }

    /// Finds the lists of the rules that may match the path of these decoded segments.
    fn walk<'a>(&'a self, origin: Option<NodeAt>, segments: &[&str], mut found: impl FnMut(Found<'a>)) {
        let (mut here, mut there) = (Level::new(), Level::new());
        // The nodes of one level of the tree, and of the next.
        let (mut level, mut next) = (&mut here, &mut there);
        level.push(ROOT);
        if let Some(origin) = origin {
            level.push(origin);
        }
        for segment in segments {
            next.clear();
            for at in level.iter().copied() {
                step(1 + segment.len());
                let Some(node) = self.nodes.get(at) else {
                    continue;
                };
                if let Some(star) = &node.star {
                    found(Found::Matching(&star.splat));
                }
                if let Some(unusual) = node.star.as_ref().and_then(|star| star.unusual.as_ref()) {
                    found(Found::Middle(unusual));
                    unusual.prefix.of(segment).map(Found::Matching).for_each(&mut found);
                }
                if let Some(child) = self.find(self.hash(at, segment), at, segment) {
                    next.push(child);
                }
                if let Some(child) = node.any {
                    next.push(child.get());
                }
            }
            std::mem::swap(&mut level, &mut next);
            if level.is_empty() {
                break;
            }
        }
        for node in level.iter().filter_map(|at| self.nodes.get(*at)) {
            found(Found::Matching(&node.exact));
            node.star.iter().for_each(|star| found(Found::Matching(&star.splat)));
        }
    }

    /// A look-up of the candidates of one request, which comes from `origin` with `parameters`.
    pub(crate) fn look_up<'a, 'p>(&'a self, origin: Option<&Origin>, parameters: &'p Parameters) -> LookUp<'a, 'p> {
        let origin = origin.and_then(|origin| self.origins.get(origin));
        LookUp { index: self, origin: origin.copied(), parameters, lists: Vec::with_capacity(4) }
    }
}

impl Node {
    fn unusual(&mut self) -> &mut Unusual {
        self.star.get_or_insert_default().unusual.get_or_insert_default()
    }
}

impl List {
    fn add(&mut self, place: Place, query: &[QueryConstraint]) {
        let first = query.first();
        let several = match (&mut *self, first) {
            (List::Empty, None) => {
                *self = List::One(place);
                return;
            }
            (List::Several(several), _) => several,
            (List::Empty | List::One(_), _) => {
                let plain = self.plain().to_vec();
                *self = List::Several(Box::new(Several { plain, ..Several::default() }));
                return self.add(place, query);
            }
        };
        several.named.add(query);
        let places = match first {
            None => &mut several.plain,
            Some(QueryConstraint { key, value }) => {
                let values = several.keyed.entry(key.clone()).or_default();
                match value {
                    QueryValue::Capture(_) => &mut values.any,
                    QueryValue::Literal(text) => values.literal.entry(text.clone()).or_default(),
                }
            }
        };
        places.push(place);
    }

    /// Adds the rules that ask nothing of the query, or what these parameters are.
    fn cursors<'a>(&'a self, parameters: &Parameters, lists: &mut Vec<Reverse<Cursor<'a>>>) {
        lists.extend(Cursor::new(self.plain()).map(Reverse));
        let List::Several(several) = self else { return };
        let mut add = |values: &'a Values, value: &[u8]| {
            lists.extend(Cursor::new(&values.any).map(Reverse));
            lists.extend(values.literal.get(value).and_then(|places| Cursor::new(places)).map(Reverse));
        };
        // Either can be long: the shorter one is gone through, and looked up in the other.
        step(several.keyed.len().min(parameters.len()));
        if several.keyed.len() < parameters.len() {
            let asked = several.keyed.iter();
            asked
                .filter_map(|(key, values)| Some((values, parameters.value(key)?)))
                .for_each(|(v, value)| add(v, value));
        } else {
            let sent = parameters.iter();
            sent.filter_map(|(key, value)| Some((several.keyed.get(key)?, value))).for_each(|(v, value)| add(v, value));
        }
    }

    /// FRONT-3: whether every server reads in the query what these rules have read in it.
    fn are_plain_in(&self, sent: &Sent) -> bool {
        match self {
            List::Empty | List::One(_) => true,
            List::Several(several) => several.named.are_plain_in(sent),
        }
    }

    /// Rules that ask nothing of the query.
    fn plain(&self) -> &[Place] {
        match self {
            List::Empty => &[],
            List::One(place) => slice::from_ref(place),
            List::Several(several) => &several.plain,
        }
    }
}

/// What a path leads to.
enum Found<'a> {
    /// Rules whose patterns match it.
    Matching(&'a List),
    /// Rules with a `*` in the middle, whose patterns may match it.
    Middle(&'a Unusual),
}

/// Collects the lists of the rules that may match one of several paths.
pub(crate) struct LookUp<'a, 'p> {
    index: &'a Index,
    /// The root of the rules that name the origin of the request.
    origin: Option<NodeAt>,
    parameters: &'p Parameters,
    lists: Vec<Reverse<Cursor<'a>>>,
}

impl<'a> LookUp<'a, '_> {
    /// Adds the rules that may match the path of these decoded segments.
    pub(crate) fn path(&mut self, segments: &[&str]) {
        let LookUp { index, origin, parameters, lists } = self;
        let index = *index;
        index.walk(*origin, segments, |found| match found {
            Found::Matching(list) => list.cursors(parameters, lists),
            Found::Middle(unusual) => {
                unusual.middle_any.cursors(parameters, lists);
                let ending = segments.last().and_then(|last| unusual.middle.get(*last));
                ending.iter().for_each(|list| list.cursors(parameters, lists));
            }
        });
    }

    /// The rules that were found, in list order, each once. Lazy: the caller stops at the first that decides.
    pub(crate) fn candidates(self) -> Candidates<'a> {
        Candidates { heap: self.lists.into(), last: None }
    }
}

/// Candidates in list order: a merge of ascending lists.
pub(crate) struct Candidates<'a> {
    heap: BinaryHeap<Reverse<Cursor<'a>>>,
    last: Option<Place>,
}

/// What is left of one list; its first place, then the rest. Ordered by the first alone: to compare what is left as well
/// would cost its whole length at each step, where two paths lead to the same list.
struct Cursor<'a>(Place, &'a [Place]);

impl Ord for Cursor<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Cursor<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cursor<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Cursor<'_> {}

impl<'a> Cursor<'a> {
    fn new(list: &'a [Place]) -> Option<Cursor<'a>> {
        list.split_first().map(|(first, rest)| Cursor(*first, rest))
    }
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            let Reverse(Cursor(place, rest)) = self.heap.pop()?;
            step(1);
            self.heap.extend(Cursor::new(rest).map(Reverse));
            if self.last != Some(place) {
                self.last = Some(place);
                return Some(place);
            }
        }
    }
}

#[cfg(test)]
mod tests;
