//! Clubspot's help page on Kisi, with Clubspot's own members, memberships, tags and billing items. An access point is a lock, and
//! its rules are rules on the lock: Kisi holds nothing of them, and the door is opened through the club's app.
//!
//! | Behaviour | Test |
//! |---|---|
//! | A rule of an access point by the type of membership | `an_access_point_opens_by_the_type_of_membership` |
//! | By groups or tags of members | `an_access_point_opens_by_tag` |
//! | By billing items, such as a pass for a year | `a_pass_opens_an_access_point_until_its_last_day`, `platforms::clubspot::rules_can_be_based_on_billing_items` |
//! | By existing reservations | `platforms::clubspot::rules_can_be_based_on_existing_reservations` |
//! | At some times only | `an_access_point_opens_at_some_times_only` |
//! | Several conditions, and several rules, of one access point | `conditions_hold_together_and_rules_add_up` |
//! | Members open the doors in their club's app | `members_open_the_door_in_the_clubs_app` |
//! | Saved rules apply | `an_access_point_opens_by_the_type_of_membership` |
//! | All of these with events instead of readings | `tests/scenarios/clubspot-access-points.txt` |

use jiff::ToSpan;
use serde_json::{Value, json};

use super::{FRONT, RANGE, SIMULATOR, a_read_source, allowed, change, offering, utc};
use crate::{
    platforms::{clubspot_member, read, read_again},
    support::{api::Source, event::with, world::World},
};

on_both!(
    an_access_point_opens_by_the_type_of_membership,
    an_access_point_opens_by_tag,
    a_pass_opens_an_access_point_until_its_last_day,
    an_access_point_opens_at_some_times_only,
    conditions_hold_together_and_rules_add_up,
    members_open_the_door_in_the_clubs_app,
);

fn member(name: &str, category: &str, tags: &[&str]) -> Value {
    let membership =
        json!({ "id": format!("of-{name}"), "status": "active", "category": category });
    let more = json!({ "membership": membership, "member_tags": tags });
    with(clubspot_member(name, "active"), more)
}

async fn a_club(world: &mut World, members: Value) -> Source {
    world.platform.list("members", members);
    let credentials = json!({ "clubspot": { "apiKey": "key", "clubId": "club" } });
    let source = a_read_source(world, "CLUBSPOT", credentials).await;
    read(world, &source).await;
    source
}

/// Ada is a full member, Bob a social one, and Cy a junior.
async fn three(world: &mut World) -> Source {
    let members = json!([
        member("ada", "Full", &["sailors"]),
        member("bob", "Social", &["sailors", "racing"]),
        member("cy", "Junior", &[]),
    ]);
    a_club(world, members).await
}

async fn rule_of(world: &World, door: &str, conditions: Value) -> String {
    let lock = world.api.named("locks", door).await;
    let rule = world.rule(&lock, conditions).await;
    world.settled().await;
    rule
}

async fn of_type(world: &World, category: &str) -> Value {
    json!({ "membership": { "offerings": [offering(world, category).await] } })
}

async fn an_access_point_opens_by_the_type_of_membership(world: &mut World) {
    let source = three(world).await;
    let rule = rule_of(world, RANGE, json!([of_type(world, "Full").await])).await;
    assert_eq!(allowed(world, RANGE, world.now()).await, ["ada"]);
    let lock = world.api.named("locks", RANGE).await;
    let offerings = [
        offering(world, "Full").await,
        offering(world, "Social").await,
    ];
    let conditions = json!([{ "membership": { "offerings": offerings } }]);
    let input = json!({ "name": "Range", "target": lock, "conditions": conditions });
    let arguments = [("rule", "ID!", json!(rule)), ("input", "RuleInput!", input)];
    change(world, "updateRule", &arguments, "rule { id }").await;
    assert_eq!(allowed(world, RANGE, world.now()).await, ["ada", "bob"]);
    // Bob changes to another type.
    let members = json!([
        member("ada", "Full", &[]),
        member("bob", "Junior", &[]),
        member("cy", "Junior", &[])
    ]);
    world.platform.list("members", members);
    read_again(world, &source).await;
    assert_eq!(allowed(world, RANGE, world.now()).await, ["ada"]);
    assert!(world.sandbox.assignments_of("ada@example.com").is_empty());
}

async fn an_access_point_opens_by_tag(world: &mut World) {
    let source = three(world).await;
    rule_of(
        world,
        SIMULATOR,
        json!([{ "tag": { "tags": ["sailors"] } }]),
    )
    .await;
    assert_eq!(allowed(world, SIMULATOR, world.now()).await, ["ada", "bob"]);
    let members = json!([
        member("ada", "Full", &[]),
        member("bob", "Social", &["sailors"]),
        member("cy", "Junior", &["sailors"]),
    ]);
    world.platform.list("members", members);
    read_again(world, &source).await;
    assert_eq!(allowed(world, SIMULATOR, world.now()).await, ["bob", "cy"]);
}

async fn a_pass_opens_an_access_point_until_its_last_day(world: &mut World) {
    let pass = |id: &str, member: &str, last: &str| {
        json!({
            "id": id, "member_id": format!("m-{member}"), "item": { "id": "range", "name": "Driving range pass" },
            "status": "paid", "start_date": "2025-06-01", "end_date": last,
        })
    };
    let rows = json!([
        pass("l1", "ada", "2026-01-07"),
        pass("l2", "bob", "2026-12-31")
    ]);
    world.platform.list("line-items", rows);
    three(world).await;
    let offerings = json!([offering(world, "Driving range pass").await]);
    rule_of(
        world,
        RANGE,
        json!([{ "purchase": { "offerings": offerings } }]),
    )
    .await;
    assert_eq!(allowed(world, RANGE, world.now()).await, ["ada", "bob"]);
    let midnight = utc("2026-01-07T23:00:00Z");
    assert_eq!(
        allowed(world, RANGE, midnight - 1.second()).await,
        ["ada", "bob"]
    );
    assert_eq!(allowed(world, RANGE, midnight).await, ["bob"]);
}

async fn an_access_point_opens_at_some_times_only(world: &mut World) {
    three(world).await;
    let schedule = json!({ "schedule": { "days": ["SATURDAY", "SUNDAY"], "from": "07:00", "until": "21:00" } });
    rule_of(
        world,
        RANGE,
        json!([of_type(world, "Full").await, schedule]),
    )
    .await;
    assert!(
        allowed(world, RANGE, world.now()).await.is_empty(),
        "a Monday"
    );
    let saturday = utc("2026-01-10T06:00:00Z");
    assert!(
        allowed(world, RANGE, saturday - 1.second())
            .await
            .is_empty()
    );
    assert_eq!(allowed(world, RANGE, saturday).await, ["ada"]);
    assert!(
        allowed(world, RANGE, saturday + 14.hours())
            .await
            .is_empty()
    );
}

async fn conditions_hold_together_and_rules_add_up(world: &mut World) {
    three(world).await;
    let racing = json!({ "tag": { "tags": ["racing"] } });
    let both = json!([of_type(world, "Social").await, racing]);
    rule_of(world, SIMULATOR, both).await;
    rule_of(world, SIMULATOR, json!([of_type(world, "Junior").await])).await;
    assert_eq!(allowed(world, SIMULATOR, world.now()).await, ["bob", "cy"]);
}

async fn members_open_the_door_in_the_clubs_app(world: &mut World) {
    let source = three(world).await;
    rule_of(world, FRONT, json!([of_type(world, "Full").await])).await;
    let door = world.api.named("locks", FRONT).await;
    let ids = [
        world.api.member("ada@example.com").await.unwrap(),
        world.api.member("bob@example.com").await.unwrap(),
    ];
    let unlocks =
        async |id: &str| world.api.unlock(&door, id, Value::Null).await["unlocked"].clone();
    assert_eq!(unlocks(&ids[0]).await, true);
    assert_ne!(unlocks(&ids[1]).await, true);
    let cancelled = with(
        member("ada", "Full", &[]),
        json!({ "membership": { "id": "of-ada", "status": "cancelled", "category": "Full" } }),
    );
    world
        .platform
        .list("members", json!([cancelled, member("bob", "Social", &[])]));
    read_again(world, &source).await;
    assert_ne!(unlocks(&ids[0]).await, true, "her membership has ended");
}
