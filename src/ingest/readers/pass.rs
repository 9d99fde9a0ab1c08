//! One reading of one source: by one process at a time, whole or not at all, and through the same way in as any event. The
//! beginning of the reading is the version of what it says. What goes wrong is put into words on the source, and tried again
//! after a growing pause; nothing is concluded from it.

use std::{sync::Arc, time::Duration};

use access::Instant;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    changes, clubspot,
    collapse::Collapse,
    credentials::Credentials,
    failure::ReadError,
    spacebring::{self, Client},
    teamup,
};
use crate::{
    app::App,
    clock::new_id,
    ingest::batch::Job,
    secret::SecretKind,
    store::{
        Scope, StoreError, leases,
        readings::{self, Done, Reading},
        row::{Platform, ReadingDoubt, Source},
        sources,
    },
};

/// How long one process has a source for itself, and so the longest that a reading may take.
const LEASE: Duration = Duration::from_secs(15 * 60);
const LONGEST: Duration = Duration::from_secs(14 * 60);
/// The least time from one reading to the next, however many events come.
const REST: Duration = Duration::from_secs(30);
/// The first pause after a failure, which doubles each time, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// How many events are handed in at once.
const TOGETHER: usize = 128;
/// How often everything is read where the source does not say.
pub const DAILY_S: i64 = 86_400;

/// Reads a source, unless another process does.
pub async fn read(
    app: &Arc<App>,
    http: &reqwest::Client,
    scope: Scope,
    id: Uuid,
) -> Result<(), StoreError> {
    if !hold(app, &lease(id)).await? {
        return Ok(());
    }
    let outcome = held(app, http, scope, id).await;
    release(app, id).await?;
    outcome
}

/// Lets another process read a source that this one no longer does.
pub async fn give_up(app: &App, id: Uuid) {
    if let Err(problem) = release(app, id).await {
        tracing::warn!(error = ?problem, "a lease could not be given back; it runs out by itself");
    }
}

fn lease(id: Uuid) -> String {
    format!("read:{id}")
}

async fn release(app: &App, id: Uuid) -> Result<(), StoreError> {
    let (name, holder) = (lease(id), app.holder.clone());
    app.db
        .write(move |tx| Box::pin(async move { leases::release(tx, &name, &holder).await }))
        .await
}

async fn hold(app: &App, name: &str) -> Result<bool, StoreError> {
    let (name, holder) = (name.to_owned(), app.holder.clone());
    app.db
        .write(move |tx| {
            Box::pin(async move { leases::hold(tx, &name, &holder, LEASE, false).await })
        })
        .await
}

async fn held(
    app: &Arc<App>,
    http: &reqwest::Client,
    scope: Scope,
    id: Uuid,
) -> Result<(), StoreError> {
    let Some(source) = sources::get(app.db.read(), scope, id).await? else {
        return Ok(());
    };
    let begun = app.clock.now();
    let is_due = source.read_due_at <= begun.micros();
    let is_asked = source.read_asked > source.read_answered;
    // Another process may have read it since it was found.
    if source.removed_at.is_some()
        || source.read_not_before > begun.micros()
        || !(is_due || is_asked)
    {
        return Ok(());
    }
    let read = tokio::time::timeout(LONGEST, take_in(app, http, &source, begun)).await;
    let every = source
        .read_every_s
        .unwrap_or(DAILY_S)
        .saturating_mul(1_000_000);
    let done = Done {
        begun: begun.micros(),
        asked: source.read_asked,
        due_at: source.read_due_at,
        // What only an event asked for does not put off the time that everything is read.
        next: if is_due {
            begun.micros().saturating_add(every)
        } else {
            source.read_due_at
        },
        not_before: begun.plus(REST).micros(),
        doubt: source.reading_doubt,
    };
    match read.unwrap_or(Err(ReadError::TooLong)) {
        Ok(Taken::In(reading)) => {
            let keep = app.db.write(move |tx| {
                Box::pin(async move {
                    readings::keep(tx, scope, id, reading).await?;
                    readings::done(tx, scope, id, done).await
                })
            });
            keep.await
        }
        Ok(Taken::Doubtful(collapse)) => doubt(app, &source, done, &collapse).await,
        Err(problem) => {
            let failures = u32::try_from(source.read_failures).unwrap_or(u32::MAX);
            let pause = FIRST_PAUSE
                .saturating_mul(2_u32.saturating_pow(failures))
                .min(LONGEST_PAUSE);
            let pause = problem.pause().map_or(pause, |after| after.max(pause));
            let until = app.clock.now().plus(pause).micros();
            tracing::warn!(source = %id, error = ?problem, pause_s = pause.as_secs(), "a platform could not be read");
            let words = problem.for_people(name_of(source.platform));
            let fail = app.db.write(move |tx| {
                Box::pin(async move { readings::failed(tx, scope, id, words, until).await })
            });
            fail.await
        }
    }
}

/// Writes down that a reading has collapsed: it is read again, and where that says the same, an admin has to confirm it.
async fn doubt(
    app: &App,
    source: &Source,
    done: Done,
    collapse: &Collapse,
) -> Result<(), StoreError> {
    let (scope, id) = (Scope::new(source.club_id), source.id);
    let is_repeated = source.reading_doubt.is_some();
    let words = collapse.for_people(name_of(source.platform), is_repeated);
    tracing::warn!(source = %id, list = collapse.list, missing = collapse.missing, before = collapse.before, is_repeated, "a reading has collapsed");
    let write = app.db.write(move |tx| {
        Box::pin(async move {
            if is_repeated {
                readings::doubted_again(tx, scope, id, done, words).await
            } else {
                readings::doubted(tx, scope, id, done, words).await
            }
        })
    });
    write.await
}

/// What became of a reading that went well.
enum Taken {
    /// It was handed in, and is to be kept.
    In(Reading),
    /// Nothing was concluded from it.
    Doubtful(Collapse),
}

/// How people call a platform.
pub fn name_of(platform: Platform) -> &'static str {
    match platform {
        Platform::Spacebring => "Spacebring",
        Platform::Teamup => "TeamUp",
        Platform::Clubspot => "Clubspot",
        _ => "The platform",
    }
}

/// Reads everything, and hands in what it says: what differs from what was read before; all of it, once a day, where something else
/// was said meanwhile. What was read, to be kept.
async fn take_in(
    app: &App,
    http: &reqwest::Client,
    source: &Source,
    begun: Instant,
) -> Result<Taken, ReadError> {
    let roster = roster(app, http, source, begun).await?;
    let body = roster.to_string().into_bytes();
    let scope = Scope::new(source.club_id);
    let before = readings::last(app.db.read(), scope, source.id).await?;
    if let Some(collapse) = collapse(app, source, before.as_ref(), &roster).await? {
        return Ok(Taken::Doubtful(collapse));
    }
    let before = before.filter(|before| !before.is_forgotten());
    let whole_at = before.as_ref().map(|before| before.whole_at);
    let is_stale = match whole_at {
        Some(at) if begun.micros() >= at.saturating_add(DAILY_S.saturating_mul(1_000_000)) => {
            readings::contradicted_since(app.db.read(), scope, source.id, at).await?
        }
        _ => false,
    };
    let before = before.filter(|_| !is_stale);
    let before: Option<Value> = before.and_then(|before| serde_json::from_slice(&before.body).ok());
    let changed = before.and_then(|before| changes::between(&before, &roster));
    let whole_at = whole_at
        .filter(|_| changed.is_some())
        .unwrap_or(begun.micros());
    let said = changed.unwrap_or_else(|| vec![("roster.snapshot".to_owned(), roster)]);
    // Of two readings that one clock puts at one instant, the later has the greater id.
    let reading = new_id().simple();
    let jobs = said.into_iter().enumerate();
    let jobs = jobs.map(|(number, (kind, data))| {
        let id = format!("{}{reading}:{number:06}", readings::OURS);
        job(app, source, begun, id, &kind, data)
    });
    let jobs = jobs.collect::<Result<Vec<Job>, ReadError>>()?;
    for some in jobs.chunks(TOGETHER) {
        let stored = join_all(some.iter().cloned().map(|job| app.queue.store(job))).await;
        stored.into_iter().collect::<Result<Vec<_>, _>>()?;
    }
    Ok(Taken::In(Reading {
        read_at: begun.micros(),
        whole_at,
        body,
    }))
}

/// What has collapsed since the last reading, unless an admin confirmed that.
async fn collapse(
    app: &App,
    source: &Source,
    before: Option<&Reading>,
    roster: &Value,
) -> Result<Option<Collapse>, StoreError> {
    if source.reading_doubt == Some(ReadingDoubt::Confirmed) {
        return Ok(None);
    }
    let before = before.and_then(|before| serde_json::from_slice(&before.body).ok());
    if let Some(before) = before {
        return Ok(Collapse::between(&before, roster));
    }
    let scope = Scope::new(source.club_id);
    let known = readings::known_of(app.db.read(), scope, source.id).await?;
    Ok(Collapse::of_first(known, roster))
}

fn job(
    app: &App,
    source: &Source,
    begun: Instant,
    id: String,
    kind: &str,
    data: Value,
) -> Result<Job, ReadError> {
    let said = json!({ "type": kind, "timestamp": begun.timestamp().to_string(), "data": data });
    let body = said.to_string().into_bytes();
    let job = Job::made(source.club_id, source.id, id, body, app.clock.now());
    match &job.event {
        Ok(_) => Ok(job),
        // The field is named by our words, and what it holds is a person's: not for the log.
        Err(wrong) => Err(ReadError::odd(
            kind,
            wrong.field.clone().unwrap_or_else(|| "its form".to_owned()),
        )),
    }
}

async fn roster(
    app: &App,
    http: &reqwest::Client,
    source: &Source,
    begun: Instant,
) -> Result<Value, ReadError> {
    let no_use = || {
        ReadError::Settings(
            "The credentials are not this platform's: give the source new ones (updateSource)."
                .to_owned(),
        )
    };
    let sealed = source.credentials.as_ref().ok_or_else(no_use)?;
    let credentials = Credentials::of_text(&app.sealer.open(
        SecretKind::SourceCredentials,
        source.id,
        sealed,
    )?)
    .ok_or_else(no_use)?;
    let (http, config) = (http.clone(), &app.config);
    match &credentials {
        Credentials::Spacebring {
            client_id,
            client_secret,
            location,
        } => {
            let client = Client {
                id: client_id,
                secret: client_secret,
                location: location.as_deref(),
            };
            spacebring::read(http, config.spacebring_url.clone(), client, begun).await
        }
        Credentials::Teamup { token, provider } => {
            teamup::read(
                http,
                config.teamup_url.clone(),
                token,
                provider.as_deref(),
                begun,
            )
            .await
        }
        Credentials::Clubspot { api_key, club } => {
            clubspot::read(http, config.clubspot_url.clone(), api_key, club).await
        }
    }
}
