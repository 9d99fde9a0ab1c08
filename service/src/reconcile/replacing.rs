//! Members whose open assignment was deleted because Kisi accepts no second one, and whose replacement is not created yet: they
//! may enter but cannot. They are served before all lanes and retried within seconds. Kept in memory: after a restart they are
//! sorted like any member who lacks an open window. Called by the worker.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use access::{AccessScope, Instant, Plan, Step};
use uuid::Uuid;

use super::{
    account_snapshot::AccountSnapshot,
    brake::{self, PendingRevocations},
    execute::{AccountError, find_grant},
    flight::Flight,
    member_state::{self, MemberState},
    worker::Worker,
};
use crate::{
    kisi::Client,
    ownership::Ownership,
    store::{StoreError, convert, due, row},
};

/// The longest delay between the first `TRIES` retries. After that, Kisi's refusal is taken as permanent and delays grow.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
const TRIES: u32 = 12;

/// The scope of the missing replacement by member, and the lock that admits one replacement at a time.
#[derive(Debug, Default)]
pub struct Replacing {
    lacking: Mutex<BTreeMap<Uuid, AccessScope>>,
    turn: tokio::sync::Mutex<()>,
}

impl Replacing {
    /// The scope in which this member lacks a replacement.
    pub fn of(&self, member: Uuid) -> Option<AccessScope> {
        self.members().get(&member).copied()
    }

    /// Sets the scope in which this member lacks a replacement, or clears it.
    pub fn set(&self, member: Uuid, scope: Option<AccessScope>) {
        match scope {
            Some(scope) => self.members().insert(member, scope),
            None => self.members().remove(&member),
        };
    }

    /// Whether any member lacks a replacement.
    pub fn is_any(&self) -> bool {
        !self.members().is_empty()
    }

    fn all(&self) -> Vec<Uuid> {
        self.members().keys().copied().collect()
    }

    /// Waits until no other member is between a deletion and the following creation.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    fn members(&self) -> MutexGuard<'_, BTreeMap<Uuid, AccessScope>> {
        self.lacking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The scope of an open assignment that this step deletes and a later step of the plan creates again.
pub fn replaced_scope(
    member_state: &MemberState,
    plan: &Plan,
    step: &Step,
    now: Instant,
) -> Option<AccessScope> {
    let Step::Delete { grant } = *step else {
        return None;
    };
    let grant = convert::grant(&find_grant(member_state, grant)?);
    let is_made_anew = |step: &Step| match *step {
        Step::Create { scope, window } => scope == grant.scope && window.contains(now),
        _ => false,
    };
    let is_open = grant.window.contains(now);
    let after = plan.steps.iter().skip_while(|other| *other != step);
    (is_open && after.into_iter().any(is_made_anew)).then_some(grant.scope)
}

impl Worker {
    /// The maximum delay before the next retry for a member.
    pub(super) fn longest_wait(&self, member_state: &MemberState, attempts: u32) -> Duration {
        if attempts < TRIES && self.replacing.of(member_state.due.member_id).is_some() {
            LONGEST_WAIT
        } else {
            Duration::from_hours(1)
        }
    }

    /// The due rows of members who lack a replacement and can be served now.
    pub(super) async fn unfinished_replacements(
        &self,
        now: Instant,
    ) -> Result<Vec<row::Due>, StoreError> {
        let members = self.replacing.all();
        if members.is_empty() {
            return Ok(Vec::new());
        }
        let db = self.app.db.read();
        let mut rows = due::of_members(db, self.scope, self.account, &members).await?;
        rows.retain(|row| row.due_at <= now.micros());
        Ok(rows)
    }

    /// Serves these members in the order of their due time.
    pub(super) async fn finish_replacements(
        &self,
        snapshot: &AccountSnapshot,
        mut rows: Vec<row::Due>,
        client: &Client,
        ownership: &Ownership,
    ) -> Result<(), AccountError> {
        rows.sort_by_key(|row| row.due_at);
        let now = self.app.clock.now();
        let mut pending = PendingRevocations::default();
        let mut member_states = member_state::load(
            &self.app.db,
            snapshot,
            rows,
            self.app.clock.now(),
            self.app.config.horizon,
        )
        .await?;
        for member_state in &mut member_states {
            pending.collect(member_state, snapshot, now);
        }
        if !pending.is_empty() {
            pending.write(&self.app, self.scope).await?;
            if brake::judge(&self.app, self.scope, Some(self.account)).await? {
                return Ok(());
            }
        }
        self.serve_all(Flight::new(snapshot, client, ownership), &mut member_states)
            .await
    }
}
