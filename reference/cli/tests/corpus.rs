//! The conformance corpus against the `rolegate` that was just built, asked by a `gatecheck` that was built before.
//!
//! This is what `cargo gate-mutants` runs for every change that it makes to the reference: only `rolegate` is built anew. The variable `GATECHECK` names
//! the program (`cargo build --release -p gatecheck-cli` puts it at `target/release/gatecheck`); where it is not set the test is skipped aloud.

#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop with a message, and a skipped one says so"
)]

use std::io::Write as _;
use std::process::Command;

#[test]
fn the_corpus_holds_for_the_program() {
    let Some(gatecheck) = std::env::var_os("GATECHECK") else {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: GATECHECK names no gatecheck to ask with (`cargo build --release -p gatecheck-cli`)"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate.yaml");
    let program = env!("CARGO_BIN_EXE_rolegate");
    std::fs::write(
        &gate,
        format!(
            "name: rolegate\n\
             command: \"'{program}' serve {{site}} --port {{port}} --role-path {{role-path}} \
             --trusted-proxy={{trusted-proxy}} --country-header={{country-header}} --public-key={{public-key}} \
             --jwks={{jwks}} --algorithm={{algorithms}} --audience={{audience}} --issuer={{issuer}} \
             --trust-upstream={{trusted-upstream}}\"\n\
             env: {{ JWT_SECRET: '{{secret}}', RUST_LOG: 'off' }}\n\
             at-once: 8\n"
        ),
    )
    .unwrap();
    let run =
        Command::new(gatecheck).args(["run", "--as-reference", "--fail-fast", "--gate"]).arg(&gate).output().unwrap();
    assert!(run.status.success(), "{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
}
