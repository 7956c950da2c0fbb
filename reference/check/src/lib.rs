//! What is odd about the rules of a gate, what to write instead, and the words for it.
//!
//! [`lint`] tries what rules do that their author may not mean; [`fix`] puts right what can be put right at no risk; [`entries`]
//! writes advice into `netlify.toml`; [`allow`] reads the comments with which an author accepts a finding; [`map`] says who gets
//! what; [`catalogue`] is the one table of words for every kind of problem, and [`words`] shows a problem with a caret under the
//! fault. None of it changes a decision.
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

pub mod allow;
pub mod catalogue;
pub mod entries;
pub mod fix;
pub mod inspect;
pub mod lint;
pub mod map;
mod markup;
pub mod words;

pub use words::InWords;
