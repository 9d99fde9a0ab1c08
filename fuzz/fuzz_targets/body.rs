//! Parses arbitrary bytes as a verified body of every platform and as a Kisi event.
#![no_main]

use latchkey::untrusted::{PLATFORMS, event, kisi_event};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    for platform in PLATFORMS {
        event(platform, None, body);
    }
    kisi_event(body);
});
