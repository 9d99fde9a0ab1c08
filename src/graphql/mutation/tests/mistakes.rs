//! All mistakes of an input are returned at once, each with the path of its field.

use super::{shares::newcomer, *};

/// The paths of the user errors of a mutation, sorted.
async fn paths(club: &TestClub, mutation: Mutation) -> Vec<String> {
    let payload = club.run(&mutation).await;
    let errors = payload["userErrors"].as_array().unwrap().iter();
    let mut paths: Vec<String> = errors
        .map(|error| {
            let path = error["field"].as_array().unwrap().iter();
            path.map(|part| part.as_str().unwrap())
                .collect::<Vec<_>>()
                .join(".")
        })
        .collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn all_mistakes_of_an_input_are_returned_at_once() {
    let club = TestClub::new().await;
    let past = "2026-03-01T00:00:00Z";
    for (mutation, expected) in [
        (
            suspend_member(json!({"member": "nobody", "reason": " ", "until": past})),
            vec!["input.member", "input.reason", "input.until"],
        ),
        (
            create_token(json!({"name": "", "role": "MEMBER", "expiresAt": past})),
            vec!["input.expiresAt", "input.name", "input.role"],
        ),
        (
            update_club(
                json!({"name": "", "brake": {"people": -1, "percent": 101, "window": "PT0S"}}),
            ),
            vec![
                "input.brake.people",
                "input.brake.percent",
                "input.brake.window",
                "input.name",
            ],
        ),
        (
            share_access(json!({
                "who": {"new": {"email": "x", "name": ""}}, "scope": "x", "until": past
            })),
            vec!["input.until", "input.who.new.email", "input.who.new.name"],
        ),
        (
            create_source(json!({
                "name": "", "platform": "CANONICAL", "checkIn": true, "primaryMembersOnly": true
            })),
            vec!["input.checkIn", "input.name", "input.primaryMembersOnly"],
        ),
    ] {
        assert_eq!(paths(&club, mutation).await, expected);
    }
}

#[tokio::test]
async fn all_mistakes_of_a_rule_are_returned_at_once_also_by_its_preview() {
    let club = TestClub::new().await;
    club.connected().await;
    let group = club.managed("Members").await;
    newcomer(&club, &group, "ann@example.com").await;
    let rule = json!({
        "name": " ", "target": "nowhere", "conditions": [
            {"membership": {"offerings": ["a", "b"], "whenBlocked": "GRACE"}},
            {"schedule": {"days": [], "from": "09:00", "until": "09:00"}},
            {"tag": {"tags": ["", "staff"]}},
        ],
    });
    let expected = [
        "input.conditions.0.membership.grace",
        "input.conditions.0.membership.offerings.0",
        "input.conditions.0.membership.offerings.1",
        "input.conditions.1.schedule.days",
        "input.conditions.1.schedule.until",
        "input.conditions.2.tag.tags.0",
        "input.name",
        "input.target",
    ];
    assert_eq!(paths(&club, create_rule(rule.clone())).await, expected);

    let query = "query ($rule: RuleInput!) { previewRule(change: { create: $rule }) { effect } }";
    let caller = club.caller(row::Role::Reader, None);
    let response = club.send(caller, query, json!({ "rule": rule })).await;
    let error = serde_json::to_value(&response.errors[0]).unwrap();
    assert_eq!(error["extensions"]["code"], "BAD_USER_INPUT");
    let fields = error["extensions"]["fields"].as_array().unwrap();
    assert_eq!(fields.len(), expected.len(), "{error}");
    for field in fields {
        assert_eq!(field["field"][0], "change");
        assert!(["INVALID", "NOT_FOUND"].contains(&field["code"].as_str().unwrap()));
        assert!(!field["message"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_mistake_has_the_path_of_the_form_that_was_used() {
    let club = TestClub::new().await;
    let by_input = |field, kind| {
        let input = json!({"share": "x", "source": "x", "member": "x", "account": "x"});
        let name = match field {
            "endShare" => "share",
            "removeSource" | "rotateSourceSecret" => "source",
            "refreshKisi" => "account",
            _ => "member",
        };
        Mutation {
            field,
            selection: "__typename",
            arguments: vec![("input", kind, json!({ name: input[name] }))],
        }
    };
    for (mutation, path) in [
        (end_share("x"), "share"),
        (by_input("endShare", "EndShareInput!"), "input.share"),
        (remove_source("x"), "source"),
        (
            by_input("removeSource", "RemoveSourceInput!"),
            "input.source",
        ),
        (
            by_input("rotateSourceSecret", "RotateSourceSecretInput!"),
            "input.source",
        ),
        (
            by_input("refreshKisi", "RefreshKisiInput!"),
            "input.account",
        ),
        (
            by_input("resumeMember", "ResumeMemberInput!"),
            "input.member",
        ),
        (
            by_input("createMemberSession", "CreateMemberSessionInput!"),
            "input.member",
        ),
    ] {
        assert_eq!(paths(&club, mutation).await, [path]);
    }
    let document = "mutation { endShare { userErrors { code } } }";
    let response = club
        .send(club.caller(club.role, None), document, json!({}))
        .await;
    let response = serde_json::to_value(&response).unwrap();
    assert_eq!(
        response["errors"][0]["extensions"]["code"],
        "BAD_USER_INPUT"
    );
}

#[tokio::test]
async fn texts_that_are_no_durations_times_or_time_zones_are_mistakes_of_their_fields() {
    let club = TestClub::new().await;
    club.connected().await;
    let group = club.managed("Members").await;
    let conditions = json!([
        {"schedule": {"days": ["MONDAY"], "from": "9 am", "until": "25:00", "timeZone": "Mars/Olympus"}},
        {"registration": {"opensBefore": "an hour", "closesAfter": "PT1H"}},
        {"membership": {"whenBlocked": "GRACE", "grace": "P1Y"}},
    ]);
    let rule = json!({"name": "", "target": group, "conditions": conditions});
    let of_rule = [
        "input.conditions.0.schedule.from",
        "input.conditions.0.schedule.timeZone",
        "input.conditions.0.schedule.until",
        "input.conditions.1.registration.opensBefore",
        "input.conditions.2.membership.grace",
        "input.name",
    ];
    assert_eq!(paths(&club, create_rule(rule.clone())).await, of_rule);
    for (mutation, expected) in [
        (
            update_club(json!({"name": "", "timeZone": "Berlin", "brake": {"window": "soon"}})),
            vec!["input.brake.window", "input.name", "input.timeZone"],
        ),
        (
            create_source(
                json!({"name": "", "platform": "CANONICAL", "timeZone": "CET+1", "readEvery": "daily"}),
            ),
            vec!["input.name", "input.readEvery", "input.timeZone"],
        ),
        (
            update_source(
                json!({"source": "x", "name": "", "timeZone": "CET+1", "readEvery": "daily"}),
            ),
            vec![
                "input.name",
                "input.readEvery",
                "input.source",
                "input.timeZone",
            ],
        ),
        (
            save_location(json!({"source": "x", "externalId": "1", "name": "", "timeZone": "x"})),
            vec!["input.name", "input.source", "input.timeZone"],
        ),
    ] {
        assert_eq!(paths(&club, mutation).await, expected);
    }
    let preview = "query($rule: RuleInput!) { previewRule(change: {create: $rule}) { warnings { message } } }";
    let response = club
        .send(club.caller(club.role, None), preview, json!({"rule": rule}))
        .await;
    let response = serde_json::to_value(&response).unwrap();
    let fields = response["errors"][0]["extensions"]["fields"].as_array();
    assert_eq!(fields.map(Vec::len), Some(of_rule.len()), "{response:#}");
    // What is no text is refused as before.
    let rule =
        json!({"name": "x", "target": group, "conditions": [{"registration": {"opensBefore": 5}}]});
    let response = club.answer(&create_rule(rule)).await;
    assert!(!response.errors.is_empty());
}
