//! Runs the commands of a page in order, and holds what they do to what the page says.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use super::page::{Page, Step};
use super::programs::Programs;

/// The port of a gate of which a page does not say another.
const USUAL_PORT: &str = "8888";

/// A gate that a page has started; it ends with the page.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a shell of the reader would remember from one command to the next.
#[derive(Default)]
struct Session {
    /// `export` and `cd`, as they were said.
    said: String,
    /// Ports of the page, with the ones that its gates got.
    ports: Vec<(String, String)>,
    servers: Vec<Server>,
}

/// Runs the commands of `page`; says which ones do not do what the page says.
pub fn run(page: &Page, programs: &Programs) -> Vec<String> {
    let mut faults = page.faults.clone();
    if page.steps.is_empty() {
        return faults;
    }
    let folder = programs.workspace();
    let mut session = Session::default();
    for step in &page.steps {
        if let Err(fault) = session.step(step, folder.path(), programs) {
            faults.push(format!("{}:{}: `{}`: {fault}", page.name, step.line, step.command));
        }
    }
    faults
}

impl Session {
    fn step(&mut self, step: &Step, folder: &Path, programs: &Programs) -> Result<(), String> {
        let command = self.with_ports(&step.command);
        if command.starts_with("export ") || command.starts_with("cd ") {
            self.said.push_str(&format!("{}\n", without_comment(&command)));
            return Ok(());
        }
        let words: Vec<&str> = without_comment(&command).split_whitespace().collect();
        if let ["rolegate" | "gatecheck", "serve", ..] = words.as_slice() {
            return self.serve(&words, folder, programs);
        }
        let all = format!("exec 2>&1\n{}{command}\n", self.said);
        let output = programs.shell(folder, &all).output().map_err(|error| error.to_string())?;
        let printed = String::from_utf8_lossy(&output.stdout);
        if output.status.code() != Some(step.status) {
            return Err(format!("ends with {:?}, not {}:\n{printed}", output.status.code(), step.status));
        }
        let expected: Vec<String> = step.output.iter().map(|line| self.with_ports(line)).collect();
        let lines: Vec<&str> = printed.trim_end().lines().map(str::trim_end).collect();
        if !expected.is_empty() && !is_shown(&expected, &lines) {
            return Err(format!("prints\n{}\nand the page shows\n{}", lines.join("\n"), expected.join("\n")));
        }
        Ok(())
    }

    /// Starts a gate on a free port, which stands for the port of the page from here on.
    fn serve(&mut self, words: &[&str], folder: &Path, programs: &Programs) -> Result<(), String> {
        let mut words: Vec<&str> = words.to_vec();
        let mut port = USUAL_PORT.to_owned();
        match words.iter().position(|word| *word == "--port") {
            Some(at) => port = std::mem::replace(words.get_mut(at + 1).ok_or("--port needs a number")?, "0").to_owned(),
            None => words.extend(["--port", "0"]),
        }
        let command = format!("{}exec {}", self.said, words.join(" "));
        let shell = programs.shell(folder, &command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut server = Server(shell.map_err(|error| error.to_string())?);
        let mut line = String::new();
        let stdout = server.0.stdout.take().ok_or("no output")?;
        BufReader::new(stdout).read_line(&mut line).map_err(|error| error.to_string())?;
        let Some(free) = line.trim().rsplit(':').next().filter(|_| line.starts_with("listening on ")) else {
            let mut said = String::new();
            if let Some(mut stderr) = server.0.stderr.take() {
                let _ = std::io::Read::read_to_string(&mut stderr, &mut said);
            }
            return Err(format!("does not start: {line}{said}"));
        };
        // Nobody reads on: a log must not fill the pipe.
        if let Some(stderr) = server.0.stderr.take() {
            std::thread::spawn(move || std::io::copy(&mut BufReader::new(stderr), &mut std::io::sink()));
        }
        self.ports.retain(|(known, _)| *known != port);
        self.ports.push((port, free.to_owned()));
        self.servers.push(server);
        Ok(())
    }

    /// `text` with the ports that the gates of this page have.
    fn with_ports(&self, text: &str) -> String {
        self.ports
            .iter()
            .fold(text.to_owned(), |text, (port, free)| text.replace(&format!(":{port}"), &format!(":{free}")))
    }
}

/// The command without the comment behind it.
fn without_comment(command: &str) -> &str {
    command.split(" # ").next().unwrap_or_default().trim_end()
}

/// Whether `lines` are what a page shows: `…` in a line stands for any text, `…` alone for any lines.
fn is_shown(expected: &[String], lines: &[&str]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first.trim() == "…" => (0..=lines.len()).any(|from| is_shown(rest, &lines[from..])),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, others)| fits(first.trim_end(), line) && is_shown(rest, others))
        }
    }
}

/// Whether `line` is `pattern`, in which `…` stands for any text.
fn fits(pattern: &str, line: &str) -> bool {
    match pattern.split_once('…') {
        None => pattern == line,
        Some((start, rest)) => line.strip_prefix(start).is_some_and(|line| {
            line.char_indices().map(|(at, _)| at).chain([line.len()]).any(|at| fits(rest, &line[at..]))
        }),
    }
}

#[test]
fn an_ellipsis_stands_for_what_a_page_leaves_out() {
    let shown = |expected: &[&str], lines: &[&str]| {
        is_shown(&expected.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>(), lines)
    };
    assert!(shown(&["a…c"], &["abbc"]) && shown(&["…"], &[]) && shown(&["…", "b"], &["a", "a", "b"]));
    assert!(shown(&["a", "…"], &["a"]) && shown(&["a … b … c"], &["a 1 b 2 c"]));
    assert!(!shown(&["a…c"], &["ab"]) && !shown(&["a"], &["a", "b"]) && !shown(&["…", "b"], &["b", "c"]));
}
