//! The tables of the store in one file, and their rows.

use std::borrow::Borrow;
use std::fmt;

use redb::{Key, TableDefinition, Value, WriteTransaction};

use super::Fault;
use crate::secrets::TokenDigest;

pub(super) const USERS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("users");
/// `AUDIENCE NUL address-in-lower-case` → id
pub(super) const EMAILS: TableDefinition<'_, &str, u128> = TableDefinition::new("emails");
/// When and who; in the order in which lists show users.
pub(super) const CREATED: TableDefinition<'_, (u64, u128), ()> = TableDefinition::new("created");
pub(super) const MAIL_TOKENS: TableDefinition<'_, &TokenDigest, &[u8]> = TableDefinition::new("mail_tokens");
pub(super) const REFRESHES: TableDefinition<'_, &TokenDigest, &[u8]> = TableDefinition::new("refreshes");
pub(super) const REFRESHES_OF: TableDefinition<'_, (u128, &TokenDigest), ()> = TableDefinition::new("refreshes_of");
pub(super) const AUDIT: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("audit");
pub(super) const NOTES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("notes");

/// A row by its key: with what stands in it, or without, where there is none.
#[derive(Debug)]
pub(super) enum Row {
    User(u128, Option<Vec<u8>>),
    Email(String, Option<u128>),
    Created((u64, u128), Option<()>),
    MailToken(TokenDigest, Option<Vec<u8>>),
    Refresh(TokenDigest, Option<Vec<u8>>),
    RefreshOf((u128, TokenDigest), Option<()>),
    Audit(u64, Option<Vec<u8>>),
    Note(String, Option<Vec<u8>>),
}

impl Row {
    /// Makes every table, so that reading never has to ask whether one is there.
    pub(super) fn make_tables(transaction: &WriteTransaction) -> Result<(), Fault> {
        transaction.open_table(USERS).map_err(disk)?;
        transaction.open_table(EMAILS).map_err(disk)?;
        transaction.open_table(CREATED).map_err(disk)?;
        transaction.open_table(MAIL_TOKENS).map_err(disk)?;
        transaction.open_table(REFRESHES).map_err(disk)?;
        transaction.open_table(REFRESHES_OF).map_err(disk)?;
        transaction.open_table(AUDIT).map_err(disk)?;
        transaction.open_table(NOTES).map_err(disk)?;
        Ok(())
    }

    /// Makes the row so; the row as it was, by which this is undone.
    pub(super) fn put(self, to: &WriteTransaction) -> Result<Row, Fault> {
        Ok(match self {
            Row::User(key, value) => Row::User(key, replace(to, USERS, key, value.as_deref(), <[u8]>::to_vec)?),
            Row::Email(key, value) => {
                let was = replace(to, EMAILS, key.as_str(), value, |id| id)?;
                Row::Email(key, was)
            }
            Row::Created(key, value) => Row::Created(key, replace(to, CREATED, key, value, |()| ())?),
            Row::MailToken(key, value) => {
                Row::MailToken(key, replace(to, MAIL_TOKENS, &key, value.as_deref(), <[u8]>::to_vec)?)
            }
            Row::Refresh(key, value) => {
                Row::Refresh(key, replace(to, REFRESHES, &key, value.as_deref(), <[u8]>::to_vec)?)
            }
            Row::RefreshOf(key, value) => {
                Row::RefreshOf(key, replace(to, REFRESHES_OF, (key.0, &key.1), value, |()| ())?)
            }
            Row::Audit(key, value) => Row::Audit(key, replace(to, AUDIT, key, value.as_deref(), <[u8]>::to_vec)?),
            Row::Note(key, value) => {
                let was = replace(to, NOTES, key.as_str(), value.as_deref(), <[u8]>::to_vec)?;
                Row::Note(key, was)
            }
        })
    }
}

/// Puts a value into a table or takes it out; what stood there.
fn replace<'k, 'v, K: Key, V: Value, O>(
    transaction: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
    key: impl Borrow<K::SelfType<'k>>,
    value: Option<impl Borrow<V::SelfType<'v>>>,
    owned: impl for<'a> FnOnce(V::SelfType<'a>) -> O,
) -> Result<Option<O>, Fault> {
    let mut table = transaction.open_table(table).map_err(disk)?;
    let was = match value {
        Some(value) => table.insert(key, value),
        None => table.remove(key),
    };
    Ok(was.map_err(disk)?.map(|was| owned(was.value())))
}

pub(super) fn disk(error: impl fmt::Display) -> Fault {
    Fault::Disk(error.to_string())
}
