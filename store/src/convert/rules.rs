//! Rules and their stored conditions as the types of the `access` crate.

use std::time::Duration;

use access::{
    BlockedPolicy, Condition, Instant, MembershipCondition, PurchaseCondition,
    RegistrationCondition, RegistrationSpan, Rule, RuleVersion, ScheduleCondition, TagCondition,
};
use jiff::{civil::Weekday, tz::TimeZone};
use uuid::Uuid;

use super::{id, kinds};
use crate::{
    StoreError, row,
    rules::{Blocked, StoredCondition, conditions},
};

/// A rule from the rows of its versions, oldest first. `last` is the current one.
pub fn rule(versions: &[row::Rule], last: &row::Rule) -> Result<Rule, StoreError> {
    let version = |row: &row::Rule| {
        Ok(RuleVersion {
            since: Instant::from_micros(row.learned_at),
            enabled: row.enabled && row.target_id == last.target_id,
            conditions: conditions(row)?.iter().map(condition).collect(),
        })
    };
    Ok(Rule {
        id: id(last.rule_id),
        target: super::target(last.target_kind, last.target_id),
        versions: versions
            .iter()
            .map(version)
            .collect::<Result<_, StoreError>>()?,
    })
}

/// A time zone that the database no longer has becomes UTC.
pub fn condition(stored: &StoredCondition) -> Condition {
    let ids = |ids: &[Uuid]| ids.iter().map(|of| id(*of)).collect::<Vec<_>>();
    match stored {
        StoredCondition::Membership {
            offerings,
            locations,
            when_blocked,
            grace_s,
        } => {
            let when_blocked = match when_blocked {
                Blocked::Deny => BlockedPolicy::Deny,
                Blocked::Allow => BlockedPolicy::Allow,
                Blocked::Grace => BlockedPolicy::Grace(Duration::from_secs(grace_s.unwrap_or(0))),
            };
            let (offerings, locations) = (ids(offerings), ids(locations));
            Condition::Membership(MembershipCondition {
                offerings,
                locations,
                when_blocked,
            })
        }
        StoredCondition::Registration {
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
                .filter_map(|name| kinds::stored::<row::OfferingKind>(name))
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
        StoredCondition::Purchase {
            offerings,
            locations,
        } => Condition::Purchase(PurchaseCondition {
            offerings: ids(offerings),
            locations: ids(locations),
        }),
        StoredCondition::Tag { tags } => Condition::Tag(TagCondition { tags: tags.clone() }),
        StoredCondition::Schedule {
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
