//! Queries for lists: connections, narrowed by filters.

use async_graphql::{Context, ID, Object, Result};

use super::filter::{
    self, DeliveryFilter, GroupFilter, HistoryFilter, LockFilter, MemberFilter, OfferingFilter,
    RuleFilter,
};
use crate::{
    decide::{Passing, Standing, Wanted, id},
    graphql::{
        access_event::AccessEventConnection,
        context::{self, reads},
        delivery::DeliveryConnection,
        error::{bad_input, inside},
        group::GroupConnection,
        held_revocation::HeldRevocationConnection,
        loader,
        location::LocationConnection,
        lock::LockConnection,
        member::MemberConnection,
        node,
        offering::OfferingConnection,
        page::{self, Arguments},
        place::PlaceConnection,
        rule::RuleConnection,
    },
    id::Kind,
    store::{self, listings, row::TargetKind},
};

/// Lists.
#[derive(Default)]
pub struct Lists;

#[Object]
impl Lists {
    /// The places that are read from Kisi, by name.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn places(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<PlaceConnection> {
        let scope = reads(context)?;
        let arguments = Arguments::new(first, after, last, before)?;
        let list = listings::places(scope);
        page::load(context::app(context)?, list, arguments).await
    }

    /// The locks that are read from Kisi, by name.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn locks(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them. Left out: all.")] filter: Option<LockFilter>,
    ) -> Result<LockConnection> {
        let scope = reads(context)?;
        let arguments = Arguments::new(first, after, last, before)?;
        let filter = filter.unwrap_or_default();
        let place = in_kisi(context, "filter.place", Kind::Place, filter.place).await?;
        let group = in_kisi(context, "filter.group", Kind::Group, filter.group).await?;
        let search = filter::search(filter.search)?;
        let list = listings::locks(scope, search.as_deref(), place, group);
        page::load(context::app(context)?, list, arguments).await
    }

    /// The groups that are read from Kisi, by name, managed or not.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn groups(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them. Left out: all.")] filter: Option<GroupFilter>,
    ) -> Result<GroupConnection> {
        let scope = reads(context)?;
        let arguments = Arguments::new(first, after, last, before)?;
        let filter = filter.unwrap_or_default();
        let place = in_kisi(context, "filter.place", Kind::Place, filter.place).await?;
        let lock = in_kisi(context, "filter.lock", Kind::Lock, filter.lock).await?;
        let search = filter::search(filter.search)?;
        let list = listings::groups(scope, search.as_deref(), place, lock, filter.managed);
        page::load(context::app(context)?, list, arguments).await
    }

    /// The rules that stand, by name, enabled or not.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn rules(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them. Left out: all.")] filter: Option<RuleFilter>,
    ) -> Result<RuleConnection> {
        let scope = reads(context)?;
        let arguments = Arguments::new(first, after, last, before)?;
        let filter = filter.unwrap_or_default();
        let target = match &filter.target {
            Some(text) => Some(filter::target(context, "filter.target", text).await?),
            None => None,
        };
        let search = filter::search(filter.search)?;
        let list = listings::rules(scope, search.as_deref(), target, filter.enabled);
        page::load(context::app(context)?, list, arguments).await
    }

    /// Everybody whom a source named or who was entered by hand, by name.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn members(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them. Left out: all.")] filter: Option<MemberFilter>,
    ) -> Result<MemberConnection> {
        let scope = reads(context)?;
        let arguments = Arguments::new(first, after, last, before)?;
        let list = standing(context, scope, filter.unwrap_or_default()).await?;
        page::load(context::app(context)?, list, arguments).await
    }

    /// What the platforms sell or let people book, as far as it has been seen: the choices for a
    /// rule's conditions.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn offerings(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them. Left out: all.")] filter: Option<OfferingFilter>,
    ) -> Result<OfferingConnection> {
        let scope = reads(context)?;
        let arguments = Arguments::new(first, after, last, before)?;
        let filter = filter.unwrap_or_default();
        let source = maybe("filter.source", Kind::Source, filter.source)?;
        let kinds = filter
            .kinds
            .map(|kinds| kinds.into_iter().map(Into::into).collect());
        let search = filter::search(filter.search)?;
        let list = listings::offerings(scope, search.as_deref(), kinds, source);
        page::load(context::app(context)?, list, arguments).await
    }

    /// The platforms' sites by name, as far as they have been seen.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn locations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<LocationConnection> {
        let scope = reads(context)?;
        let arguments = Arguments::new(first, after, last, before)?;
        let list = listings::locations(scope);
        page::load(context::app(context)?, list, arguments).await
    }

    /// Deliveries, newest first: the webhook requests that were let in.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn deliveries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them. Left out: all.")] filter: Option<DeliveryFilter>,
    ) -> Result<DeliveryConnection> {
        let scope = reads(context)?;
        let arguments = Arguments::new(first, after, last, before)?;
        let filter = filter.unwrap_or_default();
        let source = maybe("filter.source", Kind::Source, filter.source)?;
        let member = maybe("filter.member", Kind::Member, filter.member)?;
        let status = filter.status.map(Into::into);
        let list = listings::deliveries(scope, source, status, member);
        page::load(context::app(context)?, list, arguments).await
    }

    /// What the brake holds back at present.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn held_revocations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<HeldRevocationConnection> {
        let scope = reads(context)?;
        let arguments = Arguments::new(first, after, last, before)?;
        let list = listings::held_revocations(scope);
        page::load(context::app(context)?, list, arguments).await
    }

    /// What happened to people's access, newest first.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, 250 at most. Neither first nor last: 50.")]
        first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 250 at most; not together with first.")]
        last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Which of them. Left out: all.")] filter: Option<HistoryFilter>,
    ) -> Result<AccessEventConnection> {
        let scope = reads(context)?;
        let arguments = Arguments::new(first, after, last, before)?;
        let list = listings::history(scope, filter.unwrap_or_default().into_store(context).await?);
        page::load(context::app(context)?, list, arguments).await
    }
}

fn maybe(argument: &str, kind: Kind, text: Option<ID>) -> Result<Option<uuid::Uuid>> {
    node::maybe_named(argument, kind, text.as_ref())
}

async fn in_kisi(
    context: &Context<'_>,
    argument: &str,
    kind: Kind,
    text: Option<ID>,
) -> Result<Option<uuid::Uuid>> {
    node::maybe_named_in_kisi(context, argument, kind, text.as_ref()).await
}

/// The members that a filter leaves. What the database can say narrows whom the heart is asked of.
async fn standing(
    context: &Context<'_>,
    scope: store::Scope,
    filter: MemberFilter,
) -> Result<Standing<impl store::page::Listed<Row = store::row::Member>>> {
    let app = context::app(context)?;
    let now = app.clock.now();
    let passing = match (filter.target, filter.allowed) {
        (Some(text), allowed) => {
            let target = match filter::target(context, "filter.target", &text).await? {
                (TargetKind::Group, group) => access::Target::Group(id(group)),
                (TargetKind::Lock, lock) => access::Target::Lock(id(lock)),
            };
            Some(Passing {
                premises: loader::premises(context).await?,
                target,
                at: now,
                allowed: allowed.unwrap_or(true),
            })
        }
        (None, Some(_)) => return Err(bad_input("filter.allowed: it needs a target")),
        (None, None) => None,
    };
    let among = match &filter.tag {
        Some(tag) => Some(
            store::members::tagged(app.db.read(), scope, tag)
                .await
                .map_err(inside)?,
        ),
        None => None,
    };
    let database_filter = listings::MemberFilter {
        search: filter::search(filter.search)?,
        suspended: filter.suspended.map(|is| (is, now.micros())),
        has_problem: filter.has_problem,
        among: None,
        company: None,
    };
    let narrowed = format!("{database_filter:?}");
    let wanted = Wanted {
        passing,
        tag: filter.tag,
        company: None,
    };
    let database_filter = listings::MemberFilter {
        among,
        ..database_filter
    };
    let members = listings::members(scope, &database_filter);
    Ok(Standing {
        scope,
        members,
        wanted,
        evaluations: context::evaluations(context)?.clone(),
        narrowed,
    })
}
