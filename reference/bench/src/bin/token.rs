//! Prints the `Cookie` value of a visitor with the role `admin` whose token is valid for a day, for the load run.
#![forbid(unsafe_code)]

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    writeln!(std::io::stdout(), "{}", rolegate_bench::cookie(now.saturating_add(86_400))?)?;
    Ok(())
}
