#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rome_fuzz::statements(data));
