//! Divides the time of a worker between sorting and serving, and between the lanes, so that none waits without an end while more
//! work arrives: sorting goes first, but serving gets a share of the time, and each lane is served after a while even if more
//! urgent members are always due. Measured in real time.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How long members are sorted before some are served, if sorting has no end.
const SORTING: Duration = Duration::from_secs(2);
/// How long members are served before the worker looks at those that became due meanwhile. An urgent one waits no longer.
const SERVING: Duration = Duration::from_millis(250);
/// How long a lane waits before it gets a turn although more urgent members are due.
pub const LANE_PATIENCE: Duration = Duration::from_secs(30);
/// Of so many turns, one goes to a lane that has waited that long.
const PATIENT_TURN: u32 = 4;

#[derive(Debug, Default)]
pub struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When sorting began, if no member was served since.
    sorting_since: Option<Instant>,
    /// Until when members that are not sorted yet do not interrupt serving.
    serving_until: Option<Instant>,
    /// Until when nobody interrupts serving.
    fixed_until: Option<Instant>,
    served: u32,
}

impl Turns {
    /// Whether the next batch may be sorted before members are served.
    pub fn may_sort_on(&self) -> bool {
        let mut state = self.state();
        let since = *state.sorting_since.get_or_insert_with(Instant::now);
        since.elapsed() < SORTING
    }

    /// Begins to serve. True if this turn goes to a lane that has waited for long, if there is one.
    pub fn start_serving(&self) -> bool {
        let mut state = self.state();
        state.sorting_since = None;
        state.fixed_until = None;
        state.serving_until = Some(Instant::now() + SERVING);
        state.served = state.served.wrapping_add(1);
        state.served.is_multiple_of(PATIENT_TURN)
    }

    /// Serves this turn whatever becomes due.
    pub fn serve_without_yielding(&self) {
        self.state().fixed_until = Some(Instant::now() + SERVING);
    }

    /// Whether members that are not sorted yet interrupt serving now.
    pub fn may_yield_to_unsorted(&self) -> bool {
        let until = self.state().serving_until;
        until.is_none_or(|until| until <= Instant::now())
    }

    /// Whether nobody interrupts serving now.
    pub fn is_fixed(&self) -> bool {
        let until = self.state().fixed_until;
        until.is_some_and(|until| until > Instant::now())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn sorting_without_end_leaves_time_to_serve() {
        let turns = Turns::default();
        assert!(turns.may_sort_on());
        tokio::time::advance(SORTING).await;
        assert!(!turns.may_sort_on());
        turns.start_serving();
        assert!(!turns.may_yield_to_unsorted());
        tokio::time::advance(SERVING).await;
        assert!(turns.may_yield_to_unsorted());
        assert!(turns.may_sort_on());
    }

    #[tokio::test(start_paused = true)]
    async fn a_patient_lane_gets_some_of_the_turns() {
        let turns = Turns::default();
        let patient = (0..8).filter(|_| turns.start_serving()).count();
        assert_eq!(patient, 2);
        turns.serve_without_yielding();
        assert!(turns.is_fixed());
        tokio::time::advance(SERVING).await;
        assert!(!turns.is_fixed());
    }
}
