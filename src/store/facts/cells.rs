//! The values of a row, one after the other, by their places. PostgreSQL's are taken as they came, without asking whether the
//! column is of the type that is wanted: what is selected is what is taken, which a test of each statement sees.

use entity::kind::{BlockReason, EntitlementKind, OfferingKind, Part};
use sea_orm::{
    ActiveEnum, DbErr, QueryResult, RuntimeErr, TryGetable,
    sqlx::{self, Row, postgres::PgRow},
};
use uuid::Uuid;

/// The values of a row that were not taken yet.
pub struct Values<'a> {
    row: &'a QueryResult,
    of_pg: Option<&'a PgRow>,
    next: usize,
}

impl<'a> Values<'a> {
    /// All of a row.
    pub fn of(row: &'a QueryResult) -> Self {
        let of_pg = row.try_as_pg_row();
        Self {
            row,
            of_pg,
            next: 0,
        }
    }

    /// Takes the next one.
    pub fn next<T: Cell>(&mut self) -> Result<T, DbErr> {
        let at = self.next;
        self.next += 1;
        match self.of_pg {
            Some(row) => T::of_pg(row, at)
                .map_err(|problem| DbErr::Query(RuntimeErr::SqlxError(problem.into()))),
            None => self.row.try_get_by_index(at),
        }
    }
}

/// A value that a column may hold.
pub trait Cell: TryGetable {
    /// From a row of PostgreSQL.
    fn of_pg(row: &PgRow, at: usize) -> Result<Self, sqlx::Error>;
}

macro_rules! cells {
    ($($value:ty),*) => {$(
        impl Cell for $value {
            fn of_pg(row: &PgRow, at: usize) -> Result<Self, sqlx::Error> {
                row.try_get_unchecked(at)
            }
        }
    )*};
}

cells!(
    Uuid,
    Option<Uuid>,
    String,
    Option<String>,
    i64,
    Option<i64>,
    bool,
    Option<bool>
);

fn word<T: ActiveEnum<Value = String>>(text: String) -> Result<T, sqlx::Error> {
    T::try_from_value(&text).map_err(|problem| sqlx::Error::Decode(Box::new(problem)))
}

macro_rules! words {
    ($($word:ty),*) => {$(
        impl Cell for $word {
            fn of_pg(row: &PgRow, at: usize) -> Result<Self, sqlx::Error> {
                word(row.try_get_unchecked(at)?)
            }
        }

        impl Cell for Option<$word> {
            fn of_pg(row: &PgRow, at: usize) -> Result<Self, sqlx::Error> {
                let text: Option<String> = row.try_get_unchecked(at)?;
                text.map(word).transpose()
            }
        }
    )*};
}

words!(BlockReason, EntitlementKind, OfferingKind, Part);
