//! Parses arbitrary text as a pagination cursor and as an id.
#![no_main]

use latchkey::untrusted::{cursor, id};

libfuzzer_sys::fuzz_target!(|text: &str| {
    cursor(text);
    id(text);
});
