//! A gate that is a command: `--launch 'CMD … {site} … {port}'`, or a gate file `runner/gates/NAME/gate.yaml`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use super::{FOLDER, GateError, Running, log_end, placeholders, port, site_folder};
use crate::corpus::Corpus;
use crate::corpus::features::{self, is_feature, no_feature};
use crate::corpus::shape::one_gate;
use crate::corpus::subset::TokenOnly;
use crate::deploy::Deployment;
use crate::invariants::Invariant;
use crate::report::redact::Redactor;
use crate::suggest::with_suggestion;
use crate::wire::{Sent, Target, Trust, raw::Wire};

/// How a gate is started, and what it lacks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GateFile {
    /// The name in reports.
    pub name: String,
    /// What it is and how it is installed, for people.
    #[serde(default)]
    pub about: Option<String>,
    /// A line for a shell that installs what the gate is made of; `{here}` is filled in. For people and for CI: a run never installs anything.
    #[serde(default)]
    pub install: Option<String>,
    /// What must be there before the gate can start: programs by name, and files and folders by a path, in which `{here}` is filled in.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The command line, split as a shell would. `{site}`, `{work}` (an empty folder, where the command starts), `{port}`,
    /// `{spare-port}`, `{secret}`, `{role-path}`, `{here}` (the folder of the gate file), `{trusted-proxy}` (networks with
    /// commas between), `{country-header}`, `{public-key}` (a PEM file), `{jwks}` (a JSON file), `{algorithms}` (with commas
    /// between), `{audience}`, `{issuer}` and
    /// `{trusted-upstream}` are filled in. A word with one of the last eight is left out for a suite that
    /// does not set it, as in `--trusted-proxy={trusted-proxy}`.
    pub command: String,
    /// Environment variables; values are filled in, and left out, like the words of the command.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Files written into `{work}` before the start; texts are filled in like the command.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Whether suites with equal settings share one start, each under a path prefix.
    #[serde(default)]
    pub group: bool,
    /// How many gates may run at once.
    #[serde(default = "one")]
    pub at_once: usize,
    /// How long to wait until it answers, in seconds.
    #[serde(default = "half_a_minute")]
    pub ready_within: u64,
    /// A path that is asked until the gate answers it with any HTTP status; without one a connection is enough.
    #[serde(default)]
    pub ready_path: Option<String>,
    /// A text that the gate prints when it is ready to serve; waited for as well, where it is given.
    #[serde(default)]
    pub ready_text: Option<String>,
    /// The features that it lacks, with the reason.
    #[serde(default)]
    #[schemars(schema_with = "features::with_reasons")]
    pub unsupported: BTreeMap<String, String>,
    /// The invariants that it cannot be asked, with the reason.
    #[serde(default)]
    pub without: BTreeMap<Invariant, String>,
    /// Where it reads tokens and no rules: what a denied visitor gets, and where the token stands. `{gate-path}` and `{gate-role}` in the command are then the
    /// path that is guarded and the role that opens it.
    #[serde(default)]
    pub token_only: Option<TokenOnly>,
    /// The folder of the gate file.
    #[serde(skip)]
    pub here: PathBuf,
    /// The folder in which the command starts; `{work}` if there is none.
    #[serde(skip)]
    pub starts_in: Option<PathBuf>,
}

fn one() -> usize {
    1
}

fn half_a_minute() -> u64 {
    30
}

impl GateFile {
    /// A gate that is nothing but a command line; it starts in the folder of the caller, whose files it names.
    #[must_use]
    pub fn of_command(command: &str) -> Self {
        Self {
            name: command.split_whitespace().next().unwrap_or(command).to_owned(),
            about: None,
            install: None,
            needs: Vec::new(),
            command: command.to_owned(),
            env: BTreeMap::new(),
            files: BTreeMap::new(),
            group: false,
            at_once: 2,
            ready_within: half_a_minute(),
            ready_path: None,
            ready_text: None,
            unsupported: BTreeMap::new(),
            without: BTreeMap::new(),
            token_only: None,
            here: PathBuf::from("."),
            starts_in: std::env::current_dir().ok(),
        }
    }

    /// The features that it lacks, with the reason: those that it says, and those of settings that it has no place for.
    #[must_use]
    pub fn lacks(&self) -> BTreeMap<String, String> {
        let mut lacks = self.unsupported.clone();
        if self.token_only.is_some() {
            lacks.entry("rules".to_owned()).or_insert_with(|| "it guards one path and reads no rules".to_owned());
        }
        if self.token_only.as_ref().is_some_and(|one| one.token.as_deref() == Some("authorization")) {
            lacks.entry("cookie".to_owned()).or_insert_with(|| "it takes the token from `Authorization`".to_owned());
        }
        for (setting, feature) in OPTIONAL {
            if let Some(feature) = feature.filter(|_| !self.has_place_for(setting)) {
                let missing = OPTIONAL.iter().filter(|(other, of)| *of == Some(feature) && !self.has_place_for(other));
                let missing: Vec<String> = missing.map(|(other, _)| format!("`{{{other}}}`")).collect();
                lacks.entry(feature.to_owned()).or_insert_with(|| {
                    let (stand, it) = if missing.len() == 1 { ("stands", "it") } else { ("stand", "them") };
                    format!(
                        "its command has no place for this setting: {} {stand} nowhere in it; a gate that has the setting is asked once you add {it}, as in \
                         `--{setting}={{{setting}}}` (a word with it is left out where a suite does not make the setting)",
                        missing.join(" and ")
                    )
                });
            }
        }
        lacks
    }

    /// Whether a placeholder stands anywhere in it.
    fn has_place_for(&self, setting: &str) -> bool {
        let placeholder = format!("{{{setting}}}");
        let mut texts = std::iter::once(&self.command).chain(self.env.values()).chain(self.files.values());
        texts.any(|text| text.contains(&placeholder))
    }

    /// That the gate is told no key, which lets nobody in; none where it is told one, or knows no visitors.
    #[must_use]
    pub fn without_key(&self) -> Option<String> {
        let is_told = ["secret", "jwks", "public-key"].iter().any(|setting| self.has_place_for(setting));
        let needs_none = self.unsupported.contains_key("role");
        (!is_told && !needs_none).then(|| {
            "the gate is told no secret: `{secret}` stands nowhere in its command, and each suite signs its tokens with its own, so that nobody will be let in; \
             add it, as in `env JWT_SECRET={secret} COMMAND {site} {port}`"
                .to_owned()
        })
    }

    /// Reads a gate file.
    ///
    /// # Errors
    /// A sentence with the position of the mistake.
    pub fn open(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut gate: Self = serde_saphyr::from_str(&text)
            .map_err(|error| format!("{}: {}", file.display(), with_suggestion(&error.to_string())))?;
        gate.here = super::parts::folder_of(file);
        for feature in gate.unsupported.keys() {
            if !is_feature(feature) {
                return Err(format!("{}: {}", file.display(), no_feature(feature)));
            }
        }
        if let Some(Err(error)) = gate.token_only.as_ref().map(TokenOnly::denied) {
            return Err(format!("{}: `token-only`: {error}", file.display()));
        }
        gate.check().map_err(|why| format!("{}: {why}", file.display()))?;
        Ok(gate)
    }

    /// Says which placeholder is mistyped or missing.
    ///
    /// # Errors
    /// A sentence that says what to write instead.
    pub fn check(&self) -> Result<(), String> {
        placeholders::check(self)
    }

    /// The corpus as this gate can be asked it.
    ///
    /// # Errors
    /// What the gate file says of the denial cannot be understood.
    pub fn asked(&self, corpus: Corpus) -> Result<Corpus, String> {
        let corpus = if self.unsupported.contains_key("role") { corpus.without_roles() } else { corpus };
        match &self.token_only {
            Some(gate) => corpus.for_tokens_only(gate),
            None => Ok(corpus),
        }
    }
}

/// The file in `{work}` with the public key of a suite.
const PUBLIC_KEY_FILE: &str = "public-key.pem";
/// The file in `{work}` with the key set of a suite.
const JWKS_FILE: &str = "jwks.json";

/// The settings that most suites do not make, each with the feature that a gate without a place for it lacks.
pub(super) const OPTIONAL: [(&str, Option<&str>); 8] = [
    ("algorithms", None),
    ("audience", Some("audience")),
    ("country-header", Some("country-header")),
    ("issuer", Some("audience")),
    ("jwks", Some("asymmetric")),
    ("public-key", Some("asymmetric")),
    ("trusted-proxy", Some("trusted-proxy")),
    ("trusted-upstream", Some("trusted-upstream")),
];

/// How often a gate is started whose ports somebody else has taken.
const MOST_ATTEMPTS: usize = 5;

/// What the placeholders of a gate file stand for.
struct Places<'a> {
    site: &'a Path,
    work: &'a Path,
    here: &'a Path,
    port: u16,
    spare_port: u16,
    deployment: &'a Deployment<'a>,
}

impl Places<'_> {
    fn fill(&self, text: &str) -> String {
        let text = text
            .replace("{site}", &self.site.display().to_string())
            .replace("{work}", &self.work.display().to_string())
            .replace("{here}", &self.here.display().to_string())
            .replace("{port}", &self.port.to_string())
            .replace("{spare-port}", &self.spare_port.to_string())
            .replace("{secret}", &self.deployment.settings.secret)
            .replace("{role-path}", &self.deployment.settings.role_path);
        let gate = self.deployment.suites.first().and_then(|(suite, _)| one_gate(suite));
        let (path, role) = gate.map(|gate| (gate.path, gate.role)).unwrap_or_default();
        let text = text.replace("{gate-path}", &path).replace("{gate-role}", &role);
        OPTIONAL.iter().fold(text, |text, (setting, _)| {
            text.replace(&format!("{{{setting}}}"), &self.setting(setting).unwrap_or_default())
        })
    }

    /// What a placeholder of [`OPTIONAL`] stands for; `None` where the suite does not make that setting.
    fn setting(&self, name: &str) -> Option<String> {
        let settings = &self.deployment.settings;
        let list = |list: &[String]| (!list.is_empty()).then(|| list.join(","));
        let file = |name: &str| self.work.join(name).display().to_string();
        match name {
            "algorithms" => list(&settings.algorithms),
            "audience" => settings.audience.clone(),
            "country-header" => settings.country_header.clone(),
            "issuer" => settings.issuer.clone(),
            "jwks" => settings.jwks().map(|_| file(JWKS_FILE)),
            "public-key" => settings.pem().map(|_| file(PUBLIC_KEY_FILE)),
            "trusted-upstream" => settings.trust_upstream.then(|| self.deployment.upstream.clone()),
            _ => list(&settings.trusted_proxy),
        }
    }

    /// A word of the command or the value of a variable; `None` where it is for a setting that the suite does not make.
    fn word(&self, text: &str) -> Option<String> {
        let is_unset = |name: &str| text.contains(&format!("{{{name}}}")) && self.setting(name).is_none();
        (!OPTIONAL.iter().any(|(name, _)| is_unset(name))).then(|| self.fill(text))
    }
}

/// Starts the command on the site of a deployment and waits until it answers.
pub(super) async fn start(file: &GateFile, deployment: &Deployment<'_>) -> Result<Running, GateError> {
    let mut attempts = 1;
    loop {
        let ports = (port::free().await?, port::free().await?);
        let started = start_at(ports, file, deployment).await;
        // Another process may have taken a port meanwhile, which is nothing that the gate has done.
        let robbed = matches!(started, Err(GateError::NotStarted { .. } | GateError::Ended { .. }))
            && (port::is_taken(ports.0).await || port::is_taken(ports.1).await);
        if !robbed || attempts >= MOST_ATTEMPTS {
            return started;
        }
        attempts += 1;
    }
}

async fn start_at(
    (port, spare_port): (u16, u16),
    file: &GateFile,
    deployment: &Deployment<'_>,
) -> Result<Running, GateError> {
    let folder = site_folder(deployment)?;
    let work = tempfile::Builder::new()
        .prefix(FOLDER)
        .tempdir()
        .map_err(|error| GateError::Harness(format!("no temporary folder: {error}")))?;
    let log =
        tempfile::NamedTempFile::new().map_err(|error| GateError::Harness(format!("no temporary file: {error}")))?;
    let places = Places { site: folder.path(), work: work.path(), here: &file.here, port, spare_port, deployment };
    let not_started = |reason: String| GateError::NotStarted { site: deployment.stated(), reason };
    let keys = [(PUBLIC_KEY_FILE, deployment.settings.pem()), (JWKS_FILE, deployment.settings.jwks())];
    let keys = keys.into_iter().filter_map(|(name, text)| Some((name, text?.to_owned())));
    let written = file.files.iter().map(|(name, text)| (name.as_str(), places.fill(text)));
    for (name, text) in keys.chain(written) {
        let path = work.path().join(name);
        std::fs::write(&path, text).map_err(|error| GateError::Harness(format!("{}: {error}", path.display())))?;
    }
    let words = shlex::split(&file.command)
        .ok_or_else(|| GateError::NotRun(format!("the command has an open quote: {}", file.command)))?;
    let mut words = words.iter().filter_map(|word| places.word(word));
    let program = words.next().ok_or_else(|| GateError::NotRun("the command is empty".to_owned()))?;
    let output = || {
        let file = std::fs::OpenOptions::new().append(true).open(log.path());
        file.map(Stdio::from).map_err(|error| GateError::Harness(error.to_string()))
    };
    let mut command = Command::new(&program);
    let variables = file.env.iter().filter_map(|(name, value)| Some((name, places.word(value)?)));
    command
        .args(words)
        .envs(&deployment.settings.environment)
        .envs(variables)
        .current_dir(file.starts_in.as_deref().unwrap_or(work.path()));
    command.stdin(Stdio::null()).stdout(output()?).stderr(output()?).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let child = command.spawn().map_err(|error| GateError::NotRun(format!("`{program}`: {error}")))?;
    let mut launched = Launched { child, _site: folder, _work: work, log };
    let log = launched.log.path().to_path_buf();
    let target =
        Target { https: false, host: Ipv4Addr::LOCALHOST.to_string(), port, connect_to: None, trust: Trust::default() };
    let mut pause = FIRST_PAUSE;
    let deadline = Instant::now().checked_add(Duration::from_secs(file.ready_within)).unwrap_or_else(Instant::now);
    loop {
        // Whoever answers, it is not a command that has ended.
        let said = file.ready_text.as_ref().is_none_or(|text| log_end(&log).contains(text.as_str()));
        let is_ready = said && answers(&target, file.ready_path.as_deref()).await;
        if let Ok(Some(status)) = launched.child.try_wait() {
            return Err(GateError::Ended {
                site: deployment.stated(),
                status: status.to_string(),
                code: status.code(),
                said: tail(&log, &deployment.settings.secret),
            });
        }
        if is_ready {
            break;
        }
        if Instant::now() >= deadline {
            launched.end().await;
            return Err(not_started(format!(
                "no answer on its port within {} s\n{}",
                file.ready_within,
                tail(&log, &deployment.settings.secret)
            )));
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
    let launched = Arc::new(Mutex::new(launched));
    let watched = Arc::clone(&launched);
    Ok(Running {
        target,
        door: None,
        log_at_start: std::fs::metadata(&log).map(|file| file.len()).unwrap_or_default(),
        log: Some(log),
        stop: Some(Box::new(move || Box::pin(async move { launched.lock().await.end().await }))),
        ended: Some(Box::new(move || {
            let watched = Arc::clone(&watched);
            Box::pin(async move { watched.lock().await.how_it_ended().await })
        })),
    })
}

/// Whether it listens is looked at again after so long, and then after twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// And never later than this.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// How long a command that no longer listens may take to end.
const MOMENT: Duration = Duration::from_millis(500);

/// A command that runs, with what it runs on. Whoever drops it ends it, and whatever it has started.
struct Launched {
    child: Child,
    _site: tempfile::TempDir,
    _work: tempfile::TempDir,
    log: tempfile::NamedTempFile,
}

impl Launched {
    /// How the command ended, if it has, or does within a moment: a port is closed before a process is gone.
    async fn how_it_ended(&mut self) -> Option<String> {
        let ended = tokio::time::timeout(MOMENT, self.child.wait()).await;
        ended.ok()?.ok().map(|status| status.to_string())
    }

    /// Ends the command and whatever it has started: first it is asked to stop.
    async fn end(&mut self) {
        if self.signal(Signal::Stop) && tokio::time::timeout(Duration::from_secs(3), self.child.wait()).await.is_err() {
            self.signal(Signal::Kill);
        }
        let _ = self.child.start_kill();
        let _ = self.child.wait().await;
    }

    /// Whether a signal reached the command; on a system without process groups none does.
    fn signal(&self, signal: Signal) -> bool {
        #[cfg(unix)]
        if let Some(group) =
            self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
        {
            let signal = match signal {
                Signal::Stop => rustix::process::Signal::TERM,
                Signal::Kill => rustix::process::Signal::KILL,
            };
            return rustix::process::kill_process_group(group, signal).is_ok();
        }
        #[cfg(not(unix))]
        let _ = signal;
        false
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        self.signal(Signal::Kill);
    }
}

#[derive(Clone, Copy)]
enum Signal {
    Stop,
    Kill,
}

async fn answers(target: &Target, path: Option<&str>) -> bool {
    if TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, target.port))).await.is_err() {
        return false;
    }
    let Some(path) = path else { return true };
    let sent = Sent {
        headers: vec![("Connection".to_owned(), b"close".to_vec())],
        byte_exact: true,
        ..Sent::get(target, path)
    };
    Wire::new(target.clone(), None, Duration::from_secs(10))
        .exchange(sent)
        .await
        .is_ok_and(|exchange| exchange.answer.response().is_some())
}

/// The last lines that the command printed, without the secret.
fn tail(log: &Path, secret: &str) -> String {
    let text = Redactor::of_secrets([secret]).text(&log_end(log));
    let lines: Vec<_> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default();
    if last.is_empty() {
        "it printed nothing".to_owned()
    } else {
        format!("the last lines that it printed:\n  {}", last.join("\n  "))
    }
}
