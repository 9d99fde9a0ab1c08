//! Any bytes, as frames of a WebSocket, and any text as a message of it.
#![no_main]

use latchkey::untrusted::{frames, message};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    frames(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        message(text);
    }
});
