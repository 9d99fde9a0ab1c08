//! A share is granted with a Kisi role that can only open doors, or not at all.

use latchkey::transaction;
use std::time::Duration;

use latchkey::{
    id::{Kind, decode_as},
    store::kisi_accounts,
};
use latchkey_sandbox::Switches;
use serde_json::{Value, json};

use crate::{
    support::{api::eventually, event::email, world::World},
    unlocks::{TestClub, test_club},
};

on_both!(
    a_role_that_can_do_more_is_never_granted,
    roles_granted_by_an_earlier_version_are_checked_again,
);

async fn without_door_roles(world: &World) {
    world.sandbox.set(Switches {
        door_roles: false,
        rate: None,
        ..world.sandbox.switches()
    });
}

async fn place(world: &World) -> Value {
    let response = world.api.query("{ places { nodes { id } } }", json!({}));
    response.await["places"]["nodes"][0]["id"].clone()
}

fn share(member: &str, scope: &Value) -> [(&'static str, &'static str, Value); 1] {
    let input = json!({ "who": { "member": member }, "scope": scope });
    [("input", "ShareAccessInput!", input)]
}

/// The Kisi roles of a person.
fn roles(world: &World, name: &str) -> Vec<String> {
    let rows = world.sandbox.assignments_of(&email(name));
    rows.into_iter().map(|one| one.role).collect()
}

async fn a_role_that_can_do_more_is_never_granted(world: &mut World) {
    without_door_roles(world).await;
    let TestClub { ann, .. } = test_club(world).await;
    let account = json!(world.account);
    for scope in [place(world).await, account] {
        let refused = world
            .api
            .refusals("shareAccess", &share(&ann, &scope))
            .await;
        assert_eq!(refused, ["KISI_NO_DOOR_ROLE"]);
    }
    world.settled().await;
    assert_eq!(roles(world, "ann"), ["group_basic"]);
    let group = world.api.named("groups", "Members").await;
    let shared = share(&ann, &json!(group));
    world
        .api
        .mutate("shareAccess", &shared, "share { id }")
        .await;
}

async fn roles_granted_by_an_earlier_version_are_checked_again(world: &mut World) {
    let TestClub { ann, front, .. } = test_club(world).await;
    let place = place(world).await;
    let shared = share(&ann, &place);
    world
        .api
        .mutate("shareAccess", &shared, "share { id }")
        .await;
    world.settled().await;
    assert_eq!(roles(world, "ann"), ["group_basic", "place_basic"]);
    // The state that an earlier version left, which took the least role there was.
    let manager = "place_access_manager";
    let id = decode_as(Kind::KisiAccount, world.account.as_ref().unwrap()).unwrap();
    let app = world.app();
    let now = app.clock.now().micros();
    let door_roles = (Some(manager.to_owned()), None);
    let written = transaction!(app.db, |tx| kisi_accounts::set_door_roles(
        tx, id, door_roles, now
    )
    .await);
    written.await.unwrap();
    let rows = world.sandbox.assignments_of(&email("ann"));
    assert!(world.sandbox.set_role(rows[1].id, manager));
    without_door_roles(world).await;
    // The clock is stopped: at the same instant, this sweep would merge with the previous one, which may still run.
    world.turn_to(world.now() + Duration::from_secs(1));
    let account = [("account", "ID!", json!(world.account))];
    world
        .api
        .mutate("refreshKisi", &account, "account { id }")
        .await;
    let ask = async || (roles(world, "ann") == ["group_basic"]).then_some(());
    let state = async || format!("{:?}", roles(world, "ann"));
    eventually(ask, state).await;
    let query = "query($ann: ID!, $lock: ID!) { explain(member: $ann, target: $lock) { grants { problem } } }";
    let variables = json!({ "ann": ann, "lock": front });
    let ask = async || {
        let response = world.api.query(query, variables.clone()).await.to_string();
        response.contains("can only open doors").then_some(())
    };
    eventually(ask, async || "the explanation shows no problem".to_owned()).await;
    let refused = world.api.refusals("shareAccess", &shared).await;
    assert_eq!(refused, ["KISI_NO_DOOR_ROLE"]);
    let shares = "query($id: ID!) { node(id: $id) { ... on Member { shares { id } } } }";
    let shares = world.api.query(shares, json!({ "id": ann })).await;
    let share = [("share", "ID!", shares["node"]["shares"][0]["id"].clone())];
    world.api.mutate("endShare", &share, "share { id }").await;
    world.settled().await;
    assert_eq!(roles(world, "ann"), ["group_basic"]);
}
