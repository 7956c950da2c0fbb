//! What is there for speed alone; it implements what `meaning` defines, and a property holds it to that.

pub(crate) mod index;
mod paths;

pub use paths::Paths;
