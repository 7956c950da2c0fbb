//! What a gate means: from a request and the rules to a decision, in the order in which the data flows.

pub mod claims;
pub mod cookie;
pub mod decide;
pub mod path;
pub mod query;
pub mod request;
pub(crate) mod rules;
pub(crate) mod said;
pub mod site;
pub mod token;
pub mod visitor;
