//! The identity service with many users: how fast it starts and answers, what memory it takes, and what log-ins leave of the
//! gate. In this process and without sockets, with a store on the disk that another process has filled. Beside each rate stands
//! the processor time of one request, which says what a machine that others load would do alone, and how often the disk can be
//! waited for at that time.
//!
//! `cargo run --release --package rolegate-bench --bin identity [USERS] [CLIENTS]`
#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a bench that fails may panic")]

use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Method};
use rolegate::token::verify;
use rolegate::{Keys, RolePath, Time, TokenSettings};
use rolegate_identity::hooks::Loopback;
use rolegate_identity::mail::{Mail, Mailbox};
use rolegate_identity::password::{Cost, Passwords};
use rolegate_identity::secrets::id;
use rolegate_identity::store::{FileStore, Store as _};
use rolegate_identity::tokens::SecretTokens;
use rolegate_identity::user::User;
use rolegate_identity::{Call, Handler as _, Moment, Parts, Service, Settings};
use serde_json::Value;

const SECRET: &[u8] = b"a secret of thirty-two bytes, ok";
const MEASURED: Duration = Duration::from_secs(3);
const LOG_INS: usize = 50;

#[expect(clippy::print_stdout, reason = "a program that says what it has measured")]
fn main() {
    let argument = |place: usize| std::env::args().nth(place).and_then(|number| number.parse::<usize>().ok());
    let (users, clients) = (argument(1).unwrap_or(100_000), argument(2).unwrap_or(64));
    if let Some(path) = std::env::args().nth(3) {
        return fill(Path::new(&path), users as u64);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("identity.redb");
    fill_elsewhere(&path, users);
    let since = Instant::now();
    let service = Arc::new(service(&path));
    println!("start with {users} users: {} ms; memory: {} MB", since.elapsed().as_millis(), resident());

    let sessions: Vec<(String, String)> = (0..clients as u64).map(|user| log_in(&service, user)).collect();
    let rate = each_second(clients, |client| {
        let (access, _) = &sessions[client];
        let service = Arc::clone(&service);
        let call = call(Method::GET, "/user", "", Some(access));
        move || assert_eq!(service.answer(&call).status.as_u16(), 200)
    });
    println!("GET /user by {clients} clients: {rate}; memory: {} MB", resident());
    let rate = each_second(clients, |client| {
        let mut refresh = sessions[client].1.clone();
        let service = Arc::clone(&service);
        move || {
            let form = format!("grant_type=refresh_token&refresh_token={refresh}");
            let answer: Value =
                serde_json::from_slice(&service.answer(&call(Method::POST, "/token", &form, None)).body).expect("JSON");
            refresh = answer["refresh_token"].as_str().expect("refreshed").to_owned();
        }
    });
    println!(
        "refresh, each on the disk: {rate}; one after another, the disk is waited for {} times a second",
        waits(folder.path())
    );
    println!("memory: {} MB", resident());

    let cores = thread::available_parallelism().map_or(1, usize::from);
    let alone = each_second(cores, |_| gated());
    let stop = Arc::new(AtomicBool::new(false));
    let visitors: Vec<_> = (0..LOG_INS as u64)
        .map(|user| {
            let (service, stop) = (Arc::clone(&service), Arc::clone(&stop));
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    log_in(&service, user);
                }
            })
        })
        .collect();
    let beside = each_second(cores, |_| gated());
    stop.store(true, Ordering::Relaxed);
    visitors.into_iter().for_each(|visitor| visitor.join().expect("logged in"));
    println!(
        "tokens verified by the gate: {alone} alone; while {LOG_INS} log in {beside} ({} %)",
        beside.each_second * 100 / alone.each_second.max(1)
    );
}

/// How often something is done.
struct Rate {
    each_second: u64,
    /// What it takes of a processor, in microseconds.
    costs: u64,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} a second, {} µs of a processor each", self.each_second, self.costs)
    }
}

/// How often so many threads do something.
fn each_second<W: FnMut() + Send + 'static>(threads: usize, work: impl Fn(usize) -> W) -> Rate {
    let (done, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (since, spent) = (Instant::now(), processor_time());
    let running: Vec<_> = (0..threads)
        .map(|number| {
            let (mut work, done, stop) = (work(number), Arc::clone(&done), Arc::clone(&stop));
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    work();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    thread::sleep(MEASURED);
    stop.store(true, Ordering::Relaxed);
    running.into_iter().for_each(|thread| thread.join().expect("no panic"));
    let done = done.load(Ordering::Relaxed).max(1);
    let each_second = u128::from(done) * 1000 / since.elapsed().as_millis().max(1);
    let costs = processor_time().saturating_sub(spent).as_micros() / u128::from(done);
    Rate { each_second: u64::try_from(each_second).unwrap_or(0), costs: u64::try_from(costs).unwrap_or(0) }
}

/// What this process has had of the processors (proc(5), `utime` and `stime` in hundredths of a second).
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the name of the program, which may hold spaces.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// How often a second a small file in this folder is written and brought to the disk.
fn waits(folder: &Path) -> u64 {
    let mut file = std::fs::File::create(folder.join("small")).expect("a file");
    let (since, mut done) = (Instant::now(), 0);
    while since.elapsed() < Duration::from_secs(1) {
        file.write_all(&[0; 4096]).and_then(|()| file.sync_data()).expect("written");
        done += 1;
    }
    done
}

/// What the gate does with a token that it has not seen.
fn gated() -> impl FnMut() + Send + 'static {
    let keys = Keys::hs256(SECRET).expect("a secret");
    let path = RolePath::of(&["app_metadata", "roles"]).expect("a path");
    let settings = TokenSettings { role_path: path.clone(), ..TokenSettings::default() };
    let tokens = SecretTokens::new(SECRET).expect("a secret");
    let claims = serde_json::json!({ "exp": 4_000_000_000_u64, "sub": "1", "app_metadata": { "roles": ["admin"] } });
    let token = rolegate_identity::Tokens::sign(&tokens, claims.as_object().expect("an object"));
    move || {
        let claims = verify(token.as_bytes(), &keys, &settings, Time::from_seconds(1)).expect("good");
        assert!(claims.roles(&path).contains("admin"));
    }
}

/// Fills the store in a process of its own, whose memory is not the service's.
fn fill_elsewhere(path: &Path, users: usize) {
    let program = std::env::current_exe().expect("this program");
    let filled = Command::new(program).args([&users.to_string(), "0"]).arg(path).status().expect("started");
    assert!(filled.success(), "the store could not be filled");
}

fn fill(path: &Path, users: u64) {
    let store = FileStore::open(path).expect("a store");
    let hash = Passwords::start(Cost::default()).and_then(|passwords| passwords.hash("password")).expect("a hash");
    let mut number = 0;
    while number < users {
        let mut transaction = store.write().expect("a transaction");
        for _ in 0..1000.min(users - number) {
            let now = Moment::from_seconds(1_000_000 + number);
            let mut user = User::new(id().expect("an id"), "", &email(number), "email", now);
            user.password = Some(hash.clone());
            user.confirmed_at = Some(now);
            transaction.put_user(&user).expect("stored");
            number += 1;
        }
        transaction.commit().expect("committed");
    }
}

fn service(path: &Path) -> Service {
    Service::new(Parts {
        store: Arc::new(FileStore::open(path).expect("a store")),
        tokens: Arc::new(SecretTokens::new(SECRET).expect("a secret")),
        mailbox: Arc::new(Nowhere),
        caller: Arc::new(Loopback),
        settings: Settings { token_attempts: 0, ..Settings::default() },
    })
    .expect("a service")
}

fn email(user: u64) -> String {
    format!("user{user}@b.example")
}

/// Access and refresh token of a log-in.
fn log_in(service: &Service, user: u64) -> (String, String) {
    let form = format!("grant_type=password&username={}&password=password", email(user).replace('@', "%40"));
    let answer: Value =
        serde_json::from_slice(&service.answer(&call(Method::POST, "/token", &form, None)).body).expect("JSON");
    let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    (text("access_token"), text("refresh_token"))
}

fn call(method: Method, path: &str, body: &str, bearer: Option<&str>) -> Call {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    if let Some(bearer) = bearer {
        headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {bearer}")).expect("a token"));
    }
    Call {
        method,
        path: path.to_owned(),
        query: String::new(),
        headers,
        body: body.to_owned().into(),
        origin: "http://site.localhost".to_owned(),
        home: "http://site.localhost".to_owned(),
        client: [127, 0, 0, 1].into(),
        now: Moment::now(),
    }
}

/// What of this process lies in memory, in MB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

#[derive(Debug)]
struct Nowhere;

impl Mailbox for Nowhere {
    fn deliver(&self, _: &Mail, _: Moment) -> io::Result<()> {
        Ok(())
    }

    fn newest(&self, _: usize) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}
