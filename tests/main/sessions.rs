//! Member sessions over HTTP: who may create one, how long it is valid, what it can read, and what happens to it when its member
//! is merged into another one.

use std::time::Duration;

use latchkey::{secret::hash_token, store::tokens};
use serde_json::{Value, json};

use crate::support::{
    api::{Api, Source},
    event::{event, membership},
    world::World,
};

on_both!(
    a_session_is_valid_until_its_end,
    a_session_sees_itself_and_its_doors,
    a_session_is_created_only_by_allowed_roles,
    a_session_of_a_merged_member_is_invalid,
    the_caller_is_authenticated_before_the_document_is_read,
);

const VIEWER: &str = "{ viewer { role tokenName member { id name doors { until lock { id name online remoteUnlockable } } } } }";

type Argument<'a> = (&'a str, &'a str, Value);

fn arguments<'a>(member: &str, lifetime: Option<&str>) -> Vec<Argument<'a>> {
    let mut all = vec![("member", "ID!", json!(member))];
    all.extend(lifetime.map(|length| ("lifetime", "Duration!", json!(length))));
    all
}

/// Creates a session; returns its token and its expiry.
async fn session(api: &Api, member: &str, lifetime: Option<&str>) -> (String, Value) {
    let opened = api
        .mutate(
            "createMemberSession",
            &arguments(member, lifetime),
            "session expiresAt",
        )
        .await;
    let session = opened["session"].as_str().unwrap().to_owned();
    (session, opened["expiresAt"].clone())
}

/// The status of the answer to a request with this token.
async fn status(api: &Api, token: &str) -> u16 {
    status_of(api, token, VIEWER).await
}

async fn status_of(api: &Api, token: &str, query: &str) -> u16 {
    let request = api.http.post(format!("{}/graphql", api.base));
    let request = request.bearer_auth(token).json(&json!({ "query": query }));
    let accepted = ("accept", "application/graphql-response+json");
    let request = request.header(accepted.0, accepted.1);
    request.send().await.unwrap().status().as_u16()
}

async fn the_caller_is_authenticated_before_the_document_is_read(world: &mut World) {
    let (api, unreadable) = (&world.api, "{ viewer {");
    assert_eq!(status_of(api, &api.token, unreadable).await, 400);
    assert_eq!(status_of(api, "lk_nobodys", unreadable).await, 401);
    let changing = "mutation { updateClub(input: {}) { club { id } } }";
    assert_eq!(status_of(api, &api.token, changing).await, 200);
    assert_eq!(status_of(api, "lk_nobodys", changing).await, 401);
}

/// Creates a member with access to a group by a rule; returns the member's id.
async fn ada(world: &mut World) -> String {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    world.settled().await;
    world.api.member("ada@example.com").await.unwrap()
}

async fn a_session_is_valid_until_its_end(world: &mut World) {
    let ada = ada(world).await;
    let (token, end) = session(&world.api, &ada, None).await;
    assert_eq!(end, (world.now() + Duration::from_secs(3600)).to_string());
    world.turn_to(world.now() + Duration::from_secs(3599));
    assert_eq!(status(&world.api, &token).await, 200);
    world.turn_to(world.now() + Duration::from_secs(1));
    assert_eq!(status(&world.api, &token).await, 401);
    let is_stored = async || {
        let row = tokens::by_hash(world.app().db.read(), hash_token(&token));
        row.await.unwrap().is_some()
    };
    assert!(is_stored().await);
    let (next, _) = session(&world.api, &ada, None).await;
    assert!(
        !is_stored().await,
        "the next session deletes the expired one"
    );
    assert_eq!(status(&world.api, &next).await, 200);
}

async fn a_session_sees_itself_and_its_doors(world: &mut World) {
    let ada = ada(world).await;
    let (token, _) = session(&world.api, &ada, None).await;
    let own = Api::new(world.api.base.clone(), token);
    let viewer = own.query(VIEWER, json!({})).await["viewer"].take();
    assert_eq!(viewer["role"], "MEMBER");
    assert_eq!(viewer["tokenName"], Value::Null);
    assert_eq!(viewer["member"]["id"], ada.as_str());
    let doors = viewer["member"]["doors"].as_array().unwrap();
    assert!(!doors.is_empty());
    let door = &doors[0]["lock"]["id"];
    let why = "query($m: ID!, $t: ID!) { explain(member: $m, target: $t) { decision { allowed code } fixes { code } } node(id: $t) { id } }";
    let response = own.query(why, json!({ "m": ada, "t": door })).await;
    assert_eq!(response["explain"]["decision"]["code"], "ALLOWED_BY_RULE");
    assert_eq!(response["node"]["id"], *door);
}

async fn a_session_is_created_only_by_allowed_roles(world: &mut World) {
    let ada = ada(world).await;
    for (lifetime, codes) in [
        ("PT1M", json!([])),
        ("P1D", json!([])),
        ("PT59S", json!(["INVALID"])),
        ("P1DT1S", json!(["INVALID"])),
    ] {
        let got = world
            .api
            .refusals("createMemberSession", &arguments(&ada, Some(lifetime)))
            .await;
        assert_eq!(json!(got), codes, "{lifetime}");
    }
    let group = world.api.named("groups", "Members").await;
    for nobody in [group.as_str(), "nonsense"] {
        let got = world
            .api
            .refusals("createMemberSession", &arguments(nobody, None))
            .await;
        assert_eq!(got, ["NOT_FOUND"]);
    }
    let other = world.another_club().await;
    let got = other
        .refusals("createMemberSession", &arguments(&ada, None))
        .await;
    assert_eq!(got, ["NOT_FOUND"], "a member of another club");
    let input = json!({ "name": "no session", "role": "MEMBER" });
    let payload = world
        .api
        .mutate_unchecked(
            "createToken",
            &[("input", "CreateTokenInput!", input)],
            "token",
        )
        .await;
    assert_eq!(payload["token"], Value::Null);
    assert_eq!(
        payload["userErrors"],
        json!([{ "code": "INVALID", "field": ["input", "role"],
            "message": "must be ADMIN, APP, DESK or READER: members use member sessions" }])
    );
    let app = world.api.token("APP").await;
    let (token, _) = session(&app, &ada, None).await;
    let own = Api::new(world.api.base.clone(), token);
    for role in [own, world.api.token("READER").await] {
        let query = "mutation($m: ID!) { createMemberSession(member: $m) { session } }";
        let got = role.query_raw(query, json!({ "m": ada })).await;
        assert_eq!(got["errors"][0]["extensions"]["code"], "FORBIDDEN", "{got}");
    }
}

async fn tell(world: &World, source: &Source, id: &str, at: u64, email: &str) {
    let at = world.now() + Duration::from_secs(at);
    let data = json!({ "id": "p", "email": email, "name": "p" });
    let body = event("member.updated", at, &data).to_string();
    let signed = world.signed(source, id, body.into_bytes());
    assert_eq!(world.api.deliver(source, signed).await.status, 202);
}

async fn a_session_of_a_merged_member_is_invalid(world: &mut World) {
    let [one, two] = [world.api.source("One").await, world.api.source("Two").await];
    tell(world, &one, "msg_1", 1, "x@example.com").await;
    tell(world, &two, "msg_2", 3, "y@example.com").await;
    world.settled().await;
    let mut tokens = Vec::new();
    for email in ["x@example.com", "y@example.com"] {
        let member = world.api.member(email).await.unwrap();
        tokens.push(session(&world.api, &member, None).await.0);
    }
    // A late, older event: before its e-mail changed, the second person had the e-mail of the first one.
    tell(world, &two, "msg_3", 2, "x@example.com").await;
    world.settled().await;
    let mut statuses = Vec::new();
    for token in &tokens {
        statuses.push(status(&world.api, token).await);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}
