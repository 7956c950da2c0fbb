//! The store in one file, by redb: copy-on-write trees, so that a file is of the last commit whenever the process is killed.
//!
//! Commits wait for the disk together. Each is made at once in memory, in its turn, and then waits until one of those
//! who wait has brought all of them to the disk. That one waits a moment for those who are about to commit, so many refresh a
//! second although the disk answers a few hundred times.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redb::backends::InMemoryBackend;
use redb::{
    Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    ReadableTableMetadata as _, TableDefinition, WriteTransaction,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::writers::{Writer, Writers};
use super::{AUDIT_ENTRIES, AuditEntry, Fault, Order, Reading, Refresh, Store, Writing};
use crate::Moment;
use crate::secrets::TokenDigest;
use crate::user::{MailKind, User, folded};

/// How much of the file is kept in memory, in bytes.
const CACHE: usize = 48 * 1024 * 1024;
/// How long those who are about to commit are waited for, before the disk is.
const GATHERED: Duration = Duration::from_millis(10);

const USERS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("users");
/// `AUDIENCE NUL address-in-lower-case` → id
const EMAILS: TableDefinition<'_, &str, u128> = TableDefinition::new("emails");
/// When and who; in the order in which lists show users.
const CREATED: TableDefinition<'_, (u64, u128), ()> = TableDefinition::new("created");
const MAIL_TOKENS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("mail_tokens");
const REFRESHES: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("refreshes");
const REFRESHES_OF: TableDefinition<'_, (u128, &[u8; 32]), ()> = TableDefinition::new("refreshes_of");
const AUDIT: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("audit");
const NOTES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("notes");

/// A store in one file.
pub struct FileStore {
    database: Database,
    /// How many commits have been made in memory.
    made: AtomicU64,
    /// How many of them are on the disk.
    synced: Mutex<u64>,
    writers: Writers,
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").finish_non_exhaustive()
    }
}

impl FileStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// [`Fault::Locked`] where another process has it open; otherwise where it cannot be read, or is no store.
    pub fn open(path: &Path) -> Result<FileStore, Fault> {
        FileStore::over(Builder::new().set_cache_size(CACHE).create(path))
    }

    /// A store that nobody finds again, for tests.
    ///
    /// # Errors
    /// Where there is no memory.
    pub fn in_memory() -> Result<FileStore, Fault> {
        FileStore::over(Builder::new().create_with_backend(InMemoryBackend::new()))
    }

    fn over(database: Result<Database, DatabaseError>) -> Result<FileStore, Fault> {
        let database = database.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => Fault::Locked,
            error => Fault::Disk(error.to_string()),
        })?;
        let store = FileStore { database, made: AtomicU64::new(0), synced: Mutex::new(0), writers: Writers::default() };
        // Reading never has to ask whether a table is there.
        let mut transaction = store.database.begin_write().map_err(disk)?;
        transaction.set_quick_repair(true);
        transaction.open_table(USERS).map_err(disk)?;
        transaction.open_table(EMAILS).map_err(disk)?;
        transaction.open_table(CREATED).map_err(disk)?;
        transaction.open_table(MAIL_TOKENS).map_err(disk)?;
        transaction.open_table(REFRESHES).map_err(disk)?;
        transaction.open_table(REFRESHES_OF).map_err(disk)?;
        transaction.open_table(AUDIT).map_err(disk)?;
        transaction.open_table(NOTES).map_err(disk)?;
        transaction.commit().map_err(disk)?;
        Ok(store)
    }

    /// Waits until the commit of this number is on the disk.
    fn sync(&self, number: u64) -> Result<(), Fault> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if *synced >= number {
            return Ok(());
        }
        // Whoever comes here brings along all that was made by now.
        self.writers.settle(GATHERED);
        let mut transaction = self.database.begin_write().map_err(disk)?;
        let made = self.made.load(Ordering::SeqCst);
        transaction.set_quick_repair(true);
        transaction.open_table(NOTES).map_err(disk)?.insert("synced", made.to_le_bytes().as_slice()).map_err(disk)?;
        transaction.commit().map_err(disk)?;
        *synced = made;
        Ok(())
    }
}

impl Store for FileStore {
    fn read(&self) -> Result<Box<dyn Reading + '_>, Fault> {
        Ok(Box::new(Read { transaction: self.database.begin_read().map_err(disk)? }))
    }

    fn write(&self) -> Result<Box<dyn Writing + '_>, Fault> {
        let writer = self.writers.enter();
        let mut transaction = self.database.begin_write().map_err(disk)?;
        transaction.set_durability(Durability::None).map_err(disk)?;
        Ok(Box::new(Write { transaction, store: self, writer }))
    }
}

struct Read {
    transaction: ReadTransaction,
}

struct Write<'a> {
    transaction: WriteTransaction,
    store: &'a FileStore,
    writer: Writer<'a>,
}

/// Both kinds of transactions read in the same words, and share no trait that would let them share the text.
macro_rules! reading {
    ($transaction:ty) => {
        impl Reading for $transaction {
            fn user(&self, id: Uuid) -> Result<Option<User>, Fault> {
                let table = self.transaction.open_table(USERS).map_err(disk)?;
                let found = table.get(id.as_u128()).map_err(disk)?;
                found.map(|value| decoded(value.value())).transpose()
            }

            fn user_by_email(&self, aud: &str, email: &str) -> Result<Option<User>, Fault> {
                let table = self.transaction.open_table(EMAILS).map_err(disk)?;
                let id = table.get(address(aud, email).as_str()).map_err(disk)?.map(|id| id.value());
                id.map_or(Ok(None), |id| self.user(Uuid::from_u128(id)))
            }

            fn user_by_mail_token(&self, kind: MailKind, token: &TokenDigest) -> Result<Option<User>, Fault> {
                let table = self.transaction.open_table(MAIL_TOKENS).map_err(disk)?;
                let Some(value) = table.get(token).map_err(disk)? else { return Ok(None) };
                let (id, of): (Uuid, MailKind) = decoded(value.value())?;
                let user = if of == kind { self.user(id)? } else { None };
                // The user's own record says which token is out; the table only finds it.
                Ok(user.filter(|user| user.mail_tokens.of(kind) == Some(*token)))
            }

            fn users(&self, order: Order, visit: &mut dyn FnMut(User) -> ControlFlow<()>) -> Result<(), Fault> {
                let created = self.transaction.open_table(CREATED).map_err(disk)?;
                let mut rows = created.iter().map_err(disk)?;
                while let Some(row) = match order {
                    Order::Ascending => rows.next(),
                    Order::Descending => rows.next_back(),
                } {
                    let (_, id) = row.map_err(disk)?.0.value();
                    let Some(user) = self.user(Uuid::from_u128(id))? else { continue };
                    if visit(user).is_break() {
                        break;
                    }
                }
                Ok(())
            }

            fn user_count(&self) -> Result<u64, Fault> {
                self.transaction.open_table(USERS).map_err(disk)?.len().map_err(disk)
            }

            fn refresh(&self, token: &TokenDigest) -> Result<Option<Refresh>, Fault> {
                let table = self.transaction.open_table(REFRESHES).map_err(disk)?;
                let found = table.get(token).map_err(disk)?;
                found.map(|value| decoded(value.value())).transpose()
            }

            fn refreshes_of(&self, user: Uuid) -> Result<Vec<(TokenDigest, Refresh)>, Fault> {
                let table = self.transaction.open_table(REFRESHES_OF).map_err(disk)?;
                let rows = table.range((user.as_u128(), &[0; 32])..=(user.as_u128(), &[255; 32])).map_err(disk)?;
                let mut found = Vec::new();
                for row in rows {
                    let token = *row.map_err(disk)?.0.value().1;
                    found.extend(self.refresh(&token)?.map(|refresh| (token, refresh)));
                }
                Ok(found)
            }

            fn audit(&self, visit: &mut dyn FnMut(AuditEntry) -> ControlFlow<()>) -> Result<(), Fault> {
                let table = self.transaction.open_table(AUDIT).map_err(disk)?;
                for row in table.iter().map_err(disk)?.rev() {
                    let entry = decoded(row.map_err(disk)?.1.value())?;
                    if visit(entry).is_break() {
                        break;
                    }
                }
                Ok(())
            }

            fn note(&self, name: &str) -> Result<Option<Vec<u8>>, Fault> {
                let table = self.transaction.open_table(NOTES).map_err(disk)?;
                Ok(table.get(name).map_err(disk)?.map(|value| value.value().to_vec()))
            }
        }
    };
}

reading!(Read);
reading!(Write<'_>);

impl Write<'_> {
    /// Takes out the rows by which a user is found.
    fn unlist(&mut self, user: &User) -> Result<(), Fault> {
        let key = (user.created_at.micros(), user.id.as_u128());
        self.transaction.open_table(CREATED).map_err(disk)?.remove(key).map_err(disk)?;
        let mut emails = self.transaction.open_table(EMAILS).map_err(disk)?;
        emails.remove(address(&user.aud, &user.email).as_str()).map_err(disk)?;
        let mut tokens = self.transaction.open_table(MAIL_TOKENS).map_err(disk)?;
        for (_, token) in user.mail_tokens.iter() {
            tokens.remove(&token).map_err(disk)?;
        }
        Ok(())
    }
}

impl Writing for Write<'_> {
    fn put_user(&mut self, user: &User) -> Result<(), Fault> {
        if let Some(old) = self.user(user.id)? {
            self.unlist(&old)?;
        }
        let id = user.id.as_u128();
        let mut emails = self.transaction.open_table(EMAILS).map_err(disk)?;
        let taken = emails.insert(address(&user.aud, &user.email).as_str(), id).map_err(disk)?;
        if taken.is_some_and(|other| other.value() != id) {
            return Err(Fault::Content("two users with one address".to_owned()));
        }
        let mut created = self.transaction.open_table(CREATED).map_err(disk)?;
        created.insert((user.created_at.micros(), id), ()).map_err(disk)?;
        let mut tokens = self.transaction.open_table(MAIL_TOKENS).map_err(disk)?;
        for (kind, token) in user.mail_tokens.iter() {
            tokens.insert(&token, encoded(&(user.id, kind))?.as_slice()).map_err(disk)?;
        }
        let mut users = self.transaction.open_table(USERS).map_err(disk)?;
        users.insert(id, encoded(user)?.as_slice()).map_err(disk)?;
        Ok(())
    }

    fn remove_user(&mut self, id: Uuid) -> Result<bool, Fault> {
        let Some(user) = self.user(id)? else { return Ok(false) };
        for (token, _) in self.refreshes_of(id)? {
            self.remove_refresh(&token)?;
        }
        self.unlist(&user)?;
        self.transaction.open_table(USERS).map_err(disk)?.remove(id.as_u128()).map_err(disk)?;
        Ok(true)
    }

    fn put_refresh(&mut self, token: &TokenDigest, refresh: &Refresh) -> Result<(), Fault> {
        let mut table = self.transaction.open_table(REFRESHES).map_err(disk)?;
        table.insert(token, encoded(refresh)?.as_slice()).map_err(disk)?;
        let mut of = self.transaction.open_table(REFRESHES_OF).map_err(disk)?;
        of.insert((refresh.user.as_u128(), token), ()).map_err(disk)?;
        Ok(())
    }

    fn remove_refresh(&mut self, token: &TokenDigest) -> Result<(), Fault> {
        let Some(refresh) = self.refresh(token)? else { return Ok(()) };
        self.transaction.open_table(REFRESHES).map_err(disk)?.remove(token).map_err(disk)?;
        let mut of = self.transaction.open_table(REFRESHES_OF).map_err(disk)?;
        of.remove((refresh.user.as_u128(), token)).map_err(disk)?;
        Ok(())
    }

    fn add_audit(&mut self, now: Moment, entry: &AuditEntry) -> Result<(), Fault> {
        let mut table = self.transaction.open_table(AUDIT).map_err(disk)?;
        let last = table.last().map_err(disk)?.map_or(0, |(key, _)| key.value());
        table.insert(now.micros().max(last.saturating_add(1)), encoded(entry)?.as_slice()).map_err(disk)?;
        if table.len().map_err(disk)? > AUDIT_ENTRIES {
            table.pop_first().map_err(disk)?;
        }
        Ok(())
    }

    fn put_note(&mut self, name: &str, value: &[u8]) -> Result<(), Fault> {
        self.transaction.open_table(NOTES).map_err(disk)?.insert(name, value).map_err(disk)?;
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<(), Fault> {
        let Write { transaction, store, writer } = *self;
        // Counted while no other transaction can be open, so that the numbers are in the order of the commits.
        let number = store.made.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        transaction.commit().map_err(disk)?;
        drop(writer);
        store.sync(number)
    }
}

/// The key of an address.
fn address(aud: &str, email: &str) -> String {
    format!("{aud}\0{}", folded(email))
}

fn encoded(value: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(value).map_err(|error| Fault::Content(error.to_string()))
}

fn decoded<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|error| Fault::Content(error.to_string()))
}

fn disk(error: impl fmt::Display) -> Fault {
    Fault::Disk(error.to_string())
}
