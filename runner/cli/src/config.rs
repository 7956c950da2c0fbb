//! `gatecheck.toml`: which gate is asked and how, so that it need not be written with every command. What stands on the command line goes before it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;
use gatecheck::corpus::question::Profile;
use gatecheck::gates::launch::GateFile;
use gatecheck::suggest::did_you_mean;
use serde::Deserialize;
use toml::Spanned;

use super::Failure;
use super::format::Output;
use super::gate::GateArgs;

/// The name of the file.
pub(super) const FILE: &str = "gatecheck.toml";

/// Where the settings come from.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct ConfigArgs {
    /// Read the gate and the settings from this file; without it, from `gatecheck.toml` in the current folder, if there is one
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    config: Option<PathBuf>,
    /// Read no `gatecheck.toml`
    #[arg(long)]
    no_config: bool,
}

/// The file as it is understood. Paths are relative to the current folder.
#[derive(Debug, Default)]
pub(super) struct Config {
    /// The URL of a gate that runs already.
    pub(super) url: Option<String>,
    /// How the gate is named and reached.
    pub(super) gate: GateArgs,
    /// Patterns that select cases.
    pub(super) cases: Vec<String>,
    /// Which question is asked.
    pub(super) profile: Option<Profile>,
    /// Failures that are known.
    pub(super) baseline: Option<PathBuf>,
    /// Reports that are written.
    pub(super) reports: Vec<Output>,
    /// How it is asked.
    pub(super) settings: Settings,
}

/// How the gate is asked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Settings {
    pub(super) jobs: Option<usize>,
    pub(super) rate: Option<f64>,
    pub(super) timeout: Option<f64>,
    pub(super) retries: Option<u32>,
    pub(super) http2: bool,
    pub(super) strict: bool,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Written {
    launch: Option<Spanned<String>>,
    gate: Option<Spanned<String>>,
    url: Option<Spanned<String>>,
    suite: Option<String>,
    bundle: Option<String>,
    ca: Option<PathBuf>,
    connect_to: Option<Spanned<String>>,
    insecure: bool,
    cases: Vec<String>,
    profile: Option<Spanned<String>>,
    baseline: Option<PathBuf>,
    reports: BTreeMap<Spanned<String>, Spanned<String>>,
    settings: Settings,
}

/// The names that may stand at the top of the file, for suggestions.
const NAMES: [&str; 13] = [
    "launch",
    "gate",
    "url",
    "suite",
    "bundle",
    "ca",
    "connect-to",
    "insecure",
    "cases",
    "profile",
    "baseline",
    "reports",
    "settings",
];
/// And under `[settings]`.
const SETTINGS: [&str; 6] = ["jobs", "rate", "timeout", "retries", "http2", "strict"];

impl ConfigArgs {
    /// The file that is named, or the one that is there; an empty one where there is none.
    ///
    /// # Errors
    /// It cannot be read or understood.
    pub(super) fn open(&self) -> Result<Config, Failure> {
        let path = match &self.config {
            _ if self.no_config => return Ok(Config::default()),
            Some(path) => path.clone(),
            None if Path::new(FILE).is_file() => PathBuf::from(FILE),
            None => return Ok(Config::default()),
        };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Config::read(&text, folder).map_err(|mistake| Failure::usage(mistake.told(&name, &text)))
    }
}

/// What is wrong with a file, and where.
#[derive(Debug, Eq, PartialEq)]
struct Mistake {
    at: Option<Range<usize>>,
    says: String,
}

impl Mistake {
    fn new(at: Range<usize>, says: impl Into<String>) -> Self {
        Self { at: Some(at), says: says.into() }
    }

    /// With the name of the file, line and column.
    fn told(&self, name: &str, text: &str) -> String {
        let Some(before) = self.at.as_ref().and_then(|at| text.get(..at.start)) else {
            return format!("{name}: {}", self.says);
        };
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
        format!("{name}:{line}:{column}: {}", self.says)
    }
}

impl Config {
    /// Reads the text of a file in a folder.
    fn read(text: &str, folder: &Path) -> Result<Self, Mistake> {
        let written: Written = toml::from_str(text).map_err(|error| mistake(&error))?;
        let here = |path: &Path| if path.is_absolute() { path.to_path_buf() } else { folder.join(path) };
        let named = [("launch", &written.launch), ("gate", &written.gate), ("url", &written.url)];
        let mut named = named.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?.span())));
        if let (Some((first, _)), Some((second, at))) = (named.next(), named.next()) {
            return Err(Mistake::new(at, format!("`{first}` names the gate already; leave out that or `{second}`")));
        }
        if let Some(launch) = &written.launch {
            let checked = GateFile::of_command(launch.as_ref()).check();
            checked.map_err(|why| Mistake::new(launch.span(), format!("`launch`: {why}")))?;
        }
        if let Some(url) = written.url.as_ref().filter(|url| !url.as_ref().contains("://")) {
            let says = format!("`{}` is no URL; write for example `https://gate.example`", url.as_ref());
            return Err(Mistake::new(url.span(), says));
        }
        let connect_to = written.connect_to.map(|address| {
            let says = || format!("`{}` is no address with a port, such as `203.0.113.7:443`", address.as_ref());
            address.as_ref().parse::<SocketAddr>().map_err(|_| Mistake::new(address.span(), says()))
        });
        let profile = written.profile.map(|name| {
            name.as_ref().parse::<Profile>().map_err(|why| Mistake::new(name.span(), format!("`profile`: {why}")))
        });
        let reports = written.reports.into_iter().map(|(kind, path)| {
            let place = match path.as_ref().as_str() {
                "-" => "-".to_owned(),
                path => here(Path::new(path)).display().to_string(),
            };
            let output = format!("{}={place}", kind.as_ref()).parse::<Output>();
            output.map_err(|why| Mistake::new(kind.span(), why))
        });
        let gate = GateArgs {
            launch: written.launch.map(Spanned::into_inner),
            // A name without a slash stands for a folder of the project.
            gate: written.gate.map(Spanned::into_inner).map(|name| match name.contains(['/', '.', '\\']) {
                true => here(Path::new(&name)).display().to_string(),
                false => name,
            }),
            broken_gate: None,
            suite: written.suite,
            bundle: written.bundle.map(|path| match path.as_str() {
                "" => path,
                path => here(Path::new(path)).display().to_string(),
            }),
            connect_to: connect_to.transpose()?,
            ca: written.ca.as_deref().map(here),
            insecure: written.insecure,
        };
        Ok(Self {
            url: written.url.map(Spanned::into_inner),
            gate,
            cases: written.cases,
            profile: profile.transpose()?,
            baseline: written.baseline.as_deref().map(here),
            reports: reports.collect::<Result<_, _>>()?,
            settings: written.settings,
        })
    }

    /// The gate of the command line, or where it names none, the one of the file.
    pub(super) fn gate(&self, url: Option<String>, gate: &GateArgs) -> (Option<String>, GateArgs) {
        if url.is_some() || gate.names_one() {
            return (url, gate.clone());
        }
        let GateArgs { suite, bundle, connect_to, ca, insecure, .. } = gate.clone();
        let own = &self.gate;
        let served = suite.is_some() || bundle.is_some();
        let gate = GateArgs {
            suite: suite.or_else(|| own.suite.clone().filter(|_| !served)),
            bundle: bundle.or_else(|| own.bundle.clone().filter(|_| !served)),
            connect_to: connect_to.or(own.connect_to),
            ca: ca.or_else(|| own.ca.clone()),
            insecure: insecure || own.insecure,
            ..own.clone()
        };
        (self.url.clone(), gate)
    }
}

/// What the reader says, with what may have been meant.
fn mistake(error: &toml::de::Error) -> Mistake {
    let says = error.message().trim();
    let unknown = says.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    let says = match unknown {
        None => says.to_owned(),
        Some((name, rest)) => {
            let known: &[&str] = if rest.contains("`launch`") { &NAMES } else { &SETTINGS };
            let meant = did_you_mean(name, known.iter().copied());
            let meant = if meant.is_empty() { format!("; there are `{}`", known.join("`, `")) } else { meant };
            format!("there is no setting `{name}`{meant}")
        }
    };
    Mistake { at: error.span(), says }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        Config::read(text, Path::new("folder")).map_err(|mistake| mistake.told(FILE, text))
    }

    #[test]
    fn mistakes_have_a_place_and_say_what_to_write() {
        for (text, says) in [
            ("lunch = 'gate {port}'", "gatecheck.toml:1:1: there is no setting `lunch`; did you mean `launch`?"),
            ("\n[settings]\njops = 3\n", "gatecheck.toml:3:1: there is no setting `jops`; did you mean `jobs`?"),
            ("launch = 'gate {sites} {port}'", "gatecheck.toml:1:10: `launch`: "),
            ("launch = 'gate {port}'\nurl = 'http://a.example'", "gatecheck.toml:2:7: `launch` names the gate already"),
            ("url = 'a.example'", "gatecheck.toml:1:7: `a.example` is no URL"),
            ("profile = 'formats'", "gatecheck.toml:1:11: `profile`: "),
            ("connect-to = 'a'", "gatecheck.toml:1:14: `a` is no address with a port"),
            ("[reports]\nxml = 'x'", "gatecheck.toml:2:1: "),
            ("[settings]\njobs = 'many'", "gatecheck.toml:2:8: "),
            ("profile = ", "gatecheck.toml:1:"),
        ] {
            let mistake = read(text).unwrap_err();
            assert!(mistake.starts_with(says), "{text}: {mistake}");
        }
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let config = read("url = 'https://a.example'\nbundle = 'out/m.json'\ninsecure = true\n").unwrap();
        assert_eq!(config.gate.bundle.as_deref(), Some("folder/out/m.json"));
        let (url, gate) = config.gate(None, &GateArgs::default());
        assert_eq!((url.as_deref(), &gate), (Some("https://a.example"), &config.gate));
        let (url, gate) = config.gate(Some("http://b.example".to_owned()), &GateArgs::default());
        assert_eq!((url.as_deref(), gate), (Some("http://b.example"), GateArgs::default()));
        let suite = GateArgs { suite: Some("role/denial".to_owned()), ..GateArgs::default() };
        let (_, gate) = config.gate(None, &suite);
        assert_eq!((gate.suite.as_deref(), gate.bundle.as_deref(), gate.insecure), (Some("role/denial"), None, true));
    }
}
