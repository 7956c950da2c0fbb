//! HOST-2, COND-3: what a client writes into the fields of proxies convinces nobody.

use std::net::IpAddr;

use crate::edge::{Connection, CountrySource, Edge, Forwarding, Network, Seen};
use crate::request::Scheme;

type Fields<'a> = Vec<(&'a str, &'a [u8])>;

const NAMES: [&str; 8] = [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "Forwarded",
    "X-Gate-Country",
    "X-Real-IP",
    "X-Forwarded-Server",
    "X_Forwarded_Host",
];

const COUNTRY: &str = "x-gate-country";

/// Whoever is not trusted is not believed, and behind a trusted proxy only what that proxy wrote counts.
///
/// The first octet chooses the family of fields; every further line is a field, whose first octet chooses the name.
pub fn edge(bytes: &[u8]) {
    let Some((choice, lines)) = bytes.split_first() else { return };
    let forwarding = if choice % 2 == 0 { Forwarding::XForwarded } else { Forwarding::Forwarded };
    let edge = Edge {
        trusted: ["10.0.0.0/8", "fd00::/8"].iter().filter_map(|text| text.parse::<Network>().ok()).collect(),
        forwarding,
        country: CountrySource::Header(COUNTRY.to_owned()),
    };
    let fields: Fields<'_> = lines
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let (name, value) = line.split_first()?;
            let is_value = value.iter().all(|byte| *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7f));
            Some((*NAMES.get(usize::from(*name) % NAMES.len())?, value)).filter(|_| is_value)
        })
        .collect();
    strangers_are_not_believed(&edge, &fields);
    what_a_proxy_says_is_well_formed(&edge, &fields);
    other_fields_change_nothing(&edge, &fields);
    what_stands_before_the_proxys_own_words_changes_nothing(&edge, &fields);
}

fn see<'a>(edge: &Edge, peer: [u8; 4], fields: &[(&'a str, &'a [u8])]) -> Option<Seen<'a>> {
    let connection = Connection { peer: IpAddr::from(peer), scheme: Scheme::Https };
    edge.see(connection, Some("own.example"), fields).ok()
}

const STRANGER: [u8; 4] = [192, 0, 2, 1];
const PROXY: [u8; 4] = [10, 0, 0, 1];

fn strangers_are_not_believed(edge: &Edge, fields: &[(&str, &[u8])]) {
    let seen = see(edge, STRANGER, fields);
    let expected = Seen {
        scheme: Scheme::Https,
        host: Some("own.example"),
        client: Some(STRANGER.into()),
        country: None,
        through_proxy: false,
    };
    assert_eq!(seen, Some(expected), "a stranger talks the gate into something");
}

fn what_a_proxy_says_is_well_formed(edge: &Edge, fields: &[(&str, &[u8])]) {
    let Some(seen) = see(edge, PROXY, fields) else { return };
    assert!(seen.through_proxy);
    assert!(seen.client.is_none_or(|client| client == client.to_canonical()));
    if let Some(country) = seen.country {
        let lines: Vec<_> = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(COUNTRY)).collect();
        assert_eq!(lines.len(), 1, "of two countries one was believed");
        assert!(country.code().bytes().all(|byte| byte.is_ascii_uppercase()) && country.code().len() == 2);
    }
}

fn other_fields_change_nothing(edge: &Edge, fields: &[(&str, &[u8])]) {
    let counts = |name: &str| match edge.forwarding {
        _ if name.eq_ignore_ascii_case(COUNTRY) => true,
        Forwarding::XForwarded => matches!(name, "X-Forwarded-For" | "X-Forwarded-Proto" | "X-Forwarded-Host"),
        Forwarding::Forwarded => name == "Forwarded",
    };
    let fewer: Fields<'_> = fields.iter().copied().filter(|(name, _)| counts(name)).collect();
    assert_eq!(see(edge, PROXY, fields), see(edge, PROXY, &fewer), "a field that does not count has counted");
}

/// A client in front of a proxy writes `fields`; the proxy adds lines of its own, as RFC 9110 §5.3 lets it.
fn what_stands_before_the_proxys_own_words_changes_nothing(edge: &Edge, fields: &[(&str, &[u8])]) {
    let client = IpAddr::from([198, 51, 100, 7]);
    let mut both: Fields<'_> = fields.iter().copied().filter(|(name, _)| !name.eq_ignore_ascii_case(COUNTRY)).collect();
    let own: [(&str, &[u8]); 5] = [
        ("x-forwarded-for", b"198.51.100.7"),
        ("x-forwarded-proto", b"http"),
        ("x-forwarded-host", b"a.example"),
        ("forwarded", b"for=198.51.100.7;proto=http;host=a.example"),
        (COUNTRY, b"aq"),
    ];
    both.extend(own);
    let seen = see(edge, PROXY, &both);
    if edge.forwarding == Forwarding::Forwarded && seen.is_none() {
        return; // The client broke the grammar of the field, and gets no answer.
    }
    let told =
        seen.map(|seen| (seen.client, seen.scheme, seen.host, seen.country.map(|country| country.code().to_owned())));
    let expected = (Some(client), Scheme::Http, Some("a.example"), Some("AQ".to_owned()));
    assert_eq!(told, Some(expected), "a client writes what only the proxy may say");
}
