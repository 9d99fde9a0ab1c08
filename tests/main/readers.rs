//! Reading on PostgreSQL, where connections are kept between statements: a writer finds a connection however many readers there
//! are, and a cancelled or failed statement does not affect the answer of another.

use latchkey::transaction;
use std::time::Duration;

use latchkey::store::{Connection, Db, StoreError};
use sea_orm::{DbBackend, Statement};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::support::postgres::{self, FreshDatabase};

/// `None` if the tests on PostgreSQL are to be skipped.
async fn fresh() -> Option<(Db, FreshDatabase)> {
    let database = postgres::fresh().await?;
    let db = Db::connect(database.url()).await.unwrap();
    Some((db, database))
}

fn statement(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

async fn number(db: &Db, sql: &str) -> i64 {
    let row = db.read().query_one_raw(statement(sql)).await.unwrap();
    row.unwrap().try_get("", "n").unwrap()
}

/// Starts a transaction that holds an advisory lock until it is told to end.
async fn locked(db: &Db) -> (oneshot::Sender<()>, JoinHandle<Result<(), StoreError>>) {
    let (has, got) = oneshot::channel();
    let (end, told) = oneshot::channel::<()>();
    let db = db.clone();
    let task = tokio::spawn(async move {
        transaction!(db, |tx| {
            tx.execute_unprepared("SELECT pg_advisory_xact_lock(7)")
                .await?;
            has.send(()).unwrap();
            told.await.ok();
            Ok(())
        })
        .await
    });
    got.await.unwrap();
    (end, task)
}

/// Starts a read that waits for the advisory lock.
fn waiting(db: &Db) -> JoinHandle<()> {
    let db = db.clone();
    tokio::spawn(async move {
        let sql = "SELECT pg_advisory_xact_lock_shared(7)";
        db.read().query_all_raw(statement(sql)).await.unwrap();
    })
}

/// Waits until `count` statements wait for the lock, as seen on a connection of its own.
async fn until_waiting(database: &FreshDatabase, count: i64) {
    let aside = Db::connect(database.url()).await.unwrap();
    let sql = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    while number(&aside, sql).await < count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    aside.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_finds_a_connection_beside_many_readers() {
    let Some((db, database)) = fresh().await else {
        return;
    };
    let (end, transaction) = locked(&db).await;
    let readers: Vec<_> = (0..40).map(|_| waiting(&db)).collect();
    until_waiting(&database, 10).await;
    let written: Result<(), StoreError> = db
        .write(|tx| {
            Box::pin(async move {
                tx.execute_unprepared("CREATE TABLE written (n BIGINT)")
                    .await?;
                Ok(())
            })
        })
        .await;
    written.unwrap();
    end.send(()).unwrap();
    transaction.await.unwrap().unwrap();
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(number(&db, "SELECT count(*) AS n FROM written").await, 0);
    db.close().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_or_failed_statement_spoils_no_other_answer() {
    let Some((db, database)) = fresh().await else {
        return;
    };
    for round in 0..3 {
        let (end, transaction) = locked(&db).await;
        let readers: Vec<_> = (0..10).map(|_| waiting(&db)).collect();
        until_waiting(&database, 10).await;
        for reader in readers {
            reader.abort();
            assert!(reader.await.unwrap_err().is_cancelled());
        }
        end.send(()).unwrap();
        transaction.await.unwrap().unwrap();
        let divided = db
            .read()
            .query_all_raw(statement("SELECT 1 / 0 AS n"))
            .await;
        assert!(divided.is_err());
        for n in 0..40 {
            let sql = format!("SELECT {n}::bigint AS n");
            assert_eq!(number(&db, &sql).await, n, "round {round}");
        }
    }
    db.close().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_kept_between_statements_and_none_after_the_end() {
    let Some((db, database)) = fresh().await else {
        return;
    };
    let first = number(&db, "SELECT pg_backend_pid()::bigint AS n").await;
    let second = number(&db, "SELECT pg_backend_pid()::bigint AS n").await;
    assert_eq!(first, second);
    let reading = db.clone();
    db.close().await;
    let aside = Db::connect(database.url()).await.unwrap();
    let alive = format!("SELECT count(*) AS n FROM pg_stat_activity WHERE pid = {first}");
    while number(&aside, &alive).await > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    aside.close().await;
    let refused = reading.read().query_all_raw(statement("SELECT 1")).await;
    assert!(refused.is_err());
    database.remove().await;
}
