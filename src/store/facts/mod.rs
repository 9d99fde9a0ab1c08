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
use futures_util::future::{try_join, try_join3, try_join5};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, Select};
use uuid::Uuid;

use super::{Scope, StoreError, bulk::MOST_VALUES, one_of, scope::OfClub};

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
    pub held: Vec<Arc<Held>>,
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

/// Reads in three steps, each all at once: what hangs on the members alone, then on who they are, then on what was found of
/// those. Over one connection that is one after the other.
async fn read(
    connection: &impl ConnectionTrait,
    scope: Scope,
    members: &[Uuid],
    known: Known,
) -> Result<Rows, StoreError> {
    let people = scope.find::<person::Entity>();
    let (persons, sources, floors, shares, suspensions) = try_join5(
        among(connection, people, person::Column::MemberId, members),
        sources(connection, scope),
        floors(connection, scope, known),
        shares(connection, scope, known, members),
        suspensions(connection, scope, known, members),
    )
    .await?;
    let ids: Vec<Uuid> = persons.iter().map(|person| person.id).collect();
    let (of_companies, of_persons, words) = try_join3(
        of_companies(connection, scope, known, &ids),
        of_persons(connection, scope, known, &ids),
        words(connection, scope, known, &ids),
    )
    .await?;
    let mut rows = Rows {
        persons,
        sources,
        floors,
        shares,
        suspensions,
        words,
        pairs: of_companies.pairs,
        company_ends: of_companies.ends,
        beside: of_persons.beside,
        ..Rows::default()
    };
    let versions: Vec<_> = of_persons
        .versions
        .into_iter()
        .chain(of_companies.versions)
        .collect();
    let known_persons: HashSet<Uuid> = ids.into_iter().collect();
    let (history, locations, (holders, said)) = try_join3(
        history(connection, scope, known, &versions),
        locations(connection, scope, &versions),
        holders(connection, scope, known, &versions, &known_persons),
    )
    .await?;
    rows.history = history;
    rows.locations = locations;
    rows.holders = holders;
    rows.words.extend(said);
    rows.versions = versions
        .into_iter()
        .map(|version| (version.id, Arc::new(version)))
        .collect();
    Ok(rows)
}

async fn shares(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
    members: &[Uuid],
) -> Result<Vec<share::Model>, StoreError> {
    use share::Column;
    let standing = known.standing(Column::LearnedAt, Column::SupersededAt);
    let select = scope.find::<share::Entity>().filter(standing);
    among(connection, select, Column::MemberId, members).await
}

async fn suspensions(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
    members: &[Uuid],
) -> Result<Vec<suspension::Model>, StoreError> {
    use suspension::Column;
    let standing = known.standing(Column::LearnedAt, Column::SupersededAt);
    let select = scope.find::<suspension::Entity>().filter(standing);
    among(connection, select, Column::MemberId, members).await
}

/// What reaches people by way of companies.
struct OfCompanies {
    pairs: Vec<company_person::Model>,
    ends: HashMap<Uuid, Version>,
    versions: Vec<entitlement_version::Model>,
}

/// The companies that people are in, when each ended, and what they hold.
async fn of_companies(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
    persons: &[Uuid],
) -> Result<OfCompanies, StoreError> {
    use company_person::Column as Pair;
    use company_version::Column as Word;
    let standing = scope
        .find::<company_person::Entity>()
        .filter(known.standing(Pair::LearnedAt, Pair::SupersededAt))
        .filter(Pair::Present.eq(true));
    let pairs = among(connection, standing, Pair::PersonId, persons).await?;
    let companies: Vec<Uuid> = distinct(pairs.iter().map(|pair| pair.company_id));
    let words = scope
        .find::<company_version::Entity>()
        .filter(known.standing(Word::LearnedAt, Word::SupersededAt))
        .filter(Word::Aspect.is_in([CompanyAspect::Deleted, CompanyAspect::Unlisted]));
    let mut ends: HashMap<Uuid, Version> = HashMap::new();
    for word in among(connection, words, Word::CompanyId, &companies).await? {
        let said = (word.happened_at, word.version_key);
        let end = ends.entry(word.company_id).or_default();
        if said > *end {
            *end = said;
        }
    }
    let held = entitlement_version::Column::CompanyId;
    let versions = among(
        connection,
        standing_versions(scope, known),
        held,
        &companies,
    )
    .await?;
    Ok(OfCompanies {
        pairs,
        ends,
        versions,
    })
}

/// What is said of people.
async fn words(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
    persons: &[Uuid],
) -> Result<Vec<person_version::Model>, StoreError> {
    use person_version::Column;
    let said = scope
        .find::<person_version::Entity>()
        .filter(known.standing(Column::LearnedAt, Column::SupersededAt))
        .filter(Column::Aspect.is_in([
            PersonAspect::Tags,
            PersonAspect::Deleted,
            PersonAspect::Unlisted,
        ]));
    among(connection, said, Column::PersonId, persons).await
}

/// Those who hold what is shared with the people asked for, and what is said of them.
async fn holders(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
    versions: &[entitlement_version::Model],
    persons: &HashSet<Uuid>,
) -> Result<(HashMap<Uuid, person::Model>, Vec<person_version::Model>), StoreError> {
    let holders = versions.iter().filter_map(|version| version.person_id);
    let holders: Vec<Uuid> = distinct(holders.filter(|id| !persons.contains(id)));
    let people = scope.find::<person::Entity>();
    let (people, said) = try_join(
        among(connection, people, person::Column::Id, &holders),
        words(connection, scope, known, &holders),
    )
    .await?;
    let people = people.into_iter().map(|person| (person.id, person));
    Ok((people.collect(), said))
}

/// The club's sources.
async fn sources(
    connection: &impl ConnectionTrait,
    scope: Scope,
) -> Result<HashMap<Uuid, source::Model>, StoreError> {
    let sources = scope.find::<source::Entity>().all(connection).await?;
    let sources = sources.into_iter().map(|source| (source.id, source));
    Ok(sources.collect())
}

/// From when on older words of each kind count no more.
async fn floors(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
) -> Result<HashMap<(Uuid, SourceAspect), Version>, StoreError> {
    use source_version::Column;
    let floors = scope
        .find::<source_version::Entity>()
        .filter(known.standing(Column::LearnedAt, Column::SupersededAt))
        .all(connection)
        .await?;
    let floors = floors.into_iter().map(|word| {
        (
            (word.source_id, word.aspect),
            (word.happened_at, word.version_key),
        )
    });
    Ok(floors.collect())
}

fn standing_versions(scope: Scope, known: Known) -> Select<entitlement_version::Entity> {
    use entitlement_version::Column;
    scope
        .find::<entitlement_version::Entity>()
        .filter(known.standing(Column::LearnedAt, Column::SupersededAt))
}

/// What people hold themselves or have a part in.
struct OfPersons {
    beside: Vec<entitlement_person::Model>,
    versions: Vec<entitlement_version::Model>,
}

async fn of_persons(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
    persons: &[Uuid],
) -> Result<OfPersons, StoreError> {
    use entitlement_version::Column;
    let own = among(
        connection,
        standing_versions(scope, known),
        Column::PersonId,
        persons,
    );
    let shared = async {
        let select = scope.find::<entitlement_person::Entity>();
        let column = entitlement_person::Column::PersonId;
        let beside = among(connection, select, column, persons).await?;
        let ids: Vec<Uuid> = distinct(beside.iter().map(|row| row.version_id));
        let select = standing_versions(scope, known);
        Ok((among(connection, select, Column::Id, &ids).await?, beside))
    };
    let (mut versions, (shared, beside)) = try_join(own, shared).await?;
    versions.extend(shared);
    Ok(OfPersons { beside, versions })
}

/// All that was ever said of the memberships that were ever blocked.
async fn history(
    connection: &impl ConnectionTrait,
    scope: Scope,
    known: Known,
    versions: &[entitlement_version::Model],
) -> Result<HashMap<Uuid, Vec<entitlement_version::Model>>, StoreError> {
    use entitlement_version::{Column, Entity};
    let memberships = versions
        .iter()
        .filter(|version| version.kind == EntitlementKind::Membership);
    let memberships: Vec<Uuid> = distinct(memberships.map(|version| version.entitlement_id));
    let blocked = scope
        .find::<Entity>()
        .filter(Column::BlockSince.is_not_null());
    let blocked = among(connection, blocked, Column::EntitlementId, &memberships).await?;
    let blocked: Vec<Uuid> = distinct(blocked.into_iter().map(|version| version.entitlement_id));
    let mut ever = scope.find::<Entity>();
    if let Known::At(at) = known {
        ever = ever.filter(Column::LearnedAt.lte(at));
    }
    let mut history: HashMap<Uuid, Vec<_>> = HashMap::new();
    for version in among(connection, ever, Column::EntitlementId, &blocked).await? {
        history
            .entry(version.entitlement_id)
            .or_default()
            .push(version);
    }
    Ok(history)
}

async fn locations(
    connection: &impl ConnectionTrait,
    scope: Scope,
    versions: &[entitlement_version::Model],
) -> Result<HashMap<Uuid, location::Model>, StoreError> {
    let places: Vec<Uuid> = distinct(versions.iter().filter_map(|version| version.location_id));
    let select = scope.find::<location::Entity>();
    let locations = among(connection, select, location::Column::Id, &places).await?;
    let locations = locations
        .into_iter()
        .map(|location| (location.id, location));
    Ok(locations.collect())
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
                .filter(one_of(connection, column, chunk))
                .all(connection)
                .await?,
        );
    }
    Ok(rows)
}

/// Offerings by id.
pub async fn offerings(
    connection: &impl ConnectionTrait,
    scope: Scope,
    ids: &[Uuid],
) -> Result<Vec<offering::Model>, StoreError> {
    among(
        connection,
        scope.find::<offering::Entity>(),
        offering::Column::Id,
        ids,
    )
    .await
}
