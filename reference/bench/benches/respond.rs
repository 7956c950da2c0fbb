//! The answer with a static file, decided beforehand: what `respond` costs, beside an answer made of ready parts.
//!
//! `cargo bench -p rolegate-bench --bench respond`
#![allow(clippy::expect_used, reason = "a bench that fails may panic")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::header::{self, HeaderValue};
use rolegate::{Decision, HeaderRules, Outcome, Request, Scheme, Target};
use rolegate_server::DirSite;
use rolegate_server::respond::{Ask, respond};

/// Bytes of the file that is asked for most.
const PAGE: usize = 10 * 1024;
/// Bytes of a file that is read from the disk whenever it is sent.
const LONG: usize = 2 * 1024 * 1024;

fn benches(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let page = "<p>The quick brown fox.</p>\n".repeat(PAGE / 28);
    std::fs::write(folder.path().join("page.html"), &page).expect("written");
    std::fs::write(folder.path().join("long.bin"), vec![b'x'; LONG]).expect("written");
    let site = DirSite::open(folder.path()).expect("a site");
    let fields = HeaderRules::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let ask = |headers: &[(&str, &[u8])]| {
        let request = Request {
            method: "GET",
            target: b"/page.html",
            host: Some("localhost"),
            scheme: Scheme::Http,
            headers,
            country: None,
        };
        Ask::of(&request)
    };
    let serve = |file: &str| Decision {
        outcome: Outcome::Serve { file: file.to_owned() },
        read: Target::parse(b"/").ok(),
        by: None,
        target: None,
        passed_over: Default::default(),
        denied: false,
        role_dependent: true,
        conditions: Default::default(),
    };

    let mut group = criterion.benchmark_group("respond");
    let bytes = Bytes::from(page.into_bytes());
    group.bench_function("baseline: an answer of ready parts", |bench| {
        bench.iter(|| {
            let mut response = Response::new(Full::new(bytes.clone()));
            let headers = response.headers_mut();
            for (name, value) in [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CONTENT_LENGTH, "10220"),
                (header::CACHE_CONTROL, "private, max-age=0, must-revalidate"),
                (header::VARY, "Cookie"),
                (header::ETAG, "\"AAAAAAAAAAAAAAAAAAAAAA\""),
                (header::LAST_MODIFIED, "Sun, 06 Nov 1994 08:49:37 GMT"),
                (header::ACCEPT_RANGES, "bytes"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ] {
                headers.insert(name, HeaderValue::from_static(value));
            }
            response
        });
    });
    let (decision, plain) = (serve("/page.html"), ask(&[]));
    group.bench_function("a page", |bench| {
        bench.iter(|| runtime.block_on(respond(black_box(&site), &fields, black_box(&decision), black_box(&plain))));
    });
    let coded = ask(&[("Accept-Encoding", b"gzip, deflate, br")]);
    group.bench_function("a page to a browser", |bench| {
        bench.iter(|| runtime.block_on(respond(black_box(&site), &fields, black_box(&decision), black_box(&coded))));
    });
    let part = ask(&[("Range", b"bytes=100-199")]);
    group.bench_function("a range of a page", |bench| {
        bench.iter(|| runtime.block_on(respond(black_box(&site), &fields, black_box(&decision), black_box(&part))));
    });
    let long = serve("/long.bin");
    group.bench_function("a long file, read whole", |bench| {
        bench.iter(|| {
            runtime.block_on(async {
                let response = respond(black_box(&site), &fields, black_box(&long), black_box(&plain)).await;
                response.into_body().collect().await.expect("read").to_bytes().len()
            })
        });
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
