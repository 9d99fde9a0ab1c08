//! Stores a batch of deliveries of one club within the caller's transaction: the requests themselves, the words that now
//! stand, whom they are about, and who has to be looked at again. All of it is there after the commit, or nothing.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
};

use access::Instant;
use uuid::Uuid;

use super::{
    adapter::{self, NotUnderstood},
    apply::{Apply, Led, who},
    envelope::Envelope,
    signature::Verified,
    statement::{Event, Version},
};
use crate::{
    clock::new_id,
    store::{
        Connection, Scope, StoreError, clubs,
        deliveries::{self, Known},
        due::{self, Cause},
        readings, revocations,
        row::{Delivery, DeliveryStatus},
        working_set::{self, Keys, WorkingSet},
    },
};

/// A verified request, translated or not.
#[derive(Clone, Debug)]
pub struct Job {
    /// The id that the delivery gets, or has where it is read again.
    pub id: Uuid,
    /// The club of the source.
    pub club: Uuid,
    /// The source.
    pub source: Uuid,
    /// The sender's id of the delivery.
    pub external_id: String,
    /// The raw body.
    pub body: Vec<u8>,
    /// What its signature was about, as JSON, for the one who looks at it.
    pub headers: String,
    /// When it came.
    pub received_at: i64,
    /// What it says, or why it could not be understood.
    pub event: Result<Event, NotUnderstood>,
    /// Read again, rather than received.
    pub again: bool,
    /// The sender's id of the delivery is signed: a body that differs under the id of one that failed is a mended one.
    pub has_signed_id: bool,
    /// It says no more than that the source is to be read: of several before that reading, one is kept.
    pub collapses: bool,
    /// A new attempt at a delivery that failed, by its id.
    pub is_retry: bool,
}

impl Job {
    /// A canonical event that was made here, rather than sent: for any platform's source. `id` names it as a sender's id does.
    pub fn made(club: Uuid, source: Uuid, id: String, body: Vec<u8>, now: Instant) -> Self {
        let verified = Verified::stored(body, id.clone(), Envelope::made(), now);
        Self {
            id: new_id(),
            club,
            source,
            external_id: id,
            headers: verified.envelope().to_json(),
            received_at: now.micros(),
            event: adapter::translate_made(&verified),
            again: false,
            has_signed_id: false,
            collapses: false,
            is_retry: false,
            body: verified.into_bytes(),
        }
    }

    /// This job as a new attempt at a delivery that failed; none where it is only a repeat of that. The same body is an attempt
    /// where it is understood by now.
    fn as_retry(&self, before: &Known, failed: &HashMap<Uuid, Vec<u8>>) -> Option<Self> {
        let may_be = self.has_signed_id && before.status == DeliveryStatus::Failed;
        let is_other = || {
            failed
                .get(&before.id)
                .is_some_and(|body| *body != self.body)
        };
        (may_be && (self.event.is_ok() || is_other())).then(|| Self {
            id: before.id,
            is_retry: true,
            ..self.clone()
        })
    }

    /// How the delivery stands before anything followed from it.
    fn as_known(&self) -> Known {
        let status = match self.event {
            Ok(_) => DeliveryStatus::Accepted,
            Err(_) => DeliveryStatus::Failed,
        };
        Known {
            id: self.id,
            status,
        }
    }

    /// What the job is to those whom it concerns.
    fn cause(&self) -> Cause {
        let kind = self
            .event
            .as_ref()
            .map_or("a delivery", |event| event.kind.as_str());
        Cause {
            delivery: Some(self.id),
            ..Cause::judged(format!("{kind} ({})", self.external_id))
        }
    }
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stored.
    Stored {
        /// The delivery.
        delivery: Uuid,
        /// How it stands right after the commit.
        status: DeliveryStatus,
    },
    /// The same delivery came before.
    Duplicate {
        /// The delivery that was stored then.
        delivery: Uuid,
    },
}

/// Stores jobs of one club; an outcome for each, in their order.
pub async fn store(
    connection: &impl Connection,
    scope: Scope,
    jobs: &[Job],
    now: Instant,
) -> Result<Vec<Outcome>, StoreError> {
    clubs::touch(connection, scope).await?;
    let keys: Vec<_> = jobs
        .iter()
        .filter(|job| !job.again)
        .map(|job| (job.source, job.external_id.clone()))
        .collect();
    let mut known = deliveries::known(connection, scope, &keys).await?;
    let mut failed = failed_bodies(connection, scope, &known).await?;
    let mut outcomes = Vec::new();
    let mut repeats = Vec::new();
    let mut asking: BTreeSet<Uuid> = BTreeSet::new();
    let mut fresh: Vec<Cow<'_, Job>> = Vec::new();
    for job in jobs {
        let key = (job.source, job.external_id.clone());
        let before = known.get(&key).filter(|_| !job.again).copied();
        let retry = before.and_then(|before| job.as_retry(&before, &failed));
        let job = match (before, retry) {
            (Some(before), None) => {
                repeats.push(before.id);
                // A repeat that has no id of its own may be told for a new reason: the platform knows.
                let reads = job.event.as_ref().is_ok_and(|event| event.reads);
                if job.collapses || (reads && !job.has_signed_id && !job.body.is_empty()) {
                    asking.insert(job.source);
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
            (None, None) => Cow::Borrowed(job),
        };
        if job.event.is_err() {
            failed.insert(job.id, job.body.clone());
        }
        known.insert(key, job.as_known());
        outcomes.push(stored(job.id));
        fresh.push(job);
    }
    let reads = fresh
        .iter()
        .filter(|job| job.event.as_ref().is_ok_and(|event| event.reads));
    asking.extend(reads.map(|job| job.source));
    for source in asking {
        readings::ask(connection, scope, source).await?;
    }
    let states = take_in(connection, scope, &fresh, now.micros()).await?;
    for outcome in &mut outcomes {
        if let Outcome::Stored { delivery, status } = outcome {
            *status = states
                .get(delivery)
                .copied()
                .unwrap_or(DeliveryStatus::Accepted);
        }
    }
    // Last: a request and its repeat may share a batch.
    deliveries::repeated(connection, scope, repeats).await?;
    Ok(outcomes)
}

fn stored(delivery: Uuid) -> Outcome {
    Outcome::Stored {
        delivery,
        status: DeliveryStatus::Accepted,
    }
}

/// The bodies of those deliveries that failed.
async fn failed_bodies(
    connection: &impl Connection,
    scope: Scope,
    known: &HashMap<(Uuid, String), Known>,
) -> Result<HashMap<Uuid, Vec<u8>>, StoreError> {
    let failed = known
        .values()
        .filter(|known| known.status == DeliveryStatus::Failed);
    let ids: Vec<Uuid> = failed.map(|known| known.id).collect();
    deliveries::bodies(connection, scope, &ids).await
}

async fn take_in(
    connection: &impl Connection,
    scope: Scope,
    jobs: &[Cow<'_, Job>],
    now: i64,
) -> Result<HashMap<Uuid, DeliveryStatus>, StoreError> {
    let said = jobs
        .iter()
        .filter_map(|job| Some((job.source, job.event.as_ref().ok()?)));
    let keys = Keys::of(said);
    let mut set = working_set::load(connection, scope, now, &keys).await?;
    let mut led: Vec<(&Job, Led)> = Vec::new();
    for job in jobs {
        let mut of_job = Led::default();
        if let Ok(event) = &job.event {
            let version = Version {
                happened_at: event.happened_at,
                key: job.external_id.clone(),
            };
            let mut apply = Apply::new(&mut set, Some(job.source), version);
            (apply.delivery, apply.again) = (Some(job.id), job.again);
            apply.all(&event.statements);
            of_job = apply.led;
        }
        led.push((job, of_job));
    }
    let spoken_of: BTreeSet<Uuid> = led
        .iter()
        .flat_map(|(_, led)| led.identities.iter().copied())
        .collect();
    let moved = who::settle(&mut set, &spoken_of);
    set.save(connection).await?;
    let (about, open) = mark(connection, scope, &set, &led, moved, now).await?;
    let mut rows = Vec::new();
    let mut states = HashMap::new();
    for (job, led) in &led {
        let row = delivery(job, led, open.contains(&job.id), now);
        states.insert(job.id, row.status);
        rows.push((row, *job));
    }
    let (there, new): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|(_, job)| job.again || job.is_retry);
    let new = new.into_iter().map(|(row, _)| row).collect();
    deliveries::store(connection, scope, new, about.into_iter().collect()).await?;
    // After the new ones: a request that failed and its mended one may share a batch.
    for (row, job) in there {
        if job.is_retry {
            deliveries::retried(connection, &row).await?;
        } else if row.status != DeliveryStatus::Ignored {
            // What changes nothing the second time stays what it was.
            deliveries::reread(connection, &row).await?;
        }
    }
    Ok(states)
}

/// Marks whom the jobs led to due. Whom each delivery is about, and the deliveries whose people are now waited for.
async fn mark(
    connection: &impl Connection,
    scope: Scope,
    set: &WorkingSet,
    led: &[(&Job, Led)],
    moved: BTreeSet<Uuid>,
    now: i64,
) -> Result<(BTreeSet<(Uuid, Uuid)>, HashSet<Uuid>), StoreError> {
    let member_of = |person: &Uuid| {
        let member = set.persons.get(person).map(|person| person.member_id);
        member.filter(|id| !id.is_nil())
    };
    let mut due_members: BTreeMap<Uuid, Cause> = BTreeMap::new();
    let mut about: BTreeSet<(Uuid, Uuid)> = BTreeSet::new();
    let mut open: HashSet<Uuid> = HashSet::new();
    for (job, led) in led {
        let cause = job.cause();
        for member in led.due.iter().filter_map(member_of) {
            due_members.insert(member, cause.clone());
            open.insert(job.id);
        }
        for member in led.named.iter().filter_map(member_of) {
            about.insert((job.id, member));
            if moved.contains(&member) {
                due_members.entry(member).or_insert_with(|| cause.clone());
            }
        }
    }
    for member in moved {
        let cause = || Cause::judged("people were told apart anew by their e-mails");
        due_members.entry(member).or_insert_with(cause);
    }
    let mut changed: BTreeSet<Uuid> = due_members.keys().copied().collect();
    if !due_members.is_empty() {
        due::mark_each(connection, scope, due_members, now).await?;
    }
    for (job, _) in led.iter().filter(|(_, led)| led.whole_source) {
        due::mark_source(connection, scope, job.source, now, &job.cause()).await?;
        let everybody = due::members_of_source(connection, scope, job.source).await?;
        open.extend((!everybody.is_empty()).then_some(job.id));
        changed.extend(&everybody);
        about.extend(everybody.into_iter().map(|member| (job.id, member)));
    }
    let changed: Vec<Uuid> = changed.into_iter().collect();
    revocations::forget_dismissed(connection, scope, &changed).await?;
    if !open.is_empty() && due::accounts(connection, scope).await?.is_empty() {
        open.clear();
    }
    Ok((about, open))
}

fn delivery(job: &Job, led: &Led, is_open: bool, now: i64) -> Delivery {
    let (kind, occurred, problem, status) = match &job.event {
        Err(wrong) => (
            wrong.kind.clone(),
            None,
            Some(wrong.message.clone()),
            DeliveryStatus::Failed,
        ),
        Ok(event) => {
            let status = match (led.changed, is_open) {
                (false, _) => DeliveryStatus::Ignored,
                (true, true) => DeliveryStatus::Accepted,
                (true, false) => DeliveryStatus::Settled,
            };
            let idle = (status == DeliveryStatus::Ignored)
                .then(|| "it says nothing that is new: all of it was known, or is older than what is known".to_owned());
            (
                Some(event.kind.clone()),
                Some(event.happened_at.micros()),
                event.note.clone().or(idle),
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
        body: job.body.clone(),
        warnings: warnings(job),
    }
}

fn warnings(job: &Job) -> Option<String> {
    let warnings = &job.event.as_ref().ok()?.warnings;
    (!warnings.is_empty()).then(|| serde_json::Value::from(warnings.as_slice()).to_string())
}
