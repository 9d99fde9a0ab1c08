//! A webhook sender with several keep-alive connections. All requests are signed before the measurement starts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant as Stopwatch},
};

use latchkey::{clock::new_id, ingest::signature::sign, store::row::SignatureScheme};
use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{service::Service, workload};

/// Returns the webhooks per second, and the median and the 99th percentile of their response times. Panics on a response other
/// than 202.
pub async fn run(
    service: &Service,
    connections: usize,
    length: Duration,
) -> (f64, Duration, Duration) {
    let (path, secret) = workload::source(service);
    let requests: Arc<Vec<Vec<u8>>> = Arc::new(
        (0..60_000)
            .map(|number| request(service, &path, &secret, number))
            .collect(),
    );
    let next = Arc::new(AtomicUsize::new(0));
    let began = Stopwatch::now();
    let senders = (0..connections).map(|_| {
        let (requests, next, address) = (requests.clone(), next.clone(), service.address.clone());
        tokio::spawn(async move {
            let mut connection = TcpStream::connect(address).await.expect("a connection");
            connection.set_nodelay(true).expect("no delay");
            let mut times = Vec::new();
            while began.elapsed() < length {
                let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) else {
                    break;
                };
                let sent = Stopwatch::now();
                connection.write_all(request).await.expect("sent");
                assert!(answered_202(&mut connection).await, "not 202");
                times.push(sent.elapsed());
            }
            times
        })
    });
    let mut times = Vec::new();
    for sender in senders.collect::<Vec<_>>() {
        times.extend(sender.await.expect("a sender"));
    }
    let rate = times.len() as f64 / began.elapsed().as_secs_f64();
    times.sort();
    (rate, times[times.len() / 2], times[times.len() * 99 / 100])
}

pub fn request(service: &Service, path: &str, secret: &SecretString, number: usize) -> Vec<u8> {
    let body = workload::event(number);
    let id = new_id().simple().to_string();
    let now = service.app.clock.now();
    let headers = sign(SignatureScheme::StandardWebhooks, secret, &id, now, &body).expect("signed");
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    [request.into_bytes(), body].concat()
}

async fn answered_202(connection: &mut TcpStream) -> bool {
    answer(connection).await.0.starts_with("HTTP/1.1 202")
}

/// The head and the body of the next response on a keep-alive connection.
pub async fn answer(connection: &mut TcpStream) -> (String, String) {
    let mut answer = Vec::new();
    let mut part = [0; 2048];
    loop {
        let read = connection.read(&mut part).await.expect("an answer");
        answer.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")?
                .parse::<usize>()
                .ok()
        });
        if body.len() >= length.unwrap_or(0) {
            return (head.to_owned(), body.to_owned());
        }
    }
}
