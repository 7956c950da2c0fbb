//! Where the vectors lie.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

const VARIABLE: &str = "GATECHECK_VECTORS";

/// A file of the vectors. `None`, and a line on standard error, where the folder is not there.
pub fn json<T: DeserializeOwned>(test: &str, name: &str) -> Option<T> {
    let path = find(test, name)?;
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The files of a folder of the vectors, with their names, in the order of these.
pub fn files(test: &str, name: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let path = find(test, name)?;
    let entries = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    Some(files)
}

/// A folder that was asked for by name must be there; the one beside the project need not.
fn find(test: &str, name: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) {
        let folder = PathBuf::from(folder);
        assert!(folder.is_dir(), "{VARIABLE} names {}, which is no folder", folder.display());
        return Some(folder.join(name));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    if folder.is_dir() {
        return Some(folder.join(name));
    }
    say(&format!("skipped {test}: there is no folder {}, and {VARIABLE} names none", folder.display()));
    None
}

/// Says what a test did, also where it passes: the test harness keeps back what `eprintln` writes.
pub fn say(line: &str) {
    // In one piece, since the tests run side by side.
    let _ = std::io::stderr().write_all(format!("vectors: {line}\n").as_bytes());
}
