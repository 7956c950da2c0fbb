//! What work costs, in steps, so that a bound on it is a property and not a matter of a clock (RULES-14, MATCH-9, COST-1).
//!
//! A step is one byte, or one member of a list, that is looked at. With the feature `cost` each thread counts its own
//! steps; without it nothing is counted, and `step` compiles to nothing.

#[cfg(feature = "cost")]
pub use counted::{of, step};
#[cfg(not(feature = "cost"))]
pub use uncounted::step;

#[cfg(feature = "cost")]
mod counted {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    /// Counts so many steps.
    pub fn step(steps: usize) {
        STEPS.with(|all| all.set(all.get().saturating_add(steps as u64)));
    }

    /// What `work` gives, and how many steps it took on this thread.
    pub fn of<T>(work: impl FnOnce() -> T) -> (T, u64) {
        let before = STEPS.with(Cell::get);
        let result = work();
        (result, STEPS.with(Cell::get).saturating_sub(before))
    }
}

#[cfg(not(feature = "cost"))]
mod uncounted {
    /// Nothing is counted.
    pub fn step(_steps: usize) {}
}
