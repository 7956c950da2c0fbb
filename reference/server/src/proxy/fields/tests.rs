use rolegate::caches::{Keeping, Varies};

use super::*;

fn map(lines: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

fn lines(map: &HeaderMap) -> Vec<String> {
    let mut all: Vec<String> =
        map.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))).collect();
    all.sort();
    all
}

const PLAIN: Additions<'_> = Additions { token: false, fields: &[], signature: None, upgrade: None, pseudonym: "gate" };

fn stranger() -> Sender<'static> {
    Sender {
        peer: Some([192, 0, 2, 1].into()),
        trusted: false,
        vouched: &[],
        host: Some("site.example"),
        scheme: Scheme::Https,
    }
}

/// What goes on of these lines, beside what the gate says itself.
fn sent(client: &[(&str, &str)]) -> Vec<String> {
    let own =
        ["via: 1.1 gate", "x-forwarded-for: 192.0.2.1", "x-forwarded-host: site.example", "x-forwarded-proto: https"];
    let mut all = lines(&onward(&map(client), stranger(), PLAIN));
    for line in own {
        let at = all.iter().position(|one| one == line).unwrap_or_else(|| panic!("{line} in {all:?}"));
        all.remove(at);
    }
    all
}

#[test]
fn end_to_end_fields_go() {
    for line in [
        ("accept", "*/*"),
        ("authorization", "Bearer x"),
        ("content-type", "a/b"),
        ("content-length", "3"),
        ("range", "bytes=0-1"),
        ("x-own", "1"),
        ("via", "1.0 other"),
    ] {
        assert_eq!(sent(&[line]), [format!("{}: {}", line.0, line.1)]);
    }
}

#[test]
fn what_ends_at_the_gate() {
    for (line, listed) in [
        (("connection", "close"), ""),
        (("keep-alive", "timeout=5"), ""),
        (("proxy-authorization", "Basic x"), ""),
        (("proxy-connection", "keep-alive"), ""),
        (("te", "trailers"), ""),
        (("trailer", "x"), ""),
        (("transfer-encoding", "chunked"), ""),
        (("upgrade", "h2c"), ""),
        (("http2-settings", "x"), ""),
        (("expect", "100-continue"), ""),
        (("host", "evil.example"), ""),
        (("x-own", "1"), "X-Own"),
        (("cookie", "a=b"), "close,  cookie ,,"),
        (("x-nf-sign", "forged"), ""),
        (("x_nf_sign", "forged"), ""),
        (("x-forwarded-for", "203.0.113.9"), ""),
        (("x-forwarded-for", "203.0.113.9"), "x-forwarded-for, x-forwarded-host, via"),
        (("x_forwarded_for", "203.0.113.9"), ""),
        (("x-forwarded-host", "evil.example"), ""),
        (("x-forwarded-proto", "ftp"), ""),
        (("x-forwarded-prefix", "/evil"), ""),
        (("forwarded", "for=203.0.113.9"), ""),
        (("x-real-ip", "203.0.113.9"), ""),
        (("x-original-url", "/admin"), ""),
        (("x-rewrite-url", "/admin"), ""),
        (("x-envoy-original-path", "/admin"), ""),
        (("x-waws-unencoded-url", "/admin"), ""),
        (("x-http-method-override", "DELETE"), ""),
        (("x_http_host_override", "evil.example"), ""),
        (("cf-connecting-ip", "203.0.113.9"), ""),
        (("fastly_client_ip", "203.0.113.9"), ""),
        (("ssl-client-verify", "SUCCESS"), ""),
        (("remote-user", "root"), ""),
        (("http_x_forwarded_for", "203.0.113.9"), ""),
    ] {
        let client = if listed.is_empty() { vec![line] } else { vec![line, ("connection", listed)] };
        assert_eq!(sent(&client), Vec::<String>::new(), "{line:?} {listed}");
    }
}

#[test]
fn a_trusted_proxy_is_believed_and_added() {
    let client = map(&[
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "public.example"),
        ("x_forwarded_host", "evil.example"),
        ("x-original-url", "/admin"),
        ("x-envoy-original-path", "/admin"),
        ("x-forwarded-scheme", "gopher"),
        ("x-nf-sign", "forged"),
        // The client's own, which most proxies pass on.
        ("remote-user", "root"),
        ("x-real-ip", "203.0.113.9"),
        ("x-forwarded-client-cert", "Hash=1"),
        ("x_forwarded_client_cert", "Hash=2"),
    ]);
    let sender = Sender { trusted: true, ..stranger() };
    let own = [
        "via: 1.1 gate",
        "x-forwarded-for: 203.0.113.9, 192.0.2.1",
        "x-forwarded-host: site.example",
        "x-forwarded-proto: https",
    ];
    assert_eq!(lines(&onward(&client, sender, PLAIN)), own);
    // What the operator vouches for, of the proxy alone.
    let vouched = [HeaderName::from_static("x-forwarded-client-cert")];
    let mut more = own.to_vec();
    more.insert(1, "x-forwarded-client-cert: Hash=1");
    assert_eq!(lines(&onward(&client, Sender { vouched: &vouched, ..sender }, PLAIN)), more);
    let got = onward(&client, Sender { vouched: &vouched, ..stranger() }, PLAIN);
    assert!(!got.contains_key("x-forwarded-client-cert"), "a stranger is believed");
    // Nobody vouches for another path, not even by mistake.
    let vouched = [HeaderName::from_static("x-original-url"), HeaderName::from_static("x-nf-sign")];
    assert_eq!(lines(&onward(&client, Sender { vouched: &vouched, ..sender }, PLAIN)), own);
}

#[test]
fn the_token_goes_to_trusted_upstreams_only() {
    for (line, rest) in [
        ("nf_jwt=t", ""),
        ("a=b; nf_jwt=t", "a=b"),
        ("nf_jwt=t; a=b", "a=b"),
        ("a=b;nf_jwt=t ;c=d", "a=b;c=d"),
        (" NF_JWT = t", ""),
        ("a=nf_jwt=t; x_nf_jwt=1; nf_jwt2=2", "a=nf_jwt=t; x_nf_jwt=1; nf_jwt2=2"),
        ("nf_jwt", ""),
        ("a=\"x; nf_jwt=t\"", "a=\"x"),
    ] {
        let client = map(&[("cookie", line)]);
        let got = onward(&client, stranger(), PLAIN);
        assert_eq!(got.get("cookie").map_or("", |value| value.to_str().unwrap()), rest, "{line}");
        let got = onward(&client, stranger(), Additions { token: true, ..PLAIN });
        assert_eq!(got.get("cookie").unwrap(), line);
    }
}

#[test]
fn what_the_rule_adds_wins() {
    let fields = [(HeaderName::from_static("x-from"), HeaderValue::from_static("gate"))];
    let signature = HeaderValue::from_static("s");
    let additions = Additions { fields: &fields, signature: Some(&signature), ..PLAIN };
    let client = map(&[("x-from", "client"), ("x-nf-sign", "forged"), ("connection", "x-from, x-nf-sign")]);
    let got = onward(&client, stranger(), additions);
    assert_eq!(got.get_all("x-from").iter().collect::<Vec<_>>(), ["gate"]);
    assert_eq!(got.get_all("x-nf-sign").iter().collect::<Vec<_>>(), ["s"]);
    for name in ["connection", "host", "content-length", "transfer-encoding", "x-nf-sign", "te"] {
        assert!(!may_be_added(&HeaderName::from_static(name)), "{name}");
    }
    assert!(may_be_added(&header::AUTHORIZATION));
}

#[test]
fn upgrades() {
    for (connection, upgrade, passes) in [
        ("upgrade", "websocket", true),
        ("keep-alive, Upgrade", "WebSocket", true),
        ("upgrade", "other/1.0", true),
        ("", "websocket", false),
        ("close", "websocket", false),
        ("upgrade", "h2c", false),
        ("upgrade", "HTTP/2.0", false),
        ("upgrade", "TLS/1.0", false),
        ("upgrade", "websocket, h2c", false),
        ("upgrade", "", false),
    ] {
        let client = map(&[("connection", connection), ("upgrade", upgrade)]);
        assert_eq!(wanted_upgrade(&client).is_some(), passes, "{connection} {upgrade}");
    }
    let wanted = HeaderValue::from_static("websocket");
    assert!(switches_to(&map(&[("upgrade", "WebSocket")]), &wanted));
    assert!(!switches_to(&map(&[("upgrade", "h2c")]), &wanted));
    assert!(!switches_to(&map(&[]), &wanted));
}

fn rules_of(keeping: Keeping) -> CacheRules {
    let varies = if keeping == Keeping::ByAnybody { Varies::Never } else { Varies::WithCookie };
    CacheRules { keeping, varies }
}

#[test]
fn what_comes_back() {
    let upstream = map(&[
        ("connection", "close, x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("proxy-authenticate", "Basic"),
        ("alt-svc", "h3=\":443\""),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("etag", "\"x\""),
        ("trailer", "x-sum"),
    ]);
    assert_eq!(
        lines(&back(upstream, rules_of(Keeping::ByAnybody))),
        ["etag: \"x\"", "set-cookie: a=1", "set-cookie: b=2", "trailer: x-sum"]
    );
}

#[test]
fn proxy_6_coded_for_one_hop() {
    for (lines, is_plain) in [
        ([].as_slice(), true),
        (&["chunked"], true),
        (&[" Chunked"], true),
        (&["gzip, chunked"], false),
        (&["gzip", "chunked"], false),
        (&["gzip"], false),
        (&["chunked, chunked"], false),
        (&["identity"], false),
        (&[""], false),
    ] {
        let lines: Vec<_> = lines.iter().map(|line| ("transfer-encoding", *line)).collect();
        assert_eq!(is_framed_plainly(&map(&lines)), is_plain, "{lines:?}");
    }
}

#[test]
fn noleak_4_caches() {
    for (said, keeping, value) in [
        (Some("public, max-age=600"), Keeping::ByAnybody, "public, max-age=600"),
        (Some("public, max-age=600"), Keeping::ByTheVisitor, "private, max-age=600, must-revalidate"),
        (Some("Public, s-maxage=600"), Keeping::ByTheVisitor, "private, max-age=0, must-revalidate"),
        (Some("max-age=9, no-cache"), Keeping::ByTheVisitor, "private, max-age=0, must-revalidate"),
        (Some("no-store"), Keeping::ByTheVisitor, "private, no-store"),
        (Some("max-age=600"), Keeping::Nowhere, "private, no-store"),
        (None, Keeping::ByTheVisitor, "private, max-age=0, must-revalidate"),
    ] {
        let mut upstream = map(&[("cdn-cache-control", "public"), ("vary", "Accept")]);
        upstream.extend(said.map(|said| (header::CACHE_CONTROL, HeaderValue::from_static(said))));
        let got = back(upstream, rules_of(keeping));
        assert_eq!(got.get_all("cache-control").iter().collect::<Vec<_>>(), [value]);
        let by_role = keeping != Keeping::ByAnybody;
        assert_eq!(got.contains_key("cdn-cache-control"), !by_role);
        assert_eq!(got.get_all("vary").iter().any(|value| value == "Cookie"), by_role);
    }
}

#[test]
fn proxy_7_methods_and_hops() {
    let method = |name: &str| Method::from_bytes(name.as_bytes()).unwrap();
    for name in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] {
        assert!(may_ask_with(&method(name)), "{name}");
    }
    for name in
        ["TRACE", "trace", "TRACK", "Debug", "CONNECT", "PROPFIND", "SEARCH", "COPY", "get", "Options", "PURGE", "BREW"]
    {
        assert!(!may_ask_with(&method(name)), "{name}");
    }
    for (name, may) in
        [("PROPFIND", true), ("get", true), ("TRACE", false), ("Trace", false), ("track", false), ("DEBUG", false)]
    {
        assert_eq!(may_be_asked_with(&method(name)), may, "{name}");
    }
    for (lines, left) in [
        ([].as_slice(), Some("")),
        (&[("max-forwards", "5")], Some("4")),
        (&[("max-forwards", "1")], Some("0")),
        (&[("max-forwards", "0")], None),
        (&[("max-forwards", "x")], None),
        (&[("max-forwards", "5"), ("max-forwards", "5")], None),
    ] {
        let mut client = map(lines);
        let goes = goes_further(&mut client);
        let said = client.get("max-forwards").map_or("", |value| value.to_str().unwrap());
        assert_eq!(goes.then_some(said), left, "{lines:?}");
    }
}

#[test]
fn circles() {
    assert!(!goes_in_a_circle(&map(&[("via", "1.1 other, 1.1 gated")]), "gate"));
    assert!(goes_in_a_circle(&map(&[("via", "1.1 other, 1.1  gate (x)")]), "gate"));
    assert!(goes_in_a_circle(&map(&[("via", "1.0 a"), ("via", "1.1 gate")]), "gate"));
    assert!(goes_in_a_circle(&map(&[("via", &["1.1 a"; 21].join(","))]), "gate"));
}
