//! What the sweep does not trust: incomplete lists, lists that are too good or too bad to be true, and differences that the
//! reconcile loop itself caused while a list was being read.

use latchkey::transaction;
use std::time::Duration;

use latchkey::store::{
    ClubScope, StoreError, grants, kisi_accounts,
    row::{Intent, ScopeKind},
    setup, sweep,
};
use latchkey_sandbox::{Fault, FaultKind, Switches};
use serde_json::{Value, json};

use super::{
    a_club, drifts, members, name, paths, person_reads, problem, read_due_at, rows, strangers,
    sweep_and_settle, wait_for_sweep, writes,
};
use crate::support::{
    api::eventually,
    event::{self, email, membership, with},
    world::World,
};

on_both!(
    an_incomplete_list_changes_nothing,
    an_empty_list_of_few_is_checked_for_each_person,
    an_empty_list_of_many_is_read_again_first,
    assignments_missing_twice_are_created_again,
    a_group_too_large_to_list_is_reported,
    a_pause_that_kisi_asked_for_survives_a_restart,
    a_lost_answer_without_open_work_is_resolved,
    changes_by_the_loop_meanwhile_are_no_drift,
);

async fn an_incomplete_list_changes_nothing(world: &mut World) {
    a_club(world, 4).await;
    for kind in [
        FaultKind::ShortPage,
        FaultKind::NotAList,
        FaultKind::ServerError,
    ] {
        let due_at = read_due_at(world).await;
        world
            .sandbox
            .fault(Fault::new("GET", "/role_assignments", kind), 1);
        sweep_and_settle(world).await;
        assert_ne!(read_due_at(world).await, due_at);
        let soon = world.clock.now().plus(Duration::from_mins(2)).micros();
        assert!(
            read_due_at(world).await < soon,
            "{kind:?}: the next sweep is soon"
        );
        assert_eq!(writes(world), [], "{kind:?}");
        assert_eq!(person_reads(world), 0, "{kind:?}");
        sweep_and_settle(world).await;
    }
    assert_eq!(drifts(world).await, Vec::<Value>::new());
}

async fn an_empty_list_of_few_is_checked_for_each_person(world: &mut World) {
    a_club(world, 4).await;
    let empty = Fault::new("GET", "/role_assignments", FaultKind::EmptyList);
    world.sandbox.fault(empty, 1);
    sweep_and_settle(world).await;
    assert_eq!(person_reads(world), 4);
    assert_eq!(writes(world), []);
    assert_eq!(drifts(world).await, Vec::<Value>::new());
}

async fn an_empty_list_of_many_is_read_again_first(world: &mut World) {
    a_club(world, 25).await;
    let empty = Fault::new("GET", "/role_assignments", FaultKind::EmptyList);
    world.sandbox.fault(empty, 1);
    sweep_and_settle(world).await;
    assert_eq!((writes(world).len(), person_reads(world)), (0, 0));
    world.turn_to(world.now() + Duration::from_secs(61));
    wait_for_sweep(world).await;
    assert_eq!((writes(world).len(), person_reads(world)), (0, 0));
    assert_eq!(drifts(world).await, Vec::<Value>::new());
}

async fn assignments_missing_twice_are_created_again(world: &mut World) {
    a_club(world, 25).await;
    for nth in 0..25 {
        let id = rows(world, &name(nth))[0].id;
        world.sandbox.remove_assignment(id);
    }
    sweep_and_settle(world).await;
    assert_eq!(writes(world).len(), 0, "one list is not enough evidence");
    world.turn_to(world.now() + Duration::from_secs(61));
    wait_for_sweep(world).await;
    assert_eq!((writes(world).len(), person_reads(world)), (25, 25));
    assert_eq!(drifts(world).await.len(), 25);
}

async fn a_group_too_large_to_list_is_reported(world: &mut World) {
    let (_, group) = a_club(world, 1).await;
    let ids: Vec<i64> = (0..20_001)
        .map(|nth| {
            let user = world.sandbox.add_user(&format!("u{nth}@example.com"), "U");
            world
                .sandbox
                .add_assignment(user, members(world), None, None)
        })
        .collect();
    sweep_and_settle(world).await;
    let message = problem(world, &group).await;
    assert!(message.as_str().unwrap().contains("20,000"), "{message}");
    sweep_and_settle(world).await;
    assert_eq!(
        problem(world, &group).await,
        message,
        "the problem stays while the group is too large"
    );
    assert_eq!(writes(world), []);
    for id in ids {
        world.sandbox.remove_assignment(id);
    }
    sweep_and_settle(world).await;
    assert_eq!(problem(world, &group).await, Value::Null);
}

async fn a_pause_that_kisi_asked_for_survives_a_restart(world: &mut World) {
    let (source, _) = a_club(world, 1).await;
    let switches = Switches {
        retry_after: true,
        ..world.sandbox.switches()
    };
    world.sandbox.set(switches);
    let many = Fault::new("POST", "/role_assignments", FaultKind::TooMany);
    world.sandbox.fault(many, 1);
    let membership = membership("late", "late");
    // The clock is stopped, so the second that Kisi asks to wait is not over.
    let body = event::event("membership.updated", world.now(), &membership);
    let id = world.next_id();
    world.emails.insert(email("late"));
    let signed = world.signed(&source, &id, body.to_string().into_bytes());
    world.api.deliver(&source, signed).await;
    let stopped = async || {
        let accounts = kisi_accounts::all_connected(world.app().db.read())
            .await
            .unwrap();
        accounts[0].stopped_until
    };
    let until = eventually(stopped, async || "no pause is stored".to_owned()).await;
    assert!(until > world.clock.now().micros());
    world.stop().await;
    world.sandbox.clear_calls();
    world.start_again().await;
    let open = world.api.open_work().await;
    assert!(open.is_some(), "the work waits");
    assert_eq!(
        world.sandbox.calls(),
        [],
        "no call is made during the pause"
    );
    world.turn_to(world.now() + Duration::from_secs(2));
    world.settled().await;
    assert_eq!(rows(world, "late").len(), 1);
}

async fn a_lost_answer_without_open_work_is_resolved(world: &mut World) {
    a_club(world, 1).await;
    let db = &world.app().db;
    let account = kisi_accounts::all_connected(db.read())
        .await
        .unwrap()
        .remove(0);
    let scope = ClubScope::new(account.club_id);
    let groups = setup::groups(db.read(), scope, account.id).await.unwrap();
    let group = groups.iter().find(|group| group.managed).unwrap().id;
    let stored_grant = async || {
        let at = (ScopeKind::Group, group);
        let assignments = sweep::grants_at(world.app().db.read(), scope, account.id, at).await;
        assignments.unwrap().remove(0)
    };
    let mut grant = stored_grant().await;
    grant.intent = Intent::Delete;
    let put: Result<(), StoreError> =
        transaction!(db, |tx| grants::update_grant(tx, grant, true).await).await;
    put.unwrap();
    assert_eq!(world.api.open_work().await, None, "no work is open");
    sweep_and_settle(world).await;
    assert_eq!(stored_grant().await.intent, Intent::None);
    assert_eq!((rows(world, "p0").len(), writes(world).len()), (1, 0));
}

async fn changes_by_the_loop_meanwhile_are_no_drift(world: &mut World) {
    let (source, group) = a_club(world, 3).await;
    strangers(world, &group, "REMOVE").await;
    world.sandbox.clear_calls();
    let slow = Switches {
        latency: Duration::from_millis(3),
        ..world.sandbox.switches()
    };
    world.sandbox.set(slow);
    for nth in 3..18 {
        let account = [("account", "ID!", json!(world.account))];
        let refresh = world.api.mutate("refreshKisi", &account, "account { id }");
        refresh.await;
        let who = name(nth);
        let data = membership(&who, &who);
        world.send(&source, "membership.updated", data).await;
        if nth % 3 == 0 {
            let ended = with(membership(&who, &who), json!({ "status": "ended" }));
            world.send(&source, "membership.updated", ended).await;
        }
    }
    sweep_and_settle(world).await;
    assert_eq!(drifts(world).await, Vec::<Value>::new());
    let query = "{ history(first: 250, filter: {kinds: [REVOKED]}) { nodes { message } } }";
    let response = world.api.query(query, json!({})).await.to_string();
    assert!(!response.contains("stranger"), "{response}");
    let lists = paths(&world.sandbox.calls());
    let lists = lists
        .iter()
        .filter(|(_, path)| path.contains("applies_to_id"));
    assert!(lists.count() > 2, "sweeps ran beside the work");
}
