//! A gateway that is killed at any moment leaves a repository that is whole: the branch is at the old or the new commit, every
//! save that was confirmed is there, and the next gateway goes on. Needs git; says aloud where there is none.
#![cfg(unix)]
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

#[path = "git_gateway/desk.rs"]
mod desk;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use desk::{Desk, FILES, bare, git, has_git, work_tree};

/// The repository that the child saves to, in its environment.
const REPOSITORY: &str = "ROLEGATE_TEST_SAVES_TO";

/// The child: saves until it is killed, and says so after each save. By itself it does nothing.
#[test]
fn a_child_that_saves() {
    let Some(path) = std::env::var_os(REPOSITORY) else {
        return;
    };
    let desk = Desk::at(Path::new(&path));
    let first: usize = desk.git(&["rev-list", "--count", "main"]).parse().expect("a number");
    for number in first.. {
        let content = format!("{number}\n").repeat(2000);
        let file = format!("content/{number}.md");
        let gone = format!("content/{}.md", number.saturating_sub(2));
        let files = [("content/same.md", Some(content.as_str())), (&file, Some(&content)), (&gone, None)];
        desk.save(&files, &format!("save {number}")).expect("saved");
        println!("\nsaved {number}");
        std::io::stdout().flush().expect("said");
    }
}

/// Kills a child `rounds` times; with `group`, what it runs too.
fn killed(path: &Path, rounds: u64, group: bool) {
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "a_child_that_saves", "--nocapture"])
            .env(REPOSITORY, path)
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("a child");
        let mut said = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let saved = |line: &String| line.strip_prefix("saved ").and_then(|number| number.parse::<u64>().ok());
        let first = said.find_map(|line| saved(&line)).expect("a save");
        // The moment is left to chance; whatever it is, the same must hold.
        let chance = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").subsec_nanos();
        std::thread::sleep(Duration::from_micros(u64::from(chance) / 1000 % 150_000));
        let whom = format!("{}{}", if group { "-" } else { "" }, child.id());
        let status = Command::new("kill").args(["-KILL", "--", &whom]).status().expect("kill runs");
        assert!(status.success());
        let last = said.filter_map(|line| saved(&line)).last().unwrap_or(first);
        child.wait().expect("it has ended");

        let desk = Desk::at(path);
        let at = desk.git(&["log", "-1", "--format=%s", "main"]);
        assert!(
            [format!("save {last}"), format!("save {}", last + 1)].contains(&at),
            "round {round}: `save {last}` was confirmed, and the branch is at `{at}`"
        );
        let number = at.trim_start_matches("save ").to_owned();
        assert_eq!(desk.git(&["show", "main:content/same.md"]).lines().next(), Some(number.as_str()));
        desk.git(&["fsck", "--strict", "--no-dangling"]);
        desk.save(&[("content/after.md", Some(&format!("{round}")))], &format!("save {}", last + 2))
            .expect("it goes on");
        let left: Vec<String> = fs::read_dir(desk.git(&["rev-parse", "--absolute-git-dir"]) + "/rolegate")
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with("index") || name == "pending.json")
            .collect();
        assert_eq!(left, Vec::<String>::new());
        if desk.git(&["rev-parse", "--is-bare-repository"]) == "false" {
            assert_eq!(desk.git(&["status", "--porcelain"]), "", "round {round}: {:?}", desk.gateway.notes());
        }
    }
}

#[test]
fn killed_with_all_that_it_runs() {
    if has_git() {
        let folder = bare(FILES);
        killed(&folder.path().join("site.git"), 6, true);
    }
}

#[test]
fn killed_alone_while_git_goes_on() {
    if has_git() {
        let folder = bare(FILES);
        killed(&folder.path().join("site.git"), 4, false);
    }
}

#[test]
fn killed_over_files_that_are_checked_out() {
    if has_git() {
        let folder = work_tree(FILES);
        killed(folder.path(), 6, true);
    }
}

/// What a kill leaves at each step of a move, made by hand, so that none is left to chance.
#[test]
fn a_move_that_was_begun_is_finished_or_forgotten() {
    if !has_git() {
        return;
    }
    for index_is_old in [true, false] {
        for half in [None, Some(""), Some("ne"), Some("new\n")] {
            let folder = work_tree(FILES);
            let path = folder.path();
            let old = git(path, &["rev-parse", "main"]);
            fs::write(path.join("content/posts/first.md"), "new\n").unwrap();
            fs::write(path.join("content/posts/added.md"), "new\n").unwrap();
            fs::remove_file(path.join("content/posts/second.md")).unwrap();
            git(path, &["add", "-A"]);
            git(path, &["commit", "-q", "-m", "new"]);
            let new = git(path, &["rev-parse", "main"]);
            git(path, &["read-tree", "-u", "--reset", if index_is_old { &old } else { &new }]);
            if let Some(half) = half.filter(|_| index_is_old) {
                fs::write(path.join("content/posts/first.md"), half).unwrap();
                fs::write(path.join("content/posts/added.md"), half).unwrap();
            }
            let own = path.join(".git/rolegate");
            fs::create_dir_all(&own).unwrap();
            let pending = serde_json::json!({
                "full": "refs/heads/main", "old": old, "new": new, "work_tree": path.canonicalize().unwrap()
            });
            fs::write(own.join("pending.json"), pending.to_string()).unwrap();
            for lock in ["refs/heads/main.lock", "HEAD.lock", "index.lock", "packed-refs.lock", "rolegate/index-0"] {
                fs::write(path.join(".git").join(lock), "").unwrap();
            }
            let desk = Desk::at(path);
            assert_eq!(desk.git(&["status", "--porcelain"]), "", "{index_is_old} {half:?}: {:?}", desk.gateway.notes());
            assert_eq!(fs::read_to_string(path.join("content/posts/first.md")).unwrap(), "new\n");
            desk.save(&[("content/posts/first.md", Some("newer\n"))], "x").unwrap();
        }
    }
    // A lock that is older than the move is somebody else's, and what somebody has written is theirs.
    let folder = work_tree(FILES);
    let path = folder.path();
    let old = git(path, &["rev-parse", "main"]);
    fs::write(path.join("content/posts/first.md"), "new\n").unwrap();
    git(path, &["commit", "-q", "-a", "-m", "new"]);
    let new = git(path, &["rev-parse", "main"]);
    git(path, &["read-tree", "-u", "--reset", &old]);
    fs::write(path.join("content/posts/first.md"), "the owner's\n").unwrap();
    let lock = path.join(".git/refs/heads/main.lock");
    fs::write(&lock, "").unwrap();
    let earlier = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().write(true).open(&lock).unwrap().set_modified(earlier).unwrap();
    fs::create_dir_all(path.join(".git/rolegate")).unwrap();
    let pending = serde_json::json!({
        "full": "refs/heads/main", "old": old, "new": new, "work_tree": path.canonicalize().unwrap()
    });
    fs::write(path.join(".git/rolegate/pending.json"), pending.to_string()).unwrap();
    let desk = Desk::at(path);
    assert!(lock.exists());
    assert_eq!(fs::read_to_string(path.join("content/posts/first.md")).unwrap(), "the owner's\n");
    let notes = desk.gateway.notes().join("\n");
    assert!(notes.contains("the last save was interrupted, and git does not replace them"), "{notes}");
}
