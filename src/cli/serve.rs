//! `latchkey serve`: the service itself, until it is told to end.

use std::{io::Write, net::TcpListener, process::ExitCode, sync::Arc, time::Duration};

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
/// How long the loops and the database may take to end once no request is open, which takes 5 seconds at most: service
/// managers kill a process after 30.
const ENDING: Duration = Duration::from_secs(15);
/// SIGXFSZ, the same number on all of Linux but MIPS: a write would go beyond the limit of a file's size.
const FILE_SIZE_LIMIT: SignalKind = SignalKind::from_raw(25);

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
    // A file that may not grow any more is an error to be told, not the end of the process.
    let _file_size_limit = signal(FILE_SIZE_LIMIT)?;
    let served = server.await;
    feed.abort();
    let ending = async {
        reading.stop().await;
        running.stop().await;
        app.db.clone().close().await;
    };
    if tokio::time::timeout(ENDING, ending).await.is_err() {
        tracing::error!(
            "the service did not end in order: the database or Kisi does not answer; what was stored is taken up at the next start"
        );
    }
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
