//! Windows that Kisi does not keep as they were asked for. What was asked for is stored beside what Kisi holds, so that a
//! request is not repeated whose answer is known; and what Kisi rounds to is learned, so that it is asked for what it keeps.
//! Never believes that an answer is rounded where no unit of time up to an hour explains it.

use access::{Ability, Desired, Grant, Granularity, Instant, Span, WindowMatch};

use super::{
    execute::{AccountError, Pass, StepOutcome, stored, window_of},
    member_state::{AccountSnapshot, MemberState, window},
};
use crate::{
    kisi::Assignment,
    store::{
        StoreError, kisi_accounts,
        row::{self, GrantState, HistoryKind},
    },
};

/// Said of a grant whose window Kisi answers with one that no rounding explains.
const OTHER_TIMES: &str = "Kisi does not keep the times that it was asked for, and holds others: it is not asked again \
                           until the times that are wanted, or those that it holds, change.";

impl MemberState {
    /// What Kisi rounds windows to, as far as is known, or being tried for this member.
    pub(super) fn granularity(&self, snapshot: &AccountSnapshot) -> Granularity {
        let known = snapshot.abilities();
        // Others may have learned meanwhile that no window can be changed: then nothing is tried.
        let tried = self
            .tried_granularity
            .filter(|_| known.change_window.may_work());
        tried.unwrap_or(known.granularity)
    }

    /// Gives assignments the windows that were asked for: what Kisi holds beyond them was given to nobody, and is no loss.
    pub(super) fn as_given(&self, grants: &mut [Grant]) {
        for row in self.grants.iter().filter(|row| row.asked_differs) {
            let id = row.id.as_u128();
            if let Some(grant) = grants.iter_mut().find(|grant| grant.id.0 == id) {
                grant.window = window(row.asked_from, row.asked_until);
            }
        }
    }

    /// Lets an assignment count as what was asked for, where it is Kisi's answer to just what would be asked for now. When the
    /// first of these has to be looked at, because Kisi holds it for longer than is wanted.
    pub(super) fn count_answers(
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
            let asked = window(row.asked_from, row.asked_until);
            let wishes = desired.iter().filter(|wish| wish.scope == grant.scope);
            let mut wanted = wishes
                .flat_map(|wish| &wish.windows)
                .map(|window| self.granularity(snapshot).outward(window));
            let is_asked = |wanted: &Span| {
                let has_begun = wanted.from <= now && asked.from <= now;
                wanted.until == asked.until && (wanted.from == asked.from || has_begun)
            };
            if asked.until <= now || !wanted.any(|wanted| is_asked(&wanted)) {
                continue;
            }
            if grant.window.until > asked.until {
                held_longer = held_longer.into_iter().chain([asked.until]).min();
            }
            grant.window = asked;
        }
        held_longer
    }
}

impl Pass<'_> {
    /// Stores Kisi's answer to what a grant asks for, and learns from it.
    pub(super) async fn answered(
        &mut self,
        member_state: &mut MemberState,
        grant: row::Grant,
        held: &Assignment,
        event: Option<HistoryKind>,
    ) -> Result<(), StoreError> {
        let asked = window(grant.want_from, grant.want_until);
        let answer = WindowMatch::of(&asked, &window_of(held));
        let mut grant = self.held(grant, held);
        // Another window is worth a try by a change, as long as windows may be changed.
        let has_other_times =
            answer == WindowMatch::Other && !self.snapshot.abilities().change_window.may_work();
        if has_other_times {
            grant.state = GrantState::Failed;
            grant.problem = Some(OTHER_TIMES.to_owned());
        }
        if has_other_times || matches!(answer, WindowMatch::Rounded(_)) {
            grant.asked_differs = true;
            (grant.asked_from, grant.asked_until) = stored(asked);
        }
        self.put(member_state, grant, event).await?;
        match answer {
            WindowMatch::Rounded(unit) => self.learn_granularity(unit).await,
            WindowMatch::Exact | WindowMatch::Other => Ok(()),
        }
    }

    /// What came of a change, as read back.
    pub(super) async fn changed(
        &mut self,
        member_state: &mut MemberState,
        grant: row::Grant,
        held: &Assignment,
    ) -> Result<StepOutcome, AccountError> {
        let asked = window(grant.want_from, grant.want_until);
        let was_untouched = window_of(held) == window(grant.valid_from, grant.valid_until);
        let knows_change = self.snapshot.abilities().change_window == Ability::Yes;
        match WindowMatch::of(&asked, &window_of(held)) {
            WindowMatch::Exact => {
                self.confirm(member_state, grant, held, HistoryKind::Changed)
                    .await?;
                if let Some(unit) = member_state.tried_granularity.take() {
                    self.learn_granularity(unit).await?;
                }
                if !knows_change {
                    self.learn(Some(Ability::Yes), None).await?;
                }
                Ok(StepOutcome::Yes)
            }
            WindowMatch::Rounded(_) if !was_untouched => {
                self.answered(member_state, grant, held, Some(HistoryKind::Changed))
                    .await?;
                if !knows_change {
                    self.learn(Some(Ability::Yes), None).await?;
                }
                Ok(StepOutcome::Learned)
            }
            // Either it was ignored, or it is rounded to what was there. A coarser request tells: where Kisi rounds, it gets
            // done in the end, and where it does not, no unit explains the answer any more.
            WindowMatch::Rounded(unit)
                if unit > member_state.granularity(self.snapshot)
                    && (knows_change || self.knows_rounding()) =>
            {
                self.as_held(member_state, grant, held).await?;
                // Somebody may just have undone it: the same is asked for once more before anything coarser.
                let same = member_state.granularity(self.snapshot);
                let is_first = member_state.tried_granularity.is_none();
                member_state.tried_granularity = Some(if is_first { same } else { unit });
                Ok(StepOutcome::Learned)
            }
            WindowMatch::Rounded(_) | WindowMatch::Other => {
                // It said yes and did nothing.
                self.as_held(member_state, grant, held).await?;
                member_state.tried_granularity = None;
                self.learn(Some(Ability::No), None).await?;
                Ok(StepOutcome::Learned)
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
        db.write(move |tx| {
            Box::pin(async move { kisi_accounts::set_granularity(tx, id, seconds).await })
        })
        .await
    }
}

/// Whether a window that was found in Kisi, without an answer that names it, came of one that was asked for. People make windows
/// of whole hours by hand, so only minutes explain a difference, or what is known already.
pub(super) fn is_answer(asked: &Span, found: &Span, known: Granularity) -> bool {
    match WindowMatch::of(asked, found) {
        WindowMatch::Exact => true,
        WindowMatch::Rounded(unit) => unit <= known.max(Granularity::MINUTE),
        WindowMatch::Other => false,
    }
}

/// Of what a person holds, the assignment that came of a window that was asked for: just that, or one that this service's own
/// user made and that is rounded.
pub(super) fn answer_to<'h>(
    asked: &Span,
    held: impl IntoIterator<Item = &'h Assignment>,
    snapshot: &AccountSnapshot,
) -> Option<&'h Assignment> {
    let (own_user, known) = (
        snapshot.account.kisi_user_id,
        snapshot.abilities().granularity,
    );
    let mut rounded = None;
    for one in held {
        let window = window_of(one);
        if window == *asked {
            return Some(one);
        }
        let is_own = own_user.is_some() && one.created_by_id == own_user;
        if is_own && is_answer(asked, &window, known) {
            rounded = rounded.or(Some(one));
        }
    }
    rounded
}
