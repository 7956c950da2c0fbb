//! How much memory reading rule files takes, and how long; each size in a process of its own, so that each peak is its own.
//!
//! `rules [LINES…]` prints a Markdown table. `peak` is the most memory that was resident while the file was read, above
//! what was resident before; `held` is what the rules and their index hold afterwards. Both from /proc (proc(5)).
#![forbid(unsafe_code)]

use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;
use std::process::Command;
use std::time::Instant;

use rolegate::RuleSet;
use rolegate_bench::rule_file;

/// Says to the process itself that it is to measure one size.
const ONE: &str = "--one";
/// The smallest of so many times counts.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, lines] = arguments.as_slice()
        && first == ONE
    {
        return one(lines.parse()?);
    }
    let sizes = if arguments.is_empty() {
        ["1000", "10000", "100000", "1000000"].map(str::to_owned).to_vec()
    } else {
        arguments
    };
    let mut out = std::io::stdout();
    writeln!(
        out,
        "| lines | rules | time | with lints | peak | held | a rule |\n| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )?;
    for lines in sizes {
        let row = Command::new(std::env::current_exe()?).args([ONE, &lines]).output()?;
        out.write_all(&row.stdout)?;
        out.write_all(&row.stderr)?;
    }
    Ok(())
}

fn one(lines: usize) -> Result<(), Box<dyn Error>> {
    let text = rule_file(lines);
    // proc(5): sets the peak back to what is resident now.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let before = status("VmRSS")?;
    let parsed = RuleSet::parse(black_box(text.as_bytes()));
    let peak = status("VmHWM")?.saturating_sub(before);
    let held = status("VmRSS")?.saturating_sub(before);
    let rules = parsed.rules.rules().len();
    let time = fastest(|| RuleSet::parse(black_box(text.as_bytes())));
    let with_lints = fastest(|| {
        let parsed = RuleSet::parse(black_box(text.as_bytes()));
        let problems = rolegate_check::lint::lint(&parsed.rules, &rolegate::site::MemorySite::default());
        (parsed, problems)
    });
    let megabytes = |kilobytes: u64| kilobytes as f64 * 1024.0 / 1e6;
    writeln!(
        std::io::stdout(),
        "| {lines} | {rules} | {time:.1} ms | {with_lints:.1} ms | {:.1} MB | {:.1} MB | {:.0} B |",
        megabytes(peak),
        megabytes(held),
        peak as f64 * 1024.0 / rules.max(1) as f64,
    )?;
    Ok(())
}

/// Milliseconds, without those that it takes to let go of what was made.
fn fastest<T>(work: impl Fn() -> T) -> f64 {
    let times = (0..ROUNDS).map(|_| {
        let started = Instant::now();
        let made = black_box(work());
        let took = started.elapsed().as_secs_f64() * 1e3;
        drop(made);
        took
    });
    times.fold(f64::INFINITY, f64::min)
}

/// A figure of /proc/self/status, in kilobytes.
fn status(name: &str) -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("/proc/self/status lacks a line")?;
    Ok(line.trim_matches([':', '\t', ' ']).trim_end_matches(" kB").trim().parse()?)
}
