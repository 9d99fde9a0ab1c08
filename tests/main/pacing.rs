//! Kisi's rate limit: a backlog uses it fully and never exceeds it. Runs in real time, as Kisi counts.

use crate::support::{
    event::{email, membership},
    world::{Database, Setup, World},
};
use serde_json::json;

const MEMBERS: usize = 30;

/// The pacer does not use the database, so one database is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_stays_below_the_limit() {
    let setup = Setup {
        rate: Some(5),
        settings: vec![("KISI_RATE", "5")],
        ..Setup::default()
    };
    World::run(Database::Sqlite, setup, |world| Box::pin(backlog(world))).await;
}

async fn backlog(world: &mut World) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world.settled().await;
    for nth in 0..MEMBERS {
        let who = format!("p{nth}");
        // Existing users only: a new user would cost more calls of the same kind.
        world.sandbox.add_user(&email(&who), &who);
        world
            .send(&source, "membership.updated", membership(&who, &who))
            .await;
    }
    world.settled().await;
    let calls = world.sandbox.calls();
    let refused = calls.iter().filter(|call| call.status == Some(429)).count();
    assert_eq!(
        (refused, world.sandbox.peak_rate()),
        (0, 5),
        "{} calls",
        calls.len()
    );
    for nth in 0..MEMBERS {
        assert_eq!(
            world
                .sandbox
                .assignments_of(&email(&format!("p{nth}")))
                .len(),
            1
        );
    }
}
