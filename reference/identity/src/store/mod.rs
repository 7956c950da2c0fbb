//! What is kept: users, what is out of refresh tokens and mail tokens, and the audit log.
//!
//! The service speaks to a [`Store`] in transactions. What is read in one is of one state; what is written in one is there
//! whole or not at all, also when the process is killed. Of tokens the store has digests alone.

mod file;
mod rows;
mod writers;

use std::fmt;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::Moment;
use crate::secrets::TokenDigest;
use crate::user::{MailKind, User};

pub use file::FileStore;

/// So many entries of the audit log are kept; the oldest goes when another comes.
pub const AUDIT_ENTRIES: u64 = 50_000;

/// Why something cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Another process has the store open.
    #[error("the store is open in another process")]
    Locked,
    /// The disk, or the file on it, does not do what it should.
    #[error("the store fails: {0}")]
    Disk(String),
    /// What is in it is not what was written.
    #[error("the store holds what cannot be read: {0}")]
    Content(String),
}

/// A refresh token as it is kept, under its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// Whose it is.
    pub user: Uuid,
    /// When it was made.
    pub created_at: Moment,
    /// When the access token that came with it runs out.
    pub access_until: Moment,
    /// When it was used, after which it is good no longer.
    pub revoked_at: Option<Moment>,
    /// The gate's roles in that access token.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id.
    pub id: String,
    /// Who did what.
    pub payload: Map<String, Value>,
    /// When.
    pub created_at: String,
}

/// In which order users are gone through: by when they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The oldest first.
    Ascending,
    /// The newest first.
    Descending,
}

/// Opens transactions.
pub trait Store: Send + Sync + fmt::Debug {
    /// One state, to read from.
    ///
    /// # Errors
    /// Where the store fails.
    fn read(&self) -> Result<Box<dyn Reading + '_>, Fault>;

    /// A transaction. Others wait for its end, and without [`Writing::commit`] nothing of it stays. It reads what those
    /// before it have committed, also what has not reached the disk.
    ///
    /// # Errors
    /// Where the store fails.
    fn write(&self) -> Result<Box<dyn Writing + '_>, Fault>;
}

/// Reads one state of a store. Everything here fails only where the store does.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
pub trait Reading {
    /// The user with this id.
    fn user(&self, id: Uuid) -> Result<Option<User>, Fault>;
    /// The user with this address, in any case, and this audience.
    fn user_by_email(&self, aud: &str, email: &str) -> Result<Option<User>, Fault>;
    /// The user to whom this token was mailed for this purpose.
    fn user_by_mail_token(&self, kind: MailKind, token: &TokenDigest) -> Result<Option<User>, Fault>;
    /// Users one by one, until the visitor breaks off.
    fn users(&self, order: Order, visit: &mut dyn FnMut(User) -> ControlFlow<()>) -> Result<(), Fault>;
    /// How many users there are with this audience.
    fn user_count(&self, aud: &str) -> Result<u64, Fault>;
    /// A refresh token.
    fn refresh(&self, token: &TokenDigest) -> Result<Option<Refresh>, Fault>;
    /// All refresh tokens of a user, used ones too as long as they are kept.
    fn refreshes_of(&self, user: Uuid) -> Result<Vec<(TokenDigest, Refresh)>, Fault>;
    /// The entries of the audit log, the newest first, until the visitor breaks off.
    fn audit(&self, visit: &mut dyn FnMut(AuditEntry) -> ControlFlow<()>) -> Result<(), Fault>;
    /// What the service keeps for itself under this name.
    fn note(&self, name: &str) -> Result<Option<Vec<u8>>, Fault>;
}

/// Reads and changes a store. Everything here fails only where the store does.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
pub trait Writing: Reading {
    /// Adds or replaces a user. Mail tokens that the new version does not have are good no longer.
    fn put_user(&mut self, user: &User) -> Result<(), Fault>;
    /// Removes a user with all tokens; whether there was one.
    fn remove_user(&mut self, id: Uuid) -> Result<bool, Fault>;
    /// Adds or replaces a refresh token.
    fn put_refresh(&mut self, token: &TokenDigest, refresh: &Refresh) -> Result<(), Fault>;
    /// Removes a refresh token.
    fn remove_refresh(&mut self, token: &TokenDigest) -> Result<(), Fault>;
    /// Adds an entry to the audit log.
    fn add_audit(&mut self, now: Moment, entry: &AuditEntry) -> Result<(), Fault>;
    /// Keeps something for the service.
    fn put_note(&mut self, name: &str, value: &[u8]) -> Result<(), Fault>;
    /// Makes all of it so. When this returns it is on the disk, and so is everything that was read.
    fn commit(self: Box<Self>) -> Result<(), Fault>;
}
