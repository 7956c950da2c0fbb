//! Hostile rule files of three sizes, each twice the one before: reading, linting and fixing take twice the time (RULES-14).

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rolegate::rules::Parsed;
use rolegate::site::MemorySite;
use rolegate::{RuleFiles, RuleSet};
use rolegate_check::fix::fix;
use rolegate_check::lint::lint;

type Shape = (&'static str, fn(usize) -> String);

/// `_redirects` files of about so many kilobytes.
const REDIRECTS: &[Shape] = &[
    ("plain", |k| "/a/page.html /b/page.html 301\n".repeat(34 * k)),
    ("stars", |k| format!("{} /x 301\n", "/*".repeat(2_000)).repeat(k / 4)),
    ("colons", |k| {
        let names: String = (1..31).map(|length| format!("/:{}", "a".repeat(length))).collect();
        format!("{names} /{} 301\n", ":aaaaaaa".repeat(900)).repeat(k / 8)
    }),
    ("unknown-conditions", |k| format!("/a /b 301 {}\n", "a=b ".repeat(2_000)).repeat(k / 8)),
    ("in-each-others-way", |k| {
        let first = "/* /y 200 Country=aa\n".repeat(63) + &"/m/* /z 200! Role=a\n".repeat(64);
        first + &(0..40 * k).map(|at| format!("/x{at}/* /m/:splat 200\n")).collect::<String>()
    }),
];

/// `netlify.toml` files of about so many kilobytes.
const TOML: &[Shape] = &[
    ("one-line-of-entries", |k| format!("redirects = [{}]\n", "{from='/a//b',to='/c',x=1},".repeat(40 * k))),
    ("sealed-entries", |k| "[[redirects]]\nfrom='/a'\nrole='b'\n".repeat(30 * k)),
];

/// `_headers` files of about so many kilobytes.
const HEADERS: &[Shape] = &[
    ("one-field", |k| "/a\n".to_owned() + &"X-A: b\n".repeat(140 * k)),
    ("passwords", |k| format!("/{}\n", "a/".repeat(3_000)) + &"Basic-Auth:a\n".repeat(70 * k)),
];

/// What a load does with the text of a file; how much it found, so that nothing is left out.
type Read<'r> = &'r dyn Fn(&str) -> usize;

fn read(toml: &[u8], headers: &[u8]) -> Parsed {
    RuleSet::read(RuleFiles { redirects: b"", toml, headers })
}

fn load(criterion: &mut Criterion) {
    let site = MemorySite::new(["/index.html", "/m/a.html"]);
    let redirects = |text: &str| {
        lint(&RuleSet::parse(text.as_bytes()).rules, &site).len() + fix(text.as_bytes(), &[], &site).changes.len()
    };
    let toml = |text: &str| {
        lint(&read(text.as_bytes(), &[]).rules, &site).len() + fix(&[], text.as_bytes(), &site).changes.len()
    };
    let headers = |text: &str| read(&[], text.as_bytes()).problems.len();
    let files: [(&str, &[Shape], Read<'_>); 3] =
        [("redirects", REDIRECTS, &redirects), ("toml", TOML, &toml), ("headers", HEADERS, &headers)];
    for (file, shapes, read) in files {
        let mut group = criterion.benchmark_group(format!("load-{file}"));
        group.sample_size(10);
        for (name, shape) in shapes {
            for kilobytes in [64, 128, 256] {
                let text = shape(kilobytes);
                group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap_or(u64::MAX)));
                group.bench_with_input(BenchmarkId::new(*name, kilobytes), &text, |bencher, text| {
                    bencher.iter(|| read(black_box(text)));
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, load);
criterion_main!(benches);
