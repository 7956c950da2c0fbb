//! The identity service of a site on one machine: GoTrue's public API under `/.netlify/identity`, as the published
//! clients of Netlify Identity use it, and Git Gateway beside it.
//!
//! The gate decides by a token; this crate makes such tokens. It knows nothing of rules and nothing of sockets: a
//! [`Call`] comes in, a [`Reply`] goes out, and the time is a part of the call. Whoever serves it mounts each [`Handler`]
//! below its prefix, before the rules.
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

pub mod body;
pub mod call;
pub mod cookie;
pub mod cors;
pub mod git;
pub mod hooks;
pub mod import;
pub mod limits;
pub mod mail;
pub mod moment;
pub mod operator;
pub mod page;
pub mod password;
pub mod refusal;
pub mod secrets;
pub mod service;
pub mod settings;
pub mod store;
pub mod tokens;
pub mod user;

pub use call::{Call, Handler, Reply};
pub use moment::Moment;
pub use service::{Parts, Service};
pub use settings::Settings;
pub use tokens::Tokens;
