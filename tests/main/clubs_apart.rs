//! Two clubs in one database never see each other: an id of one, under the other's token, names nothing.

use serde_json::{Value, json};

use crate::support::{
    event::membership,
    world::{World, connect},
};

on_both!(
    ids_of_another_club_name_nothing,
    clubs_with_the_same_people_are_two
);

/// Everything of the first club that has an id.
async fn furnished(world: &mut World) -> Vec<(String, String)> {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    let rule = world.rule(&group, json!([{ "membership": {} }])).await;
    let delivery = world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    world.settled().await;
    let member = world.api.member("ada@example.com").await.unwrap();
    let input =
        json!({ "who": { "member": member }, "scope": world.api.named("groups", "Members").await });
    let shared = world
        .api
        .change(
            "shareAccess",
            &[("input", "ShareAccessInput!", input)],
            "share { id }",
        )
        .await;
    world.settled().await;
    let query = "{ club { id } places { nodes { id } } locks { nodes { id } } offerings { nodes { id } }
        history { nodes { id } } members { nodes { entitlements { id } kisiUsers { grants { id } } } } }";
    let found = world.api.ask(query, json!({})).await;
    let mut ids: Vec<(String, String)> = Vec::new();
    collect("", &found, &mut ids);
    for (what, id) in [
        ("source", source.id),
        ("group", group),
        ("rule", rule),
        ("delivery", delivery),
        ("member", member),
    ] {
        ids.push((what.to_owned(), id));
    }
    ids.push(("account".to_owned(), world.account.clone().unwrap()));
    ids.push((
        "share".to_owned(),
        shared["share"]["id"].as_str().unwrap().to_owned(),
    ));
    ids
}

fn collect(what: &str, value: &Value, ids: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| match value.as_str() {
                Some(id) if name == "id" => ids.push((what.to_owned(), id.to_owned())),
                _ => collect(if name == "nodes" { what } else { name }, value, ids),
            }),
        Value::Array(all) => all.iter().for_each(|value| collect(what, value, ids)),
        _ => {}
    }
}

fn of<'a>(ids: &'a [(String, String)], what: &str) -> &'a str {
    &ids.iter()
        .find(|(of, _)| of == what)
        .unwrap_or_else(|| panic!("no {what}"))
        .1
}

async fn ids_of_another_club_name_nothing(world: &mut World) {
    let ids = furnished(world).await;
    assert!(ids.len() >= 14, "{ids:?}");
    let other = world.another_club().await;
    let query = "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }";
    for (what, id) in &ids {
        let own = world.api.ask(query, json!({ "id": id })).await;
        assert_eq!(
            own,
            json!({ "node": { "id": id }, "nodes": [{ "id": id }] }),
            "{what}"
        );
        let theirs = other.ask(query, json!({ "id": id })).await;
        assert_eq!(theirs, json!({ "node": null, "nodes": [null] }), "{what}");
    }
    let lists = "{ kisiAccounts { id } places { totalCount } locks { totalCount } groups { totalCount } rules { totalCount }
        members { totalCount } sources { id } offerings { totalCount } locations { totalCount } deliveries { totalCount }
        history { totalCount } }";
    let found = other.ask(lists, json!({})).await;
    for (name, list) in found.as_object().unwrap() {
        assert!(
            *list == json!([]) || list["totalCount"] == 0,
            "{name}: {list}"
        );
    }
    assert_eq!(other.member("ada@example.com").await, None);
    let explain =
        "query($m: ID!, $t: ID!) { explain(member: $m, target: $t) { decision { code } } }";
    let asked = other
        .raw(
            explain,
            json!({ "m": of(&ids, "member"), "t": of(&ids, "group") }),
        )
        .await;
    assert_eq!(
        asked["errors"][0]["extensions"]["code"], "BAD_USER_INPUT",
        "{asked}"
    );
    changes_are_refused(world, &other, &ids).await;
}

/// Name, type and value.
type Argument<'a> = (&'a str, &'a str, Value);

async fn changes_are_refused(
    world: &World,
    other: &crate::support::api::Api,
    ids: &[(String, String)],
) {
    let before = state(world).await;
    let id = |what: &str| json!(of(ids, what));
    let rule =
        json!({ "name": "r", "target": of(ids, "group"), "conditions": [{ "membership": {} }] });
    let share = json!({ "who": { "member": of(ids, "member") }, "scope": of(ids, "group") });
    let attempts: [(&str, Vec<Argument<'_>>); 15] = [
        (
            "manageGroup",
            vec![(
                "input",
                "ManageGroupInput!",
                json!({ "group": id("group"), "managed": false }),
            )],
        ),
        ("createRule", vec![("input", "RuleInput!", rule.clone())]),
        (
            "updateRule",
            vec![("rule", "ID!", id("rule")), ("input", "RuleInput!", rule)],
        ),
        ("deleteRule", vec![("rule", "ID!", id("rule"))]),
        ("shareAccess", vec![("input", "ShareAccessInput!", share)]),
        ("endShare", vec![("share", "ID!", id("share"))]),
        (
            "suspendMember",
            vec![(
                "input",
                "SuspendMemberInput!",
                json!({ "member": id("member"), "reason": "none" }),
            )],
        ),
        ("resumeMember", vec![("member", "ID!", id("member"))]),
        ("removeSource", vec![("source", "ID!", id("source"))]),
        ("rotateSourceSecret", vec![("source", "ID!", id("source"))]),
        (
            "updateSource",
            vec![(
                "input",
                "UpdateSourceInput!",
                json!({ "source": id("source"), "name": "n" }),
            )],
        ),
        ("replayDelivery", vec![("delivery", "ID!", id("delivery"))]),
        ("refreshKisi", vec![("account", "ID!", id("account"))]),
        (
            "updateKisiAccount",
            vec![(
                "input",
                "UpdateKisiAccountInput!",
                json!({ "account": id("account"), "name": "n" }),
            )],
        ),
        (
            "disconnectKisi",
            vec![
                ("account", "ID!", id("account")),
                ("access", "DisconnectPolicy!", json!("REVOKE")),
            ],
        ),
    ];
    for (field, arguments) in attempts {
        assert_eq!(
            other.refusals(field, &arguments).await,
            ["NOT_FOUND"],
            "{field}"
        );
    }
    world.settled().await;
    assert_eq!(state(world).await, before, "nothing of it took effect");
}

async fn state(world: &World) -> Value {
    let query = "{ club { revision } rules { totalCount } sources { name } kisiAccounts { name status } groups { nodes { managed } }
        members { nodes { shares { id } suspension { id } } } }";
    world.api.ask(query, json!({})).await
}

async fn clubs_with_the_same_people_are_two(world: &mut World) {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    let other = world.another_club().await;
    let theirs = other.source("Front desk").await;
    connect(&other, &world.sandbox).await;
    let same = json!({ "group": other.named("groups", "Members").await, "managed": true });
    assert_eq!(
        other
            .refusals("manageGroup", &[("input", "ManageGroupInput!", same)])
            .await,
        ["GROUP_IN_USE"]
    );
    world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    let body =
        crate::support::event::event("membership.updated", world.now(), &membership("m1", "ada"));
    let signed = world.signed(&theirs, "msg_000001", body.to_string().into_bytes());
    assert_eq!(
        other.deliver(&theirs, signed.clone()).await.status,
        202,
        "ids of deliveries are a source's own"
    );
    assert_eq!(
        world.api.deliver(&source, signed).await.status,
        401,
        "another source's secret"
    );
    world.settled().await;
    let [own, their] = [
        world.api.member("ada@example.com").await.unwrap(),
        other.member("ada@example.com").await.unwrap(),
    ];
    assert_ne!(own, their);
    world
        .send(&source, "membership.deleted", json!({ "id": "m1" }))
        .await;
    world.settled().await;
    let found = other
        .ask(
            "{ members { nodes { entitlements { externalId } } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        found["members"]["nodes"],
        json!([{ "entitlements": [{ "externalId": "m1" }] }])
    );
}
