//! Previews of rule changes, and mutations that confirm a preview.

use crate::transaction;
use serde_json::{Value, json};

use super::*;
use crate::store::{due, row::BrakePolicy};
use ::access::Instant;

const SHOWN: &str = "effect gainCount lossCount basedOn
    gains { totalCount nodes { member { name } target { ... on Group { name } ... on Lock { name } }
        before { from until } after { from until } } }
    losses { totalCount nodes { member { name } target { ... on Group { name } ... on Lock { name } }
        before { from until } after { from until } } }
    warnings { code message rule { name } }";

const ANY: &str = "conditions: [{membership: {}}]";
const BOOKED: &str = "conditions: [{registration: {kinds: [RESOURCE]}}]";

impl TestClub {
    async fn preview(&self, change: &str) -> Value {
        let query = format!("{{ previewRule(change: {{{change}}}) {{ {SHOWN} }} }}");
        self.query(&query).await["previewRule"].clone()
    }

    async fn preview_at(&self, change: &str, at: &str) -> Value {
        let query = format!(r#"{{ previewRule(change: {{{change}}}, at: "{at}") {{ {SHOWN} }} }}"#);
        self.query(&query).await["previewRule"].clone()
    }

    /// The user errors of a mutation of rules, as code and message.
    async fn user_errors(&self, call: &str) -> Vec<(String, String)> {
        let query = format!("mutation {{ it: {call} {{ userErrors {{ code message field }} }} }}");
        let response = self.answer(Role::Admin, None, &query).await;
        assert!(response.errors.is_empty(), "{call}: {:?}", response.errors);
        let data = response.data.into_json().unwrap();
        let errors = data["it"]["userErrors"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        errors
            .iter()
            .map(|error| {
                assert_eq!(error["field"], json!(["basedOn"]), "{error}");
                (text(&error["code"]), text(&error["message"]))
            })
            .collect()
    }

    pub(super) async fn rule_id(&self, name: &str) -> String {
        let listed = self.query("{ rules { nodes { id name } } }").await;
        let nodes = listed["rules"]["nodes"].as_array().unwrap().clone();
        let found = nodes.iter().find(|it| it["name"] == json!(name)).unwrap();
        found["id"].as_str().unwrap().to_owned()
    }

    fn create(&self, target: &str, conditions: &str) -> String {
        format!(r#"create: {{name: "New", target: "{target}", {conditions}}}"#)
    }

    async fn update(&self, rule: &str, target: &str, conditions: &str) -> String {
        let rule = self.rule_id(rule).await;
        format!(
            r#"update: {{rule: "{rule}", input: {{name: "New", target: "{target}", {conditions}}}}}"#
        )
    }

    fn club_group(&self) -> String {
        gid(Kind::Group, self.members)
    }

    fn bay(&self) -> String {
        gid(Kind::Lock, self.simulator)
    }

    async fn booked(&self, id: &str, name: &str, guest: Option<&str>, at: &str) {
        let guests: Vec<Value> = guest.into_iter().map(person).collect();
        let booked = json!({
            "id": id, "kind": "resource", "item": {"id": "sim", "name": "Simulator bay"},
            "member": person(name), "guests": guests, "status": "confirmed",
            "starts_at": "2026-03-04T14:00:00Z", "ends_at": "2026-03-04T15:00:00Z",
        });
        self.event("registration.updated", at, booked).await;
    }

    /// Marks all due work as done, as the reconcile loop does.
    async fn settle_all_due(&self) {
        let due = due::without_lane(self.app.db.read(), self.account, i64::MAX, 1_000);
        let rows = due.await.unwrap();
        transaction!(self, |tx| {
            let rows: Vec<_> = rows.iter().map(|row| (row, None)).collect();
            due::settle_all(tx, &rows).await.map(drop)
        })
        .await;
    }

    /// The distinct brake policies of the due work.
    async fn brake_policies(&self) -> Vec<BrakePolicy> {
        let due = due::without_lane(self.app.db.read(), self.account, i64::MAX, 1_000).await;
        let mut weights: Vec<_> = due
            .unwrap()
            .into_iter()
            .map(|row| row.brake_policy)
            .collect();
        weights.dedup();
        weights
    }
}

fn names(side: &Value) -> Vec<&str> {
    let nodes = side["nodes"].as_array().unwrap();
    nodes
        .iter()
        .map(|it| it["member"]["name"].as_str().unwrap())
        .collect()
}

fn codes(preview: &Value) -> Vec<&str> {
    let warnings = preview["warnings"].as_array().unwrap();
    warnings
        .iter()
        .map(|it| it["code"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_new_rule_grants_access_for_existing_bookings() {
    let house = TestClub::new().await;
    let front = gid(Kind::Lock, house.front);
    let shown = house.preview(&house.create(&front, BOOKED)).await;
    assert_eq!(shown["effect"], json!("ADDS_ONLY"));
    assert_eq!(
        (&shown["gainCount"], &shown["lossCount"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(shown["gains"]["totalCount"], json!(2));
    assert_eq!(names(&shown["gains"]), ["bob", "cyd"]);
    assert_eq!(shown["losses"]["nodes"], json!([]));
    assert_eq!(shown["warnings"], json!([]));
    let bob = &shown["gains"]["nodes"][0];
    assert_eq!(bob["target"]["name"], json!("Front"));
    assert_eq!(bob["before"], json!([]));
    assert_eq!(
        bob["after"],
        json!([{"from": "2026-03-02T13:30:00Z", "until": "2026-03-02T15:30:00Z"}])
    );
    // Access before the start of the preview is ignored.
    let later = house
        .preview_at(&house.create(&front, BOOKED), "2026-03-02T15:30:00Z")
        .await;
    assert_eq!(later["effect"], json!("NONE"));
    let rules = house.query("{ rules { totalCount } }").await;
    assert_eq!(
        rules["rules"]["totalCount"],
        json!(3),
        "nothing was created"
    );
}

#[tokio::test]
async fn an_edit_adds_and_removes_access_and_a_deletion_removes_it() {
    let house = TestClub::new().await;
    let hosts = "conditions: [{registration: {kinds: [RESOURCE], guests: false}}]";
    let shown = house
        .preview(&house.update("Bookings", &house.bay(), hosts).await)
        .await;
    assert_eq!(shown["effect"], json!("REMOVES_ONLY"));
    assert_eq!(names(&shown["losses"]), ["cyd"]);
    let longer =
        "conditions: [{registration: {kinds: [RESOURCE], guests: false, closesAfter: \"PT1H\"}}]";
    let shown = house
        .preview(&house.update("Bookings", &house.bay(), longer).await)
        .await;
    assert_eq!(shown["effect"], json!("ADDS_AND_REMOVES"));
    assert_eq!(names(&shown["gains"]), ["bob"]);
    let delete = format!(r#"delete: "{}""#, house.rule_id("Bookings").await);
    let shown = house.preview(&delete).await;
    assert_eq!(shown["effect"], json!("REMOVES_ONLY"));
    assert_eq!(names(&shown["losses"]), ["bob", "cyd"]);
    let same = house
        .preview(&house.update("Bookings", &house.bay(), BOOKED).await)
        .await;
    assert_eq!(same["effect"], json!("NONE"));
    let off = format!("{BOOKED}, enabled: false");
    let off = house
        .preview(&house.update("Bookings", &house.bay(), &off).await)
        .await;
    assert_eq!(off["lossCount"], json!(2));
    assert_eq!(off["warnings"], json!([]));
}

#[tokio::test]
async fn a_rule_with_a_new_target_affects_both_targets() {
    let house = TestClub::new().await;
    let shown = house
        .preview(&house.update("Unlimited", &house.bay(), ANY).await)
        .await;
    assert_eq!(shown["effect"], json!("ADDS_AND_REMOVES"));
    assert_eq!(
        shown["gains"]["nodes"][0]["target"]["name"],
        json!("Simulator")
    );
    assert_eq!(
        shown["gains"]["nodes"][0]["after"],
        json!([{"from": "2026-01-01T00:00:00Z", "until": null}])
    );
    let lost = &shown["losses"]["nodes"][0];
    assert_eq!(lost["target"]["name"], json!("Members"));
    assert_eq!(lost["after"], json!([]));
    // The preview covers two months of schedule windows, not a year.
    let windows = lost["before"].as_array().unwrap().len();
    assert!((55..70).contains(&windows), "{windows}");
    // The lock is opened only through the group: a member who loses the group keeps the lock through the new rule.
    let front = gid(Kind::Lock, house.front);
    let shown = house
        .preview(&house.update("Unlimited", &front, ANY).await)
        .await;
    assert_eq!(names(&shown["losses"]), ["ann"]);
    assert_eq!(shown["gains"]["nodes"][0]["target"]["name"], json!("Front"));
}

#[tokio::test]
async fn one_member_of_many_changes_the_effect() {
    let house = TestClub::new().await;
    house
        .booked("b-1", "bob", None, "2026-03-01T09:00:00Z")
        .await;
    for number in 0..60 {
        let (id, name) = (format!("c-{number}"), format!("p{number:02}"));
        house.booked(&id, &name, None, "2026-03-01T09:00:00Z").await;
    }
    let longer =
        "conditions: [{registration: {kinds: [RESOURCE], guests: false, closesAfter: \"PT1H\"}}]";
    let change = house.update("Bookings", &house.bay(), longer).await;
    let shown = house.preview(&change).await;
    assert_eq!(
        (&shown["effect"], &shown["gainCount"]),
        (&json!("ADDS_ONLY"), &json!(61))
    );
    house
        .booked("d-1", "dan", Some("eve"), "2026-03-01T09:00:00Z")
        .await;
    let shown = house.preview(&change).await;
    assert_eq!(shown["effect"], json!("ADDS_AND_REMOVES"));
    assert_eq!(names(&shown["losses"]), ["eve"]);
    assert_eq!(names(&shown["gains"]).len(), 50);

    let mut seen: Vec<String> = Vec::new();
    let mut after = "null".to_owned();
    loop {
        let query = format!(
            "{{ previewRule(change: {{{change}}}) {{ gains(first: 25, after: {after}) {{
                edges {{ cursor node {{ member {{ name }} }} }} pageInfo {{ hasNextPage endCursor }} }} }} }}"
        );
        let page = house.query(&query).await["previewRule"]["gains"].clone();
        for edge in page["edges"].as_array().unwrap() {
            seen.push(edge["node"]["member"]["name"].as_str().unwrap().to_owned());
        }
        after = page["pageInfo"]["endCursor"].to_string();
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_eq!(seen.len(), 62);
    assert!(seen.is_sorted());
    let query = format!(
        "{{ previewRule(change: {{{change}}}) {{ gains(last: 2) {{ nodes {{ member {{ name }} }}
            pageInfo {{ hasPreviousPage }} }} }} }}"
    );
    let page = house.query(&query).await["previewRule"]["gains"].clone();
    assert_eq!(names(&page), ["p58", "p59"]);
    assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(true));
}

#[tokio::test]
async fn possible_mistakes_are_reported_as_warnings() {
    let house = TestClub::new().await;
    let group = house.club_group();
    let on = async |conditions: &str| house.preview(&house.create(&group, conditions)).await;
    let tag = on("conditions: [{tag: {tags: [\"Staf\"]}}]").await;
    assert_eq!(codes(&tag), ["NOBODY_BEARS_TAG"]);
    assert_eq!(tag["warnings"][0]["rule"], json!(null));
    let hours = |more: &str| {
        format!(
            "conditions: [{{membership: {{}}}}, {{schedule: {{days: [MONDAY], from: \"08:00\", until: \"09:00\"{more}}}}}]"
        )
    };
    let over = on(&hours(", endDate: \"2026-03-01\"")).await;
    assert_eq!(codes(&over), ["SCHEDULE_OVER"]);
    let never = on(&hours(
        ", startDate: \"2026-03-03\", endDate: \"2026-03-04\"",
    ))
    .await;
    assert_eq!(codes(&never), ["SCHEDULE_EMPTY"]);
    let soon = on(&hours(", startDate: \"2026-03-03\"")).await;
    assert_eq!(codes(&soon), Vec::<&str>::new());

    // Without the schedule, the new rule makes the old one redundant.
    let wide = on(ANY).await;
    assert_eq!(codes(&wide), ["NEEDLESS_RULE"]);
    assert_eq!(wide["warnings"][0]["rule"]["name"], json!("Unlimited"));
    let duplicate = house.preview(&house.create(&house.bay(), BOOKED)).await;
    assert_eq!(codes(&duplicate), ["NEEDLESS_RULE"]);
    assert_eq!(duplicate["warnings"][0]["rule"], json!(null));
    assert_eq!(duplicate["effect"], json!("NONE"));

    let listed = house.query("{ offerings { nodes { id name } } }").await;
    let nodes = listed["offerings"]["nodes"].as_array().unwrap().clone();
    let plan = nodes
        .iter()
        .find(|it| it["name"] == json!("Unlimited"))
        .unwrap();
    let named = format!(
        "conditions: [{{membership: {{offerings: [{}]}}}}]",
        plan["id"]
    );
    assert!(!codes(&on(&named).await).contains(&"OFFERING_GONE"));
    let (scope, source) = (house.scope, house.source);
    transaction!(house, |tx| sources::remove(
        tx,
        scope,
        source,
        instant(NOON)
    )
    .await)
    .await;
    assert!(codes(&on(&named).await).contains(&"OFFERING_GONE"));

    let members = house.members;
    let delete = format!(r#"delete: "{}""#, house.rule_id("Unlimited").await);
    house
        .write(move |tx| {
            let keep = row::StrangerPolicy::Keep;
            Box::pin(async move { setup::manage(tx, scope, members, false, keep).await })
        })
        .await;
    let shown = house.preview(&delete).await;
    assert_eq!(shown["effect"], json!("NONE"));
    assert_eq!(codes(&shown), ["TARGET_NOT_MANAGED"]);
}

#[tokio::test]
async fn an_edit_that_confirms_a_preview_is_not_held_by_the_brake() {
    let house = TestClub::new().await;
    let rule = house.rule_id("Bookings").await;
    let shown = house.preview(&format!(r#"delete: "{rule}""#)).await;
    // An event that does not affect this rule does not make the preview stale.
    house
        .event(
            "membership.updated",
            "2026-03-01T09:00:00Z",
            membership("m-2", "dan", "active"),
        )
        .await;
    assert_eq!(house.brake_policies().await, [BrakePolicy::Enforce]);
    house.settle_all_due().await;
    let based = &shown["basedOn"];
    let call = format!(r#"deleteRule(rule: "{rule}", basedOn: {based})"#);
    assert_eq!(house.user_errors(&call).await, []);
    assert_eq!(house.brake_policies().await, [BrakePolicy::Preapproved]);
    house.settle_all_due().await;
    let again = house.user_errors(&call).await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].0, "STALE");

    let input = format!(r#"{{name: "Again", target: "{}", {BOOKED}}}"#, house.bay());
    assert_eq!(
        house
            .user_errors(&format!("createRule(input: {input})"))
            .await,
        []
    );
    assert_eq!(house.brake_policies().await, [BrakePolicy::Enforce]);
    house.settle_all_due().await;
    let rule = house.rule_id("Again").await;
    let shown = house
        .preview(&format!(r#"update: {{rule: "{rule}", input: {input}}}"#))
        .await;
    // The name of a rule does not affect access, so it may differ from the preview.
    let input = input.replace("Again", "Bays");
    let call = format!(
        r#"updateRule(rule: "{rule}", input: {input}, basedOn: {})"#,
        shown["basedOn"]
    );
    assert_eq!(house.user_errors(&call).await, []);
    assert_eq!(house.brake_policies().await, [BrakePolicy::Preapproved]);
    let stale = house.user_errors(&call).await;
    assert!(stale[0].1.contains("edited since"), "{stale:?}");
}

#[tokio::test]
async fn an_edit_whose_effect_has_changed_since_the_preview_is_stale() {
    let house = TestClub::new().await;
    let rule = house.rule_id("Bookings").await;
    let delete = format!(r#"delete: "{rule}""#);
    let based = house.preview(&delete).await["basedOn"].clone();
    let call = |based: &Value| format!(r#"deleteRule(rule: "{rule}", basedOn: {based})"#);
    house
        .booked("b-2", "dan", None, "2026-03-01T09:00:00Z")
        .await;
    let stale = house.user_errors(&call(&based)).await;
    assert_eq!(stale[0].0, "STALE");
    assert!(stale[0].1.contains("take access from 3"), "{stale:?}");

    let of_another = house.preview(&house.create(&house.bay(), ANY)).await["basedOn"].clone();
    assert!(
        house.user_errors(&call(&of_another)).await[0]
            .1
            .contains("different change")
    );
    let ahead = house.preview_at(&delete, "2027-03-02T12:00:00Z").await["basedOn"].clone();
    assert!(
        house.user_errors(&call(&ahead)).await[0]
            .1
            .contains("different time")
    );
    for forged in [
        json!("x"),
        json!(""),
        json!(based.as_str().unwrap().replace(['A', 'B'], "C")),
    ] {
        assert_eq!(house.user_errors(&call(&forged)).await[0].0, "STALE");
    }
    let based = house.preview(&delete).await["basedOn"].clone();
    house
        .app
        .clock
        .advance_to(Instant::from_micros(instant("2026-03-03T12:00:01Z")));
    assert!(
        house.user_errors(&call(&based)).await[0]
            .1
            .contains("older than a day")
    );
    let rules = house.query("{ rules { totalCount } }").await;
    assert_eq!(
        rules["rules"]["totalCount"],
        json!(3),
        "nothing was changed"
    );
}

#[tokio::test]
async fn locks_added_to_a_group_make_a_preview_stale() {
    let house = TestClub::new().await;
    let front = gid(Kind::Lock, house.front);
    let change = house.create(&front, ANY);
    let shown = house.preview(&change).await;
    assert_eq!(names(&shown["gains"]), ["ann"]);
    let (scope, members) = (house.scope, house.members);
    transaction!(house, |tx| {
        setup::store_group_locks(tx, scope, members, BTreeSet::new()).await?;
        Ok(())
    })
    .await;
    let input = change.trim_start_matches("create: ");
    let call = format!("createRule(input: {input}, basedOn: {})", shown["basedOn"]);
    let stale = house.user_errors(&call).await;
    assert_eq!(stale[0].0, "STALE", "{stale:?}");
}

#[tokio::test]
async fn mistakes_are_reported_with_their_path() {
    let house = TestClub::new().await;
    let none = gid(Kind::Rule, new_id());
    for (change, path) in [
        (
            house.create(&house.club_group(), "conditions: []"),
            "change.create.conditions: ",
        ),
        (house.create("nonsense", ANY), "change.create.target: "),
        (
            house
                .update(
                    "Bookings",
                    &house.bay(),
                    "conditions: [{tag: {tags: [\" \"]}}]",
                )
                .await,
            "change.update.input.conditions.0.tag.tags.0: ",
        ),
        (format!(r#"delete: "{none}""#), "change.delete: "),
        (format!(r#"delete: "{}""#, house.bay()), "change.delete: "),
    ] {
        let query = format!("{{ previewRule(change: {{{change}}}) {{ effect }} }}");
        let (code, message) = house.first_error(&query).await;
        assert_eq!(code, "BAD_USER_INPUT", "{change}");
        assert!(message.starts_with(path), "{message}");
    }
    let query = format!(
        "{{ previewRule(change: {{{}}}) {{ effect }} }}",
        house.create(&house.bay(), ANY)
    );
    let ann = house.member("ann").await;
    let response = house.answer(Role::Member, Some(ann), &query).await;
    assert_eq!(
        response.errors.first().map(code).as_deref(),
        Some("FORBIDDEN")
    );
}
