#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mcp::fuzz_oracle::message(bytes));
