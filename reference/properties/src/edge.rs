//! HOST-2, HOST-3, COND-3: what a client writes into the fields of proxies convinces nobody, and no port passes a rule by.

use std::net::IpAddr;
use std::sync::LazyLock;

use rolegate::edge::{Connection, CountrySource, Edge, Forwarding, Network, Seen};
use rolegate::request::Scheme;
use rolegate::rules::RuleSet;

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
/// The first byte chooses the family of fields and the proxies in front; every further line is a field, whose first byte
/// chooses the name.
pub fn edge(bytes: &[u8]) {
    let Some((choice, lines)) = bytes.split_first() else { return };
    let forwarding = match choice % 4 {
        0 => Forwarding::XForwarded,
        1 => Forwarding::Forwarded,
        2 => Forwarding::XForwardedAdded,
        _ => Forwarding::XForwardedSet,
    };
    let edge = Edge {
        trusted: ["10.0.0.0/8", "fd00::/8"].iter().filter_map(|text| text.parse::<Network>().ok()).collect(),
        forwarding,
        country: CountrySource::Header(COUNTRY.to_owned()),
        ports: vec![8443],
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
    nobody_chooses_the_host_that_rules_go_by(&edge, &Way::of(choice / 4), &fields);
    no_port_passes_a_rule_by(&edge, lines);
}

fn see<'a>(edge: &Edge, peer: [u8; 4], fields: &[(&'a str, &'a [u8])]) -> Option<Seen<'a>> {
    static NO_RULES: LazyLock<RuleSet> = LazyLock::new(RuleSet::default);
    let connection = Connection { peer: IpAddr::from(peer), scheme: Scheme::Https, port: 8888 };
    edge.see(connection, b"/", Some("own.example"), fields, &NO_RULES).ok()
}

/// Rules that tell hosts and schemes apart.
static RULES: LazyLock<RuleSet> = LazyLock::new(|| {
    let hosts = [
        "https://gated.example",
        "http://gated.example",
        "https://a.example",
        "http://a.example",
        "http://inner.example",
    ];
    RuleSet::parse(hosts.map(|host| format!("{host}/* /x 302")).join("\n").as_bytes()).rules
});

const STRANGER: [u8; 4] = [192, 0, 2, 1];
const PROXY: [u8; 4] = [10, 0, 0, 1];

fn strangers_are_not_believed(edge: &Edge, fields: &[(&str, &[u8])]) {
    let seen = see(edge, STRANGER, fields);
    let expected = Seen {
        scheme: Scheme::Https,
        host: Some("own.example"),
        address: Some("own.example"),
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
        Forwarding::Forwarded => name == "Forwarded",
        _ => matches!(name, "X-Forwarded-For" | "X-Forwarded-Proto" | "X-Forwarded-Host"),
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

/// What a proxy does with the fields that say scheme and host; to the addresses each adds one.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Adds what it has seen.
    Adds,
    /// Puts what it has seen in the place of what came.
    Sets,
    /// Passes on what came.
    PassesOn,
}

/// Trusted proxies on the way from a client to the gate.
struct Way {
    /// The first is the one that the client comes to, and it does not pass on what a client says of itself.
    proxies: Vec<Manner>,
    /// Whether they pass on the host that was asked, or ask for one of their own.
    keeps_host: bool,
}

impl Way {
    fn of(choice: u8) -> Way {
        let manner = |digit: u8| match digit % 3 {
            0 => Manner::Adds,
            1 => Manner::Sets,
            _ => Manner::PassesOn,
        };
        let first = if choice & 2 == 0 { Manner::Adds } else { Manner::Sets };
        let proxies = match choice / 4 {
            0 => vec![first],
            one @ 1..=3 => vec![first, manner(one)],
            two => vec![first, manner(two), manner(two / 3)],
        };
        Way { proxies, keeps_host: choice & 1 == 0 }
    }

    /// The fields of `client` as they come to the gate, and the host that its `Host` line names.
    fn pass<'a>(&self, client: &[(&'a str, &'a [u8])]) -> (Vec<(&'a str, Vec<u8>)>, &'static str) {
        let mut fields: Vec<(&str, Vec<u8>)> = client.iter().map(|(name, value)| (*name, value.to_vec())).collect();
        let (mut from, mut scheme, mut host) = ("198.51.100.7".to_owned(), "https", "gated.example");
        for (place, manner) in self.proxies.iter().enumerate() {
            fields.push(("X-Forwarded-For", from.clone().into_bytes()));
            let said = [
                ("X-Forwarded-Proto", scheme.to_owned()),
                ("X-Forwarded-Host", host.to_owned()),
                ("Forwarded", format!("for={from};proto={scheme};host={host}")),
            ];
            if *manner == Manner::Sets {
                fields.retain(|(name, _)| !said.iter().any(|(own, _)| own == name));
            }
            if *manner != Manner::PassesOn {
                fields.extend(said.map(|(name, value)| (name, value.into_bytes())));
            }
            (from, scheme) = (format!("10.0.0.{place}"), "http");
            host = if self.keeps_host { host } else { "inner.example" };
        }
        (fields, host)
    }
}

/// HOST-2.lists: the client asks for `https://gated.example`, and says of itself what it likes.
fn nobody_chooses_the_host_that_rules_go_by(edge: &Edge, way: &Way, client: &[(&str, &[u8])]) {
    let (fields, host) = way.pass(client);
    let fields: Fields<'_> = fields.iter().map(|(name, value)| (*name, value.as_slice())).collect();
    let connection = Connection { peer: IpAddr::from(PROXY), scheme: Scheme::Http, port: 8888 };
    let see = |target: &'static str| edge.see(connection, target.as_bytes(), Some(host), &fields, &RULES).ok();
    let seen = see("/").map(|seen| (seen.scheme, seen.address));
    let asked = (Scheme::Https, Some("gated.example"));
    let (last, others) = way.proxies.split_last().unwrap_or((&Manner::Adds, &[]));
    let all_add = way.proxies.iter().all(|manner| *manner == Manner::Adds);
    match edge.forwarding {
        Forwarding::XForwarded => assert!(seen.is_none_or(|seen| seen == asked), "{seen:?} is believed"),
        Forwarding::XForwardedAdded if all_add => assert_eq!(seen, Some(asked)),
        Forwarding::XForwardedSet if *last == Manner::Sets => {
            let scheme = if others.is_empty() { Scheme::Https } else { Scheme::Http };
            let host = if others.is_empty() || way.keeps_host { "gated.example" } else { "inner.example" };
            assert_eq!(seen, Some((scheme, Some(host))));
        }
        // The list begins anew with a proxy that sets it, and whoever came to that one is another proxy.
        Forwarding::Forwarded if way.proxies.iter().skip(1).any(|manner| *manner == Manner::Sets) => {
            let of_proxies = |host| matches!(host, Some("gated.example" | "inner.example"));
            assert!(seen.is_none_or(|(_, host)| of_proxies(host)), "{seen:?} is believed");
        }
        Forwarding::Forwarded => assert!(seen.is_none_or(|seen| seen == asked), "{seen:?} is believed"),
        Forwarding::XForwardedAdded | Forwarding::XForwardedSet => {}
    }
    // HTTP-4: a proxy passes on what a client has written into the request line.
    for target in ["http://a.example/", "https://a.example/", "https://gated.example:8081/"] {
        assert_eq!(see(target), None, "{target} is believed");
    }
}

/// HOST-3: a port that a client writes behind a host that rules name.
fn no_port_passes_a_rule_by(edge: &Edge, bytes: &[u8]) {
    let digits = bytes.iter().take(8).filter(|byte| byte.is_ascii_digit()).map(|digit| char::from(*digit));
    let host = format!("Gated.Example:{}", digits.collect::<String>());
    let connection = Connection { peer: IpAddr::from(STRANGER), scheme: Scheme::Http, port: 8888 };
    if let Ok(seen) = edge.see(connection, b"/", Some(&host), &[], &RULES) {
        assert_eq!(seen.address, Some("gated.example"), "{host} is another host");
    }
}
