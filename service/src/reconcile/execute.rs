//! Executes the steps of a plan, one call after the other. It decides nothing: after an unexpected response it stores what Kisi
//! holds and plans again. The intent of each write is stored before the call, so that a lost response or a crash leaves a call
//! with an unknown outcome that `recover` resolves.

use std::{sync::Arc, time::Duration};

use access::{Ability, AccessScope, Id, Instant, Plan, Span, Step};
use jiff::Timestamp;
use tokio::sync::MutexGuard;

use super::{
    account_snapshot::AccountSnapshot,
    flight::Flight,
    member_state::{Assessment, Blocked, MemberState},
    record::Write,
    replacing::replaced_scope,
    sweep::RecentWrites,
    worker::Worker,
};
use crate::{
    app::App,
    connect::DoorRoles,
    kisi::{self, AppliesTo, Assignment, Client, Error},
    ownership::Ownership,
    store::{
        StoreError,
        convert::{ability_column, span_columns},
        due, kisi_accounts,
        row::{self, GrantState, HistoryKind, Intent, ScopeKind},
    },
    transaction,
};

/// How often a member is planned again within one pass before it is retried later.
const MAX_ROUNDS: usize = 12;

/// Kisi's role that can only open the doors of a group.
pub const GROUP_ROLE: &str = "group_basic";

/// Why the work on an account pauses.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Kisi did not respond, or refused the call.
    #[error("Kisi: {0}")]
    Kisi(#[from] Error),
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The account's credentials cannot be decrypted with the key of this service.
    #[error("the credentials of the account cannot be decrypted")]
    Credentials,
    /// Another process may work on the account now.
    #[error("the account may belong to another process")]
    NotOwned,
}

/// The result of serving one member.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Kisi holds what it should. The member is planned again at the instant, if any.
    Settled(Option<Instant>),
    /// The rules want the member in a group whose assignments were not read yet.
    AwaitingRead,
    /// Kisi refused something that may work later, or the plan did not become empty: a retry is scheduled.
    Retry,
    /// Kisi refused something that a person must fix. An event, an edit, a difference found by a sweep, or a request to retry
    /// marks the member due. The rest is planned again at the instant, if any.
    Blocked(Option<Instant>),
    /// The outcome of a call is unknown, and cannot be looked up before this instant.
    Unknown(Instant),
    /// The member was marked due again, or something more urgent is due. The member stays due and is loaded again.
    Stale,
}

/// Whether the loaded state may still be used.
enum Freshness {
    Fresh,
    /// The member was marked due again since it was loaded, or something more urgent is due.
    Stale,
}

/// The result of one step.
pub enum StepOutcome {
    Completed,
    /// Kisi responded differently than planned.
    Replan,
}

/// The work on one member, with what it needs.
pub struct Pass<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) client: &'a Client,
    pub(super) ownership: &'a Ownership,
    pub(super) snapshot: &'a AccountSnapshot,
    pub(super) flight: &'a Flight<'a>,
    pub(super) worker: &'a Worker,
    pub(super) recent_writes: &'a RecentWrites,
    /// Whether a call to Kisi succeeded.
    pub(super) made_progress: bool,
    /// The scope in which an open assignment was deleted and its replacement is not created yet.
    pub(super) replacing: Option<AccessScope>,
    /// Held while an assignment is being replaced.
    pub(super) turn: Option<MutexGuard<'a, ()>>,
}

impl Pass<'_> {
    pub(super) fn now(&self) -> Instant {
        self.app.clock.now()
    }

    /// Resolves lost calls, plans and executes until nothing is left to do now.
    pub async fn serve(&mut self, member_state: &mut MemberState) -> Result<Outcome, AccountError> {
        for _ in 0..MAX_ROUNDS {
            // What a user had as a stranger counts in the plan.
            let mut queued = member_state.queued.iter();
            if queued.any(|write| matches!(write, Write::User { .. })) {
                self.store_queued(member_state).await?;
            }
            let (now, horizon) = (self.now(), self.app.config.horizon);
            match member_state.assess(self.snapshot, now, horizon) {
                Assessment::Blocked(Blocked::UnknownAnswer) => {
                    if let Some(at) = self.resolve_lost_calls(member_state).await? {
                        return Ok(Outcome::Unknown(at));
                    }
                }
                Assessment::Blocked(Blocked::FirstReading) => return Ok(Outcome::AwaitingRead),
                Assessment::Plan(plan) => {
                    if let Freshness::Stale = self.run_steps(member_state, &plan).await? {
                        return Ok(Outcome::Stale);
                    }
                }
                // A member who waits for the brake is not settled when this is stored.
                Assessment::Blocked(Blocked::Brake(again_at)) | Assessment::Settled(again_at) => {
                    return self.finish(member_state, again_at).await;
                }
            }
        }
        tracing::warn!(account = %self.snapshot.account.id, "the plan of a member did not become empty; the member is retried later");
        Ok(Outcome::Retry)
    }

    /// The outcome once no step is left but those that Kisi refused in this pass.
    async fn finish(
        &self,
        member_state: &mut MemberState,
        again_at: Option<Instant>,
    ) -> Result<Outcome, AccountError> {
        if member_state.refused_scopes.is_empty() {
            self.remove_refused_grants(member_state).await?;
            return Ok(Outcome::Settled(again_at));
        }
        Ok(if member_state.has_temporary_refusal {
            Outcome::Retry
        } else {
            Outcome::Blocked(again_at)
        })
    }

    /// Removes grants that Kisi refused and that are no longer wanted.
    async fn remove_refused_grants(
        &self,
        member_state: &mut MemberState,
    ) -> Result<(), AccountError> {
        let stale = member_state
            .grants
            .iter()
            .filter(|grant| grant.kisi_id.is_none() && grant.intent == Intent::None);
        for grant in stale.cloned().collect::<Vec<_>>() {
            self.remove_grant(member_state, &grant, None).await?;
        }
        Ok(())
    }

    async fn run_steps(
        &mut self,
        member_state: &mut MemberState,
        plan: &Plan,
    ) -> Result<Freshness, AccountError> {
        let lane = match plan.lane {
            access::Lane::Revocation => kisi::Lane::Urgent,
            access::Lane::Now => kisi::Lane::Soon,
            access::Lane::Rest | access::Lane::Cleanup => kisi::Lane::Rest,
        };
        let client = self.client_for(member_state, lane);
        for (nth, step) in plan.steps.iter().enumerate() {
            if !self.ownership.is_held() {
                return Err(AccountError::NotOwned);
            }
            let replaced = replaced_scope(member_state, plan, step, self.now());
            if replaced.is_some() && self.turn.is_none() {
                // One at a time: deletions for others would use up the rate limit that this creation needs.
                self.store_queued(member_state).await?;
                self.turn = Some(self.worker.replacing.turn().await);
            }
            let revokes = matches!(step, Step::Change { .. } | Step::Delete { .. });
            if (nth == 0 || revokes)
                && due::was_marked_since(self.app.db.read(), &member_state.due).await?
            {
                // The state may have been loaded halfway through a change: an old address beside a new membership, for example.
                return Ok(Freshness::Stale);
            }
            // A member between deletion and creation is finished first.
            if self.made_progress
                && self.replacing.is_none()
                && self.worker.must_yield(self.flight, member_state).await?
            {
                return Ok(Freshness::Stale);
            }
            let outcome = match *step {
                Step::CreateUser => self.create_user(&client, member_state, plan).await?,
                Step::Create { scope, window } => {
                    // The member may pass but cannot until the replacement exists, so it precedes everything else.
                    let is_half = self.replacing == Some(scope);
                    let lane = if is_half { kisi::Lane::Urgent } else { lane };
                    let client = self.client_for(member_state, lane);
                    self.create(&client, member_state, scope, window).await?
                }
                Step::Change { grant, window } => {
                    self.change(&client, member_state, grant, window).await?
                }
                Step::Delete { grant } => self.delete(&client, member_state, grant).await?,
            };
            if matches!(outcome, StepOutcome::Replan) {
                break;
            }
            self.made_progress = true;
            self.replacing = match *step {
                Step::Delete { .. } => replaced.or(self.replacing),
                Step::Create { scope, .. } => self.replacing.filter(|lacking| *lacking != scope),
                Step::CreateUser | Step::Change { .. } => self.replacing,
            };
            // Set at once, so that it is recorded even if this pass ends with an error.
            self.worker
                .replacing
                .set(member_state.due.member_id, self.replacing);
            if self.replacing.is_none() {
                self.turn = None;
            }
        }
        Ok(Freshness::Fresh)
    }

    /// The client for the calls of a member, which belong to the trace of the delivery that made the member due.
    pub(super) fn client_for(&self, member_state: &MemberState, lane: kisi::Lane) -> Client {
        let trace = self.app.traces.of(due::open_delivery(&member_state.due));
        self.client.in_lane(lane).traced(trace)
    }

    /// Queues that Kisi holds the requested assignment, as read from its response, with a history entry.
    pub(super) fn confirm(
        &self,
        member_state: &mut MemberState,
        grant: row::Grant,
        assignment: &Assignment,
        event: HistoryKind,
    ) {
        let grant = self.apply_assignment(grant, assignment);
        self.queue_grant(member_state, grant, Some(event));
    }

    /// Stores what Kisi holds instead of the requested assignment, without a history entry.
    pub(super) async fn store_actual(
        &self,
        member_state: &mut MemberState,
        grant: row::Grant,
        assignment: &Assignment,
    ) -> Result<(), StoreError> {
        let grant = self.apply_assignment(grant, assignment);
        self.store_grant(member_state, grant, None).await
    }

    pub(super) fn apply_assignment(
        &self,
        mut grant: row::Grant,
        assignment: &Assignment,
    ) -> row::Grant {
        let window = span_columns(window_of(assignment));
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
        grant.kisi_id = Some(assignment.id);
        grant.intent = Intent::None;
        grant.confirmed_at = Some(self.now().micros());
        grant.missed_at = None;
        grant
    }

    /// The target in Kisi and the role to assign. `None` if Kisi has no role there that can only open doors.
    pub(super) fn kisi_target(&self, grant: &row::Grant) -> Option<(AppliesTo, String)> {
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
        let abilities = self.snapshot.learn(change, duplicate_assignments);
        let (change, duplicate_assignments) = (
            ability_column(abilities.change_window),
            ability_column(abilities.duplicate_assignments),
        );
        let id = self.snapshot.account.id;
        transaction!(self.app.db, |tx| kisi_accounts::set_abilities(
            tx,
            id,
            change,
            duplicate_assignments
        )
        .await)
        .await
    }
}

/// Requests a sweep, because a group or place that Kisi does not know was probably deleted there.
pub async fn request_sweep(pass: &Pass<'_>) -> Result<(), StoreError> {
    let (id, now) = (pass.snapshot.account.id, pass.now().micros());
    transaction!(pass.app.db, |tx| kisi_accounts::request_sweep(tx, id, now)
        .await)
    .await
}

pub fn find_grant(member_state: &MemberState, id: Id) -> Option<row::Grant> {
    member_state
        .grants
        .iter()
        .find(|grant| grant.id.as_u128() == id.0)
        .cloned()
}

pub fn window_of(assignment: &Assignment) -> Span {
    Span::new(
        Instant::from_option_start(assignment.valid_from.map(Instant::from_timestamp)),
        Instant::from_option_end(assignment.valid_until.map(Instant::from_timestamp)),
    )
}

pub fn timestamps(window: Span) -> (Option<Timestamp>, Option<Timestamp>) {
    (
        window.from.known().map(Instant::timestamp),
        window.until.known().map(Instant::timestamp),
    )
}

/// The delay before the next retry: exponential, with jitter.
pub fn back_off(failures: u32, first: Duration, most: Duration) -> Duration {
    let grown = first.saturating_mul(1u32 << failures.min(16)).min(most);
    let spread = u32::from(crate::secret::random_byte());
    grown.saturating_sub(grown.saturating_mul(spread) / 1024)
}
