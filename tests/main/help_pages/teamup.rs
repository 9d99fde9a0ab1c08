//! TeamUp's help page on Kisi, with TeamUp's own customers, memberships and registrations.
//!
//! | Behaviour | Test |
//! |---|---|
//! | The memberships that a group names give access, others do not; an edit applies at once | `only_selected_memberships_give_access` |
//! | A membership must be active; a pack without visits left is not, also where blocked ones are allowed | `a_pack_that_is_used_up_gives_no_access` |
//! | Access ends with the membership | `a_membership_that_lapses_gives_no_access` |
//! | Classes (also with a one-use plan) and appointments give access without a membership | `classes_and_appointments_give_access_without_a_membership` |
//! | Courses give access | `platforms::teamup::registrations_support_courses` |
//! | Only the selected registrations give access | `only_selected_registrations_give_access` |
//! | Each group has its own time around registrations | `the_access_duration_is_set_for_each_group` |
//! | Only upcoming registrations count: not a cancelled or waitlisted one, nor one that is over | `a_registration_that_is_not_upcoming_gives_no_access` |
//! | Memberships and registrations together: either is enough | `either_a_membership_or_a_registration_is_enough` |
//! | Blocked memberships (failed payment, payment tried again, by staff) give access only where allowed | `platforms::teamup::allow_access_with_blocked_memberships` |
//! | Groups of staff need no rules and stay as they are | `groups_of_staff_are_left_alone` |
//! | Customers become users of Kisi by themselves, once something of theirs is linked, and are invited by e-mail | `customers_become_users_once_something_is_linked` |
//! | A group that is open at some hours only | `restrictions::each_restriction_is_shown_at_each_place`, `tests/scenarios/schedule.txt` |
//! | An API key connects Kisi, and its groups are listed | `bad_kisi::a_connection_that_cannot_be_made_changes_nothing`, `bad_kisi::a_new_key_is_used_at_once` |
//! | The rules of a group are summarised | `boundaries` (each rule has its `summary`) |

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::{FRONT, RANGE, SIMULATOR, a_read_source, change, let_in, offering, until_let_in, utc};
use crate::{
    platforms::{customer, customer_membership, read, read_again},
    support::{api::Source, event::with, world::World},
};

on_both!(
    only_selected_memberships_give_access,
    a_pack_that_is_used_up_gives_no_access,
    a_membership_that_lapses_gives_no_access,
    classes_and_appointments_give_access_without_a_membership,
    only_selected_registrations_give_access,
    the_access_duration_is_set_for_each_group,
    a_registration_that_is_not_upcoming_gives_no_access,
    either_a_membership_or_a_registration_is_enough,
    groups_of_staff_are_left_alone,
    customers_become_users_once_something_is_linked,
);

/// Ada, Bob and Cy, who hold nothing yet.
async fn three(world: &mut World) -> Source {
    let customers = json!([customer(1, "ada"), customer(2, "bob"), customer(3, "cy")]);
    world.platform.list("customers", customers);
    a_read_source(world, "TEAMUP", json!({ "teamUp": { "token": "key" } })).await
}

fn membership(id: u64, customer: u64, plan: (u64, &str)) -> Value {
    let plan = json!({ "name": plan.1, "membership": { "id": plan.0, "name": plan.1 }, "active_hold": null,
        "payment_subscription": null });
    with(customer_membership(id, customer, "active"), plan)
}

const GOLD: (u64, &str) = (5, "Gold");
const TRIAL: (u64, &str) = (6, "Trial");

/// A customer's place in an event of one hour.
fn attendance(id: u64, customer: u64, starts: Timestamp, event: Value) -> Value {
    let of_event = json!({
        "id": id + 100, "name": "Session", "starts_at": starts.to_string(), "ends_at": (starts + 1.hour()).to_string(),
        "status": "active", "is_appointment": false, "offering_type": { "id": 3, "name": "Spin" },
    });
    json!({ "id": id, "customer": customer, "event": with(of_event, event), "status": "registered", "waitlist_spot": null })
}

async fn only_selected_memberships_give_access(world: &mut World) {
    let source = three(world).await;
    let rows = json!([membership(10, 1, GOLD), membership(11, 2, TRIAL)]);
    world.platform.list("customer_memberships", rows);
    read(world, &source).await;
    let group = world.manage("Members").await;
    let conditions = |offerings: &[&String]| json!([{ "membership": { "offerings": offerings } }]);
    let (gold, trial) = (
        offering(world, "Gold").await,
        offering(world, "Trial").await,
    );
    let rule = world.rule(&group, conditions(&[&gold])).await;
    world.settled().await;
    assert_eq!(let_in(world, RANGE, world.now()), ["ada"]);
    let input =
        json!({ "name": "Both", "target": group, "conditions": conditions(&[&gold, &trial]) });
    let arguments = [("rule", "ID!", json!(rule)), ("input", "RuleInput!", input)];
    change(world, "updateRule", &arguments, "rule { id }").await;
    assert_eq!(let_in(world, RANGE, world.now()), ["ada", "bob"]);
}

async fn a_pack_that_is_used_up_gives_no_access(world: &mut World) {
    let source = three(world).await;
    let rows = [1, 2, 3].map(|id| membership(9 + id, id, (7, "Ten visits")));
    world.platform.list("customer_memberships", json!(rows));
    let group = world.manage("Members").await;
    let condition = json!({ "membership": { "whenBlocked": "ALLOW" } });
    world.rule(&group, json!([condition])).await;
    read(world, &source).await;
    assert_eq!(let_in(world, RANGE, world.now()), ["ada", "bob", "cy"]);
    // Ada's pack is listed as completed; Bob's is no longer in the list of active ones.
    let completed = with(rows[0].clone(), json!({ "status": "completed" }));
    let rows = json!([completed, rows[2]]);
    world.platform.list("customer_memberships", rows);
    read_again(world, &source).await;
    assert_eq!(let_in(world, RANGE, world.now()), ["cy"]);
}

async fn a_membership_that_lapses_gives_no_access(world: &mut World) {
    let source = three(world).await;
    let last_day = json!({ "expiration_date": "2026-01-07" });
    let rows = json!([
        with(membership(10, 1, GOLD), last_day),
        membership(11, 2, GOLD)
    ]);
    world.platform.list("customer_memberships", rows);
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    read(world, &source).await;
    // The last day ends at midnight in Berlin.
    let midnight = utc("2026-01-07T23:00:00Z");
    assert_eq!(let_in(world, RANGE, midnight - 1.second()), ["ada", "bob"]);
    assert_eq!(let_in(world, RANGE, midnight), ["bob"]);
    world.turn_to(midnight);
    world.settled().await;
    until_let_in(world, RANGE, &["bob"]).await;
}

async fn classes_and_appointments_give_access_without_a_membership(world: &mut World) {
    let source = three(world).await;
    let starts = world.now() + 3.hours();
    // Ada pays for this class alone, so that she has no membership that is active.
    let one_use = with(
        membership(10, 1, (8, "One-use class")),
        json!({ "status": "completed" }),
    );
    world
        .platform
        .list("customer_memberships", json!([one_use]));
    let appointment = json!({ "is_appointment": true });
    let rows = json!([
        attendance(20, 1, starts, json!({})),
        attendance(21, 2, starts, appointment)
    ]);
    world.platform.list("attendances", rows);
    let group = world.manage("Simulator bookings").await;
    let of_kind = |kind: &str| json!([{ "registration": { "kinds": [kind] } }]);
    world.rule(&group, of_kind("CLASS")).await;
    read(world, &source).await;
    assert_eq!(let_in(world, SIMULATOR, starts), ["ada"]);
    world.rule(&group, of_kind("APPOINTMENT")).await;
    world.settled().await;
    assert_eq!(let_in(world, SIMULATOR, starts), ["ada", "bob"]);
}

async fn only_selected_registrations_give_access(world: &mut World) {
    let source = three(world).await;
    let starts = world.now() + 3.hours();
    let yoga = json!({ "offering_type": { "id": 4, "name": "Yoga" } });
    let rows = json!([
        attendance(20, 1, starts, json!({})),
        attendance(21, 2, starts, yoga)
    ]);
    world.platform.list("attendances", rows);
    read(world, &source).await;
    let group = world.manage("Simulator bookings").await;
    let offerings = json!([offering(world, "Spin").await]);
    let condition = json!({ "registration": { "offerings": offerings } });
    world.rule(&group, json!([condition])).await;
    world.settled().await;
    assert_eq!(let_in(world, SIMULATOR, starts), ["ada"]);
}

async fn the_access_duration_is_set_for_each_group(world: &mut World) {
    let source = three(world).await;
    let starts = utc("2026-01-06T17:00:00Z");
    let rows = json!([attendance(20, 1, starts, json!({}))]);
    world.platform.list("attendances", rows);
    let [members, simulator] = [
        world.manage("Members").await,
        world.manage("Simulator bookings").await,
    ];
    let margins = json!({ "registration": { "opensBefore": "PT1H", "closesAfter": "PT15M" } });
    world.rule(&simulator, json!([margins])).await;
    let day =
        json!({ "registration": { "span": "DAY", "opensBefore": "PT0S", "closesAfter": "PT0S" } });
    world.rule(&members, json!([day])).await;
    read(world, &source).await;
    let is_open = |door: &str, at: Timestamp| !let_in(world, door, at).is_empty();
    assert!(!is_open(SIMULATOR, starts - 61.minutes()));
    assert!(is_open(SIMULATOR, starts - 60.minutes()));
    assert!(is_open(SIMULATOR, starts + 74.minutes()));
    assert!(!is_open(SIMULATOR, starts + 75.minutes()));
    let [day, next] = [utc("2026-01-05T23:00:00Z"), utc("2026-01-06T23:00:00Z")];
    assert!(!is_open(RANGE, day - 1.second()));
    assert!(is_open(RANGE, day) && is_open(RANGE, next - 1.second()));
    assert!(!is_open(RANGE, next));
}

async fn a_registration_that_is_not_upcoming_gives_no_access(world: &mut World) {
    let source = three(world).await;
    let starts = world.now() + 3.hours();
    let group = world.manage("Simulator bookings").await;
    world.rule(&group, json!([{ "registration": {} }])).await;
    let registered = [1, 2, 3].map(|id| attendance(19 + id, id, starts, json!({})));
    world.platform.list("attendances", json!(registered));
    read(world, &source).await;
    assert_eq!(let_in(world, SIMULATOR, starts), ["ada", "bob", "cy"]);
    let [ada, bob, _] = registered;
    let rows = json!([
        with(ada, json!({ "status": "late_cancelled" })),
        with(
            bob,
            json!({ "status": "not_registered", "waitlist_spot": 1 })
        ),
        attendance(22, 3, starts, json!({ "status": "cancelled" })),
    ]);
    world.platform.list("attendances", rows);
    read_again(world, &source).await;
    assert!(let_in(world, SIMULATOR, starts).is_empty());
    // A class that is over.
    let over = attendance(23, 1, world.now() - 3.hours(), json!({}));
    world.platform.list("attendances", json!([over]));
    read_again(world, &source).await;
    assert!(let_in(world, SIMULATOR, world.now()).is_empty());
    assert!(let_in(world, SIMULATOR, starts).is_empty());
}

async fn either_a_membership_or_a_registration_is_enough(world: &mut World) {
    let source = three(world).await;
    let starts = world.now() + 10.minutes();
    let rows = json!([membership(10, 1, GOLD), membership(12, 3, GOLD)]);
    world.platform.list("customer_memberships", rows);
    let rows = json!([attendance(20, 2, starts, json!({}))]);
    world.platform.list("attendances", rows);
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    world.rule(&group, json!([{ "registration": {} }])).await;
    read(world, &source).await;
    assert_eq!(let_in(world, FRONT, world.now()), ["ada", "bob", "cy"]);
    // Without the membership the registration of the same person still counts, and the other way round.
    world.platform.list(
        "customer_memberships",
        json!([membership(11, 2, GOLD), membership(12, 3, GOLD)]),
    );
    let rows = json!([attendance(21, 1, starts + 1.hour(), json!({}))]);
    world.platform.list("attendances", rows);
    read_again(world, &source).await;
    assert_eq!(let_in(world, FRONT, world.now()), ["ada", "bob", "cy"]);
}

async fn groups_of_staff_are_left_alone(world: &mut World) {
    let boss = world.sandbox.add_user("boss@example.com", "Boss");
    let staff = world.sandbox.group_named("Staff").unwrap();
    world.sandbox.add_assignment(boss, staff, None, None);
    let source = three(world).await;
    let group = world.manage("Members").await;
    world.rule(&group, json!([{ "membership": {} }])).await;
    let rows = json!([membership(10, 1, GOLD), membership(12, 3, GOLD)]);
    world.platform.list("customer_memberships", rows);
    read(world, &source).await;
    world.platform.list(
        "customer_memberships",
        json!([membership(11, 2, GOLD), membership(12, 3, GOLD)]),
    );
    read_again(world, &source).await;
    assert_eq!(let_in(world, RANGE, world.now()), ["bob", "cy"]);
    let in_staff = world.sandbox.assignments_in(staff);
    let [(email, _)] = &in_staff[..] else {
        panic!("{in_staff:?}");
    };
    assert_eq!(email, "boss@example.com");
}

async fn customers_become_users_once_something_is_linked(world: &mut World) {
    let source = three(world).await;
    let input = json!({ "account": world.account, "inviteByEmail": true });
    let input = [("input", "UpdateKisiAccountInput!", input)];
    change(world, "updateKisiAccount", &input, "account { id }").await;
    let rows = json!([membership(10, 1, GOLD), membership(11, 2, TRIAL)]);
    world.platform.list("customer_memberships", rows);
    let rows = json!([attendance(20, 3, world.now() + 3.hours(), json!({}))]);
    world.platform.list("attendances", rows);
    read(world, &source).await;
    let users = |world: &World| {
        ["ada", "bob", "cy"]
            .map(|name| world.sandbox.user(&format!("{name}@example.com")).is_some())
    };
    assert_eq!(users(world), [false; 3], "nothing is linked to a group");
    let group = world.manage("Members").await;
    let offerings = json!([offering(world, "Gold").await]);
    let condition = json!({ "membership": { "offerings": offerings } });
    world.rule(&group, json!([condition])).await;
    world.rule(&group, json!([{ "registration": {} }])).await;
    world.settled().await;
    assert_eq!(
        users(world),
        [true, false, true],
        "bob's trial is not linked"
    );
    let calls = world.sandbox.calls();
    let created = calls
        .iter()
        .filter(|call| call.method == "POST" && call.path == "/users");
    let invited = created.map(|call| call.body.as_ref().unwrap()["user"]["send_emails"] == true);
    assert_eq!(invited.collect::<Vec<_>>(), [true, true]);
}
