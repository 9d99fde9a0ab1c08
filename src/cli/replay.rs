//! `latchkey replay`: processes stored deliveries again with the current adapter, after an adapter was fixed.

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::{
    app::App,
    graphql::scalar::parse_instant,
    id::{Kind, decode_as},
    ingest::{
        batch::Outcome,
        replay::{self, Replay as Replayed},
    },
    store::{
        ClubScope, clubs, deliveries, lookup,
        row::{self, DeliveryStatus},
    },
};

#[derive(Debug, Args)]
pub struct Replay {
    /// The source's id, from the API.
    #[arg(long)]
    source: String,
    /// Only deliveries received at this instant or later, RFC 3339.
    #[arg(long)]
    since: String,
    /// Only deliveries with this status.
    #[arg(long)]
    status: Option<StatusArg>,
}

#[derive(Copy, Clone, Debug, ValueEnum)]
enum StatusArg {
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
            StatusArg::Accepted => DeliveryStatus::Accepted,
            StatusArg::Settled => DeliveryStatus::Settled,
            StatusArg::Held => DeliveryStatus::Held,
            StatusArg::Ignored => DeliveryStatus::Ignored,
            StatusArg::Failed => DeliveryStatus::Failed,
        });
        let (scope, source) = find_source(app, &self.source).await?;
        let ids = deliveries::since(app.db.read(), scope, source, since, status).await?;
        let (mut failed, mut without_body) = (0usize, 0usize);
        for id in &ids {
            let outcome =
                replay::replay(&app.db, &app.queue, scope, *id, app.event_clock()).await?;
            match outcome {
                Replayed::Done(Outcome::Stored {
                    status: DeliveryStatus::Failed,
                    ..
                }) => failed += 1,
                Replayed::BodyRemoved(_) => without_body += 1,
                Replayed::Done(_) | Replayed::Missing => {}
            }
        }
        println!(
            "{} deliveries processed again, {failed} of them failed again",
            ids.len() - without_body
        );
        if without_body > 0 {
            println!("{without_body} deliveries not processed: their body is no longer stored");
        }
        Ok(if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// Finds a source by its public id in all clubs.
pub async fn find_source(app: &App, text: &str) -> anyhow::Result<(ClubScope, uuid::Uuid)> {
    let Some(id) = decode_as(Kind::Source, text) else {
        bail!("--source is {text:?}, which is not a source id; the API shows the id");
    };
    for club in clubs::all(app.db.read()).await? {
        let scope = ClubScope::new(club.id);
        if lookup::by_id::<row::Source>(app.db.read(), scope, id)
            .await?
            .is_some()
        {
            return Ok((scope, id));
        }
    }
    bail!("--source: this database has no such source")
}
