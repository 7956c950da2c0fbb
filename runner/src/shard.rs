//! The parts of a run: a selection is cut into shards before it is shuffled, so that a seed never moves a case from one shard to another.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// One of several parts of a run: each case of the selection is in exactly one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Shard {
    index: usize,
    of: usize,
}

impl Shard {
    /// The part `index` of `of`, counted from 1; `None` where there is no such part.
    #[must_use]
    pub fn new(index: usize, of: usize) -> Option<Self> {
        (1..=of).contains(&index).then_some(Self { index, of })
    }

    /// Which part, counted from 1.
    #[must_use]
    pub fn index(self) -> usize {
        self.index
    }

    /// How many parts there are.
    #[must_use]
    pub fn of(self) -> usize {
        self.of
    }

    /// The part that a CI engine says this job is, by the variables that it sets; none where none of them is set.
    ///
    /// # Errors
    /// A variable that makes no sense, in a sentence.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        for (index_name, of_name, first) in ENGINES {
            let Some(index) = variable(index_name) else { continue };
            let Some(of) = variable(of_name) else {
                // Such a job has an index whether or not it is one of several.
                if !TELLING.contains(&index_name) {
                    continue;
                }
                return Err(format!(
                    "`{index_name}` says which part this is, and `{of_name}` has to say how many there are"
                ));
            };
            let part = index.trim().parse::<usize>().ok().and_then(|index| index.checked_add(1)?.checked_sub(first));
            let shard = part.zip(of.trim().parse().ok()).and_then(|(part, of)| Self::new(part, of));
            return shard
                .map(Some)
                .ok_or_else(|| format!("`{index_name}={index}` and `{of_name}={of}` make no part of a run"));
        }
        Ok(None)
    }

    /// Its part of `count` things in their order. The parts are as large as each other, give or take one, and hang together, so that at most one suite is
    /// cut at each border; the control of a suite is asked in every part that has a case of it.
    #[must_use]
    pub fn range(self, count: usize) -> Range<usize> {
        let border = |part: usize| count.saturating_mul(part).checked_div(self.of).unwrap_or(count);
        border(self.index.saturating_sub(1))..border(self.index)
    }
}

/// The variables of engines: which part, how many, and the number of the first part.
const ENGINES: [(&str, &str, usize); 11] = [
    ("GATECHECK_PART", "GATECHECK_PARTS", 1),
    ("CI_NODE_INDEX", "CI_NODE_TOTAL", 1),
    ("JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0),
    ("CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0),
    ("BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0),
    ("BITBUCKET_PARALLEL_STEP", "BITBUCKET_PARALLEL_STEP_COUNT", 0),
    ("SYSTEM_JOBPOSITIONINPHASE", "SYSTEM_TOTALJOBSINPHASE", 1),
    ("SEMAPHORE_JOB_INDEX", "SEMAPHORE_JOB_COUNT", 1),
    ("CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT", 0),
    ("AWS_BATCH_JOB_ARRAY_INDEX", "AWS_BATCH_JOB_ARRAY_SIZE", 0),
    ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", 0),
];
/// Those that are set for nothing but a part.
const TELLING: [&str; 2] = ["GATECHECK_PART", "JOB_COMPLETION_INDEX"];

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (index, of) = text.split_once('/').unwrap_or((text, ""));
        index
            .parse()
            .ok()
            .zip(of.parse().ok())
            .and_then(|(index, of)| Self::new(index, of))
            .ok_or_else(|| format!("`{text}` is no part of a run; write I/N with I from 1 to N, for example `2/3`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_everything_once() {
        for count in [0, 1, 2, 3, 7, 100, 13_397] {
            for of in 1..=9 {
                let parts: Vec<Range<usize>> =
                    (1..=of).map(|index| Shard::new(index, of).unwrap().range(count)).collect();
                let all: Vec<usize> = parts.iter().cloned().flatten().collect();
                assert_eq!(all, (0..count).collect::<Vec<_>>(), "{count} in {of}");
                let sizes = parts.iter().map(ExactSizeIterator::len);
                assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1, "{count} in {of}");
            }
        }
    }

    #[test]
    fn shards_are_read_and_written() {
        assert_eq!("2/3".parse::<Shard>().unwrap().to_string(), "2/3");
        for wrong in ["", "1", "0/3", "4/3", "1/0", "a/b", "1/2/3", "-1/2", " 1/2"] {
            assert!(wrong.parse::<Shard>().unwrap_err().contains("for example `2/3`"), "{wrong}");
        }
    }

    #[test]
    fn engines_say_which_part_a_job_is() {
        let of = |set: &[(&str, &str)]| {
            let set: Vec<(String, String)> = set.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            Shard::of_environment(|name| set.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone()))
        };
        let part = |index, of| Ok(Shard::new(index, of));
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3")]), part(2, 3));
        assert_eq!(of(&[("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "3")]), part(1, 3));
        assert_eq!(of(&[("CIRCLE_NODE_INDEX", "2"), ("CIRCLE_NODE_TOTAL", "3")]), part(3, 3));
        assert_eq!(of(&[("BUILDKITE_PARALLEL_JOB", "1"), ("BUILDKITE_PARALLEL_JOB_COUNT", "2")]), part(2, 2));
        assert_eq!(of(&[("CI_NODE_TOTAL", "3")]), Ok(None));
        assert!(of(&[("JOB_COMPLETION_INDEX", "0")]).unwrap_err().contains("JOB_COMPLETIONS"));
        assert!(of(&[("CI_NODE_INDEX", "4"), ("CI_NODE_TOTAL", "3")]).unwrap_err().contains("no part"));
    }
}
