//! Members who wait in a lane and need nothing any more, such as those of whom the brake holds all. They are settled
//! together: one after the other they would keep those waiting who need something. Never calls Kisi. Called by the worker.

use access::Instant;

use super::{
    adoption,
    brake::PendingRevocations,
    execute::AccountError,
    member_state::{self, AccountSnapshot},
    worker::{SORTED_AT_ONCE, Worker},
};
use crate::store::due;

#[cfg(test)]
mod tests;

impl Worker {
    /// Settles those among the first in the lanes.
    pub(super) async fn settle_resting(
        &self,
        snapshot: &AccountSnapshot,
        now: Instant,
    ) -> Result<(), AccountError> {
        let (id, horizon) = (snapshot.account.id, self.app.config.horizon);
        let rows = due::next(self.app.db.read(), id, now.micros(), SORTED_AT_ONCE).await?;
        let mut settled = Vec::new();
        let mut member_states = member_state::load(&self.app.db, snapshot, rows).await?;
        adoption::adopt(&self.app, snapshot, &mut member_states, now).await?;
        for mut member_state in member_states {
            let mut pending = PendingRevocations::default();
            pending.of(&mut member_state, snapshot, now, &self.app);
            if !pending.is_empty() {
                continue;
            }
            if let Some(again_at) = member_state.at_rest(snapshot, now, horizon) {
                settled.push((member_state.due, again_at.map(Instant::micros)));
            }
        }
        Ok(self.settle(settled).await?)
    }
}
