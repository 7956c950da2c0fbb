//! The reference gate for redirect rules with role conditions.
//!
//! The text is meant to be read in the order in which the data flows:
//!
//! 1. [`rules`]: the bytes of a `_redirects` file become an ordered, indexed [`RuleSet`] and a list of
//!    [`Problem`]s. A line that names a role and cannot be read is *sealed*: it admits nobody.
//! 2. [`path`] and [`query`]: the request target becomes one canonical [`RequestPath`], or is refused. Matching,
//!    substitution and file look-up use that value and nothing else.
//! 3. [`cookie`], [`token`], [`claims`]: the cookie `nf_jwt` becomes verified [`Roles`], or a reason why not;
//!    [`visitor`] holds the result.
//! 4. [`site`]: which file a path names.
//! 5. [`decide()`]: rules × request × visitor × site → [`Decision`], a pure function that says which rule decided
//!    and why every earlier one did not. [`explain`] puts a decision into words.
//! 6. [`gate`]: the pieces above, checked to belong together before the first request. [`jwks_url`] keeps the keys
//!    of a URL fresh.
//! 7. [`lint`] and [`fix`]: what rules do that their author may not mean, and what can be put right at no risk.
//! 8. [`edge`]: what of a request the gate takes for true before any of this: scheme, host, address, country.
//! 9. [`config`], [`server`], [`reload`]: what the operator says becomes a gate; a socket asks it; another one takes its
//!    place.
//!
//! Only what lies at the rim touches sockets, the clock and the disk. Time is a parameter.
//!
//! Requirement ids in comments (`// ROLE-3`) are those of `conformance-cases/requirements.yaml`.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unwrap_used,
        reason = "a test that fails may panic"
    )
)]

mod advice;
pub mod authorize;
pub mod caches;
#[doc(hidden)]
pub mod cost;
pub mod edge;
pub mod explain;
pub mod gate;
pub mod headers;
mod meaning;
mod mint;
pub mod opens;
pub mod problem;
mod reach;
mod reading;
/// The rules of a site: the list, what a rule is made of, and reading it from files.
pub mod rules {
    pub use crate::meaning::rules::*;
    pub use crate::reach::EXAMPLE;
    pub use crate::reading::{
        Line, LineKind, MAX_LINE, Oddity, Parsed, PatternFault, PatternFaultKind, lines, within_one_edit,
    };
}
pub mod span;
mod speed;
pub mod witness;

pub use meaning::{claims, cookie, decide, path, query, request, site, token, visitor};

pub(crate) use meaning::said;
#[doc(hidden)]
pub use reading::{columns, netlify_toml};

pub use claims::{Claims, RolePath, RolePathError, Roles};
pub use decide::{Decision, Outcome, PassedOver, decide, decide_by_walk};
pub use edge::{Country, CountrySource, Edge, Forwarding, Network};
pub use explain::{Explanation, visitor_in_words};
pub use gate::{Gate, StartError};
pub use headers::{HeaderRules, ParsedHeaders};
pub use mint::{mint, mint_with_key_id};
pub use path::{Refused, RequestPath, Target};
pub use problem::{Fix, Problem, Severity};
pub use request::{Request, Scheme};
pub use rules::{Parsed, Rule, RuleSet};
pub use site::{MemorySite, Site};
pub use span::{RuleFile, Span};
pub use token::{Algorithm, Keys, Secret, SecretError, Time, TokenError, TokenSettings};
pub use visitor::{Visitor, identify};
