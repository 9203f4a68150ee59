#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shared::fuzz_oracle::item(bytes));
