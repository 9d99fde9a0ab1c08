//! Tests of the `access` crate, one module per subject; `build` has builders for facts and rules.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test"
)]

mod brake;
mod build;
mod conditions;
mod decisions;
mod oracle;
mod plans;
mod previews;
mod properties;
mod redundant;
mod refusals;
mod registrations;
mod rounding;
mod schedules;
mod seeds;
mod spans;
