//! Members whose open assignment was deleted because Kisi takes no second one, and who do not have the new one yet: they may
//! pass and cannot. They are served before everybody else, whatever waits in the lanes, and tried again within seconds. Kept
//! in memory: after a restart they are sorted like anybody who lacks an open window. Called by the worker.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use access::{Instant, Plan, Scope, Step};
use uuid::Uuid;

use super::{
    brake::{self, Questions},
    case::{self, Case, Ground},
    execute::{Stop, find},
    flight::Flight,
    lease::Lease,
    worker::Worker,
};
use crate::{
    kisi::Client,
    store::{StoreError, due, row},
};

/// The longest wait between two tries, for so many tries; after that Kisi's refusal is no accident.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const TRIES: u32 = 12;

/// Where each of them lacks the new assignment, and whose turn it is to replace one.
#[derive(Debug, Default)]
pub struct Replacing {
    lacking: Mutex<BTreeMap<Uuid, Scope>>,
    turn: tokio::sync::Mutex<()>,
}

impl Replacing {
    /// Where this member lacks one.
    pub fn of(&self, member: Uuid) -> Option<Scope> {
        self.members().get(&member).copied()
    }

    /// Where this member lacks one from now on.
    pub fn set(&self, member: Uuid, scope: Option<Scope>) {
        match scope {
            Some(scope) => self.members().insert(member, scope),
            None => self.members().remove(&member),
        };
    }

    fn all(&self) -> Vec<Uuid> {
        self.members().keys().copied().collect()
    }

    /// Waits until nobody else is between a deletion and the creation that follows.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    fn members(&self) -> MutexGuard<'_, BTreeMap<Uuid, Scope>> {
        self.lacking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a plan deletes by this step what is open now and makes it anew by a later one.
pub fn replaced_by(case: &Case, plan: &Plan, step: &Step, now: Instant) -> Option<Scope> {
    let Step::Delete { grant } = *step else {
        return None;
    };
    let grant = case::known(&find(case, grant)?);
    let is_made_anew = |step: &Step| match *step {
        Step::Create { scope, window } => scope == grant.scope && window.contains(now),
        _ => false,
    };
    let is_open = grant.window.contains(now);
    let after = plan.steps.iter().skip_while(|one| *one != step);
    (is_open && after.into_iter().any(is_made_anew)).then_some(grant.scope)
}

impl Worker {
    /// How long to wait at most before the next try for a member.
    pub(super) fn longest_wait(&self, case: &Case, attempts: u32) -> Duration {
        if attempts < TRIES && self.replacing.of(case.due.member_id).is_some() {
            LONGEST_WAIT
        } else {
            Duration::from_hours(1)
        }
    }

    /// The rows of those who can be tried now.
    pub(super) async fn half_replaced(&self, now: Instant) -> Result<Vec<row::Due>, StoreError> {
        let members = self.replacing.all();
        if members.is_empty() {
            return Ok(Vec::new());
        }
        let db = self.app.db.read();
        let mut rows = due::of_members(db, self.scope, self.account, &members).await?;
        rows.retain(|row| row.due_at <= now.micros());
        Ok(rows)
    }

    /// Serves them, in the order in which they are due.
    pub(super) async fn finish_replacing(
        &self,
        ground: &Ground,
        mut rows: Vec<row::Due>,
        client: &Client,
        lease: &Lease,
    ) -> Result<(), Stop> {
        rows.sort_by_key(|row| row.due_at);
        let now = self.app.clock.now();
        let mut questions = Questions::default();
        let mut cases = case::load(&self.app.db, ground, rows).await?;
        for case in &mut cases {
            questions.of(case, ground, now, &self.app);
        }
        if !questions.is_empty() {
            questions.write(&self.app, self.scope).await?;
            if brake::judge(&self.app, self.scope, self.account).await? {
                return Ok(());
            }
        }
        self.serve_all(Flight::new(ground, client, lease), &mut cases)
            .await
    }
}
