//! The debug page, as options of `serve`.

use std::net::SocketAddr;

use clap::Args;
use rolegate::Network;
use rolegate_server::DebugPage;

use super::Failure;

/// A page that shows what the gate decides about the visitor who looks at it; off unless a path is named for it.
#[derive(Args, Debug)]
#[command(next_help_heading = "Debugging")]
pub(super) struct DebugArgs {
    /// Show at this path, such as `/__gate/debug`, what the gate decides about the visitor and why. Rules and roles stand
    /// there, so it is shown to visitors from this machine alone
    #[arg(long, value_name = "PATH")]
    debug_page: Option<String>,
    /// Show the debug page to visitors from this address or network instead; can be given several times
    #[arg(long, value_name = "CIDR", value_delimiter = ',', requires = "debug_page")]
    debug_page_for: Vec<Network>,
}

impl DebugArgs {
    pub(super) fn page(&self) -> Result<Option<DebugPage>, Failure> {
        let Some(path) = &self.debug_page else { return Ok(None) };
        match DebugPage::new(path, self.readers()) {
            Some(page) => Ok(Some(page)),
            None => Err(Failure::cannot_run(format!(
                "`{}` is no path for the debug page\nhelp: write one such as `/__gate/debug`",
                path.escape_debug()
            ))),
        }
    }

    /// What the operator has to know about an open page.
    pub(super) fn warn(&self, scheme: &str, address: SocketAddr) {
        let Some(path) = &self.debug_page else { return };
        let readers: Vec<String> = self.readers().iter().map(ToString::to_string).collect();
        anstream::eprintln!(
            "WARNING: the debug page {scheme}://{address}{path} shows rules and roles to visitors from {}\n\
             WARNING: behind a proxy name it with --trusted-proxy, or all of its visitors may count as visitors from this \
             machine",
            readers.join(", ")
        );
    }

    fn readers(&self) -> Vec<Network> {
        if self.debug_page_for.is_empty() { DebugPage::this_machine() } else { self.debug_page_for.clone() }
    }
}
