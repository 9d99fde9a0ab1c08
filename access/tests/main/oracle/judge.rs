//! A reference implementation of the rules: one instant at a time, plain loops, no span sets.
//!
//! Follows the specification of the conditions literally, at any cost. Uses only the plain data of the crate, and of the calendar
//! only the offset of a time zone at an instant. Used by the property test.

use std::time::Duration;

use access::{
    AccessScope, Block, BlockedPolicy, Condition, Entitlement, Facts, Holding, Id, Instant,
    MembershipCondition, MembershipStatus, PurchaseCondition, PurchaseStatus,
    RegistrationCondition, RegistrationSpan, RegistrationStatus, Rule, RuleVersion,
    ScheduleCondition, Span, Via,
};
use jiff::{
    civil::{Date, date},
    tz::TimeZone,
};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

/// Whether the member may pass at `at`: a rule or a covering share allows it, and no suspension forbids it.
pub fn may_pass(facts: &Facts, rules: &[&Rule], covering: &[AccessScope], at: Instant) -> bool {
    if let Some(suspension) = &facts.suspension
        && within(suspension.span, at)
    {
        return false;
    }
    for share in &facts.shares {
        for scope in covering {
            if share.scope == *scope && within(share.span, at) {
                return true;
            }
        }
    }
    rules.iter().any(|rule| rule_holds(facts, rule, at))
}

fn within(span: Span, at: Instant) -> bool {
    span.from <= at && at < span.until
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap()
}

fn later(at: Instant, by: Duration) -> Instant {
    Instant::from_micros(at.micros() + micros(by))
}

fn earlier(at: Instant, by: Duration) -> Instant {
    Instant::from_micros(at.micros() - micros(by))
}

/// The current version applies to everything, except to the ongoing bookings that it leaves to the version under which they
/// began.
fn rule_holds(facts: &Facts, rule: &Rule, at: Instant) -> bool {
    let Some(last) = rule.versions.len().checked_sub(1) else {
        return false;
    };
    if !rule.versions[last].enabled {
        return false;
    }
    if !spares_ongoing(&rule.versions[last]) {
        return version_holds(facts, &rule.versions[last], at, &|_| true);
    }
    for (index, version) in rule.versions.iter().enumerate() {
        // Earlier versions matter only for their bookings.
        let asked = index == last || version.conditions.iter().any(is_registration);
        let judged_by_it = |booking: &Entitlement| began_under(rule, booking) == Some(index);
        if asked && version_holds(facts, version, at, &judged_by_it) {
            return true;
        }
    }
    false
}

fn is_registration(condition: &Condition) -> bool {
    matches!(condition, Condition::Registration(_))
}

fn spares_ongoing(version: &RuleVersion) -> bool {
    version.conditions.iter().any(|condition| match condition {
        Condition::Registration(condition) => !condition.applies_to_ongoing,
        _ => false,
    })
}

/// The version that was current when the booking began.
fn began_under(rule: &Rule, booking: &Entitlement) -> Option<usize> {
    let mut stood = None;
    for (index, version) in rule.versions.iter().enumerate() {
        if version.since <= booking.span.from {
            stood = Some(index);
        }
    }
    stood
}

fn version_holds(
    facts: &Facts,
    version: &RuleVersion,
    at: Instant,
    counts: &dyn Fn(&Entitlement) -> bool,
) -> bool {
    if !version.enabled || version.conditions.is_empty() {
        return false;
    }
    version.conditions.iter().all(|condition| match condition {
        Condition::Membership(it) => facts.entitlements.iter().any(|e| membership(it, e, at)),
        Condition::Registration(it) => facts
            .entitlements
            .iter()
            .any(|e| counts(e) && registration(it, e, at)),
        Condition::Purchase(it) => facts.entitlements.iter().any(|e| purchase(it, e, at)),
        Condition::Tag(it) => it.tags.iter().any(|tag| facts.tags.contains(tag)),
        Condition::Schedule(it) => schedule(it, at),
    })
}

fn named(offerings: &[Id], locations: &[Id], held: &Entitlement) -> bool {
    let offering = offerings.is_empty() || offerings.contains(&held.offering);
    let location = match held.location {
        Some(location) => locations.is_empty() || locations.contains(&location),
        None => locations.is_empty(),
    };
    offering && location
}

fn membership(condition: &MembershipCondition, held: &Entitlement, at: Instant) -> bool {
    let Holding::Membership { status, blocks } = &held.holding else {
        return false;
    };
    let runs = match status {
        MembershipStatus::Active => within(held.span, at),
        MembershipStatus::Scheduled => {
            held.span.from != Instant::BEGINNING && within(held.span, at)
        }
        MembershipStatus::Paused | MembershipStatus::UsedUp | MembershipStatus::Ended => false,
    };
    let blocked = match condition.when_blocked {
        BlockedPolicy::Allow => false,
        BlockedPolicy::Deny => blocks.iter().any(|block| within(block.span, at)),
        BlockedPolicy::Grace(grace) => blocked_for_longer(blocks, grace, at),
    };
    named(&condition.offerings, &condition.locations, held) && runs && !blocked
}

/// Whether a block that is older than the grace period is active at `at`. Blocks less than the grace period apart count as one
/// block, including the gap.
fn blocked_for_longer(blocks: &[Block], grace: Duration, at: Instant) -> bool {
    let near = |earlier: &Block, later: &Block| {
        let apart = later
            .span
            .from
            .micros()
            .saturating_sub(earlier.span.until.micros());
        earlier.span.from <= later.span.from && apart < micros(grace)
    };
    for block in blocks {
        let bridged = blocks
            .iter()
            .any(|next| block.span.until <= at && at < next.span.from && near(block, next));
        if !within(block.span, at) && !bridged {
            continue;
        }
        let mut first = block;
        while let Some(other) = blocks
            .iter()
            .find(|other| other.span.from < first.span.from && near(other, first))
        {
            first = other;
        }
        if at >= later(first.span.from, grace) {
            return true;
        }
    }
    false
}

fn registration(condition: &RegistrationCondition, held: &Entitlement, at: Instant) -> bool {
    let Holding::Registration { kind, status } = &held.holding else {
        return false;
    };
    if *status != RegistrationStatus::Confirmed
        || (held.via == Via::Guest && !condition.guests)
        || !named(&condition.offerings, &condition.locations, held)
        || !(condition.kinds.is_empty() || condition.kinds.contains(kind))
    {
        return false;
    }
    // With the margins applied to the instant, the booking itself can be compared.
    let (opening, closing) = (
        later(at, condition.opens_before),
        earlier(at, condition.closes_after),
    );
    let (from, until) = (held.span.from, held.span.until);
    match condition.span {
        RegistrationSpan::Booking => from <= opening && closing < until,
        RegistrationSpan::Day => {
            let begun = from == Instant::BEGINNING
                || local_day(&held.zone, from) <= local_day(&held.zone, opening);
            // A booking that ends at midnight does not touch the next day.
            let last = Instant::from_micros(until.micros() - 1);
            let over = until != Instant::END
                && local_day(&held.zone, closing) > local_day(&held.zone, last);
            begun && !over
        }
    }
}

fn purchase(condition: &PurchaseCondition, held: &Entitlement, at: Instant) -> bool {
    let Holding::Purchase { status } = &held.holding else {
        return false;
    };
    *status == PurchaseStatus::Paid
        && named(&condition.offerings, &condition.locations, held)
        && within(held.span, at)
}

fn schedule(condition: &ScheduleCondition, at: Instant) -> bool {
    let today = local_day(&condition.zone, at);
    for day in today - 3..=today + 2 {
        let starts = condition
            .start_date
            .is_none_or(|first| day >= number(first));
        let ends = condition.end_date.is_some_and(|last| day > number(last));
        // 1 January 1970 was a Thursday.
        let weekday = (day + 3).rem_euclid(7);
        let on = condition
            .days
            .iter()
            .any(|it| i64::from(it.to_monday_zero_offset()) == weekday);
        if !starts || ends || !on {
            continue;
        }
        let past_midnight = condition.until_minute <= condition.from_minute;
        let from = clock(&condition.zone, day, condition.from_minute);
        let until = clock(
            &condition.zone,
            if past_midnight { day + 1 } else { day },
            condition.until_minute,
        );
        if from <= at && at < until {
            return true;
        }
    }
    false
}

/// The days of a date since the epoch.
fn number(of: Date) -> i64 {
    i64::from((of - date(1970, 1, 1)).get_days())
}

fn offset(zone: &TimeZone, at: i64) -> i64 {
    let offset = zone.to_offset(Instant::from_micros(at).timestamp());
    i64::from(offset.seconds()) * SECOND
}

/// The local date at an instant, in days since the epoch.
fn local_day(zone: &TimeZone, at: Instant) -> i64 {
    (at.micros() + offset(zone, at.micros())).div_euclid(DAY)
}

/// When the local clock shows so many minutes after the midnight of a day: the first such instant; for a skipped time, the
/// instant it would have been without the change.
fn clock(zone: &TimeZone, day: i64, minute: u16) -> Instant {
    let shown = day * DAY + i64::from(minute) * MINUTE;
    let before = offset(zone, shown - DAY);
    let after = offset(zone, shown + DAY);
    let mut found = shown - before;
    for candidate in [shown - after, shown - before] {
        if candidate + offset(zone, candidate) == shown {
            found = candidate;
        }
    }
    Instant::from_micros(found)
}
