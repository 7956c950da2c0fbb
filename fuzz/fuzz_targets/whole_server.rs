#![no_main]

use std::sync::{LazyLock, Mutex, PoisonError};

use rolegate_properties::WholeServer;

/// Made once, over files that stay: the site is the same for every run.
static SERVER: LazyLock<Mutex<WholeServer>> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join("rolegate-whole-server");
    std::fs::create_dir_all(&folder).unwrap();
    Mutex::new(WholeServer::in_folder(&folder).unwrap())
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(server.play(bytes));
});
