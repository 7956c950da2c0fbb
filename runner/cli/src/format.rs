//! `--format KIND=PATH`: where reports go, checked before the run and written after it (NDJSON while it goes).
//!
//! Commands that tell of more than one run have kinds of their own and the same manners ([`Rendering`]).

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use gatecheck::event::Event;
use gatecheck::report::Kind;
use gatecheck::report::aggregate::Aggregate;
use gatecheck::report::ndjson::NdjsonWriter;

use super::{Failure, say};

/// A kind of report that a command can write.
pub(super) trait Rendering: Copy + fmt::Display + FromStr<Err = String> {
    /// Names of all kinds, for messages.
    fn names() -> String;

    /// Whether another program may want to read it from a pipe.
    fn goes_to_standard_output(self) -> bool;
}

impl Rendering for Kind {
    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    fn goes_to_standard_output(self) -> bool {
        Self::goes_to_standard_output(self)
    }
}

/// One report, as the command line asks for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Output<K = Kind> {
    kind: K,
    to: Destination,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Destination {
    File(PathBuf),
    StandardOutput,
}

/// Everything that is written beside the terminal report.
pub(super) struct Outputs {
    at_the_end: Vec<Output>,
    streams: Vec<(Destination, NdjsonWriter<Box<dyn Write>>)>,
    standard_output_taken: bool,
    /// What is written in the place of the usual page.
    page: Option<Page>,
}

/// Makes a page of a run.
type Page = Box<dyn Fn(&Aggregate) -> String>;

impl<K: Rendering> FromStr for Output<K> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, path) = text.split_once('=').filter(|(_, path)| !path.is_empty()).ok_or_else(|| {
            format!("write KIND=PATH, for example `json=PATH`; kinds: {}; `-` is standard output", K::names())
        })?;
        let kind: K = kind.parse()?;
        match path {
            "-" if !kind.goes_to_standard_output() => Err(format!("`{kind}` is for a browser; write `{kind}=PATH`")),
            "-" => Ok(Self { kind, to: Destination::StandardOutput }),
            path => Ok(Self { kind, to: Destination::File(PathBuf::from(path)) }),
        }
    }
}

impl<K> Output<K> {
    /// Whether it can be written where it is to be.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn has_a_place(&self) -> Result<(), String> {
        let Destination::File(path) = &self.to else { return Ok(()) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        match folder.filter(|folder| !folder.is_dir()) {
            Some(folder) => Err(format!("there is no folder {}; make it, or name another", folder.display())),
            None if path.is_dir() => Err(format!("{} is a folder; name a file in it", path.display())),
            None => Ok(()),
        }
    }
}

impl Outputs {
    /// Opens what is written while the run goes, and refuses what could not be written at its end.
    pub(super) fn open(outputs: Vec<Output>) -> Result<Self, Failure> {
        let taken = check(&outputs)?;
        let (streamed, at_the_end): (Vec<Output>, Vec<Output>) =
            outputs.into_iter().partition(|output| output.kind == Kind::Ndjson);
        let mut streams = Vec::new();
        for output in streamed {
            let out: Box<dyn Write> = match &output.to {
                Destination::StandardOutput => Box::new(std::io::stdout()),
                Destination::File(path) => Box::new(File::create(path).map_err(|error| not_written(path, &error))?),
            };
            streams.push((output.to, NdjsonWriter::new(out)));
        }
        Ok(Self { at_the_end, streams, standard_output_taken: taken, page: None })
    }

    /// Tells the streams what happened.
    pub(super) fn note(&mut self, event: &Event, run: &Aggregate) {
        for (_, stream) in &mut self.streams {
            stream.note(event, run);
        }
    }

    /// Prints the terminal report, to standard error where standard output belongs to another one, and writes the reports.
    pub(super) fn finish(self, terminal: &str, run: &Aggregate) -> Result<(), Failure> {
        if self.standard_output_taken {
            let _ = anstream::stderr().lock().write_all(terminal.as_bytes());
        } else {
            say(terminal);
        }
        for (to, stream) in self.streams {
            match (to, stream.finish()) {
                (Destination::File(path), Err(error)) => return Err(not_written(&path, &error)),
                (Destination::StandardOutput, Err(error)) => piped(Err(error))?,
                (_, Ok(_)) => {}
            }
        }
        write_all(self.at_the_end, |kind| match self.page.as_ref().filter(|_| kind == Kind::Html) {
            Some(page) => Ok(page(run)),
            None => kind.render(run).map_err(|error| Failure::harness(format!("{kind}: {error}"))),
        })
    }

    /// The same with another page for people.
    pub(super) fn with_page(self, page: impl Fn(&Aggregate) -> String + 'static) -> Self {
        Self { page: Some(Box::new(page)), ..self }
    }
}

/// Prints `terminal`, to standard error where standard output belongs to a report, and writes the reports.
pub(super) fn tell<K: Rendering>(
    outputs: Vec<Output<K>>,
    terminal: &str,
    render: impl Fn(K) -> Result<String, Failure>,
) -> Result<(), Failure> {
    if check(&outputs)? {
        let _ = anstream::stderr().lock().write_all(terminal.as_bytes());
    } else {
        say(terminal);
    }
    write_all(outputs, render)
}

/// Refuses what could not be written; says whether standard output is taken.
fn check<K: Rendering>(outputs: &[Output<K>]) -> Result<bool, Failure> {
    let mut taken = BTreeSet::new();
    for output in outputs {
        if !taken.insert(output.to.clone()) {
            return Err(Failure::usage(match &output.to {
                Destination::StandardOutput => "only one --format can have standard output".to_owned(),
                Destination::File(path) => format!("two --format name {}", path.display()),
            }));
        }
        output.has_a_place().map_err(|why| Failure::usage(format!("--format {}: {why}", output.kind)))?;
    }
    Ok(taken.contains(&Destination::StandardOutput))
}

fn write_all<K: Rendering>(
    outputs: Vec<Output<K>>,
    render: impl Fn(K) -> Result<String, Failure>,
) -> Result<(), Failure> {
    for Output { kind, to } in outputs {
        let text = render(kind)?;
        match to {
            Destination::File(path) => std::fs::write(&path, text).map_err(|error| not_written(&path, &error))?,
            Destination::StandardOutput => {
                let mut out = std::io::stdout().lock();
                piped(out.write_all(text.as_bytes()).and_then(|()| out.flush()))?;
            }
        }
    }
    Ok(())
}

/// A reader that has seen enough and goes away is no fault.
fn piped(written: std::io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::harness(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

fn not_written(path: &Path, error: &std::io::Error) -> Failure {
    Failure::harness(format!("{}: {error}", path.display()))
}
