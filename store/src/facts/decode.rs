//! Decodes the values of a row by position: the columns are selected by the type that decodes them, so their order is its order.

use sea_orm::{DbErr, QueryResult, TryGetable};

/// The values of a row that are not decoded yet.
pub struct Values<'a> {
    row: &'a QueryResult,
    next: usize,
}

impl<'a> Values<'a> {
    pub fn of(row: &'a QueryResult) -> Self {
        Self { row, next: 0 }
    }

    /// Decodes the next value.
    pub fn next<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        let at = self.next;
        self.next += 1;
        self.row.try_get_by_index(at)
    }
}
