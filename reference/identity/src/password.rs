//! Passwords: Argon2id, on threads of their own, so that nothing else waits for a slow hash.

use std::fmt;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::secrets::random;

/// So many hashes may wait for their turn; whoever comes then is told to come again.
const WAITING: usize = 128;
/// A longer password is refused unread, in bytes.
pub const MAX_PASSWORD: usize = 1024;
/// What the hash threads say to the scheduler: about a tenth of a core where others want it.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// What a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for Cost {
    /// 19 MiB and two passes, as OWASP's cheat sheet on password storage has it.
    fn default() -> Cost {
        Cost { memory: 19 * 1024, passes: 2 }
    }
}

impl Cost {
    /// Next to nothing, for tests and benches.
    pub const CHEAP: Cost = Cost { memory: 8, passes: 1 };
}

/// Why there is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Too many wait already.
    #[error("too many log-ins at once")]
    Busy,
    /// The cost is out of range, or the system gives no random bytes or threads.
    #[error("passwords cannot be hashed")]
    Failed,
}

/// Whether a password is the one, and whether it should be hashed anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is not.
    Wrong,
    /// It is.
    Right,
    /// It is, and its hash is of an older kind.
    RightAndOld,
}

type Job = Box<dyn FnOnce() + Send>;

/// Hashes and checks passwords.
pub struct Passwords {
    jobs: SyncSender<Job>,
    cost: Cost,
    /// A hash of nobody's, which is checked where there is no user, so that both take the same time.
    nobody: String,
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("cost", &self.cost).finish_non_exhaustive()
    }
}

impl Passwords {
    /// Starts the threads: one for each two cores.
    ///
    /// # Errors
    /// Where the cost is out of range or a thread cannot be had.
    pub fn start(cost: Cost) -> Result<Passwords, PasswordFault> {
        let (jobs, queue) = mpsc::sync_channel::<Job>(WAITING);
        let queue = Arc::new(Mutex::new(queue));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores.div_ceil(2) {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name("passwords".to_owned())
                .spawn(move || work(&queue))
                .map_err(|_| PasswordFault::Failed)?;
        }
        let nobody = hash(b"nobody's", cost)?;
        Ok(Passwords { jobs, cost, nobody })
    }

    /// The hash of a password, as a PHC string.
    ///
    /// # Errors
    /// Where too many wait, or nothing can be hashed.
    pub fn hash(&self, password: &str) -> Result<String, PasswordFault> {
        let (password, cost) = (password.to_owned(), self.cost);
        self.run(move || hash(password.as_bytes(), cost))?
    }

    /// Whether a password has this hash; `None` is nobody's, and takes as long.
    ///
    /// # Errors
    /// Where too many wait.
    pub fn check(&self, password: &str, hash: Option<&str>) -> Result<Checked, PasswordFault> {
        let is_somebodys = hash.is_some();
        let (password, hash) = (password.to_owned(), hash.unwrap_or(&self.nobody).to_owned());
        let checked = self.run(move || check(password.as_bytes(), &hash))?;
        Ok(if is_somebodys { checked } else { Checked::Wrong })
    }

    fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordFault> {
        let (done, result) = mpsc::sync_channel(1);
        let job = Box::new(move || {
            // Nobody may wait any longer.
            let _nobody_waits = done.send(work());
        });
        self.jobs.try_send(job).map_err(|_| PasswordFault::Busy)?;
        result.recv().map_err(|_| PasswordFault::Failed)
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    // The gate goes first. Where the system does not let it, the hashes go at the same pace.
    #[cfg(target_os = "linux")]
    let _as_it_is = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

fn hash(password: &[u8], cost: Cost) -> Result<String, PasswordFault> {
    let parameters = Params::new(cost.memory, cost.passes, 1, None).map_err(|_| PasswordFault::Failed)?;
    let salt = random::<16>().map_err(|_| PasswordFault::Failed)?;
    let hashed: PasswordHash = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_with_salt(password, &salt)
        .map_err(|_| PasswordFault::Failed)?;
    Ok(hashed.to_string())
}

fn check(password: &[u8], hash: &str) -> Checked {
    if is_bcrypt(hash) {
        // What follows byte 72 does not count there, so a longer password is none of GoTrue's.
        return match bcrypt::non_truncating_verify(password, hash) {
            Ok(true) => Checked::RightAndOld,
            Ok(false) | Err(_) => Checked::Wrong,
        };
    }
    let Ok(parsed) = PasswordHash::new(hash) else { return Checked::Wrong };
    match Argon2::default().verify_password(password, &parsed) {
        Ok(()) => Checked::Right,
        Err(_) => Checked::Wrong,
    }
}

/// Whether a hash is one of bcrypt's, as GoTrue exports them.
pub fn is_bcrypt(hash: &str) -> bool {
    ["$2a$", "$2b$", "$2y$"].iter().any(|kind| hash.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords() {
        let passwords = Passwords::start(Cost::CHEAP).unwrap();
        let hash = passwords.hash("pässwörd&=+").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("pässwörd&=+").unwrap());
        assert_eq!(passwords.check("pässwörd&=+", Some(&hash)), Ok(Checked::Right));
        assert_eq!(passwords.check("other", Some(&hash)), Ok(Checked::Wrong));
        assert_eq!(passwords.check("nobody's", None), Ok(Checked::Wrong));
        assert_eq!(passwords.check("a", Some("no hash")), Ok(Checked::Wrong));
    }

    #[test]
    fn a_hash_of_gotrues_is_good_and_old() {
        let passwords = Passwords::start(Cost::CHEAP).unwrap();
        let hash = bcrypt::hash("secret", 4).unwrap().replace("$2b$", "$2a$");
        assert_eq!(passwords.check("secret", Some(&hash)), Ok(Checked::RightAndOld));
        assert_eq!(passwords.check("Secret", Some(&hash)), Ok(Checked::Wrong));
        assert_eq!(passwords.check(&"a".repeat(80), Some(&hash)), Ok(Checked::Wrong));
    }
}
