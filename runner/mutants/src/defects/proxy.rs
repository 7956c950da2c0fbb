//! What goes to an upstream (PROXY-1 to PROXY-6).

use Defect::{Onward, Passes};
use gatecheck::upstream::ASK;
use rolegate::edge::marks::{self, Mark};
use rolegate::rules::Rule;

use crate::forward::Onward as Request;
use crate::scene::Scene;
use crate::{Defect, Mutant};

pub(super) const ALL: &[Mutant] = &[
    Mutant::new(
        "proxy/always-get",
        "PROXY-1",
        "whatever the method, the upstream is asked with GET",
        Onward(|_, onward| onward.method = "GET".to_owned()),
    ),
    Mutant::new(
        "proxy/head-becomes-get",
        "HTTP-1",
        "HEAD is forwarded as GET",
        Onward(|_, onward| {
            if onward.method == "HEAD" {
                onward.method = "GET".to_owned();
            }
        }),
    ),
    Mutant::new(
        "proxy/query-dropped",
        "PROXY-1",
        "the query of the request is not forwarded",
        Onward(|scene, onward| {
            if let (_, Some(query)) = scene.asked.split() {
                let own = format!("?{}", String::from_utf8_lossy(query));
                onward.edit_target(|target| target.strip_suffix(own.as_str()).unwrap_or(target).to_owned());
            }
        }),
    ),
    Mutant::new(
        "proxy/queries-joined",
        "LOC-2",
        "the query of the request is added to the one of the rule",
        Onward(|scene, onward| {
            if let (_, Some(query)) = scene.asked.split() {
                let own = String::from_utf8_lossy(query).into_owned();
                onward.edit_target(|target| {
                    if target.contains('?') && !target.ends_with(own.as_str()) {
                        format!("{target}&{own}")
                    } else {
                        target.to_owned()
                    }
                });
            }
        }),
    ),
    Mutant::new(
        "proxy/body-dropped",
        "PROXY-1",
        "the body of a request is not forwarded",
        Onward(|_, onward| clear_body(onward)),
    ),
    Mutant::new(
        "proxy/body-lost-behind-an-expectation",
        "PROXY-6",
        "the body of a request that waits for 100 (Continue) is not read",
        Onward(|scene, onward| {
            if scene.asked.header("expect").next().is_some() {
                clear_body(onward);
            }
        }),
    ),
    Mutant::new(
        "proxy/spaces-as-plus",
        "PROXY-1",
        "`%20` in the path is forwarded as `+`",
        Onward(|_, onward| onward.edit_target(|target| target.replace("%20", "+"))),
    ),
    Mutant::new(
        "proxy/prefix-kept",
        "PROXY-1",
        "the whole path of the request is put behind the URL of the rule, not what the `*` stands for",
        Onward(|scene, onward| {
            let path = String::from_utf8_lossy(scene.asked.split().0).into_owned();
            onward.edit_target(|target| format!("{path}{}", target.find('?').map_or("", |at| target.split_at(at).1)));
        }),
    ),
    Mutant::new(
        "proxy/authorization-dropped",
        "PROXY-1",
        "`Authorization` is taken for the gate's own and not forwarded",
        Onward(|_, onward| onward.drop("authorization")),
    ),
    Mutant::new(
        "proxy/unknown-fields-dropped",
        "PROXY-1",
        "only fields that the gate knows are forwarded",
        Onward(|_, onward| {
            let own = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-nf-sign"];
            let ask = ASK.to_ascii_lowercase();
            onward.fields.retain(|(name, _)| !name.starts_with("x-") || *name == ask || own.contains(&name.as_str()));
        }),
    ),
    Mutant::new(
        "proxy/accept-replaced",
        "PROXY-1",
        "the upstream is asked for what the gate accepts, not the client",
        Onward(|_, onward| onward.set("accept", "*/*")),
    ),
    Mutant::new(
        "proxy/fields-of-the-rule-ignored",
        "PROXY-1",
        "the `headers` of a rule are not added",
        Onward(|scene, onward| {
            for (name, _) in fields_of_rules(scene) {
                onward.drop(&name);
            }
            onward.pass(scene, |name| fields_of_rules(scene).iter().any(|(own, _)| own == name));
        }),
    ),
    Mutant::new(
        "proxy/client-overrules-the-fields-of-the-rule",
        "PROXY-1",
        "a field of the client stays in the place of the one that the rule sets",
        Onward(|scene, onward| {
            onward.pass(scene, |name| fields_of_rules(scene).iter().any(|(own, _)| own == name));
        }),
    ),
    Mutant::new(
        "proxy/fields-of-all-rules",
        "PROXY-1",
        "the `headers` of every rule are added to every forwarded request",
        Onward(|scene, onward| fields_of_rules(scene).into_iter().for_each(|(name, value)| onward.set(&name, value))),
    ),
    Mutant::new(
        "proxy/listed-fields-of-the-rule-dropped",
        "PROXY-1",
        "a client that lists a field of the rule in `Connection` takes it away",
        Onward(|scene, onward| {
            let listed = scene.asked.text("connection").unwrap_or_default().to_ascii_lowercase();
            onward.fields.retain(|(name, _)| !name.starts_with("x-api") || !listed.contains(name.as_str()));
        }),
    ),
    Mutant::new(
        "proxy/always-signed",
        "PROXY-1",
        "every forwarded request is signed, also for an upstream that has nothing to do with the secret",
        Onward(|_, onward| {
            if !onward.fields.iter().any(|(name, _)| name == "x-nf-sign") {
                onward.set("x-nf-sign", "e30.e30.AA");
            }
        }),
    ),
    Mutant::new(
        "proxy/unsigned",
        "PROXY-1",
        "a request that its rule wants signed goes without `x-nf-sign`",
        Onward(|_, onward| onward.drop("x-nf-sign")),
    ),
    Mutant::new(
        "proxy/token-forwarded",
        "PROXY-2",
        "the cookie with the token goes to every upstream",
        Onward(|scene, onward| onward.pass(scene, |name| name == "cookie")),
    ),
    Mutant::new(
        "proxy/cookies-dropped",
        "PROXY-2",
        "no cookie is forwarded",
        Onward(|scene, onward| {
            if !scene.ground.trusts_upstream {
                onward.drop("cookie");
            }
        }),
    ),
    Mutant::new(
        "proxy/token-withheld-from-all",
        "PROXY-2",
        "an upstream that the operator trusts does not get the token either",
        Onward(|scene, onward| {
            if scene.ground.trusts_upstream {
                onward.drop("cookie");
            }
        }),
    ),
    Mutant::new(
        "proxy/keep-alive-forwarded",
        "PROXY-2",
        "`Keep-Alive` and `Proxy-Connection` are forwarded",
        Onward(|scene, onward| onward.pass(scene, |name| matches!(name, "keep-alive" | "proxy-connection"))),
    ),
    Mutant::new(
        "proxy/credentials-of-the-hop-forwarded",
        "PROXY-2",
        "`Proxy-Authorization` is forwarded",
        Onward(|scene, onward| onward.pass(scene, |name| name == "proxy-authorization")),
    ),
    Mutant::new(
        "proxy/te-forwarded",
        "PROXY-2",
        "`TE` is forwarded",
        Onward(|scene, onward| onward.pass(scene, |name| name == "te")),
    ),
    Mutant::new(
        "proxy/listed-fields-forwarded",
        "PROXY-2",
        "what `Connection` lists is forwarded",
        Onward(|scene, onward| onward.pass(scene, |name| name == "x-listed")),
    ),
    Mutant::new(
        "proxy/connection-forwarded",
        "PROXY-2",
        "`Connection` is forwarded as it came",
        Onward(|scene, onward| onward.pass(scene, |name| name == "connection")),
    ),
    Mutant::new(
        "proxy/listed-fields-never-said",
        "PROXY-5",
        "a client that lists `X-Forwarded-For` in `Connection` keeps the gate from setting it",
        Onward(|scene, onward| {
            let listed = scene.asked.text("connection").unwrap_or_default().to_ascii_lowercase();
            onward.fields.retain(|(name, _)| !name.starts_with("x-forwarded-") || !listed.contains(name.as_str()));
        }),
    ),
    Mutant::new(
        "proxy/client-says-its-address",
        "PROXY-5",
        "`X-Forwarded-For` of the client is kept",
        Onward(|scene, onward| onward.pass(scene, |name| name == "x-forwarded-for")),
    ),
    Mutant::new(
        "proxy/client-says-its-address-in-another-field",
        "PROXY-5",
        "`X-Real-IP` and its like are forwarded",
        Onward(|scene, onward| {
            onward.pass(scene, |name| matches!(name, "x-real-ip" | "x-client-ip" | "true-client-ip"));
        }),
    ),
    Mutant::new(
        "proxy/words-of-a-network-in-front-forwarded",
        "PROXY-5",
        "fields by which a network in front states the client's address, certificate or name are forwarded",
        Onward(|scene, onward| {
            let families = [
                "cf-",
                "fastly-",
                "client-",
                "x-azure-",
                "x-envoy-ext",
                "x-appengine-",
                "wl-",
                "ssl-",
                "remote-",
                "x-arr-",
            ];
            let more =
                ["x-ssl-", "x-client-cert", "x-remote-", "x-webauth-", "x-auth", "x-cluster-", "x-forwarded-client-"];
            onward.pass(scene, |name| families.iter().chain(&more).any(|family| name.starts_with(family)));
        }),
    ),
    Mutant::new(
        "proxy/words-of-the-client-believed-through-a-proxy",
        "PROXY-5",
        "what a trusted proxy passes on about the client is forwarded",
        Onward(|scene, onward| {
            if scene.asked.through_proxy {
                onward.pass(scene, |name| marks::mark(name) == Some(Mark::Client) && name != "x-forwarded-for");
            }
        }),
    ),
    Mutant::new(
        "proxy/other-requests-forwarded",
        "PROXY-5",
        "fields that name another path, host, scheme or method than the request are forwarded",
        Onward(|scene, onward| {
            let families = [
                "x-original-",
                "x-envoy-original-",
                "x-waws-",
                "x-rewrite-",
                "x-host",
                "x-http-",
                "x-method-",
                "front-end-",
            ];
            let more = [
                "x-middleware-",
                "x-netlify-",
                "x-forwarded-uri",
                "x-forwarded-path",
                "x-forwarded-scheme",
                "x-forwarded-ssl",
            ];
            onward.pass(scene, |name| families.iter().chain(&more).any(|family| name.starts_with(family)));
        }),
    ),
    Mutant::new(
        "proxy/underscores-forwarded",
        "PROXY-5",
        "a field with `_` in its name is another one for the gate and the same one for the upstream",
        Onward(|scene, onward| onward.pass(scene, |name| name.contains('_'))),
    ),
    Mutant::new(
        "proxy/other-paths-forwarded",
        "PROXY-5",
        "fields that name another path are forwarded",
        Onward(|scene, onward| {
            onward.pass(scene, |name| matches!(name, "x-original-url" | "x-rewrite-url" | "x-original-uri"));
        }),
    ),
    Mutant::new(
        "proxy/client-says-the-host",
        "PROXY-5",
        "`X-Forwarded-Host` of the client is kept",
        Onward(|scene, onward| onward.pass(scene, |name| name == "x-forwarded-host")),
    ),
    Mutant::new(
        "proxy/forwarded-field-kept",
        "PROXY-5",
        "`Forwarded` of the client is kept",
        Onward(|scene, onward| onward.pass(scene, |name| name == "forwarded")),
    ),
    Mutant::new(
        "proxy/nobody-said-who-asks",
        "PROXY-5",
        "the upstream is not told who asks and for which host",
        Onward(|_, onward| onward.fields.retain(|(name, _)| !name.starts_with("x-forwarded-"))),
    ),
    Mutant::new(
        "proxy/signature-of-the-client-kept",
        "PROXY-5",
        "`x-nf-sign` of the client is kept where the rule asks for none",
        Onward(|scene, onward| {
            if !onward.fields.iter().any(|(name, _)| name == "x-nf-sign") {
                onward.pass(scene, |name| name == "x-nf-sign");
            }
        }),
    ),
    Mutant::new(
        "proxy/signature-of-the-client-preferred",
        "PROXY-5",
        "a request that is signed already is not signed again",
        Onward(|scene, onward| {
            if onward.fields.iter().any(|(name, _)| name == "x-nf-sign") {
                onward.pass(scene, |name| name == "x-nf-sign");
            }
        }),
    ),
    Mutant::new(
        "proxy/trace-forwarded",
        "PROXY-7",
        "TRACE, TRACK and DEBUG are forwarded",
        Passes(|scene| matches!(scene.asked.method.as_str(), "TRACE" | "TRACK" | "DEBUG")),
    ),
    Mutant::new(
        "proxy/trace-in-small-letters-forwarded",
        "PROXY-7",
        "TRACE is kept back in capitals alone",
        Passes(|scene| scene.asked.method != "TRACE" && scene.asked.method.eq_ignore_ascii_case("trace")),
    ),
    Mutant::new(
        "proxy/any-method-forwarded",
        "PROXY-7.reach",
        "requests are forwarded whatever their method, but for TRACE",
        Passes(|scene| !scene.asked.method.eq_ignore_ascii_case("trace")),
    ),
    Mutant::new(
        "proxy/last-hop-forwarded",
        "PROXY-7.hops",
        "`Max-Forwards: 0` is forwarded",
        Passes(|scene| scene.asked.method == "OPTIONS"),
    ),
    Mutant::new(
        "proxy/hops-not-counted",
        "PROXY-7.hops",
        "`Max-Forwards` is forwarded as it came",
        Onward(|scene, onward| onward.pass(scene, |name| name == "max-forwards")),
    ),
    Mutant::new(
        "proxy/websocket-not-passed",
        "PROXY-4",
        "a request for another protocol is forwarded without its `Upgrade`",
        Onward(|_, onward| {
            onward.drop("upgrade");
            onward.drop("connection");
        }),
    ),
    Mutant::new(
        "proxy/any-protocol-passed",
        "PROXY-4",
        "HTTP/2 and TLS are protocols that a tunnel is opened for",
        Onward(|scene, onward| {
            onward.pass(scene, |name| name == "upgrade");
            if scene.asked.header("upgrade").next().is_some() {
                onward.set("connection", "upgrade");
            }
        }),
    ),
    Mutant::new(
        "proxy/http2-settings-forwarded",
        "PROXY-4",
        "`HTTP2-Settings` is forwarded",
        Onward(|scene, onward| onward.pass(scene, |name| name == "http2-settings")),
    ),
];

fn clear_body(onward: &mut Request) {
    onward.body.clear();
    onward.drop("content-length");
}

/// The names of all fields that rules add, with their values.
fn fields_of_rules(scene: &Scene<'_>) -> Vec<(String, Vec<u8>)> {
    let applies = scene.ground.rules.rules().iter().filter_map(Rule::apply);
    let fields = applies.flat_map(|apply| &apply.headers);
    fields.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}
