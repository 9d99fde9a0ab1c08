//! What is shared is given by a role that only opens doors, or not at all.

use std::time::Duration;

use latchkey::{
    id::{Kind, decode_as},
    sandbox::Switches,
    store::kisi_accounts,
};
use serde_json::{Value, json};

use crate::{
    support::{api::eventually, event::email, world::World},
    unlocks::{House, house},
};

on_both!(
    a_role_that_can_do_more_is_never_given,
    what_an_earlier_version_gave_is_judged_again,
);

async fn without_door_roles(world: &World) {
    world.sandbox.set(Switches {
        door_roles: false,
        rate: None,
        ..world.sandbox.switches()
    });
}

async fn place(world: &World) -> Value {
    let found = world.api.ask("{ places { nodes { id } } }", json!({}));
    found.await["places"]["nodes"][0]["id"].clone()
}

fn share(member: &str, scope: &Value) -> [(&'static str, &'static str, Value); 1] {
    let input = json!({ "who": { "member": member }, "scope": scope });
    [("input", "ShareAccessInput!", input)]
}

/// The roles that a person has in Kisi.
fn roles(world: &World, name: &str) -> Vec<String> {
    let held = world.sandbox.assignments_of(&email(name));
    held.into_iter().map(|one| one.role).collect()
}

async fn a_role_that_can_do_more_is_never_given(world: &mut World) {
    without_door_roles(world).await;
    let House { ann, .. } = house(world).await;
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
        .change("shareAccess", &shared, "share { id }")
        .await;
}

async fn what_an_earlier_version_gave_is_judged_again(world: &mut World) {
    let House { ann, front, .. } = house(world).await;
    let place = place(world).await;
    let shared = share(&ann, &place);
    world
        .api
        .change("shareAccess", &shared, "share { id }")
        .await;
    world.settled().await;
    assert_eq!(roles(world, "ann"), ["group_basic", "place_basic"]);
    // As a version left it that took the least role there was.
    let manager = "place_access_manager";
    let id = decode_as(Kind::KisiAccount, world.account.as_ref().unwrap()).unwrap();
    let app = world.app();
    let now = app.clock.now().micros();
    let kept = (Some(manager.to_owned()), None);
    let written = app.db.write(move |tx| {
        Box::pin(async move { kisi_accounts::set_door_roles(tx, id, kept, now).await })
    });
    written.await.unwrap();
    let held = world.sandbox.assignments_of(&email("ann"));
    assert!(world.sandbox.set_role(held[1].id, manager));
    without_door_roles(world).await;
    // Later than what made the sweep before due, which may still run: by a clock that stands still they would be one.
    world.turn_to(world.now() + Duration::from_secs(1));
    let account = [("account", "ID!", json!(world.account))];
    world
        .api
        .change("refreshKisi", &account, "account { id }")
        .await;
    let ask = async || (roles(world, "ann") == ["group_basic"]).then_some(());
    let state = async || format!("{:?}", roles(world, "ann"));
    eventually(ask, state).await;
    let query = "query($ann: ID!, $lock: ID!) { explain(member: $ann, target: $lock) { grants { problem } } }";
    let asked = json!({ "ann": ann, "lock": front });
    let ask = async || {
        let found = world.api.ask(query, asked.clone()).await.to_string();
        found.contains("can only open doors").then_some(())
    };
    eventually(ask, async || "nobody says why".to_owned()).await;
    let refused = world.api.refusals("shareAccess", &shared).await;
    assert_eq!(refused, ["KISI_NO_DOOR_ROLE"]);
    let shares = "query($id: ID!) { node(id: $id) { ... on Member { shares { id } } } }";
    let shares = world.api.ask(shares, json!({ "id": ann })).await;
    let share = [("share", "ID!", shares["node"]["shares"][0]["id"].clone())];
    world.api.change("endShare", &share, "share { id }").await;
    world.settled().await;
    assert_eq!(roles(world, "ann"), ["group_basic"]);
}
