//! Rows of due work are locked in one order, so that no two transactions wait for each other on PostgreSQL.

use std::time::Duration;

use latchkey::{
    store::{ClubScope, Connection, StoreError, clubs, due, kisi_accounts},
    transaction,
};
use serde_json::json;
use tokio::sync::oneshot;

use crate::support::{
    event::membership,
    world::{Database, Setup, World},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_of_everybody_and_a_settlement_do_not_deadlock() {
    World::run(Database::Postgres, Setup::default(), |world| {
        Box::pin(marks_and_settlements(world))
    })
    .await;
}

async fn marks_and_settlements(world: &mut World) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    // By name and in the table, the second member comes first; by id, the first.
    for name in ["zoe", "ada"] {
        let data = membership(name, name);
        world.send(&source, "membership.updated", data).await;
        world.settled().await;
    }
    let app = world.app();
    let club = clubs::all(app.db.read()).await.unwrap().remove(0);
    let scope = ClubScope::new(club.id);
    let account = kisi_accounts::all(app.db.read(), scope).await.unwrap()[0].id;
    let moved: Result<(), StoreError> = transaction!(app.db, |tx| {
        let text = "UPDATE member SET name = name WHERE name = 'zoe'";
        tx.execute_unprepared(text).await?;
        Ok(())
    })
    .await;
    moved.unwrap();
    let mut rows = due::without_lane(app.db.read(), account, i64::MAX, 10)
        .await
        .unwrap();
    rows.sort_by_key(|row| row.member_id);
    assert_eq!(rows.len(), 2);
    let (began, has_begun) = oneshot::channel();
    let settle = async {
        let settled: Result<(), StoreError> = transaction!(app.db, |tx| {
            due::settle_all(tx, &[(&rows[0], None)]).await?;
            let _ = began.send(());
            // The other transaction waits for the first row by then.
            tokio::time::sleep(Duration::from_millis(500)).await;
            due::settle_all(tx, &[(&rows[1], None)]).await?;
            Ok(())
        })
        .await;
        settled
    };
    let mark = async {
        has_begun.await.unwrap();
        let cause = due::Cause::enforced("an edit");
        let marked: Result<(), StoreError> =
            transaction!(app.db, |tx| due::mark_all_members(tx, scope, 0, &cause)
                .await)
            .await;
        marked
    };
    let (settled, marked) = tokio::join!(settle, mark);
    assert!(settled.is_ok(), "{settled:?}");
    assert!(marked.is_ok(), "{marked:?}");
    world.settled().await;
}
