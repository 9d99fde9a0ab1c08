//! Settles members who wait in a lane but no longer have steps, such as those whose revocations the brake holds. They are settled
//! together, because one at a time they would delay members with steps. Never calls Kisi. Called by the worker.

use access::Instant;

use super::{
    account_snapshot::AccountSnapshot,
    adoption,
    brake::PendingRevocations,
    execute::AccountError,
    flight::Settled,
    worker::{SORT_BATCH, Worker},
};
use crate::store::due;

#[cfg(test)]
mod tests;

impl Worker {
    /// Settles the members without steps among the first of the lanes.
    pub(super) async fn settle_idle(
        &self,
        snapshot: &AccountSnapshot,
        now: Instant,
    ) -> Result<(), AccountError> {
        let (id, horizon) = (snapshot.account.id, self.app.config.horizon);
        let rows = due::next(self.app.db.read(), id, now.micros(), SORT_BATCH).await?;
        let mut settled = Vec::new();
        let member_states = adoption::load_and_adopt(&self.app, snapshot, rows, now).await?;
        for mut member_state in member_states {
            let mut pending = PendingRevocations::default();
            pending.collect(&mut member_state, snapshot, now);
            if !pending.is_empty() {
                continue;
            }
            if let Some(again_at) = member_state.settled_until(snapshot, now, horizon) {
                settled.push(Settled::new(member_state, again_at));
            }
        }
        Ok(self.settle(settled).await?)
    }
}
