//! Announces problems of sources and Kisi accounts to the endpoints that subscribe to them: once when a problem begins and once when
//! it ends. The problems are compared with those that were announced, so that none is announced twice or forgotten, whatever
//! caused it and whichever process saw it. Clubs without such endpoints cost nothing.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use super::schedule;
use crate::{
    app::App,
    id::{self, Kind},
    ingest::problems,
    running::is_stopping,
    store::{
        ClubScope, StoreError,
        announced_problems::{self, Announced},
        clubs,
        convert::kinds::db_value,
        kisi_accounts,
        row::{KisiStatus, OutboundEvent},
        sources, webhook_endpoints,
        webhook_messages::{self, Event},
    },
    transaction,
};

/// How often problems are looked for.
const INTERVAL: Duration = Duration::from_secs(60);
/// The events of this module.
const EVENTS: [OutboundEvent; 2] = [OutboundEvent::SourceProblem, OutboundEvent::AccountProblem];

pub(super) async fn run(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    while !is_stopping(&stopping) {
        if let Err(problem) = announce_all(&app).await {
            tracing::error!(error = ?problem, "problems could not be announced to endpoints; trying again in a minute");
        }
        if let Err(problem) = expire(&app).await {
            tracing::error!(error = ?problem, "old messages to endpoints could not be given up; trying again in a minute");
        }
        tokio::select! {
            () = app.clock.sleep(INTERVAL) => {}
            _ = stopping.changed() => return,
        }
    }
}

/// Announces what began and what ended, in all clubs.
///
/// # Errors
/// If the clubs cannot be read.
pub(super) async fn announce_all(app: &App) -> Result<(), StoreError> {
    for scope in webhook_endpoints::subscribed_clubs(app.db.read(), &EVENTS).await? {
        // What fails in one club is no reason to leave out the next.
        if let Err(problem) = announce(app, scope).await {
            tracing::error!(error = ?problem, club = %scope.club, "the problems of a club could not be announced");
        }
    }
    Ok(())
}

/// Gives up messages whose attempts should have ended, such as those behind many others of an endpoint that never answers.
async fn expire(app: &App) -> Result<(), StoreError> {
    let now = app.clock.now();
    let (since, now) = (now.minus(schedule::LONGEST).micros(), now.micros());
    if !webhook_messages::has_expired(app.db.read(), since).await? {
        return Ok(());
    }
    let expired: Result<u64, StoreError> =
        transaction!(app.db, |tx| webhook_messages::expire(tx, since, now).await).await;
    tracing::warn!(messages = expired?, "gave up old messages to endpoints");
    Ok(())
}

async fn announce(app: &App, scope: ClubScope) -> Result<(), StoreError> {
    let now = app.clock.now().micros();
    let current = current(app, scope, now).await?;
    let announced = announced_problems::all(app.db.read(), scope).await?;
    if is_announced(&current, &announced) {
        return Ok(());
    }
    transaction!(app.db, |tx| {
        // Others that announce for the club wait here.
        clubs::lock(tx, scope).await?;
        let announced = announced_problems::all(tx, scope).await?;
        let changes = changes(scope, current, announced, now);
        announced_problems::add(tx, changes.begun).await?;
        for (subject, code) in &changes.ended {
            announced_problems::remove(tx, scope, *subject, code).await?;
        }
        webhook_messages::send(tx, scope, &changes.events).await
    })
    .await
}

/// The problems of a club by subject and code.
type Problems = BTreeMap<(Uuid, String), Problem>;

struct Problem {
    event: OutboundEvent,
    message: String,
    since: i64,
}

async fn current(app: &App, scope: ClubScope, now: i64) -> Result<Problems, StoreError> {
    let mut all = Problems::new();
    let sources = sources::all(app.db.read(), scope).await?;
    for (source, found) in problems::of(app, scope, &sources, now).await? {
        for problem in found {
            let key = (source, db_value(&problem.kind));
            all.insert(
                key,
                Problem {
                    event: OutboundEvent::SourceProblem,
                    message: problem.message,
                    since: problem.since,
                },
            );
        }
    }
    for account in kisi_accounts::all(app.db.read(), scope).await? {
        let is_leaving = matches!(
            account.status,
            KisiStatus::Disconnecting | KisiStatus::Disconnected
        );
        if let Some(message) = account.problem.filter(|_| !is_leaving) {
            let key = (account.id, db_value(&account.status));
            all.insert(
                key,
                Problem {
                    event: OutboundEvent::AccountProblem,
                    message,
                    since: now,
                },
            );
        }
    }
    Ok(all)
}

fn is_announced(current: &Problems, announced: &[Announced]) -> bool {
    let key = |row: &Announced| (row.subject_id, row.problem.clone());
    current.len() == announced.len() && announced.iter().all(|row| current.contains_key(&key(row)))
}

struct Changes {
    begun: Vec<Announced>,
    ended: Vec<(Uuid, String)>,
    events: Vec<Event>,
}

fn changes(
    scope: ClubScope,
    mut current: Problems,
    announced: Vec<Announced>,
    now: i64,
) -> Changes {
    let mut changes = Changes {
        begun: Vec::new(),
        ended: Vec::new(),
        events: Vec::new(),
    };
    for row in announced {
        let key = (row.subject_id, row.problem);
        if current.remove(&key).is_none() {
            // Only accounts have codes of the status of a connection.
            let status: Option<KisiStatus> = crate::store::convert::kinds::stored(&key.1);
            let event = match status {
                Some(_) => OutboundEvent::AccountProblem,
                None => OutboundEvent::SourceProblem,
            };
            changes
                .events
                .push(event_of(event, &key, ("ENDED", None), now));
            changes.ended.push(key);
        }
    }
    for (key, problem) in current {
        let state = ("BEGAN", Some(problem.message));
        changes
            .events
            .push(event_of(problem.event, &key, state, now));
        let (subject_id, problem_code) = key;
        changes.begun.push(Announced {
            subject_id,
            problem: problem_code,
            club_id: scope.club,
            since: problem.since,
        });
    }
    changes
}

fn event_of(
    event: OutboundEvent,
    (subject, code): &(Uuid, String),
    (state, message): (&str, Option<String>),
    at: i64,
) -> Event {
    let (field, kind) = match event {
        OutboundEvent::AccountProblem => ("kisiAccount", Kind::KisiAccount),
        _ => ("source", Kind::Source),
    };
    Event {
        kind: event,
        at,
        member: None,
        data: json!({
            field: id::encode(kind, *subject),
            "problem": code,
            "state": state,
            "message": message,
        }),
    }
}
