//! A Kisi that neither changes the window of an assignment nor accepts a second one: assignments are deleted and created again,
//! one at a time.

use jiff::ToSpan;
use latchkey_sandbox::{Call, Duplicates, PatchWindow, Switches};
use serde_json::json;

use super::{Policy, manage, rows, who};
use crate::support::{
    event::{email, membership, with},
    world::World,
};

on_both!(each_replacement_is_complete_before_the_next);

const PEOPLE: usize = 10;

async fn each_replacement_is_complete_before_the_next(world: &mut World) {
    world.sandbox.set(Switches {
        duplicates: Duplicates::Conflict,
        patch_window: PatchWindow::Refused,
        latency: std::time::Duration::from_millis(50),
        ..world.sandbox.switches()
    });
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = manage(world, Policy::Keep).await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    let until = |days: i64| (world.now() + (24 * days).hours()).to_string();
    for end in [until(20), until(30)] {
        let member = |nth| with(membership(&who(nth), &who(nth)), json!({ "ends_at": end }));
        let all: Vec<_> = (0..PEOPLE).map(member).collect();
        world.sandbox.clear_calls();
        world
            .send(&source, "roster.snapshot", json!({ "memberships": all }))
            .await;
        world.settled().await;
    }
    for nth in 0..PEOPLE {
        assert_eq!(rows(world, &who(nth)).len(), 1, "{}", email(&who(nth)));
    }
    let writes = world.sandbox.writes();
    let is = |call: &&Call, method: &str| call.method == method;
    assert_eq!(
        writes.iter().filter(|call| is(call, "DELETE")).count(),
        PEOPLE
    );
    // In the order of the calls, each deletion is followed by a creation.
    let kinds: Vec<&str> = writes.iter().map(|call| call.method.as_str()).collect();
    for pair in kinds.windows(2) {
        assert_ne!(pair, ["DELETE", "DELETE"], "{kinds:?}");
    }
}
