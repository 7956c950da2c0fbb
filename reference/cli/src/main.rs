//! `rolegate`: serves a site behind its rules, checks the rules, explains decisions.
#![forbid(unsafe_code)]

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use rolegate::{Problem, Severity, StartError};
use rolegate_check::InWords as _;
use rolegate_check::allow::{Accepted, Reviewed, review};
use rolegate_server::Source;
use rolegate_server::layout::Note;
use rolegate_server::{LayoutError, LoadError};

use tokens::{DEFAULT_SECRET_ENV, TokenArgs};

mod check;
mod debug;
mod edge;
mod explain;
mod identity;
mod limits;
mod lsp;
mod manual;
mod proxy;
mod serve;
mod signals;
mod token;
mod tokens;

/// How a command ends. This is the one place where exit statuses are defined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Exit {
    /// 0: done. `serve` was stopped, `check` found no error, `explain` explained everything.
    Done,
    /// 1: the input is at fault. `check` found an error, `serve` or `explain` refuses the rules or the secret, a line
    /// of `--requests` cannot be read.
    Refused,
    /// 2: the command cannot run. Wrong usage, an unreadable folder or file, an address that cannot be had.
    CannotRun,
}

/// Why a command did not do what it was asked to: the status, and the sentences for standard error.
#[derive(Debug)]
struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    fn refused(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Refused, message: message.into() }
    }

    fn cannot_run(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::CannotRun, message: message.into() }
    }
}

/// The reference gate: a static site behind redirect rules with role conditions
#[derive(Debug, Parser)]
#[command(
    name = "rolegate",
    version,
    after_help = "Exit status: 0 done; 1 the rules, the secret or an input line are refused; \
    2 wrong usage, or a folder, file or address that cannot be had."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the site in a folder, behind its rules
    Serve(Box<serve::Serve>),
    /// Say what is wrong with the rules of a site, where, and what to write instead
    Check(check::Check),
    /// Check rule files in an editor: a language server over standard input and output
    Lsp(lsp::Lsp),
    /// Say what the gate answers to a request, rule by rule
    Explain(Box<explain::Explain>),
    /// Look into a token, verify one, make one
    Token(Box<token::Token>),
    /// The users of the identity service of `serve --identity`
    Identity(identity::Identity),
    /// Write the completions of a shell to standard output
    Completions(manual::Completions),
    /// Write a manual page to standard output, as `man -l -` reads it
    Man(manual::Man),
}

/// Where the rules are, besides the site's `_redirects`.
#[derive(Args, Debug)]
struct RuleArgs {
    /// The `netlify.toml` to read further rules from [default: the one of the project, where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Failure {
        match error {
            LoadError::NoFolder(_) => Failure::cannot_run(format!(
                "{error}\nhelp: name the root of the project, or the folder that is published"
            )),
            LoadError::Layout(LayoutError::NotBuilt { .. }) => Failure::cannot_run(error.to_string()),
            LoadError::Layout(LayoutError::LeftOut(Note { message, help, .. })) => {
                Failure::refused(format!("{message}\nhelp: {help}"))
            }
            LoadError::Layout(_) => Failure::refused(error.to_string()),
            LoadError::Site(_) | LoadError::File { .. } | LoadError::Countries { .. } => {
                Failure::cannot_run(error.to_string())
            }
            LoadError::Key { name, error } => Failure::refused(format!(
                "{error}, so anybody could sign a token\n\
                 help: set `{name}` to the secret that your token issuer signs with"
            )),
            LoadError::Pem { .. } => Failure::refused(error.to_string()),
            LoadError::Jwks { .. } => Failure::refused(format!(
                "{error}\nhelp: the document is the one that your issuer publishes, often at `/.well-known/jwks.json`"
            )),
            LoadError::Signature { text, error } => Failure::refused(format!(
                "{}:{}:{}: {error}\n\
                 help: put the secret that the upstream knows into `{}`, or take the signature out of the rule",
                text.name(error.span.file),
                error.span.line,
                error.span.column,
                error.name
            )),
            LoadError::Start { text, error: StartError::RoleRuleWithoutKey(span) } => Failure::refused(format!(
                "there is no secret to verify tokens with, and {}:{}:{} asks for a role\n\
                 help: put the secret of your tokens into `{DEFAULT_SECRET_ENV}`, or name its variable with \
                 --secret-env, or its file with --secret-file; a public key with --public-key or --jwks",
                text.name(span.file),
                span.line,
                span.column
            )),
            LoadError::Start { text, error: StartError::UnreadableBasicAuth(span) } => Failure::refused(format!(
                "{}:{}:{} asks for a password under no path that can be read; serving could leave it open\n\
                 help: close the path with a rule in `_redirects` that asks for a role, and take this line out",
                text.name(span.file),
                span.line,
                span.column
            )),
            LoadError::Start { text, error: StartError::UnreadableRoleRule(span) } => Failure::refused(format!(
                "{}:{}:{} names a role, and its path cannot be read; serving could leave it open\n\
                 help: correct the line",
                text.name(span.file),
                span.line,
                span.column
            )),
        }
    }
}

/// Writes a line to standard output.
fn say(line: &str) -> Result<(), Failure> {
    said(writeln!(anstream::stdout().lock(), "{line}"))
}

/// What became of a text for standard output. A reader that has gone, as behind `| head`, is no failure.
fn said(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::cannot_run(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// LAYOUT-3: what is odd about where files lie, on standard error.
fn warn(notes: &[Note]) {
    for note in notes {
        let level = match note.severity {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
        };
        anstream::eprintln!("{level}: {}\n{level}: {}", visible(&note.message), visible(&note.help));
    }
}

/// Control characters in the name of a file do not write to the terminal.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// One problem of `source` as a person reads it, with colours that a terminal understands.
fn rendered(source: &Source, problem: &Problem) -> String {
    let file = problem.span.file;
    problem.render(&source.name(file), source.file(file).bytes(), true)
}

/// LINT-3: takes from the problems what comments of the files accept.
fn accept(source: &mut Source) -> Vec<Accepted> {
    let problems = std::mem::take(&mut source.problems);
    let Reviewed { problems, accepted } = review(source.files(), problems);
    source.problems = problems;
    accepted
}

/// `1 error`, `2 errors`
fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Runs the command that the arguments of this process ask for.
fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed standard error leaves nobody to tell.
            let _nobody_listens = error.print();
            return exit_code(if error.use_stderr() { Exit::CannotRun } else { Exit::Done });
        }
    };
    let ended = match cli.command {
        Command::Serve(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Lsp(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::Identity(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    };
    exit_code(ended.unwrap_or_else(|failure| {
        let red = error_style();
        anstream::eprintln!("{red}error{red:#}: {}", failure.message);
        failure.exit
    }))
}

fn error_style() -> clap::builder::styling::Style {
    clap::builder::styling::AnsiColor::Red.on_default().bold()
}

fn exit_code(exit: Exit) -> ExitCode {
    ExitCode::from(match exit {
        Exit::Done => 0,
        Exit::Refused => 1,
        Exit::CannotRun => 2,
    })
}
