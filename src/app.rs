//! Everything that the parts of the service share, put together once: by `serve`, by the demo and by the tests alike.

use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::{runtime::Handle, sync::Semaphore, task::JoinHandle};

use crate::{
    clock::Clock,
    config::Config,
    decide::PARALLEL,
    feed::Feed,
    ingest::{adapter::Present, queue::Queue, rejections::Rejections},
    kisi::Clients,
    metrics::Metrics,
    reconcile::take_over::Readings,
    sealed,
    secret::{Sealer, SecretError},
    store::{Db, StoreError},
    wake::Waker,
};

/// The running service's parts.
pub struct App {
    /// The settings.
    pub config: Config,
    /// What time it is.
    pub clock: Clock,
    /// The database.
    pub db: Db,
    /// Where the database's connections live. See [`App::at_home`].
    pub runtime: Handle,
    /// Seals and opens stored secrets.
    pub sealer: Sealer,
    /// Wakes the loop.
    pub waker: Waker,
    /// What subscribers are told.
    pub feed: Feed,
    /// The way in for deliveries.
    pub queue: Queue,
    /// The webhook requests that were rejected.
    pub rejections: Rejections,
    /// Ways to Kisi.
    pub kisi: Clients,
    /// What was read of groups for previews.
    pub group_readings: Readings,
    /// The turns in which requests have many members evaluated.
    pub evaluations: Arc<Semaphore>,
    /// What is counted.
    pub metrics: Metrics,
    /// The name of this process among those that hold leases.
    pub holder: String,
}

/// Why the service could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened or migrated.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// The encryption key is no good.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database holds secrets, and the file with the key that they were sealed with is gone.
    #[error(
        "the database holds secrets, but the file with their encryption key is missing: put {path} back, or give the key as \
         LATCHKEY_ENCRYPTION_KEY. Without it Kisi has to be connected anew, and each source needs a new secret"
    )]
    KeyMissing {
        /// Where it was.
        path: String,
    },
    /// The counters cannot be registered.
    #[error("the metrics cannot be set up")]
    Metrics(#[from] prometheus::Error),
    /// No HTTP client can be made.
    #[error("the HTTP client cannot be set up")]
    Http(#[from] crate::kisi::NoClient),
    /// The file beside the database that holds the encryption key cannot be used.
    #[error("the encryption key at {path} cannot be used")]
    KeyFile {
        /// Where it is.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl App {
    /// Connects and migrates the database, and starts the queue.
    pub async fn start(config: Config, clock: Clock) -> Result<Arc<Self>, StartError> {
        let db = Db::connect_within(
            config.database_url.expose_secret(),
            config.database_deadline,
        )
        .await?;
        db.migrate().await?;
        let sealer = crate::key_file::sealer(&config, sealed::is_any(&db).await?)?;
        sealed::bind_to_columns(&db, &sealer).await?;
        if let Some(kind) = sealed::unreadable(&db, &sealer).await? {
            tracing::error!("{}", sealed::problem(kind));
        }
        let waker = Waker::default();
        let feed = Feed::new(db.clone());
        let queue = Queue::start(db.clone(), clock.clone(), waker.clone());
        let rejections = Rejections::start(db.clone());
        let kisi = Clients::new(
            config.kisi_url.clone(),
            config.kisi_rate,
            config.kisi_contact.as_deref(),
        )?;
        let metrics = Metrics::new()?;
        Ok(Arc::new(Self {
            config,
            clock,
            db,
            runtime: Handle::current(),
            sealer,
            waker,
            feed,
            queue,
            rejections,
            kisi,
            group_readings: Readings::default(),
            evaluations: Arc::new(Semaphore::new(PARALLEL)),
            metrics,
            holder: crate::reconcile::holder(),
        }))
    }

    /// The present time, as the times of events are compared with it.
    pub fn present(&self) -> Present {
        Present {
            now: self.clock.now(),
            tolerance: self.config.webhook_tolerance,
        }
    }

    /// Runs work where the service was started, rather than where it is awaited: a worker of the web server has a runtime of
    /// its own. A connection that is opened there is dead once the worker has ended, and each of the database's answers would
    /// have to be passed on from one thread to another. Work that nobody awaits any more is ended.
    pub async fn at_home<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let mut task = Ending(self.runtime.spawn(work));
        match (&mut task.0).await {
            Ok(value) => value,
            Err(problem) => match problem.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The process ends: there is nobody to answer.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

struct Ending<T>(JoinHandle<T>);

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
