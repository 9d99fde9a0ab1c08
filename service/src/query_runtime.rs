//! The runtime of queries. Its threads have a lower priority than the others, because lists of many members keep all cores busy:
//! webhooks and the loop go first, and a query takes what they leave.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// As many as the runtime of everything else has.
const THREADS: usize = 2;
/// Added to the nice value of the process. Beside other threads, one of these gets a tenth of a core that both want.
const NICENESS: i32 = 10;

pub struct QueryRuntime(Option<Runtime>);

impl QueryRuntime {
    /// Starts the threads.
    ///
    /// # Errors
    /// If the system starts no thread.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("query")
            .on_thread_start(lower_priority)
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// `None` while the program ends.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for QueryRuntime {
    fn drop(&mut self) {
        // Dropping it would wait for its threads, which is not allowed on a thread of another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lowers the priority of the current thread. Only Linux has one for each thread.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    if let Err(problem) = rustix::process::getpriority_process(None)
        .and_then(|own| rustix::process::setpriority_process(None, own + NICENESS))
    {
        tracing::debug!(error = %problem, "the priority of a thread of queries cannot be lowered");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn niceness() -> Option<i32> {
        rustix::process::getpriority_process(None).ok()
    }

    #[tokio::test]
    async fn queries_have_a_lower_priority() {
        let (queries, own) = (QueryRuntime::start().unwrap(), niceness());
        let theirs = queries.handle().unwrap().spawn(async { niceness() });
        let lower = own.map(|own| (own + NICENESS).min(19));
        assert!(lower.is_some());
        assert_eq!(theirs.await.unwrap(), lower);
        assert_eq!(niceness(), own, "other threads keep theirs");
    }
}
