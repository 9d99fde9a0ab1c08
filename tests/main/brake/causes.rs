//! Each cause that takes access away, judged as a whole; and what an admin does by name or has seen beforehand, which is
//! never held.

use serde_json::{Value, json};

use super::{
    a_club, assert_held_for, decide, end, held, held_names, inside, names, preview, roster,
};
use crate::support::{
    event::{email, membership},
    world::World,
};

on_both!(
    a_roster_that_names_nobody_is_likelier_the_source_s_fault,
    a_flood_of_single_events_is_put_down_to_the_source_once_it_takes_everybody,
    a_roster_that_leaves_out_some_is_not_put_down_to_the_source,
    an_edit_of_a_rule_is_held_and_one_with_a_preview_is_not,
    a_deleted_rule_is_held_and_one_with_a_preview_is_not,
    a_source_that_is_removed_is_held,
    a_group_that_is_let_go_with_its_access_is_held,
    an_account_that_is_disconnected_with_its_access_is_held,
    what_is_done_to_one_by_name_is_never_held_and_counts,
    an_admin_s_word_about_one_thing_lets_nothing_else_through,
);

async fn a_roster_that_names_nobody_is_likelier_the_source_s_fault(world: &mut World) {
    let club = a_club(world, 8).await;
    let other = world.api.source("Shop").await;
    let joins = membership("m-other", "other");
    world.send(&other, "membership.updated", joins).await;
    world.settled().await;
    roster(world, &club.source, &[]).await;
    world.settled().await;
    assert_held_for(world, &names(1..=8), "roster.snapshot (msg_").await;
    for (_, _, cause) in held(world).await {
        assert!(cause.contains("everybody of “Front desk”"), "{cause}");
        assert!(cause.contains("8 people"), "{cause}");
        assert!(cause.contains("likelier at fault"), "{cause}");
    }
    assert_eq!(inside(world).len(), 9);
    assert_eq!(decide(world, "approve", None).await, 8);
    assert_eq!(inside(world).into_iter().collect::<Vec<_>>(), ["other"]);
}

async fn a_flood_of_single_events_is_put_down_to_the_source_once_it_takes_everybody(
    world: &mut World,
) {
    let club = a_club(world, 8).await;
    let all = names(1..=8);
    for name in &all[..7] {
        end(world, &club.source, name).await;
        world.settled().await;
    }
    let before = held(world).await;
    assert!(!before.is_empty(), "nothing is held");
    for (_, _, cause) in &before {
        assert!(!cause.contains("at fault"), "{cause}");
    }
    end(world, &club.source, &all[7]).await;
    world.settled().await;
    let after = held(world).await;
    assert_eq!(after.len(), before.len() + 1);
    for (_, _, cause) in &after {
        let times = cause.matches("everybody of “Front desk”").count();
        assert_eq!(times, 1, "{cause}");
        assert!(cause.contains("likelier at fault"), "{cause}");
    }
    let approved = decide(world, "approve", None).await;
    assert_eq!(usize::try_from(approved).unwrap(), after.len());
}

async fn a_roster_that_leaves_out_some_is_not_put_down_to_the_source(world: &mut World) {
    let club = a_club(world, 8).await;
    roster(world, &club.source, &names(8..=8)).await;
    world.settled().await;
    assert_held_for(world, &names(1..=7), "roster.snapshot (msg_").await;
    for (_, _, cause) in held(world).await {
        assert!(!cause.contains("at fault"), "{cause}");
    }
    assert_eq!(decide(world, "approve", None).await, 7);
}

/// The rule of the club as it is not to be any more.
fn switched_off(group: &str) -> Value {
    json!({ "name": "Nobody", "target": group, "conditions": [{ "membership": {} }], "enabled": false })
}

async fn an_edit_of_a_rule_is_held_and_one_with_a_preview_is_not(world: &mut World) {
    let club = a_club(world, 8).await;
    let off = switched_off(&club.group);
    let mut on = off.clone();
    on["enabled"] = json!(true);
    let edit = async |world: &World, input: &Value, based_on: Value| {
        let arguments = [
            ("rule", "ID!", json!(club.rule)),
            ("input", "RuleInput!", input.clone()),
            ("basedOn", "String", based_on),
        ];
        world
            .api
            .change("updateRule", &arguments, "rule { id }")
            .await;
        world.settled().await;
    };
    edit(world, &off, Value::Null).await;
    assert_held_for(world, &names(1..=8), "the rule “Nobody” edited (version 2)").await;
    edit(world, &on, Value::Null).await;
    assert_eq!((held(world).await.len(), inside(world).len()), (0, 8));

    let update = json!({ "update": { "rule": club.rule, "input": off } });
    let (losses, based_on) = preview(world, update).await;
    assert_eq!(losses, 8);
    edit(world, &off, json!(based_on)).await;
    assert_eq!((held(world).await.len(), inside(world).len()), (0, 0));

    // It was not counted either.
    edit(world, &on, Value::Null).await;
    assert_eq!(inside(world).len(), 8);
    roster(world, &club.source, &names(4..=8)).await;
    world.settled().await;
    assert_eq!((held(world).await.len(), inside(world).len()), (0, 5));
}

async fn a_deleted_rule_is_held_and_one_with_a_preview_is_not(world: &mut World) {
    let club = a_club(world, 8).await;
    let delete = [("rule", "ID!", json!(club.rule))];
    world
        .api
        .change("deleteRule", &delete, "deletedId: __typename")
        .await;
    world.settled().await;
    let words = format!("the rule “rule of {}” deleted (version 1)", club.group);
    assert_held_for(world, &names(1..=8), &words).await;
    let again = world.rule(&club.group, json!([{ "membership": {} }])).await;
    world.settled().await;
    assert_eq!((held(world).await.len(), inside(world).len()), (0, 8));
    let (losses, based_on) = preview(world, json!({ "delete": again })).await;
    assert_eq!(losses, 8);
    let delete = [
        ("rule", "ID!", json!(again)),
        ("basedOn", "String", json!(based_on)),
    ];
    world
        .api
        .change("deleteRule", &delete, "deletedId: __typename")
        .await;
    world.settled().await;
    assert_eq!((held(world).await.len(), inside(world).len()), (0, 0));
}

async fn a_source_that_is_removed_is_held(world: &mut World) {
    let club = a_club(world, 8).await;
    let remove = [("source", "ID!", json!(club.source.id))];
    world.api.change("removeSource", &remove, "removedId").await;
    world.settled().await;
    assert_held_for(world, &names(1..=8), "the source “Front desk” was removed").await;
    assert_eq!(decide(world, "approve", None).await, 8);
    assert!(inside(world).is_empty());
}

async fn a_group_that_is_let_go_with_its_access_is_held(world: &mut World) {
    let club = a_club(world, 8).await;
    let input = json!({ "group": club.group, "managed": false, "access": "REVOKE" });
    let manage = [("input", "ManageGroupInput!", input)];
    world
        .api
        .change("manageGroup", &manage, "group { managed }")
        .await;
    world.settled().await;
    assert_held_for(world, &names(1..=8), "the group “Members” was let go").await;
    assert_eq!(inside(world).len(), 8);
    assert_eq!(decide(world, "approve", None).await, 8);
    assert!(inside(world).is_empty());
}

async fn an_account_that_is_disconnected_with_its_access_is_held(world: &mut World) {
    a_club(world, 8).await;
    let account = world.account.clone().unwrap();
    let arguments = [
        ("account", "ID!", json!(account)),
        ("access", "DisconnectPolicy!", json!("REVOKE")),
    ];
    world
        .api
        .change("disconnectKisi", &arguments, "account { id }")
        .await;
    world.settled().await;
    assert_held_for(world, &names(1..=8), "a Kisi account is being disconnected").await;
    let status = async |world: &World| {
        let found = world
            .api
            .ask("{ kisiAccounts { status } }", json!({}))
            .await;
        found["kisiAccounts"][0]["status"]
            .as_str()
            .unwrap_or("none")
            .to_owned()
    };
    assert_eq!(status(world).await, "CONNECTED");
    assert_eq!(decide(world, "approve", None).await, 8);
    assert!(inside(world).is_empty());
    let gone = async || {
        let status = status(world).await;
        (status != "CONNECTED").then_some(status)
    };
    let state = async || "the account is not disconnected".to_owned();
    crate::support::api::eventually(gone, state).await;
    // Its groups are nobody's any more.
    world.account = None;
}

async fn what_is_done_to_one_by_name_is_never_held_and_counts(world: &mut World) {
    let club = a_club(world, 8).await;
    let who = json!({ "new": { "email": email("guest"), "name": "guest" } });
    let input = json!({ "who": who, "scope": club.group });
    world.people.insert(email("guest"));
    let share = world
        .api
        .change(
            "shareAccess",
            &[("input", "ShareAccessInput!", input)],
            "share { id }",
        )
        .await;
    world.settled().await;
    assert!(inside(world).contains("guest"));
    for name in names(1..=3) {
        suspend(world, &name).await;
    }
    assert_eq!(inside(world).len(), 6);
    end(world, &club.source, "p004").await;
    world.settled().await;
    assert_held_for(world, &names(4..=4), "membership.deleted").await;
    let end_share = [("share", "ID!", share["share"]["id"].clone())];
    world
        .api
        .change("endShare", &end_share, "share { id }")
        .await;
    world.settled().await;
    assert!(!inside(world).contains("guest"));
    suspend(world, "p005").await;
    // A suspension goes over what is held.
    suspend(world, "p004").await;
    assert_eq!(held_names(world).await.len(), 0);
    assert_eq!(inside(world), names(6..=8).into_iter().collect());
    let member = world.api.member(&email("p005")).await;
    let resume = [("member", "ID!", json!(member))];
    world
        .api
        .change("resumeMember", &resume, "member { id }")
        .await;
    world.settled().await;
    assert!(inside(world).contains("p005"));
}

async fn suspend(world: &World, name: &str) {
    let member = world.api.member(&email(name)).await;
    let input = json!({ "member": member, "reason": "lost the key" });
    world
        .api
        .change(
            "suspendMember",
            &[("input", "SuspendMemberInput!", input)],
            "member { id }",
        )
        .await;
    world.settled().await;
}

/// A previewed edit and the end of a share are the admin's word about what they end, and about nothing that waits.
async fn an_admin_s_word_about_one_thing_lets_nothing_else_through(world: &mut World) {
    let club = a_club(world, 8).await;
    let rooms = world.manage("Simulator bookings").await;
    let member = world.api.member(&email("p001")).await;
    let input = json!({ "who": { "member": member }, "scope": rooms });
    let share = world
        .api
        .change(
            "shareAccess",
            &[("input", "ShareAccessInput!", input)],
            "share { id }",
        )
        .await;
    world.settled().await;
    roster(world, &club.source, &[]).await;
    world.settled().await;
    assert_eq!(decide(world, "dismiss", Some(&["p008"])).await, 1);
    assert_eq!(held_names(world).await, names(1..=7));

    let input =
        json!({ "name": "Bookings", "target": rooms, "conditions": [{ "registration": {} }] });
    let (losses, based_on) = preview(world, json!({ "create": input })).await;
    assert_eq!(losses, 0);
    let create = [
        ("input", "RuleInput!", input),
        ("basedOn", "String", json!(based_on)),
    ];
    world.api.change("createRule", &create, "rule { id }").await;
    world.settled().await;
    assert_eq!(held_names(world).await, names(1..=7));

    let end_share = [("share", "ID!", share["share"]["id"].clone())];
    world
        .api
        .change("endShare", &end_share, "share { id }")
        .await;
    world.settled().await;
    assert_eq!(held_names(world).await, names(1..=7));
    assert_eq!(world.sandbox.assignments_of(&email("p001")).len(), 1);
    assert_eq!(inside(world).len(), 8);

    assert_eq!(decide(world, "approve", None).await, 7);
    roster(world, &club.source, &names(8..=8)).await;
    world.settled().await;
    assert_eq!(inside(world), names(8..=8).into_iter().collect());
}
