//! Where else what a gate keeps or shows is given out, to whom its own area does not give it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rolegate::witness::WORD;

use super::{Area, Class, Gets, Reply, Row};

/// What is given where a gate has a say, each with the area: the place of its gate.
#[derive(Default)]
pub(super) struct Given {
    /// The files that lie in an area, with what each visitor gets there.
    kept: BTreeMap<String, (usize, Vec<Arc<Gets>>)>,
    /// The files that are shown there and lie elsewhere.
    shown: HashMap<String, usize>,
    /// What other servers are asked for; what ends in a slash stands for all that begins so.
    forwarded: HashMap<String, usize>,
    functions: BTreeMap<String, usize>,
}

impl Given {
    /// Notes what a row of an area gives; `is_tree`: its gate is for all paths that begin so.
    pub(super) fn note(&mut self, row: &Row, area: usize, is_tree: bool) {
        if let Some(file) = &row.file {
            self.kept.entry(file.clone()).or_insert_with(|| (area, row.gets.clone()));
        }
        for gets in row.gets.iter().filter(|gets| gets.class == Class::Open) {
            match &gets.reply {
                Reply::File { file, is_own: false, .. } => {
                    self.shown.entry(file.clone()).or_insert(area);
                }
                Reply::Forwarded { url } => {
                    let url = url.split('?').next().unwrap_or_default();
                    let tree = url.strip_suffix(WORD).filter(|tree| is_tree && tree.ends_with('/'));
                    self.forwarded.entry(tree.unwrap_or(url).to_owned()).or_insert(area);
                }
                Reply::Function { path } => {
                    self.functions.entry(path.clone()).or_insert(area);
                }
                _ => {}
            }
        }
    }

    /// The files that lie in an area, in byte order.
    pub(super) fn kept(&self) -> Vec<String> {
        self.kept.keys().cloned().collect()
    }

    /// The functions that a gate leads to.
    pub(super) fn functions(&self) -> Vec<String> {
        self.functions.keys().cloned().collect()
    }

    /// Whether a file is given that lies in an area.
    pub(super) fn keeps(&self, gets: &Gets) -> bool {
        gets.given().is_some_and(|file| self.kept.contains_key(file))
    }

    /// Takes the ways out of the rows at which everybody gets the same, and puts them into their areas; the others are left. `file_at`
    /// knows the file at a path.
    pub(super) fn take_ways(
        &self,
        everybody: Vec<Row>,
        visitors: usize,
        areas: &mut BTreeMap<usize, Area>,
        file_at: impl Fn(&str) -> Option<String>,
    ) -> Vec<Row> {
        let mut others = Vec::new();
        for mut row in everybody {
            let same = row.gets.first().map(Arc::clone);
            let area = same.as_ref().and_then(|same| self.area_of(same, &file_at));
            match (area.and_then(|area| areas.get_mut(&area)), same) {
                (Some(area), Some(same)) => {
                    row.gets = vec![same; visitors];
                    area.ways.push(row);
                }
                _ => others.push(row),
            }
        }
        others
    }

    /// The area that what everybody gets belongs to.
    fn area_of(&self, gets: &Gets, file_at: impl Fn(&str) -> Option<String>) -> Option<usize> {
        let kept = |file: &str| self.kept.get(file).map(|(area, _)| *area);
        match &gets.reply {
            Reply::File { file, is_own, .. } if gets.class == Class::Open => {
                kept(file).or_else(|| self.shown.get(file).copied().filter(|_| *is_own))
            }
            Reply::Forwarded { url } => self.asked_for(url),
            Reply::Redirect { location, .. } if location.starts_with('/') => {
                // What leads to a gate is asked there; what lies open is not.
                let shown = |file: &String| self.shown.get(file).copied().filter(|_| kept(file).is_none());
                if self.shown.is_empty() { None } else { file_at(location).as_ref().and_then(shown) }
            }
            Reply::Redirect { location, .. } => self.asked_for(location),
            Reply::Function { path } => self.functions.get(path).copied(),
            Reply::File { .. } | Reply::NoFile { .. } | Reply::NotFound | Reply::Refused { .. } => None,
        }
    }

    /// The area whose gate asks another server for what lies at the URL.
    fn asked_for(&self, url: &str) -> Option<usize> {
        if self.forwarded.is_empty() {
            return None;
        }
        let url = url.split(['?', '#']).next().unwrap_or_default();
        let trees = url.match_indices('/').filter_map(|(at, _)| url.get(..=at));
        trees.chain([url]).find_map(|tree| self.forwarded.get(tree)).copied()
    }

    /// Adds what an area gives of the files of another to somebody to whom that does not give it.
    pub(super) fn add_ways_of_others(&self, areas: &mut BTreeMap<usize, Area>) {
        let gives = |gets: &[Arc<Gets>], visitor: usize, file: &str| {
            gets.get(visitor).and_then(|gets| gets.given()) == Some(file)
        };
        let mut ways: Vec<(usize, Row)> = Vec::new();
        for (place, area) in areas.iter() {
            for row in &area.rows {
                let elsewhere = row.gets.iter().enumerate().find_map(|(visitor, gets)| {
                    let file = gets.given()?;
                    let (own, there) = self.kept.get(file)?;
                    (own != place && !gives(there, visitor, file)).then_some(*own)
                });
                ways.extend(elsewhere.map(|own| (own, row.clone())));
            }
        }
        for (own, row) in ways {
            areas.entry(own).and_modify(|area| area.ways.push(row));
        }
    }
}
