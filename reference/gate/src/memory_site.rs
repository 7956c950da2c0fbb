//! A site in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::site::{Site, further_names, is_served};

/// A site that is nothing but a list of names; for tests, properties and explanations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemorySite {
    names: BTreeSet<String>,
    links: Vec<Arc<[Arc<str>]>>,
}

impl MemorySite {
    /// A site of the files with these names, less those that are never served (STATIC-2).
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> MemorySite {
        let names = names.into_iter().map(Into::into).filter(|name| is_served(name)).collect();
        MemorySite { names, links: Vec::new() }
    }

    /// The same site, where these are all names of one file.
    #[must_use]
    pub fn with_links(mut self, names: &[&str]) -> MemorySite {
        let served = names.iter().copied().filter(|name| is_served(name));
        self.names.extend(served.clone().map(str::to_owned));
        self.links.push(served.map(Into::into).collect());
        self
    }
}

impl Site for MemorySite {
    fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.names.iter().map(String::as_str))
    }

    fn other_names(&self, file: &str) -> Vec<String> {
        further_names(self, file)
    }

    fn same_file(&self, name: &str) -> &[Arc<str>] {
        let all = self.links.iter().find(|names| names.iter().any(|other| **other == *name));
        all.map(AsRef::as_ref).unwrap_or_default()
    }
}
