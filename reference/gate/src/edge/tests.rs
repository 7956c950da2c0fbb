use super::*;

type Fields<'a> = &'a [(&'a str, &'a str)];

fn edge(forwarding: Forwarding) -> Edge {
    Edge {
        trusted: ["10.0.0.0/8", "127.0.0.1", "fd00::/8"].map(|text| text.parse().unwrap()).to_vec(),
        forwarding,
        country: CountrySource::Header("X-Country".to_owned()),
        ports: Vec::new(),
    }
}

/// Scheme, host, client and country as one text; `?` for what is unknown.
fn see(edge: &Edge, peer: &str, fields: &[(&str, &str)]) -> String {
    see_at(edge, peer, "/", fields, &RuleSet::default())
}

/// The same for this target, and a gate with these rules.
fn see_at(edge: &Edge, peer: &str, target: &str, fields: &[(&str, &str)], rules: &RuleSet) -> String {
    let fields: Vec<(&str, &[u8])> = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let connection = Connection { peer: peer.parse().unwrap(), scheme: Scheme::Http, port: 8888 };
    match edge.see(connection, target.as_bytes(), Some("gate.example"), &fields, rules) {
        Ok(seen) => {
            let client = seen.client.map_or("?".to_owned(), |client| client.to_string());
            let country = seen.country.map_or("?".to_owned(), |country| country.to_string());
            format!("{} {} {client} {country}", seen.scheme.name(), seen.host.unwrap_or("?"))
        }
        Err(unclear) => unclear.to_string(),
    }
}

#[test]
fn host_2_and_cond_3_a_stranger_is_not_believed() {
    let fields = [
        ("X-Forwarded-For", "10.0.0.9"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "a.example"),
        ("Forwarded", "for=10.0.0.9;proto=https;host=a.example"),
        ("X-Country", "aq"),
    ];
    for forwarding in [Forwarding::XForwarded, Forwarding::Forwarded] {
        for (peer, client) in
            [("192.0.2.1", "192.0.2.1"), ("127.0.0.2", "127.0.0.2"), ("::ffff:192.0.2.1", "192.0.2.1")]
        {
            assert_eq!(see(&edge(forwarding), peer, &fields), format!("http gate.example {client} ?"));
        }
    }
    let nobody = Edge { trusted: Vec::new(), ..edge(Forwarding::XForwarded) };
    assert_eq!(see(&nobody, "127.0.0.1", &fields), "http gate.example 127.0.0.1 ?");
}

#[test]
fn what_a_trusted_proxy_says_in_x_forwarded_fields() {
    let table: &[(&[(&str, &str)], &str)] = &[
        // It says nothing: who the visitor is stays unknown, and is not the proxy.
        (&[], "http gate.example ? ?"),
        (&[("X-Forwarded-For", "192.0.2.1")], "http gate.example 192.0.2.1 ?"),
        (&[("x-forwarded-for", "192.0.2.1:4711"), ("x-forwarded-proto", "HTTPS")], "https gate.example 192.0.2.1 ?"),
        // The rightmost address that is no proxy; what a client wrote stands left of it.
        (&[("X-Forwarded-For", "10.1.1.1, 203.0.113.5, 192.0.2.1")], "http gate.example 192.0.2.1 ?"),
        (&[("X-Forwarded-For", "203.0.113.5, 192.0.2.1, 10.1.1.1, fd00::1")], "http gate.example 192.0.2.1 ?"),
        (&[("X-Forwarded-For", "203.0.113.5"), ("X-Forwarded-For", "192.0.2.1")], "http gate.example 192.0.2.1 ?"),
        // All of them proxies: a visitor inside.
        (&[("X-Forwarded-For", "10.1.1.1, 10.1.1.2")], "http gate.example 10.1.1.1 ?"),
        // Unreadable: the search ends there.
        (&[("X-Forwarded-For", "192.0.2.1, unknown, 10.1.1.2")], "http gate.example ? ?"),
        (&[("X-Forwarded-For", "192.0.2.1, ")], "http gate.example ? ?"),
        (&[("X-Forwarded-For", "")], "http gate.example ? ?"),
        // Where no rule names a host nothing hangs on it, and the last entry is a proxy's in any case.
        (
            &[("X-Forwarded-For", "192.0.2.1, 10.1.1.1"), ("X-Forwarded-Proto", "https, http")],
            "http gate.example 192.0.2.1 ?",
        ),
        (
            &[("X-Forwarded-For", "192.0.2.1, 10.1.1.1"), ("X-Forwarded-Proto", "https")],
            "https gate.example 192.0.2.1 ?",
        ),
        (&[("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https, http")], "http gate.example 192.0.2.1 ?"),
        (
            &[("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Host", "evil.example, a.example")],
            "http a.example 192.0.2.1 ?",
        ),
        (&[("X-Forwarded-Host", "a.example:8443"), ("X-Forwarded-Proto", "wss")], "https a.example:8443 ? ?"),
        (&[("X-Country", "aq"), ("X-Forwarded-For", "192.0.2.1")], "http gate.example 192.0.2.1 AQ"),
        // Of two countries nobody knows which one the proxy wrote.
        (&[("X-Country", "aq"), ("x-country", "aq")], "http gate.example ? ?"),
        (&[("X-Country", "aq, de")], "http gate.example ? ?"),
        // The other family and its relatives are what a client may have sent.
        (&[("Forwarded", "for=192.0.2.1;proto=https;host=a.example")], "http gate.example ? ?"),
        (
            &[("X-Real-IP", "192.0.2.1"), ("X_Forwarded_For", "192.0.2.1"), ("Client-IP", "192.0.2.1")],
            "http gate.example ? ?",
        ),
        (&[("X-Forwarded-Proto", "gopher")], "the scheme that a trusted proxy names is neither `http` nor `https`"),
        (&[("X-Forwarded-Proto", "")], "the scheme that a trusted proxy names is neither `http` nor `https`"),
        (&[("X-Forwarded-Host", "a.example/b")], "the host that a trusted proxy names is none"),
        (&[("X-Forwarded-Host", "")], "the host that a trusted proxy names is none"),
    ];
    for (fields, expected) in table {
        assert_eq!(see(&edge(Forwarding::XForwarded), "127.0.0.1", fields), *expected, "{fields:?}");
    }
}

#[test]
fn what_a_trusted_proxy_says_in_forwarded() {
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[("Forwarded", "for=192.0.2.1;proto=https;host=a.example")], "https a.example 192.0.2.1 ?"),
        // Scheme and host are those of the hop that the visitor made.
        (
            &[("Forwarded", "for=192.0.2.1;proto=https;host=a.example, for=10.1.1.1;proto=http;host=inner")],
            "https a.example 192.0.2.1 ?",
        ),
        (
            &[
                ("Forwarded", "for=10.9.9.9;proto=https;host=evil.example"),
                ("Forwarded", "for=192.0.2.1;proto=http;host=a.example"),
            ],
            "http a.example 192.0.2.1 ?",
        ),
        (&[("Forwarded", "for=\"[2001:db8::7]:4711\"")], "http gate.example 2001:db8::7 ?"),
        (&[("Forwarded", "for=_hidden;proto=https")], "https gate.example ? ?"),
        (&[("Forwarded", "proto=https")], "https gate.example ? ?"),
        (&[("Forwarded", "for=192.0.2.1;host=\"a b\"")], "the host that a trusted proxy names is none"),
        (&[("Forwarded", "for=192.0.2.1;for=10.0.0.1")], "`Forwarded` cannot be read"),
        (&[("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https")], "http gate.example ? ?"),
        (&[], "http gate.example ? ?"),
    ];
    for (fields, expected) in table {
        assert_eq!(see(&edge(Forwarding::Forwarded), "fd00::5", fields), *expected, "{fields:?}");
    }
}

#[test]
fn host_2_lists_what_nobody_can_tell_is_refused_where_rules_name_hosts() {
    let rules = RuleSet::parse(b"http://a.example/* /x 302").rules;
    let (added, set) = (Forwarding::XForwardedAdded, Forwarding::XForwardedSet);
    let one = ("X-Forwarded-For", "192.0.2.1");
    let two = ("X-Forwarded-For", "192.0.2.1, 10.1.1.1");
    let table: &[(Fields<'_>, [&str; 3])] = &[
        // By default, added by each, set by the last.
        (&[one, ("X-Forwarded-Host", "a.example")], ["a.example"; 3]),
        (&[one, ("X-Forwarded-Host", "evil.example, a.example")], ["a.example", "a.example", "-"]),
        (&[one], ["gate.example"; 3]),
        (&[two], ["gate.example"; 3]),
        // Fewer entries than proxies: a client's, or that of one which all others pass on.
        (&[two, ("X-Forwarded-Host", "a.example")], ["-", "-", "a.example"]),
        (&[two, ("X-Forwarded-Proto", "http")], ["-", "-", "gate.example"]),
        (&[two, ("X-Forwarded-Host", "a.example, inner.example")], ["-", "a.example", "-"]),
        (&[two, ("X-Forwarded-Host", "a.example, A.Example")], ["a.example", "a.example", "-"]),
        (&[two, ("X-Forwarded-Host", "evil.example, a.example, a.example")], ["a.example", "a.example", "-"]),
        (&[two, ("X-Forwarded-Host", "a.example"), ("X-Forwarded-Host", "a.example")], ["a.example", "a.example", "-"]),
        (&[two, ("X-Forwarded-Host", "a.example, ")], ["-", "a.example", "-"]),
        (&[one, ("X-Forwarded-Host", "a.example, ")], ["-"; 3]),
        (&[one, ("X-Forwarded-Host", ", a.example")], ["a.example", "a.example", "-"]),
        (&[one, ("X-Forwarded-Host", "a.example.:80")], ["a.example.:80"; 3]),
        (&[one, ("X-Forwarded-Host", "a.example:8081")], ["-"; 3]),
        (&[one, ("X-Forwarded-Host", "%61.example")], ["-"; 3]),
        (&[one, ("X-Forwarded-Host", "\u{e4}.example")], ["-"; 3]),
        (&[one, ("X-Forwarded-Host", "2001:db8::1")], ["2001:db8::1"; 3]),
    ];
    for (fields, expected) in table {
        for (forwarding, expected) in [Forwarding::XForwarded, added, set].into_iter().zip(expected) {
            let seen = see_at(&edge(forwarding), "127.0.0.1", "/", fields, &rules);
            let host =
                seen.strip_prefix("http ").and_then(|seen| seen.split(' ').next()).filter(|_| !seen.contains(" that "));
            assert_eq!(host.unwrap_or("-"), *expected, "{forwarding:?} {fields:?}: {seen}");
        }
    }
    let table: &[(&str, &str)] = &[
        ("for=192.0.2.1;host=a.example, for=10.1.1.1", "a.example"),
        ("for=192.0.2.1, for=10.1.1.1", "gate.example"),
        ("for=9.9.9.9;host=evil.example, for=192.0.2.1", "gate.example"),
        // Which host was asked of the first proxy is not said.
        ("for=192.0.2.1, for=10.1.1.1;host=inner.example", "-"),
        ("for=192.0.2.1;host=a.example, for=10.1.1.1;proto=http", "-"),
    ];
    for (value, expected) in table {
        let seen = see_at(&edge(Forwarding::Forwarded), "127.0.0.1", "/", &[("Forwarded", value)], &rules);
        let host = seen.strip_prefix("http ").and_then(|seen| seen.split(' ').next());
        assert_eq!(host.unwrap_or("-"), *expected, "{value}: {seen}");
    }
}

#[test]
fn http_4_a_url_for_a_target() {
    let rules = RuleSet::default();
    let host = ("X-Forwarded-Host", "a.example");
    let tls = ("X-Forwarded-Proto", "https");
    let refused = "through a trusted proxy comes a URL for a target, and other fields name another host";
    let table: &[(&str, &str, Fields<'_>, &str)] = &[
        // Whoever is no proxy says where it wants to go.
        ("192.0.2.1", "http://a.example/x", &[], "http a.example 192.0.2.1 ?"),
        ("192.0.2.1", "https://a.example:8081", &[], "http a.example:8081 192.0.2.1 ?"),
        ("192.0.2.1", "http://u@a.example/x", &[], "http gate.example 192.0.2.1 ?"),
        ("127.0.0.1", "http://Gate.Example:80/x", &[], "http gate.example ? ?"),
        ("127.0.0.1", "http://a.example/x", &[], refused),
        ("127.0.0.1", "http://a.example/x", &[host], refused),
        ("127.0.0.1", "http://gate.example/x", &[host], refused),
        ("127.0.0.1", "https://gate.example/x", &[], refused),
        ("127.0.0.1", "http://gate.example/x", &[tls], refused),
        ("127.0.0.1", "https://gate.example/x", &[tls], "https gate.example ? ?"),
        ("127.0.0.1", "http://gate.example:8081/x", &[], refused),
    ];
    for (peer, target, fields, expected) in table {
        let seen = see_at(&edge(Forwarding::XForwarded), peer, target, fields, &rules);
        assert_eq!(seen, *expected, "{peer} {target} {fields:?}");
    }
}

#[test]
fn host_3_the_ports_of_the_site() {
    let rules = RuleSet::parse(b"http://gate.example/* /x 302\nhttps://a.example/* /x 302").rules;
    let edge = Edge { ports: vec![8443], ..Edge::default() };
    let connection = Connection { peer: [192, 0, 2, 1].into(), scheme: Scheme::Http, port: 8888 };
    for (host, address) in [
        ("gate.example", Some("gate.example")),
        ("Gate.Example:8888", Some("gate.example")),
        ("gate.example:8443", Some("gate.example")),
        ("gate.example:8081", None),
        ("gate.example:443", None),
        ("other.example:8081", Some("other.example:8081")),
        ("a.example:8081", Some("a.example:8081")),
    ] {
        let seen = edge.see(connection, b"/", Some(host), &[], &rules);
        assert_eq!(
            seen.map(|seen| (seen.host, seen.address)).ok(),
            address.map(|address| (Some(host), Some(address))),
            "{host}"
        );
    }
    assert!(edge.see(connection, b"http://gate.example:8081/", Some("x.example"), &[], &rules).is_err());
}
