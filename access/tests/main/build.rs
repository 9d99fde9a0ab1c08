//! Builders for facts and rules, with defaults, so that a test shows only the values that matter to it.

use std::time::Duration;

use access::{
    BlockedPolicy, Condition, Entitlement, Facts, Holding, Id, Instant, MembershipCondition,
    MembershipStatus, OfferingKind, PurchaseCondition, PurchaseStatus, RegistrationCondition,
    RegistrationSpan, RegistrationStatus, Rule, RuleVersion, Span, SpanSet, TagCondition, Target,
    Via, evaluate,
};
use jiff::tz::TimeZone;

pub const GROUP: Target = Target::Group(Id(900));

pub fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

/// Parses an instant in RFC 3339.
pub fn at(text: &str) -> Instant {
    Instant::from_timestamp(text.parse().unwrap())
}

/// A span that contains every instant of these tests.
pub fn around() -> Span {
    Span::new(at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"))
}

/// The instant so many minutes after the epoch.
pub fn minute(minutes: i64) -> Instant {
    Instant::from_micros(minutes * 60_000_000)
}

pub fn minutes(from: i64, until: i64) -> Span {
    Span::new(minute(from), minute(until))
}

pub fn for_minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

fn entitlement(id: u128, span: Span, holding: Holding) -> Entitlement {
    Entitlement {
        id: Id(id),
        offering: Id(1),
        location: None,
        via: Via::Own,
        span,
        zone: berlin(),
        holding,
    }
}

pub fn membership(id: u128, status: MembershipStatus, span: Span) -> Entitlement {
    entitlement(
        id,
        span,
        Holding::Membership {
            status,
            blocks: Vec::new(),
        },
    )
}

pub fn booking(id: u128, status: RegistrationStatus, span: Span) -> Entitlement {
    entitlement(
        id,
        span,
        Holding::Registration {
            kind: OfferingKind::Room,
            status,
        },
    )
}

pub fn purchase(id: u128, status: PurchaseStatus, span: Span) -> Entitlement {
    entitlement(id, span, Holding::Purchase { status })
}

pub fn facts(entitlements: Vec<Entitlement>) -> Facts {
    Facts {
        entitlements,
        ..Facts::default()
    }
}

pub fn any_membership(when_blocked: BlockedPolicy) -> Condition {
    let condition = MembershipCondition {
        offerings: vec![],
        locations: vec![],
        when_blocked,
    };
    Condition::Membership(condition)
}

/// Any booking, from ten minutes before to five minutes after, without guests; edits also apply to ongoing bookings.
pub fn any_booking() -> RegistrationCondition {
    RegistrationCondition {
        offerings: vec![],
        kinds: vec![],
        locations: vec![],
        opens_before: for_minutes(10),
        closes_after: for_minutes(5),
        span: RegistrationSpan::Booking,
        guests: false,
        applies_to_ongoing: true,
    }
}

pub fn any_purchase() -> Condition {
    Condition::Purchase(PurchaseCondition {
        offerings: vec![],
        locations: vec![],
    })
}

pub fn tag(tag: &str) -> Condition {
    Condition::Tag(TagCondition {
        tags: vec![tag.to_owned()],
    })
}

pub fn rule(id: u128, conditions: Vec<Condition>) -> Rule {
    let version = RuleVersion {
        since: Instant::BEGINNING,
        enabled: true,
        conditions,
    };
    Rule {
        id: Id(id),
        target: GROUP,
        versions: vec![version],
    }
}

/// When a rule with only this condition holds.
pub fn spans(condition: &Condition, facts: &Facts) -> SpanSet {
    let rule = rule(1, vec![condition.clone()]);
    evaluate(facts, &[&rule], &[], around()).spans
}

pub fn set(spans: &[Span]) -> SpanSet {
    SpanSet::of(spans.iter().copied())
}
