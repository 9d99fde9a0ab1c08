//! Rules in versions. A version is never edited: a change supersedes it with the next, a deletion with none. Conditions are
//! kept as JSON of a shape of their own, apart from the API's and from the heart's.

#![expect(
    missing_docs,
    reason = "the fields of a condition are those of the API, where they are described"
)]

use std::{collections::BTreeMap, time::Duration};

use access::{
    BlockedPolicy, Condition, Id, Instant, MembershipCondition, PurchaseCondition,
    RegistrationCondition, RegistrationSpan, Rule, RuleVersion, ScheduleCondition, TagCondition,
    Target,
};
use entity::{kind::OfferingKind, kind::TargetKind, rule};
use jiff::{
    civil::{Date, Weekday},
    tz::TimeZone,
};
use sea_orm::{
    ColumnTrait, Condition as Where, ConnectionTrait, QueryFilter, QueryOrder, sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Scope, StoreError, bulk, facts::Known, facts::kinds};

/// One condition as it is stored. Durations are seconds, times of day minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StoredCondition {
    /// A membership runs. `grace_s` counts with the policy GRACE alone.
    Membership {
        offerings: Vec<Uuid>,
        locations: Vec<Uuid>,
        when_blocked: Blocked,
        grace_s: Option<u64>,
    },
    /// Around a confirmed registration.
    Registration {
        offerings: Vec<Uuid>,
        kinds: Vec<String>,
        locations: Vec<Uuid>,
        opens_before_s: u64,
        closes_after_s: u64,
        day: bool,
        guests: bool,
        applies_to_ongoing: bool,
    },
    /// A paid billing item is valid.
    Purchase {
        offerings: Vec<Uuid>,
        locations: Vec<Uuid>,
    },
    /// A tag is borne.
    Tag { tags: Vec<String> },
    /// Times of the week. Monday is 1.
    Schedule {
        days: Vec<i8>,
        from_minute: u16,
        until_minute: u16,
        time_zone: String,
        start_date: Option<Date>,
        end_date: Option<Date>,
    },
}

/// What a block does to a membership.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocked {
    /// It does not count.
    Deny,
    /// It counts all the same.
    Allow,
    /// It counts for a while.
    Grace,
}

/// The conditions of a stored rule.
pub fn conditions(row: &rule::Model) -> Result<Vec<StoredCondition>, StoreError> {
    serde_json::from_str(&row.conditions).map_err(|_| StoreError::Unreadable { what: "condition" })
}

impl StoredCondition {
    /// As the heart knows it. A zone that the time zone database has lost reads as UTC.
    pub fn to_access(&self) -> Condition {
        let ids = |ids: &[Uuid]| ids.iter().map(|id| Id(id.as_u128())).collect::<Vec<_>>();
        match self {
            Self::Membership {
                offerings,
                locations,
                when_blocked,
                grace_s,
            } => {
                let when_blocked = match when_blocked {
                    Blocked::Deny => BlockedPolicy::Deny,
                    Blocked::Allow => BlockedPolicy::Allow,
                    Blocked::Grace => {
                        BlockedPolicy::Grace(Duration::from_secs(grace_s.unwrap_or(0)))
                    }
                };
                let (offerings, locations) = (ids(offerings), ids(locations));
                Condition::Membership(MembershipCondition {
                    offerings,
                    locations,
                    when_blocked,
                })
            }
            Self::Registration {
                offerings,
                kinds: names,
                locations,
                opens_before_s,
                closes_after_s,
                day,
                guests,
                applies_to_ongoing,
            } => Condition::Registration(RegistrationCondition {
                offerings: ids(offerings),
                kinds: names
                    .iter()
                    .filter_map(|name| kinds::stored::<OfferingKind>(name))
                    .map(kinds::offering)
                    .collect(),
                locations: ids(locations),
                opens_before: Duration::from_secs(*opens_before_s),
                closes_after: Duration::from_secs(*closes_after_s),
                span: if *day {
                    RegistrationSpan::Day
                } else {
                    RegistrationSpan::Booking
                },
                guests: *guests,
                applies_to_ongoing: *applies_to_ongoing,
            }),
            Self::Purchase {
                offerings,
                locations,
            } => Condition::Purchase(PurchaseCondition {
                offerings: ids(offerings),
                locations: ids(locations),
            }),
            Self::Tag { tags } => Condition::Tag(TagCondition { tags: tags.clone() }),
            Self::Schedule {
                days,
                from_minute,
                until_minute,
                time_zone,
                start_date,
                end_date,
            } => Condition::Schedule(ScheduleCondition {
                days: days
                    .iter()
                    .filter_map(|day| Weekday::from_monday_one_offset(*day).ok())
                    .collect(),
                from_minute: *from_minute,
                until_minute: *until_minute,
                zone: TimeZone::get(time_zone).unwrap_or(TimeZone::UTC),
                start_date: *start_date,
                end_date: *end_date,
            }),
        }
    }

    /// Whether local times of the week are among it, so that its spans never end.
    pub fn recurs(&self) -> bool {
        matches!(self, Self::Schedule { .. })
    }
}

/// The club's rules that stand, or stood as it was known at an instant, each with its earlier versions.
pub async fn load(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
) -> Result<Vec<Rule>, StoreError> {
    let mut select = scope
        .find::<rule::Entity>()
        .order_by_asc(rule::Column::RuleId)
        .order_by_asc(rule::Column::Version);
    if let Known::At(at) = known {
        select = select.filter(rule::Column::LearnedAt.lte(at));
    }
    let mut rules: BTreeMap<Uuid, Vec<rule::Model>> = BTreeMap::new();
    for row in select.all(connection).await? {
        rules.entry(row.rule_id).or_default().push(row);
    }
    let mut standing = Vec::new();
    for (id, rows) in rules {
        let Some(last) = rows.last().filter(|row| known.stands(row.superseded_at)) else {
            continue;
        };
        let target = match last.target_kind {
            TargetKind::Group => Target::Group(Id(last.target_id.as_u128())),
            TargetKind::Lock => Target::Lock(Id(last.target_id.as_u128())),
        };
        let versions = rows
            .iter()
            .map(|row| {
                Ok(RuleVersion {
                    since: Instant::from_micros(row.learned_at),
                    enabled: row.enabled && row.target_id == last.target_id,
                    conditions: conditions(row)?
                        .iter()
                        .map(StoredCondition::to_access)
                        .collect(),
                })
            })
            .collect::<Result<_, StoreError>>()?;
        standing.push(Rule {
            id: Id(id.as_u128()),
            target,
            versions,
        });
    }
    Ok(standing)
}

/// The rows of the rules that stand.
pub async fn standing(
    connection: &impl ConnectionTrait,
    scope: Scope,
) -> Result<Vec<rule::Model>, StoreError> {
    Ok(scope
        .find::<rule::Entity>()
        .filter(rule::Column::SupersededAt.is_null())
        .order_by_asc(rule::Column::FoldedName)
        .order_by_asc(rule::Column::RuleId)
        .all(connection)
        .await?)
}

/// The row of one rule that stands.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
) -> Result<Option<rule::Model>, StoreError> {
    let one = Where::all()
        .add(rule::Column::RuleId.eq(id))
        .add(rule::Column::SupersededAt.is_null());
    Ok(scope
        .find::<rule::Entity>()
        .filter(one)
        .one(connection)
        .await?)
}

/// Lets a version stand in the place of the one before it.
pub async fn stand(
    connection: &impl ConnectionTrait,
    scope: Scope,
    row: rule::Model,
) -> Result<(), StoreError> {
    supersede(connection, scope, row.rule_id, row.learned_at).await?;
    bulk::insert_named(connection, vec![row], None).await
}

/// Deletes a rule: none of its versions stands any more.
pub async fn supersede(
    connection: &impl ConnectionTrait,
    scope: Scope,
    id: Uuid,
    now: i64,
) -> Result<(), StoreError> {
    scope
        .update::<rule::Entity>()
        .col_expr(rule::Column::SupersededAt, Expr::value(Some(now)))
        .filter(rule::Column::RuleId.eq(id))
        .filter(rule::Column::SupersededAt.is_null())
        .exec(connection)
        .await?;
    Ok(())
}

/// The rows of the rules that stand, or stood as it was known at an instant, in the order of their ids.
pub async fn rows(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
) -> Result<Vec<rule::Model>, StoreError> {
    let mut select = scope
        .find::<rule::Entity>()
        .order_by_asc(rule::Column::RuleId);
    select = match known {
        Known::Now => select.filter(rule::Column::SupersededAt.is_null()),
        Known::At(at) => select.filter(rule::Column::LearnedAt.lte(at)),
    };
    let rows = select.all(connection).await?;
    Ok(rows
        .into_iter()
        .filter(|row| known.stands(row.superseded_at))
        .collect())
}
