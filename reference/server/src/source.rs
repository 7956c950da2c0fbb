//! The files that the rules of a site come from, with what is wrong with them.

use std::path::{Path, PathBuf};

use rolegate::problem::{Problem, Severity};
use rolegate::rules::{Parsed, RuleFiles, RuleSet};
use rolegate::span::RuleFile;

use crate::config::LoadError;
use crate::layout::Layout;

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
    /// Where they lie, and what is odd about that.
    pub layout: Layout,
}

/// One rule file.
#[derive(Debug)]
pub struct SourceFile {
    /// Where it is looked for.
    pub path: PathBuf,
    /// What it holds; `None` where there is none.
    pub bytes: Option<Vec<u8>>,
}

fn files<'s>(redirects: &'s SourceFile, toml: &'s SourceFile, headers: &'s SourceFile) -> RuleFiles<'s> {
    RuleFiles { redirects: redirects.bytes(), toml: toml.bytes(), headers: headers.bytes() }
}

impl Source {
    /// Reads the rules of a site from its `_redirects`, its header fields from its `_headers`, and both from `toml` or the
    /// `netlify.toml` of its project; a site without these has none. `folder` is the root of the project, or the folder that
    /// is published (LAYOUT-1).
    ///
    /// # Errors
    /// Where `folder` is none, a file is there and cannot be read, `toml` is named and not there, or two readings of what
    /// `folder` means are possible.
    pub fn read(folder: &Path, toml: Option<&Path>) -> Result<(RuleSet, Source), LoadError> {
        let (mut layout, toml) = Layout::find(folder, toml)?;
        let read = |path: &Path| layout.read(path).map(|bytes| SourceFile { path: path.to_owned(), bytes });
        let (redirects, headers) = (read(&layout.redirects)?, read(&layout.headers)?);
        let toml = SourceFile { path: layout.toml.clone(), bytes: toml };
        let files = files(&redirects, &toml, &headers);
        let Parsed { rules, problems, .. } = RuleSet::read(files);
        // LAYOUT-3: a gate that was meant to be there is worth a word; header fields alone close nothing.
        if rules.rules().is_empty() && problems.is_empty() {
            layout.say_that_there_are_no_rules();
        }
        Ok((rules, Source { redirects, toml, headers, problems, layout }))
    }

    /// Adds further problems, such as what is odd about the rules as a list, in the order of files and lines.
    pub fn add(&mut self, problems: Vec<Problem>) {
        self.problems.extend(problems);
        self.problems.sort_by_key(|problem| problem.span);
    }

    /// What the files hold.
    pub fn files(&self) -> RuleFiles<'_> {
        files(&self.redirects, &self.toml, &self.headers)
    }

    /// A file, by which of them it is.
    pub fn file(&self, file: RuleFile) -> &SourceFile {
        match file {
            RuleFile::Redirects => &self.redirects,
            RuleFile::Toml => &self.toml,
            RuleFile::Headers => &self.headers,
        }
    }

    /// The rule files that there are.
    pub fn there(&self) -> impl Iterator<Item = &SourceFile> {
        [&self.redirects, &self.toml, &self.headers].into_iter().filter(|file| file.bytes.is_some())
    }

    /// Whether one of them lies outside the published folder, so that it is worth a word where that is (LAYOUT-1).
    pub fn is_spread(&self) -> bool {
        self.there().any(|file| file.path.parent() != Some(&self.layout.published))
    }

    /// A file as messages name it.
    pub fn name(&self, file: RuleFile) -> String {
        self.file(file).path.display().to_string()
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
    /// What the file holds; nothing where there is none.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_deref().unwrap_or_default()
    }
}
