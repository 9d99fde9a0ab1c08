//! Any bytes, as the body of a GraphQL request, and any text as its document.
#![no_main]

use latchkey::untrusted::{operation, operation_of};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    operation(body);
    if let Ok(document) = std::str::from_utf8(body) {
        operation_of(document);
    }
});
