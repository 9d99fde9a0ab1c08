//! Spacebring's help page on Kisi, with Spacebring's own resources and bookings.
//!
//! | Behaviour | Test |
//! |---|---|
//! | Bookings of rooms, desks, offices, equipment and parking give access | `bookings_of_each_kind_of_resource_give_access` |
//! | From thirty minutes before to thirty minutes after the booking | `access_lasts_from_half_an_hour_before_to_half_an_hour_after` |
//! | The group of a resource | `platforms::suggestions::what_spacebring_maps_becomes_suggestions` |
//! | People who are invited to a room have access too | `platforms::spacebring::invitees_of_a_booking_receive_access` |
//! | Only invitees of rooms | `invitees_count_for_rooms_alone` |
//! | A group that is chosen while a booking runs applies to later bookings | `a_group_that_is_chosen_during_a_booking_applies_to_later_ones` |
//! | A changed, cancelled or deleted booking | `a_changed_or_deleted_booking_changes_access` |
//! | Somebody without a membership opens the door of the own booking, if the club lets everybody | `who_is_no_member_opens_the_door_of_the_own_booking` |
//! | All of these with events instead of readings | `tests/scenarios/spacebring-bookings.txt` |

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::{
    SIMULATOR, change, let_in,
    spacebring::{a_location, subscription},
    utc,
};
use crate::{
    platforms::{read, read_again, svix_now, user},
    support::{event::with, world::World},
};

on_both!(
    bookings_of_each_kind_of_resource_give_access,
    access_lasts_from_half_an_hour_before_to_half_an_hour_after,
    invitees_count_for_rooms_alone,
    a_group_that_is_chosen_during_a_booking_applies_to_later_ones,
    a_changed_or_deleted_booking_changes_access,
    who_is_no_member_opens_the_door_of_the_own_booking,
);

const BOOKINGS: &str = "resources/bookings/v1";

/// A resource of each kind, with the type that Spacebring gives it.
const RESOURCES: [(&str, &str); 5] = [
    ("ROOM", "meetingRoom"),
    ("DESK", "hotDesk"),
    ("OFFICE", "office"),
    ("EQUIPMENT", "equipment"),
    ("PARKING", "parkingLot"),
];

fn resources(world: &World) {
    let rows = RESOURCES.map(
        |(kind, name)| json!({ "id": kind, "title": kind, "type": name, "locationRef": "hq" }),
    );
    world.platform.list("resources/v1", json!(rows));
}

/// Ada's booking of a resource.
fn booking(id: &str, resource: &str, starts: Timestamp, ends: Timestamp) -> Value {
    json!({
        "id": id, "startDate": starts.to_string(), "endDate": ends.to_string(), "resourceRef": resource, "status": "confirmed",
        "createDate": "2026-01-01T08:00:00Z", "userOwner": user("ada"), "attendees": [],
    })
}

fn bookings_of(kind: &str, guests: bool) -> Value {
    json!([{ "registration": { "kinds": [kind], "opensBefore": "PT30M", "closesAfter": "PT30M", "guests": guests } }])
}

async fn bookings_of_each_kind_of_resource_give_access(world: &mut World) {
    let source = a_location(world).await;
    resources(world);
    let group = world.manage("Simulator bookings").await;
    for (kind, _) in RESOURCES {
        world.rule(&group, bookings_of(kind, false)).await;
    }
    // One after the other, an hour each and two hours apart.
    let begin = utc("2026-01-06T08:00:00Z");
    let starts = |number: usize| begin + i64::try_from(number * 3).unwrap().hours();
    let rows: Vec<Value> = RESOURCES
        .iter()
        .enumerate()
        .map(|(number, (kind, _))| booking(kind, kind, starts(number), starts(number) + 1.hour()))
        .collect();
    world.platform.list(BOOKINGS, json!(rows));
    read(world, &source).await;
    for (number, (kind, _)) in RESOURCES.iter().enumerate() {
        assert_eq!(let_in(world, SIMULATOR, starts(number)), ["ada"], "{kind}");
        let between = starts(number) + 2.hours();
        assert!(let_in(world, SIMULATOR, between).is_empty(), "{kind}");
    }
}

async fn access_lasts_from_half_an_hour_before_to_half_an_hour_after(world: &mut World) {
    let source = a_location(world).await;
    resources(world);
    let group = world.manage("Simulator bookings").await;
    world.rule(&group, bookings_of("ROOM", true)).await;
    // From 12:00 to 16:00 and from 9:30 to 11:30, in Berlin.
    let of = |id: &str, starts: &str, ends: &str| booking(id, "ROOM", utc(starts), utc(ends));
    let rows = json!([
        of(
            "b1",
            "2026-01-08T12:00:00+01:00",
            "2026-01-08T16:00:00+01:00"
        ),
        of(
            "b2",
            "2026-01-09T09:30:00+01:00",
            "2026-01-09T11:30:00+01:00"
        ),
    ]);
    world.platform.list(BOOKINGS, rows);
    read(world, &source).await;
    let is_open = |at: Timestamp| !let_in(world, SIMULATOR, at).is_empty();
    for (opens, closes) in [
        ("2026-01-08T11:30:00+01:00", "2026-01-08T16:30:00+01:00"),
        ("2026-01-09T09:00:00+01:00", "2026-01-09T12:00:00+01:00"),
    ] {
        let (opens, closes) = (utc(opens), utc(closes));
        assert!(!is_open(opens - 1.second()), "{opens}");
        assert!(is_open(opens) && is_open(closes - 1.second()), "{opens}");
        assert!(!is_open(closes), "{closes}");
    }
}

async fn invitees_count_for_rooms_alone(world: &mut World) {
    let source = a_location(world).await;
    resources(world);
    let group = world.manage("Simulator bookings").await;
    world.rule(&group, bookings_of("ROOM", true)).await;
    world.rule(&group, bookings_of("DESK", false)).await;
    let starts = world.now() + 2.hours();
    let later = starts + 6.hours();
    // Somebody from outside is given by name and address alone.
    let outside = json!({ "email": "dan@example.com", "name": "Dan", "surname": "Doe" });
    let attendees = json!({ "attendees": [{ "user": user("bob") }, { "user": outside }] });
    let rows = json!([
        with(
            booking("b1", "ROOM", starts, starts + 1.hour()),
            attendees.clone()
        ),
        with(booking("b2", "DESK", later, later + 1.hour()), attendees),
    ]);
    world.platform.list(BOOKINGS, rows);
    read(world, &source).await;
    assert_eq!(let_in(world, SIMULATOR, starts), ["ada", "bob", "dan"]);
    assert_eq!(let_in(world, SIMULATOR, later), ["ada"]);
}

async fn a_group_that_is_chosen_during_a_booking_applies_to_later_ones(world: &mut World) {
    let source = a_location(world).await;
    resources(world);
    let now = world.now();
    let tomorrow = now + 24.hours();
    let rows = json!([
        booking("b1", "PARKING", now - 1.hour(), now + 3.hours()),
        booking("b2", "PARKING", tomorrow, tomorrow + 1.hour()),
    ]);
    world.platform.list(BOOKINGS, rows);
    read(world, &source).await;
    let group = world.manage("Simulator bookings").await;
    let condition = json!({ "registration": { "kinds": ["PARKING"], "appliesToOngoing": false } });
    world.rule(&group, json!([condition])).await;
    world.settled().await;
    assert!(let_in(world, SIMULATOR, now + 1.hour()).is_empty());
    assert_eq!(let_in(world, SIMULATOR, tomorrow), ["ada"]);
}

async fn a_changed_or_deleted_booking_changes_access(world: &mut World) {
    let source = a_location(world).await;
    resources(world);
    let group = world.manage("Simulator bookings").await;
    world.rule(&group, bookings_of("ROOM", true)).await;
    let starts = utc("2026-01-06T10:00:00Z");
    let later = starts + 6.hours();
    let invited = json!({ "attendees": [{ "user": user("bob") }] });
    let first = with(booking("b1", "ROOM", starts, starts + 1.hour()), invited);
    world.platform.list(BOOKINGS, json!([first]));
    read(world, &source).await;
    assert_eq!(let_in(world, SIMULATOR, starts), ["ada", "bob"]);
    // It is moved, and Bob is no longer invited.
    world.turn_to(world.now() + 31.seconds());
    let moved = booking("b1", "ROOM", later, later + 1.hour());
    world.platform.list(BOOKINGS, json!([moved]));
    svix_now(
        world,
        &source,
        json!({ "type": "booking.updated", "booking": moved }),
    )
    .await;
    read(world, &source).await;
    assert!(let_in(world, SIMULATOR, starts).is_empty());
    assert_eq!(let_in(world, SIMULATOR, later), ["ada"]);
    // It is deleted: the event has a time of its own and is used at once.
    world.turn_to(world.now() + 31.seconds());
    world.platform.list(BOOKINGS, json!([]));
    let deleted = with(moved, json!({ "deleteDate": world.now().to_string() }));
    svix_now(
        world,
        &source,
        json!({ "type": "booking.deleted", "booking": deleted }),
    )
    .await;
    world.settled().await;
    assert!(let_in(world, SIMULATOR, later).is_empty());
    // The list confirms it, and one that is cancelled is not listed as confirmed.
    let cancelled = booking("b2", "ROOM", later, later + 1.hour());
    let cancelled = with(cancelled, json!({ "deleteDate": world.now().to_string() }));
    world.platform.list(BOOKINGS, json!([cancelled]));
    read_again(world, &source).await;
    assert!(let_in(world, SIMULATOR, later).is_empty());
}

async fn who_is_no_member_opens_the_door_of_the_own_booking(world: &mut World) {
    let source = a_location(world).await;
    resources(world);
    let group = world.manage("Simulator bookings").await;
    world.rule(&group, bookings_of("ROOM", true)).await;
    let starts = world.now() + 10.minutes();
    let ends = starts + 1.hour();
    let by_dan = json!({ "userOwner": user("dan") });
    let rows = json!([
        booking("b1", "ROOM", starts, ends),
        with(booking("b2", "ROOM", starts, ends), by_dan)
    ]);
    world.platform.list(BOOKINGS, rows);
    let rows = json!([subscription("s1", "ada", json!({}))]);
    world.platform.list("subscriptions/v1", rows);
    read(world, &source).await;
    let door = world.api.named("locks", SIMULATOR).await;
    let [ada, dan] = [
        world.api.member("ada@example.com").await.unwrap(),
        world.api.member("dan@example.com").await.unwrap(),
    ];
    let unlocks =
        async |id: &str| world.api.unlock(&door, id, Value::Null).await["unlocked"].clone();
    assert_eq!([unlocks(&ada).await, unlocks(&dan).await], [true, true]);
    let input = json!({ "unlockVisibility": "MEMBERS" });
    let arguments = [("input", "UpdateClubInput!", input)];
    change(world, "updateClub", &arguments, "club { id }").await;
    assert_eq!(unlocks(&ada).await, true, "she has a membership");
    assert_ne!(unlocks(&dan).await, true, "he has a booking only");
}
