//! PostgreSQL without statistics: a new database is not analysed before its first minute is over, and the plans that are made then
//! stay. What a webhook reads must not grow with its club all the same.

use sea_orm::{ConnectionTrait, Database as Connect, DbBackend, Statement};

use crate::support::{
    event::membership,
    world::{Database, Setup, World},
};

/// Enough that reading the rows of everybody for each event is far above the limit.
const PEOPLE: i64 = 250;
/// The most rows of tables and entries of indexes that an event may visit, on average.
const MOST: i64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_webhook_reads_does_not_grow_with_its_club() {
    let setup = Setup::default();
    World::run(Database::Postgres, setup, |world| {
        Box::pin(no_event_reads_everybody(world))
    })
    .await;
}

async fn no_event_reads_everybody(world: &mut World) {
    let source = world.api.source("Club").await;
    for nth in 0..PEOPLE {
        let data = membership(&format!("m{nth}"), &format!("p{nth}"));
        world.send(&source, "membership.updated", data).await;
    }
    // A server process reports what it has read when its connection ends, if not before.
    world.stop().await;
    let connection = Connect::connect(world.database_url()).await.unwrap();
    let visited = "SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)::int8 \
                        + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)::int8 AS visited";
    let visited = Statement::from_string(DbBackend::Postgres, visited);
    let row = connection.query_one_raw(visited).await.unwrap().unwrap();
    let visited: i64 = row.try_get("", "visited").unwrap();
    connection.close().await.unwrap();
    world.start_again().await;
    let each = visited / PEOPLE;
    assert!(visited > PEOPLE, "the server reports nothing: {visited}");
    assert!(each <= MOST, "{each} rows for an event");
}
