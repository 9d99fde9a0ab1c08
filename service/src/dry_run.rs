//! Dry run of a delivery: applies it to a copy of the club in an in-memory database and compares everybody's access. The club's
//! own data is not changed, no writer waits, and the result comes from the same code as a real delivery. Called by the dry run of
//! an import.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use access::{Brake, Instant, Span, SpanSet, Target};
use uuid::Uuid;

use crate::{
    decide::{AccessContext, around},
    ingest::batch::{self, Job},
    store::{
        ClubScope, Connection, Db, StoreError, clubs,
        convert::{self, row_id},
        facts::{self, AsOf},
        lookup, members, revocations, row, scratch,
    },
    transaction,
};

/// How many members are evaluated at once, to bound memory.
const CHUNK: usize = 2_000;

/// The changes that a delivery would cause.
#[derive(Debug, Default)]
pub struct DryRun {
    /// Members whose access would change, by name.
    pub changes: Vec<Change>,
    /// How many members would be created.
    pub new_members: usize,
    pub brake: BrakeForecast,
}

/// The changes of one member's access within the weeks around now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    pub name: String,
    pub email: Option<String>,
    /// Names of the groups and locks where access begins or grows.
    pub gains: Vec<String>,
    /// Names of the groups and locks where access ends or shrinks.
    pub loses: Vec<String>,
}

/// What the brake would do about the access that would be lost at once, given the revocations so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrakeForecast {
    /// People who have access in Kisi and would lose all or part of it early.
    pub losing: u64,
    /// How many more people may lose access within the brake's window.
    pub left: u64,
    /// The brake would hold these revocations.
    pub holds: bool,
    pub is_on: bool,
}

/// Returns the changes that a delivery would cause, and writes nothing to `db`.
pub async fn dry_run(
    db: &Db,
    scope: ClubScope,
    job: Job,
    now: Instant,
) -> Result<DryRun, StoreError> {
    let scratch = Db::in_memory().await?;
    scratch.migrate().await?;
    let from = db.clone();
    let dry_run: Result<DryRun, StoreError> = transaction!(scratch, |tx| {
        scratch::copy(from.read(), tx, scope).await?;
        let before = everybody(tx, scope, now).await?;
        batch::store(tx, scope, &[job], now).await?;
        let after = everybody(tx, scope, now).await?;
        let mut dry_run = compare(tx, scope, &before, &after).await?;
        let losing = losing(&before, &after, now);
        dry_run.brake = forecast(from.read(), scope, &losing, now).await?;
        Ok(dry_run)
    })
    .await;
    scratch.close().await;
    dry_run
}

/// Members whose current access to a group would end earlier than it does now.
fn losing(before: &Standing, after: &Standing, now: Instant) -> BTreeSet<Uuid> {
    let none = SpanSet::default();
    let loses = |member: &Uuid, targets: &BTreeMap<Target, SpanSet>| {
        targets.iter().any(|(target, was)| {
            let is = after.spans.get(member).and_then(|may| may.get(target));
            let kept = is.unwrap_or(&none).span_at(now);
            matches!(target, Target::Group(_))
                && was
                    .span_at(now)
                    .is_some_and(|open| kept.is_none_or(|kept| kept.until < open.until))
        })
    };
    let members = before.spans.iter().filter(|(id, may)| loses(id, may));
    members.map(|(id, _)| *id).collect()
}

async fn forecast(
    connection: &impl Connection,
    scope: ClubScope,
    losing: &BTreeSet<Uuid>,
    now: Instant,
) -> Result<BrakeForecast, StoreError> {
    let Some(club) = clubs::get(connection, scope).await? else {
        return Ok(BrakeForecast::default());
    };
    let brake = Brake {
        enabled: club.brake_enabled,
        people: u64::try_from(club.brake_people).unwrap_or(0),
        percent: u64::try_from(club.brake_percent).unwrap_or(0),
    };
    let window_us = club.brake_window_s.saturating_mul(1_000_000);
    let since = now.micros().saturating_sub(window_us);
    let through = revocations::passed_since(connection, scope, since).await?;
    let with_access = revocations::with_access(connection, scope, now.micros()).await?;
    let count = |people: usize| u64::try_from(people).unwrap_or(u64::MAX);
    let fresh = with_access
        .iter()
        .filter(|id| losing.contains(id) && !through.contains(id));
    let fresh = count(fresh.count());
    let (through, with_access) = (count(through.len()), count(with_access.len()));
    Ok(BrakeForecast {
        losing: fresh,
        left: brake.limit(with_access).saturating_sub(through),
        holds: brake.holds(fresh, through, with_access),
        is_on: brake.enabled,
    })
}

/// The access of each member, and the names of the targets.
struct Standing {
    spans: HashMap<Uuid, BTreeMap<Target, SpanSet>>,
    names: BTreeMap<Target, String>,
}

async fn everybody(
    connection: &impl Connection,
    scope: ClubScope,
    now: Instant,
) -> Result<Standing, StoreError> {
    let access_context = AccessContext::load(connection, scope, AsOf::Now).await?;
    let groups = access_context.layout.groups.iter();
    let groups = groups.map(|group| (Target::Group(convert::id(group.id)), group.name.clone()));
    let locks = access_context.layout.locks.iter();
    let locks = locks.map(|lock| (Target::Lock(convert::id(lock.id)), lock.name.clone()));
    let names = groups.chain(locks).collect();
    let ahead = SpanSet::of([Span::new(now, Instant::END)]);
    let mut spans = HashMap::new();
    for ids in members::ids(connection, scope).await?.chunks(CHUNK) {
        for (member, holdings) in facts::load(connection, scope, ids, AsOf::Now).await? {
            let may = access_context
                .targets(&holdings.facts)
                .into_iter()
                .map(|target| {
                    let spans = access_context
                        .access(&holdings.facts, target, around(now))
                        .spans;
                    (target, spans.intersect(&ahead))
                });
            spans.insert(member, may.filter(|(_, spans)| !spans.is_empty()).collect());
        }
    }
    Ok(Standing { spans, names })
}

async fn compare(
    connection: &impl Connection,
    scope: ClubScope,
    before: &Standing,
    after: &Standing,
) -> Result<DryRun, StoreError> {
    let nothing = (BTreeMap::new(), SpanSet::default());
    let mut changed: Vec<(Uuid, Vec<String>, Vec<String>)> = Vec::new();
    let everybody: BTreeSet<&Uuid> = before.spans.keys().chain(after.spans.keys()).collect();
    for member in everybody {
        let was = before.spans.get(member).unwrap_or(&nothing.0);
        let is = after.spans.get(member).unwrap_or(&nothing.0);
        let (mut gains, mut loses) = (Vec::new(), Vec::new());
        for target in was.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
            let name = after.names.get(target).cloned().unwrap_or_else(|| {
                row_id(match target {
                    Target::Group(id) | Target::Lock(id) => *id,
                })
                .to_string()
            });
            let (was, is) = (
                was.get(target).unwrap_or(&nothing.1),
                is.get(target).unwrap_or(&nothing.1),
            );
            if !was.covers(is) {
                gains.push(name.clone());
            }
            if !is.covers(was) {
                loses.push(name);
            }
        }
        if !gains.is_empty() || !loses.is_empty() {
            changed.push((*member, gains, loses));
        }
    }
    let ids: Vec<Uuid> = changed.iter().map(|(member, ..)| *member).collect();
    let rows = lookup::by_ids::<row::Member>(connection, scope, &ids).await?;
    let rows: HashMap<Uuid, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    let changes = changed.into_iter().map(|(member, gains, loses)| {
        let row = rows.get(&member);
        Change {
            name: row.map(|row| row.name.clone()).unwrap_or_default(),
            email: row.and_then(|row| row.email.clone()),
            gains,
            loses,
        }
    });
    let mut changes: Vec<Change> = changes.collect();
    changes.sort();
    let new_members = after
        .spans
        .keys()
        .filter(|id| !before.spans.contains_key(id))
        .count();
    Ok(DryRun {
        changes,
        new_members,
        brake: BrakeForecast::default(),
    })
}
