//! A decision that may cost so much and no more.

use std::cell::Cell;

use crate::decide::{Asked, Decision, RuleList, decide};
use crate::meaning::rules::Rule;
use crate::request::Request;
use crate::site::Site;
use crate::uri::Segments;
use crate::visitor::Visitor;

/// As [`decide`]; `None` where more than `most` rules would have to be looked at.
pub fn decide_within(
    most: usize,
    list: &(impl RuleList + ?Sized),
    request: &Request<'_>,
    visitor: &Visitor,
    site: &impl Site,
) -> Option<Decision> {
    let within = Within { list, most, looked_at: Cell::new(0) };
    let decision = decide(&within, request, visitor, site);
    (within.looked_at.get() <= most).then_some(decision)
}

/// A list of which one rule more than `most` is looked at.
struct Within<'l, L: ?Sized> {
    list: &'l L,
    most: usize,
    looked_at: Cell<usize>,
}

impl<L: RuleList + ?Sized> RuleList for Within<'_, L> {
    fn rules(&self) -> &[Rule] {
        self.list.rules()
    }

    fn has_gates(&self) -> bool {
        self.list.has_gates()
    }

    fn places(&self, paths: &[Segments<'_>], asked: &Asked<'_>) -> impl Iterator<Item = usize> {
        let places = self.list.places(paths, asked).take(self.most + 1);
        places.inspect(|_| self.looked_at.set(self.looked_at.get() + 1))
    }

    fn are_parameters_plain(&self, paths: &[Segments<'_>], asked: &Asked<'_>) -> bool {
        self.list.are_parameters_plain(paths, asked)
    }
}
