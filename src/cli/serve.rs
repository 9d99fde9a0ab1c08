//! `latchkey serve`: the service itself, until it is told to end.

use std::{io::Write, net::TcpListener, process::ExitCode, sync::Arc};

use anyhow::Context;
use tokio::signal::{
    ctrl_c,
    unix::{SignalKind, signal},
};

use crate::{
    app::App, clock::Clock, config::Config, graphql::schema, http, ingest::readers, reconcile,
};

/// How many threads answer requests.
const WORKERS: usize = 2;

/// Serves. The first line on standard output is the address.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let listener = TcpListener::bind(&config.listen)
        .with_context(|| format!("nothing can listen on {} (LATCHKEY_LISTEN)", config.listen))?;
    let address = listener.local_addr()?;
    let app = App::start(config, Clock::system()).await?;
    let running = reconcile::start(app.clone());
    let reading = readers::start(app.clone())?;
    let server = http::server(app.clone(), schema::build(), listener, WORKERS)?;
    println!("listening on http://{address}");
    std::io::stdout().flush()?;
    tracing::info!(%address, "listening");
    let feed = tokio::spawn(end_feed_when_told(app.clone()));
    let served = server.await;
    feed.abort();
    reading.stop().await;
    running.stop().await;
    app.db.clone().close().await;
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Says farewell to subscribers at the signals that end the server: it waits for open sockets, but does not close them.
async fn end_feed_when_told(app: Arc<App>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    app.feed.end();
    Ok(())
}
