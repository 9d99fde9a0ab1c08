//! Versioned rules. A version is never edited: a change supersedes it with the next version, a deletion with none. Conditions
//! are stored as JSON with its own schema, separate from those of the API and of the `access` crate.

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

use super::{ClubScope, StoreError, bulk, facts::AsOf, facts::kinds};

/// One stored condition. Durations are in seconds, times of day in minutes since midnight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StoredCondition {
    /// Requires a valid membership. `grace_s` is used only with `Blocked::Grace`.
    Membership {
        offerings: Vec<Uuid>,
        locations: Vec<Uuid>,
        when_blocked: Blocked,
        grace_s: Option<u64>,
    },
    /// Allows access around a confirmed registration.
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
    /// Requires a valid paid billing item.
    Purchase {
        offerings: Vec<Uuid>,
        locations: Vec<Uuid>,
    },
    /// Requires one of the tags.
    Tag { tags: Vec<String> },
    /// Allows access at times of the week. Monday is day 1.
    Schedule {
        days: Vec<i8>,
        from_minute: u16,
        until_minute: u16,
        time_zone: String,
        start_date: Option<Date>,
        end_date: Option<Date>,
    },
}

/// The effect of a block on a membership.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocked {
    /// A blocked membership does not count.
    Deny,
    /// A blocked membership counts.
    Allow,
    /// A blocked membership counts for the grace period.
    Grace,
}

pub fn conditions(row: &rule::Model) -> Result<Vec<StoredCondition>, StoreError> {
    serde_json::from_str(&row.conditions).map_err(|_| StoreError::Unreadable { what: "condition" })
}

impl StoredCondition {
    /// Converts to the `access` crate's type. A time zone that the database no longer has becomes UTC.
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

    /// Whether the condition recurs weekly, so that its spans never end.
    pub fn recurs(&self) -> bool {
        matches!(self, Self::Schedule { .. })
    }
}

/// The rules that are current at the point in time, each with its earlier versions.
pub async fn load(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    known: AsOf,
) -> Result<Vec<Rule>, StoreError> {
    let mut select = scope
        .find::<rule::Entity>()
        .order_by_asc(rule::Column::RuleId)
        .order_by_asc(rule::Column::Version);
    if let AsOf::At(at) = known {
        select = select.filter(rule::Column::LearnedAt.lte(at));
    }
    let mut rules: BTreeMap<Uuid, Vec<rule::Model>> = BTreeMap::new();
    for row in select.all(connection).await? {
        rules.entry(row.rule_id).or_default().push(row);
    }
    let mut current = Vec::new();
    for (id, rows) in rules {
        let Some(last) = rows
            .last()
            .filter(|row| known.is_current(row.superseded_at))
        else {
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
        current.push(Rule {
            id: Id(id.as_u128()),
            target,
            versions,
        });
    }
    Ok(current)
}

/// The current versions of all rules, by name.
pub async fn current(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
) -> Result<Vec<rule::Model>, StoreError> {
    Ok(scope
        .find::<rule::Entity>()
        .filter(rule::Column::SupersededAt.is_null())
        .order_by_asc(rule::Column::FoldedName)
        .order_by_asc(rule::Column::RuleId)
        .all(connection)
        .await?)
}

/// The current version of one rule.
pub async fn get(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    id: Uuid,
) -> Result<Option<rule::Model>, StoreError> {
    let current = Where::all()
        .add(rule::Column::RuleId.eq(id))
        .add(rule::Column::SupersededAt.is_null());
    Ok(scope
        .find::<rule::Entity>()
        .filter(current)
        .one(connection)
        .await?)
}

/// Inserts a version that supersedes the current one.
pub async fn insert_version(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    row: rule::Model,
) -> Result<(), StoreError> {
    supersede(connection, scope, row.rule_id, row.learned_at).await?;
    bulk::insert_named(connection, vec![row], None).await
}

/// Supersedes the current version of a rule, which deletes the rule unless a new version follows.
pub async fn supersede(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
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

/// The current rule versions at the point in time, by rule id.
pub async fn rows(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    known: AsOf,
) -> Result<Vec<rule::Model>, StoreError> {
    let mut select = scope
        .find::<rule::Entity>()
        .order_by_asc(rule::Column::RuleId);
    select = match known {
        AsOf::Now => select.filter(rule::Column::SupersededAt.is_null()),
        AsOf::At(at) => select.filter(rule::Column::LearnedAt.lte(at)),
    };
    let rows = select.all(connection).await?;
    Ok(rows
        .into_iter()
        .filter(|row| known.is_current(row.superseded_at))
        .collect())
}
