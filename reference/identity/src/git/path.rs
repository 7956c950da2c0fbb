//! Which paths an author may write: canonical ones inside the content folders, and none that decides who gets in.
//!
//! A name passes through many readers: git, file systems that fold case or drop characters, servers that decode once
//! more. A path is accepted only if all of them read the same from it, so that what is inside a content folder for one is
//! inside for every other.

use std::fmt;

use rolegate::near::near;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The longest path, in bytes.
const LONGEST_PATH: usize = 1024;
/// The longest name of a file or folder, in bytes.
const LONGEST_NAME: usize = 255;

/// Names that decide who gets in or what runs, as a file or as a folder, wherever they lie: a build may publish any folder.
const GATE_NAMES: [&str; 7] =
    ["_redirects", "_headers", "netlify.toml", "netlify", "functions", "edge-functions", "admin"];

/// Names that are devices on Windows, whatever their ending; `com1` and `lpt1` and their like are too.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Characters with a meaning of their own for a shell, a URL or a file system.
const RESERVED: [char; 10] = ['\\', '/', ':', '*', '?', '"', '<', '>', '|', '%'];

/// A path in a tree of git that every reader reads alike: names with a slash between them, in Unicode's form NFC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(String);

/// Why a path is not written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// It is empty, absolute, has an empty name, or a name that starts with a dot.
    #[error("`{0}` is no path of a file: write names with one slash between them, none of which starts with a dot")]
    Shape(String),
    /// It holds a character that readers take differently.
    #[error("`{path}` holds {character}, which readers of file names take differently; leave it out")]
    Character {
        /// The path.
        path: String,
        /// The character, for a person.
        character: String,
    },
    /// It is not in Unicode's form NFC, so that it looks like another name.
    #[error("`{0}` is not in Unicode's form NFC; write its accents as one character with their letter")]
    NotComposed(String),
    /// It ends or starts a name with a space or a dot, or a name is a short one or a device of Windows.
    #[error(
        "`{0}` has a name that some systems read as another; no name may end with a dot or a space, hold `~1`, or be a device such as `con`"
    )]
    Shortened(String),
    /// It is too long.
    #[error("a path of {0} bytes is too long: {LONGEST_PATH} at most, {LONGEST_NAME} for a name")]
    Long(usize),
    /// It lies outside of the content folders.
    #[error("`{path}` lies outside of the content folders ({folders}); the operator names others with --git-content")]
    Outside {
        /// The path.
        path: String,
        /// The content folders, for a person.
        folders: String,
    },
    /// It lies inside, and decides who gets in or what runs.
    #[error("`{path}` decides who gets in or what runs (`{name}`); the operator allows it with --git-allow-gate-file")]
    Gate {
        /// The path.
        path: String,
        /// The name in it that does so.
        name: String,
    },
}

/// Why an option of the operator's cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WritableError {
    /// A content folder cannot be one.
    #[error("--git-content: {0}")]
    Content(PathError),
    /// A file that decides cannot be one.
    #[error("--git-allow-gate-file: {0}")]
    Allowed(PathError),
    /// A file that is allowed although it decides does not.
    #[error("--git-allow-gate-file: `{0}` decides nothing; name it with --git-content")]
    NoGate(TreePath),
}

impl TreePath {
    /// Reads a path.
    ///
    /// # Errors
    /// Where any reader could take it for another one.
    pub fn parse(text: &str) -> Result<TreePath, PathError> {
        if text.len() > LONGEST_PATH || text.split('/').any(|name| name.len() > LONGEST_NAME) {
            return Err(PathError::Long(text.len()));
        }
        for name in text.split('/') {
            name_is_plain(text, name)?;
        }
        Ok(TreePath(text.to_owned()))
    }

    /// The path as git has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that holds it and its name there; the folder is empty at the root.
    pub fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    /// Each folder on the way to it, from the root on, with the name that is looked up in it.
    pub fn steps(&self) -> impl Iterator<Item = (&str, &str)> {
        let ends = self.0.match_indices('/').map(|(end, _)| end).chain([self.0.len()]);
        ends.filter_map(|end| {
            let path = self.0.get(..end)?;
            Some(path.rsplit_once('/').unwrap_or(("", path)))
        })
    }

    fn lies_in(&self, folder: &TreePath) -> bool {
        self.0.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn gate_name(&self) -> Option<&str> {
        self.0.split('/').find(|name| GATE_NAMES.contains(&skeleton(name).as_str()))
    }

    /// The name in it that decides who gets in or what runs, or keeps a gate from starting.
    fn deciding_name(&self) -> Option<&str> {
        self.gate_name().or_else(|| self.nearly_a_rule_file())
    }

    /// LAYOUT-3: a gate does not start beside a file with nearly the name of a rule file that holds gates, in the root or in a folder
    /// that may be published or copied.
    fn nearly_a_rule_file(&self) -> Option<&str> {
        let (folder, name) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        (!folder.contains('/') && near(&skeleton(name)).is_some()).then_some(name)
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn name_is_plain(path: &str, name: &str) -> Result<(), PathError> {
    if name.is_empty() || name.starts_with('.') {
        return Err(PathError::Shape(path.to_owned()));
    }
    if let Some(character) = name.chars().find(|character| is_odd(*character)) {
        return Err(PathError::Character {
            path: path.to_owned(),
            character: format!("`{}`", character.escape_default()),
        });
    }
    if !name.nfc().eq(name.chars()) {
        return Err(PathError::NotComposed(path.to_owned()));
    }
    // What a reader sees that goes by compatibility: `／` is a slash to it and `․` a dot.
    let seen = skeleton(name);
    if seen.starts_with('.') {
        return Err(PathError::Shape(path.to_owned()));
    }
    if let Some(character) = seen.chars().find(|character| is_odd(*character)) {
        return Err(PathError::Character { path: path.to_owned(), character: format!("what reads as `{character}`") });
    }
    let stem = seen.split('.').next().unwrap_or_default().trim_end();
    let numbered = |device: &str| stem.strip_prefix(device).is_some_and(|rest| rest.chars().count() == 1);
    if DEVICES.contains(&stem) || ["com", "lpt"].into_iter().any(numbered) {
        return Err(PathError::Shortened(path.to_owned()));
    }
    let is_short_name = |(at, _): (usize, &str)| {
        seen.get(at..).is_some_and(|rest| rest.chars().nth(1).is_some_and(|next| next.is_numeric()))
    };
    if seen.is_empty()
        || seen.starts_with(' ')
        || seen.ends_with([' ', '.'])
        || seen.match_indices('~').any(is_short_name)
    {
        return Err(PathError::Shortened(path.to_owned()));
    }
    Ok(())
}

/// Whether a reader drops this character, or does something with it.
fn is_odd(character: char) -> bool {
    character.is_control() || RESERVED.contains(&character) || is_unseen(character)
}

/// Characters that are not seen, are nobody's, or separate lines. HFS+ drops most of them from names.
fn is_unseen(character: char) -> bool {
    matches!(
        u32::from(character),
        0xAD | 0x34F
            | 0x61C
            | 0x115F..=0x1160
            | 0x17B4..=0x17B5
            | 0x180B..=0x180F
            | 0x200B..=0x200F
            | 0x2028..=0x202E
            | 0x2060..=0x206F
            | 0x3164
            | 0xE000..=0xF8FF
            | 0xFDD0..=0xFDEF
            | 0xFE00..=0xFE0F
            | 0xFEFF
            | 0xFFA0
            | 0xFFF0..=0xFFFF
            | 0x1BCA0..=0x1BCA3
            | 0x1D173..=0x1D17A
            | 0xE0000..=0x10FFFF
    ) || u32::from(character) & 0xFFFE == 0xFFFE
}

/// A name without case and without differences of compatibility: two that are equal so may be one file somewhere.
pub fn folded(name: &str) -> String {
    name.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect()
}

/// The same without accents and what is not seen: what a name can be taken for.
fn skeleton(name: &str) -> String {
    let letters = |text: &str| -> String { text.nfkd().filter(|c| !is_combining_mark(*c) && !is_unseen(*c)).collect() };
    letters(&folded(&letters(name)))
}

/// What an author may write.
#[derive(Clone, Debug)]
pub struct Writable {
    content: Vec<TreePath>,
    allowed: Vec<TreePath>,
}

impl Writable {
    /// `content` are the folders and files that authors may write; `allowed` are files that decide who gets in, or what
    /// runs, and which they may write all the same.
    ///
    /// # Errors
    /// Where a path is not canonical, a content folder is one of those that decide who gets in and is not allowed as well, or
    /// what is allowed decides nothing.
    pub fn new(content: &[String], allowed: &[String]) -> Result<Writable, WritableError> {
        let read = |paths: &[String]| -> Result<Vec<TreePath>, PathError> {
            paths.iter().map(|path| TreePath::parse(path.trim_matches('/'))).collect()
        };
        let content = read(content).map_err(WritableError::Content)?;
        let allowed = read(allowed).map_err(WritableError::Allowed)?;
        for folder in content.iter().filter(|folder| !allowed.contains(folder)) {
            if let Some(name) = folder.gate_name() {
                let gate = PathError::Gate { path: folder.to_string(), name: name.to_owned() };
                return Err(WritableError::Content(gate));
            }
        }
        if let Some(path) = allowed.iter().find(|path| path.deciding_name().is_none()) {
            return Err(WritableError::NoGate(path.clone()));
        }
        Ok(Writable { content, allowed })
    }

    /// The path, if an author may write it.
    ///
    /// # Errors
    /// Says which rule it breaks, and what the operator can do about it.
    pub fn admit(&self, path: &str) -> Result<TreePath, PathError> {
        let path = TreePath::parse(path)?;
        if self.allowed.contains(&path) {
            return Ok(path);
        }
        if !self.content.iter().any(|folder| path.lies_in(folder)) {
            return Err(PathError::Outside { path: path.0, folders: self.folders() });
        }
        match path.deciding_name() {
            Some(name) => Err(PathError::Gate { name: name.to_owned(), path: path.0.clone() }),
            None => Ok(path),
        }
    }

    /// The content folders, for a person.
    pub fn folders(&self) -> String {
        let folders: Vec<String> = self.content.iter().map(|folder| format!("`{folder}`")).collect();
        folders.join(", ")
    }

    /// The files that decide who gets in and may be written all the same.
    pub fn allowed(&self) -> &[TreePath] {
        &self.allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writable() -> Writable {
        let text = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
        Writable::new(&text(&["content", "static/uploads", "about.md"]), &text(&["content/_redirects"])).unwrap()
    }

    #[test]
    fn what_an_author_writes() {
        for path in [
            "content/a.md",
            "content/posts/redirects.md",
            "content/com.md",
            "content/console.md",
            "content/community.md",
            "content/posts/headers/a.md",
            "content/posts/2026-11-29-hello.md",
            "content/größe/été.md",
            "content/हिन्दी.md",
            "content/a b.md",
            "content/a~b.md",
            "content/wait…what.md",
            "content/_redirects",
            "static/uploads/photo (1).jpg",
            "static/uploads/config.yml",
            "about.md",
        ] {
            assert_eq!(writable().admit(path).map(|path| path.to_string()), Ok(path.to_owned()));
        }
    }

    #[test]
    fn what_nobody_writes() {
        for path in [
            "",
            "/",
            "content/",
            "/content/a",
            "content//a",
            "content/./a",
            "content/../a",
            "content/..",
            "../content/a",
            "content/a/../../_redirects",
            "contents/a",
            "Content/a",
            "CONTENT/a",
            "content\\a",
            "content/..\\a",
            "content/.git/config",
            "content/.gitattributes",
            "content/.GIT/x",
            "content/.htaccess",
            "content/a\0b",
            "content/a\nb",
            "content/a\u{7f}",
            "content/a:b",
            "content/%2e%2e/a",
            "content/a?b",
            "content/a.",
            "content/a ",
            "content/ a",
            "content/_redirects.",
            "content/_redirects.md",
            "content/redirects",
            "content/_REDIRECT.html",
            "content/header.md",
            "content/netlify.tml",
            "content/netlify.toml.md",
            "content/con",
            "content/AUX.md",
            "content/posts/nul.a.txt",
            "content/com1.txt",
            "content/lpt\u{b9}.md",
            "content/e\u{301}.md",
            "content/\u{212a}.md",
            "content/\u{ff0e}\u{ff0e}/a",
            "content/\u{2024}git/config",
            "content/a\u{ff0f}b",
            "content/\u{2025}",
            "content/.\u{200c}git/config",
            "content/g\u{200d}it",
            "content/\u{feff}a",
            "content/a\u{202e}b",
            "content/GIT~1/config",
            "content/_REDIR~1",
            "content/NETLIF~1.TOM",
            "content/\u{e000}",
            "content/\u{ffff}",
            "_redirects",
            "netlify.toml",
            "static/a.css",
            ".git/config",
            "about.md/x/../y",
            "content/x/_redirects",
            "content/_Redirects",
            "content/_ReDiReCtS/x",
            "content/_redırects",
            "content/_redİrects",
            "content/netlify.toml",
            "content/NETLIFY.toml",
            "content/ｎetlify.toml",
            "content/_headers",
            "content/netlify/functions/x.js",
            "content/functions/x.js",
            "content/Edge-Functions/x.js",
            "static/uploads/admin/config.yml",
            "static/uploads/Admin/index.html",
            "static/uploads/àdmin/index.html",
        ] {
            assert!(writable().admit(path).is_err(), "{path:?}");
        }
        assert!(writable().admit(&format!("content/{}", "a".repeat(256))).is_err());
        assert!(writable().admit(&format!("content/{}", "a/".repeat(600))).is_err());
    }

    #[test]
    fn a_content_folder_is_no_gate() {
        for folder in ["_redirects", "static/admin", "netlify", "..", ".", "", "a//b", ".github"] {
            assert!(Writable::new(&[folder.to_owned()], &[]).is_err(), "{folder:?}");
        }
        assert!(Writable::new(&["/content/".to_owned()], &[]).is_ok());
    }

    #[test]
    fn what_the_operator_says_twice() {
        let new = |content: &str, allowed: &str| {
            let list = |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
            Writable::new(&list(content), &list(allowed)).map_err(|error| error.to_string())
        };
        let both = new("_redirects", "_redirects").unwrap();
        assert!(both.admit("_redirects").is_ok() && both.admit("_redirects/a").is_err() && both.admit("a").is_err());
        assert!(new("content", "content/header.md").unwrap().admit("content/header.md").is_ok());
        let refused = |content, allowed| new(content, allowed).unwrap_err();
        insta::assert_snapshot!(
            [refused("_redirects", ""), refused("content", "../a"), refused("content", "notes.md")].join("\n"),
            @r"
            --git-content: `_redirects` decides who gets in or what runs (`_redirects`); the operator allows it with --git-allow-gate-file
            --git-allow-gate-file: `../a` is no path of a file: write names with one slash between them, none of which starts with a dot
            --git-allow-gate-file: `notes.md` decides nothing; name it with --git-content
            "
        );
    }

    #[test]
    fn the_words_say_what_to_do() {
        let said = |path: &str| writable().admit(path).unwrap_err().to_string();
        insta::assert_snapshot!(
            ["_redirects", "content/netlify.toml", "content/../a", "content/e\u{301}", "content/a:b", "content/\u{ff0f}",
             "content/GIT~1"].map(said).join("\n"),
            @r"
            `_redirects` lies outside of the content folders (`content`, `static/uploads`, `about.md`); the operator names others with --git-content
            `content/netlify.toml` decides who gets in or what runs (`netlify.toml`); the operator allows it with --git-allow-gate-file
            `content/../a` is no path of a file: write names with one slash between them, none of which starts with a dot
            `content/é` is not in Unicode's form NFC; write its accents as one character with their letter
            `content/a:b` holds `:`, which readers of file names take differently; leave it out
            `content/／` holds what reads as `/`, which readers of file names take differently; leave it out
            `content/GIT~1` has a name that some systems read as another; no name may end with a dot or a space, hold `~1`, or be a device such as `con`
            "
        );
    }

    #[test]
    fn steps_lead_from_the_root_to_the_file() {
        let path = TreePath::parse("a/b/c.md").unwrap();
        assert_eq!(path.steps().collect::<Vec<_>>(), [("", "a"), ("a", "b"), ("a/b", "c.md")]);
        assert_eq!(path.split(), ("a/b", "c.md"));
        assert_eq!(TreePath::parse("a").unwrap().split(), ("", "a"));
    }
}
