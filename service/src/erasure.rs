//! Erasure of people in two phases. An admin's request suspends the member, so that the loop takes all access away. Once nothing of
//! the member is open in Kisi, this loop removes the personal data. Kisi's user stays: it belongs to the club.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    app::App,
    clock::new_id,
    ingest::erased_people,
    running::{BackgroundLoop, is_stopping},
    store::{
        ClubScope, Connection, StoreError, clubs,
        due::{self, Cause},
        erasure::{self, ERASED, Erased, Identifiers},
        history::{self, Entry},
        overrides, row,
    },
    transaction,
};

/// How often the loop looks for members without a wake-up.
const LOOK_AROUND: Duration = Duration::from_secs(5);
/// How many deliveries are searched at a time.
const AT_ONCE: u64 = 100;
/// The shortest id or name that is searched for in bodies: shorter ones occur in bodies about anybody.
const SHORTEST: usize = 5;

/// Begins to erase a member in the caller's transaction: ends all access. False if the club has no such member.
pub async fn begin(
    connection: &impl Connection,
    scope: ClubScope,
    member: Uuid,
    (actor, now): (&str, i64),
) -> Result<bool, StoreError> {
    clubs::touch(connection, scope).await?;
    let state = row::ErasureState::EndingAccess;
    if !erasure::set_state(connection, scope, member, state).await? {
        return Ok(false);
    }
    let suspension = row::Suspension {
        id: new_id(),
        club_id: scope.club,
        member_id: member,
        reason: ERASED.to_owned(),
        until_at: None,
        actor: Some(actor.to_owned()),
        learned_at: now,
        superseded_at: None,
    };
    overrides::suspend(connection, suspension).await?;
    for share in overrides::shares_of(connection, scope, &[member]).await? {
        overrides::end_share(connection, scope, share.id, now).await?;
    }
    let cause = Cause::exempt("the member is being erased").by(actor);
    due::mark(connection, scope, [member], now, &cause).await?;
    let entry = Entry {
        kind: row::HistoryKind::Suspended,
        member: Some(member),
        target: None,
        cause: "an erasure".to_owned(),
        delivery: None,
        rule: None,
        actor: Some(actor.to_owned()),
        message: "All access ends, because the member is being erased.".to_owned(),
    };
    history::write(connection, scope, now, vec![entry]).await?;
    Ok(true)
}

/// Starts the loop.
pub fn start(app: Arc<App>) -> BackgroundLoop {
    BackgroundLoop::start(|stopping| run(app, stopping))
}

async fn run(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    while !is_stopping(&stopping) {
        let woken = app.db.next_commit();
        if let Err(problem) = look(&app, &stopping).await {
            tracing::error!(error = ?problem, "an erasure could not be completed; trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AROUND) => {}
            () = paused(woken) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Waits for a commit, and a moment longer, so that many commits cause few looks.
async fn paused(woken: impl Future<Output = ()>) {
    woken.await;
    tokio::time::sleep(Duration::from_millis(250)).await;
}

async fn look(app: &App, stopping: &watch::Receiver<bool>) -> Result<(), StoreError> {
    for (club, member) in erasure::pending(app.db.read()).await? {
        let scope = ClubScope::new(club);
        if is_stopping(stopping) || erasure::is_open(app.db.read(), scope, member).await? {
            continue;
        }
        complete(app, scope, member).await?;
    }
    Ok(())
}

/// Removes the bodies about the member in small steps, and then everything else in one transaction. A process that stops in
/// between begins again; its report counts the bodies of the last attempt.
async fn complete(app: &App, scope: ClubScope, member: Uuid) -> Result<(), StoreError> {
    let known = identifiers(app.db.read(), scope, member).await?;
    let bodies = erase_bodies(app, scope, member, &known).await?;
    let now = app.clock.now().micros();
    transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        // An event may have marked the member again.
        if erasure::is_open(tx, scope, member).await? {
            return Ok(());
        }
        // What came meanwhile counts as well.
        let known = identifiers(tx, scope, member).await?;
        erasure::insert_marks(tx, erased_people::marks(scope, member, &known)).await?;
        let late = erasure::deliveries_of(tx, scope, member).await?;
        erasure::erase_bodies(tx, scope, &late).await?;
        let erased = erasure::erase(tx, scope, member, now).await?;
        let report = report(Erased { bodies, ..erased });
        erasure::set_report(tx, scope, member, &report).await
    })
    .await
}

/// What identifies the member alone: without addresses that somebody else has now.
async fn identifiers(
    connection: &impl Connection,
    scope: ClubScope,
    member: Uuid,
) -> Result<Identifiers, StoreError> {
    let mut known = erasure::identifiers(connection, scope, member).await?;
    let of_others = erasure::emails_of_others(connection, scope, member, &known.emails).await?;
    known.emails.retain(|email| !of_others.contains(email));
    Ok(known)
}

fn report(erased: Erased) -> String {
    let Erased {
        people,
        entitlements,
        history,
        bodies,
    } = erased;
    let report = json!({
        "people": people, "entitlements": entitlements, "historyEntries": history, "bodies": bodies,
    });
    report.to_string()
}

/// Removes the bodies of deliveries about the member, and of others that contain an id, an address or a name, such as those that
/// failed. Returns their number.
async fn erase_bodies(
    app: &App,
    scope: ClubScope,
    member: Uuid,
    known: &Identifiers,
) -> Result<usize, StoreError> {
    let needles = needles(known);
    let mut found = erasure::deliveries_of(app.db.read(), scope, member).await?;
    let mut after = Uuid::nil();
    loop {
        let texts = erasure::texts_after(app.db.read(), scope, after, AT_ONCE).await?;
        let Some(last) = texts.last() else { break };
        after = last.id;
        for delivery in &texts {
            let messages = [&delivery.problem, &delivery.warnings]
                .into_iter()
                .flatten();
            let body = strings(&delivery.body);
            let all = messages.chain(&body);
            if all.into_iter().any(|text| contains(text, &needles)) {
                found.push(delivery.id);
            }
        }
        tokio::task::yield_now().await;
    }
    found.sort_unstable();
    found.dedup();
    for chunk in found.chunks(500) {
        let ids = chunk.to_vec();
        let done: Result<(), StoreError> =
            transaction!(app.db, |tx| erasure::erase_bodies(tx, scope, &ids).await).await;
        done?;
    }
    Ok(found.len())
}

/// The texts that identify the person, in lower case.
fn needles(known: &Identifiers) -> Vec<String> {
    let ids = known.ids.iter().map(|(_, id)| id);
    let entitlements = known.entitlements.iter().map(|(_, id)| id);
    let long = ids.chain(entitlements).chain(&known.names);
    let long = long.filter(|text| text.chars().count() >= SHORTEST);
    let all = long.chain(&known.emails).map(|text| text.to_lowercase());
    all.collect()
}

fn contains(text: &str, needles: &[String]) -> bool {
    let text = text.to_lowercase();
    needles.iter().any(|needle| text.contains(needle.as_str()))
}

/// The strings of a JSON body; of another one, the body itself.
fn strings(body: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    match serde_json::from_slice::<Value>(body) {
        Ok(json) => collect(json, &mut texts),
        Err(_) => texts.push(String::from_utf8_lossy(body).into_owned()),
    }
    texts
}

fn collect(json: Value, texts: &mut Vec<String>) {
    let mut left = vec![json];
    while let Some(next) = left.pop() {
        match next {
            Value::String(text) => texts.push(text),
            Value::Number(number) => texts.push(number.to_string()),
            Value::Array(items) => left.extend(items),
            Value::Object(fields) => {
                for (name, value) in fields {
                    texts.push(name);
                    left.push(value);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}
