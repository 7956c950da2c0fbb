//! The URL Standard's test data against the canonical path: the same path, or refused, and never another one.
//!
//! A row is an input, a base, and the URL that a browser makes of them. Two things of it can reach a gate:
//!
//! * *The result.* Path and query of every row whose URL is `http` or `https`, which is what a browser sends.
//! * *The input*, sent as it is by something that is no browser. It can be a request target (RFC 9112 §3.2) where it
//!   begins with a slash (origin form) or with `http:` or `https:` in any case (absolute form), and the base, if any, is
//!   special. Every other input is a relative reference or of another scheme: no target, and refused. Not comparable are
//!   inputs that begin with two slashes: a browser takes what follows for a host, and in a request target it is the path
//!   (RFC 9112 §3.2.1). There the gate must keep the whole path. Inputs that a browser cannot read have no path to
//!   compare with; they are read without harm.

use percent_encoding::percent_decode_str;
use rolegate::{RequestPath, Target};
use serde::Deserialize;
use serde_json::Value;

use crate::folder;

const FILE: &str = "whatwg-url/urltestdata.json";

#[derive(Deserialize)]
struct Row {
    input: String,
    base: Option<String>,
    #[serde(default)]
    protocol: String,
    #[serde(default)]
    pathname: String,
    #[serde(default)]
    search: String,
}

/// The rows of the file, without the comments between them.
fn rows(test: &str) -> Option<Vec<Row>> {
    let rows: Vec<Value> = folder::json(test, FILE)?;
    let rows: Vec<Row> =
        rows.into_iter().filter(Value::is_object).map(|row| serde_json::from_value(row).unwrap()).collect();
    assert_eq!(rows.len(), 869, "every row");
    Some(rows)
}

impl Row {
    /// Whether a browser makes an `http` or `https` URL of it.
    fn is_http(&self) -> bool {
        matches!(self.protocol.as_str(), "http:" | "https:")
    }

    /// Whether the base is of a scheme whose paths are read like those of `http`.
    fn has_special_base(&self) -> bool {
        self.base.as_ref().is_none_or(|base| base.starts_with("http:") || base.starts_with("https:"))
    }
}

/// The segments of a path as a browser writes it, decoded, and whether a slash ends it. Dots are resolved already.
fn segments(pathname: &str) -> (Vec<Vec<u8>>, bool) {
    let segments: Vec<&str> = pathname.split('/').collect();
    let trailing_slash = segments.last().is_none_or(|last| last.is_empty());
    let decoded = segments.iter().filter(|segment| !segment.is_empty());
    (decoded.map(|segment| percent_decode_str(segment).collect()).collect(), trailing_slash)
}

fn is_same(path: &RequestPath, pathname: &str) -> bool {
    let read = path.segments().map(|segment| segment.as_bytes().to_vec()).collect();
    (read, path.trailing_slash()) == segments(pathname)
}

#[test]
fn what_a_browser_sends() {
    let test = "WHATWG URL, results";
    let Some(rows) = rows(test) else { return };
    let (mut same, mut refused) = (0, 0);
    for row in rows.iter().filter(|row| row.is_http()) {
        match Target::parse(format!("{}{}", row.pathname, row.search).as_bytes()) {
            Ok(target) => {
                assert!(
                    is_same(&target.path, &row.pathname),
                    "{:?}: {} is read as {}",
                    row.input,
                    row.pathname,
                    target.path
                );
                let query = target.query.map(|query| String::from_utf8(query).unwrap()).unwrap_or_default();
                assert_eq!(query, row.search.strip_prefix('?').unwrap_or_default(), "{:?}", row.input);
                same += 1;
            }
            Err(_) => {
                let has_no_canonical_form = row.pathname.contains('%') || row.pathname.contains('\\');
                assert!(has_no_canonical_form, "{:?}: {} is refused", row.input, row.pathname);
                refused += 1;
            }
        }
    }
    folder::say(&format!("{test}: {} run, {same} the same path, {refused} refused", same + refused));
    assert_eq!((same, refused), (217, 12));
}

#[test]
fn what_somebody_else_sends() {
    let test = "WHATWG URL, inputs";
    let Some(rows) = rows(test) else { return };
    let (mut same, mut refused, mut no_target, mut a_host_to_a_browser, mut no_url, mut elsewhere) = (0, 0, 0, 0, 0, 0);
    for row in &rows {
        let target = Target::parse(row.input.as_bytes());
        let is_absolute = ["http:", "https:"]
            .iter()
            .any(|scheme| row.input.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
        if !row.input.starts_with('/') && !is_absolute {
            assert!(target.is_err(), "{:?} is no request target", row.input);
            no_target += 1;
        } else if row.input.starts_with("//") {
            if let Ok(target) = target {
                let first = row.input.trim_start_matches('/').split(['/', '?']).next().unwrap();
                let kept = first.is_empty() || target.path.segments().next().is_some_and(|segment| segment == first);
                let climbs = row.input.contains("/..");
                assert!(kept || climbs, "{:?} is read as {}", row.input, target.path);
            }
            a_host_to_a_browser += 1;
        } else if !row.has_special_base() && !is_absolute {
            elsewhere += 1;
        } else if !row.is_http() {
            no_url += 1;
        } else {
            match target {
                Ok(target) => {
                    assert!(is_same(&target.path, &row.pathname), "{:?} is read as {}", row.input, target.path);
                    same += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    folder::say(&format!(
        "{test}: {} run, {same} the same path, {refused} refused; {no_target} are no targets and refused; not comparable: \
         {a_host_to_a_browser} begin with two slashes, {elsewhere} stand at another base, {no_url} are no URL",
        same + refused + no_target
    ));
    assert_eq!(same + refused + no_target + a_host_to_a_browser + elsewhere + no_url, rows.len());
    assert_eq!((same, refused, no_target, a_host_to_a_browser, elsewhere, no_url), (86, 97, 435, 28, 20, 203));
}
