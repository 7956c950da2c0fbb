//! Whatever is done in whatever order: no refresh token is good twice after its grace, and those of a removed or logged-out
//! user refresh nothing.
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
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use rolegate_identity::store::{FileStore, Store};
use rolegate_identity::tokens;

mod common;

use common::World;

const GRACE: u64 = 10;
const USERS: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    LogIn(usize),
    /// The token of this place among all that were ever handed out.
    Refresh(prop::sample::Index),
    LogOut(usize),
    Remove(usize),
    Wait(u64),
}

/// What a token is worth.
#[derive(Clone, Debug)]
struct Known {
    user: usize,
    /// Since when it has been used, and for which one.
    used: Option<(u64, String)>,
    is_dead: bool,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..USERS).prop_map(Step::LogIn),
        8 => any::<prop::sample::Index>().prop_map(Step::Refresh),
        1 => (0..USERS).prop_map(Step::LogOut),
        1 => (0..USERS).prop_map(Step::Remove),
        4 => prop_oneof![Just(0), Just(1), Just(9), Just(10), Just(3600)].prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn refresh_tokens(steps in prop::collection::vec(step(), 1..30)) {
        play(&steps);
    }
}

fn play(steps: &[Step]) {
    let world = World::new(|_| {});
    let mut ids: Vec<Option<String>> = (0..USERS).map(|user| Some(world.user(&email(user)))).collect();
    let mut access: Vec<Option<String>> = vec![None; USERS];
    let mut order: Vec<String> = Vec::new();
    let mut known: HashMap<String, Known> = HashMap::new();
    let mut now = 0;
    for step in steps {
        match step {
            Step::Wait(seconds) => {
                now += seconds;
                world.wait(Duration::from_secs(*seconds));
            }
            Step::LogIn(user) => {
                let answer = world.log_in(&email(*user), "password");
                assert_eq!(answer.status == 200, ids[*user].is_some());
                if answer.status == 200 {
                    let token = answer.body["refresh_token"].as_str().unwrap().to_owned();
                    access[*user] = answer.body["access_token"].as_str().map(str::to_owned);
                    order.push(token.clone());
                    known.insert(token, Known { user: *user, used: None, is_dead: false });
                }
            }
            Step::Refresh(place) if !order.is_empty() => {
                let token = place.get(&order).clone();
                let answer = world.refresh(&token);
                let was = known[&token].clone();
                let next = answer.body["refresh_token"].as_str().map(str::to_owned);
                match (&was.used, was.is_dead) {
                    (_, true) => assert_eq!(answer.status, 400, "{token} is dead"),
                    (Some((since, next_one)), false) if now - since < GRACE => {
                        assert_eq!(next.as_ref(), Some(next_one), "the same successor");
                    }
                    (Some(_), false) => assert_eq!(answer.status, 400, "used, and its grace is over"),
                    (None, false) => {
                        let next = next.expect("a good token");
                        known.get_mut(&token).unwrap().used = Some((now, next.clone()));
                        order.push(next.clone());
                        known.insert(next, Known { user: was.user, used: None, is_dead: false });
                    }
                }
            }
            Step::Refresh(_) => {}
            Step::LogOut(user) => {
                let Some(token) = &access[*user] else { continue };
                let answer = world.ask("POST", "/logout").bearer(token).send();
                if answer.status == 204 {
                    known.values_mut().filter(|known| known.user == *user).for_each(|known| known.is_dead = true);
                }
            }
            Step::Remove(user) => {
                let Some(id) = ids[*user].take() else { continue };
                let path = format!("/admin/users/{id}");
                assert_eq!(world.ask("DELETE", &path).bearer(world.service.operator_token()).send().status, 200);
                known.values_mut().filter(|known| known.user == *user).for_each(|known| known.is_dead = true);
            }
        }
    }
}

fn email(user: usize) -> String {
    format!("user{user}@b.example")
}

/// Which refresh clears up is chance: one in sixteen.
#[test]
fn used_refresh_tokens_are_not_kept_for_ever() {
    let store: Arc<dyn Store> = Arc::new(FileStore::in_memory().unwrap());
    let world = World::over(store.clone(), |_| {});
    let id = world.user("a@b").parse().unwrap();
    let mut token = world.log_in("a@b", "password").body["refresh_token"].as_str().unwrap().to_owned();
    let kept = || store.read().unwrap().refreshes_of(id).unwrap().len();
    let mut cleared = 0;
    for _ in 0..600 {
        let before = kept();
        world.wait(Duration::from_secs(3 * 60 * 60));
        token = world.refresh(&token).body["refresh_token"].as_str().expect("refreshed").to_owned();
        cleared += usize::from(kept() <= before);
    }
    assert!(cleared > 0, "{} are kept", kept());
}

#[test]
fn many_at_once_get_one_successor() {
    let world = Arc::new(World::new(|_| {}));
    world.user("a@b");
    let token = world.log_in("a@b", "password").body["refresh_token"].as_str().unwrap().to_owned();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (world, token) = (Arc::clone(&world), token.clone());
            thread::spawn(move || world.refresh(&token).body["refresh_token"].as_str().map(str::to_owned))
        })
        .collect();
    let mut successors: Vec<_> =
        threads.into_iter().map(|thread| thread.join().unwrap().expect("in its grace")).collect();
    successors.dedup();
    assert_eq!(successors.len(), 1);
}

/// Without a grace a token is good for one of many who send it at once, and each of their turns ends with one good token.
#[test]
fn many_at_once_refresh_once_where_there_is_no_grace() {
    let store: Arc<dyn Store> = Arc::new(FileStore::in_memory().unwrap());
    let world = World::over(store.clone(), |settings| settings.strict = true);
    let id = world.user("a@b").parse().unwrap();
    let mut token = world.log_in("a@b", "password").body["refresh_token"].as_str().unwrap().to_owned();
    for round in 1..=6 {
        let start = std::sync::Barrier::new(32);
        let next: Vec<String> = thread::scope(|scope| {
            let threads: Vec<_> = (0..32)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        world.refresh(&token).body["refresh_token"].as_str().map(str::to_owned)
                    })
                })
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(next.len(), 1, "round {round}");
        token = next[0].clone();
        let rows = store.read().unwrap().refreshes_of(id).unwrap();
        assert_eq!(rows.iter().filter(|(_, row)| row.revoked_at.is_none()).count(), 1, "round {round}");
    }
}

/// A log-out among many refreshes: whoever is answered after it has nothing that refreshes.
#[test]
fn nothing_refreshes_after_a_log_out_among_many_refreshes() {
    let store: Arc<dyn Store> = Arc::new(FileStore::in_memory().unwrap());
    let world = World::over(store.clone(), |_| {});
    let id = world.user("a@b").parse().unwrap();
    for round in 0..6 {
        let logged_in = world.log_in("a@b", "password").body;
        let text = |name: &str| logged_in[name].as_str().unwrap().to_owned();
        let (access, refresh) = (text("access_token"), text("refresh_token"));
        let start = std::sync::Barrier::new(17);
        let ended: Vec<String> = thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        let mut token = refresh.clone();
                        for _ in 0..4 {
                            match world.refresh(&token).body["refresh_token"].as_str() {
                                Some(next) => token = next.to_owned(),
                                None => break,
                            }
                        }
                        token
                    })
                })
                .collect();
            start.wait();
            assert_eq!(world.ask("POST", "/logout").bearer(&access).send().status, 204);
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(store.read().unwrap().refreshes_of(id).unwrap().is_empty(), "round {round}");
        for token in ended {
            assert_eq!(world.refresh(&token).status, 400, "round {round}");
        }
    }
}

#[test]
fn a_mailed_token_that_comes_many_times_at_once_is_good_once() {
    let world = Arc::new(World::new(|_| {}));
    world.post("/signup", serde_json::json!({ "email": "a@b", "password": "password" }));
    let token = world.mailed();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (world, token) = (Arc::clone(&world), token.clone());
            thread::spawn(move || world.post("/verify", serde_json::json!({ "type": "signup", "token": token })).status)
        })
        .collect();
    let good = threads.into_iter().filter_map(|thread| thread.join().ok()).filter(|status| *status == 200).count();
    assert_eq!(good, 1);
}

#[test]
fn one_address_that_signs_up_many_times_at_once_is_one_user() {
    let world = Arc::new(World::new(|settings| settings.autoconfirm = true));
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let body = serde_json::json!({ "email": "a@b", "password": format!("password {number}") });
                world.post("/signup", body).status
            })
        })
        .collect();
    let statuses: Vec<u16> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let list = world.ask("GET", "/admin/users").bearer(world.service.operator_token()).send();
    assert_eq!(list.field("x-total-count"), "1");
}

#[test]
fn what_is_stored_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.redb");
    let world = World::over(Arc::new(rolegate_identity::store::FileStore::open(&path).unwrap()), |_| {});
    world.post("/signup", serde_json::json!({ "email": "a@b", "password": "a password" }));
    let mailed = world.mailed();
    let verified = world.post("/verify", serde_json::json!({ "type": "signup", "token": mailed }));
    let refresh = verified.body["refresh_token"].as_str().unwrap().to_owned();
    world.post("/recover", serde_json::json!({ "email": "a@b" }));
    let recovery = world.mailed();
    let bytes = std::fs::read(&path).unwrap();
    for secret in [mailed.as_str(), &refresh, &recovery, "a password", world.service.operator_token()] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} is in the file");
    }
    assert!(bytes.windows(10).any(|window| window == b"$argon2id$"));
    assert_eq!(tokens::KEY_ID, "nf-ident");
}
