//! What the operator says, and how it becomes a gate.
//!
//! The command line, a program that embeds the gate, and a reload all go this way, so a gate that is loaded again is
//! held to what the first one was held to. The disk is read here, whole, before anything is decided; what cannot be
//! read or would leave a path open is a [`LoadError`], never half a gate.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rolegate::edge::{CountrySource, Edge};
use rolegate::gate::StartError;
use rolegate::rules::RuleSet;
use rolegate::token::{Keys, SecretError, TokenSettings};
use rolegate_keys::jwks::{self, Jwks, JwksError};
use rolegate_keys::{Algorithms, PemError};

use crate::disk;
use crate::files::{DirSite, SiteOptions};
use crate::geoip::{Database, DatabaseError};
use crate::in_force::KeyedGate;
use crate::key_ring::KeyRing;
use crate::layout::{Layout, LayoutError};
use crate::proxy::sign::{MissingSecret, Signatures};
use crate::source::Source;

/// What a gate is made of, as the operator says it. [`Config::load`] can be called again at any time.
#[derive(Clone, Debug)]
pub struct Config {
    /// The root of the site's project, or the folder that is published (LAYOUT-1).
    pub site: PathBuf,
    /// The `netlify.toml` to read, where it is not the one of the project.
    pub netlify_toml: Option<PathBuf>,
    /// Where the keys come from that tokens are verified with.
    pub key: KeySource,
    /// How tokens are read.
    pub tokens: TokenSettings,
    /// Whom the gate believes about scheme, host, address and country of a visitor.
    pub edge: Edge,
    /// The file of the GeoIP database that tells countries, where there is one; it goes before the source that `edge`
    /// names.
    pub countries: Option<PathBuf>,
    /// Where the secrets of signed rules are looked up.
    pub variables: Variables,
    /// How the site is opened.
    pub options: SiteOptions,
    /// What says what is odd about the rules before the files of the site, if anything does; it changes no decision.
    pub lint: Option<Lint>,
}

/// What adds to the problems of a site's rules what is odd about them as a list.
pub type Lint = fn(&RuleSet, &DirSite, &mut Source);

/// Where the secrets that rules name are looked up (PROXY-1).
#[derive(Clone, Default)]
pub enum Variables {
    /// In the environment of this process.
    #[default]
    Environment,
    /// Here, by name; for a program that embeds the gate.
    Given(BTreeMap<String, String>),
}

/// Where the keys come from that tokens are verified with.
#[derive(Clone)]
pub enum KeySource {
    /// There is no key, so no token verifies (ROLE-10).
    None,
    /// A secret that is in memory already.
    Secret {
        /// What the operator calls it, such as the name of an environment variable; for messages.
        name: String,
        /// Its bytes.
        secret: Vec<u8>,
    },
    /// A file that holds the secret. One line end at its end is not part of it.
    SecretFile(PathBuf),
    /// A file with one public key in PEM, or a certificate.
    PemFile {
        /// The file.
        path: PathBuf,
        /// What the key may serve.
        algorithms: Algorithms,
    },
    /// A file with a JWKS document.
    JwksFile {
        /// The file.
        path: PathBuf,
        /// What the keys may serve.
        algorithms: Algorithms,
    },
    /// Keys that somebody else keeps fresh, such as those of a URL.
    Ring(KeyRing),
}

/// A gate, and what it was read from.
#[derive(Debug)]
pub struct Loaded {
    /// The gate.
    pub gate: KeyedGate<DirSite>,
    /// The text of its rules, with what is wrong with it.
    pub source: Source,
}

/// Why there is no gate. The message is one line without a secret in it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The site's folder is not there, or is no folder.
    #[error("`{}` is not a folder that can be read", .0.display())]
    NoFolder(PathBuf),
    /// What the folder means cannot be said, or a gate would not be in force.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Something in the site's folder cannot be read.
    #[error("cannot read the site: {0}")]
    Site(io::Error),
    /// A file that must be read whole cannot be: rules, or a secret.
    #[error("cannot read `{}`: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The key is refused (ROLE-10).
    #[error("`{name}`: {error}, so anybody could sign a token")]
    Key {
        /// What the operator calls it.
        name: String,
        /// Why.
        error: SecretError,
    },
    /// The file gives no public key.
    #[error("`{}` gives no key: {error}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        error: PemError,
    },
    /// The file gives no key set.
    #[error("`{}` gives no keys: {error}", path.display())]
    Jwks {
        /// The file.
        path: PathBuf,
        /// Why.
        error: JwksError,
    },
    /// The file that should tell countries does not (COND-3).
    #[error("cannot use `{}` to tell countries: {error}", path.display())]
    Countries {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: DatabaseError,
    },
    /// The secret of a signed rule is missing (PROXY-1).
    #[error("{}: {error}", text.name(error.span.file))]
    Signature {
        /// The text of the rules, with what is wrong with it.
        text: Box<Source>,
        /// Which.
        error: MissingSecret,
    },
    /// Rules and key do not make a gate.
    #[error("{}: {error}", text.name(error.span().file))]
    Start {
        /// The text of the rules, with what is wrong with it.
        text: Box<Source>,
        /// Why.
        error: StartError,
    },
}

impl Config {
    /// A gate on the site in a folder that believes nobody but the connection and finds secrets in the environment.
    pub fn of(site: PathBuf, key: KeySource, tokens: TokenSettings) -> Config {
        Config {
            site,
            netlify_toml: None,
            key,
            tokens,
            edge: Edge::default(),
            countries: None,
            variables: Variables::default(),
            options: SiteOptions::default(),
            lint: None,
        }
    }

    /// The files outside the site that [`Config::load`] reads; a change of one makes a new version.
    pub fn files(&self) -> Vec<PathBuf> {
        let keys = self.key.file().map(Path::to_owned);
        keys.into_iter().chain(self.netlify_toml.clone()).chain(self.countries.clone()).collect()
    }

    /// The folder that is published now, and the files outside it that make another layout when they change. `None` where
    /// there is no such folder.
    pub(crate) fn places(&self) -> Option<(PathBuf, Vec<PathBuf>)> {
        let (layout, _) = Layout::find(&self.site, self.netlify_toml.as_deref()).ok()?;
        let files = layout.watched();
        layout.is_built.then_some((layout.published, files))
    }

    /// Reads everything and makes the gate.
    ///
    /// # Errors
    /// The first thing that cannot be read or is refused.
    pub fn load(&self) -> Result<Loaded, LoadError> {
        self.load_after(None)
    }

    /// Reads everything again and makes the gate that follows one on the site `before`, whose unchanged files are not read
    /// a second time.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_again(&self, before: &DirSite) -> Result<Loaded, LoadError> {
        self.load_after(Some(before))
    }

    fn load_after(&self, before: Option<&DirSite>) -> Result<Loaded, LoadError> {
        let (rules, mut source) = Source::read(&self.site, self.netlify_toml.as_deref())?;
        let layout = &source.layout;
        // LAYOUT-3
        if let Some(note) = layout.refusal() {
            return Err(LayoutError::LeftOut(note.clone()).into());
        }
        if !layout.is_built && !self.options.elsewhere {
            let (toml, published) = (layout.toml.clone(), layout.published.clone());
            return Err(LayoutError::NotBuilt { toml, published }.into());
        }
        let site = match before {
            Some(before) => before.reopen_in(&layout.published),
            None => DirSite::open_with(&layout.published, self.options.clone()),
        };
        let site = site.map_err(LoadError::Site)?;
        let keys = self.key.read()?;
        let edge = self.read_edge()?;
        if let Some(lint) = self.lint {
            lint(&rules, &site, &mut source);
        }
        let signed = rules.rules().iter().filter_map(|rule| Some((rule.span, rule.apply()?.signed.as_deref()?)));
        let signatures = match Signatures::of(signed, |name| self.variables.look_up(name)) {
            Ok(signatures) => signatures,
            Err(error) => return Err(LoadError::Signature { text: Box::new(source), error }),
        };
        match KeyedGate::new(rules, keys, self.tokens.clone(), site) {
            Ok(gate) => Ok(Loaded { gate: gate.with_edge(edge).signing_with(signatures), source }),
            Err(error) => Err(LoadError::Start { text: Box::new(source), error }),
        }
    }

    fn read_edge(&self) -> Result<Edge, LoadError> {
        let Some(path) = &self.countries else { return Ok(self.edge.clone()) };
        let database = Database::open(path).map_err(|error| LoadError::Countries { path: path.clone(), error })?;
        Ok(Edge { country: CountrySource::Database(Arc::new(database)), ..self.edge.clone() })
    }
}

impl Variables {
    fn look_up(&self, name: &str) -> Option<OsString> {
        match self {
            Variables::Environment => std::env::var_os(name),
            Variables::Given(values) => values.get(name).map(OsString::from),
        }
    }
}

impl fmt::Debug for Variables {
    /// TOKEN-11: no secret is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Variables::Environment => f.write_str("Environment"),
            Variables::Given(values) => f.debug_set().entries(values.keys()).finish(),
        }
    }
}

/// Opens a site to look at its rules and the names of its files: with no content in memory, and none compressed. Where the
/// published folder is not there yet, every path may be a file.
///
/// # Errors
/// Where it is no folder, or something in it cannot be read.
pub fn open_to_look(folder: &Path, toml: Option<&Path>) -> Result<(DirSite, RuleSet, Source), LoadError> {
    let (rules, source) = Source::read(folder, toml)?;
    let elsewhere = !source.layout.is_built;
    let options = SiteOptions { memory: 0, compress: false, elsewhere, ..SiteOptions::default() };
    let site = DirSite::open_with(&source.layout.published, options).map_err(LoadError::Site)?;
    Ok((site, rules, source))
}

impl KeySource {
    /// The keys, of which there is none where the operator named no source.
    ///
    /// # Errors
    /// Where their file cannot be read, or what it holds is refused (ROLE-10, TOKEN-12.key-set).
    pub fn read(&self) -> Result<KeyRing, LoadError> {
        let secret = |name: String, secret: &[u8]| Keys::hs256(secret).map_err(|error| LoadError::Key { name, error });
        let keys = match self {
            KeySource::None => Keys::none(),
            KeySource::Secret { name, secret: bytes } => secret(name.clone(), bytes)?,
            KeySource::SecretFile(path) => secret(path.display().to_string(), &without_line_end(read(path)?))?,
            KeySource::PemFile { path, algorithms } => rolegate_keys::from_pem(&read(path)?, algorithms)
                .map_err(|error| LoadError::Pem { path: path.clone(), error })?,
            KeySource::JwksFile { path, algorithms } => {
                let Jwks { keys, passed_over } = jwks::parse(&read(path)?, algorithms)
                    .map_err(|error| LoadError::Jwks { path: path.clone(), error })?;
                for key in passed_over {
                    tracing::warn!(file = %path.display(), %key, "a key is not used");
                }
                keys
            }
            KeySource::Ring(ring) => return Ok(ring.clone()),
        };
        Ok(KeyRing::from(keys))
    }

    /// The same, with a secret that lies in a file read now and not again; for who signs with it too.
    ///
    /// # Errors
    /// [`LoadError::File`] where the file cannot be read.
    pub fn held(self) -> Result<KeySource, LoadError> {
        match self {
            KeySource::SecretFile(path) => {
                Ok(KeySource::Secret { name: path.display().to_string(), secret: without_line_end(read(&path)?) })
            }
            source => Ok(source),
        }
    }

    /// The file that the keys are read from, if they are.
    pub fn file(&self) -> Option<&Path> {
        match self {
            KeySource::SecretFile(path) | KeySource::PemFile { path, .. } | KeySource::JwksFile { path, .. } => {
                Some(path)
            }
            KeySource::None | KeySource::Secret { .. } | KeySource::Ring(_) => None,
        }
    }
}

impl fmt::Debug for KeySource {
    /// TOKEN-11: the secret is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeySource::None => f.write_str("None"),
            KeySource::Secret { name, .. } => f.debug_tuple("Secret").field(name).finish_non_exhaustive(),
            KeySource::SecretFile(path) => f.debug_tuple("SecretFile").field(path).finish(),
            KeySource::PemFile { path, .. } => f.debug_tuple("PemFile").field(path).finish_non_exhaustive(),
            KeySource::JwksFile { path, .. } => f.debug_tuple("JwksFile").field(path).finish_non_exhaustive(),
            KeySource::Ring(ring) => f.debug_tuple("Ring").field(ring).finish(),
        }
    }
}

/// RULES-15: keys are read as rule files are.
fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    disk::read(path, disk::MOST_KEYS).map_err(|error| LoadError::File { path: path.to_owned(), error })
}

/// An editor ends a file with a line end, which nobody means as part of a secret.
fn without_line_end(mut secret: Vec<u8>) -> Vec<u8> {
    if secret.pop_if(|last| *last == b'\n').is_some() {
        secret.pop_if(|last| *last == b'\r');
    }
    secret
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn config(folder: &tempfile::TempDir) -> Config {
        Config {
            site: folder.path().to_owned(),
            netlify_toml: None,
            key: KeySource::SecretFile(folder.path().join(".secret")),
            tokens: TokenSettings::default(),
            edge: Edge::default(),
            countries: None,
            variables: Variables::Given(BTreeMap::from([("KEY".to_owned(), "s3cret".to_owned())])),
            options: SiteOptions::default(),
            lint: None,
        }
    }

    #[test]
    fn what_is_loaded_and_what_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder);
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        assert!(config.load().unwrap_err().to_string().starts_with("cannot read `"), "no secret file");
        write(".secret", "\n");
        assert!(matches!(config.load(), Err(LoadError::Key { .. })), "an empty secret");
        write(".secret", "secret\r\n");
        write("_redirects", "/a /b 200! Role=x\n");
        let loaded = config.load().unwrap();
        assert_eq!(loaded.gate.rules().rules().len(), 1);
        write("_redirects", "a /b 200! Role=x\n");
        assert!(matches!(config.load(), Err(LoadError::Start { .. })));
        write("countries", "no database");
        let countries = Config { countries: Some(folder.path().join("countries")), ..config.clone() };
        assert!(matches!(countries.load(), Err(LoadError::Countries { .. })), "it would tell no country");
        write("_redirects", "/a https://b.example/ 200 Sign=KEY\n");
        assert!(config.load().is_ok());
        write("_redirects", "/a https://b.example/ 200 Sign=OTHER\n");
        assert!(matches!(config.load(), Err(LoadError::Signature { .. })), "no such secret");
        let nowhere = Config { site: folder.path().join("nowhere"), ..config.clone() };
        assert!(matches!(nowhere.load(), Err(LoadError::NoFolder(_))));
    }

    #[test]
    fn a_secret_is_not_shown() {
        let source = KeySource::Secret { name: "JWT_SECRET".to_owned(), secret: b"hunter2".to_vec() };
        assert!(!format!("{source:?}").contains("hunter2") && !format!("{source:?}").contains("104, 117"));
    }

    #[test]
    fn one_line_end_is_not_part_of_a_secret() {
        for (file, secret) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a\r", "a\r"), ("\n", "")] {
            assert_eq!(without_line_end(file.as_bytes().to_vec()), secret.as_bytes(), "{file:?}");
        }
    }
}
