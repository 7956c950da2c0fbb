//! How a site is built, so that it is known what has to copy a rule file into the published folder.

use std::fs;
use std::path::{Path, PathBuf};

use rolegate::span::RuleFile;

use super::is_same;

/// A generator of sites, by the file that it is known by, without what follows the first dot in the name, and what makes it copy a file
/// that is called so.
const GENERATORS: [(&str, &str); 14] = [
    ("_config", "Jekyll copies it by `include: [NAME]` in `_config.yml`"),
    (".eleventy", "Eleventy copies it by `eleventyConfig.addPassthroughCopy(\"NAME\")`"),
    ("eleventy", "Eleventy copies it by `eleventyConfig.addPassthroughCopy(\"NAME\")`"),
    ("hugo", "Hugo copies what lies in `static/`"),
    ("gatsby-config", "Gatsby copies what lies in `static/`"),
    ("svelte", "SvelteKit copies what lies in `static/`"),
    ("docusaurus", "Docusaurus copies what lies in `static/`"),
    ("astro", "Astro copies what lies in `public/`"),
    ("next", "Next.js copies what lies in `public/`"),
    ("nuxt", "Nuxt copies what lies in `public/`"),
    ("vite", "Vite copies what lies in `public/`"),
    ("angular", "Angular copies what stands under `assets` in `angular.json`"),
    ("mkdocs", "MkDocs copies what lies in `docs/`"),
    ("package", "most builds copy what lies in `public/` or `static/`"),
];

/// What follows the name of such a file.
const ENDS: [&str; 10] =
    [".yml", ".yaml", ".toml", ".json", ".js", ".config.js", ".config.mjs", ".config.cjs", ".config.ts", ".config.mts"];

/// The commands that build a site, and the folders in which they may run.
#[derive(Debug, Default)]
pub(super) struct Build {
    pub(super) commands: Vec<String>,
    pub(super) folders: Vec<PathBuf>,
}

impl Build {
    /// Whether a command names the file at `path`, which it then copies.
    pub(super) fn names(&self, path: &Path) -> bool {
        let words = self.commands.iter().flat_map(|command| {
            command.split(|c: char| c.is_whitespace() || matches!(c, ';' | '&' | '|' | '"' | '\'' | '(' | ')'))
        });
        let mut words = words.filter(|word| !word.is_empty() && !word.starts_with('/'));
        words.any(|word| self.folders.iter().any(|folder| is_same(&folder.join(word), path)))
    }

    /// What to do about a rule file that is not in the published folder, where it would be at `own`.
    pub(super) fn help(&self, file: RuleFile, own: &Path) -> String {
        let generator = self.folders.iter().find_map(|folder| generator(folder));
        if self.commands.is_empty() && generator.is_none() {
            return format!("put its lines into `{}`; what builds that folder has to copy them there", own.display());
        }
        let generator = generator.map(|how| how.replace("NAME", file.name()) + "; ").unwrap_or_default();
        let command = match own.parent().and_then(Path::file_name) {
            Some(published) => format!("`cp {} {}/`", file.name(), published.display()),
            None => "what copies it".to_owned(),
        };
        format!(
            "a build writes `{}` anew, so it has to copy this file there: {generator}any other does with {command} at the end of its command; \
             then build again",
            own.display()
        )
    }
}

/// What makes the generator copy a file whose configuration lies in `folder`.
fn generator(folder: &Path) -> Option<&'static str> {
    let is_there = |name: &str| ENDS.iter().any(|end| folder.join(format!("{name}{end}")).is_file());
    GENERATORS.iter().find(|(name, _)| is_there(name)).map(|(_, how)| *how)
}

/// LAYOUT-3: a folder with pages in the root of a project that says nowhere what is published, for which no rule file of the root is in
/// force if it is that one.
pub(super) fn may_be_published(root: &Path, published: &[&str]) -> Option<PathBuf> {
    let has_page = |folder: &Path| folder.join("index.html").is_file();
    let has_rules = |folder: &Path| fs::symlink_metadata(folder.join(RuleFile::Redirects.name())).is_ok();
    if !has_rules(root) || (has_page(root) && generator(root).is_none()) {
        return None;
    }
    published.iter().map(|name| root.join(name)).find(|folder| has_page(folder) && !has_rules(folder))
}
