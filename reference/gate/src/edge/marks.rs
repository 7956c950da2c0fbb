//! The names of header fields by which proxies, content networks and frameworks state something about a request.
//!
//! One list for two questions: what of a client's fields an upstream must not take for the gate's word (PROXY-5), and whether a
//! request shows that a proxy stands in between (TOKEN-11). A server behind may obey a field that nobody here has heard of, so names are
//! known by their parts where they have any in common, and a name too many is the smaller harm.

/// What a field states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Which path, host, scheme or method is asked: what the gate has decided by, and says itself.
    Request,
    /// Where the client is, what it has proved, or who it is.
    Client,
    /// That a proxy has passed the request on.
    Passage,
}

/// Begin the names of fields that state what is asked.
const REQUEST_FAMILIES: &[&str] = &[
    "original-",
    "x-accel-",
    "x-backend",
    "x-envoy-original-",
    "x-http-",
    "x-invoke-",
    "x-middleware-",
    "x-netlify-original-",
    "x-original-",
    "x-override-",
    "x-rewrite-",
    "x-rewritten-",
    "x-script-",
    "x-sendfile-",
    "x-upstream",
    "x-waws-",
];

/// Names of fields that state what is asked.
const REQUEST: &[&str] = &[
    "base-url",
    "context-path",
    "destination",
    "disguised-host",
    "document-root",
    "forwarded",
    "front-end-https",
    "https",
    "method",
    "next-url",
    "path",
    "path-info",
    "path-translated",
    "proxy",
    "query-string",
    "request-method",
    "request-uri",
    "scheme",
    "script-filename",
    "script-name",
    "server-name",
    "server-port",
    "ssl",
    "uri",
    "url",
    "verb",
    "vhost",
    "x-appservice-proto",
    "x-destination",
    "x-domain",
    "x-forwarded-https",
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-protocol",
    "x-forwarded-request-uri",
    "x-forwarded-scheme",
    "x-forwarded-ssl",
    "x-forwarded-tls",
    "x-forwarded-uri",
    "x-forwarded-url",
    "x-https",
    "x-internal-redirect",
    "x-is-ssl",
    "x-matched-path",
    "x-method",
    "x-now-route-matches",
    "x-orig-uri",
    "x-orig-url",
    "x-path",
    "x-path-info",
    "x-port",
    "x-prerender-revalidate",
    "x-proto",
    "x-protocol",
    "x-query-string",
    "x-request-path",
    "x-request-target",
    "x-request-uri",
    "x-request-url",
    "x-route",
    "x-route-to",
    "x-scheme",
    "x-sendfile",
    "x-server-name",
    "x-server-port",
    "x-ssl",
    "x-target",
    "x-tls",
    "x-uri",
    "x-url",
    "x-url-rewrite",
    "x-url-scheme",
    "x-vhost",
];

/// End the names of fields that state what is asked: a host, or anything in the place of what was sent.
const REQUEST_ENDS: &[&str] = &["host", "hostname", "override"];

/// End the names of fields that begin with `x-` and state what is asked.
const REQUEST_ENDS_OF_X: &[&str] = &["method", "path", "pathname", "proto", "protocol", "scheme", "uri", "url", "verb"];

/// Begin the names of fields that state something about the client.
const CLIENT_FAMILIES: &[&str] = &[
    "ajp-",
    "akamai-",
    "cas-",
    "cdn-request",
    "cf-",
    "client-cert",
    "client-ssl-",
    "client-verify",
    "cloudfront-",
    "fastly-",
    "fly-",
    "forwarded-",
    "geo-",
    "geoip-",
    "impersonate-",
    "incap-",
    "iv-",
    "mellon-",
    "oidc-",
    "proxy-remote-",
    "proxy-user",
    "remote-",
    "sandstorm-",
    "shib-",
    "sm-",
    "ssl-",
    "tailscale-",
    "teleport-",
    "tls-",
    "wl-proxy-",
    "x-akamai-",
    "x-amz-cf-",
    "x-amzn-mtls-",
    "x-amzn-oidc-",
    "x-anonymous-",
    "x-appengine-",
    "x-arr-",
    "x-auth-request-",
    "x-authenticated-",
    "x-authentik-",
    "x-aws-sqsd-",
    "x-azure-",
    "x-cas-",
    "x-cert-",
    "x-client-cert",
    "x-client-dn",
    "x-client-ip",
    "x-client-ssl-",
    "x-client-subject-",
    "x-client-verif",
    "x-cloudscheduler",
    "x-consumer-",
    "x-country",
    "x-credential-",
    "x-custom-ip-",
    "x-envoy-",
    "x-forwarded-",
    "x-gate-",
    "x-geo",
    "x-goog-authenticated-",
    "x-goog-iap-",
    "x-group",
    "x-hasura-",
    "x-incap-",
    "x-internal-",
    "x-ip-",
    "x-jwt-",
    "x-kerberos-",
    "x-ldap-",
    "x-ms-client-",
    "x-ms-token-",
    "x-netlify-",
    "x-nf-",
    "x-pomerium-",
    "x-proxy-",
    "x-real-",
    "x-remote-",
    "x-role",
    "x-saml-",
    "x-sandstorm-",
    "x-shib-",
    "x-spiffe",
    "x-ssl-",
    "x-sso-",
    "x-sucuri-",
    "x-tls-",
    "x-user-",
    "x-userinfo",
    "x-vercel-",
    "x-verified-",
    "x-vouch-",
    "x-webauth-",
    "x-ziti-",
];

/// Names of fields that state something about the client.
const CLIENT: &[&str] = &[
    "acr",
    "affiliation",
    "amr",
    "auth-type",
    "auth-user",
    "authenticated-user",
    "authorization-user",
    "cert-subject",
    "clientdn",
    "country",
    "country-code",
    "eppn",
    "gap-auth",
    "gap-signature",
    "geo",
    "ismemberof",
    "logon-user",
    "on-behalf-of",
    "persistent-id",
    "sudo",
    "unmapped-remote-user",
    "user",
    "user-id",
    "user-name",
    "userid",
    "username",
    "was-default-hostname",
    "x-access-level",
    "x-account-id",
    "x-acl",
    "x-act-as",
    "x-auth-email",
    "x-auth-groups",
    "x-auth-id",
    "x-auth-level",
    "x-auth-name",
    "x-auth-roles",
    "x-auth-status",
    "x-auth-subject",
    "x-auth-time",
    "x-auth-token-payload",
    "x-auth-type",
    "x-auth-user",
    "x-auth-username",
    "x-authenticated",
    "x-authorized",
    "x-authz",
    "x-city",
    "x-client-addr",
    "x-client-address",
    "x-client-port",
    "x-client-s-dn",
    "x-coming-from",
    "x-customer-id",
    "x-decoded-token",
    "x-employee-id",
    "x-forward-for",
    "x-forwarded",
    "x-forwarder-for",
    "x-from",
    "x-identity",
    "x-is-authenticated",
    "x-is-internal",
    "x-latitude",
    "x-longitude",
    "x-member-id",
    "x-mfa",
    "x-on-behalf-of",
    "x-person-id",
    "x-region",
    "x-run-as",
    "x-sub",
    "x-timezone",
    "x-verify",
    "xfcc",
    "xroxy-connection",
];

/// End the names of fields that state an address: `client-ip`, `x-azure-clientip`, `cdn-src-ip` and their like.
const CLIENT_ENDS: &[&str] =
    &["clientip", "ip", "ipaddr", "ipaddress", "ipv4", "ipv6", "realip", "remoteip", "socketip"];

/// End the names of fields that state who the client is, as a gateway has read it out of a token or a certificate.
const USER_ENDS: &[&str] = &["cert", "certificate", "claims", "dn", "userinfo"];

/// End the names of fields that begin with `x-`, or are such names, and state who the client is or what it may do.
const USER_ENDS_OF_X: &[&str] = &[
    "admin",
    "clearance",
    "email",
    "entitlement",
    "entitlements",
    "group",
    "groups",
    "impersonate",
    "login",
    "mail",
    "permission",
    "permissions",
    "principal",
    "privilege",
    "privileges",
    "role",
    "roles",
    "scope",
    "scopes",
    "staff",
    "sub",
    "subject",
    "superuser",
    "uid",
    "upn",
    "user",
    "userid",
    "username",
];

/// Begin the names of fields that tell of a passage.
const PASSAGE_FAMILIES: &[&str] = &["cdn-", "ngrok-", "x-b3-"];

/// Names of fields that tell of a passage.
const PASSAGE: &[&str] = &[
    "cdn-loop",
    "max-forwards",
    "proxy-connection",
    "surrogate-capability",
    "traceparent",
    "via",
    "x-amzn-trace-id",
    "x-bluecoat-via",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-request-id",
    "x-varnish",
];

/// Whether an operator can vouch for a field of this name, as something that a trusted proxy writes itself and takes from nobody (PROXY-5):
/// it states something about the client, in the one spelling in which it passes, and it is not what the gate says itself.
pub fn may_be_vouched_for(name: &str) -> bool {
    let is_the_gates_own = ["x-forwarded-for", "x-forwarded-proto", "x-nf-sign"].contains(&name);
    !is_the_gates_own && plain(name) == name && mark(name) == Some(Mark::Client)
}

/// What a field of this name states, `_` and case aside; most state nothing of the kind.
pub fn mark(name: &str) -> Option<Mark> {
    let plain = plain(name);
    // As CGI names the fields of a request, however often.
    mark_of(plain.trim_start_matches("http-")).or_else(|| mark_of(&plain))
}

/// A name as servers that know no signs and no capitals read it.
pub fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

fn mark_of(plain: &str) -> Option<Mark> {
    let begins = |families: &[&str]| families.iter().any(|family| plain.starts_with(family));
    let last = plain.rsplit('-').next().unwrap_or(plain);
    // `Host` itself is the request's, and no statement about another; so is the name of the client's own program.
    if matches!(plain, "host" | "x-user-agent") {
        return None;
    }
    // Servers put a name of their own before that of CGI, as in `OAM_REMOTE_USER`.
    let is_client = CLIENT.contains(&plain) || begins(CLIENT_FAMILIES) || plain.ends_with("-remote-user");
    let ends_so =
        REQUEST_ENDS.contains(&last) || (plain.starts_with("x-") && REQUEST_ENDS_OF_X.contains(&last) && !is_client);
    if REQUEST.contains(&plain) || begins(REQUEST_FAMILIES) || plain.contains("-original-") || ends_so {
        return Some(Mark::Request);
    }
    let is_user =
        USER_ENDS.contains(&last) || ((plain.starts_with("x-") || plain == last) && USER_ENDS_OF_X.contains(&last));
    if is_client || is_user || CLIENT_ENDS.contains(&last) {
        return Some(Mark::Client);
    }
    (PASSAGE.contains(&plain) || begins(PASSAGE_FAMILIES)).then_some(Mark::Passage)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that servers, networks and frameworks are known to write or to obey.
    const STATE_WHAT_IS_ASKED: &str = "x-original-url x-original-uri x-original-path x-original-host x-original-method \
        x-original-forwarded-for x-rewrite-url x-rewrite-uri x-envoy-original-path x-envoy-original-host \
        x-waws-unencoded-url x-forwarded-uri x-forwarded-path x-forwarded-url x-forwarded-method x-forwarded-host \
        x-forwarded-scheme x-forwarded-protocol x-forwarded-ssl front-end-https x-url-scheme x-scheme x-host x-http-host \
        x-http-host-override x-host-override x-http-method x-http-method-override x-method-override x-netlify-original-pathname \
        x-middleware-subrequest x-middleware-rewrite x-invoke-path x-matched-path x-path-info x-vhost x-backend-host \
        request-uri proxy http_x_original_url HTTP_HOST Script_Name X_Rewrite_URL x-http-destinationurl x-override-url \
        x-rewritten-url iis-original-url x-script-name x-base-url x-request-scheme x-requested-method x-http-verb \
        x.original.url http_http_x_original_url forwarded original-url original-uri uri url path http-url x-request-target x-url-rewrite \
        x-internal-redirect x-target x-route-to destination server-name x-domain vhost scheme x-tls x-ssl x-is-ssl ssl method \
        request-method verb query-string x-query-string script-filename document-root path-translated context-path next-url \
        x-prerender-revalidate x-port x-server-port server-port x-sendfile-type x-accel-mapping x-upstream-host x-backend \
        x-sendfile x-destination x-route base-url";
    const STATE_SOMETHING_ABOUT_THE_CLIENT: &str = "x-forwarded-for x-forwarded-proto x-forwarded-port x-forwarded-server \
        x-forwarded-prefix x-forwarded-client-cert x-forwarded-user x-forwarded forwarded-for x-forward-for x-real-ip \
        x-real-port client-ip x-client-ip x-cluster-client-ip true-client-ip x-true-client-ip cf-connecting-ip \
        cf-connecting-ipv6 cf-pseudo-ipv4 cf-ipcountry cf-visitor cf-access-jwt-assertion fastly-client-ip fastly-ssl \
        cloudfront-viewer-address cloudfront-forwarded-proto akamai-origin-hop x-akamai-edgescape x-azure-clientip \
        x-azure-socketip x-azure-fdid x-arr-clientcert x-arr-ssl x-ms-client-principal x-appengine-user-ip \
        x-appengine-country x-goog-authenticated-user-email x-goog-iap-jwt-assertion x-amzn-oidc-data \
        x-amzn-mtls-clientcert x-envoy-external-address x-envoy-peer-metadata x-nf-client-connection-ip x-nf-geo \
        x-netlify-id x-vercel-forwarded-for x-vercel-ip-country wl-proxy-client-ip wl-proxy-ssl wl-proxy-client-cert \
        proxy-client-ip http-client-ip http_x_forwarded_for x-originating-ip x-remote-ip x-remote-addr remote-addr \
        remote-user x-remote-user x-remote-groups x-webauth-user x-authenticated-user x-authenticated-groups \
        x-auth-request-user x-auth-request-email x-auth-user x-authentik-username x-pomerium-claim-email x-consumer-username \
        x-userinfo oidc_claim_sub sm_user iv-user ssl-client-cert ssl_client_verify x-ssl-client-dn x-ssl-cipher \
        client-cert client-cert-chain x-client-cert x-client-verify x-tls-client-cert xfcc cdn-src-ip ali-cdn-real-ip \
        x-sucuri-clientip incap-client-ip x-proxyuser-ip x-proxy-user X_Real_IP \
        fly-forwarded-proto x-client-ip-address x-custom-ip-authorization x-verified-user ajp-remote-user tailscale-user-login \
        impersonate-user impersonate-group x-user-role x-role x-roles x-groups x-user-id x-user-email x-jwt-payload x-jwt-claims \
        x-userinfo x-endpoint-api-userinfo x-apigateway-api-userinfo x-client-subject-dn x-spiffe-id x-country x-country-code \
        x-gate-status X.Forwarded.For HTTP_HTTP_X_FORWARDED_FOR shib-session-id eppn cas-user x-cas-user x-saml-user x-ldap-user \
        x-kerberos-user x-sso-user x-sandstorm-user-id sandstorm-user teleport-jwt-assertion x-hasura-role x-credential-username \
        x-anonymous-consumer user-id x-userid x-uid auth-user proxy-user proxy-remote-user x-email x-login x-principal x-subject x-admin \
        x-is-admin x-cert-subject x-certificate x-client-certificate x-peer-certificate client-dn x-dn x-subject-dn x-ip-address \
        x-geo-country x-geoip-country geoip-country-code geo-country x-grafana-user x-kubernetes-user x-okta-user user \
        LOGON_USER UNMAPPED_REMOTE_USER uid user-name clientdn gap-auth on-behalf-of x-on-behalf-of sudo x-impersonate x-act-as x-run-as \
        x-is-authenticated x-auth-id x-auth-mail x-upn x-token-sub x-scope x-permission x-entitlements role roles groups email upn \
        principal login subject permissions cdn-requestcountrycode country country-code geo x-region x-city \
        OAM_REMOTE_USER X-CloudScheduler X-CloudScheduler-JobName X-Aws-Sqsd-Queue X-Internal-Auth X-Internal-Request \
        X-Is-Internal X-Superuser X-Staff X-Authz X-Authorized X-Auth-Status X-Auth-Type Auth-Type X-Auth-Level X-Auth-Time X-Mfa \
        Acr Amr X-Privileges X-Acl X-Access-Level X-Clearance Gap-Signature X-Decoded-Token X-Auth-Token-Payload affiliation \
        persistent-id isMemberOf X-Ziti-Identity Cert-Subject X-Verify X-Account-Id X-Customer-Id X-Member-Id X-Person-Id \
        X-Employee-Id";
    const TELL_OF_A_PASSAGE: &str = "via cdn-loop x-request-id x-amzn-trace-id x-cloud-trace-context traceparent x-varnish x-b3-traceid \
        proxy-connection max-forwards";
    /// What browsers and programs send for themselves.
    const ORDINARY: &str = "host accept accept-charset accept-encoding accept-language authorization cache-control connection \
        content-encoding content-language content-length content-type cookie date dnt expect forward from http2-settings \
        if-match if-modified-since if-none-match if-range keep-alive last-event-id origin pragma prefer priority range \
        referer save-data sec-ch-ua sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user sec-gpc \
        sec-websocket-key sec-websocket-protocol te trailer transfer-encoding upgrade upgrade-insecure-requests user-agent \
        x-api-key x-auth-token x-client-data x-client-id x-csrf-token x-goog-api-client x-requested-with x-user-agent \
        x-xsrf-token x-own http-referer idempotency-key x-tenant-id x-amz-target";

    #[test]
    fn what_an_operator_can_vouch_for() {
        for name in ["remote-user", "x-forwarded-client-cert", "x-real-ip", "cf-connecting-ip", "x-auth-request-email"]
        {
            assert!(may_be_vouched_for(name), "{name}");
        }
        for name in [
            "remote_user",
            "Remote-User",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-nf-sign",
            "forwarded",
            "x-original-url",
            "x-http-method-override",
            "accept",
            "via",
        ] {
            assert!(!may_be_vouched_for(name), "{name}");
        }
    }

    #[test]
    fn what_names_state() {
        for (names, expected) in [
            (STATE_WHAT_IS_ASKED, Some(Mark::Request)),
            (STATE_SOMETHING_ABOUT_THE_CLIENT, Some(Mark::Client)),
            (TELL_OF_A_PASSAGE, Some(Mark::Passage)),
            (ORDINARY, None),
        ] {
            for name in names.split_whitespace() {
                assert_eq!(mark(name), expected, "{name}");
            }
        }
    }
}
