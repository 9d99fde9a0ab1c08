//! Decodes the values of a row by position. PostgreSQL values are decoded without checking the column's type, so the selected
//! columns must match the decoded ones; a test of each statement verifies that.

use entity::kind::{BlockReason, EntitlementKind, OfferingKind, Part};
use sea_orm::{
    ActiveEnum, DbErr, QueryResult, RuntimeErr, TryGetable,
    sqlx::{self, Row, postgres::PgRow},
};
use uuid::Uuid;

/// The values of a row that are not decoded yet.
pub struct Values<'a> {
    row: &'a QueryResult,
    of_pg: Option<&'a PgRow>,
    next: usize,
}

impl<'a> Values<'a> {
    pub fn of(row: &'a QueryResult) -> Self {
        let of_pg = row.try_as_pg_row();
        Self {
            row,
            of_pg,
            next: 0,
        }
    }

    /// Decodes the next value.
    pub fn next<T: DecodeValue>(&mut self) -> Result<T, DbErr> {
        let at = self.next;
        self.next += 1;
        match self.of_pg {
            Some(row) => T::of_pg(row, at)
                .map_err(|problem| DbErr::Query(RuntimeErr::SqlxError(problem.into()))),
            None => self.row.try_get_by_index(at),
        }
    }
}

/// A type that a column's value can be decoded to.
pub trait DecodeValue: TryGetable {
    /// Decodes the value at a position of a PostgreSQL row.
    fn of_pg(row: &PgRow, at: usize) -> Result<Self, sqlx::Error>;
}

macro_rules! cells {
    ($($value:ty),*) => {$(
        impl DecodeValue for $value {
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

fn enum_from_text<T: ActiveEnum<Value = String>>(text: String) -> Result<T, sqlx::Error> {
    T::try_from_value(&text).map_err(|problem| sqlx::Error::Decode(Box::new(problem)))
}

macro_rules! text_enums {
    ($($value:ty),*) => {$(
        impl DecodeValue for $value {
            fn of_pg(row: &PgRow, at: usize) -> Result<Self, sqlx::Error> {
                enum_from_text(row.try_get_unchecked(at)?)
            }
        }

        impl DecodeValue for Option<$value> {
            fn of_pg(row: &PgRow, at: usize) -> Result<Self, sqlx::Error> {
                let text: Option<String> = row.try_get_unchecked(at)?;
                text.map(enum_from_text).transpose()
            }
        }
    )*};
}

text_enums!(BlockReason, EntitlementKind, OfferingKind, Part);
