//! The tests of the heart, one module a subject; `build` makes the facts and rules that they are
//! told with.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod brake;
mod build;
mod conditions;
mod decisions;
mod needless;
mod oracle;
mod plans;
mod previews;
mod properties;
mod refusals;
mod registrations;
mod rounding;
mod schedules;
mod seeds;
mod spans;
