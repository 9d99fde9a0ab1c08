//! All fields that show a decision agree with each other, and an explanation names the reasons.

use serde_json::{Value, json};

use super::*;
use ::access::Instant;

const PEOPLE: [&str; 3] = ["ann", "bob", "cyd"];

/// The explanation of a member's access to a target at `at`.
async fn explained(house: &TestClub, member: &str, target: &str, at: &str) -> Value {
    let query = format!(
        r#"{{ explain(member: "{member}", target: "{target}", at: "{at}") {{
            nextChangeAt
            decision {{ allowed code until message desk: message(audience: DESK)
                edge rule {{ name }} offerings {{ name }} }}
            rules {{ holds rule {{ name }} spans {{ from until }}
                conditions {{ holds condition {{ __typename }} because {{ id externalId }}
                    nearMisses {{ code message entitlement {{ externalId }} }} }} }}
            shares {{ id }} suspension {{ reason }} grants {{ id }}
            fixes {{ code by message edge tags rule {{ name }} offerings {{ name }} }} }} }}"#
    );
    house.query(&query).await["explain"].clone()
}

#[tokio::test]
async fn explanations_lists_and_decisions_agree_at_every_time() {
    let house = TestClub::new().await;
    let cyd = house.member("cyd").await;
    house
        .share(cyd, Some(instant("2026-03-02T13:15:00Z")))
        .await;
    let targets = [
        gid(Kind::Group, house.members),
        gid(Kind::Group, house.staff),
        gid(Kind::Lock, house.front),
        gid(Kind::Lock, house.simulator),
    ];
    let mut answers = Vec::new();
    for at in [
        "2026-03-02T12:00:00Z",
        "2026-03-02T13:30:00Z",
        "2026-03-02T23:00:00Z",
    ] {
        for target in &targets {
            let query = format!(
                r#"{{ node(id: "{target}") {{
                    ... on Lock {{ allowedMembers(at: "{at}") {{ totalCount nodes {{ id }} }} }}
                    ... on Group {{ allowedMembers(at: "{at}") {{ totalCount nodes {{ id }} }} }} }} }}"#
            );
            let listed = house.query(&query).await["node"]["allowedMembers"].clone();
            let listed_ids: Vec<_> = listed["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["id"].clone())
                .collect();
            assert_eq!(listed["totalCount"], json!(listed_ids.len()));
            for name in PEOPLE {
                let member = gid(Kind::Member, house.member(name).await);
                let why = explained(&house, &member, target, at).await;
                let allowed = why["decision"]["allowed"].as_bool().unwrap();
                assert_eq!(
                    listed_ids.contains(&json!(member)),
                    allowed,
                    "{name} {target} {at}"
                );
                let query = format!(
                    r#"{{ member(id: "{member}") {{ access(at: "{at}") {{ allowed code
                        target {{ ... on Group {{ id }} ... on Lock {{ id }} }} }} }} }}"#
                );
                let access = house.query(&query).await["member"]["access"].clone();
                let access = access
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|it| it["target"]["id"] == json!(target));
                assert_eq!(
                    access.is_some_and(|it| it["allowed"] == json!(true)),
                    allowed
                );
                if let Some(access) = access {
                    assert_eq!(access["code"], why["decision"]["code"]);
                }
                answers.push(allowed);
            }
        }
    }
    // Ann during the day at Members and Front; Cyd through the share at Front and Simulator; Bob and Cyd around the booking.
    assert_eq!(answers.iter().filter(|allowed| **allowed).count(), 4 + 4);
}

#[tokio::test]
async fn doors_and_filters_agree_with_the_current_decision() {
    let house = TestClub::new().await;
    let ask = |target: String, allowed: bool| {
        let query = format!(
            r#"{{ members(filter: {{target: "{target}", allowed: {allowed}}}) {{ totalCount nodes {{ name doors {{ lock {{ name }} until }} }} }} }}"#
        );
        let house = &house;
        async move { house.query(&query).await["members"].clone() }
    };
    let inside = ask(gid(Kind::Lock, house.front), true).await;
    assert_eq!(
        inside,
        json!({"totalCount": 1, "nodes": [
            {"name": "ann", "doors": [{"lock": {"name": "Front"}, "until": "2026-03-02T22:00:00Z"}]},
        ]})
    );
    let outside = ask(gid(Kind::Lock, house.front), false).await;
    assert_eq!(outside["totalCount"], json!(2));
    assert_eq!(outside["nodes"][0], json!({"name": "bob", "doors": []}));
}

#[tokio::test]
async fn a_booking_that_has_not_started_is_explained_with_its_start() {
    let house = TestClub::new().await;
    let bob = gid(Kind::Member, house.member("bob").await);
    let target = gid(Kind::Lock, house.simulator);
    let why = explained(&house, &bob, &target, NOON).await;
    let decision = &why["decision"];
    assert_eq!(decision["code"], json!("TOO_EARLY"));
    assert_eq!(
        decision["message"],
        json!("Your booking of Simulator bay opens the door from 14:30.")
    );
    assert_eq!(why["nextChangeAt"], json!("2026-03-02T13:30:00Z"));
    for parts in [decision, &why["fixes"][0]] {
        assert_eq!(parts["rule"], json!({ "name": "Bookings" }));
        assert_eq!(parts["offerings"], json!([{ "name": "Simulator bay" }]));
        assert_eq!(parts["edge"], json!("2026-03-02T13:30:00Z"));
    }
    assert_eq!(why["fixes"][0]["by"], json!(["MEMBER", "DESK"]));
    let condition = &why["rules"][0]["conditions"][0];
    assert_eq!(
        condition["nearMisses"][0]["entitlement"]["externalId"],
        json!("b-1")
    );
    assert_eq!(condition["because"], json!([]));
    assert_eq!(
        why["rules"][0]["spans"],
        json!([{"from": "2026-03-02T13:30:00Z", "until": "2026-03-02T15:30:00Z"}])
    );
    let open = explained(&house, &bob, &target, "2026-03-02T14:00:00Z").await;
    assert_eq!(open["decision"]["code"], json!("ALLOWED_BY_RULE"));
    assert_eq!(
        open["rules"][0]["conditions"][0]["because"][0]["externalId"],
        json!("b-1")
    );
    assert_eq!(open["fixes"], json!([]));
}

#[tokio::test]
async fn as_known_at_explains_from_what_was_known_then() {
    let house = TestClub::new().await;
    let ann = gid(Kind::Member, house.member("ann").await);
    let front = gid(Kind::Lock, house.front);
    let later = "2026-03-02T13:00:00Z";
    house
        .app
        .clock
        .advance_to(Instant::from_micros(instant(later)));
    house
        .event(
            "membership.updated",
            "2026-03-02T12:30:00Z",
            membership("m-1", "ann", "ended"),
        )
        .await;
    let explain = |known: &str| {
        let query = format!(
            r#"{{ explain(member: "{ann}", target: "{front}", at: "{NOON}"{known}) {{ decision {{ code }} }} }}"#
        );
        let house = &house;
        async move { house.query(&query).await["explain"]["decision"]["code"].clone() }
    };
    assert_eq!(explain("").await, json!("MEMBERSHIP_ENDED"));
    assert_eq!(
        explain(&format!(r#", asKnownAt: "{NOON}""#)).await,
        json!("ALLOWED_BY_RULE")
    );
}

#[tokio::test]
async fn unknown_ids_are_refused_with_the_name_of_the_argument() {
    let house = TestClub::new().await;
    let ann = gid(Kind::Member, house.member("ann").await);
    let front = gid(Kind::Lock, house.front);
    let nobody = gid(Kind::Member, new_id());
    let nowhere = gid(Kind::Lock, new_id());
    for (member, target, argument) in [
        (&nobody, &front, "member"),
        (&ann, &nowhere, "target"),
        (&front, &front, "member"),
        (&ann, &ann, "target"),
    ] {
        let query =
            format!(r#"{{ explain(member: "{member}", target: "{target}") {{ nextChangeAt }} }}"#);
        let (code, message) = house.first_error(&query).await;
        assert_eq!(code, "BAD_USER_INPUT");
        assert!(message.starts_with(argument), "{message}");
    }
}

#[tokio::test]
async fn access_points_have_a_name_and_kisis_id_whatever_they_are() {
    let house = TestClub::new().await;
    let ann = house.member("ann").await;
    house.share(ann, None).await;
    let ann = gid(Kind::Member, ann);
    let query = format!(
        r#"{{ member(id: "{ann}") {{
            access {{ target {{ __typename ... on AccessPoint {{ name kisiId }} }} }}
            shares {{ scope {{ ... on AccessPoint {{ id name kisiId }} }} }} }}
            place: node(id: "{}") {{ ... on AccessPoint {{ name }} }} }}"#,
        gid(Kind::Place, house.place)
    );
    let data = house.query(&query).await;
    let access = data["member"]["access"].as_array().unwrap();
    let members = json!({ "target": { "__typename": "Group", "name": "Members", "kisiId": "1" } });
    assert!(access.contains(&members), "{access:?}");
    assert_eq!(data["member"]["shares"][0]["scope"]["name"], "Clubhouse");
    assert_eq!(data["place"], json!({ "name": "Clubhouse" }));
}

#[tokio::test]
async fn the_id_of_no_member_gives_null() {
    let house = TestClub::new().await;
    for id in [
        gid(Kind::Member, new_id()),
        gid(Kind::Lock, house.front),
        "nonsense".to_owned(),
    ] {
        let query = format!(r#"{{ member(id: "{id}") {{ name }} node(id: "{id}") {{ id }} }}"#);
        let data = house.query(&query).await;
        assert_eq!(data["member"], Value::Null, "{id}");
        let response = house
            .answer(Role::Member, Some(house.member("ann").await), &query)
            .await;
        assert_eq!(
            response.errors.first().map(code).as_deref(),
            Some("FORBIDDEN")
        );
    }
}

#[tokio::test]
async fn a_timeline_has_the_times_with_access_and_what_grants_them() {
    let house = TestClub::new().await;
    let ann = house.member("ann").await;
    house
        .share(ann, Some(instant("2026-03-02T13:15:00Z")))
        .await;
    let query = format!(
        r#"{{ member(id: "{}") {{ timeline(until: "2026-03-04T00:00:00Z") {{
            target {{ ... on AccessPoint {{ name }} }}
            segments {{ from until rules {{ name }} shares {{ until }} }} }} }} }}"#,
        gid(Kind::Member, ann)
    );
    let data = house.query(&query).await;
    let of = |name: &str| {
        let all = data["member"]["timeline"].as_array().unwrap();
        let found = all.iter().find(|it| it["target"]["name"] == name);
        found.unwrap_or_else(|| panic!("{name}: {all:?}"))["segments"].clone()
    };
    let rule = json!([{ "name": "Unlimited" }]);
    let share = json!([{ "until": "2026-03-02T13:15:00Z" }]);
    let segment = |from: &str, until: &str, rules: &Value, shares: &Value| json!({ "from": from, "until": until, "rules": rules, "shares": shares });
    let (noon, none) = ("2026-03-02T12:00:00Z", json!([]));
    assert_eq!(
        of("Front"),
        json!([
            segment(noon, "2026-03-02T13:15:00Z", &rule, &share),
            segment("2026-03-02T13:15:00Z", "2026-03-02T22:00:00Z", &rule, &none),
            segment("2026-03-03T05:00:00Z", "2026-03-03T22:00:00Z", &rule, &none),
        ])
    );
    assert_eq!(
        of("Simulator"),
        json!([segment(noon, "2026-03-02T13:15:00Z", &none, &share)])
    );
    for until in ["2026-03-02T12:00:00Z", "2026-06-02T12:00:01Z"] {
        let query = format!(
            r#"{{ member(id: "{}") {{ timeline(until: "{until}") {{ segments {{ from }} }} }} }}"#,
            gid(Kind::Member, ann)
        );
        let response = house.answer(Role::Reader, None, &query).await;
        assert_eq!(
            response.errors.first().map(code).as_deref(),
            Some("BAD_USER_INPUT")
        );
    }
}
