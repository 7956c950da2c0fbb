//! The list of defects, by area. Ids are stable; the sentence is what a person reads as the diagnosis.

mod caching;
mod claims;
mod conditions;
mod cookies;
mod denial;
mod files;
mod hosts;
mod location;
mod matching;
mod messages;
mod methods;
mod odd;
mod open;
mod paths;
mod preconditions;
mod roles;
mod rules;
mod status;
mod substitution;
mod token;
mod token_text;

use super::Mutant;

/// Every mutant, by area.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    [
        token::ALL,
        token_text::ALL,
        claims::ALL,
        roles::ALL,
        denial::ALL,
        rules::ALL,
        matching::ALL,
        hosts::ALL,
        conditions::ALL,
        substitution::ALL,
        location::ALL,
        status::ALL,
        cookies::ALL,
        paths::ALL,
        methods::ALL,
        preconditions::ALL,
        caching::ALL,
        files::ALL,
        messages::ALL,
        odd::ALL,
        open::ALL,
    ]
    .into_iter()
    .flatten()
}
