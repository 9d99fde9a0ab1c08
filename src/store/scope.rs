//! A club's part of the database. Every row belongs to a club, and a `Scope` is the only way to begin a query for rows: it
//! carries the club, so that forgetting it does not compile. Entities stay inside `store`.

use entity::*;
use sea_orm::{
    ColumnTrait, DeleteMany, EntityTrait, QueryFilter, Select, UpdateMany, sea_query::ExprTrait,
};
use uuid::Uuid;

/// The club whose rows are meant.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The club's id.
    pub club: Uuid,
}

/// An entity whose rows belong to a club.
pub trait OfClub: EntityTrait {
    /// The column that says which.
    const CLUB: Self::Column;
}

impl Scope {
    /// The scope of a club.
    pub fn new(club: Uuid) -> Self {
        Self { club }
    }

    /// A query for the club's rows.
    pub fn find<E: OfClub>(self) -> Select<E> {
        E::find().filter(E::CLUB.eq(self.club))
    }

    /// A query for the club's rows among ids. SQLite does not know how large a club is, takes it for smaller than a list of
    /// ten, and would read all of it: so the club is asked for in words that no index begins with.
    pub fn among<E: OfClub>(self) -> Select<E> {
        E::find().filter(E::CLUB.ne(self.club).not())
    }

    /// An update of the club's rows.
    pub fn update<E: OfClub>(self) -> UpdateMany<E> {
        E::update_many().filter(E::CLUB.eq(self.club))
    }

    /// A deletion among the club's rows.
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
    company,
    company_person,
    company_version,
    delivery,
    delivery_member,
    due,
    entitlement,
    entitlement_person,
    entitlement_version,
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
    press,
    reading,
    rejection,
    revocation,
    rule,
    share,
    source,
    source_version,
    suspension,
    token,
);

impl OfClub for club::Entity {
    const CLUB: Self::Column = club::Column::Id;
}
