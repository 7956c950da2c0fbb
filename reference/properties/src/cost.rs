//! COST-1, COST-2, RULES-14: work is bounded by what is read, in steps that are counted and not by a clock.

use std::net::IpAddr;

use rolegate::cookie::are_too_many;
use rolegate::cost;
use rolegate::decide::{PassedOver, decide};
use rolegate::edge::{Connection, CountrySource, Edge, Forwarding};
use rolegate::request::{Request, Scheme};
use rolegate::rules::{Rule, RuleFiles, RuleSet};
use rolegate::site::{Elsewhere, MemorySite};
use rolegate::token::{Keys, Time, TokenSettings};
use rolegate::visitor::{Visitor, identify};
use rolegate_check::fix::fix;
use rolegate_check::lint::lint;

/// How often a part of an input is repeated, so that what grows faster than its input is seen on a short one.
const TIMES: [usize; 4] = [1, 8, 64, 512];

/// No input is made longer.
const MOST: usize = 64 * 1024;

/// RULES-14: reading, linting and fixing take steps in proportion to the bytes of the files.
///
/// The first byte chooses the file and how often its middle is repeated; zero bytes part beginning, middle and end.
pub fn load_cost(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else { return };
    let mut parts = text.split(|byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (start, middle, end) = (part(), part(), part());
    let file = [start, &repeated(middle, choice / 3), end].concat();
    let site = MemorySite::new(["/index.html", "/a/b.html"]);
    let (_, steps) = cost::of(|| match choice % 3 {
        0 => {
            let parsed = RuleSet::parse(&file);
            lint(&parsed.rules, &site);
            fix(&file, &[], &site);
        }
        1 => {
            lint(&RuleSet::read(RuleFiles { redirects: b"", toml: &file, headers: b"" }).rules, &site);
            fix(&[], &file, &site);
        }
        _ => {
            lint(&RuleSet::read(RuleFiles { redirects: b"", toml: b"", headers: &file }).rules, &site);
        }
    });
    // The lints compare up to 256 bytes for each byte of the rules, in each of nine rounds; nothing else comes near it.
    // Advice is proved up to sixteen times, at two million for each, however short the file is.
    let most = 40_000_000 + 6_000 * file.len() as u64;
    assert!(steps <= most, "{steps} steps for {} bytes", file.len());
}

fn repeated(text: &[u8], choice: u8) -> Vec<u8> {
    let times = TIMES.get(usize::from(choice) % TIMES.len()).copied().unwrap_or(1);
    text.repeat(times.min(MOST / text.len().max(1)).max(1))
}

/// The secret of [`request_cost`].
const SECRET: &[u8] = b"a secret of thirty-two octets ..";

/// COST-1, COST-2: one request takes steps in proportion to its own bytes and the bytes of the rules that are looked at.
///
/// A line each: one byte that chooses how often things are repeated; a line of rules that is repeated; the same for
/// others of them; the target, of which the part behind `\0` is repeated; and fields, whose parts behind `\0` are.
pub fn request_cost(bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == b'\n');
    let mut line = || parts.next().unwrap_or_default();
    let choice = line().first().copied().unwrap_or_default();
    let (first, second) = (line(), line());
    let rules = [repeated(&[first, b"\n"].concat(), choice), repeated(&[second, b"\n"].concat(), choice / 4)].concat();
    let rules = RuleSet::parse(&rules).rules;
    let grown = |text: &[u8], most: usize| {
        let (start, unit) = text.split_at(text.iter().position(|byte| *byte == 0).unwrap_or(text.len()));
        let mut text = [start, &repeated(unit.get(1..).unwrap_or_default(), choice / 16)].concat();
        text.truncate(most);
        text
    };
    let target = grown(line(), rolegate::path::MAX_TARGET);
    let fields: Vec<(String, Vec<u8>)> = parts
        .take(100)
        .filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b':')?;
            let name = String::from_utf8_lossy(line.get(..at)?).into_owned();
            Some((name, grown(line.get(at + 1..)?, 32 * 1024)))
        })
        .collect();
    let headers: Vec<(&str, &[u8])> = fields.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    one_request(&rules, &target, &headers);
}

/// The same of a request that is made already.
pub(crate) fn one_request(rules: &RuleSet, target: &[u8], headers: &[(&str, &[u8])]) {
    let Ok(keys) = Keys::hs256(SECRET) else { return };
    let networks = ["10.0.0.0/8", "fd00::/8"];
    let edge = Edge {
        trusted: networks.iter().filter_map(|text| text.parse().ok()).collect(),
        forwarding: Forwarding::XForwarded,
        country: CountrySource::Unknown,
        ports: Vec::new(),
    };
    let connection = Connection { peer: IpAddr::from([10, 0, 0, 1]), port: 443, scheme: Scheme::Https };
    let site = MemorySite::new(["/index.html", "/a.html", "/a/index.html"]);
    let request =
        Request { method: "GET", target, host: Some("a.example"), scheme: Scheme::Https, headers, country: Some("de") };
    let settings = TokenSettings::default();
    let sent = target.len() + headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();

    let (_, steps) = cost::of(|| {
        let _ = edge.see(connection, target, request.host, headers, rules);
        are_too_many(request.cookie_lines());
        identify(request.cookie_lines(), &keys, &settings, Time::from_seconds(0))
    });
    let most = 1_000 + 8 * sent * (1 + networks.len());
    assert!(steps <= most as u64, "{steps} steps to read {sent} bytes");

    let many: Vec<String> = (0..500).map(|number| format!("r{number}")).collect();
    for visitor in [Visitor::Anonymous, Visitor::with_roles(many)] {
        for elsewhere in [false, true] {
            let (decision, steps) = cost::of(|| match elsewhere {
                false => decide(rules, &request, &visitor, &site),
                true => decide(rules, &request, &visitor, &Elsewhere),
            });
            let of_rule = |place: usize| rules.rules().get(place).map_or(0, |rule| price(rule, target.len()));
            let passed_over = decision.passed_over.iter().map(|(place, why)| match why {
                // Where a redirect leads is known once its names are filled in, for each as long as the request.
                PassedOver::Loop | PassedOver::OwnTree => of_rule(*place) + 8 * target.len(),
                _ => of_rule(*place),
            });
            // FRONT-3: which parameters are read by rules with a star in the middle is known once they are looked at.
            let naming = rules.rules().iter().filter(|rule| elsewhere && !rule.query.is_empty());
            let naming = naming.filter(|rule| rule.pattern.has_star_in_the_middle());
            let named: usize = naming.map(|rule| price(rule, target.len())).sum();
            let looked_at: usize = passed_over.sum::<usize>() + decision.by.map_or(0, of_rule) + named;
            // A destination holds up to 32 names.
            let most = 2_000 + 64 * sent + 8 * looked_at;
            assert!(steps <= most as u64, "{steps} steps for {sent} bytes and rules of {looked_at}");
        }
    }
}

/// What a look at a rule may cost. What follows a star in the middle is looked for in the whole path (RULES-14.bounds).
fn price(rule: &Rule, path: usize) -> usize {
    let searched = if rule.pattern.has_star_in_the_middle() { 32 * path } else { 0 };
    16 + rule.text.len() + searched
}
