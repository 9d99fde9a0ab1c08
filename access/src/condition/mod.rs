//! Evaluates one condition against the facts of one member: when it holds, by which entitlements, and what is missing where it
//! fails.
//!
//! Each kind of condition has its own file with both its spans and its misses, so that reasons and results agree. Conditions know
//! nothing of rules or targets. Called by `evaluate` and `explain`.

mod membership;
mod purchase;
pub(crate) mod registration;
mod schedule;

pub use membership::has_active_membership;

use std::{ptr, time::Duration};

use crate::{
    code::Code,
    fact::{Entitlement, Facts, Holding, Id, RegistrationStatus},
    instant::Instant,
    rule::{Condition, TagCondition},
    span::{Span, SpanSet},
};

/// When one condition holds, and by which entitlements.
#[derive(Clone, Debug)]
pub struct ConditionAccess<'a> {
    /// The evaluated condition.
    pub condition: &'a Condition,
    /// When it holds.
    pub spans: SpanSet,
    /// The entitlements that satisfy it, each with its spans.
    pub because: Vec<(&'a Entitlement, SpanSet)>,
}

/// An entitlement that would satisfy a condition except for one thing.
#[derive(Clone, Debug)]
pub struct NearMiss<'a> {
    /// The entitlement that falls short.
    pub entitlement: &'a Entitlement,
    /// The thing that is wrong with it.
    pub code: Code,
    /// The relevant edge: when access begins, for too early and not started; when it ended, for too late, ended and blocked.
    pub edge: Option<Instant>,
    /// Whether it is a cancelled booking.
    pub is_cancelled: bool,
}

/// The bookings that a registration condition considers.
#[derive(Copy, Clone)]
pub(crate) enum Bookings<'a> {
    /// All bookings. A condition that does not apply to ongoing bookings considers only those that began at this instant or
    /// later.
    Since(Instant),
    /// A single booking.
    Single(&'a Entitlement),
}

/// Why a condition fails: because of one entitlement, or (`None`) because there is none.
#[derive(Clone, Debug)]
pub(crate) struct Miss<'a> {
    pub entitlement: Option<&'a Entitlement>,
    pub code: Code,
    pub edge: Option<Instant>,
    /// The number of things that are wrong with the entitlement.
    pub wrong: u8,
    /// Microseconds between the instant of the question and the edge.
    pub away: u64,
}

impl<'a> Miss<'a> {
    pub fn new(code: Code, edge: Option<Instant>, at: Instant) -> Self {
        let away = edge.map_or(0, |edge| edge.distance(at));
        Self {
            entitlement: None,
            code,
            edge,
            wrong: 1,
            away,
        }
    }

    /// The offering of the entitlement, where one misses.
    pub fn offering(&self) -> Option<Id> {
        self.entitlement.map(|entitlement| entitlement.offering)
    }

    /// Whether the entitlement is a cancelled booking.
    pub fn is_cancelled(&self) -> bool {
        self.entitlement.is_some_and(is_cancelled)
    }

    fn by(self, entitlement: &'a Entitlement) -> Self {
        Self {
            entitlement: Some(entitlement),
            ..self
        }
    }

    /// The sort key of a miss; smaller is nearer to holding. A booking more than a day away counts as another booking instead of
    /// an early or late arrival.
    pub fn effort(&self) -> (u8, u64) {
        let soon = self.away <= u64::try_from(Duration::from_hours(24).as_micros()).unwrap_or(0);
        let rank = match self.code {
            Code::AllowedByRule | Code::AllowedByShare | Code::OutsideSchedule => 0,
            Code::RegistrationNotConfirmed => 1,
            Code::MembershipBlocked => 2,
            Code::PurchaseNotValid => 3,
            Code::TooEarly | Code::TooLate if soon => 4,
            Code::TooEarly | Code::MembershipNotStarted => 5,
            Code::MembershipPaused => 6,
            Code::MembershipUsedUp => 7,
            Code::TooLate | Code::MembershipEnded => 8,
            Code::NoRegistration => 9,
            Code::NoPurchase => 10,
            Code::NoMembership => 11,
            Code::TagMissing => 12,
            Code::NoRule => 13,
            Code::Suspended => 14,
        };
        (rank, self.away)
    }
}

/// Computes when `condition` holds. Schedule windows that overlap `around` are generated in full.
pub(crate) fn evaluate_condition<'a>(
    condition: &'a Condition,
    facts: &'a Facts,
    bookings: Bookings<'_>,
    around: Span,
) -> ConditionAccess<'a> {
    let mut because: Vec<(&'a Entitlement, SpanSet)> = Vec::new();
    let mut give = |entitlement: &'a Entitlement, spans: SpanSet| {
        if !spans.is_empty() {
            because.push((entitlement, spans));
        }
    };
    match condition {
        Condition::Membership(membership) => {
            for entitlement in &facts.entitlements {
                give(entitlement, membership::spans(membership, entitlement));
            }
        }
        Condition::Registration(registration) => {
            for entitlement in &facts.entitlements {
                let looked_at = match bookings {
                    Bookings::Since(since) => {
                        registration.applies_to_ongoing || entitlement.span.from >= since
                    }
                    Bookings::Single(booking) => ptr::eq(booking, entitlement),
                };
                if looked_at && let Some(span) = registration::span(registration, entitlement) {
                    give(entitlement, SpanSet::from(span));
                }
            }
        }
        Condition::Purchase(purchase) => {
            for entitlement in &facts.entitlements {
                give(entitlement, purchase::spans(purchase, entitlement));
            }
        }
        Condition::Tag(tag) => {
            let spans = if has_tag(tag, facts) {
                SpanSet::always()
            } else {
                SpanSet::new()
            };
            return ConditionAccess {
                condition,
                spans,
                because,
            };
        }
        Condition::Schedule(schedule) => {
            let spans = schedule::spans(schedule, around);
            return ConditionAccess {
                condition,
                spans,
                because,
            };
        }
    }
    let spans = match because.as_slice() {
        [(_, only)] => only.clone(),
        all => SpanSet::of(all.iter().flat_map(|(_, spans)| spans).copied()),
    };
    ConditionAccess {
        condition,
        spans,
        because,
    }
}

/// The entitlements that would satisfy `condition` at `at` except for one thing, nearest first.
#[must_use]
pub fn near_misses<'a>(
    condition: &'a Condition,
    facts: &'a Facts,
    at: Instant,
) -> Vec<NearMiss<'a>> {
    let mut misses = misses(condition, facts, at);
    misses.retain(|miss| miss.wrong == 1);
    misses.sort_by_key(Miss::effort);
    misses
        .into_iter()
        .filter_map(
            |Miss {
                 entitlement,
                 code,
                 edge,
                 ..
             }| {
                let entitlement = entitlement?;
                Some(NearMiss {
                    is_cancelled: is_cancelled(entitlement),
                    entitlement,
                    code,
                    edge,
                })
            },
        )
        .collect()
}

/// The best explanation of why a condition fails at `at`.
pub(crate) fn nearest_miss<'a>(
    held: &ConditionAccess<'a>,
    facts: &'a Facts,
    at: Instant,
) -> Miss<'a> {
    let by_entitlement = misses(held.condition, facts, at)
        .into_iter()
        .min_by_key(|miss| (miss.wrong, miss.effort()));
    by_entitlement.unwrap_or_else(|| {
        let (code, edge) = match held.condition {
            Condition::Membership(_) => (Code::NoMembership, None),
            Condition::Registration(_) => (Code::NoRegistration, None),
            Condition::Purchase(_) => (Code::NoPurchase, None),
            Condition::Tag(_) => (Code::TagMissing, None),
            Condition::Schedule(_) => (Code::OutsideSchedule, held.spans.next_edge_after(at)),
        };
        Miss::new(code, edge, at)
    })
}

fn misses<'a>(condition: &Condition, facts: &'a Facts, at: Instant) -> Vec<Miss<'a>> {
    let miss_of = |entitlement: &'a Entitlement| {
        let miss = match condition {
            Condition::Membership(condition) => membership::miss(condition, entitlement, at),
            Condition::Registration(condition) => registration::miss(condition, entitlement, at),
            Condition::Purchase(condition) => purchase::miss(condition, entitlement, at),
            Condition::Tag(_) | Condition::Schedule(_) => None,
        };
        miss.map(|miss| miss.by(entitlement))
    };
    facts.entitlements.iter().filter_map(miss_of).collect()
}

fn is_cancelled(entitlement: &Entitlement) -> bool {
    matches!(
        entitlement.holding,
        Holding::Registration {
            status: RegistrationStatus::Cancelled,
            ..
        }
    )
}

fn has_tag(condition: &TagCondition, facts: &Facts) -> bool {
    condition.tags.iter().any(|tag| facts.tags.contains(tag))
}

/// Whether the entitlement has one of the offerings and one of the locations; an empty list accepts all.
fn is_selected(offerings: &[Id], locations: &[Id], entitlement: &Entitlement) -> bool {
    (offerings.is_empty() || offerings.contains(&entitlement.offering))
        && (locations.is_empty()
            || entitlement
                .location
                .is_some_and(|location| locations.contains(&location)))
}
