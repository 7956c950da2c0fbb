#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolegate_properties::identity_bodies(bytes));
