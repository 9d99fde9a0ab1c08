//! Notes that a member opened a door for a registration, for platforms that are told of it. The note is written by the
//! transaction that stores the unlock; the loop of the platforms' readers sends it, so that an unlock never waits for a platform.
//! Called for unlock requests and for Kisi's events.

use std::time::Duration;

use access::{
    Access, Entitlement, Holding, Instant, OfferingKind, RegistrationStatus, Target, Via,
};
use uuid::Uuid;

use crate::{
    clock::new_id,
    decide::{MemberDecisions, around},
    store::{
        ClubScope, Connection, StoreError, check_ins,
        convert::{id, row_id},
        facts::AsOf,
        row::{CheckIn, CheckInState},
    },
};

/// How long before its start somebody comes for a registration.
const BEFORE: Duration = Duration::from_secs(30 * 60);

/// Notes the check-in of a member who opened a lock at an instant, if a source of the club is told of check-ins and a registration
/// of the member there opens this door. One that has a check-in leaves the note to the next registration.
pub async fn note(
    tx: &impl Connection,
    scope: ClubScope,
    member: Uuid,
    lock: Uuid,
    at: Instant,
) -> Result<(), StoreError> {
    let sources = check_ins::sources(tx, scope).await?;
    if sources.is_empty() {
        return Ok(());
    }
    let mut decisions = MemberDecisions::load(tx, scope, &[member], AsOf::Now).await?;
    let Some(holdings) = decisions.holdings.remove(&member) else {
        return Ok(());
    };
    let target = Target::Lock(id(lock));
    let access = decisions
        .access_context
        .access(&holdings.facts, target, around(at));
    let attended: Vec<Uuid> = attended(&access, at)
        .iter()
        .map(|registration| row_id(registration.id))
        .collect();
    let noted = check_ins::noted(tx, scope, &attended).await?;
    let is_new = |entitlement: &&Uuid| !noted.contains(entitlement);
    let version = |entitlement: &Uuid| {
        let held = holdings.held.iter();
        let mut versions = held.map(|held| &held.version);
        versions.find(|version| {
            version.entitlement_id == *entitlement && sources.contains(&version.source_id)
        })
    };
    let Some(version) = attended.iter().filter(is_new).find_map(version) else {
        return Ok(());
    };
    let row = CheckIn {
        id: new_id(),
        club_id: scope.club,
        source_id: version.source_id,
        entitlement_id: version.entitlement_id,
        external_id: version.external_id.clone(),
        member_id: member,
        lock_id: lock,
        opened_at: at.micros(),
        state: CheckInState::Waiting,
        due_at: at.micros(),
        attempts: 0,
        tried_at: None,
        problem_kind: None,
    };
    check_ins::add(tx, row).await
}

/// The member's own classes and appointments that go on at an instant or start soon, and by which a rule opens the door then;
/// earliest first.
fn attended<'a>(access: &Access<'a>, at: Instant) -> Vec<&'a Entitlement> {
    let rules = access.rules.iter();
    let holding = rules.filter(|rule| rule.can_hold && rule.spans.contains(at));
    let because = holding.flat_map(|rule| {
        let conditions = rule.conditions.iter();
        let by_conditions = conditions.flat_map(|condition| &condition.because);
        by_conditions.chain(&rule.ongoing)
    });
    let mut attended: Vec<&Entitlement> = because
        .map(|(entitlement, _)| *entitlement)
        .filter(|entitlement| is_attended(entitlement, at))
        .collect();
    attended.sort_by_key(|entitlement| (entitlement.span.from, entitlement.id));
    attended.dedup_by_key(|entitlement| entitlement.id);
    attended
}

fn is_attended(entitlement: &Entitlement, at: Instant) -> bool {
    let is_kind = matches!(
        entitlement.holding,
        Holding::Registration {
            kind: OfferingKind::Class | OfferingKind::Appointment,
            status: RegistrationStatus::Confirmed,
        }
    );
    let span = entitlement.span;
    is_kind && entitlement.via == Via::Own && span.from.minus(BEFORE) <= at && at < span.until
}

#[cfg(test)]
mod tests {
    use access::{Id, Span};
    use jiff::tz::TimeZone;

    use super::*;

    fn class(from_s: i64, until_s: i64) -> Entitlement {
        let at = |s: i64| Instant::from_micros(s * 1_000_000);
        Entitlement {
            id: Id(1),
            offering: Id(2),
            location: None,
            via: Via::Own,
            span: Span::new(at(from_s), at(until_s)),
            zone: TimeZone::UTC,
            holding: Holding::Registration {
                kind: OfferingKind::Class,
                status: RegistrationStatus::Confirmed,
            },
        }
    }

    #[test]
    fn a_class_is_attended_from_half_an_hour_before_its_start_until_its_end() {
        let at = |s: i64| Instant::from_micros(s * 1_000_000);
        let class = class(10_000, 13_600);
        for (s, attended) in [
            (8_199, false),
            (8_200, true),
            (10_000, true),
            (13_599, true),
            (13_600, false),
        ] {
            assert_eq!(is_attended(&class, at(s)), attended, "{s}");
        }
    }

    #[test]
    fn guests_courses_and_unconfirmed_registrations_are_not_checked_in() {
        let at = Instant::from_micros(11_000_000_000);
        let class = class(10_000, 13_600);
        let guest = Entitlement {
            via: Via::Guest,
            ..class.clone()
        };
        let of = |kind, status| Entitlement {
            holding: Holding::Registration { kind, status },
            ..class.clone()
        };
        let confirmed = RegistrationStatus::Confirmed;
        assert!(is_attended(&of(OfferingKind::Appointment, confirmed), at));
        for other in [
            guest,
            of(OfferingKind::Course, confirmed),
            of(OfferingKind::Class, RegistrationStatus::Waitlisted),
            of(OfferingKind::Class, RegistrationStatus::Cancelled),
        ] {
            assert!(!is_attended(&other, at), "{other:?}");
        }
    }
}
