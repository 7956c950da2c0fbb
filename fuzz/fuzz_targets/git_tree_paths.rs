#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolegate_properties::git_tree_paths(bytes));
