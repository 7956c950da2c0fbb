//! What clients of `serve` may cost. That each number arrives where it counts is held in `reference/cli/src/limits.rs`.

use std::io::Read as _;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::Row;
use crate::commands::TlsFiles;
use crate::common::{request, seed_site, site, write};
use crate::gate::{Gate, said};

pub const ROWS: &[Row] = &[
    ("serve", "--max-connections", |_| {
        needs("--max-connections");
        let folder = seed_site();
        let gate = Gate::start(folder.path(), &["--max-connections", "1"]);
        let mut first = gate.client();
        first.send(request("GET", "/style.css", &[]).as_bytes());
        assert_eq!(first.response(false).status, 200);
        let mut second = gate.client();
        second.send(request("GET", "/style.css", &[]).as_bytes());
        second.stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a time-out");
        assert!(second.stream.read(&mut [0]).is_err(), "it waits for the first");
        drop(first);
        second.stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        assert_eq!(second.response(false).status, 200);
    }),
    ("serve", "--max-connections-per-client", |_| {
        let folder = seed_site();
        let gate = Gate::start(folder.path(), &["--max-connections-per-client", "1"]);
        let mut first = gate.client();
        first.send(request("GET", "/style.css", &[]).as_bytes());
        assert_eq!(first.response(false).status, 200);
        assert_eq!(gate.client().until_closed(), "");
    }),
    ("serve", "--max-streams", |_| {
        let folder = seed_site();
        let tls = TlsFiles::made();
        let gate = Gate::start(folder.path(), &[tls.options().as_slice(), &["--max-streams", "7"]].concat());
        let mut stream = tls.connect(&gate, "h2");
        std::io::Write::write_all(&mut stream, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("sent");
        // RFC 9113 §4.1, §6.5: the first frame holds settings, of six bytes each; 3 is MAX_CONCURRENT_STREAMS.
        let mut head = [0; 9];
        stream.read_exact(&mut head).expect("a frame");
        let mut settings = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut settings).expect("settings");
        assert_eq!(head[3], 4, "settings come first");
        assert!(settings.chunks(6).any(|setting| setting == [0, 3, 0, 0, 0, 7]), "{settings:?}");
    }),
    ("serve", "--max-files", |_| needs("--max-files")),
    ("serve", "--max-files-per-client", |_| takes("--max-files-per-client", "0", "write a number from 1 to 1000000")),
    ("serve", "--max-files-per-connection", |_| {
        takes("--max-files-per-connection", "0", "write a number from 1 to 1000000");
    }),
    ("serve", "--min-rate", |_| takes("--min-rate", "fast", "invalid value 'fast'")),
    ("serve", "--max-head", |_| {
        let folder = seed_site();
        let long = "x".repeat(2000);
        for (options, status) in [(["--max-head", "1024"].as_slice(), 431), (&[], 200)] {
            let answer = Gate::start(folder.path(), options).get("/", &[("X-Long", &long)]);
            assert_eq!(answer.status, status, "{options:?}");
        }
    }),
    ("serve", "--head-timeout", |_| {
        let folder = seed_site();
        // Well before the client gives up, which is before the default.
        assert_eq!(Gate::start(folder.path(), &["--head-timeout", "1"]).client().until_closed(), "");
    }),
    ("serve", "--write-timeout", |_| {
        let folder = site(&[]);
        write(folder.path(), "big.bin", &"x".repeat(32 << 20));
        let gate = Gate::start(folder.path(), &["--max-connections", "1", "--write-timeout", "1"]);
        let mut greedy = gate.client();
        greedy.send(request("GET", "/big.bin", &[]).as_bytes());
        // The only place becomes free once the greedy client is given up.
        assert_eq!(gate.get("/none", &[]).status, 404);
    }),
    ("serve", "--stop-delay", |_| {
        let folder = seed_site();
        let mut gate = Gate::start(folder.path(), &["--stop-delay", "3600"]);
        stop(&gate);
        gate.until_logged("stopping after");
        assert_eq!(gate.get("/style.css", &[]).status, 200);
        stop(&gate);
        assert!(gate.child.wait().expect("it ends").success());
    }),
    ("serve", "--drain", |_| {
        takes("--drain", "3601", "3601 is not in");
        // An idle connection and a stop: nothing is waited for.
        let folder = seed_site();
        let mut gate = Gate::start(folder.path(), &["--drain", "0"]);
        let _idle = TcpStream::connect(gate.address).expect("connected");
        stop(&gate);
        assert!(gate.child.wait().expect("it ends").success());
    }),
];

fn stop(gate: &Gate) {
    kill_process(Pid::from_child(&gate.child), Signal::TERM).expect("sent");
}

/// The gate serves with the option, and refuses a value that it cannot have.
fn takes(option: &str, wrong: &str, says: &str) {
    let folder = seed_site();
    assert_eq!(Gate::start(folder.path(), &[option, "9"]).get("/style.css", &[]).status, 200);
    let (status, said) = said(&["serve", folder.path().to_str().expect("UTF-8"), option, wrong]);
    assert!(status == 2 && said.contains(says), "{said}");
}

/// The number counts among the descriptors that the gate asks the system for.
fn needs(option: &str) {
    let folder = seed_site();
    let wanted = |value: &str| -> u64 {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "ulimit -n 200; exec \"$0\" \"$@\"",
            assert_cmd::cargo::cargo_bin!("rolegate").to_str().expect("UTF-8"),
        ]);
        command.arg("serve").arg(folder.path()).args(["--port", "0", option, value]);
        let gate = Gate::run(&mut command).expect("it starts");
        gate.until(|gate| {
            let log = gate.log();
            log.split_once("open files of the ")?.1.split_once(' ')?.0.parse().ok()
        })
    };
    assert_eq!(wanted("90000") - wanted("80000"), 10_000, "{option}");
}
