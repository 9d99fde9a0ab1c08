//! Classifies database errors: invalid data, or a temporary condition in which nothing could be stored. Used to decide what to
//! retry and to report the database's health.

use std::{borrow::Cow, io};

use sea_orm::{DbErr, RuntimeErr, sqlx};

use super::StoreError;

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The data or this program is at fault: the same statement would fail again.
    Data,
    /// Another transaction holds a lock.
    Lock,
    /// The disk is full, not writable, or failing.
    Disk,
    /// The connection is lost or unresponsive, or could not be opened.
    Connection,
}

impl Failure {
    /// Whether the failure is temporary, so that the same work may succeed later.
    pub fn is_temporary(self) -> bool {
        self != Self::Data
    }
}

impl StoreError {
    /// The kind of this failure.
    pub fn failure(&self) -> Failure {
        match self {
            Self::Database(problem) => of_db(problem),
            Self::TooManyEvaluations => Failure::Lock,
            Self::TaskEnded | Self::Unreadable { .. } | Self::Newer(_) => Failure::Data,
        }
    }
}

pub fn of_db(problem: &DbErr) -> Failure {
    match problem {
        DbErr::ConnectionAcquire(_) => Failure::Connection,
        DbErr::Conn(RuntimeErr::SqlxError(problem))
        | DbErr::Exec(RuntimeErr::SqlxError(problem))
        | DbErr::Query(RuntimeErr::SqlxError(problem)) => of_sqlx(problem),
        DbErr::Conn(RuntimeErr::Internal(_)) => Failure::Connection,
        _ => Failure::Data,
    }
}

/// Whether the response missed its deadline.
pub fn is_timeout(problem: &DbErr) -> bool {
    matches!(
        problem,
        DbErr::Conn(RuntimeErr::SqlxError(problem))
            | DbErr::Exec(RuntimeErr::SqlxError(problem))
            | DbErr::Query(RuntimeErr::SqlxError(problem))
            if matches!(&**problem, sqlx::Error::Io(problem) if problem.kind() == io::ErrorKind::TimedOut)
    )
}

pub fn of_sqlx(problem: &sqlx::Error) -> Failure {
    match problem {
        sqlx::Error::Database(problem) => match problem.code() {
            Some(code) => of_code(code),
            None => Failure::Data,
        },
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Failure::Connection,
        _ => Failure::Data,
    }
}

/// SQLite's codes are numbers whose lowest byte is the kind; PostgreSQL's are five letters or digits, of which the first two
/// are the class.
fn of_code(code: Cow<'_, str>) -> Failure {
    if code.len() == 5
        && let Some(class) = code.get(..2)
    {
        return match (class, code.as_ref()) {
            // 57014: the statement took too long and was cancelled; the connection stays usable.
            (_, "57014") => Failure::Lock,
            // 55P03 lock not available, 40P01 deadlock, 40001 serialization.
            ("40", _) | (_, "55P03") => Failure::Lock,
            // 08 connection, 57 shut down or terminated by an operator, 25P03 idle in a transaction for too long.
            ("08" | "57", _) | (_, "25P03") => Failure::Connection,
            // 53 out of disk, memory or connections, 58 I/O, 25006 read only.
            ("53" | "58", _) | (_, "25006") => Failure::Disk,
            _ => Failure::Data,
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        // BUSY, LOCKED.
        Ok(5 | 6) => Failure::Lock,
        // NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB.
        Ok(7 | 8 | 10 | 11 | 13 | 14 | 15 | 26) => Failure::Disk,
        _ => Failure::Data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifies_the_codes_of_both_databases() {
        let kinds = [
            ("13", Failure::Disk),
            ("778", Failure::Disk),  // IOERR_WRITE
            ("1032", Failure::Disk), // READONLY_DBMOVED
            ("5", Failure::Lock),
            ("517", Failure::Lock),  // BUSY_SNAPSHOT
            ("2067", Failure::Data), // CONSTRAINT_UNIQUE
            ("787", Failure::Data),  // CONSTRAINT_FOREIGNKEY
            ("57P01", Failure::Connection),
            ("08006", Failure::Connection),
            ("53100", Failure::Disk),
            ("25006", Failure::Disk),
            ("40P01", Failure::Lock),
            ("57014", Failure::Lock),
            ("23505", Failure::Data),
            ("22001", Failure::Data),
        ];
        for (code, kind) in kinds {
            assert_eq!(of_code(Cow::Borrowed(code)), kind, "{code}");
        }
    }
}
