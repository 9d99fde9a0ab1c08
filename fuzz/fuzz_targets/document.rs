//! Checks arbitrary text as a GraphQL document: limits, permissions of each role, validation, cost and an execution without data.
#![no_main]

use std::sync::LazyLock;

use latchkey::untrusted::DocumentChecker;

static CHECKER: LazyLock<DocumentChecker> =
    LazyLock::new(|| DocumentChecker::new().expect("the schema parses"));

libfuzzer_sys::fuzz_target!(|text: &str| {
    CHECKER.permitted_roles(text);
});
