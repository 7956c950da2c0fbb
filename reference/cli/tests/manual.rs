//! Completions and manual pages, read by the programs that they are for, where those are there.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

use std::io::Write;
use std::process::{Command, Stdio};

fn rolegate(arguments: &[&str]) -> String {
    let output = assert_cmd::cargo::cargo_bin_cmd!("rolegate").args(arguments).output().expect("it runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What `program` says about `input`: standard output and error; `None`, and said aloud, where it is not there.
fn read_by(program: &str, arguments: &[&str], input: &str) -> Option<(bool, String)> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("LC_ALL", "C.UTF-8")
        .spawn();
    let Ok(mut child) = child else {
        // Not `eprintln`: the test harness would swallow it.
        let _ = writeln!(std::io::stderr(), "SKIPPED: `{program}` is not there to read what rolegate writes");
        return None;
    };
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    let _ = writer.join();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Some((output.status.success(), said))
}

#[test]
fn completions_are_scripts_that_the_shells_read() {
    for (shell, arguments) in [("bash", ["-n"].as_slice()), ("zsh", &["-n"]), ("fish", &["--no-execute"])] {
        let script = rolegate(&["completions", shell]);
        assert!(script.contains("rolegate") && script.contains("trusted-proxy"), "{shell}");
        if let Some((is_good, said)) = read_by(shell, arguments, &script) {
            assert!(is_good && said.is_empty(), "{shell}: {said}");
        }
    }
    // Not read only: bash completes with it.
    let script = rolegate(&["completions", "bash"]);
    let ask = format!(
        "{script}\nCOMP_WORDS=(rolegate expl); COMP_CWORD=1; _rolegate rolegate expl rolegate; echo \"${{COMPREPLY[@]}}\"\n"
    );
    if let Some((is_good, said)) = read_by("bash", &["--norc"], &ask) {
        assert!(is_good && said.trim() == "explain", "{said}");
    }
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let help = rolegate(&["--help"]);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"serve") && commands.contains(&"man"), "{commands:?}");
    for command in std::iter::once(None).chain(commands.iter().filter(|name| **name != "help").map(Some)) {
        let arguments: Vec<&str> = std::iter::once("man").chain(command.copied()).collect();
        let page = rolegate(&arguments);
        let title = command.map_or("ROLEGATE".to_owned(), |name| format!("ROLEGATE-{}", name.to_uppercase()));
        assert!(
            page.contains(&format!(".TH {title} 1")),
            "{arguments:?}: {}",
            page.lines().take(4).collect::<String>()
        );
        // groff says on standard error what it does not understand.
        if let Some((is_good, said)) = read_by("groff", &["-man", "-Tutf8", "-ww", "-z"], &page) {
            assert!(is_good && said.is_empty(), "{arguments:?}: {said}");
        }
    }
    assert!(rolegate(&["man", "token", "new"]).contains(".TH ROLEGATE-TOKEN-NEW 1"));
    let serve = rolegate(&["man", "serve"]);
    assert!(serve.contains("trusted\\-proxy") && serve.contains("rolegate serve"), "{serve}");
}

#[test]
fn a_command_that_is_none_is_named() {
    let output = assert_cmd::cargo::cargo_bin_cmd!("rolegate").args(["man", "sevre"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("`sevre` is no command") && said.contains("`serve`"), "{said}");
}
