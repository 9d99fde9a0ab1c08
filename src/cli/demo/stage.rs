//! What the story plays in: the service and the Kisi sandbox, both in this process, and a temporary
//! folder for the database.
//!
//! Promises: listens on this machine alone unless told otherwise, reads no setting of the
//! environment but the log's, and takes its folder away again. Must never put anything into the
//! service but a club and a token, as the command line does. Called by the demo.

use std::{
    collections::BTreeMap,
    env, io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::dev::ServerHandle;
use anyhow::Context;
use secrecy::SecretString;
use tokio::{
    signal::{
        ctrl_c,
        unix::{SignalKind, signal},
    },
    task::JoinHandle,
};

use super::{api::Api, club::Club, folder::Folder};
use crate::{
    app::App,
    cli::{club, token::issue},
    clock::Clock,
    config::Config,
    graphql::schema,
    http,
    ingest::readers,
    reconcile,
    running::Running,
    sandbox::{self, Sandbox},
    secret::new_path_key,
    store::{Scope, StoreError, clubs, row::Role},
    telemetry,
};

const ANY_PORT: &str = "127.0.0.1:0";
const WORKERS: usize = 2;
/// How many calls the sandbox remembers while the demo stays up.
const CALLS_KEPT: usize = 10_000;

/// All that runs.
pub struct House {
    app: Arc<App>,
    reconciling: Running,
    reading: Running,
    server: JoinHandle<io::Result<()>>,
    server_handle: ServerHandle,
    address: String,
    sandbox: Sandbox,
    kisi_handle: ServerHandle,
    kisi_address: String,
    _folder: Folder,
}

impl House {
    /// Starts everything.
    ///
    /// # Errors
    /// Where nothing can listen, or the folder or the database cannot be made.
    pub async fn open(listen: Option<String>) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let folder = Folder::make().context("no temporary folder can be made")?;
        let kisi = TcpListener::bind(ANY_PORT).context("nothing can listen for the sandbox")?;
        let kisi_address = address_of(kisi.local_addr()?);
        let config = settings(&folder, &kisi_address, listen)?;
        telemetry::start(&config);
        let listener = TcpListener::bind(&config.listen)
            .with_context(|| format!("nothing can listen on {}", config.listen))?;
        let address = address_of(listener.local_addr()?);

        let ticking = clock.clone();
        let sandbox =
            sandbox::lived_in(Arc::new(move || ticking.now().timestamp()), new_path_key());
        sandbox.keep_calls(CALLS_KEPT);
        let kisi = sandbox.serve(kisi)?;
        let kisi_handle = kisi.handle();
        tokio::spawn(kisi);

        let app = App::start(config, clock).await?;
        let reconciling = reconcile::start(app.clone());
        let reading = readers::start(app.clone())?;
        let server = http::server(app.clone(), schema::build(), listener, WORKERS)?;
        let server_handle = server.handle();
        Ok(Self {
            app,
            reconciling,
            reading,
            server: tokio::spawn(server),
            server_handle,
            address,
            sandbox,
            kisi_handle,
            kisi_address,
            _folder: folder,
        })
    }

    /// Makes the example club and a token of an admin.
    ///
    /// # Errors
    /// The database's.
    pub async fn club(&self) -> anyhow::Result<(Club, SecretString)> {
        let club = Club::example()?;
        let now = self.app.clock.now().micros();
        let row = club::new(club.name.to_owned(), club.zone_name.to_owned(), now);
        let scope = Scope::new(row.id);
        let created: Result<(), StoreError> = self
            .app
            .db
            .write(move |tx| Box::pin(async move { clubs::create(tx, row).await }))
            .await;
        created?;
        Ok((club, issue(&self.app, scope, "demo", Role::Admin).await?))
    }

    /// The way in that everybody has.
    pub fn api(&self, token: SecretString) -> Api {
        Api::new(self.address.clone(), token, self.app.clock.clone())
    }

    /// The service's address, `http://…` without a slash behind it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The sandbox's address.
    pub fn kisi_address(&self) -> &str {
        &self.kisi_address
    }

    /// The sandbox, to be asked what Kisi holds.
    pub fn sandbox(&self) -> Sandbox {
        self.sandbox.clone()
    }

    /// Waits until somebody presses Ctrl-C or tells the process to end, or the web server ends.
    ///
    /// # Errors
    /// Where the process cannot be told.
    pub async fn ended(&mut self) -> io::Result<()> {
        let mut terminated = signal(SignalKind::terminate())?;
        if self.server.is_finished() {
            return Ok(());
        }
        tokio::select! {
            pressed = ctrl_c() => pressed,
            _ = terminated.recv() => Ok(()),
            // It hears the same signals, but takes its time.
            _ = &mut self.server => Ok(()),
        }
    }

    /// Ends everything, whoever began with it.
    pub async fn close(self) {
        self.app.feed.end();
        self.server_handle.stop(true).await;
        self.reading.stop().await;
        self.reconciling.stop().await;
        self.app.db.clone().close().await;
        self.kisi_handle.stop(false).await;
    }
}

/// Nothing of the environment but what is logged; errors alone where it does not say.
fn settings(folder: &Folder, kisi: &str, listen: Option<String>) -> anyhow::Result<Config> {
    let database = format!(
        "sqlite://{}?mode=rwc",
        folder.path().join("latchkey.db").display()
    );
    let mut flags = BTreeMap::from([
        ("database_url".to_owned(), database),
        ("kisi_url".to_owned(), kisi.to_owned()),
        (
            "listen".to_owned(),
            listen.unwrap_or_else(|| ANY_PORT.to_owned()),
        ),
        ("playground".to_owned(), "true".to_owned()),
    ]);
    let log = env::vars().find(|(name, _)| name == "LATCHKEY_LOG");
    if log.is_none() {
        flags.insert("log".to_owned(), "error".to_owned());
    }
    Ok(Config::load(None, log.into_iter(), &flags)?)
}

/// Where a listener is reached from this machine.
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
    fn an_address_is_one_that_can_be_called() {
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
