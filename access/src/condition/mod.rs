//! One condition against one member's facts: when it holds, by which entitlements, and what is
//! missing where it does not.
//!
//! Promises: each sort of condition is a file of its own that says both its spans and its misses,
//! so that the reasons cannot disagree with the answer. Never: knows about rules or targets. Called
//! by `evaluate` and `explain`.

mod membership;
mod purchase;
pub(crate) mod registration;
mod schedule;

pub use membership::holds_membership;

use std::{ptr, time::Duration};

use crate::{
    code::Code,
    fact::{Entitlement, Facts, Id},
    instant::Instant,
    rule::{Condition, TagCondition},
    span::{Span, SpanSet},
};

/// When one condition holds, and by what.
#[derive(Clone, Debug)]
pub struct ConditionAccess<'a> {
    /// The condition.
    pub condition: &'a Condition,
    /// When it holds.
    pub spans: SpanSet,
    /// Each entitlement that gives spans, with those it gives.
    pub because: Vec<(&'a Entitlement, SpanSet)>,
}

/// An entitlement that would make a condition hold, but for one thing.
#[derive(Clone, Debug)]
pub struct NearMiss<'a> {
    /// The entitlement.
    pub entitlement: &'a Entitlement,
    /// The one thing.
    pub code: Code,
    /// When it opens, for too early and not started; when it closed, for too late, ended and
    /// blocked.
    pub edge: Option<Instant>,
}

/// Which bookings a registration condition looks at.
#[derive(Copy, Clone)]
pub(crate) enum Bookings<'a> {
    /// All; but one that does not apply to ongoing bookings only those that began at this instant
    /// or later.
    Since(Instant),
    /// A single one.
    Only(&'a Entitlement),
}

/// Why a condition does not hold, by one entitlement or (with none) by the lack of any.
#[derive(Clone, Debug)]
pub(crate) struct Miss<'a> {
    pub entitlement: Option<&'a Entitlement>,
    pub code: Code,
    pub edge: Option<Instant>,
    /// How many things are wrong with the entitlement.
    pub wrong: u8,
    /// Microseconds between the instant asked for and the edge.
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

    fn by(self, entitlement: &'a Entitlement) -> Self {
        Self {
            entitlement: Some(entitlement),
            ..self
        }
    }

    /// The smaller, the nearer to holding. What lies more than a day away is hardly a matter of
    /// being early or late.
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

/// When `condition` holds. Schedule windows that overlap `around` are generated, whole.
pub(crate) fn hold<'a>(
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
                    Bookings::Only(one) => ptr::eq(one, entitlement),
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
            let spans = if is_borne(tag, facts) {
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

/// The entitlements that would make `condition` hold at `at` but for one thing, the nearest first.
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
                Some(NearMiss {
                    entitlement: entitlement?,
                    code,
                    edge,
                })
            },
        )
        .collect()
}

/// Why a condition that does not hold at `at` does not.
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

fn is_borne(condition: &TagCondition, facts: &Facts) -> bool {
    condition.tags.iter().any(|tag| facts.tags.contains(tag))
}

/// Whether the entitlement is of what the condition names; a list that names nothing asks for
/// nothing.
fn is_named(offerings: &[Id], locations: &[Id], entitlement: &Entitlement) -> bool {
    (offerings.is_empty() || offerings.contains(&entitlement.offering))
        && (locations.is_empty()
            || entitlement
                .location
                .is_some_and(|location| locations.contains(&location)))
}
