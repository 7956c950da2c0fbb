//! The properties, driven by random input.
#![allow(missing_docs, reason = "a test is named for what it asserts")]

mod browser;
mod standstill;

use proptest::collection::vec;
use proptest::prelude::*;
use rolegate_properties as properties;

/// A path in the content with oddities: the property takes digits and letters for pieces of one, and a name that decides who
/// gets in has each letter in some other guise.
fn tree_path() -> impl Strategy<Value = String> {
    let gates = prop::sample::select(vec!["_redirects", "netlify.toml", "admin", "functions", "_headers"]);
    let disguised = (gates, any::<u64>()).prop_map(|(name, guise)| disguised(name, guise));
    let piece = prop_oneof!["[0-9a-z]{1,3}", disguised, any::<char>().prop_map(String::from)];
    let start = prop::sample::select(vec!["", "0", "content/", "content/", "static/uploads/"]);
    (start, vec(piece, 0..8)).prop_map(|(start, pieces)| format!("{start}{}", pieces.concat()))
}

fn disguised(name: &str, guise: u64) -> String {
    let letters = name.chars().zip(0_u32..).map(|(letter, at)| match guise.rotate_right(at * 3) % 8 {
        0 => letter.to_ascii_uppercase(),
        // The full-width form of ASCII.
        1 => char::from_u32(u32::from(letter) + 0xFEE0).unwrap_or(letter),
        2 if letter == 'i' => '\u{131}',
        3 if letter == 'i' => '\u{130}',
        2 if letter == 's' => '\u{17f}',
        4 if letter == 'n' => '\u{f1}',
        _ => letter,
    });
    letters.collect()
}

/// Text that looks like a rule file, with a little of everything that rule files hold.
fn header_file() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "/*\n",
            "/a\n",
            "/:x/b\n",
            "/a/*.css\n",
            "/private/* ",
            "/../\n",
            "  ",
            "\t",
            "\n",
            "\r\n",
            "\r",
            "#",
            ": ",
            ",",
            "\"",
            "Cache-Control: public, max-age=60\n",
            "Cache-Control: private\n",
            "cache-control: ",
            "private, ",
            "public",
            "s-maxage=60",
            "Vary: *\n",
            "Expires: 0\n",
            "Netlify-CDN-Cache-Control: public\n",
            "X-Accel-Expires: 600\n",
            "x-akamai-cache-control: public\n",
            "Fastly_Cache_Control: public\n",
            "X-Varnish-TTL: 600\n",
            "Cache-Control: no-store, must-understand\n",
            "ETag: \"x\"\n",
            "Content-Length: 1\n",
            "Set-Cookie: a=b\n",
            "Location: /\n",
            "X-A: b\n",
            "Basic-Auth: a:b\n",
            "basic_auth",
            "https://a.example/*\n",
            "\u{feff}",
            "\u{e9}",
            "\u{0}",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..3),
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

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

/// Text that looks like `netlify.toml`: whole entries with odd fields, and pieces of the grammar.
fn toml_file() -> impl Strategy<Value = Vec<u8>> {
    let field = prop::sample::select(vec![
        "from = '/a'",
        "from = '/b/*'",
        "from = \"/\\u0061\"",
        "from = ' /c'",
        "from = '/d/**'",
        "from = 'e'",
        "from = 1",
        "origin = '/f'",
        "to = '/x'",
        "to = 'https://x.example/'",
        "to = 'x'",
        "destination = ''",
        "status = 200",
        "status = '302'",
        "status = '200!'",
        "status = 1.5",
        "force = true",
        "force = 'yes'",
        "query = { q = ':q' }",
        "params = 'q=1'",
        "conditions = { Role = 'admin' }",
        "conditions = { Role = ['a', 'b'] }",
        "conditions = { role = 'a, b' }",
        "conditions = { ROLE = 'a' }",
        "conditions = { Role = 1 }",
        "conditions = { Role = 'a', Typo = 'b' }",
        "conditions = ['Role']",
        "[redirects.conditions]\nRole = 'a'",
        "headers = { X-A = 'b' }",
        "headers = { Host = 'b' }",
        "signed = 'KEY'",
        "role = 'a'",
        "'' = ''",
        "é = 1",
        "# Role",
        "for = '/a'",
        "for = '/b/*/:c'",
        "for = 'd'",
        "values = { X-A = 'b', x-a = ['c', 'd'] }",
        "values = { Basic-Auth = 'a:b' }",
        "values = { basic-auth = ['a:b'] }",
        "values = 'Basic-Auth: a:b'",
        "[headers.values]\nCache-Control = 'public'",
    ]);
    let header = prop::sample::select(vec![
        "[[redirects]]",
        "[[redirects]]",
        "[[redirects]]",
        "[redirects]",
        "[[Redirects]]",
        "[[context.x.redirects]]",
        "[[headers]]",
        "[[headers]]",
        "[[context.x.headers]]",
        "[build]",
        "redirects = [",
        "\u{feff}[[redirects]]",
    ]);
    let entry = (header, vec(field, 0..6))
        .prop_map(|(header, fields)| format!("{header}\n{}\n", fields.join("\n")).into_bytes());
    vec(prop_oneof![9 => entry, 1 => vec(any::<u8>(), 0..3)], 0..4).prop_map(|pieces| pieces.concat())
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

/// Ways to a gated path, and what servers make of in their own ways.
fn front_end_target() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec!["/", "//", "/.", "/..", "/../", "//../", "/./", "%2F", "%2f", "\\", "%5C", "/x"]),
        4 => prop::sample::select(vec![
            "members", "secret.html", "secret", "public", "caf%C3%A9", "a%20b", "up/", "home", ".html", "index", "%6Dembers",
            "members%20", "Members",
        ]),
        2 => prop::sample::select(vec![
            "%2e", "%2E%2E", ".", "..", ";", "..;", ";x", "%3B", "%25", "%252e", "%252F", "%25u002e", "%3F", "%23", "?", "?/../",
            "#", "%00", "%C0%AE", "%c0%af", "%E2%80%8B", "%E2%80%A5", "%EF%BC%8E", "%EF%BC%8F", "%EF%BC%9B", "é", "\u{e9}", " ", "%20", "%09", "+", "%", "%61", "http://h", "//h",
        ]),
    ];
    let bytes = vec(any::<u8>(), 0..2);
    let piece = prop_oneof![12 => piece.prop_map(|text| text.as_bytes().to_vec()), 1 => bytes];
    let path = vec(piece, 0..10).prop_map(|pieces| [b"/".to_vec(), pieces.concat()].concat());
    prop_oneof![3 => path, 1 => asked_target()]
}

/// A target with parameters of which rules name one.
fn asked_target() -> impl Strategy<Value = Vec<u8>> {
    let path = prop::sample::select(vec!["/asked/gated", "/asked/open", "/asked/served"]);
    let part = prop::sample::select(vec![
        "k=shut", "k=open", "k=", "k", "k[]=shut", "%6B=open", "x=1", "shut", "open", "=", "&", "&k=shut", "&k=open",
        ";", ";k=shut", "+", "%00", "%20", "%25", "6B", "%u006B", "%zz", "%2C", ".", "[", "é",
    ]);
    (path, vec(part, 0..5)).prop_map(|(path, parts)| format!("{path}?{}", parts.concat()).into_bytes())
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

/// Picks for a destination, and text for its names that readers could read in several ways.
fn fetched() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec![
        "a", "b", "..", ".", "/", "%2f", "%2F", "%5c", "\\", "%2e", "%25", "%252e", "%00", "%0d%0a", ";", "%3b", "?",
        "#", " ", "%20", "2f", "5C", "2e", "%c0%af", "%c0%ae", "%u002e", "\r\n", "\0", "\u{85}", "é", ".html", "index",
    ];
    let bytes: Vec<Vec<u8>> =
        pieces.iter().map(|piece| piece.as_bytes().to_vec()).chain([vec![0xc0, 0xaf], vec![0xff]]).collect();
    let text = vec(prop::sample::select(bytes), 0..5).prop_map(|pieces| pieces.concat());
    ("[0-9a-i]{1,5}", text.clone(), text.clone(), text)
        .prop_map(|(picks, x, splat, y)| [picks.as_bytes(), &x, &splat, &y].join(&b'\n'))
}

/// A destination and what is supplied for its names.
fn destination() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(vec![
        "/",
        "/",
        "/a/",
        "/?a=:x&b=:splat&c=:y",
        "https://b.example/",
        "https://:x.b.example/",
        "https://:splat/",
        "http://a.:y:8080/",
        "http://b.example",
    ]);
    let piece = prop::sample::select(vec![
        ":splat",
        ":x",
        ":y",
        ":splat/",
        "/",
        "?",
        "&",
        "=",
        "?a=:x",
        "&b=:splat",
        "&c=:y",
        "#",
        "a",
        "b",
        "..",
        "'",
        "%2e",
        "\\",
        "é",
    ]);
    let text = prop_oneof![
        prop::sample::select(vec![
            "a",
            "a/b",
            "a/",
            "..",
            "a/../b",
            "",
            "//",
            "evil.example",
            "/evil.example",
            "\\evil",
            "@evil",
            ":80",
            "?b=c",
            "#",
            "&d=e",
            "%2e%2e",
            "%",
            "+",
            " ",
            "'",
            "\t",
            "é",
            "\u{3002}",
            "xn--a",
            "javascript:a",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        vec(any::<u8>(), 0..4),
    ];
    (start, vec(piece, 0..5), vec(text, 3)).prop_map(|(start, pieces, texts)| {
        let mut bytes = format!("{start}{}", pieces.concat()).into_bytes();
        for text in texts {
            bytes.push(b'\n');
            bytes.extend(text);
        }
        bytes
    })
}

/// Text that looks like JSON, with every way to spell one name twice.
fn json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        9 => prop::sample::select(vec![
            "{", "}", "[", "]", ",", ":", " ", "{\"a\":", "\"a\":", "\"\\u0061\":", "\"b\":", "\"\":", "\"a\"", "\"\\\"\"",
            "0", "1", "-0", "01", "1.5", "1e400", "1e", "18446744073709551616", "null", "true", "NaN", "\"\\ud800\"", "\"é\"",
            "\u{feff}", "//", "'a'", ",\"a\":1", "\n",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..2),
    ];
    // Valid values by construction, so that more than the grammar is tried.
    let name = prop::sample::select(vec!["a", "b", "\\u0061", "", "\\\"", "é"]);
    let leaf = prop::sample::select(vec!["1", "-1.5e3", "null", "\"a\"", "\"\\\"a\\\":\"", "[]", "{}"])
        .prop_map(str::to_owned);
    let value = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            vec((name.clone(), inner.clone()), 0..4).prop_map(|members| {
                let members: Vec<String> =
                    members.iter().map(|(name, value)| format!("\"{name}\" : {value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
            vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(" , "))),
        ]
    });
    prop_oneof![vec(piece, 0..12).prop_map(|pieces| pieces.concat()), value.prop_map(String::into_bytes)]
}

fn head() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(vec![
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.0\r\n",
        "\r\nGET /a HTTP/1.1\r\n",
        "GET /a#b HTTP/1.1\r\n",
        "CONNECT a:443 HTTP/1.1\r\n",
        "G!T * HTTP/1.1\r\n",
        "GET  / HTTP/1.1\r\n",
        "GET / HTTP/1.1\n",
        "",
    ]);
    let line = prop_oneof![
        6 => prop::sample::select(vec![
            "Host: a\r\n",
            "host:a:80\r\n",
            "Host: [::1]\r\n",
            "Host: a, b\r\n",
            "Content-Length: 0\r\n",
            "Content-Length: 5\r\n",
            "Content-Length: +5\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Expect: 100-continue\r\n",
            "Cookie: nf_jwt=a\r\n",
            " folded\r\n",
            "Cookie : a\r\n",
            "A:\tb \r\n",
            "A: \u{e9}\r\n",
            "A: b\n",
            "A\r\n",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..3),
    ];
    let end = prop::sample::select(vec!["\r\n", "\r\n", "\r\n", "\n", "", "\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"]);
    (start, any::<bool>(), vec(line, 0..4), end).prop_map(|(start, host, lines, end)| {
        let host = if host { "Host: a\r\n" } else { "" };
        [start.as_bytes(), host.as_bytes(), &lines.concat(), end.as_bytes()].concat()
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

/// Fields that proxies write, as clients forge them: a choice of the family, then a line for each.
fn proxied() -> impl Strategy<Value = Vec<u8>> {
    let value = vec(
        prop_oneof![
            4 => prop::sample::select(vec![
                "192.0.2.1", "10.0.0.9", "fd00::1", "[fd00::1]:80", "\"[2001:db8::1]\"", "unknown", "_x", "https", "http", "ws",
                "a.example", "a.example:80", "gated.example", "inner.example", "8081", "aq", "DE", "for=", "proto=", "host=", "by=", ";", ",", ", ", "\"", "\\", "=", " ", "\t",
            ]).prop_map(str::to_owned),
            1 => "[ -~]{0,3}".prop_map(|text| text),
        ],
        0..8,
    );
    let line = (0_u8..8, value).prop_map(|(name, value)| [vec![name], value.concat().into_bytes()].concat());
    (any::<u8>(), vec(line, 0..6)).prop_map(|(choice, lines)| [vec![choice], lines.join(&b'\n')].concat())
}

/// A key set with a little of everything that is right and wrong about keys, perhaps behind a header.
fn key_set() -> impl Strategy<Value = Vec<u8>> {
    let kty = prop::sample::select(vec!["EC", "OKP", "RSA", "oct", "XC", ""]);
    let crv = prop::sample::select(vec!["P-256", "P-384", "Ed25519", "secp256k1", ""]);
    let number = prop::sample::select(vec![
        "75pCl6skjzEpces20XgW05GW3puc_z0ikqqa2MxxVBo",
        "rfsl30eckpYd3L0FLFHIrf2pnRYy2QwVUP_GDDouEEQ",
        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "AQAB",
        "Aw",
        "=",
        "",
    ]);
    let more = prop::sample::select(vec![
        "",
        r#","use":"sig""#,
        r#","use":"enc""#,
        r#","key_ops":["verify"]"#,
        r#","alg":"ES256""#,
        r#","alg":"HS256""#,
        r#","d":"AQ""#,
        r#","k":"AQ""#,
        r#","kid":"a""#,
        r#","kid":"\u001b[2J""#,
        r#","kid":1"#,
        r#","kty":"EC""#,
    ]);
    let key = (kty, crv, number.clone(), number, more.clone(), more).prop_map(|(kty, crv, x, y, first, second)| {
        format!(r#"{{"kty":"{kty}","crv":"{crv}","x":"{x}","y":"{y}","n":"{x}","e":"AQAB"{first}{second}}}"#)
    });
    let header = prop::sample::select(vec![
        "",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"a\"}\n",
        "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"a\"}\n",
        "{\"alg\":\"ES256\",\"typ\":\"JWT\"}\n",
        "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}\n",
        "{\"alg\":\"none\",\"typ\":\"JWT\"}\n",
    ]);
    (header, vec(key, 0..4))
        .prop_map(|(header, keys)| format!(r#"{header}{{"keys":[{}]}}"#, keys.join(",")).into_bytes())
}

/// Header lines of names and values that mean something to a proxy.
fn header_lines() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec![
        "connection",
        "Connection",
        "cookie",
        "x-own",
        "x-a",
        "x_forwarded_for",
        "X-Forwarded-For",
        "x-forwarded-host",
        "te",
        "upgrade",
        "transfer-encoding",
        "cache-control",
        "vary",
        "via",
        "x-nf-sign",
        "x_nf_sign",
        "forwarded",
        "expires",
        "cdn-cache-control",
        "x-accel-expires",
        "X_Accel_Expires",
        "akamai-cache-control",
        "Fastly-Cache-Control",
        "netlify-vary",
        "no-vary-search",
        "pragma",
        "surrogate-key",
        "x-original-url",
        "CF-Connecting-IP",
        "fastly_client_ip",
        "X-Envoy-Original-Path",
        "x-http-method-override",
        "SSL_Client_Verify",
        "remote-user",
        "keep-alive",
    ]);
    let word = prop::sample::select(vec![
        "close",
        "upgrade",
        "x-a",
        "X-Own",
        "cookie",
        "x-forwarded-for",
        "vary",
        "cache-control",
        "nf_jwt=t",
        "a=b; nf_jwt=t; c=d",
        "public",
        "max-age=60",
        "no-store",
        "websocket",
        "h2c",
        "HTTP/2.0",
        "1.1 gate",
        "*",
        "Accept",
        "\u{e9}",
        "",
    ]);
    let value = vec(word, 0..4).prop_map(|words| words.join(", "));
    vec((name, value), 0..8).prop_map(|lines| {
        lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect::<String>().into_bytes()
    })
}

/// A file behind one of the bytes that choose how it is read.
fn chosen(choices: &'static [u8], file: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(choices), file).prop_map(|(choice, file)| [vec![choice], file].concat())
}

/// A file whose middle is repeated, behind the byte that says how often.
fn repeated_file() -> impl Strategy<Value = Vec<u8>> {
    let parted = |text: Vec<u8>| text.into_iter().map(|byte| if byte == 0 { b' ' } else { byte }).collect::<Vec<u8>>();
    let file = |kind: u8, file: BoxedStrategy<Vec<u8>>| {
        (0_u8..4, file.clone(), file.clone(), file).prop_map(move |(times, start, middle, end)| {
            [vec![kind + 3 * times], parted(start), vec![0], parted(middle), vec![0], parted(end)].concat()
        })
    };
    prop_oneof![file(0, rule_file().boxed()), file(1, toml_file().boxed()), file(2, header_file().boxed())]
}

/// Rules, a target and fields, each with something that is repeated.
fn repeated_request() -> impl Strategy<Value = Vec<u8>> {
    let rule = (
        prop::sample::select(vec!["/a", "/*", "/:x/*", "/a/*", "/a*", "/*/b", "/a.html", "https://a.example/*"]),
        prop::sample::select(vec!["", " q=1", " q=:q", " q=1 r=:r"]),
        prop::sample::select(vec![" /b", " /:splat", " /:x/:splat", " /:splat/:splat", " /:q"]),
        prop::sample::select(vec![" 302", " 200!", " 301!"]),
        prop::sample::select(vec![
            "",
            " Role=a,b",
            " Country=aq",
            " Language=xx,yy",
            " Cookie=x,y",
            " Role=a Country=de",
            " Role",
        ]),
    )
        .prop_map(|(from, query, to, status, conditions)| format!("{from}{query}{to}{status}{conditions}\n"));
    let target =
        prop::sample::select(vec!["/a", "/a\0/a", "/\0a", "/a?\0q=1&", "/a?q=1&\0r=", "/\0a/b/", "/a.html", "/\0%61"]);
    let field = prop::sample::select(vec![
        "Cookie:\0a=b; ",
        "Cookie:\0nf_jwt=a.b.c; ",
        "Cookie:x=y\0;",
        "Cookie:nf_country=de; nf_lang=de; \0x=; ",
        "Accept-Language:\0de,",
        "Accept-Language:\0 ",
        "X-Forwarded-For:\x0010.0.0.1,",
        "X-Forwarded-Proto:\0https,",
    ]);
    (any::<u8>(), rule.clone(), rule, target, vec(field, 0..4)).prop_map(|(choice, first, second, target, fields)| {
        let choice = if choice == b'\n' { 0 } else { choice };
        [&[choice, b'\n'], first.as_bytes(), second.as_bytes(), target.as_bytes(), b"\n", fields.join("\n").as_bytes()]
            .concat()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parse_redirects(bytes in rule_file()) {
        properties::parse_redirects(&bytes);
    }

    #[test]
    fn print_rules(bytes in rule_file()) {
        properties::print_rules(&bytes);
    }

    #[test]
    fn lint_rules(bytes in prop_oneof![chosen(&[0], rule_file()), chosen(&[1], toml_file())]) {
        properties::lint_rules(&bytes);
    }

    #[test]
    fn render_problems(bytes in prop_oneof![chosen(&[0], rule_file()), chosen(&[1], toml_file()), chosen(&[2], header_file())]) {
        properties::render_problems(&bytes);
    }

    #[test]
    fn parse_toml(bytes in toml_file()) {
        properties::parse_toml(&bytes);
    }

    #[test]
    fn toml_gates(bytes in toml_file()) {
        properties::toml_gates(&bytes);
    }

    #[test]
    fn toml_headers(bytes in toml_file()) {
        properties::toml_headers(&bytes);
    }

    #[test]
    fn parse_headers(bytes in header_file()) {
        properties::parse_headers(&bytes);
    }

    #[test]
    fn header_answers(bytes in prop_oneof![chosen(&[0], header_file()), chosen(&[1], toml_file())]) {
        properties::header_answers(&bytes);
    }

    #[test]
    fn load_cost(bytes in repeated_file()) {
        properties::load_cost(&bytes);
    }

    #[test]
    fn request_cost(bytes in repeated_request()) {
        properties::request_cost(&bytes);
    }

    #[test]
    fn jwks_confusion(bytes in key_set()) {
        properties::jwks_confusion(&bytes);
    }

    #[test]
    fn header_paths_agree_with_oracle(bytes in vec(any::<u8>(), 0..50)) {
        properties::header_paths_agree_with_oracle(&bytes);
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
    fn front_end_paths(bytes in front_end_target()) {
        properties::front_end_paths(&bytes);
    }

    #[test]
    fn location_is_safe(bytes in redirect()) {
        properties::location_is_safe(&bytes);
    }

    #[test]
    fn decide(bytes in vec(any::<u8>(), 0..80)) {
        properties::decide(&bytes);
    }

    #[test]
    fn fix_opens_nothing(bytes in vec(any::<u8>(), 0..80)) {
        properties::fix_opens_nothing(&bytes);
    }

    #[test]
    fn advice_opens_nothing(bytes in vec(any::<u8>(), 0..50)) {
        properties::advice_opens_nothing(&bytes);
    }

    #[test]
    fn reload_opens_nothing(bytes in vec(any::<u8>(), 0..100)) {
        properties::reload_opens_nothing(&bytes);
    }

    #[test]
    fn location(bytes in destination()) {
        properties::location(&bytes, browser::resolve);
    }

    #[test]
    fn token_json(bytes in json()) {
        properties::token_json(&bytes);
    }

    #[test]
    fn jwks(bytes in key_set()) {
        properties::jwks(&bytes);
    }

    #[test]
    fn identity_bodies(bytes in vec(any::<u8>(), 0..200)) {
        properties::identity_bodies(&bytes);
    }

    #[test]
    fn git_tree_paths(path in tree_path()) {
        properties::git_tree_paths(path.as_bytes());
    }

    #[test]
    fn git_tree_paths_of_bytes(bytes in vec(any::<u8>(), 0..40)) {
        properties::git_tree_paths(&bytes);
    }

    #[test]
    fn forwarded(bytes in fetched()) {
        properties::forwarded(&bytes);
    }

    #[test]
    fn forward_fields(bytes in header_lines()) {
        properties::forward_fields(&bytes);
    }

    #[test]
    fn http_head(bytes in head()) {
        properties::http_head(&bytes);
    }

    #[test]
    fn edge(bytes in proxied()) {
        properties::edge(&bytes);
    }
}

proptest! {
    // Each is a play of many requests.
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whole_server(bytes in vec(any::<u8>(), 0..400)) {
        standstill::whole_server(&bytes);
    }
}
