//! The preview of managing a group shows what that will do, and managing the group with the preview's `basedOn` bypasses the
//! brake.

use jiff::ToSpan;
use latchkey_sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use super::{BY_HAND, history, manage, memberships, record_lockouts, rows, who};
use crate::{
    accounts::sweep,
    brake::{brake, held_revocations},
    support::{
        api::{Source, eventually},
        event::{email, membership, with},
        world::World,
    },
};

on_both!(
    a_preview_shows_what_managing_does,
    changes_since_a_preview_make_it_stale,
    strangers_of_a_managed_group_are_removed_by_a_preview,
    previews_are_for_admins,
    without_a_rule_nobody_is_removed,
    the_first_rule_shows_whom_it_removes,
    losses_that_the_preview_did_not_show_are_held,
    a_preview_with_other_ends_is_stale,
);

const PREVIEW: &str = "query($g: ID!, $s: StrangerPolicy!, $r: String) { previewGroup(group: $g, strangers: $s, reading: $r) {
    basedOn reading readAt hasRule adoptedCount keptCount removedCount grantedCount
    adopted(first: 3) { totalCount nodes { name email role holds { from until } wanted { from until } member { email } } pageInfo { endCursor } }
    kept { nodes { name email role member { email } wanted { from } } }
    removed { nodes { name email role member { email } } }
    granted { nodes { name role holds { from } wanted { from until } } } } }";

async fn preview(world: &World, group: &str, strangers: &str) -> Value {
    let arguments = json!({ "g": group, "s": strangers });
    let response = world.api.query(PREVIEW, arguments).await;
    response["previewGroup"].clone()
}

fn counts(preview: &Value) -> [u64; 4] {
    ["adopted", "kept", "removed", "granted"]
        .map(|fate| preview[format!("{fate}Count")].as_u64().unwrap())
}

fn names(preview: &Value, fate: &str) -> Vec<String> {
    let nodes = preview[fate]["nodes"].as_array().unwrap();
    let name = |node: &Value| node["name"].as_str().unwrap().to_owned();
    nodes.iter().map(name).collect()
}

/// Manages the group with a preview's `basedOn`; returns the errors.
async fn manage_on(world: &World, group: &str, strangers: &str, preview: &Value) -> Vec<String> {
    let input = json!({ "group": group, "managed": true, "strangers": strangers });
    let arguments = [
        ("input", "ManageGroupInput!", input),
        ("basedOn", "String", preview["basedOn"].clone()),
    ];
    world.api.refusals("manageGroup", &arguments).await
}

/// A club with assignments made by hand, its memberships received, and a brake that holds all but one revocation.
async fn with_history(world: &mut World) -> String {
    brake(world, json!({ "enabled": true, "percent": 1, "people": 1 })).await;
    let source = world.api.source("Front desk").await;
    history(world);
    world.connect().await;
    memberships(world, &source).await;
    world.settled().await;
    world.api.named("groups", "Members").await
}

async fn a_preview_shows_what_managing_does(world: &mut World) {
    let group = with_history(world).await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    let keep_preview = preview(world, &group, "KEEP").await;
    assert_eq!(counts(&keep_preview), [8, 2, 0, 2], "{keep_preview:#}");
    let shown = preview(world, &group, "REMOVE").await;
    assert_eq!(counts(&shown), [8, 0, 2, 2], "{shown:#}");
    assert_eq!(shown["hasRule"], true);
    let removed = &shown["removed"]["nodes"];
    assert_eq!(names(&shown, "removed"), ["ended", "eve"]);
    assert_eq!(removed[0]["member"]["email"], json!(email("ended")));
    assert_eq!(removed[1]["member"], Value::Null);
    assert_eq!(removed[1]["role"], "group_basic");
    assert_eq!(names(&shown, "granted"), ["p8", "p9"]);
    assert_eq!(names(&shown, "adopted"), ["p0", "p1", "p2"]);
    let first = &shown["adopted"]["nodes"][0];
    assert!(first["wanted"][0]["until"].is_string(), "{first}");
    assert_eq!(first["holds"]["until"], Value::Null, "{first}");
    // A preview changes nothing, and its next page makes no call to Kisi.
    assert_eq!(world.sandbox.writes(), []);
    world.sandbox.clear_calls();
    let page = "query($g: ID!, $r: String, $a: String) { previewGroup(group: $g, strangers: REMOVE, reading: $r) {
        basedOn adopted(first: 250, after: $a) { nodes { name } } } }";
    let after = &shown["adopted"]["pageInfo"]["endCursor"];
    let arguments = json!({ "g": group, "r": shown["reading"], "a": after });
    let next = world.api.query(page, arguments).await;
    let next = &next["previewGroup"];
    assert_eq!(names(next, "adopted"), ["p3", "p4", "p5", "p6", "p7"]);
    let lists = |world: &World| {
        let calls = world.sandbox.calls().into_iter();
        calls
            .filter(|call| call.path.contains("role_assignments"))
            .count()
    };
    assert_eq!(lists(world), 0);
    let locked_out = record_lockouts(&world.sandbox);
    assert_eq!(
        manage_on(world, &group, "REMOVE", next).await,
        Vec::<String>::new()
    );
    world.settled().await;
    assert!(rows(world, "eve").is_empty() && rows(world, "ended").is_empty());
    for nth in 0..BY_HAND + 2 {
        assert_eq!(rows(world, &who(nth)).len(), 1, "{}", who(nth));
    }
    assert!(locked_out.lock().unwrap().is_empty());
    let query = "{ heldRevocations(first: 5) { totalCount }
        members(first: 50) { nodes { kisiUsers { grants { adopted } } } } }";
    let response = world.api.query(query, json!({})).await;
    assert_eq!(response["heldRevocations"]["totalCount"], 0);
    assert_eq!(
        response.to_string().matches("true").count(),
        BY_HAND,
        "{response}"
    );
    let again = preview(world, &group, "REMOVE").await;
    assert_eq!(counts(&again), [0, 0, 0, 0], "{again:#}");
}

async fn changes_since_a_preview_make_it_stale(world: &mut World) {
    let group = with_history(world).await;
    let source = world.api.source("Reception").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    let shown = preview(world, &group, "REMOVE").await;
    let sandbox = world.sandbox.clone();
    let in_kisi = sandbox.group_named("Members").unwrap();
    let stale = async |world: &World, strangers: &str, shown: &Value| {
        let refused = manage_on(world, &group, strangers, shown).await;
        assert!(
            refused.len() == 1 && refused[0].contains("STALE"),
            "{refused:?}"
        );
    };
    stale(world, "KEEP", &shown).await;
    let late = sandbox.add_user(&email("late"), "late");
    sandbox.add_assignment(late, in_kisi, None, None);
    stale(world, "REMOVE", &shown).await;
    let shown = preview(world, &group, "REMOVE").await;
    assert_eq!(counts(&shown), [8, 0, 3, 2], "{shown:#}");
    let more = membership("more", "more");
    world.send(&source, "membership.updated", more).await;
    stale(world, "REMOVE", &shown).await;
    let shown = preview(world, &group, "REMOVE").await;
    let ended = with(membership("more", "more"), json!({ "status": "ended" }));
    world.send(&source, "membership.updated", ended).await;
    stale(world, "REMOVE", &shown).await;
    stale(world, "REMOVE", &json!({ "basedOn": "made up" })).await;
    // None of the stale attempts changed anything.
    let response = world
        .api
        .query(
            "query($g: ID!) { node(id: $g) { ... on Group { managed } } }",
            json!({ "g": group }),
        )
        .await;
    assert_eq!(response["node"]["managed"], false);
    assert_eq!(world.sandbox.writes(), []);
    for who in ["eve", "ended", "late"] {
        sandbox.remove_user(&email(who));
    }
    for nth in 0..BY_HAND {
        sandbox.remove_user(&email(&who(nth)));
    }
}

/// A managed group that keeps strangers gets the policy REMOVE: the strangers go, and the service's own assignments stay.
async fn strangers_of_a_managed_group_are_removed_by_a_preview(world: &mut World) {
    let group = with_history(world).await;
    brake(world, json!({ "enabled": true, "percent": 0, "people": 0 })).await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    manage(world, super::Policy::Keep).await;
    world.settled().await;
    assert_eq!(rows(world, "eve").len(), 1);
    // Without a preview, the brake holds them.
    manage(world, super::Policy::Remove).await;
    world.settled().await;
    let is_held = async || {
        let found = world
            .api
            .query("{ heldRevocations { totalCount } }", json!({}))
            .await;
        (found["heldRevocations"]["totalCount"] != 0).then_some(())
    };
    eventually(is_held, async || "nothing is held".to_owned()).await;
    let locked_out = record_lockouts(&world.sandbox);
    let shown = preview(world, &group, "REMOVE").await;
    assert_eq!(counts(&shown), [0, 0, 2, 0], "{shown:#}");
    assert_eq!(
        manage_on(world, &group, "REMOVE", &shown).await,
        Vec::<String>::new()
    );
    world.settled().await;
    assert!(rows(world, "eve").is_empty() && rows(world, "ended").is_empty());
    assert!(locked_out.lock().unwrap().is_empty());
}

async fn previews_are_for_admins(world: &mut World) {
    world.connect().await;
    let group = world.api.named("groups", "Members").await;
    let ask = "query($g: ID!) { previewGroup(group: $g) { adoptedCount } }";
    let code = |answer: &Value| answer["errors"][0]["extensions"]["code"].clone();
    for role in ["APP", "READER"] {
        let api = world.api.token(role).await;
        let answer = api.query_raw(ask, json!({ "g": group })).await;
        assert_eq!(code(&answer), "FORBIDDEN", "{answer}");
    }
    let other = world.another_club().await;
    let answer = other.query_raw(ask, json!({ "g": group })).await;
    assert_eq!(code(&answer), "BAD_USER_INPUT", "{answer}");
    let unkept = "query($g: ID!) { previewGroup(group: $g, reading: \"x\") { adoptedCount } }";
    let answer = world.api.query_raw(unkept, json!({ "g": group })).await;
    assert_eq!(code(&answer), "BAD_USER_INPUT", "{answer}");
}

async fn without_a_rule_nobody_is_removed(world: &mut World) {
    let group = with_history(world).await;
    let shown = preview(world, &group, "REMOVE").await;
    assert_eq!(counts(&shown), [0, 10, 0, 0], "{shown:#}");
    assert_eq!(shown["hasRule"], false);
    assert_eq!(
        manage_on(world, &group, "REMOVE", &shown).await,
        Vec::<String>::new()
    );
    world.settled().await;
    assert_eq!(world.sandbox.writes(), []);
    for nth in 0..BY_HAND {
        world.sandbox.remove_user(&email(&who(nth)));
    }
    for who in ["eve", "ended"] {
        world.sandbox.remove_user(&email(who));
    }
}

/// Members with access that was given by hand, with the same end or without one.
async fn by_hand(world: &mut World, until: Option<jiff::Timestamp>) -> (Source, String) {
    brake(world, json!({ "enabled": true, "percent": 1, "people": 1 })).await;
    let source = world.api.source("Front desk").await;
    let group = world.sandbox.group_named("Members").unwrap();
    for nth in 0..BY_HAND {
        let user = world.sandbox.add_user(&email(&who(nth)), &who(nth));
        world.sandbox.add_assignment(user, group, None, until);
    }
    world.connect().await;
    send_memberships(world, &source, json!({})).await;
    world.settled().await;
    let group = world.api.named("groups", "Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    (source, group)
}

async fn send_memberships(world: &mut World, source: &Source, fields: Value) {
    for nth in 0..BY_HAND {
        let data = with(membership(&who(nth), &who(nth)), fields.clone());
        world.send(source, "membership.updated", data).await;
    }
}

async fn the_first_rule_shows_whom_it_removes(world: &mut World) {
    const RULE_PREVIEW: &str = "query($change: RuleChangeInput!) { previewRule(change: $change) {
        basedOn effect gainCount lossCount removedCount removed(first: 1) { totalCount pageInfo { endCursor } nodes { name email member { email } } } } }";
    let group = with_history(world).await;
    let shown = preview(world, &group, "REMOVE").await;
    manage_on(world, &group, "REMOVE", &shown).await;
    world.settled().await;
    let input = json!({ "name": "members", "target": group, "conditions": [{ "membership": {} }] });
    let change = json!({ "change": { "create": input } });
    let shown = world.api.query(RULE_PREVIEW, change.clone()).await;
    let shown = &shown["previewRule"];
    assert_eq!(shown["effect"], "ADDS_AND_REMOVES", "{shown:#}");
    assert_eq!(shown["lossCount"], 0);
    assert_eq!(shown["removedCount"], 2);
    // A member without a membership now, and after them, by name, somebody whom no source reports.
    let first = &shown["removed"]["nodes"][0];
    assert_eq!(first["member"]["email"], json!(email("ended")), "{first}");
    let next = RULE_PREVIEW.replace(
        "removed(first: 1)",
        &format!(
            "removed(first: 5, after: {})",
            shown["removed"]["pageInfo"]["endCursor"]
        ),
    );
    let next = world.api.query(&next, change.clone()).await;
    let next = &next["previewRule"]["removed"]["nodes"];
    assert_eq!(
        next,
        &json!([{ "name": "", "email": email("eve"), "member": null }])
    );
    // Kisi was changed since: the removed people are others.
    let shown = world.api.query(RULE_PREVIEW, change.clone()).await;
    let based_on = &shown["previewRule"]["basedOn"];
    world.sandbox.remove_user(&email("eve"));
    let accounts = world.api.query("{ kisiAccounts { id } }", json!({})).await;
    let account = accounts["kisiAccounts"][0]["id"].as_str().unwrap();
    sweep(world, account).await;
    let create = |based_on: &Value| {
        [
            ("input", "RuleInput!", input.clone()),
            ("basedOn", "String", based_on.clone()),
        ]
    };
    let refused = world.api.refusals("createRule", &create(based_on)).await;
    assert_eq!(refused.len(), 1, "{refused:?}");
    let shown = world.api.query(RULE_PREVIEW, change).await;
    assert_eq!(shown["previewRule"]["removedCount"], 1, "{shown:#}");
    let based_on = &shown["previewRule"]["basedOn"];
    assert_eq!(
        world.api.refusals("createRule", &create(based_on)).await,
        Vec::<String>::new()
    );
    world.settled().await;
    assert!(rows(world, "ended").is_empty());
    for nth in 0..BY_HAND + 2 {
        assert_eq!(rows(world, &who(nth)).len(), 1, "{}", who(nth));
    }
    // The group has a rule, so another one removes nobody.
    let second = json!({ "change": { "create": { "name": "second", "target": group, "conditions": [{ "tag": { "tags": ["x"] } }] } } });
    let shown = world.api.query(RULE_PREVIEW, second).await;
    assert_eq!(shown["previewRule"]["removedCount"], 0, "{shown:#}");
    assert_eq!(shown["previewRule"]["effect"], "NONE");
}

/// Adoption extends everybody's access, and the preview shows no loss. While Kisi fails to change windows, the platform reports
/// by mistake that all memberships have ended.
async fn losses_that_the_preview_did_not_show_are_held(world: &mut World) {
    let soon = world.now() + 100.hours();
    let (source, group) = by_hand(world, Some(soon)).await;
    let shown = preview(world, &group, "KEEP").await;
    assert_eq!(counts(&shown), [8, 0, 0, 0], "{shown:#}");
    brake(world, json!({ "enabled": true, "percent": 0, "people": 0 })).await;
    let broken = Fault::new("PATCH", "/role_assignments", FaultKind::ServerError);
    world.sandbox.fault(broken, u32::MAX);
    let managed = manage_on(world, &group, "KEEP", &shown).await;
    assert_eq!(managed, Vec::<String>::new());
    send_memberships(world, &source, json!({ "status": "ended" })).await;
    world.sandbox.clear_faults();
    world.settled_in_time().await;
    let locked_out = record_lockouts(&world.sandbox);
    for nth in 0..BY_HAND {
        assert_eq!(
            rows(world, &who(nth)).len(),
            1,
            "{} lost the assignment",
            who(nth)
        );
    }
    all_are_held(world).await;
    send_memberships(world, &source, json!({})).await;
    world.settled().await;
    assert!(locked_out.lock().unwrap().is_empty());
    for nth in 0..BY_HAND {
        assert_eq!(
            rows(world, &who(nth))[0].until,
            None,
            "as the preview showed"
        );
    }
}

async fn a_preview_with_other_ends_is_stale(world: &mut World) {
    let (source, group) = by_hand(world, None).await;
    let shown = preview(world, &group, "KEEP").await;
    assert_eq!(counts(&shown), [8, 0, 0, 0], "{shown:#}");
    let soon = world.now() + 1.hours();
    send_memberships(world, &source, json!({ "ends_at": soon.to_string() })).await;
    let refused = manage_on(world, &group, "KEEP", &shown).await;
    assert!(
        refused.len() == 1 && refused[0].contains("STALE"),
        "{refused:?}"
    );
    let shown = preview(world, &group, "KEEP").await;
    let managed = manage_on(world, &group, "KEEP", &shown).await;
    assert_eq!(managed, Vec::<String>::new());
    world.settled().await;
    for nth in 0..BY_HAND {
        assert_eq!(
            rows(world, &who(nth))[0].until,
            Some(soon),
            "as the preview showed"
        );
    }
}

/// Turns the clock until all are held: members whose calls to Kisi failed are tried again after a while.
async fn all_are_held(world: &World) {
    for _ in 0..10 {
        if held_revocations(world).await.len() == BY_HAND {
            return;
        }
        world.turn_to(world.now() + 2.seconds());
        world.settled_in_time().await;
    }
    panic!("{} are held", held_revocations(world).await.len());
}
