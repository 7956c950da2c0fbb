//! PROXY-5: what a client says of itself, through servers in front that pass on whatever they do not write.

use std::net::SocketAddr;

use super::upstream::Upstream;
use super::{Front, free, front_site, gate_with, readable, start_apache, start_haproxy};

/// By which clients say who they are, what they have proved, where they are, and what they ask.
const WORDS: &str = "remote-user x-remote-user x-forwarded-user x-forwarded-email x-forwarded-groups x-auth-request-user x-webauth-user \
    x-authenticated-user x-real-ip cf-connecting-ip true-client-ip client-ip x-client-ip x-cluster-client-ip fly-client-ip \
    x-forwarded-client-cert ssl-client-verify ssl-client-cert x-ssl-client-dn x-client-verify cf-access-jwt-assertion x-amzn-oidc-data \
    x-goog-authenticated-user-email x-ms-client-principal tailscale-user-login x-role x-groups x-consumer-username x-userinfo \
    impersonate-user x-nf-client-connection-ip x-country x-original-url x-rewrite-url x-forwarded-uri x-http-method-override x-host \
    forwarded x-forwarded-host x-forwarded-proto x-forwarded-for x-nf-sign";

fn no_word_of_the_client_goes_on(start: impl Fn(SocketAddr) -> Option<Front>) {
    let folder = front_site();
    readable(folder.path());
    let application = Upstream::plain();
    let gate = gate_with(folder.path(), true, Some(application.address));
    let Some(front) = start(gate.address) else { return };
    let sent: Vec<(&str, &str)> = WORDS.split_whitespace().map(|name| (name, "forged")).collect();
    let answer = front.get("/public", &[sent, vec![("X-Own", "goes on")]].concat());
    assert_eq!((answer.status, answer.body.as_str()), (200, "up"));
    let asked = application.one();
    assert_eq!(asked.header("x-own"), "goes on");
    let forged: Vec<_> = asked.headers.iter().filter(|(_, value)| value.contains("forged")).collect();
    assert!(forged.is_empty(), "{forged:?} go on");
    assert_eq!(asked.header("x-forwarded-proto"), "http");
    assert!(asked.header("x-forwarded-for").starts_with("127.0.0.1"), "{asked:?}");
}

#[test]
fn no_word_of_the_client_goes_on_through_haproxy() {
    no_word_of_the_client_goes_on(start_haproxy);
}

#[test]
fn no_word_of_the_client_goes_on_through_apache() {
    let folder = front_site();
    readable(folder.path());
    no_word_of_the_client_goes_on(|gate| start_apache(folder.path(), gate, free()));
}
