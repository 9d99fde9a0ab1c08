//! Paging from both ends, filters, nodes, and that a page runs a fixed number of statements.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::*;
use crate::store::{rejections, tokens};
use ::access::Instant;

async fn crowd(house: &TestClub, from: usize, to: usize) {
    for number in from..to {
        let name = format!("p{number:03}");
        house
            .event(
                "membership.updated",
                "2026-03-01T08:00:00Z",
                membership(&name, &name, "active"),
            )
            .await;
    }
}

fn names(connection: &Value) -> Vec<String> {
    let nodes = connection["nodes"].as_array().unwrap();
    nodes
        .iter()
        .map(|node| node["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn paging_from_either_end_lists_all_elements() {
    let house = TestClub::new().await;
    crowd(&house, 0, 5).await;
    let target = gid(Kind::Lock, house.front);
    for filter in [
        String::new(),
        format!(r#", filter: {{target: "{target}"}}"#),
    ] {
        for (size, begin, cursor, way) in [
            ("first", "after", "endCursor", "hasNextPage"),
            ("last", "before", "startCursor", "hasPreviousPage"),
        ] {
            let mut seen = Vec::new();
            let mut from = String::new();
            loop {
                let query = format!(
                    r#"{{ members({size}: 2{from}{filter}) {{ nodes {{ name }} pageInfo {{ {cursor} {way} }} }} }}"#
                );
                let page = house.query(&query).await["members"].clone();
                let part = names(&page);
                seen = if size == "first" {
                    [seen, part].concat()
                } else {
                    [part, seen].concat()
                };
                if page["pageInfo"][way] == json!(false) {
                    break;
                }
                from = format!(
                    r#", {begin}: "{}""#,
                    page["pageInfo"][cursor].as_str().unwrap()
                );
            }
            let everybody = ["ann", "bob", "cyd", "p000", "p001", "p002", "p003", "p004"];
            let inside = ["ann", "p000", "p001", "p002", "p003", "p004"];
            assert_eq!(
                seen,
                if filter.is_empty() {
                    &everybody[..]
                } else {
                    &inside[..]
                }
            );
        }
    }
}

#[tokio::test]
async fn invalid_paging_arguments_are_refused() {
    let house = TestClub::new().await;
    for (arguments, word) in [
        ("first: 1, last: 1", "first and last"),
        ("first: -1", "first"),
        ("last: 251", "last"),
        (r#"after: "nonsense""#, "after"),
        (r#"filter: {target: "nonsense"}"#, "filter.target"),
        ("filter: {allowed: true}", "filter.allowed"),
    ] {
        let (code, message) = house
            .first_error(&format!("{{ members({arguments}) {{ totalCount }} }}"))
            .await;
        assert_eq!(code, "BAD_USER_INPUT", "{arguments}");
        assert!(message.starts_with(word), "{message}");
    }
    let empty = house
        .query("{ members(first: 0) { nodes { id } totalCount } }")
        .await;
    assert_eq!(empty["members"], json!({"nodes": [], "totalCount": 3}));
}

#[tokio::test]
async fn an_ambiguous_kisi_number_means_the_lock() {
    let house = TestClub::new().await;
    let rules =
        |target: &str| format!(r#"{{ rules(filter: {{target: "{target}"}}) {{ totalCount }} }}"#);
    let lock = gid(Kind::Lock, house.front);
    assert_eq!(
        house.query(&rules("1")).await,
        house.query(&rules(&lock)).await
    );
    let (code, message) = house.first_error(&rules("77")).await;
    assert_eq!(code, "BAD_USER_INPUT");
    assert_eq!(
        message,
        "filter.target: no group or lock in this club has this id"
    );
    for target in [
        "https://web.kisi.io/groups/1",
        "web.kisi.io/places/1/locks/1",
    ] {
        house.query(&rules(target)).await;
    }
    house
        .query(r#"{ locks(filter: {group: "1", place: "1"}) { totalCount } }"#)
        .await;
}

#[tokio::test]
async fn filters_restrict_lists() {
    let house = TestClub::new().await;
    let tagged = json!({"id": "ann", "tags": ["range"]});
    house
        .event("member.updated", "2026-03-01T09:00:00Z", tagged)
        .await;
    let count = |list: &str| {
        let query = format!("{{ {list} {{ totalCount nodes {{ id }} }} }}");
        let house = &house;
        async move {
            let data = house.query(&query).await;
            let list = data.as_object().unwrap().values().next().unwrap().clone();
            assert_eq!(
                list["totalCount"],
                json!(list["nodes"].as_array().unwrap().len()),
                "{query}"
            );
            list["totalCount"].as_u64().unwrap()
        }
    };
    let group = gid(Kind::Group, house.members);
    assert_eq!(count(r#"members(filter: {search: "ANN"})"#).await, 1);
    assert_eq!(count(r#"members(filter: {search: "n%"})"#).await, 0);
    assert_eq!(count(r#"members(filter: {tag: "range"})"#).await, 1);
    assert_eq!(count(r#"members(filter: {tag: "rang"})"#).await, 0);
    assert_eq!(count("members(filter: {suspended: false})").await, 3);
    assert_eq!(count("members(filter: {suspended: true})").await, 0);
    assert_eq!(count("members(filter: {hasProblem: true})").await, 0);
    assert_eq!(
        count(&format!(r#"locks(filter: {{group: "{group}"}})"#)).await,
        1
    );
    assert_eq!(count(r#"locks(filter: {search: "SIM"})"#).await, 1);
    assert_eq!(count("groups(filter: {managed: true})").await, 1);
    assert_eq!(
        count(&format!(r#"rules(filter: {{target: "{group}"}})"#)).await,
        1
    );
    assert_eq!(count("offerings(filter: {kinds: [RESOURCE]})").await, 1);
    assert_eq!(count("deliveries").await, 3);
    assert_eq!(count("places").await, 1);
    assert_eq!(count("history").await, 0);
    assert_eq!(count("locations").await, 0);
}

#[tokio::test]
async fn nodes_returns_the_object_of_each_id() {
    let house = TestClub::new().await;
    let cyd = house.member("cyd").await;
    house.share(cyd, None).await;
    let data = house
        .query(
            "{ club { id } kisiAccounts { id kisiOrganizationId backlog listening places { id groups { id summary } locks { id } } }
               sources { id webhookPath failedDeliveries lastDeliveryAt } rules { nodes { id summary } }
               offerings { nodes { id } } deliveries { nodes { id members { id } } }
               members { nodes { id shares { id } entitlements { id __typename offering { name } } companies { id } kisiUsers { kisiId } problems { code } } } }",
        )
        .await;
    assert_eq!(
        data["kisiAccounts"][0]["kisiOrganizationId"],
        json!("9007199254740993")
    );
    assert_eq!(
        data["kisiAccounts"][0]["places"][0]["groups"][0]["summary"],
        json!("Members, 06:00 to 23:00")
    );
    assert_eq!(data["sources"][0]["webhookPath"], json!("/webhooks/key"));
    let mut ids = Vec::new();
    collect(&data, &mut ids);
    let query = format!("{{ nodes(ids: {}) {{ id }} }}", json!(ids));
    let found = house.query(&query).await["nodes"].clone();
    let found: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["id"].clone())
        .collect();
    assert_eq!(found, ids);
    let kinds: BTreeSet<_> = ids
        .iter()
        .filter_map(|id| crate::id::decode(id.as_str()?))
        .map(|(kind, _)| format!("{kind:?}"))
        .collect();
    assert_eq!(kinds.len(), 12, "{kinds:?}");
    let stranger = gid(Kind::Lock, new_id());
    let query =
        format!(r#"{{ a: node(id: "{stranger}") {{ id }} b: node(id: "nonsense") {{ id }} }}"#);
    assert_eq!(house.query(&query).await, json!({"a": null, "b": null}));
}

fn collect(value: &Value, ids: &mut Vec<Value>) {
    match value {
        Value::Object(fields) => {
            ids.extend(fields.get("id").cloned());
            fields.values().for_each(|value| collect(value, ids));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, ids)),
        _ => {}
    }
}

#[tokio::test]
async fn a_page_runs_a_fixed_number_of_statements() {
    let house = TestClub::new().await;
    let query = "{ members(first: 50) { nodes { name tags companies { name } suspension { reason }
        doors { lock { name place { name } groups { name managed } } until }
        access { allowed code message target { ... on Group { name locks { name } } ... on Lock { name } } }
        entitlements { externalId offering { name source { name } } }
        shares { scope { ... on Place { name } } } kisiUsers { grants { state } } } } }";
    let mut counts = Vec::new();
    for (from, to) in [(0, 2), (2, 47)] {
        crowd(&house, from, to).await;
        let before = house.reads.load(Ordering::Relaxed);
        house.query(query).await;
        counts.push(house.reads.load(Ordering::Relaxed) - before);
    }
    // Which of two loads completes first decides whether the loads that follow are merged.
    assert!(counts[1] <= counts[0] + 8, "{counts:?}");
    assert!(counts[0] < 60, "{counts:?}");
}

#[tokio::test]
async fn a_page_of_entitlements_runs_the_same_statements_for_few_and_many_members() {
    let house = TestClub::new().await;
    let query = "{ members(first: 50) { nodes { id name email entitlements {
        id externalId startsAt endsAt offering { id name } } } } }";
    let mut counts = Vec::new();
    for (from, to) in [(0, 2), (2, 47)] {
        crowd(&house, from, to).await;
        let before = house.reads.load(Ordering::Relaxed);
        house.query(query).await;
        counts.push(house.reads.load(Ordering::Relaxed) - before);
    }
    // The page, the people of the members by source, their own entitlements, those they take part in, and the offerings.
    assert_eq!(counts, [5, 5]);
}

#[tokio::test]
async fn shares_suspensions_tokens_companies_and_rejected_requests_are_lists() {
    let house = TestClub::new().await;
    let ann = house.member("ann").await;
    house.share(ann, None).await;
    house
        .share(ann, Some(instant("2026-03-02T12:00:00Z")))
        .await;
    let admin = |query: &'static str| house.answer(Role::Admin, None, query);
    let company = json!({ "id": "acme", "name": "Acme", "members": [person("bob")] });
    house
        .event("company.updated", "2026-03-01T08:00:00Z", company)
        .await;
    let suspension = row::Suspension {
        id: new_id(),
        club_id: house.scope.club,
        member_id: ann,
        reason: "lost card".to_owned(),
        until_at: None,
        actor: None,
        learned_at: instant(NOON),
        superseded_at: None,
    };
    let (scope, source, now) = (house.scope, house.source, instant(NOON));
    let tokens = ["till", "door"].map(|name| row::Token {
        id: new_id(),
        club_id: scope.club,
        name: name.to_owned(),
        role: Role::Desk,
        hash: name.as_bytes().to_vec(),
        subject: None,
        member_id: None,
        created_at: now,
        expires_at: None,
    });
    let session = row::Token {
        id: new_id(),
        hash: b"session".to_vec(),
        name: "session".to_owned(),
        role: Role::Member,
        subject: None,
        member_id: Some(ann),
        ..tokens[0].clone()
    };
    let rejected = rejections::Rejected {
        requests: 3,
        last_at: now,
        reason: row::RejectionReason::Header,
    };
    house
        .write(move |tx| {
            Box::pin(async move {
                overrides::suspend(tx, suspension).await?;
                for token in tokens.into_iter().chain([session]) {
                    tokens::create(tx, token).await?;
                }
                rejections::add(tx, scope, source, rejected).await
            })
        })
        .await;
    let response = admin(
        "{ shares { totalCount nodes { member { name } } } all: shares(includeEnded: true) { totalCount }
           suspensions { nodes { reason member { name } } } tokens { nodes { name role } }
           companies { nodes { name } } rejectedRequests { count source { id } last { code at } } }",
    )
    .await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let data = response.data.into_json().unwrap();
    assert_eq!(
        data["shares"],
        json!({ "totalCount": 1, "nodes": [{ "member": { "name": "ann" } }] })
    );
    assert_eq!(data["all"]["totalCount"], 2);
    let suspended = json!([{ "reason": "lost card", "member": { "name": "ann" } }]);
    assert_eq!(data["suspensions"]["nodes"], suspended);
    let named = |name: &str| json!({ "name": name, "role": "DESK" });
    assert_eq!(
        data["tokens"]["nodes"],
        json!([named("door"), named("till")])
    );
    assert_eq!(names(&data["companies"]), ["Acme"]);
    let requests = data["rejectedRequests"].as_array().unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0]["count"], 3);
    let desk = house
        .answer(Role::Desk, None, "{ tokens { totalCount } }")
        .await;
    assert_eq!(desk.errors.first().map(code).as_deref(), Some("FORBIDDEN"));
}

#[tokio::test]
async fn members_are_filtered_by_company_plan_and_change_and_ordered() {
    let house = TestClub::new().await;
    let company = json!({ "id": "acme", "name": "Acme", "members": [person("bob")] });
    house
        .event("company.updated", "2026-03-01T08:00:00Z", company)
        .await;
    let ended = membership("m-2", "dan", "ended");
    house
        .event("membership.updated", "2026-03-01T08:00:00Z", ended)
        .await;
    let data = house
        .query("{ companies { nodes { id } } offerings { nodes { id name kind } } }")
        .await;
    let offerings = data["offerings"]["nodes"].as_array().unwrap();
    let plan = offerings.iter().find(|it| it["kind"] == "MEMBERSHIP");
    let plan = &plan.unwrap()["id"];
    let bay = offerings.iter().find(|it| it["name"] == "Simulator bay");
    let bay = &bay.unwrap()["id"];
    let list = async |arguments: String| {
        let query = format!("{{ members{arguments} {{ totalCount nodes {{ name }} }} }}");
        let members = house.query(&query).await["members"].take();
        let names = names(&members);
        assert_eq!(members["totalCount"], names.len());
        names
    };
    let acme = &data["companies"]["nodes"][0]["id"];
    assert_eq!(
        list(format!("(filter: {{company: {acme}}})")).await,
        ["bob"]
    );
    assert_eq!(
        list(format!("(filter: {{offering: {plan}}})")).await,
        ["ann"]
    );
    // The booking begins later today.
    let none: [&str; 0] = [];
    assert_eq!(list(format!("(filter: {{offering: {bay}}})")).await, none);
    let later = Instant::from_micros(instant("2026-03-02T14:30:00Z"));
    house.app.clock.advance_to(later);
    let booked = list(format!("(filter: {{offering: {bay}}})")).await;
    assert_eq!(booked, ["bob", "cyd"]);

    let entry = |member| crate::store::history::Entry {
        kind: row::HistoryKind::Granted,
        member: Some(member),
        target: None,
        cause: String::new(),
        delivery: None,
        rule: None,
        actor: None,
        message: String::new(),
    };
    let cyd = house.member("cyd").await;
    let (scope, now) = (house.scope, later.micros());
    house
        .write(move |tx| {
            let entries = vec![entry(cyd)];
            Box::pin(crate::store::history::write(tx, scope, now, entries))
        })
        .await;
    let since = |at: &str| format!("(filter: {{changedSince: \"{at}\"}})");
    assert_eq!(list(since("2026-03-02T14:30:00Z")).await, ["cyd"]);
    assert_eq!(list(since("2026-03-02T14:30:01Z")).await, none);

    let oldest = list("(orderBy: OLDEST_FIRST)".to_owned()).await;
    assert_eq!((oldest.len(), oldest.last()), (4, Some(&"dan".to_owned())));
    let mut newest = list("(orderBy: NEWEST_FIRST)".to_owned()).await;
    newest.reverse();
    assert_eq!(newest, oldest);
}
