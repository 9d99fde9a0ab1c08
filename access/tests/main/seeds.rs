//! Tests of the behaviours that the help pages of four platforms promise, as facts, rules and decisions.
//!
//! One module per page. Each behaviour that a decision can show has a test. Connecting, inviting and disconnecting are out of
//! scope of this crate.

mod clubspot;
mod exercise;
mod spacebring;
mod teamup;

use access::{
    AccessScope, Block, BlockReason, BlockedPolicy, Code, Condition, Decision, Entitlement, Facts,
    Holding, Id, MembershipCondition, MembershipStatus, OfferingKind, RegistrationCondition,
    RegistrationSpan, RegistrationStatus, Rule, RuleVersion, ScheduleCondition, Span, evaluate,
};
use jiff::civil::Weekday;

use crate::build::{around, at, berlin, booking, for_minutes, membership};

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// The decision at an instant of 2026, with the shares of the group of the rules.
fn decide(facts: &Facts, rules: &[&Rule], when: &str) -> Decision {
    evaluate(facts, rules, &[AccessScope::Group(Id(900))], around()).decide(at(when))
}

fn passes(facts: &Facts, rules: &[&Rule], when: &str) -> bool {
    decide(facts, rules, when).allowed
}

fn code(facts: &Facts, rules: &[&Rule], when: &str) -> Code {
    decide(facts, rules, when).code
}

fn between(from: &str, until: &str) -> Span {
    Span::new(at(from), at(until))
}

/// From June to the end of August.
fn summer() -> Span {
    between("2026-06-01T00:00:00Z", "2026-09-01T00:00:00Z")
}

fn of(offering: u128, entitlement: Entitlement) -> Entitlement {
    Entitlement {
        offering: Id(offering),
        ..entitlement
    }
}

fn member_of(offering: u128, status: MembershipStatus) -> Entitlement {
    of(offering, membership(1, status, summer()))
}

fn blocked_since(reason: BlockReason, since: &str) -> Entitlement {
    let span = Span::new(at(since), access::Instant::END);
    let blocks = vec![Block { reason, span }];
    let status = MembershipStatus::Active;
    Entitlement {
        holding: Holding::Membership { status, blocks },
        ..member_of(1, status)
    }
}

/// From noon to 16:00 UTC.
fn booked(offering: u128, kind: OfferingKind) -> Entitlement {
    let status = RegistrationStatus::Confirmed;
    let span = between("2026-08-01T12:00:00Z", "2026-08-01T16:00:00Z");
    Entitlement {
        holding: Holding::Registration { kind, status },
        ..of(offering, booking(2, status, span))
    }
}

fn memberships(offerings: &[u128], when_blocked: BlockedPolicy) -> Condition {
    Condition::Membership(MembershipCondition {
        offerings: offerings.iter().copied().map(Id).collect(),
        locations: vec![],
        when_blocked,
    })
}

/// Any booking, with a margin of half an hour on both sides, including guests.
fn bookings() -> RegistrationCondition {
    RegistrationCondition {
        offerings: vec![],
        kinds: vec![],
        locations: vec![],
        opens_before: for_minutes(30),
        closes_after: for_minutes(30),
        span: RegistrationSpan::Booking,
        guests: true,
        applies_to_ongoing: true,
    }
}

fn bookings_of(offerings: &[u128]) -> RegistrationCondition {
    RegistrationCondition {
        offerings: offerings.iter().copied().map(Id).collect(),
        ..bookings()
    }
}

/// Every day, in the local time of Berlin.
fn daily(from_hour: u16, until_hour: u16) -> ScheduleCondition {
    ScheduleCondition {
        days: WEEK.to_vec(),
        from_minute: from_hour * 60,
        until_minute: until_hour * 60,
        zone: berlin(),
        start_date: None,
        end_date: None,
    }
}

fn version(since: &str, conditions: Vec<Condition>) -> RuleVersion {
    RuleVersion {
        since: at(since),
        enabled: true,
        conditions,
    }
}
