//! Members whose open assignment was deleted because Kisi takes no second one, and who do not have the new one yet: they may
//! pass and cannot. They are served before everybody else, whatever waits in the lanes, and tried again within seconds. Kept
//! in memory: after a restart they are sorted like anybody who lacks an open window. Called by the worker.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use access::{AccessScope, Instant, Plan, Step};
use uuid::Uuid;

use super::{
    brake::{self, PendingRevocations},
    execute::{AccountError, find},
    flight::Flight,
    member_state::{self, AccountSnapshot, MemberState},
    worker::Worker,
};
use crate::{
    kisi::Client,
    lease::Lease,
    store::{StoreError, due, row},
};

/// The longest wait between two tries, for so many tries; after that Kisi's refusal is no accident.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const TRIES: u32 = 12;

/// Where each of them lacks the new assignment, and whose turn it is to replace one.
#[derive(Debug, Default)]
pub struct Replacing {
    lacking: Mutex<BTreeMap<Uuid, AccessScope>>,
    turn: tokio::sync::Mutex<()>,
}

impl Replacing {
    /// Where this member lacks one.
    pub fn of(&self, member: Uuid) -> Option<AccessScope> {
        self.members().get(&member).copied()
    }

    /// Where this member lacks one from now on.
    pub fn set(&self, member: Uuid, scope: Option<AccessScope>) {
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

    fn members(&self) -> MutexGuard<'_, BTreeMap<Uuid, AccessScope>> {
        self.lacking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a plan deletes by this step what is open now and makes it anew by a later one.
pub fn replaced_by(
    member_state: &MemberState,
    plan: &Plan,
    step: &Step,
    now: Instant,
) -> Option<AccessScope> {
    let Step::Delete { grant } = *step else {
        return None;
    };
    let grant = member_state::known(&find(member_state, grant)?);
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
    pub(super) fn longest_wait(&self, member_state: &MemberState, attempts: u32) -> Duration {
        if attempts < TRIES && self.replacing.of(member_state.due.member_id).is_some() {
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
        snapshot: &AccountSnapshot,
        mut rows: Vec<row::Due>,
        client: &Client,
        lease: &Lease,
    ) -> Result<(), AccountError> {
        rows.sort_by_key(|row| row.due_at);
        let now = self.app.clock.now();
        let mut pending = PendingRevocations::default();
        let mut member_states = member_state::load(&self.app.db, snapshot, rows).await?;
        for member_state in &mut member_states {
            pending.of(member_state, snapshot, now, &self.app);
        }
        if !pending.is_empty() {
            pending.write(&self.app, self.scope).await?;
            if brake::judge(&self.app, self.scope, self.account).await? {
                return Ok(());
            }
        }
        self.serve_all(Flight::new(snapshot, client, lease), &mut member_states)
            .await
    }
}
