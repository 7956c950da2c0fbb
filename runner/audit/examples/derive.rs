//! How long deriving takes and how much memory: `cargo run --release -p gatecheck-audit --example derive [RULES FILES]`. 45,000 rules and 20,000 files if nothing
//! is said; under 2 s and 500 MB is meant.
#![allow(clippy::print_stdout, reason = "it prints its figures")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Instant;

use gatecheck::corpus::{Corpus, DEFAULT_ROLE_PATH, DEFAULT_SECRET};
use gatecheck::own::NoTokens;
use gatecheck_audit::{Seen, Wish};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse::<usize>().ok());
    let (rules, files) = (numbers.next().unwrap_or(45_000), numbers.next().unwrap_or(20_000));
    let folder = tempfile::tempdir()?;
    let mut text = String::new();
    for number in 0..rules {
        let _ = match number % 3 {
            0 => writeln!(text, "/members/{number}/*  /members/{number}/:splat  200!  Role=role-{}", number % 7),
            1 => writeln!(text, "/members/{}/*  /login  302", number.saturating_sub(1)),
            _ => writeln!(text, "/old/{number}  /new/{number}  301"),
        };
    }
    std::fs::write(folder.path().join("_redirects"), text)?;
    for number in 0..files {
        let name = if number % 2 == 0 {
            format!("members/{}", (number / 2).saturating_mul(3))
        } else {
            format!("pages/{}", number % 100)
        };
        let path = folder.path().join(name);
        std::fs::create_dir_all(&path)?;
        let lines: String = (0..20)
            .map(|line| format!("<p>Line {line} of page {number}: {}</p>\n", number.wrapping_mul(7919)))
            .collect();
        std::fs::write(path.join(format!("{number}.html")), lines)?;
    }
    let corpus = Corpus::embedded().map_err(|errors| format!("{} mistakes in the corpus", errors.len()))?;
    let wish = Wish {
        site: folder.path().to_owned(),
        netlify_toml: None,
        secret: Some(DEFAULT_SECRET.to_owned()),
        role_path: DEFAULT_ROLE_PATH.to_owned(),
        issuer: None,
        audience: None,
        given_roles: BTreeSet::new(),
        given: Arc::new(NoTokens),
        budget: 2000,
        seed: 1,
        forwarding: false,
        host: None,
        origin: "http://127.0.0.1".to_owned(),
        https: false,
        is_alike: true,
        now: 0,
    };
    let before = peak();
    let started = Instant::now();
    let seen = Seen::of(&wish)?;
    let read = started.elapsed();
    let audit = seen.audit(&wish, &corpus);
    let all = started.elapsed();
    println!(
        "{rules} rules, {files} files: {:.2} s ({:.2} s to read and look), {} requests chosen of {}, at most {} MB ({} MB of them before)",
        all.as_secs_f64(),
        read.as_secs_f64(),
        audit.sizes.requests,
        audit.sizes.budget_for_all,
        peak() / 1024,
        before / 1024
    );
    Ok(())
}

/// The most memory that this process had, in KiB; 0 where the system does not say.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
}
