//! What a gate cannot be asked, with the reason: what it lacks itself, and what cannot be asked of it where it is and as it is reached. The suites say what
//! their cases need.

use std::collections::BTreeMap;

use super::RunOptions;
use super::compose::moves;
use crate::corpus::Case;
use crate::gates::Gate;
use crate::wire::plain::HttpVersion;

/// Found once for a run.
pub(super) struct Lacks {
    /// Feature to reason.
    features: BTreeMap<String, String>,
    /// Whether requests can be written in HTTP/1.1.
    speaks_http1: bool,
}

impl Lacks {
    pub(super) fn of(gate: &Gate, options: &RunOptions) -> Self {
        let mut features = gate.unsupported();
        let mut lacks = |feature: &str, reason: &str| {
            features.entry(feature.to_owned()).or_insert_with(|| reason.to_owned());
        };
        let remote = if let Gate::Remote(target) = gate { Some(target) } else { None };
        let is_over_tls = remote.is_some_and(|target| target.https);
        match is_over_tls {
            true => lacks("plain-http", "the gate is asked over TLS, and this is about requests without"),
            false => lacks("tls", "the gate is asked over plain HTTP, and this is about requests over TLS"),
        }
        if remote.is_some() {
            lacks("listener", "the gate runs elsewhere and cannot reach a listener on this machine");
            lacks("proxy", "the gate runs elsewhere and cannot reach the runner's upstream");
        }
        if options.behind_proxy {
            lacks(
                "first-reader",
                "a server in front reads the request first, and answers or mends it by itself (--behind-proxy)",
            );
        }
        Self { features, speaks_http1: options.http != HttpVersion::Http2 || is_over_tls }
    }

    /// The feature that a case needs and the gate lacks, for a suite under this prefix.
    pub(super) fn lacking(&self, case: &Case, prefix: &str) -> Option<(String, String)> {
        if let Some((feature, reason)) = case.features.iter().find_map(|feature| self.features.get_key_value(feature)) {
            return Some((feature.clone(), reason.clone()));
        }
        let lack = |feature: &str, reason: &str| Some((feature.to_owned(), reason.to_owned()));
        if !self.speaks_http1 && case.request.is_byte_exact() {
            return lack("http-1", "the gate is asked over HTTP/2 alone, and this request is written in HTTP/1.1");
        }
        let names_the_root = || !moves(&case.request) || case.features.iter().any(|feature| feature == "root-path");
        if !prefix.is_empty() && names_the_root() {
            return lack(
                "root-path",
                "this is about the root of the site, and the suite is deployed under a path prefix",
            );
        }
        None
    }
}
