//! The `unlock` mutation as front ends use it: who may call it, what the rules decide, in whose name Kisi is asked, and one
//! unlock for each idempotency key.

use latchkey::transaction;
use std::time::Duration;

use latchkey::{
    clock::new_id,
    id::{Kind, decode_as},
    secret::{hash_token, new_token},
    store::{StoreError, row, tokens},
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::support::{
    api::Api,
    event::{email, membership, person},
    world::World,
};

on_both!(
    kisi_is_asked_in_the_members_name_where_it_holds_the_right,
    a_refusal_by_the_rules_reaches_no_door,
    one_key_is_one_unlock,
    unlock_requests_are_limited_per_minute,
    a_club_may_let_only_members_unlock,
    each_role_unlocks_only_for_allowed_members,
);

/// A club where every membership opens "Members" (Front door, Range), and Ann has a membership.
pub struct TestClub {
    pub ann: String,
    pub front: String,
    pub source: crate::support::api::Source,
}

pub async fn test_club(world: &mut World) -> TestClub {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world
        .send(&source, "membership.updated", membership("m-ann", "ann"))
        .await;
    world.settled().await;
    TestClub {
        ann: world.api.member(&email("ann")).await.unwrap(),
        front: world.api.named("locks", "Front door").await,
        source,
    }
}

/// The number of times that Kisi was asked to open a door.
pub fn unlock_requests(world: &World) -> usize {
    let calls = world.sandbox.calls();
    calls
        .iter()
        .filter(|call| call.path.ends_with("/unlock"))
        .count()
}

pub fn logins(world: &World) -> usize {
    let calls = world.sandbox.calls();
    calls
        .iter()
        .filter(|call| call.method == "POST" && call.path == "/logins")
        .count()
}

/// The codes of a payload's errors.
pub fn codes(payload: &Value) -> Vec<&str> {
    let errors = payload["userErrors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["code"].as_str().unwrap())
        .collect()
}

/// The addresses of the users in whose name doors were opened.
fn actors(world: &World) -> Vec<String> {
    let events = world.sandbox.events();
    let actor = |event: &Value| event["actor_email"].as_str().unwrap().to_owned();
    events.iter().map(actor).collect()
}

async fn kisi_is_asked_in_the_members_name_where_it_holds_the_right(world: &mut World) {
    let TestClub { ann, front, .. } = test_club(world).await;
    for _ in 0..2 {
        let payload = world.api.unlock(&front, &ann, Value::Null).await;
        assert_eq!(
            (&payload["unlocked"], &payload["lock"]["id"]),
            (&json!(true), &json!(front)),
            "{payload}"
        );
    }
    assert_eq!(logins(world), 1, "the login is reused");
    let workshop = world.api.named("locks", "Workshop").await;
    world.rule(&workshop, json!([{ "membership": {} }])).await;
    let payload = world.api.unlock(&workshop, &ann, Value::Null).await;
    assert_eq!(payload["unlocked"], true, "{payload}");
    let (ann, owner) = (email("ann"), "owner@example.com".to_owned());
    assert_eq!(actors(world), [ann.clone(), ann, owner]);
    let entries = world.api.history_messages("UNLOCKED").await;
    let entry = |door: &str| (format!("ann opened {door}"), "tests".to_owned());
    assert_eq!(
        entries,
        [entry("Front door"), entry("Front door"), entry("Workshop")]
    );
    assert_eq!(world.api.history_messages("UNLOCK_DENIED").await, []);
}

async fn a_refusal_by_the_rules_reaches_no_door(world: &mut World) {
    let TestClub { front, source, .. } = test_club(world).await;
    world.send(&source, "member.updated", person("bob")).await;
    world.settled().await;
    let bob = world.api.member(&email("bob")).await.unwrap();
    let first = world.api.unlock(&front, &bob, json!("one")).await;
    assert_eq!(first["unlocked"], false);
    assert_eq!(codes(&first), ["ACCESS_DENIED"]);
    assert_eq!(
        first["decision"],
        json!({ "allowed": false, "code": "NO_MEMBERSHIP" })
    );
    // Later changes do not affect a request that was already answered.
    world.turn_to(world.now() + Duration::from_secs(1));
    world
        .send(&source, "membership.updated", membership("m-bob", "bob"))
        .await;
    world.settled().await;
    assert_eq!(world.api.unlock(&front, &bob, json!("one")).await, first);
    assert_eq!(unlock_requests(world), 0);
    let entries = world.api.history_messages("UNLOCK_DENIED").await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert!(
        entries[0]
            .0
            .starts_with("Front door did not open for bob: "),
        "{entries:?}"
    );
    let now = world.api.unlock(&front, &bob, json!("two")).await;
    assert_eq!(now["unlocked"], true, "{now}");
}

async fn one_key_is_one_unlock(world: &mut World) {
    let TestClub { ann, front, .. } = test_club(world).await;
    let at_once = (0..6).map(|_| world.api.unlock(&front, &ann, json!("press")));
    for payload in futures_util::future::join_all(at_once).await {
        assert_eq!(payload["unlocked"], true, "{payload}");
    }
    assert_eq!((unlock_requests(world), logins(world)), (1, 1));
    let range = world.api.named("locks", "Range").await;
    assert_eq!(
        world.api.unlock(&range, &ann, json!("press")).await["unlocked"],
        true
    );
    assert_eq!(
        unlock_requests(world),
        2,
        "another door is another unlock request"
    );
    world.turn_to(world.now() + Duration::from_secs(299));
    world.api.unlock(&front, &ann, json!("press")).await;
    assert_eq!(unlock_requests(world), 2);
    world.turn_to(world.now() + Duration::from_secs(1));
    world.api.unlock(&front, &ann, json!("press")).await;
    assert_eq!(
        unlock_requests(world),
        3,
        "after five minutes the key can be used again"
    );
    assert_eq!(world.api.history_messages("UNLOCKED").await.len(), 3);
}

async fn unlock_requests_are_limited_per_minute(world: &mut World) {
    let TestClub { ann, front, source } = test_club(world).await;
    for nth in 0..10 {
        let payload = world.api.unlock(&front, &ann, json!(nth.to_string())).await;
        assert_eq!(payload["unlocked"], true, "{nth}: {payload}");
    }
    let payload = world.api.unlock(&front, &ann, Value::Null).await;
    assert_eq!(codes(&payload), ["RATE_LIMITED"]);
    let message = payload["userErrors"][0]["message"].as_str().unwrap();
    assert!(message.contains("again at 09:01:"), "{message}");
    let again = world.api.unlock(&front, &ann, json!("9")).await;
    assert_eq!(
        again["unlocked"], true,
        "a retry does not count as an unlock request: {again}"
    );
    assert_eq!(unlock_requests(world), 10);
    world
        .send(&source, "membership.updated", membership("m-bob", "bob"))
        .await;
    world.settled().await;
    let bob = world.api.member(&email("bob")).await.unwrap();
    let payload = world.api.unlock(&front, &bob, Value::Null).await;
    assert_eq!(
        payload["unlocked"], true,
        "each member has a limit of their own"
    );
    world.turn_to(world.now() + Duration::from_secs(60));
    let payload = world.api.unlock(&front, &ann, Value::Null).await;
    assert_eq!(payload["unlocked"], true, "{payload}");
}

async fn a_club_may_let_only_members_unlock(world: &mut World) {
    let TestClub { ann, front, .. } = test_club(world).await;
    let input = json!({ "unlockVisibility": "MEMBERS" });
    world
        .api
        .mutate(
            "updateClub",
            &[("input", "UpdateClubInput!", input)],
            "club { id }",
        )
        .await;
    let group = world.api.named("groups", "Members").await;
    let input =
        json!({ "who": { "new": { "email": email("guest"), "name": "guest" } }, "scope": group });
    world
        .api
        .mutate(
            "shareAccess",
            &[("input", "ShareAccessInput!", input)],
            "share { id }",
        )
        .await;
    world.emails.insert(email("guest"));
    world.settled().await;
    let guest = world.api.member(&email("guest")).await.unwrap();
    let payload = world.api.unlock(&front, &guest, Value::Null).await;
    assert_eq!(codes(&payload), ["UNLOCK_NOT_VISIBLE"], "{payload}");
    assert_eq!(unlock_requests(world), 0);
    assert_eq!(world.api.history_messages("UNLOCK_DENIED").await.len(), 1);
    let payload = world.api.unlock(&front, &ann, Value::Null).await;
    assert_eq!(payload["unlocked"], true, "{payload}");
}

/// The API with a token of this role, or with a session of this member.
async fn caller(world: &World, role: row::Role, member: Option<&str>) -> Api {
    let (token, id) = (new_token(), new_id());
    let member = member.map(|id| decode_as(Kind::Member, id).unwrap());
    let club = world.api.query("{ club { id } }", json!({})).await;
    let club = decode_as(Kind::Club, club["club"]["id"].as_str().unwrap()).unwrap();
    let row = row::Token {
        id,
        club_id: club,
        name: format!("{role:?}"),
        role,
        hash: hash_token(token.expose_secret()),
        subject: None,
        member_id: member,
        created_at: 0,
        expires_at: None,
    };
    let result: Result<(), StoreError> =
        transaction!(world.app().db, |tx| tokens::create(tx, row).await).await;
    result.unwrap();
    Api::new(world.api.base.clone(), token.expose_secret().to_owned())
}

async fn each_role_unlocks_only_for_allowed_members(world: &mut World) {
    let TestClub { ann, front, source } = test_club(world).await;
    world
        .send(&source, "membership.updated", membership("m-bob", "bob"))
        .await;
    world.settled().await;
    let bob = world.api.member(&email("bob")).await.unwrap();
    let app = caller(world, row::Role::App, None).await;
    assert_eq!(
        app.unlock(&front, &ann, Value::Null).await["unlocked"],
        true
    );
    let arguments = [("lock", "ID!", json!(front))];
    assert_eq!(app.refusals("unlock", &arguments).await, ["INVALID"]);

    let session = caller(world, row::Role::Member, Some(&ann)).await;
    let own = session
        .mutate_unchecked("unlock", &arguments, "unlocked")
        .await;
    assert_eq!(own["unlocked"], true, "{own}");
    let query =
        "mutation($lock: ID!, $member: ID) { unlock(lock: $lock, member: $member) { unlocked } }";
    let forbidden = async |api: &Api, member: &str| {
        let answer = api
            .query_raw(query, json!({ "lock": front, "member": member }))
            .await;
        assert_eq!(
            answer["errors"][0]["extensions"]["code"], "FORBIDDEN",
            "{answer}"
        );
    };
    forbidden(&session, &bob).await;
    let reader = caller(world, row::Role::Reader, None).await;
    forbidden(&reader, &ann).await;
    let actors: Vec<String> = world
        .api
        .history_messages("UNLOCKED")
        .await
        .into_iter()
        .map(|(_, actor)| actor)
        .collect();
    assert_eq!(actors, ["App", "ann"]);

    let stranger = world.another_club().await;
    let elsewhere = stranger.unlock(&front, &ann, Value::Null).await;
    assert_eq!(codes(&elsewhere), ["NOT_FOUND", "NOT_FOUND"]);
    assert_eq!(unlock_requests(world), 2);
}
