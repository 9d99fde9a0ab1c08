//! Reads all that a batch of statements may touch: what they name, what those things say at present, who else is reached
//! by them, and everybody who ever bore one of their e-mails. A fixed number of queries, however large the batch.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use access::Instant;
use entity::{
    company, company_person, company_version, entitlement, entitlement_person, entitlement_version,
    kind::{EntitlementKind, PersonAspect, SourceAspect},
    location, member, offering, person, person_version, source_version,
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, Select};
use uuid::Uuid;

use super::{Pairs, Versioned, Words, WorkingSet, ended};
use crate::store::{Scope, StoreError, bulk::MOST_VALUES, facts, scope::OfClub, sources};

/// What the statements of a batch name, by source.
#[derive(Debug, Default)]
pub struct Keys {
    /// People by the source's ids; of no source: entered by hand.
    pub persons: BTreeMap<Option<Uuid>, BTreeSet<String>>,
    /// Companies.
    pub companies: BTreeMap<Uuid, BTreeSet<String>>,
    /// Entitlements, with their kind.
    pub entitlements: BTreeMap<Uuid, BTreeSet<String>>,
    /// Offerings, of whatever kind.
    pub offerings: BTreeMap<Uuid, BTreeSet<String>>,
    /// Locations.
    pub locations: BTreeMap<Uuid, BTreeSet<String>>,
    /// E-mails.
    pub emails: BTreeSet<String>,
    /// Whether who is in which company matters.
    pub pairs: bool,
    /// People of whom a deletion is among the statements.
    pub gone: BTreeMap<Uuid, BTreeSet<String>>,
    /// Snapshots among the statements, by source.
    pub snapshots: BTreeMap<Uuid, Roster>,
    /// Sources of which everybody is looked at, whatever is said.
    pub everybody_of: BTreeSet<Uuid>,
    /// When the oldest event of the batch happened; where it is not given, none of it can come late.
    pub oldest: Option<Instant>,
}

/// What the snapshots of a source are about.
#[derive(Debug, Default)]
pub struct Roster {
    /// Of what they name everything.
    pub aspects: HashSet<SourceAspect>,
    /// The ids that all of their lists of members have in common; none where there is no such list.
    pub listed: Option<BTreeSet<String>>,
}

/// Loads a club's part of a batch.
pub async fn load(
    connection: &impl ConnectionTrait,
    scope: Scope,
    now: i64,
    keys: &Keys,
) -> Result<WorkingSet, StoreError> {
    let mut set = WorkingSet::new(scope, now);
    things(connection, &mut set, keys).await?;
    let named = by_source(
        connection,
        scope.find::<person::Entity>(),
        person::Column::SourceId,
        person::Column::ExternalId,
        &keys.persons,
    )
    .await?;
    set.take_persons(named);
    // A list of all members, or of all companies, is a word about each of the source, named or not. One of all memberships
    // ends what older words about people claim.
    let of = |aspect| {
        let rosters = keys.snapshots.iter();
        rosters
            .filter(move |(_, roster)| roster.aspects.contains(&aspect))
            .map(|(source, _)| *source)
    };
    let (everybody, source) = (scope.among::<person::Entity>(), person::Column::SourceId);
    let mut sources: BTreeSet<Uuid> = of(SourceAspect::Members).collect();
    sources.extend(of(SourceAspect::Memberships));
    sources.extend(&keys.everybody_of);
    let everybody = among(connection, everybody, source, sources).await?;
    set.take_persons(everybody);
    let (all, source) = (scope.among::<company::Entity>(), company::Column::SourceId);
    let all = among(connection, all, source, of(SourceAspect::Companies)).await?;
    set.take_companies(all);
    floors(connection, &mut set).await?;
    let reached = entitlements(connection, &mut set, keys).await?;
    let paired = companies(connection, &mut set, keys).await?;
    people(
        connection,
        &mut set,
        reached.into_iter().chain(paired).collect(),
        keys,
    )
    .await?;
    set.ever_blocked = ended::ever_blocked(connection, &set, keys.oldest).await?;
    Ok(set)
}

/// From when on older words count no more, of every source: people of any may bear an address that is spoken of.
async fn floors(connection: &impl ConnectionTrait, set: &mut WorkingSet) -> Result<(), StoreError> {
    let removals = sources::removals(connection, set.scope).await?;
    let standing = set
        .scope
        .among::<source_version::Entity>()
        .filter(source_version::Column::SupersededAt.is_null());
    let of_source = source_version::Column::SourceId;
    let rows = among(connection, standing, of_source, removals.keys().copied()).await?;
    set.floors = words(rows, |row| (row.source_id, row.aspect));
    let removed = removals.into_iter();
    set.removed_sources = removed.filter_map(|(id, at)| Some((id, at?))).collect();
    Ok(())
}

impl WorkingSet {
    fn take_companies(&mut self, rows: Vec<company::Model>) {
        for row in rows {
            self.company_ids
                .insert((row.source_id, row.external_id.clone()), row.id);
            self.companies.insert(row.id, row);
        }
    }

    fn take_persons(&mut self, rows: Vec<person::Model>) {
        for row in rows {
            self.person_ids
                .insert((row.source_id, row.external_id.clone()), row.id);
            self.persons.insert(row.id, row);
        }
    }
}

/// Offerings and locations, which have no versions.
async fn things(
    connection: &impl ConnectionTrait,
    set: &mut WorkingSet,
    keys: &Keys,
) -> Result<(), StoreError> {
    let offerings = by_source(
        connection,
        set.scope.find::<offering::Entity>(),
        offering::Column::SourceId,
        offering::Column::ExternalId,
        &keys.offerings,
    )
    .await?;
    let key = |o: &offering::Model| (o.source_id, o.kind, o.external_id.clone());
    set.offerings = offerings.into_iter().map(|row| (key(&row), row)).collect();
    let locations = by_source(
        connection,
        set.scope.find::<location::Entity>(),
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

/// Entitlements, what they say, and the ids of people whom that reaches.
async fn entitlements(
    connection: &impl ConnectionTrait,
    set: &mut WorkingSet,
    keys: &Keys,
) -> Result<Vec<Uuid>, StoreError> {
    let scope = set.scope;
    let rows = by_source(
        connection,
        scope.find::<entitlement::Entity>(),
        entitlement::Column::SourceId,
        entitlement::Column::ExternalId,
        &keys.entitlements,
    )
    .await?;
    let key = |e: &entitlement::Model| (e.source_id, e.kind, e.external_id.clone());
    set.entitlement_ids = rows.iter().map(|row| (key(row), row.id)).collect();
    let mut versions = among(
        connection,
        scope
            .among::<entitlement_version::Entity>()
            .filter(entitlement_version::Column::SupersededAt.is_null()),
        entitlement_version::Column::EntitlementId,
        rows.iter().map(|row| row.id),
    )
    .await?;
    versions.extend(ended::versions(connection, set, keys).await?);
    let mut seen: HashSet<Uuid> = HashSet::new();
    versions.retain(|version| seen.insert(version.id));
    let with_others = versions
        .iter()
        .filter(|v| v.kind != EntitlementKind::Purchase)
        .map(|v| v.id);
    let beside = among(
        connection,
        scope.among::<entitlement_person::Entity>(),
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
    set.entitlement_words = words(versions, |row| row.entitlement_id);
    Ok(reached)
}

/// Companies, what is said of them, who is in them, and the ids of those people.
async fn companies(
    connection: &impl ConnectionTrait,
    set: &mut WorkingSet,
    keys: &Keys,
) -> Result<Vec<Uuid>, StoreError> {
    let scope = set.scope;
    let rows = by_source(
        connection,
        scope.find::<company::Entity>(),
        company::Column::SourceId,
        company::Column::ExternalId,
        &keys.companies,
    )
    .await?;
    set.take_companies(rows);
    let holders = set
        .entitlement_words
        .all_standing()
        .filter_map(|(_, word)| word.company_id);
    let ids: HashSet<Uuid> = set.companies.keys().copied().chain(holders).collect();
    if ids.is_empty() && !keys.pairs {
        return Ok(Vec::new());
    }
    let standing = scope
        .among::<company_version::Entity>()
        .filter(company_version::Column::SupersededAt.is_null());
    let said = among(
        connection,
        standing,
        company_version::Column::CompanyId,
        ids.iter().copied(),
    )
    .await?;
    set.company_words = words(said, |row| (row.company_id, row.aspect));
    let persons = set.persons.keys().copied().filter(|_| keys.pairs);
    let standing = scope
        .among::<company_person::Entity>()
        .filter(company_person::Column::SupersededAt.is_null());
    let of_company = company_person::Column::CompanyId;
    let mut pairs = among(connection, standing.clone(), of_company, ids).await?;
    let of_person = company_person::Column::PersonId;
    pairs.extend(among(connection, standing, of_person, persons).await?);
    let reached = pairs.iter().map(|pair| pair.person_id).collect();
    set.pairs = Pairs::new(pairs);
    Ok(reached)
}

/// The people themselves, everybody who ever bore one of their e-mails, what is said of all these, and their members.
async fn people(
    connection: &impl ConnectionTrait,
    set: &mut WorkingSet,
    reached: Vec<Uuid>,
    keys: &Keys,
) -> Result<(), StoreError> {
    let scope = set.scope;
    let missing = reached
        .into_iter()
        .filter(|id| !set.persons.contains_key(id))
        .collect::<HashSet<_>>();
    let rows = among(
        connection,
        scope.among::<person::Entity>(),
        person::Column::Id,
        missing,
    )
    .await?;
    set.take_persons(rows);
    // People are told apart by their e-mails, past ones too: follow them until nobody new turns up.
    let (mut asked, mut told): (BTreeSet<String>, HashSet<Uuid>) = Default::default();
    let mut emails = keys.emails.clone();
    loop {
        let bearers = scope.find::<person_version::Entity>();
        let found =
            among_texts(connection, bearers, person_version::Column::Email, &emails).await?;
        asked.append(&mut emails);
        let new: HashSet<Uuid> = found
            .iter()
            .map(|w| w.person_id)
            .filter(|id| !set.persons.contains_key(id))
            .collect();
        let rows = among(
            connection,
            scope.among::<person::Entity>(),
            person::Column::Id,
            new,
        )
        .await?;
        set.take_persons(rows);
        let untold: Vec<Uuid> = set
            .persons
            .keys()
            .copied()
            .filter(|id| told.insert(*id))
            .collect();
        let theirs = tell(connection, set, untold).await?;
        emails.extend(theirs.into_iter().filter(|email| !asked.contains(email)));
        if emails.is_empty() {
            break;
        }
    }
    let members: HashSet<Uuid> = set
        .persons
        .values()
        .map(|person| person.member_id)
        .collect();
    let rows = among(
        connection,
        scope.among::<member::Entity>(),
        member::Column::Id,
        members,
    )
    .await?;
    set.members = rows.into_iter().map(|row| (row.id, row)).collect();
    Ok(())
}

/// What is said of people, and every e-mail that was ever said to be theirs.
async fn tell(
    connection: &impl ConnectionTrait,
    set: &mut WorkingSet,
    untold: Vec<Uuid>,
) -> Result<Vec<String>, StoreError> {
    let mut emails = Vec::new();
    let relevant = set.scope.among::<person_version::Entity>().filter(
        Condition::any()
            .add(person_version::Column::SupersededAt.is_null())
            .add(person_version::Column::Aspect.eq(PersonAspect::Email)),
    );
    let said = among(
        connection,
        relevant,
        person_version::Column::PersonId,
        untold,
    )
    .await?;
    for word in said {
        if word.aspect == PersonAspect::Email {
            emails.extend(word.value.clone());
            let words = set.email_words.entry(word.person_id).or_default();
            words.push(word.clone());
        }
        if word.superseded_at.is_none() {
            set.person_words
                .standing
                .insert((word.person_id, word.aspect), word);
        }
    }
    Ok(emails)
}

fn words<K: std::hash::Hash + Eq, M: Versioned + Clone>(
    rows: Vec<M>,
    key: impl Fn(&M) -> K,
) -> Words<K, M> {
    let mut words = Words::empty();
    words.standing = rows
        .into_iter()
        .map(|row| (key(&row), row))
        .collect::<HashMap<_, _>>();
    words
}

/// The rows of a query whose column is among ids; no statement at all where there are none.
pub(super) async fn among<E: OfClub>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    column: E::Column,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<<E as EntityTrait>::Model>, StoreError> {
    let ids: Vec<Uuid> = ids.into_iter().collect();
    facts::among(connection, select, column, &ids).await
}

async fn among_texts<E: OfClub>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    column: E::Column,
    texts: &BTreeSet<String>,
) -> Result<Vec<<E as EntityTrait>::Model>, StoreError> {
    let texts: Vec<&String> = texts.iter().collect();
    let mut rows = Vec::new();
    for chunk in texts.chunks(MOST_VALUES) {
        rows.extend(
            select
                .clone()
                .filter(column.is_in(chunk.iter().copied()))
                .all(connection)
                .await?,
        );
    }
    Ok(rows)
}

/// The rows that the sources call by these ids. SQLite knows no `(a, b) IN (…)` of values: a list for each source.
async fn by_source<E: OfClub, S: Into<Option<Uuid>> + Copy + Ord>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
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
            among_texts(
                connection,
                select.clone().filter(of_source),
                external,
                names,
            )
            .await?,
        );
    }
    Ok(rows)
}
