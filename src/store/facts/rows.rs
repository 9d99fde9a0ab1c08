//! The rows that holdings are built of. As narrow as they can be: a column costs for each member of a club, so what nobody
//! asks for is not selected, and values are taken by their place. Says what the columns are; `read` asks for them.

use std::sync::Arc;

use entity::{
    company_person, company_version, entitlement_person, entitlement_version,
    kind::{BlockReason, EntitlementKind, OfferingKind, Part, PersonAspect, SourceAspect},
    location, person, person_version, share, source, source_version, suspension,
};
use sea_orm::{
    DbErr, EntityTrait, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};
use uuid::Uuid;

use super::cells::Values;
use crate::map::Map;

/// What orders words.
pub type Version = (i64, String);

/// The rows that holdings are built of.
#[derive(Default)]
pub struct Rows {
    pub persons: Map<Uuid, Person>,
    /// Who is in which company.
    pub pairs: Vec<Pair>,
    pub company_ends: Map<Uuid, Version>,
    /// By the ids of the entitlements, of each the version that stands.
    pub stated: Map<Uuid, Arc<Stated>>,
    pub beside: Vec<Beside>,
    /// Those who hold what is shared with the persons.
    pub holders: Map<Uuid, Person>,
    /// All that was ever said of the memberships that were ever blocked.
    pub history: Map<Uuid, Vec<Blocked>>,
    pub sources: Map<Uuid, Source>,
    pub shares: Vec<share::Model>,
    pub suspensions: Vec<suspension::Model>,
}

/// What is taken from a row by the places of its values.
pub trait Narrow: Sized + Send {
    /// Selects its columns after others, in their order.
    fn select<S: QuerySelect>(from: S) -> S;

    /// Takes them in that order.
    fn take(values: &mut Values<'_>) -> Result<Self, DbErr>;
}

impl<A: Narrow, B: Narrow> Narrow for (A, B) {
    fn select<S: QuerySelect>(from: S) -> S {
        B::select(A::select(from))
    }

    fn take(values: &mut Values<'_>) -> Result<Self, DbErr> {
        Ok((A::take(values)?, B::take(values)?))
    }
}

/// A struct whose fields are columns, in their order.
macro_rules! narrow {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $table:ident.$column:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $(pub(crate) $field: $type,)*
        }

        impl Narrow for $name {
            fn select<S: QuerySelect>(from: S) -> S {
                from$(.column($table::Column::$column))*
            }

            fn take(values: &mut Values<'_>) -> Result<Self, DbErr> {
                Ok(Self { $($field: values.next()?,)* })
            }
        }
    };
}

narrow! {
    /// What a platform said of an entitlement.
    Stated {
        entitlement_id: Uuid = entitlement_version.EntitlementId,
        external_id: String = entitlement_version.ExternalId,
        source_id: Uuid = entitlement_version.SourceId,
        person_id: Option<Uuid> = entitlement_version.PersonId,
        company_id: Option<Uuid> = entitlement_version.CompanyId,
        kind: EntitlementKind = entitlement_version.Kind,
        status: String = entitlement_version.Status,
        offering_id: Option<Uuid> = entitlement_version.OfferingId,
        offering_kind: Option<OfferingKind> = entitlement_version.OfferingKind,
        location_id: Option<Uuid> = entitlement_version.LocationId,
        starts_at: Option<i64> = entitlement_version.StartsAt,
        starts_on: Option<String> = entitlement_version.StartsOn,
        ends_at: Option<i64> = entitlement_version.EndsAt,
        ends_on: Option<String> = entitlement_version.EndsOn,
        block_reason: Option<BlockReason> = entitlement_version.BlockReason,
        block_since: Option<i64> = entitlement_version.BlockSince,
        happened_at: i64 = entitlement_version.HappenedAt,
        version_key: String = entitlement_version.VersionKey,
        zone: Option<String> = location.TimeZone,
    }
}

narrow! {
    /// What was said of a membership that was ever blocked.
    Blocked {
        entitlement_id: Uuid = entitlement_version.EntitlementId,
        reason: Option<BlockReason> = entitlement_version.BlockReason,
        since: Option<i64> = entitlement_version.BlockSince,
        happened_at: i64 = entitlement_version.HappenedAt,
        version_key: String = entitlement_version.VersionKey,
    }
}

narrow! {
    /// That somebody has a part in what another holds.
    Beside {
        entitlement_id: Uuid = entitlement_version.EntitlementId,
        person_id: Uuid = entitlement_person.PersonId,
        part: Part = entitlement_person.Part,
    }
}

narrow! {
    /// That somebody is in a company.
    Pair {
        company_id: Uuid = company_person.CompanyId,
        person_id: Uuid = company_person.PersonId,
        happened_at: i64 = company_person.HappenedAt,
        version_key: String = company_person.VersionKey,
    }
}

narrow! {
    /// That a company is no more.
    CompanyEnd {
        company_id: Uuid = company_version.CompanyId,
        happened_at: i64 = company_version.HappenedAt,
        version_key: String = company_version.VersionKey,
    }
}

narrow! {
    /// Somebody, with one of the words about them, or none.
    PersonWord {
        id: Uuid = person.Id,
        member_id: Uuid = person.MemberId,
        source_id: Option<Uuid> = person.SourceId,
        guest_only: bool = person.GuestOnly,
        aspect: Option<PersonAspect> = person_version.Aspect,
        value: Option<String> = person_version.Value,
        happened_at: Option<i64> = person_version.HappenedAt,
        version_key: Option<String> = person_version.VersionKey,
    }
}

narrow! {
    /// A source, with one of the kinds of which older words count no more, or none.
    SourceFloor {
        id: Uuid = source.Id,
        time_zone: String = source.TimeZone,
        removed_at: Option<i64> = source.RemovedAt,
        aspect: Option<SourceAspect> = source_version.Aspect,
        happened_at: Option<i64> = source_version.HappenedAt,
        version_key: Option<String> = source_version.VersionKey,
    }
}

/// Whether somebody has, or had, a part in what another holds, and in a company: most have neither, and need not be asked for.
#[derive(Copy, Clone, Debug)]
pub struct Reached {
    pub parts: bool,
    pub companies: bool,
}

impl Narrow for Reached {
    fn select<S: QuerySelect>(from: S) -> S {
        from.expr(any_of(
            entitlement_person::Entity,
            entitlement_person::Column::PersonId,
        ))
        .expr(any_of(
            company_person::Entity,
            company_person::Column::PersonId,
        ))
    }

    fn take(values: &mut Values<'_>) -> Result<Self, DbErr> {
        Ok(Self {
            parts: values.next()?,
            companies: values.next()?,
        })
    }
}

/// Whether there is a row of the person's.
fn any_of<E: EntityTrait>(table: E, of: E::Column) -> Expr {
    let whose = Expr::col((table, of)).equals((person::Entity, person::Column::Id));
    let any = Query::select()
        .expr(Expr::Constant(1.into()))
        .from(table)
        .and_where(whose)
        .to_owned();
    Expr::exists(any)
}

/// Somebody as one source names them, with what is said of them.
pub struct Person {
    pub id: Uuid,
    pub member_id: Uuid,
    pub source_id: Option<Uuid>,
    pub guest_only: bool,
    /// As they are stored.
    pub tags: Option<(Version, String)>,
    pub deleted: Option<Version>,
    pub unlisted: Option<Version>,
    pub reached: Reached,
}

/// Where words come from.
pub struct Source {
    pub time_zone: String,
    pub removed_at: Option<i64>,
    /// From when on older words of each kind count no more.
    pub floors: Map<SourceAspect, Version>,
}

/// Each with all words.
pub fn persons(rows: Vec<(PersonWord, Reached)>) -> Map<Uuid, Person> {
    let mut persons = Map::with_capacity_and_hasher(rows.len(), Default::default());
    for (row, reached) in rows {
        let person = persons.entry(row.id).or_insert(Person {
            id: row.id,
            member_id: row.member_id,
            source_id: row.source_id,
            guest_only: row.guest_only,
            tags: None,
            deleted: None,
            unlisted: None,
            reached,
        });
        let said = row.happened_at.zip(row.version_key);
        match row.aspect {
            Some(PersonAspect::Deleted) => person.deleted = said,
            Some(PersonAspect::Unlisted) => person.unlisted = said,
            Some(PersonAspect::Tags) => person.tags = said.zip(row.value),
            Some(PersonAspect::Email | PersonAspect::Name | PersonAspect::Companies) | None => {}
        }
    }
    persons
}

/// Each with all floors.
pub fn sources(rows: Vec<SourceFloor>) -> Map<Uuid, Source> {
    let mut sources = Map::default();
    for row in rows {
        let source = sources.entry(row.id).or_insert(Source {
            time_zone: row.time_zone,
            removed_at: row.removed_at,
            floors: Map::default(),
        });
        if let (Some(aspect), Some(said)) = (row.aspect, row.happened_at.zip(row.version_key)) {
            source.floors.insert(aspect, said);
        }
    }
    sources
}
