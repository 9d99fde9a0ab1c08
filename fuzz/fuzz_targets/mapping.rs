//! Parses arbitrary text as a mapping; the part after a NUL is the body to translate with it.
#![no_main]

use latchkey::{
    store::row::Platform,
    untrusted::{event, preview},
};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (mapping, body) = text.split_once('\0').unwrap_or((text, "{\"type\":\"x\"}"));
    event(Platform::Mapped, Some(mapping), body.as_bytes());
    preview(mapping, body.as_bytes(), true);
});
