//! `rolegate completions` and `rolegate man`: what the command line knows of itself, for shells and for `man`.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Exit, Failure, said};

/// Write the completions of a shell to standard output
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    rolegate completions bash > ~/.local/share/bash-completion/completions/rolegate\n  \
    rolegate completions zsh > ~/.zfunc/_rolegate\n  \
    rolegate completions fish > ~/.config/fish/completions/rolegate.fish")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

/// Write a manual page to standard output, as `man -l -` reads it
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  rolegate man | man -l -\n  rolegate man token new > rolegate-token-new.1")]
pub(super) struct Man {
    /// The command that the page is about, such as `serve` or `token new`; without one, `rolegate` itself
    command: Vec<String>,
}

impl Completions {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        let mut cli = Cli::command();
        let name = cli.get_name().to_owned();
        clap_complete::generate(self.shell, &mut cli, name, &mut script);
        write(&script)
    }
}

impl Man {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut about = Cli::command();
        // So that each command knows its whole name and the options that it shares with the others.
        about.build();
        for name in &self.command {
            about = about.find_subcommand(name).cloned().ok_or_else(|| {
                let names: Vec<_> = about.get_subcommands().map(|one| format!("`{}`", one.get_name())).collect();
                let help = if names.is_empty() {
                    "it ends here".to_owned()
                } else {
                    format!("write one of {}", names.join(", "))
                };
                Failure::cannot_run(format!("`{}` is no command\nhelp: {help}", name.escape_debug()))
            })?;
        }
        let title = about.get_display_name().unwrap_or_else(|| about.get_name()).to_owned();
        let mut page = Vec::new();
        clap_mangen::Man::new(about)
            .title(title.to_uppercase())
            .render(&mut page)
            .map_err(|error| Failure::cannot_run(format!("cannot write the page: {error}")))?;
        write(&page)
    }
}

fn write(bytes: &[u8]) -> Result<Exit, Failure> {
    let mut stdout = std::io::stdout().lock();
    said(stdout.write_all(bytes).and_then(|()| stdout.flush()))?;
    Ok(Exit::Done)
}
