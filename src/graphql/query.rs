//! The root of all queries. Each takes its scope from the caller, so that it reads only the caller's club. A member session
//! reaches its own member, that member's doors and the explanations of denied access.

use async_graphql::MergedObject;

mod back_test;
mod export;
pub(super) mod filter;
mod invitation;
mod lists;
mod mapping;
pub(super) mod preview;
mod records;
mod single;
mod suggestion;
#[cfg(test)]
mod tests;
mod webhook;

pub use filter::{
    DeliveryFilter, GroupFilter, HistoryFilter, LockFilter, MemberFilter, OfferingFilter,
    RuleFilter,
};

/// Connections return 50 elements if neither first nor last is given; more than 250 is refused. Members, locks, groups,
/// rules, offerings and places are sorted by name, deliveries and history newest first; ties are broken by id.
#[derive(MergedObject, Default)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct Query(
    single::Single,
    lists::Lists,
    records::RecordLists,
    preview::Previews,
    back_test::BackTests,
    mapping::MappingPreviews,
    suggestion::SuggestionQuery,
    invitation::InvitationQuery,
    export::ExportQuery,
    webhook::WebhookQuery,
);
