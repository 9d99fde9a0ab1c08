//! Random clubs with dates near clock changes.
//!
//! Times lie on a grid of 15 minutes, so that edges often coincide; every kind of condition, holding and override occurs.
//! Excludes the cases that the specification leaves open: a version has at most one registration condition, and no holding is
//! empty. Used by the property test.

use std::time::Duration;

use access::{
    AccessScope, Block, BlockReason, BlockedPolicy, Condition, Entitlement, Facts, Holding, Id,
    Instant, MembershipCondition, MembershipStatus, OfferingKind, PurchaseCondition,
    PurchaseStatus, RegistrationCondition, RegistrationSpan, RegistrationStatus, Rule, RuleVersion,
    ScheduleCondition, Share, Span, Suspension, TagCondition, Target, Via,
};
use jiff::{
    civil::{Date, Weekday},
    tz::TimeZone,
};
use proptest::prelude::*;

use crate::build::at;

/// Time zones and their clock changes. In Cairo midnight is skipped, and the hour before midnight is repeated.
const CHANGES: [(&str, &str); 6] = [
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Africa/Cairo", "2026-04-23T22:00:00Z"),
    ("Africa/Cairo", "2026-10-29T21:00:00Z"),
];

const QUARTER: i64 = 15 * 60_000_000;

/// Margins and grace periods, in minutes.
const LENGTHS: [u64; 6] = [0, 10, 30, 60, 6 * 60, 26 * 60];

#[derive(Debug)]
pub struct Club {
    pub facts: Facts,
    pub rules: Vec<Rule>,
    pub covering: Vec<AccessScope>,
    pub around: Span,
    /// The part of `around` near the clock change, in which results are compared.
    pub asked: Span,
    /// Instants to compare: edges, with and without a margin, each full hour near the change, and a few random minutes.
    pub moments: Vec<Instant>,
}

#[derive(Clone, Debug)]
struct Scene {
    zone: TimeZone,
    change: Instant,
}

impl Scene {
    fn moment(&self, quarters: i64) -> Instant {
        Instant::from_micros(self.change.micros() + quarters * QUARTER)
    }

    fn date(&self, days: i64) -> Date {
        let there = self.moment(days * 96).timestamp();
        self.zone.to_datetime(there).date()
    }
}

pub fn any_club() -> impl Strategy<Value = Club> {
    (0..CHANGES.len()).prop_flat_map(|index| {
        let (zone, change) = CHANGES[index];
        let scene = Scene {
            zone: TimeZone::get(zone).unwrap(),
            change: at(change),
        };
        let rules = prop::collection::vec(any_rule(scene.clone()), 0..4);
        let covering = prop::sample::subsequence(scopes(), 0..=3);
        let minutes = prop::collection::vec(-6000..6000_i64, 40);
        let around = any_around(scene.clone());
        let parts = (any_facts(scene.clone()), rules, covering, minutes, around);
        parts.prop_map(move |(facts, rules, covering, minutes, around)| {
            let mut moments = moments(&scene, &facts, &rules, &minutes);
            let weeks = Span::new(scene.moment(-2000), scene.moment(2000));
            let asked = Span::new(around.from.max(weeks.from), around.until.min(weeks.until));
            moments.extend([asked.from, asked.until]);
            Club {
                facts,
                rules,
                covering,
                around,
                asked,
                moments,
            }
        })
    })
}

/// Mostly weeks, sometimes hours or days, sometimes unbounded on one side.
fn any_around(scene: Scene) -> impl Strategy<Value = Span> {
    (quarters(), 1..200_i64, 0..40_u8).prop_map(move |(from, length, how)| {
        let (from, until) = (scene.moment(from), scene.moment(from + length));
        match how {
            0 => Span::new(Instant::BEGINNING, until),
            1 => Span::new(from, Instant::END),
            2..12 => Span::new(from, until),
            _ => Span::new(scene.moment(-2000), scene.moment(2000)),
        }
    })
}

fn moments(scene: &Scene, facts: &Facts, rules: &[Rule], minutes: &[i64]) -> Vec<Instant> {
    let mut edges = vec![];
    for held in &facts.entitlements {
        edges.extend([held.span.from, held.span.until]);
        if let Holding::Membership { blocks, .. } = &held.holding {
            edges.extend(blocks.iter().map(|block| block.span.from));
            edges.extend(blocks.iter().map(|block| block.span.until));
        }
    }
    let shares = facts.shares.iter().map(|share| share.span);
    let forbidden = facts.suspension.iter().map(|it| it.span);
    edges.extend(shares.chain(forbidden).flat_map(|it| [it.from, it.until]));
    let versions = rules.iter().flat_map(|rule| &rule.versions);
    edges.extend(versions.map(|version| version.since));
    edges.retain(|edge| edge.known().is_some());

    let mut moments = vec![];
    for edge in edges {
        for length in LENGTHS {
            let length = Duration::from_secs(length * 60);
            moments.extend([edge.minus(length), edge.plus(length)]);
        }
    }
    moments.extend((-36..=36).map(|hours| scene.moment(hours * 4)));
    let by_chance = |minute: &i64| scene.change.micros() + minute * 60_000_000;
    moments.extend(minutes.iter().map(by_chance).map(Instant::from_micros));
    moments
}

fn quarters() -> impl Strategy<Value = i64> {
    prop_oneof![2 => -400..400_i64, 1 => -24..24_i64]
}

/// Mostly bounded, sometimes open on one or both sides.
fn any_span(scene: Scene) -> impl Strategy<Value = Span> {
    (quarters(), 1..200_i64, 0..12_u8).prop_map(move |(from, length, open)| {
        let (from, until) = (scene.moment(from), scene.moment(from + length));
        match open {
            0 => Span::new(Instant::BEGINNING, until),
            1 | 2 => Span::new(from, Instant::END),
            3 => Span::ALWAYS,
            _ => Span::new(from, until),
        }
    })
}

fn any_length() -> impl Strategy<Value = Duration> {
    prop::sample::select(&LENGTHS[..]).prop_map(|minutes| Duration::from_secs(minutes * 60))
}

fn scopes() -> Vec<AccessScope> {
    vec![
        AccessScope::Group(Id(900)),
        AccessScope::Place(Id(901)),
        AccessScope::Account(Id(902)),
    ]
}

fn any_facts(scene: Scene) -> impl Strategy<Value = Facts> {
    let held = prop::collection::vec(any_entitlement(scene.clone()), 0..10);
    let held = (
        held,
        prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    );
    let held = held.prop_map(|(mut held, repeats)| {
        if !held.is_empty() {
            let again: Vec<_> = repeats.iter().map(|it| it.get(&held).clone()).collect();
            held.extend(again);
        }
        held
    });
    let share = (prop::sample::select(scopes()), any_span(scene.clone()));
    let suspension = prop::option::weighted(0.2, any_span(scene));
    let parts = (
        held.prop_shuffle(),
        prop::sample::subsequence(vec!["staff", "crew"], 0..=2),
        prop::collection::vec(share, 0..3),
        suspension,
    );
    parts.prop_map(|(entitlements, tags, shares, suspension)| Facts {
        entitlements,
        tags: tags.into_iter().map(str::to_owned).collect(),
        shares: shares
            .into_iter()
            .map(|(scope, span)| Share {
                id: Id(5),
                scope,
                span,
            })
            .collect(),
        suspension: suspension.map(|span| Suspension { id: Id(6), span }),
    })
}

fn any_entitlement(scene: Scene) -> impl Strategy<Value = Entitlement> {
    let parts = (
        any_holding(scene.clone()),
        any_span(scene.clone()),
        1..1000_u128,
        1..=2_u128,
        prop::option::of(10..=11_u128),
        0..4_usize,
        prop::bool::weighted(0.2),
    );
    parts.prop_map(
        move |(holding, span, id, offering, location, via, elsewhere)| {
            let is_booking = matches!(holding, Holding::Registration { .. });
            let last = if is_booking { Via::Guest } else { Via::Own };
            Entitlement {
                id: Id(id),
                offering: Id(offering),
                location: location.map(Id),
                via: [Via::Own, Via::Company(Id(7)), Via::Shared, last][via],
                span,
                zone: if elsewhere {
                    TimeZone::get("Asia/Kolkata").unwrap()
                } else {
                    scene.zone.clone()
                },
                holding,
            }
        },
    )
}

fn any_holding(scene: Scene) -> impl Strategy<Value = Holding> {
    use MembershipStatus::{Active, Ended, Paused, Scheduled, UsedUp};
    let status = prop::sample::select(vec![
        Active, Active, Active, Scheduled, Scheduled, Paused, UsedUp, Ended,
    ]);
    let membership = (status, any_blocks(scene))
        .prop_map(|(status, blocks)| Holding::Membership { status, blocks });

    use RegistrationStatus::{Cancelled, Confirmed, Tentative, Waitlisted};
    let status = prop::sample::select(vec![
        Confirmed, Confirmed, Confirmed, Tentative, Waitlisted, Cancelled,
    ]);
    let kind = prop::sample::select(vec![OfferingKind::Room, OfferingKind::Class]);
    let registration =
        (status, kind).prop_map(|(status, kind)| Holding::Registration { kind, status });

    use PurchaseStatus::{Paid, Refunded, Unpaid, Void};
    let status = prop::sample::select(vec![Paid, Paid, Paid, Unpaid, Refunded, Void]);
    let purchase = status.prop_map(|status| Holding::Purchase { status });

    prop_oneof![3 => membership, 4 => registration, 2 => purchase]
}

/// A few blocks in any order, mostly close together, because the grace period depends on the gaps.
fn any_blocks(scene: Scene) -> impl Strategy<Value = Vec<Block>> {
    let next = (-4..30_i64, 1..40_i64, prop::bool::weighted(0.1));
    let parts = (quarters(), prop::collection::vec(next, 0..4));
    let blocks = parts.prop_map(move |(mut from, next)| {
        let mut blocks = vec![];
        for (gap, length, lasting) in next {
            from += gap;
            let until = if lasting {
                Instant::END
            } else {
                scene.moment(from + length)
            };
            blocks.push(Block {
                reason: BlockReason::PaymentRetrying,
                span: Span::new(scene.moment(from), until),
            });
            from += length;
        }
        blocks
    });
    blocks.prop_shuffle()
}

fn any_rule(scene: Scene) -> impl Strategy<Value = Rule> {
    let condition = || any_condition(scene.clone());
    let conditions = prop_oneof![
        1 => prop::collection::vec(condition(), 0..4),
        1 => prop::collection::vec(condition(), 1),
    ];
    let version = (quarters(), prop::bool::weighted(0.9), conditions);
    let parts = (
        prop::collection::vec(version, 1..4),
        prop::bool::weighted(0.5),
        any::<bool>(),
    );
    parts.prop_map(move |(mut versions, from_the_beginning, on_lock)| {
        versions.sort_by_key(|version| version.0);
        let mut versions: Vec<_> = versions
            .into_iter()
            .map(|(since, enabled, conditions)| RuleVersion {
                since: scene.moment(since),
                enabled,
                conditions: with_one_registration(conditions),
            })
            .collect();
        if let (true, Some(first)) = (from_the_beginning, versions.first_mut()) {
            first.since = Instant::BEGINNING;
        }
        let target = if on_lock { Target::Lock } else { Target::Group };
        Rule {
            id: Id(1),
            target: target(Id(900)),
            versions,
        }
    })
}

fn with_one_registration(mut conditions: Vec<Condition>) -> Vec<Condition> {
    let mut seen = false;
    conditions.retain(|condition| {
        let one_more = matches!(condition, Condition::Registration(_));
        let keep = !(one_more && seen);
        seen |= one_more;
        keep
    });
    conditions
}

fn any_ids(of: Vec<u128>) -> impl Strategy<Value = Vec<Id>> {
    prop_oneof![
        4 => Just(vec![]),
        1 => prop::sample::subsequence(of, 0..=2).prop_map(|it| it.into_iter().map(Id).collect()),
    ]
}

fn any_condition(scene: Scene) -> impl Strategy<Value = Condition> {
    let offerings = || any_ids(vec![1, 2]);
    let locations = || any_ids(vec![10, 11]);

    let policy = prop_oneof![
        1 => Just(BlockedPolicy::Deny),
        1 => Just(BlockedPolicy::Allow),
        3 => any_length().prop_map(BlockedPolicy::Grace),
    ];
    let membership = (offerings(), locations(), policy).prop_map(|parts| {
        let (offerings, locations, when_blocked) = parts;
        Condition::Membership(MembershipCondition {
            offerings,
            locations,
            when_blocked,
        })
    });
    let purchase = (offerings(), locations()).prop_map(|(offerings, locations)| {
        Condition::Purchase(PurchaseCondition {
            offerings,
            locations,
        })
    });
    let tags = prop::sample::subsequence(vec!["staff", "crew", "Staff"], 0..=3);
    let tag = tags.prop_map(|tags| {
        let tags = tags.into_iter().map(str::to_owned).collect();
        Condition::Tag(TagCondition { tags })
    });
    prop_oneof![
        3 => membership,
        5 => any_registration(),
        2 => purchase,
        1 => tag,
        3 => any_schedule(scene),
    ]
}

fn any_registration() -> impl Strategy<Value = Condition> {
    let kinds = prop_oneof![
        2 => Just(vec![]),
        1 => Just(vec![OfferingKind::Room]),
    ];
    let parts = (
        any_ids(vec![1, 2]),
        kinds,
        any_ids(vec![10, 11]),
        any_length(),
        any_length(),
        any::<(bool, bool, bool)>(),
    );
    parts.prop_map(
        |(offerings, kinds, locations, opens_before, closes_after, flags)| {
            let (whole_days, guests, applies_to_ongoing) = flags;
            Condition::Registration(RegistrationCondition {
                offerings,
                kinds,
                locations,
                opens_before,
                closes_after,
                span: if whole_days {
                    RegistrationSpan::Day
                } else {
                    RegistrationSpan::Booking
                },
                guests,
                applies_to_ongoing,
            })
        },
    )
}

fn any_schedule(scene: Scene) -> impl Strategy<Value = Condition> {
    let week = vec![
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];
    let day = || prop::option::weighted(0.3, -4..5_i64);
    // On the night of a clock change the hours near the change matter.
    let minute = || prop_oneof![0..=96_u16, 0..=16_u16, 92..=96_u16].prop_map(|it| it * 15);
    let parts = (
        prop::sample::subsequence(week, 1..=7),
        minute(),
        minute(),
        day(),
        day(),
        prop::bool::weighted(0.2),
    );
    let parts = parts.prop_filter("from and until differ", |parts| parts.1 != parts.2);
    parts.prop_map(
        move |(days, from_minute, until_minute, start, end, elsewhere)| {
            Condition::Schedule(ScheduleCondition {
                days,
                from_minute,
                until_minute,
                zone: if elsewhere {
                    TimeZone::get("Asia/Kolkata").unwrap()
                } else {
                    scene.zone.clone()
                },
                start_date: start.map(|it| scene.date(it)),
                end_date: end.map(|it| scene.date(it)),
            })
        },
    )
}
