//! Any text, as the headers of every signature scheme, over any body.
#![no_main]

use latchkey::untrusted::{SCHEMES, signature};

libfuzzer_sys::fuzz_target!(|input: (&str, &[u8])| {
    let (headers, body) = input;
    for scheme in SCHEMES {
        assert!(!signature(scheme, headers, body), "nobody without the secret can sign");
    }
});
