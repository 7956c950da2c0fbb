//! Properties: plain functions that assert, each over any input.
//!
//! Each has three drivers: proptest (`tests/properties.rs`), the fuzz targets (`fuzz/`), and the replay of their
//! corpus (`tests/replay.rs`). A driver supplies input and nothing else.
#![forbid(unsafe_code)]

mod cost;
mod edge;
mod files;
mod fix;
mod forwarded;
#[cfg(feature = "server")]
mod forwarding;
mod front_ends;
#[cfg(feature = "identity")]
mod git_paths;
#[cfg(feature = "server")]
mod head;
mod headers;
#[cfg(feature = "server")]
mod identity;
mod json;
#[cfg(feature = "keys")]
mod keys;
mod location;
mod mended;
mod reload;
mod small;
#[cfg(feature = "server")]
mod whole_server;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{CACHE_CONTROL, HeaderMap};
use rolegate::answer::cache_rules;
use rolegate::caches::{Keeping, Varies};
use rolegate::cookie;
use rolegate::decide::{Decision, Outcome, PassedOver, decide as put_to};
use rolegate::path::{RequestPath, Target};
use rolegate::request::{Origin, Request, Scheme};
use rolegate::rules::Pattern;
use rolegate::rules::{Rule, RuleSet};
use rolegate::site::{MemorySite, Site};
use rolegate::token::{Keys, Secret, Time, TokenError, TokenSettings, verify};
use rolegate::visitor::{Visitor, identify};
use serde_json::Value;
use sha2::Sha256;

pub use cost::{load_cost, request_cost};
pub use edge::edge;
pub use files::{lint_rules, parse_redirects, parse_toml, print_rules, render_problems, toml_gates};
pub use fix::{advice_opens_nothing, fix_opens_nothing};
pub use forwarded::forwarded;
#[cfg(feature = "server")]
pub use forwarding::forward_fields;
pub use front_ends::front_end_paths;
#[cfg(feature = "identity")]
pub use git_paths::git_tree_paths;
#[cfg(feature = "server")]
pub use head::http_head;
pub use headers::{header_answers, header_paths_agree_with_oracle, parse_headers, toml_headers};
#[cfg(feature = "server")]
pub use identity::identity_bodies;
pub use json::token_json;
#[cfg(feature = "keys")]
pub use keys::{jwks, jwks_confusion};
pub use location::location;
pub use reload::{holds_what_was_denied, reload_opens_nothing};
#[cfg(feature = "server")]
pub use whole_server::WholeServer;

/// NOLEAK-4: an answer that depended on a role holds no field by which a cache would keep it for others. The names are
/// written down once more and not taken from the code under test.
fn nothing_steers_caches(fields: &HeaderMap) {
    for name in fields.keys().filter(|name| **name != CACHE_CONTROL) {
        let plain = name.as_str().replace('_', "-");
        let plain = plain.strip_prefix("x-").unwrap_or(&plain);
        let starts = ["accel-", "akamai-", "cache-", "cdn-", "edge-", "fastly-", "netlify-", "surrogate-", "varnish-"];
        let is_known = matches!(plain, "esi" | "expires" | "no-vary-search" | "pragma" | "ttl" | "xkey");
        let is_more = plain.ends_with("cache-control");
        assert!(!is_known && !is_more && !starts.iter().any(|start| plain.starts_with(start)), "{name} steers caches");
    }
}

/// MATCH-1 to MATCH-8: the matcher agrees with a naive one, over patterns and paths of a small alphabet.
pub fn matching_agrees_with_oracle(bytes: &[u8]) {
    let (pattern_text, path_text) = small::pattern_and_path(bytes);
    let (Ok((pattern, _)), Ok(path)) = (Pattern::parse(&pattern_text), RequestPath::parse(path_text.as_bytes())) else {
        return;
    };
    let parts =
        |text: &str| -> Vec<String> { text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect() };
    let expected = oracle(&parts(&pattern_text), &parts(&path_text));
    assert_eq!(pattern.matches(&path), expected, "{pattern_text} {path_text}");
    assert_eq!(pattern.captures(&path).is_some(), expected);
}

fn oracle(pattern: &[String], path: &[String]) -> bool {
    let Some((first, pattern_rest)) = pattern.split_first() else {
        return path.is_empty();
    };
    if first == "*" && pattern_rest.is_empty() {
        return true;
    }
    let Some((segment, path_rest)) = path.split_first() else {
        return false;
    };
    if first == "*" {
        return oracle(pattern_rest, path_rest) || oracle(pattern, path_rest);
    }
    if let Some(prefix) = first.strip_suffix('*').filter(|_| pattern_rest.is_empty() && !first.starts_with(':')) {
        return segment.starts_with(prefix);
    }
    let one = (first.starts_with(':') && first.len() > 1) || first == segment;
    one && oracle(pattern_rest, path_rest)
}

const NOW: i64 = 1_700_000_000;
const SECRET: &[u8] = b"a secret of thirty-two octets ..";

fn signature(message: &str) -> Option<String> {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET).ok()?.chain_update(message).finalize();
    Some(URL_SAFE_NO_PAD.encode(mac.into_bytes()))
}

fn signed(header: &[u8], payload: &[u8]) -> Option<String> {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    Some(format!("{message}.{}", signature(&message)?))
}

/// TOKEN-2: whether `tag` is that of `key` over `message`. Known answers are not tokens, so they ask here.
pub fn tag_verifies(secret: &Secret, message: &[u8], tag: &[u8]) -> bool {
    secret.verifies(message, tag)
}

/// TOKEN-1 to TOKEN-8: no input harms, and nothing unsigned, edited or odd verifies.
pub fn decode_token(bytes: &[u8]) {
    let Ok(keys) = Keys::hs256(SECRET) else { return };
    let check = |token: &[u8]| verify(token, &keys, &TokenSettings::default(), Time::from_seconds(NOW));

    // As a whole token: accepted only with the signature that an independent computation gives.
    if check(bytes).is_ok() {
        let text = String::from_utf8_lossy(bytes);
        let accepted = text.rsplit_once('.').is_some_and(|(message, sent)| signature(message).as_deref() == Some(sent));
        assert!(accepted, "a token without its signature verified");
    }

    // As header and payload, correctly signed: accepted only if an independent reading finds nothing odd.
    let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (header, payload) = (bytes.get(..at).unwrap_or_default(), bytes.get(at + 1..).unwrap_or_default());
    if let Some(token) = signed(header, payload)
        && check(token.as_bytes()).is_ok()
    {
        let json = |bytes| serde_json::from_slice::<serde_json::Map<String, Value>>(bytes).unwrap_or_default();
        let (header, payload) = (json(header), json(payload));
        assert_eq!(header.get("alg").and_then(Value::as_str), Some("HS256"));
        assert!(!header.contains_key("crit") && header.get("b64").is_none_or(|b64| *b64 == Value::Bool(true)));
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let now = NOW as f64;
        assert!(payload.get("exp").and_then(Value::as_f64).is_some_and(|exp| exp > now));
        assert!(payload.get("nbf").is_none_or(|nbf| nbf.as_f64().is_some_and(|nbf| nbf <= now)));
    }

    // As an edit of a good token.
    let Some(good) = signed(br#"{"alg":"HS256","typ":"JWT"}"#, br#"{"exp":1700000001}"#) else { return };
    assert!(check(good.as_bytes()).is_ok());
    let edited = small::edit(good.as_bytes(), bytes);
    if edited != good.as_bytes() {
        assert!(check(&edited).is_err(), "an edited token verified: {}", String::from_utf8_lossy(&edited));
    }
}

/// COOKIE-1 to COOKIE-4: neighbours and line breaks between cookies make no difference to the token.
pub fn read_cookie(bytes: &[u8]) {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let token = cookie::token(lines.iter().copied());
    if let Some(token) = token {
        assert!(!token.is_empty() && !token.contains(&b';'));
        assert!(bytes.windows(cookie::TOKEN_COOKIE.len()).any(|window| window == cookie::TOKEN_COOKIE.as_bytes()));
    }
    let joined = lines.join(&b"; "[..]);
    assert_eq!(cookie::token([joined.as_slice()]), token, "several lines are one");
    let neighbours: [&[u8]; 6] = [b"a=b", b";;=;", b"NF_JWT=x", b"nf_jwt2=x", b"=nf_jwt", b"nf_jwt"];
    for neighbour in neighbours {
        let around = [neighbour].into_iter().chain(lines.iter().copied()).chain([neighbour]);
        assert_eq!(cookie::token(around), token, "a neighbour makes no difference");
    }
    let planted: [&[u8]; 1] = [b"nf_jwt=planted"];
    if token != Some(b"planted") {
        let planted = cookie::token(lines.iter().copied().chain(planted));
        assert!(planted.is_none() || !has_token(&lines), "of two different tokens none counts");
    }
    let Ok(keys) = Keys::hs256(SECRET) else { return };
    let visitor = identify(lines.iter().copied(), &keys, &TokenSettings::default(), Time::from_seconds(NOW));
    assert_eq!(visitor == Visitor::Anonymous, token.is_none());
}

fn has_token(lines: &[&[u8]]) -> bool {
    cookie::pairs(lines.iter().copied()).any(|(name, _)| name == cookie::TOKEN_COOKIE.as_bytes())
}

/// NOLEAK-1: what is canonical stays so, and holds nothing that two readers could read differently.
pub fn canonical_path(bytes: &[u8]) {
    let Ok(target) = Target::parse(bytes) else { return };
    let path = &target.path;
    for segment in path.segments() {
        assert!(!matches!(segment, "" | "." | ".."));
        assert!(!segment.contains(['/', '\\']) && !segment.chars().any(char::is_control));
    }
    let encoded = path.encoded();
    assert!(encoded.is_ascii() && encoded.starts_with('/') && !encoded.starts_with("//"));
    assert_eq!(RequestPath::parse(encoded.as_bytes()).as_ref(), Ok(path), "canonical once is canonical for good");
    let every_byte_escaped: String = path
        .segments()
        .map(|segment| "/".to_owned() + &segment.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>())
        .collect::<String>()
        + if path.trailing_slash() { "/" } else { "" };
    assert_eq!(RequestPath::parse(every_byte_escaped.as_bytes()).as_ref(), Ok(path), "raw and encoded are one");
}

/// SUBST-3, LOC-3: a Location is a URI reference, and one for a local destination stays on the site.
///
/// The input is a rule and a request target, each on a line of its own.
pub fn location_is_safe(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (rule, target) = (bytes.get(..at).unwrap_or_default(), bytes.get(at + 1..).unwrap_or_default());
    let rules = RuleSet::parse(rule).rules;
    let site = MemorySite::default();
    let request = request(target);
    let decision = put_to(&rules, &request, &Visitor::with_roles(["r"]), &site);
    check_location(&rules, decision.by, &decision.outcome);
}

fn check_location(rules: &RuleSet, by: Option<usize>, outcome: &Outcome) {
    let Outcome::Redirect { location, .. } = outcome else { return };
    assert!(location.chars().all(is_uri_character), "{location:?} is no URI reference");
    assert!(location.matches('#').count() <= 1, "{location:?} has two fragments");
    for (at, _) in location.match_indices('%') {
        let digits = location.get(at + 1..at + 3).unwrap_or_default();
        assert!(digits.len() == 2 && digits.chars().all(|c| c.is_ascii_hexdigit()), "{location:?} has a bad escape");
    }
    let is_local = by
        .and_then(|place| rules.rules().get(place))
        .and_then(Rule::apply)
        .is_some_and(|apply| !apply.to.is_absolute());
    if is_local {
        // The URL Standard reads `\` as `/` and drops tabs and line ends; there are none left to drop.
        let read = location.replace('\\', "/");
        assert!(read.starts_with('/') && !read.starts_with("//"), "{location:?} is another site");
    }
}

/// RFC 3986 §2: everything that a URI reference may hold; brackets only around an address, where a `to` has one.
fn is_uri_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c)
}

fn request(target: &[u8]) -> Request<'_> {
    Request { method: "GET", target, host: Some("a.example"), scheme: Scheme::Https, headers: &[], country: None }
}

/// NOLEAK-4, NOLEAK-4.conditions, RFC 9111 §4.1: what a shared cache may keep, and gives to whoever agrees in the fields that the
/// answer varies with, is what the gate would answer them.
fn a_cache_gives_nobody_what_the_gate_would_not(case: &small::Case, rules: &RuleSet, site: &MemorySite) {
    let holder = Visitor::with_roles(["r"]);
    let visits = [
        (&Visitor::Anonymous, "", "", None),
        (&Visitor::Anonymous, "", "de", None),
        (&Visitor::Anonymous, "", "", Some("de")),
        (&Visitor::Anonymous, "", "de", Some("de")),
        (&Visitor::Anonymous, "c=1", "", None),
        (&Visitor::Anonymous, "c=1", "de", Some("de")),
        (&Visitor::Anonymous, "nf_lang=de", "", None),
        (&Visitor::Anonymous, "nf_country=de", "", None),
        (&holder, "nf_jwt=x", "", None),
        (&holder, "nf_jwt=x; c=1", "de", Some("de")),
    ];
    let answers = visits.map(|(visitor, cookies, language, country)| {
        let headers = [("cookie", cookies.as_bytes()), ("accept-language", language.as_bytes())];
        let request = Request { headers: &headers, country, ..request(case.target.as_bytes()) };
        put_to(rules.rules(), &request, visitor, site)
    });
    for ((_, cookies, language, _), stored) in visits.iter().zip(&answers) {
        let kept = cache_rules(stored);
        if kept.keeping != Keeping::ByAnybody {
            continue;
        }
        for ((_, own_cookies, own_language, _), fresh) in visits.iter().zip(&answers) {
            let agrees = match kept.varies {
                Varies::Never => true,
                Varies::WithCookie => cookies == own_cookies,
                Varies::WithLanguage => cookies == own_cookies && language == own_language,
            };
            assert!(!agrees || stored.outcome == fresh.outcome, "{stored:?} for {fresh:?}\n{case}");
        }
    }
}

/// ROLE-12: a visitor whom `gate` denies gets nothing that it alone would show to those whom it admits.
fn denied_stays_denied(case: &small::Case, gate: Option<&Rule>, outcome: &Outcome, site: &MemorySite) {
    // ROLE-3.redirect
    if gate.is_some_and(|gate| !gate.protects()) {
        return;
    }
    let alone = RuleSet::of(gate.cloned());
    let holder = Visitor::with_roles(["r", "s"]);
    let shown = put_to(alone.rules(), &request(case.target.as_bytes()), &holder, site).outcome;
    let place = |url: &str| {
        let url = url.split('#').next().unwrap_or(url);
        let target = Target::parse(url.as_bytes()).ok()?;
        Some((Origin::new(Scheme::Https, &target.host?).name().to_owned(), target.path.name().to_owned()))
    };
    let is_same = match (&shown, outcome) {
        (Outcome::Proxy { url }, Outcome::Proxy { url: other }) => place(url) == place(other),
        (Outcome::Serve { file } | Outcome::Rewrite { file, .. }, _) => outcome.file() == Some(file),
        _ => false,
    };
    assert!(!is_same, "a denied visitor gets what {gate:?} protects: {shown:?}\n{case}");
}

/// MATCH-9, ROLE-1 to ROLE-7, ROLE-12, NOLEAK-1, NOLEAK-3: what no list of rules can bring about, over a small alphabet.
pub fn decide(bytes: &[u8]) {
    let case = small::Case::new(bytes);
    let rules = RuleSet::parse(case.rules.as_bytes()).rules;
    let site = MemorySite::new(case.files.iter().copied());
    let request = request(case.target.as_bytes());
    let decide = |visitor: &Visitor| {
        let by_index = put_to(&rules, &request, visitor, &site);
        let by_walk = put_to(rules.rules(), &request, visitor, &site);
        // MATCH-9
        assert_eq!(
            Decision { passed_over: Default::default(), ..by_index.clone() },
            Decision { passed_over: Default::default(), ..by_walk.clone() },
            "{case}",
        );
        check_location(&rules, by_index.by, &by_index.outcome);
        by_walk
    };
    let target = Target::parse(request.target).ok();
    let own_file = target.as_ref().and_then(|target| site.file(&target.path));
    let gets_own_file = |visitor: &Visitor| {
        let decision = decide(visitor);
        let gets = own_file.is_some() && decision.outcome.file() == own_file.as_deref();
        // ROLE-3, SHADOW-3; ROLE-3.redirect: unless a rule shows it of which nobody keeps anything.
        let kept = decision.by.is_none()
            || decision.denials().any(|place| rules.rules().get(place).is_some_and(Rule::protects));
        assert!(!(gets && decision.denied && kept), "a denied visitor gets the file\n{case}");
        // RULES-9: no role lifts a seal.
        let sealed = decision.passed_over.iter().any(|(_, why)| *why == PassedOver::Sealed);
        assert!(!sealed || decision.denied, "a seal admits somebody\n{case}");
        gets
    };

    // TOKEN-10
    let anonymous = decide(&Visitor::Anonymous);
    assert_eq!(anonymous, decide(&Visitor::Rejected(TokenError::Expired)), "{case}");
    let decided_by_role =
        anonymous.by.and_then(|place| rules.rules().get(place)).is_some_and(|rule| rule.role().is_some());
    assert!(!decided_by_role, "nobody satisfied a role condition\n{case}");

    // Whoever loses a role gains the file only where a role rule sent the holder elsewhere first (ROLE-4).
    let losing = [
        Visitor::with_roles(["r", "s"]),
        Visitor::with_roles(["r"]),
        Visitor::with_roles(Vec::<String>::new()),
        Visitor::Anonymous,
    ];
    let sent_elsewhere = |visitor: &Visitor| {
        let decision = decide(visitor);
        decision.by.and_then(|place| rules.rules().get(place)).is_some_and(|rule| rule.role().is_some())
    };
    for (more, fewer) in losing.iter().zip(losing.iter().skip(1)) {
        let gained = gets_own_file(fewer) && !gets_own_file(more) && !sent_elsewhere(more);
        assert!(!gained, "{fewer:?} gets the file and {more:?} does not\n{case}");
    }
    for visitor in &losing {
        let decision = decide(visitor);
        for (place, _) in decision.passed_over.iter().filter(|(_, why)| decision.denied && *why == PassedOver::Role) {
            denied_stays_denied(&case, rules.rules().get(*place), &decision.outcome, &site);
        }
    }
    // A visitor whom no token speaks for gets only what everybody gets who is not sent elsewhere.
    let may_have = |visitor: &Visitor| gets_own_file(visitor) || sent_elsewhere(visitor);
    assert!(!gets_own_file(&Visitor::Anonymous) || losing.iter().all(may_have), "{case}");

    a_cache_gives_nobody_what_the_gate_would_not(&case, &rules, &site);

    // NOLEAK-1: the canonical spelling of the same request is decided the same. FRONT-1: what is forwarded has one spelling.
    if let Ok(target) = Target::parse(request.target) {
        let query =
            target.query.as_deref().map(|query| format!("?{}", String::from_utf8_lossy(query))).unwrap_or_default();
        let canonical = target.path.encoded() + &query;
        let again = put_to(rules.rules(), &self::request(canonical.as_bytes()), &Visitor::Anonymous, &site);
        let forwards = again.by.and_then(|by| rules.rules().get(by)).is_some_and(Rule::is_proxy);
        let is_refused = matches!(anonymous.outcome, Outcome::BadRequest(_)) && forwards;
        assert!(is_refused || anonymous == again, "{anonymous:?}, {again:?}\n{case}");
    }
}
