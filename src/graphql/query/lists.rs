//! Queries for lists: connections with filters. All require a staff token.

use std::time::Duration;

use async_graphql::{Context, ID, Object, Result};

use super::filter::{
    self, DeliveryFilter, GroupFilter, HistoryFilter, LockFilter, MemberFilter, MemberOrder,
    OfferingFilter, RuleFilter, TimeOrder,
};
use crate::{
    decide::{AccessCriterion, FilteredMembers, MemberCriteria},
    graphql::{
        access_event::AccessEventConnection,
        context::{self, caller, require_staff},
        delivery::DeliveryConnection,
        error::{bad_input, internal_error},
        group::GroupConnection,
        held_cause::{self, HeldRevocationCause},
        held_revocation::HeldRevocationConnection,
        loader,
        location::LocationConnection,
        lock::LockConnection,
        member::MemberConnection,
        node,
        offering::OfferingConnection,
        page::{self, PageArguments},
        place::PlaceConnection,
        rule::RuleConnection,
    },
    id::Kind,
    store::{
        self,
        convert::id,
        listings, revocations,
        row::{RevocationState, TargetKind},
    },
};

#[derive(Default)]
pub struct Lists;

#[Object(crate = "crate::graphql::resolve")]
impl Lists {
    /// Places in Kisi, by name.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn places(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
    ) -> Result<PlaceConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let list = listings::places(scope);
        page::load(context::app(context)?, list, arguments).await
    }

    /// Locks in Kisi, by name.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn locks(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
        #[graphql(desc = "Restricts the list. Defaults to all.")] filter: Option<LockFilter>,
    ) -> Result<LockConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let filter = filter.unwrap_or_default();
        let place = in_kisi(context, "filter.place", Kind::Place, filter.place).await?;
        let group = in_kisi(context, "filter.group", Kind::Group, filter.group).await?;
        let search = filter::search(filter.search)?;
        let list = listings::locks(scope, search.as_deref(), place, group);
        page::load(context::app(context)?, list, arguments).await
    }

    /// Groups in Kisi, by name, managed or not.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn groups(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
        #[graphql(desc = "Restricts the list. Defaults to all.")] filter: Option<GroupFilter>,
    ) -> Result<GroupConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let filter = filter.unwrap_or_default();
        let place = in_kisi(context, "filter.place", Kind::Place, filter.place).await?;
        let lock = in_kisi(context, "filter.lock", Kind::Lock, filter.lock).await?;
        let search = filter::search(filter.search)?;
        let list = listings::groups(scope, search.as_deref(), place, lock, filter.managed);
        page::load(context::app(context)?, list, arguments).await
    }

    /// Rules, by name, enabled or not.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn rules(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
        #[graphql(desc = "Restricts the list. Defaults to all.")] filter: Option<RuleFilter>,
    ) -> Result<RuleConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let filter = filter.unwrap_or_default();
        let target = match &filter.target {
            Some(text) => Some(filter::target(context, "filter.target", text).await?),
            None => None,
        };
        let search = filter::search(filter.search)?;
        let list = listings::rules(scope, search.as_deref(), target, filter.enabled);
        page::load(context::app(context)?, list, arguments).await
    }

    /// All members, by name: people reported by a source or entered by an admin.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn members(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
        #[graphql(desc = "Restricts the list. Defaults to all.")] filter: Option<MemberFilter>,
        #[graphql(default_with = "MemberOrder::Name", desc = "The order of the list.")]
        order_by: MemberOrder,
    ) -> Result<MemberConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let list = current(context, scope, filter.unwrap_or_default(), order_by).await?;
        page::load(context::app(context)?, list, arguments).await
    }

    /// Offerings of the platforms seen so far, by name: the choices for a rule's conditions.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn offerings(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
        #[graphql(desc = "Restricts the list. Defaults to all.")] filter: Option<OfferingFilter>,
    ) -> Result<OfferingConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let filter = filter.unwrap_or_default();
        let source = maybe("filter.source", Kind::Source, filter.source)?;
        let kinds = filter
            .kinds
            .map(|kinds| kinds.into_iter().map(Into::into).collect());
        let search = filter::search(filter.search)?;
        let list = listings::offerings(scope, search.as_deref(), kinds, source);
        page::load(context::app(context)?, list, arguments).await
    }

    /// Locations of the platforms seen so far, by name.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn locations(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
    ) -> Result<LocationConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let list = listings::locations(scope);
        page::load(context::app(context)?, list, arguments).await
    }

    /// Deliveries (accepted webhook requests).
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn deliveries(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
        #[graphql(desc = "Restricts the list. Defaults to all.")] filter: Option<DeliveryFilter>,
        #[graphql(
            default_with = "TimeOrder::NewestFirst",
            desc = "The order of the list."
        )]
        order_by: TimeOrder,
    ) -> Result<DeliveryConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let filter = filter.unwrap_or_default();
        let source = maybe("filter.source", Kind::Source, filter.source)?;
        let member = maybe("filter.member", Kind::Member, filter.member)?;
        let status = filter.status.map(Into::into);
        let mut list = listings::deliveries(scope, source, status, member, filter.dismissed);
        list.order_by_time(order_by.into());
        page::load(context::app(context)?, list, arguments).await
    }

    /// Revocations that the brake currently holds.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn held_revocations(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
        #[graphql(
            desc = "Restricts the list to those of this cause (heldRevocationCauses). Defaults to all."
        )]
        cause: Option<ID>,
    ) -> Result<HeldRevocationConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let cause = cause.map(|id| {
            held_cause::decode(&id).ok_or_else(|| bad_input("cause: this is not the id of a cause"))
        });
        let list = listings::held_revocations(scope, cause.transpose()?);
        page::load(context::app(context)?, list, arguments).await
    }

    /// The causes of the revocations that the brake currently holds, the oldest first.
    #[graphql(complexity = "page::capped_product(10, child_complexity)")]
    async fn held_revocation_causes(
        &self,
        context: &Context<'_>,
    ) -> Result<Vec<HeldRevocationCause>> {
        let scope = require_staff(context)?;
        let db = context::app(context)?.db.read();
        let held = revocations::in_state(db, scope, RevocationState::Held).await;
        Ok(held_cause::by_cause(held.map_err(internal_error)?))
    }

    /// The access history, with what was changed about the set-up. A member session gets that of its own member.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn history(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Page size from the start of the list, 0 to 250. 50 if neither first nor last is given."
        )]
        first: Option<i32>,
        #[graphql(desc = "Returns the elements after this cursor.")] after: Option<String>,
        #[graphql(desc = "Page size from the end of the list, 0 to 250. Excludes first.")]
        last: Option<i32>,
        #[graphql(desc = "Returns the elements before this cursor.")] before: Option<String>,
        #[graphql(desc = "Restricts the list. Defaults to all.")] filter: Option<HistoryFilter>,
        #[graphql(
            default_with = "TimeOrder::NewestFirst",
            desc = "The order of the list."
        )]
        order_by: TimeOrder,
    ) -> Result<AccessEventConnection> {
        let scope = caller(context)?.scope;
        let arguments = PageArguments::new(first, after, last, before)?;
        let filter = filter.unwrap_or_default().for_caller(context).await?;
        let list = listings::history(scope, filter, order_by.into());
        page::load(context::app(context)?, list, arguments).await
    }
}

fn maybe(argument: &str, kind: Kind, text: Option<ID>) -> Result<Option<uuid::Uuid>> {
    node::decode_optional_id(argument, kind, text.as_ref())
}

async fn in_kisi(
    context: &Context<'_>,
    argument: &str,
    kind: Kind,
    text: Option<ID>,
) -> Result<Option<uuid::Uuid>> {
    node::resolve_optional_kisi_id(context, argument, kind, text.as_ref()).await
}

/// The members that match a filter. Conditions that the database can check reduce the members that the `access` crate
/// evaluates.
async fn current(
    context: &Context<'_>,
    scope: store::ClubScope,
    filter: MemberFilter,
    order: MemberOrder,
) -> Result<FilteredMembers<impl store::page::Listed<Row = store::row::Member>>> {
    let app = context::app(context)?;
    let now = app.clock.now();
    let passing = match (filter.target, filter.allowed) {
        (Some(text), allowed) => {
            let target = match filter::target(context, "filter.target", &text).await? {
                (TargetKind::Group, group) => access::Target::Group(id(group)),
                (TargetKind::Lock, lock) => access::Target::Lock(id(lock)),
            };
            Some(AccessCriterion {
                access_context: loader::access_context(context).await?,
                target,
                at: now,
                allowed: allowed.unwrap_or(true),
            })
        }
        (None, Some(_)) => return Err(bad_input("filter.allowed: requires filter.target")),
        (None, None) => None,
    };
    let among = match &filter.tag {
        Some(tag) => Some(
            store::members::tagged(app.db.read(), scope, tag)
                .await
                .map_err(internal_error)?,
        ),
        None => None,
    };
    let company = maybe("filter.company", Kind::Company, filter.company)?;
    let offering = maybe("filter.offering", Kind::Offering, filter.offering)?;
    let database_filter = listings::MemberFilter {
        search: filter::search(filter.search)?,
        suspended: filter.suspended.map(|is| (is, now.micros())),
        has_problem: filter.has_problem,
        among: None,
        company,
        changed_since: filter.changed_since.map(|since| {
            let ago = now.micros().saturating_sub(since.0);
            let ago = Duration::from_micros(u64::try_from(ago).unwrap_or_default());
            (since.0, ago)
        }),
        by_time: order.by_time(),
    };
    let narrowed = format!("{database_filter:?}");
    let wanted = MemberCriteria {
        access: passing,
        tag: filter.tag,
        company,
        offering: offering.map(|offering| (offering, now)),
    };
    let database_filter = listings::MemberFilter {
        among,
        ..database_filter
    };
    let members = listings::members(scope, &database_filter);
    Ok(FilteredMembers {
        scope,
        members,
        criteria: wanted,
        evaluations: context::evaluations(context)?.clone(),
        cache_key: narrowed,
    })
}
