//! The list of defects, by area. Ids are stable; the sentence is what a person reads as the diagnosis.

mod audience;
mod caching;
mod claims;
mod codings;
mod conditions;
mod cookies;
mod denial;
mod files;
mod header_bounds;
mod headers;
mod hosts;
mod key_ids;
mod keys;
mod location;
mod matching;
mod messages;
mod methods;
mod odd;
mod open;
mod paths;
mod preconditions;
mod proxy;
mod proxy_back;
mod proxy_rules;
mod roles;
mod rules;
mod status;
mod substitution;
mod token;
mod token_text;
mod toml;
mod toml_headers;
mod two_readings;

use super::Mutant;

/// Every mutant, by area.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    [
        token::ALL,
        token_text::ALL,
        keys::ALL,
        key_ids::ALL,
        audience::ALL,
        claims::ALL,
        roles::ALL,
        denial::ALL,
        rules::ALL,
        toml::ALL,
        toml_headers::ALL,
        matching::ALL,
        hosts::ALL,
        conditions::ALL,
        substitution::ALL,
        location::ALL,
        status::ALL,
        cookies::ALL,
        paths::ALL,
        two_readings::ALL,
        methods::ALL,
        preconditions::ALL,
        caching::ALL,
        files::ALL,
        headers::ALL,
        header_bounds::ALL,
        codings::ALL,
        proxy_rules::ALL,
        proxy::ALL,
        proxy_back::ALL,
        messages::ALL,
        odd::ALL,
        open::ALL,
    ]
    .into_iter()
    .flatten()
}
