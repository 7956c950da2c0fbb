//! A site that is not the corpus' own: a user's files, which bear no canaries. What tells that one of them came back is taken from the files themselves.

mod answered;
mod built;
mod found_out;
mod jar;
pub mod marks;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::answered::cached;
pub use self::built::is_alike;
pub use self::found_out::{FoundOut, bear_the_same};
pub use self::jar::Jar;
use self::marks::Marks;

/// The site of a user: its files, what tells them, and who may have which of them.
#[derive(Debug)]
pub struct OwnSite {
    /// The folder that is published. A gate that is started here is given a copy of it.
    pub folder: PathBuf,
    /// What tells the files that somebody may not have.
    pub marks: Marks,
    /// The files that a visitor may have, by the recipe of the token.
    pub may_have: BTreeMap<String, Arc<BTreeSet<String>>>,
    /// Tokens that no recipe makes.
    pub tokens: Arc<dyn Tokens>,
    /// Whether what is served is byte for byte what lies in the folder, as far as was seen.
    pub is_alike: bool,
    /// Recipes of tokens that open none of the closed files, or few: what is said to their bearers is no content of a closed file.
    pub strangers: Vec<String>,
    /// A path that everybody may have.
    pub open: String,
    /// Paths behind gates at which no file lies.
    pub nothing: Vec<String>,
    /// What is found out while it is asked.
    pub found_out: FoundOut,
    /// By the id of a case: the stage in which it is asked. A seed draws the order within a stage, so that what is asked first says most.
    pub stages: BTreeMap<String, usize>,
    /// The cases whose request bears the cookies that the site sets with the answers just before it.
    pub keeps_cookies: BTreeSet<String>,
}

/// Tokens that somebody else makes.
pub trait Tokens: fmt::Debug + Send + Sync {
    /// The token behind this recipe name; `None` where the recipe says how it is made.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    fn token(&self, recipe: &str) -> Option<Result<Vec<u8>, String>>;
}

/// No such tokens.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTokens;

impl Tokens for NoTokens {
    fn token(&self, _recipe: &str) -> Option<Result<Vec<u8>, String>> {
        None
    }
}

impl OwnSite {
    /// Writes a copy of the published folder. Rule files are left out: the deployment writes them.
    ///
    /// # Errors
    /// What the file system says.
    pub fn copy_to(&self, folder: &Path) -> std::io::Result<()> {
        copy(&self.folder, folder, true)
    }

    /// Whether the bytes are the file, as it lies here or as it was learned to be.
    #[must_use]
    pub fn is_told(&self, file: &str, body: &[u8]) -> bool {
        self.marks.is_whole(file, body) || self.marks.shows(file, body) || self.marks.shows_learned(file, body)
    }

    /// Takes marks from what an admitted visitor got in the place of this file, and nobody of those who got `others`. Whether there are any.
    pub fn learn(&self, file: &str, body: &[u8], others: Vec<Vec<u8>>) -> bool {
        let public = self.marks.public().take(PUBLIC).filter_map(|name| self.content(name));
        self.marks.learn(file, body, others.into_iter().chain(public))
    }

    /// A file as it lies here.
    fn content(&self, file: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.join(file.trim_start_matches('/'))).ok()
    }

    /// Why an answer does not show the file, if it does not. A page that is not built as the local one cannot be told by its bytes, so only what is plainly
    /// another file counts against it.
    #[must_use]
    pub fn not_shown(&self, file: &str, body: &[u8]) -> Option<String> {
        if self.marks.is_whole(file, body) || self.marks.shows(file, body) {
            return None;
        }
        if let Some(other) = self.marks.other_than(file, body) {
            return Some(other.to_owned());
        }
        if self.marks.shows_learned(file, body) {
            return None;
        }
        // A public page may greet whoever is signed in.
        let is_built_otherwise =
            || !self.marks.is_closed(file) && self.content(file).is_some_and(|here| is_alike(&here, body));
        (self.is_alike && self.marks.knows(file) && !is_built_otherwise())
            .then(|| format!("a body of {} bytes that is not its content", body.len()))
    }
}

/// No more public files than this are looked through for what was learned of a closed one.
const PUBLIC: usize = 2000;

/// Names at the root that the deployment writes itself.
const WRITTEN: [&str; 3] = ["_redirects", "_headers", "netlify.toml"];

fn copy(from: &Path, to: &Path, is_root: bool) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let name_text = name.to_string_lossy();
        // Folders of tools, such as `.git`, are no part of a site.
        if (is_root && WRITTEN.contains(&&*name_text)) || (kind.is_dir() && name_text.starts_with('.')) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(&name));
        if kind.is_dir() {
            copy(&source, &target, false)?;
        } else if kind.is_file() {
            std::fs::copy(&source, &target)?;
        } else if kind.is_symlink() {
            #[cfg(unix)]
            std::os::unix::fs::symlink(std::fs::read_link(&source)?, &target)?;
        }
    }
    Ok(())
}

/// The text of a `netlify.toml` for a copy of the published folder: it names no folder any more, since the copy is that folder.
#[must_use]
pub fn toml_without_publish(text: &str) -> String {
    let names_a_folder = |line: &str| {
        let key = line.split('=').next().unwrap_or_default().trim();
        line.contains('=') && matches!(key.rsplit('.').next(), Some("publish" | "base" | "\"publish\"" | "\"base\""))
    };
    let lines =
        text.split_inclusive('\n').map(|line| if names_a_folder(line) { format!("# {line}") } else { line.to_owned() });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_names_no_folder() {
        let text = "[build]\npublish = \"dist\"\n  base=\"web\"\n[[redirects]]\nfrom = \"/publish\"\n[context.x]\nbuild.publish = 'y'\n";
        let copy = "[build]\n# publish = \"dist\"\n#   base=\"web\"\n[[redirects]]\nfrom = \"/publish\"\n[context.x]\n# build.publish = 'y'\n";
        assert_eq!(toml_without_publish(text), copy);
    }
}
