//! Reads what the snapshots and deletions of a batch may end: what stands, and whom they do not name. Whatever an earlier
//! snapshot has ended already is left where it is, so that the work is that of the roster and not of its history.

use std::collections::{HashMap, HashSet};

use access::Instant;
use entity::{
    entitlement_version,
    kind::{EntitlementKind, PersonAspect, SourceAspect},
    person_version,
};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, Select};
use uuid::Uuid;

use super::{
    Versioned, WorkingSet,
    load::{Keys, among},
};
use crate::{ingest::statement::Version, store::StoreError};

/// Of what a snapshot names everything that there is.
pub fn aspect_of(kind: EntitlementKind) -> SourceAspect {
    match kind {
        EntitlementKind::Membership => SourceAspect::Memberships,
        EntitlementKind::Registration => SourceAspect::Registrations,
        EntitlementKind::Purchase => SourceAspect::Purchases,
    }
}

/// The versions that may be ended; people, companies and floors are loaded.
pub async fn versions(
    connection: &impl ConnectionTrait,
    set: &WorkingSet,
    keys: &Keys,
) -> Result<Vec<entitlement_version::Model>, StoreError> {
    use entitlement_version::Column;
    let mut found = Vec::new();
    for (source, roster) in &keys.snapshots {
        let of_source = standing(set).filter(Column::SourceId.eq(*source));
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
                found.extend(of_kind.all(connection).await?);
            }
        }
        let members = floor(set, *source, SourceAspect::Members);
        if let (Some(_), Some(floor)) = (&roster.listed, members) {
            let since = of_source.filter(Column::HappenedAt.gte(floor.happened_at.micros()));
            found.extend(since.all(connection).await?);
        }
    }
    let leavers = leavers(connection, set, keys).await?;
    found.extend(among(connection, standing(set), Column::PersonId, leavers).await?);
    Ok(found)
}

fn standing(set: &WorkingSet) -> Select<entitlement_version::Entity> {
    set.scope
        .find::<entitlement_version::Entity>()
        .filter(entitlement_version::Column::SupersededAt.is_null())
        .filter(entitlement_version::Column::Deleted.eq(false))
}

fn floor(set: &WorkingSet, source: Uuid, aspect: SourceAspect) -> Option<Version> {
    set.floors
        .standing(&(source, aspect))
        .map(Versioned::version)
}

/// People who are deleted, and those whom a list does not name though they were not out before.
async fn leavers(
    connection: &impl ConnectionTrait,
    set: &WorkingSet,
    keys: &Keys,
) -> Result<HashSet<Uuid>, StoreError> {
    let mut leavers: HashSet<Uuid> = HashSet::new();
    for (source, gone) in &keys.gone {
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
    if unlisted.is_empty() {
        return Ok(leavers);
    }
    let ends = set
        .scope
        .among::<person_version::Entity>()
        .filter(person_version::Column::SupersededAt.is_null())
        .filter(
            person_version::Column::Aspect.is_in([PersonAspect::Deleted, PersonAspect::Unlisted]),
        );
    let ids = unlisted.keys().copied();
    for end in among(connection, ends, person_version::Column::PersonId, ids).await? {
        let floor = unlisted.get(&end.person_id).and_then(Option::as_ref);
        if floor.is_some_and(|floor| end.version() >= *floor) {
            unlisted.remove(&end.person_id);
        }
    }
    leavers.extend(unlisted.into_keys());
    Ok(leavers)
}

/// Memberships, among those of which a late word may come, of which any version ever told of a block.
pub async fn ever_blocked(
    connection: &impl ConnectionTrait,
    set: &WorkingSet,
    oldest: Option<Instant>,
) -> Result<HashSet<Uuid>, StoreError> {
    use entitlement_version::Column;
    let Some(oldest) = oldest else {
        return Ok(HashSet::new());
    };
    let later = set
        .entitlement_words
        .all_standing()
        .map(|(_, word)| word)
        .filter(|word| word.kind == EntitlementKind::Membership)
        .filter(|word| word.happened_at >= oldest.micros())
        .map(|word| word.entitlement_id);
    let blocked = set
        .scope
        .among::<entitlement_version::Entity>()
        .filter(Column::BlockSince.is_not_null());
    let rows = among(connection, blocked, Column::EntitlementId, later).await?;
    Ok(rows.into_iter().map(|row| row.entitlement_id).collect())
}
