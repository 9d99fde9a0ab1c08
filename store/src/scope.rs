//! Tenant isolation. Every row belongs to a club, and queries for rows start from a `ClubScope`, which adds the filter on the
//! club, so that it cannot be forgotten. Entities stay inside `store`.

use entity::*;
use sea_orm::{
    ColumnTrait, DeleteMany, EntityTrait, QueryFilter, Select, UpdateMany, sea_query::Expr,
};
use uuid::Uuid;

/// The club to which a query is limited.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClubScope {
    pub club: Uuid,
}

/// An entity whose rows belong to a club.
pub trait OfClub: EntityTrait {
    /// The column with the club's id.
    const CLUB: Self::Column;
}

/// An entity whose rows have an id of their own.
pub trait WithId: OfClub {
    /// The primary key.
    const ID: Self::Column;
}

impl ClubScope {
    pub fn new(club: Uuid) -> Self {
        Self { club }
    }

    /// Selects the club's rows.
    pub fn find<E: OfClub>(self) -> Select<E> {
        E::find().filter(E::CLUB.eq(self.club))
    }

    /// Selects the club's rows, for queries that also filter by ids, which then choose the index. Neither database knows the size
    /// of a club: SQLite assumes fewer rows than a list of ten ids, and PostgreSQL makes its plans before a new table has
    /// statistics and keeps them. Both would read the whole club.
    pub fn find_for_ids<E: OfClub>(self) -> Select<E> {
        E::find().filter(self.without_index::<E>())
    }

    /// The condition that a row is of the club, in a form that no index can answer.
    pub fn without_index<E: OfClub>(self) -> Expr {
        Expr::case(E::CLUB.eq(self.club), Expr::value(true))
            .finally(Expr::value(false))
            .into()
    }

    /// Updates rows of the club.
    pub fn update<E: OfClub>(self) -> UpdateMany<E> {
        E::update_many().filter(E::CLUB.eq(self.club))
    }

    /// Updates rows of the club, for statements that also filter by ids: see `find_for_ids`.
    pub fn update_for_ids<E: OfClub>(self) -> UpdateMany<E> {
        E::update_many().filter(self.without_index::<E>())
    }

    /// Deletes rows of the club, for statements that also filter by many ids: see `find_for_ids`.
    pub fn delete_for_ids<E: OfClub>(self) -> DeleteMany<E> {
        E::delete_many().filter(self.without_index::<E>())
    }

    /// Deletes rows of the club.
    pub fn delete<E: OfClub>(self) -> DeleteMany<E> {
        E::delete_many().filter(E::CLUB.eq(self.club))
    }
}

macro_rules! of_club {
    ($($table:ident),* $(,)?) => {
        $(impl OfClub for $table::Entity {
            const CLUB: Self::Column = $table::Column::ClubId;
        })*
    };
}

of_club!(
    access_group,
    announced_problem,
    arrival,
    check_in,
    company,
    company_person,
    company_version,
    delivery,
    delivery_member,
    due,
    entitlement,
    entitlement_person,
    entitlement_version,
    erased_identifier,
    group_lock,
    history,
    kisi_account,
    kisi_event,
    kisi_grant,
    kisi_listener,
    kisi_login,
    kisi_user,
    location,
    lock,
    member,
    offering,
    person,
    person_past,
    person_version,
    place,
    unlock_request,
    read_request,
    reading,
    rejection,
    revocation,
    rule,
    share,
    source,
    source_version,
    suspension,
    token,
    webhook_attempt,
    webhook_endpoint,
    webhook_message,
);

impl OfClub for club::Entity {
    const CLUB: Self::Column = club::Column::Id;
}

macro_rules! with_id {
    ($($table:ident),* $(,)?) => {
        $(impl WithId for $table::Entity {
            const ID: Self::Column = $table::Column::Id;
        })*
    };
}

with_id!(
    access_group,
    company,
    delivery,
    history,
    kisi_account,
    kisi_grant,
    kisi_user,
    location,
    lock,
    member,
    offering,
    place,
    share,
    source,
    suspension,
    token,
    webhook_endpoint,
    webhook_message,
);
