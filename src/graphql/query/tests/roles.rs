//! What a member session can read, and what is refused.

use serde_json::json;

use async_graphql::{Request, ServerError};
use futures_util::StreamExt;

use super::*;
use crate::{
    graphql::{prepare::OperationKind, resolve::json::to_plain, subscription::SubscriptionReady},
    store::history,
};

#[tokio::test]
async fn a_member_session_reads_only_its_own_member() {
    let house = TestClub::new().await;
    let (ann, bob) = (house.member("ann").await, house.member("bob").await);
    let own = gid(Kind::Member, ann);
    let other = gid(Kind::Member, bob);
    let front = gid(Kind::Lock, house.front);
    let (simulator, club) = (
        gid(Kind::Lock, house.simulator),
        gid(Kind::Club, house.scope.club),
    );
    let ask = async |query: &str| house.answer(Role::Member, Some(ann), query).await;
    let mine = format!(
        r#"{{ viewer {{ role member {{ name doors {{ lock {{ name }} }} access {{ code }} entitlements {{ id }} }} }}
            member(id: "{own}") {{ name }} myself: member {{ id }} club {{ name timeZone }}
            nodes(ids: ["{own}", "{front}", "{club}"]) {{ id }}
            explain(member: "{own}", target: "{front}") {{ decision {{ code message }} fixes {{ code }} }} }}"#
    );
    let response = ask(&mine).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let data = response.data.into_json().unwrap();
    assert_eq!(
        data["viewer"]["member"]["doors"],
        json!([{"lock": {"name": "Front"}}])
    );
    assert_eq!(data["myself"], json!({ "id": own }));
    assert_eq!(
        data["nodes"],
        json!([{ "id": own }, { "id": front }, { "id": club }])
    );
    for query in [
        format!(r#"{{ member(id: "{other}") {{ name }} }}"#),
        r#"{ member(email: "bob@example.com") { name } }"#.to_owned(),
        format!(r#"{{ node(id: "{other}") {{ id }} }}"#),
        format!(r#"{{ node(id: "{simulator}") {{ id }} }}"#),
        r#"{ node(id: "nonsense") { id } }"#.to_owned(),
        format!(r#"{{ explain(member: "{other}", target: "{front}") {{ nextChangeAt }} }}"#),
        format!(r#"{{ explain(member: "{own}", target: "{front}") {{ rules {{ holds }} }} }}"#),
        "{ viewer { member { doors { lock { allowedMembers { nodes { id } } } } } } }".to_owned(),
        "{ viewer { member { doors { lock { rules { id } } } } } }".to_owned(),
        "{ viewer { member { entitlements { source { webhookPath } } } } }".to_owned(),
        "{ viewer { member { problems { code } } } }".to_owned(),
        "{ club { brake { people } } }".to_owned(),
        "{ members { totalCount } }".to_owned(),
        format!(r#"{{ history(filter: {{member: "{other}"}}) {{ totalCount }} }}"#),
        "{ history { nodes { actor } } }".to_owned(),
        "{ sources { id } }".to_owned(),
        "{ kisiAccounts { id } }".to_owned(),
    ] {
        let response = ask(&query).await;
        let code = response.errors.first().map(code);
        assert_eq!(code.as_deref(), Some("FORBIDDEN"), "{query}");
    }
}

#[tokio::test]
async fn a_member_session_receives_only_its_own_events() {
    let house = TestClub::new().await;
    let (ann, bob) = (house.member("ann").await, house.member("bob").await);
    let listen = |query: String| {
        let mut request = Request::new(query);
        let session = house.caller(Role::Member, Some(ann));
        let (listening, told) = SubscriptionReady::new();
        request.data.insert(listening);
        let kind = house.service.prepare(Role::Member, &mut request)?;
        assert_eq!(kind, OperationKind::Subscription);
        let events = house.service.subscribe(house.app.clone(), session, request);
        Ok::<_, ServerError>((events.boxed(), told))
    };
    let other = gid(Kind::Member, bob);
    for query in [
        "subscription { deliveries { id } }",
        "subscription { accessEvents { message rule { id } } }",
    ] {
        let refused = listen(query.to_owned()).err().unwrap();
        assert_eq!(code(&refused), "FORBIDDEN");
    }
    let query =
        format!(r#"subscription {{ accessEvents(filter: {{member: "{other}"}}) {{ id }} }}"#);
    let (mut answers, _told) = listen(query).unwrap();
    let refused = answers.next().await.unwrap();
    let first = refused.errors.first().map(code);
    assert_eq!(first.as_deref(), Some("FORBIDDEN"));
    let query = "subscription { accessEvents { message member { name } } }";
    let (answers, told) = listen(query.to_owned()).unwrap();
    let mut answers = tokio::spawn(async move {
        let mut answers = answers;
        answers.next().await
    });
    tokio::select! {
        listens = told => listens.unwrap(),
        ended = &mut answers => panic!("the subscription ended early: {ended:?}"),
    }
    let entry = |member: Uuid, message: &str| history::Entry {
        kind: row::HistoryKind::Suspended,
        member: Some(member),
        target: None,
        cause: String::new(),
        delivery: None,
        rule: Some(house.front),
        actor: None,
        message: message.to_owned(),
    };
    let (scope, entries) = (house.scope, vec![entry(bob, "his"), entry(ann, "hers")]);
    house
        .write(move |tx| Box::pin(history::write(tx, scope, 0, entries)))
        .await;
    let event = answers.await.unwrap().unwrap();
    assert!(event.errors.is_empty(), "{:?}", event.errors);
    assert_eq!(
        to_plain(&event.data).into_json().unwrap(),
        json!({"accessEvents": {"message": "Your access was suspended.", "member": {"name": "ann"}}})
    );
}

#[tokio::test]
async fn a_member_session_gets_only_texts_for_members() {
    let house = TestClub::new().await;
    let bob = house.member("bob").await;
    let (own, front) = (gid(Kind::Member, bob), gid(Kind::Lock, house.front));
    let query = format!(
        r#"{{ explain(member: "{own}", target: "{front}") {{
            decision {{ desk: message(audience: DESK) log: message(audience: ENGINEER) door: message }}
            fixes {{ desk: message(audience: DESK) none: message door: message(audience: MEMBER) }} }} }}"#
    );
    let said = house.answer(Role::Member, Some(bob), &query).await;
    assert!(said.errors.is_empty(), "{:?}", said.errors);
    let said = said.data.into_json().unwrap()["explain"].take();
    let door = json!("You need a membership here. Please ask at the desk.");
    assert_eq!(
        said["decision"],
        json!({ "desk": door, "log": door, "door": door })
    );
    let fix = json!("Get a membership.");
    assert_eq!(
        said["fixes"][0],
        json!({ "desk": fix, "none": fix, "door": fix })
    );
    let desk = house.query(&query).await["explain"].take();
    assert_ne!(desk["decision"]["desk"], door);
    assert_ne!(desk["fixes"][0]["none"], door);
}

#[tokio::test]
async fn a_caller_of_another_club_reads_nothing() {
    let house = TestClub::new().await;
    let front = gid(Kind::Lock, house.front);
    let member = gid(Kind::Member, house.member("ann").await);
    let club = gid(Kind::Club, house.scope.club);
    let query = format!(
        r#"{{ nodes(ids: ["{front}", "{member}", "{club}"]) {{ id }} members {{ totalCount }} kisiAccounts {{ id }} }}"#
    );
    let neighbour = house.neighbour().await;
    let stranger = neighbour.caller(Role::Admin, None);
    let response = neighbour.send(stranger, &query, json!({})).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let data = response.data.into_json().unwrap();
    assert_eq!(
        data,
        json!({"nodes": [null, null, null], "members": {"totalCount": 0}, "kisiAccounts": []})
    );
}

#[tokio::test]
async fn a_member_session_reads_its_own_history_without_texts_for_staff() {
    let house = TestClub::new().await;
    let (ann, bob) = (house.member("ann").await, house.member("bob").await);
    let entry = |member: Uuid| history::Entry {
        kind: row::HistoryKind::Suspended,
        member: Some(member),
        target: None,
        cause: String::new(),
        delivery: None,
        rule: None,
        actor: None,
        message: "suspended: she shouted".to_owned(),
    };
    let (scope, entries) = (house.scope, vec![entry(bob), entry(ann)]);
    house
        .write(move |tx| Box::pin(history::write(tx, scope, 0, entries)))
        .await;
    let query = "{ history { totalCount nodes { kind message member { name } } } }";
    let response = house.answer(Role::Member, Some(ann), query).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let entry = json!({ "kind": "SUSPENDED", "message": "Your access was suspended.", "member": { "name": "ann" } });
    let expected = json!({ "history": { "totalCount": 1, "nodes": [entry] } });
    assert_eq!(response.data.into_json().unwrap(), expected);
}

#[tokio::test]
async fn a_viewer_sees_what_its_role_permits() {
    let house = TestClub::new().await;
    let ann = house.member("ann").await;
    let query = "{ viewer { queries mutations subscriptions expiresAt } }";
    for (role, mutations, query_count) in [
        (
            Role::Desk,
            json!([
                "endShare",
                "resumeMember",
                "shareAccess",
                "suspendMember",
                "unlock"
            ]),
            None,
        ),
        (Role::App, json!(["createMemberSession", "unlock"]), None),
        (Role::Reader, json!([]), None),
        (Role::Member, json!(["unlock"]), Some(7)),
    ] {
        let member = (role == Role::Member).then_some(ann);
        let response = house.answer(role, member, query).await;
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        let viewer = response.data.into_json().unwrap()["viewer"].take();
        let sorted = |field: &str| {
            let names = viewer[field].as_array().unwrap().iter();
            let mut names: Vec<&str> = names.map(|name| name.as_str().unwrap()).collect();
            names.sort_unstable();
            json!(names)
        };
        assert_eq!(sorted("mutations"), mutations);
        if let Some(count) = query_count {
            assert_eq!(
                viewer["queries"].as_array().unwrap().len(),
                count,
                "{viewer}"
            );
            assert_eq!(viewer["subscriptions"], json!(["accessEvents"]));
        }
    }
}
