//! The decision by number of rules.
fn main() {}
