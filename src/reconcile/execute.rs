//! Does the steps of a plan, one call after the other, and decides nothing: a surprise is written down, and the case is
//! planned again. Each write's intent is stored before the call, so that a lost answer or a crash leaves a question and
//! never a guess.

use std::{sync::Arc, time::Duration};

use access::{Ability, AccessScope, Id, Instant, Plan, Span, Step};
use jiff::Timestamp;
use tokio::sync::MutexGuard;
use uuid::Uuid;

use super::{
    flight::Flight,
    member_state::{AccountSnapshot, MemberState},
    replacing::replaced_by,
    sweep::RecentWrites,
    worker::Worker,
};
use crate::{
    app::App,
    connect::DoorRoles,
    kisi::{self, AppliesTo, Assignment, Client, Error},
    lease::Lease,
    store::{
        StoreError, due, kisi_accounts,
        row::{self, GrantState, HistoryKind, Intent, ScopeKind},
    },
};

/// How often a case is planned again within one pass before it is put off.
const ROUNDS: usize = 12;

/// The role that lets somebody open the doors of a group.
pub const GROUP_ROLE: &str = "group_basic";

/// Why the work on an account pauses.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Kisi does not answer, or not for us.
    #[error("Kisi: {0}")]
    Kisi(#[from] Error),
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The account's credentials cannot be opened with the key of this service.
    #[error("the credentials of the account cannot be opened")]
    Credentials,
    /// Another worker may have the account.
    #[error("the lease is gone")]
    LeaseLost,
}

/// How a case ended for now.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Kisi holds what it should; the next look is at the instant, if any.
    Settled(Option<Instant>),
    /// A group that the member wants in is not read yet.
    Waiting,
    /// Kisi refused something, or kept changing its mind: another try is due later.
    PutOff,
    /// Kisi refused what only a person can put right: a fact, an edit, a difference that a sweep finds, or a request to try
    /// again marks the member. The rest is looked at again at the instant, if any.
    Blocked(Option<Instant>),
    /// Whether a call happened cannot be known before this instant.
    Wait(Instant),
    /// The member was marked again meanwhile, or something more urgent came: it is due as it is, and read again.
    Stale,
}

/// Whether a case may go on.
enum Freshness {
    On,
    /// It was marked again since it was read, or gives way.
    Stale,
}

/// What a step led to.
pub enum StepOutcome {
    /// As planned.
    Yes,
    /// Something was learned: plan again.
    Learned,
}

/// The work on one account, for as long as its snapshot is fresh.
pub struct Pass<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) client: &'a Client,
    pub(super) lease: &'a Lease,
    pub(super) snapshot: &'a AccountSnapshot,
    pub(super) flight: &'a Flight<'a>,
    pub(super) worker: &'a Worker,
    pub(super) recent_writes: &'a RecentWrites,
    /// Whether Kisi did something of what was asked.
    pub(super) made_progress: bool,
    /// Where an open assignment was deleted to be made anew, and is not there yet.
    pub(super) replacing: Option<AccessScope>,
    /// Held meanwhile.
    pub(super) turn: Option<MutexGuard<'a, ()>>,
}

impl Pass<'_> {
    pub(super) fn now(&self) -> Instant {
        self.app.clock.now()
    }

    /// Plans and executes until nothing is left to do.
    pub async fn serve(&mut self, member_state: &mut MemberState) -> Result<Outcome, AccountError> {
        for _ in 0..ROUNDS {
            if member_state.is_in_flight()
                && let Some(at) = self.find_out(member_state).await?
            {
                return Ok(Outcome::Wait(at));
            }
            let (now, horizon) = (self.now(), self.app.config.horizon);
            let plan = member_state.plan(self.snapshot, now, horizon);
            if plan.steps.is_empty()
                && member_state.is_waiting_for_reading(self.snapshot, now, horizon)
            {
                return Ok(Outcome::Waiting);
            }
            if plan.steps.is_empty() {
                let whole = member_state.refused.is_empty();
                if whole {
                    self.forget_refused(member_state).await?;
                }
                return Ok(match (whole, member_state.passes) {
                    (true, _) => Outcome::Settled(plan.replan_at),
                    (false, true) => Outcome::PutOff,
                    (false, false) => Outcome::Blocked(plan.replan_at),
                });
            }
            if let Freshness::Stale = self.steps(member_state, &plan).await? {
                return Ok(Outcome::Stale);
            }
        }
        tracing::warn!(account = %self.snapshot.account.id, "a case did not come to rest; it is put off");
        Ok(Outcome::PutOff)
    }

    /// What Kisi refused once and nobody wants any more is forgotten.
    async fn forget_refused(&self, member_state: &mut MemberState) -> Result<(), AccountError> {
        let stale = member_state
            .grants
            .iter()
            .filter(|grant| grant.kisi_id.is_none() && grant.intent == Intent::None);
        for grant in stale.cloned().collect::<Vec<_>>() {
            self.forget(member_state, &grant, None).await?;
        }
        Ok(())
    }

    async fn steps(
        &mut self,
        member_state: &mut MemberState,
        plan: &Plan,
    ) -> Result<Freshness, AccountError> {
        let lane = match plan.lane {
            access::Lane::Revocation => kisi::Lane::Urgent,
            access::Lane::Now => kisi::Lane::Soon,
            access::Lane::Rest | access::Lane::Cleanup => kisi::Lane::Rest,
        };
        let client = self.client.in_lane(lane);
        for step in &plan.steps {
            if !self.lease.is_held() {
                return Err(AccountError::LeaseLost);
            }
            let takes = matches!(step, Step::Change { .. } | Step::Delete { .. });
            if takes && due::was_marked_since(self.app.db.read(), &member_state.due).await? {
                // What was read may be torn: nothing is taken away by it.
                return Ok(Freshness::Stale);
            }
            // Nobody is left half replaced for others.
            if self.made_progress
                && self.replacing.is_none()
                && self.worker.gives_way(self.flight, member_state).await?
            {
                return Ok(Freshness::Stale);
            }
            let replaced = replaced_by(member_state, plan, step, self.now());
            if replaced.is_some() && self.turn.is_none() {
                // One at a time: what others delete would take the calls that this one needs to be whole again.
                self.turn = Some(self.worker.replacing.turn().await);
            }
            let done = match *step {
                Step::CreateUser => self.create_user(&client, member_state, plan).await?,
                Step::Create { scope, window } => {
                    // Who is half replaced may pass and cannot: nothing goes before that.
                    let is_half = self.replacing == Some(scope);
                    let lane = if is_half { kisi::Lane::Urgent } else { lane };
                    let client = self.client.in_lane(lane);
                    self.create(&client, member_state, scope, window).await?
                }
                Step::Change { grant, window } => {
                    self.change(&client, member_state, grant, window).await?
                }
                Step::Delete { grant } => self.delete(&client, member_state, grant).await?,
            };
            if matches!(done, StepOutcome::Learned) {
                break;
            }
            self.made_progress = true;
            self.replacing = match *step {
                Step::Delete { .. } => replaced.or(self.replacing),
                Step::Create { scope, .. } => self.replacing.filter(|lacking| *lacking != scope),
                Step::CreateUser | Step::Change { .. } => self.replacing,
            };
            // At once, so that it is known however this pass ends.
            self.worker
                .replacing
                .set(member_state.due.member_id, self.replacing);
            if self.replacing.is_none() {
                self.turn = None;
            }
        }
        Ok(Freshness::On)
    }

    /// Kisi holds the grant as `held` says, read from its own answer.
    pub(super) async fn confirm(
        &self,
        member_state: &mut MemberState,
        grant: row::Grant,
        held: &Assignment,
        event: HistoryKind,
    ) -> Result<(), StoreError> {
        let grant = self.held(grant, held);
        self.put(member_state, grant, Some(event)).await
    }

    /// What Kisi holds is not what was asked for.
    pub(super) async fn as_held(
        &self,
        member_state: &mut MemberState,
        grant: row::Grant,
        held: &Assignment,
    ) -> Result<(), StoreError> {
        let grant = self.held(grant, held);
        self.put(member_state, grant, None).await
    }

    pub(super) fn held(&self, mut grant: row::Grant, held: &Assignment) -> row::Grant {
        let window = stored(window_of(held));
        let is_as_answered = grant.asked_differs
            && grant.intent == Intent::None
            && window == (grant.valid_from, grant.valid_until);
        if !is_as_answered {
            grant.asked_differs = false;
            grant.state = GrantState::Confirmed;
            grant.problem = None;
        }
        (grant.valid_from, grant.valid_until) = window;
        (grant.want_from, grant.want_until) = (None, None);
        grant.kisi_id = Some(held.id);
        grant.intent = Intent::None;
        grant.confirmed_at = Some(self.now().micros());
        grant.missed_at = None;
        grant
    }

    /// What a grant is for in Kisi's words, and the role to be given.
    pub(super) fn in_kisi(&self, grant: &row::Grant) -> Option<(AppliesTo, String)> {
        let account = &self.snapshot.account;
        let roles = DoorRoles::of_account(account).unwrap_or_default();
        match grant.scope_kind {
            ScopeKind::Group | ScopeKind::Lock => {
                let group = self.snapshot.groups.get(&grant.scope_id)?;
                Some((AppliesTo::Group(group.kisi_id), GROUP_ROLE.to_owned()))
            }
            ScopeKind::Place => {
                let place = self.snapshot.places.get(&grant.scope_id)?;
                Some((AppliesTo::Place(place.kisi_id), roles.place?))
            }
            ScopeKind::Account => Some((
                AppliesTo::Organization(account.organization_id?),
                roles.organization?,
            )),
        }
    }

    pub(super) async fn learn(
        &self,
        change: Option<Ability>,
        duplicate_assignments: Option<Ability>,
    ) -> Result<(), StoreError> {
        let stored = |ability| match ability {
            Ability::Unknown => row::Ability::Unknown,
            Ability::Yes => row::Ability::Yes,
            Ability::No => row::Ability::No,
        };
        let known = self.snapshot.learn(change, duplicate_assignments);
        let (change, duplicate_assignments) = (
            stored(known.change_window),
            stored(known.duplicate_assignments),
        );
        let id = self.snapshot.account.id;
        self.app
            .db
            .write(move |tx| {
                Box::pin(async move {
                    kisi_accounts::set_abilities(tx, id, change, duplicate_assignments).await
                })
            })
            .await
    }
}

/// A group or place that Kisi does not know was likely removed there: read everything again soon.
pub async fn read_setup_again(pass: &Pass<'_>) -> Result<(), StoreError> {
    let (id, now) = (pass.snapshot.account.id, pass.now().micros());
    pass.app
        .db
        .write(move |tx| Box::pin(async move { kisi_accounts::request_sweep(tx, id, now).await }))
        .await
}

pub fn find(member_state: &MemberState, id: Id) -> Option<row::Grant> {
    member_state
        .grants
        .iter()
        .find(|grant| grant.id.as_u128() == id.0)
        .cloned()
}

/// An assignment's window.
pub fn window_of(held: &Assignment) -> Span {
    Span::new(
        Instant::from_option_start(held.valid_from.map(Instant::from_timestamp)),
        Instant::from_option_end(held.valid_until.map(Instant::from_timestamp)),
    )
}

pub fn ends(window: Span) -> (Option<Timestamp>, Option<Timestamp>) {
    (
        window.from.known().map(Instant::timestamp),
        window.until.known().map(Instant::timestamp),
    )
}

pub fn stored(window: Span) -> (Option<i64>, Option<i64>) {
    (
        window.from.known().map(Instant::micros),
        window.until.known().map(Instant::micros),
    )
}

pub fn stored_scope(scope: AccessScope) -> (ScopeKind, Uuid) {
    match scope {
        AccessScope::Group(id) => (ScopeKind::Group, Uuid::from_u128(id.0)),
        AccessScope::Place(id) => (ScopeKind::Place, Uuid::from_u128(id.0)),
        AccessScope::Account(id) => (ScopeKind::Account, Uuid::from_u128(id.0)),
    }
}

/// How long to wait before the next try: growing, and never all at once.
pub fn back_off(failures: u32, first: Duration, most: Duration) -> Duration {
    let grown = first.saturating_mul(1u32 << failures.min(16)).min(most);
    let spread = u32::from(crate::secret::random_byte());
    grown.saturating_sub(grown.saturating_mul(spread) / 1024)
}
