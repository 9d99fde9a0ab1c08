//! The brake and each cause of revocations, which is judged as a whole. What an admin does to one person by name, or has seen in
//! a preview, is never held.

use serde_json::{Value, json};

use super::{
    a_club, assert_held_for, decide, end_membership, held_names, held_revocations, names,
    people_with_access, preview, roster,
};
use crate::support::{
    event::{email, membership},
    world::World,
};

on_both!(
    an_empty_roster_is_attributed_to_the_source,
    single_events_are_attributed_to_the_source_once_they_take_everybody,
    a_roster_that_leaves_out_some_is_not_attributed_to_the_source,
    an_edit_of_a_rule_is_held_and_one_with_a_preview_is_not,
    a_deleted_rule_is_held_and_one_with_a_preview_is_not,
    a_source_that_is_removed_is_held,
    a_group_that_is_released_with_its_access_is_held,
    an_account_that_is_disconnected_with_its_access_is_held,
    changes_to_one_person_by_name_are_never_held_and_count,
    a_preview_and_an_ended_share_approve_nothing_else,
    held_revocations_are_decided_by_their_causes,
);

async fn an_empty_roster_is_attributed_to_the_source(world: &mut World) {
    let club = a_club(world, 8).await;
    let other = world.api.source("Shop").await;
    let joins = membership("m-other", "other");
    world.send(&other, "membership.updated", joins).await;
    world.settled().await;
    roster(world, &club.source, &[]).await;
    world.settled().await;
    assert_held_for(world, &names(1..=8), "roster.snapshot (msg_").await;
    for (_, _, cause) in held_revocations(world).await {
        assert!(cause.contains("everybody of “Front desk”"), "{cause}");
        assert!(cause.contains("8 people"), "{cause}");
        assert!(cause.contains("probably at fault"), "{cause}");
    }
    assert_eq!(people_with_access(world).len(), 9);
    assert_eq!(decide(world, "approve", None).await, 8);
    assert_eq!(
        people_with_access(world).into_iter().collect::<Vec<_>>(),
        ["other"]
    );
}

async fn single_events_are_attributed_to_the_source_once_they_take_everybody(world: &mut World) {
    let club = a_club(world, 8).await;
    let all = names(1..=8);
    for name in &all[..7] {
        end_membership(world, &club.source, name).await;
        world.settled().await;
    }
    let before = held_revocations(world).await;
    assert!(!before.is_empty(), "nothing is held");
    for (_, _, cause) in &before {
        assert!(!cause.contains("at fault"), "{cause}");
    }
    end_membership(world, &club.source, &all[7]).await;
    world.settled().await;
    let after = held_revocations(world).await;
    assert_eq!(after.len(), before.len() + 1);
    for (_, _, cause) in &after {
        let times = cause.matches("everybody of “Front desk”").count();
        assert_eq!(times, 1, "{cause}");
        assert!(cause.contains("probably at fault"), "{cause}");
    }
    let approved = decide(world, "approve", None).await;
    assert_eq!(usize::try_from(approved).unwrap(), after.len());
}

async fn a_roster_that_leaves_out_some_is_not_attributed_to_the_source(world: &mut World) {
    let club = a_club(world, 8).await;
    roster(world, &club.source, &names(8..=8)).await;
    world.settled().await;
    assert_held_for(world, &names(1..=7), "roster.snapshot (msg_").await;
    for (_, _, cause) in held_revocations(world).await {
        assert!(!cause.contains("at fault"), "{cause}");
    }
    assert_eq!(decide(world, "approve", None).await, 7);
}

/// The input that disables the club's rule.
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
            .mutate("updateRule", &arguments, "rule { id }")
            .await;
        world.settled().await;
    };
    edit(world, &off, Value::Null).await;
    assert_held_for(
        world,
        &names(1..=8),
        "the rule “Nobody” was edited (version 2)",
    )
    .await;
    edit(world, &on, Value::Null).await;
    assert_eq!(
        (
            held_revocations(world).await.len(),
            people_with_access(world).len()
        ),
        (0, 8)
    );

    let update = json!({ "update": { "rule": club.rule, "input": off } });
    let (losses, based_on) = preview(world, update).await;
    assert_eq!(losses, 8);
    edit(world, &off, json!(based_on)).await;
    assert_eq!(
        (
            held_revocations(world).await.len(),
            people_with_access(world).len()
        ),
        (0, 0)
    );

    // The previewed edit did not count towards the limit.
    edit(world, &on, Value::Null).await;
    assert_eq!(people_with_access(world).len(), 8);
    roster(world, &club.source, &names(4..=8)).await;
    world.settled().await;
    assert_eq!(
        (
            held_revocations(world).await.len(),
            people_with_access(world).len()
        ),
        (0, 5)
    );
}

async fn a_deleted_rule_is_held_and_one_with_a_preview_is_not(world: &mut World) {
    let club = a_club(world, 8).await;
    let delete = [("rule", "ID!", json!(club.rule))];
    world
        .api
        .mutate("deleteRule", &delete, "deletedId: __typename")
        .await;
    world.settled().await;
    let words = format!("the rule “rule of {}” was deleted (version 1)", club.group);
    assert_held_for(world, &names(1..=8), &words).await;
    let again = world.rule(&club.group, json!([{ "membership": {} }])).await;
    world.settled().await;
    assert_eq!(
        (
            held_revocations(world).await.len(),
            people_with_access(world).len()
        ),
        (0, 8)
    );
    let (losses, based_on) = preview(world, json!({ "delete": again })).await;
    assert_eq!(losses, 8);
    let delete = [
        ("rule", "ID!", json!(again)),
        ("basedOn", "String", json!(based_on)),
    ];
    world
        .api
        .mutate("deleteRule", &delete, "deletedId: __typename")
        .await;
    world.settled().await;
    assert_eq!(
        (
            held_revocations(world).await.len(),
            people_with_access(world).len()
        ),
        (0, 0)
    );
}

async fn a_source_that_is_removed_is_held(world: &mut World) {
    let club = a_club(world, 8).await;
    let remove = [("source", "ID!", json!(club.source.id))];
    world.api.mutate("removeSource", &remove, "removedId").await;
    world.settled().await;
    assert_held_for(world, &names(1..=8), "the source “Front desk” was removed").await;
    assert_eq!(decide(world, "approve", None).await, 8);
    assert!(people_with_access(world).is_empty());
}

async fn a_group_that_is_released_with_its_access_is_held(world: &mut World) {
    let club = a_club(world, 8).await;
    let input = json!({ "group": club.group, "managed": false, "access": "REVOKE" });
    let manage = [("input", "ManageGroupInput!", input)];
    world
        .api
        .mutate("manageGroup", &manage, "group { managed }")
        .await;
    world.settled().await;
    assert_held_for(
        world,
        &names(1..=8),
        "the group “Members” is no longer managed",
    )
    .await;
    assert_eq!(people_with_access(world).len(), 8);
    assert_eq!(decide(world, "approve", None).await, 8);
    assert!(people_with_access(world).is_empty());
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
        .mutate("disconnectKisi", &arguments, "account { id }")
        .await;
    world.settled().await;
    assert_held_for(world, &names(1..=8), "a Kisi account is being disconnected").await;
    let status = async |world: &World| {
        let response = world
            .api
            .query("{ kisiAccounts { status } }", json!({}))
            .await;
        response["kisiAccounts"][0]["status"]
            .as_str()
            .unwrap_or("none")
            .to_owned()
    };
    assert_eq!(status(world).await, "DISCONNECTING");
    assert_eq!(decide(world, "approve", None).await, 8);
    assert!(people_with_access(world).is_empty());
    let gone = async || {
        let status = status(world).await;
        (status != "CONNECTED").then_some(status)
    };
    let state = async || "the account is not disconnected".to_owned();
    crate::support::api::eventually(gone, state).await;
    // The account is gone, and its groups are no longer managed.
    world.account = None;
}

async fn changes_to_one_person_by_name_are_never_held_and_count(world: &mut World) {
    let club = a_club(world, 8).await;
    let who = json!({ "new": { "email": email("guest"), "name": "guest" } });
    let input = json!({ "who": who, "scope": club.group });
    world.emails.insert(email("guest"));
    let share = world
        .api
        .mutate(
            "shareAccess",
            &[("input", "ShareAccessInput!", input)],
            "share { id }",
        )
        .await;
    world.settled().await;
    assert!(people_with_access(world).contains("guest"));
    for name in names(1..=3) {
        suspend(world, &name).await;
    }
    assert_eq!(people_with_access(world).len(), 6);
    end_membership(world, &club.source, "p004").await;
    world.settled().await;
    assert_held_for(world, &names(4..=4), "membership.deleted").await;
    let end_share = [("share", "ID!", share["share"]["id"].clone())];
    world
        .api
        .mutate("endShare", &end_share, "share { id }")
        .await;
    world.settled().await;
    assert!(!people_with_access(world).contains("guest"));
    suspend(world, "p005").await;
    // A suspension overrides a held revocation.
    suspend(world, "p004").await;
    assert_eq!(held_names(world).await.len(), 0);
    assert_eq!(
        people_with_access(world),
        names(6..=8).into_iter().collect()
    );
    let member = world.api.member(&email("p005")).await;
    let resume = [("member", "ID!", json!(member))];
    world
        .api
        .mutate("resumeMember", &resume, "member { id }")
        .await;
    world.settled().await;
    assert!(people_with_access(world).contains("p005"));
}

async fn suspend(world: &World, name: &str) {
    let member = world.api.member(&email(name)).await;
    let input = json!({ "member": member, "reason": "lost the key" });
    world
        .api
        .mutate(
            "suspendMember",
            &[("input", "SuspendMemberInput!", input)],
            "member { id }",
        )
        .await;
    world.settled().await;
}

/// A previewed edit and the end of a share approve the revocations that they cause, and no others that are held.
async fn a_preview_and_an_ended_share_approve_nothing_else(world: &mut World) {
    let club = a_club(world, 8).await;
    let rooms = world.manage("Simulator bookings").await;
    let member = world.api.member(&email("p001")).await;
    let input = json!({ "who": { "member": member }, "scope": rooms });
    let share = world
        .api
        .mutate(
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
    world.api.mutate("createRule", &create, "rule { id }").await;
    world.settled().await;
    assert_eq!(held_names(world).await, names(1..=7));

    let end_share = [("share", "ID!", share["share"]["id"].clone())];
    world
        .api
        .mutate("endShare", &end_share, "share { id }")
        .await;
    world.settled().await;
    assert_eq!(held_names(world).await, names(1..=7));
    assert_eq!(world.sandbox.assignments_of(&email("p001")).len(), 1);
    assert_eq!(people_with_access(world).len(), 8);

    assert_eq!(decide(world, "approve", None).await, 7);
    roster(world, &club.source, &names(8..=8)).await;
    world.settled().await;
    assert_eq!(
        people_with_access(world),
        names(8..=8).into_iter().collect()
    );
}

async fn held_revocations_are_decided_by_their_causes(world: &mut World) {
    let club = a_club(world, 14).await;
    let first = roster(world, &club.source, &names(6..=14)).await;
    world.settled().await;
    roster(world, &club.source, &names(10..=14)).await;
    world.settled().await;
    let causes = async || {
        let query = "{ heldRevocationCauses { id cause count memberCount heldSince outageSuspected delivery { id }
            revocations(first: 2) { totalCount nodes { member { name } } } } }";
        world.api.query(query, json!({})).await["heldRevocationCauses"].take()
    };
    let both = causes().await;
    let counts = |causes: &Value| {
        let all = causes.as_array().unwrap().iter();
        all.map(|it| {
            (
                it["count"].as_u64().unwrap(),
                it["memberCount"].as_u64().unwrap(),
            )
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(counts(&both), [(5, 5), (4, 4)], "{both}");
    assert_eq!(both[0]["delivery"]["id"], json!(first));
    assert_eq!(both[0]["revocations"]["totalCount"], 5);
    assert_eq!(both[0]["revocations"]["nodes"].as_array().unwrap().len(), 2);

    let query = "query($g: ID!, $c: ID) { node(id: $g) { ... on Group { unlistedAccess {
        heldCount heldRevocations { member { name } } unmanagedGroups { id } }
        allowedMembers { edges { until node { name } decision { allowed code rule { name } } } } } }
        heldRevocations(cause: $c) { totalCount } }";
    let variables = json!({ "g": club.group, "c": both[1]["id"] });
    let shown = world.api.query(query, variables).await;
    let group = &shown["node"];
    assert_eq!(group["unlistedAccess"]["heldCount"], 9);
    assert_eq!(group["unlistedAccess"]["unmanagedGroups"], json!([]));
    assert_eq!(shown["heldRevocations"]["totalCount"], 4);
    let edges = group["allowedMembers"]["edges"].as_array().unwrap();
    assert_eq!(edges.len(), 5);
    for edge in edges {
        assert_eq!(edge["decision"]["code"], "ALLOWED_BY_RULE");
        assert_eq!(edge["until"], Value::Null);
    }

    let chosen = json!([both[0]["id"]]);
    let arguments = [("causes", "[ID!]", chosen.clone())];
    let payload = world
        .api
        .mutate("approveRevocations", &arguments, "approved")
        .await;
    assert_eq!(payload["approved"], 5);
    world.settled().await;
    assert_eq!(counts(&causes().await), [(4, 4)]);
    let refused = world.api.refusals("dismissRevocations", &arguments).await;
    assert_eq!(refused.len(), 1, "{refused:?}");
    let rest = [("causes", "[ID!]", json!([both[1]["id"]]))];
    let payload = world
        .api
        .mutate("approveRevocations", &rest, "approved")
        .await;
    assert_eq!(payload["approved"], 4);
    world.settled().await;
    assert_eq!(causes().await, json!([]));
    assert_eq!(people_with_access(world).len(), 5);
}
