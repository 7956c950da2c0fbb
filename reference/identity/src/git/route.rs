//! Which question a request is. Pure.

use percent_encoding::percent_decode_str;

use super::repository::Oid;

/// A question of the CMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /settings`.
    Settings,
    /// `GET branches/BRANCH`.
    Branch(String),
    /// `GET git/trees/REV:PATH`.
    Tree {
        /// A branch or a commit.
        revision: String,
        /// The folder; empty for the root.
        path: String,
    },
    /// `GET git/blobs/SHA`.
    Blob(String),
    /// `GET contents/PATH`.
    Contents(String),
    /// `GET commits`.
    Commits,
    /// `GET commits/REV`.
    Commit(String),
    /// `GET commits/REV/status`.
    CommitStatus(String),
    /// `GET compare/BASE...HEAD`.
    Compare {
        /// What is compared with.
        base: String,
        /// What is looked at.
        head: String,
    },
    /// `GET git/refs/heads/BRANCH`.
    Ref(String),
    /// `POST git/refs`.
    CreateRef,
    /// `PATCH git/refs/heads/BRANCH`.
    MoveRef(String),
    /// `DELETE git/refs/heads/BRANCH`.
    DeleteRef(String),
    /// `POST git/blobs`.
    CreateBlob,
    /// `POST git/trees`.
    CreateTree,
    /// `POST git/commits`.
    CreateCommit,
    /// `GET pulls`.
    Pulls,
    /// `POST pulls`.
    OpenPull,
    /// `GET pulls/N`.
    Pull(u64),
    /// `GET pulls/N/commits`.
    PullCommits(u64),
    /// `PATCH pulls/N`.
    ChangePull(u64),
    /// `PUT pulls/N/merge`.
    Merge(u64),
    /// `PUT issues/N/labels`.
    Labels(u64),
    /// `GET users/LOGIN`.
    User(String),
}

impl Route {
    /// Reads a method and what follows the prefix; `None` for everything that is not there.
    ///
    /// Each name is decoded once, after the path is split, so that a branch `cms/posts/a` may be sent with slashes or
    /// with `%2F`; that is how the CMS sends it, now so and now so.
    pub fn read(method: &str, path: &str) -> Option<Route> {
        let rest = path.strip_prefix('/')?;
        let names: Option<Vec<String>> =
            rest.split('/').map(|name| Some(percent_decode_str(name).decode_utf8().ok()?.into_owned())).collect();
        let names = names?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let method = if method == "HEAD" { "GET" } else { method };
        match (method, names.as_slice()) {
            ("GET", ["settings"]) => Some(Route::Settings),
            (_, ["github", names @ ..]) => Route::of_github(method, names),
            _ => None,
        }
    }

    fn of_github(method: &str, names: &[&str]) -> Option<Route> {
        let joined = |names: &[&str]| Some(names.join("/")).filter(|name| !name.is_empty());
        let number = |text: &str| {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
            text.parse().ok().filter(|_| is_plain)
        };
        match (method, names) {
            ("GET", ["branches", name @ ..]) => joined(name).map(Route::Branch),
            ("GET", ["git", "trees", names @ ..]) => {
                let name = joined(names)?;
                let (revision, path) = name.split_once(':').unwrap_or((&name, ""));
                Some(Route::Tree { revision: revision.to_owned(), path: path.to_owned() })
            }
            ("GET", ["git", "blobs", sha]) => Some(Route::Blob((*sha).to_owned())),
            ("GET", ["git", "ref" | "refs", "heads", name @ ..]) => joined(name).map(Route::Ref),
            ("GET", ["contents", path @ ..]) => Some(Route::Contents(path.join("/"))),
            ("GET", ["commits"]) => Some(Route::Commits),
            ("GET", ["commits", revision @ .., "status"]) => joined(revision).map(Route::CommitStatus),
            ("GET", ["commits", revision @ ..]) => joined(revision).map(Route::Commit),
            ("GET", ["compare", names @ ..]) => {
                let name = joined(names)?;
                let (base, head) = name.split_once("...")?;
                Some(Route::Compare { base: base.to_owned(), head: head.to_owned() })
            }
            ("POST", ["git", "refs"]) => Some(Route::CreateRef),
            ("PATCH", ["git", "refs", "heads", name @ ..]) => joined(name).map(Route::MoveRef),
            ("DELETE", ["git", "refs", "heads", name @ ..]) => joined(name).map(Route::DeleteRef),
            ("POST", ["git", "blobs"]) => Some(Route::CreateBlob),
            ("POST", ["git", "trees"]) => Some(Route::CreateTree),
            ("POST", ["git", "commits"]) => Some(Route::CreateCommit),
            ("GET", ["pulls"]) => Some(Route::Pulls),
            ("POST", ["pulls"]) => Some(Route::OpenPull),
            ("GET", ["pulls", n]) => number(n).map(Route::Pull),
            ("GET", ["pulls", n, "commits"]) => number(n).map(Route::PullCommits),
            ("PATCH", ["pulls", n]) => number(n).map(Route::ChangePull),
            ("PUT", ["pulls", n, "merge"]) => number(n).map(Route::Merge),
            ("PUT", ["issues", n, "labels"]) => number(n).map(Route::Labels),
            ("GET", ["users", login]) => Some(Route::User((*login).to_owned())),
            _ => None,
        }
    }
}

/// What a parameter of a query says; the first one counts.
pub fn parameter(query: &str, name: &str) -> Option<String> {
    let pair = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (_, value) = pair.into_iter().find(|(key, _)| *key == name)?;
    Some(percent_decode_str(&value.replace('+', " ")).decode_utf8().ok()?.into_owned())
}

/// A revision that a request names: a branch, perhaps with the owner before it, or a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    /// A branch by name.
    Branch(String),
    /// A commit, by all its digits.
    Commit(Oid),
}

impl Revision {
    /// Reads `BRANCH`, `OWNER:BRANCH` or all digits of a commit.
    pub fn read(text: &str) -> Revision {
        let name = text.split_once(':').map_or(text, |(_, name)| name);
        Oid::read(name).map_or_else(|| Revision::Branch(name.to_owned()), Revision::Commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_of_the_cms() {
        let tree =
            |revision: &str, path: &str| Some(Route::Tree { revision: revision.to_owned(), path: path.to_owned() });
        let read = |method, path: &str| Route::read(method, &format!("/github/{path}"));
        assert_eq!(Route::read("GET", "/settings"), Some(Route::Settings));
        assert_eq!(read("GET", "branches/cms%2Fposts%2Fa"), Some(Route::Branch("cms/posts/a".to_owned())));
        assert_eq!(read("GET", "git/trees/main:content/posts"), tree("main", "content/posts"));
        assert_eq!(read("GET", "git/trees/main:content%2Fposts"), tree("main", "content/posts"));
        assert_eq!(read("GET", "git/trees/main:"), tree("main", ""));
        assert_eq!(read("GET", "git/trees/cms/posts/a:static/%C3%A9"), tree("cms/posts/a", "static/é"));
        assert_eq!(read("GET", "git/trees/main:a%252Fb"), tree("main", "a%2Fb"));
        assert_eq!(read("HEAD", "pulls/7"), Some(Route::Pull(7)));
        let compare = Route::Compare { base: "main".to_owned(), head: "local:cms/posts/a".to_owned() };
        assert_eq!(read("GET", "compare/main...local:cms/posts/a"), Some(compare));
        assert_eq!(read("GET", "commits/main/status"), Some(Route::CommitStatus("main".to_owned())));
        assert_eq!(read("DELETE", "git/refs/heads/cms%2Fa"), Some(Route::DeleteRef("cms/a".to_owned())));
    }

    #[test]
    fn what_is_not_there() {
        let rows = [
            ("GET", ""),
            ("GET", "/"),
            ("GET", "/github"),
            ("GET", "/github/"),
            ("GET", "/settings/"),
            ("POST", "/settings"),
            ("GET", "/github/branches"),
            ("GET", "/github/branches/"),
            ("GET", "/github/branches/%ff"),
            ("DELETE", "/github/git/refs/tags/v1"),
            ("PATCH", "/github/git/refs/meta/_decap_cms"),
            ("GET", "/github/pulls/-1"),
            ("GET", "/github/pulls/01"),
            ("GET", "/github/pulls/99999999999999999999"),
            ("PUT", "/github/contents/a"),
            ("DELETE", "/github/contents/a"),
            ("POST", "/github/merges"),
            ("POST", "/github/hooks"),
            ("GET", "/github/search/issues"),
            ("GET", "/gitlab/branches/main"),
            ("GET", "/github/compare/main..cms"),
            ("TRACE", "/github/pulls"),
        ];
        for (method, path) in rows {
            assert_eq!(Route::read(method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn parameters_and_revisions() {
        assert_eq!(parameter("path=a%2Fb&sha=main", "path").as_deref(), Some("a/b"));
        assert_eq!(parameter("path=a+b", "path").as_deref(), Some("a b"));
        assert_eq!(parameter("path=%ff", "path"), None);
        assert_eq!(parameter("", "path"), None);
        assert_eq!(Revision::read("local:cms/a"), Revision::Branch("cms/a".to_owned()));
        assert_eq!(Revision::read("abc123"), Revision::Branch("abc123".to_owned()));
        assert!(matches!(Revision::read(&"a".repeat(40)), Revision::Commit(_)));
    }
}
