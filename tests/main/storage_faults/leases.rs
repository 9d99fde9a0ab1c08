//! Leases, processes and times that were stored while the clock was a day ahead: the work resumes as soon as the clock is right again.

use latchkey::transaction;
use std::time::Duration;

use latchkey::store::{Connection, StoreError, account_owners, leases, processes};
use serde_json::json;

use crate::support::{
    api::eventually,
    event::membership,
    world::{Database, World},
};

on_both!(
    an_owner_from_the_future_blocks_nobody,
    what_was_stored_by_a_clock_ahead_waits_for_nothing,
);

/// The service ran with a clock that was a day ahead, and is restarted with the right one.
async fn what_was_stored_by_a_clock_ahead_waits_for_nothing(world: &mut World) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    world.settled().await;
    world.stop().await;
    let db = latchkey::store::Db::connect(&world.database_url())
        .await
        .unwrap();
    let stored: Result<(), StoreError> = db
        .write(|tx| {
            Box::pin(async move {
                for sql in [
                    "UPDATE due SET due_at = due_at + 86400000000, generation = generation + 1 \
                     WHERE due_at < 4000000000000000",
                    "UPDATE kisi_account SET stopped_until = read_due_at + 86400000000, \
                     read_due_at = read_due_at + 86400000000",
                ] {
                    tx.execute_unprepared(sql).await?;
                }
                // The id carries the time of the entry in milliseconds in its upper 48 bits: one day later.
                let tomorrow = latchkey::clock::new_id().as_u128() + ((86_400_000_u128) << 80);
                let id = sea_orm::Value::from(uuid::Uuid::from_u128(tomorrow));
                let placeholder = match tx.get_database_backend() {
                    sea_orm::DbBackend::Postgres => "$1",
                    _ => "?",
                };
                let sql = format!(
                    "UPDATE history SET id = {placeholder} WHERE id = (SELECT max(id::text)::uuid FROM history)"
                );
                let sql = match tx.get_database_backend() {
                    sea_orm::DbBackend::Postgres => sql,
                    _ => sql.replace("max(id::text)::uuid", "max(id)"),
                };
                let update = sea_orm::Statement::from_sql_and_values(tx.get_database_backend(), sql, [id]);
                tx.execute_raw(update).await?;
                Ok(())
            })
        })
        .await;
    stored.unwrap();
    db.close().await;
    let email = "ada@example.com";
    let assignment = world.sandbox.assignments_of(email)[0].id;
    world.sandbox.remove_assignment(assignment);
    world.start_again().await;
    let ask = async || (!world.sandbox.assignments_of(email).is_empty()).then_some(());
    eventually(ask, async || "Kisi is not looked at for a day".to_owned()).await;
    world.settled().await;
}

async fn an_owner_from_the_future_blocks_nobody(world: &mut World) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world.settled().await;
    world.stop().await;
    let (_, account) = latchkey::id::decode(world.account.as_ref().unwrap()).unwrap();
    let db = latchkey::store::Db::connect(&world.database_url())
        .await
        .unwrap();
    let stored: Result<(), StoreError> = transaction!(db, |tx| {
        let elsewhere = "elsewhere:1:x";
        processes::register(tx, elsewhere, Duration::from_secs(6)).await?;
        account_owners::take(tx, &[account], elsewhere).await?;
        let ahead = "UPDATE process SET expires_at = expires_at + 86400000000";
        tx.execute_unprepared(ahead).await?;
        Ok(())
    })
    .await;
    stored.unwrap();
    db.close().await;
    world.start_again().await;
    world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    world.settled().await;
    assert_eq!(world.sandbox.assignments_of("ada@example.com").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_held_by_one_until_it_ends() {
    for database in [Database::Sqlite, Database::Postgres] {
        let Some(world) = World::start(database, Default::default()).await else {
            return;
        };
        let db = world.app().db.clone();
        let hold = async |holder: &'static str, length: u64, take_over: bool| {
            let length = Duration::from_millis(length);
            let acquired: Result<bool, StoreError> = db
                .write(move |tx| {
                    Box::pin(
                        async move { leases::acquire(tx, "x", holder, length, take_over).await },
                    )
                })
                .await;
            acquired.unwrap()
        };
        assert!(hold("a", 3_600_000, false).await);
        assert!(!hold("b", 3_600_000, false).await);
        assert!(leases::is_held_by(db.read(), "x", "a").await.unwrap());
        assert!(hold("a", 3_600_000, false).await, "renewed");
        assert!(hold("b", 3_600_000, true).await, "its holder is gone");
        assert!(!leases::is_held_by(db.read(), "x", "a").await.unwrap());
        // The lease that expires in an hour is longer than any lease of a second can be, so it is taken over.
        assert!(hold("c", 1000, false).await);
        assert!(hold("c", 0, false).await);
        assert!(hold("d", 1000, false).await, "it has run out");
        world.finish().await;
    }
}
