//! Applies the statements of a batch. A batch of the usual size is loaded, applied and saved at once. The statements of a large
//! one, such as the roster of a big club, are applied slice by slice in the same transaction, so that its memory does not grow
//! with its length: what a slice changed is saved before the next one is loaded, and the snapshot's end and the identities of
//! all people follow when every statement is stored. Both ways give the same rows.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use uuid::Uuid;

use super::Job;
use crate::{
    ingest::{
        apply::{Apply, Effects, Progress, assign_members},
        keys,
        statement::Statement,
    },
    store::{
        ClubScope, Connection, StoreError,
        row::SourceAspect,
        working_set::{self, StoredSnapshot, WorkingSet},
    },
    version::Version,
};

/// How many statements are applied at once.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// The most of a batch that is not divided.
    pub whole: usize,
    /// The most of a slice.
    pub slice: usize,
}

impl Size {
    /// A statement takes some twenty kilobytes while it is applied. Batches of webhooks, at most 256 with usually one statement
    /// each, are not divided.
    pub(super) const USUAL: Self = Self {
        whole: 1_000,
        slice: 250,
    };
}

/// What the statements of a batch did.
#[derive(Default)]
pub(super) struct Applied {
    /// Those of each job, in their order.
    pub effects: Vec<Effects>,
    /// The member of each person that the batch touched.
    pub member_of: HashMap<Uuid, Uuid>,
    /// The members whose people or e-mail changed, and those that were merged into another.
    pub moved: BTreeSet<Uuid>,
}

impl Applied {
    pub fn into_effects(self) -> Vec<Effects> {
        self.effects
    }

    /// Assigns the people of the set to members.
    fn assign(&mut self, set: &mut WorkingSet, spoken_of: &BTreeSet<Uuid>) {
        self.moved
            .extend(assign_members::assign_members(set, spoken_of));
        let persons = set.persons.values();
        let with_member = persons.filter(|person| !person.member_id.is_nil());
        self.member_of
            .extend(with_member.map(|person| (person.id, person.member_id)));
    }

    fn spoken_of(&self) -> BTreeSet<Uuid> {
        let effects = self.effects.iter();
        effects
            .flat_map(|effects| effects.identities.iter().copied())
            .collect()
    }
}

/// Applies all statements of the jobs and saves what they change.
pub(super) async fn apply(
    connection: &impl Connection,
    scope: ClubScope,
    jobs: &[Cow<'_, Job>],
    now: i64,
    size: Size,
) -> Result<Applied, StoreError> {
    let events = jobs.iter().filter_map(|job| job.event.as_ref().ok());
    let count: usize = events
        .flat_map(|event| event.parts())
        .map(|(_, statements)| statements.len())
        .sum();
    if count <= size.whole {
        at_once(connection, scope, jobs, now).await
    } else {
        let slices = Slices {
            connection,
            scope,
            now,
            most: size.slice,
            touched: BTreeSet::new(),
        };
        slices.apply(jobs).await
    }
}

async fn at_once(
    connection: &impl Connection,
    scope: ClubScope,
    jobs: &[Cow<'_, Job>],
    now: i64,
) -> Result<Applied, StoreError> {
    let events = jobs
        .iter()
        .filter_map(|job| Some((job.source, job.event.as_ref().ok()?)));
    let keys = keys::of(events);
    let mut set = working_set::load(connection, scope, now, &keys).await?;
    let mut applied = Applied::default();
    for job in jobs {
        let mut effects = Effects::default();
        for (version, statements) in parts(job) {
            let mut apply = applier(job, &mut set, version, effects);
            apply.apply_all(statements);
            effects = apply.effects;
        }
        applied.effects.push(effects);
    }
    let spoken_of = applied.spoken_of();
    applied.assign(&mut set, &spoken_of);
    set.save(connection).await?;
    Ok(applied)
}

/// The parts of a job's event, each with its version.
fn parts(job: &Job) -> impl Iterator<Item = (Version, &[Statement])> {
    let events = job.event.iter();
    let parts = events.flat_map(|event| event.parts()).enumerate();
    parts.map(|(index, (happened_at, statements))| {
        let version = Version {
            happened_at,
            key: part_key(&job.external_id, index),
        };
        (version, statements)
    })
}

/// The key of the version of a delivery's part: of two parts with the same time, the later one counts.
fn part_key(external_id: &str, index: usize) -> String {
    match index {
        0 => external_id.to_owned(),
        later => format!("{external_id}#{later:06}"),
    }
}

fn applier<'s>(
    job: &Job,
    set: &'s mut WorkingSet,
    version: Version,
    effects: Effects,
) -> Apply<'s> {
    let mut apply = Apply::new(set, Some(job.source), version);
    (apply.delivery, apply.again, apply.effects) = (Some(job.id), job.again, effects);
    apply
}

/// A large batch.
struct Slices<'c, C> {
    connection: &'c C,
    scope: ClubScope,
    now: i64,
    most: usize,
    /// The people whose identity has to be resolved when everything is stored.
    touched: BTreeSet<Uuid>,
}

impl<C: Connection> Slices<'_, C> {
    async fn apply(mut self, jobs: &[Cow<'_, Job>]) -> Result<Applied, StoreError> {
        let mut applied = Applied::default();
        for job in jobs {
            let mut effects = Effects::default();
            let parts: Vec<_> = parts(job).collect();
            for (version, statements) in parts {
                effects = self.part(job, version, statements, effects).await?;
            }
            applied.effects.push(effects);
        }
        self.assign(&mut applied).await?;
        Ok(applied)
    }

    /// Stores the statements of one part, then ends what its snapshot leaves out.
    async fn part(
        &mut self,
        job: &Job,
        version: Version,
        statements: &[Statement],
        mut effects: Effects,
    ) -> Result<Effects, StoreError> {
        let mut progress = Progress::default();
        for slice in statements.chunks(self.most) {
            let keys = keys::of_slice(job.source, version.happened_at, slice);
            let mut set = working_set::load(self.connection, self.scope, self.now, &keys).await?;
            let mut apply = applier(job, &mut set, version.clone(), effects);
            apply.progress = progress;
            apply.apply(slice);
            (effects, progress) = (apply.effects, apply.progress);
            self.save(set).await?;
        }
        let mut set = match progress.snapshot(job.source, &version) {
            Some(snapshot) => self.unlisted(&snapshot).await?,
            None => WorkingSet::empty(self.scope, self.now),
        };
        let mut apply = applier(job, &mut set, version, effects);
        apply.progress = progress;
        apply.finish();
        let effects = apply.effects;
        self.save(set).await?;
        Ok(effects)
    }

    async fn unlisted(&mut self, snapshot: &StoredSnapshot) -> Result<WorkingSet, StoreError> {
        // A complete list of memberships ends the claims of people known by nothing else.
        let lists = [SourceAspect::Members, SourceAspect::Memberships];
        if snapshot.persons.is_some() || lists.iter().any(|it| snapshot.before.contains_key(it)) {
            let everybody =
                working_set::people_of(self.connection, self.scope, snapshot.source).await?;
            self.touched.extend(everybody);
        }
        working_set::load_unlisted(self.connection, self.scope, self.now, snapshot).await
    }

    async fn save(&mut self, mut set: WorkingSet) -> Result<(), StoreError> {
        self.touched.extend(set.persons.keys());
        set.save(self.connection).await
    }

    /// Assigns everybody to members. People whose e-mails connect them are resolved together, because loading some loads the others.
    async fn assign(&mut self, applied: &mut Applied) -> Result<(), StoreError> {
        let spoken_of = applied.spoken_of();
        while !self.touched.is_empty() {
            let some: Vec<Uuid> = self.touched.iter().take(self.most).copied().collect();
            for id in &some {
                self.touched.remove(id);
            }
            let mut set =
                working_set::load_people(self.connection, self.scope, self.now, some).await?;
            for id in set.persons.keys() {
                self.touched.remove(id);
            }
            applied.assign(&mut set, &spoken_of);
            set.save(self.connection).await?;
        }
        Ok(())
    }
}
