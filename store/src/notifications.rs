//! Wake-ups between processes, by `LISTEN` and `NOTIFY` of PostgreSQL: the names of clubs. They are hints without a guarantee of
//! arrival. A process receives its own too.

use std::collections::BTreeSet;

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, RuntimeErr, Statement,
    sqlx::{self, postgres::PgListener},
};
use uuid::Uuid;

use super::{Db, StoreError};

const CHANNEL: &str = "latchkey_due";
/// The most clubs in one notification, whose payload PostgreSQL limits to 8,000 bytes.
const MOST_CLUBS: usize = 200;

/// Names clubs to all listeners.
pub async fn send(
    connection: &impl ConnectionTrait,
    clubs: &BTreeSet<Uuid>,
) -> Result<(), StoreError> {
    let clubs: Vec<String> = clubs.iter().map(|club| club.simple().to_string()).collect();
    for chunk in clubs.chunks(MOST_CLUBS) {
        let sql = "SELECT pg_notify($1, $2)";
        let values = [CHANNEL.into(), chunk.join(",").into()];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        connection.query_one_raw(statement).await?;
    }
    Ok(())
}

/// A connection that receives the named clubs.
pub struct Listener(PgListener);

impl Listener {
    /// Opens a connection of its own.
    pub async fn open(db: &Db) -> Result<Self, StoreError> {
        let mut listener = PgListener::connect(&db.url).await.map_err(failed)?;
        listener.listen(CHANNEL).await.map_err(failed)?;
        Ok(Self(listener))
    }

    /// Waits for the next clubs. An error also means that some may have been missed.
    pub async fn next(&mut self) -> Result<Vec<Uuid>, StoreError> {
        let received = self.0.recv().await.map_err(failed)?;
        let clubs = received.payload().split(',');
        Ok(clubs
            .filter_map(|club| Uuid::parse_str(club).ok())
            .collect())
    }
}

fn failed(problem: sqlx::Error) -> StoreError {
    DbErr::Conn(RuntimeErr::SqlxError(problem.into())).into()
}
