//! A role gate: redirect rules with role conditions, decided by a JSON Web Token. This page is the specification.
//!
//! A gate stands in front of a site. It reads the rules that the site's author wrote, sees who asks by the token in the cookie
//! `nf_jwt`, and says of each request what is answered: the file at the path, another file, a redirect, another server's answer,
//! or nothing. This crate is that gate and nothing around it: no socket, no disk, no clock, no runtime. A server, a middleware
//! or an edge worker brings those. `rolegate-server` is one that does.
//!
//! # The rules
//!
//! A line of `_redirects` is `from [query…] [to] [status[!]] [conditions…]`:
//!
//! ```text
//! /members/*   /members/:splat   200!   Role=admin,editor    # a gate: holders of one of these roles see what lies there
//! /members/*   /login            302                         # everybody else is sent to the login
//! /old/:page   /new/:page        301                         # a placeholder is one segment, a splat is the rest
//! /store id=:id  /goods/:id      301                         # only with exactly this query parameter
//! https://b.example/*  /b/:splat 200                         # only for this scheme and host
//! /de          /de/index.html    200    Language=de          # also Country= and Cookie=
//! ```
//!
//! - Rules are looked at in the order of the list, those of `_redirects` before those of `netlify.toml`. The first that matches
//!   and whose conditions hold decides.
//! - `200` shows another file under the same URL, `3xx` redirects, any other status shows a page with that status. Without `!` a
//!   rule gives way to a file that exists at the path.
//! - A line with `Role=` is a *gate*. Whoever does not hold a role is denied: no later rule shows them what the gate protects,
//!   under no spelling of its path.
//! - A line that names a role and cannot be read is *sealed*: it covers its path and admits nobody. Reading never fails as a
//!   whole; what is wrong comes back as [`Problem`]s with their places.
//! - `Basic-Auth` in `_headers`, a gate of another kind, seals its path too. [`RuleSet::read`] takes all rule files together, so that no
//!   seal is left out.
//!
//! # How a decision is made
//!
//! 1. [`Target`]: the request target becomes one canonical path, or is refused. Matching, substitution and file look-up use
//!    that value alone.
//! 2. [`identify`]: the `Cookie` lines become a [`Visitor`]: anonymous, the holder of roles, or the bearer of a token that does
//!    not count. A token counts if it is signed by one of the [`Keys`] with that key's algorithm, has an `exp` in the future and
//!    is a `JWT`; [`TokenSettings`] say what else is asked.
//! 3. [`decide()`]: rules × request × visitor × [`Site`] → [`Decision`]: what is answered, which rule decided, and why each rule
//!    before it did not. [`Explanation`] says it in words.
//! 4. [`Answer::of`]: the decision becomes status, header fields and a body that is named and not read, so that caches keep
//!    nothing that depended on a role and a denial carries nothing of what it denies.
//!
//! Decide:
//!
//! ```
//! use rolegate::{MemorySite, Outcome, Request, RuleSet, Scheme, Visitor, decide};
//!
//! let parsed = RuleSet::parse(b"/members/* /members/:splat 200! Role=admin\n/members/* /login 302\n");
//! assert!(parsed.problems.is_empty());
//! let site = MemorySite::new(["/index.html", "/login.html", "/members/home.html"]);
//! let request = Request {
//!     method: "GET",
//!     target: b"/members/home",
//!     host: Some("www.example"),
//!     scheme: Scheme::Https,
//!     headers: &[],
//!     country: None,
//! };
//!
//! let decision = decide(&parsed.rules, &request, &Visitor::Anonymous, &site);
//! assert_eq!(decision.outcome, Outcome::Redirect { status: 302, location: "/login".to_owned() });
//! let decision = decide(&parsed.rules, &request, &Visitor::with_roles(["admin"]), &site);
//! assert_eq!(decision.outcome, Outcome::Rewrite { status: 200, file: "/members/home.html".to_owned() });
//! ```
//!
//! Decide and answer, for a site in memory:
//!
//! ```
//! use rolegate::{Answer, AnswerBody, Gate, Keys, MemorySite, Request, RuleSet, Scheme, Time, TokenSettings};
//!
//! let rules = RuleSet::parse(b"/members/* /members/:splat 200! Role=admin\n").rules;
//! let keys = Keys::hs256(b"a secret of at least thirty-two bytes")?;
//! let site = MemorySite::new(["/index.html", "/members/home.html", "/404.html"]);
//! // A gate starts only if its rules can be kept.
//! let gate = Gate::new(rules, &keys, TokenSettings::default(), site)?;
//!
//! let headers: [(&str, &[u8]); 1] = [("cookie", b"nf_jwt=no-token")];
//! let request = Request {
//!     method: "GET",
//!     target: b"/members/home",
//!     host: None,
//!     scheme: Scheme::Https,
//!     headers: &headers,
//!     country: None,
//! };
//! let decision = gate.decide(&request, &keys, Time::from_seconds(1_800_000_000));
//! let answer = Answer::of(&decision, request.method);
//! assert_eq!(answer.status, 404);
//! assert_eq!(answer.body, AnswerBody::Page("/404.html"));
//! assert_eq!(answer.fields["cache-control"], "private, no-store");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A token made and checked:
//!
//! ```
//! use rolegate::token::verify;
//! use rolegate::{Keys, Secret, Time, TokenError, TokenSettings, mint};
//!
//! let claims = serde_json::json!({ "exp": 1_800_000_000, "app_metadata": { "authorization": { "roles": ["admin"] } } });
//! let token = mint(&Secret::new(b"a secret of at least thirty-two bytes")?, claims.as_object().ok_or("an object")?);
//!
//! let (keys, settings) = (Keys::hs256(b"a secret of at least thirty-two bytes")?, TokenSettings::default());
//! let verified = verify(token.as_bytes(), &keys, &settings, Time::from_seconds(1_799_999_999))?;
//! assert!(verified.roles(&settings.role_path).contains("admin"));
//! let late = verify(token.as_bytes(), &keys, &settings, Time::from_seconds(1_800_000_000));
//! assert!(matches!(late, Err(TokenError::Expired)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Public keys come from `rolegate-keys`. A whole embedding, as middleware for axum, is `reference/examples/tower`.
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
pub mod answer;
mod authority;
pub mod authorize;
pub mod caches;
#[doc(hidden)]
pub mod cost;
pub mod edge;
mod elsewhere;
pub mod explain;
mod further_names;
pub mod gate;
pub mod headers;
pub mod json;
mod meaning;
mod memory_site;
mod mint;
pub mod near;
pub mod opens;
mod preimage;
pub mod problem;
mod reach;
mod reading;
mod refusal;
mod role_path;
mod rule_set;
/// The rules of a site: the list, what a rule is made of, and reading it from files.
pub mod rules {
    pub use crate::meaning::rules::*;
    pub use crate::preimage::Way;
    pub use crate::reach::{Covered, EXAMPLE, is_of_a_function};
    pub use crate::reading::{
        Line, LineKind, MAX_LINE, Oddity, Parsed, PatternFault, PatternFaultKind, holds_literal_pattern, lines,
        within_one_edit,
    };
    pub use crate::rule_set::{RuleFiles, RuleSet};
}
mod signature;
pub mod span;
pub mod speed;
mod time;
mod uri;
pub mod witness;
pub mod words;

/// Which file a path names, and every other path that names the same file.
pub mod site {
    pub use crate::elsewhere::{Elsewhere, names_to_find};
    pub use crate::further_names::further_names;
    pub use crate::meaning::site::*;
    pub use crate::memory_site::MemorySite;
}

/// What a verified token claims, and which of it counts as roles.
pub mod claims {
    pub use crate::meaning::claims::*;
    pub use crate::role_path::{RolePath, RolePathError};
}

/// The request target, and the one canonical path that everything else uses (NOLEAK-1).
pub mod path {
    pub use crate::authority::{is_authority, origin_form};
    pub use crate::meaning::path::*;
    pub use crate::uri::segments;
}

/// One request as the gate sees it, and the one form of a scheme and host (HOST-1).
pub mod request {
    pub use crate::authority::{Origin, Scheme, split_port};
    pub use crate::meaning::request::*;
}

/// Queries: parameters as forms write them (QUERY-1 to QUERY-4).
pub mod query {
    pub use crate::meaning::query::*;
    pub use crate::uri::{clean, form_encode};
}

pub use meaning::{cookie, decide, token, visitor};

pub(crate) use meaning::said;
#[doc(hidden)]
pub use reading::{columns, netlify_toml};

pub use answer::{Answer, AnswerBody};
pub use claims::{Claims, RolePath, RolePathError, Roles};
pub use decide::{Decision, Outcome, PassedOver, RuleList, decide};
pub use edge::{Country, CountrySource, Edge, Forwarding, Network};
pub use explain::{Explanation, visitor_in_words};
pub use gate::{Gate, StartError};
pub use headers::HeaderRules;
pub use mint::{mint, mint_with_key_id};
pub use path::{Refused, RequestPath, Target};
pub use problem::{Fix, Problem, Severity};
pub use request::{Request, Scheme};
pub use rules::{Parsed, Rule, RuleFiles, RuleSet};
pub use site::{MemorySite, Site};
pub use span::{RuleFile, Span};
pub use token::{Algorithm, Keys, Secret, SecretError, Time, TokenError, TokenSettings};
pub use visitor::{Visitor, identify};
