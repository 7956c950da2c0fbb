//! The audit log: who did what.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::Admin;
use crate::Moment;
use crate::refusal::Refusal;
use crate::secrets;
use crate::store::{AuditEntry, Writing};
use crate::user::User;

/// So much of a name stands in an entry, in characters: users choose it, and there is an entry for whatever they do.
const LONGEST_NAME: usize = 200;

/// What the audit log says happened.
#[derive(Clone, Copy)]
pub(super) enum Action {
    Login,
    Logout,
    InviteAccepted,
    UserSignedUp,
    UserInvited,
    UserDeleted,
    TokenRefreshed,
    UserModified,
    RecoveryRequested,
}

impl Action {
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Action::Login => ("login", "account"),
            Action::Logout => ("logout", "account"),
            Action::InviteAccepted => ("invite_accepted", "account"),
            Action::UserSignedUp => ("user_signedup", "team"),
            Action::UserInvited => ("user_invited", "team"),
            Action::UserDeleted => ("user_deleted", "team"),
            Action::TokenRefreshed => ("token_refreshed", "token"),
            Action::UserModified => ("user_modified", "user"),
            Action::RecoveryRequested => ("user_recovery_requested", "user"),
        }
    }
}

impl Admin {
    /// Who stands in the audit log.
    pub(super) fn actor(&self) -> (String, String, Option<String>) {
        match self {
            Admin::System => (Uuid::nil().to_string(), String::new(), None),
            Admin::User(user) => actor(user),
        }
    }
}

pub(super) fn actor(user: &User) -> (String, String, Option<String>) {
    let name = user.user_metadata.as_ref().and_then(|data| data.get("full_name")).and_then(Value::as_str);
    (user.id.to_string(), user.email.clone(), name.map(|name| name.chars().take(LONGEST_NAME).collect()))
}

/// Writes an entry to the audit log.
pub(super) fn note(
    transaction: &mut dyn Writing,
    now: Moment,
    (id, email, name): (String, String, Option<String>),
    action: Action,
    traits: Option<Value>,
) -> Result<(), Refusal> {
    let (action, kind) = action.names();
    let mut payload = Map::new();
    payload.insert("timestamp".to_owned(), now.to_string().into());
    payload.insert("actor_id".to_owned(), id.into());
    payload.insert("actor_email".to_owned(), email.into());
    payload.extend(name.map(|name| ("actor_name".to_owned(), name.into())));
    payload.insert("action".to_owned(), action.into());
    payload.insert("log_type".to_owned(), kind.into());
    payload.extend(traits.map(|traits| ("traits".to_owned(), traits)));
    let entry = AuditEntry { id: secrets::id()?.to_string(), payload, created_at: now.to_string() };
    Ok(transaction.add_audit(now, &entry)?)
}
