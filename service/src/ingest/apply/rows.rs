//! Builds version rows: each with its owner, the time at the source, the time of receipt, and the delivery.

use uuid::Uuid;

use super::Apply;
use crate::{
    clock::new_id,
    store::row::{
        CompanyAspect, CompanyPerson, CompanyVersion, EntitlementKind, EntitlementPerson,
        EntitlementVersion, Part, PersonAspect, PersonVersion, SourceAspect, SourceVersion,
    },
};

pub fn person_version(
    apply: &Apply<'_>,
    person_id: Uuid,
    aspect: PersonAspect,
    value: Option<String>,
) -> PersonVersion {
    PersonVersion {
        id: new_id(),
        club_id: apply.set.scope.club,
        person_id,
        aspect,
        email: value.clone().filter(|_| aspect == PersonAspect::Email),
        value,
        happened_at: apply.version.happened_at.micros(),
        version_key: apply.version.key.clone(),
        learned_at: apply.set.now,
        superseded_at: None,
        delivery_id: apply.delivery,
        repeats: None,
    }
}

pub fn company_version(
    apply: &Apply<'_>,
    company_id: Uuid,
    aspect: CompanyAspect,
    value: Option<String>,
) -> CompanyVersion {
    CompanyVersion {
        id: new_id(),
        club_id: apply.set.scope.club,
        company_id,
        aspect,
        value,
        happened_at: apply.version.happened_at.micros(),
        version_key: apply.version.key.clone(),
        learned_at: apply.set.now,
        superseded_at: None,
        delivery_id: apply.delivery,
    }
}

pub fn company_person(
    apply: &Apply<'_>,
    company_id: Uuid,
    person_id: Uuid,
    present: bool,
) -> CompanyPerson {
    CompanyPerson {
        id: new_id(),
        club_id: apply.set.scope.club,
        company_id,
        person_id,
        present,
        happened_at: apply.version.happened_at.micros(),
        version_key: apply.version.key.clone(),
        learned_at: apply.set.now,
        superseded_at: None,
        delivery_id: apply.delivery,
    }
}

/// The row that records a snapshot of everything of one kind.
pub fn source_version(apply: &Apply<'_>, source_id: Uuid, aspect: SourceAspect) -> SourceVersion {
    SourceVersion {
        id: new_id(),
        club_id: apply.set.scope.club,
        source_id,
        aspect,
        happened_at: apply.version.happened_at.micros(),
        version_key: apply.version.key.clone(),
        learned_at: apply.set.now,
        superseded_at: None,
        delivery_id: apply.delivery,
    }
}

/// A version of an entitlement with only its identity and version set.
pub fn entitlement_version(
    apply: &Apply<'_>,
    source_id: Uuid,
    (entitlement_id, external_id): (Uuid, &str),
    kind: EntitlementKind,
) -> EntitlementVersion {
    EntitlementVersion {
        id: new_id(),
        club_id: apply.set.scope.club,
        source_id,
        entitlement_id,
        external_id: external_id.to_owned(),
        kind,
        status: String::new(),
        offering_id: None,
        offering_kind: None,
        location_id: None,
        person_id: None,
        company_id: None,
        starts_at: None,
        starts_on: None,
        ends_at: None,
        ends_on: None,
        block_reason: None,
        block_since: None,
        deleted: false,
        happened_at: apply.version.happened_at.micros(),
        version_key: apply.version.key.clone(),
        learned_at: apply.set.now,
        superseded_at: None,
        delivery_id: apply.delivery,
        repeats: None,
    }
}

/// The rows of the people with a share and the guests of a version.
pub fn beside(
    apply: &Apply<'_>,
    version_id: Uuid,
    people: &[(Uuid, Part)],
) -> Vec<EntitlementPerson> {
    let club_id = apply.set.scope.club;
    people
        .iter()
        .map(|(person_id, part)| EntitlementPerson {
            version_id,
            person_id: *person_id,
            club_id,
            part: *part,
        })
        .collect()
}
