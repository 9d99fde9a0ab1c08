//! A sweep reads all that this service manages in a Kisi account, list by list at the lowest priority, and compares it with the
//! stored state. It changes nothing in Kisi: it stores differences and marks members due, and the loop plans and asks the brake.
//! An incomplete list ends the sweep without a result. A grant missing in a list counts as lost only after that person's own
//! assignments were read. At the end, the stored state is compared with the rules, so that any missed change is found. Called by
//! the worker of the account.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use access::Instant;
use uuid::Uuid;

use super::{account_snapshot::AccountSnapshot, execute::AccountError, setup};
use crate::{
    app::App,
    jitter::spread,
    kisi::{AppliesTo, AssignmentFilter, Client, Guard, Lane},
    metrics::SweepDrift,
    store::{
        ClubScope, StoreError, due, kisi_accounts,
        row::{self, ScopeKind},
        setup as stored, sweep,
    },
    transaction,
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

/// The result of a sweep.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Number of lists of assignments.
    pub lists: u64,
    /// Number of assignments in them.
    pub rows: u64,
    /// The differences, for the metrics.
    pub found: SweepDrift,
    /// Whether the next sweep should run soon.
    pub is_doubtful: bool,
    /// Number of settled members whose assignments in Kisi differed from what the rules want.
    pub overlooked: u64,
}

/// One sweep of one account.
pub struct Sweep {
    app: Arc<App>,
    account: row::KisiAccount,
    scope: ClubScope,
    client: Client,
    /// Whether the account certainly belongs to this process.
    guard: Guard,
    recent_writes: Arc<RecentWrites>,
    began: Instant,
}

/// One list to be read.
struct Listing {
    at: (ScopeKind, Uuid),
    filter: AssignmentFilter,
    applies_to: AppliesTo,
    /// The group, if the list is of a group.
    group: Option<row::Group>,
    /// Whether unwanted external assignments are deleted.
    removes_strangers: bool,
}

impl Sweep {
    /// Runs the whole sweep.
    pub async fn run(self) -> Result<Report, AccountError> {
        // The first sweep is urgent: before it, the doors of the groups are unknown.
        let lane = match self.account.last_read_at {
            None => Lane::Rest,
            Some(_) => Lane::Sweep,
        };
        let mut report = Report::default();
        // Nothing is written to a newly managed group before it was read, so these groups come first.
        let unread = stored::unread(self.app.db.read(), self.scope, self.account.id).await?;
        let just_read: BTreeSet<Uuid> = unread.iter().map(|group| group.id).collect();
        for group in unread {
            let listing = Listing::of_group(group, false);
            self.list(&listing, Lane::Rest, &mut report).await?;
        }
        let setup = self.client.in_lane(lane);
        report.is_doubtful |= setup::read(&self.app, &self.account, &setup, &self.guard).await?;
        let snapshot = self.load_snapshot().await?;
        for listing in self.listings(&snapshot).await? {
            if listing.removes_strangers || !just_read.contains(&listing.at.1) {
                self.list(&listing, Lane::Sweep, &mut report).await?;
            }
        }
        report.overlooked = self.mark_overlooked().await?;
        self.finish(report).await?;
        Ok(report)
    }

    /// Loads the snapshot. Also records for groups that remove strangers that all members were evaluated under their rules, if no
    /// due member is unsorted.
    async fn load_snapshot(&self) -> Result<AccountSnapshot, StoreError> {
        let (db, id, now) = (&self.app.db, self.account.id, self.app.clock.now().micros());
        let mut snapshot = AccountSnapshot::load(db, self.account.clone()).await?;
        let groups = snapshot.awaiting_evaluation();
        // The rules were loaded before this query, so it sees the members that their edits marked due.
        if groups.is_empty() || !due::without_lane(db.read(), id, now, 1).await?.is_empty() {
            return Ok(snapshot);
        }
        for group in &groups {
            if let Some(group) = snapshot.groups.get_mut(group) {
                group.evaluated_at = Some(now);
            }
        }
        let scope = self.scope;
        let saved: Result<(), StoreError> = transaction!(db, |tx| {
            stored::mark_evaluated(tx, scope, &groups, now).await?;
            // Until now their external assignments were kept, so the holders are due.
            let holders = sweep::external_holders(tx, scope, &groups).await?;
            let cause = due::Cause::recurring(due::Recurring::Strangers);
            let marks = holders.into_iter().map(|member| (member, cause.clone()));
            due::mark_in(tx, scope, &[id], marks.collect(), now).await
        })
        .await;
        saved?;
        self.app.waker.wake(self.scope);
        Ok(snapshot)
    }

    /// The lists to read: managed groups that were read before, and places and the organization if they have shares.
    async fn listings(&self, snapshot: &AccountSnapshot) -> Result<Vec<Listing>, StoreError> {
        let (db, id) = (self.app.db.read(), self.account.id);
        let mut listings: Vec<Listing> = snapshot
            .groups
            .values()
            .filter(|group| group.managed && group.read_at.is_some())
            .filter(|group| group.gone_at.is_none() && group.missing_since.is_none())
            .map(|group| Listing::of_group(group.clone(), snapshot.removes_strangers(group.id)))
            .collect();
        listings.sort_by_key(|listing| listing.at.1);
        let places = stored::places(db, self.scope, id).await?;
        let places: BTreeMap<Uuid, row::Place> =
            places.into_iter().map(|place| (place.id, place)).collect();
        for at in sweep::shared_scopes(db, self.scope, id).await? {
            let place = places
                .get(&at.1)
                .filter(|place| place.gone_at.is_none() && place.missing_since.is_none());
            let list = match (at.0, place, self.account.organization_id) {
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
            listings.extend(list.map(|(filter, applies_to)| Listing {
                at,
                filter,
                applies_to,
                group: None,
                removes_strangers: false,
            }));
        }
        Ok(listings)
    }

    /// Marks members with unresolved grants due, and schedules the next sweep.
    async fn finish(&self, report: Report) -> Result<(), AccountError> {
        if !(self.guard)() {
            return Err(AccountError::NotOwned);
        }
        let (scope, id, due_at) = (self.scope, self.account.id, self.account.read_due_at);
        let (now, interval) = (
            self.app.clock.now(),
            spread(self.app.config.sweep_interval, id),
        );
        let wait = if report.is_doubtful {
            interval.min(setup::LOOK_AGAIN)
        } else {
            interval
        };
        let saved: Result<(), StoreError> = transaction!(self.app.db, |tx| {
            let cause = due::Cause::recurring(due::Recurring::LostAnswer);
            let unresolved = sweep::unresolved(tx, scope, id).await?;
            let marks = unresolved.into_iter().map(|member| (member, cause.clone()));
            due::mark_in(tx, scope, &[id], marks.collect(), now.micros()).await?;
            sweep::forget_strangers(tx, scope, id).await?;
            // A group that became managed meanwhile waits for its first read.
            let unread = stored::unread(tx, scope, id).await?;
            let wait = if unread.is_empty() {
                wait
            } else {
                Duration::ZERO
            };
            let again_at = now.plus(wait).micros();
            kisi_accounts::record_sweep(tx, id, now.micros(), due_at, again_at).await
        })
        .await;
        self.app.waker.wake(self.scope);
        Ok(saved?)
    }
}

impl Listing {
    fn of_group(group: row::Group, removes_strangers: bool) -> Self {
        Self {
            at: (ScopeKind::Group, group.id),
            filter: AssignmentFilter::Group(group.kisi_id),
            applies_to: AppliesTo::Group(group.kisi_id),
            group: Some(group),
            removes_strangers,
        }
    }

    /// The group, if it has not been read before.
    fn unread_group(&self) -> Option<&row::Group> {
        self.group.as_ref().filter(|group| group.read_at.is_none())
    }
}
