//! Parses arbitrary bytes as WebSocket frames, and as a message if they are UTF-8.
#![no_main]

use latchkey::untrusted::{parse_frames, parse_message};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    parse_frames(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        parse_message(text);
    }
});
