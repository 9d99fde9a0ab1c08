//! The root of all queries: each takes its scope from the caller, so that it answers within one club alone. A member
//! session reaches itself, its doors and why they are shut.

use async_graphql::MergedObject;

pub(super) mod filter;
mod lists;
mod preview;
mod single;
#[cfg(test)]
mod tests;

pub use filter::{
    DeliveryFilter, GroupFilter, HistoryFilter, LockFilter, MemberFilter, OfferingFilter,
    RuleFilter,
};

/// Connections give 50 where neither first nor last is given; more than 250 is refused. Members,
/// locks, groups, rules, offerings and places come by name, deliveries and history newest first,
/// always with the id as the tie-breaker.
#[derive(MergedObject, Default)]
pub struct Query(single::Single, lists::Lists, preview::Previews);
