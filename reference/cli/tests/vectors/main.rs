//! Vectors that others maintain, against the gate.
//!
//! They are not part of the project. They are read from the folder that `GATECHECK_VECTORS` names, or from
//! `../shared/vectors` beside the project; where neither is there, each test says so and passes. What is in it, with the
//! commit that the counts in the tests belong to:
//!
//! * `wycheproof/`: `testvectors_v1/` of C2SP/wycheproof, dac1dd4729fd1f8dd9e1e9f3dce51d783da6c166, Apache-2.0;
//! * `jsontestsuite/test_parsing/`: nst/JSONTestSuite, 1ef36fa01286573e846ac449e8683f8833c5b26a, MIT;
//! * `whatwg-url/urltestdata.json`: the URL Standard's test data in servo/rust-url,
//!   25137be1fc1d35cc8ea7d43fc0a02166b023a483, MIT or Apache-2.0.
//!
//! Where a label and the gate differ, the difference stands in [`differences`] with its reason, and every entry there is
//! checked to be still needed.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

#[path = "../common/mod.rs"]
mod common;
mod differences;
mod folder;
mod json;
mod jwk;
mod jws;
mod mac;
mod url;
