//! The whole server, in a time that moves only when nothing else does.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use rolegate_properties::WholeServer;

/// Made once: the site is the same for every run.
static SERVER: LazyLock<Mutex<WholeServer>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("whole-server");
    std::fs::create_dir_all(&folder).unwrap();
    Mutex::new(WholeServer::in_folder(&folder).unwrap())
});

/// Plays what `bytes` say.
pub fn whole_server(bytes: &[u8]) {
    let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(server.play(bytes));
}
