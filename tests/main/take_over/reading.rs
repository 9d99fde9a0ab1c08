//! The first reading of a group while facts change.

use std::time::Duration;

use latchkey_sandbox::Switches;
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use super::{Policy, manage};
use crate::support::{
    api::eventually,
    world::{Database, Setup, World},
};

/// A member of an open transaction is invisible to others: the first reading of a group, which marks everybody due, waits for the
/// transaction's end. SQLite has one writer at a time anyway.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_reading_waits_for_open_transactions() {
    let setup = Setup::default();
    World::run(Database::Postgres, setup, |world| {
        Box::pin(reads_while_facts_change(world))
    })
    .await;
}

async fn reads_while_facts_change(world: &mut World) {
    world.connect().await;
    world.settled().await;
    world.sandbox.set(Switches {
        latency: Duration::from_millis(400),
        ..world.sandbox.switches()
    });
    manage(world, Policy::Keep).await;
    let facts = database(world).await;
    let begin = "BEGIN; UPDATE club SET revision = revision + 1";
    facts.execute_unprepared(begin).await.unwrap();
    let database = database(world).await;
    let is_read = async || {
        let query = "SELECT 1 FROM access_group WHERE read_at IS NOT NULL";
        let statement = Statement::from_string(DbBackend::Postgres, query);
        database.query_one_raw(statement).await.unwrap().map(|_| ())
    };
    let was_listed = async || {
        let calls = world.sandbox.calls();
        let mut lists = calls
            .iter()
            .filter(|call| call.path.contains("role_assignments"));
        lists.any(|call| call.status.is_some()).then_some(())
    };
    eventually(was_listed, async || "no list was read".to_owned()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(is_read().await, None);
    facts.execute_unprepared("COMMIT").await.unwrap();
    eventually(is_read, async || "the group was not read".to_owned()).await;
    facts.close().await.unwrap();
    database.close_by_ref().await.unwrap();
}

async fn database(world: &World) -> DatabaseConnection {
    let mut options = ConnectOptions::new(world.database_url());
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap()
}
