//! The two programs of this build, and `cargo` as far as the pages use it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use pulldown_cmark::{Event, Parser};

use super::page::Page;

/// The areas of the corpus that the pages are run with: enough for what they name, and quick to read.
const AREAS: [&str; 5] = ["match", "noleak", "role", "seed", "token"];

/// `cargo` for the pages: its aliases are the program, and nothing is built or installed.
const CARGO: &str = "#!/bin/sh
case \"$1\" in
    conform) shift; exec gatecheck run \"$@\" ;;
    self-test) shift; exec gatecheck self-test \"$@\" ;;
    *) echo \"cargo $1 is not for this test; say why with <!-- not run: … -->\" >&2; exit 97 ;;
esac
";

/// Where the programs are found.
pub struct Programs {
    folder: tempfile::TempDir,
    root: PathBuf,
    help: Mutex<BTreeMap<String, String>>,
}

impl Programs {
    /// Makes the folder that goes into `PATH`. The tests of the whole workspace have built `rolegate`; it is built here where this
    /// package is tested alone and it was never built.
    pub fn built(root: &Path) -> Self {
        let gatecheck = Path::new(assert_cmd::cargo::cargo_bin!("gatecheck"));
        let rolegate = gatecheck.with_file_name("rolegate");
        if !rolegate.exists() {
            let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--quiet", "--locked", "--package", "rolegate-cli"]).args(profile).current_dir(root);
            assert!(build.status().expect("cargo").success(), "`rolegate` is built");
        }
        let folder = tempfile::tempdir().expect("a folder");
        std::os::unix::fs::symlink(gatecheck, folder.path().join("gatecheck")).expect("a link");
        std::os::unix::fs::symlink(rolegate, folder.path().join("rolegate")).expect("a link");
        let cargo = folder.path().join("cargo");
        std::fs::write(&cargo, CARGO).expect("a file");
        std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).expect("a program");
        Self { folder, root: root.to_owned(), help: Mutex::default() }
    }

    /// A folder for the commands of one page, with a corpus that is a part of the whole one.
    pub fn workspace(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let (whole, part) = (self.root.join("conformance-cases"), folder.path().join("conformance-cases"));
        std::fs::create_dir(&part).expect("a folder");
        for name in ["requirements.yaml", "tokens.yaml", "families.yaml"] {
            std::fs::copy(whole.join(name), part.join(name)).expect("a copy");
        }
        for area in AREAS {
            std::fs::create_dir(part.join(area)).expect("a folder");
            for entry in std::fs::read_dir(whole.join(area)).expect("an area") {
                let entry = entry.expect("a suite");
                std::fs::copy(entry.path(), part.join(area).join(entry.file_name())).expect("a copy");
            }
        }
        folder
    }

    /// A shell in `folder` that finds both programs, and no setting of whoever runs the test.
    pub fn shell(&self, folder: &Path, command: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(folder);
        shell.env("PATH", format!("{}:{path}", self.folder.path().display())).env("HOME", folder);
        shell.env("NO_COLOR", "1").env_remove("RUST_LOG").env_remove("JWT_SECRET");
        shell.stdin(std::process::Stdio::null());
        shell
    }

    /// What `program` says of its command `words`, where it has such a command.
    fn help(&self, words: &[&str]) -> Option<String> {
        let key = words.join(" ");
        if let Some(known) = self.help.lock().unwrap().get(&key) {
            return Some(known.clone());
        }
        let output = Command::new(self.folder.path().join(words[0])).args(&words[1..]).arg("--help").output().ok()?;
        let text = output.status.success().then(|| String::from_utf8(output.stdout).ok())??;
        self.help.lock().unwrap().insert(key, text.clone());
        Some(text)
    }

    /// The options of our programs in command lines that are not run and in the prose, where the program does not know them.
    pub fn unknown_options(&self, page: &Page) -> Vec<String> {
        // What was true once stays as it was.
        if page.name == "CHANGELOG.md" {
            return Vec::new();
        }
        let spans = Parser::new(&page.text).into_offset_iter().filter_map(|(event, range)| match event {
            Event::Code(code) => Some((page.text[..range.start].lines().count(), code.to_string())),
            _ => None,
        });
        let commands = page.shown.iter().cloned().chain(spans);
        commands
            .filter_map(|(line, command)| self.unknown_option(&command).map(|what| (line, what)))
            .map(|(line, what)| format!("{}:{line}: {what}", page.name))
            .collect()
    }

    fn unknown_option(&self, command: &str) -> Option<String> {
        // What stands in quotes is for another program.
        let command: String = command.split('\'').step_by(2).collect();
        let command = command.split(" # ").next().unwrap_or_default();
        let words: Vec<&str> = command.split_whitespace().collect();
        let words: Vec<&str> = match words.as_slice() {
            ["cargo", "conform", rest @ ..] => ["gatecheck", "run"].iter().chain(rest).copied().collect(),
            ["cargo", "self-test", rest @ ..] => ["gatecheck", "self-test"].iter().chain(rest).copied().collect(),
            [program @ ("rolegate" | "gatecheck"), rest @ ..] => {
                std::iter::once(program).chain(rest).copied().collect()
            }
            _ => return None,
        };
        // A command may have commands of its own: `rolegate identity user add`.
        let named = words.iter().skip(1).take_while(|word| !word.starts_with('-')).count().min(3);
        let help = (0..=named).rev().find_map(|length| self.help(&words[..=length]))?;
        let unknown = words.iter().filter_map(|word| {
            let option = word.split('=').next()?;
            let name = option.strip_prefix("--")?.trim_end_matches(|end: char| !end.is_ascii_alphanumeric());
            (!name.is_empty() && !help.contains(&format!("--{name}"))).then(|| format!("--{name}"))
        });
        let unknown: Vec<String> = unknown.collect();
        (!unknown.is_empty()).then(|| format!("`{command}`: no {}", unknown.join(", ")))
    }
}
