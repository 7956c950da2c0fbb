//! A name and a value become a header field of the site, or a fault (HEADERS-3, HEADERS-4).

use std::collections::HashSet;

use http::header::{HeaderName, HeaderValue};

use super::{Block, apply};
use crate::cost::step;

/// More header names than this in one file are refused: an answer has to carry them.
const MAX_NAMES: usize = 100;

/// The names that a file has set so far.
#[derive(Default)]
pub(super) struct Names(HashSet<HeaderName>);

/// Why a field is not in force.
pub(super) struct FieldFault {
    pub(super) id: &'static str,
    pub(super) part: Part,
    pub(super) message: String,
    pub(super) help: String,
    /// Whether the help is to leave the line out, and nothing else could be meant.
    pub(super) goes: bool,
}

/// Which part of a field is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Name,
    Value,
    Both,
}

impl Names {
    /// Reads one field, both parts without white space around them.
    pub(super) fn read(&mut self, name: &str, value: &str) -> Result<(HeaderName, HeaderValue), FieldFault> {
        let fault = |id, part, message: String, help: &str| FieldFault {
            id,
            part,
            message,
            help: help.to_owned(),
            goes: false,
        };
        let Ok(known) = HeaderName::from_bytes(name.as_bytes()) else {
            let message = format!("`{name}` is no name of a header field");
            return Err(fault("header-name", Part::Name, message, "use letters, digits and hyphens"));
        };
        // HEADERS-4
        if apply::is_reserved(&known) {
            let message = format!("`{name}` is what the server itself says, and cannot be set");
            let help = match known.as_str() {
                "location" => "write a rule with a redirect status into `_redirects`",
                _ => "leave this line out",
            };
            let goes = known.as_str() != "location";
            return Err(FieldFault { goes, ..fault("header-reserved", Part::Name, message, help) });
        }
        if value.is_empty() {
            let message = format!("`{name}` has no value");
            return Err(fault("header-value", Part::Both, message, "write a value, or leave this line out"));
        }
        let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) else {
            let message = format!("the value of `{name}` holds a control character");
            return Err(fault("header-value", Part::Value, message, "write printable characters only"));
        };
        if !self.0.contains(&known) {
            if self.0.len() >= MAX_NAMES {
                let message = format!("this file names more than {MAX_NAMES} header fields");
                return Err(fault("too-many-names", Part::Name, message, "leave some of them out"));
            }
            self.0.insert(known.clone());
        }
        Ok((known, value))
    }
}

impl Block {
    /// HEADERS-3: a name that comes again under the same path adds to the value.
    pub(super) fn add(&mut self, name: HeaderName, value: HeaderValue) {
        match self.fields.iter().position(|(known, _)| *known == name) {
            Some(place) => self.more.push((place, value)),
            None => self.fields.push((name, value)),
        }
    }

    /// Puts the values of each name together, all at once: a name can come again on every line of a long file (RULES-14).
    pub(super) fn close(&mut self) {
        let mut joined: Vec<Vec<u8>> = vec![Vec::new(); if self.more.is_empty() { 0 } else { self.fields.len() }];
        for (place, value) in self.more.drain(..) {
            step(value.len());
            let (Some(joined), Some((_, first))) = (joined.get_mut(place), self.fields.get(place)) else { continue };
            if joined.is_empty() {
                joined.extend_from_slice(first.as_bytes());
            }
            joined.extend_from_slice(b", ");
            joined.extend_from_slice(value.as_bytes());
        }
        for ((_, value), joined) in self.fields.iter_mut().zip(joined).filter(|(_, joined)| !joined.is_empty()) {
            if let Ok(joined) = HeaderValue::from_bytes(&joined) {
                *value = joined;
            }
        }
    }
}
