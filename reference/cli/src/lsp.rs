//! `rolegate lsp`: the language server, over standard input and output.

use std::io;

use clap::Args;
use rolegate_lsp::{Ended, serve};

use super::{Exit, Failure};

/// Check rule files in an editor, as they are typed: a language server over standard input and output
#[derive(Args, Debug)]
#[command(
    after_help = "An editor starts it and speaks the Language Server Protocol with it; docs/editors.md says how.\n\
    Exit status: 0 the editor ended it; 1 the editor left without a word; 2 what it sent is no message."
)]
pub(super) struct Lsp {
    /// Standard input and output, which is the only way there is; some editors ask for it
    #[arg(long, hide = true)]
    stdio: bool,
}

impl Lsp {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let Lsp { stdio: _ } = self;
        match serve(io::stdin(), &mut io::stdout().lock()) {
            Ok(Ended::Orderly) => Ok(Exit::Done),
            Ok(Ended::Abruptly) => Ok(Exit::Refused),
            Err(error) => Err(Failure::cannot_run(format!("the conversation with the editor ended: {error}"))),
        }
    }
}
