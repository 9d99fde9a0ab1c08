//! Dry run of a delivery: applies it to a copy of the club in an in-memory database and compares everybody's access. The club's
//! own data is not changed, no writer waits, and the result comes from the same code as a real delivery. Called by the dry run of
//! an import.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

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
    /// People who would have access but have no e-mail address, so that Kisi cannot give it to them, by name.
    pub without_email: Vec<WithoutEmail>,
    /// The club's time zone.
    pub time_zone: String,
    /// How many members would be created.
    pub new_members: usize,
    pub brake: BrakeForecast,
}

/// The changes of one member's access from now on, within the coming weeks.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    pub name: String,
    pub email: Option<String>,
    /// Names of the groups and locks where access begins or grows.
    pub gains: Vec<String>,
    /// Names of the groups and locks where access ends now, or will never begin.
    pub ends: Vec<String>,
    /// Groups and locks where some access is left.
    pub shortened: Vec<Shortened>,
    /// The brake would hold the revocation.
    pub is_held: bool,
}

/// Access that stays for a shorter time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shortened {
    /// The name of the group or lock.
    pub target: String,
    /// The first time without the access that there would have been.
    pub lost_from: Instant,
    /// Its end; `Instant::END` if it had none.
    pub lost_until: Instant,
}

/// A person without an e-mail address, and where the rules would grant access.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WithoutEmail {
    pub name: String,
    pub targets: Vec<String>,
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
        batch::store(tx, scope, vec![Cow::Owned(job)], now).await?;
        let after = everybody(tx, scope, now).await?;
        let losing = losing(&before, &after, now);
        let (brake, held) = forecast(from.read(), scope, &losing, now).await?;
        let club = clubs::get(tx, scope).await?;
        Ok(DryRun {
            changes: changes(&before, &after, &held, now),
            without_email: without_email(&after),
            time_zone: club.map(|club| club.time_zone).unwrap_or_default(),
            new_members: before.new_members(&after),
            brake,
        })
    })
    .await;
    scratch.close().await;
    dry_run
}

/// Members whose current access to a group would end earlier than it does now.
fn losing(before: &Standing, after: &Standing, now: Instant) -> BTreeSet<Uuid> {
    let loses = |member: &Uuid| {
        let (was, is) = (before.in_kisi(member), after.in_kisi(member));
        was.into_iter().flatten().any(|(target, was)| {
            let kept = is.and_then(|is| is.get(target)?.span_at(now));
            matches!(target, Target::Group(_))
                && was
                    .span_at(now)
                    .is_some_and(|open| kept.is_none_or(|kept| kept.until < open.until))
        })
    };
    before
        .members
        .keys()
        .copied()
        .filter(|id| loses(id))
        .collect()
}

/// What the brake would do about these people, and those whose revocations it would hold.
async fn forecast(
    connection: &impl Connection,
    scope: ClubScope,
    losing: &BTreeSet<Uuid>,
    now: Instant,
) -> Result<(BrakeForecast, BTreeSet<Uuid>), StoreError> {
    let Some(club) = clubs::get(connection, scope).await? else {
        return Ok(Default::default());
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
    let fresh: BTreeSet<Uuid> = fresh.copied().collect();
    let (through, with_access) = (count(through.len()), count(with_access.len()));
    let forecast = BrakeForecast {
        losing: count(fresh.len()),
        left: brake.limit(with_access).saturating_sub(through),
        holds: brake.holds(count(fresh.len()), through, with_access),
        is_on: brake.enabled,
    };
    let held = if forecast.holds {
        fresh
    } else {
        BTreeSet::new()
    };
    Ok((forecast, held))
}

/// The access of each member, and the names of the targets.
struct Standing {
    members: HashMap<Uuid, Holder>,
    names: BTreeMap<Target, String>,
}

struct Holder {
    name: String,
    email: Option<String>,
    /// From now on.
    spans: BTreeMap<Target, SpanSet>,
}

impl Standing {
    /// The access that a member has in Kisi: none without an e-mail address.
    fn in_kisi(&self, member: &Uuid) -> Option<&BTreeMap<Target, SpanSet>> {
        let holder = self.members.get(member)?;
        holder.email.is_some().then_some(&holder.spans)
    }

    fn name_of(&self, target: &Target) -> String {
        self.names.get(target).cloned().unwrap_or_else(|| {
            let (Target::Group(id) | Target::Lock(id)) = target;
            row_id(*id).to_string()
        })
    }

    fn new_members(&self, after: &Self) -> usize {
        let all = after.members.keys();
        all.filter(|id| !self.members.contains_key(id)).count()
    }
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
    let mut all = HashMap::new();
    for ids in members::ids(connection, scope).await?.chunks(CHUNK) {
        let rows = lookup::by_ids::<row::Member>(connection, scope, ids).await?;
        let mut rows: HashMap<Uuid, _> = rows.into_iter().map(|row| (row.id, row)).collect();
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
            let row = rows.remove(&member);
            let (name, email) = row.map(|row| (row.name, row.email)).unwrap_or_default();
            let holder = Holder {
                name,
                email,
                spans: may.filter(|(_, spans)| !spans.is_empty()).collect(),
            };
            all.insert(member, holder);
        }
    }
    Ok(Standing {
        members: all,
        names,
    })
}

fn changes(
    before: &Standing,
    after: &Standing,
    held: &BTreeSet<Uuid>,
    now: Instant,
) -> Vec<Change> {
    let everybody = before.members.keys().chain(after.members.keys());
    let everybody: BTreeSet<&Uuid> = everybody.collect();
    let changes = everybody.into_iter().filter_map(|member| {
        let mut change = change(before.in_kisi(member), after.in_kisi(member), after, now)?;
        let holders = [after.members.get(member), before.members.get(member)];
        let mut known = holders.into_iter().flatten();
        let email = known.clone().find_map(|holder| holder.email.clone());
        change.name = known
            .next()
            .map(|holder| holder.name.clone())
            .unwrap_or_default();
        change.email = email;
        change.is_held = held.contains(member);
        Some(change)
    });
    let mut changes: Vec<Change> = changes.collect();
    changes.sort();
    changes
}

/// How access differs, without the person; none if it is the same.
fn change(
    was: Option<&BTreeMap<Target, SpanSet>>,
    is: Option<&BTreeMap<Target, SpanSet>>,
    after: &Standing,
    now: Instant,
) -> Option<Change> {
    let nothing = SpanSet::default();
    let targets = was.into_iter().chain(is).flat_map(BTreeMap::keys);
    let mut change = Change::default();
    for target in targets.collect::<BTreeSet<_>>() {
        let was = was.and_then(|was| was.get(target)).unwrap_or(&nothing);
        let is = is.and_then(|is| is.get(target)).unwrap_or(&nothing);
        if !was.covers(is) {
            change.gains.push(after.name_of(target));
        }
        if is.covers(was) {
            continue;
        }
        let ends_now = was.contains(now) && !is.contains(now);
        match was.subtract(is).iter().next() {
            Some(lost) if !ends_now && !is.is_empty() => change.shortened.push(Shortened {
                target: after.name_of(target),
                lost_from: lost.from,
                lost_until: lost.until,
            }),
            _ => change.ends.push(after.name_of(target)),
        }
    }
    (change != Change::default()).then_some(change)
}

fn without_email(after: &Standing) -> Vec<WithoutEmail> {
    let holders = after.members.values();
    let holders = holders.filter(|holder| holder.email.is_none() && !holder.spans.is_empty());
    let mut all: Vec<WithoutEmail> = holders
        .map(|holder| WithoutEmail {
            name: holder.name.clone(),
            targets: holder
                .spans
                .keys()
                .map(|target| after.name_of(target))
                .collect(),
        })
        .collect();
    all.sort();
    all
}
