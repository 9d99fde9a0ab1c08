//! What is counted, for Prometheus at `/metrics`. Labels never bear a name, an address or an id of a person.

use prometheus::{Encoder, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::store::{Db, StoreError, due, kisi_accounts};

/// The service's counters.
pub struct Metrics {
    registry: Registry,
    webhooks: IntCounterVec,
    backlog: IntGaugeVec,
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
        let backlog = IntGaugeVec::new(
            Opts::new(
                "latchkey_kisi_backlog",
                "Members whose access in Kisi is not yet what it should be, by account",
            ),
            &["account"],
        )?;
        registry.register(Box::new(webhooks.clone()))?;
        registry.register(Box::new(backlog.clone()))?;
        Ok(Self {
            registry,
            webhooks,
            backlog,
        })
    }

    /// Counts a webhook by the status that it was answered with.
    pub fn webhook(&self, status: &str) {
        self.webhooks.with_label_values(&[status]).inc();
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
