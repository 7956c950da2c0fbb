//! `gatecheck.toml`: which gate is asked and how, so that it need not be written with every command. What stands on the command line goes before it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;
use gatecheck::corpus::question::Profile;
use gatecheck::gates::launch::GateFile;
use gatecheck::suggest::did_you_mean_or;
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::format::Output;
use super::gate::{EMBEDDED, GateArgs, gate_file, origin};
use super::settings::{Settings, jobs, rate, retries, timeout};
use super::{Failure, cannot_read};

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
    /// The name of the file; none where there is none.
    file: Option<String>,
    /// Where a pattern or a suite stands in it, as `gatecheck.toml:3:9`.
    places: BTreeMap<String, String>,
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

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Written {
    launch: Option<Spanned<String>>,
    gate: Option<Spanned<String>>,
    url: Option<Spanned<String>>,
    suite: Option<Spanned<String>>,
    bundle: Option<Spanned<String>>,
    ca: Option<Spanned<PathBuf>>,
    connect_to: Option<Spanned<String>>,
    insecure: Option<Spanned<bool>>,
    behind_proxy: Option<Spanned<bool>>,
    cases: Vec<Spanned<String>>,
    profile: Option<Spanned<String>>,
    baseline: Option<Spanned<PathBuf>>,
    reports: BTreeMap<Spanned<String>, Spanned<String>>,
    settings: WrittenSettings,
}

/// The table `[settings]` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct WrittenSettings {
    jobs: Option<Spanned<IgnoredAny>>,
    rate: Option<Spanned<IgnoredAny>>,
    timeout: Option<Spanned<IgnoredAny>>,
    retries: Option<Spanned<IgnoredAny>>,
    http2: bool,
    strict: bool,
}

/// The names that may stand at the top of the file, for suggestions.
const NAMES: [&str; 14] = [
    "launch",
    "gate",
    "url",
    "suite",
    "bundle",
    "ca",
    "connect-to",
    "insecure",
    "behind-proxy",
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
        let text = std::fs::read_to_string(&path)
            .map_err(|error| cannot_read(&name, &error, "`gatecheck init` writes such a file"))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let read = Config::read(&name, &text, folder, &|path| path.is_file());
        read.map_err(|mistake| Failure::usage(mistake.told(&name, &text)))
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
        match &self.at {
            Some(at) => format!("{}: {}", place(name, text, at), self.says),
            None => format!("{name}: {}", self.says),
        }
    }
}

/// `gatecheck.toml:3:9`
fn place(name: &str, text: &str, at: &Range<usize>) -> String {
    let before = text.get(..at.start).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
    format!("{name}:{line}:{column}")
}

impl Config {
    /// Reads the text of a file in a folder; `is_there` says which files there are.
    fn read(name: &str, text: &str, folder: &Path, is_there: &dyn Fn(&Path) -> bool) -> Result<Self, Mistake> {
        let written: Written = toml::from_str(text).map_err(|error| mistake(&error, text))?;
        let here = |path: &Path| if path.is_absolute() { path.to_path_buf() } else { folder.join(path) };
        written.fits_together()?;
        if let Some(launch) = &written.launch {
            let checked = GateFile::of_command(launch.as_ref()).check();
            checked.map_err(|why| Mistake::new(launch.span(), format!("`launch`: {why}")))?;
        }
        if let Some(url) = &written.url {
            origin(url.as_ref()).map_err(|why| Mistake::new(url.span(), why))?;
        }
        // A name without a slash stands for a folder of the project.
        let gate = written.gate.as_ref().map(|gate| match gate.as_ref() {
            name if name.contains(['/', '.', '\\']) => here(Path::new(name)).display().to_string(),
            name => name.clone(),
        });
        let there = |at: Range<usize>, name: &str, path: PathBuf, hint: &str| match is_there(&path) {
            true => Ok(path),
            false => Err(Mistake::new(at, format!("`{name}`: there is no file {}; {hint}", path.display()))),
        };
        if let (Some(written), Some(gate)) = (&written.gate, &gate)
            && gate != EMBEDDED
        {
            let hint = "name the YAML file that describes the gate, or a folder of `runner/gates/`";
            there(written.span(), "gate", gate_file(gate), hint)?;
        }
        let file = |written: &Option<Spanned<PathBuf>>, name: &str, hint: &str| {
            written.as_ref().map(|path| there(path.span(), name, here(path.as_ref()), hint)).transpose()
        };
        let baseline = file(
            &written.baseline,
            "baseline",
            "`gatecheck baseline write` makes one of a report, and one that holds `[]` knows of nothing",
        )?;
        let ca = file(&written.ca, "ca", "name the PEM file of the authority that has signed the certificate")?;
        let bundle = written.bundle.as_ref().map(|path| match path.as_ref().as_str() {
            "" => Ok(String::new()),
            text => {
                let hint = "name the `manifest.json` beside the `site` of a bundle";
                there(path.span(), "bundle", here(Path::new(text)), hint).map(|found| found.display().to_string())
            }
        });
        let bundle = bundle.transpose()?;
        let connect_to = written.connect_to.as_ref().map(|address| {
            let says = || format!("`{}` is no address with a port, such as `203.0.113.7:443`", address.as_ref());
            address.as_ref().parse::<SocketAddr>().map_err(|_| Mistake::new(address.span(), says()))
        });
        let profile = written.profile.as_ref().map(|name| {
            name.as_ref().parse::<Profile>().map_err(|why| Mistake::new(name.span(), format!("`profile`: {why}")))
        });
        let reports = written.reports.iter().map(|(kind, path)| {
            let place = match path.as_ref().as_str() {
                "-" => "-".to_owned(),
                path => here(Path::new(path)).display().to_string(),
            };
            let output = format!("{}={place}", kind.as_ref()).parse::<Output>();
            let output = output.map_err(|why| Mistake::new(kind.span(), why))?;
            output.has_a_place().map_err(|why| Mistake::new(path.span(), format!("`{}`: {why}", kind.as_ref())))?;
            Ok(output)
        });
        let mut places = BTreeMap::new();
        for pattern in written.cases.iter().chain(&written.suite) {
            places.insert(pattern.as_ref().clone(), place(name, text, &pattern.span()));
        }
        Ok(Self {
            file: Some(name.to_owned()),
            places,
            reports: reports.collect::<Result<_, _>>()?,
            settings: written.settings.understood(text)?,
            gate: GateArgs {
                launch: written.launch.map(Spanned::into_inner),
                gate,
                broken_gate: None,
                suite: written.suite.map(Spanned::into_inner),
                bundle,
                connect_to: connect_to.transpose()?,
                ca,
                insecure: written.insecure.is_some_and(Spanned::into_inner),
                behind_proxy: written.behind_proxy.is_some_and(Spanned::into_inner),
            },
            url: written.url.map(Spanned::into_inner),
            cases: written.cases.into_iter().map(Spanned::into_inner).collect(),
            profile: profile.transpose()?,
            baseline,
        })
    }

    /// Whether a text could be read as the file of the current folder; `is_there` says which files there are.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn would_read(text: &str, is_there: &dyn Fn(&Path) -> bool) -> Result<(), String> {
        Self::read(FILE, text, Path::new(""), is_there).map(|_| ()).map_err(|mistake| mistake.says)
    }

    /// Where a pattern stands in the file, behind a colon and a space; empty if it stands there nowhere.
    pub(super) fn place_of(&self, pattern: &str) -> String {
        self.places.get(pattern).map(|place| format!("{place}: ")).unwrap_or_default()
    }

    /// The gate of the command line, or where it names none, the one of the file. Without a file it is the reference; a file says so.
    ///
    /// # Errors
    /// Nobody names a gate, though there is a file.
    pub(super) fn gate(&self, url: Option<String>, gate: &GateArgs) -> Result<(Option<String>, GateArgs), Failure> {
        if url.is_some() || gate.names_one() {
            return Ok((url, gate.clone()));
        }
        if let Some(file) = self.file.as_ref().filter(|_| self.url.is_none() && !self.gate.names_one()) {
            return Err(Failure::usage(format!(
                "{file}: no line says which gate is asked; write `launch = \"COMMAND {{site}} {{port}}\"`, `gate = \"FILE\"` or `url = \"URL\"`; `gate = \"{EMBEDDED}\"` is the reference that gatecheck brings along"
            )));
        }
        let GateArgs { suite, bundle, connect_to, ca, insecure, behind_proxy, .. } = gate.clone();
        let own = &self.gate;
        let served = suite.is_some() || bundle.is_some();
        let gate = GateArgs {
            suite: suite.or_else(|| own.suite.clone().filter(|_| !served)),
            bundle: bundle.or_else(|| own.bundle.clone().filter(|_| !served)),
            connect_to: connect_to.or(own.connect_to),
            ca: ca.or_else(|| own.ca.clone()),
            insecure: insecure || own.insecure,
            behind_proxy: behind_proxy || own.behind_proxy,
            ..own.clone()
        };
        Ok((self.url.clone(), gate))
    }
}

impl Written {
    /// What stands in the file and cannot stand there together.
    fn fits_together(&self) -> Result<(), Mistake> {
        fn span<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
            value.as_ref().map(Spanned::span)
        }
        let named = [("launch", span(&self.launch)), ("gate", span(&self.gate)), ("url", span(&self.url))];
        let of_urls = [
            ("suite", span(&self.suite)),
            ("bundle", span(&self.bundle)),
            ("ca", span(&self.ca)),
            ("connect-to", span(&self.connect_to)),
            ("insecure", span(&self.insecure)),
            ("behind-proxy", span(&self.behind_proxy)),
        ];
        let mut named = named.into_iter().filter_map(|(name, at)| Some((name, at?)));
        if let (Some((first, _)), Some((second, at))) = (named.next(), named.next()) {
            return Err(Mistake::new(at, format!("`{first}` names the gate already; leave out that or `{second}`")));
        }
        if self.url.is_none()
            && let Some((name, at)) = of_urls.into_iter().find_map(|(name, at)| Some((name, at?)))
        {
            return Err(Mistake::new(
                at,
                format!(
                    "`{name}` is for a gate that runs already, and no `url` says where; write `url = \"https://gate.example\"`, or leave it out"
                ),
            ));
        }
        for (one, other, at) in [
            ("suite", "bundle", span(&self.suite).and(span(&self.bundle))),
            ("ca", "insecure", span(&self.ca).and(span(&self.insecure))),
        ] {
            if let Some(at) = at {
                return Err(Mistake::new(
                    at,
                    format!("`{one}` and `{other}` do not go together; leave one of them out"),
                ));
            }
        }
        Ok(())
    }
}

impl WrittenSettings {
    fn understood(&self, text: &str) -> Result<Settings, Mistake> {
        Ok(Settings {
            jobs: number(&self.jobs, text, "jobs", jobs)?,
            rate: number(&self.rate, text, "rate", rate)?,
            timeout: number(&self.timeout, text, "timeout", timeout)?,
            retries: number(&self.retries, text, "retries", retries)?,
            http2: self.http2,
            strict: self.strict,
        })
    }
}

/// A number, as the command line would take it.
fn number<T>(
    written: &Option<Spanned<IgnoredAny>>,
    text: &str,
    name: &str,
    read: fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Mistake> {
    let Some(value) = written else { return Ok(None) };
    // TOML parts the digits of a long number as it likes.
    let number = read(&text.get(value.span()).unwrap_or_default().replace('_', ""));
    number.map(Some).map_err(|why| Mistake::new(value.span(), format!("`{name}`: {why}")))
}

/// What the reader says, with what may have been meant or what to write.
fn mistake(error: &toml::de::Error, text: &str) -> Mistake {
    let says = error.message().trim();
    let there = error.span().and_then(|at| text.get(at)).unwrap_or_default();
    let unknown = says.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    let says = if let Some((name, rest)) = unknown {
        let known: &[&str] = if rest.contains("`launch`") { &NAMES } else { &SETTINGS };
        let all = format!("there are `{}`", known.join("`, `"));
        format!("there is no setting `{name}`{}", did_you_mean_or(name, known.iter().copied(), &all))
    } else if says == "duplicate key" {
        format!("`{there}` stands twice; leave one of them out")
    } else if let Some((_, wanted)) = says.split_once(", expected ") {
        let write = match wanted {
            "a boolean" => "write `true` or `false`",
            "a string" | "path string" => "write a text in quotes, such as `\"this\"`",
            "a sequence" => "write a list, such as `[\"role\", \"token/*\"]`",
            _ => "write a table, such as `[settings]` with a line for each setting",
        };
        format!("`{there}` cannot stand here; {write}")
    } else {
        says.to_owned()
    };
    Mistake { at: error.span(), says }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a text in a folder that holds `there.yaml` and nothing else.
    fn read(text: &str) -> Result<Config, String> {
        let read = Config::read(FILE, text, Path::new("folder"), &|path| path == Path::new("folder/there.yaml"));
        read.map_err(|mistake| mistake.told(FILE, text))
    }

    #[test]
    fn every_setting_arrives() {
        let config = read(
            "url = 'https://a.example'\nsuite = 'role/denial'\nca = 'there.yaml'\nconnect-to = '203.0.113.7:443'\n\
             behind-proxy = true\ncases = ['role']\nprofile = 'defence'\nbaseline = 'there.yaml'\n\
             [reports]\njson = '-'\n\
             [settings]\njobs = 1_0\nrate = 0.5\ntimeout = 20\nretries = 4\nhttp2 = true\nstrict = true\n",
        )
        .unwrap();
        let there = Some(PathBuf::from("folder/there.yaml"));
        let gate = GateArgs {
            suite: Some("role/denial".to_owned()),
            ca: there.clone(),
            connect_to: Some("203.0.113.7:443".parse().unwrap()),
            behind_proxy: true,
            ..GateArgs::default()
        };
        assert_eq!((config.gate, config.baseline), (gate, there));
        assert_eq!(config.url.as_deref(), Some("https://a.example"));
        assert_eq!((config.cases, config.profile), (vec!["role".to_owned()], Some("defence".parse().unwrap())));
        assert_eq!(config.reports, ["json=-".parse().unwrap()]);
        let settings = Settings {
            jobs: Some(10),
            rate: Some(0.5),
            timeout: Some(std::time::Duration::from_secs(20)),
            retries: Some(4),
            http2: true,
            strict: true,
        };
        assert_eq!(config.settings, settings);
    }

    #[test]
    fn mistakes_have_a_place_and_say_what_to_write() {
        const URL: &str = "url = 'http://a.example'\n";
        for (text, says) in [
            ("lunch = 'gate {port}'", "gatecheck.toml:1:1: there is no setting `lunch`; did you mean `launch`?"),
            ("\n[settings]\njops = 3\n", "gatecheck.toml:3:1: there is no setting `jops`; did you mean `jobs`?"),
            ("launch = 'gate {sites} {port}'", "gatecheck.toml:1:10: `launch`: "),
            (
                "launch = 'gate {site} {port} \"x'",
                "gatecheck.toml:1:10: `launch`: a quote in the command is not closed",
            ),
            (
                "launch = 'gate {site} {port}'\nurl = 'http://a.example'",
                "gatecheck.toml:2:7: `launch` names the gate already",
            ),
            (
                "launch = 'gate {site} {port}'\nlaunch = 'b'",
                "gatecheck.toml:2:1: `launch` stands twice; leave one of them out",
            ),
            ("[settings]\njobs = 1\njobs = 2", "gatecheck.toml:3:1: `jobs` stands twice; leave one of them out"),
            ("url = 'a.example'", "gatecheck.toml:1:7: `a.example` is no URL"),
            (
                "url = 'http://a.example/path'",
                "gatecheck.toml:1:7: `http://a.example/path`: write scheme, host and port only",
            ),
            ("url = 'ftp://a.example'", "gatecheck.toml:1:7: `ftp://a.example`: write scheme, host and port only"),
            ("profile = 'formats'", "gatecheck.toml:1:11: `profile`: "),
            ("profile = 3", "gatecheck.toml:1:11: `3` cannot stand here; write a text in quotes"),
            ("cases = 'role'", "gatecheck.toml:1:9: `'role'` cannot stand here; write a list"),
            ("insecure = 'no'", "gatecheck.toml:1:12: `'no'` cannot stand here; write `true` or `false`"),
            ("connect-to = 'a'\nurl = 'http://a.example'", "gatecheck.toml:1:14: `a` is no address with a port"),
            ("[reports]\nxml = 'x'", "gatecheck.toml:2:1: "),
            ("[reports]\njson = 'no-such-folder/x.json'", "gatecheck.toml:2:8: `json`: there is no folder"),
            ("[settings]\njobs = 'many'", "gatecheck.toml:2:8: `jobs`: "),
            ("[settings]\njobs = 0", "gatecheck.toml:2:8: `jobs`: 0 requests at once ask nothing; write 1 or more"),
            (
                "[settings]\nrate = 0",
                "gatecheck.toml:2:8: `rate`: `0` is no number of requests a second above zero; write ",
            ),
            ("[settings]\nrate = '20'", "gatecheck.toml:2:8: `rate`: "),
            (
                "[settings]\ntimeout = 0.0",
                "gatecheck.toml:2:11: `timeout`: `0.0` is no number of seconds above zero; write ",
            ),
            ("[settings]\nretries = -1", "gatecheck.toml:2:11: `retries`: `-1` is no number of times; write "),
            ("settings = 3", "gatecheck.toml:1:12: `3` cannot stand here; write a table"),
            (
                "baseline = 'gone.yaml'",
                "gatecheck.toml:1:12: `baseline`: there is no file folder/gone.yaml; `gatecheck baseline write`",
            ),
            ("gate = './gone.yaml'", "gatecheck.toml:1:8: `gate`: there is no file folder/./gone.yaml; name "),
            (
                &format!("{URL}bundle = 'gone.json'"),
                "gatecheck.toml:2:10: `bundle`: there is no file folder/gone.json; name ",
            ),
            (&format!("{URL}ca = 'gone.pem'"), "gatecheck.toml:2:6: `ca`: there is no file folder/gone.pem; name "),
            (
                &format!("{URL}ca = 'there.yaml'\ninsecure = true"),
                "gatecheck.toml:3:12: `ca` and `insecure` do not go together",
            ),
            (
                &format!("{URL}suite = 'a'\nbundle = 'there.yaml'"),
                "gatecheck.toml:3:10: `suite` and `bundle` do not go together",
            ),
            (
                "suite = 'role/denial'",
                "gatecheck.toml:1:9: `suite` is for a gate that runs already, and no `url` says where",
            ),
            ("profile = ", "gatecheck.toml:1:"),
        ] {
            let mistake = read(text).unwrap_err();
            assert!(mistake.starts_with(says), "{text}: {mistake}");
        }
    }

    #[test]
    fn a_file_says_which_gate_is_asked() {
        let silent = read("profile = 'format'").unwrap();
        let why = silent.gate(None, &GateArgs::default()).unwrap_err().message;
        assert!(why.starts_with("gatecheck.toml: no line says which gate is asked; write `launch = "), "{why}");
        assert!(silent.gate(Some("http://b.example".to_owned()), &GateArgs::default()).is_ok());
        let reference = read("gate = 'embedded'").unwrap();
        assert!(reference.gate(None, &GateArgs::default()).unwrap().1.names_one());
        assert!(Config::default().gate(None, &GateArgs::default()).is_ok(), "without a file it is the reference");
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let config = read("url = 'https://a.example'\nbundle = 'there.yaml'\ninsecure = true\n").unwrap();
        assert_eq!(config.gate.bundle.as_deref(), Some("folder/there.yaml"));
        let (url, gate) = config.gate(None, &GateArgs::default()).unwrap();
        assert_eq!((url.as_deref(), &gate), (Some("https://a.example"), &config.gate));
        let (url, gate) = config.gate(Some("http://b.example".to_owned()), &GateArgs::default()).unwrap();
        assert_eq!((url.as_deref(), gate), (Some("http://b.example"), GateArgs::default()));
        let suite = GateArgs { suite: Some("role/denial".to_owned()), ..GateArgs::default() };
        let (_, gate) = config.gate(None, &suite).unwrap();
        assert_eq!((gate.suite.as_deref(), gate.bundle.as_deref(), gate.insecure), (Some("role/denial"), None, true));
    }
}
