//! Parses arbitrary bytes as the body of a GraphQL request, and as its document if they are UTF-8.
#![no_main]

use latchkey::untrusted::{operation, parse_document};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    operation(body);
    if let Ok(document) = std::str::from_utf8(body) {
        parse_document(document);
    }
});
