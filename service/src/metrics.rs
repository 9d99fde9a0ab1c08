//! The Prometheus metrics at `/metrics`. Labels never contain a name, an address or an id of a person.

use prometheus::{Encoder, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::store::{Db, StoreError, due, kisi_accounts, row::RejectionReason};

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

pub struct Metrics {
    registry: Registry,
    webhooks: IntCounterVec,
    rejections: IntCounterVec,
    backlog: IntGaugeVec,
    sweeps: IntCounterVec,
    drifts: IntCounterVec,
}

impl Metrics {
    /// Each instance has its own registry, so that tests do not share counters.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let webhooks = IntCounterVec::new(
            Opts::new(
                "latchkey_webhooks_total",
                "Verified webhooks that were stored, by response status",
            ),
            &["status"],
        )?;
        let rejections = IntCounterVec::new(
            Opts::new(
                "latchkey_webhook_rejections_total",
                "Webhook requests to a source that were rejected, by reason",
            ),
            &["reason"],
        )?;
        let backlog = IntGaugeVec::new(
            Opts::new(
                "latchkey_kisi_backlog",
                "Members whose access in Kisi is not yet up to date, by account",
            ),
            &["account"],
        )?;
        let sweeps = IntCounterVec::new(
            Opts::new(
                "latchkey_sweeps_total",
                "Sweeps of a Kisi account, by outcome: whole (complete), or failed (its results were discarded)",
            ),
            &["outcome"],
        )?;
        let drifts = IntCounterVec::new(
            Opts::new(
                "latchkey_drifts_total",
                "Differences between the assignments in Kisi and the expected ones that sweeps found, by kind",
            ),
            &["kind"],
        )?;
        registry.register(Box::new(sweeps.clone()))?;
        registry.register(Box::new(drifts.clone()))?;
        registry.register(Box::new(webhooks.clone()))?;
        registry.register(Box::new(rejections.clone()))?;
        registry.register(Box::new(backlog.clone()))?;
        Ok(Self {
            registry,
            webhooks,
            rejections,
            backlog,
            sweeps,
            drifts,
        })
    }

    /// Counts a verified webhook by its response status.
    pub fn webhook(&self, status: &str) {
        self.webhooks.with_label_values(&[status]).inc();
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

    /// All metrics in the Prometheus text format. The backlog is read from the database at each call.
    pub async fn text(&self, db: &Db, now: i64) -> Result<String, StoreError> {
        self.backlog.reset();
        for account in kisi_accounts::all_connected(db.read()).await? {
            let open = due::backlog(db.read(), account.id, now).await?;
            let id = account.id.to_string();
            self.backlog
                .with_label_values(&[id.as_str()])
                .set(i64::try_from(open).unwrap_or(i64::MAX));
        }
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .map_err(|_| StoreError::Unreadable { what: "metric" })?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
