//! What comes between a run and its gate: how fast requests may follow each other (`--rate`), pauses that answers ask for, and connections that drop. One for
//! a run: a pause that one request is asked for is a pause for all.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::refusal::Refusal;

/// How often one request is put off.
const PUT_OFF: u32 = 5;
/// So many pauses in a row, with no answer between them, and the gate is left alone for the rest of the run.
const PAUSES_IN_A_ROW: u32 = 8;
/// The same for challenge pages, which hostile requests may earn where others do not.
const CHALLENGES_IN_A_ROW: u32 = 200;
/// The same at somebody's site, which is no test object.
const CHALLENGES_OF_A_SITE: u32 = 20;
/// The pause where an answer does not say how long.
const PAUSE: Duration = Duration::from_secs(5);
/// The pause where a server is away or overloaded, and how often one request is put off for it.
const AWAY: Duration = Duration::from_secs(1);
const PUT_OFF_WHERE_AWAY: u32 = 2;
/// The least pause; it doubles each time that one request is put off.
const SHORTEST: Duration = Duration::from_millis(100);
/// At least so many requests of a run are sent again because their connection dropped, and at most a twentieth of all.
const DROPS: usize = 20;

/// The weather of one run.
pub(crate) struct Weather {
    pace: Pace,
    longest: Duration,
    challenges: u32,
    drops: AtomicUsize,
    sky: StdMutex<Sky>,
}

#[derive(Default)]
struct Sky {
    /// Until when the pause lasts that was asked for last.
    until: Option<Instant>,
    /// Pauses and challenges since the last answer.
    pauses: u32,
    challenges: u32,
    /// Why nothing is asked any more.
    left_alone: Option<String>,
}

impl Weather {
    /// For a run of so many cases, no more than `rate` requests a second, and pauses no longer than `longest`.
    pub(super) fn new(rate: Option<f64>, longest: Duration, cases: usize) -> Self {
        let drops = AtomicUsize::new(DROPS.max(cases / 20));
        Self { pace: Pace::new(rate), longest, challenges: CHALLENGES_IN_A_ROW, drops, sky: StdMutex::default() }
    }

    /// For somebody's site, which is left alone sooner.
    pub(super) fn at_a_site(self) -> Self {
        Self { challenges: CHALLENGES_OF_A_SITE, ..self }
    }

    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// Nothing is asked any more; why, in a sentence.
    pub(crate) async fn turn(&self) -> Result<(), String> {
        self.is_open()?;
        self.pace.wait().await;
        self.is_open()
    }

    /// Whether the user has bounded how fast requests follow each other.
    pub(crate) fn is_bounded(&self) -> bool {
        self.pace.gap.is_some()
    }

    /// An answer of the gate has come.
    pub(super) fn answered(&self) {
        let mut sky = self.sky();
        (sky.pauses, sky.challenges) = (0, 0);
    }

    /// Lets everybody wait as long as the refusal asks, and says how long that is; `None` where the request is not to be sent again. `put_off` is how often
    /// that was so for this request.
    pub(crate) async fn wait(&self, refusal: &Refusal, put_off: &mut u32) -> Option<Duration> {
        let (pause, most) = match refusal {
            Refusal::Limit { pause, .. } => (*pause, PUT_OFF),
            Refusal::Away { .. } => (Some(AWAY), PUT_OFF_WHERE_AWAY),
            Refusal::Challenge { .. } => {
                let mut sky = self.sky();
                sky.challenges = sky.challenges.saturating_add(1);
                if sky.challenges >= self.challenges {
                    sky.leave_alone(refusal);
                }
                return None;
            }
        };
        let least = SHORTEST.saturating_mul(2_u32.saturating_pow(*put_off));
        let pause = pause.unwrap_or(PAUSE).max(least);
        {
            let mut sky = self.sky();
            let now = Instant::now();
            // Requests that were under way together are told of the same pause. One that nobody waits for is none, and what asks for it again is not put off by it.
            if pause > self.longest || sky.until.is_none_or(|until| until <= now) {
                sky.pauses = sky.pauses.saturating_add(1);
                sky.until = now.checked_add(pause.min(self.longest));
            }
            if sky.pauses > PAUSES_IN_A_ROW {
                sky.leave_alone(refusal);
                return None;
            }
        }
        if pause > self.longest || *put_off >= most {
            return None;
        }
        *put_off = put_off.saturating_add(1);
        self.pace.pause(pause).await;
        Some(pause)
    }

    /// Nothing is asked any more, for this reason.
    pub(super) fn leave(&self, why: &str) {
        self.sky().left_alone.get_or_insert_with(|| why.to_owned());
    }

    /// Whether one more request may be sent again because its connection dropped.
    pub(super) fn may_drop(&self) -> bool {
        self.drops.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    fn is_open(&self) -> Result<(), String> {
        self.sky().left_alone.clone().map_or(Ok(()), Err)
    }

    fn sky(&self) -> std::sync::MutexGuard<'_, Sky> {
        self.sky.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sky {
    fn leave_alone(&mut self, refusal: &Refusal) {
        let times = self.pauses.max(self.challenges);
        self.left_alone = Some(format!("the gate is left alone: {}, {times} times in a row", refusal.says()));
    }
}

/// Spreads requests so that no more than a number of them starts each second, and none in a pause.
struct Pace {
    gap: Option<Duration>,
    next: Mutex<Next>,
    /// Whether there was ever a pause.
    paused: AtomicBool,
}

#[derive(Default)]
struct Next {
    /// When the next request may start.
    at: Option<Instant>,
    /// The end of the last pause.
    resumes: Option<Instant>,
}

impl Pace {
    fn new(rate: Option<f64>) -> Self {
        let gap = rate
            .filter(|rate| rate.is_finite() && *rate > 0.0)
            .and_then(|rate| Duration::try_from_secs_f64(rate.recip()).ok());
        Self { gap, next: Mutex::default(), paused: AtomicBool::new(false) }
    }

    /// Lets nothing start for that long.
    async fn pause(&self, length: Duration) {
        let mut next = self.next.lock().await;
        next.resumes = next.resumes.max(Instant::now().checked_add(length));
        self.paused.store(true, Ordering::Relaxed);
    }

    async fn wait(&self) {
        if self.gap.is_none() && !self.paused.load(Ordering::Relaxed) {
            return;
        }
        loop {
            let mut next = self.next.lock().await;
            let now = Instant::now();
            let resumes = next.resumes.filter(|at| *at > now);
            let mine = next.at.filter(|at| *at > now).unwrap_or(now);
            if resumes.is_none() {
                next.at = self.gap.and_then(|gap| mine.checked_add(gap));
            }
            drop(next);
            tokio::time::sleep_until(resumes.unwrap_or(mine).into()).await;
            // A pause may have begun meanwhile, and then another turn is taken after it.
            let paused = self.next.lock().await.resumes.is_some_and(|at| at > Instant::now());
            if resumes.is_none() && !paused {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pause_holds_for_everybody() {
        let pace = Pace::new(Some(10_000.0));
        let started = Instant::now();
        pace.wait().await;
        pace.pause(Duration::from_millis(30)).await;
        pace.wait().await;
        pace.wait().await;
        assert!(started.elapsed() >= Duration::from_millis(30));
    }

    #[tokio::test]
    async fn a_gate_that_only_refuses_is_left_alone() {
        let weather = Weather::new(None, Duration::from_millis(1), 0);
        let limit = Refusal::Limit { status: 429, pause: Some(Duration::from_secs(1000)) };
        for number in 0..=PAUSES_IN_A_ROW {
            assert_eq!(weather.turn().await, Ok(()), "{number}");
            // Longer than the run waits.
            assert_eq!(weather.wait(&limit, &mut 0).await, None);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert!(weather.turn().await.unwrap_err().contains("left alone: it answered 429"));
    }

    #[tokio::test]
    async fn a_pause_that_nobody_waits_for_ends_the_run_soon() {
        let weather = Weather::new(None, Duration::from_secs(120), 1000).at_a_site();
        let limit = Refusal::Limit { status: 429, pause: Some(Duration::from_secs(3600)) };
        for _ in 0..=PAUSES_IN_A_ROW {
            assert_eq!(weather.turn().await, Ok(()));
            assert_eq!(weather.wait(&limit, &mut 0).await, None);
        }
        assert!(weather.turn().await.unwrap_err().contains("left alone"));
        let weather = Weather::new(None, Duration::from_secs(120), 1000).at_a_site();
        for _ in 0..CHALLENGES_OF_A_SITE {
            assert_eq!(weather.turn().await, Ok(()));
            assert_eq!(weather.wait(&Refusal::Challenge { mark: "x" }, &mut 0).await, None);
        }
        assert!(weather.turn().await.unwrap_err().contains("challenge"));
    }

    #[tokio::test]
    async fn a_request_is_put_off_a_few_times_and_answers_count() {
        let weather = Weather::new(None, Duration::from_secs(9), 0);
        let limit = Refusal::Limit { status: 503, pause: Some(Duration::ZERO) };
        let mut put_off = PUT_OFF.saturating_sub(1);
        assert_eq!(weather.wait(&limit, &mut put_off).await, Some(SHORTEST * 16));
        assert_eq!(weather.wait(&limit, &mut put_off).await, None, "it was put off often enough");
        weather.answered();
        let challenge = Refusal::Challenge { mark: "x" };
        assert_eq!(weather.wait(&challenge, &mut 0).await, None, "a challenge is not waited for");
        assert_eq!(weather.is_open(), Ok(()));
    }

    #[test]
    fn drops_have_a_budget() {
        let weather = Weather::new(None, Duration::ZERO, 1000);
        assert_eq!((0..100).filter(|_| weather.may_drop()).count(), 50);
    }
}
