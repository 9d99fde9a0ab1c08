//! What the brake counts, and what happens to held revocations: the window, both limits, approval, dismissal, a restart.

use std::{collections::BTreeSet, time::Duration};

use jiff::ToSpan;
use serde_json::json;

use super::{
    a_club, assert_held_for, brake, decide, delivery, end_membership, grant_states, held_names,
    held_revocations, names, people_with_access, roster,
};
use crate::support::{
    event::{email, membership, with},
    world::World,
};

on_both!(
    single_revocations_are_held_past_the_limit,
    revocations_slower_than_the_window_pass,
    a_flood_of_events_is_held_past_the_limit,
    percent_protects_a_large_club,
    dismissed_revocations_stay_dismissed_until_a_fact_changes,
    held_revocations_and_the_count_survive_a_restart,
    a_disabled_brake_holds_nothing_new_and_keeps_held_revocations,
    a_limit_of_zero_holds_everybody,
    expired_and_future_access_is_no_revocation,
    held_revocations_are_dropped_when_the_entitlements_come_back,
);

async fn single_revocations_are_held_past_the_limit(world: &mut World) {
    let club = a_club(world, 8).await;
    for name in names(1..=3) {
        let id = end_membership(world, &club.source, &name).await;
        world.settled().await;
        assert_eq!(delivery(world, &id).await, ("SETTLED".to_owned(), true));
    }
    assert_eq!(people_with_access(world).len(), 5);
    let fourth = end_membership(world, &club.source, "p004").await;
    let fifth = end_membership(world, &club.source, "p005").await;
    world.settled().await;
    assert_held_for(world, &names(4..=5), "membership.deleted (msg_").await;
    for id in [&fourth, &fifth] {
        assert_eq!(delivery(world, id).await, ("HELD".to_owned(), false));
    }

    // New members still get access.
    let joins = membership("m-p009", "p009");
    world.send(&club.source, "membership.updated", joins).await;
    world.settled().await;
    assert!(people_with_access(world).contains("p009"));
    assert_eq!(grant_states(world, "p009").await, ["CONFIRMED"]);

    // An hour after the first revocations, others may pass; held ones still wait for an admin.
    world.turn_to(world.now() + 61.minutes());
    end_membership(world, &club.source, "p006").await;
    world.settled().await;
    assert_eq!(held_names(world).await, names(4..=5));
    let left: BTreeSet<String> = names(4..=9).into_iter().filter(|n| n != "p006").collect();
    assert_eq!(people_with_access(world), left);

    assert_eq!(decide(world, "approve", Some(&["p004"])).await, 1);
    assert_eq!(held_names(world).await, ["p005"]);
    assert!(!people_with_access(world).contains("p004"));
    assert_eq!(delivery(world, &fourth).await, ("SETTLED".to_owned(), true));
    assert_eq!(delivery(world, &fifth).await, ("HELD".to_owned(), false));
    assert_eq!(decide(world, "approve", None).await, 1);
    assert_eq!(delivery(world, &fifth).await, ("SETTLED".to_owned(), true));
    assert_eq!(
        people_with_access(world),
        names(7..=9).into_iter().collect()
    );
}

async fn revocations_slower_than_the_window_pass(world: &mut World) {
    let club = a_club(world, 8).await;
    for name in names(1..=8) {
        end_membership(world, &club.source, &name).await;
        world.settled().await;
        world.turn_to(world.now() + 21.minutes());
    }
    assert_eq!(held_names(world).await, names(0..=0)[..0]);
    assert!(people_with_access(world).is_empty());
}

async fn a_flood_of_events_is_held_past_the_limit(world: &mut World) {
    let club = a_club(world, 8).await;
    for name in names(1..=8) {
        end_membership(world, &club.source, &name).await;
    }
    world.settled().await;
    let left: BTreeSet<String> = held_names(world).await.into_iter().collect();
    assert_eq!((left.len(), &people_with_access(world)), (5, &left));
    assert_eq!(decide(world, "approve", None).await, 5);
    assert!(people_with_access(world).is_empty());
}

/// 5 % of 200 people are 10. The people whom one snapshot leaves out are judged together.
async fn percent_protects_a_large_club(world: &mut World) {
    let club = a_club(world, 200).await;
    roster(world, &club.source, &names(11..=200)).await;
    world.settled().await;
    assert_eq!(people_with_access(world).len(), 190);
    end_membership(world, &club.source, "p011").await;
    world.settled().await;
    assert_held_for(world, &names(11..=11), "membership.deleted (msg_").await;
    assert_eq!(decide(world, "approve", None).await, 1);

    // 5 % of 189 people are 9.
    world.turn_to(world.now() + 61.minutes());
    roster(world, &club.source, &names(22..=200)).await;
    world.settled().await;
    assert_held_for(world, &names(12..=21), "roster.snapshot (msg_").await;
    roster(world, &club.source, &names(21..=200)).await;
    world.settled().await;
    // The last snapshot changes nothing for those; p021 is listed again.
    assert_eq!(held_names(world).await, names(12..=20));
    assert_eq!(people_with_access(world).len(), 189);
    assert_eq!(decide(world, "approve", None).await, 9);
    assert_eq!(people_with_access(world).len(), 180);
}

async fn dismissed_revocations_stay_dismissed_until_a_fact_changes(world: &mut World) {
    let club = a_club(world, 8).await;
    let id = roster(world, &club.source, &[]).await;
    world.settled().await;
    assert_eq!(held_revocations(world).await.len(), 8);
    assert_eq!(decide(world, "dismiss", Some(&["p001", "p002"])).await, 2);
    assert_eq!(held_names(world).await, names(3..=8));
    assert_eq!(grant_states(world, "p001").await, ["CONFIRMED"]);
    assert_eq!(delivery(world, &id).await, ("HELD".to_owned(), false));
    assert_eq!(decide(world, "dismiss", None).await, 6);
    assert_eq!(delivery(world, &id).await, ("SETTLED".to_owned(), true));

    // Neither time nor an edited rule asks again.
    world.turn_to(world.now() + 48.hours());
    let input =
        json!({ "name": "Everybody", "target": club.group, "conditions": [{ "membership": {} }] });
    let edit = [
        ("rule", "ID!", json!(club.rule)),
        ("input", "RuleInput!", input),
    ];
    world.api.mutate("updateRule", &edit, "rule { id }").await;
    world.settled().await;
    assert_eq!(
        (
            held_revocations(world).await.len(),
            people_with_access(world).len()
        ),
        (0, 8)
    );

    let over = with(membership("m-p001", "p001"), json!({ "status": "ended" }));
    world.send(&club.source, "membership.updated", over).await;
    world.settled().await;
    assert_eq!(
        (
            held_revocations(world).await.len(),
            people_with_access(world).len()
        ),
        (0, 7)
    );
    assert!(!people_with_access(world).contains("p001"));

    // The removal of a source is a new fact about all of its people.
    world
        .api
        .mutate(
            "removeSource",
            &[("source", "ID!", json!(club.source.id))],
            "removedId",
        )
        .await;
    world.settled().await;
    assert_held_for(world, &names(2..=8), "the source “Front desk” was removed").await;
    assert_eq!(decide(world, "approve", None).await, 7);
    assert!(people_with_access(world).is_empty());
}

async fn held_revocations_and_the_count_survive_a_restart(world: &mut World) {
    let club = a_club(world, 8).await;
    for name in names(1..=2) {
        end_membership(world, &club.source, &name).await;
    }
    world.settled().await;
    roster(world, &club.source, &names(5..=8)).await;
    world.settled().await;
    assert_held_for(world, &names(3..=4), "roster.snapshot").await;
    let before = held_revocations(world).await;
    world.stop().await;
    world.start_again().await;
    world.settled().await;
    assert_eq!(held_revocations(world).await, before);
    end_membership(world, &club.source, "p005").await;
    world.settled().await;
    assert_eq!(
        people_with_access(world),
        names(3..=8).into_iter().filter(|n| n != "p005").collect()
    );
    end_membership(world, &club.source, "p006").await;
    world.settled().await;
    assert_eq!(held_names(world).await, ["p003", "p004", "p006"]);
    assert_eq!(decide(world, "approve", None).await, 3);
    assert_eq!(
        people_with_access(world),
        names(7..=8).into_iter().collect()
    );
}

async fn a_disabled_brake_holds_nothing_new_and_keeps_held_revocations(world: &mut World) {
    let club = a_club(world, 8).await;
    roster(world, &club.source, &names(6..=8)).await;
    world.settled().await;
    assert_eq!(held_names(world).await, names(1..=5));
    brake(world, json!({ "enabled": false })).await;
    roster(world, &club.source, &[]).await;
    world.settled().await;
    assert_eq!(held_names(world).await, names(1..=5));
    assert_eq!(
        people_with_access(world),
        names(1..=5).into_iter().collect()
    );
    let words = json!({ "id": "p001", "name": "Somebody" });
    world.send(&club.source, "member.updated", words).await;
    world.settled().await;
    assert_eq!(held_names(world).await, names(1..=5));
    assert_eq!(decide(world, "approve", None).await, 5);
    assert!(people_with_access(world).is_empty());
}

async fn a_limit_of_zero_holds_everybody(world: &mut World) {
    let club = a_club(world, 2).await;
    brake(
        world,
        json!({ "people": 0, "percent": 0, "window": "PT5M" }),
    )
    .await;
    end_membership(world, &club.source, "p001").await;
    world.settled().await;
    assert_held_for(world, &names(1..=1), "membership.deleted").await;
    // The club's window is five minutes: after that, one more person may go with a limit of one.
    brake(world, json!({ "people": 1 })).await;
    end_membership(world, &club.source, "p002").await;
    world.settled().await;
    assert_eq!(
        people_with_access(world),
        names(1..=1).into_iter().collect()
    );
    let back = membership("m-p003", "p003");
    world.send(&club.source, "membership.updated", back).await;
    world.settled().await;
    world.turn_to(world.now() + 6.minutes());
    end_membership(world, &club.source, "p003").await;
    world.settled().await;
    assert_eq!(held_names(world).await, ["p001"]);
    assert_eq!(decide(world, "approve", None).await, 1);
}

async fn expired_and_future_access_is_no_revocation(world: &mut World) {
    let club = a_club(world, 1).await;
    let (begins, ends) = (world.now() + 30.hours(), world.now() + 20.hours());
    for name in names(2..=8) {
        let short = with(
            membership(&format!("m-{name}"), &name),
            json!({ "ends_at": ends.to_string() }),
        );
        world.send(&club.source, "membership.updated", short).await;
        let late = format!("late-{name}");
        let later = with(
            membership(&format!("m-{late}"), &late),
            json!({ "starts_at": begins.to_string() }),
        );
        world.send(&club.source, "membership.updated", later).await;
    }
    world.settled().await;
    assert_eq!(world.sandbox.assignments_of(&email("late-p002")).len(), 1);
    for name in names(2..=8) {
        end_membership(world, &club.source, &format!("late-{name}")).await;
    }
    world.settled().await;
    assert_eq!(held_names(world).await.len(), 0);
    assert!(world.sandbox.assignments_of(&email("late-p002")).is_empty());

    world.turn_to(ends + Duration::from_secs(1));
    world.settled().await;
    assert_eq!(held_names(world).await.len(), 0);
    assert_eq!(
        people_with_access(world),
        names(1..=1).into_iter().collect()
    );

    // None of this counted towards the limit.
    let others = names(2..=4);
    for name in &others {
        let back = membership(&format!("m-{name}"), name);
        world.send(&club.source, "membership.updated", back).await;
    }
    world.settled().await;
    for name in &others {
        end_membership(world, &club.source, name).await;
    }
    world.settled().await;
    assert_eq!(held_names(world).await.len(), 0);
    assert_eq!(
        people_with_access(world),
        names(1..=1).into_iter().collect()
    );
}

async fn held_revocations_are_dropped_when_the_entitlements_come_back(world: &mut World) {
    let club = a_club(world, 8).await;
    let id = roster(world, &club.source, &[]).await;
    world.settled().await;
    assert_eq!(held_revocations(world).await.len(), 8);
    roster(world, &club.source, &names(1..=8)).await;
    world.settled().await;
    assert_eq!(
        (
            held_revocations(world).await.len(),
            people_with_access(world).len()
        ),
        (0, 8)
    );
    assert_eq!(grant_states(world, "p001").await, ["CONFIRMED"]);
    assert_eq!(delivery(world, &id).await, ("SETTLED".to_owned(), true));
    // None of this counted towards the limit: three people may go.
    roster(world, &club.source, &names(4..=8)).await;
    world.settled().await;
    assert_eq!(
        (
            held_revocations(world).await.len(),
            people_with_access(world).len()
        ),
        (0, 5)
    );
}
