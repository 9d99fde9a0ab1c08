//! Loops that run beside everything else until they are told to stop. Never ends one in the middle: a loop looks at what it
//! was told, and ends by itself. Started by whoever serves.

use std::future::Future;

use tokio::{sync::watch, task::JoinHandle};

/// A loop that runs.
pub struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Starts a loop, which is handed what tells it to stop.
    pub fn start<F>(run: impl FnOnce(watch::Receiver<bool>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(run(stopping));
        Self { stop, task }
    }

    /// Tells the loop to stop, and waits until it has.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.task.await;
    }
}

/// Whether a loop was told to stop, or nobody is left to tell it.
pub fn is_stopping(stopping: &watch::Receiver<bool>) -> bool {
    *stopping.borrow() || stopping.has_changed().is_err()
}
