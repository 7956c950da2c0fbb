#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rolegate_properties::location(bytes, |base, to| {
    Some(url::Url::parse(base).ok()?.join(to).ok()?.into())
}));
