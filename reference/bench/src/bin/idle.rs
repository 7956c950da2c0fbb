//! Opens many connections to a server and leaves them idle, each after one answered request; then says how much memory the server holds.
//!
//! `idle ADDRESS COUNT PID`; reads the resident memory of PID from /proc.
#![forbid(unsafe_code)]

use std::io::Write as _;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, count, pid] = arguments.as_slice() else { return Err("write: idle ADDRESS COUNT PID".into()) };
    let count: usize = count.parse()?;
    let before = resident(pid)?;
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /login HTTP/1.1\r\nHost: gated.example\r\n\r\n").await?;
        let mut answer = [0; 16];
        stream.read_exact(&mut answer).await?;
        connections.push(stream);
    }
    let after = resident(pid)?;
    writeln!(
        std::io::stdout(),
        "{} idle connections: {:.1} MB resident, {:.1} MB of it for them, {:.1} KB each",
        connections.len(),
        after as f64 / 1000.0,
        after.saturating_sub(before) as f64 / 1000.0,
        after.saturating_sub(before) as f64 / count as f64,
    )?;
    Ok(())
}

/// The resident memory of a process in kilobytes (`VmRSS` of proc(5)).
fn resident(pid: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
