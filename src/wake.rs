//! Wakes the loop: whoever marks members due calls `wake` after the commit. Nothing is said of what happened; the loop looks
//! at what is due. Who waits registers before looking, so that a wake between the two is not lost.

use std::sync::Arc;

use tokio::sync::Notify;

/// Handed to everybody who marks members due.
#[derive(Clone, Debug, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// Wakes everybody who waits.
    pub fn wake(&self) {
        self.0.notify_waiters();
    }

    /// A wake-up that counts from now on, whenever it is awaited.
    pub fn register(&self) -> impl Future<Output = ()> + Send + use<> {
        let notify = self.0.clone();
        let mut waiting = Box::pin(notify.notified_owned());
        waiting.as_mut().enable();
        waiting
    }
}
