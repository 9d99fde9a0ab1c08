//! Reads arbitrary JSON as the responses of each platform's API: by path, and as the same response at each path.
#![no_main]

use latchkey::untrusted::{READ_PLATFORMS, reading, response};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    for platform in READ_PLATFORMS {
        response(platform, body);
        if let Some(first) = reading(platform, body, None, &[]) {
            reading(platform, body, Some(&first), &[]);
        }
    }
});
