//! What the brake counts, and what becomes of what it holds: the window, both limits, approval, dismissal, a restart.

use std::{collections::BTreeSet, time::Duration};

use jiff::ToSpan;
use serde_json::json;

use super::{
    a_club, assert_held_for, brake, decide, delivery, end, grant_states, held, held_names, inside,
    names, roster,
};
use crate::support::{
    event::{email, membership, with},
    world::World,
};

on_both!(
    a_slow_drip_is_held_once_it_is_past_the_limit,
    a_drip_that_is_slower_than_the_window_is_let_through,
    a_flood_of_events_is_held_past_the_limit,
    percent_protects_a_large_club,
    what_is_dismissed_stays_until_a_fact_changes,
    what_is_held_survives_a_restart_and_so_does_the_count,
    switched_off_it_holds_nothing_new_and_what_is_held_stays,
    zero_holds_everybody,
    what_runs_out_and_what_has_not_begun_is_no_revocation,
    what_comes_back_is_held_no_more,
);

async fn a_slow_drip_is_held_once_it_is_past_the_limit(world: &mut World) {
    let club = a_club(world, 8).await;
    for name in names(1..=3) {
        let id = end(world, &club.source, &name).await;
        world.settled().await;
        assert_eq!(delivery(world, &id).await, ("SETTLED".to_owned(), true));
    }
    assert_eq!(inside(world).len(), 5);
    let fourth = end(world, &club.source, "p004").await;
    let fifth = end(world, &club.source, "p005").await;
    world.settled().await;
    assert_held_for(world, &names(4..=5), "membership.deleted (msg_").await;
    for id in [&fourth, &fifth] {
        assert_eq!(delivery(world, id).await, ("HELD".to_owned(), false));
    }

    // Who joins is let in all the while.
    let joins = membership("m-p009", "p009");
    world.send(&club.source, "membership.updated", joins).await;
    world.settled().await;
    assert!(inside(world).contains("p009"));
    assert_eq!(grant_states(world, "p009").await, ["CONFIRMED"]);

    // An hour after those who went, others may go; what is held waits for a person.
    world.turn_to(world.now() + 61.minutes());
    end(world, &club.source, "p006").await;
    world.settled().await;
    assert_eq!(held_names(world).await, names(4..=5));
    let left: BTreeSet<String> = names(4..=9).into_iter().filter(|n| n != "p006").collect();
    assert_eq!(inside(world), left);

    assert_eq!(decide(world, "approve", Some(&["p004"])).await, 1);
    assert_eq!(held_names(world).await, ["p005"]);
    assert!(!inside(world).contains("p004"));
    assert_eq!(delivery(world, &fourth).await, ("SETTLED".to_owned(), true));
    assert_eq!(delivery(world, &fifth).await, ("HELD".to_owned(), false));
    assert_eq!(decide(world, "approve", None).await, 1);
    assert_eq!(delivery(world, &fifth).await, ("SETTLED".to_owned(), true));
    assert_eq!(inside(world), names(7..=9).into_iter().collect());
}

async fn a_drip_that_is_slower_than_the_window_is_let_through(world: &mut World) {
    let club = a_club(world, 8).await;
    for name in names(1..=8) {
        end(world, &club.source, &name).await;
        world.settled().await;
        world.turn_to(world.now() + 21.minutes());
    }
    assert_eq!(held_names(world).await, names(0..=0)[..0]);
    assert!(inside(world).is_empty());
}

async fn a_flood_of_events_is_held_past_the_limit(world: &mut World) {
    let club = a_club(world, 8).await;
    for name in names(1..=8) {
        end(world, &club.source, &name).await;
    }
    world.settled().await;
    let left: BTreeSet<String> = held_names(world).await.into_iter().collect();
    assert_eq!((left.len(), &inside(world)), (5, &left));
    assert_eq!(decide(world, "approve", None).await, 5);
    assert!(inside(world).is_empty());
}

/// Of 200, 5 % are 10. Whom one roster leaves out is judged together.
async fn percent_protects_a_large_club(world: &mut World) {
    let club = a_club(world, 200).await;
    roster(world, &club.source, &names(11..=200)).await;
    world.settled().await;
    assert_eq!(inside(world).len(), 190);
    end(world, &club.source, "p011").await;
    world.settled().await;
    assert_held_for(world, &names(11..=11), "membership.deleted (msg_").await;
    assert_eq!(decide(world, "approve", None).await, 1);

    // Of 189, they are 9.
    world.turn_to(world.now() + 61.minutes());
    roster(world, &club.source, &names(22..=200)).await;
    world.settled().await;
    assert_held_for(world, &names(12..=21), "roster.snapshot (msg_").await;
    roster(world, &club.source, &names(21..=200)).await;
    world.settled().await;
    // Nothing new was said of those; p021 is there again.
    assert_eq!(held_names(world).await, names(12..=20));
    assert_eq!(inside(world).len(), 189);
    assert_eq!(decide(world, "approve", None).await, 9);
    assert_eq!(inside(world).len(), 180);
}

async fn what_is_dismissed_stays_until_a_fact_changes(world: &mut World) {
    let club = a_club(world, 8).await;
    let id = roster(world, &club.source, &[]).await;
    world.settled().await;
    assert_eq!(held(world).await.len(), 8);
    assert_eq!(decide(world, "dismiss", Some(&["p001", "p002"])).await, 2);
    assert_eq!(held_names(world).await, names(3..=8));
    assert_eq!(grant_states(world, "p001").await, ["CONFIRMED"]);
    assert_eq!(delivery(world, &id).await, ("HELD".to_owned(), false));
    assert_eq!(decide(world, "dismiss", None).await, 6);
    assert_eq!(delivery(world, &id).await, ("SETTLED".to_owned(), true));

    // Neither time nor rules ask again.
    world.turn_to(world.now() + 48.hours());
    let input =
        json!({ "name": "Everybody", "target": club.group, "conditions": [{ "membership": {} }] });
    let edit = [
        ("rule", "ID!", json!(club.rule)),
        ("input", "RuleInput!", input),
    ];
    world.api.change("updateRule", &edit, "rule { id }").await;
    world.settled().await;
    assert_eq!((held(world).await.len(), inside(world).len()), (0, 8));

    let over = with(membership("m-p001", "p001"), json!({ "status": "ended" }));
    world.send(&club.source, "membership.updated", over).await;
    world.settled().await;
    assert_eq!((held(world).await.len(), inside(world).len()), (0, 7));
    assert!(!inside(world).contains("p001"));

    // A source that is taken away is a fact about all of its people.
    world
        .api
        .change(
            "removeSource",
            &[("source", "ID!", json!(club.source.id))],
            "removedId",
        )
        .await;
    world.settled().await;
    assert_held_for(world, &names(2..=8), "the source “Front desk” was removed").await;
    assert_eq!(decide(world, "approve", None).await, 7);
    assert!(inside(world).is_empty());
}

async fn what_is_held_survives_a_restart_and_so_does_the_count(world: &mut World) {
    let club = a_club(world, 8).await;
    for name in names(1..=2) {
        end(world, &club.source, &name).await;
    }
    world.settled().await;
    roster(world, &club.source, &names(5..=8)).await;
    world.settled().await;
    assert_held_for(world, &names(3..=4), "roster.snapshot").await;
    let before = held(world).await;
    world.stop().await;
    world.start_again().await;
    world.settled().await;
    assert_eq!(held(world).await, before);
    end(world, &club.source, "p005").await;
    world.settled().await;
    assert_eq!(
        inside(world),
        names(3..=8).into_iter().filter(|n| n != "p005").collect()
    );
    end(world, &club.source, "p006").await;
    world.settled().await;
    assert_eq!(held_names(world).await, ["p003", "p004", "p006"]);
    assert_eq!(decide(world, "approve", None).await, 3);
    assert_eq!(inside(world), names(7..=8).into_iter().collect());
}

async fn switched_off_it_holds_nothing_new_and_what_is_held_stays(world: &mut World) {
    let club = a_club(world, 8).await;
    roster(world, &club.source, &names(6..=8)).await;
    world.settled().await;
    assert_eq!(held_names(world).await, names(1..=5));
    brake(world, json!({ "enabled": false })).await;
    roster(world, &club.source, &[]).await;
    world.settled().await;
    assert_eq!(held_names(world).await, names(1..=5));
    assert_eq!(inside(world), names(1..=5).into_iter().collect());
    let words = json!({ "id": "p001", "name": "Somebody" });
    world.send(&club.source, "member.updated", words).await;
    world.settled().await;
    assert_eq!(held_names(world).await, names(1..=5));
    assert_eq!(decide(world, "approve", None).await, 5);
    assert!(inside(world).is_empty());
}

async fn zero_holds_everybody(world: &mut World) {
    let club = a_club(world, 2).await;
    brake(
        world,
        json!({ "people": 0, "percent": 0, "window": "PT5M" }),
    )
    .await;
    end(world, &club.source, "p001").await;
    world.settled().await;
    assert_held_for(world, &names(1..=1), "membership.deleted").await;
    // A window of its own length: five minutes later one may go where one is the limit.
    brake(world, json!({ "people": 1 })).await;
    end(world, &club.source, "p002").await;
    world.settled().await;
    assert_eq!(inside(world), names(1..=1).into_iter().collect());
    let back = membership("m-p003", "p003");
    world.send(&club.source, "membership.updated", back).await;
    world.settled().await;
    world.turn_to(world.now() + 6.minutes());
    end(world, &club.source, "p003").await;
    world.settled().await;
    assert_eq!(held_names(world).await, ["p001"]);
    assert_eq!(decide(world, "approve", None).await, 1);
}

async fn what_runs_out_and_what_has_not_begun_is_no_revocation(world: &mut World) {
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
        end(world, &club.source, &format!("late-{name}")).await;
    }
    world.settled().await;
    assert_eq!(held_names(world).await.len(), 0);
    assert!(world.sandbox.assignments_of(&email("late-p002")).is_empty());

    world.turn_to(ends + Duration::from_secs(1));
    world.settled().await;
    assert_eq!(held_names(world).await.len(), 0);
    assert_eq!(inside(world), names(1..=1).into_iter().collect());

    // None of it was counted.
    let others = names(2..=4);
    for name in &others {
        let back = membership(&format!("m-{name}"), name);
        world.send(&club.source, "membership.updated", back).await;
    }
    world.settled().await;
    for name in &others {
        end(world, &club.source, name).await;
    }
    world.settled().await;
    assert_eq!(held_names(world).await.len(), 0);
    assert_eq!(inside(world), names(1..=1).into_iter().collect());
}

async fn what_comes_back_is_held_no_more(world: &mut World) {
    let club = a_club(world, 8).await;
    let id = roster(world, &club.source, &[]).await;
    world.settled().await;
    assert_eq!(held(world).await.len(), 8);
    roster(world, &club.source, &names(1..=8)).await;
    world.settled().await;
    assert_eq!((held(world).await.len(), inside(world).len()), (0, 8));
    assert_eq!(grant_states(world, "p001").await, ["CONFIRMED"]);
    assert_eq!(delivery(world, &id).await, ("SETTLED".to_owned(), true));
    // Nothing of it was counted: three may go.
    roster(world, &club.source, &names(4..=8)).await;
    world.settled().await;
    assert_eq!((held(world).await.len(), inside(world).len()), (0, 5));
}
