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

pub mod call;
pub mod moment;
#[cfg(test)]
pub(crate) mod testing;
pub mod tokens;

pub use call::{Call, Handler, Reply};
pub use moment::Moment;
pub use tokens::Tokens;
