//! What is counted, for Prometheus at `/metrics`. Labels never bear a name, an address or an id of a person.

use prometheus::{Encoder, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::store::{Db, StoreError, due, kisi_accounts, row::RejectionReason};

/// What a sweep found.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Grants that Kisi does not hold.
    pub missing: u64,
    /// Grants with another window or role.
    pub changed: u64,
    /// Assignments made by others that are to go.
    pub strangers: u64,
    /// Second assignments of ours.
    pub twins: u64,
}

/// The service's counters.
pub struct Metrics {
    registry: Registry,
    webhooks: IntCounterVec,
    rejections: IntCounterVec,
    backlog: IntGaugeVec,
    sweeps: IntCounterVec,
    drifts: IntCounterVec,
}

impl Metrics {
    /// Fresh counters in a registry of their own.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let webhooks = IntCounterVec::new(
            Opts::new(
                "latchkey_webhooks_total",
                "Verified webhooks that were stored, by the status of the answer",
            ),
            &["status"],
        )?;
        let rejections = IntCounterVec::new(
            Opts::new(
                "latchkey_webhook_rejections_total",
                "Webhook requests to a source that were rejected, by the reason",
            ),
            &["reason"],
        )?;
        let backlog = IntGaugeVec::new(
            Opts::new(
                "latchkey_kisi_backlog",
                "Members whose access in Kisi is not yet what it should be, by account",
            ),
            &["account"],
        )?;
        let sweeps = IntCounterVec::new(
            Opts::new(
                "latchkey_sweeps_total",
                "Sweeps of a Kisi account, by how they ended: whole, or failed with nothing concluded",
            ),
            &["outcome"],
        )?;
        let drifts = IntCounterVec::new(
            Opts::new(
                "latchkey_drifts_total",
                "What sweeps found in Kisi that is not as it was made, by kind",
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

    /// Counts a webhook by the status that it was answered with.
    pub fn webhook(&self, status: &str) {
        self.webhooks.with_label_values(&[status]).inc();
    }

    /// Counts a webhook request that was rejected.
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

    /// Counts a sweep, and what it found; none: it failed.
    pub fn sweep(&self, found: Option<&Found>) {
        let outcome = if found.is_some() { "whole" } else { "failed" };
        self.sweeps.with_label_values(&[outcome]).inc();
        let Some(found) = found else {
            return;
        };
        for (kind, times) in [
            ("missing", found.missing),
            ("changed", found.changed),
            ("stranger", found.strangers),
            ("twin", found.twins),
        ] {
            self.drifts.with_label_values(&[kind]).inc_by(times);
        }
    }

    /// All of it as text; what stands in the database is read now.
    pub async fn text(&self, db: &Db, now: i64) -> Result<String, StoreError> {
        self.backlog.reset();
        for account in kisi_accounts::working(db.read()).await? {
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
