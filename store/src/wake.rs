//! Wakes the reconcile loop. Code that marks members due calls `wake` after the commit. A wake-up carries no data; the loop
//! queries for due members. A waiter registers before it queries, so that a wake-up between the two is not lost.

use std::sync::Arc;

use tokio::sync::Notify;

/// The handle to wake the loop. Clones share the same waiters.
#[derive(Clone, Debug, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// Wakes all registered waiters.
    pub fn wake(&self) {
        self.0.notify_waiters();
    }

    /// Registers at once: a `wake` after this call completes the future, even if it is awaited later.
    pub fn register(&self) -> impl Future<Output = ()> + Send + use<> {
        let notify = self.0.clone();
        let mut waiting = Box::pin(notify.notified_owned());
        waiting.as_mut().enable();
        waiting
    }
}
