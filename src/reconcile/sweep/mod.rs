//! Reads everything in Kisi that this service looks after, a list at a time and in the last lane, and compares it with what
//! is known here. It never acts: it writes down what it saw, marks the members concerned due, and the loop does the rest, by
//! the plan and the brake. A list that is not whole ends the sweep, and nothing is concluded from it. What is missing is
//! concluded by nobody before that person's own assignments were read. Last, whatever is known is compared with what the
//! rules want now, so that a change that was missed for any reason is found. Called by the worker that holds the lease.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use access::Instant;
use uuid::Uuid;

use super::{execute::AccountError, member_state::AccountSnapshot, setup};
use crate::{
    app::App,
    kisi::{AppliesTo, AssignmentFilter, Client, Guard, Lane},
    metrics::SweepDrift,
    store::{
        ClubScope, StoreError, due, kisi_accounts,
        row::{self, ScopeKind},
        setup as stored, sweep,
    },
};

pub(super) mod compare;
pub(super) mod conclude;
pub(super) mod email_matches;
mod list;
mod overlooked;
mod recent_writes;
mod scheduler;

pub use recent_writes::RecentWrites;
pub use scheduler::SweepScheduler;

/// What the brake and the history are told of a member whose grant is gone in Kisi.
const GONE: &str = "Kisi: what was given here is gone there";
/// … whose grant has another window.
const CHANGED: &str = "Kisi: times were changed there by somebody else";
/// … who has something in a group that is this service's own.
const STRANGERS: &str = "Kisi: strangers are in a group that is this service's own";
/// … whom somebody else had let in.
const LET_IN: &str = "Kisi: somebody else had let the member in";
/// … who is there twice.
const TWICE: &str = "Kisi: somebody is there twice";
/// … of whom it was not known what Kisi holds.
const UNKNOWN: &str = "Kisi: an answer was lost";

/// What a sweep saw.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lists of assignments that were read.
    pub lists: u64,
    /// Assignments in them.
    pub rows: u64,
    /// What differs.
    pub found: SweepDrift,
    /// Something is to be looked at again soon.
    pub is_doubtful: bool,
    /// Members whose work was said to be done though it was not.
    pub overlooked: u64,
}

/// One sweep of one account.
pub struct Sweep {
    app: Arc<App>,
    account: row::KisiAccount,
    scope: ClubScope,
    client: Client,
    /// Whether the lease is held.
    guard: Guard,
    recent_writes: Arc<RecentWrites>,
    began: Instant,
}

/// One list to be read.
struct Subject {
    at: (ScopeKind, Uuid),
    filter: AssignmentFilter,
    applies_to: AppliesTo,
    /// The group, where it is one.
    group: Option<row::Group>,
    /// Whether whatever is not wanted there is to go.
    removes: bool,
}

impl Sweep {
    /// Reads and compares all of it.
    pub async fn run(self) -> Result<Report, AccountError> {
        // The first reading is waited for: before it nobody knows which group opens which door.
        let lane = match self.account.last_read_at {
            None => Lane::Rest,
            Some(_) => Lane::Sweep,
        };
        let mut report = Report::default();
        // Nothing is written to a group that is taken over before it was read.
        let unread = stored::unread(self.app.db.read(), self.scope, self.account.id).await?;
        let just_read: BTreeSet<Uuid> = unread.iter().map(|group| group.id).collect();
        for group in unread {
            let subject = Subject::of_group(group, false);
            self.list(&subject, Lane::Rest, &mut report).await?;
        }
        let setup = self.client.in_lane(lane);
        report.is_doubtful |= setup::read(&self.app, &self.account, &setup, &self.guard).await?;
        let snapshot = self.evaluated_ground().await?;
        for subject in self.subjects(&snapshot).await? {
            if subject.removes || !just_read.contains(&subject.at.1) {
                self.list(&subject, Lane::Sweep, &mut report).await?;
            }
        }
        report.overlooked = self.overlooked().await?;
        self.finish(report).await?;
        Ok(report)
    }

    /// The account's snapshot. Strangers of a group may be removed once everybody was evaluated under its rules, which is noted
    /// here.
    async fn evaluated_ground(&self) -> Result<AccountSnapshot, StoreError> {
        let (db, id, now) = (&self.app.db, self.account.id, self.app.clock.now().micros());
        let mut snapshot = AccountSnapshot::load(db, self.account.clone()).await?;
        let groups = snapshot.waiting_for_evaluation();
        // The rules were read first, so whoever they mark is seen.
        if groups.is_empty() || !due::without_lane(db.read(), id, now, 1).await?.is_empty() {
            return Ok(snapshot);
        }
        for group in &groups {
            if let Some(group) = snapshot.groups.get_mut(group) {
                group.evaluated_at = Some(now);
            }
        }
        let scope = self.scope;
        let noted: Result<(), StoreError> = db
            .write(move |tx| {
                Box::pin(async move {
                    stored::mark_evaluated(tx, scope, &groups, now).await?;
                    // What others made there was left alone until now.
                    let holders = sweep::external_holders(tx, scope, &groups).await?;
                    let cause = due::Cause::enforced(STRANGERS);
                    let marks = holders.into_iter().map(|member| (member, cause.clone()));
                    due::mark_in(tx, scope, &[id], marks.collect(), now).await
                })
            })
            .await;
        noted?;
        self.app.waker.wake();
        Ok(snapshot)
    }

    /// Managed groups that were read before, and the places and the organization where something is shared.
    async fn subjects(&self, snapshot: &AccountSnapshot) -> Result<Vec<Subject>, StoreError> {
        let (db, id) = (self.app.db.read(), self.account.id);
        let mut subjects: Vec<Subject> = snapshot
            .groups
            .values()
            .filter(|group| group.managed && group.read_at.is_some())
            .filter(|group| group.gone_at.is_none() && group.missing_since.is_none())
            .map(|group| Subject::of_group(group.clone(), snapshot.removes(group.id)))
            .collect();
        subjects.sort_by_key(|subject| subject.at.1);
        let places = stored::places(db, self.scope, id).await?;
        let places: BTreeMap<Uuid, row::Place> =
            places.into_iter().map(|place| (place.id, place)).collect();
        for at in sweep::shared_scopes(db, self.scope, id).await? {
            let place = places
                .get(&at.1)
                .filter(|place| place.gone_at.is_none() && place.missing_since.is_none());
            let found = match (at.0, place, self.account.organization_id) {
                (ScopeKind::Place, Some(place), _) => Some((
                    AssignmentFilter::Place(place.kisi_id),
                    AppliesTo::Place(place.kisi_id),
                )),
                (ScopeKind::Account, _, Some(organization)) => Some((
                    AssignmentFilter::Organization,
                    AppliesTo::Organization(organization),
                )),
                _ => None,
            };
            subjects.extend(found.map(|(filter, applies_to)| Subject {
                at,
                filter,
                applies_to,
                group: None,
                removes: false,
            }));
        }
        Ok(subjects)
    }

    /// The sweep is whole.
    async fn finish(&self, report: Report) -> Result<(), AccountError> {
        if !(self.guard)() {
            return Err(AccountError::LeaseLost);
        }
        let (scope, id, due_at) = (self.scope, self.account.id, self.account.read_due_at);
        let (now, interval) = (self.app.clock.now(), self.app.config.sweep_interval);
        let wait = if report.is_doubtful {
            interval.min(setup::LOOK_AGAIN)
        } else {
            interval
        };
        let done: Result<(), StoreError> = self
            .app
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let cause = due::Cause::enforced(UNKNOWN);
                    let unresolved = sweep::unresolved(tx, scope, id).await?;
                    let marks = unresolved.into_iter().map(|member| (member, cause.clone()));
                    due::mark_in(tx, scope, &[id], marks.collect(), now.micros()).await?;
                    sweep::forget_strangers(tx, scope, id).await?;
                    // One that was taken over meanwhile waits for its first reading.
                    let unread = stored::unread(tx, scope, id).await?;
                    let wait = if unread.is_empty() {
                        wait
                    } else {
                        Duration::ZERO
                    };
                    let again_at = now.plus(wait).micros();
                    kisi_accounts::record_sweep(tx, id, now.micros(), due_at, again_at).await
                })
            })
            .await;
        self.app.waker.wake();
        Ok(done?)
    }
}

impl Subject {
    fn of_group(group: row::Group, removes: bool) -> Self {
        Self {
            at: (ScopeKind::Group, group.id),
            filter: AssignmentFilter::Group(group.kisi_id),
            applies_to: AppliesTo::Group(group.kisi_id),
            group: Some(group),
            removes,
        }
    }

    /// The group, where it is read for the first time.
    fn unread_group(&self) -> Option<&row::Group> {
        self.group.as_ref().filter(|group| group.read_at.is_none())
    }
}
