//! `gatecheck show CASE`: everything about one case.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use clap::Args;
use gatecheck::corpus::{Case, Corpus, Suite};
use gatecheck::exit::ExitStatus;
use gatecheck::report::evidence::shortened;
use gatecheck::report::outcome::expected;
use gatecheck::run::{Place, compose};
use gatecheck::text::printable;
use gatecheck::wire::{Target, Trust, redact};
use owo_colors::OwoColorize;

use super::{Failure, say};

/// Arguments of `gatecheck show`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The full id of the case, or a pattern that fits exactly one
    case: String,
    /// Let the token and the secret stand in what is shown
    #[arg(long)]
    show_secrets: bool,
}

/// Shows the case.
pub(super) fn show(corpus: &Corpus, args: &ShowArgs) -> Result<ExitStatus, Failure> {
    let (suite, case) = one_case(corpus, &args.case)?;
    say(&render(corpus, suite, case, args.show_secrets).map_err(Failure::harness)?);
    Ok(ExitStatus::AsExpected)
}

/// The one case that an id or a pattern names.
pub(super) fn one_case<'a>(corpus: &'a Corpus, id: &str) -> Result<(&'a Suite, &'a Case), Failure> {
    let exact = corpus.cases().find(|(_, case)| case.is(id));
    let fitting: Vec<_> = corpus.cases().filter(|(_, case)| case.matches(id)).collect();
    match (exact, fitting.as_slice()) {
        (Some(found), _) => Ok(found),
        (None, [one]) => Ok(*one),
        (None, []) => {
            if let Some(why) = corpus.retired(id) {
                return Err(Failure::usage(format!("`{id}` is asked no more: {why}")));
            }
            Err(Failure::usage(corpus.nothing_fits(id)))
        }
        (None, [(_, first), ..]) => {
            let count = fitting.len();
            Err(Failure::usage(format!("{count} cases fit `{id}`; name one, for example `{}`", first.id)))
        }
    }
}

fn render(corpus: &Corpus, suite: &Suite, case: &Case, show_secrets: bool) -> Result<String, String> {
    let mut out = String::new();
    let _ = writeln!(out, "{}  {}", case.id.bold(), case.level.as_str().dimmed());
    let _ = writeln!(out, "conformance-cases/{}:{}", suite.file, case.line);
    for id in &case.former {
        let _ = writeln!(out, "formerly {id}");
    }
    let _ = writeln!(out, "\n{}", suite.title);
    for id in &case.requirements {
        if let Some(one) = corpus.requirement(id) {
            let _ = writeln!(out, "\n{} {}  {}", one.id.bold(), one.level.as_str().dimmed(), one.sentence);
            if let Some(note) = &one.note {
                let _ = writeln!(out, "  note: {note}");
            }
        }
    }
    if let Some(why) = &case.why {
        let _ = writeln!(out, "\n{} {why}", "A gate that fails:".bold());
    }
    if !case.sources.is_empty() {
        let _ = writeln!(out, "{} {}", "Source:".bold(), case.sources.join("; "));
    }
    let _ = writeln!(out, "\n{}", "Rules".bold());
    for line in printable_lines(&suite.rules) {
        let _ = writeln!(out, "  {line}");
    }
    if let Some(toml) = &suite.toml {
        let _ = writeln!(out, "\n{}", "netlify.toml".bold());
        for line in printable_lines(toml.as_bytes()) {
            let _ = writeln!(out, "  {line}");
        }
    }
    let target =
        Target { https: false, host: "gate.example".to_owned(), port: 80, connect_to: None, trust: Trust::default() };
    let place = Place { target: &target, prefix: "", listener: "http://127.0.0.1:9/" };
    // Whoever sees the token may send it, so that it has to be what it is called.
    let by_the_clock = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(SHOWN_AT)
    };
    let sent = compose(suite, case, &place, if show_secrets { by_the_clock() } else { SHOWN_AT })?;
    let _ = writeln!(
        out,
        "\n{} ({})",
        "Request".bold(),
        if sent.byte_exact { "over the byte-exact wire" } else { "through an ordinary client" }
    );
    for line in printable_lines(&redact(&sent.bytes(), show_secrets)) {
        let _ = writeln!(out, "  {line}");
    }
    for token in tokens(&sent.bytes()) {
        let _ = writeln!(out, "\n{}", "Token".bold());
        for (name, part) in ["header", "claims"].iter().zip(token.split(|byte| *byte == b'.')) {
            let text = match BASE64_URL_SAFE_NO_PAD.decode(part) {
                Ok(bytes) => printable(&bytes),
                Err(error) => format!("{} (no canonical base64url: {error})", printable(part)),
            };
            let _ = writeln!(out, "  {name:<10}{text}");
        }
        let signature = token.splitn(3, |byte| *byte == b'.').nth(2).unwrap_or_default();
        let text = match (signature.is_empty(), show_secrets) {
            (true, _) => "empty".to_owned(),
            (false, true) => printable(signature),
            (false, false) => format!("{} characters", signature.len()),
        };
        let _ = writeln!(out, "  {:<10}{text}", "signature");
    }
    if show_secrets {
        let _ = writeln!(out, "  {:<10}{}", "secret", suite.settings.secret);
    }
    let _ = writeln!(out, "\n{}\n  {}", "Expected".bold(), expected(&case.expected));
    if case.control != case.id {
        let _ = writeln!(out, "  proven by the control {}", case.control);
    }
    Ok(out)
}

/// The time at which a case is shown where its token is left out, so that it is always shown in the same way.
const SHOWN_AT: i64 = 1_800_000_000;

/// Longer lines are cut, and lines that come again are told by number.
const LINE: usize = 400;

fn printable_lines(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut told: Vec<String> = Vec::new();
    let mut again: Option<(&[u8], usize)> = None;
    for line in lines {
        match &mut again {
            Some((last, count)) if *last == line => *count = count.saturating_add(1),
            _ => {
                told.extend(again.and_then(repeated));
                told.push(shortened(&printable(line), LINE));
                again = Some((line, 0));
            }
        }
    }
    told.extend(again.and_then(repeated));
    told
}

fn repeated((line, count): (&[u8], usize)) -> Option<String> {
    match count {
        0 => None,
        1 => Some(shortened(&printable(line), LINE)),
        count => Some(format!("… and the same line {count} times more")),
    }
}

/// What follows `nf_jwt=`, up to the end of the pair.
fn tokens(bytes: &[u8]) -> Vec<&[u8]> {
    const NAME: &[u8] = b"nf_jwt=";
    memchr::memmem::find_iter(bytes, NAME)
        .filter_map(|at| bytes.get(at.checked_add(NAME.len())?..))
        .map(|rest| rest.split(|byte| matches!(byte, b';' | b'\r' | b'\n' | b' ')).next().unwrap_or_default())
        .filter(|token| token.contains(&b'.'))
        .collect()
}
