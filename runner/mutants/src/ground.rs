//! The site of a suite as the broken gates share it: written to disk, listed and read once, its rules too, whatever number of gates stands on it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use gatecheck::corpus::{PublicKeys, Settings};
use gatecheck::deploy::Deployment;
use gatecheck::gates::{GateError, site_folder};
use gatecheck::wire::plain::{Clients, HttpVersion, PlainOptions};
use rolegate::edge::Edge;
use rolegate::rules::{Rule, RuleFiles, RuleSet};
use rolegate::token::{Keys, TokenSettings};
use rolegate_server::files::DirSite;
use rolegate_server::proxy::sign::Signatures;
use serde_json::{Map, Value, json};

use super::public::PublicRing;
use super::{Defect, reference};

/// A site on disk, opened.
#[derive(Debug)]
pub struct Site {
    folder: tempfile::TempDir,
    /// The files, as the reference lists them.
    pub files: DirSite,
    /// The bytes of the rule file, as written.
    pub rule_text: Vec<u8>,
    /// The text of `netlify.toml`; empty where there is none.
    pub toml: String,
    /// The text of `_headers`; empty where there is none.
    headers: String,
    /// The rules of all three, as the reference reads them.
    pub rules: Arc<RuleSet>,
}

impl Site {
    /// Writes the site, its `_headers` changed by `headers` and its `netlify.toml` by `toml`, and opens it.
    fn open(
        deployment: &Deployment<'_>,
        headers: fn(&str) -> String,
        toml: fn(&str) -> String,
    ) -> Result<Self, GateError> {
        let folder = site_folder(deployment)?;
        let (headers, toml) =
            (deployment.headers().map(|text| headers(&text)), deployment.toml().map(|text| toml(&text)));
        for (name, text) in [("_headers", &headers), ("netlify.toml", &toml)] {
            let written = text.as_ref().map_or(Ok(()), |text| std::fs::write(folder.path().join(name), text));
            written.map_err(|error| GateError::Harness(error.to_string()))?;
        }
        let files = DirSite::open(folder.path()).map_err(|error| GateError::Harness(error.to_string()))?;
        let rule_text = deployment.rules();
        let (toml, headers) = (toml.unwrap_or_default(), headers.unwrap_or_default());
        let mut site = Self { folder, files, rule_text, toml, headers, rules: Arc::default() };
        site.rules = Arc::new(site.rules_with(&site.rule_text));
        Ok(site)
    }

    /// The rules with this text in the place of that of `_redirects`.
    fn rules_with(&self, redirects: &[u8]) -> RuleSet {
        let (toml, headers) = (self.toml.as_bytes(), self.headers.as_bytes());
        RuleSet::read(RuleFiles { redirects, toml, headers }).rules
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
    /// The way to upstreams; shared, because setting one up takes time.
    onward: OnceLock<Result<Clients, String>>,
}

impl Sites {
    /// The site of a deployment.
    ///
    /// # Errors
    /// It cannot be written or listed.
    pub fn of(&self, deployment: &Deployment<'_>) -> Result<Arc<Site>, GateError> {
        // Every run has an upstream of its own, and the rules hold its address.
        if deployment.suites.iter().any(|(suite, _)| suite.needs_upstream()) {
            return Site::open(deployment, str::to_owned, str::to_owned).map(Arc::new);
        }
        let name = deployment.name();
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(site) = opened.get(&name) {
            return Ok(Arc::clone(site));
        }
        let site = Arc::new(Site::open(deployment, str::to_owned, str::to_owned)?);
        opened.insert(name, Arc::clone(&site));
        Ok(site)
    }

    /// The way to upstreams: a connection for each request, so that none is lost with a connection that was kept too long.
    fn onward(&self) -> Result<Clients, GateError> {
        let limit = Duration::from_secs(5);
        let options = || PlainOptions { version: HttpVersion::Http1, limit, remote: None };
        self.onward.get_or_init(|| Clients::apart(options())).clone().map_err(GateError::Harness)
    }
}

/// What one broken gate stands on: a site, its rules and its settings, as the gate reads them.
#[derive(Debug)]
pub struct Ground {
    /// The files.
    pub site: Arc<Site>,
    /// The rules in force.
    pub rules: Arc<RuleSet>,
    /// The secret as configured. A gate with public keys is not given it.
    pub secret: Vec<u8>,
    /// The public keys in the place of the secret.
    pub public: Option<PublicRing>,
    /// The keys that tokens are verified with.
    pub keys: Keys,
    /// How tokens are read.
    pub settings: TokenSettings,
    /// Whom the gate believes about a visitor.
    pub edge: Edge,
    /// The names from the outermost object of a token to the roles.
    pub role_path: Vec<String>,
    /// The secrets of rules whose requests are signed.
    pub signatures: Signatures,
    /// Whether upstreams may see the token.
    pub trusts_upstream: bool,
    /// The way to upstreams, where rules name one.
    pub onward: Option<Clients>,
}

impl Ground {
    /// Reads rules and settings as a gate with this defect does.
    ///
    /// # Errors
    /// The gate does not start with them.
    pub fn new(deployment: &Deployment<'_>, sites: &Sites, defect: Defect) -> Result<Self, GateError> {
        let refused = |reason: String| GateError::NotStarted { site: deployment.name(), reason };
        let site = match defect {
            Defect::HeaderText(edit) if deployment.headers().is_some() => {
                Arc::new(Site::open(deployment, edit, str::to_owned)?)
            }
            Defect::TomlText(edit) if deployment.toml().is_some() => {
                Arc::new(Site::open(deployment, str::to_owned, edit)?)
            }
            _ => sites.of(deployment)?,
        };
        let parsed = match defect {
            Defect::RuleText(edit) => Arc::new(site.rules_with(&edit(&site.rule_text))),
            _ => Arc::clone(&site.rules),
        };
        if let Some(span) = parsed.unreadable().first() {
            return Err(refused(format!("line {}: this line names a role, and its path cannot be read", span.line)));
        }
        let rules = match defect {
            Defect::RuleList(edit) => Arc::new(RuleSet::of(edit(parsed.rules().to_vec()))),
            _ => parsed,
        };
        let given = &deployment.settings;
        let secret = given.secret.as_bytes().to_vec();
        let keys = match defect {
            Defect::Secret(edit) if given.public.is_none() => {
                Keys::hs256(&edit(&secret)).map_err(|error| error.to_string())
            }
            Defect::KeySet(edit) => reference::keys(&with_key_set(given, edit)),
            _ => reference::keys(given),
        };
        let mut settings = reference::token_settings(given).map_err(refused)?;
        if let Defect::Settings(edit) = defect {
            edit(&mut settings);
        }
        let named = rules.rules().iter().filter_map(|rule| Some((rule.span, rule.apply()?.signed.as_deref()?)));
        let variable = |name: &str| given.environment.get(name).map(OsString::from);
        let signatures = Signatures::of(named, variable).map_err(|missing| refused(missing.to_string()))?;
        let onward = rules.rules().iter().any(Rule::is_proxy).then(|| sites.onward()).transpose()?;
        Ok(Self {
            site,
            rules,
            secret,
            public: PublicRing::of(given),
            keys: keys.map_err(refused)?,
            settings,
            edge: reference::edge(deployment).map_err(refused)?,
            role_path: names(&given.role_path),
            signatures,
            trusts_upstream: given.trust_upstream,
            onward,
        })
    }
}

/// The same settings with the members of the key set changed, where there is one.
fn with_key_set(settings: &Settings, edit: fn(&mut Vec<Map<String, Value>>)) -> Settings {
    let ring = PublicRing::of(settings).filter(|ring| ring.is_set);
    let Some(mut keys) = ring.map(|ring| ring.written()) else { return settings.clone() };
    edit(&mut keys);
    Settings { public: Some(PublicKeys::Jwks(json!({ "keys": keys }).to_string())), ..settings.clone() }
}

/// The names of a role path.
fn names(path: &str) -> Vec<String> {
    match path.strip_prefix('/') {
        Some(pointer) => pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect(),
        None => path.split('.').map(str::to_owned).collect(),
    }
}
