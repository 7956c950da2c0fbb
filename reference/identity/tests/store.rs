//! The store beside a plain model of it: changes that are given up, or that fail half-way, leave nothing behind.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails may panic"
)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use proptest::prelude::*;
use rolegate_identity::Moment;
use rolegate_identity::secrets::digest;
use rolegate_identity::store::{FileStore, Order, Reading, Refresh, Store, Writing};
use rolegate_identity::user::{MailKind, User};
use uuid::Uuid;

const FEW: u8 = 3;

#[derive(Clone, Debug)]
enum Change {
    /// This user, with this address and this mail token.
    User(u8, u8, u8),
    Remove(u8),
    /// This refresh token of this user, used or not.
    Refresh(u8, u8, bool),
    RemoveRefresh(u8),
    Note(u8, u8),
    Audit(u8),
}

/// What should be there.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    users: BTreeMap<u8, (u8, u8)>,
    refreshes: BTreeMap<u8, (u8, bool)>,
    notes: BTreeMap<u8, u8>,
    audit: Vec<u8>,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0..FEW, 0..FEW, 0..FEW).prop_map(|(user, email, token)| Change::User(user, email, token)),
        2 => (0..FEW).prop_map(Change::Remove),
        4 => (0..FEW, 0..FEW, any::<bool>()).prop_map(|(token, user, used)| Change::Refresh(token, user, used)),
        2 => (0..FEW).prop_map(Change::RemoveRefresh),
        1 => (0..FEW, any::<u8>()).prop_map(|(name, value)| Change::Note(name, value)),
        1 => any::<u8>().prop_map(Change::Audit),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_committed_leaves_nothing(
        transactions in prop::collection::vec((prop::collection::vec(change(), 0..6), any::<bool>()), 1..12)
    ) {
        let store = FileStore::in_memory().unwrap();
        let mut model = Model::default();
        for (changes, commits) in &transactions {
            let mut transaction = store.write().unwrap();
            // Of the same state, also where the last one was given up and the disk not waited for.
            assert_eq!(read(&*transaction), model);
            let mut next = model.clone();
            let done = changes.iter().all(|change| make(&mut *transaction, &mut next, change));
            if done {
                assert_eq!(read(&*transaction), next, "it reads what it has written");
            }
            if done && *commits {
                transaction.commit().unwrap();
                model = next;
            } else {
                drop(transaction);
            }
            assert_eq!(read(&*store.read().unwrap()), model);
        }
    }
}

/// Makes a change in both; whether the store did it.
fn make(transaction: &mut dyn Writing, model: &mut Model, change: &Change) -> bool {
    let now = Moment::from_seconds(1000);
    match *change {
        Change::User(number, email, token) => {
            let mut user = User::new(id(number), "", &format!("{email}@b.example"), "email", now);
            user.mail_tokens.set(MailKind::Recovery, Some(digest(&format!("mail {number} {token}"))));
            let is_taken = model.users.iter().any(|(other, (taken, _))| *other != number && *taken == email);
            assert_eq!(transaction.put_user(&user).is_err(), is_taken);
            model.users.insert(number, (email, token));
            !is_taken
        }
        Change::Remove(number) => {
            assert_eq!(transaction.remove_user(id(number)).unwrap(), model.users.remove(&number).is_some());
            // Those of a user who is not there stay.
            if transaction.refreshes_of(id(number)).unwrap().is_empty() {
                model.refreshes.retain(|_, (user, _)| *user != number);
            }
            true
        }
        Change::Refresh(token, user, is_used) => {
            // A token never goes to another user.
            let user = model.refreshes.get(&token).map_or(user, |(user, _)| *user);
            let row = Refresh {
                user: id(user),
                created_at: now,
                access_until: now,
                revoked_at: is_used.then_some(now),
                roles: Vec::new(),
            };
            transaction.put_refresh(&digest(&format!("refresh {token}")), &row).unwrap();
            model.refreshes.insert(token, (user, is_used));
            true
        }
        Change::RemoveRefresh(token) => {
            transaction.remove_refresh(&digest(&format!("refresh {token}"))).unwrap();
            model.refreshes.remove(&token);
            true
        }
        Change::Note(name, value) => {
            transaction.put_note(&name.to_string(), &[value]).unwrap();
            model.notes.insert(name, value);
            true
        }
        Change::Audit(number) => {
            let entry = rolegate_identity::store::AuditEntry {
                id: number.to_string(),
                payload: serde_json::Map::new(),
                created_at: now.to_string(),
            };
            transaction.add_audit(now, &entry).unwrap();
            model.audit.push(number);
            true
        }
    }
}

/// Everything that is there, by every way in which it is found.
fn read<R: Reading + ?Sized>(state: &R) -> Model {
    let mut found = Model::default();
    let mut listed = Vec::new();
    let mut visit = |user: User| {
        listed.push(user.id);
        ControlFlow::Continue(())
    };
    state.users(Order::Ascending, &mut visit).unwrap();
    for number in 0..FEW {
        let user = state.user(id(number)).unwrap();
        assert_eq!(listed.contains(&id(number)), user.is_some(), "{number}");
        for email in 0..FEW {
            for token in 0..FEW {
                let by_email = state.user_by_email("", &format!("{email}@B.EXAMPLE")).unwrap();
                let mailed = digest(&format!("mail {number} {token}"));
                let by_token = state.user_by_mail_token(MailKind::Recovery, &mailed).unwrap();
                let is_by_email = by_email.is_some_and(|found| found.id == id(number));
                let is_by_token = by_token.is_some_and(|found| found.id == id(number));
                if is_by_email && is_by_token {
                    found.users.insert(number, (email, token));
                }
                let is_email = user.as_ref().is_some_and(|user| user.email == format!("{email}@b.example"));
                let is_token =
                    user.as_ref().is_some_and(|user| user.mail_tokens.of(MailKind::Recovery) == Some(mailed));
                assert_eq!((is_by_email, is_by_token), (is_email, is_token));
            }
        }
        let token = digest(&format!("refresh {number}"));
        if let Some(row) = state.refresh(&token).unwrap() {
            let user = (0..FEW).find(|user| id(*user) == row.user).unwrap();
            found.refreshes.insert(number, (user, row.revoked_at.is_some()));
            assert!(state.refreshes_of(row.user).unwrap().contains(&(token, row)));
        }
        if let Some(value) = state.note(&number.to_string()).unwrap() {
            found.notes.insert(number, value[0]);
        }
    }
    let of_users: usize = (0..FEW).map(|user| state.refreshes_of(id(user)).unwrap().len()).sum();
    assert_eq!(of_users, found.refreshes.len());
    assert_eq!((state.user_count("").unwrap(), listed.len()), (found.users.len() as u64, found.users.len()));
    let mut visit = |entry: rolegate_identity::store::AuditEntry| {
        found.audit.insert(0, entry.id.parse().unwrap());
        ControlFlow::Continue(())
    };
    state.audit(&mut visit).unwrap();
    found
}

fn id(number: u8) -> Uuid {
    Uuid::from_u64_pair(7, number.into())
}
