//! The demo's runtime: the service and the Kisi sandbox in this process, and a temporary folder for
//! the database.
//!
//! Contract: listens on this machine only, unless an address is given; of the environment it reads only
//! the log setting; removes its folder at the end. Writes nothing to the database itself but a club
//! and a token, as the command line does. Called by the demo.

use std::{
    collections::BTreeMap,
    env, io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::dev::ServerHandle;
use anyhow::Context;
use latchkey_demo::Club;
use latchkey_sandbox::{Sandbox, Switches};
use secrecy::SecretString;
use tokio::{
    signal::{
        ctrl_c,
        unix::{SignalKind, signal},
    },
    task::JoinHandle,
};

use super::temp_folder::Folder;
use crate::{
    app::App,
    cli::{club, token::issue},
    clock::Clock,
    config::Config,
    erasure,
    graphql::schema,
    http,
    ingest::readers,
    outbound, reconcile,
    running::BackgroundLoop,
    secret::new_path_key,
    store::{ClubScope, StoreError, clubs, row::Role},
    telemetry, transaction,
};

const ANY_PORT: &str = "127.0.0.1:0";
const WORKERS: usize = 2;
/// The number of calls that the sandbox records while the demo runs.
const CALLS_KEPT: usize = 10_000;

/// The running service and sandbox.
pub struct DemoClub {
    app: Arc<App>,
    reconciling: BackgroundLoop,
    reading: BackgroundLoop,
    erasing: BackgroundLoop,
    sending: BackgroundLoop,
    server: JoinHandle<io::Result<()>>,
    server_handle: ServerHandle,
    address: String,
    sandbox: Sandbox,
    kisi_handle: ServerHandle,
    kisi_address: String,
    _folder: Folder,
}

impl DemoClub {
    /// Starts the sandbox, which answers `rate` requests a second, and the service.
    ///
    /// # Errors
    /// When a port cannot be opened, or the folder or the database cannot be created.
    pub async fn open(listen: Option<String>, rate: u32) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let folder = Folder::make().context("the temporary folder cannot be created")?;
        let kisi =
            TcpListener::bind(ANY_PORT).context("cannot listen on a port for the sandbox")?;
        let kisi_address = address_of(kisi.local_addr()?);
        let config = settings(&folder, &kisi_address, listen, rate)?;
        telemetry::start(&config);
        let listener = TcpListener::bind(&config.listen)
            .with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = address_of(listener.local_addr()?);

        let ticking = clock.clone();
        let sandbox =
            latchkey_sandbox::lived_in(Arc::new(move || ticking.now().timestamp()), new_path_key());
        sandbox.keep_calls(CALLS_KEPT);
        sandbox.set(Switches {
            rate: Some(rate),
            ..Switches::default()
        });
        let kisi = sandbox.serve(kisi)?;
        let kisi_handle = kisi.handle();
        tokio::spawn(kisi);

        let app = App::start(config, clock).await?;
        let reconciling = reconcile::start(app.clone());
        let reading = readers::start(app.clone())?;
        let erasing = erasure::start(app.clone());
        let sending = outbound::start(app.clone())?;
        let server = http::server(app.clone(), schema::build(), listener, WORKERS)?;
        let server_handle = server.handle();
        Ok(Self {
            app,
            reconciling,
            reading,
            erasing,
            sending,
            server: tokio::spawn(server),
            server_handle,
            address,
            sandbox,
            kisi_handle,
            kisi_address,
            _folder: folder,
        })
    }

    /// Creates the example club and an ADMIN token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn club(&self) -> anyhow::Result<(Club, SecretString)> {
        let club = Club::example()?;
        let now = self.app.clock.now().micros();
        let row = club::new(club.name.to_owned(), club.zone_name.to_owned(), now);
        let scope = ClubScope::new(row.id);
        let created: Result<(), StoreError> =
            transaction!(self.app.db, |tx| clubs::create(tx, row).await).await;
        created?;
        Ok((club, issue(&self.app, scope, "demo", Role::Admin).await?))
    }

    /// The service's base URL, without a trailing slash.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The sandbox's base URL.
    pub fn kisi_address(&self) -> &str {
        &self.kisi_address
    }

    /// The sandbox, for checks of the state in Kisi.
    pub fn sandbox(&self) -> Sandbox {
        self.sandbox.clone()
    }

    /// Waits for Ctrl-C, SIGTERM or the end of the web server.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub async fn ended(&mut self) -> io::Result<()> {
        let mut terminated = signal(SignalKind::terminate())?;
        if self.server.is_finished() {
            return Ok(());
        }
        tokio::select! {
            requested = ctrl_c() => requested,
            _ = terminated.recv() => Ok(()),
            // The server handles the same signals, but stops later.
            _ = &mut self.server => Ok(()),
        }
    }

    /// Stops everything.
    pub async fn close(self) {
        self.app.feed.end();
        self.server_handle.stop(true).await;
        self.erasing.stop().await;
        self.sending.stop().await;
        self.reading.stop().await;
        self.reconciling.stop().await;
        self.app.db.clone().close().await;
        self.kisi_handle.stop(false).await;
    }
}

/// The configuration. Ignores the environment except `LATCHKEY_LOG`; without it, only errors are logged.
fn settings(
    folder: &Folder,
    kisi: &str,
    listen: Option<String>,
    rate: u32,
) -> anyhow::Result<Config> {
    let database = format!(
        "sqlite://{}?mode=rwc",
        folder.path().join("latchkey.db").display()
    );
    let mut flags = BTreeMap::from([
        ("database_url".to_owned(), database),
        ("kisi_url".to_owned(), kisi.to_owned()),
        ("kisi_rate".to_owned(), rate.to_string()),
        (
            "listen".to_owned(),
            listen.unwrap_or_else(|| ANY_PORT.to_owned()),
        ),
        ("playground".to_owned(), "true".to_owned()),
        // A receiver on this machine can be tried.
        ("webhook_private_addresses".to_owned(), "true".to_owned()),
    ]);
    let log = env::vars().find(|(name, _)| name == "LATCHKEY_LOG");
    if log.is_none() {
        flags.insert("log".to_owned(), "error".to_owned());
    }
    Ok(Config::load(None, log.into_iter(), &flags)?)
}

/// The URL under which this machine reaches a listener.
fn address_of(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unspecified_address_becomes_localhost() {
        assert_eq!(
            address_of("0.0.0.0:80".parse().unwrap()),
            "http://127.0.0.1:80"
        );
        assert_eq!(address_of("[::]:80".parse().unwrap()), "http://[::1]:80");
        assert_eq!(
            address_of("127.0.0.1:8080".parse().unwrap()),
            "http://127.0.0.1:8080"
        );
    }
}
