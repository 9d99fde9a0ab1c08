//! The GraphQL type `AccessTimeline`: when a member has access to a target, and what grants it. The `access` crate makes the
//! segments; rows are loaded for display only. Called by `Member.timeline`.

use std::{sync::Arc, time::Duration};

use access::{Facts, Instant, Segment, Span, Target};
use async_graphql::{Context, Object, Result, SimpleObject};
use uuid::Uuid;

use super::{
    decision::AccessTarget, error::bad_input, loader, rule::Rule, scalar::DateTime, share::Share,
};
use crate::{
    decide::AccessContext,
    store::{
        convert::{id, row_id},
        row,
    },
};

/// The longest period, because a schedule gives two segments a day.
const MAX_PERIOD: Duration = Duration::from_hours(92 * 24);
/// The period if no end is given.
const DEFAULT_PERIOD: Duration = Duration::from_hours(7 * 24);

/// When a member has access to a group or lock, within a period.
#[derive(SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct AccessTimeline {
    /// The group or lock.
    target: AccessTarget,
    /// The times with access, in order, without what lies outside the period; divided where a rule or share begins or ends to
    /// grant it. Suspensions are left out. Empty if there is no access.
    segments: Vec<AccessSegment>,
}

pub struct AccessSegment {
    member: Uuid,
    access_context: Arc<AccessContext>,
    segment: Segment,
}

/// A time in which the same rules and shares grant access.
#[Object(crate = "crate::graphql::resolve")]
impl AccessSegment {
    /// Start, inclusive.
    #[graphql(name = "from")]
    async fn begins(&self) -> DateTime {
        DateTime(self.segment.span.from.micros())
    }

    /// End, exclusive.
    async fn until(&self) -> DateTime {
        DateTime(self.segment.span.until.micros())
    }

    /// The rules that grant access.
    async fn rules(&self) -> Vec<Rule> {
        let rules = self.segment.rules.iter();
        let rows = rules.filter_map(|id| self.access_context.row(*id));
        rows.map(|row| Rule(row.clone())).collect()
    }

    /// The shares that grant access.
    async fn shares(&self, context: &Context<'_>) -> Result<Vec<Share>> {
        if self.segment.shares.is_empty() {
            return Ok(Vec::new());
        }
        let all = loader::load(context, loader::SharesOf(self.member)).await?;
        let valid = |row: &row::Share| self.segment.shares.contains(&id(row.id));
        let shares = all.unwrap_or_default().into_iter().filter(valid);
        Ok(shares.map(Share).collect())
    }
}

/// The period from `from`.
///
/// # Errors
/// BAD_USER_INPUT if it is empty or too long.
pub fn period(from: Instant, until: Option<DateTime>) -> Result<Span> {
    let until = until.map_or_else(
        || from.plus(DEFAULT_PERIOD),
        |until| Instant::from_micros(until.0),
    );
    if until <= from {
        return Err(bad_input("until: must be after `from`"));
    }
    if until > from.plus(MAX_PERIOD) {
        return Err(bad_input("until: at most 92 days after `from`"));
    }
    Ok(Span::new(from, until))
}

/// The timelines of all targets that a rule or a share of the member covers.
pub fn of(
    access_context: &Arc<AccessContext>,
    (member, facts): (Uuid, &Facts),
    period: Span,
) -> Vec<AccessTimeline> {
    let targets = access_context.targets(facts).into_iter();
    let timelines = targets.filter_map(|target| {
        let shown = match target {
            Target::Group(id) => access_context.layout.group(row_id(id))?.clone().into(),
            Target::Lock(id) => access_context.layout.lock(row_id(id))?.clone().into(),
        };
        let access = access_context.access(facts, target, period);
        let segments = access.segments(period).into_iter();
        let segments = segments.map(|segment| AccessSegment {
            member,
            access_context: access_context.clone(),
            segment,
        });
        Some(AccessTimeline {
            target: shown,
            segments: segments.collect(),
        })
    });
    timelines.collect()
}
