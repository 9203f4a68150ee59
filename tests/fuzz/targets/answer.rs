#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check_availability::fuzz_oracle::answer(bytes));
