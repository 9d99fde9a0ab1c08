//! `latchkey replay`: runs stored deliveries through today's adapter again, after one was mended.

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::{
    app::App,
    graphql::scalar::parse_instant,
    id::{Kind, decode_as},
    ingest::{batch::Outcome, replay},
    store::{Scope, clubs, deliveries, row::DeliveryStatus, sources},
};

#[derive(Debug, Args)]
pub struct Replay {
    /// The source's id, as the API gives it.
    #[arg(long)]
    source: String,
    /// Deliveries that came at this instant or later, RFC 3339.
    #[arg(long)]
    since: String,
    /// Only deliveries of this status.
    #[arg(long)]
    status: Option<StatusWord>,
}

#[derive(Copy, Clone, Debug, ValueEnum)]
enum StatusWord {
    Accepted,
    Settled,
    Held,
    Ignored,
    Failed,
}

impl Replay {
    pub async fn run(self, app: &Arc<App>) -> anyhow::Result<ExitCode> {
        let since =
            parse_instant(&self.since).with_context(|| format!("--since is {:?}", self.since))?;
        let status = self.status.map(|word| match word {
            StatusWord::Accepted => DeliveryStatus::Accepted,
            StatusWord::Settled => DeliveryStatus::Settled,
            StatusWord::Held => DeliveryStatus::Held,
            StatusWord::Ignored => DeliveryStatus::Ignored,
            StatusWord::Failed => DeliveryStatus::Failed,
        });
        let (scope, source) = find_source(app, &self.source).await?;
        let ids = deliveries::since(app.db.read(), scope, source, since, status).await?;
        let mut failed = 0usize;
        for id in &ids {
            let outcome = replay::replay(&app.db, &app.queue, scope, *id, app.present()).await?;
            if let Some(Outcome::Stored {
                status: DeliveryStatus::Failed,
                ..
            }) = outcome
            {
                failed += 1;
            }
        }
        println!(
            "{} read again, {failed} of them still not understood",
            ids.len()
        );
        Ok(if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// The source of an id, in whichever club it is.
pub async fn find_source(app: &App, text: &str) -> anyhow::Result<(Scope, uuid::Uuid)> {
    let Some(id) = decode_as(Kind::Source, text) else {
        bail!("--source is {text:?}, which is no source's id: the API gives it");
    };
    for club in clubs::all(app.db.read()).await? {
        let scope = Scope::new(club.id);
        if sources::get(app.db.read(), scope, id).await?.is_some() {
            return Ok((scope, id));
        }
    }
    bail!("--source: there is no such source in this database")
}
