//! `latchkey serve`: the service itself, until it is told to end.

use std::{io::Write, net::TcpListener, process::ExitCode};

use anyhow::Context;

use crate::{app::App, clock::Clock, config::Config, graphql::schema, http, reconcile};

/// How many threads answer requests.
const WORKERS: usize = 2;

/// Serves. The first line on standard output is the address.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let listener = TcpListener::bind(&config.listen)
        .with_context(|| format!("nothing can listen on {} (LATCHKEY_LISTEN)", config.listen))?;
    let address = listener.local_addr()?;
    let app = App::start(config, Clock::system()).await?;
    let running = reconcile::start(app.clone());
    let server = http::server(app.clone(), schema::build(), listener, WORKERS)?;
    println!("listening on http://{address}");
    std::io::stdout().flush()?;
    tracing::info!(%address, "listening");
    let served = server.await;
    running.stop().await;
    app.db.clone().close().await;
    served?;
    Ok(ExitCode::SUCCESS)
}
