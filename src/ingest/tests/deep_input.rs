//! Bodies and mappings that are nested as deeply as bytes allow, or are no such thing at all, read on a stack that is smaller
//! than that of any thread of the service. A stack that overflows ends the process, and with it the test.

use proptest::prelude::*;

use super::*;
use crate::{
    ingest::{adapter, envelope::Envelope, signature::Verified},
    store::row::{Platform, Source},
};

const SMALL_STACK: usize = 1 << 20;

/// Every platform's reading of a body; how many understand it.
fn read_on_a_small_stack(mapping: String, body: Vec<u8>) -> usize {
    let reading = move || {
        let read = |platform| {
            let source = Source {
                platform,
                mapping: Some(mapping.clone()),
                time_zone: "UTC".to_owned(),
                ..sources::blank(Scope::new(Uuid::nil()), Uuid::nil(), noon())
            };
            let at = Instant::from_micros(noon());
            let envelope = Envelope {
                unsigned: false,
                ..Envelope::unsigned()
            };
            let verified = Verified::stored(body.clone(), "d".to_owned(), envelope, at);
            adapter::translate(&source, &verified).is_ok()
        };
        let platforms = [
            Platform::Canonical,
            Platform::Clubspot,
            Platform::Teamup,
            Platform::Spacebring,
            Platform::ExerciseCom,
            Platform::Mapped,
        ];
        platforms.into_iter().filter(|one| read(*one)).count()
    };
    let thread = std::thread::Builder::new().stack_size(SMALL_STACK);
    thread.spawn(reading).unwrap().join().unwrap()
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn bodies_and_mappings_may_be_nested_as_deeply_as_they_like() {
    for depth in [10, 120, 127, 128, 200_000] {
        for (open, inner, close) in [("[", "", "]"), ("{\"data\":", "1", "}")] {
            let deep = nested(open, inner, close, depth);
            let event = format!(
                "{{\"type\":\"member.updated\",\"timestamp\":\"2026-01-05T09:30:00Z\",\"data\":{deep}}}"
            );
            for body in [deep.clone(), event] {
                read_on_a_small_stack("{}".to_owned(), body.into_bytes());
            }
            let template = nested("{\"first\":[", "\"/a\"", "]}", depth);
            let mapping = format!(
                "{{\"type\":\"/type\",\"events\":{{\"x\":{{\"as\":\"member.updated\",\"data\":{template}}}}}}}"
            );
            for mapping in [deep, mapping] {
                read_on_a_small_stack(mapping, b"{\"type\":\"x\"}".to_vec());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_are_too_odd_for_a_body_or_a_mapping(
        mapping in "[\\[\\]{}\":,a0-9/ ]{0,200}", body in prop::collection::vec(any::<u8>(), 0..300)
    ) {
        read_on_a_small_stack(mapping.clone(), body);
        read_on_a_small_stack("{}".to_owned(), mapping.into_bytes());
    }
}
