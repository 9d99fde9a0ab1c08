//! Loads what a snapshot may end after everything that it lists was stored in slices: the people, companies and entitlements that
//! it leaves out. What it lists is not loaded again, so that the memory of a large snapshot depends on what it ends.

use std::collections::{BTreeSet, HashMap};

use entity::{
    company, entitlement_version,
    kind::{EntitlementKind, SourceAspect},
    person,
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::{
    WorkingSet, aspect_of, ended,
    load::{company_people, floors, people, take_versions},
};
use crate::{ClubScope, StoreError, bulk::select_by_ids, version::Version};

/// A snapshot whose lists are stored.
#[derive(Clone, Debug)]
pub struct StoredSnapshot {
    pub source: Uuid,
    pub version: Version,
    /// The aspects of which it is the latest snapshot, each with the version of the snapshot before it.
    pub before: HashMap<SourceAspect, Option<Version>>,
    /// The people that it lists; `None` if it has no list of members.
    pub persons: Option<BTreeSet<Uuid>>,
    /// The companies that it lists; `None` if it has no list of companies.
    pub companies: Option<BTreeSet<Uuid>>,
}

/// The ids of all people of a source.
pub async fn people_of(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: Uuid,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = scope
        .find::<person::Entity>()
        .filter(person::Column::SourceId.eq(source))
        .select_only()
        .column(person::Column::Id);
    Ok(ids.into_tuple().all(connection).await?)
}

/// Loads what the snapshot leaves out and may therefore end.
pub async fn load_unlisted(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    now: i64,
    snapshot: &StoredSnapshot,
) -> Result<WorkingSet, StoreError> {
    let mut set = WorkingSet::empty(scope, now);
    if let Some(listed) = &snapshot.persons {
        let mut others = people_of(connection, scope, snapshot.source).await?;
        others.retain(|id| !listed.contains(id));
        let all = scope.find_for_ids::<person::Entity>();
        set.take_persons(select_by_ids(connection, all, person::Column::Id, others).await?);
    }
    if let Some(listed) = &snapshot.companies {
        let all = scope
            .find::<company::Entity>()
            .filter(company::Column::SourceId.eq(snapshot.source));
        let mut others = all.all(connection).await?;
        others.retain(|company| !listed.contains(&company.id));
        set.take_companies(others);
    }
    floors(connection, &mut set).await?;
    let versions = versions(connection, &set, snapshot).await?;
    let reached = take_versions(connection, &mut set, versions).await?;
    // People who leave a source leave its companies too.
    let paired = company_people(connection, &mut set, snapshot.persons.is_some()).await?;
    let reached = reached.into_iter().chain(paired).collect();
    people(connection, &mut set, reached, &BTreeSet::new()).await?;
    Ok(set)
}

/// The current entitlement versions that may have ended, and those by which an unlisted person had something since the snapshot
/// before. Versions of this snapshot itself are not among them.
async fn versions(
    connection: &impl ConnectionTrait,
    set: &WorkingSet,
    snapshot: &StoredSnapshot,
) -> Result<Vec<entitlement_version::Model>, StoreError> {
    use entitlement_version::Column;
    let (at, key) = (snapshot.version.happened_at.micros(), &snapshot.version.key);
    let is_other = Condition::any()
        .add(Column::HappenedAt.ne(at))
        .add(Column::VersionKey.ne(key));
    let of_source = ended::current(set)
        .filter(Column::SourceId.eq(snapshot.source))
        .filter(is_other);
    let since = |before: &Option<Version>| {
        let start = before.as_ref().map(|before| before.happened_at.micros());
        Column::HappenedAt.gte(start.unwrap_or(i64::MIN))
    };
    let mut versions = Vec::new();
    let kinds = [
        EntitlementKind::Membership,
        EntitlementKind::Registration,
        EntitlementKind::Purchase,
    ];
    for kind in kinds {
        if let Some(before) = snapshot.before.get(&aspect_of(kind)) {
            let of_kind = of_source.clone().filter(Column::Kind.eq(kind));
            versions.extend(of_kind.filter(since(before)).all(connection).await?);
        }
    }
    if snapshot.persons.is_none() {
        return Ok(versions);
    }
    let members = SourceAspect::Members;
    // Another snapshot of the members may be later than this one.
    let later = || ended::floor(set, snapshot.source, members);
    let before = snapshot.before.get(&members).cloned().unwrap_or_else(later);
    if before.is_some() {
        versions.extend(of_source.filter(since(&before)).all(connection).await?);
    }
    let ours = set.persons.values();
    let others = ours.filter(|person| !person.guest_only);
    let others = others.map(|person| (person.id, before.clone())).collect();
    let leavers = ended::still_in(connection, set, others).await?;
    let theirs = ended::current(set);
    versions.extend(select_by_ids(connection, theirs, Column::PersonId, leavers).await?);
    Ok(versions)
}
