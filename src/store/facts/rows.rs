//! The rows that holdings are built of. As narrow as they can be: a column costs for each member of a club, so what nobody
//! asks for is not selected, and values are taken by their place. Says what the columns are; `read` asks for them.

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

use super::{StoreError, cells::Values};
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
pub trait Take: Sized + Send {
    /// Takes them in their order.
    fn take(values: &mut Values<'_>) -> Result<Self, DbErr>;
}

/// The same where it says itself what to select.
pub trait Narrow: Take {
    /// Selects its columns after others, in their order.
    fn select<S: QuerySelect>(from: S) -> S;
}

impl<A: Narrow, B: Narrow> Narrow for (A, B) {
    fn select<S: QuerySelect>(from: S) -> S {
        B::select(A::select(from))
    }
}

impl<A: Take, B: Take> Take for (A, B) {
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
        }

        impl Take for $name {
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

/// A row of the statement that asks who somebody is and, once for all of them, whence: a statement costs as much as forty
/// rows. Each comes with one of the words about it, or none.
pub struct Named {
    id: Uuid,
    is: Is,
    aspect: Option<String>,
    /// Of a word its value, of a source its zone.
    text: Option<String>,
    said: Option<Version>,
}

enum Is {
    Person {
        member_id: Uuid,
        source_id: Option<Uuid>,
        guest_only: bool,
    },
    Source {
        removed_at: Option<i64>,
        reached: Reached,
    },
}

/// Whether anybody of the club has, or had, a part in what another holds, and in a company: in most clubs nobody has either,
/// and nobody need be asked for.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    pub parts: bool,
    pub companies: bool,
}

/// Selects people and their words as [`Named`] has them.
pub fn named_people<S: QuerySelect>(from: S) -> S {
    from.column(person::Column::Id)
        .column(person::Column::MemberId)
        .column(person::Column::SourceId)
        .column(person::Column::GuestOnly)
        .column(person_version::Column::Aspect)
        .column(person_version::Column::Value)
        .column(person_version::Column::HappenedAt)
        .column(person_version::Column::VersionKey)
        .expr(nothing())
        .expr(nothing())
        .expr(nothing())
}

/// Selects sources and their floors as [`Named`] has them.
pub fn named_sources<S: QuerySelect>(from: S) -> S {
    from.column(source::Column::Id)
        .expr(nothing())
        .expr(nothing())
        .expr(nothing())
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

fn nothing() -> Expr {
    Expr::Constant(Value::String(None))
}

/// Whether there is a row of the source's club.
fn any_of<E: EntityTrait>(table: E, of: E::Column) -> Expr {
    let whose = Expr::col((table, of)).equals((source::Entity, source::Column::ClubId));
    let any = Query::select()
        .expr(Expr::Constant(1.into()))
        .from(table)
        .and_where(whose)
        .to_owned();
    Expr::exists(any)
}

impl Take for Named {
    fn take(values: &mut Values<'_>) -> Result<Self, DbErr> {
        let id = values.next()?;
        let member_id: Option<Uuid> = values.next()?;
        let source_id = values.next()?;
        let guest_only: Option<bool> = values.next()?;
        let (aspect, text) = (values.next()?, values.next()?);
        let happened_at: Option<i64> = values.next()?;
        let said = happened_at.zip(values.next()?);
        let is = match member_id {
            Some(member_id) => Is::Person {
                member_id,
                source_id,
                guest_only: guest_only.unwrap_or_default(),
            },
            None => Is::Source {
                removed_at: values.next()?,
                reached: Reached {
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
            said,
        })
    }
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
}

/// Where words come from.
pub struct Source {
    pub time_zone: String,
    pub removed_at: Option<i64>,
    /// From when on older words of each kind count no more.
    pub floors: Map<SourceAspect, Version>,
}

/// People and sources, each with all words about them.
#[derive(Default)]
pub struct Words {
    pub persons: Map<Uuid, Person>,
    pub sources: Map<Uuid, Source>,
    /// Whom else to ask for. Nobody where there is no source: then nobody said anything.
    pub reached: Reached,
}

/// Each with all words.
///
/// # Errors
///
/// Where a word is of no known aspect.
pub fn words(rows: Vec<Named>) -> Result<Words, StoreError> {
    let mut words = Words::default();
    words.persons.reserve(rows.len());
    for row in rows {
        let (id, said) = (row.id, row.said);
        match row.is {
            Is::Person {
                member_id,
                source_id,
                guest_only,
            } => {
                let person = words.persons.entry(id).or_insert(Person {
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
                    Some(PersonAspect::Unlisted) => person.unlisted = said,
                    Some(PersonAspect::Tags) => person.tags = said.zip(row.text),
                    Some(PersonAspect::Email | PersonAspect::Name | PersonAspect::Companies)
                    | None => {}
                }
            }
            Is::Source {
                removed_at,
                reached,
            } => {
                words.reached = reached;
                let source = words.sources.entry(id).or_insert(Source {
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
    Ok(words)
}

fn aspect<A: ActiveEnum<Value = String>>(word: Option<String>) -> Result<Option<A>, StoreError> {
    let known = word.map(|word| A::try_from_value(&word)).transpose();
    known.map_err(|_| StoreError::Unreadable { what: "aspect" })
}
