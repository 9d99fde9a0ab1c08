//! Tests of the details of a refusal: its edge, the share, who can fix it, and which of several causes is the nearest.

use access::{
    AccessScope, BlockedPolicy, Code, Condition, Decision, Facts, FixParty, Id, Instant,
    MembershipStatus, RegistrationCondition, RegistrationStatus, Rule, RuleVersion, Share, Span,
    Suspension, evaluate, fixes,
};

use crate::build::{
    GROUP, any_booking, any_membership, around, booking, facts, membership, minute, minutes, rule,
    tag,
};

const NOW: i64 = 10_000;
const DAY: i64 = 24 * 60;
const COVERING: [AccessScope; 1] = [AccessScope::Group(Id(900))];

fn decide(facts: &Facts, rules: &[&Rule]) -> Decision {
    evaluate(facts, rules, &COVERING, around()).decide(minute(NOW))
}

fn shared(span: Span) -> Facts {
    let (id, scope) = (Id(5), AccessScope::Group(Id(900)));
    Facts {
        shares: vec![Share { id, scope, span }],
        ..Facts::default()
    }
}

#[test]
fn a_suspension_reports_its_end_and_is_the_only_fix() {
    let suspension = |until| Suspension {
        id: Id(6),
        span: Span::new(minute(NOW - 1), until),
    };
    let mut suspended = facts(vec![]);
    suspended.tags = vec!["staff".to_owned()];
    suspended.suspension = Some(suspension(minute(NOW + 50)));
    let (staff, vip) = (rule(1, vec![tag("staff")]), rule(2, vec![tag("vip")]));
    assert_eq!(decide(&suspended, &[&staff]).edge, Some(minute(NOW + 50)));
    // One rule would give access, so the other is no alternative.
    let access = evaluate(&suspended, &[&vip, &staff], &[], around());
    let ways: Vec<Vec<Code>> = fixes(&access, minute(NOW))
        .iter()
        .map(|way| way.iter().map(|fix| fix.code).collect())
        .collect();
    assert_eq!(ways, [[Code::Suspended]]);
    suspended.suspension = Some(suspension(Instant::END));
    assert_eq!(decide(&suspended, &[&staff]).edge, None);
}

#[test]
fn an_ended_share_is_reported_and_renewed_by_the_club() {
    let over = shared(minutes(NOW - 100, NOW - 50));
    let decision = decide(&over, &[]);
    assert_eq!(
        (decision.code, decision.share),
        (Code::TooLate, Some(Id(5)))
    );
    let access = evaluate(&over, &[], &COVERING, around());
    let parties = |access: &access::Access<'_>| fixes(access, minute(NOW))[0][0].by.clone();
    assert_eq!(parties(&access), [FixParty::Desk, FixParty::ClubAdmin]);
    // After a booking has ended, the member or the desk makes a new one.
    let booked = facts(vec![booking(
        1,
        RegistrationStatus::Confirmed,
        minutes(NOW - 100, NOW - 50),
    )]);
    let rule = rule(1, vec![Condition::Registration(any_booking())]);
    let access = evaluate(&booked, &[&rule], &[], around());
    assert_eq!(access.decide(minute(NOW)).code, Code::TooLate);
    assert_eq!(parties(&access), [FixParty::Member, FixParty::Desk]);
    // An empty share counts as ended.
    assert_eq!(decide(&shared(minutes(NOW, NOW)), &[]).code, Code::TooLate);
}

#[test]
fn only_a_booking_within_a_day_counts_as_near() {
    let confirmed = |from, until| booking(1, RegistrationStatus::Confirmed, minutes(from, until));
    let paused = membership(2, MembershipStatus::Paused, minutes(0, 2 * NOW));
    let by_booking = rule(1, vec![Condition::Registration(any_booking())]);
    let by_membership = rule(2, vec![any_membership(BlockedPolicy::Deny)]);
    let code = |span: (i64, i64)| {
        let facts = facts(vec![confirmed(span.0, span.1), paused.clone()]);
        decide(&facts, &[&by_booking, &by_membership]).code
    };
    // The booking ends five minutes after its end, because of the margin.
    assert_eq!(code((NOW - DAY - 60, NOW - DAY - 5)), Code::TooLate);
    assert_eq!(
        code((NOW - DAY - 60, NOW - DAY - 6)),
        Code::MembershipPaused
    );
    // A membership that has not started is nearer than a paused one, and less near than a booking that begins today.
    let blocked = RegistrationCondition {
        kinds: vec![access::OfferingKind::Desk],
        ..any_booking()
    };
    let unbooked = rule(3, vec![Condition::Registration(blocked)]);
    for (from, nearer) in [
        (NOW + DAY, Code::TooEarly),
        (NOW + 3 * DAY, Code::MembershipNotStarted),
    ] {
        let begins = membership(3, MembershipStatus::Scheduled, minutes(NOW + 60, 2 * NOW));
        let facts = facts(vec![confirmed(from, from + 60), begins]);
        assert_eq!(
            decide(&facts, &[&by_booking, &by_membership, &unbooked]).code,
            nearer
        );
    }
}

#[test]
fn a_booking_allowed_by_an_earlier_version_is_the_reason() {
    let version = |since, opens_before| RuleVersion {
        since: minute(since),
        enabled: true,
        conditions: vec![Condition::Registration(RegistrationCondition {
            opens_before: std::time::Duration::from_secs(opens_before),
            applies_to_ongoing: false,
            ..any_booking()
        })],
    };
    let rule = Rule {
        id: Id(1),
        target: GROUP,
        versions: vec![version(0, 0), version(NOW - 5, 60)],
    };
    let booked = facts(vec![booking(
        7,
        RegistrationStatus::Confirmed,
        minutes(NOW - 10, NOW + 10),
    )]);
    let access = evaluate(&booked, &[&rule], &[], around());
    assert_eq!(access.decide(minute(NOW)).code, Code::AllowedByRule);
    let because: Vec<Id> = access.rules[0].conditions[0]
        .because
        .iter()
        .map(|(entitlement, _)| entitlement.id)
        .collect();
    assert_eq!(because, [Id(7)]);
}
