//! Parses arbitrary text as a roster in JSON and in CSV.
#![no_main]

use latchkey::untrusted::roster;

libfuzzer_sys::fuzz_target!(|text: &str| {
    roster("members.json", text);
    roster("members.csv", text);
});
