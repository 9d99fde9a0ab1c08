//! Stores a batch of deliveries of one club within the caller's transaction: the requests themselves, the words that now
//! stand, whom they are about, and who has to be looked at again. All of it is there after the commit, or nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use access::Instant;
use uuid::Uuid;

use super::{
    adapter::NotUnderstood,
    apply::{Apply, Led, who},
    statement::{
        CompanyRef, EntitlementWord, Event, Holder, OfferingWord, PersonWord, Statement, Version,
    },
};
use crate::store::{
    Connection, Scope, StoreError, clubs, deliveries,
    due::{self, Cause},
    revocations,
    row::{Delivery, DeliveryStatus},
    working_set::{self, Keys},
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
}

impl Job {
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
    let mut known: HashMap<(Uuid, String), Uuid> =
        deliveries::known(connection, scope, &keys).await?;
    let mut outcomes = Vec::new();
    let mut repeats = Vec::new();
    let mut fresh: Vec<&Job> = Vec::new();
    for job in jobs {
        let key = (job.source, job.external_id.clone());
        match known.get(&key).filter(|_| !job.again) {
            Some(before) => {
                repeats.push(*before);
                outcomes.push(Outcome::Duplicate { delivery: *before });
            }
            None => {
                known.insert(key, job.id);
                fresh.push(job);
                outcomes.push(Outcome::Stored {
                    delivery: job.id,
                    status: DeliveryStatus::Accepted,
                });
            }
        }
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

async fn take_in(
    connection: &impl Connection,
    scope: Scope,
    jobs: &[&Job],
    now: i64,
) -> Result<HashMap<Uuid, DeliveryStatus>, StoreError> {
    let keys = keys(jobs);
    let mut set = working_set::load(connection, scope, now, &keys).await?;
    let mut led: Vec<(&Job, Led)> = Vec::new();
    for job in jobs {
        let mut of_job = Led::default();
        if let Ok(event) = &job.event {
            let version = Version {
                happened_at: event.happened_at,
                key: job.external_id.clone(),
            };
            let delivery = Some(job.id);
            let mut apply = Apply {
                set: &mut set,
                source: Some(job.source),
                version,
                delivery,
                again: job.again,
                led: Led::default(),
            };
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
    let member_of = |person: &Uuid| {
        set.persons
            .get(person)
            .map(|p| p.member_id)
            .filter(|id| !id.is_nil())
    };
    let mut due_members: BTreeMap<Uuid, Cause> = BTreeMap::new();
    let mut about: BTreeSet<(Uuid, Uuid)> = BTreeSet::new();
    for (job, led) in &led {
        let cause = job.cause();
        for member in led.due.iter().filter_map(member_of) {
            due_members.insert(member, cause.clone());
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
    let facts_changed: Vec<Uuid> = due_members.keys().copied().collect();
    revocations::forget_dismissed(connection, scope, &facts_changed).await?;
    let waits = if due_members.is_empty() {
        false
    } else {
        due::mark_each(connection, scope, due_members, now).await?
    };
    let mut reached: BTreeSet<Uuid> = BTreeSet::new();
    for (job, _) in led.iter().filter(|(_, led)| led.whole_source) {
        due::mark_source(connection, scope, job.source, now, &job.cause()).await?;
        let everybody = due::members_of_source(connection, scope, job.source).await?;
        if !everybody.is_empty() && !due::accounts(connection, scope).await?.is_empty() {
            reached.insert(job.id);
        }
        about.extend(everybody.into_iter().map(|member| (job.id, member)));
    }
    let mut rows = Vec::new();
    let mut states = HashMap::new();
    for (job, led) in &led {
        let is_open = reached.contains(&job.id) || (waits && !led.due.is_empty());
        let row = delivery(job, led, is_open, now);
        states.insert(job.id, row.status);
        rows.push((row, job.again));
    }
    let (reread, new): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, again)| *again);
    for (row, _) in reread {
        deliveries::reread(connection, &row).await?;
    }
    let new = new.into_iter().map(|(row, _)| row).collect();
    deliveries::store(connection, scope, new, about.into_iter().collect()).await?;
    Ok(states)
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
        headers: job.headers.clone(),
        body: job.body.clone(),
    }
}

/// All that the statements of the jobs name.
fn keys(jobs: &[&Job]) -> Keys {
    let mut keys = Keys::default();
    for job in jobs {
        let Ok(event) = &job.event else { continue };
        for statement in &event.statements {
            keys.add(Some(job.source), statement);
        }
    }
    keys
}

impl Keys {
    /// Adds all that a statement of a source names.
    pub fn add(&mut self, source: Option<Uuid>, statement: &Statement) {
        match statement {
            Statement::Person(word) => self.person(source, word),
            Statement::PersonGone(id) => {
                self.persons.entry(source).or_default().insert(id.clone());
            }
            Statement::Company(word) => {
                self.company(source, &word.company);
                self.pairs |= word.people.is_some();
                word.people
                    .iter()
                    .flatten()
                    .for_each(|person| self.person(source, person));
            }
            Statement::CompanyGone(id) => {
                self.company(
                    source,
                    &CompanyRef {
                        id: id.clone(),
                        name: None,
                    },
                );
            }
            Statement::Entitlement(word) => self.entitlement(source, word),
            Statement::EntitlementGone(_, id) => add(&mut self.entitlements, source, id),
            Statement::Offering(OfferingWord { id, .. }) => add(&mut self.offerings, source, id),
            Statement::Everything(_) => self.snapshots.extend(source),
        }
    }

    fn person(&mut self, source: Option<Uuid>, word: &PersonWord) {
        self.persons
            .entry(source)
            .or_default()
            .insert(word.id.clone());
        self.emails.extend(word.email.iter().flatten().cloned());
        self.pairs |= word.companies.is_some();
        word.companies
            .iter()
            .flatten()
            .for_each(|company| self.company(source, company));
    }

    fn company(&mut self, source: Option<Uuid>, word: &CompanyRef) {
        add(&mut self.companies, source, &word.id);
    }

    fn entitlement(&mut self, source: Option<Uuid>, word: &EntitlementWord) {
        add(&mut self.entitlements, source, &word.id);
        add(&mut self.offerings, source, &word.offering.id);
        if let Some(location) = &word.location {
            add(&mut self.locations, source, &location.id);
        }
        match &word.holder {
            Holder::Person(person) => self.person(source, person),
            Holder::Company(company) => self.company(source, company),
        }
        word.shared_with
            .iter()
            .chain(&word.guests)
            .for_each(|person| self.person(source, person));
    }
}

fn add(keys: &mut BTreeMap<Uuid, BTreeSet<String>>, source: Option<Uuid>, id: &str) {
    if let Some(source) = source {
        keys.entry(source).or_default().insert(id.to_owned());
    }
}
