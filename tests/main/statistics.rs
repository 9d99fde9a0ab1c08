//! PostgreSQL without statistics: a new database is not analysed before its first minute is over, and the plans that are made then
//! stay. What a webhook reads must not grow with its club all the same.

use sea_orm::{ConnectionTrait, Database as Connect, DbBackend, Statement};

use serde_json::json;

use crate::support::{
    api::eventually,
    event::{email, membership},
    world::{Database, Setup, World},
};

/// Enough that reading the rows of everybody for each event is far above the limit.
const PEOPLE: i64 = 250;
/// The most rows of tables and entries of indexes that an event may visit, on average.
const MOST: i64 = 60;
/// The same until Kisi has confirmed it.
const MOST_TO_KISI: i64 = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_webhook_reads_does_not_grow_with_its_club() {
    let setup = Setup::default();
    World::run(Database::Postgres, setup, |world| {
        Box::pin(no_event_reads_everybody(world))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_evaluation_reads_does_not_grow_with_its_club() {
    let setup = Setup::default();
    World::run(Database::Postgres, setup, |world| {
        Box::pin(no_evaluation_reads_everybody(world, None))
    })
    .await;
}

/// Statistics of tables with a few rows are worse than none. A backup that is restored has such, for one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_after_its_first_people_were_analysed() {
    let setup = Setup::default();
    World::run(Database::Postgres, setup, |world| {
        Box::pin(no_evaluation_reads_everybody(world, Some(5)))
    })
    .await;
}

/// So that statistics are not made of tables that are nearly empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_table_is_analysed_only_when_it_is_filled() {
    let setup = Setup::default();
    World::run(Database::Postgres, setup, |world| {
        Box::pin(every_table_has_its_thresholds(world))
    })
    .await;
}

async fn every_table_has_its_thresholds(world: &mut World) {
    let others = "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace \
                  AND relname <> 'seaql_migrations' \
                  AND NOT coalesce(reloptions, '{}') \
                  @> ARRAY['autovacuum_vacuum_threshold=1000', 'autovacuum_analyze_threshold=1000']";
    let connection = Connect::connect(world.database_url()).await.unwrap();
    let others = Statement::from_string(DbBackend::Postgres, others);
    let others = connection.query_all_raw(others).await.unwrap();
    connection.close().await.unwrap();
    let names: Vec<String> = (others.iter())
        .map(|row| row.try_get("", "name").unwrap())
        .collect();
    assert_eq!(names, Vec::<String>::new());
}

async fn no_event_reads_everybody(world: &mut World) {
    let source = world.api.source("Club").await;
    for nth in 0..PEOPLE {
        let data = membership(&format!("m{nth}"), &format!("p{nth}"));
        world.send(&source, "membership.updated", data).await;
    }
    let each = visited_since_it_was_created(world).await / PEOPLE;
    assert!(each <= MOST, "{each} rows for an event");
}

async fn no_evaluation_reads_everybody(world: &mut World, analyse_after: Option<i64>) {
    world.connect().await;
    let group = world.api.named("groups", "Members").await;
    let input = json!({ "group": group, "managed": true });
    let manage = [("input", "ManageGroupInput!", input)];
    let managed = "group { managed }";
    world.api.mutate("manageGroup", &manage, managed).await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    let source = world.api.source("Club").await;
    for nth in 0..PEOPLE {
        if Some(nth) == analyse_after {
            let connection = Connect::connect(world.database_url()).await.unwrap();
            connection
                .execute_unprepared("VACUUM ANALYZE")
                .await
                .unwrap();
            connection.close().await.unwrap();
        }
        let data = membership(&format!("m{nth}"), &format!("p{nth}"));
        world.send(&source, "membership.updated", data).await;
        let address = email(&format!("p{nth}"));
        let is_in = async || (!world.sandbox.assignments_of(&address).is_empty()).then_some(());
        eventually(is_in, async || format!("{address} gets no access")).await;
    }
    let each = visited_since_it_was_created(world).await / PEOPLE;
    assert!(each <= MOST_TO_KISI, "{each} rows for an event");
}

/// The rows of tables and entries of indexes that were visited in the database; prints where most were.
async fn visited_since_it_was_created(world: &mut World) -> i64 {
    // A server process reports what it has read when its connection ends, if not before.
    world.stop().await;
    let connection = Connect::connect(world.database_url()).await.unwrap();
    let visited = "SELECT relname AS name, seq_tup_read AS visited FROM pg_stat_user_tables UNION ALL \
                   SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes ORDER BY visited DESC";
    let visited = Statement::from_string(DbBackend::Postgres, visited);
    let rows = connection.query_all_raw(visited).await.unwrap();
    connection.close().await.unwrap();
    world.start_again().await;
    let mut sum = 0;
    for (nth, row) in rows.iter().enumerate() {
        let visited: i64 = row.try_get("", "visited").unwrap();
        if nth < 12 {
            let name: String = row.try_get("", "name").unwrap();
            eprintln!("{} for each: {name}", visited / PEOPLE);
        }
        sum += visited;
    }
    assert!(sum > PEOPLE, "the server reports nothing: {sum}");
    sum
}
