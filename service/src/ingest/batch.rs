//! Stores a batch of deliveries of one club in the caller's transaction: the requests, the new versions, the members that each
//! delivery is about, and due marks for everybody whose access may have changed. The commit stores all of it or nothing.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
};

use access::Instant;
use uuid::Uuid;

use super::{
    adapter::{self, TranslateError},
    apply::Effects,
    envelope::Envelope,
    erased_people::ErasedPeople,
    signature::Verified,
    statement::{Event, Reads},
};
use crate::{
    clock::new_id,
    store::{
        ClubScope, Connection, StoreError, clubs,
        deliveries::{self, StoredDelivery},
        due::{self, Cause},
        readings, revocations,
        row::{BodyRemoval, Delivery, DeliveryStatus},
    },
};

mod slices;

use slices::Applied;
pub use slices::Size;

/// A verified request with the result of its translation.
#[derive(Clone, Debug)]
pub struct Job {
    /// The id of the delivery: a new one, or for a replay the existing one.
    pub id: Uuid,
    pub club: Uuid,
    pub source: Uuid,
    /// The sender's id of the delivery.
    pub external_id: String,
    pub body: Vec<u8>,
    /// The envelope as JSON.
    pub headers: String,
    /// Microseconds since 1970.
    pub received_at: i64,
    /// The event, or why the body could not be translated.
    pub event: Result<Event, TranslateError>,
    /// A replay of a stored delivery.
    pub again: bool,
    /// The signature covers the sender's id of the delivery, so a different body under the id of a failed delivery is a corrected
    /// one.
    pub has_signed_id: bool,
    /// It only triggers a reading of the source; of several before that reading, one is stored.
    pub collapses: bool,
    /// A new attempt at a failed delivery with the same id.
    pub is_retry: bool,
    /// It named an erased person: that part is left out, and the body is not stored.
    pub names_erased: bool,
}

impl Job {
    /// A job for a canonical event that was made here, for a source of any platform. `id` identifies it as a sender's id does.
    pub fn canonical(
        club: Uuid,
        source: Uuid,
        id: String,
        mut body: Vec<u8>,
        now: Instant,
    ) -> Self {
        body.shrink_to_fit();
        let verified = Verified::stored(body, id.clone(), Envelope::canonical(), now);
        Self {
            id: new_id(),
            club,
            source,
            external_id: id,
            headers: verified.envelope().to_json(),
            received_at: now.micros(),
            event: adapter::translate_canonical(&verified),
            again: false,
            has_signed_id: false,
            collapses: false,
            is_retry: false,
            names_erased: false,
            body: verified.into_bytes(),
        }
    }

    /// This job as a new attempt at a failed delivery; none where it only repeats that delivery. The same body is a new attempt
    /// if it can be translated by now.
    fn as_retry(&self, before: &StoredDelivery, failed: &HashMap<Uuid, Vec<u8>>) -> Option<Self> {
        let may_be = self.has_signed_id && before.status == DeliveryStatus::Failed;
        let is_other = || {
            failed
                .get(&before.id)
                .is_some_and(|body| *body != self.body)
        };
        (may_be && (!self.fails() || is_other())).then(|| Self {
            id: before.id,
            is_retry: true,
            ..self.clone()
        })
    }

    /// Whether all or a part of it could not be translated.
    pub fn fails(&self) -> bool {
        let event = self.event.as_ref();
        event.map_or(true, |event| event.failure.is_some())
    }

    /// Whether the platform may have to be read because of it.
    pub fn asks_for_reading(&self) -> bool {
        let reads = self.event.as_ref().map(|event| &event.reads);
        reads.is_ok_and(|reads| *reads != Reads::Nothing)
    }

    /// The state of the delivery before its effects are known.
    fn as_known(&self) -> StoredDelivery {
        let status = if self.fails() {
            DeliveryStatus::Failed
        } else {
            DeliveryStatus::Accepted
        };
        StoredDelivery {
            id: self.id,
            status,
        }
    }

    /// The cause for the due marks of the members that the job concerns.
    fn cause(&self) -> Cause {
        let kind = self
            .event
            .as_ref()
            .map_or("a delivery", |event| event.kind.as_str());
        Cause::enforced(format!("{kind} ({})", self.external_id)).of_delivery(self.id)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Stored {
        delivery: Uuid,
        /// The status right after the commit.
        status: DeliveryStatus,
    },
    /// The delivery had been received before.
    Duplicate {
        /// The stored delivery.
        delivery: Uuid,
    },
}

/// Stores jobs of one club. Returns an outcome for each job, in their order. Of a job that is given away, each part is freed as
/// soon as it is stored.
pub async fn store(
    connection: &impl Connection,
    scope: ClubScope,
    jobs: Vec<Cow<'_, Job>>,
    now: Instant,
) -> Result<Vec<Outcome>, StoreError> {
    store_in_slices(connection, scope, jobs, now, Size::USUAL).await
}

/// Like `store`, with this many statements applied at once.
pub async fn store_in_slices(
    connection: &impl Connection,
    scope: ClubScope,
    jobs: Vec<Cow<'_, Job>>,
    now: Instant,
    size: Size,
) -> Result<Vec<Outcome>, StoreError> {
    clubs::touch(connection, scope).await?;
    let erased = ErasedPeople::load(connection, scope).await?;
    let jobs = erased.left_out_of(jobs);
    let keys: Vec<_> = jobs
        .iter()
        .filter(|job| !job.again)
        .map(|job| (job.source, job.external_id.clone()))
        .collect();
    let mut known = deliveries::find_stored(connection, scope, &keys).await?;
    let mut failed = failed_bodies(connection, scope, &known).await?;
    let mut outcomes = Vec::new();
    let mut repeats = Vec::new();
    let mut reads: BTreeMap<Uuid, Requested> = BTreeMap::new();
    let mut fresh: Vec<Cow<'_, Job>> = Vec::new();
    for job in jobs {
        let key = (job.source, job.external_id.clone());
        let before = known.get(&key).filter(|_| !job.again).copied();
        let retry = before.and_then(|before| job.as_retry(&before, &failed));
        let job = match (before, retry) {
            (Some(before), None) => {
                repeats.push(before.id);
                // Without a signed id, an equal request may report a new change, so the platform is read.
                if job.collapses || (!job.has_signed_id && !job.body.is_empty()) {
                    request(&mut reads, &job);
                }
                outcomes.push(if job.collapses {
                    stored(before.id)
                } else {
                    Outcome::Duplicate {
                        delivery: before.id,
                    }
                });
                continue;
            }
            (_, Some(retry)) => Cow::Owned(retry),
            (None, None) => job,
        };
        if job.fails() {
            failed.insert(job.id, job.body.clone());
        }
        known.insert(key, job.as_known());
        outcomes.push(stored(job.id));
        fresh.push(job);
    }
    for job in &fresh {
        request(&mut reads, job);
    }
    for (source, Requested(objects)) in reads {
        let objects: Option<Vec<String>> = objects.map(|all| all.into_iter().collect());
        readings::request_read(connection, scope, source, objects.as_deref()).await?;
    }
    let states = apply_jobs(connection, scope, fresh, now.micros(), size).await?;
    for outcome in &mut outcomes {
        if let Outcome::Stored { delivery, status } = outcome {
            *status = states
                .get(delivery)
                .copied()
                .unwrap_or(DeliveryStatus::Accepted);
        }
    }
    // Last, because a request and its repeat may be in one batch.
    deliveries::count_attempts(connection, scope, repeats).await?;
    Ok(outcomes)
}

/// The objects of a source that a batch asks to be read; none for everything.
struct Requested(Option<BTreeSet<String>>);

fn request(reads: &mut BTreeMap<Uuid, Requested>, job: &Job) {
    let nothing = || Requested(Some(BTreeSet::new()));
    match job.event.as_ref().map(|event| &event.reads) {
        Ok(Reads::Objects(objects)) => {
            if let Some(all) = &mut reads.entry(job.source).or_insert_with(nothing).0 {
                all.extend(objects.iter().cloned());
            }
        }
        Ok(Reads::Everything) => {
            reads.insert(job.source, Requested(None));
        }
        Ok(Reads::Nothing) | Err(_) => {}
    }
}

fn stored(delivery: Uuid) -> Outcome {
    Outcome::Stored {
        delivery,
        status: DeliveryStatus::Accepted,
    }
}

async fn failed_bodies(
    connection: &impl Connection,
    scope: ClubScope,
    known: &HashMap<(Uuid, String), StoredDelivery>,
) -> Result<HashMap<Uuid, Vec<u8>>, StoreError> {
    let failed = known
        .values()
        .filter(|known| known.status == DeliveryStatus::Failed);
    let ids: Vec<Uuid> = failed.map(|known| known.id).collect();
    deliveries::bodies(connection, scope, &ids).await
}

async fn apply_jobs(
    connection: &impl Connection,
    scope: ClubScope,
    jobs: Vec<Cow<'_, Job>>,
    now: i64,
    size: Size,
) -> Result<HashMap<Uuid, DeliveryStatus>, StoreError> {
    let applied = slices::apply(connection, scope, &jobs, now, size).await?;
    let (about, open) = mark_due(connection, scope, &jobs, &applied, now).await?;
    let (mut new, mut there) = (Vec::new(), Vec::new());
    let mut states = HashMap::new();
    for (job, effects) in jobs.into_iter().zip(applied.into_effects()) {
        let (again, is_retry) = (job.again, job.is_retry);
        let row = delivery(job, &effects, &open, now);
        states.insert(row.id, row.status);
        if again || is_retry {
            there.push((row, is_retry));
        } else {
            new.push(row);
        }
    }
    deliveries::store(connection, scope, new, about.into_iter().collect()).await?;
    // After the new ones, because a failed request and its corrected one may be in one batch.
    for (row, is_retry) in there {
        if is_retry {
            deliveries::update_attempt(connection, &row).await?;
        } else if row.status == DeliveryStatus::Ignored {
            // A replay that changes nothing keeps the delivery's status, unless that says that it failed.
            deliveries::update_failed(connection, &row).await?;
        } else {
            deliveries::update_outcome(connection, &row).await?;
        }
    }
    Ok(states)
}

/// Marks the affected members due. Returns the pairs (delivery, member) of what each delivery is about, and the deliveries that
/// now wait for members to be reconciled.
async fn mark_due(
    connection: &impl Connection,
    scope: ClubScope,
    jobs: &[Cow<'_, Job>],
    applied: &Applied,
    now: i64,
) -> Result<(BTreeSet<(Uuid, Uuid)>, HashSet<Uuid>), StoreError> {
    let Applied {
        effects,
        member_of,
        moved,
    } = applied;
    let member_of = |person: &Uuid| member_of.get(person).copied();
    let mut due_members: BTreeMap<Uuid, Cause> = BTreeMap::new();
    let mut about: BTreeSet<(Uuid, Uuid)> = BTreeSet::new();
    let mut open: HashSet<Uuid> = HashSet::new();
    for (job, effects) in jobs.iter().zip(effects) {
        let cause = job.cause();
        for member in effects.due.iter().filter_map(member_of) {
            due_members.insert(member, cause.clone());
            open.insert(job.id);
        }
        for member in effects.named.iter().filter_map(member_of) {
            about.insert((job.id, member));
            if moved.contains(&member) {
                due_members.entry(member).or_insert_with(|| cause.clone());
            }
        }
    }
    let cause = Cause::enforced("a changed e-mail moved people between members");
    for member in moved {
        due_members.entry(*member).or_insert_with(|| cause.clone());
    }
    let mut changed: BTreeSet<Uuid> = due_members.keys().copied().collect();
    let has_account = if due_members.is_empty() {
        None
    } else {
        Some(due::mark_each(connection, scope, due_members, now).await?)
    };
    let all = jobs.iter().zip(effects);
    for (job, _) in all.filter(|(_, effects)| effects.whole_source) {
        due::mark_source(connection, scope, job.source, now, &job.cause()).await?;
        let everybody = due::members_of_source(connection, scope, job.source).await?;
        open.extend((!everybody.is_empty()).then_some(job.id));
        changed.extend(&everybody);
        about.extend(everybody.into_iter().map(|member| (job.id, member)));
    }
    let changed: Vec<Uuid> = changed.into_iter().collect();
    revocations::forget_dismissed(connection, scope, &changed).await?;
    let has_account = match has_account {
        None if !open.is_empty() => !due::accounts(connection, scope).await?.is_empty(),
        known => known.unwrap_or_default(),
    };
    if !has_account {
        open.clear();
    }
    Ok((about, open))
}

/// The row of a delivery. `open` are the deliveries that wait for members to be reconciled.
fn delivery(job: Cow<'_, Job>, effects: &Effects, open: &HashSet<Uuid>, now: i64) -> Delivery {
    let is_open = open.contains(&job.id);
    let warnings = warnings(&job);
    let (kind, occurred, problem, status) = match &job.event {
        Err(wrong) => (
            wrong.kind.clone(),
            None,
            Some(wrong.message.clone()),
            DeliveryStatus::Failed,
        ),
        Ok(event) => {
            let status = match (effects.changed, is_open) {
                _ if event.failure.is_some() => DeliveryStatus::Failed,
                (false, _) => DeliveryStatus::Ignored,
                (true, true) => DeliveryStatus::Accepted,
                (true, false) => DeliveryStatus::Settled,
            };
            let idle = (status == DeliveryStatus::Ignored)
                .then(|| "nothing changed: everything in it was already known, or is older than what is known".to_owned());
            (
                Some(event.kind.clone()),
                Some(event.happened_at.micros()),
                event.failure.clone().or(event.note.clone()).or(idle),
                status,
            )
        }
    };
    Delivery {
        id: job.id,
        club_id: job.club,
        source_id: job.source,
        external_id: job.external_id.clone(),
        event_type: kind,
        status,
        problem,
        occurred_at: occurred,
        received_at: job.received_at,
        settled_at: (status == DeliveryStatus::Settled).then_some(now),
        attempts: 1,
        stamp: new_id(),
        headers: job.headers.clone(),
        warnings,
        dismissed_at: None,
        dismissed_by: None,
        dismissed_reason: None,
        body_removed: job.names_erased.then_some(BodyRemoval::Erased),
        // Frees the statements of a large roster before its body is copied into the database.
        body: match job {
            Cow::Borrowed(job) => job.body.clone(),
            Cow::Owned(job) => job.body,
        },
    }
}

fn warnings(job: &Job) -> Option<String> {
    let warnings = &job.event.as_ref().ok()?.warnings;
    (!warnings.is_empty()).then(|| serde_json::Value::from(warnings.as_slice()).to_string())
}
