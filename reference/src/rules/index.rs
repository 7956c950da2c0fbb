//! An index over rules, so that a request costs nothing for the rules that it does not match (MATCH-9).
//!
//! A tree of segments: a rule hangs on the node that its head leads to. Looking up walks the request's segments, and
//! collects the lists of rules on the way; merged, they give the candidates in list order. A candidate may still
//! fail its full match; a rule that is no candidate never matches. The walk over the whole list stays the definition.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::pattern::{Pattern, Segment};
use crate::path::RequestPath;

/// The place of a rule in the list.
type Place = usize;

#[derive(Clone, Debug)]
pub(super) struct Index {
    /// A number for every literal segment, so that each text is stored and hashed once.
    texts: HashMap<String, usize>,
    /// From a node by the number of a literal segment.
    literal: HashMap<(usize, usize), usize>,
    nodes: Vec<Node>,
}

/// Rules that share a head. Every list is in ascending order.
#[derive(Clone, Debug, Default)]
struct Node {
    /// The node that a placeholder leads to.
    any: Option<usize>,
    /// Rules whose pattern ends here.
    exact: Vec<Place>,
    /// Rules whose pattern goes on with a splat.
    splat: Vec<Place>,
    /// Rules that go on with a `*` in the middle and end in this literal segment.
    middle: HashMap<String, Vec<Place>>,
    /// Rules that go on with a `*` in the middle and end in anything else.
    middle_any: Vec<Place>,
    /// Rules whose last segment is this text and then `*`, as in `/a*`.
    prefix: HashMap<String, Vec<Place>>,
    /// The different lengths of the keys of `prefix`.
    prefix_lengths: Vec<usize>,
}

const ROOT: usize = 0;

impl Default for Index {
    fn default() -> Index {
        Index { texts: HashMap::new(), literal: HashMap::new(), nodes: vec![Node::default()] }
    }
}

impl Index {
    pub(super) fn new<'a>(patterns: impl Iterator<Item = &'a Pattern>) -> Index {
        let mut index = Index::default();
        for (place, pattern) in (0..).zip(patterns) {
            index.insert(place, pattern);
        }
        for node in &mut index.nodes {
            node.prefix_lengths = node.prefix.keys().map(String::len).collect();
            node.prefix_lengths.sort_unstable();
            node.prefix_lengths.dedup();
        }
        index
    }

    fn insert(&mut self, place: Place, pattern: &Pattern) {
        let mut at = ROOT;
        let mut prefix = None;
        for segment in &pattern.head {
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
        let list = match (prefix, pattern.middles.last()) {
            (Some(text), _) => node.prefix.entry(text.clone()).or_default(),
            (None, Some(last)) => match last.last() {
                Some(Segment::Literal(text)) if !pattern.splat => node.middle.entry(text.clone()).or_default(),
                _ => &mut node.middle_any,
            },
            (None, None) if pattern.splat => &mut node.splat,
            (None, None) => &mut node.exact,
        };
        list.push(place);
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

    /// The rules that may match one of `paths`, in list order, each once. Lazy: the caller stops at the first that decides.
    pub(super) fn candidates<'a>(&'a self, paths: impl IntoIterator<Item = &'a RequestPath>) -> Candidates<'a> {
        let mut lists = Vec::new();
        for path in paths {
            self.collect(path, &mut lists);
        }
        let heap = lists.into_iter().filter_map(Cursor::new).map(Reverse).collect();
        Candidates { heap, last: None }
    }

    fn collect<'a>(&'a self, path: &RequestPath, lists: &mut Vec<&'a [Place]>) {
        let segments = path.segments();
        let mut level = vec![ROOT];
        for segment in segments {
            let number = self.texts.get(segment);
            let mut next = Vec::new();
            for at in level {
                let Some(node) = self.nodes.get(at) else {
                    continue;
                };
                lists.push(&node.splat);
                lists.push(&node.middle_any);
                if let Some(list) = segments.last().and_then(|last| node.middle.get(last)) {
                    lists.push(list);
                }
                let prefixes = node.prefix_lengths.iter().filter_map(|length| segment.get(..*length));
                lists.extend(prefixes.filter_map(|prefix| node.prefix.get(prefix)).map(Vec::as_slice));
                next.extend(number.and_then(|number| self.literal.get(&(at, *number))));
                next.extend(node.any);
            }
            level = next;
            if level.is_empty() {
                return;
            }
        }
        for node in level.into_iter().filter_map(|at| self.nodes.get(at)) {
            lists.push(&node.exact);
            lists.push(&node.splat);
        }
    }
}

/// Candidates in list order: a merge of ascending lists.
pub(super) struct Candidates<'a> {
    heap: BinaryHeap<Reverse<Cursor<'a>>>,
    last: Option<Place>,
}

/// What is left of one list; its first place, then the rest. Ordered by the first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Cursor<'a>(Place, &'a [Place]);

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

    #[test]
    fn candidates_come_in_list_order_and_leave_out_the_rest() {
        let rules = [
            "/a/b", "/a/*", "/:x/b", "/c", "/*", "/a*", "/a/*/b", "/a/*/*", "/a/b/c", "/", "/ab*", "/é*", "/:x/:y",
            "/*/z",
        ];
        let patterns = rules.map(|rule| Pattern::parse(rule).unwrap().0);
        let index = Index::new(patterns.iter());
        for (path, expected) in [
            ("/a/b", &["/a/b", "/a/*", "/:x/b", "/*", "/a*", "/a/*/b", "/a/*/*", "/:x/:y"][..]),
            ("/", &["/*", "/"]),
            ("/c", &["/c", "/*"]),
            ("/abc", &["/*", "/a*", "/ab*"]),
            ("/q/z", &["/*", "/:x/:y", "/*/z"]),
            ("/éa", &["/*", "/é*"]),
        ] {
            let path = crate::Target::parse(path.as_bytes()).unwrap().path;
            let found: Vec<&str> = index.candidates([&path, &path]).map(|at| rules[at]).collect();
            assert_eq!(found, expected, "{path}");
        }
    }
}
