//! Locations, against a second reader: what a browser makes of them.

use percent_encoding::percent_decode_str;
use rolegate::decide::{Outcome, decide};
use rolegate::path::Target;
use rolegate::query::form_encode;
use rolegate::rules::RuleSet;
use rolegate::site::MemorySite;
use rolegate::visitor::Visitor;

/// The request that is redirected stands at this origin.
const HERE: &str = "https://a.example";
/// Stands for captured text in a host; nothing else there holds it.
const LABEL: &str = "zqzq";

/// SUBST-3, LOC-1, LOC-3: whatever text a request supplies, a browser follows the redirect to the place that the rule
/// names: to the same site, or to the host that is written in the rule; along the path of the rule with the text as text
/// in it; with the rule's parameters and no further one.
///
/// The input is a destination and the text for `:x`, `*` and `:y`, a line each. `resolve` takes a base and a reference,
/// and gives the serialized URL that the URL Standard makes of them.
pub fn location(bytes: &[u8], resolve: impl Fn(&str, &str) -> Option<String>) {
    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (Ok(to), x, splat, y) = (std::str::from_utf8(line()), line(), line(), line()) else { return };
    if to.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return; // More fields than one.
    }
    let rules = RuleSet::parse(format!("/:x/* q=:y {to} 302!").as_bytes()).rules;
    let target = format!("/{}/{}?q={}", escaped(x, b""), escaped(splat, b"/"), form_encode(y));
    let decision =
        decide(rules.rules(), &super::request(target.as_bytes()), &Visitor::Anonymous, &MemorySite::default());
    let (Outcome::Redirect { location, .. }, Ok(asked)) = (&decision.outcome, Target::parse(target.as_bytes())) else {
        return;
    };
    super::check_location(&rules, decision.by, &decision.outcome);

    let segments: Vec<&str> = asked.path.segments().collect();
    let slash = asked.path.trailing_slash() && segments.len() > 1;
    let supplied = match segments.as_slice() {
        [x, splat @ ..] => Supplied { x, splat, slash, y },
        [] => return,
    };
    let template = Template::of(to);
    let read = resolve(&format!("{HERE}{target}"), location);
    match template.site {
        None => {
            let read = read.as_deref().and_then(|read| read.strip_prefix(HERE));
            // The one thing that the URL Standard writes otherwise: an apostrophe in a query.
            let (path, query) = (Template::of(location).path, location.get(Template::of(location).path.len()..));
            let (query, fragment) = split_at(query.unwrap_or_default(), '#');
            let same = format!("{path}{}{fragment}", query.replace('\'', "%27"));
            assert_eq!(read, Some(same.as_str()), "a browser reads {location:?} otherwise");
        }
        // What a browser cannot read leads nowhere.
        Some(site) => {
            if let Some(read) = &read {
                leads_to_the_host_of_the_rule(site, read, &resolve);
            }
        }
    }
    if let Some(read) = &read {
        let read = Template::of(read);
        if let Some(expected) = supplied.segments(template.path) {
            assert_eq!(decoded_segments(read.path), expected, "{to} leads to {location}");
        }
        if let Some(own) = template.query {
            supplied.fits_the_parameters(own, read.query.unwrap_or_default());
        }
    }
}

/// The parts of a destination, or of a URL, cut where each can only be cut.
struct Template<'a> {
    /// Scheme and authority.
    site: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Template<'a> {
    fn of(text: &'a str) -> Template<'a> {
        let authority = text.starts_with("http").then(|| text.find("://").map(|at| at + 3)).flatten();
        let (site, rest) = match authority {
            Some(start) => {
                let end =
                    text.get(start..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(text.len(), |at| start + at);
                (text.get(..end), text.get(end..).unwrap_or_default())
            }
            None => (None, text),
        };
        let (rest, _fragment) = split_at(rest, '#');
        let (path, query) = split_at(rest, '?');
        Template { site, path, query: query.strip_prefix('?') }
    }
}

/// Text up to the first `separator`, and from there on.
fn split_at(text: &str, separator: char) -> (&str, &str) {
    text.split_at(text.find(separator).unwrap_or(text.len()))
}

fn escaped(bytes: &[u8], raw: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| if raw.contains(byte) { char::from(*byte).to_string() } else { format!("%{byte:02x}") })
        .collect()
}

fn decoded_segments(path: &str) -> Vec<Vec<u8>> {
    path.split('/').filter(|part| !part.is_empty()).map(|part| percent_decode_str(part).collect()).collect()
}

/// The host that a browser goes to ends in what the rule writes after the last name, and is the host of the rule where
/// the rule has no name in it.
fn leads_to_the_host_of_the_rule(site: &str, read: &str, resolve: &impl Fn(&str, &str) -> Option<String>) {
    let named = [":splat", ":x", ":y"].iter().fold(site.to_owned(), |text, name| text.replace(name, LABEL));
    let (_, after_scheme) = named.split_once("://").unwrap_or_default();
    if [LABEL, "."].contains(&after_scheme) || after_scheme.starts_with(&format!("{LABEL}:")) {
        return; // The rule leaves the whole host to the request.
    }
    let Some(shape) = resolve(HERE, &named) else { return };
    let site_of = |url: &str| Template::of(url).site.unwrap_or_default().to_owned();
    let (shape, read) = (site_of(&shape), site_of(read));
    assert!(!read.contains('@'), "{read} has user information");
    match shape.rsplit_once(LABEL) {
        Some((_, written)) => {
            assert_eq!(
                read.split_once("://").map(|(scheme, _)| scheme),
                shape.split_once("://").map(|(scheme, _)| scheme)
            );
            assert!(read.ends_with(written), "{site} leads to {read}");
        }
        None => assert_eq!(read, shape, "{site} leads elsewhere"),
    }
}

/// What the request has put in the place of the names.
struct Supplied<'a> {
    x: &'a str,
    splat: &'a [&'a str],
    /// A slash ends the splat.
    slash: bool,
    y: &'a [u8],
}

impl Supplied<'_> {
    /// The decoded segments of a path whose segments are plain words and whole names; `None` for any other path.
    fn segments(&self, path: &str) -> Option<Vec<Vec<u8>>> {
        let mut segments = Vec::new();
        for part in path.split('/') {
            match part {
                ":x" => segments.push(self.x.as_bytes().to_vec()),
                ":splat" => segments.extend(self.splat.iter().map(|segment| segment.as_bytes().to_vec())),
                ":y" => segments.push(self.y.to_vec()),
                word if word.chars().all(|c| c.is_ascii_alphanumeric()) => segments.push(word.as_bytes().to_vec()),
                _ => return None,
            }
        }
        segments.retain(|segment| !segment.is_empty());
        Some(segments)
    }

    /// QUERY-4: as many parameters as the rule writes, and each whole name reads as the text that was supplied.
    fn fits_the_parameters(&self, own: &str, read: &str) {
        let (own, read): (Vec<&str>, Vec<&str>) = (own.split('&').collect(), read.split('&').collect());
        assert_eq!(own.len(), read.len(), "the request adds a parameter: {read:?}");
        let mut splat = self.splat.join("/");
        if self.slash {
            splat.push('/');
        }
        for (own, read) in own.iter().zip(&read) {
            let (_, value) = split_at(read, '=');
            let text = match split_at(own, '=').1 {
                "=:x" => self.x.as_bytes(),
                "=:splat" => splat.as_bytes(),
                "=:y" => self.y,
                _ => continue,
            };
            let value: Vec<u8> = percent_decode_str(&value.replacen('=', "", 1).replace('+', " ")).collect();
            assert_eq!(value, text, "{own} became {read}");
        }
    }
}
