//! Suites → the site that a gate serves: rules, files with canaries, settings. One suite alone, or several under path prefixes.
//!
//! Every file carries a canary, a text that stands nowhere else. Where a protected canary turns up, protected content leaked.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::corpus::source::Access;
use crate::corpus::{Settings, Suite, TOML_FILE};
use crate::own::OwnSite;

/// What every canary starts with.
pub const CANARY_MARK: &[u8] = b"canary-";
/// The hexadecimal digits after the mark.
pub const CANARY_DIGITS: usize = 32;

/// A file name that stands for the rule file in the list of canaries.
pub const RULES_FILE: &str = "/_redirects";

/// Suites that are served together, with what the gate has to be told.
#[derive(Clone, Debug)]
pub struct Deployment<'a> {
    /// Each suite with its path prefix: empty if it is alone, else `/` and the suite id.
    pub suites: Vec<(&'a Suite, String)>,
    /// Secret, role path and the like.
    pub settings: Settings,
    /// The URL of the server that rules call `$(upstream)`; empty where there is none.
    pub upstream: String,
}

/// The files of a suite as they are written to disk, and what their canaries are.
#[derive(Clone, Debug, Default)]
pub struct SiteFiles {
    /// Path (as in the suite) to bytes.
    pub bodies: BTreeMap<String, Vec<u8>>,
    /// Canary to path and access.
    pub canaries: BTreeMap<String, (String, Access)>,
    /// What tells the files in the place of canaries.
    pub own: Option<Arc<OwnSite>>,
}

impl SiteFiles {
    /// Writes the bodies of a suite's files.
    #[must_use]
    pub fn of(suite: &Suite) -> Self {
        let mut site = Self { own: suite.own.clone(), ..Self::default() };
        for (index, (path, spec)) in suite.files.iter().enumerate() {
            let canary = canary(&suite.id, path);
            site.bodies.insert(path.clone(), body(suite, path, spec.access, &canary, spec.size, index));
            site.canaries.insert(canary, (path.clone(), spec.access));
        }
        if suite.mark_rules {
            let toml = suite.toml.as_ref().map(|_| TOML_FILE);
            for file in [RULES_FILE].into_iter().chain(toml) {
                site.canaries.insert(canary(&suite.id, file), (file.to_owned(), Access::Protected));
            }
        }
        site
    }
}

impl<'a> Deployment<'a> {
    /// The ids of the suites, for people.
    #[must_use]
    pub fn stated(&self) -> String {
        self.suites.iter().map(|(suite, _)| suite.id.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// One suite alone, at the root of its site.
    #[must_use]
    pub fn alone(suite: &'a Suite) -> Self {
        Self { suites: vec![(suite, String::new())], settings: suite.settings.clone(), upstream: String::new() }
    }

    /// As few deployments as can be: suites with equal settings share one under path prefixes; a suite that cannot be moved is alone.
    #[must_use]
    pub fn grouped(suites: &[&'a Suite]) -> Vec<Self> {
        let mut groups: BTreeMap<&Settings, Vec<&'a Suite>> = BTreeMap::new();
        let mut all = Vec::new();
        for suite in suites {
            match immovable(suite) {
                Some(_) => all.push(Self::alone(suite)),
                None => groups.entry(&suite.settings).or_default().push(suite),
            }
        }
        for (settings, suites) in groups {
            let deployment = match suites.as_slice() {
                [one] => Self::alone(one),
                _ => Self {
                    suites: suites.into_iter().map(|suite| (suite, format!("/{}", suite.id))).collect(),
                    settings: settings.clone(),
                    upstream: String::new(),
                },
            };
            all.insert(0, deployment);
        }
        all
    }

    /// A short name for messages and folders.
    #[must_use]
    pub fn name(&self) -> String {
        match self.suites.as_slice() {
            [(suite, prefix)] if prefix.is_empty() => suite.id.replace('/', "-"),
            suites => format!("bundle-of-{}", suites.len()),
        }
    }

    /// The bytes of `_redirects`.
    #[must_use]
    pub fn rules(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for (suite, prefix) in &self.suites {
            if suite.needs_upstream() {
                let text = String::from_utf8_lossy(&suite.rules).replace(crate::upstream::PLACEHOLDER, &self.upstream);
                all.extend_from_slice(relocate(&text, prefix).as_bytes());
            } else if prefix.is_empty() {
                all.extend_from_slice(&suite.rules);
            } else {
                all.extend_from_slice(relocate(&String::from_utf8_lossy(&suite.rules), prefix).as_bytes());
            }
            if suite.mark_rules {
                if !all.ends_with(b"\n") {
                    all.push(b'\n');
                }
                all.extend_from_slice(format!("# {}\n", canary(&suite.id, RULES_FILE)).as_bytes());
            }
        }
        all
    }

    /// The text of `netlify.toml`, where a suite has one. Such a suite is alone.
    #[must_use]
    pub fn toml(&self) -> Option<String> {
        let (suite, _) = self.suites.first()?;
        let toml = suite.toml.as_ref()?;
        let mark = if suite.mark_rules { format!("\n# {}\n", canary(&suite.id, TOML_FILE)) } else { String::new() };
        Some(format!("{}{mark}", toml.replace(crate::upstream::PLACEHOLDER, &self.upstream)))
    }

    /// Writes the site: every file, then `_headers`, `_redirects` and `netlify.toml`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        for (suite, prefix) in &self.suites {
            if let Some(own) = &suite.own {
                own.copy_to(&folder.join(prefix.trim_start_matches('/')))?;
            }
            for (path, body) in SiteFiles::of(suite).bodies {
                let file = folder.join(format!("{prefix}{path}").trim_start_matches('/'));
                if let Some(parent) = file.parent() {
                    std::fs::create_dir_all(parent)?;
                }
                let mut file = std::fs::File::create(file)?;
                file.write_all(&body)?;
                // A date of its own for each file, so that a date betrays which file it belongs to.
                file.set_modified(date(&suite.id, &path))?;
            }
        }
        if let Some(headers) = self.headers() {
            std::fs::write(folder.join("_headers"), headers)?;
        }
        std::fs::write(folder.join("_redirects"), self.rules())?;
        self.toml().map_or(Ok(()), |toml| std::fs::write(folder.join(TOML_FILE.trim_start_matches('/')), toml))
    }

    /// The text of `_headers`, if any suite has one.
    #[must_use]
    pub fn headers(&self) -> Option<String> {
        let mut all = None;
        for (suite, prefix) in &self.suites {
            let lines = suite.headers.iter().flat_map(|text| text.lines());
            for line in lines {
                // Only paths begin with a slash.
                let indent = line.len().saturating_sub(line.trim_start().len());
                let (space, text) = line.split_at_checked(indent).unwrap_or_default();
                let moved = if text.starts_with('/') { prefix } else { "" };
                let all: &mut String = all.get_or_insert_default();
                all.extend([space, moved, text, "\n"]);
            }
        }
        all
    }
}

/// Why a suite cannot be moved under a path prefix.
#[must_use]
pub fn immovable(suite: &Suite) -> Option<&str> {
    if let Some(reason) = &suite.standalone {
        return Some(reason);
    }
    if suite.toml.is_some() {
        return Some("its rules stand in `netlify.toml`, of which a site has one");
    }
    if std::str::from_utf8(&suite.rules).is_err() {
        return Some("its rule file is no UTF-8, so its paths cannot be moved");
    }
    None
}

/// The canary of a file: the mark and the first 128 bits of a hash over suite and path, so that a bundle deployed today can be judged tomorrow.
#[must_use]
pub fn canary(suite: &str, path: &str) -> String {
    let digest = Sha256::new()
        .chain_update("gatecheck canary\0")
        .chain_update(suite)
        .chain_update("\0")
        .chain_update(path)
        .finalize();
    let digits: String = digest.iter().take(CANARY_DIGITS / 2).map(|byte| format!("{byte:02x}")).collect();
    format!("{}{digits}", String::from_utf8_lossy(CANARY_MARK))
}

/// A date in the past, derived like the canary.
fn date(suite: &str, path: &str) -> SystemTime {
    let digest = Sha256::new()
        .chain_update("gatecheck date\0")
        .chain_update(suite)
        .chain_update("\0")
        .chain_update(path)
        .finalize();
    let [a, b, c, ..] = digest.0;
    let seconds = u64::from(u32::from_be_bytes([0, a, b, c]));
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000_u64.saturating_add(seconds))
}

fn body(suite: &Suite, path: &str, access: Access, canary: &str, size: Option<usize>, index: usize) -> Vec<u8> {
    let what = match access {
        Access::Protected => "Protected: only a visitor whom the gate admits may see this.",
        Access::Public => "Public.",
    };
    // A gate that reads such a file must find nothing in it but comments.
    let configuration = ["/_headers", "/_redirects", "/netlify.toml", "/.env"].iter().any(|name| path.ends_with(name));
    let comment = if configuration { "# " } else { "" };
    let mut text = if path.ends_with(".html") {
        format!("<!doctype html>\n<meta charset=\"utf-8\">\n<title>{path}</title>\n<p>{canary}</p>\n<p>{what}</p>\n<p>File {path} of the suite {}.</p>\n", suite.id)
    } else {
        format!("{comment}{canary}\n{comment}{what}\n{comment}File {path} of the suite {}.\n{comment}", suite.id)
    }
    .into_bytes();
    // Lengths differ from file to file, so that a length betrays which file it belongs to.
    let wanted =
        size.unwrap_or_else(|| 512_usize.saturating_add(index.saturating_mul(37)).saturating_add(text.len() % 7));
    while text.len() < wanted {
        let line_ends = (!configuration && text.len() % 64 == 63) || text.len().saturating_add(1) == wanted;
        text.push(if line_ends { b'\n' } else { b'.' });
    }
    text.truncate(wanted.max(256));
    text
}

/// Rule text with every path of this site moved under `prefix`: the first field of a line, and the target if it is a path.
fn relocate(rules: &str, prefix: &str) -> String {
    rules.split_inclusive('\n').map(|line| relocate_line(line, prefix)).collect()
}

fn relocate_line(line: &str, prefix: &str) -> String {
    let mut out = String::new();
    let mut fields = 0_usize;
    let mut target_seen = false;
    let mut commented = false;
    for piece in line.split_inclusive([' ', '\t', '\r', '\n']) {
        let word = piece.trim_end_matches([' ', '\t', '\r', '\n']);
        let word_start = word.trim_start_matches('\u{feff}');
        if word.is_empty() || commented {
            out.push_str(piece);
            continue;
        }
        if word_start.starts_with('#') {
            commented = true;
            out.push_str(piece);
            continue;
        }
        fields = fields.saturating_add(1);
        let moves = (fields == 1) || (!target_seen && word.starts_with('/') && !word.starts_with("//"));
        let absolute_source = fields == 1 && word.contains("://");
        if fields > 1 && (word.starts_with('/') || word.starts_with("http://") || word.starts_with("https://")) {
            target_seen = true;
        }
        if absolute_source {
            out.push_str(&relocate_url(piece, prefix));
        } else if moves && word_start.starts_with('/') {
            out.push_str(&piece.replacen('/', &format!("{prefix}/"), 1));
        } else {
            out.push_str(piece);
        }
    }
    out
}

fn relocate_url(url: &str, prefix: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.split_once('/') {
        Some((host, path)) => format!("{scheme}://{host}{prefix}/{path}"),
        None => url.to_owned(),
    }
}

/// The path of the file by which a deployed bundle says which one it is.
pub const MARKER_FILE: &str = "/gatecheck-bundle.txt";

impl Manifest {
    /// The first line of the file by which a deployed bundle says which one it is.
    pub const MARKER: &'static str = "gatecheck bundle\n";

    /// The text of that file: the corpus, and the manifest itself, as digests.
    #[must_use]
    pub fn marker(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}corpus {}\nmanifest {digest}\n", Self::MARKER, self.corpus_digest)
    }
}

/// What `gatecheck bundle` writes beside the site of each bundle.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// The corpus that the bundle was made from.
    pub corpus_digest: String,
    /// The secret that the gate has to be given.
    pub secret: String,
    /// The role path that the gate has to be given.
    pub role_path: String,
    /// The public key as PEM text that the gate has to be given in the place of the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// The JWKS document that the gate has to be given in the place of the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<serde_json::Value>,
    /// The algorithms that the public keys may serve; all that they say where it is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithms: Vec<String>,
    /// What `aud` has to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// What `iss` has to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Suite id to path prefix.
    pub suites: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_move_under_a_prefix() {
        for (line, moved) in [
            ("/a/* /b/:splat 200! Role=admin\n", "/p/a/* /p/b/:splat 200! Role=admin\n"),
            ("/a/* 200! Role=admin", "/p/a/* 200! Role=admin"),
            ("/a id=:id /b/:id 301 # /c", "/p/a id=:id /p/b/:id 301 # /c"),
            ("/a https://x.example/b 302\n", "/p/a https://x.example/b 302\n"),
            ("https://x.example/a /b 302\n", "https://x.example/p/a /p/b 302\n"),
            ("# /a /b\n", "# /a /b\n"),
            ("\u{feff}/a /b\r\n", "\u{feff}/p/a /p/b\r\n"),
        ] {
            assert_eq!(relocate(line, "/p"), moved);
        }
    }

    #[test]
    fn canaries_differ() {
        assert_ne!(canary("a", "/x"), canary("a", "/y"));
        assert_ne!(canary("a", "/x"), canary("b", "/x"));
        assert_eq!(canary("a", "/x").len(), CANARY_MARK.len() + CANARY_DIGITS);
    }
}
