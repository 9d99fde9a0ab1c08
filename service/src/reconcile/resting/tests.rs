//! Which members are settled out of the lanes, and which must be served.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use access::Instant;
use tokio::sync::watch;
use uuid::Uuid;

use super::{super::record::Write, *};
use crate::{
    app::App,
    clock::new_id,
    fixture::{NOON, TestApp, account_row, at_noon, instant},
    store::{self, ClubScope, StoreError, bulk, grants, kisi_accounts, revocations, row},
    transaction,
};

fn now() -> i64 {
    instant(NOON)
}

/// A club with an account, without a running worker.
struct TestService {
    club: TestApp,
    account: row::KisiAccount,
}

impl TestService {
    async fn open() -> Self {
        let club = TestApp::start(at_noon(), &[]).await;
        let account = row::KisiAccount {
            read_due_at: i64::MAX,
            ..account_row(club.scope, new_id())
        };
        let stored = account.clone();
        let written: Result<(), StoreError> = transaction!(club.app.db, |tx| {
            kisi_accounts::create(tx, stored).await
        })
        .await;
        written.unwrap();
        Self { club, account }
    }

    fn app(&self) -> &Arc<App> {
        &self.club.app
    }

    /// Creates so many members who wait in the first lane without steps.
    async fn waiting(&self, count: usize) -> Vec<Uuid> {
        let rows: Vec<row::Due> = (0..count).map(|_| due_row(&self.account)).collect();
        let ids = rows.iter().map(|row| row.member_id).collect();
        let written: Result<(), StoreError> =
            transaction!(self.app().db, |tx| bulk::insert(tx, rows).await).await;
        written.unwrap();
        ids
    }

    fn worker(&self) -> Worker {
        let (_stop, stopping) = watch::channel(false);
        let scope = ClubScope::new(self.account.club_id);
        Worker::new(self.app().clone(), scope, self.account.id, stopping)
    }

    /// The grants of members.
    async fn grants(&self, members: &[Uuid]) -> Vec<row::Grant> {
        let scope = ClubScope::new(self.account.club_id);
        let db = self.app().db.read();
        let grants = grants::grants_in(db, scope, self.account.id, members).await;
        grants.unwrap()
    }

    async fn settle(&self) {
        let worker = self.worker();
        let snapshot = AccountSnapshot::load(&self.app().db, self.account.clone()).await;
        let now = Instant::from_micros(now());
        worker.settle_idle(&snapshot.unwrap(), now).await.unwrap();
    }

    async fn in_lanes(&self) -> BTreeSet<Uuid> {
        let rows = due::next(self.app().db.read(), self.account.id, now(), 1_000).await;
        rows.unwrap().into_iter().map(|row| row.member_id).collect()
    }
}

fn due_row(account: &row::KisiAccount) -> row::Due {
    row::Due {
        account_id: account.id,
        member_id: new_id(),
        club_id: account.club_id,
        due_at: now(),
        generation: 2,
        settled_generation: 1,
        lane: Some(0),
        attempts: 0,
        cause: "an edit".to_owned(),
        cause_id: Uuid::nil(),
        cause_delivery: None,
        cause_rule: None,
        cause_actor: None,
        brake_policy: row::BrakePolicy::Enforce,
    }
}

fn pending_revocation(account: &row::KisiAccount, member: Uuid) -> row::Revocation {
    row::Revocation {
        id: new_id(),
        club_id: account.club_id,
        account_id: account.id,
        member_id: member,
        scope_kind: row::ScopeKind::Group,
        scope_id: new_id(),
        state: row::RevocationState::Asked,
        cause: "an edit".to_owned(),
        cause_id: Uuid::nil(),
        outage_suspected: false,
        delivery_id: None,
        rule_id: None,
        actor: None,
        asked_at: now(),
        decided_at: None,
    }
}

/// A grant whose creation is sent, with an unknown outcome.
fn creation(account: &row::KisiAccount, member: Uuid) -> row::Grant {
    row::Grant {
        id: new_id(),
        club_id: account.club_id,
        account_id: account.id,
        member_id: member,
        kisi_user_id: new_id(),
        scope_kind: row::ScopeKind::Group,
        scope_id: new_id(),
        kisi_id: None,
        valid_from: None,
        valid_until: None,
        state: row::GrantState::Unknown,
        intent: row::Intent::Create,
        want_from: None,
        want_until: None,
        notify: false,
        problem: None,
        created_at: now(),
        confirmed_at: None,
        missed_at: None,
        external: false,
        adopted: false,
        asked_differs: false,
        asked_from: None,
        asked_until: None,
    }
}

#[tokio::test]
async fn members_without_steps_are_settled_at_once() {
    let service = TestService::open().await;
    service.waiting(40).await;
    service.settle().await;
    assert_eq!(service.in_lanes().await, BTreeSet::new());
    let next = due::next_at(service.app().db.read(), service.account.id).await;
    assert_eq!(next.unwrap(), Some(i64::MAX));
}

#[tokio::test]
async fn a_pending_revocation_and_an_unknown_outcome_stay_in_their_lanes() {
    let service = TestService::open().await;
    let waiting = service.waiting(3).await;
    let account = &service.account;
    let pending_revocation = pending_revocation(account, waiting[0]);
    let unknown = creation(account, waiting[1]);
    let written: Result<(), StoreError> = transaction!(service.app().db, |tx| {
        revocations::insert(tx, vec![pending_revocation]).await?;
        grants::add_grant(tx, unknown).await
    })
    .await;
    written.unwrap();
    service.settle().await;
    let left: BTreeSet<Uuid> = waiting[..2].iter().copied().collect();
    assert_eq!(service.in_lanes().await, left);
}

#[tokio::test]
async fn an_approval_is_kept_when_a_worker_inserts_an_older_pending_revocation() {
    let service = TestService::open().await;
    let asked = pending_revocation(&service.account, new_id());
    let approved = row::Revocation {
        id: new_id(),
        state: row::RevocationState::Approved,
        decided_at: Some(now()),
        ..asked.clone()
    };
    let (scope, account) = (
        store::ClubScope::new(service.account.club_id),
        service.account.id,
    );
    for rows in [vec![approved.clone()], vec![asked.clone()]] {
        let written: Result<(), StoreError> =
            transaction!(service.app().db, |tx| revocations::insert(tx, rows).await).await;
        written.unwrap();
    }
    let members = [asked.member_id];
    let open = revocations::open(service.app().db.read(), scope, account, &members).await;
    assert_eq!(open.unwrap(), [approved]);
}

#[tokio::test]
async fn a_mark_does_not_hide_the_members_who_were_never_looked_up() {
    let service = TestService::open().await;
    let waiting = service.waiting(3).await;
    let (scope, account) = (
        store::ClubScope::new(service.account.club_id),
        service.account.id,
    );
    let looked_up = row::KisiUser {
        id: new_id(),
        club_id: scope.club,
        account_id: account,
        member_id: waiting[0],
        email: "anna@example.com".to_owned(),
        kisi_id: Some(1),
        sent: false,
        problem: None,
    };
    let marks = waiting
        .iter()
        .map(|member| (*member, due::Cause::enforced("a reading")));
    let marks: BTreeMap<Uuid, due::Cause> = marks.collect();
    let written: Result<(), StoreError> = transaction!(service.app().db, |tx| {
        grants::put_user(tx, looked_up, true).await?;
        due::mark_in(tx, scope, &[account], marks, now()).await
    })
    .await;
    written.unwrap();
    assert_eq!(service.in_lanes().await, BTreeSet::new());
    let count = due::never_looked_up(service.app().db.read(), account, now()).await;
    assert_eq!(count.unwrap(), 2);
}

/// What Kisi answered for a member, not yet stored.
fn answered(due: row::Due, grant: &row::Grant) -> Settled {
    let confirmed = row::Grant {
        kisi_id: Some(7),
        intent: row::Intent::None,
        state: row::GrantState::Confirmed,
        ..grant.clone()
    };
    let write = Write::Grant {
        row: Box::new(confirmed),
        is_new: false,
        was_missed: false,
        entries: Vec::new(),
        at: now(),
    };
    Settled {
        due,
        again_at: None,
        queued: vec![write],
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_stored_costs_no_other_answer() {
    let service = TestService::open().await;
    let members = service.waiting(2).await;
    let stored = creation(&service.account, members[0]);
    // It was deleted while Kisi answered.
    let gone = creation(&service.account, members[1]);
    let row = stored.clone();
    let written: Result<(), StoreError> =
        transaction!(service.app().db, |tx| grants::add_grant(tx, row).await).await;
    written.unwrap();
    let due = due::next(service.app().db.read(), service.account.id, now(), 2).await;
    let settled = due.unwrap().into_iter().map(|due| {
        let of_stored = due.member_id == stored.member_id;
        answered(due, if of_stored { &stored } else { &gone })
    });
    let result = service.worker().settle(settled.collect()).await;
    assert!(result.is_err(), "nobody is settled");
    assert_eq!(
        service.in_lanes().await,
        members.iter().copied().collect::<BTreeSet<_>>()
    );
    let states: Vec<_> = (service.grants(&members).await.iter())
        .map(|grant| (grant.member_id, grant.state, grant.kisi_id))
        .collect();
    assert_eq!(states, [(members[0], row::GrantState::Confirmed, Some(7))]);
}

#[tokio::test]
async fn an_answer_does_not_hide_that_the_assignment_went_missing_since() {
    let service = TestService::open().await;
    let members = service.waiting(1).await;
    let grant = creation(&service.account, members[0]);
    let (scope, row, id) = (
        ClubScope::new(service.account.club_id),
        grant.clone(),
        grant.id,
    );
    let written: Result<(), StoreError> = transaction!(service.app().db, |tx| {
        grants::add_grant(tx, row).await?;
        grants::mark_uncertain(tx, scope, id, now()).await
    })
    .await;
    written.unwrap();
    let due = due::next(service.app().db.read(), service.account.id, now(), 1).await;
    let due = due.unwrap().remove(0);
    let settled = vec![answered(due, &grant)];
    service.worker().settle(settled).await.unwrap();
    let stored = service.grants(&members).await.remove(0);
    assert_eq!(stored.missed_at, Some(now()));
    assert_eq!(stored.state, row::GrantState::Confirmed);
}
