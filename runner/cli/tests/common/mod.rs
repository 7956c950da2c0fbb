//! The program, as a user starts it.

use std::path::Path;

use assert_cmd::Command;

/// The program in a folder, with its last run kept below `state`.
pub fn gatecheck(folder: impl AsRef<Path>, state: impl AsRef<Path>) -> Command {
    let mut command = Command::cargo_bin("gatecheck").expect("it is built");
    command.current_dir(folder).env("NO_COLOR", "1").env("XDG_STATE_HOME", state.as_ref());
    command
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("what is printed is UTF-8")
}
