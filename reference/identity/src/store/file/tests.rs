//! What waits for the disk together, by a count of how often the disk is waited for.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use redb::StorageBackend;

use super::*;

const CLIENTS: usize = 256;
const LONG: Duration = Duration::from_secs(3600);

/// A disk that counts how often it is waited for, can be slow, and can fail.
#[derive(Debug, Default)]
struct Disk {
    memory: InMemoryBackend,
    how: Arc<How>,
}

#[derive(Debug, Default)]
struct How {
    waits: AtomicU64,
    is_slow: AtomicBool,
    fails: AtomicBool,
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.memory.set_len(len)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.memory.write(offset, data)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.how.waits.fetch_add(1, Ordering::SeqCst);
        while self.how.is_slow.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        if self.how.fails.load(Ordering::SeqCst) { Err(io::Error::other("the disk is gone")) } else { Ok(()) }
    }
}

/// A store on such a disk, which waits for late ones as long as it takes.
fn store() -> (FileStore, Arc<How>) {
    let how = Arc::new(How::default());
    let disk = Disk { how: Arc::clone(&how), ..Disk::default() };
    let store = FileStore::over(Builder::new().create_with_backend(disk)).unwrap();
    (FileStore { gathered: LONG, ..store }, how)
}

fn note(store: &FileStore, name: &str, commits: bool) -> Result<(), Fault> {
    let mut transaction = store.write()?;
    transaction.put_note(name, name.as_bytes())?;
    if commits { transaction.commit() } else { Ok(()) }
}

/// The disk is slow for the first one until all others have come.
fn all_at_once<O: Send>(store: &FileStore, how: &How, work: impl Fn(usize) -> O + Sync) -> Vec<O> {
    how.is_slow.store(true, Ordering::SeqCst);
    let waits = how.waits.load(Ordering::SeqCst);
    thread::scope(|scope| {
        let work = &work;
        let first = scope.spawn(move || work(0));
        while how.waits.load(Ordering::SeqCst) == waits {
            thread::yield_now();
        }
        let others: Vec<_> = (1..CLIENTS).map(|client| scope.spawn(move || work(client))).collect();
        while store.writers.under_way() < CLIENTS - 1 {
            thread::yield_now();
        }
        how.is_slow.store(false, Ordering::SeqCst);
        [first].into_iter().chain(others).map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn many_changes_wait_for_the_disk_together_and_one_that_is_given_up_leaves_nothing() {
    let (store, how) = store();
    let before = how.waits.load(Ordering::SeqCst);
    note(&store, "alone", true).unwrap();
    let alone = how.waits.load(Ordering::SeqCst) - before;
    let commits = |client: usize| client % 3 != 1;
    let done = all_at_once(&store, &how, |client| note(&store, &client.to_string(), commits(client)));
    assert!(done.iter().all(Result::is_ok));
    let together = how.waits.load(Ordering::SeqCst) - before - alone;
    assert!(alone > 0 && together <= 2 * alone, "{CLIENTS} changes waited for the disk {together} times, one {alone}");
    let state = store.read().unwrap();
    for client in 0..CLIENTS {
        assert_eq!(state.note(&client.to_string()).unwrap().is_some(), commits(client), "{client}");
    }
}

#[test]
fn nobody_is_told_that_a_change_is_there_when_the_disk_fails() {
    let (store, how) = store();
    note(&store, "before", true).unwrap();
    how.fails.store(true, Ordering::SeqCst);
    let done = all_at_once(&store, &how, |client| note(&store, &client.to_string(), true));
    assert!(done.iter().all(|done| matches!(done, Err(Fault::Disk(_)))), "{done:?}");
    how.fails.store(false, Ordering::SeqCst);
    assert!(matches!(note(&store, "late", true), Err(Fault::Disk(_))), "what is on the disk is not known any more");
}

#[test]
fn who_changes_nothing_waits_for_what_was_read_and_for_nothing_else() {
    let (store, how) = store();
    let before = how.waits.load(Ordering::SeqCst);
    drop(store.write().unwrap());
    store.write().unwrap().commit().unwrap();
    note(&store, "given up", false).unwrap();
    store.write().unwrap().commit().unwrap();
    assert_eq!(how.waits.load(Ordering::SeqCst), before, "nothing was changed");
    let read = all_at_once(&store, &how, |client| {
        let mut transaction = store.write().unwrap();
        if client < CLIENTS / 2 {
            transaction.put_note("shared", b"there").unwrap();
        }
        let is_there = transaction.note("shared").unwrap().is_some();
        transaction.commit().unwrap();
        is_there && store.read().unwrap().note("shared").unwrap().is_none()
    });
    assert!(!read.contains(&true), "what somebody was told of is on the disk");
}

/// A file that a full disk or a copy has cut short is an error that says so.
#[test]
fn a_file_that_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.redb");
    drop(FileStore::open(&path).unwrap());
    let whole = std::fs::read(&path).unwrap();
    let opened = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        FileStore::open(&path).map(drop).map_err(|fault| fault.to_string())
    };
    assert_eq!(opened(&whole), Ok(()));
    for length in [whole.len() - 1, whole.len() / 2, 4096, 100] {
        let said = opened(&whole[..length]).unwrap_err();
        assert!(said.starts_with("the store "), "{length}: {said}");
    }
    assert!(opened(&whole[..whole.len() - 1]).unwrap_err().contains("cut short"));
    for at in (0..4096).step_by(61) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        // Whether it is repaired or refused: it ends in a value.
        let _ = opened(&bytes);
    }
}
