//! `gatecheck completions` and `gatecheck man`: what the command line knows of itself, for shells and for `man`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use gatecheck::exit::ExitStatus;

use super::{Cli, Failure, say};

/// Which shell.
#[derive(Args, Debug)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Which page.
#[derive(Args, Debug)]
pub(super) struct ManArgs {
    /// The command that the page is about; without one, `gatecheck` itself
    command: Option<String>,
}

/// Prints the completions of a shell.
pub(super) fn completions(args: &CompletionsArgs) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gatecheck", &mut script);
    say(&String::from_utf8_lossy(&script));
    ExitStatus::AsExpected
}

/// Prints a manual page.
pub(super) fn man(args: &ManArgs) -> Result<ExitStatus, Failure> {
    let mut cli = Cli::command();
    // So that each command knows its whole name and the options that it shares with the others.
    cli.build();
    let about = match &args.command {
        None => cli,
        Some(name) => cli.find_subcommand(name).cloned().ok_or_else(|| {
            let names: Vec<_> = cli.get_subcommands().map(|one| format!("`{}`", one.get_name())).collect();
            Failure::usage(format!("`{}` is no command; write one of {}", name.escape_debug(), names.join(", ")))
        })?,
    };
    let title = about.get_display_name().unwrap_or_else(|| about.get_name()).to_uppercase();
    let mut page = Vec::new();
    clap_mangen::Man::new(about)
        .title(title)
        .render(&mut page)
        .map_err(|error| Failure::harness(format!("cannot write the page: {error}")))?;
    say(&String::from_utf8_lossy(&page));
    Ok(ExitStatus::AsExpected)
}
