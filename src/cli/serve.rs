//! `latchkey serve`: runs the service until SIGINT or SIGTERM.

use std::{io::Write, net::TcpListener, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use tokio::signal::{
    ctrl_c,
    unix::{SignalKind, signal},
};

use crate::{
    app::App, clock::Clock, config::Config, erasure, graphql::schema, http, ingest::readers,
    outbound, reconcile, retention,
};

/// The number of HTTP worker threads.
const WORKERS: usize = 2;
/// The time limit for stopping the loops and closing the database, after the HTTP server has stopped (5 seconds at most).
/// Service managers kill a process after 30 seconds.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(15);
/// SIGXFSZ: a write would exceed the file size limit. The number is the same on all Linux platforms but MIPS.
const FILE_SIZE_LIMIT: SignalKind = SignalKind::from_raw(25);

/// Runs the service. The first line on standard output is its address.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    let listener = TcpListener::bind(&config.listen)
        .with_context(|| format!("cannot listen on {} (LATCHKEY_LISTEN)", config.listen))?;
    let address = listener.local_addr()?;
    let app = App::start(config, Clock::system()).await?;
    let running = app
        .config
        .write_to_kisi
        .then(|| reconcile::start(app.clone()));
    if running.is_none() {
        tracing::warn!(
            "write_to_kisi is false: access in Kisi stays as it is and no messages are sent, until a start without this setting"
        );
    }
    let reading = readers::start(app.clone())?;
    let pruning = retention::start(app.clone());
    let erasing = erasure::start(app.clone());
    let sending = match app.config.write_to_kisi {
        true => Some(outbound::start(app.clone())?),
        false => None,
    };
    let server = http::server(app.clone(), schema::build(), listener, WORKERS)?;
    println!("listening on http://{address}");
    std::io::stdout().flush()?;
    tracing::info!(%address, "listening");
    let feed = tokio::spawn(end_feed_on_signal(app.clone()));
    // With a handler, a write beyond the file size limit returns an error and does not kill the process.
    let _file_size_limit = signal(FILE_SIZE_LIMIT)?;
    let served = server.await;
    feed.abort();
    let ending = async {
        pruning.stop().await;
        erasing.stop().await;
        reading.stop().await;
        if let Some(sending) = sending {
            sending.stop().await;
        }
        if let Some(running) = running {
            running.stop().await;
        }
        app.traces.flush().await;
        app.db.clone().close().await;
    };
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, ending)
        .await
        .is_err()
    {
        tracing::error!(
            "the shutdown timed out because the database or Kisi does not answer; stored work continues at the next start"
        );
    }
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Closes the subscriptions when a signal stops the server, because the server waits for open sockets without closing them.
async fn end_feed_on_signal(app: Arc<App>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        requested = ctrl_c() => requested?,
        _ = terminate.recv() => {}
    }
    app.feed.end();
    Ok(())
}
