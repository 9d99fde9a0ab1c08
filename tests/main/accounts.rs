//! A club with several Kisi accounts: one account works on while another one waits, and every pending change is carried out.

mod any_interleaving;
mod club;

use latchkey::transaction;
use std::time::Duration;

use latchkey::{
    clock::new_id,
    id::{self, Kind},
    store::{ClubScope, StoreError, due, lookup, overrides, row},
};
use latchkey_sandbox::{Duplicates, Fault, FaultKind, PatchWindow};
use sea_orm::{ConnectionTrait, Database as Connecting};
use serde_json::{Value, json};

use crate::{
    brake::{brake, decide, delivery, held_names},
    support::{
        api::eventually,
        event::{email, membership, with},
        world::{Database, Setup, World},
    },
};
use club::{Club, Organization, a_club};

on_both!(
    a_revocation_that_waits_for_another_account_is_carried_out,
    a_question_of_one_account_is_answered_in_that_account,
    an_approval_waits_for_no_back_off,
    what_was_overlooked_is_found_by_the_sweep,
    who_stands_before_a_shut_door_is_served_first,
    what_kisi_says_of_the_old_key_is_no_matter_of_the_new_one,
);

fn is_in(house: &Organization, who: &str) -> bool {
    let rows = house.sandbox.assignments_of(&email(who));
    !rows.is_empty()
}

async fn join(world: &mut World, club: &Club, names: &[&str]) {
    for who in names {
        let joins = membership(&format!("m-{who}"), who);
        world.send(&club.source, "membership.updated", joins).await;
    }
}

async fn leave(world: &mut World, club: &Club, who: &str) -> String {
    let gone = json!({ "id": format!("m-{who}") });
    world.send(&club.source, "membership.deleted", gone).await
}

/// A membership that gives access in one account ends while the other account is in a long call to Kisi.
async fn a_revocation_that_waits_for_another_account_is_carried_out(world: &mut World) {
    let club = a_club(world, 2).await;
    let (here, there) = (&club.organizations[0], &club.organizations[1]);
    join(world, &club, &["ada", "bob", "cyd"]).await;
    here.rule(world).await;
    world.settled().await;
    brake(world, json!({ "enabled": true, "people": 3 })).await;
    let hang = FaultKind::Hang(Duration::from_secs(2));
    there
        .sandbox
        .fault(Fault::new("POST", "/role_assignments", hang), 1);
    there.rule(world).await;
    wait_for_assignment_call(there).await;
    let ended = leave(world, &club, "ada").await;
    world.settled().await;
    assert!(!is_in(here, "ada") && !is_in(there, "ada"));
    assert!(is_in(here, "bob"));
    assert_eq!(held_names(world).await, [""; 0]);
    assert_eq!(delivery(world, &ended).await, ("SETTLED".to_owned(), true));
    club.close().await;
}

/// Waits until Kisi receives a call that creates a role assignment.
async fn wait_for_assignment_call(house: &Organization) {
    let ask = async || {
        let calls = house.sandbox.calls();
        let is_it = |call: &&latchkey_sandbox::Call| {
            call.method == "POST" && call.path == "/role_assignments"
        };
        calls.iter().find(is_it).map(|_| ())
    };
    eventually(ask, async || "no call creates an assignment".to_owned()).await;
}

/// A revocation that the brake holds in one account is approved or dismissed there; the other account gets no writes.
async fn a_question_of_one_account_is_answered_in_that_account(world: &mut World) {
    let club = a_club(world, 2).await;
    let (here, there) = (&club.organizations[0], &club.organizations[1]);
    join(world, &club, &["ada", "bob"]).await;
    here.rule(world).await;
    world.settled().await;
    brake(world, json!({ "enabled": true, "people": 0, "percent": 0 })).await;
    let ended = leave(world, &club, "ada").await;
    world.settled().await;
    assert_eq!(held_names(world).await, ["ada"]);
    assert_eq!(delivery(world, &ended).await, ("HELD".to_owned(), false));
    assert!(is_in(here, "ada"));
    let before = there.sandbox.writes().len();
    assert_eq!(decide(world, "approve", None).await, 1);
    assert!(!is_in(here, "ada"));
    assert_eq!(delivery(world, &ended).await, ("SETTLED".to_owned(), true));
    let ended = leave(world, &club, "bob").await;
    world.settled().await;
    assert_eq!(decide(world, "dismiss", None).await, 1);
    assert!(is_in(here, "bob"));
    assert_eq!(delivery(world, &ended).await, ("SETTLED".to_owned(), true));
    assert_eq!(there.sandbox.writes().len(), before);
    club.close().await;
}

/// An approved revocation is carried out at once, although many failed tries have put the member off for an hour.
async fn an_approval_waits_for_no_back_off(world: &mut World) {
    let club = a_club(world, 1).await;
    let house = &club.organizations[0];
    join(world, &club, &["ada"]).await;
    house.rule(world).await;
    world.settled().await;
    let settings = json!({ "enabled": true, "people": 0, "percent": 0 });
    brake(world, settings).await;
    leave(world, &club, "ada").await;
    world.settled().await;
    let ada = row_of(world, "ada").await;
    let account = id::decode_as(Kind::KisiAccount, &house.account).unwrap();
    let (db, scope) = (world.app().db.clone(), ClubScope::new(ada.club_id));
    let rows = due::of_members(db.read(), scope, account, &[ada.id]).await;
    let row = rows.unwrap().remove(0);
    let later = (world.now() + Duration::from_hours(1)).as_microsecond();
    let put_off: Result<(), StoreError> =
        transaction!(db, |tx| due::retry(tx, &row, 9, later).await).await;
    put_off.unwrap();
    assert_eq!(decide(world, "approve", None).await, 1);
    assert!(!is_in(house, "ada"), "at once, with a stopped clock");
    club.close().await;
}

/// A suspension and its end are stored without marking the member due, which no change of the service does. The sweep finds both.
async fn what_was_overlooked_is_found_by_the_sweep(world: &mut World) {
    let club = a_club(world, 1).await;
    let house = &club.organizations[0];
    join(world, &club, &["ada", "bob"]).await;
    house.rule(world).await;
    world.settled().await;
    let ada = row_of(world, "ada").await;
    let suspension = row::Suspension {
        id: new_id(),
        club_id: ada.club_id,
        member_id: ada.id,
        reason: "not marked due".to_owned(),
        until_at: None,
        actor: None,
        learned_at: world.clock.now().micros(),
        superseded_at: None,
    };
    let written: Result<(), StoreError> =
        transaction!(world.app().db, |tx| overrides::suspend(tx, suspension)
            .await)
        .await;
    written.unwrap();
    sweep(world, &house.account).await;
    assert!(!is_in(house, "ada") && is_in(house, "bob"));

    let (scope, now) = (ClubScope::new(ada.club_id), world.clock.now().micros());
    let written: Result<(), StoreError> = transaction!(world.app().db, |tx| overrides::resume(
        tx, scope, ada.id, now
    )
    .await)
    .await;
    written.unwrap();
    sweep(world, &house.account).await;
    assert!(is_in(house, "ada") && is_in(house, "bob"));
    house.sandbox.clear_calls();
    sweep(world, &house.account).await;
    assert!(house.sandbox.writes().is_empty());
    club.close().await;
}

async fn row_of(world: &World, who: &str) -> row::Member {
    let id = world.api.member(&email(who)).await.unwrap();
    let id = id::decode_as(Kind::Member, &id).unwrap();
    let club = world.api.query("{ club { id } }", json!({})).await;
    let club = club["club"]["id"].as_str().unwrap();
    let club = id::decode_as(Kind::Club, club).unwrap();
    let member = lookup::by_id::<row::Member>(world.app().db.read(), ClubScope::new(club), id);
    member.await.unwrap().unwrap()
}

/// Runs a full sweep and waits until the work that follows from it is done.
pub async fn sweep(world: &World, account: &str) {
    world.turn_to(world.now() + Duration::from_secs(1));
    let before = last_read_at(world, account).await;
    let arguments = [("account", "ID!", json!(account))];
    let selection = "account { id }";
    world.api.mutate("refreshKisi", &arguments, selection).await;
    until_read(world, account, &before).await;
    world.settled().await;
}

async fn last_read_at(world: &World, account: &str) -> Value {
    let query = "query($id: ID!) { node(id: $id) { ... on KisiAccount { lastReadAt } } }";
    let mut response = (world.api.query(query, json!({ "id": account }))).await;
    response["node"]["lastReadAt"].take()
}

async fn until_read(world: &World, account: &str, before: &Value) {
    let ask = async || (last_read_at(world, account).await != *before).then_some(());
    eventually(ask, async || "the sweep does not end".to_owned()).await;
}

/// Kisi neither changes a window nor accepts a second assignment, and fails between the delete and the create of a replacement.
async fn who_stands_before_a_shut_door_is_served_first(world: &mut World) {
    let club = a_club(world, 1).await;
    let house = &club.organizations[0];
    let others = ["o1", "o2", "o3", "o4", "o5", "o6"];
    join(world, &club, &others).await;
    join(world, &club, &["ada", "bob"]).await;
    house.rule(world).await;
    world.settled().await;
    house.switch(|switches| {
        switches.patch_window = PatchWindow::Refused;
        switches.duplicates = Duplicates::Conflict;
    });
    let until = |who: &str, ends: &str| {
        let ends = json!({ "ends_at": ends });
        with(membership(&format!("m-{who}"), who), ends)
    };
    let learned = until("bob", "2026-03-01");
    world
        .send(&club.source, "membership.updated", learned)
        .await;
    world.settled().await;
    house.sandbox.fault(
        Fault::new("POST", "/role_assignments", FaultKind::TooMany),
        1,
    );
    house.sandbox.clear_calls();
    let shorter = until("ada", "2026-03-01");
    world
        .send(&club.source, "membership.updated", shorter)
        .await;
    let ask = async || {
        (house
            .sandbox
            .calls()
            .iter()
            .any(|call| call.status == Some(429)))
        .then_some(())
    };
    eventually(ask, async || format!("{:?}", house.sandbox.calls())).await;
    assert!(!is_in(house, "ada"), "{:?}", house.sandbox.calls());
    house.sandbox.clear_calls();
    for who in others {
        leave(world, &club, who).await;
    }
    world.settled_in_time().await;
    let writes = house.sandbox.writes();
    assert_eq!(writes[0].method, "POST", "{writes:?}");
    assert_eq!(writes.len(), 1 + others.len(), "{writes:?}");
    assert!(is_in(house, "ada"));
    club.close().await;
}

/// A sweep still uses the old API key, which Kisi refuses, when the new key is set.
async fn what_kisi_says_of_the_old_key_is_no_matter_of_the_new_one(world: &mut World) {
    let club = a_club(world, 1).await;
    let house = &club.organizations[0];
    join(world, &club, &["ada"]).await;
    world.settled().await;
    let account = [("account", "ID!", json!(house.account))];
    let before = last_read_at(world, &house.account).await;
    world.turn_to(world.now() + Duration::from_secs(1));
    house.sandbox.clear_calls();
    let hang = FaultKind::Hang(Duration::from_secs(2));
    house.sandbox.fault(Fault::new("GET", "/places", hang), 1);
    let selection = "account { id }";
    world.api.mutate("refreshKisi", &account, selection).await;
    let is_asked = async || {
        let calls = house.sandbox.calls();
        calls
            .iter()
            .any(|call| call.path == "/places")
            .then_some(())
    };
    eventually(is_asked, async || "no sweep has begun".to_owned()).await;
    // Only now: with the old key refused, a sweep that was still under way would end before this one begins.
    let new_key = club.another_key(0, "another-key");
    let input = json!({ "account": house.account, "credentials": { "apiKey": new_key } });
    let update = [("input", "UpdateKisiAccountInput!", input)];
    let updated = (world.api).mutate("updateKisiAccount", &update, "account { status }");
    assert_eq!(updated.await["account"]["status"], "CONNECTED");
    house.rule(world).await;
    until_read(world, &house.account, &before).await;
    world.settled().await;
    assert!(is_in(house, "ada"), "at once, with a stopped clock");
    club.close().await;
}

/// All database connections are terminated again and again: no failure of Kisi is recorded, and the account is not put off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_up_is_no_failure_of_kisi() {
    let Some(mut world) = World::start(Database::Postgres, Setup::default()).await else {
        return;
    };
    let club = a_club(&mut world, 2).await;
    for house in &club.organizations {
        house.rule(&world).await;
    }
    world.settled().await;
    let admin = Connecting::connect(world.database_url()).await.unwrap();
    let hang_up = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for round in 0..6 {
        let who = format!("p{round}");
        let body = membership(&format!("m-{who}"), &who);
        let body = crate::support::event::event("membership.updated", world.now(), &body);
        let id = world.next_id();
        let ask = async || {
            let signed = world.signed(&club.source, &id, body.to_string().into_bytes());
            let answer = world.api.deliver(&club.source, signed).await;
            matches!(answer.status, 200 | 202).then_some(())
        };
        eventually(ask, async || "the event is not accepted".to_owned()).await;
        admin.execute_unprepared(hang_up).await.unwrap();
    }
    let idle = async || {
        let query = "{ kisiAccounts { status backlog } }";
        let answer = world.api.query_raw(query, json!({})).await;
        let accounts = answer["data"]["kisiAccounts"].as_array()?;
        assert!(accounts.iter().all(|one| one["status"] == "CONNECTED"));
        accounts.iter().all(|one| one["backlog"] == 0).then_some(())
    };
    // The clock is stopped: work that is scheduled for later would never run.
    eventually(idle, async || "work is left".to_owned()).await;
    for (house, round) in club
        .organizations
        .iter()
        .flat_map(|house| (0..6).map(move |n| (house, n)))
    {
        assert!(is_in(house, &format!("p{round}")), "p{round}");
    }
    admin.close().await.unwrap();
    world.stop().await;
    world.start_again().await;
    club.close().await;
    world.finish().await;
}
