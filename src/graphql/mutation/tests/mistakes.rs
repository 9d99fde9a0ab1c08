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
