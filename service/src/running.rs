//! Background loops with a graceful stop. A loop is never aborted: it checks the stop signal and returns by itself. `serve`
//! starts them.

use std::future::Future;

use tokio::{sync::watch, task::JoinHandle};

/// A handle to a background loop.
pub struct BackgroundLoop {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl BackgroundLoop {
    /// Spawns a loop. It receives the stop signal and must check it with [`is_stopping`].
    pub fn start<F>(run: impl FnOnce(watch::Receiver<bool>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(run(stopping));
        Self { stop, task }
    }

    /// Signals the loop to stop and waits until it has returned.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.task.await;
    }
}

/// Whether the loop was signalled to stop. Also true if its [`BackgroundLoop`] was dropped.
pub fn is_stopping(stopping: &watch::Receiver<bool>) -> bool {
    *stopping.borrow() || stopping.has_changed().is_err()
}
