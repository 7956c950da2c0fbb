//! A page as this test sees it: its commands, and what stands about them in comments.
//!
//! Comments directly before a block, each on a line of its own:
//!
//! - `<!-- not run: REASON -->`: nobody runs the block, for this reason
//! - `<!-- ends with N -->`: the last command of the block has this exit status; every other has 0
//!
//! Nothing else is done before a block: who reads the page from its start has what its commands need.

use std::path::{Path, PathBuf};

/// One command of a block.
#[derive(Debug)]
pub struct Step {
    /// The line of the page, counted from 1.
    pub line: usize,
    /// What the shell gets.
    pub command: String,
    /// The exit status that the page promises.
    pub status: i32,
    /// The lines that the page shows below the command; none where it shows nothing.
    pub output: Vec<String>,
}

/// One Markdown file.
#[derive(Debug)]
pub struct Page {
    /// Its path below the root of the repository, for messages.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// The commands that are run, in order.
    pub steps: Vec<Step>,
    /// Command lines that are shown and not run, with their lines.
    pub shown: Vec<(usize, String)>,
    /// What is wrong with the page itself.
    pub faults: Vec<String>,
}

/// The comments that stand directly before a block.
#[derive(Default)]
struct Before {
    not_run: bool,
    status: i32,
}

impl Before {
    /// Whether `line` is such a comment.
    fn take(&mut self, line: &str) -> Option<()> {
        let said = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
        if let Some(reason) = said.strip_prefix("not run:") {
            self.not_run = !reason.trim().is_empty();
        } else {
            self.status = said.strip_prefix("ends with")?.trim().parse().ok()?;
        }
        Some(())
    }
}

impl Page {
    /// Reads the file at `path`, which lies below `root`.
    pub fn read(root: &Path, path: &Path) -> Self {
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        let text = std::fs::read_to_string(path).expect("UTF-8");
        let mut page =
            Self { name, path: path.to_owned(), text, steps: Vec::new(), shown: Vec::new(), faults: Vec::new() };
        page.read_blocks();
        page
    }

    fn read_blocks(&mut self) {
        let text = std::mem::take(&mut self.text);
        let mut lines = text.lines().zip(1..);
        let mut before = Before::default();
        while let Some((line, number)) = lines.next() {
            let Some(language) = line.trim_start().strip_prefix("```") else {
                if before.take(line).is_none() && !line.trim().is_empty() {
                    before = Before::default();
                }
                continue;
            };
            let block = lines.by_ref().take_while(|(line, _)| line.trim_start() != "```");
            // A block of a list is indented as its fence is.
            let indent = line.len() - line.trim_start().len();
            let block = block.map(|(line, number)| (number, line.get(indent..).unwrap_or_default().to_owned()));
            let block = joined(block);
            let said = std::mem::take(&mut before);
            match language {
                "console" => self.read_console(number, said, &block),
                "sh" | "bash" | "shell" => self.faults.push(format!(
                    "{}:{number}: commands stand in a ```console block, with `$ ` before each",
                    self.name
                )),
                _ => {}
            }
        }
        self.text = text;
    }

    fn read_console(&mut self, number: usize, said: Before, block: &[(usize, String)]) {
        if block.first().is_none_or(|(_, line)| !line.starts_with("$ ")) {
            self.faults.push(format!("{}:{number}: a ```console block begins with `$ ` and a command", self.name));
            return;
        }
        if said.not_run {
            let commands =
                block.iter().filter_map(|(number, line)| Some((*number, line.strip_prefix("$ ")?.to_owned())));
            self.shown.extend(commands);
            return;
        }
        let step = |line, command: &str| Step { line, command: command.to_owned(), status: 0, output: Vec::new() };
        for (number, line) in block {
            match (line.strip_prefix("$ "), self.steps.last_mut()) {
                (Some(command), _) => self.steps.push(step(*number, command)),
                (None, Some(step)) => step.output.push(line.clone()),
                (None, None) => {}
            }
        }
        if let Some(last) = self.steps.last_mut() {
            last.status = said.status;
        }
    }
}

/// The lines of a block, where a command goes on behind a backslash as one.
fn joined(lines: impl Iterator<Item = (usize, String)>) -> Vec<(usize, String)> {
    let mut all: Vec<(usize, String)> = Vec::new();
    for (number, line) in lines {
        match all.last_mut().and_then(|(_, last)| Some((last.strip_suffix('\\')?.to_owned(), last))) {
            Some((start, last)) => *last = start + line.trim_start(),
            None => all.push((number, line)),
        }
    }
    all
}
