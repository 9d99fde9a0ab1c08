//! Versioned rules. A version is never edited: a change supersedes it with the next version, a deletion with none. Conditions
//! are stored as JSON with its own schema, separate from those of the API and of the `access` crate.

#![expect(
    missing_docs,
    reason = "the fields of a condition are those of the API, where they are described"
)]

use access::Rule;
use entity::rule;
use jiff::civil::Date;
use sea_orm::{
    ColumnTrait, Condition as Where, ConnectionTrait, QueryFilter, QueryOrder, sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ClubScope, StoreError, bulk, convert, facts::AsOf};

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
    /// Whether the condition recurs weekly, so that its spans never end.
    pub fn recurs(&self) -> bool {
        matches!(self, Self::Schedule { .. })
    }
}

/// The rules that are current at the point in time, each with its earlier versions and the row of its current one, by id.
pub async fn load(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    known: AsOf,
) -> Result<Vec<(Rule, rule::Model)>, StoreError> {
    let mut select = scope
        .find::<rule::Entity>()
        .order_by_asc(rule::Column::RuleId)
        .order_by_asc(rule::Column::Version);
    if let AsOf::At(at) = known {
        select = select.filter(rule::Column::LearnedAt.lte(at));
    }
    let rows = select.all(connection).await?;
    let mut current = Vec::new();
    for versions in rows.chunk_by(|one, next| one.rule_id == next.rule_id) {
        let last = (versions.last()).filter(|row| known.is_current(row.superseded_at));
        if let Some(last) = last {
            current.push((convert::rules::rule(versions, last)?, last.clone()));
        }
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

/// All versions of these rules.
pub async fn versions(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<Vec<rule::Model>, StoreError> {
    let all = scope.find_for_ids::<rule::Entity>();
    bulk::select_by_ids(connection, all, rule::Column::RuleId, ids.iter().copied()).await
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
