//! The site of a suite as the broken gates share it: written to disk, listed and read once, its rules too, whatever number of gates stands on it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rolegate::edge::Edge;
use rolegate::files::DirSite;
use rolegate::rules::RuleSet;
use rolegate::site::Site as _;
use rolegate::token::{Keys, TokenSettings};

use super::Defect;
use crate::deploy::Deployment;
use crate::gates::{GateError, embedded, site_folder};

/// A site on disk, opened.
#[derive(Debug)]
pub struct Site {
    folder: tempfile::TempDir,
    /// The files, as the reference lists them.
    pub files: DirSite,
    /// The octets of the rule file, as written.
    pub rule_text: Vec<u8>,
    /// The text of `netlify.toml`; empty where there is none.
    pub toml: String,
    /// The rules of both, as the reference reads them.
    pub rules: Arc<RuleSet>,
}

impl Site {
    fn open(deployment: &Deployment<'_>) -> Result<Self, GateError> {
        let folder = site_folder(deployment)?;
        let files = DirSite::open(folder.path()).map_err(|error| GateError::Harness(error.to_string()))?;
        let rule_text = deployment.rules();
        let toml = deployment.toml().unwrap_or_default();
        // HEADERS-6
        let rules = Arc::new(files.headers().seal(RuleSet::read(&rule_text, toml.as_bytes()).rules));
        Ok(Self { folder, files, rule_text, toml, rules })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The sites of a corpus, each opened when it is first asked for.
#[derive(Debug, Default)]
pub struct Sites {
    opened: Mutex<BTreeMap<String, Arc<Site>>>,
}

impl Sites {
    /// The site of a deployment.
    ///
    /// # Errors
    /// It cannot be written or listed.
    pub fn of(&self, deployment: &Deployment<'_>) -> Result<Arc<Site>, GateError> {
        let name = deployment.name();
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(site) = opened.get(&name) {
            return Ok(Arc::clone(site));
        }
        let site = Arc::new(Site::open(deployment)?);
        opened.insert(name, Arc::clone(&site));
        Ok(site)
    }
}

/// What one broken gate stands on: a site, its rules and its settings, as the gate reads them.
#[derive(Debug)]
pub struct Ground {
    /// The files.
    pub site: Arc<Site>,
    /// The rules in force.
    pub rules: Arc<RuleSet>,
    /// The secret as configured.
    pub secret: Vec<u8>,
    /// The keys that tokens are verified with.
    pub keys: Keys,
    /// How tokens are read.
    pub settings: TokenSettings,
    /// Whom the gate believes about a visitor.
    pub edge: Edge,
    /// The names from the outermost object of a token to the roles.
    pub role_path: Vec<String>,
}

impl Ground {
    /// Reads rules and settings as a gate with this defect does.
    ///
    /// # Errors
    /// The gate does not start with them.
    pub fn new(deployment: &Deployment<'_>, sites: &Sites, defect: Defect) -> Result<Self, GateError> {
        let refused = |reason: String| GateError::NotStarted { site: deployment.name(), reason };
        let site = sites.of(deployment)?;
        let parsed = match defect {
            Defect::RuleText(edit) => {
                let read = RuleSet::read(&edit(&site.rule_text), site.toml.as_bytes()).rules;
                Arc::new(site.files.headers().seal(read))
            }
            _ => Arc::clone(&site.rules),
        };
        if let Some(span) = parsed.unreadable().first() {
            return Err(refused(format!("line {}: this line names a role, and its path cannot be read", span.line)));
        }
        let rules = match defect {
            Defect::RuleList(edit) => Arc::new(RuleSet::of(edit(parsed.rules().to_vec()))),
            _ => parsed,
        };
        let secret = deployment.settings.secret.as_bytes().to_vec();
        let keys = match defect {
            Defect::Secret(edit) if deployment.settings.public.is_none() => {
                Keys::hs256(&edit(&secret)).map_err(|error| error.to_string())
            }
            _ => embedded::keys(&deployment.settings),
        };
        let mut settings = embedded::token_settings(&deployment.settings).map_err(refused)?;
        if let Defect::Settings(edit) = defect {
            edit(&mut settings);
        }
        Ok(Self {
            site,
            rules,
            secret,
            keys: keys.map_err(refused)?,
            settings,
            edge: embedded::edge(deployment).map_err(refused)?,
            role_path: names(&deployment.settings.role_path),
        })
    }
}

/// The names of a role path.
fn names(path: &str) -> Vec<String> {
    match path.strip_prefix('/') {
        Some(pointer) => pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect(),
        None => path.split('.').map(str::to_owned).collect(),
    }
}
