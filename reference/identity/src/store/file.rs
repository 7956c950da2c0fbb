//! The store in one file, by redb: copy-on-write trees, so that a file is of the last commit whenever the process is killed.
//!
//! Changes wait for the disk together. Each is made in its turn, in the one transaction that is open, and then waits until
//! one of those who wait has brought all of them to the disk. That one waits a moment for those who are about to come, so
//! many refresh a second although the disk answers a few hundred times. A change that is given up is undone row by row, so
//! that those beside it stay.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redb::backends::InMemoryBackend;
use redb::{
    Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    ReadableTableMetadata as _, WriteTransaction,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::rows::{AUDIT, CREATED, EMAILS, MAIL_TOKENS, NOTES, REFRESHES, REFRESHES_OF, Row, USERS, disk};
use super::writers::{Writer, Writers};
use super::{AUDIT_ENTRIES, AuditEntry, Fault, Order, Reading, Refresh, Store, Writing};
use crate::Moment;
use crate::secrets::TokenDigest;
use crate::user::{MailKind, User, folded};

/// Of a file that is no whole one of redb.
const DAMAGED: &str =
    "the file is cut short or damaged; put a copy of it in its place, or move it away and begin with an empty store";

/// How much of the file is kept in memory, in bytes.
const CACHE: usize = 48 * 1024 * 1024;
/// How long those who are about to commit are waited for, before the disk is.
const GATHERED: Duration = Duration::from_millis(10);

/// A store in one file.
pub struct FileStore {
    /// Dropped before the database, which waits for a transaction that is open.
    batch: Mutex<Batch>,
    disk: Mutex<Disk>,
    disk_is_free: Condvar,
    writers: Writers,
    gathered: Duration,
    database: Database,
}

/// How far the disk is.
#[derive(Debug, Default)]
struct Disk {
    /// The number of the last batch on it.
    number: u64,
    /// Whether somebody brings the next one.
    is_busy: bool,
}

/// What goes to the disk together.
#[derive(Default)]
struct Batch {
    number: u64,
    transaction: Option<WriteTransaction>,
    /// How many have made changes in it.
    changes: u64,
    /// Why nothing goes to the disk any more, with this batch and those after it.
    fault: Option<Fault>,
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
        // redb takes the length of its file for granted, and asserts it.
        let opened = catch_unwind(|| FileStore::over(Builder::new().set_cache_size(CACHE).create(path)));
        opened.unwrap_or_else(|_| Err(Fault::Content(DAMAGED.to_owned())))
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
        let transaction = begin(&database)?;
        Row::make_tables(&transaction)?;
        transaction.commit().map_err(disk)?;
        Ok(FileStore {
            batch: Mutex::new(Batch { number: 1, ..Batch::default() }),
            disk: Mutex::default(),
            disk_is_free: Condvar::new(),
            writers: Writers::default(),
            gathered: GATHERED,
            database,
        })
    }

    /// Waits until the batch of this number is on the disk.
    fn sync(&self, number: u64) -> Result<(), Fault> {
        let is_waited_for = |disk: &mut Disk| disk.is_busy && disk.number < number;
        let disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        let mut disk = self.disk_is_free.wait_while(disk, is_waited_for).unwrap_or_else(PoisonError::into_inner);
        if disk.number >= number {
            return Ok(());
        }
        // Whoever comes here brings along all that was made by now.
        disk.is_busy = true;
        drop(disk);
        Carrier(self).carry()
    }

    /// The batch that is open, once nobody else changes anything in it.
    fn turn(&self) -> Result<MutexGuard<'_, Batch>, Fault> {
        let batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        match &batch.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(batch),
        }
    }
}

/// Who brings a batch to the disk; over when this is dropped, however that went.
struct Carrier<'a>(&'a FileStore);

impl Carrier<'_> {
    fn carry(&self) -> Result<(), Fault> {
        self.0.writers.settle(self.0.gathered);
        let mut batch = self.0.turn()?;
        self.0.writers.served();
        if let Some(transaction) = batch.transaction.take() {
            transaction.commit().map_err(|error| batch.breaks(disk(error)))?;
        }
        self.0.disk.lock().unwrap_or_else(PoisonError::into_inner).number = batch.number;
        batch.number = batch.number.saturating_add(1);
        batch.changes = 0;
        Ok(())
    }
}

impl Drop for Carrier<'_> {
    fn drop(&mut self) {
        self.0.disk.lock().unwrap_or_else(PoisonError::into_inner).is_busy = false;
        self.0.disk_is_free.notify_all();
    }
}

impl Batch {
    /// What is in the batch is no longer what it should be, so that none of it may reach the disk.
    fn breaks(&mut self, fault: Fault) -> Fault {
        self.transaction = None;
        self.fault.get_or_insert(fault).clone()
    }
}

/// Begins the transaction of a batch.
fn begin(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut transaction = database.begin_write().map_err(disk)?;
    // A file that was open when the process was killed opens at once, whatever its size.
    transaction.set_quick_repair(true);
    Ok(transaction)
}

impl Store for FileStore {
    fn read(&self) -> Result<Box<dyn Reading + '_>, Fault> {
        Ok(Box::new(Read { transaction: self.database.begin_read().map_err(disk)? }))
    }

    fn write(&self) -> Result<Box<dyn Writing + '_>, Fault> {
        let writer = self.writers.enter();
        let mut batch = self.turn()?;
        if batch.transaction.is_none() {
            batch.transaction = Some(begin(&self.database)?);
        }
        Ok(Box::new(Write { was: Vec::new(), batch, store: self, writer }))
    }
}

struct Read {
    transaction: ReadTransaction,
}

impl Read {
    #[expect(clippy::unnecessary_wraps, reason = "as with the other kind of transaction")]
    fn transaction(&self) -> Result<&ReadTransaction, Fault> {
        Ok(&self.transaction)
    }
}

/// The turn of one who changes something.
struct Write<'a> {
    /// The rows as they were before they were changed here, the last one last.
    was: Vec<Row>,
    batch: MutexGuard<'a, Batch>,
    store: &'a FileStore,
    // After the batch: who is counted out has left it.
    writer: Writer<'a>,
}

/// Both kinds of transactions read in the same words, and share no trait that would let them share the text.
macro_rules! reading {
    ($transaction:ty) => {
        impl Reading for $transaction {
            fn user(&self, id: Uuid) -> Result<Option<User>, Fault> {
                let table = self.transaction()?.open_table(USERS).map_err(disk)?;
                let found = table.get(id.as_u128()).map_err(disk)?;
                found.map(|value| decoded(value.value())).transpose()
            }

            fn user_by_email(&self, aud: &str, email: &str) -> Result<Option<User>, Fault> {
                let table = self.transaction()?.open_table(EMAILS).map_err(disk)?;
                let id = table.get(address(aud, email).as_str()).map_err(disk)?.map(|id| id.value());
                id.map_or(Ok(None), |id| self.user(Uuid::from_u128(id)))
            }

            fn user_by_mail_token(&self, kind: MailKind, token: &TokenDigest) -> Result<Option<User>, Fault> {
                let table = self.transaction()?.open_table(MAIL_TOKENS).map_err(disk)?;
                let Some(value) = table.get(token).map_err(disk)? else { return Ok(None) };
                let (id, of): (Uuid, MailKind) = decoded(value.value())?;
                let user = if of == kind { self.user(id)? } else { None };
                // The user's own record says which token is out; the table only finds it.
                Ok(user.filter(|user| user.mail_tokens.of(kind) == Some(*token)))
            }

            fn users(&self, order: Order, visit: &mut dyn FnMut(User) -> ControlFlow<()>) -> Result<(), Fault> {
                let created = self.transaction()?.open_table(CREATED).map_err(disk)?;
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

            fn user_count(&self, aud: &str) -> Result<u64, Fault> {
                let table = self.transaction()?.open_table(EMAILS).map_err(disk)?;
                let count = |from: &str, to: &str| -> Result<u64, Fault> {
                    let mut rows = table.range(from..to).map_err(disk)?;
                    rows.try_fold(0_u64, |count, row| row.map(|_| count.saturating_add(1))).map_err(disk)
                };
                match aud {
                    // Nearly all have it, so the others are counted.
                    "" => Ok(table.len().map_err(disk)?.saturating_sub(count("\u{1}", "\u{10ffff}")?)),
                    aud => count(&address(aud, ""), &format!("{aud}\u{1}")),
                }
            }

            fn refresh(&self, token: &TokenDigest) -> Result<Option<Refresh>, Fault> {
                let table = self.transaction()?.open_table(REFRESHES).map_err(disk)?;
                let found = table.get(token).map_err(disk)?;
                found.map(|value| decoded(value.value())).transpose()
            }

            fn refreshes_of(&self, user: Uuid) -> Result<Vec<(TokenDigest, Refresh)>, Fault> {
                let table = self.transaction()?.open_table(REFRESHES_OF).map_err(disk)?;
                let rows = table.range((user.as_u128(), &[0; 32])..=(user.as_u128(), &[255; 32])).map_err(disk)?;
                let mut found = Vec::new();
                for row in rows {
                    let token = *row.map_err(disk)?.0.value().1;
                    found.extend(self.refresh(&token)?.map(|refresh| (token, refresh)));
                }
                Ok(found)
            }

            fn audit(&self, visit: &mut dyn FnMut(AuditEntry) -> ControlFlow<()>) -> Result<(), Fault> {
                let table = self.transaction()?.open_table(AUDIT).map_err(disk)?;
                for row in table.iter().map_err(disk)?.rev() {
                    let entry = decoded(row.map_err(disk)?.1.value())?;
                    if visit(entry).is_break() {
                        break;
                    }
                }
                Ok(())
            }

            fn note(&self, name: &str) -> Result<Option<Vec<u8>>, Fault> {
                let table = self.transaction()?.open_table(NOTES).map_err(disk)?;
                Ok(table.get(name).map_err(disk)?.map(|value| value.value().to_vec()))
            }
        }
    };
}

reading!(Read);
reading!(Write<'_>);

impl Write<'_> {
    fn transaction(&self) -> Result<&WriteTransaction, Fault> {
        self.batch.transaction.as_ref().ok_or_else(|| Fault::Disk("no transaction is open".to_owned()))
    }

    fn put(&mut self, row: Row) -> Result<(), Fault> {
        let was = row.put(self.transaction()?).map_err(|fault| self.batch.breaks(fault))?;
        self.was.push(was);
        Ok(())
    }

    /// Takes out the rows by which a user is found.
    fn unlist(&mut self, user: &User) -> Result<(), Fault> {
        self.put(Row::Created((user.created_at.micros(), user.id.as_u128()), None))?;
        self.put(Row::Email(address(&user.aud, &user.email), None))?;
        for (_, token) in user.mail_tokens.iter() {
            self.put(Row::MailToken(token, None))?;
        }
        Ok(())
    }
}

impl Writing for Write<'_> {
    fn put_user(&mut self, user: &User) -> Result<(), Fault> {
        if let Some(old) = self.user(user.id)? {
            self.unlist(&old)?;
        }
        if self.user_by_email(&user.aud, &user.email)?.is_some() {
            return Err(Fault::Content("two users with one address".to_owned()));
        }
        let id = user.id.as_u128();
        self.put(Row::Email(address(&user.aud, &user.email), Some(id)))?;
        self.put(Row::Created((user.created_at.micros(), id), Some(())))?;
        for (kind, token) in user.mail_tokens.iter() {
            self.put(Row::MailToken(token, Some(encoded(&(user.id, kind))?)))?;
        }
        self.put(Row::User(id, Some(encoded(user)?)))
    }

    fn remove_user(&mut self, id: Uuid) -> Result<bool, Fault> {
        let Some(user) = self.user(id)? else { return Ok(false) };
        for (token, _) in self.refreshes_of(id)? {
            self.remove_refresh(&token)?;
        }
        self.unlist(&user)?;
        self.put(Row::User(id.as_u128(), None))?;
        Ok(true)
    }

    fn put_refresh(&mut self, token: &TokenDigest, refresh: &Refresh) -> Result<(), Fault> {
        self.put(Row::Refresh(*token, Some(encoded(refresh)?)))?;
        self.put(Row::RefreshOf((refresh.user.as_u128(), *token), Some(())))
    }

    fn remove_refresh(&mut self, token: &TokenDigest) -> Result<(), Fault> {
        let Some(refresh) = self.refresh(token)? else { return Ok(()) };
        self.put(Row::Refresh(*token, None))?;
        self.put(Row::RefreshOf((refresh.user.as_u128(), *token), None))
    }

    fn add_audit(&mut self, now: Moment, entry: &AuditEntry) -> Result<(), Fault> {
        let (first, last, number) = {
            let table = self.transaction()?.open_table(AUDIT).map_err(disk)?;
            let first = table.first().map_err(disk)?.map(|(key, _)| key.value());
            let last = table.last().map_err(disk)?.map_or(0, |(key, _)| key.value());
            (first, last, table.len().map_err(disk)?)
        };
        self.put(Row::Audit(now.micros().max(last.saturating_add(1)), Some(encoded(entry)?)))?;
        match first {
            Some(first) if number >= AUDIT_ENTRIES => self.put(Row::Audit(first, None)),
            _ => Ok(()),
        }
    }

    fn put_note(&mut self, name: &str, value: &[u8]) -> Result<(), Fault> {
        self.put(Row::Note(name.to_owned(), Some(value.to_vec())))
    }

    fn commit(mut self: Box<Self>) -> Result<(), Fault> {
        if !std::mem::take(&mut self.was).is_empty() {
            self.batch.changes = self.batch.changes.saturating_add(1);
        }
        // What was read may be of others in this batch, so the answer waits for the disk as theirs do.
        if self.batch.changes == 0 {
            return Ok(());
        }
        self.writer.waits();
        let (store, number) = (self.store, self.batch.number);
        drop(self);
        store.sync(number)
    }
}

impl Drop for Write<'_> {
    /// Undoes what is not committed.
    fn drop(&mut self) {
        for row in std::mem::take(&mut self.was).into_iter().rev() {
            if let Err(fault) = self.transaction().and_then(|transaction| row.put(transaction)) {
                self.batch.breaks(fault);
                return;
            }
        }
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

#[cfg(test)]
mod tests;
