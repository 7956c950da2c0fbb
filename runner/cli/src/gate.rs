//! Which gate is asked: the options that name it, and what they mean.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use gatecheck::corpus::Corpus;
use gatecheck::deploy::Manifest;
use gatecheck::exit::ExitStatus;
use gatecheck::gates::Gate;
use gatecheck::gates::launch::GateFile;
use gatecheck::run::Serves;
use gatecheck::suggest::did_you_mean_or;
use gatecheck::wire::{Target, Trust};
use gatecheck_mutants::gate::BrokenGate;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Failure, cannot_read};

/// The name of the reference among gates.
pub(super) const EMBEDDED: &str = "embedded";
/// Where the gates of the project lie in its folder.
const SHIPPED: &str = "runner/gates";

/// Which gate is asked, and how it is reached.
#[derive(Args, Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct GateArgs {
    /// Start this command for each suite, in the current folder; `{site}`, `{port}`, `{spare-port}`, `{secret}`, `{role-path}` and the
    /// like are filled in
    #[arg(long, value_name = "CMD", conflicts_with = "gate")]
    pub(super) launch: Option<String>,
    /// Start the gate that this gate file describes: a path, or a name under `runner/gates/`; `embedded` is the reference, as without this option
    #[arg(long, value_name = "NAME")]
    pub(super) gate: Option<String>,
    /// Ask this broken gate of `gatecheck self-test`, in this process, to see how its defect shows
    #[arg(long, value_name = "ID", conflicts_with_all = ["launch", "gate"])]
    pub(super) broken_gate: Option<String>,
    /// The gate at the URL serves this suite at its root
    #[arg(long, value_name = "SUITE")]
    pub(super) suite: Option<String>,
    /// The gate at the URL serves the bundle whose manifest this is (default: `bundle-1/manifest.json` made anew)
    #[arg(long, value_name = "MANIFEST", num_args = 0..=1, default_missing_value = "", conflicts_with = "suite")]
    pub(super) bundle: Option<String>,
    /// Connect to this address, whatever the name in the URL resolves to
    #[arg(long, value_name = "ADDR:PORT")]
    pub(super) connect_to: Option<SocketAddr>,
    /// Take certificates of the authority in this PEM file as well
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub(super) ca: Option<PathBuf>,
    /// Take any certificate
    #[arg(long)]
    pub(super) insecure: bool,
    /// A server of somebody else's stands in front of the gate, such as nginx, Caddy or HAProxy: what that server reads, answers or mends by itself is
    /// not asked
    #[arg(long)]
    #[serde(default)]
    pub(super) behind_proxy: bool,
}

impl GateArgs {
    /// Whether any option names a gate.
    pub(super) fn names_one(&self) -> bool {
        self.launch.is_some() || self.gate.is_some() || self.broken_gate.is_some()
    }

    /// Whether that gate is the reference.
    pub(super) fn is_embedded(&self) -> bool {
        self.gate.as_deref() == Some(EMBEDDED)
    }

    fn needs_url(&self) -> bool {
        self.connect_to.is_some() || self.bundle.is_some() || self.ca.is_some() || self.insecure || self.behind_proxy
    }

    /// The options as they are written on a command line, each behind a space.
    pub(super) fn told(&self) -> String {
        let quoted = |text: &str| shlex::try_quote(text).map_or_else(|_| text.to_owned(), |text| text.into_owned());
        let named = [("launch", &self.launch), ("gate", &self.gate), ("broken-gate", &self.broken_gate)];
        named.iter().filter_map(|(name, value)| Some(format!(" --{name} {}", quoted(value.as_deref()?)))).collect()
    }
}

pub(super) fn gate(args: &GateArgs, url: Option<&str>) -> Result<Gate, Failure> {
    let started_here = args.launch.is_some() || args.gate.is_some() || args.broken_gate.is_some();
    match url {
        Some(_) if started_here => {
            Err(Failure::usage("a URL names a gate that already runs; --launch, --gate and --broken-gate start one"))
        }
        Some(url) => target(url, args).map(Gate::Remote),
        None if args.needs_url() => Err(Failure::usage(
            "--connect-to, --bundle, --ca, --insecure and --behind-proxy go with the URL of a running gate",
        )),
        None => match (&args.launch, &args.gate, &args.broken_gate) {
            (Some(command), _, _) => {
                let file = GateFile::of_command(command);
                file.check().map_err(|why| Failure::usage(format!("--launch: {why}")))?;
                Ok(Gate::Launch(Box::new(file)))
            }
            (None, Some(name), _) if name == EMBEDDED => Ok(crate::embedded::gate()),
            (None, Some(name), _) => {
                let path = gate_file(name);
                if !path.exists() {
                    return Err(Failure::usage(no_gate_file(name, &path)));
                }
                let file = GateFile::open(&path).map_err(Failure::usage)?;
                file.is_whole().map_err(|message| Failure { status: ExitStatus::Unreachable, message })?;
                Ok(Gate::Launch(Box::new(file)))
            }
            (None, None, Some(id)) => broken_gate(id),
            (None, None, None) => Ok(crate::embedded::gate()),
        },
    }
}

/// The corpus as a gate is asked it: a gate file may say that it reads no rules, or knows no roles.
///
/// # Errors
/// What the gate file says of that cannot be understood.
pub(super) fn asked(corpus: &Arc<Corpus>, gate: &Gate) -> Result<Arc<Corpus>, Failure> {
    match gate {
        Gate::Launch(file) => file.asked((**corpus).clone()).map(Arc::new).map_err(Failure::usage),
        _ => Ok(Arc::clone(corpus)),
    }
}

fn broken_gate(id: &str) -> Result<Gate, Failure> {
    let mutant = gatecheck_mutants::all().find(|mutant| mutant.id == id);
    let mutant = mutant.ok_or_else(|| {
        let known = gatecheck_mutants::all().map(|mutant| mutant.id);
        let meant = did_you_mean_or(id, known, "`gatecheck list --broken-gates` lists them by id");
        Failure::usage(format!("no broken gate `{id}`{meant}"))
    })?;
    Ok(Gate::InProcess(Arc::new(BrokenGate::new(*mutant, Arc::default()))))
}

/// `NAME` stands for `runner/gates/NAME/gate.yaml` in this folder or one above; anything with a slash or a dot is a path.
pub(super) fn gate_file(name: &str) -> PathBuf {
    if name.contains(['/', '.', '\\']) {
        let path = PathBuf::from(name);
        return if path.is_dir() { path.join("gate.yaml") } else { path };
    }
    shipped().unwrap_or_else(|| PathBuf::from(SHIPPED)).join(name).join("gate.yaml")
}

/// The folder with the gates of the project, in this folder or one above.
fn shipped() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join(SHIPPED)).find(|folder| folder.is_dir())
}

/// That there is no such gate file, and what may be meant.
fn no_gate_file(name: &str, path: &Path) -> String {
    let here = Path::new(name).join("gate.yaml");
    let meant = if here.is_file() {
        format!("; did you mean `./{name}`?")
    } else {
        let folders = shipped().and_then(|folder| std::fs::read_dir(folder).ok());
        let names = folders.into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let names: Vec<String> = names.collect();
        let otherwise = "write a name under `runner/gates/`, or the path of a gate file, as ./mine/gate.yaml";
        did_you_mean_or(name, names.iter().map(String::as_str).chain([EMBEDDED]), otherwise)
    };
    format!("--gate {name}: there is no {}{meant}", path.display())
}

/// Whether a URL names the origin of a gate with HTTPS, its host and its port.
///
/// # Errors
/// What to write instead.
pub(super) fn origin(url: &str) -> Result<(bool, String, u16), String> {
    let is_no_url = |why: &str| format!("`{url}` is no URL: {why}; write for example `https://gate.example`");
    if !url.contains("://") {
        return Err(is_no_url("it has no scheme"));
    }
    let parsed = Url::parse(url).map_err(|error| is_no_url(&error.to_string()))?;
    let is_origin = matches!(parsed.scheme(), "http" | "https")
        && parsed.path() == "/"
        && parsed.query().is_none()
        && parsed.fragment().is_none()
        && parsed.username().is_empty()
        && parsed.password().is_none();
    if !is_origin {
        return Err(format!("`{url}`: write scheme, host and port only, for example `https://gate.example`"));
    }
    let (Some(host), Some(port)) = (parsed.host_str(), parsed.port_or_known_default()) else {
        return Err(is_no_url("it names no host"));
    };
    Ok((parsed.scheme() == "https", host.to_owned(), port))
}

fn target(url: &str, args: &GateArgs) -> Result<Target, Failure> {
    let (https, host, port) = origin(url).map_err(Failure::usage)?;
    if args.connect_to.is_some() && host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err(Failure::usage(format!(
            "--connect-to is for a name in the URL, and `{host}` is an address: write the one to ask into the URL"
        )));
    }
    let trust = match &args.ca {
        _ if args.insecure => Trust::Any,
        Some(file) => {
            let name = file.display().to_string();
            let pem = std::fs::read(file).map_err(|error| Failure::usage(format!("--ca {name}: {error}")))?;
            Trust::also(&name, &pem).map_err(|why| Failure::usage(format!("--ca: {why}")))?
        }
        None => Trust::Machine,
    };
    Ok(Target { https, host, port, connect_to: args.connect_to, trust })
}

pub(super) fn serves(args: &GateArgs, corpus: &Corpus) -> Result<Serves, Failure> {
    let Some(path) = &args.bundle else { return Ok(Serves::Suite) };
    let manifest = if path.is_empty() {
        crate::bundle::manifests(corpus)
            .into_iter()
            .next()
            .ok_or_else(|| Failure::harness("no suite can be bundled"))?
    } else {
        let text = std::fs::read_to_string(path).map_err(|error| {
            cannot_read(path, &error, "write one with `gatecheck bundle out`, which makes out/bundle-1/manifest.json")
        })?;
        serde_json::from_str::<Manifest>(&text).map_err(|error| Failure::usage(format!("{path}: {error}")))?
    };
    Ok(Serves::Bundle(Box::new(manifest)))
}
