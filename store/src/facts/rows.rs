//! The rows that holdings are built from. Every column costs time for each member of a club, so only the needed ones are
//! selected, and values are decoded by position. This file defines the columns; `read` runs the queries.

use std::sync::Arc;

use entity::{
    company_person, company_version, entitlement_person, entitlement_version,
    kind::{BlockReason, EntitlementKind, OfferingKind, Part, PersonAspect, SourceAspect},
    location, person, person_version, share, source, source_version, suspension,
};
use sea_orm::{
    ActiveEnum, DbErr, EntityTrait, QuerySelect,
    sea_query::{Expr, ExprTrait, Query, Value},
};
use uuid::Uuid;

use super::{StoreError, decode::Values};
use crate::map::Map;

/// The order of versions: when it happened, and the key among equals.
pub type Version = (i64, String);

/// The rows that holdings are built from.
#[derive(Default)]
pub struct Rows {
    pub persons: Map<Uuid, Person>,
    /// The companies of the people.
    pub pairs: Vec<Pair>,
    pub company_ends: Map<Uuid, Version>,
    /// The current version of each entitlement, by entitlement id.
    pub stated: Map<Uuid, Arc<Stated>>,
    pub beside: Vec<Beside>,
    /// The holders of entitlements in which `persons` participate.
    pub holders: Map<Uuid, Person>,
    /// All versions of memberships that were ever blocked, by entitlement id.
    pub history: Map<Uuid, Vec<Blocked>>,
    pub sources: Map<Uuid, Source>,
    pub shares: Vec<share::Model>,
    pub suspensions: Vec<suspension::Model>,
}

/// A type that is decoded from a row's values by position.
pub trait FromRow: Sized + Send {
    /// Decodes the fields in order.
    fn take(values: &mut Values<'_>) -> Result<Self, DbErr>;
}

/// A row type that defines the columns to select.
pub trait Columns: FromRow {
    /// Appends its columns to the selection, in the order in which they are decoded.
    fn select<S: QuerySelect>(from: S) -> S;
}

impl<A: Columns, B: Columns> Columns for (A, B) {
    fn select<S: QuerySelect>(from: S) -> S {
        B::select(A::select(from))
    }
}

impl<A: FromRow, B: FromRow> FromRow for (A, B) {
    fn take(values: &mut Values<'_>) -> Result<Self, DbErr> {
        Ok((A::take(values)?, B::take(values)?))
    }
}

/// Defines a struct whose fields are columns, in order.
macro_rules! narrow {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $table:ident.$column:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $(pub $field: $type,)*
        }

        impl Columns for $name {
            fn select<S: QuerySelect>(from: S) -> S {
                from$(.column($table::Column::$column))*
            }
        }

        impl FromRow for $name {
            fn take(values: &mut Values<'_>) -> Result<Self, DbErr> {
                Ok(Self { $($field: values.next()?,)* })
            }
        }
    };
}

narrow! {
    /// A version of an entitlement, with its location's time zone.
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
    /// A version of a membership that was ever blocked.
    Blocked {
        entitlement_id: Uuid = entitlement_version.EntitlementId,
        reason: Option<BlockReason> = entitlement_version.BlockReason,
        since: Option<i64> = entitlement_version.BlockSince,
        happened_at: i64 = entitlement_version.HappenedAt,
        version_key: String = entitlement_version.VersionKey,
        repeats: Option<String> = entitlement_version.Repeats,
    }
}

narrow! {
    /// A person's participation in an entitlement of another holder.
    Beside {
        entitlement_id: Uuid = entitlement_version.EntitlementId,
        person_id: Uuid = entitlement_person.PersonId,
        part: Part = entitlement_person.Part,
    }
}

narrow! {
    /// A person's presence in a company.
    Pair {
        company_id: Uuid = company_person.CompanyId,
        person_id: Uuid = company_person.PersonId,
        happened_at: i64 = company_person.HappenedAt,
        version_key: String = company_person.VersionKey,
    }
}

narrow! {
    /// The end of a company.
    CompanyEnd {
        company_id: Uuid = company_version.CompanyId,
        happened_at: i64 = company_version.HappenedAt,
        version_key: String = company_version.VersionKey,
    }
}

/// A row of the statement that reads both people and sources: one statement for both, because a statement costs as much as
/// forty rows. Each row has one version of its person or source, or none.
pub struct PersonOrSourceRow {
    id: Uuid,
    is: RowKind,
    aspect: Option<String>,
    /// The version's value for a person, the time zone for a source.
    text: Option<String>,
    version: Option<Version>,
}

enum RowKind {
    Person {
        member_id: Uuid,
        source_id: Option<Uuid>,
        guest_only: bool,
    },
    Source {
        removed_at: Option<i64>,
        reached: Presence,
    },
}

/// Whether the club has, or ever had, participants in others' entitlements, and people in companies. Most clubs have
/// neither, and the queries for them are skipped.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    pub parts: bool,
    pub companies: bool,
}

/// Selects people and their versions in the column order of [`PersonOrSourceRow`].
pub fn named_people<S: QuerySelect>(from: S) -> S {
    from.column(person::Column::Id)
        .column(person::Column::MemberId)
        .column(person::Column::SourceId)
        .column(person::Column::GuestOnly)
        .column(person_version::Column::Aspect)
        .column(person_version::Column::Value)
        .column(person_version::Column::HappenedAt)
        .column(person_version::Column::VersionKey)
        .expr(null())
        .expr(null())
        .expr(null())
}

/// Selects sources and their snapshot watermarks in the column order of [`PersonOrSourceRow`].
pub fn named_sources<S: QuerySelect>(from: S) -> S {
    from.column(source::Column::Id)
        .expr(null())
        .expr(null())
        .expr(null())
        .column(source_version::Column::Aspect)
        .column(source::Column::TimeZone)
        .column(source_version::Column::HappenedAt)
        .column(source_version::Column::VersionKey)
        .column(source::Column::RemovedAt)
        .expr(any_of(
            entitlement_person::Entity,
            entitlement_person::Column::ClubId,
        ))
        .expr(any_of(
            company_person::Entity,
            company_person::Column::ClubId,
        ))
}

fn null() -> Expr {
    Expr::Constant(Value::String(None))
}

/// Whether the table has a row of the source's club.
fn any_of<E: EntityTrait>(table: E, of: E::Column) -> Expr {
    let whose = Expr::col((table, of)).equals((source::Entity, source::Column::ClubId));
    let any = Query::select()
        .expr(Expr::Constant(1.into()))
        .from(table)
        .and_where(whose)
        .to_owned();
    Expr::exists(any)
}

impl FromRow for PersonOrSourceRow {
    fn take(values: &mut Values<'_>) -> Result<Self, DbErr> {
        let id = values.next()?;
        let member_id: Option<Uuid> = values.next()?;
        let source_id = values.next()?;
        let guest_only: Option<bool> = values.next()?;
        let (aspect, text) = (values.next()?, values.next()?);
        let happened_at: Option<i64> = values.next()?;
        let said = happened_at.zip(values.next()?);
        let is = match member_id {
            Some(member_id) => RowKind::Person {
                member_id,
                source_id,
                guest_only: guest_only.unwrap_or_default(),
            },
            None => RowKind::Source {
                removed_at: values.next()?,
                reached: Presence {
                    parts: values.next::<Option<bool>>()?.unwrap_or(true),
                    companies: values.next::<Option<bool>>()?.unwrap_or(true),
                },
            },
        };
        Ok(Self {
            id,
            is,
            aspect,
            text,
            version: said,
        })
    }
}

/// A person of one source, with its current versions.
pub struct Person {
    pub id: Uuid,
    pub member_id: Uuid,
    pub source_id: Option<Uuid>,
    pub guest_only: bool,
    /// The stored JSON list of tags.
    pub tags: Option<(Version, String)>,
    pub deleted: Option<Version>,
    pub unlisted: Option<Version>,
}

pub struct Source {
    pub time_zone: String,
    pub removed_at: Option<i64>,
    /// Snapshot watermarks by aspect: older versions no longer count.
    pub floors: Map<SourceAspect, Version>,
}

/// People and sources by id, with their versions.
#[derive(Default)]
pub struct Words {
    pub persons: Map<Uuid, Person>,
    pub sources: Map<Uuid, Source>,
    /// Which further queries are needed. None if the club has no source, because then it has no facts.
    pub reached: Presence,
}

/// Groups rows by person and source. Fails if a version has an unknown aspect.
pub fn version_rows(rows: Vec<PersonOrSourceRow>) -> Result<Words, StoreError> {
    let mut version_rows = Words::default();
    version_rows.persons.reserve(rows.len());
    for row in rows {
        let (id, said) = (row.id, row.version);
        match row.is {
            RowKind::Person {
                member_id,
                source_id,
                guest_only,
            } => {
                let person = version_rows.persons.entry(id).or_insert(Person {
                    id,
                    member_id,
                    source_id,
                    guest_only,
                    tags: None,
                    deleted: None,
                    unlisted: None,
                });
                match aspect(row.aspect)? {
                    Some(PersonAspect::Deleted) => person.deleted = said,
                    Some(PersonAspect::AbsentFromSnapshot) => person.unlisted = said,
                    Some(PersonAspect::Tags) => person.tags = said.zip(row.text),
                    Some(PersonAspect::Email | PersonAspect::Name | PersonAspect::Companies)
                    | None => {}
                }
            }
            RowKind::Source {
                removed_at,
                reached,
            } => {
                version_rows.reached = reached;
                let source = version_rows.sources.entry(id).or_insert(Source {
                    time_zone: row.text.unwrap_or_default(),
                    removed_at,
                    floors: Map::default(),
                });
                if let (Some(aspect), Some(said)) = (aspect(row.aspect)?, said) {
                    source.floors.insert(aspect, said);
                }
            }
        }
    }
    Ok(version_rows)
}

fn aspect<A: ActiveEnum<Value = String>>(
    version_row: Option<String>,
) -> Result<Option<A>, StoreError> {
    let known = version_row
        .map(|version_row| A::try_from_value(&version_row))
        .transpose();
    known.map_err(|_| StoreError::Unreadable { what: "aspect" })
}
