//! Measures a decision with its reasons: one member, one target, 20 rules, 50 entitlements. The baseline in the same run visits
//! each pair of rule and entitlement once and decides nothing. Run with `cargo bench --bench decision`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark measures time and prints it"
)]

use std::{
    hint::black_box,
    time::{Duration, Instant as Stopwatch},
};

use access::{
    BlockedPolicy, Condition, Entitlement, Facts, Holding, Id, Instant, MembershipCondition,
    MembershipStatus, OfferingKind, RegistrationCondition, RegistrationSpan, RegistrationStatus,
    Rule, RuleVersion, ScheduleCondition, Span, TagCondition, Target, Via, evaluate,
};
use jiff::{civil::Weekday, tz::TimeZone};

const SECOND: i64 = 1_000_000;
const NOW: Instant = Instant::from_micros(1_790_000_000 * SECOND);

fn facts() -> Facts {
    let entitlements = (0..50)
        .map(|n: i64| {
            let start = NOW.micros() + (n - 25) * 3_600 * SECOND;
            let span = Span::new(
                Instant::from_micros(start),
                Instant::from_micros(start + 7_200 * SECOND),
            );
            let holding = if n % 2 == 0 {
                Holding::Membership {
                    status: MembershipStatus::Active,
                    blocks: Vec::new(),
                }
            } else {
                Holding::Registration {
                    kind: OfferingKind::Room,
                    status: RegistrationStatus::Confirmed,
                }
            };
            let id = Id(u128::try_from(n).unwrap_or(0));
            Entitlement {
                id,
                offering: Id(id.0 % 10),
                location: None,
                via: Via::Own,
                span,
                zone: TimeZone::UTC,
                holding,
            }
        })
        .collect();
    Facts {
        entitlements,
        tags: vec!["range".to_owned()],
        ..Facts::default()
    }
}

fn rules(with_schedules: bool) -> Vec<Rule> {
    let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
    (0..20u128)
        .map(|n| {
            let membership = MembershipCondition {
                offerings: vec![Id(n % 10)],
                locations: Vec::new(),
                when_blocked: BlockedPolicy::Deny,
            };
            let registration = RegistrationCondition {
                offerings: vec![Id(n % 10)],
                kinds: vec![OfferingKind::Room],
                locations: Vec::new(),
                opens_before: Duration::from_secs(1_800),
                closes_after: Duration::from_secs(1_800),
                span: RegistrationSpan::Booking,
                guests: true,
                applies_to_ongoing: true,
            };
            let mut conditions = match n % 4 {
                0 | 1 => vec![Condition::Membership(membership)],
                2 => vec![Condition::Registration(registration)],
                _ => vec![
                    Condition::Membership(membership),
                    Condition::Tag(TagCondition {
                        tags: vec!["range".to_owned()],
                    }),
                ],
            };
            if with_schedules && n % 5 == 0 {
                conditions.push(Condition::Schedule(ScheduleCondition {
                    days: vec![
                        Weekday::Monday,
                        Weekday::Tuesday,
                        Weekday::Wednesday,
                        Weekday::Thursday,
                        Weekday::Friday,
                    ],
                    from_minute: 360,
                    until_minute: 1_380,
                    zone: zone.clone(),
                    start_date: None,
                    end_date: None,
                }));
            }
            let version = RuleVersion {
                since: Instant::BEGINNING,
                enabled: true,
                conditions,
            };
            Rule {
                id: Id(n),
                target: Target::Group(Id(1)),
                versions: vec![version],
            }
        })
        .collect()
}

/// The mean time of one call, from the fastest of five batches of `rounds` calls.
fn each(rounds: u32, mut work: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let began = Stopwatch::now();
        for _ in 0..rounds {
            work();
        }
        best = best.min(began.elapsed() / rounds);
    }
    best
}

fn main() {
    let facts = facts();
    let around = Span::new(NOW, Instant::from_micros(NOW.micros() + 86_400 * SECOND));
    for (name, with_schedules) in [
        ("20 rules, 50 entitlements", false),
        ("the same, 4 of the rules with a schedule", true),
    ] {
        let owned = rules(with_schedules);
        let rules: Vec<&Rule> = owned.iter().collect();
        let decision = each(20_000, || {
            black_box(evaluate(black_box(&facts), black_box(&rules), &[], around).decide(NOW));
        });
        let baseline = each(20_000, || {
            let mut checksum = 0u128;
            for rule in black_box(&rules) {
                for entitlement in black_box(&facts.entitlements) {
                    checksum = checksum.wrapping_add(rule.id.0 ^ entitlement.offering.0);
                }
            }
            black_box(checksum);
        });
        let rate = 1.0 / decision.as_secs_f64();
        println!(
            "{name}: {:.2} µs per decision, {rate:.0} per second; baseline (visiting each pair) {:.2} µs, ratio {:.1}",
            decision.as_secs_f64() * 1e6,
            baseline.as_secs_f64() * 1e6,
            decision.as_secs_f64() / baseline.as_secs_f64()
        );
    }
}
