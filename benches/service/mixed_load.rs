//! Measures webhook latency while ten tokens send the most expensive queries that they may send.

use latchkey::transaction;
use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant as Stopwatch},
};

use latchkey::{
    clock::{Clock, new_id},
    secret::{hash_token, new_token},
    store::{StoreError, row, tokens},
};
use latchkey_sandbox::{Sandbox, Switches};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{load, service::Service, workload};

const TOKENS: usize = 10;
/// The busy connections of each token: more than the operations that it may run at the same time.
const CONNECTIONS: usize = 12;

/// Webhook latencies and the number of webhooks; `answered` and `refused` count the queries.
pub struct MixedLoad {
    pub p50: Duration,
    pub p99: Duration,
    pub webhooks: usize,
    pub answered: usize,
    pub refused: usize,
}

/// Sends webhooks one at a time to a club of `members`, while `TOKENS` tokens repeat a query with `lists` lists of all allowed
/// members. No queries are sent if `lists` is 0.
pub async fn run(database: &str, members: usize, length: Duration, lists: usize) -> MixedLoad {
    let clock = Clock::system();
    let sandbox = Sandbox::new(Arc::new(move || clock.now().timestamp()));
    sandbox.set(Switches {
        rate: None,
        ..Switches::default()
    });
    let place = sandbox.add_place("HQ", "Europe/Berlin");
    sandbox.add_lock(place, "Front door");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let kisi = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(sandbox.serve(listener).expect("the sandbox"));
    let service = Service::start(database, &kisi).await;
    service.connect(&sandbox.api_key()).await;
    let locks = service.ask("{ locks { nodes { id } } }", json!({})).await;
    let lock = locks["locks"]["nodes"][0]["id"]
        .as_str()
        .expect("a lock")
        .to_owned();
    let rule = "mutation($l: ID!) { createRule(input: { name: \"members\", target: $l, conditions: [{ membership: {} }] }) \
                { userErrors { message } } }";
    service.ask(rule, json!({ "l": lock })).await;
    let (path, secret) = workload::source(&service);
    let requests: Vec<_> = (0..members + 20_000)
        .map(|number| load::request(&service, &path, &secret, number))
        .collect();
    let (present, coming) = requests.split_at(members);
    people(&service.address, present).await;
    let (stop, counts) = (
        Arc::new(AtomicBool::new(false)),
        Arc::<[AtomicUsize; 2]>::default(),
    );
    let mut asking = Vec::new();
    for _ in 0..if lists == 0 { 0 } else { TOKENS } {
        let token = token(&service).await;
        for _ in 0..CONNECTIONS {
            let (stop, counts) = (stop.clone(), counts.clone());
            let mut connection = connect(&service.address).await;
            let question = question(&token, &lock, lists);
            asking.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    connection.write_all(&question).await.expect("sent");
                    let (_, body) = load::answer(&mut connection).await;
                    let is_refused = body.contains("\"errors\"");
                    counts[usize::from(is_refused)].fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
    }
    let mut connection = connect(&service.address).await;
    let (began, mut times) = (Stopwatch::now(), Vec::new());
    for request in coming {
        if began.elapsed() > length {
            break;
        }
        let sent = Stopwatch::now();
        send(&mut connection, request).await;
        times.push(sent.elapsed());
    }
    stop.store(true, Ordering::Relaxed);
    asking.iter().for_each(|task| task.abort());
    times.sort();
    service.end().await;
    MixedLoad {
        p50: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
        webhooks: times.len(),
        answered: counts[0].load(Ordering::Relaxed),
        refused: counts[1].load(Ordering::Relaxed),
    }
}

async fn connect(address: &str) -> TcpStream {
    let connection = TcpStream::connect(address).await.expect("a connection");
    connection.set_nodelay(true).expect("no delay");
    connection
}

async fn send(connection: &mut TcpStream, request: &[u8]) {
    connection.write_all(request).await.expect("sent");
    let (head, _) = load::answer(connection).await;
    assert!(head.starts_with("HTTP/1.1 202"), "{head}");
}

/// Creates the members of the club by webhooks, over 32 connections.
async fn people(address: &str, requests: &[Vec<u8>]) {
    let parts: Vec<_> = requests.chunks(requests.len().div_ceil(32)).collect();
    let senders = parts.into_iter().map(|part| async move {
        let mut connection = connect(address).await;
        for request in part {
            send(&mut connection, request).await;
        }
    });
    futures_util::future::join_all(senders).await;
}

async fn token(service: &Service) -> SecretString {
    let token = new_token();
    let row = row::Token {
        id: new_id(),
        club_id: service.source.club_id,
        name: new_id().simple().to_string(),
        role: row::Role::Admin,
        hash: hash_token(token.expose_secret()),
        subject: None,
        member_id: None,
        created_at: service.app.clock.now().micros(),
        expires_at: None,
    };
    let written: Result<(), StoreError> =
        transaction!(service.app.db, |tx| tokens::create(tx, row).await).await;
    written.expect("a token");
    token
}

/// A request for the members who may open a door, at `lists` different instants.
fn question(token: &SecretString, lock: &str, lists: usize) -> Vec<u8> {
    let lists: String = (10..10 + lists)
        .map(|n| {
            format!(
                "a{n}: allowedMembers(first: 0, at: \"2026-02-{n}T12:00:00Z\") {{ totalCount }} "
            )
        })
        .collect();
    let query = format!("{{ node(id: \"{lock}\") {{ ... on Lock {{ {lists} }} }} }}");
    let body = json!({ "query": query }).to_string();
    let token = token.expose_secret();
    format!(
        "POST /graphql HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
