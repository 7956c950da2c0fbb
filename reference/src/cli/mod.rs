//! The command line.

use std::env;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use rolegate::{DirSite, Key, Parsed, Problem, RolePath, RuleSet, Severity, TokenSettings};

mod check;
mod explain;
mod serve;

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
    /// Serve the site in a folder, behind the rules of its `_redirects` file
    Serve(serve::Serve),
    /// Say what is wrong with the rules of a site, where, and what to write instead
    Check(check::Check),
    /// Say what the gate answers to a request, rule by rule
    Explain(explain::Explain),
}

/// How tokens are verified; the secret itself is never given on the command line.
#[derive(Args, Debug)]
struct TokenArgs {
    /// The environment variable that holds the secret of the tokens [default: JWT_SECRET, where it is set]
    #[arg(long, value_name = "NAME")]
    secret_env: Option<String>,
    /// Where in a token the roles stand: names with dots between, or a JSON Pointer
    #[arg(long, value_name = "PATH", default_value = "app_metadata.authorization.roles")]
    role_path: RolePath,
    /// Accept a token for so many seconds after its `exp` and before its `nbf`
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=300))]
    leeway: u64,
    /// Accept a token without `exp`, which never expires
    #[arg(long)]
    accept_missing_exp: bool,
    /// Accept a token without `typ`
    #[arg(long)]
    accept_missing_typ: bool,
}

const DEFAULT_SECRET_ENV: &str = "JWT_SECRET";

impl TokenArgs {
    fn settings(&self) -> TokenSettings {
        TokenSettings {
            role_path: self.role_path.clone(),
            leeway: Duration::from_secs(self.leeway),
            accept_missing_exp: self.accept_missing_exp,
            accept_missing_typ: self.accept_missing_typ,
        }
    }

    /// The name of the variable that is looked at.
    fn variable(&self) -> &str {
        self.secret_env.as_deref().unwrap_or(DEFAULT_SECRET_ENV)
    }

    /// ROLE-10: the key, `None` where no variable was named and the default one is not set.
    fn key(&self) -> Result<Option<Key>, Failure> {
        let name = self.variable();
        let Some(secret) = env::var_os(name) else {
            return match &self.secret_env {
                None => Ok(None),
                Some(_) => Err(Failure::refused(format!(
                    "the environment variable `{name}`, named by --secret-env, is not set\n\
                     help: put the secret of your tokens into it, for example: {name}=… rolegate …"
                ))),
            };
        };
        Key::hs256(secret.as_encoded_bytes()).map(Some).map_err(|error| {
            Failure::refused(format!(
                "{error}, so anybody could sign a token\n\
                 help: set `{name}` to the secret that your token issuer signs with"
            ))
        })
    }
}

/// The rules of a site, with the file that they come from.
struct Source {
    file_name: String,
    exists: bool,
    bytes: Vec<u8>,
    rules: RuleSet,
    problems: Vec<Problem>,
}

impl Source {
    /// Reads `_redirects` of a site; a site without one has no rules.
    fn read(folder: &Path) -> Result<Source, Failure> {
        let path: PathBuf = folder.join("_redirects");
        let (exists, bytes) = match fs::read(&path) {
            Ok(bytes) => (true, bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => (false, Vec::new()),
            Err(error) => return Err(Failure::cannot_run(format!("cannot read `{}`: {error}", path.display()))),
        };
        let Parsed { rules, mut problems, .. } = RuleSet::parse(&bytes);
        problems.extend(rules.rules().iter().filter(|rule| rule.is_proxy()).map(|rule| {
            Problem {
                id: "proxy-not-supported",
                severity: Severity::Warning,
                span: rule.span,
                message: "this gate does not forward requests to other servers".to_owned(),
                help: "where this rule decides, the answer is 501; write a redirect status such as 302 to send the \
                visitor there instead"
                    .to_owned(),
                note: None,
                refuses_to_start: false,
            }
        }));
        problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
        Ok(Source { file_name: path.display().to_string(), exists, bytes, rules, problems })
    }

    /// One problem as a person reads it, with colours that anstream takes out where nobody sees them.
    fn render(&self, problem: &Problem) -> String {
        problem.render(&self.file_name, &self.bytes, true)
    }

    fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }
}

/// Opens the site in a folder, or says why not.
fn open_site(folder: &Path) -> Result<DirSite, Failure> {
    if !folder.is_dir() {
        return Err(Failure::cannot_run(format!(
            "`{}` is not a folder that can be read\nhelp: name the folder that holds the site and its `_redirects`",
            folder.display()
        )));
    }
    DirSite::open(folder).map_err(|error| Failure::cannot_run(format!("cannot read the site: {error}")))
}

/// Writes a line to standard output. A reader that has gone, as behind `| head`, is no failure.
fn say(line: &str) -> Result<(), Failure> {
    match writeln!(anstream::stdout().lock(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::cannot_run(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// `1 error`, `2 errors`
fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Runs the command that the arguments of this process ask for.
pub(crate) fn run() -> ExitCode {
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
        Command::Explain(command) => command.run(),
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
