//! The properties, driven by random input.
#![allow(missing_docs, reason = "a test is named for what it asserts")]

use proptest::collection::vec;
use proptest::prelude::*;
use rolegate::properties;

/// Text that looks like a rule file, with a little of everything that rule files hold.
fn rule_file() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "/",
            "/a",
            "/*",
            "/:x",
            "/a/*",
            "/a*",
            "/a/*/b",
            "https://a.example",
            "https://:x.example/",
            " ",
            "\t",
            "\n",
            "\r\n",
            "\r",
            "#",
            "?",
            "=",
            "!",
            ",",
            "200",
            "200!",
            "301",
            "302",
            "404!",
            "Role=",
            "role=",
            "ROLE=",
            "admin",
            "*",
            "Country=de",
            "Language=en",
            "Cookie=c",
            "Typo=x",
            ":splat",
            ":x",
            "q=1",
            "q=:x",
            "%2F",
            "%2A",
            "%zz",
            "%c3%a9",
            "..",
            "//",
            "\\",
            "\u{feff}",
            "\u{a0}",
            "é",
            "**",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..3),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn target() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "/",
            "//",
            "a",
            ".",
            "..",
            "%2e",
            "%2E%2e",
            "%61",
            "%25",
            "%2f",
            "%5c",
            "\\",
            "%00",
            "%c3%a9",
            "é",
            "?",
            "&",
            "=",
            "q",
            "+",
            ";",
            ":",
            "@",
            " ",
            "evil.example",
            "http://h",
            "https://u@h",
            "#",
            "%",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..2),
    ];
    vec(piece, 0..12).prop_map(|pieces| [b"/".to_vec(), pieces.concat()].concat())
}

fn redirect() -> impl Strategy<Value = Vec<u8>> {
    let from = prop::sample::select(vec!["/*", "/:x/*", "/:x", "/a*", "/* q=:x", "/:x q=:y"]);
    let piece = prop::sample::select(vec![
        "/", ":splat", ":x", ":y", "?", "#", "&", "=", "a", "..", "%2e%2e", "%5c", "\\", "\"", "é", ":", "%", "<",
    ]);
    let start = prop::sample::select(vec!["/", "/", "/:splat", "/:x", "https://a.example/", "https://:x.example/"]);
    (from, start, vec(piece, 0..6), target()).prop_map(|(from, start, pieces, target)| {
        let mut bytes = format!("{from} {start}{} 302!\n", pieces.concat()).into_bytes();
        bytes.extend(target);
        bytes
    })
}

fn cookies() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "nf_jwt", "nf_jwt=", "=", ";", "; ", "\"", " ", "\t", "\n", "a", "a=b", "NF_JWT=x", "."
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..2),
    ];
    vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

fn token() -> impl Strategy<Value = Vec<u8>> {
    let header = prop::sample::select(vec![
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"alg":"none","typ":"JWT"}"#,
        r#"{"alg":"HS256","typ":"JWT","crit":["exp"]}"#,
        r#"["HS256"]"#,
        "",
    ]);
    let exp = prop::sample::select(vec![
        "1700000001",
        "1700000000",
        "1700000000.5",
        "1e300",
        "-1",
        "\"1\"",
        "null",
        "[]",
        "1e400",
    ]);
    prop_oneof![
        vec(any::<u8>(), 0..64),
        (header, exp, any::<bool>()).prop_map(|(header, exp, twice)| {
            let again = if twice { r#","exp":1"# } else { "" };
            format!("{header}\n{{\"exp\":{exp}{again}}}").into_bytes()
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parse_redirects(bytes in rule_file()) {
        properties::parse_redirects(&bytes);
    }

    #[test]
    fn matching_agrees_with_oracle(bytes in vec(any::<u8>(), 0..12)) {
        properties::matching_agrees_with_oracle(&bytes);
    }

    #[test]
    fn decode_token(bytes in token()) {
        properties::decode_token(&bytes);
    }

    #[test]
    fn read_cookie(bytes in cookies()) {
        properties::read_cookie(&bytes);
    }

    #[test]
    fn canonical_path(bytes in target()) {
        properties::canonical_path(&bytes);
    }

    #[test]
    fn location_is_safe(bytes in redirect()) {
        properties::location_is_safe(&bytes);
    }

    #[test]
    fn decide(bytes in vec(any::<u8>(), 0..80)) {
        properties::decide(&bytes);
    }
}
