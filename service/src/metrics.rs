//! The Prometheus metrics at `/metrics`. Labels never contain a name, an address or an id of a person.

use std::{
    cell::RefCell,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use prometheus::{
    CounterVec, Encoder, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};
use tokio::sync::watch;

use crate::{
    app::App,
    ownership::Membership,
    store::{
        StoreError,
        convert::kinds::db_value,
        deliveries::SettledDelivery,
        due, revocations,
        row::{Platform, RejectionReason},
        webhook_messages,
    },
};

mod pool;

use pool::PoolMetrics;

/// From ten milliseconds to a day, in seconds.
const CONFIRMATION_BUCKETS: [f64; 16] = [
    0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0,
    86400.0,
];

/// What a sweep found.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepDrift {
    /// Grants without their assignment in Kisi.
    pub missing: u64,
    /// Assignments with another time window or role than their grant.
    pub changed: u64,
    /// Assignments made by others that are to be removed.
    pub strangers: u64,
    /// Duplicate assignments made by this service.
    pub duplicate_assignments: u64,
}

/// The metrics of the calls to Kisi.
#[derive(Clone, Debug)]
pub struct KisiCallMetrics {
    calls: IntCounterVec,
    duration: Histogram,
    wait: Histogram,
}

impl KisiCallMetrics {
    /// Counts a call by the class of its response status, with its time in the queue of the rate limit and its own.
    pub fn called(&self, status: Option<u16>, waited: Duration, took: Duration) {
        let outcome = match status {
            None => "no_response",
            Some(401) => "unauthorized",
            Some(429) => "rate_limited",
            Some(200..=299) => "ok",
            Some(300..=499) => "refused",
            Some(_) => "failed",
        };
        self.calls.with_label_values(&[outcome]).inc();
        self.wait.observe(waited.as_secs_f64());
        self.duration.observe(took.as_secs_f64());
    }
}

/// What became of a verified webhook.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DeliveryOutcome {
    Accepted,
    /// It could not be translated, in whole or in part.
    Failed,
    Duplicate,
}

pub struct Metrics {
    registry: Registry,
    names: Vec<String>,
    webhooks: IntCounterVec,
    deliveries: IntCounterVec,
    rejections: IntCounterVec,
    backlog: IntGaugeVec,
    open_members: IntGauge,
    oldest_open: IntGauge,
    held: IntGauge,
    owned: IntGauge,
    queued: IntGauge,
    messages: IntCounterVec,
    waiting_messages: IntGauge,
    sweeps: IntCounterVec,
    drifts: IntCounterVec,
    confirmation: HistogramVec,
    alive: IntGauge,
    /// The loop's view of the living processes; none before the loop starts.
    members: Mutex<Option<watch::Receiver<Option<Membership>>>>,
    pools: PoolMetrics,
    pub kisi_calls: KisiCallMetrics,
}

/// Creates metrics, registers them, and collects their names.
struct Registration(Registry, RefCell<Vec<String>>);

impl Registration {
    fn register<C: Collector + Clone + 'static>(
        &self,
        name: &str,
        metric: C,
    ) -> Result<C, prometheus::Error> {
        self.1.borrow_mut().push(name.to_owned());
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counters(
        &self,
        name: &str,
        help: &str,
        label: &[&str],
    ) -> Result<IntCounterVec, prometheus::Error> {
        self.register(name, IntCounterVec::new(Opts::new(name, help), label)?)
    }

    fn seconds_counters(
        &self,
        name: &str,
        help: &str,
        label: &[&str],
    ) -> Result<CounterVec, prometheus::Error> {
        self.register(name, CounterVec::new(Opts::new(name, help), label)?)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        self.register(name, IntGauge::new(name, help)?)
    }

    fn gauges(
        &self,
        name: &str,
        help: &str,
        label: &[&str],
    ) -> Result<IntGaugeVec, prometheus::Error> {
        self.register(name, IntGaugeVec::new(Opts::new(name, help), label)?)
    }

    fn seconds(&self, name: &str, help: &str) -> Result<Histogram, prometheus::Error> {
        let buckets = vec![
            0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0,
        ];
        let options = HistogramOpts::new(name, help).buckets(buckets);
        self.register(name, Histogram::with_opts(options)?)
    }

    fn alive(&self) -> Result<IntGauge, prometheus::Error> {
        let help =
            "1 while this process proves that it lives, so that it may work on accounts; else 0";
        self.gauge("latchkey_process_alive", help)
    }

    fn messages(&self) -> Result<IntCounterVec, prometheus::Error> {
        let help = "Requests to endpoints, by outcome: delivered or failed";
        self.counters("latchkey_outbound_attempts_total", help, &["outcome"])
    }

    fn waiting_messages(&self) -> Result<IntGauge, prometheus::Error> {
        let help = "Messages to endpoints that wait for their first or next attempt";
        self.gauge("latchkey_outbound_waiting", help)
    }

    fn confirmation(&self) -> Result<HistogramVec, prometheus::Error> {
        let name = "latchkey_delivery_confirmation_seconds";
        let help = "Time from the receipt of a delivery until its effects are in Kisi, by platform";
        let options = HistogramOpts::new(name, help).buckets(CONFIRMATION_BUCKETS.to_vec());
        self.register(name, HistogramVec::new(options, &["platform"])?)
    }
}

impl Metrics {
    /// Each instance has its own registry, so that tests do not share counters.
    pub fn new() -> Result<Self, prometheus::Error> {
        let new = Registration(Registry::new(), RefCell::default());
        Ok(Self {
            webhooks: new.counters(
                "latchkey_webhooks_total",
                "Verified webhooks that were stored, by response status",
                &["status"],
            )?,
            deliveries: new.counters(
                "latchkey_deliveries_total",
                "Verified webhooks by platform and outcome: accepted, failed (stored, but not understood), or duplicate",
                &["platform", "outcome"],
            )?,
            rejections: new.counters(
                "latchkey_webhook_rejections_total",
                "Webhook requests to a source that were rejected, by reason",
                &["reason"],
            )?,
            backlog: new.gauges(
                "latchkey_kisi_backlog",
                "Members whose access in Kisi is not yet up to date, by account; accounts without such members are left out",
                &["account"],
            )?,
            open_members: new.gauge(
                "latchkey_open_members",
                "Members of all accounts whose access in Kisi is not yet up to date",
            )?,
            oldest_open: new.gauge(
                "latchkey_oldest_open_seconds",
                "How long the member has been due that has been due for the longest time",
            )?,
            held: new.gauge(
                "latchkey_held_revocations",
                "Revocations that the brake holds until an admin decides",
            )?,
            owned: new.gauge(
                "latchkey_owned_accounts",
                "Kisi accounts that this process works on; 0 while it cannot prove that it lives",
            )?,
            queued: new.gauge(
                "latchkey_queued_deliveries",
                "Verified webhooks of this process that wait to be stored",
            )?,
            messages: new.messages()?,
            waiting_messages: new.waiting_messages()?,
            sweeps: new.counters(
                "latchkey_sweeps_total",
                "Sweeps of a Kisi account, by outcome: whole (complete), or failed (its results were discarded)",
                &["outcome"],
            )?,
            drifts: new.counters(
                "latchkey_drifts_total",
                "Differences between the assignments in Kisi and the expected ones that sweeps found, by kind",
                &["kind"],
            )?,
            confirmation: new.confirmation()?,
            alive: new.alive()?,
            members: Mutex::default(),
            pools: PoolMetrics::register(&new)?,
            kisi_calls: KisiCallMetrics {
                calls: new.counters(
                    "latchkey_kisi_calls_total",
                    "Calls to Kisi, by outcome: ok, refused, unauthorized, rate_limited, failed or no_response",
                    &["outcome"],
                )?,
                duration: new.seconds(
                    "latchkey_kisi_call_seconds",
                    "Time from the start of a call to Kisi to its response",
                )?,
                wait: new.seconds(
                    "latchkey_kisi_wait_seconds",
                    "Time that calls to Kisi waited for the rate limit",
                )?,
            },
            registry: new.0,
            names: new.1.into_inner(),
        })
    }

    /// The names of all metrics, also of those without a series yet.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Counts a verified webhook by its response status.
    pub fn webhook(&self, status: &str) {
        self.webhooks.with_label_values(&[status]).inc();
    }

    /// Counts a verified webhook by its source's platform and its outcome.
    pub fn delivery(&self, platform: Platform, outcome: DeliveryOutcome) {
        let outcome = match outcome {
            DeliveryOutcome::Accepted => "accepted",
            DeliveryOutcome::Failed => "failed",
            DeliveryOutcome::Duplicate => "duplicate",
        };
        let labels = [label(platform), outcome.to_owned()];
        self.deliveries.with_label_values(&labels).inc();
    }

    /// Measures a delivery whose effects are in Kisi. Must be called after the commit that settled it.
    pub fn delivery_confirmed(&self, delivery: &SettledDelivery) {
        // Another process may have received it, by a clock that is ahead.
        let micros = delivery.settled_at.saturating_sub(delivery.received_at);
        let time = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        let histogram = self
            .confirmation
            .with_label_values(&[label(delivery.platform)]);
        histogram.observe(time.as_secs_f64());
    }

    /// Reports from now on whether this process proves that it lives.
    pub fn watch_life(&self, members: watch::Receiver<Option<Membership>>) {
        *self.members.lock().unwrap_or_else(PoisonError::into_inner) = Some(members);
    }

    fn is_alive(&self) -> bool {
        let members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(members) = members.as_ref() else {
            return false;
        };
        let current = members.borrow();
        current.as_ref().is_some_and(|all| all.own.is_certain())
    }

    pub fn webhook_rejected(&self, reason: RejectionReason) {
        let reason = match reason {
            RejectionReason::Header => "header",
            RejectionReason::OtherScheme => "other_scheme",
            RejectionReason::Timestamp => "timestamp",
            RejectionReason::Milliseconds => "milliseconds",
            RejectionReason::SecretEncoding => "secret_encoding",
            RejectionReason::Signature => "signature",
            RejectionReason::Body => "body",
        };
        self.rejections.with_label_values(&[reason]).inc();
    }

    /// Counts a request to an endpoint.
    pub fn message_sent(&self, is_delivered: bool) {
        let outcome = if is_delivered { "delivered" } else { "failed" };
        self.messages.with_label_values(&[outcome]).inc();
    }

    /// Counts a sweep and the drift that it found; `None` counts a failed sweep.
    pub fn sweep(&self, found: Option<&SweepDrift>) {
        let outcome = if found.is_some() { "whole" } else { "failed" };
        self.sweeps.with_label_values(&[outcome]).inc();
        let Some(found) = found else {
            return;
        };
        for (kind, times) in [
            ("missing", found.missing),
            ("changed", found.changed),
            ("stranger", found.strangers),
            ("duplicate", found.duplicate_assignments),
        ] {
            self.drifts.with_label_values(&[kind]).inc_by(times);
        }
    }

    /// All metrics in the Prometheus text format. Three statements read what only the database knows, however many accounts there
    /// are.
    pub async fn text(&self, app: &App) -> Result<String, StoreError> {
        let (db, now) = (app.db.read(), app.clock.now().micros());
        let mut oldest = now;
        let mut open = 0;
        self.backlog.reset();
        for account in due::open_by_account(db).await? {
            self.backlog
                .with_label_values(&[account.account_id.to_string().as_str()])
                .set(account.members);
            open += account.members;
            oldest = oldest.min(account.oldest_due_at);
        }
        self.open_members.set(open);
        self.oldest_open.set((now - oldest) / 1_000_000);
        self.held.set(revocations::count_held(db).await?);
        self.waiting_messages
            .set(webhook_messages::count_waiting(db).await?);
        self.owned.set(number(app.owned.count()));
        self.queued.set(number(app.queue.waiting()));
        self.alive.set(i64::from(self.is_alive()));
        self.pools.update(&app.db);
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .map_err(|_| StoreError::Unreadable { what: "metric" })?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

fn label(platform: Platform) -> String {
    db_value(&platform).to_lowercase()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
