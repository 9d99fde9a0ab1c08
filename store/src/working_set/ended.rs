//! Loads what the snapshots and deletions of a batch may end: current entitlement versions, and people that a snapshot does
//! not list. What an earlier snapshot has already ended is not loaded, so that the cost depends on the size of the roster
//! and not on its history. Called by `load`.

use crate::bulk::select_by_ids;
use std::collections::{HashMap, HashSet};

use entity::{
    entitlement_version,
    kind::{EntitlementKind, PersonAspect, SourceAspect},
    person_version,
};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, Select};
use uuid::Uuid;

use super::{Versioned, WorkingSet, load::Keys};
use crate::{StoreError, version::Version};

/// The aspect of a source that a complete list of this kind covers.
pub fn aspect_of(kind: EntitlementKind) -> SourceAspect {
    match kind {
        EntitlementKind::Membership => SourceAspect::Memberships,
        EntitlementKind::Registration => SourceAspect::Registrations,
        EntitlementKind::Purchase => SourceAspect::Purchases,
    }
}

/// The entitlement versions that the batch may end. `set` must already hold the people, companies and watermarks.
pub async fn versions(
    connection: &impl ConnectionTrait,
    set: &WorkingSet,
    keys: &Keys,
) -> Result<Vec<entitlement_version::Model>, StoreError> {
    use entitlement_version::Column;
    let mut versions = Vec::new();
    for (source, roster) in &keys.snapshots {
        let of_source = current(set).filter(Column::SourceId.eq(*source));
        let kinds = [
            EntitlementKind::Membership,
            EntitlementKind::Registration,
            EntitlementKind::Purchase,
        ];
        for kind in kinds {
            let aspect = aspect_of(kind);
            if roster.aspects.contains(&aspect) {
                let mut of_kind = of_source.clone().filter(Column::Kind.eq(kind));
                if let Some(floor) = floor(set, *source, aspect) {
                    of_kind = of_kind.filter(Column::HappenedAt.gte(floor.happened_at.micros()));
                }
                versions.extend(of_kind.all(connection).await?);
            }
        }
        let members = floor(set, *source, SourceAspect::Members);
        if let (Some(_), Some(floor)) = (&roster.listed, members) {
            let since = of_source.filter(Column::HappenedAt.gte(floor.happened_at.micros()));
            versions.extend(since.all(connection).await?);
        }
    }
    let leavers = leavers(connection, set, keys).await?;
    versions.extend(select_by_ids(connection, current(set), Column::PersonId, leavers).await?);
    Ok(versions)
}

pub(super) fn current(set: &WorkingSet) -> Select<entitlement_version::Entity> {
    set.scope
        .find::<entitlement_version::Entity>()
        .filter(entitlement_version::Column::SupersededAt.is_null())
        .filter(entitlement_version::Column::Deleted.eq(false))
}

pub(super) fn floor(set: &WorkingSet, source: Uuid, aspect: SourceAspect) -> Option<Version> {
    set.floors
        .current(&(source, aspect))
        .map(Versioned::version)
}

/// People that the batch deletes, and people that its lists of members omit and that were not already ended.
async fn leavers(
    connection: &impl ConnectionTrait,
    set: &WorkingSet,
    keys: &Keys,
) -> Result<HashSet<Uuid>, StoreError> {
    let mut leavers: HashSet<Uuid> = HashSet::new();
    for (source, gone) in &keys.deleted_persons {
        let ids = gone
            .iter()
            .filter_map(|id| set.person_ids.get(&(Some(*source), id.clone())));
        leavers.extend(ids);
    }
    let mut unlisted: HashMap<Uuid, Option<Version>> = HashMap::new();
    for person in set.persons.values() {
        let Some(source) = person.source_id else {
            continue;
        };
        let listed = keys
            .snapshots
            .get(&source)
            .and_then(|roster| roster.listed.as_ref());
        if listed.is_some_and(|listed| !listed.contains(&person.external_id)) && !person.guest_only
        {
            unlisted.insert(person.id, floor(set, source, SourceAspect::Members));
        }
    }
    leavers.extend(still_in(connection, set, unlisted).await?);
    Ok(leavers)
}

/// Those people that no deletion and no snapshot has ended at or after the version beside them.
pub(super) async fn still_in(
    connection: &impl ConnectionTrait,
    set: &WorkingSet,
    mut unlisted: HashMap<Uuid, Option<Version>>,
) -> Result<HashSet<Uuid>, StoreError> {
    if unlisted.is_empty() {
        return Ok(HashSet::new());
    }
    let ends = set
        .scope
        .find_for_ids::<person_version::Entity>()
        .filter(person_version::Column::SupersededAt.is_null())
        .filter(
            person_version::Column::Aspect
                .is_in([PersonAspect::Deleted, PersonAspect::AbsentFromSnapshot]),
        );
    let ids = unlisted.keys().copied();
    for end in select_by_ids(connection, ends, person_version::Column::PersonId, ids).await? {
        let floor = unlisted.get(&end.person_id).and_then(Option::as_ref);
        if floor.is_some_and(|floor| end.version() >= *floor) {
            unlisted.remove(&end.person_id);
        }
    }
    Ok(unlisted.into_keys().collect())
}

/// The memberships with any version, current or superseded, that reported a block. Covers only memberships that a late version
/// can affect: those whose current version happened at or after the oldest event of the batch, and all if the batch itself has
/// a later event before an earlier one.
pub async fn ever_blocked(
    connection: &impl ConnectionTrait,
    set: &WorkingSet,
    keys: &Keys,
) -> Result<HashSet<Uuid>, StoreError> {
    use entitlement_version::Column;
    let Some(oldest) = keys.oldest else {
        return Ok(HashSet::new());
    };
    let later = set
        .entitlement_versions
        .all_current()
        .map(|(_, version_row)| version_row)
        .filter(|version_row| version_row.kind == EntitlementKind::Membership)
        .filter(|version_row| keys.out_of_order || version_row.happened_at >= oldest.micros())
        .map(|version_row| version_row.entitlement_id);
    let blocked = set
        .scope
        .find_for_ids::<entitlement_version::Entity>()
        .filter(Column::BlockSince.is_not_null());
    let rows = select_by_ids(connection, blocked, Column::EntitlementId, later).await?;
    Ok(rows.into_iter().map(|row| row.entitlement_id).collect())
}
