//! Public keys for the gate: PEM texts, certificates and JWKS documents become [`Keys`](rolegate::Keys).
//!
//! A key is checked when it is read and bound to one algorithm (TOKEN-12), so a token's header can only pick a key or be
//! refused. The cryptography is that of aws-lc-rs, behind `jsonwebtoken`.
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

mod algorithms;
pub mod jwks;
mod public;
mod weak;

pub use algorithms::Algorithms;
pub use public::{PemError, from_pem};
