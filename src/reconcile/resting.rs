//! Members who wait in a lane and need nothing any more, such as those of whom the brake holds all. They are settled
//! together: one after the other they would keep those waiting who need something. Never calls Kisi. Called by the worker.

use access::Instant;

use super::{
    adoption,
    brake::Questions,
    case::{self, Ground},
    execute::Stop,
    worker::{SORTED_AT_ONCE, Worker},
};
use crate::store::due;

#[cfg(test)]
mod tests;

impl Worker {
    /// Settles those among the first in the lanes.
    pub(super) async fn settle_resting(&self, ground: &Ground, now: Instant) -> Result<(), Stop> {
        let (id, horizon) = (ground.account.id, self.app.config.horizon);
        let rows = due::next(self.app.db.read(), id, now.micros(), SORTED_AT_ONCE).await?;
        let mut settled = Vec::new();
        let mut cases = case::load(&self.app.db, ground, rows).await?;
        adoption::adopt(&self.app, ground, &mut cases, now).await?;
        for mut case in cases {
            let mut questions = Questions::default();
            questions.of(&mut case, ground, now, &self.app);
            if !questions.is_empty() {
                continue;
            }
            if let Some(again_at) = case.at_rest(ground, now, horizon) {
                settled.push((case.due, again_at.map(Instant::micros)));
            }
        }
        Ok(self.settle(settled).await?)
    }
}
