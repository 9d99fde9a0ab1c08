//! Takes an event in: one transaction that notes it, tells it in the history or marks who is to be looked at. Decides
//! nothing and asks Kisi nothing.

use uuid::Uuid;

use super::{
    echo,
    event::{Event, What},
};
use crate::{
    app::App,
    clock::new_id,
    store::{
        Connection, Scope, StoreError, Transaction, due, grants, history,
        history::Entry,
        kisi_accounts, listeners, members,
        row::{self, HistoryKind, Intent, ScopeKind},
        setup,
    },
};

/// Takes an event in; true where the loop has something to look at.
pub async fn take_in(
    app: &App,
    listener: row::KisiListener,
    event: Event,
) -> Result<bool, StoreError> {
    let now = app.clock.now().micros();
    app.db
        .write(move |tx| Box::pin(async move { within(tx, &listener, &event, now).await }))
        .await
}

async fn within(
    tx: &Transaction,
    listener: &row::KisiListener,
    event: &Event,
    now: i64,
) -> Result<bool, StoreError> {
    let (scope, id) = (Scope::new(listener.club_id), listener.account_id);
    let note = row::KisiEvent {
        account_id: id,
        event_key: event.key.clone(),
        club_id: scope.club,
        receipt: new_id(),
        received_at: now,
    };
    if !listeners::note(tx, scope, note).await? {
        return Ok(false);
    }
    let Some(account) = kisi_accounts::get(tx, scope, id).await? else {
        return Ok(false);
    };
    match event.what {
        What::Unlock => {
            unlock(tx, scope, &account, event, now).await?;
            Ok(false)
        }
        What::Assigned | What::Unassigned | What::Person => {
            person(tx, scope, &account, event, now).await
        }
        What::IntegrationOff if listener.kisi_id.is_some() && event.object == listener.kisi_id => {
            listeners::set(tx, scope, id, listener.kisi_id, false).await?;
            kisi_accounts::read_due(tx, id, now).await?;
            Ok(true)
        }
        What::Setup | What::Integration => {
            kisi_accounts::read_due(tx, id, now).await?;
            Ok(true)
        }
        What::IntegrationOff | What::Other => Ok(false),
    }
}

/// Who did it: our row of the person in Kisi where that is known, and the member.
async fn actor(
    connection: &impl Connection,
    scope: Scope,
    account: Uuid,
    event: &Event,
) -> Result<(Option<Uuid>, Option<row::Member>), StoreError> {
    if let Some(kisi_id) = event.actor
        && let Some(user) = grants::user_by_kisi_id(connection, scope, account, kisi_id).await?
    {
        let member = members::get(connection, scope, user.member_id).await?;
        return Ok((Some(user.id), member));
    }
    let member = match &event.actor_email {
        Some(email) => members::by_email(connection, scope, email).await?,
        None => None,
    };
    Ok((None, member))
}

/// Tells an unlock in the history, unless it is a press of ours that is told already.
async fn unlock(
    tx: &Transaction,
    scope: Scope,
    account: &row::KisiAccount,
    event: &Event,
    now: i64,
) -> Result<(), StoreError> {
    let lock = match event.object {
        Some(kisi_id) => setup::lock_by_kisi_id(tx, scope, account.id, kisi_id).await?,
        None => None,
    };
    let Some(lock) = lock else {
        // A door that this account does not look after.
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
            echo::Echo::Told => return Ok(()),
            echo::Echo::News(press) => {
                member = members::get(tx, scope, press.member_id).await?;
                who = Some(press.actor);
            }
            echo::Echo::NotOurs => {}
        }
    }
    let name = match (&member, &event.actor_name) {
        (Some(member), _) => member.name.clone(),
        (None, Some(name)) => name.clone(),
        (None, None) => "Somebody".to_owned(),
    };
    let (kind, message) = if event.success {
        (
            HistoryKind::Unlocked,
            format!("{name} opened {}", lock.name),
        )
    } else {
        let why = event.why.as_deref().unwrap_or("Kisi does not say why");
        let message = format!("{} did not open for {name}: {why}", lock.name);
        (HistoryKind::UnlockDenied, message)
    };
    let entry = Entry {
        kind,
        member: member.map(|member| member.id),
        target: Some((ScopeKind::Lock, lock.id)),
        cause: "an event that Kisi sent".to_owned(),
        delivery: None,
        rule: None,
        actor: who,
        message,
    };
    history::write(tx, scope, at, vec![entry]).await
}

/// Marks whom an event is about, where that can be found. A grant of ours that somebody else touched is in doubt: what Kisi
/// holds is read before anything is done.
async fn person(
    tx: &Transaction,
    scope: Scope,
    account: &row::KisiAccount,
    event: &Event,
    now: i64,
) -> Result<bool, StoreError> {
    let is_assignment = event.what != What::Person;
    let kisi_user = if is_assignment {
        event.assignee
    } else {
        event.object
    };
    let mut found = Vec::new();
    if let Some(kisi_id) = kisi_user {
        let user = grants::user_by_kisi_id(tx, scope, account.id, kisi_id).await?;
        found.extend(user.map(|user| user.member_id));
    }
    if found.is_empty()
        && let Some(email) = &event.assignee_email
    {
        let member = members::by_email(tx, scope, email).await?;
        found.extend(member.map(|member| member.id));
    }
    let grant = match event.object.filter(|_| is_assignment) {
        Some(kisi_id) => grants::by_kisi_id(tx, scope, account.id, kisi_id).await?,
        None => None,
    };
    let by_us = event.actor.is_some() && event.actor == account.kisi_user_id;
    if is_assignment && by_us {
        // Most of these are this service's own calls. What is known already, or is being done, is no news.
        let is_news = match (&grant, event.what) {
            (Some(grant), What::Unassigned) => grant.intent == Intent::None,
            (Some(_), _) => false,
            (None, What::Unassigned) => false,
            (None, _) => !is_under_way(tx, scope, account.id, &found).await?,
        };
        if !is_news {
            return Ok(false);
        }
    }
    if let Some(grant) = grant {
        found.push(grant.member_id);
        grants::doubt(tx, scope, grant.id, now).await?;
    }
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        return Ok(false);
    }
    due::mark(
        tx,
        scope,
        found,
        now,
        &due::Cause::judged("a change in Kisi"),
    )
    .await
}

/// Whether a call about one of these members is being made, or its answer is awaited.
async fn is_under_way(
    connection: &impl Connection,
    scope: Scope,
    account: Uuid,
    members: &[Uuid],
) -> Result<bool, StoreError> {
    let held = grants::grants_in(connection, scope, account, members).await?;
    Ok(held.iter().any(|grant| grant.intent != Intent::None))
}
