//! The metrics of the connection pools. The pools count by themselves; a scrape copies their figures.

use std::sync::{Mutex, PoisonError};

use prometheus::{CounterVec, IntCounterVec, IntGaugeVec};

use super::{Registration, number};
use crate::store::{Db, PoolStatus};

pub(super) struct PoolMetrics {
    connections: IntGaugeVec,
    max: IntGaugeVec,
    waits: IntCounterVec,
    waited: CounterVec,
    timeouts: IntCounterVec,
    /// The figures of the pools at the last scrape: reads, writes.
    last: Mutex<[PoolStatus; 2]>,
}

impl PoolMetrics {
    pub(super) fn register(new: &Registration) -> Result<Self, prometheus::Error> {
        Ok(Self {
            connections: new.gauges(
                "latchkey_db_connections",
                "Open connections to the database, by pool (read, write) and state (in_use, idle)",
                &["pool", "state"],
            )?,
            max: new.gauges(
                "latchkey_db_connections_max",
                "The most connections of a pool",
                &["pool"],
            )?,
            waits: new.counters(
                "latchkey_db_waits_total",
                "How many times all connections of a pool were in use when one was needed",
                &["pool"],
            )?,
            waited: new.seconds_counters(
                "latchkey_db_wait_seconds_total",
                "How long connections of a pool were waited for",
                &["pool"],
            )?,
            timeouts: new.counters(
                "latchkey_db_wait_timeouts_total",
                "How many times no connection of a pool became free within the deadline",
                &["pool"],
            )?,
            last: Mutex::default(),
        })
    }

    pub(super) fn update(&self, db: &Db) {
        // Held until all figures are copied, so that two scrapes at once add no difference twice.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let pools = [("read", db.read_pool()), ("write", db.write_pool())];
        for ((pool, now), before) in pools.into_iter().zip(last.iter_mut()) {
            for (state, count) in [("in_use", now.in_use), ("idle", now.idle)] {
                let gauge = self.connections.with_label_values(&[pool, state]);
                gauge.set(number(count));
            }
            self.max.with_label_values(&[pool]).set(number(now.max));
            let waits = self.waits.with_label_values(&[pool]);
            waits.inc_by(now.waits.saturating_sub(before.waits));
            let waited = self.waited.with_label_values(&[pool]);
            waited.inc_by(now.waited.saturating_sub(before.waited).as_secs_f64());
            let timeouts = self.timeouts.with_label_values(&[pool]);
            timeouts.inc_by(now.timeouts.saturating_sub(before.timeouts));
            *before = now;
        }
    }
}
