//! Kisi refuses, sends invalid answers, closes connections, loses answers, and limits the rate. Whatever happens, in the end
//! everything is settled, Kisi is in the desired state, and nothing exists twice.

use std::time::Duration;

use jiff::ToSpan;
use latchkey_sandbox::{Duplicates, EmailFilter, Fault, FaultKind, PatchWindow, Switches};
use serde_json::{Value, json};

use crate::support::{
    api::{Source, eventually},
    event::{booking, email, membership, person, with},
    world::World,
};

on_both!(
    a_failed_call_is_retried_without_duplicates,
    repeated_failures_are_shown_and_recovered_from,
    a_refused_key_is_shown_and_work_goes_on_with_a_good_one,
    a_new_key_is_used_at_once,
    an_inexact_email_filter_matches_no_wrong_user,
    every_way_of_refusing_a_second_assignment_converges,
    existing_users_are_adopted_and_strangers_left_alone,
    a_user_deleted_in_kisi_is_created_again,
    a_connection_that_cannot_be_made_changes_nothing,
    kisi_that_does_not_answer_is_waited_for,
    a_429_is_waited_out,
);

/// A club where every membership opens Members and every booking opens Simulator bookings.
async fn a_club(world: &mut World) -> Source {
    let source = world.api.source("Front desk").await;
    world.connect().await;
    let [members, rooms] = [
        world.manage("Members").await,
        world.manage("Simulator bookings").await,
    ];
    world.rule(&members, json!([{ "membership": {} }])).await;
    world.rule(&rooms, json!([{ "registration": {} }])).await;
    world.settled().await;
    source
}

fn switch(world: &World, change: impl FnOnce(&mut Switches)) {
    let mut switches = world.sandbox.switches();
    change(&mut switches);
    world.sandbox.set(switches);
}

/// The number of role assignments that a person has in Kisi.
fn rows(world: &World, who: &str) -> usize {
    world.sandbox.assignments_of(&email(who)).len()
}

/// Every kind of failure at every relevant call, with a Kisi that allows duplicate assignments.
async fn a_failed_call_is_retried_without_duplicates(world: &mut World) {
    let source = a_club(world).await;
    switch(world, |switches| switches.duplicates = Duplicates::Allow);
    let kinds = [
        FaultKind::ServerError,
        FaultKind::HtmlBadGateway,
        FaultKind::Close,
        FaultKind::Lost,
        FaultKind::NotAList,
    ];
    for (round, kind) in kinds.into_iter().enumerate() {
        for (step, (method, path)) in [
            ("GET", "/users"),
            ("POST", "/users"),
            ("POST", "/role_assignments"),
            ("PATCH", "/role_assignments"),
            ("GET", "/role_assignments"),
            ("DELETE", "/role_assignments"),
        ]
        .into_iter()
        .enumerate()
        {
            let who = format!("p{round}x{step}");
            world.sandbox.fault(Fault::new(method, path, kind), 1);
            let data = with(membership(&who, &who), json!({ "ends_at": "2026-03-01" }));
            world
                .send(&source, "membership.updated", data.clone())
                .await;
            world.settled_in_time().await;
            assert_eq!(rows(world, &who), 1, "{kind:?} at {method} {path}");
            world
                .send(
                    &source,
                    "membership.updated",
                    with(data, json!({ "ends_at": "2026-04-01" })),
                )
                .await;
            world.settled_in_time().await;
            assert_eq!(
                rows(world, &who),
                1,
                "{kind:?} at {method} {path}, extended"
            );
            let until = world.sandbox.assignments_of(&email(&who))[0].until;
            assert_eq!(
                until,
                Some("2026-04-01T22:00:00Z".parse().unwrap()),
                "{kind:?} at {method} {path}"
            );
            world
                .send(&source, "membership.deleted", json!({ "id": who }))
                .await;
            world.settled_in_time().await;
            assert_eq!(rows(world, &who), 0, "{kind:?} at {method} {path}, ended");
        }
    }
}

async fn repeated_failures_are_shown_and_recovered_from(world: &mut World) {
    let source = a_club(world).await;
    for kind in [
        FaultKind::HtmlBadGateway,
        FaultKind::Close,
        FaultKind::ServerError,
    ] {
        let who = format!("ada{kind:?}").to_lowercase();
        world.sandbox.fault(Fault::new("*", "/", kind), 12);
        world
            .send(&source, "membership.updated", membership(&who, &who))
            .await;
        let ask = async || {
            world
                .clock
                .advance_to(world.clock.now().plus(Duration::from_millis(200)));
            (status(world).await["status"] == "UNREACHABLE").then_some(())
        };
        eventually(ask, async || format!("{kind:?}: {}", status(world).await)).await;
        assert!(status(world).await["problem"].is_string(), "{kind:?}");
        world.settled_in_time().await;
        assert_eq!(
            status(world).await,
            json!({ "status": "CONNECTED", "problem": null }),
            "{kind:?}"
        );
        assert_eq!(rows(world, &who), 1, "{kind:?}");
    }
}

async fn status(world: &World) -> Value {
    world
        .api
        .query("{ kisiAccounts { status problem } }", json!({}))
        .await["kisiAccounts"][0]
        .take()
}

async fn until_status(world: &World, wanted: &str) {
    let ask = async || (status(world).await["status"] == wanted).then_some(());
    eventually(ask, async || status(world).await.to_string()).await;
}

async fn a_refused_key_is_shown_and_work_goes_on_with_a_good_one(world: &mut World) {
    let source = a_club(world).await;
    world.sandbox.set_key_good(false);
    let delivery = world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    until_status(world, "UNAUTHORIZED").await;
    assert!(status(world).await["problem"].is_string());
    let query = "query($id: ID!) { node(id: $id) { ... on Delivery { status settledAt } } }";
    let response = world.api.query(query, json!({ "id": delivery })).await;
    assert_eq!(
        response["node"],
        json!({ "status": "ACCEPTED", "settledAt": null }),
        "the delivery is not settled"
    );
    // Calls stay rare: the key is tried about once a minute.
    let before = world.sandbox.calls().len();
    world
        .send(&source, "membership.updated", membership("m2", "bob"))
        .await;
    world.sandbox.set_key_good(true);
    assert!(world.sandbox.calls().len() <= before + 1);
    world.settled_in_time().await;
    assert_eq!(
        status(world).await,
        json!({ "status": "CONNECTED", "problem": null })
    );
    assert_eq!((rows(world, "ada"), rows(world, "bob")), (1, 1));
}

async fn a_new_key_is_used_at_once(world: &mut World) {
    let source = a_club(world).await;
    let sandbox = world.sandbox.clone().with_key("another-key".to_owned());
    world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    until_status(world, "UNAUTHORIZED").await;
    let update = |key: &str| {
        let input = json!({ "account": world.account, "credentials": { "apiKey": key } });
        [("input", "UpdateKisiAccountInput!", input)]
    };
    assert_eq!(
        world
            .api
            .refusals("updateKisiAccount", &update("nonsense"))
            .await,
        ["KISI_UNAUTHORIZED"]
    );
    world
        .api
        .mutate(
            "updateKisiAccount",
            &update(&sandbox.api_key()),
            "account { status }",
        )
        .await;
    world.settled().await;
    assert_eq!(rows(world, "ada"), 1, "at once, with a stopped clock");
}

async fn kisi_that_does_not_answer_is_waited_for(world: &mut World) {
    let source = a_club(world).await;
    switch(world, |switches| switches.duplicates = Duplicates::Allow);
    let hang = FaultKind::Hang(Duration::from_secs(12));
    world
        .sandbox
        .fault(Fault::new("POST", "/role_assignments", hang), 1);
    world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    // The API still answers meanwhile.
    assert_eq!(world.api.deliveries().await, 1);
    world.settled_in_time().await;
    assert_eq!(rows(world, "ada"), 1);
}

async fn a_429_is_waited_out(world: &mut World) {
    let source = a_club(world).await;
    for (retry_after, who) in [(true, "ada"), (false, "bob")] {
        switch(world, |switches| {
            (switches.retry_after, switches.rate_body) = (retry_after, retry_after)
        });
        world
            .sandbox
            .fault(Fault::new("*", "/", FaultKind::TooMany), 2);
        world.sandbox.fault(
            Fault::new("POST", "/role_assignments", FaultKind::TooMany),
            1,
        );
        world
            .send(&source, "membership.updated", membership(who, who))
            .await;
        world.settled_in_time().await;
        assert_eq!(rows(world, who), 1);
        assert_eq!(
            status(world).await["status"],
            "CONNECTED",
            "a rate limit is no failure"
        );
    }
    let refused = world
        .sandbox
        .calls()
        .iter()
        .filter(|call| call.status == Some(429))
        .count();
    assert_eq!(refused, 6, "no call was made during a pause");
}

async fn an_inexact_email_filter_matches_no_wrong_user(world: &mut World) {
    let source = a_club(world).await;
    world.sandbox.add_user("joanna@example.com", "Joanna");
    for (filter, who) in [
        (EmailFilter::Substring, "anna"),
        (EmailFilter::Ignored, "nna"),
        (EmailFilter::Exact, "a"),
    ] {
        switch(world, |switches| switches.email_filter = filter);
        world
            .send(&source, "membership.updated", membership(who, who))
            .await;
        world.settled().await;
        assert_eq!(
            (rows(world, who), rows(world, "joanna")),
            (1, 0),
            "{filter:?}"
        );
    }
}

/// Two bookings of one person in a week become two windows in one group.
async fn every_way_of_refusing_a_second_assignment_converges(world: &mut World) {
    let source = a_club(world).await;
    let day = world.now();
    for duplicates in [
        Duplicates::Conflict,
        Duplicates::Unprocessable,
        Duplicates::Allow,
        Duplicates::AllowIfWindowsDiffer,
    ] {
        for patch_window in [
            PatchWindow::Works,
            PatchWindow::Ignored,
            PatchWindow::Refused,
        ] {
            switch(world, |switches| {
                (switches.duplicates, switches.patch_window) = (duplicates, patch_window)
            });
            let who = format!("{duplicates:?}{patch_window:?}").to_lowercase();
            let book = |nth: i64, hours: i64| {
                let start = day + (24 * nth + 3).hours();
                booking(
                    &format!("{who}{nth}"),
                    &who,
                    start,
                    start + hours.hours(),
                    &[],
                )
            };
            for (nth, hours) in [(0, 1), (1, 1), (1, 2)] {
                world
                    .send(&source, "registration.updated", book(nth, hours))
                    .await;
                world.settled_in_time().await;
            }
            let lock = world.sandbox.lock_named("Simulator 1").unwrap();
            let opens = |hour: i64| {
                world
                    .sandbox
                    .may_open(&email(&who), lock, day + hour.hours())
            };
            assert!(opens(3), "{who}: the first booking");
            world
                .send(
                    &source,
                    "registration.deleted",
                    json!({ "id": format!("{who}0") }),
                )
                .await;
            world.settled_in_time().await;
            let opens = |hour: i64| {
                world
                    .sandbox
                    .may_open(&email(&who), lock, day + hour.hours())
            };
            assert!(
                !opens(3) && opens(27) && opens(28),
                "{who}: only the second booking gives access"
            );
            world
                .send(
                    &source,
                    "registration.deleted",
                    json!({ "id": format!("{who}1") }),
                )
                .await;
            world.settled_in_time().await;
            assert_eq!(rows(world, &who), 0, "{who}");
        }
    }
}

async fn existing_users_are_adopted_and_strangers_left_alone(world: &mut World) {
    let source = a_club(world).await;
    let group = |name: &str| world.sandbox.group_named(name).unwrap();
    let (members, staff) = (group("Members"), group("Staff"));
    let ada = world.sandbox.add_user("Ada@Example.com", "Ada");
    let eve = world.sandbox.add_user("eve@example.com", "Eve");
    world.sandbox.add_assignment(ada, staff, None, None);
    let strange = world.sandbox.add_assignment(eve, staff, None, None);
    world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    world.settled().await;
    assert_eq!(
        world.sandbox.user("ada@example.com").unwrap().id,
        ada,
        "no second user was created"
    );
    let groups: Vec<_> = world
        .sandbox
        .assignments_of("ada@example.com")
        .iter()
        .map(|row| row.group)
        .collect();
    assert_eq!(groups, [Some(staff), Some(members)]);
    world
        .send(&source, "membership.deleted", json!({ "id": "m1" }))
        .await;
    world.settled().await;
    let groups: Vec<_> = world
        .sandbox
        .assignments_of("ada@example.com")
        .iter()
        .map(|row| row.group)
        .collect();
    assert_eq!(groups, [Some(staff)], "assignments made by others stay");
    assert_eq!(
        world.sandbox.assignments_of("eve@example.com")[0].id,
        strange
    );
    let touched = world
        .sandbox
        .writes()
        .iter()
        .any(|call| call.method == "DELETE" && call.path.starts_with("/users"));
    assert!(!touched, "users are never deleted");
    // Both can open the staff doors by assignments that others made, which the check at the end does not expect.
    world.sandbox.remove_user("ada@example.com");
    world.sandbox.remove_user("eve@example.com");
}

async fn a_user_deleted_in_kisi_is_created_again(world: &mut World) {
    let source = a_club(world).await;
    world
        .send(&source, "membership.updated", membership("m1", "ada"))
        .await;
    world.settled().await;
    world.sandbox.remove_user("ada@example.com");
    let start = world.now() + 2.hours();
    world
        .send(
            &source,
            "registration.updated",
            booking("b1", "ada", start, start + 1.hours(), &[]),
        )
        .await;
    world.settled_in_time().await;
    assert_eq!(rows(world, "ada"), 2, "both assignments were created again");
    world
        .send(
            &source,
            "member.updated",
            with(person("ada"), json!({ "tags": ["range"] })),
        )
        .await;
}

async fn a_connection_that_cannot_be_made_changes_nothing(world: &mut World) {
    let input = |credentials: Value| {
        [(
            "input",
            "ConnectKisiInput!",
            json!({ "name": "Kisi", "credentials": credentials }),
        )]
    };
    let key = json!({ "apiKey": "key" });
    let refusals = async |credentials: &Value| {
        world
            .api
            .refusals("connectKisi", &input(credentials.clone()))
            .await
    };
    assert_eq!(
        refusals(&json!({ "apiKey": "nonsense" })).await,
        ["KISI_UNAUTHORIZED"]
    );
    // Somebody waits, so a read that the rate limit refuses is repeated three times.
    for (kind, times) in [
        (FaultKind::HtmlBadGateway, 1),
        (FaultKind::Close, 1),
        (FaultKind::TooMany, 4),
    ] {
        world.sandbox.fault(Fault::new("*", "/", kind), times);
        assert_eq!(refusals(&key).await, ["KISI_UNREACHABLE"], "{kind:?}");
    }
    world
        .sandbox
        .fault(Fault::new("GET", "/locks", FaultKind::ShortPage), 1);
    let short = refusals(&key).await;
    assert_eq!(short.len(), 1, "an incomplete list is refused");
    world.sandbox.set_owner_role("organization_basic");
    assert_eq!(refusals(&key).await, ["KISI_NOT_ADMIN"]);
    let response = world
        .api
        .query("{ kisiAccounts { id } groups { totalCount } }", json!({}))
        .await;
    assert_eq!(
        response,
        json!({ "kisiAccounts": [], "groups": { "totalCount": 0 } })
    );
}
