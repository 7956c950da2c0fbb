//! The reference gate as a server: what touches sockets, the disk and the clock.
//!
//! 1. [`config`], [`layout`] and [`source`]: what the operator says becomes rules, keys and a site, or a reason why not.
//! 2. [`in_force`] and [`key_ring`]: the gate and the keys that a request reads once; [`reload`] and [`jwks_url`] put others
//!    in their place.
//! 3. [`server`]: a socket becomes requests, and each asks the one gate that is in force; [`respond`] and [`files`] turn
//!    the decision into an answer, [`proxy`] forwards.
//!
//! What is decided, and why, `rolegate` says.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unwrap_used,
        reason = "a test that fails may panic"
    )
)]

pub mod clock;
pub mod config;
mod disk;
pub mod files;
pub mod geoip;
pub mod in_force;
pub mod jwks_url;
pub mod key_ring;
pub mod layout;
mod memory;
mod pace;
pub mod proxy;
pub mod reload;
pub mod respond;
pub mod server;
pub mod source;

pub use config::{Config, KeySource, LoadError, Loaded, Variables};
pub use files::{DirSite, SiteOptions};
pub use in_force::{GateInForce, KeyedGate};
pub use jwks_url::{FetchError, FreshKeys, JwksUrl, JwksUrlError, Schedule};
pub use key_ring::KeyRing;
pub use layout::{Layout, LayoutError};
pub use server::{Admin, DebugPage, Limits, Mount, Mounted, Operations, Server, ServerOptions};
pub use source::{Source, SourceFile};
