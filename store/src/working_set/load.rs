//! Loads everything that a batch of statements may touch: the entities that they refer to, their current versions, the other
//! people that those reach, and everybody who ever had one of their e-mails. Queries are shared by the whole batch; following
//! e-mails takes one round of queries per step.

use crate::bulk::{select_by_ids, select_by_texts};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use access::Instant;
use entity::{
    company, company_person, company_version, entitlement, entitlement_person, entitlement_version,
    kind::{EntitlementKind, PersonAspect, SourceAspect},
    location, member, offering, person, person_version, source_version,
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{CompanyPeople, Versioned, VersionedRows, WorkingSet, ended};
use crate::{ClubScope, StoreError, repeats, scope::OfClub, sources};

/// The entities that the statements of a batch refer to, by source and the source's ids.
#[derive(Debug, Default)]
pub struct Keys {
    /// People. `None` as source: entered by hand.
    pub persons: BTreeMap<Option<Uuid>, BTreeSet<String>>,
    pub companies: BTreeMap<Uuid, BTreeSet<String>>,
    /// Entitlements of any kind.
    pub entitlements: BTreeMap<Uuid, BTreeSet<String>>,
    /// Offerings of any kind.
    pub offerings: BTreeMap<Uuid, BTreeSet<String>>,
    pub locations: BTreeMap<Uuid, BTreeSet<String>>,
    pub emails: BTreeSet<String>,
    /// Whether to load the companies that the people are in.
    pub pairs: bool,
    /// People that the statements delete.
    pub deleted_persons: BTreeMap<Uuid, BTreeSet<String>>,
    pub snapshots: BTreeMap<Uuid, Roster>,
    /// Sources whose people are all loaded.
    pub everybody_of: BTreeSet<Uuid>,
    /// When the oldest event of the batch happened; `None` if none of the events can be late.
    pub oldest: Option<Instant>,
    /// Whether an event of the batch may be older than one before it, so that it is late although nothing stored is newer.
    pub out_of_order: bool,
}

/// The content of a source's snapshots in the batch.
#[derive(Debug, Default)]
pub struct Roster {
    /// The aspects that they list completely.
    pub aspects: HashSet<SourceAspect>,
    /// The ids that all of their lists of members have in common; `None` if there is no such list.
    pub listed: Option<BTreeSet<String>>,
}

/// Loads the working set of a club's part of a batch.
pub async fn load(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    now: i64,
    keys: &Keys,
) -> Result<WorkingSet, StoreError> {
    let mut set = WorkingSet::empty(scope, now);
    offerings_and_locations(connection, &mut set, keys).await?;
    let named = by_source::<person::Entity, _>(
        connection,
        scope,
        person::Column::SourceId,
        person::Column::ExternalId,
        &keys.persons,
    )
    .await?;
    set.take_persons(named);
    // A complete list of members or companies affects every one of the source, listed or not. A complete list of memberships
    // ends older versions of people's memberships.
    let of = |aspect| {
        let rosters = keys.snapshots.iter();
        rosters
            .filter(move |(_, roster)| roster.aspects.contains(&aspect))
            .map(|(source, _)| *source)
    };
    let (everybody, source) = (
        scope.find_for_ids::<person::Entity>(),
        person::Column::SourceId,
    );
    let mut sources: BTreeSet<Uuid> = of(SourceAspect::Members).collect();
    sources.extend(of(SourceAspect::Memberships));
    sources.extend(&keys.everybody_of);
    let everybody = select_by_ids(connection, everybody, source, sources).await?;
    set.take_persons(everybody);
    let (all, source) = (
        scope.find_for_ids::<company::Entity>(),
        company::Column::SourceId,
    );
    let all = select_by_ids(connection, all, source, of(SourceAspect::Companies)).await?;
    set.take_companies(all);
    floors(connection, &mut set).await?;
    let reached = entitlements(connection, &mut set, keys).await?;
    let paired = companies(connection, &mut set, keys).await?;
    let reached = reached.into_iter().chain(paired).collect();
    people(connection, &mut set, reached, &keys.emails).await?;
    set.ever_blocked = ended::ever_blocked(connection, &set, keys).await?;
    Ok(set)
}

/// Loads these people, everybody who ever had one of their e-mails, and their members: what the resolution of their identities
/// reads.
pub async fn load_people(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    now: i64,
    persons: Vec<Uuid>,
) -> Result<WorkingSet, StoreError> {
    let mut set = WorkingSet::empty(scope, now);
    floors(connection, &mut set).await?;
    people(connection, &mut set, persons, &BTreeSet::new()).await?;
    Ok(set)
}

/// Loads the snapshot watermarks and removals of all sources, because people of any source may have one of the e-mails.
pub(super) async fn floors(
    connection: &impl ConnectionTrait,
    set: &mut WorkingSet,
) -> Result<(), StoreError> {
    let removals = sources::removals(connection, set.scope).await?;
    let current = set
        .scope
        .find_for_ids::<source_version::Entity>()
        .filter(source_version::Column::SupersededAt.is_null());
    let of_source = source_version::Column::SourceId;
    let rows = select_by_ids(connection, current, of_source, removals.keys().copied()).await?;
    set.floors = version_rows(rows, |row| (row.source_id, row.aspect));
    let removed = removals.into_iter();
    set.removed_sources = removed.filter_map(|(id, at)| Some((id, at?))).collect();
    Ok(())
}

impl WorkingSet {
    pub(super) fn take_companies(&mut self, rows: Vec<company::Model>) {
        for row in rows {
            self.company_ids
                .insert((row.source_id, row.external_id.clone()), row.id);
            self.companies.insert(row.id, row);
        }
    }

    pub(super) fn take_persons(&mut self, rows: Vec<person::Model>) {
        for row in rows {
            self.person_ids
                .insert((row.source_id, row.external_id.clone()), row.id);
            self.persons.insert(row.id, row);
        }
    }
}

/// Loads offerings and locations, which have no versions.
async fn offerings_and_locations(
    connection: &impl ConnectionTrait,
    set: &mut WorkingSet,
    keys: &Keys,
) -> Result<(), StoreError> {
    let offerings = by_source::<offering::Entity, _>(
        connection,
        set.scope,
        offering::Column::SourceId,
        offering::Column::ExternalId,
        &keys.offerings,
    )
    .await?;
    let key = |o: &offering::Model| (o.source_id, o.kind, o.external_id.clone());
    set.offerings = offerings.into_iter().map(|row| (key(&row), row)).collect();
    let locations = by_source::<location::Entity, _>(
        connection,
        set.scope,
        location::Column::SourceId,
        location::Column::ExternalId,
        &keys.locations,
    )
    .await?;
    set.locations = locations
        .into_iter()
        .map(|row| ((row.source_id, row.external_id.clone()), row))
        .collect();
    Ok(())
}

/// Loads entitlements and their versions. Returns the ids of the people that the versions reach.
async fn entitlements(
    connection: &impl ConnectionTrait,
    set: &mut WorkingSet,
    keys: &Keys,
) -> Result<Vec<Uuid>, StoreError> {
    let scope = set.scope;
    let rows = by_source::<entitlement::Entity, _>(
        connection,
        scope,
        entitlement::Column::SourceId,
        entitlement::Column::ExternalId,
        &keys.entitlements,
    )
    .await?;
    let key = |e: &entitlement::Model| (e.source_id, e.kind, e.external_id.clone());
    set.entitlement_ids = rows.iter().map(|row| (key(row), row.id)).collect();
    let mut versions = select_by_ids(
        connection,
        scope
            .find_for_ids::<entitlement_version::Entity>()
            .filter(entitlement_version::Column::SupersededAt.is_null()),
        entitlement_version::Column::EntitlementId,
        rows.iter().map(|row| row.id),
    )
    .await?;
    versions.extend(ended::versions(connection, set, keys).await?);
    take_versions(connection, set, versions).await
}

/// Takes current versions of entitlements, and loads who is in them beside their holders. Returns the people that they reach.
pub(super) async fn take_versions(
    connection: &impl ConnectionTrait,
    set: &mut WorkingSet,
    mut versions: Vec<entitlement_version::Model>,
) -> Result<Vec<Uuid>, StoreError> {
    let mut seen: HashSet<Uuid> = HashSet::new();
    versions.retain(|version| seen.insert(version.id));
    let with_others = versions
        .iter()
        .filter(|v| v.kind != EntitlementKind::Purchase)
        .map(|v| v.id);
    let beside = select_by_ids(
        connection,
        set.scope.find_for_ids::<entitlement_person::Entity>(),
        entitlement_person::Column::VersionId,
        with_others,
    )
    .await?;
    let mut reached: Vec<Uuid> = versions
        .iter()
        .filter_map(|version| version.person_id)
        .collect();
    for row in beside {
        reached.push(row.person_id);
        set.beside.entry(row.version_id).or_default().push(row);
    }
    set.entitlement_versions = version_rows(versions, |row| row.entitlement_id);
    Ok(reached)
}

/// Loads companies, their versions and their people. Returns the ids of those people.
async fn companies(
    connection: &impl ConnectionTrait,
    set: &mut WorkingSet,
    keys: &Keys,
) -> Result<Vec<Uuid>, StoreError> {
    let scope = set.scope;
    let rows = by_source::<company::Entity, _>(
        connection,
        scope,
        company::Column::SourceId,
        company::Column::ExternalId,
        &keys.companies,
    )
    .await?;
    set.take_companies(rows);
    company_people(connection, set, keys.pairs).await
}

/// Loads the versions and the people of the set's companies and of those that hold one of its entitlements. `of_persons`: also
/// the companies that its people are in. Returns the ids of the people.
pub(super) async fn company_people(
    connection: &impl ConnectionTrait,
    set: &mut WorkingSet,
    of_persons: bool,
) -> Result<Vec<Uuid>, StoreError> {
    let scope = set.scope;
    let holders = set
        .entitlement_versions
        .all_current()
        .filter_map(|(_, version_row)| version_row.company_id);
    let ids: HashSet<Uuid> = set.companies.keys().copied().chain(holders).collect();
    if ids.is_empty() && !of_persons {
        return Ok(Vec::new());
    }
    let current = scope
        .find_for_ids::<company_version::Entity>()
        .filter(company_version::Column::SupersededAt.is_null());
    let versions = select_by_ids(
        connection,
        current,
        company_version::Column::CompanyId,
        ids.iter().copied(),
    )
    .await?;
    set.company_versions = version_rows(versions, |row| (row.company_id, row.aspect));
    let persons = set.persons.keys().copied().filter(|_| of_persons);
    let current = scope
        .find_for_ids::<company_person::Entity>()
        .filter(company_person::Column::SupersededAt.is_null());
    let of_company = company_person::Column::CompanyId;
    let mut pairs = select_by_ids(connection, current.clone(), of_company, ids).await?;
    let of_person = company_person::Column::PersonId;
    pairs.extend(select_by_ids(connection, current, of_person, persons).await?);
    let reached = pairs.iter().map(|pair| pair.person_id).collect();
    set.pairs = CompanyPeople::new(pairs);
    Ok(reached)
}

/// Loads the people, everybody who ever had one of their e-mails, the versions of all these, and their members.
pub(super) async fn people(
    connection: &impl ConnectionTrait,
    set: &mut WorkingSet,
    reached: Vec<Uuid>,
    emails: &BTreeSet<String>,
) -> Result<(), StoreError> {
    let scope = set.scope;
    let missing = reached
        .into_iter()
        .filter(|id| !set.persons.contains_key(id))
        .collect::<HashSet<_>>();
    let rows = select_by_ids(
        connection,
        scope.find_for_ids::<person::Entity>(),
        person::Column::Id,
        missing,
    )
    .await?;
    set.take_persons(rows);
    // Identity depends on current and past e-mails: follow them until no new person appears.
    let (mut queried, mut loaded): (BTreeSet<String>, HashSet<Uuid>) = Default::default();
    let mut emails = emails.clone();
    loop {
        let bearers = scope.find::<person_version::Entity>();
        let owners: Vec<person_version::Model> = select_by_texts(
            connection,
            scope,
            bearers,
            person_version::Column::Email,
            &emails,
        )
        .await?;
        queried.append(&mut emails);
        let new: HashSet<Uuid> = owners
            .iter()
            .map(|w| w.person_id)
            .filter(|id| !set.persons.contains_key(id))
            .collect();
        let rows = select_by_ids(
            connection,
            scope.find_for_ids::<person::Entity>(),
            person::Column::Id,
            new,
        )
        .await?;
        set.take_persons(rows);
        let unloaded: Vec<Uuid> = set
            .persons
            .keys()
            .copied()
            .filter(|id| loaded.insert(*id))
            .collect();
        let theirs = load_person_versions(connection, set, unloaded).await?;
        emails.extend(theirs.into_iter().filter(|email| !queried.contains(email)));
        if emails.is_empty() {
            break;
        }
    }
    let members: HashSet<Uuid> = set
        .persons
        .values()
        .map(|person| person.member_id)
        .collect();
    let rows = select_by_ids(
        connection,
        scope.find_for_ids::<member::Entity>(),
        member::Column::Id,
        members,
    )
    .await?;
    set.members = rows.into_iter().map(|row| (row.id, row)).collect();
    Ok(())
}

/// Loads the current versions of people. Returns every e-mail that they ever had.
async fn load_person_versions(
    connection: &impl ConnectionTrait,
    set: &mut WorkingSet,
    persons: Vec<Uuid>,
) -> Result<Vec<String>, StoreError> {
    let mut emails = Vec::new();
    let relevant = set.scope.find_for_ids::<person_version::Entity>().filter(
        Condition::any()
            .add(person_version::Column::SupersededAt.is_null())
            .add(person_version::Column::Aspect.eq(PersonAspect::Email)),
    );
    let versions = select_by_ids(
        connection,
        relevant,
        person_version::Column::PersonId,
        persons,
    )
    .await?;
    for version_row in versions {
        if version_row.aspect == PersonAspect::Email {
            emails.extend(version_row.value.clone());
            let version_rows = set.email_versions.entry(version_row.person_id).or_default();
            for version in repeats::parse(version_row.repeats.as_deref())? {
                let mut repeat = version_row.clone();
                repeat.set_version(&version);
                version_rows.push(repeat);
            }
            version_rows.push(version_row.clone());
        }
        if version_row.superseded_at.is_none() {
            set.person_versions
                .current
                .insert((version_row.person_id, version_row.aspect), version_row);
        }
    }
    Ok(emails)
}

fn version_rows<K: std::hash::Hash + Eq, M: Versioned + Clone>(
    rows: Vec<M>,
    key: impl Fn(&M) -> K,
) -> VersionedRows<K, M> {
    let mut version_rows = VersionedRows::empty();
    version_rows.current = rows
        .into_iter()
        .map(|row| (key(&row), row))
        .collect::<HashMap<_, _>>();
    version_rows
}

/// The rows with these sources and sources' ids. One statement per source, because SQLite does not support
/// `(a, b) IN (…)` with values.
async fn by_source<E: OfClub, S: Into<Option<Uuid>> + Copy + Ord>(
    connection: &impl ConnectionTrait,
    scope: ClubScope,
    source: E::Column,
    external: E::Column,
    keys: &BTreeMap<S, BTreeSet<String>>,
) -> Result<Vec<<E as EntityTrait>::Model>, StoreError> {
    let mut rows = Vec::new();
    for (id, names) in keys {
        let of_source = match (*id).into() {
            Some(id) => source.eq(id),
            None => source.is_null(),
        };
        rows.extend(
            select_by_texts(
                connection,
                scope,
                E::find().filter(of_source),
                external,
                names,
            )
            .await?,
        );
    }
    Ok(rows)
}
