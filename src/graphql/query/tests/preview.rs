//! What an edit of a rule would do is told before it is made, and an edit on the word of that is made or refused.

use serde_json::{Value, json};

use super::*;
use crate::store::{due, row::Weight};

const SHOWN: &str = "effect gainCount lossCount basedOn
    gains { totalCount nodes { member { name } target { ... on Group { name } ... on Lock { name } }
        before { from until } after { from until } } }
    losses { totalCount nodes { member { name } target { ... on Group { name } ... on Lock { name } }
        before { from until } after { from until } } }
    warnings { code message rule { name } }";

const ANY: &str = "conditions: [{membership: {}}]";
const BOOKED: &str = "conditions: [{registration: {kinds: [RESOURCE]}}]";

impl House {
    async fn preview(&self, change: &str) -> Value {
        let query = format!("{{ previewRule(change: {{{change}}}) {{ {SHOWN} }} }}");
        self.ask(&query).await["previewRule"].clone()
    }

    async fn preview_at(&self, change: &str, at: &str) -> Value {
        let query = format!(r#"{{ previewRule(change: {{{change}}}, at: "{at}") {{ {SHOWN} }} }}"#);
        self.ask(&query).await["previewRule"].clone()
    }

    /// The user errors of a mutation of rules, as code and message.
    async fn edit(&self, call: &str) -> Vec<(String, String)> {
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

    async fn rule_id(&self, name: &str) -> String {
        let listed = self.ask("{ rules { nodes { id name } } }").await;
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

    /// How the brake takes what everybody is due for.
    /// As if the loop had been here.
    async fn all_is_done(&self) {
        let due = due::unsorted(self.app.db.read(), self.account, i64::MAX, 1_000);
        let rows = due.await.unwrap();
        self.write(move |tx| {
            Box::pin(async move {
                let rows: Vec<_> = rows.iter().map(|row| (row, None)).collect();
                due::settle_all(tx, &rows).await.map(drop)
            })
        })
        .await;
    }

    async fn weights(&self) -> Vec<Weight> {
        let due = due::unsorted(self.app.db.read(), self.account, i64::MAX, 1_000).await;
        let mut weights: Vec<_> = due.unwrap().into_iter().map(|row| row.weight).collect();
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
async fn a_new_rule_adds_what_is_booked_already() {
    let house = House::new().await;
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
    // What is over by then does not count.
    let later = house
        .preview_at(&house.create(&front, BOOKED), "2026-03-02T15:30:00Z")
        .await;
    assert_eq!(later["effect"], json!("NONE"));
    let rules = house.ask("{ rules { totalCount } }").await;
    assert_eq!(rules["rules"]["totalCount"], json!(3), "nothing was made");
}

#[tokio::test]
async fn an_edit_takes_and_gives_and_a_deletion_takes() {
    let house = House::new().await;
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
async fn a_rule_that_moves_is_judged_at_both_targets() {
    let house = House::new().await;
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
    // By the hours of two months, not of a year.
    let windows = lost["before"].as_array().unwrap().len();
    assert!((55..70).contains(&windows), "{windows}");
    // The lock is opened by the group alone: whoever loses the group has the lock by the rule itself.
    let front = gid(Kind::Lock, house.front);
    let shown = house
        .preview(&house.update("Unlimited", &front, ANY).await)
        .await;
    assert_eq!(names(&shown["losses"]), ["ann"]);
    assert_eq!(shown["gains"]["nodes"][0]["target"]["name"], json!("Front"));
}

#[tokio::test]
async fn one_of_many_makes_the_difference() {
    let house = House::new().await;
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
        let page = house.ask(&query).await["previewRule"]["gains"].clone();
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
    let page = house.ask(&query).await["previewRule"]["gains"].clone();
    assert_eq!(names(&page), ["p58", "p59"]);
    assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(true));
}

#[tokio::test]
async fn what_is_worth_a_second_look_is_said() {
    let house = House::new().await;
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

    // Without its hours, the new rule makes the old one needless.
    let wide = on(ANY).await;
    assert_eq!(codes(&wide), ["NEEDLESS_RULE"]);
    assert_eq!(wide["warnings"][0]["rule"]["name"], json!("Unlimited"));
    let twin = house.preview(&house.create(&house.bay(), BOOKED)).await;
    assert_eq!(codes(&twin), ["NEEDLESS_RULE"]);
    assert_eq!(twin["warnings"][0]["rule"], json!(null));
    assert_eq!(twin["effect"], json!("NONE"));

    let listed = house.ask("{ offerings { nodes { id name } } }").await;
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
    house
        .write(move |tx| {
            Box::pin(async move { sources::remove(tx, scope, source, instant(NOON)).await })
        })
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
async fn an_edit_on_the_word_of_a_preview_is_not_held_by_the_brake() {
    let house = House::new().await;
    let rule = house.rule_id("Bookings").await;
    let shown = house.preview(&format!(r#"delete: "{rule}""#)).await;
    // What changes nothing of this rule's does not matter.
    house
        .event(
            "membership.updated",
            "2026-03-01T09:00:00Z",
            membership("m-2", "dan", "active"),
        )
        .await;
    assert_eq!(house.weights().await, [Weight::Judged]);
    house.all_is_done().await;
    let based = &shown["basedOn"];
    let call = format!(r#"deleteRule(rule: "{rule}", basedOn: {based})"#);
    assert_eq!(house.edit(&call).await, []);
    assert_eq!(house.weights().await, [Weight::OwnWord]);
    house.all_is_done().await;
    let again = house.edit(&call).await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].0, "STALE");

    let input = format!(r#"{{name: "Again", target: "{}", {BOOKED}}}"#, house.bay());
    assert_eq!(house.edit(&format!("createRule(input: {input})")).await, []);
    assert_eq!(house.weights().await, [Weight::Judged]);
    house.all_is_done().await;
    let rule = house.rule_id("Again").await;
    let shown = house
        .preview(&format!(r#"update: {{rule: "{rule}", input: {input}}}"#))
        .await;
    // A name opens no door.
    let input = input.replace("Again", "Bays");
    let call = format!(
        r#"updateRule(rule: "{rule}", input: {input}, basedOn: {})"#,
        shown["basedOn"]
    );
    assert_eq!(house.edit(&call).await, []);
    assert_eq!(house.weights().await, [Weight::OwnWord]);
    let stale = house.edit(&call).await;
    assert!(stale[0].1.contains("edited since"), "{stale:?}");
}

#[tokio::test]
async fn an_edit_that_would_do_something_else_by_now_is_stale() {
    let house = House::new().await;
    let rule = house.rule_id("Bookings").await;
    let delete = format!(r#"delete: "{rule}""#);
    let based = house.preview(&delete).await["basedOn"].clone();
    let call = |based: &Value| format!(r#"deleteRule(rule: "{rule}", basedOn: {based})"#);
    house
        .booked("b-2", "dan", None, "2026-03-01T09:00:00Z")
        .await;
    let stale = house.edit(&call(&based)).await;
    assert_eq!(stale[0].0, "STALE");
    assert!(stale[0].1.contains("take from that of 3"), "{stale:?}");

    let of_another = house.preview(&house.create(&house.bay(), ANY)).await["basedOn"].clone();
    assert!(
        house.edit(&call(&of_another)).await[0]
            .1
            .contains("another change")
    );
    let ahead = house.preview_at(&delete, "2027-03-02T12:00:00Z").await["basedOn"].clone();
    assert!(
        house.edit(&call(&ahead)).await[0]
            .1
            .contains("another time")
    );
    for forged in [
        json!("x"),
        json!(""),
        json!(based.as_str().unwrap().replace(['A', 'B'], "C")),
    ] {
        assert_eq!(house.edit(&call(&forged)).await[0].0, "STALE");
    }
    let based = house.preview(&delete).await["basedOn"].clone();
    house
        .app
        .clock
        .turn_to(Instant::from_micros(instant("2026-03-03T12:00:01Z")));
    assert!(
        house.edit(&call(&based)).await[0]
            .1
            .contains("older than a day")
    );
    let rules = house.ask("{ rules { totalCount } }").await;
    assert_eq!(
        rules["rules"]["totalCount"],
        json!(3),
        "nothing was changed"
    );
}

#[tokio::test]
async fn locks_that_come_into_a_group_matter_too() {
    let house = House::new().await;
    let front = gid(Kind::Lock, house.front);
    let change = house.create(&front, ANY);
    let shown = house.preview(&change).await;
    assert_eq!(names(&shown["gains"]), ["ann"]);
    let (scope, members) = (house.scope, house.members);
    house
        .write(move |tx| {
            Box::pin(async move {
                setup::keep_group_locks(tx, scope, members, BTreeSet::new()).await?;
                Ok(())
            })
        })
        .await;
    let input = change.trim_start_matches("create: ");
    let call = format!("createRule(input: {input}, basedOn: {})", shown["basedOn"]);
    let stale = house.edit(&call).await;
    assert_eq!(stale[0].0, "STALE", "{stale:?}");
}

#[tokio::test]
async fn mistakes_are_told_by_their_path() {
    let house = House::new().await;
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
        let (code, message) = house.refused(&query).await;
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
