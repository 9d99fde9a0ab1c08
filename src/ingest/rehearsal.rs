//! What a delivery would change, found out by taking it in within a transaction that is never committed. Promises that nothing
//! is changed, and that what is told comes from the same code as the change itself. Called by the dry run of an import.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use access::{Instant, Span, SpanSet, Target};
use uuid::Uuid;

use super::batch::{self, Job};
use crate::{
    decide::{Premises, around, row_id},
    store::{
        Connection, Db, Scope, StoreError,
        facts::{self, Known},
        members,
    },
};

/// How many members are held in memory at once.
const CHUNK: usize = 2_000;

/// What a delivery would change.
#[derive(Debug, Default)]
pub struct Rehearsal {
    /// Members whose access would change, by name.
    pub changes: Vec<Change>,
    /// Members that there would be, and are not.
    pub new_members: usize,
}

/// What would change for one member, within the weeks around now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The member's name.
    pub name: String,
    /// Where there is one.
    pub email: Option<String>,
    /// The names of the groups and doors where access begins or grows.
    pub gains: Vec<String>,
    /// Those where it ends or shrinks.
    pub loses: Vec<String>,
}

enum Undone {
    As(Rehearsal),
    Failed(StoreError),
}

impl From<StoreError> for Undone {
    fn from(problem: StoreError) -> Self {
        Self::Failed(problem)
    }
}

/// Finds out what a delivery would change. Other writers wait meanwhile.
pub async fn rehearse(
    db: &Db,
    scope: Scope,
    job: Job,
    now: Instant,
) -> Result<Rehearsal, StoreError> {
    let undone: Result<(), Undone> = db
        .write(move |tx| {
            Box::pin(async move {
                let before = everybody(tx, scope, now).await?;
                batch::store(tx, scope, &[job], now).await?;
                let after = everybody(tx, scope, now).await?;
                let rehearsal = compare(tx, scope, &before, &after).await?;
                // An error is what rolls back.
                Err(Undone::As(rehearsal))
            })
        })
        .await;
    match undone {
        Err(Undone::As(rehearsal)) => Ok(rehearsal),
        Err(Undone::Failed(problem)) => Err(problem),
        Ok(()) => Ok(Rehearsal::default()),
    }
}

/// Where each member may pass, and when.
struct Standing {
    spans: HashMap<Uuid, BTreeMap<Target, SpanSet>>,
    names: BTreeMap<Target, String>,
}

async fn everybody(
    connection: &impl Connection,
    scope: Scope,
    now: Instant,
) -> Result<Standing, StoreError> {
    let premises = Premises::load(connection, scope, Known::Now).await?;
    let groups = premises.layout.groups.iter();
    let groups = groups.map(|group| {
        (
            Target::Group(crate::decide::id(group.id)),
            group.name.clone(),
        )
    });
    let locks = premises.layout.locks.iter();
    let locks = locks.map(|lock| (Target::Lock(crate::decide::id(lock.id)), lock.name.clone()));
    let names = groups.chain(locks).collect();
    let ahead = SpanSet::of([Span::new(now, Instant::END)]);
    let mut spans = HashMap::new();
    for ids in members::ids(connection, scope).await?.chunks(CHUNK) {
        for (member, held) in facts::load(connection, scope, ids, Known::Now).await? {
            let may = premises.targets(&held.facts).into_iter().map(|target| {
                let spans = premises.access(&held.facts, target, around(now)).spans;
                (target, spans.intersect(&ahead))
            });
            spans.insert(member, may.filter(|(_, spans)| !spans.is_empty()).collect());
        }
    }
    Ok(Standing { spans, names })
}

async fn compare(
    connection: &impl Connection,
    scope: Scope,
    before: &Standing,
    after: &Standing,
) -> Result<Rehearsal, StoreError> {
    let nothing = (BTreeMap::new(), SpanSet::default());
    let mut found: Vec<(Uuid, Vec<String>, Vec<String>)> = Vec::new();
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
            found.push((*member, gains, loses));
        }
    }
    let ids: Vec<Uuid> = found.iter().map(|(member, ..)| *member).collect();
    let rows = members::some(connection, scope, &ids).await?;
    let rows: HashMap<Uuid, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    let changes = found.into_iter().map(|(member, gains, loses)| {
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
    Ok(Rehearsal {
        changes,
        new_members,
    })
}
