//! An index over rules, so that a request costs nothing for the rules that it does not match (MATCH-9).
//!
//! A tree of segments for the rules of every host, and one for each origin that a rule names. A rule hangs on the node
//! that its head leads to; among the rules of a node, one that asks for query parameters hangs on the first of them.
//! Looking up walks the request's segments and collects the lists of rules on the way; merged, they give the
//! candidates in list order. A candidate may still fail its full match; a rule that is no candidate never matches. The
//! walk over the whole list stays the definition.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

use foldhash::fast::RandomState;

use super::pattern::{Pattern, Segment};
use super::{QueryConstraint, QueryValue, Rule};
use crate::query::Parameters;
use crate::request::Origin;

/// The place of a rule in the list.
type Place = usize;

/// A map whose keys come from a rule file; its hash is quick, and seeded anew in every process.
type Map<K, V> = HashMap<K, V, RandomState>;

#[derive(Clone, Debug)]
pub(super) struct Index {
    /// A number for every literal segment, so that each text is stored and hashed once.
    texts: Map<String, usize>,
    /// From a node by the number of a literal segment.
    literal: Map<(usize, usize), usize>,
    nodes: Vec<Node>,
    /// HOST-1: where the rules of one origin begin.
    origins: Map<Origin, usize>,
}

/// Rules that share an origin and a head.
#[derive(Clone, Debug, Default)]
struct Node {
    /// The node that a placeholder leads to.
    any: Option<usize>,
    /// Rules whose pattern ends here.
    exact: List,
    /// Rules whose pattern goes on with a splat.
    splat: List,
    /// Rules that go on with a `*` that is no splat of its own.
    unusual: Option<Box<Unusual>>,
}

/// MATCH-8: rules with a `*` in an unusual place.
#[derive(Clone, Debug, Default)]
struct Unusual {
    /// Rules that go on with a `*` in the middle and end in this literal segment.
    middle: Map<String, List>,
    /// Rules that go on with a `*` in the middle and end in anything else.
    middle_any: List,
    /// Rules whose last segment is this text and then `*`, as in `/a*`.
    prefix: Map<String, List>,
    /// The different lengths of the keys of `prefix`.
    prefix_lengths: Vec<usize>,
}

/// Rules in ascending order of their places, by what they ask of the query.
#[derive(Clone, Debug, Default)]
struct List {
    /// Rules that ask nothing of it.
    plain: Vec<Place>,
    /// QUERY-1: rules whose first parameter has this key.
    keyed: Option<Box<Map<Vec<u8>, Values>>>,
}

#[derive(Clone, Debug, Default)]
struct Values {
    /// Rules that take any value.
    any: Vec<Place>,
    /// Rules that ask for this value.
    literal: Map<Vec<u8>, Vec<Place>>,
}

const ROOT: usize = 0;

impl Default for Index {
    fn default() -> Index {
        Index { texts: Map::default(), literal: Map::default(), nodes: vec![Node::default()], origins: Map::default() }
    }
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Index {
        let mut index = Index::default();
        for (place, rule) in rules.iter().enumerate() {
            index.insert(place, rule);
        }
        for unusual in index.nodes.iter_mut().filter_map(|node| node.unusual.as_deref_mut()) {
            unusual.prefix_lengths = unusual.prefix.keys().map(String::len).collect();
            unusual.prefix_lengths.sort_unstable();
            unusual.prefix_lengths.dedup();
        }
        index
    }

    fn insert(&mut self, place: Place, rule: &Rule) {
        let mut at = match &rule.origin {
            None => ROOT,
            Some(origin) => self.root_of(origin),
        };
        let mut prefix = None;
        let Pattern { head, middles, splat } = &rule.pattern;
        for segment in head {
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
        let list = match (prefix, middles.last()) {
            (Some(text), _) => node.unusual.get_or_insert_default().prefix.entry(text.clone()).or_default(),
            (None, Some(last)) => {
                let unusual = node.unusual.get_or_insert_default();
                match last.last() {
                    Some(Segment::Literal(text)) if !splat => unusual.middle.entry(text.clone()).or_default(),
                    _ => &mut unusual.middle_any,
                }
            }
            (None, None) if *splat => &mut node.splat,
            (None, None) => &mut node.exact,
        };
        list.add(place, rule.query.first());
    }

    fn root_of(&mut self, origin: &Origin) -> usize {
        if let Some(root) = self.origins.get(origin) {
            return *root;
        }
        let root = self.nodes.len();
        self.nodes.push(Node::default());
        self.origins.insert(origin.clone(), root);
        root
    }

    fn literal_child(&mut self, at: usize, text: &str) -> usize {
        let number = match self.texts.get(text) {
            Some(number) => *number,
            None => {
                let number = self.texts.len();
                self.texts.insert(text.to_owned(), number);
                number
            }
        };
        let fresh = self.nodes.len();
        let child = *self.literal.entry((at, number)).or_insert(fresh);
        if child == fresh {
            self.nodes.push(Node::default());
        }
        child
    }

    fn any_child(&mut self, at: usize) -> usize {
        let fresh = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else {
            return at;
        };
        let child = *node.any.get_or_insert(fresh);
        if child == fresh {
            self.nodes.push(Node::default());
        }
        child
    }

    /// Whether any rule names an origin.
    pub(super) fn names_origins(&self) -> bool {
        !self.origins.is_empty()
    }

    /// A look-up of the candidates of one request, which comes from `origin` with `parameters`.
    pub(super) fn look_up<'a>(&'a self, origin: Option<&Origin>, parameters: &'a Parameters) -> LookUp<'a> {
        let origin = origin.and_then(|origin| self.origins.get(origin));
        LookUp { index: self, origin: origin.copied(), parameters, lists: Vec::new() }
    }
}

impl List {
    fn add(&mut self, place: Place, query: Option<&QueryConstraint>) {
        let places = match query {
            None => &mut self.plain,
            Some(QueryConstraint { key, value }) => {
                let values = self.keyed.get_or_insert_default().entry(key.clone()).or_default();
                match value {
                    QueryValue::Capture(_) => &mut values.any,
                    QueryValue::Literal(text) => values.literal.entry(text.clone()).or_default(),
                }
            }
        };
        places.push(place);
    }
}

/// Collects the lists of the rules that may match one of several paths.
pub(super) struct LookUp<'a> {
    index: &'a Index,
    /// The root of the rules that name the origin of the request.
    origin: Option<usize>,
    parameters: &'a Parameters,
    lists: Vec<Reverse<Cursor<'a>>>,
}

impl<'a> LookUp<'a> {
    /// Adds the rules that may match the path of these decoded segments.
    pub(super) fn path<S: AsRef<str>>(&mut self, segments: &[S]) {
        let index = self.index;
        let (mut level, mut next) = (Vec::with_capacity(4), Vec::new());
        level.push(ROOT);
        level.extend(self.origin);
        for segment in segments.iter().map(AsRef::as_ref) {
            let number = index.texts.get(segment);
            for at in level.drain(..) {
                let Some(node) = index.nodes.get(at) else {
                    continue;
                };
                self.list(&node.splat);
                if let Some(unusual) = &node.unusual {
                    self.list(&unusual.middle_any);
                    if let Some(list) = segments.last().and_then(|last| unusual.middle.get(last.as_ref())) {
                        self.list(list);
                    }
                    let prefixes = unusual.prefix_lengths.iter().filter_map(|length| segment.get(..*length));
                    prefixes.filter_map(|prefix| unusual.prefix.get(prefix)).for_each(|list| self.list(list));
                }
                next.extend(number.and_then(|number| index.literal.get(&(at, *number))));
                next.extend(node.any);
            }
            std::mem::swap(&mut level, &mut next);
            if level.is_empty() {
                return;
            }
        }
        for node in level.into_iter().filter_map(|at| index.nodes.get(at)) {
            self.list(&node.exact);
            self.list(&node.splat);
        }
    }

    fn list(&mut self, list: &'a List) {
        self.lists.extend(Cursor::new(&list.plain).map(Reverse));
        let Some(keyed) = &list.keyed else { return };
        for (key, value) in self.parameters.iter() {
            let Some(values) = keyed.get(key) else { continue };
            self.lists.extend(Cursor::new(&values.any).map(Reverse));
            self.lists.extend(values.literal.get(value).and_then(|places| Cursor::new(places)).map(Reverse));
        }
    }

    /// The rules that were found, in list order, each once. Lazy: the caller stops at the first that decides.
    pub(super) fn candidates(self) -> Candidates<'a> {
        Candidates { heap: self.lists.into(), last: None }
    }
}

/// Candidates in list order: a merge of ascending lists.
pub(super) struct Candidates<'a> {
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
            self.heap.extend(Cursor::new(rest).map(Reverse));
            if self.last != Some(place) {
                self.last = Some(place);
                return Some(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Scheme;
    use crate::rules::RuleSet;

    /// The texts of the candidates of a target that is asked of `host`.
    fn found<'r>(rules: &'r RuleSet, host: &str, target: &str) -> Vec<&'r str> {
        let target = crate::Target::parse(target.as_bytes()).unwrap();
        let parameters = target.query.as_deref().map(Parameters::parse).unwrap_or_default();
        let mut look_up = rules.index.look_up(Some(&Origin::new(Scheme::Https, host)), &parameters);
        look_up.path(target.path.segments());
        look_up.path(target.path.segments());
        look_up.candidates().map(|at| rules.rules()[at].text.as_str()).collect()
    }

    #[test]
    fn candidates_come_in_list_order_and_leave_out_the_rest() {
        let froms = [
            "/a/b", "/a/*", "/:x/b", "/c", "/*", "/a*", "/a/*/b", "/a/*/*", "/a/b/c", "/", "/ab*", "/é*", "/:x/:y",
            "/*/z",
        ];
        let text: String = froms.iter().map(|from| format!("{from} /t\n")).collect();
        let rules = RuleSet::parse(text.as_bytes()).rules;
        for (path, expected) in [
            ("/a/b", &["/a/b", "/a/*", "/:x/b", "/*", "/a*", "/a/*/b", "/a/*/*", "/:x/:y"][..]),
            ("/", &["/*", "/"]),
            ("/c", &["/c", "/*"]),
            ("/abc", &["/*", "/a*", "/ab*"]),
            ("/q/z", &["/*", "/:x/:y", "/*/z"]),
            ("/éa", &["/*", "/é*"]),
        ] {
            let expected: Vec<String> = expected.iter().map(|from| format!("{from} /t")).collect();
            assert_eq!(found(&rules, "a.example", path), expected, "{path}");
        }
    }

    #[test]
    fn hosts_and_parameters_leave_out_what_they_do_not_match() {
        let rules = [
            "/a id=1 /t",
            "https://a.example/a /t",
            "/a id=:x /t",
            "https://b.example/* /t",
            "/a k=1 id=2 /t",
            "/a id=2 k=1 /t",
            "/a /t",
            "https://a.example/* id=1 /t",
        ];
        let set = RuleSet::parse(rules.join("\n").as_bytes()).rules;
        for (host, target, expected) in [
            ("a.example", "/a", &[1, 6][..]),
            ("c.example", "/a", &[6]),
            ("b.example", "/a?id", &[3, 6]),
            ("a.example", "/a?id=1", &[0, 1, 2, 6, 7]),
            ("c.example", "/a?id=2&k=1", &[2, 4, 5, 6]),
            ("c.example", "/a?k=1", &[4, 6]),
        ] {
            let expected: Vec<&str> = expected.iter().map(|at| rules[*at]).collect();
            assert_eq!(found(&set, host, target), expected, "{host} {target}");
        }
    }
}
