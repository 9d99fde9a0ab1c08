//! What members hold, as the heart wants it: from the versions that stand now, or that stood as it was known at an instant.
//! The one place where a word that is older than a deletion is left out, so that every reader agrees. A fixed number of
//! queries, however many members.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use access::Facts;
use entity::{
    company_person, company_version, entitlement_person, entitlement_version,
    kind::{CompanyAspect, EntitlementKind, PersonAspect, SourceAspect},
    location, offering, person, person_version, share, source, source_version, suspension,
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, Select};
use uuid::Uuid;

use super::{Scope, StoreError, bulk::MOST_VALUES, scope::OfClub};

mod build;
pub mod kinds;

/// As of when something is asked that is kept in versions.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// From what is known now.
    Now,
    /// From what was known at an instant.
    At(i64),
}

impl Known {
    /// Whether a version that was superseded then stands.
    pub fn stands(self, superseded_at: Option<i64>) -> bool {
        match (self, superseded_at) {
            (_, None) => true,
            (Self::Now, Some(_)) => false,
            (Self::At(at), Some(superseded)) => superseded > at,
        }
    }

    fn standing<C: ColumnTrait>(self, learned: C, superseded: C) -> Condition {
        match self {
            Self::Now => Condition::all().add(superseded.is_null()),
            Self::At(at) => Condition::all().add(learned.lte(at)).add(
                Condition::any()
                    .add(superseded.is_null())
                    .add(superseded.gt(at)),
            ),
        }
    }
}

/// Something held, with the row that says it.
#[derive(Clone, Debug)]
pub struct Held {
    /// What was said; several members may hold by the same words.
    pub version: Arc<entitlement_version::Model>,
    /// How it reaches the member.
    pub via: access::Via,
    /// Its ends, with dates read in the zone of the location, else of the source.
    pub span: access::Span,
}

/// What one member holds.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// For the heart.
    pub facts: Facts,
    /// The rows behind the entitlements, in the same order.
    pub held: Vec<Held>,
    /// The companies that the member is in.
    pub companies: Vec<Uuid>,
    /// Where something was shared so that Kisi tells the person.
    pub told_by_kisi: Vec<access::Scope>,
}

/// The rows that holdings are built of.
#[derive(Default)]
struct Rows {
    persons: Vec<person::Model>,
    words: Vec<person_version::Model>,
    pairs: Vec<company_person::Model>,
    company_ends: HashMap<Uuid, Version>,
    versions: HashMap<Uuid, Arc<entitlement_version::Model>>,
    beside: Vec<entitlement_person::Model>,
    holders: HashMap<Uuid, person::Model>,
    history: HashMap<Uuid, Vec<entitlement_version::Model>>,
    locations: HashMap<Uuid, location::Model>,
    sources: HashMap<Uuid, source::Model>,
    floors: HashMap<(Uuid, SourceAspect), Version>,
    shares: Vec<share::Model>,
    suspensions: Vec<suspension::Model>,
}

/// What orders words.
type Version = (i64, String);

/// What these members hold. Whoever holds nothing is there with nothing.
pub async fn load(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: &[Uuid],
    known: Known,
) -> Result<HashMap<Uuid, Holdings>, StoreError> {
    let mut all = HashMap::new();
    for chunk in members.chunks(MOST_VALUES / 4) {
        let rows = read(connection, scope, chunk, known).await?;
        all.extend(build::holdings(chunk, &rows, known)?);
    }
    Ok(all)
}

async fn read(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: &[Uuid],
    known: Known,
) -> Result<Rows, StoreError> {
    let people = scope.among::<person::Entity>();
    let people = among(connection, people, person::Column::MemberId, members).await?;
    let mut rows = Rows {
        persons: people,
        ..Rows::default()
    };
    sources(connection, scope, known, &mut rows).await?;
    let persons: Vec<Uuid> = rows.persons.iter().map(|person| person.id).collect();
    let companies = companies(connection, scope, known, &persons, &mut rows).await?;
    entitlements(connection, scope, known, &persons, &companies, &mut rows).await?;
    said(connection, scope, known, persons, &mut rows).await?;
    let shares = scope
        .among::<share::Entity>()
        .filter(known.standing(share::Column::LearnedAt, share::Column::SupersededAt));
    rows.shares = among(connection, shares, share::Column::MemberId, members).await?;
    let suspensions = scope.among::<suspension::Entity>().filter(known.standing(
        suspension::Column::LearnedAt,
        suspension::Column::SupersededAt,
    ));
    rows.suspensions = among(
        connection,
        suspensions,
        suspension::Column::MemberId,
        members,
    )
    .await?;
    Ok(rows)
}

/// The companies that people are in, and when each ended.
async fn companies(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
    persons: &[Uuid],
    rows: &mut Rows,
) -> Result<Vec<Uuid>, StoreError> {
    let standing = scope
        .among::<company_person::Entity>()
        .filter(known.standing(
            company_person::Column::LearnedAt,
            company_person::Column::SupersededAt,
        ))
        .filter(company_person::Column::Present.eq(true));
    rows.pairs = among(
        connection,
        standing,
        company_person::Column::PersonId,
        persons,
    )
    .await?;
    let companies: Vec<Uuid> = distinct(rows.pairs.iter().map(|pair| pair.company_id));
    let ends = scope
        .among::<company_version::Entity>()
        .filter(known.standing(
            company_version::Column::LearnedAt,
            company_version::Column::SupersededAt,
        ))
        .filter(
            company_version::Column::Aspect
                .is_in([CompanyAspect::Deleted, CompanyAspect::Unlisted]),
        );
    for word in among(
        connection,
        ends,
        company_version::Column::CompanyId,
        &companies,
    )
    .await?
    {
        let said = (word.happened_at, word.version_key);
        let end = rows.company_ends.entry(word.company_id).or_default();
        if said > *end {
            *end = said;
        }
    }
    Ok(companies)
}

/// What is said of people: of those asked for, and of those who hold what is shared with them.
async fn said(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
    persons: Vec<Uuid>,
    rows: &mut Rows,
) -> Result<(), StoreError> {
    let asked_for: HashSet<Uuid> = persons.iter().copied().collect();
    let holding = rows
        .versions
        .values()
        .filter_map(|version| version.person_id);
    let holders = distinct(holding.filter(|id| !asked_for.contains(id)));
    let others = among(
        connection,
        scope.among::<person::Entity>(),
        person::Column::Id,
        &holders,
    )
    .await?;
    rows.holders = others
        .into_iter()
        .map(|person| (person.id, person))
        .collect();
    let said = scope
        .among::<person_version::Entity>()
        .filter(known.standing(
            person_version::Column::LearnedAt,
            person_version::Column::SupersededAt,
        ))
        .filter(person_version::Column::Aspect.is_in([
            PersonAspect::Tags,
            PersonAspect::Deleted,
            PersonAspect::Unlisted,
        ]));
    let told = [persons, holders].concat();
    rows.words = among(connection, said, person_version::Column::PersonId, &told).await?;
    Ok(())
}

/// The club's sources, and from when on older words of each kind count no more.
async fn sources(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
    rows: &mut Rows,
) -> Result<(), StoreError> {
    let sources = scope.find::<source::Entity>().all(connection).await?;
    rows.sources = sources
        .into_iter()
        .map(|source| (source.id, source))
        .collect();
    let floors = scope
        .find::<source_version::Entity>()
        .filter(known.standing(
            source_version::Column::LearnedAt,
            source_version::Column::SupersededAt,
        ))
        .all(connection)
        .await?;
    rows.floors = floors
        .into_iter()
        .map(|word| {
            (
                (word.source_id, word.aspect),
                (word.happened_at, word.version_key),
            )
        })
        .collect();
    Ok(())
}

async fn entitlements(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
    persons: &[Uuid],
    companies: &[Uuid],
    rows: &mut Rows,
) -> Result<(), StoreError> {
    use entitlement_version::{Column, Entity};
    let standing = || {
        scope
            .among::<Entity>()
            .filter(known.standing(Column::LearnedAt, Column::SupersededAt))
    };
    let beside = scope.among::<entitlement_person::Entity>();
    rows.beside = among(
        connection,
        beside,
        entitlement_person::Column::PersonId,
        persons,
    )
    .await?;
    let shared: Vec<Uuid> = distinct(rows.beside.iter().map(|row| row.version_id));
    let mut versions = among(connection, standing(), Column::PersonId, persons).await?;
    versions.extend(among(connection, standing(), Column::CompanyId, companies).await?);
    versions.extend(among(connection, standing(), Column::Id, &shared).await?);
    let memberships = versions
        .iter()
        .filter(|v| v.kind == EntitlementKind::Membership);
    let memberships: Vec<Uuid> = distinct(memberships.map(|v| v.entitlement_id));
    let blocked = scope
        .among::<Entity>()
        .filter(Column::BlockSince.is_not_null());
    let blocked = among(connection, blocked, Column::EntitlementId, &memberships).await?;
    let blocked: Vec<Uuid> = distinct(blocked.into_iter().map(|version| version.entitlement_id));
    let mut ever = scope.among::<Entity>();
    if let Known::At(at) = known {
        ever = ever.filter(Column::LearnedAt.lte(at));
    }
    for version in among(connection, ever, Column::EntitlementId, &blocked).await? {
        rows.history
            .entry(version.entitlement_id)
            .or_default()
            .push(version);
    }
    let places: Vec<Uuid> = distinct(versions.iter().filter_map(|version| version.location_id));
    let locations = among(
        connection,
        scope.among::<location::Entity>(),
        location::Column::Id,
        &places,
    )
    .await?;
    rows.locations = locations
        .into_iter()
        .map(|location| (location.id, location))
        .collect();
    rows.versions = versions
        .into_iter()
        .map(|version| (version.id, Arc::new(version)))
        .collect();
    Ok(())
}

fn distinct(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    ids.collect::<HashSet<_>>().into_iter().collect()
}

/// The rows of a query whose column is among ids; no statement at all where there are none.
pub async fn among<E: OfClub>(
    connection: &impl ConnectionTrait,
    select: Select<E>,
    column: E::Column,
    ids: &[Uuid],
) -> Result<Vec<<E as EntityTrait>::Model>, StoreError> {
    let mut rows = Vec::new();
    for chunk in ids.chunks(MOST_VALUES) {
        rows.extend(
            select
                .clone()
                .filter(column.is_in(of_few_lengths(chunk)))
                .all(connection)
                .await?,
        );
    }
    Ok(rows)
}

/// The ids, the last one repeated up to a power of two: each length is a statement of its own, which each connection would
/// prepare and keep, and long ones are large.
fn of_few_lengths(ids: &[Uuid]) -> impl Iterator<Item = Uuid> {
    let length = ids.len().next_power_of_two().min(MOST_VALUES);
    let again = ids.last().into_iter().cycle().copied();
    let missing = length.saturating_sub(ids.len());
    ids.iter().copied().chain(again.take(missing))
}

/// Offerings by id.
pub async fn offerings(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<Vec<offering::Model>, StoreError> {
    among(
        connection,
        scope.among::<offering::Entity>(),
        offering::Column::Id,
        ids,
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_any_length_make_few_statements() {
        let ids: Vec<Uuid> = (0..MOST_VALUES as u128).map(Uuid::from_u128).collect();
        let mut lengths = HashSet::new();
        for count in (0..=1_000).chain([MOST_VALUES - 1, MOST_VALUES]) {
            let list: Vec<Uuid> = of_few_lengths(&ids[..count]).collect();
            assert_eq!(&list[..count], &ids[..count]);
            let last = count.checked_sub(1).map(|last| ids[last]);
            assert!(list[count..].iter().all(|id| Some(*id) == last));
            lengths.insert(list.len());
        }
        assert!(lengths.len() < 20, "{lengths:?}");
        assert!(lengths.iter().all(|length| *length <= MOST_VALUES));
    }
}
