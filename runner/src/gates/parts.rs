//! The parts that a gate is made of: whether they are there, and the line that installs them.

use std::path::{Path, PathBuf};

use super::launch::GateFile;

/// Folders of programs that are often no part of `PATH` for people, and hold servers.
const SERVERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

impl GateFile {
    /// The line that installs what the gate is made of, with its folder filled in.
    #[must_use]
    pub fn install_line(&self) -> Option<String> {
        self.install.as_deref().map(|line| self.with_folder(line))
    }

    /// What the gate needs and this machine does not have, in the words of the gate file.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let missing = self.needs.iter().map(|part| self.with_folder(part)).filter(|part| !is_there(part));
        missing.collect()
    }

    /// Whether all that the gate needs is there.
    ///
    /// # Errors
    /// A sentence that names what is missing, and the line that installs it.
    pub fn is_whole(&self) -> Result<(), String> {
        let missing = self.missing();
        if missing.is_empty() {
            return Ok(());
        }
        let how = self.install_line().map(|line| format!("\ninstall it with: {line}")).unwrap_or_default();
        Err(format!("the gate `{}` needs what is not there: {}{how}", self.name, missing.join(", ")))
    }

    fn with_folder(&self, text: &str) -> String {
        text.replace("{here}", &self.here.display().to_string())
    }
}

/// The folder of a file, in full; one that is named without a folder lies in the current one.
pub(super) fn folder_of(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// Whether there is a file or folder of this path, or a program of this name.
fn is_there(part: &str) -> bool {
    if part.contains('/') {
        return Path::new(part).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SERVERS.map(PathBuf::from));
    folders.map(|folder| folder.join(part)).any(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(needs: &[&str]) -> GateFile {
        GateFile {
            name: "mine".to_owned(),
            install: Some("npm ci --prefix {here}".to_owned()),
            needs: needs.iter().map(|part| (*part).to_owned()).collect(),
            here: PathBuf::from(env!("CARGO_MANIFEST_DIR")),
            ..GateFile::of_command("mine")
        }
    }

    #[test]
    fn parts_are_found_or_named_with_the_line_that_installs_them() {
        assert_eq!(gate(&[]).is_whole(), Ok(()));
        assert_eq!(gate(&["sh", "{here}/Cargo.toml"]).is_whole(), Ok(()));
        let here = env!("CARGO_MANIFEST_DIR");
        assert_eq!(
            gate(&["sh", "no-such-program", "{here}/no-such-folder"]).is_whole(),
            Err(format!(
                "the gate `mine` needs what is not there: no-such-program, {here}/no-such-folder\n\
                 install it with: npm ci --prefix {here}"
            ))
        );
    }

    #[test]
    fn a_gate_file_without_a_folder_lies_in_the_current_one() {
        let current = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(folder_of(Path::new("gate.yaml")), current);
        assert_eq!(folder_of(Path::new("./gate.yaml")), current);
        assert_eq!(folder_of(Path::new("src/gate.yaml")), current.join("src"));
    }
}
