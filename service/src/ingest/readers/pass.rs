//! One reading of one source: by one process at a time, complete or not at all, and stored through the same queue as any event.
//! The start of the reading is the version of its events. Pages are not kept: lists move while they are read, so that a reading
//! whose process died starts from the beginning. After a failure, the source gets a problem text and the reading is
//! tried again after a growing pause; nothing of it is used.

use std::{sync::Arc, time::Duration};

use access::Instant;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    changes, check_ins, clubspot, collapse::Collapse, failure::ReadError,
    platform_api::PlatformApi, requests::Requests, spacebring, teamup,
};
use crate::{
    app::App,
    clock::new_id,
    ingest::batch::Job,
    jitter::spread,
    lease::{Claim, Lease, LeaseTerms},
    store::{
        ClubScope, StoreError, lookup,
        readings::{self, Problem, ReadRecord, Reading},
        row::{self, Platform, ReadingDoubt, Source, SourceProblemKind},
    },
    transaction,
};

/// The maximum duration of a reading.
const LONGEST: Duration = Duration::from_secs(14 * 60);
/// The minimum time between two readings, however many events come.
const MIN_INTERVAL: Duration = Duration::from_secs(30);
/// The first pause after a failure; it doubles each time up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// How many events are queued at once.
const QUEUE_CHUNK: usize = 128;
/// The parts of a reading that are not parts of a roster.
const KEPT: [&str; 3] = [teamup::STANDINGS, spacebring::NETWORK, clubspot::UNKNOWN];
/// The default interval of complete readings, in seconds.
pub const DAILY_S: i64 = 86_400;

/// Reads a source if it is due, unless another process holds its lease, or until the program stops.
pub async fn read(
    app: &Arc<App>,
    http: &reqwest::Client,
    scope: ClubScope,
    id: Uuid,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), StoreError> {
    let terms = LeaseTerms::of_reading(&app.db);
    let name = format!("read:{id}");
    let Some(lease) = Lease::take(&app.db, name, &app.holder, terms).await? else {
        return Ok(());
    };
    let outcome = tokio::select! {
        outcome = work(app, http, scope, id, &lease) => outcome,
        () = lease.lost() => {
            tracing::warn!(source = %id, "the lease was lost during a reading; its result is not used, and the source is read again");
            Ok(())
        }
        _ = stopping.changed() => Ok(()),
    };
    lease.release().await;
    outcome
}

/// Sends the check-ins that are due, then reads: people come to a door one by one, while a reading may last for minutes.
async fn work(
    app: &Arc<App>,
    http: &reqwest::Client,
    scope: ClubScope,
    id: Uuid,
    lease: &Lease,
) -> Result<(), StoreError> {
    check_ins::send(app, http, scope, id, lease).await?;
    read_with_lease(app, http, scope, id, lease).await
}

async fn read_with_lease(
    app: &Arc<App>,
    http: &reqwest::Client,
    scope: ClubScope,
    id: Uuid,
    lease: &Lease,
) -> Result<(), StoreError> {
    let Some(source) = lookup::by_id::<row::Source>(app.db.read(), scope, id).await? else {
        return Ok(());
    };
    let begun = app.clock.now();
    let is_due = source.read_due_at <= begun.micros();
    let is_asked = source.read_asked > source.read_answered;
    // Another process may have read it since it was found due.
    if source.removed_at.is_some()
        || source.credentials.is_none()
        || source.read_not_before > begun.micros()
        || !(is_due || is_asked)
    {
        return Ok(());
    }
    let requests = Requests::load(&app.db, &source, is_due).await?;
    let reading = read_and_store(app, http, &source, begun, &requests, lease);
    let read = tokio::time::timeout(LONGEST, reading).await;
    let every = u64::try_from(source.read_every_s.unwrap_or(DAILY_S)).unwrap_or_default();
    let every = spread(Duration::from_secs(every), id);
    let done = ReadRecord {
        begun: begun.micros(),
        asked: source.read_asked,
        due_at: source.read_due_at,
        // A reading that only an event asked for does not postpone the scheduled one.
        next: if is_due {
            begun.plus(every).micros()
        } else {
            source.read_due_at
        },
        not_before: begun.plus(MIN_INTERVAL).micros(),
        doubt: source.reading_doubt,
    };
    let answered = requests.ids;
    match read.unwrap_or(Err(ReadError::TimedOut)) {
        Ok(ReadOutcome::In {
            reading,
            pause,
            unknown,
        }) => {
            let done = ReadRecord {
                not_before: begun.plus(pause).micros(),
                ..done
            };
            let claim = lease.claim();
            let unknown = unknown.map(|(statuses, text)| {
                let kind = SourceProblemKind::UnknownStatuses;
                (statuses, problem(&source, kind, text, begun.micros()))
            });
            let keep = transaction!(app.db, |tx| {
                if !claim.is_held(tx).await? {
                    return Ok(());
                }
                if let Some(reading) = reading {
                    readings::store(tx, scope, id, reading).await?;
                }
                readings::delete_requests(tx, scope, id, Some(&answered)).await?;
                readings::record_success(tx, scope, id, done, unknown).await
            });
            keep.await
        }
        Ok(ReadOutcome::Collapsed(collapse)) => {
            record_collapse(app, &source, done, &collapse, lease.claim()).await
        }
        Err(failure) => record_failure(app, &source, &failure, lease.claim()).await,
    }
}

/// A problem that is found now; one of the same kind has lasted since it began.
fn problem(source: &Source, kind: SourceProblemKind, text: String, now: i64) -> Problem {
    let is_same = source.problem_kind == Some(kind);
    Problem {
        kind,
        since: source.problem_since.filter(|_| is_same).unwrap_or(now),
        text,
    }
}

/// Records a failed reading, which is repeated after a pause.
async fn record_failure(
    app: &App,
    source: &Source,
    failure: &ReadError,
    claim: Claim,
) -> Result<(), StoreError> {
    let (scope, id) = (ClubScope::new(source.club_id), source.id);
    let failures = u32::try_from(source.read_failures).unwrap_or(u32::MAX);
    let pause = FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(failures))
        .min(LONGEST_PAUSE);
    let pause = failure.pause().map_or(pause, |after| after.max(pause));
    let now = app.clock.now();
    let until = now.plus(pause).micros();
    tracing::warn!(source = %id, error = ?failure, pause_s = pause.as_secs(), "a platform could not be read; trying again after the pause");
    let text = failure.user_message(name_of(source.platform));
    let problem = problem(source, failure.kind(), text, now.micros());
    let fail = transaction!(app.db, |tx| {
        if !claim.is_held(tx).await? {
            return Ok(());
        }
        readings::record_failure(tx, scope, id, problem, until).await
    });
    fail.await
}

/// Records a collapsed reading: the source is read again, and if that gives the same result, an admin has to confirm it.
async fn record_collapse(
    app: &App,
    source: &Source,
    done: ReadRecord,
    collapse: &Collapse,
    claim: Claim,
) -> Result<(), StoreError> {
    let (scope, id) = (ClubScope::new(source.club_id), source.id);
    let is_repeated = source.reading_doubt.is_some();
    let text = collapse.for_people(name_of(source.platform), is_repeated);
    let kind = SourceProblemKind::ReadingCollapsed;
    let problem = problem(source, kind, text, app.clock.now().micros());
    tracing::warn!(source = %id, list = collapse.list, missing = collapse.missing, before = collapse.before, is_repeated, "a reading has collapsed and is not used");
    let write = transaction!(app.db, |tx| {
        if !claim.is_held(tx).await? {
            return Ok(());
        }
        if is_repeated {
            readings::record_second_doubt(tx, scope, id, done, problem).await
        } else {
            readings::record_first_doubt(tx, scope, id, done, problem).await
        }
    });
    write.await
}

/// The result of a successful reading.
enum ReadOutcome {
    /// Its events were stored. The reading is kept for the next comparison; none if it is equal to the last one.
    In {
        reading: Option<Reading>,
        /// The time until the next reading may begin.
        pause: Duration,
        /// The statuses of memberships without a known meaning, as JSON, and a text for people.
        unknown: Option<(String, String)>,
    },
    /// It has collapsed, so nothing of it was used.
    Collapsed(Collapse),
}

/// The platform's name in texts for people.
pub fn name_of(platform: Platform) -> &'static str {
    match platform {
        Platform::Spacebring => "Spacebring",
        Platform::Teamup => "TeamUp",
        Platform::Clubspot => "Clubspot",
        _ => "The platform",
    }
}

/// Reads what is requested, and stores the differences from the last reading; at most once a day it stores a whole snapshot
/// instead, if events contradicted the last one meanwhile.
async fn read_and_store(
    app: &App,
    http: &reqwest::Client,
    source: &Source,
    begun: Instant,
    requests: &Requests,
    lease: &Lease,
) -> Result<ReadOutcome, ReadError> {
    let scope = ClubScope::new(source.club_id);
    let before = readings::last(app.db.read(), scope, source.id).await?;
    let api = PlatformApi::open(app, http, source)?;
    if let Some(objects) = &requests.objects
        && let Some(last) = before.as_ref().filter(|before| !before.needs_full())
        && let Ok(lists) = serde_json::from_slice::<Value>(&last.body)
        && let Some(next) = api.read_objects(begun, objects, &lists).await?
        && let Some(events) = changes::between(&lists, &next)
    {
        store_events(app, source, begun, events, lease).await?;
        return Ok(ReadOutcome::In {
            reading: Some(Reading {
                read_at: begun.micros(),
                whole_at: last.whole_at,
                body: next.to_string().into_bytes(),
            }),
            pause: api.pause_after_calls(),
            unknown: None,
        });
    }
    let last = before.as_ref().map(|last| last.body.as_slice());
    let roster = api.read(begun, last).await?;
    let body = roster.to_string().into_bytes();
    let unknown = unknown_statuses(&roster, source.platform);
    let known = before.as_ref().filter(|before| !before.needs_full());
    let whole_at = known.map(|before| before.whole_at);
    let is_stale = match whole_at {
        Some(at) if begun.micros() >= at.saturating_add(DAILY_S.saturating_mul(1_000_000)) => {
            readings::has_other_deliveries_since(app.db.read(), scope, source.id, at).await?
        }
        _ => false,
    };
    let known = known.filter(|_| !is_stale);
    let pause = MIN_INTERVAL;
    if known.is_some_and(|last| last.body == body) {
        return Ok(ReadOutcome::In {
            reading: None,
            pause,
            unknown,
        });
    }
    let is_comparable = known.is_some();
    let last: Option<Value> = before.and_then(|last| serde_json::from_slice(&last.body).ok());
    if let Some(collapse) = collapse(app, source, last.as_ref(), &roster).await? {
        return Ok(ReadOutcome::Collapsed(collapse));
    }
    let changed = last
        .as_ref()
        .filter(|_| is_comparable)
        .and_then(|last| changes::between(last, &roster));
    let whole_at = whole_at
        .filter(|_| changed.is_some())
        .unwrap_or(begun.micros());
    let events = changed.unwrap_or_else(|| vec![snapshot(last.as_ref(), roster)]);
    store_events(app, source, begun, events, lease).await?;
    Ok(ReadOutcome::In {
        reading: Some(Reading {
            read_at: begun.micros(),
            whole_at,
            body,
        }),
        pause,
        unknown,
    })
}

/// The event with everything that was read.
pub fn snapshot(last: Option<&Value>, mut roster: Value) -> (String, Value) {
    let withdrawn = last.map(|last| changes::withdrawn_offerings(last, &roster));
    if let Some(lists) = roster.as_object_mut() {
        for kept in KEPT {
            lists.remove(kept);
        }
        if let Some(Value::Array(offerings)) = lists.get_mut(changes::OFFERINGS) {
            offerings.extend(withdrawn.unwrap_or_default());
        }
    }
    ("roster.snapshot".to_owned(), roster)
}

fn unknown_statuses(roster: &Value, platform: Platform) -> Option<(String, String)> {
    let unknown = roster.get(clubspot::UNKNOWN)?.as_object()?;
    let named: Vec<String> = unknown
        .iter()
        .map(|(status, count)| format!("“{status}” ({count})"))
        .collect();
    let words = format!(
        "{} gives memberships statuses without a known meaning: {}. These memberships stay as they were. Say what the statuses \
         mean (updateSource, statusMappings).",
        name_of(platform),
        named.join(", ")
    );
    let statuses = serde_json::to_string(unknown).ok()?;
    (!unknown.is_empty()).then_some((statuses, words))
}

/// Stores what a reading found as events of its time.
async fn store_events(
    app: &App,
    source: &Source,
    begun: Instant,
    events: Vec<(String, Value)>,
    lease: &Lease,
) -> Result<(), ReadError> {
    // If two readings have the same time, the later one has the greater id and so the later version.
    let reading = new_id().simple();
    let jobs = events.into_iter().enumerate();
    let jobs = jobs.map(|(number, (kind, data))| {
        let id = format!("{}{reading}:{number:06}", readings::READING_ID_PREFIX);
        job(app, source, begun, id, &kind, data)
    });
    let jobs = jobs.collect::<Result<Vec<Job>, ReadError>>()?;
    for chunk in jobs.chunks(QUEUE_CHUNK) {
        if !lease.is_held() {
            return Err(ReadError::TimedOut);
        }
        let stored = join_all(chunk.iter().cloned().map(|job| app.queue.store(job))).await;
        stored.into_iter().collect::<Result<Vec<_>, _>>()?;
    }
    Ok(())
}

/// The collapse since the last reading, unless an admin has confirmed it.
async fn collapse(
    app: &App,
    source: &Source,
    last: Option<&Value>,
    roster: &Value,
) -> Result<Option<Collapse>, StoreError> {
    if source.reading_doubt == Some(ReadingDoubt::Confirmed) {
        return Ok(None);
    }
    if let Some(last) = last {
        return Ok(Collapse::between(last, roster));
    }
    let scope = ClubScope::new(source.club_id);
    let known = readings::counts(app.db.read(), scope, source.id).await?;
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
    let job = Job::canonical(source.club_id, source.id, id, body, app.clock.now());
    match &job.event {
        Ok(_) => Ok(job),
        // The field is one of our own names, but its value is personal data, which must not get into the log.
        Err(wrong) => Err(ReadError::odd(
            kind,
            wrong
                .field
                .clone()
                .unwrap_or_else(|| "its structure".to_owned()),
        )),
    }
}
