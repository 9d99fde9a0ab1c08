//! Failing transactions at the level of `store`: a failed transaction stores nothing, and later transactions succeed.

use latchkey::store::{Connection, Db, Failure, StoreError};
use latchkey::transaction;
use sea_orm::{DbErr, Statement};
use tempfile::TempDir;

use crate::support::postgres::{self, FreshDatabase};

/// A database with the tables `parent` and `child`. The foreign key of `child` is checked at the commit.
struct Tables {
    db: Db,
    /// Separate connections, like those of another process.
    aside: Db,
    _folder: TempDir,
    postgres: Option<FreshDatabase>,
}

impl Tables {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
        Self::new(&url, folder, None).await
    }

    /// `None` if the tests on PostgreSQL are skipped.
    async fn postgres() -> Option<Self> {
        let database = postgres::fresh().await?;
        let url = database.url().to_owned();
        Some(Self::new(&url, tempfile::tempdir().unwrap(), Some(database)).await)
    }

    async fn both() -> Vec<Self> {
        let mut both = vec![Self::sqlite().await];
        both.extend(Self::postgres().await);
        both
    }

    async fn new(url: &str, folder: TempDir, postgres: Option<FreshDatabase>) -> Self {
        let db = Db::connect(url).await.unwrap();
        let aside = Db::connect(url).await.unwrap();
        let tables = Self {
            db,
            aside,
            _folder: folder,
            postgres,
        };
        let parent = "CREATE TABLE parent (id INTEGER PRIMARY KEY)";
        let child = "CREATE TABLE child (parent INTEGER NOT NULL REFERENCES parent (id) \
                     DEFERRABLE INITIALLY DEFERRED, filler TEXT)";
        tables.run(&[parent]).await.unwrap();
        tables.run(&[child]).await.unwrap();
        tables
    }

    /// Runs statements in one transaction.
    async fn run(&self, statements: &[&str]) -> Result<(), StoreError> {
        let statements: Vec<String> = statements.iter().map(|sql| (*sql).to_owned()).collect();
        self.db
            .write(|tx| {
                Box::pin(async move {
                    for statement in statements {
                        tx.execute_unprepared(&statement).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// The number of rows that the separate connections see.
    async fn rows(&self, table: &str) -> i64 {
        let read = self.aside.read();
        let sql = format!("SELECT count(*) AS n FROM {table}");
        let statement = Statement::from_string(read.get_database_backend(), sql);
        let row = read.query_one_raw(statement).await.unwrap();
        row.unwrap().try_get("", "n").unwrap()
    }

    /// Checks that later writes are committed, visible to the separate connections, and leave no lock behind.
    async fn is_well(&self) {
        let before = self.rows("parent").await;
        for _ in 0..3 {
            self.run(&["INSERT INTO parent SELECT coalesce(max(id), 0) + 1 FROM parent"])
                .await
                .unwrap();
        }
        assert_eq!(self.rows("parent").await, before + 3);
        let beside = self.aside.write(|tx| {
            Box::pin(async move {
                tx.execute_unprepared("DELETE FROM child").await?;
                Ok::<_, StoreError>(())
            })
        });
        beside.await.unwrap();
    }

    async fn end(self) {
        self.db.close().await;
        self.aside.close().await;
        if let Some(database) = self.postgres {
            database.remove().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_refused_spoils_none_after_it() {
    for tables in Tables::both().await {
        for _ in 0..3 {
            let refused = tables
                .run(&[
                    "INSERT INTO parent SELECT 100",
                    "INSERT INTO child VALUES (-1, 'of nobody')",
                ])
                .await;
            assert_eq!(refused.unwrap_err().failure(), Failure::Data);
            assert_eq!(
                (tables.rows("parent").await % 3, tables.rows("child").await),
                (0, 0)
            );
            tables.is_well().await;
        }
        tables.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_that_is_ignored_fails_the_transaction_all_the_same() {
    for tables in Tables::both().await {
        let ignored = tables.db.write(|tx| {
            Box::pin(async move {
                tx.execute_unprepared("INSERT INTO parent SELECT 100")
                    .await?;
                let twice = tx.execute_unprepared("INSERT INTO parent SELECT 100").await;
                assert!(twice.is_err());
                let after = tx.execute_unprepared("INSERT INTO parent SELECT 101").await;
                assert_eq!(after.unwrap_err(), twice.unwrap_err());
                Ok::<_, StoreError>(())
            })
        });
        assert!(ignored.await.is_err());
        assert_eq!(tables.rows("parent").await, 0);
        tables.is_well().await;
        tables.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_panics_leaves_nothing_behind() {
    for tables in Tables::both().await {
        let panics = tables.db.write(|tx| {
            Box::pin(async move {
                tx.execute_unprepared("INSERT INTO parent SELECT 100")
                    .await?;
                if tx.get_database_backend() != sea_orm::DatabaseBackend::MySql {
                    panic!("in the middle of a transaction");
                }
                Ok::<_, StoreError>(())
            })
        });
        assert!(matches!(panics.await, Err(StoreError::TaskEnded)));
        tables.is_well().await;
        assert_eq!(tables.rows("parent").await, 3);
        tables.end().await;
    }
}

/// SQLite rolls a transaction back by itself when the disk is full; the statements after it would be committed one by one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stores_all_of_a_transaction_or_nothing() {
    let tables = Tables::sqlite().await;
    let filler = "INSERT INTO child SELECT 100, hex(zeroblob(500000))";
    for ignores in [false, true] {
        let full = transaction!(tables.db, |tx| {
            tx.execute_unprepared("PRAGMA max_page_count = 1").await?;
            tx.execute_unprepared("INSERT INTO parent SELECT 100")
                .await?;
            let filled = tx.execute_unprepared(filler).await;
            if ignores {
                let _ = tx.execute_unprepared("INSERT INTO parent SELECT 101").await;
                return Ok(());
            }
            filled?;
            Ok::<_, StoreError>(())
        });
        assert_eq!(full.await.unwrap_err().failure(), Failure::Disk);
        assert_eq!(tables.rows("parent").await % 3, 0);
        tables.is_well().await;
    }
    tables.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_written_says_so_until_it_can() {
    let tables = Tables::sqlite().await;
    let refused = tables
        .run(&["PRAGMA query_only = ON", "INSERT INTO parent SELECT 100"])
        .await;
    assert_eq!(refused.unwrap_err().failure(), Failure::Disk);
    tables.is_well().await;
    tables.end().await;
}

/// Terminates the PostgreSQL session of a transaction: before its last statement, or before its COMMIT.
async fn terminated(tables: &Tables, at_commit: bool) -> Result<(), StoreError> {
    let aside = tables.aside.clone();
    transaction!(tables.db, |tx| {
        tx.execute_unprepared("INSERT INTO parent SELECT 100")
            .await?;
        let pid = "SELECT pg_backend_pid() AS pid";
        let pid = Statement::from_string(tx.get_database_backend(), pid);
        let row = tx.query_one_raw(pid).await?;
        let pid: i32 = row.unwrap().try_get("", "pid")?;
        let end = format!("SELECT pg_terminate_backend({pid}, 5000)");
        aside.read().execute_unprepared(&end).await?;
        if !at_commit {
            tx.execute_unprepared("INSERT INTO parent SELECT 101")
                .await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_terminated_in_a_transaction_stores_nothing() {
    let Some(tables) = Tables::postgres().await else {
        return;
    };
    for at_commit in [false, true] {
        let ended = terminated(&tables, at_commit).await.unwrap_err();
        assert_eq!(ended.failure(), Failure::Connection, "{ended:?}");
        tables.is_well().await;
    }
    assert_eq!(tables.rows("parent").await, 6);
    tables.end().await;
}

/// Connections that died while idle cause no error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_connections_are_replaced_at_once() {
    let Some(tables) = Tables::postgres().await else {
        return;
    };
    for _ in 0..3 {
        // Opens several connections for writes and for reads.
        let writes = (0..4).map(|_| tables.run(&["SELECT pg_sleep(0.01)"]));
        for write in futures_util::future::join_all(writes).await {
            write.unwrap();
        }
        let read = tables.db.read();
        let reads = (0..8).map(|_| read.execute_unprepared("SELECT pg_sleep(0.01)"));
        for read in futures_util::future::join_all(reads).await {
            read.unwrap();
        }
        let others = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
                      WHERE datname = current_database() AND pid <> pg_backend_pid()";
        tables
            .aside
            .read()
            .execute_unprepared(others)
            .await
            .unwrap();
        for _ in 0..4 {
            tables.run(&["SELECT 1"]).await.unwrap();
            let read: Result<_, DbErr> = tables.db.read().execute_unprepared("SELECT 1").await;
            read.unwrap();
        }
        tables.is_well().await;
    }
    tables.end().await;
}
