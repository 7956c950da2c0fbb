//! What the gateway asks of a repository, in terms of git: objects, trees, commits, refs.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, FixedOffset};

use super::program::{GitError, Program, Run};

/// The name of an object: all hexadecimal digits of it, in lower case. A prefix is none, so that nobody finds by trying
/// what nobody has told them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(String);

impl Oid {
    /// Reads a name of 40 or 64 digits.
    pub fn read(text: &str) -> Option<Oid> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (is_hex && matches!(text.len(), 40 | 64)).then(|| Oid(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As many zeros: git's word for no object.
    pub fn none(&self) -> String {
        "0".repeat(self.0.len())
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The content of a file, or of a symbolic link.
    Blob,
    /// A folder.
    Tree,
    /// A commit.
    Commit,
    /// A tag with a message.
    Tag,
}

/// An object that is there.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its name.
    pub oid: Oid,
    /// What it is.
    pub kind: Kind,
    /// Its size in bytes.
    pub size: u64,
}

/// An entry of a tree.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The mode, such as `100644`.
    pub mode: String,
    /// `blob`, `tree`, or `commit` for a submodule.
    pub kind: String,
    /// The object.
    pub oid: Oid,
    /// The size of a blob, in bytes.
    pub size: Option<u64>,
    /// The path from the tree on.
    pub path: Vec<u8>,
}

/// Who wrote something, and when.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// The time.
    pub date: Option<DateTime<FixedOffset>>,
}

/// A commit.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its name.
    pub oid: Oid,
    /// What the files were.
    pub tree: Oid,
    /// The commits before it.
    pub parents: Vec<Oid>,
    /// Who wrote it.
    pub author: Signature,
    /// Who put it there.
    pub committer: Signature,
    /// What was said, without the line end after it.
    pub message: String,
}

/// What differs in one path between two trees.
#[derive(Clone, Debug)]
pub struct Change {
    /// `A`, `M`, `D`, `R` or `T`, as git says it.
    pub status: char,
    /// The mode before; zeros for none.
    pub old_mode: String,
    /// The mode after; zeros for none.
    pub new_mode: String,
    /// The object before; zeros for none.
    pub old: String,
    /// The object after; zeros for none.
    pub new: String,
    /// The path before, of what was renamed.
    pub previous: Option<Vec<u8>>,
    /// The path.
    pub path: Vec<u8>,
}

/// A repository on this machine's disk.
#[derive(Debug)]
pub struct Repository {
    git: Program,
    /// The folder of objects and refs.
    pub git_dir: PathBuf,
    /// The folder in it that is the gateway's own.
    pub own_dir: PathBuf,
    indexes: AtomicU64,
}

impl Repository {
    /// Finds the repository at `path`: a bare one, or a work tree.
    ///
    /// # Errors
    /// Where there is none, or git cannot be run.
    pub fn open(program: PathBuf, path: &Path) -> Result<Repository, GitError> {
        let mut git = Program::new(program);
        let version = git.line(Run::new(&["version"]))?;
        if !is_recent(&version) {
            return Err(GitError::Old(version));
        }
        let find = Run::new(&["rev-parse", "--path-format=absolute", "--git-common-dir"]).within(path);
        let git_dir = PathBuf::from(git.line(find)?);
        git.git_dir = Some(git_dir.clone());
        let own_dir = git_dir.join("rolegate");
        fs::create_dir_all(&own_dir).map_err(GitError::file(&own_dir))?;
        Ok(Repository { git, git_dir, own_dir, indexes: AtomicU64::new(0) })
    }

    /// Git, for what is asked elsewhere.
    pub fn git(&self) -> &Program {
        &self.git
    }

    /// The branch that HEAD names; `None` if it names a commit.
    ///
    /// # Errors
    /// Where git fails.
    pub fn head(&self) -> Result<Option<String>, GitError> {
        let ended = self.git.run(Run::new(&["symbolic-ref", "--quiet", "HEAD"]))?;
        let name = String::from_utf8_lossy(&ended.answer).trim().to_owned();
        Ok(name.strip_prefix("refs/heads/").map(str::to_owned).filter(|_| ended.status == 0))
    }

    /// The commit that a ref is at.
    ///
    /// # Errors
    /// Where git fails.
    pub fn tip(&self, full: &str) -> Result<Option<Oid>, GitError> {
        let ended = self.git.run(Run::new(&["show-ref", "--verify", "--hash", "--", full]))?;
        Ok(Oid::read(String::from_utf8_lossy(&ended.answer).trim()).filter(|_| ended.status == 0))
    }

    /// The branches below a prefix that ends with a slash, by their refs.
    ///
    /// # Errors
    /// Where git fails.
    pub fn tips(&self, prefix: &str) -> Result<BTreeMap<String, Oid>, GitError> {
        self.refs(Run::new(&["for-each-ref", "--format=%(objectname) %(refname)"]).and(prefix))
    }

    /// The same, of those that lie wholly in a commit.
    ///
    /// # Errors
    /// Where git fails.
    pub fn tips_within(&self, prefix: &str, commit: &Oid) -> Result<BTreeMap<String, Oid>, GitError> {
        let merged = format!("--merged={commit}");
        self.refs(Run::new(&["for-each-ref", "--format=%(objectname) %(refname)", &merged]).and(prefix))
    }

    fn refs(&self, run: Run<'_>) -> Result<BTreeMap<String, Oid>, GitError> {
        let answer = self.git.answer(run)?;
        let text = String::from_utf8_lossy(&answer);
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs.filter_map(|(oid, name)| Some((name.to_owned(), Oid::read(oid)?))).collect())
    }

    /// The objects of these names; `None` for each that is not there. A name may be `COMMIT:PATH` and `COMMIT^{tree}`.
    ///
    /// # Errors
    /// Where git fails.
    pub fn objects(&self, names: &[String]) -> Result<Vec<Option<Object>>, GitError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let input: String = names.iter().map(|name| format!("{name}\n")).collect();
        let answer = self.git.answer(Run::new(&["cat-file", "--batch-check"]).reading(input.as_bytes()))?;
        let text = String::from_utf8_lossy(&answer);
        let objects: Vec<_> = text.lines().map(object).collect();
        if objects.len() == names.len() { Ok(objects) } else { Err(GitError::Unreadable("cat-file")) }
    }

    /// One of them.
    ///
    /// # Errors
    /// As [`Repository::objects`].
    pub fn object(&self, name: String) -> Result<Option<Object>, GitError> {
        Ok(self.objects(&[name])?.pop().flatten())
    }

    /// The object of this name and kind.
    ///
    /// # Errors
    /// As [`Repository::objects`].
    pub fn has(&self, oid: &Oid, kind: Kind) -> Result<bool, GitError> {
        Ok(self.object(oid.to_string())?.is_some_and(|object| object.kind == kind))
    }

    /// The entries of a tree, of all trees in it too if it is `recursive`.
    ///
    /// # Errors
    /// Where git fails.
    pub fn entries(&self, tree: &str, recursive: bool) -> Result<Vec<Entry>, GitError> {
        let depth: &[&str] = if recursive { &["-r", "-t"] } else { &[] };
        let run = Run::new(&[&["ls-tree", "-z", "-l", "--full-tree"], depth].concat()).and(tree);
        let answer = self.git.answer(run)?;
        let records = answer.split(|byte| *byte == 0).filter(|record| !record.is_empty());
        records.map(|record| entry(record).ok_or(GitError::Unreadable("ls-tree"))).collect()
    }

    /// The content of a blob.
    ///
    /// # Errors
    /// Where git fails.
    pub fn blob(&self, oid: &Oid, most: usize) -> Result<Vec<u8>, GitError> {
        self.git.answer(Run::new(&["cat-file", "blob", oid.as_str()]).at_most(most))
    }

    /// Stores the content of a file as it is.
    ///
    /// # Errors
    /// Where git fails.
    pub fn store(&self, content: &[u8]) -> Result<Oid, GitError> {
        self.oid("hash-object", Run::new(&["hash-object", "-w", "--no-filters", "--stdin"]).reading(content))
    }

    /// These commits, in this order.
    ///
    /// # Errors
    /// Where one is not there, or is no commit.
    pub fn commits(&self, oids: &[Oid]) -> Result<Vec<Commit>, GitError> {
        if oids.is_empty() {
            return Ok(Vec::new());
        }
        let input: String = oids.iter().map(|oid| format!("{oid}\n")).collect();
        let answer = self.git.answer(Run::new(&["cat-file", "--batch"]).reading(input.as_bytes()))?;
        let mut rest = answer.as_slice();
        let mut commits = Vec::with_capacity(oids.len());
        for oid in oids {
            let (read, after) = batched(rest, oid).ok_or(GitError::Unreadable("cat-file"))?;
            commits.push(read);
            rest = after;
        }
        Ok(commits)
    }

    /// One of them; `None` where there is no such commit.
    ///
    /// # Errors
    /// Where git fails.
    pub fn commit(&self, oid: &Oid) -> Result<Option<Commit>, GitError> {
        if !self.has(oid, Kind::Commit)? {
            return Ok(None);
        }
        Ok(self.commits(std::slice::from_ref(oid))?.pop())
    }

    /// The commits that `arguments` of `git rev-list` select.
    ///
    /// # Errors
    /// Where git fails.
    pub fn listed(&self, arguments: &[&str], path: Option<&str>) -> Result<Vec<Oid>, GitError> {
        let run = Run::new(&[&["rev-list"], arguments, &["--"]].concat());
        let run = match path {
            Some(path) => run.and(path),
            None => run,
        };
        let answer = self.git.answer(run)?;
        Ok(String::from_utf8_lossy(&answer).lines().filter_map(Oid::read).collect())
    }

    /// How many commits lie on each side of two that have something in common.
    ///
    /// # Errors
    /// Where git fails.
    pub fn apart(&self, base: &Oid, head: &Oid) -> Result<(u64, u64), GitError> {
        let range = format!("{base}...{head}");
        let line = self.git.line(Run::new(&["rev-list", "--left-right", "--count", &range, "--"]))?;
        let (behind, ahead) = line.split_once('\t').ok_or(GitError::Unreadable("rev-list"))?;
        let number = |text: &str| text.trim().parse().map_err(|_| GitError::Unreadable("rev-list"));
        Ok((number(behind)?, number(ahead)?))
    }

    /// The commit from which both go on; `None` where they have none in common.
    ///
    /// # Errors
    /// Where git fails.
    pub fn fork(&self, one: &Oid, other: &Oid) -> Result<Option<Oid>, GitError> {
        let ended = self.git.run(Run::new(&["merge-base", one.as_str(), other.as_str()]))?;
        match ended.status {
            0 => Ok(String::from_utf8_lossy(&ended.answer).lines().next().and_then(Oid::read)),
            1 => Ok(None),
            _ => Err(GitError::Failed { command: "merge-base".to_owned(), said: ended.said }),
        }
    }

    /// Whether all of `old` is in `new`.
    ///
    /// # Errors
    /// Where git fails.
    pub fn leads_to(&self, old: &Oid, new: &Oid) -> Result<bool, GitError> {
        Ok(self.fork(old, new)?.as_ref() == Some(old))
    }

    /// What differs between two trees, file by file.
    ///
    /// # Errors
    /// Where git fails.
    pub fn changes(&self, old: &Oid, new: &Oid, renames: bool) -> Result<Vec<Change>, GitError> {
        let renames = if renames { "-M50%" } else { "--no-renames" };
        let run = Run::new(&["diff-tree", "-r", "-z", "--raw", "--full-index", "--no-abbrev", renames]);
        let answer = self.git.answer(run.and(old.as_str()).and(new.as_str()))?;
        let mut fields = answer.split(|byte| *byte == 0);
        let mut changes = Vec::new();
        while let Some(head) = fields.next().filter(|head| !head.is_empty()) {
            changes.push(change(head, &mut fields).ok_or(GitError::Unreadable("diff-tree"))?);
        }
        Ok(changes)
    }

    /// A name for an index that nobody else uses. What a kill leaves of it is cleared away when the repository is opened.
    pub fn index(&self) -> PathBuf {
        self.own_dir.join(format!("index-{}", self.indexes.fetch_add(1, Ordering::Relaxed)))
    }

    /// A run that answers with the name of an object.
    ///
    /// # Errors
    /// Where git fails.
    pub fn oid(&self, command: &'static str, run: Run<'_>) -> Result<Oid, GitError> {
        Oid::read(&self.git.line(run)?).ok_or(GitError::Unreadable(command))
    }
}

/// Whether this git can merge without files, which it can since 2.38.
fn is_recent(version: &str) -> bool {
    let numbers = version.trim_start_matches("git version ").split(['.', ' ']);
    let mut numbers = numbers.map_while(|number| number.parse::<u32>().ok());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= (2, 38)
}

fn object(line: &str) -> Option<Object> {
    let mut words = line.split(' ');
    let oid = Oid::read(words.next()?)?;
    let kind = match words.next()? {
        "blob" => Kind::Blob,
        "tree" => Kind::Tree,
        "commit" => Kind::Commit,
        "tag" => Kind::Tag,
        _ => return None,
    };
    Some(Object { oid, kind, size: words.next()?.parse().ok()? })
}

/// `MODE TYPE OID SIZE<TAB>PATH`, with spaces before the size.
fn entry(record: &[u8]) -> Option<Entry> {
    let tab = record.iter().position(|byte| *byte == b'\t')?;
    let head = std::str::from_utf8(record.get(..tab)?).ok()?;
    let mut words = head.split_ascii_whitespace();
    Some(Entry {
        mode: words.next()?.to_owned(),
        kind: words.next()?.to_owned(),
        oid: Oid::read(words.next()?)?,
        size: words.next()?.parse().ok(),
        path: record.get(tab.checked_add(1)?..)?.to_vec(),
    })
}

/// `:OLDMODE NEWMODE OLD NEW STATUS`, then one path or, of what was renamed, two.
fn change<'a>(head: &[u8], paths: &mut impl Iterator<Item = &'a [u8]>) -> Option<Change> {
    let head = std::str::from_utf8(head).ok()?.strip_prefix(':')?;
    let mut words = head.split(' ').map(str::to_owned);
    let (old_mode, new_mode, old, new) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let status = words.next()?.chars().next()?;
    let first = paths.next()?.to_vec();
    let (previous, path) =
        if matches!(status, 'R' | 'C') { (Some(first), paths.next()?.to_vec()) } else { (None, first) };
    Some(Change { status, old_mode, new_mode, old, new, previous, path })
}

/// The first commit of what `cat-file --batch` answered, and what follows it.
fn batched<'a>(answer: &'a [u8], oid: &Oid) -> Option<(Commit, &'a [u8])> {
    let line_end = answer.iter().position(|byte| *byte == b'\n')?;
    let object = object(std::str::from_utf8(answer.get(..line_end)?).ok()?)?;
    let (start, size) = (line_end.checked_add(1)?, usize::try_from(object.size).ok()?);
    let end = start.checked_add(size)?;
    let commit = commit(oid, &String::from_utf8_lossy(answer.get(start..end)?))?;
    (object.kind == Kind::Commit).then_some((commit, answer.get(end.checked_add(1)?..)?))
}

fn commit(oid: &Oid, text: &str) -> Option<Commit> {
    let (head, message) = text.split_once("\n\n").unwrap_or((text, ""));
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let parents = head.lines().filter_map(|line| Oid::read(line.strip_prefix("parent ")?)).collect();
    Some(Commit {
        oid: oid.clone(),
        tree: Oid::read(field("tree")?)?,
        parents,
        author: signature(field("author")?),
        committer: signature(field("committer")?),
        message: message.trim_end_matches('\n').to_owned(),
    })
}

/// `NAME <EMAIL> SECONDS ZONE`.
fn signature(text: &str) -> Signature {
    let (name, rest) = text.split_once('<').unwrap_or((text, ""));
    let (email, when) = rest.rsplit_once('>').unwrap_or((rest, ""));
    let mut words = when.split_ascii_whitespace();
    let seconds = words.next().and_then(|seconds| seconds.parse::<i64>().ok());
    let zone = words.next().and_then(|zone| zone.parse::<FixedOffset>().ok());
    let date = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let zone = zone.or_else(|| FixedOffset::east_opt(0));
    let date = date.zip(zone).map(|(date, zone)| date.with_timezone(&zone));
    Signature { name: name.trim().to_owned(), email: email.to_owned(), date }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_git_is_recent() {
        for version in
            ["git version 2.38.0", "git version 2.47.3", "git version 2.39.5 (Apple Git-154)", "git version 3.0"]
        {
            assert!(is_recent(version), "{version}");
        }
        for version in ["git version 2.37.9", "git version 1.99", "git version", "something"] {
            assert!(!is_recent(version), "{version}");
        }
    }

    #[test]
    fn names_of_objects_are_whole() {
        assert!(Oid::read(&"a".repeat(40)).is_some());
        assert!(Oid::read(&"0".repeat(64)).is_some());
        for text in
            ["", "abc", "--all", "HEAD", "main"].map(str::to_owned).into_iter().chain(["A", "g"].map(|c| c.repeat(40)))
        {
            assert!(Oid::read(&text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_git_writes_of_an_author() {
        let ada = signature("Ada Lovelace <ada@site.example> 1800000000 +0130");
        assert_eq!((ada.name.as_str(), ada.email.as_str()), ("Ada Lovelace", "ada@site.example"));
        assert_eq!(ada.date.map(|date| date.to_rfc3339()).as_deref(), Some("2027-01-15T09:30:00+01:30"));
        assert_eq!(signature("odd").date, None);
        assert_eq!(signature("A <a <b> x").email, "a <b");
    }
}
