//! `--shard`: which part of the work is this job's, as the user says it, or as the engine does that runs the job.

use gatecheck::shard::Shard;

use super::Failure;

/// What `--shard` without a value means.
pub(super) const BY_THE_ENGINE: &str = "auto";

/// The part that is meant.
pub(super) fn part(text: Option<&str>) -> Result<Option<Shard>, Failure> {
    match text {
        None => Ok(None),
        Some(BY_THE_ENGINE) => {
            let found = Shard::of_environment(|name| std::env::var(name).ok()).map_err(Failure::usage)?;
            found.map(Some).ok_or_else(|| {
                Failure::usage(
                    "--shard: no variable of a CI engine says which part this is; write --shard I/N, for example `--shard 2/3`",
                )
            })
        }
        Some(text) => text.parse().map(Some).map_err(Failure::usage),
    }
}
