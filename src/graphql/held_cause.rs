//! The GraphQL type `HeldRevocationCause`: the held revocations that have one cause, which the brake judged together.

use std::collections::{BTreeMap, HashSet};

use async_graphql::{Context, ID, Object, Result};
use uuid::Uuid;

use super::{
    context::{self, require_staff},
    delivery::Delivery,
    held_revocation::HeldRevocationConnection,
    loader,
    page::{self, PageArguments},
    rule::Rule,
    scalar::DateTime,
};
use crate::store::{listings, row};

/// The held revocations with one cause.
#[derive(Clone, Debug)]
pub struct HeldRevocationCause {
    /// The first of them.
    first: row::Revocation,
    count: usize,
    members: HashSet<Uuid>,
    since: i64,
}

/// Groups held revocations, the oldest first, by their cause.
pub fn by_cause(held: Vec<row::Revocation>) -> Vec<HeldRevocationCause> {
    let mut order: Vec<Uuid> = Vec::new();
    let mut causes: BTreeMap<Uuid, HeldRevocationCause> = BTreeMap::new();
    for row in held {
        let since = row.decided_at.unwrap_or(row.asked_at);
        let member = row.member_id;
        let cause = causes.entry(row.cause_id).or_insert_with(|| {
            order.push(row.cause_id);
            HeldRevocationCause {
                first: row,
                count: 0,
                members: HashSet::new(),
                since,
            }
        });
        cause.count += 1;
        cause.since = cause.since.min(since);
        cause.members.insert(member);
    }
    order
        .into_iter()
        .filter_map(|id| causes.remove(&id))
        .collect()
}

/// Decodes the id of a cause.
pub fn decode(id: &ID) -> Option<Uuid> {
    Uuid::try_parse(id).ok()
}

/// Held revocations with the same cause: a delivery, an edit, a sweep, or the passing of time. The brake judged them together.
#[Object(crate = "crate::graphql::resolve")]
impl HeldRevocationCause {
    /// The id of the cause, for heldRevocations, approveRevocations and dismissRevocations.
    async fn id(&self) -> ID {
        ID(self.first.cause_id.simple().to_string())
    }

    /// The cause as text.
    async fn cause(&self) -> &str {
        &self.first.cause
    }

    /// Number of revocations.
    async fn count(&self) -> i32 {
        i32::try_from(self.count).unwrap_or(i32::MAX)
    }

    /// Number of people who would lose access.
    async fn member_count(&self) -> i32 {
        i32::try_from(self.members.len()).unwrap_or(i32::MAX)
    }

    /// When the brake started to hold the first of them.
    async fn held_since(&self) -> DateTime {
        DateTime(self.since)
    }

    /// Whether the data of a source is the likelier fault: its reading or its events lack people that it had before.
    async fn outage_suspected(&self) -> bool {
        self.first.outage_suspected
    }

    /// The delivery that caused them; null if they have another cause.
    async fn delivery(&self, context: &Context<'_>) -> Result<Option<Delivery>> {
        match self.first.delivery_id {
            Some(id) => {
                let row = loader::load(context, loader::DeliveryKey(id)).await?;
                Ok(row.map(Delivery))
            }
            None => Ok(None),
        }
    }

    /// The rule whose edit caused them; null if they have another cause or the rule was deleted.
    async fn rule(&self, context: &Context<'_>) -> Result<Option<Rule>> {
        match self.first.rule_id {
            Some(id) => Ok(loader::load(context, loader::RuleKey(id)).await?.map(Rule)),
            None => Ok(None),
        }
    }

    /// The name of the token or person who caused them; null for automatic causes.
    async fn actor(&self) -> Option<&str> {
        self.first.actor.as_deref()
    }

    /// The revocations, newest first.
    #[graphql(complexity = "page::cost(first, last, child_complexity)")]
    async fn revocations(
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
    ) -> Result<HeldRevocationConnection> {
        let scope = require_staff(context)?;
        let arguments = PageArguments::new(first, after, last, before)?;
        let list = listings::held_revocations(scope, Some(self.first.cause_id));
        page::load(context::app(context)?, list, arguments).await
    }
}
