//! Tests of the rule mutations: what is stored, and each validation error.

use super::*;
use crate::store::rules::{self, Blocked, StoredCondition};

struct Desk {
    house: TestClub,
    account: Uuid,
    group: String,
    membership: String,
    item: String,
    simulator: String,
    location: String,
}

async fn desk() -> Desk {
    let house = TestClub::new().await;
    let account = house.connected().await.id;
    let group = house.managed("Members").await;
    let source = house.source("Books").await;
    let membership = house.offering(&source, "MEMBERSHIP", "Unlimited").await;
    let item = house.offering(&source, "BILLING_ITEM", "Season pass").await;
    let simulator = house.offering(&source, "RESOURCE", "Simulator").await;
    let input = json!({"source": source, "externalId": "hq", "name": "Headquarters"});
    let made = house.good(save_location(input)).await;
    let location = made["location"]["id"].as_str().unwrap().to_owned();
    Desk {
        house,
        account,
        group,
        membership,
        item,
        simulator,
        location,
    }
}

impl Desk {
    fn rule(&self, conditions: Value) -> Value {
        json!({"name": "Members", "target": self.group, "conditions": conditions})
    }

    async fn create(&self, conditions: Value) -> String {
        let made = self
            .house
            .good(create_rule(self.rule(conditions)).select("rule { id }"))
            .await;
        made["rule"]["id"].as_str().unwrap().to_owned()
    }

    async fn current(&self) -> Vec<row::Rule> {
        rules::current(self.house.app.db.read(), self.house.scope)
            .await
            .unwrap()
    }

    async fn refused(&self, input: Value) -> (String, String) {
        self.house.refused(create_rule(input)).await
    }
}

#[tokio::test]
async fn a_rule_is_made_edited_and_deleted_in_versions() {
    let desk = desk().await;
    super::shares::newcomer(&desk.house, &desk.group, "ann@example.com").await;
    desk.house.settle(desk.account).await;
    let rule = desk
        .create(json!([{"tag": {"tags": [" range ", "range", "guest"]}}]))
        .await;
    let made = desk.current().await.pop().unwrap();
    assert_eq!(
        (made.version, made.enabled, made.actor.as_deref()),
        (1, true, Some("the office"))
    );
    assert_eq!(id(Kind::Rule, made.rule_id), rule);
    let tags = vec!["range".to_owned(), "guest".to_owned()];
    assert_eq!(
        rules::conditions(&made).unwrap(),
        [StoredCondition::Tag { tags }]
    );
    assert_eq!(desk.house.backlog(desk.account).await, 1);

    desk.house.settle(desk.account).await;
    let mut edit = desk.rule(json!([{"membership": {}}]));
    edit["enabled"] = json!(false);
    edit["target"] = json!(id(Kind::Lock, desk.house.lock("Range").await.id));
    desk.house
        .good(update_rule(json!(rule), edit).select("rule { id }"))
        .await;
    let edited = desk.current().await.pop().unwrap();
    assert_eq!(
        (edited.version, edited.enabled, edited.rule_id),
        (2, false, made.rule_id)
    );
    assert_eq!(edited.target_kind, row::TargetKind::Lock);
    assert_eq!(desk.house.backlog(desk.account).await, 1);

    let gone = desk.house.good(delete_rule(json!(rule))).await;
    assert_eq!(gone["deletedId"], json!(rule));
    assert!(desk.current().await.is_empty());
    let told = desk.house.history(row::HistoryKind::RuleChanged).await;
    assert_eq!(told.len(), 3);
    assert!(
        told.iter()
            .all(|entry| entry.actor.as_deref() == Some("the office"))
    );
    assert!(told.iter().all(|entry| entry.rule_id == Some(made.rule_id)));
}

#[tokio::test]
async fn every_condition_is_stored_with_its_input() {
    let desk = desk().await;
    desk.create(json!([
        {"membership": {"offerings": [desk.membership], "whenBlocked": "GRACE", "grace": "P3D"}},
        {"registration": {"offerings": [desk.simulator], "kinds": ["RESOURCE", "RESOURCE"], "locations": [desk.location]}},
        {"purchase": {"offerings": [desk.item]}},
        {"schedule": {"days": ["SUNDAY", "MONDAY", "MONDAY"], "from": "22:00", "until": "06:00"}},
        {"schedule": {"days": ["FRIDAY"], "from": "00:00", "until": "24:00", "timeZone": "Asia/Tokyo",
            "startDate": "2026-01-01", "endDate": "2026-01-01"}},
    ]))
    .await;
    let stored = rules::conditions(&desk.current().await.pop().unwrap()).unwrap();
    let of = |text: &str| crate::id::decode(text).unwrap().1;
    let date = || Some("2026-01-01".parse().unwrap());
    let wanted = [
        StoredCondition::Membership {
            offerings: vec![of(&desk.membership)],
            locations: vec![],
            when_blocked: Blocked::Grace,
            grace_s: Some(259_200),
        },
        StoredCondition::Registration {
            offerings: vec![of(&desk.simulator)],
            kinds: vec!["RESOURCE".to_owned()],
            locations: vec![of(&desk.location)],
            opens_before_s: 1_800,
            closes_after_s: 1_800,
            day: false,
            guests: true,
            applies_to_ongoing: true,
        },
        StoredCondition::Purchase {
            offerings: vec![of(&desk.item)],
            locations: vec![],
        },
        StoredCondition::Schedule {
            days: vec![1, 7],
            from_minute: 1_320,
            until_minute: 360,
            time_zone: "Europe/Berlin".to_owned(),
            start_date: None,
            end_date: None,
        },
        StoredCondition::Schedule {
            days: vec![5],
            from_minute: 0,
            until_minute: 1_440,
            time_zone: "Asia/Tokyo".to_owned(),
            start_date: date(),
            end_date: date(),
        },
    ];
    assert_eq!(stored, wanted);
}

#[tokio::test]
async fn conditions_that_make_no_sense_are_refused_by_their_path() {
    let desk = desk().await;
    let (plan, item, room) = (&desk.membership, &desk.item, &desk.simulator);
    let times = |from: &str, until: &str| json!({"days": ["MONDAY"], "from": from, "until": until});
    let mut backwards = times("08:00", "09:00");
    (backwards["startDate"], backwards["endDate"]) = (json!("2026-02-01"), json!("2026-01-31"));
    for (condition, code, path) in [
        (
            json!({"membership": {"offerings": ["nonsense"]}}),
            "NOT_FOUND",
            "membership.offerings.0",
        ),
        (
            json!({"membership": {"offerings": [plan, desk.group]}}),
            "NOT_FOUND",
            "membership.offerings.1",
        ),
        (
            json!({"membership": {"offerings": [item]}}),
            "INVALID",
            "membership.offerings.0",
        ),
        (
            json!({"membership": {"locations": [plan]}}),
            "NOT_FOUND",
            "membership.locations.0",
        ),
        (
            json!({"membership": {"whenBlocked": "GRACE"}}),
            "INVALID",
            "membership.grace",
        ),
        (
            json!({"membership": {"whenBlocked": "ALLOW", "grace": "P1D"}}),
            "INVALID",
            "membership.grace",
        ),
        (
            json!({"membership": {"whenBlocked": "GRACE", "grace": "P367D"}}),
            "INVALID",
            "membership.grace",
        ),
        (
            json!({"registration": {"offerings": [plan]}}),
            "INVALID",
            "registration.offerings.0",
        ),
        (
            json!({"registration": {"kinds": ["ROOM", "MEMBERSHIP"]}}),
            "INVALID",
            "registration.kinds.1",
        ),
        (
            json!({"registration": {"opensBefore": "P367D"}}),
            "INVALID",
            "registration.opensBefore",
        ),
        (
            json!({"registration": {"closesAfter": "P53W"}}),
            "INVALID",
            "registration.closesAfter",
        ),
        (
            json!({"purchase": {"offerings": []}}),
            "INVALID",
            "purchase.offerings",
        ),
        (
            json!({"purchase": {"offerings": [room]}}),
            "INVALID",
            "purchase.offerings.0",
        ),
        (json!({"tag": {"tags": []}}), "INVALID", "tag.tags"),
        (
            json!({"tag": {"tags": ["a", " "]}}),
            "INVALID",
            "tag.tags.1",
        ),
        (
            json!({"schedule": {"days": [], "from": "08:00", "until": "09:00"}}),
            "INVALID",
            "schedule.days",
        ),
        (
            json!({"schedule": times("08:00", "08:00")}),
            "INVALID",
            "schedule.until",
        ),
        (
            json!({"schedule": times("24:00", "08:00")}),
            "INVALID",
            "schedule.from",
        ),
        (
            json!({"schedule": backwards}),
            "INVALID",
            "schedule.endDate",
        ),
    ] {
        let said = condition.to_string();
        let conditions = json!([{"tag": {"tags": ["fine"]}}, condition]);
        let answer = desk.refused(desk.rule(conditions)).await;
        assert_eq!(
            answer,
            refusal(code, &format!("input.conditions.1.{path}")),
            "{said}"
        );
    }
    assert!(desk.current().await.is_empty());
}

#[tokio::test]
async fn a_rule_has_no_more_conditions_than_can_be_evaluated_for_everybody() {
    let desk = desk().await;
    let tag = json!({"tag": {"tags": ["fine"]}});
    let schedule = json!({"schedule": {"days": ["MONDAY"], "from": "08:00", "until": "09:00"}});
    for (condition, most) in [(tag, 50), (schedule, 10)] {
        let of = |count: usize| Value::Array(vec![condition.clone(); count]);
        let answer = desk.refused(desk.rule(of(most + 1))).await;
        assert_eq!(answer, refusal("INVALID", "input.conditions"));
        desk.create(of(most)).await;
    }
}

#[tokio::test]
async fn a_rule_needs_a_name_a_condition_and_something_to_open() {
    let desk = desk().await;
    let tag = json!([{"tag": {"tags": ["range"]}}]);
    let with = |field: &str, value: Value| {
        let mut rule = desk.rule(tag.clone());
        rule[field] = value;
        rule
    };
    for (input, code, path) in [
        (with("name", json!(" ")), "INVALID", "input.name"),
        (
            with("name", json!("x".repeat(201))),
            "INVALID",
            "input.name",
        ),
        (with("conditions", json!([])), "INVALID", "input.conditions"),
        (
            with("target", json!(desk.membership)),
            "NOT_FOUND",
            "input.target",
        ),
        (
            with("target", json!(id(Kind::Lock, new_id()))),
            "NOT_FOUND",
            "input.target",
        ),
    ] {
        assert_eq!(desk.refused(input).await, refusal(code, path));
    }
    let neighbour = desk.house.neighbour().await;
    let answer = neighbour.refused(create_rule(desk.rule(tag))).await;
    assert_eq!(answer, refusal("NOT_FOUND", "input.target"));
}

#[tokio::test]
async fn an_edit_that_is_based_on_no_known_preview_is_stale() {
    let desk = desk().await;
    let tag = json!([{"tag": {"tags": ["range"]}}]);
    let rule = json!(desk.create(tag.clone()).await);
    let input = desk.rule(tag);
    let based_on_x = |edit: Mutation| edit.with("basedOn", "String", "x");
    let stale = refusal("STALE", "basedOn");
    let house = &desk.house;
    assert_eq!(house.refused(based_on_x(create_rule(&input))).await, stale);
    let edit = based_on_x(update_rule(&rule, &input));
    assert_eq!(house.refused(edit).await, stale);
    assert_eq!(house.refused(based_on_x(delete_rule(rule))).await, stale);
    let none = json!(id(Kind::Rule, new_id()));
    let missing = refusal("NOT_FOUND", "rule");
    assert_eq!(house.refused(update_rule(&none, input)).await, missing);
    assert_eq!(house.refused(delete_rule(none)).await, missing);
}
