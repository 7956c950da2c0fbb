//! What is there for speed alone; it implements what `meaning` defines, and a property holds it to that.

mod hash;
pub(crate) mod index;
mod paths;
mod table;
mod within;

pub use paths::Paths;
pub use within::decide_within;
