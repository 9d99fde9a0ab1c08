//! Parses arbitrary text as a pagination cursor.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    latchkey::untrusted::cursor(text);
});
