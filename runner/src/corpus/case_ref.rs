//! A case on its way through a run.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::{Case, Corpus, Suite};

/// A case with the suite that it belongs to. It holds both, so that nothing has to be looked up and nothing can be missed.
#[derive(Clone)]
pub struct CaseRef {
    suite: Arc<Suite>,
    case: Arc<Case>,
}

impl CaseRef {
    /// The case of that full id in a suite.
    #[must_use]
    pub fn of(suite: &Arc<Suite>, id: &str) -> Option<Self> {
        suite.cases.iter().find(|case| case.id == id).map(|case| Self::new(suite, case))
    }

    /// The case at a place of a suite, counted from 0.
    #[must_use]
    pub fn at(suite: &Arc<Suite>, place: usize) -> Option<Self> {
        suite.cases.get(place).map(|case| Self::new(suite, case))
    }

    fn new(suite: &Arc<Suite>, case: &Arc<Case>) -> Self {
        Self { suite: Arc::clone(suite), case: Arc::clone(case) }
    }

    /// The suite.
    #[must_use]
    pub fn suite(&self) -> &Arc<Suite> {
        &self.suite
    }

    /// The case.
    #[must_use]
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// The full id of the case, which no other case of the corpus has.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.case.id
    }
}

impl Corpus {
    /// Every case, in written order.
    pub fn refs(&self) -> impl Iterator<Item = CaseRef> {
        self.suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| CaseRef::new(suite, case)))
    }
}

impl PartialEq for CaseRef {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for CaseRef {}

impl PartialOrd for CaseRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CaseRef {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id().cmp(other.id())
    }
}

impl fmt::Debug for CaseRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
