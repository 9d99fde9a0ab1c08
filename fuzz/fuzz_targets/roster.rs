//! Parses arbitrary bytes, in whatever encoding they are, as a roster in JSON and in CSV.
#![no_main]

use latchkey::untrusted::roster;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    roster("members.json", bytes);
    roster("members.csv", bytes);
});
