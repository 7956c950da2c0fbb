//! What loading and deciding cost, in steps and in bytes allocated: in proportion to what is read, whatever is in it
//! (RULES-14, MATCH-9, COST-1, COST-2).
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::fmt::Write as _;

use rolegate::site::MemorySite;
use rolegate::{RuleFiles, RuleSet, cost};
use rolegate_check::fix::fix;
use rolegate_check::lint::lint;
use rolegate_keys::Algorithms;
use rolegate_keys::jwks;
use rolegate_properties::{load_cost, request_cost};

/// What a site's rule files hold.
#[derive(Default)]
struct Files {
    redirects: String,
    toml: String,
    headers: String,
}

fn redirects(redirects: String) -> Files {
    Files { redirects, ..Files::default() }
}

fn toml(toml: String) -> Files {
    Files { toml, ..Files::default() }
}

fn headers(headers: String) -> Files {
    Files { headers, ..Files::default() }
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, at| {
        let _ = writeln!(text, "{}", line(at));
        text
    })
}

type Shape = (&'static str, fn(usize) -> Files);

/// Files of about so many kilobytes, each hostile in its own way.
const SHAPES: &[Shape] = &[
    ("lines of stars", |k| redirects(lines(k / 8 + 1, |_| format!("{} /x 301", "/*".repeat(4000))))),
    ("lines of stars that name a role", |k| {
        redirects(lines(k / 8 + 1, |_| format!("{} /x 200! Role=a", "/*".repeat(4000))))
    }),
    ("a literal star in each segment", |k| redirects(lines(k / 8 + 1, |_| format!("{}/x /x 301", "/a*".repeat(2700))))),
    ("dots in each segment", |k| redirects(lines(k / 8 + 1, |at| format!("{}/x{at} /x 301", "/./a/..".repeat(1100))))),
    ("placeholders", |k| redirects(lines(k / 8 + 1, |_| format!("{} /x 301", "/:ab".repeat(2000))))),
    ("thirty placeholders and colons", |k| {
        redirects(lines(k / 8 + 1, |_| {
            let names: String = (1..31).map(|length| format!("/:{}", "a".repeat(length))).collect();
            format!("{names} /{} 301", ":aaaaaaa".repeat(900))
        }))
    }),
    ("a destination of splats", |k| redirects(lines(k / 8 + 1, |_| format!("/a/* {} 301", "/:splat".repeat(1100))))),
    ("query pairs", |k| {
        redirects(lines(k / 8 + 1, |_| {
            format!("/a {} /x 301", (0..900).map(|n| format!("k{n}=v ")).collect::<String>())
        }))
    }),
    ("query captures", |k| {
        redirects(lines(k / 8 + 1, |_| {
            format!("/a {} /x 301", (0..900).map(|n| format!("k{n}=:v ")).collect::<String>())
        }))
    }),
    ("unknown conditions", |k| redirects(lines(k / 8 + 1, |_| format!("/a /b 301 {}", "a=b ".repeat(2000))))),
    ("lists of roles", |k| {
        let roles: Vec<String> = (0..1200).map(|n| format!("r{n}")).collect();
        redirects(lines(k / 8 + 1, |at| format!("/a/* /b{at} 200 Role={}", roles.join(","))))
    }),
    ("lists of countries that name a role", |k| {
        redirects(lines(k / 8 + 1, |_| format!("/a /b 200! Role=a Country={}", "aa,".repeat(2500))))
    }),
    ("short lines in error", |k| redirects(lines(100 * k, |_| "x".to_owned()))),
    ("lines that are no UTF-8 text", |k| redirects(lines(100 * k, |_| "/\u{feff}é ö".to_owned()))),
    ("duplicates", |k| redirects(lines(80 * k, |_| "/a /b 301".to_owned()))),
    ("a chain of redirects", |k| redirects(lines(50 * k, |at| format!("/p{at} /p{} 301", at + 1)))),
    ("circles of redirects", |k| redirects(lines(50 * k, |at| format!("/p{at} /p{} 301", at ^ 1)))),
    ("prefixes of each other", |k| {
        redirects((1..(45.0 * (k as f64).sqrt()) as usize).map(|n| format!("/{}* /x 301\n", "a".repeat(n))).collect())
    }),
    ("paths of shared segments", |k| redirects(lines(k / 8 + 1, |at| format!("{}/{at} /x 301", "/a".repeat(4000))))),
    ("rules in the way of each other", |k| {
        let first = lines(63, |_| "/* /y 200 Country=aa".to_owned()) + &lines(64, |_| "/m/* /z 200! Role=a".to_owned());
        redirects(first + &lines(40 * k, |at| format!("/x{at}/* /m/:splat 200")))
    }),
    ("long gates above short rules", |k| {
        let gates = lines(k / 16 + 1, |at| format!("/m{}/{at}/* /z 200! Role=a", "/a".repeat(4000)));
        redirects(gates + &lines(20 * k, |at| format!("/x{at}/* /:splat 200")))
    }),
    ("gates of one path", |k| redirects(lines(30 * k, |at| format!("/a /b{at} 200! Role=r{at} Cookie=c")))),
    ("forwarded gates of one path", |k| {
        let gates = lines(20 * k, |at| format!("/m/* http://up.example/{at}/:splat 200! Role=a"));
        redirects(gates + "/* http://up.example/z/:splat 200!\n")
    }),
    ("gates of one path for many hosts", |k| {
        redirects(lines(20 * k, |at| format!("https://h{at}.example/m/* /m/:splat 200! Role=a")))
    }),
    ("hosts", |k| {
        redirects(lines(20 * k, |at| format!("https://h{at}.example/* https://h{}.example/:splat 301!", at + 1)))
    }),
    ("one line of entries", |k| toml(format!("redirects = [{}]\n", "{from='/a//b',to='/c',x=1},".repeat(40 * k)))),
    ("entries", |k| toml("[[redirects]]\nfrom='/a'\nto='/b'\n".repeat(30 * k))),
    ("entries in error that name a role", |k| toml("[[redirects]]\nfrom='/a'\nrole='b'\n".repeat(30 * k))),
    ("a text of stars", |k| toml(format!("[[redirects]]\nfrom='{}'\nto='/b'\n", "/*".repeat(4000)).repeat(k / 8 + 1))),
    ("a long text", |k| toml(format!("[[redirects]]\nfrom='/{}'\nto='/b'\n", "a".repeat(1000 * k)))),
    ("header fields of a rule", |k| {
        let fields: String = (0..60 * k).map(|n| format!("x-{n}='b',")).collect();
        toml(format!("[[redirects]]\nfrom='/a'\nto='https://b.example/'\nstatus=200\nheaders={{{fields}}}\n"))
    }),
    ("query of a rule", |k| {
        let fields: String = (0..60 * k).map(|n| format!("q{n}='b',")).collect();
        toml(format!("[[redirects]]\nfrom='/a'\nto='/b'\nquery={{{fields}}}\n"))
    }),
    ("roles of a rule", |k| {
        let roles: String = (0..100 * k).map(|n| format!("'r{n}',")).collect();
        let entry = format!("[[redirects]]\nfrom='/a'\nto='/b'\nconditions={{Role=[{roles}]}}\n");
        toml(entry.clone() + &entry)
    }),
    ("misplaced tables", |k| toml(lines(30 * k, |at| format!("[a.b{at}.redirects]\nRole='a'")))),
    ("passwords on one line", |k| {
        toml(format!(
            "[[headers]]\nfor='/{}'\nvalues={{{}}}\n",
            "a/".repeat(3000),
            (0..40 * k).map(|n| format!("Basic-Auth{n}='a',")).collect::<String>()
        ))
    }),
    ("header fields", |k| headers("/a\n  X-A: b\n".repeat(80 * k))),
    ("one header field again and again", |k| headers("/a\n".to_owned() + &"X-A: b\n".repeat(140 * k))),
    ("passwords", |k| headers(format!("/{}\n", "a/".repeat(3000)) + &"Basic-Auth:a\n".repeat(70 * k))),
    ("paths of stars", |k| headers(format!("{}\n X-A: b\n", "/*a".repeat(2700)).repeat(k / 8 + 1))),
];

/// Everything that `check` does to the files but to show it.
fn load(files: &Files) {
    let Files { redirects, toml, headers } = files;
    let site = MemorySite::new(["/index.html", "/m/a.html"]);
    let (redirects, toml, headers) = (redirects.as_bytes(), toml.as_bytes(), headers.as_bytes());
    lint(&RuleSet::read(RuleFiles { redirects, toml, headers }).rules, &site);
    fix(redirects, toml, &site);
}

#[test]
fn rules_14_loading_costs_in_proportion_to_the_bytes() {
    let mut failed = String::new();
    for (name, shape) in SHAPES {
        let mut costs = Vec::new();
        for k in [8, 32] {
            let files = shape(k);
            let bytes = (files.redirects.len() + files.toml.len() + files.headers.len()) as u64;
            let mut steps = 0;
            let allocated = allocation_counter::measure(|| steps = cost::of(|| load(&files)).1).bytes_total;
            costs.push((bytes, steps, allocated));
        }
        let [(bytes, steps, allocated), (more_bytes, more_steps, more_allocated)] = costs[..] else { panic!() };
        let factor = more_bytes as f64 / bytes as f64;
        // What is allocated grows by doubling.
        let grows = |less: u64, more: u64, slack: f64| more as f64 > slack * factor * less as f64;
        // To prove advice takes what it takes up to a bound of its own, which the first findings do not reach.
        let (advice, for_advice) = (1_000_000, 8_000_000);
        if grows(steps + advice, more_steps, 1.3) || grows(allocated + for_advice, more_allocated, 1.6) {
            let _ = writeln!(failed, "{name}: more than in proportion: {costs:?}");
        }
        if more_steps > 6_000 * more_bytes || more_allocated > 24_000 * more_bytes {
            let _ = writeln!(failed, "{name}: too much for each byte: {costs:?}");
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn token_12_a_key_set_costs_in_proportion_to_its_bytes() {
    let read = |keys: usize| {
        let key = |n: usize| {
            format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"k{n}","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}"#)
        };
        let document = format!(r#"{{"keys":[{}]}}"#, (0..keys).map(key).collect::<Vec<_>>().join(","));
        let allocated = allocation_counter::measure(|| {
            jwks::parse(document.as_bytes(), &Algorithms::default()).unwrap();
        });
        allocated.bytes_total / document.len() as u64
    };
    let (few, many) = (read(100), read(2000));
    assert!(many <= 2 * few, "{few} bytes for each of a short document, {many} of a long one");
}

#[test]
fn rules_14_no_depth_harms() {
    for file in [
        format!("[{}]\n", "a.".repeat(20_000) + "a"),
        format!("a = {}{}\n", "[".repeat(20_000), "]".repeat(20_000)),
        format!("a = {}1{}\n", "{a=".repeat(20_000), "}".repeat(20_000)),
        format!("{}a = 1\n", "a.".repeat(20_000)),
        format!("[[redirects]]\n{}a = 1\n", "role.".repeat(20_000)),
    ] {
        load(&toml(file));
    }
}

/// COST-1: what gates would have shown is compared for a bounded number of bytes, however many deny a request, and nothing of it comes
/// out beyond that.
#[test]
fn cost_1_gates_that_deny_one_request() {
    let asked = |gates: usize, segments: usize| {
        let rules: String = (0..gates).map(|at| format!("/m/* http://up.example/{at}/:splat 200! Role=a\n")).collect();
        let rules = RuleSet::parse((rules + "/* http://up.example/z/:splat 200!\n").as_bytes()).rules;
        let target = format!("/m{}", "/a".repeat(segments));
        let request = rolegate::Request {
            method: "GET",
            target: target.as_bytes(),
            host: None,
            scheme: rolegate::Scheme::Http,
            headers: &[],
            country: None,
        };
        let site = rolegate::site::MemorySite::default();
        let (decision, steps) = cost::of(|| rolegate::decide(&rules, &request, &rolegate::Visitor::Anonymous, &site));
        (steps, matches!(decision.outcome, rolegate::decide::Outcome::NotFound { forced: true, .. }))
    };
    let (few, is_hidden) = asked(50, 2);
    assert!(!is_hidden, "the catch-all leads elsewhere");
    let (many, is_hidden) = asked(2_000, 3_500);
    assert!(is_hidden, "what was not compared is hidden");
    assert!(many < few + 2_000_000, "{few} steps for few gates and a short path, {many} for many and a long one");
}

/// The lines of one request that are repeated, as [`request_cost`] reads them.
const REQUESTS: &[(&str, &str)] = &[
    ("cookies and countries", "\x0f\n/a /b 302 Country=aq\n\n/a\nCookie:\0a=b; \n"),
    ("cookies and languages", "\x0f\n/a /b 302 Language=xx\n\n/a\nCookie:\0a=b; \nAccept-Language:\0de,en;q=0.5,\n"),
    ("cookies and cookies", "\x0f\n/a /b 302 Cookie=x,y,z\n\n/a\nCookie:\0;;;a\n"),
    ("one language and a blank before it", "\x0f\n/a /b 302 Language=xx\n\n/a\nAccept-Language:\0 \n"),
    ("roles", "\x0f\n/a /b 200! Role=a,b,c,d,e,f,g\n\n/a\nCookie:nf_jwt=a.b.c\n"),
    ("tokens", "\x0f\n/a /b 200! Role=a\n\n/a\nCookie:\0nf_jwt=a.b.c; \nCookie:\0nf_jwt=a.b.c; nf_jwt=d; \n"),
    ("parameters and rules with parameters", "\x0f\n/a x=:y /b 302\n/a z=1 /b 302\n/a?\0q=1&\n"),
    ("parameters and rules at each depth", "\x0f\n/a/* x=:y /b 302\n/a/a/* z=1 /b 302\n/a\0/a\n"),
    ("captures", "\x0f\n/a/:b/:c/* /:b/:c/:splat 302 Country=aq\n\n/a/\0b/\n"),
    ("captures that lead to themselves", "\x0f\n/* /:splat 302\n\n/a\0/b\n"),
    ("splats in one destination", "\x0f\n/* /:splat/:splat/:splat/:splat/:splat/:splat 302\n\n/a\0/b\n"),
    ("other spellings", "\x0f\n/a.html /b 200! Role=a\n/a/index.html /b 200! Role=a\n/a\n"),
    ("other spellings of a long path", "\x0f\n/a.html /b 200! Role=a\n/* /b 200! Role=a\n/a\0/a\n"),
    ("stars in the middle", "\x0f\n/*/a/a/a/b/* /b 302\n/*/a/b /c 302\n/\0a/\n"),
    ("prefixes", "\x0f\n/aaaaaaaa* /b 302 Country=aq\n/aaaaaab* /b 302\n/\0aaaa\n"),
    ("addresses", "\x0f\n/a /b 302\n\n/a\nX-Forwarded-For:\x0010.0.0.1,\n"),
    ("hosts and schemes", "\x0f\n/a /b 302\n\n/a\nX-Forwarded-Host:\0a,\nX-Forwarded-Proto:\0https,\n"),
    ("hosts", "\x0f\nhttps://a.example/a /b 302 Country=aq\nhttps://b.example/a /b 302\n/a\n"),
];

#[test]
fn cost_1_a_request_costs_in_proportion_to_what_is_read() {
    for (name, request) in REQUESTS {
        for choice in [0x00, 0x0f, 0x3f, 0xff] {
            let request: Vec<u8> = std::iter::once(choice).chain(request.bytes().skip(1)).collect();
            let held = std::panic::catch_unwind(|| request_cost(&request));
            assert!(held.is_ok(), "{name}, repeated as {choice:#x}");
        }
    }
    load_cost(b"\x09/a /b 301\n\0/a /b 301\n\0");
}
