//! A TCP proxy in front of a server whose connections can be silenced: bytes are accepted and dropped, as after a failover or
//! when a firewall has dropped the state of a connection.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};

/// Dropping this value stops the proxy.
pub struct Proxy {
    pub port: u16,
    /// Connections with a lower number are silent.
    silent_below: Arc<AtomicU64>,
    opened: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Starts a proxy for the server at this address, `HOST:PORT`.
    pub async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (silent_below, opened) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (silent, count) = (silent_below.clone(), opened.clone());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::AcqRel);
                let Ok(server) = TcpStream::connect(&server).await else {
                    continue;
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass_on(from_client, to_server, number, silent.clone()));
                tokio::spawn(pass_on(from_server, to_client, number, silent.clone()));
            }
        });
        Self {
            port,
            silent_below,
            opened,
            task,
        }
    }

    /// Silences the connections that are open now. New connections work.
    pub fn silence_open(&self) {
        let opened = self.opened.load(Ordering::Acquire);
        self.silent_below.store(opened, Ordering::Release);
    }

    /// Silences all connections, including new ones.
    pub fn silence_all(&self) {
        self.silent_below.store(u64::MAX, Ordering::Release);
    }
}

async fn pass_on(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    number: u64,
    silent_below: Arc<AtomicU64>,
) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if number < silent_below.load(Ordering::Acquire) {
            continue;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
