//! Drives a property of picks with inputs at random: no sanitizer and no coverage, so that it is asked many times as often as
//! by a fuzzer in the same time. `drive NAME COUNT [SEED]`; the same seed asks the same inputs.
#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::env::args;
use std::panic::{catch_unwind, set_hook, take_hook};
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use fastrand::Rng;

/// A property, by name, and the most picks of an input.
type Driven = (&'static str, fn(&[u8]), usize);

const DRIVEN: &[Driven] = &[
    ("advice_opens_nothing", rolegate_properties::advice_opens_nothing, 50),
    ("fix_opens_nothing", rolegate_properties::fix_opens_nothing, 80),
    ("reload_opens_nothing", rolegate_properties::reload_opens_nothing, 100),
];
/// The picks, as a seed is written by hand.
const PICKS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// After so many inputs it says how far it is.
const STEP: u64 = 50_000;

fn main() -> ExitCode {
    let words: Vec<String> = args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (name, count, seed) = match words.as_slice() {
        [name, count] => (*name, count.parse(), Ok(now())),
        [name, count, seed] => (*name, count.parse(), seed.parse()),
        _ => return usage("a property and a number of inputs, please"),
    };
    let Some((name, property, most)) = DRIVEN.iter().find(|(known, ..)| *known == name) else {
        return usage(&format!("no property `{name}`"));
    };
    let (Ok(count), Ok(seed)) = (count, seed) else {
        return usage("the number of inputs and the seed are whole numbers");
    };
    drive(name, *property, *most, count, seed)
}

fn usage(why: &str) -> ExitCode {
    let names: Vec<&str> = DRIVEN.iter().map(|(name, ..)| *name).collect();
    println!("{why}\nusage: drive NAME COUNT [SEED], with one of {}", names.join(", "));
    ExitCode::from(2)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn drive(name: &str, property: fn(&[u8]), most: usize, count: u64, seed: u64) -> ExitCode {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let holds = |input: &[u8]| catch_unwind(|| property(input)).is_ok();
    let (started, mut rng) = (Instant::now(), Rng::with_seed(seed));
    for done in 0..count {
        let length = rng.usize(..=most);
        let input: Vec<u8> = (0..length).map(|_| rng.choice(PICKS).copied().unwrap_or(b'0')).collect();
        if !holds(&input) {
            let smallest = smallest(input, holds);
            set_hook(hook);
            let text = String::from_utf8_lossy(&smallest);
            println!(
                "{name}: input {done} of seed {seed} fails; the smallest that does, for fuzz/regressions/{name}:\n{text}\n"
            );
            // It says why.
            let _ = catch_unwind(|| property(&smallest));
            return ExitCode::FAILURE;
        }
        if (done + 1) % STEP == 0 {
            println!("{name}: {} inputs, {} s", done + 1, started.elapsed().as_secs());
        }
    }
    println!("{name}: {count} inputs of seed {seed} in {} s, none fails", started.elapsed().as_secs());
    ExitCode::SUCCESS
}

/// The input without each pick that it fails without.
fn smallest(mut input: Vec<u8>, holds: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut at = 0;
    while at < input.len() {
        let mut shorter = input.clone();
        shorter.remove(at);
        if holds(&shorter) {
            at += 1;
        } else {
            (input, at) = (shorter, 0);
        }
    }
    input
}
