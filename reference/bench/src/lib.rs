//! What the benches share: rule files and requests of any size.
