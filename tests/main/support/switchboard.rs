//! A proxy with one address for several Kisi sandboxes: routes each request by its API key and copies the bytes, so that a
//! connection that the sandbox closes is also closed for the client.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub struct KisiRouter {
    /// `http://…`.
    pub url: String,
    lines: Arc<Mutex<HashMap<String, String>>>,
    task: JoinHandle<()>,
}

impl KisiRouter {
    /// Starts without routes: every request is a 401.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let lines: Arc<Mutex<HashMap<String, String>>> = Arc::default();
        let shared = lines.clone();
        let task = tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                tokio::spawn(put_through(caller, shared.clone()));
            }
        });
        Self { url, lines, task }
    }

    /// Routes requests with the API key `key` to `url` (`http://…`).
    pub fn line(&self, key: &str, url: &str) {
        let address = url.trim_start_matches("http://").to_owned();
        self.lines.lock().unwrap().insert(key.to_owned(), address);
    }
}

impl Drop for KisiRouter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn put_through(mut caller: TcpStream, lines: Arc<Mutex<HashMap<String, String>>>) {
    let mut read = Vec::new();
    let end = loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if caller.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let key = value.trim().strip_prefix("KISI-LOGIN ")?;
        (name.eq_ignore_ascii_case("authorization")).then(|| key.to_owned())
    });
    let address = key.and_then(|key| lines.lock().unwrap().get(&key).cloned());
    let Some(address) = address else {
        let _ = caller
            .write_all(
                b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            )
            .await;
        return;
    };
    let Ok(mut sandbox) = TcpStream::connect(address).await else {
        return;
    };
    // One request per connection, because the next one may be for another sandbox.
    let first = head.find("\r\n").unwrap_or(head.len());
    let mut sent = read[..first].to_vec();
    sent.extend_from_slice(b"\r\nconnection: close");
    sent.extend_from_slice(&read[first..]);
    if sandbox.write_all(&sent).await.is_ok() {
        let _ = copy_bidirectional(&mut caller, &mut sandbox).await;
    }
}
