//! The decision by number of rules, the match being the last (MATCH-9): without a token, and with one that is verified each time.
//!
//! The baseline of the same run is the walk over the whole list, which is the definition.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use rolegate::{Keys, Request, RuleSet, Scheme, Time, TokenSettings, decide};
use rolegate_bench::{NOW, SECRET, cookie, hosts, queries, rules, site};
use rolegate_server::KeyedGate;

const SIZES: [usize; 4] = [10, 1_000, 10_000, 100_000];
/// The walk takes a millisecond at the next size.
const WALKED: usize = 10_000;

fn request<'a>(headers: &'a [(&'a str, &'a [u8])], target: &'a str) -> Request<'a> {
    Request {
        method: "GET",
        target: target.as_bytes(),
        host: Some("gated.example"),
        scheme: Scheme::Https,
        headers,
        country: None,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    let cookie = cookie(u64::from(NOW) + 3600)?;
    let plain: [(&str, &[u8]); 3] =
        [("host", b"gated.example"), ("user-agent", b"bench"), ("accept-language", b"en-GB,en;q=0.8")];
    let with_token: Vec<(&str, &[u8])> = plain.into_iter().chain([("cookie", cookie.as_bytes())]).collect();
    let now = Time::from_seconds(NOW.into());
    type Shape = (&'static str, fn(usize) -> String, &'static str);
    let shapes: [Shape; 3] = [
        ("paths", rules, "/members/home"),
        ("hosts", hosts, "/members/home"),
        ("queries", queries, "/members/home?id=x"),
    ];
    for (name, text, target) in shapes {
        let mut group = criterion.benchmark_group(format!("decide/{name}"));
        for size in SIZES {
            let rules = RuleSet::parse(text(size).as_bytes()).rules;
            let gate = KeyedGate::new(rules, Keys::hs256(SECRET)?, TokenSettings::default(), site())?;
            let anonymous = request(&plain, target);
            let holder = request(&with_token, target);
            assert!(gate.decide(&holder, now).outcome.file().is_some_and(|file| file == "/members/home.html"));
            group.bench_function(BenchmarkId::new("without-token", size), |bencher| {
                bencher.iter(|| gate.decide(black_box(&anonymous), now));
            });
            group.bench_function(BenchmarkId::new("with-token", size), |bencher| {
                bencher.iter(|| gate.decide(black_box(&holder), now));
            });
            if size <= WALKED {
                let visitor = gate.visitor(&anonymous, now);
                group.bench_function(BenchmarkId::new("walk", size), |bencher| {
                    bencher.iter(|| decide(gate.rules().rules(), black_box(&anonymous), &visitor, gate.site()));
                });
            }
        }
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
