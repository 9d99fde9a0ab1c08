//! The shared state of the service: settings, clock, database, queue, Kisi clients. `App::start` builds it once per process;
//! `serve`, the demo and the tests all call it.

use std::sync::{Arc, OnceLock};

use secrecy::ExposeSecret;
use tokio::{runtime::Handle, sync::Semaphore, task::JoinHandle};
use url::Url;

use crate::{
    clock::Clock,
    config::Config,
    decide::MAX_PARALLEL_CHUNKS,
    feed::Feed,
    ingest::{
        adapter::Present, addresses::Addresses, arrivals::Arrivals, queue::Queue,
        rejections::PendingRejections,
    },
    kisi::Clients,
    lease,
    metrics::Metrics,
    ownership::OwnedAccounts,
    query_runtime::QueryRuntime,
    reconcile::{MAX_PLANNED, take_over::Readings},
    sealed,
    secret::Sealer,
    sign_in::Provider,
    start_error::StartError,
    store::Db,
    traces::Traces,
    wake::Waker,
};

pub struct App {
    pub config: Config,
    pub clock: Clock,
    pub db: Db,
    /// The runtime that owns the database connections. See [`App::run_on_main_runtime`].
    pub runtime: Handle,
    /// The runtime of queries. See [`App::run_as_query`].
    pub queries: QueryRuntime,
    /// Encrypts and decrypts stored secrets.
    pub sealer: Sealer,
    /// Wakes the reconcile loop.
    pub waker: Waker,
    /// The events for GraphQL subscriptions.
    pub feed: Feed,
    /// Stores webhook deliveries.
    pub queue: Queue,
    /// Finds the sources of webhook addresses.
    pub addresses: Addresses,
    /// Records rejected webhook requests.
    pub rejections: PendingRejections,
    /// The numbers of webhook requests by hour.
    pub arrivals: Arrivals,
    pub kisi: Clients,
    /// Signs in staff; none without one in the settings.
    pub identity_provider: Option<Provider>,
    /// Cached group assignments from Kisi, for previews.
    pub group_readings: Readings,
    /// Limits how many requests evaluate many members at the same time.
    pub evaluations: Arc<Semaphore>,
    /// Limits how many accounts are planned at the same time; see [`MAX_PLANNED`].
    pub planning: Arc<Semaphore>,
    pub metrics: Metrics,
    /// The traces of deliveries.
    pub traces: Traces,
    /// The name under which this process reads platforms.
    pub holder: String,
    /// The Kisi accounts that this process works on.
    pub owned: OwnedAccounts,
    /// The address that the web server listens on, if it is a loopback address. Set once the server is bound.
    pub loopback_url: OnceLock<Url>,
}

impl App {
    /// Connects and migrates the database, loads the encryption key and starts the queue. Logs an error, and still starts, when
    /// the key does not decrypt a stored secret.
    pub async fn start(config: Config, clock: Clock) -> Result<Arc<Self>, StartError> {
        let db = Db::connect_within(
            config.database_url.expose_secret(),
            config.database_deadline,
        )
        .await?;
        db.migrate().await?;
        let sealer = crate::key_file::sealer(&config, sealed::has_secrets(&db).await?)?;
        sealed::rebind_to_columns(&db, &sealer).await?;
        if let Some(kind) = sealed::find_undecryptable(&db, &sealer).await? {
            tracing::error!("{}", sealed::problem(kind));
        }
        let waker = Waker::default();
        let feed = Feed::new(db.clone());
        let queue = Queue::start(db.clone(), clock.clone(), waker.clone());
        let addresses = Addresses::start(db.clone());
        let rejections = PendingRejections::start(db.clone());
        let arrivals = Arrivals::start(db.clone());
        let metrics = Metrics::new()?;
        let traces = Traces::start(&config, clock.clone())?;
        let kisi = Clients::new(
            config.kisi_url.clone(),
            config.kisi_rate,
            config.kisi_contact.as_deref(),
        )?
        .observed_by(metrics.kisi_calls.clone());
        let identity_provider = Provider::new(&config)?;
        Ok(Arc::new(Self {
            config,
            clock,
            db,
            runtime: Handle::current(),
            queries: QueryRuntime::start().map_err(StartError::Threads)?,
            sealer,
            waker,
            feed,
            queue,
            addresses,
            rejections,
            arrivals,
            kisi,
            identity_provider,
            group_readings: Readings::default(),
            evaluations: Arc::new(Semaphore::new(MAX_PARALLEL_CHUNKS)),
            planning: Arc::new(Semaphore::new(MAX_PLANNED)),
            metrics,
            traces,
            holder: lease::holder(),
            owned: OwnedAccounts::default(),
            loopback_url: OnceLock::new(),
        }))
    }

    /// The address at which others reach this service; none if the setting is missing and the service listens on a public
    /// interface, whose name it cannot know.
    pub fn public_url(&self) -> Option<&Url> {
        let configured = self.config.public_url.as_ref();
        configured.or_else(|| self.loopback_url.get())
    }

    /// Whether browsers reach this service over https.
    pub fn is_https(&self) -> bool {
        self.public_url().is_some_and(|url| url.scheme() == "https")
    }

    /// The current time and the tolerance for the timestamps of events.
    pub fn event_clock(&self) -> Present {
        Present {
            now: self.clock.now(),
            tolerance: self.config.webhook_tolerance,
        }
    }

    /// Runs `work` on the runtime that started the service, instead of the runtime of the calling actix worker. A database
    /// connection that is opened on a worker's runtime dies with the worker, and each database response would have to cross
    /// threads. Dropping the returned future aborts `work`; a panic in `work` is resumed here.
    pub async fn run_on_main_runtime<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        result_of(self.runtime.spawn(work)).await
    }

    /// Like [`App::run_on_main_runtime`], for work that may take long on the processor and that nobody's door waits for: it gets
    /// what other work leaves of the processor.
    pub async fn run_as_query<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        result_of(self.queries.handle().unwrap_or(&self.runtime).spawn(work)).await
    }
}

async fn result_of<T>(task: JoinHandle<T>) -> T {
    let mut task = AbortOnDrop(task);
    match (&mut task.0).await {
        Ok(value) => value,
        Err(problem) => match problem.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The task was cancelled: the runtime is shutting down.
            Err(_) => std::future::pending().await,
        },
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
