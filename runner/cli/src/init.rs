//! `gatecheck init`: writes a small `gatecheck.toml`, by options or by asking.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use gatecheck::corpus::question::Profile;
use gatecheck::exit::ExitStatus;
use gatecheck::gates::launch::GateFile;

use super::config::{Config, FILE};
use super::format::Output;
use super::gate::{EMBEDDED, gate_file, origin};
use super::{Failure, say};

/// Arguments of `gatecheck init`.
#[derive(Args, Debug)]
pub struct InitArgs {
    /// The URL of a gate that runs already; without it and without an option that names a gate, you are asked on a terminal
    #[arg(value_name = "URL", conflicts_with_all = ["launch", "gate"])]
    url: Option<String>,
    /// A command that starts the gate, with `{site}`, `{port}`, `{secret}` and `{role-path}`
    #[arg(long, value_name = "CMD", conflicts_with = "gate")]
    launch: Option<String>,
    /// A gate file: a path, or a name under `runner/gates/`
    #[arg(long, value_name = "NAME")]
    gate: Option<String>,
    /// The manifest of the bundle that the gate at the URL serves
    #[arg(long, value_name = "MANIFEST", conflicts_with = "suite", requires = "url")]
    bundle: Option<String>,
    /// The suite that the gate at the URL serves at its root
    #[arg(long, value_name = "SUITE", requires = "url")]
    suite: Option<String>,
    /// Which question is asked: `format`, `defence` or `all`
    #[arg(long, value_name = "QUESTION")]
    profile: Option<Profile>,
    /// A file of known failures; it is written, without any, where there is none
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// A report that every run writes; one of each kind
    #[arg(long, value_name = "KIND=PATH")]
    report: Vec<String>,
    /// Write over a `gatecheck.toml` that is there
    #[arg(long)]
    force: bool,
}

/// What stands in the file.
#[derive(Debug, Default)]
struct Answers {
    gate: Option<Named>,
    bundle: Option<String>,
    suite: Option<String>,
    profile: Option<String>,
    baseline: Option<String>,
    reports: Vec<(String, String)>,
}

/// How the gate is named.
#[derive(Debug, Eq, PartialEq)]
enum Named {
    Launch(String),
    GateFile(String),
    Url(String),
}

/// Writes the file.
pub(super) fn init(args: &InitArgs) -> Result<ExitStatus, Failure> {
    let is_there = Path::new(FILE).exists();
    if is_there && !args.force {
        return Err(Failure::usage(format!("{FILE} is there already; nothing was written. --force writes over it")));
    }
    let named = args.url.is_some() || args.launch.is_some() || args.gate.is_some();
    let answers = if named {
        by_options(args)?
    } else if std::io::stdin().is_terminal() {
        by_asking(&mut std::io::stdin().lock(), &mut std::io::stderr().lock())?
    } else {
        return Err(Failure::usage(
            "nothing says which gate it is; write `gatecheck init --launch 'COMMAND {site} {port}'`, `--gate FILE` or a URL, or ask for it on a terminal",
        ));
    };
    if let Some(Named::Launch(command)) = &answers.gate {
        GateFile::of_command(command).without_key().iter().for_each(|why| super::note(why));
    }
    let text = written(&answers);
    // What `run` would refuse is refused before it is written.
    let will_be = |path: &Path| path.is_file() || answers.baseline.as_ref().is_some_and(|file| path == Path::new(file));
    Config::would_read(&text, &will_be).map_err(|why| Failure::usage(format!("{why}; nothing was written")))?;
    let failed = |file: &str, error: std::io::Error| Failure::harness(format!("{file}: {error}"));
    std::fs::write(FILE, &text).map_err(|error| failed(FILE, error))?;
    let mut told = format!("{FILE} is written{}\n", if is_there { ", over the one that was there" } else { "" });
    if let Some(file) = answers.baseline.filter(|file| !Path::new(file).exists()) {
        std::fs::write(&file, "# Failures that are known; `gatecheck baseline` writes them from a report.\n[]\n")
            .map_err(|error| failed(&file, error))?;
        let _ = writeln!(told, "{file} is written, without any known failure");
    }
    told.push_str("next: `gatecheck run --quick` for the first answer, then `gatecheck run`\n");
    say(&told);
    Ok(ExitStatus::AsExpected)
}

fn by_options(args: &InitArgs) -> Result<Answers, Failure> {
    let gate = match (&args.launch, &args.gate, &args.url) {
        (Some(command), ..) => Named::Launch(command.clone()),
        (_, Some(name), _) => Named::GateFile(name.clone()),
        (_, _, url) => Named::Url(url.clone().unwrap_or_default()),
    };
    let reports = reports_of(args.report.iter().map(String::as_str)).map_err(Failure::usage)?;
    checked(&gate).map_err(Failure::usage)?;
    if args.url.is_some() && args.bundle.is_none() && args.suite.is_none() {
        return Err(Failure::usage(format!("{SERVES}: --bundle MANIFEST or --suite SUITE says which")));
    }
    Ok(Answers {
        gate: Some(gate),
        bundle: args.bundle.clone(),
        suite: args.suite.clone(),
        profile: args.profile.map(|profile| profile.to_string()),
        baseline: args.baseline.as_ref().map(|file| file.display().to_string()),
        reports,
    })
}

/// Whether a gate can be asked that is named so.
fn checked(gate: &Named) -> Result<(), String> {
    match gate {
        Named::Launch(command) => GateFile::of_command(command).check().map_err(|why| format!("--launch: {why}")),
        Named::GateFile(name) if name != EMBEDDED && !gate_file(name).is_file() => {
            Err(format!("there is no gate file {}", gate_file(name).display()))
        }
        Named::GateFile(_) => Ok(()),
        Named::Url(url) => origin(url).map(|_| ()),
    }
}

/// Kind and path of each report.
fn reports_of<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Vec<(String, String)>, String> {
    let mut reports: Vec<(String, String)> = Vec::new();
    for text in texts {
        text.parse::<Output>()?.has_a_place().map_err(|why| format!("`{text}`: {why}"))?;
        let (kind, path) = text.split_once('=').ok_or_else(|| format!("`{text}`: write KIND=PATH"))?;
        if let Some((_, other)) = reports.iter().find(|(known, _)| known == kind) {
            return Err(format!(
                "`{text}`: {FILE} has room for one report of a kind, and `{kind}={other}` is one already"
            ));
        }
        reports.push((kind.to_owned(), path.to_owned()));
    }
    Ok(reports)
}

/// What a gate at a URL has to be named with.
const SERVES: &str = "a gate that runs already serves a bundle or a suite, and `gatecheck bundle out` writes bundles";

/// Asks one question after the other; each is asked again until its answer can be used.
fn by_asking(input: &mut impl BufRead, out: &mut impl Write) -> Result<Answers, Failure> {
    let gate = asked(
        input,
        out,
        "How is the gate reached? A command with {site} and {port}, a URL, or a gate file; empty for the reference",
        |answer| {
            let gate = match answer {
                "" => return Ok(None),
                url if url.contains("://") => Named::Url(url.to_owned()),
                command if command.contains('{') || command.contains(' ') => Named::Launch(command.to_owned()),
                file => Named::GateFile(file.to_owned()),
            };
            checked(&gate).map(|()| Some(gate))
        },
    )?;
    let mut answers = Answers { gate, ..Answers::default() };
    if matches!(answers.gate, Some(Named::Url(_))) {
        let question = "What does it serve? The manifest.json of a bundle, or the name of a suite";
        let served = asked(input, out, question, |answer| match answer {
            "" => Err(SERVES.to_owned()),
            manifest if manifest.ends_with(".json") && !Path::new(manifest).is_file() => {
                Err(format!("there is no file {manifest}"))
            }
            answer => Ok(answer.to_owned()),
        })?;
        match served.ends_with(".json") {
            true => answers.bundle = Some(served),
            false => answers.suite = Some(served),
        }
    }
    answers.profile =
        asked(input, out, "Which question? all, format or defence; empty for all", |answer| match answer {
            "" => Ok(None),
            name => name.parse::<Profile>().map(|profile| Some(profile.to_string())),
        })?;
    let question = "A file of known failures? For example known.yaml; empty for none";
    answers.baseline = asked(input, out, question, |answer| Ok((!answer.is_empty()).then(|| answer.to_owned())))?;
    let question = "Reports to write? For example junit=gatecheck.xml html=gatecheck.html; empty for none";
    answers.reports = asked(input, out, question, |answer| reports_of(answer.split_whitespace()))?;
    Ok(answers)
}

fn asked<T>(
    input: &mut impl BufRead,
    out: &mut impl Write,
    question: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Failure> {
    loop {
        let _ = write!(out, "{question}\n> ");
        let _ = out.flush();
        let mut line = String::new();
        match input.read_line(&mut line) {
            Ok(0) => return Err(Failure::usage("the answers ended before the questions; nothing was written")),
            Ok(_) => {}
            Err(error) => return Err(Failure::harness(error.to_string())),
        }
        match read(line.trim()) {
            Ok(answer) => return Ok(answer),
            Err(why) => {
                let _ = writeln!(out, "{why}");
            }
        }
    }
}

/// The text of the file.
fn written(answers: &Answers) -> String {
    let mut out =
        String::from("# What `gatecheck run` asks; what stands on its command line goes before this file.\n\n");
    let mut line = |name: &str, value: &str, why: &str| {
        let _ = writeln!(out, "{name} = {:<40} # {why}", quoted(value));
    };
    match &answers.gate {
        Some(Named::Launch(command)) => line("launch", command, "started once for each suite, in this folder"),
        Some(Named::GateFile(file)) => line("gate", file, "the gate file"),
        Some(Named::Url(url)) => line("url", url, "a gate that runs already"),
        None => line("gate", EMBEDDED, "the reference that gatecheck brings along"),
    }
    if let Some(bundle) = &answers.bundle {
        line("bundle", bundle, "what it serves");
    }
    if let Some(suite) = &answers.suite {
        line("suite", suite, "what it serves");
    }
    if let Some(profile) = &answers.profile {
        line("profile", profile, "all, format or defence");
    }
    if let Some(baseline) = &answers.baseline {
        line("baseline", baseline, "failures that are known");
    }
    if !answers.reports.is_empty() {
        out.push_str("\n[reports]\n");
        for (kind, path) in &answers.reports {
            let _ = writeln!(out, "{kind} = {}", quoted(path));
        }
    }
    out.push_str("\n[settings]\n# jobs = 16      how many requests may be under way at once\n# rate = 20      at most this many requests a second\n# timeout = 5    seconds for one answer\n# retries = 0    how often a request is sent again when the connection itself fails\n# http2 = false  ask ordinary requests over HTTP/2\n# strict = false a SHOULD that fails fails the run\n");
    out
}

/// A basic string of TOML; JSON's escapes are among its own.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_asked_for_until_they_can_be_used() {
        let mut out = Vec::new();
        let mut input =
            "gate {sites} {port}\nnone.yaml\ngate --dir {site} --port {port}\nformats\nformat\n\nxml=x\njson=a json=b\nhtml=none/a\njunit=a.xml html=b.html\n"
                .as_bytes();
        let answers = by_asking(&mut input, &mut out).unwrap();
        let told = String::from_utf8(out).unwrap();
        for says in [
            "did you mean `{site}`?",
            "there is no gate file none.yaml",
            "`json=a` is one already",
            "there is no folder none",
        ] {
            assert!(told.contains(says), "{says}: {told}");
        }
        assert_eq!(answers.gate, Some(Named::Launch("gate --dir {site} --port {port}".to_owned())));
        assert_eq!((answers.profile.as_deref(), answers.baseline), (Some("format"), None));
        assert_eq!(answers.reports.len(), 2);
        assert!(by_asking(&mut "".as_bytes(), &mut Vec::new()).is_err());
    }

    #[test]
    fn a_text_in_quotes_stays_what_it_is() {
        for text in ["plain", "a \"quoted\" \\ word", "two\nlines", "ü {site}"] {
            let read: toml::Table = toml::from_str(&format!("x = {}", quoted(text))).unwrap();
            assert_eq!(read.get("x").and_then(toml::Value::as_str), Some(text));
        }
    }
}
