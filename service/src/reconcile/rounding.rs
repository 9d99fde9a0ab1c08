//! Windows that Kisi does not store as requested. The requested window is stored beside the one Kisi holds, so that a request
//! with a known response is not repeated. The unit to which Kisi rounds is learned, so that later requests are rounded to it. A
//! response counts as rounded only if a unit of up to an hour explains it.

use access::{Ability, Desired, Grant, Granularity, Instant, Span, WindowMatch};

use super::{
    account_snapshot::AccountSnapshot,
    execute::{AccountError, Pass, StepOutcome, window_of},
    member_state::MemberState,
};
use crate::{
    kisi::Assignment,
    store::{
        StoreError,
        convert::{span, span_columns},
        kisi_accounts,
        row::{self, GrantState, HistoryKind},
    },
    transaction,
};

/// The problem of a grant whose window Kisi stored with other times that no rounding explains.
const OTHER_TIMES: &str = "Kisi stored other times than requested. The request is not repeated until the wanted times or \
                           those in Kisi change.";

impl MemberState {
    /// The unit to which requests for this member are rounded: the one on trial, else the known one of the account.
    pub(super) fn granularity(&self, snapshot: &AccountSnapshot) -> Granularity {
        let known = snapshot.abilities();
        // If another member showed meanwhile that windows cannot be changed, no trial makes sense.
        let tried = self
            .tried_granularity
            .filter(|_| known.change_window.may_work());
        tried.unwrap_or(known.granularity)
    }

    /// Replaces the windows of rounded assignments by the requested ones: time that Kisi added is no loss when it ends.
    pub(super) fn use_requested_windows(&self, grants: &mut [Grant]) {
        for row in self.grants.iter().filter(|row| row.asked_differs) {
            let id = row.id.as_u128();
            if let Some(grant) = grants.iter_mut().find(|grant| grant.id.0 == id) {
                grant.window = span(row.asked_from, row.asked_until);
            }
        }
    }

    /// Replaces the window of an assignment by the requested one if the same request would be made now, so that it is not
    /// repeated. Returns the earliest requested end among assignments that Kisi holds for longer, when the member must be planned
    /// again.
    pub(super) fn accept_rounded_windows(
        &self,
        snapshot: &AccountSnapshot,
        desired: &[Desired],
        grants: &mut [Grant],
        now: Instant,
    ) -> Option<Instant> {
        let mut held_longer: Option<Instant> = None;
        for row in self.grants.iter().filter(|row| row.asked_differs) {
            let id = row.id.as_u128();
            let Some(grant) = grants.iter_mut().find(|grant| grant.id.0 == id) else {
                continue;
            };
            let requested = span(row.asked_from, row.asked_until);
            let wishes = desired.iter().filter(|wish| wish.scope == grant.scope);
            let mut wanted = wishes
                .flat_map(|wish| &wish.windows)
                .map(|window| self.granularity(snapshot).outward(window));
            let is_requested = |wanted: &Span| {
                let has_begun = wanted.from <= now && requested.from <= now;
                wanted.until == requested.until && (wanted.from == requested.from || has_begun)
            };
            if requested.until <= now || !wanted.any(|wanted| is_requested(&wanted)) {
                continue;
            }
            if grant.window.until > requested.until {
                held_longer = held_longer.into_iter().chain([requested.until]).min();
            }
            grant.window = requested;
        }
        held_longer
    }
}

impl Pass<'_> {
    /// Queues the assignment that Kisi returned for the requested window, and learns its rounding from it.
    pub(super) async fn store_answer(
        &mut self,
        member_state: &mut MemberState,
        grant: row::Grant,
        assignment: &Assignment,
        event: Option<HistoryKind>,
    ) -> Result<(), StoreError> {
        let requested = span(grant.want_from, grant.want_until);
        let answer = WindowMatch::of(&requested, &window_of(assignment));
        let mut grant = self.apply_assignment(grant, assignment);
        // As long as windows may be changeable, the plan tries a change first.
        let is_unexplained =
            answer == WindowMatch::Other && !self.snapshot.abilities().change_window.may_work();
        if is_unexplained {
            grant.state = GrantState::Failed;
            grant.problem = Some(OTHER_TIMES.to_owned());
        }
        if is_unexplained || matches!(answer, WindowMatch::Rounded(_)) {
            grant.asked_differs = true;
            (grant.asked_from, grant.asked_until) = span_columns(requested);
        }
        self.queue_grant(member_state, grant, event);
        match answer {
            WindowMatch::Rounded(unit) => self.learn_granularity(unit).await,
            WindowMatch::Exact | WindowMatch::Other => Ok(()),
        }
    }

    /// Stores the result of a change as read back, and learns from it.
    pub(super) async fn store_change(
        &mut self,
        member_state: &mut MemberState,
        grant: row::Grant,
        assignment: &Assignment,
    ) -> Result<StepOutcome, AccountError> {
        let requested = span(grant.want_from, grant.want_until);
        let was_untouched = window_of(assignment) == span(grant.valid_from, grant.valid_until);
        let knows_change = self.snapshot.abilities().change_window == Ability::Yes;
        match WindowMatch::of(&requested, &window_of(assignment)) {
            WindowMatch::Exact => {
                self.confirm(member_state, grant, assignment, HistoryKind::Changed);
                if let Some(unit) = member_state.tried_granularity.take() {
                    self.learn_granularity(unit).await?;
                }
                if !knows_change {
                    self.learn(Some(Ability::Yes), None).await?;
                }
                Ok(StepOutcome::Completed)
            }
            WindowMatch::Rounded(_) if !was_untouched => {
                self.store_answer(member_state, grant, assignment, Some(HistoryKind::Changed))
                    .await?;
                if !knows_change {
                    self.learn(Some(Ability::Yes), None).await?;
                }
                Ok(StepOutcome::Replan)
            }
            // Kisi either ignored the change or rounded it to the old window. A coarser request tells which: if Kisi rounds, it
            // succeeds eventually; if not, no unit explains the response any more.
            WindowMatch::Rounded(unit)
                if unit > member_state.granularity(self.snapshot)
                    && (knows_change || self.knows_rounding()) =>
            {
                self.store_actual(member_state, grant, assignment).await?;
                // Somebody may have undone the change just now, so the same request is repeated once before a coarser one.
                let same = member_state.granularity(self.snapshot);
                let is_first = member_state.tried_granularity.is_none();
                member_state.tried_granularity = Some(if is_first { same } else { unit });
                Ok(StepOutcome::Replan)
            }
            WindowMatch::Rounded(_) | WindowMatch::Other => {
                // Kisi reported success but changed nothing.
                self.store_actual(member_state, grant, assignment).await?;
                member_state.tried_granularity = None;
                self.learn(Some(Ability::No), None).await?;
                Ok(StepOutcome::Replan)
            }
        }
    }

    fn knows_rounding(&self) -> bool {
        self.snapshot.abilities().granularity > Granularity::SECOND
    }

    async fn learn_granularity(&self, unit: Granularity) -> Result<(), StoreError> {
        if !self.snapshot.learn_granularity(unit) {
            return Ok(());
        }
        let (id, seconds) = (self.snapshot.account.id, unit.seconds());
        tracing::info!(account = %id, granularity_s = seconds, "Kisi rounds windows");
        let db = &self.app.db;
        transaction!(db, |tx| kisi_accounts::set_granularity(tx, id, seconds)
            .await)
        .await
    }
}

/// Whether a window found in Kisi, without a response that identifies it, may be the rounded form of a requested one. People
/// often enter whole hours by hand, so only units up to a minute, or the known unit, explain a difference.
pub(super) fn is_plausible_answer(requested: &Span, found: &Span, known: Granularity) -> bool {
    match WindowMatch::of(requested, found) {
        WindowMatch::Exact => true,
        WindowMatch::Rounded(unit) => unit <= known.max(Granularity::MINUTE),
        WindowMatch::Other => false,
    }
}

/// The assignment that results from a request: one with exactly this window, else a rounded one that the account's own user
/// created.
pub(super) fn find_answer<'h>(
    requested: &Span,
    assignments: impl IntoIterator<Item = &'h Assignment>,
    snapshot: &AccountSnapshot,
) -> Option<&'h Assignment> {
    let (own_user, granularity) = (
        snapshot.account.kisi_user_id,
        snapshot.abilities().granularity,
    );
    let mut rounded = None;
    for assignment in assignments {
        let window = window_of(assignment);
        if window == *requested {
            return Some(assignment);
        }
        let is_own = own_user.is_some() && assignment.created_by_id == own_user;
        if is_own && is_plausible_answer(requested, &window, granularity) {
            rounded = rounded.or(Some(assignment));
        }
    }
    rounded
}
