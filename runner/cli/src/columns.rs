//! How wide the terminal is.

use std::io::IsTerminal as _;

use gatecheck::lines::COLUMNS;

/// The columns to break lines at: as `COLUMNS` says, or those of the terminal.
pub(super) fn columns() -> usize {
    columns_or(COLUMNS)
}

/// The same where nobody says and there is no terminal: `unknown`.
pub(super) fn columns_or(unknown: usize) -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let measured = || terminal_width().filter(|_| std::io::stdout().is_terminal());
    said.or_else(measured).unwrap_or(unknown).clamp(60, 160)
}

/// The columns of the terminal.
fn terminal_width() -> Option<usize> {
    #[cfg(unix)]
    return rustix::termios::tcgetwinsize(std::io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0);
    #[cfg(not(unix))]
    None
}
