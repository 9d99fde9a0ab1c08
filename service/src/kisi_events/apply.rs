//! Processes a verified event in one transaction: records it for deduplication, then writes a history entry, or marks the
//! affected members or the setup as due. Decides nothing and does not call Kisi. Called by the webhook route.

use uuid::Uuid;

use super::{
    echo,
    event::{Event, EventKind},
};
use crate::{
    app::App,
    check_ins,
    clock::new_id,
    store::{
        ClubScope, Connection, StoreError, Transaction, due, grants, history,
        history::Entry,
        kisi_accounts, listeners, lookup, members,
        row::{self, HistoryKind, Intent, ScopeKind},
        setup,
    },
    transaction,
};

/// Processes an event once; true if the reconcile loop has work to do.
pub async fn process(
    app: &App,
    listener: row::KisiListener,
    event: Event,
) -> Result<bool, StoreError> {
    let now = app.clock.now().micros();
    transaction!(app.db, |tx| process_in_transaction(
        tx, &listener, &event, now
    )
    .await)
    .await
}

async fn process_in_transaction(
    tx: &Transaction,
    listener: &row::KisiListener,
    event: &Event,
    now: i64,
) -> Result<bool, StoreError> {
    let (scope, id) = (ClubScope::new(listener.club_id), listener.account_id);
    let note = row::KisiEvent {
        account_id: id,
        event_key: event.key.clone(),
        club_id: scope.club,
        receipt: new_id(),
        received_at: now,
    };
    if !listeners::record_event(tx, scope, note).await? {
        return Ok(false);
    }
    let Some(account) = lookup::by_id::<row::KisiAccount>(tx, scope, id).await? else {
        return Ok(false);
    };
    match event.kind {
        EventKind::Unlock => {
            unlock(tx, scope, &account, event, now).await?;
            Ok(false)
        }
        EventKind::Assigned | EventKind::Unassigned | EventKind::Person => {
            person(tx, scope, &account, event, now).await
        }
        EventKind::IntegrationOff
            if listener.kisi_id.is_some() && event.object == listener.kisi_id =>
        {
            listeners::set(tx, scope, id, listener.kisi_id, false).await?;
            kisi_accounts::request_sweep(tx, id, now).await?;
            Ok(true)
        }
        EventKind::Setup | EventKind::Integration => {
            kisi_accounts::request_sweep(tx, id, now).await?;
            Ok(true)
        }
        EventKind::IntegrationOff | EventKind::Other => Ok(false),
    }
}

/// The actor of an event: the id of the stored Kisi user and the member, as far as they are known.
async fn actor(
    connection: &impl Connection,
    scope: ClubScope,
    account: Uuid,
    event: &Event,
) -> Result<(Option<Uuid>, Option<row::Member>), StoreError> {
    if let Some(kisi_id) = event.actor
        && let Some(user) = grants::user_by_kisi_id(connection, scope, account, kisi_id).await?
    {
        let member = lookup::by_id::<row::Member>(connection, scope, user.member_id).await?;
        return Ok((Some(user.id), member));
    }
    let member = match &event.actor_email {
        Some(email) => members::by_email(connection, scope, email).await?,
        None => None,
    };
    Ok((None, member))
}

/// Records an unlock in the history, unless it was one of Latchkey's own unlock requests that is already recorded.
async fn unlock(
    tx: &Transaction,
    scope: ClubScope,
    account: &row::KisiAccount,
    event: &Event,
    now: i64,
) -> Result<(), StoreError> {
    let lock = match event.object {
        Some(kisi_id) => setup::lock_by_kisi_id(tx, scope, account.id, kisi_id).await?,
        None => None,
    };
    let Some(lock) = lock else {
        // A door that is not in the stored setup of this account.
        return Ok(());
    };
    let happened = event
        .at
        .map(|at| access::Instant::from_timestamp(at).micros());
    let at = happened.map_or(now, |at| at.min(now));
    let (person, mut member) = actor(tx, scope, account.id, event).await?;
    let by_key = event.actor.is_some() && event.actor == account.kisi_user_id;
    let mut who = event.actor_name.clone();
    if by_key || person.is_some() {
        let as_whom = if by_key { None } else { person };
        match echo::of(tx, scope, lock.id, as_whom, event, at).await? {
            echo::RequestMatch::AlreadyRecorded => return Ok(()),
            echo::RequestMatch::NewOutcome(unlock_request) => {
                member = lookup::by_id::<row::Member>(tx, scope, unlock_request.member_id).await?;
                who = Some(unlock_request.actor);
            }
            echo::RequestMatch::Unmatched => {}
        }
    }
    let name = match (&member, &event.actor_name) {
        (Some(member), _) => member.name.clone(),
        (None, Some(name)) => name.clone(),
        (None, None) => "Somebody".to_owned(),
    };
    if let (Some(member), true) = (&member, event.success) {
        let at = access::Instant::from_micros(at);
        check_ins::note(tx, scope, member.id, lock.id, at).await?;
    }
    let (kind, message) = if event.success {
        (
            HistoryKind::Unlocked,
            format!("{name} opened {}", lock.name),
        )
    } else {
        let why = event
            .failure_reason
            .as_deref()
            .unwrap_or("Kisi gave no reason");
        let message = format!("{} did not open for {name}: {why}", lock.name);
        (HistoryKind::UnlockDenied, message)
    };
    let entry = Entry {
        kind,
        member: member.map(|member| member.id),
        target: Some((ScopeKind::Lock, lock.id)),
        cause: "a Kisi event".to_owned(),
        delivery: None,
        rule: None,
        actor: who,
        message,
    };
    history::write(tx, scope, at, vec![entry]).await
}

/// Marks the members that an event is about as due, if they are known. A grant that somebody else changed is marked as
/// doubtful: its state in Kisi is read before anything is done.
async fn person(
    tx: &Transaction,
    scope: ClubScope,
    account: &row::KisiAccount,
    event: &Event,
    now: i64,
) -> Result<bool, StoreError> {
    let is_assignment = event.kind != EventKind::Person;
    let kisi_user = if is_assignment {
        event.assignee
    } else {
        event.object
    };
    let mut member_ids = Vec::new();
    if let Some(kisi_id) = kisi_user {
        let user = grants::user_by_kisi_id(tx, scope, account.id, kisi_id).await?;
        member_ids.extend(user.map(|user| user.member_id));
    }
    if member_ids.is_empty()
        && let Some(email) = &event.assignee_email
    {
        let member = members::by_email(tx, scope, email).await?;
        member_ids.extend(member.map(|member| member.id));
    }
    let grant = match event.object.filter(|_| is_assignment) {
        Some(kisi_id) => grants::by_kisi_id(tx, scope, account.id, kisi_id).await?,
        None => None,
    };
    let by_us = event.actor.is_some() && event.actor == account.kisi_user_id;
    if is_assignment && by_us {
        // Most of these events are caused by Latchkey's own calls. A change that is already known or under way is ignored.
        let is_news = match (&grant, event.kind) {
            (Some(grant), EventKind::Unassigned) => grant.intent == Intent::None,
            (Some(_), _) => false,
            (None, EventKind::Unassigned) => false,
            (None, _) => !is_under_way(tx, scope, account.id, &member_ids).await?,
        };
        if !is_news {
            return Ok(false);
        }
    }
    if let Some(grant) = grant {
        member_ids.push(grant.member_id);
        grants::mark_uncertain(tx, scope, grant.id, now).await?;
    }
    member_ids.sort_unstable();
    member_ids.dedup();
    if member_ids.is_empty() {
        return Ok(false);
    }
    due::mark(
        tx,
        scope,
        member_ids,
        now,
        &due::Cause::recurring(due::Recurring::KisiEvent),
    )
    .await
}

/// Whether a call for one of these members is under way, or its outcome is still open.
async fn is_under_way(
    connection: &impl Connection,
    scope: ClubScope,
    account: Uuid,
    members: &[Uuid],
) -> Result<bool, StoreError> {
    let grants = grants::grants_in(connection, scope, account, members).await?;
    Ok(grants.iter().any(|grant| grant.intent != Intent::None))
}
