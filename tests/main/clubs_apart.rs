//! Two clubs in one database are isolated: an id of one club finds nothing with the other club's token.

use serde_json::{Value, json};

use crate::support::{
    api::{Api, Source},
    event::{membership, person, with},
    schema::Schema,
    world::{World, connect},
};

on_both!(
    ids_of_another_club_find_nothing,
    clubs_with_the_same_people_are_separate
);

/// Creates objects of every type with an id in the first club; returns pairs of name and id.
async fn create_objects(world: &mut World) -> Vec<(String, String)> {
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
        .mutate(
            "shareAccess",
            &[("input", "ShareAccessInput!", input)],
            "share { id }",
        )
        .await;
    world.settled().await;
    one_of_each_kind(world, &source).await;
    something_is_held(world, &source).await;
    an_endpoint_with_a_message(world).await;
    let query = "{ club { id } places { nodes { id } } locks { nodes { id } } offerings { nodes { id } }
        locations { nodes { id } } heldRevocations { nodes { id } }
        webhookEndpoints { id } webhookMessages { nodes { id } } tokens { nodes { id } }
        history { nodes { id } } members { nodes { companies { id } suspension { id } entitlements { id } kisiUsers { grants { id } } } } }";
    let response = world.api.query(query, json!({})).await;
    let mut ids: Vec<(String, String)> = Vec::new();
    collect("", &response, &mut ids);
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

/// Creates a booking, a purchase, a company and a suspension.
async fn one_of_each_kind(world: &mut World, source: &Source) {
    let at = json!({ "starts_at": "2026-02-01T08:00:00Z", "ends_at": "2026-02-01T09:00:00Z" });
    let booked = json!({ "id": "b", "kind": "room", "item": { "id": "oak", "name": "Oak" }, "member": person("cyd"), "status": "confirmed" });
    world
        .send(source, "registration.updated", with(booked, at))
        .await;
    let bought = json!({ "id": "p", "item": { "id": "pass", "name": "Pass" }, "member": person("cyd"), "status": "paid" });
    world.send(source, "purchase.updated", bought).await;
    let company = json!({ "id": "acme", "name": "Acme", "members": [person("cyd")] });
    world.send(source, "company.updated", company).await;
    world.settled().await;
    let cyd = world.api.member("cyd@example.com").await.unwrap();
    let input = json!({ "member": cyd, "reason": "none" });
    let arguments = [("input", "SuspendMemberInput!", input)];
    world
        .api
        .mutate("suspendMember", &arguments, "member { id }")
        .await;
    world.settled().await;
}

/// Creates a revocation that the brake holds.
async fn something_is_held(world: &mut World, source: &Source) {
    let hall = json!({ "location": { "id": "hall", "name": "Hall" } });
    let data = with(membership("m2", "bea"), hall);
    world.send(source, "membership.updated", data).await;
    world.settled().await;
    let input = json!({ "brake": { "enabled": true, "people": 0, "percent": 0 } });
    let arguments = [("input", "UpdateClubInput!", input)];
    world
        .api
        .mutate("updateClub", &arguments, "club { id }")
        .await;
    world
        .send(source, "membership.deleted", json!({ "id": "m2" }))
        .await;
    world.settled().await;
}

/// Creates an endpoint and a message that waits for it.
async fn an_endpoint_with_a_message(world: &World) {
    let input =
        json!({ "name": "Nobody", "url": "https://hooks.invalid/", "events": ["DOOR_DENIED"] });
    let arguments = [("input", "CreateWebhookEndpointInput!", input)];
    let made = world
        .api
        .mutate("createWebhookEndpoint", &arguments, "endpoint { id }")
        .await;
    let input = json!({ "endpoint": made["endpoint"]["id"] });
    let arguments = [("input", "SendTestMessageInput!", input)];
    world
        .api
        .mutate("sendTestMessage", &arguments, "message { id }")
        .await;
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

/// Asserts that each type that implements `Node` is among the ids, and that each id is found.
async fn every_node_is_among(world: &World, ids: &[(String, String)]) {
    let mut types = std::collections::BTreeSet::new();
    for (_, id) in ids {
        let query = "query($id: ID!) { node(id: $id) { __typename } }";
        let node = world.api.query(query, json!({ "id": id })).await["node"].take();
        types.insert(node["__typename"].as_str().unwrap().to_owned());
    }
    let schema = Schema::of(&world.api).await;
    let nodes = schema.possible("Node").into_iter().map(str::to_owned);
    assert_eq!(types, nodes.collect());
}

fn id_named<'a>(ids: &'a [(String, String)], what: &str) -> &'a str {
    &ids.iter()
        .find(|(of, _)| of == what)
        .unwrap_or_else(|| panic!("no {what}"))
        .1
}

async fn ids_of_another_club_find_nothing(world: &mut World) {
    let ids = create_objects(world).await;
    assert!(ids.len() >= 14, "{ids:?}");
    let other = world.another_club().await;
    every_node_is_among(world, &ids).await;
    let query = "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }";
    for (what, id) in &ids {
        let own = world.api.query(query, json!({ "id": id })).await;
        assert_eq!(
            own,
            json!({ "node": { "id": id }, "nodes": [{ "id": id }] }),
            "{what}"
        );
        let theirs = other.query(query, json!({ "id": id })).await;
        assert_eq!(theirs, json!({ "node": null, "nodes": [null] }), "{what}");
    }
    assert_eq!(other.member("ada@example.com").await, None);
    let lists = "{ kisiAccounts { id } places { totalCount } locks { totalCount } groups { totalCount } rules { totalCount }
        members { totalCount } sources { id } offerings { totalCount } locations { totalCount } deliveries { totalCount }
        history { totalCount } }";
    let response = other.query(lists, json!({})).await;
    for (name, list) in response.as_object().unwrap() {
        assert!(
            *list == json!([]) || list["totalCount"] == 0,
            "{name}: {list}"
        );
    }
    let query = "{ heldRevocationCauses { id } }";
    let causes = world.api.query(query, json!({})).await;
    let cause = causes["heldRevocationCauses"][0]["id"].as_str().unwrap();
    // The id of a cause is no id of a node.
    let with_cause = [ids.clone(), vec![("cause".to_owned(), cause.to_owned())]].concat();
    every_argument_is_tried(world, &other, &with_cause).await;
    let revocations = json!([id_named(&ids, "heldRevocations")]);
    let arguments = [("held", "[ID!]", revocations)];
    world
        .api
        .mutate("approveRevocations", &arguments, "approved")
        .await;
    world.settled().await;
}

/// The kind of object that an argument of this name refers to.
fn kind_of(way: &[String]) -> &'static str {
    match way.last().map(String::as_str) {
        Some("group" | "scope" | "target") => "group",
        Some("rule" | "update" | "delete") => "rule",
        Some("member" | "id" | "ids") => "member",
        Some("account") => "account",
        Some("source") => "source",
        Some("delivery") => "delivery",
        Some("share") => "share",
        Some("place") => "places",
        Some("lock") => "locks",
        Some("offering" | "offerings") => "offerings",
        Some("company") => "companies",
        Some("cause" | "causes") => "cause",
        Some("locations") => "locations",
        Some("endpoint") => "webhookEndpoints",
        Some("messages") => "webhookMessages",
        Some("held") => "heldRevocations",
        other => panic!("the kind of the argument {other:?} is unknown: add it here"),
    }
}

/// Passes an id of the first club in each argument that takes an id, with the second club's own ids in all others.
async fn every_argument_is_tried(world: &World, other: &Api, ids: &[(String, String)]) {
    let own = own_ids(world, other).await;
    let before = state(world).await;
    let schema = Schema::of(other).await;
    let mut tried = 0;
    for (root, word) in [("Query", "query"), ("Mutation", "mutation")] {
        for field in schema.fields(root) {
            // An `externalId` is the platform's own id.
            let ways = schema.ids(field).into_iter();
            for way in ways.filter(|way| way.last().is_some_and(|name| name != "externalId")) {
                let id = |at: &[String]| {
                    if at == way {
                        return id_named(ids, kind_of(at)).to_owned();
                    }
                    if at.last().is_some_and(|name| name == "externalId") {
                        return "x".to_owned();
                    }
                    // One club manages a group of an organization: the second club's rules are on locks and its shares on places.
                    let kind = match kind_of(at) {
                        "group" if at.last().is_some_and(|name| name == "target") => "locks",
                        "group" if at.last().is_some_and(|name| name == "scope") => "places",
                        kind => kind,
                    };
                    let own_id = own.iter().find(|(what, _)| what == kind);
                    own_id.map_or_else(|| "nothing".to_owned(), |(_, id)| id.clone())
                };
                let name = field["name"].as_str().unwrap();
                let selection = schema.selection(&field["type"]);
                let arguments = schema.arguments(field, &way, &id);
                let document = format!("{word} {{ it: {name}{arguments} {selection} }}");
                let answer = other.query_raw(&document, json!({})).await;
                assert!(reveals_nothing(&answer), "{document}\n{answer:#}");
                tried += 1;
            }
        }
    }
    assert!(tried >= 50, "{tried}");
    world.settled().await;
    assert_eq!(state(world).await, before, "no attempt had an effect");
}

/// Whether the answer is null, empty, or an error about an object that does not exist.
fn reveals_nothing(answer: &Value) -> bool {
    if let Some(errors) = answer["errors"].as_array() {
        let input = |error: &Value| {
            error["extensions"]["code"] == "BAD_USER_INPUT"
                && error["message"]
                    .as_str()
                    .is_some_and(|m| !m.contains("Unknown") && !m.contains("Invalid"))
        };
        return errors.iter().all(input);
    }
    let it = &answer["data"]["it"];
    *it == Value::Null
        || *it == json!([null])
        || *it == json!([])
        || it["totalCount"] == 0
        || it["userErrors"][0]["code"] == "NOT_FOUND"
}

/// Creates objects in the second club; returns their ids.
async fn own_ids(world: &World, other: &Api) -> Vec<(String, String)> {
    let source = other.source("Their desk").await;
    let account = connect(other, &world.sandbox).await;
    // An offering for purchase conditions; offerings in other conditions are only tried with the first club's ids.
    let bought = json!({ "id": "x", "item": { "id": "pass", "name": "Pass" }, "member": person("eve"), "status": "paid" });
    let body = crate::support::event::event("purchase.updated", world.now(), &bought);
    let signed = world.signed(&source, "msg_x", body.to_string().into_bytes());
    assert_eq!(other.deliver(&source, signed).await.status, 202);
    let response = other
        .query("{ places { nodes { id } } locks { nodes { id } } offerings { nodes { id } } groups { nodes { id } } }", json!({}))
        .await;
    let mut ids = Vec::new();
    collect("", &response, &mut ids);
    let group = id_named(&ids, "groups").to_owned();
    let member = other.member("eve@example.com").await.unwrap();
    let rule = json!({ "name": "theirs", "target": id_named(&ids, "locks"), "conditions": [{ "tag": { "tags": ["t"] } }] });
    let payload = other
        .mutate(
            "createRule",
            &[("input", "RuleInput!", rule)],
            "rule { id }",
        )
        .await;
    ids.push((
        "rule".to_owned(),
        payload["rule"]["id"].as_str().unwrap().to_owned(),
    ));
    for (what, id) in [
        ("source", source.id),
        ("account", account),
        ("group", group),
        ("member", member),
    ] {
        ids.push((what.to_owned(), id));
    }
    ids
}

async fn state(world: &World) -> Value {
    let query = "{ club { revision } rules { totalCount nodes { version enabled } } sources { name timeZone problem }
        kisiAccounts { name status inviteByEmail } groups { nodes { managed strangers } } offerings { totalCount }
        locations { totalCount } deliveries { totalCount nodes { status attempts } } history { totalCount }
        heldRevocations { totalCount } members { nodes { name shares { id until } suspension { id } kisiUsers { grants { state validUntil } } } } }";
    world.api.query(query, json!({})).await
}

async fn clubs_with_the_same_people_are_separate(world: &mut World) {
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
        "delivery ids are unique within a source only"
    );
    assert_eq!(
        world.api.deliver(&source, signed).await.status,
        401,
        "signed with the secret of another source"
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
    let response = other
        .query(
            "{ members { nodes { entitlements { externalId } } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        response["members"]["nodes"],
        json!([{ "entitlements": [{ "externalId": "m1" }] }])
    );
}
