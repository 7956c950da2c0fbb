//! The store of a process that is killed at any moment: what was acknowledged is there, and nothing is there by half.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rolegate_identity::Moment;
use rolegate_identity::secrets::digest;
use rolegate_identity::store::{FileStore, Order, Refresh, Store};
use rolegate_identity::user::{MailKind, User};
use uuid::Uuid;

const ROUNDS: u32 = 12;
/// So many write at once.
const CROWD: usize = 8;
/// In which variable the child finds its store.
const STORE: &str = "IDENTITY_STORE_OF_THE_CHILD";

#[test]
fn a_kill_at_any_moment_leaves_a_whole_store() {
    if std::env::var_os(STORE).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.redb");
    let mut acknowledged = 0;
    for round in 0..ROUNDS {
        // Another moment each time: after so many steps, and some microseconds into the next.
        let steps = 1 + round * 7 % 23;
        kill_after(round, "the_child", &path, steps, Duration::from_micros(u64::from(round) * 137), |number| {
            acknowledged = acknowledged.max(number.parse::<u64>().unwrap());
        });
        check(&path, acknowledged);
    }
    assert!(acknowledged > u64::from(ROUNDS));
}

/// Many write at once, so that their changes reach the disk together; others give theirs up in between.
#[test]
fn a_kill_among_many_leaves_what_each_was_told_of() {
    if std::env::var_os(STORE).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.redb");
    let mut told = [0_u64; CROWD];
    for round in 0..ROUNDS {
        kill_after(round, "the_crowd", &path, 20 + round * 31 % 97, Duration::ZERO, |did| {
            let (who, number) = did.split_once(' ').unwrap();
            told[who.parse::<usize>().unwrap()] = number.parse().unwrap();
        });
        let store = FileStore::open(&path).expect("it opens");
        let state = store.read().unwrap();
        assert_eq!(state.note("given up").unwrap(), None);
        for (who, told) in told.iter().enumerate() {
            let who = who as u64;
            let rows = state.refreshes_of(id(who)).unwrap();
            let steps = rows.len() as u64;
            assert!(steps >= *told && steps <= told + 1, "round {round}: {steps} steps of {who}, {told} told");
            let live: Vec<_> =
                rows.iter().filter(|(_, row)| row.revoked_at.is_none()).map(|(token, _)| *token).collect();
            let last = (steps > 0).then(|| digest(&format!("refresh {who} {steps}")));
            assert_eq!(live, Vec::from_iter(last), "round {round}: the last token of {who} alone is good");
        }
    }
}

/// Each refreshes for itself until the process is killed, and gives something up after each step.
#[test]
#[ignore = "the other test starts it"]
fn the_crowd() {
    let Some(path) = std::env::var_os(STORE) else { return };
    let store = FileStore::open(Path::new(&path)).unwrap();
    std::thread::scope(|scope| {
        for who in 0..CROWD as u64 {
            let store = &store;
            scope.spawn(move || {
                let now = Moment::from_seconds(1_000);
                let row = |revoked_at| Refresh {
                    user: id(who),
                    created_at: now,
                    access_until: now,
                    revoked_at,
                    roles: Vec::new(),
                };
                let token = |number: u64| digest(&format!("refresh {who} {number}"));
                let first = store.read().unwrap().refreshes_of(id(who)).unwrap().len() as u64 + 1;
                for number in first.. {
                    let mut transaction = store.write().unwrap();
                    if number > 1 {
                        transaction.put_refresh(&token(number - 1), &row(Some(now))).unwrap();
                    }
                    transaction.put_refresh(&token(number), &row(None)).unwrap();
                    transaction.commit().unwrap();
                    println!("did {who} {number}");
                    let mut given_up = store.write().unwrap();
                    given_up.put_note("given up", b"never there").unwrap();
                    given_up.remove_refresh(&token(number)).unwrap();
                }
            });
        }
    });
}

/// Works on the store until it is killed; each line it writes is a step that is on the disk.
#[test]
#[ignore = "the other test starts it"]
fn the_child() {
    let Some(path) = std::env::var_os(STORE) else { return };
    let store = FileStore::open(Path::new(&path)).unwrap();
    let first =
        store.read().unwrap().note("steps").unwrap().map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
    for number in first + 1.. {
        step(&store, number);
        println!("did {number}");
    }
}

/// One step: a user comes, with a mail token and a refresh token; that of the user before is used, and the one before that
/// goes.
fn step(store: &FileStore, number: u64) {
    let mut transaction = store.write().unwrap();
    let now = Moment::from_seconds(1_000 + number);
    let mut user = User::new(id(number), "", &format!("user{number}@b.example"), "email", now);
    user.mail_tokens.set(MailKind::Confirmation, Some(digest(&format!("mail {number}"))));
    transaction.put_user(&user).unwrap();
    let row = |user: u64, revoked_at| Refresh {
        user: id(user),
        created_at: now,
        access_until: now,
        revoked_at,
        roles: Vec::new(),
    };
    transaction.put_refresh(&digest(&format!("refresh {number}")), &row(number, None)).unwrap();
    if number > 1 && transaction.user(id(number - 1)).unwrap().is_some() {
        transaction.put_refresh(&digest(&format!("refresh {}", number - 1)), &row(number - 1, Some(now))).unwrap();
    }
    if number > 2 {
        transaction.remove_user(id(number - 2)).unwrap();
    }
    transaction.put_note("steps", &number.to_le_bytes()).unwrap();
    transaction.commit().unwrap();
}

/// Starts an ignored test of this file with the store at `path`, hands on what each of its lines says that it did, and kills it a
/// moment after so many.
fn kill_after(round: u32, child: &str, path: &Path, steps: u32, moment: Duration, mut did: impl FnMut(&str)) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([child, "--exact", "--nocapture", "--ignored"])
        .env(STORE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some((_, said)) = line.split_once("did ") else { continue };
        did(said);
        seen += 1;
        if seen == steps {
            let since = Instant::now();
            while since.elapsed() < moment {}
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen >= steps, "round {round}: the child ended by itself");
}

fn check(path: &Path, acknowledged: u64) {
    let since = Instant::now();
    let store = FileStore::open(path).expect("it opens");
    assert!(since.elapsed() < Duration::from_secs(20), "it opens at once");
    let state = store.read().unwrap();
    let steps = u64::from_le_bytes(state.note("steps").unwrap().unwrap().try_into().unwrap());
    // One step may have reached the disk before its word reached us.
    assert!(steps >= acknowledged && steps <= acknowledged + 1, "{steps} of {acknowledged}");
    let mut users = HashMap::new();
    state
        .users(Order::Ascending, &mut |user| {
            users.insert(user.id, user);
            ControlFlow::Continue(())
        })
        .unwrap();
    let expected: Vec<u64> = (steps.saturating_sub(1).max(1)..=steps).collect();
    assert_eq!(users.len(), expected.len());
    assert_eq!(state.user_count("").unwrap(), expected.len() as u64);
    for number in expected {
        let email = format!("USER{number}@b.example");
        let user = state.user_by_email("", &email).unwrap().expect("found by address");
        assert_eq!(user.id, id(number));
        let mail = state.user_by_mail_token(MailKind::Confirmation, &digest(&format!("mail {number}"))).unwrap();
        assert_eq!(mail.map(|user| user.id), Some(id(number)));
        let rows = state.refreshes_of(id(number)).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].1.revoked_at.is_some(), number < steps, "used with the next step, and not before");
        assert_eq!(state.refresh(&digest(&format!("refresh {number}"))).unwrap().as_ref(), Some(&rows[0].1));
    }
    for gone in 1..steps.saturating_sub(1) {
        assert_eq!(state.user_by_email("", &format!("user{gone}@b.example")).unwrap(), None);
        assert_eq!(state.refresh(&digest(&format!("refresh {gone}"))).unwrap(), None);
        let mail = state.user_by_mail_token(MailKind::Confirmation, &digest(&format!("mail {gone}"))).unwrap();
        assert_eq!(mail, None);
    }
}

fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(7, number)
}
