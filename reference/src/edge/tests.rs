use super::*;

fn edge(forwarding: Forwarding) -> Edge {
    Edge {
        trusted: ["10.0.0.0/8", "127.0.0.1", "fd00::/8"].map(|text| text.parse().unwrap()).to_vec(),
        forwarding,
        country: CountrySource::Header("X-Country".to_owned()),
    }
}

/// Scheme, host, client and country as one text; `?` for what is unknown.
fn see(edge: &Edge, peer: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<(&str, &[u8])> = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let connection = Connection { peer: peer.parse().unwrap(), scheme: Scheme::Http };
    match edge.see(connection, Some("gate.example"), &fields) {
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
        // One entry a hop, or one for all.
        (
            &[("X-Forwarded-For", "192.0.2.1, 10.1.1.1"), ("X-Forwarded-Proto", "https, http")],
            "https gate.example 192.0.2.1 ?",
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
