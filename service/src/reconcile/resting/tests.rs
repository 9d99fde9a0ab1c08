//! Which members are settled out of the lanes, and which must be served.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use access::Instant;
use tokio::sync::watch;
use uuid::Uuid;

use super::*;
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

    async fn settle(&self) {
        let (_stop, stopping) = watch::channel(false);
        let worker = Worker::new(
            self.app().clone(),
            ClubScope::new(self.account.club_id),
            self.account.id,
            stopping,
        );
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
    let unknown = row::Grant {
        id: new_id(),
        club_id: account.club_id,
        account_id: account.id,
        member_id: waiting[1],
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
    };
    let written: Result<(), StoreError> = transaction!(service.app().db, |tx| {
        revocations::insert(tx, vec![pending_revocation]).await?;
        grants::put_grant(tx, unknown, true).await
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
