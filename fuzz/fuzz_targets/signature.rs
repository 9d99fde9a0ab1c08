//! Verifies arbitrary header text against an arbitrary body, for every signature scheme. None may verify.
#![no_main]

use latchkey::untrusted::{SCHEMES, signature};

libfuzzer_sys::fuzz_target!(|input: (&str, &[u8])| {
    let (headers, body) = input;
    for scheme in SCHEMES {
        assert!(!signature(scheme, headers, body), "a signature made without the secret verified");
    }
});
