//! The files that the rules of a site come from, with what is wrong with them.

use std::path::{Path, PathBuf};

use crate::config::LoadError;
use crate::disk::{self, MOST_RULES};
use crate::headers::{HeaderRules, ParsedHeaders};
use crate::lint::lint_first;
use crate::problem::{Problem, Severity};
use crate::rules::{Parsed, RuleSet};
use crate::site::Site;
use crate::span::RuleFile;

/// The rule files of a site, as they were when they were read.
#[derive(Debug)]
pub struct Source {
    /// `_redirects`
    pub redirects: SourceFile,
    /// `netlify.toml`
    pub toml: SourceFile,
    /// `_headers`
    pub headers: SourceFile,
    /// What is wrong with them, in the order of files and lines.
    pub problems: Vec<Problem>,
}

/// One rule file.
#[derive(Debug)]
pub struct SourceFile {
    /// Where it is looked for.
    pub path: PathBuf,
    /// What it holds; `None` where there is none.
    pub bytes: Option<Vec<u8>>,
}

impl Source {
    /// Reads the rules of a site from its `_redirects`, its header fields from its `_headers`, and both from `toml` or the
    /// `netlify.toml` in its folder; a site without these has none.
    ///
    /// # Errors
    /// Where `folder` is none, a file is there and cannot be read, or `toml` is named and not there.
    pub fn read(folder: &Path, toml: Option<&Path>) -> Result<(RuleSet, HeaderRules, Source), LoadError> {
        if !folder.is_dir() {
            return Err(LoadError::NoFolder(folder.to_owned()));
        }
        let redirects = SourceFile::read(folder, RuleFile::Redirects)?;
        let toml = match toml {
            Some(path) => SourceFile::named(path)?,
            None => SourceFile::read(folder, RuleFile::Toml)?,
        };
        let headers = SourceFile::read(folder, RuleFile::Headers)?;
        // TOML-2
        let Parsed { rules, mut problems, .. } = RuleSet::read(redirects.bytes(), toml.bytes());
        // HEADERS-8
        let ParsedHeaders { rules: fields, problems: with_fields } = HeaderRules::read(headers.bytes(), toml.bytes());
        problems.extend(with_fields);
        problems.sort_by_key(|problem| problem.span);
        Ok((rules, fields, Source { redirects, toml, headers, problems }))
    }

    /// Adds what is odd about the rules as a list, and before the files of the site.
    pub fn lint(&mut self, rules: &RuleSet, site: &impl Site) {
        self.lint_first(rules, site, usize::MAX);
    }

    /// The same for no more than the first `most` rules, where somebody waits who did not ask for it.
    pub fn lint_first(&mut self, rules: &RuleSet, site: &impl Site, most: usize) {
        self.problems.extend(lint_first(rules, site, most));
        self.problems.sort_by_key(|problem| problem.span);
    }

    /// A file, by which of them it is.
    pub fn file(&self, file: RuleFile) -> &SourceFile {
        match file {
            RuleFile::Redirects => &self.redirects,
            RuleFile::Toml => &self.toml,
            RuleFile::Headers => &self.headers,
        }
    }

    /// A file as messages name it.
    pub fn name(&self, file: RuleFile) -> String {
        self.file(file).path.display().to_string()
    }

    /// One problem as a person reads it, with colours that a terminal understands.
    pub fn render(&self, problem: &Problem) -> String {
        let file = problem.span.file;
        problem.render(&self.name(file), self.file(file).bytes(), true)
    }

    /// The first problem with which no gate starts (RULES-9, HEADERS-6).
    pub fn refusal(&self) -> Option<&Problem> {
        self.problems.iter().find(|problem| problem.refuses_to_start)
    }

    /// How many problems `check --fix` can put right.
    pub fn fixable(&self) -> usize {
        self.problems.iter().filter(|problem| problem.fix.is_some()).count()
    }

    /// How many problems of one severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }
}

impl SourceFile {
    /// The file in the site's folder, which may be absent. RULES-15: a link counts where it leads to a file of the folder.
    fn read(folder: &Path, file: RuleFile) -> Result<SourceFile, LoadError> {
        let path = folder.join(file.name());
        match disk::read_inside(folder, file.name(), MOST_RULES) {
            Ok(bytes) => Ok(SourceFile { path, bytes }),
            Err(error) => Err(LoadError::File { path, error }),
        }
    }

    /// The file that the operator names, which lies anywhere.
    fn named(path: &Path) -> Result<SourceFile, LoadError> {
        match disk::read(path, MOST_RULES) {
            Ok(bytes) => Ok(SourceFile { path: path.to_owned(), bytes: Some(bytes) }),
            Err(error) => Err(LoadError::File { path: path.to_owned(), error }),
        }
    }

    /// What the file holds; nothing where there is none.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }
}
