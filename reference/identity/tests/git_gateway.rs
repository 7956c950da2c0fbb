//! Git Gateway over real repositories, route by route, with what it refuses. Needs git; says aloud where there is none.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

#[path = "git_gateway/desk.rs"]
mod desk;

use std::fs;
use std::sync::Arc;

use desk::{Desk, FILES, claims, git, has_git, options, text, work_tree};
use http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, AUTHORIZATION, CACHE_CONTROL,
    CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, ORIGIN, VARY,
};
use rolegate_identity::git::{GitGateway, GitHandler, GitOptions};
use rolegate_identity::tokens::SecretTokens;
use rolegate_identity::{Handler as _, Tokens as _};
use serde_json::{Value, json};

const NONE: &str = "0000000000000000000000000000000000000000";

#[test]
fn a_save_is_a_commit_of_whoever_is_logged_in() {
    if !has_git() {
        return;
    }
    let desk = Desk::new();
    let before = desk.tip("main");
    let saved = desk.save(&[("content/posts/new.md", Some("new\n"))], "Create Posts “new”").unwrap();
    assert_eq!(desk.tip("main"), saved);
    assert_eq!(
        desk.git(&["log", "-1", "--format=%an <%ae> %at|%cn <%ce>|%P|%B", "main"]),
        format!(
            "Ada Lovelace <ada@site.example> 1800000000|Git Gateway <git-gateway@localhost>|{before}|Create Posts “new”\n"
        )
        .trim_end()
    );
    assert_eq!(desk.git(&["show", "main:content/posts/new.md"]), "new");
    assert_eq!(desk.git(&["diff-tree", "-r", "--name-status", &before, &saved]), "A\tcontent/posts/new.md");
    // Deleting, renaming and uploading are the same calls.
    let renamed = [("content/posts/new.md", None), ("content/posts/newer.md", Some("new\n"))];
    desk.save(&renamed, "Rename").unwrap();
    desk.save(&[("static/uploads/a b.png", Some("\u{0}PNG")), ("content/posts/second.md", None)], "Upload").unwrap();
    let files = desk.git(&["ls-tree", "-r", "--name-only", "main"]);
    assert_eq!(
        files.lines().collect::<Vec<_>>(),
        [
            "_redirects",
            "content/posts/first.md",
            "content/posts/newer.md",
            "index.html",
            "netlify.toml",
            "static/admin/config.yml",
            "static/uploads/a b.png",
            "static/uploads/logo.svg"
        ]
    );
    desk.git(&["fsck", "--strict"]);
}

#[test]
fn a_save_from_an_old_state_changes_nothing() {
    if !has_git() {
        return;
    }
    let desk = Desk::new();
    let old = desk.tip("main");
    let mine = desk.commit(&old, &[("content/posts/first.md", Some("mine"))], "mine").unwrap();
    let theirs = desk.save(&[("content/posts/first.md", Some("theirs"))], "theirs").unwrap();
    assert_eq!(desk.move_to("main", &mine, false), (422, "Update is not a fast forward".to_owned()));
    // Whatever a request says, what is published is never put back.
    assert_eq!(desk.move_to("main", &mine, true), (422, "Update is not a fast forward".to_owned()));
    assert_eq!(desk.move_to("main", &old, true), (422, "Update is not a fast forward".to_owned()));
    assert_eq!(desk.tip("main"), theirs);
    // Where it is already, it may be put again.
    assert_eq!(desk.move_to("main", &theirs, false).0, 200);
}

#[test]
fn many_save_at_once_and_nothing_is_lost() {
    if !has_git() {
        return;
    }
    let desk = Desk::new();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let desk = &desk;
            scope.spawn(move || {
                for number in 0..5 {
                    let path = format!("content/{worker}/{number}.md");
                    let file = [(path.as_str(), Some("x"))];
                    while let Err(reason) = desk.save(&file, &path) {
                        assert_eq!(reason, "422 Update is not a fast forward");
                    }
                }
            });
        }
    });
    assert_eq!(desk.git(&["ls-tree", "-r", "--name-only", "main", "content/"]).lines().count(), 22);
    assert_eq!(desk.git(&["rev-list", "--count", "main"]), "21");
    assert_eq!(desk.git(&["rev-list", "--min-parents=2", "--count", "main"]), "0");
    desk.git(&["fsck", "--strict"]);
}

#[test]
fn nothing_is_written_outside_of_the_content() {
    if !has_git() {
        return;
    }
    let desk = Desk::new();
    let before = desk.git(&["for-each-ref"]);
    for path in [
        "_redirects",
        "netlify.toml",
        "_headers",
        "index.html",
        ".git/config",
        ".gitattributes",
        "content",
        "static/admin/config.yml",
        "netlify/functions/x.js",
        "content/../_redirects",
        "/content/a.md",
        "content//a.md",
        "content/./a.md",
        "content\\..\\_redirects",
        "Content/posts/a.md",
        "content/_redirects",
        "content/_REDIRECTS/x",
        "content/.git/hooks/post-update",
        "content/\u{ff3f}redirects",
        "content/%2e%2e/_redirects",
        "content/a\u{0}b",
        "content/e\u{301}.md",
        "content/posts/first.md/x",
        "content/posts",
        "content/Posts/a.md",
        "content/posts/FIRST.md",
    ] {
        let saved = desk.save(&[(path, Some("x"))], "no");
        assert!(saved.as_ref().is_err_and(|reason| reason.starts_with("422 ")), "{path}: {saved:?}");
        if !path.ends_with("a.md") && !path.contains("FIRST") && !path.contains("posts") {
            let removed = desk.save(&[(path, None)], "no");
            assert!(removed.as_ref().is_err_and(|reason| reason.starts_with("422 ")), "{path}: {removed:?}");
        }
    }
    assert_eq!(desk.git(&["for-each-ref"]), before);
    desk.git(&["fsck", "--strict"]);
}

#[test]
fn no_commit_of_anybody_brings_what_an_author_may_not_write() {
    if !has_git() {
        return;
    }
    let desk = Desk::new();
    let base = desk.tip("main");
    // Somebody's branch that opens the gate, and an old state of the repository, are known by their digits.
    let source = tempfile::tempdir().unwrap();
    git(source.path(), &["clone", "-q", &desk.path.display().to_string(), "."]);
    let commit_all = |message: &str| {
        git(source.path(), &["add", "-A"]);
        git(source.path(), &["commit", "-q", "-m", message]);
    };
    fs::write(source.path().join("_redirects"), "/members/* 200!\n").unwrap();
    commit_all("opens the gate");
    git(source.path(), &["push", "-q", "origin", "HEAD:refs/heads/feature"]);
    let feature = desk.tip("feature");
    git(source.path(), &["reset", "-q", "--hard", &base]);
    std::os::unix::fs::symlink("../_redirects", source.path().join("content/link.md")).unwrap();
    commit_all("a link");
    git(source.path(), &["push", "-q", "origin", "HEAD:refs/heads/link"]);
    let link = desk.tip("link");

    let reasons = |commit: &str| {
        let (status, message) = desk.move_to("main", commit, false);
        assert_eq!(status, 422, "{message}");
        let (status, body) = desk.ask("POST", "git/refs", json!({ "ref": "refs/heads/cms/x", "sha": commit }));
        assert_eq!(status, 422, "{body}");
        [message, text(&body["message"])]
    };
    for reason in reasons(&feature) {
        assert!(reason.contains("`_redirects` lies outside"), "{reason}");
    }
    for reason in reasons(&link) {
        assert!(reason.contains("no ordinary file"), "{reason}");
    }
    // A commit on top of it is an author's own, and is refused where a branch would bring it.
    let above = desk.commit(&feature, &[("content/x.md", Some("x"))], "above").unwrap();
    assert!(reasons(&above).iter().all(|reason| reason.contains("`_redirects` lies outside")));
    // A tree of another commit, under a parent that does not have it.
    let tree = desk.git(&["rev-parse", &format!("{feature}^{{tree}}")]);
    let (status, body) = desk.ask("POST", "git/commits", json!({ "message": "x", "tree": tree, "parents": [base] }));
    assert_eq!((status, text(&body["message"]).contains("`_redirects` lies outside")), (422, true), "{body}");
    assert_eq!(desk.tip("main"), base);
    // Nobody sees the branch by its name, either.
    assert_eq!(desk.ask("GET", "branches/feature", Value::Null).0, 404);
    assert_eq!(desk.ask("GET", "git/trees/feature:", Value::Null).0, 404);
    assert_eq!(desk.ask("GET", "git/refs/heads/feature", Value::Null).0, 404);
    assert_eq!(desk.ask("DELETE", "git/refs/heads/feature", Value::Null).0, 422);
    assert_eq!(desk.move_to("feature", &base, true).0, 422);
}

#[test]
fn what_the_operator_allows_in_so_many_words_is_written() {
    if !has_git() {
        return;
    }
    let folder = desk::bare(FILES);
    let allowed = vec!["_redirects".to_owned()];
    let desk = Desk::with(GitOptions { allowed, ..options(&folder.path().join("site.git")) });
    desk.save(&[("_redirects", Some("/x /y\n"))], "rules").unwrap();
    assert!(desk.save(&[("netlify.toml", Some("x"))], "no").is_err());
    assert!(desk.save(&[("content/_redirects", Some("x"))], "no").is_err());
    insta::assert_snapshot!(desk.gateway.notes().join("\n"), @r"
    editors may write `content`, `static/uploads` of branch `main`, and nothing else
    everybody who is logged in may edit; name roles with --git-roles
    editors may write `_redirects`, so they decide who gets in or what runs
    ");
}

#[test]
fn links_and_modules_in_the_repository_are_left_alone() {
    if !has_git() {
        return;
    }
    let folder = work_tree(FILES);
    std::os::unix::fs::symlink("..", folder.path().join("content/up")).unwrap();
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["update-index", "--add", "--cacheinfo", &format!("160000,{},content/module", "1".repeat(40))]);
    git(folder.path(), &["commit", "-q", "-m", "odd things"]);
    git(folder.path(), &["checkout", "-q", "-b", "other"]);
    let desk = Desk::at(folder.path());
    for path in ["content/up/_redirects", "content/up/x.md", "content/up", "content/module", "content/module/x.md"] {
        assert!(desk.save(&[(path, Some("x"))], "no").is_err(), "{path}");
        assert!(desk.save(&[(path, None)], "no").is_err(), "{path}");
    }
    desk.save(&[("content/ok.md", Some("x"))], "yes").unwrap();
}

#[test]
fn a_program_becomes_an_ordinary_file() {
    if !has_git() {
        return;
    }
    let folder = work_tree(FILES);
    git(folder.path(), &["update-index", "--chmod=+x", "content/posts/first.md"]);
    git(folder.path(), &["commit", "-q", "-m", "x"]);
    git(folder.path(), &["checkout", "-q", "-b", "other"]);
    let desk = Desk::at(folder.path());
    let tree = json!([{ "path": "content/a.md", "mode": "100755", "type": "blob", "sha": desk.blob(b"x") }]);
    let asked = json!({ "base_tree": desk.tip("main"), "tree": tree });
    assert_eq!(desk.ask("POST", "git/trees", asked).0, 422);
    desk.save(&[("content/posts/first.md", Some("x"))], "yes").unwrap();
    assert!(desk.git(&["ls-tree", "main", "content/posts/first.md"]).starts_with("100644 "));
}

#[test]
fn who_may_edit() {
    if !has_git() {
        return;
    }
    let mut desk = Desk::new();
    let settings = |desk: &Desk| {
        let reply = desk.reply("GET", "/settings", "");
        assert_eq!(reply.headers[CONTENT_TYPE], "application/json");
        (reply.status.as_u16(), serde_json::from_slice::<Value>(&reply.body).unwrap())
    };
    let with_roles = |roles: Value| json!({ "github_enabled": true, "gitlab_enabled": false, "bitbucket_enabled": false, "roles": roles });
    assert_eq!(settings(&desk), (200, with_roles(json!(["editor"]))));
    desk.claims = claims("eve@site.example", "Eve", &["visitor"]);
    assert_eq!(settings(&desk), (200, with_roles(json!(["editor"]))));
    let refused = json!({ "code": 401, "msg": "Access to endpoint not allowed: your role doesn't allow access" });
    for (method, target) in
        [("GET", "branches/main"), ("POST", "git/blobs"), ("GET", "nothing"), ("PUT", "pulls/1/merge")]
    {
        assert_eq!(desk.ask(method, target, json!({})), (401, refused.clone()), "{method} {target}");
    }
    // The role of the admin API is none of the gate's.
    desk.claims.insert("role".to_owned(), json!("editor"));
    assert_eq!(desk.ask("GET", "branches/main", Value::Null).0, 401);
    let folder = desk::bare(FILES);
    let mut open = Desk::with(options(&folder.path().join("site.git")));
    open.claims = claims("eve@site.example", "", &[]);
    assert_eq!(settings(&open), (200, with_roles(Value::Null)));
    open.save(&[("content/x.md", Some("x"))], "x").unwrap();
    assert_eq!(open.git(&["log", "-1", "--format=%an", "main"]), "eve");
    // A token that names nobody writes nothing.
    open.claims = json!({ "sub": "0" }).as_object().cloned().unwrap();
    assert!(open.save(&[("content/y.md", Some("x"))], "x").is_err_and(|reason| reason.contains("no e-mail address")));
}

/// What else is signed with the secret of the gate, and is had without an account: the state of an external log-in, and what
/// the page in its middle answers.
#[test]
fn a_paper_of_another_kind_is_no_token() {
    if !has_git() {
        return;
    }
    let folder = desk::bare(FILES);
    let tokens = Arc::new(SecretTokens::new(b"a secret of thirty-two bytes, ok").unwrap());
    let gateway = GitGateway::open(options(&folder.path().join("site.git"))).unwrap();
    let handler = GitHandler::new(gateway, tokens.clone(), Vec::new());
    let mut desk = Desk::new();
    for (claims, status) in [
        (json!({ "exp": 1_900_000_000, "kind": "state", "provider": "github" }), 401),
        (json!({ "exp": 1_900_000_000, "kind": "code", "email": "owner@site.example" }), 401),
        (json!({ "exp": 1_900_000_000, "sub": "", "email": "owner@site.example" }), 401),
        (json!({ "exp": 1_900_000_000, "sub": "1", "email": "owner@site.example" }), 200),
    ] {
        let token = tokens.sign(claims.as_object().unwrap());
        desk.headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        for path in ["/settings", "/github/branches/main"] {
            let call = desk.call("GET", path, "");
            let refused = handler.refuses(&call).map_or(200, |reply| reply.status.as_u16());
            assert_eq!((refused, handler.answer(&call).status.as_u16()), (status, status), "{path} {claims}");
        }
    }
}

#[test]
fn branches_and_trees_are_read() {
    if !has_git() {
        return;
    }
    let desk = Desk::new();
    let branch = desk.get("branches/main");
    assert_eq!(branch["name"], "main");
    assert_eq!(branch["commit"]["sha"], desk.tip("main"));
    assert_eq!(branch["commit"]["commit"]["author"]["name"], "Owner");
    assert_eq!(branch["_links"]["self"], "https://git-gateway.invalid/repos/local/sitegit/branches/main");

    let names = |target: &str| -> Vec<String> {
        desk.get(target)["tree"].as_array().unwrap().iter().map(|entry| text(&entry["path"])).collect()
    };
    assert_eq!(names("git/trees/main:content/posts"), ["first.md", "second.md"]);
    assert_eq!(names("git/trees/main:content%2Fposts"), ["first.md", "second.md"]);
    assert_eq!(names("git/trees/main:content?recursive=1"), ["posts", "posts/first.md", "posts/second.md"]);
    let root = ["_redirects", "content", "index.html", "netlify.toml", "static"];
    assert_eq!(names("git/trees/main:"), root);
    assert_eq!(names(&format!("git/trees/{}", desk.tip("main"))), root);
    assert_eq!(names(&format!("git/trees/{}", desk.git(&["rev-parse", "main^{tree}"]))), root);
    let entry = desk.get("git/trees/main:content%2Fposts")["tree"][0].clone();
    let sha = desk.git(&["rev-parse", "main:content/posts/first.md"]);
    assert_eq!(entry, json!({ "path": "first.md", "mode": "100644", "type": "blob", "sha": sha, "size": 27 }));

    let content = "LS0tCnRpdGxlOiBGaXJzdAotLS0KSGVsbG8K";
    let blob = json!({ "sha": sha, "size": 27, "encoding": "base64", "content": content });
    assert_eq!(desk.get(&format!("git/blobs/{sha}")), blob);
    let file = desk.get("contents/content/posts/first.md?ref=main");
    assert_eq!((&file["type"], &file["content"], &file["name"]), (&json!("file"), &json!(content), &json!("first.md")));
    assert_eq!(desk.get("contents/content")[0]["type"], "dir");

    let commits = desk.get("commits?path=content/posts/first.md&sha=main");
    assert_eq!(commits[0]["commit"]["message"], "start");
    assert_eq!(commits[0]["sha"], desk.tip("main"));
    assert_eq!(desk.get("commits?path=nowhere&sha=main"), json!([]));
    assert_eq!(desk.get("commits/main")["sha"], desk.tip("main"));
    assert_eq!(desk.get(&format!("commits/{}/status", desk.tip("main")))["statuses"], json!([]));
    assert_eq!(desk.get("git/refs/heads/main")["object"]["sha"], desk.tip("main"));
}

#[test]
fn what_is_not_there_is_told_in_json() {
    if !has_git() {
        return;
    }
    let desk = Desk::new();
    let commit = desk.tip("main");
    let blob = desk.git(&["rev-parse", "main:_redirects"]);
    let rows = [
        ("GET", "".to_owned(), 404, "Not Found"),
        ("GET", "user".to_owned(), 404, "Not Found"),
        ("GET", "search/issues?q=x".to_owned(), 404, "Not Found"),
        ("GET", "users/nobody".to_owned(), 404, "Not Found"),
        ("POST", "issues".to_owned(), 404, "Not Found"),
        ("GET", "branches/master".to_owned(), 404, "Not Found"),
        ("GET", "branches/cms%2Fposts%2Fx".to_owned(), 404, "Not Found"),
        ("GET", "branches/%ff".to_owned(), 404, "Not Found"),
        ("GET", "git/trees/main:nowhere".to_owned(), 404, "Not Found"),
        ("GET", "git/trees/main:_redirects".to_owned(), 404, "Not Found"),
        ("GET", "git/trees/main:content/../content".to_owned(), 404, "Not Found"),
        ("GET", "git/trees/main:./content".to_owned(), 404, "Not Found"),
        ("GET", "git/trees/main:content%0amain".to_owned(), 404, "Not Found"),
        ("GET", "git/trees/main~1:".to_owned(), 404, "Not Found"),
        ("GET", "git/trees/HEAD:content".to_owned(), 404, "Not Found"),
        ("GET", format!("git/trees/{}:content", &commit[..12]), 404, "Not Found"),
        ("GET", format!("git/trees/{blob}"), 404, "Not Found"),
        ("GET", format!("git/blobs/{commit}"), 404, "Not Found"),
        ("GET", format!("git/blobs/{NONE}"), 404, "Not Found"),
        ("GET", "git/blobs/abc".to_owned(), 422, "The sha parameter must be exactly 40 characters"),
        ("GET", "git/blobs/--help".to_owned(), 422, "The sha parameter must be exactly 40 characters"),
        ("GET", "contents/nowhere".to_owned(), 404, "Not Found"),
        ("GET", "contents/content/posts/first.md?ref=refs/meta/_decap_cms".to_owned(), 404, "Not Found"),
        ("GET", "commits?sha=--all".to_owned(), 404, "Not Found"),
        ("GET", format!("commits/{NONE}/status"), 404, "Not Found"),
        ("GET", "compare/main...cms/none".to_owned(), 404, "Not Found"),
        ("GET", "compare/main..main".to_owned(), 404, "Not Found"),
        ("GET", "pulls/1".to_owned(), 404, "Not Found"),
        ("GET", "pulls/1/commits".to_owned(), 404, "Not Found"),
        ("GET", "git/refs/heads/cms/x".to_owned(), 404, "Not Found"),
        ("DELETE", "git/refs/heads/cms%2Fx".to_owned(), 422, "Reference does not exist"),
        ("DELETE", "git/refs/heads/main".to_owned(), 422, "Cannot delete the branch that is published"),
        ("DELETE", "git/refs/tags/v1".to_owned(), 404, "Not Found"),
        ("PUT", "contents/content/a.md".to_owned(), 404, "Not Found"),
    ];
    for (method, target, status, message) in rows {
        let (got, body) = desk.ask(method, &target, Value::Null);
        assert_eq!(got, status, "{method} {target}: {body}");
        assert!(text(&body["message"]).starts_with(message), "{method} {target}: {body}");
    }
}

#[test]
fn what_cannot_be_written_is_told_in_json() {
    if !has_git() {
        return;
    }
    let desk = Desk::new();
    let main = desk.tip("main");
    let tree = desk.git(&["rev-parse", "main^{tree}"]);
    let blob = desk.blob(b"x");
    let entry = |path: &str, sha: Value| json!({ "base_tree": main, "tree": [{ "path": path, "mode": "100644", "type": "blob", "sha": sha }] });
    let long = "x".repeat(70_000);
    let rows = [
        ("POST", "git/blobs", json!({ "content": "*", "encoding": "base64" }), 422, "content is not valid Base64"),
        ("POST", "git/blobs", json!({ "content": "x", "encoding": "hex" }), 422, "encoding `hex` is not known"),
        ("POST", "git/blobs", json!({ "encoding": "base64" }), 422, "Invalid request."),
        ("POST", "git/blobs", json!([]), 422, "Invalid request."),
        ("POST", "git/blobs", json!(["YQ==", "base64"]), 422, "Invalid request."),
        ("POST", "git/trees", json!({ "tree": [] }), 422, "base_tree is not a valid tree SHA"),
        ("POST", "git/trees", json!({ "base_tree": "main", "tree": [] }), 422, "base_tree is not a valid tree SHA"),
        ("POST", "git/trees", json!({ "base_tree": NONE, "tree": [] }), 422, "Tree SHA does not exist"),
        ("POST", "git/trees", json!({ "base_tree": blob, "tree": [] }), 422, "Tree SHA does not exist"),
        ("POST", "git/trees", entry("content/a", json!("abc")), 422, "tree.sha abc is not a valid blob"),
        ("POST", "git/trees", entry("content/a", json!(NONE)), 422, "tree.sha 0000"),
        ("POST", "git/trees", entry("content/a", json!(tree)), 422, "tree.sha "),
        ("POST", "git/trees", entry("content/a", json!(7)), 422, "Invalid request."),
        ("POST", "git/commits", json!({ "message": "x", "tree": tree, "parents": [] }), 422, "a commit has one parent"),
        (
            "POST",
            "git/commits",
            json!({ "message": "x", "tree": tree, "parents": [main, main] }),
            422,
            "a commit has one parent",
        ),
        (
            "POST",
            "git/commits",
            json!({ "message": "x", "tree": tree, "parents": [tree] }),
            422,
            "Parent SHA does not exist",
        ),
        (
            "POST",
            "git/commits",
            json!({ "message": "x", "tree": main, "parents": [main] }),
            422,
            "Tree SHA does not exist",
        ),
        (
            "POST",
            "git/commits",
            json!({ "message": "x", "tree": "HEAD", "parents": [main] }),
            422,
            "Tree SHA does not exist",
        ),
        ("POST", "git/commits", json!({ "message": " ", "tree": tree, "parents": [main] }), 422, "message is empty"),
        (
            "POST",
            "git/commits",
            json!({ "message": "a\u{0}b", "tree": tree, "parents": [main] }),
            422,
            "message is empty",
        ),
        ("POST", "git/commits", json!({ "message": long, "tree": tree, "parents": [main] }), 422, "message is empty"),
        ("POST", "git/refs", json!({ "ref": "refs/heads/main", "sha": main }), 422, "Reference already exists"),
        ("POST", "git/refs", json!({ "ref": "refs/heads/other", "sha": main }), 422, "`refs/heads/other` is no draft"),
        ("POST", "git/refs", json!({ "ref": "refs/tags/v1", "sha": main }), 422, "`refs/tags/v1` is no draft"),
        ("POST", "git/refs", json!({ "ref": "cms/x", "sha": main }), 422, "`cms/x` is no draft"),
        (
            "POST",
            "git/refs",
            json!({ "ref": "refs/heads/cms/../main", "sha": main }),
            422,
            "`refs/heads/cms/../main` is no",
        ),
        ("POST", "git/refs", json!({ "ref": "refs/heads/cms/x", "sha": NONE }), 422, "Object does not exist"),
        ("POST", "git/refs", json!({ "ref": "refs/heads/cms/x", "sha": tree }), 422, "Object does not exist"),
        ("POST", "git/refs", json!({ "ref": "refs/heads/cms/x", "sha": "main" }), 422, "The sha parameter"),
        ("PATCH", "git/refs/heads/cms%2Fx", json!({ "sha": main }), 422, "Reference does not exist"),
        ("PATCH", "git/refs/heads/other", json!({ "sha": main }), 422, "Reference does not exist"),
        ("PATCH", "git/refs/heads/main", json!({ "sha": tree }), 422, "Object does not exist"),
        ("POST", "pulls", json!({ "title": "x", "head": "local:cms/x", "base": "main" }), 422, "Validation Failed"),
        ("POST", "pulls", json!({ "title": "x", "head": "local:main", "base": "main" }), 422, "Validation Failed"),
        ("POST", "pulls", json!({ "title": "x", "head": "cms/x", "base": "other" }), 422, "base: drafts are for"),
        ("PATCH", "pulls/1", json!({ "state": "closed" }), 404, "Not Found"),
        ("PUT", "pulls/1/merge", json!({}), 404, "Not Found"),
        ("PUT", "issues/1/labels", json!({ "labels": [] }), 404, "Not Found"),
    ];
    let before = desk.git(&["for-each-ref"]);
    for (method, target, body, status, message) in rows {
        let (got, said) = desk.ask(method, target, body.clone());
        assert_eq!(got, status, "{method} {target} {body}: {said}");
        assert!(text(&said["message"]).starts_with(message), "{method} {target} {body}: {said}");
    }
    for body in ["", "{", "nothing"] {
        let reply = desk.reply("POST", "/github/git/trees", body);
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(reply.body, r#"{"message":"Problems parsing JSON"}"#);
    }
    assert_eq!(desk.git(&["for-each-ref"]), before);
}

#[test]
fn pages_elsewhere_that_the_operator_names() {
    if !has_git() {
        return;
    }
    let folder = desk::bare(FILES);
    let tokens = Arc::new(SecretTokens::new(b"a secret of thirty-two bytes, ok").unwrap());
    let gateway = GitGateway::open(options(&folder.path().join("site.git"))).unwrap();
    let handler = GitHandler::new(gateway, tokens.clone(), vec!["http://localhost:3000".to_owned()]);
    let mut desk = Desk::new();
    let ask = |desk: &Desk, method: &str| {
        let call = desk.call(method, "/settings", "");
        handler.refuses(&call).unwrap_or_else(|| handler.answer(&call))
    };
    for (origin, status, allowed) in [("http://localhost:3000", 204, true), ("http://localhost:3001", 401, false)] {
        desk.headers.clear();
        desk.headers.insert(ORIGIN, origin.parse().unwrap());
        let before = ask(&desk, "OPTIONS");
        assert_eq!(before.status, status, "{origin}");
        let methods = before.headers.get(ACCESS_CONTROL_ALLOW_METHODS).map(|methods| methods.to_str().unwrap());
        assert_eq!(methods, allowed.then_some("GET, HEAD, POST, PUT, PATCH, DELETE"));
        // The page reads a refusal too.
        let refused = ask(&desk, "GET");
        assert_eq!(refused.headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), allowed);
        let token = tokens.sign(json!({ "exp": 1_900_000_000, "sub": "1", "email": "a@b" }).as_object().unwrap());
        desk.headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        let answer = ask(&desk, "GET");
        assert_eq!((answer.status.as_u16(), answer.headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN)), (200, allowed));
        assert!(answer.headers[VARY].to_str().unwrap().ends_with("Origin"));
    }
}

#[test]
fn sizes_are_bounded() {
    if !has_git() {
        return;
    }
    let folder = desk::bare(FILES);
    let desk = Desk::with(GitOptions { longest_file: 100, ..options(&folder.path().join("site.git")) });
    assert_eq!(desk.ask("POST", "git/blobs", json!({ "content": "x".repeat(100) })).0, 201);
    let (status, body) = desk.ask("POST", "git/blobs", json!({ "content": "x".repeat(101) }));
    assert_eq!(
        (status, text(&body["message"])),
        (413, "a file may be 100 bytes long, and this one has 101".to_owned())
    );
    let entries: Vec<Value> = (0..1001)
        .map(|n| json!({ "path": format!("content/{n}"), "mode": "100644", "type": "blob", "sha": null }))
        .collect();
    let (status, body) = desk.ask("POST", "git/trees", json!({ "base_tree": desk.tip("main"), "tree": entries }));
    assert_eq!((status, text(&body["message"])), (422, "a tree may have 1000 changes".to_owned()));
    let limit = |method: http::Method, path: &str| desk.gateway.body_limit(&method, path);
    assert_eq!(limit(http::Method::POST, "/github/git/blobs"), 4296);
    assert_eq!(limit(http::Method::POST, "/github/git/trees"), 1024 * 1024);
    assert_eq!(limit(http::Method::POST, "/github/nothing"), 1024 * 1024);
}

#[test]
fn a_browser_asks_again_and_is_told_that_nothing_changed() {
    if !has_git() {
        return;
    }
    let mut desk = Desk::new();
    let first = desk.reply("GET", "/github/branches/main", "");
    assert_eq!(first.headers[CACHE_CONTROL], "private, no-cache");
    assert_eq!(first.headers[VARY], "Authorization, Accept");
    let tag = first.headers[ETAG].clone();
    for known in [tag.to_str().unwrap().to_owned(), format!("\"x\", W/{}", tag.to_str().unwrap())] {
        desk.headers.insert(IF_NONE_MATCH, known.parse().unwrap());
        let again = desk.reply("GET", "/github/branches/main", "");
        assert_eq!((again.status.as_u16(), again.body.len(), &again.headers[ETAG]), (304, 0, &tag));
    }
    desk.headers.clear();
    desk.save(&[("content/x.md", Some("x"))], "x").unwrap();
    desk.headers.insert(IF_NONE_MATCH, tag);
    assert_eq!(desk.reply("GET", "/github/branches/main", "").status, 200);
    desk.headers.clear();
    desk.headers.insert(ACCEPT, "application/vnd.github.v3.raw".parse().unwrap());
    let raw = desk.reply("GET", "/github/contents/content/posts/first.md", "");
    assert_eq!(raw.headers[CONTENT_TYPE], "application/octet-stream");
    assert_eq!(raw.headers["x-content-type-options"], "nosniff");
    assert_eq!(raw.body, FILES[3].1);
    let sha = desk.git(&["rev-parse", "main:content/posts/first.md"]);
    assert_eq!(desk.reply("GET", &format!("/github/git/blobs/{sha}"), "").body, FILES[3].1);
}

#[test]
fn a_draft_becomes_a_merge() {
    if !has_git() {
        return;
    }
    let mut desk = Desk::new();
    let number =
        desk.draft("new", &[("content/posts/new.md", Some("draft\n")), ("static/uploads/p.png", Some("\u{0}p"))]);
    let pulls = desk.get("pulls?head=local:cms%2Fposts%2Fnew&base=main&state=open&per_page=100");
    let pull = &pulls[0];
    assert_eq!(
        (pull["number"].as_u64(), &pull["state"], &pull["head"]["repo"]["fork"]),
        (Some(number), &json!("open"), &json!(false))
    );
    assert_eq!(
        (&pull["head"]["ref"], &pull["labels"][0]["name"]),
        (&json!("cms/posts/new"), &json!("decap-cms/draft"))
    );
    assert_eq!(pull["head"]["sha"], desk.tip("cms/posts/new"));
    assert_eq!(
        (&pull["user"]["login"], &pull["updated_at"]),
        (&json!("ada@site.example"), &json!("2027-01-15T08:00:00Z"))
    );
    assert_eq!(desk.get("users/ada@site.example")["name"], "Ada Lovelace");
    assert_eq!(desk.get(&format!("pulls/{number}/commits"))[0]["commit"]["message"], "Create new");

    let compare = desk.get("compare/main...local:cms/posts/new");
    assert_eq!(
        (&compare["status"], &compare["ahead_by"], &compare["behind_by"]),
        (&json!("ahead"), &json!(1), &json!(0))
    );
    assert_eq!(compare["base_commit"]["sha"], desk.tip("main"));
    assert_eq!(compare["commits"][0]["parents"][0]["sha"], desk.tip("main"));
    assert_eq!(compare["commits"][0]["commit"]["tree"]["sha"], desk.git(&["rev-parse", "cms/posts/new^{tree}"]));
    let files = compare["files"].as_array().unwrap();
    assert_eq!((&files[0]["filename"], &files[0]["status"]), (&json!("content/posts/new.md"), &json!("added")));
    assert_eq!(files[0]["patch"], "@@ -0,0 +1 @@\n+draft\n");
    // The CMS knows a picture by its having no patch.
    assert_eq!((&files[1]["filename"], files[1].get("patch")), (&json!("static/uploads/p.png"), None));

    // Somebody else publishes it.
    desk.claims = claims("grace@site.example", "Grace Hopper", &["editor"]);
    desk.save(&[("content/posts/other.md", Some("meanwhile\n"))], "meanwhile").unwrap();
    let (base, head) = (desk.tip("main"), desk.tip("cms/posts/new"));
    let order = |sha: &str| json!({ "commit_message": "Automatically generated. Merged on Decap CMS.", "sha": sha, "merge_method": "merge" });
    let (status, body) = desk.ask("PUT", &format!("pulls/{number}/merge"), order(&base));
    assert_eq!(
        (status, text(&body["message"])),
        (409, "Head branch was modified. Review and try the merge again.".to_owned())
    );
    let (status, body) = desk.ask("PUT", &format!("pulls/{number}/merge"), order(&head));
    assert_eq!((status, &body["merged"], text(&body["sha"])), (200, &json!(true), desk.tip("main")));
    assert_eq!(
        desk.git(&["log", "-1", "--format=%an|%cn|%P|%B", "main"]),
        format!(
            "Grace Hopper|Git Gateway|{base} {head}|Merge pull request #1 from local/cms/posts/new\n\nAutomatically generated. Merged on Decap CMS."
        )
    );
    assert_eq!(desk.git(&["show", "main:content/posts/new.md"]), "draft");
    assert_eq!(desk.git(&["show", "main:content/posts/other.md"]), "meanwhile");
    let (status, _) = desk.ask("DELETE", "git/refs/heads/cms%2Fposts%2Fnew", Value::Null);
    assert_eq!(status, 204);
    assert_eq!(desk.get("pulls?state=open"), json!([]));
    let closed = desk.get("pulls?state=closed");
    assert_eq!((&closed[0]["merged"], &closed[0]["head"]["sha"]), (&json!(true), &json!(head)));
    assert_eq!(desk.ask("PUT", &format!("pulls/{number}/merge"), order(&head)).0, 405);
    assert_eq!(desk.ask("PATCH", &format!("pulls/{number}"), json!({ "state": "open" })).0, 422);
    desk.git(&["fsck", "--strict"]);
}

#[test]
fn drafts_are_changed_closed_squashed_and_contradict() {
    if !has_git() {
        return;
    }
    let desk = Desk::new();
    let number = desk.draft("a", &[("content/posts/first.md", Some("one\n"))]);
    let head = desk.tip("cms/posts/a");
    let again = json!({ "title": "x", "head": "local:cms/posts/a", "base": "main" });
    let (status, body) = desk.ask("POST", "pulls", again);
    assert_eq!((status, text(&body["message"]).starts_with("A pull request already exists")), (422, true), "{body}");
    // A draft is put on another commit by force alone.
    let other = desk.commit(&desk.tip("main"), &[("content/posts/first.md", Some("two\n"))], "two").unwrap();
    assert_eq!(desk.move_to("cms%2Fposts%2Fa", &other, false), (422, "Update is not a fast forward".to_owned()));
    assert_eq!(desk.move_to("cms%2Fposts%2Fa", &other, true).0, 200);
    let (status, body) = desk.ask("POST", "git/refs", json!({ "ref": "refs/heads/cms/posts", "sha": head }));
    assert_eq!((status, text(&body["message"])), (422, "Reference update failed".to_owned()));
    let (status, body) = desk.ask("POST", "git/refs", json!({ "ref": "refs/heads/cms/posts/a/b", "sha": head }));
    assert_eq!((status, text(&body["message"])), (422, "Reference update failed".to_owned()));
    let (status, _) =
        desk.ask("POST", "git/refs", json!({ "ref": "refs/heads/cms_1700000000000/posts/a", "sha": head }));
    assert_eq!(status, 201);

    // What is published meanwhile contradicts it.
    desk.save(&[("content/posts/first.md", Some("three\n"))], "three").unwrap();
    let (status, body) = desk.ask("PUT", &format!("pulls/{number}/merge"), json!({}));
    assert_eq!((status, text(&body["message"])), (405, "Pull Request is not mergeable".to_owned()));
    let refused = desk.reply("PUT", &format!("/github/pulls/{number}/merge"), "{}");
    assert_eq!(refused.headers[ALLOW], "");
    let compare = desk.get(&format!("compare/main...{other}"));
    assert_eq!((&compare["status"], &compare["behind_by"]), (&json!("diverged"), &json!(1)));

    let (status, body) = desk.ask("PATCH", &format!("pulls/{number}"), json!({ "state": "closed" }));
    assert_eq!((status, &body["state"]), (200, &json!("closed")));
    assert_eq!(desk.get("pulls?state=open"), json!([]));
    let (status, body) = desk.ask("PATCH", &format!("pulls/{number}"), json!({ "state": "open", "title": "New" }));
    assert_eq!((status, &body["state"], &body["title"]), (200, &json!("open"), &json!("New")));
    assert_eq!(desk.ask("DELETE", "git/refs/heads/cms%2Fposts%2Fa", Value::Null).0, 204);
    assert_eq!(desk.get(&format!("pulls/{number}"))["state"], "closed");

    let number = desk.draft(
        "b",
        &[("content/posts/second.md", None), ("content/posts/b.md", Some("---\ntitle: Second\n---\nHello again\n"))],
    );
    let compare = desk.get("compare/main...cms/posts/b");
    let file = &compare["files"][0];
    assert_eq!((&file["status"], &file["previous_filename"]), (&json!("renamed"), &json!("content/posts/second.md")));
    let base = desk.tip("main");
    let squash = json!({ "merge_method": "squash", "commit_message": "all of it" });
    assert_eq!(desk.ask("PUT", &format!("pulls/{number}/merge"), json!({ "merge_method": "rebase" })).0, 422);
    assert_eq!(desk.ask("PUT", &format!("pulls/{number}/merge"), squash).0, 200);
    let said = desk.git(&["log", "-1", "--format=%P|%B", "main"]);
    assert_eq!(said, format!("{base}|Create b (#{number})\n\nall of it"));
    let (status, body) =
        desk.ask("POST", "git/refs", json!({ "ref": "refs/heads/cms/posts/c", "sha": desk.tip("main") }));
    assert_eq!(status, 201, "{body}");
    let (status, body) = desk.ask("POST", "pulls", json!({ "title": "x", "head": "cms/posts/c", "base": "main" }));
    assert_eq!((status, text(&body["message"])), (422, "No commits between main and cms/posts/c".to_owned()));
}

#[test]
fn long_lists_have_pages() {
    if !has_git() {
        return;
    }
    let desk = Desk::new();
    for slug in ["a", "b", "c"] {
        desk.draft(slug, &[(&format!("content/posts/{slug}.md"), Some(slug))]);
    }
    let page = |target: &str| {
        let reply = desk.reply("GET", &format!("/github/{target}"), "");
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        let link = reply.headers.get(LINK).map(|link| link.to_str().unwrap().to_owned());
        (body.as_array().unwrap().iter().map(|pull| pull["number"].as_u64().unwrap_or(0)).collect::<Vec<_>>(), link)
    };
    let to = |number: u8, relation: &str| {
        format!(
            "<https://git-gateway.invalid/repositories/1/pulls?state=open&per_page=2&page={number}>; rel=\"{relation}\""
        )
    };
    assert_eq!(page("pulls?state=open&per_page=2"), (vec![3, 2], Some(to(2, "next"))));
    assert_eq!(page("pulls?state=open&per_page=2&page=2"), (vec![1], Some(to(1, "prev"))));
    assert_eq!(page("pulls?state=open&per_page=100"), (vec![3, 2, 1], None));
    assert_eq!(page("pulls?base=other"), (vec![], None));
    desk.save(&[("content/x.md", Some("x"))], "x").unwrap();
    let (commits, link) = page("commits?per_page=1&sha=main");
    assert_eq!(commits.len(), 1);
    let next = "<https://git-gateway.invalid/repositories/1/commits?per_page=1&sha=main&page=2>; rel=\"next\"";
    assert_eq!(link.as_deref(), Some(next));
}

#[test]
fn the_files_of_a_branch_that_is_checked_out_follow() {
    if !has_git() {
        return;
    }
    let desk = Desk::checked_out();
    desk.save(&[("content/posts/first.md", Some("new\n")), ("content/posts/second.md", None)], "x").unwrap();
    assert_eq!(fs::read_to_string(desk.path.join("content/posts/first.md")).unwrap(), "new\n");
    assert!(!desk.path.join("content/posts/second.md").exists());
    assert_eq!(desk.git(&["status", "--porcelain"]), "");
    // What the owner is at work on is never overwritten, and what they do elsewhere hinders nobody.
    fs::write(desk.path.join("index.html"), "at work\n").unwrap();
    fs::write(desk.path.join("content/posts/first.md"), "at work\n").unwrap();
    let before = desk.tip("main");
    let refused = desk.save(&[("content/posts/first.md", Some("newer\n"))], "x").unwrap_err();
    assert!(refused.starts_with("422 branch `main` is checked out, and its files cannot follow"), "{refused}");
    assert_eq!(desk.tip("main"), before);
    desk.save(&[("content/posts/third.md", Some("third\n"))], "x").unwrap();
    assert_eq!(desk.git(&["status", "--porcelain"]), " M content/posts/first.md\n M index.html");
    let number = desk.draft("d", &[("content/posts/d.md", Some("d\n"))]);
    assert_eq!(desk.ask("PUT", &format!("pulls/{number}/merge"), json!({})).0, 200);
    assert_eq!(fs::read_to_string(desk.path.join("content/posts/d.md")).unwrap(), "d\n");
}

#[test]
fn what_cannot_be_opened_is_told() {
    if !has_git() {
        return;
    }
    let folder = work_tree(FILES);
    let repository = folder.path().to_owned();
    let why = |options: GitOptions| {
        let error = GitGateway::open(options).unwrap_err().to_string();
        error.replace(&repository.display().to_string(), "REPO")
    };
    let base = || options(&repository);
    let elsewhere = tempfile::tempdir().unwrap();
    let text = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let no_repository = why(GitOptions { repository: elsewhere.path().to_owned(), ..base() });
    assert!(no_repository.contains("not a git repository"), "{no_repository}");
    let words = [
        why(GitOptions { branch: Some("master".to_owned()), ..base() }),
        why(GitOptions { branch: Some("cms/x".to_owned()), ..base() }),
        why(GitOptions { branch: Some("--all".to_owned()), ..base() }),
        why(GitOptions { content: text(&["."]), ..base() }),
        why(GitOptions { content: text(&["_redirects"]), ..base() }),
        why(GitOptions { content: Vec::new(), ..base() }),
        why(GitOptions { git: "/nowhere/git".into(), ..base() }),
        {
            let _held = GitGateway::open(base()).unwrap();
            why(base())
        },
    ];
    insta::assert_snapshot!(words.join("\n"), @r"
    --git: there is no branch `master` to publish; write --git REPO:BRANCH, and commit to it first
    --git: there is no branch `cms/x` to publish; write --git REPO:BRANCH, and commit to it first
    --git: there is no branch `--all` to publish; write --git REPO:BRANCH, and commit to it first
    --git-content: `.` is no path of a file: write names with one slash between them, none of which starts with a dot
    --git-content: `_redirects` decides who gets in or what runs (`_redirects`); the operator allows it with --git-allow-gate-file
    --git-content names no folder; write for example --git-content content,static/uploads
    --git: `/nowhere/git` cannot be run: No such file or directory (os error 2); install git, 2.38 or later
    --git: `REPO/.git/rolegate/lock`: another gateway serves this repository; end it, or give each its own clone
    ");
    let parsed = GitOptions::of("/srv/site:main");
    assert_eq!((parsed.repository.to_str(), parsed.branch.as_deref()), (Some("/srv/site"), Some("main")));
    assert_eq!(GitOptions::of("site").branch, None);
    git(&repository, &["checkout", "-q", "--detach"]);
    assert!(why(GitOptions { branch: None, ..base() }).contains("names no branch"));
}
