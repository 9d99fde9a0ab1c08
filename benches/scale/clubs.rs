//! Many clubs in one deployment: what idle clubs cost, and how they affect the others. All clubs are copies of one that was
//! connected over the API, each with a source and a Kisi user of its own; they share one sandbox.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant as Stopwatch},
};

use entity::{access_group, club, group_lock, kisi_account, lock, place, rule, source};
use latchkey::{
    cli,
    clock::{Clock, new_id},
    ingest::accept,
    secret::{Sealer, SecretKind},
    store::{Db, StoreError, bulk},
    transaction,
};
use latchkey_sandbox::{Sandbox, Switches};
use sea_orm::EntityTrait;
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::{
    server::Server,
    service::{Service, settings},
    spent,
};

/// The longest that a burst may take.
const LONGEST: Duration = Duration::from_mins(5);
/// So many requests a second that Kisi does not limit what is measured.
const KISI_RATE: u32 = 1_000;

/// A club's webhook address without the host, and its signing secret.
type Sender = (String, SecretString);

/// What is measured: the number of clubs, and of processes that serve them.
#[derive(Copy, Clone)]
pub struct Size {
    pub clubs: usize,
    pub replicas: usize,
}

/// Clubs with a source each, served by some processes on one database, with one sandbox.
pub struct Deployment {
    servers: Vec<Server>,
    sandbox: Sandbox,
    group: i64,
    senders: Vec<Sender>,
    http: cli::webhook::Sender,
    /// The next process that a webhook is sent to.
    turn: AtomicUsize,
}

/// The figures of one deployment.
struct Figures {
    idle_cpu: f64,
    idle_writes: f64,
    memory_mb: f64,
    latency: (Duration, Duration),
    /// Events per second until Kisi holds them, and CPU time of the service per event: to one club, and over a hundred.
    bursts: [(f64, Duration); 2],
    /// The events of the slowest of ten busy clubs, when the fastest had all of its own, in percent.
    slowest_share: f64,
}

/// Measures deployments with these numbers of clubs, each on an empty database, and prints each beside the first.
pub async fn measure(database: impl Fn(usize) -> String, counts: &[usize], replicas: usize) {
    let mut first: Option<Figures> = None;
    for count in counts {
        let size = Size {
            clubs: *count,
            replicas,
        };
        let deployment = Deployment::open(&database(*count), size, KISI_RATE).await;
        let figures = deployment.measure().await;
        print(*count, &figures, first.as_ref().unwrap_or(&figures));
        first.get_or_insert(figures);
    }
}

fn print(clubs: usize, figures: &Figures, first: &Figures) {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{clubs} clubs: idle {:.2} % of a core, {:.1} write calls/s, {:.0} MB",
        figures.idle_cpu, figures.idle_writes, figures.memory_mb
    );
    println!(
        "  webhook to Kisi's confirmation: p50 {:.1} ms ({:.2}x), p99 {:.1} ms ({:.2}x)",
        ms(figures.latency.0),
        ms(figures.latency.0) / ms(first.latency.0),
        ms(figures.latency.1),
        ms(figures.latency.1) / ms(first.latency.1),
    );
    for ((rate, spent), name) in figures.bursts.iter().zip(["one club", "100 clubs"]) {
        println!(
            "  burst to {name}: {rate:.0} events/s ({:.2}x), {:.2} ms CPU per event",
            rate / first.bursts[0].0,
            ms(*spent)
        );
    }
    println!(
        "  ten busy clubs: the slowest has {:.0} % when the fastest is done",
        figures.slowest_share
    );
}

impl Deployment {
    /// Creates the clubs in an empty database, and starts the processes. Each sends at most `kisi_rate` requests a second to the
    /// Kisi of a club.
    pub async fn open(database: &str, size: Size, kisi_rate: u32) -> Self {
        let clock = Clock::system();
        let sandbox = Sandbox::new(Arc::new(move || clock.now().timestamp()));
        sandbox.set(Switches {
            rate: None,
            ..Switches::default()
        });
        sandbox.keep_calls(0);
        let place = sandbox.add_place("HQ", "Europe/Berlin");
        let door = sandbox.add_lock(place, "Front door");
        let group = sandbox.add_group("Members", None, &[door]);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let kisi = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(sandbox.serve(listener).expect("the sandbox"));
        let service = Service::start(database, &kisi).await;
        let named = service.connect(&sandbox.api_key()).await;
        let rule = "mutation($g: ID!) { createRule(input: { name: \"members\", target: $g, conditions: [{ membership: {} }] }) \
                    { userErrors { message } } }";
        service.ask(rule, json!({ "g": named["Members"] })).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let senders = copy(&service, &sandbox, size.clubs).await;
        service.end().await;
        let mut settings = settings(database, &kisi);
        for (name, value) in &mut settings {
            if *name == "LATCHKEY_KISI_RATE" {
                *value = kisi_rate.to_string();
            }
        }
        Self {
            servers: (0..size.replicas)
                .map(|_| Server::start(&settings))
                .collect(),
            sandbox,
            group,
            senders,
            http: cli::webhook::Sender::new().expect("an HTTP client"),
            turn: AtomicUsize::new(0),
        }
    }

    async fn measure(&self) -> Figures {
        tokio::time::sleep(Duration::from_secs(8)).await;
        let (spent, writes) = (self.cpu_time(), self.write_calls());
        let length = Duration::from_secs(20);
        tokio::time::sleep(length).await;
        let idle_cpu = (self.cpu_time() - spent).as_secs_f64() / length.as_secs_f64() * 100.0;
        let idle_writes = (self.write_calls() - writes) as f64 / length.as_secs_f64();
        let memory_mb = self.servers.iter().map(|it| it.memory_mb("VmRSS")).sum();
        self.burst(200, 1).await;
        let latency = self.latency(200, Duration::from_millis(5)).await;
        let bursts = [self.burst(2_000, 1).await, self.burst(2_000, 100).await];
        Figures {
            idle_cpu,
            idle_writes,
            memory_mb,
            latency,
            bursts,
            slowest_share: self.shares(200).await,
        }
    }

    /// The CPU time of all processes.
    pub fn cpu_time(&self) -> Duration {
        self.servers.iter().map(|it| spent::cpu_time(it.pid)).sum()
    }

    /// The write calls of all processes.
    fn write_calls(&self) -> u64 {
        let calls = self.servers.iter().map(|it| spent::write_calls(it.pid));
        calls.sum()
    }

    /// The median and the 99th percentile from sending an event of a new person of the first club to the assignment in Kisi, with
    /// a pause after each event.
    pub async fn latency(&self, count: usize, pause: Duration) -> (Duration, Duration) {
        let mut times = Vec::new();
        for _ in 0..count {
            let person = new_id().simple().to_string();
            let began = Stopwatch::now();
            self.send(0, &person).await;
            while self.sandbox.assignments_of(&address(&person)).is_empty() {
                assert!(began.elapsed() < LONGEST, "no assignment appeared in Kisi");
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            times.push(began.elapsed());
            tokio::time::sleep(pause).await;
        }
        times.sort();
        (times[times.len() / 2], times[times.len() * 99 / 100])
    }

    /// Waits until the processes use little CPU time: all that arrived is evaluated, and waits for Kisi.
    pub async fn wait_until_idle(&self) {
        let (began, second) = (Stopwatch::now(), Duration::from_secs(1));
        loop {
            let spent = self.cpu_time();
            tokio::time::sleep(second * 3).await;
            if self.cpu_time() - spent < second {
                return;
            }
            assert!(began.elapsed() < LONGEST, "the processes stay busy");
        }
    }

    /// Sends events of new people, over 16 connections, each to the club that its number gives.
    pub async fn send_all(&self, events: usize, club: impl Fn(usize) -> usize) {
        let next = AtomicUsize::new(0);
        let senders = (0..16).map(|_| async {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= events {
                    return;
                }
                self.send(club(number), &new_id().simple().to_string())
                    .await;
            }
        });
        futures_util::future::join_all(senders).await;
    }

    /// Sends events of new people to this many clubs in turn.
    async fn burst(&self, events: usize, clubs: usize) -> (f64, Duration) {
        let clubs = clubs.min(self.senders.len());
        let before = self.sandbox.assignments_in(self.group).len();
        let (began, spent) = (Stopwatch::now(), self.cpu_time());
        self.send_all(events, |number| number % clubs).await;
        while self.sandbox.assignments_in(self.group).len() < before + events {
            assert!(began.elapsed() < LONGEST, "the burst does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let rate = events as f64 / began.elapsed().as_secs_f64();
        let events = u32::try_from(events).expect("few");
        (rate, (self.cpu_time() - spent) / events)
    }

    /// Sends as many events to each of ten clubs, and returns the progress of the slowest when the fastest is done.
    async fn shares(&self, each: usize) -> f64 {
        let clubs = 10.min(self.senders.len());
        let mut people: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for number in 0..each * clubs {
            let person = new_id().simple().to_string();
            people.entry(number % clubs).or_default().push(person);
        }
        let sending = people.iter().map(|(club, people)| async move {
            for person in people {
                self.send(*club, person).await;
            }
        });
        let watching = async {
            loop {
                let done = people.values().map(|people| {
                    let held = people
                        .iter()
                        .filter(|person| !self.sandbox.assignments_of(&address(person)).is_empty());
                    held.count()
                });
                let done: Vec<usize> = done.collect();
                if done.contains(&each) {
                    let slowest = done.into_iter().min().expect("a club");
                    return slowest as f64 / each as f64 * 100.0;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let (_, share) = futures_util::join!(futures_util::future::join_all(sending), watching);
        share
    }

    async fn send(&self, club: usize, person: &str) {
        let (path, secret) = &self.senders[club];
        let server = &self.servers[self.turn.fetch_add(1, Ordering::Relaxed) % self.servers.len()];
        let url = format!("http://{}{path}", server.address);
        let id = new_id().simple().to_string();
        let answer = self
            .http
            .send_signed(&url, secret, &id, event(person))
            .await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 202, "{}", answer.body);
    }
}

fn address(person: &str) -> String {
    format!("{person}@example.com")
}

fn event(person: &str) -> Vec<u8> {
    json!({
        "type": "membership.updated",
        "timestamp": "2026-01-05T09:30:00Z",
        "data": {
            "id": format!("m-{person}"),
            "plan": { "id": "gold", "name": "Gold" },
            "member": { "id": person, "email": address(person), "name": "Ada Example" },
            "status": "active",
            "starts_at": "2026-01-01T00:00:00Z",
            "ends_at": "2031-01-01T00:00:00Z",
        },
    })
    .to_string()
    .into_bytes()
}

/// The rows of the club that was connected.
struct Template {
    club: club::Model,
    account: kisi_account::Model,
    group: access_group::Model,
    lock: lock::Model,
    place: place::Model,
    rule: rule::Model,
    source: source::Model,
}

/// Copies the connected club until there are `count`. Returns the senders of all, the connected club first.
async fn copy(service: &Service, sandbox: &Sandbox, count: usize) -> Vec<Sender> {
    let (db, sealer) = (&service.app.db, &service.app.sealer);
    macro_rules! only {
        ($table:ident) => {
            ($table::Entity::find().one(db.read()).await)
                .expect("read")
                .expect("a row")
        };
    }
    let template = Template {
        club: only!(club),
        account: only!(kisi_account),
        group: only!(access_group),
        lock: only!(lock),
        place: only!(place),
        rule: only!(rule),
        source: only!(source),
    };
    let sealed = template.source.secret.as_ref().expect("a secret");
    let kind = SecretKind::SourceSecret;
    let secret = sealer
        .open(kind, template.source.id, sealed)
        .expect("opened");
    let mut senders = vec![(accept::path(&template.source), secret.clone())];
    let numbers: Vec<usize> = (1..count).collect();
    for chunk in numbers.chunks(500) {
        let copies = chunk.iter().map(|number| {
            let rows = template.copy(*number, sealer, &secret, &sandbox.add_api_key());
            senders.push((accept::path(&rows.source), secret.clone()));
            rows
        });
        insert(db, copies.collect()).await;
    }
    senders
}

impl Template {
    fn copy(&self, number: usize, sealer: &Sealer, secret: &SecretString, key: &str) -> Self {
        let (club, account, source) = (new_id(), new_id(), new_id());
        let (group, lock, place) = (new_id(), new_id(), new_id());
        let key = SecretString::from(key.to_owned());
        let sealed = |kind, id: Uuid, secret| sealer.seal(kind, id, secret).expect("sealed");
        Self {
            club: club::Model {
                id: club,
                name: format!("Club {number}"),
                ..self.club.clone()
            },
            account: kisi_account::Model {
                id: account,
                club_id: club,
                kisi_user_id: i64::try_from(1_000_000 + number).ok(),
                credentials: sealed(SecretKind::KisiCredentials, account, &key),
                ..self.account.clone()
            },
            group: access_group::Model {
                id: group,
                club_id: club,
                account_id: account,
                place_id: self.group.place_id.map(|_| place),
                ..self.group.clone()
            },
            lock: lock::Model {
                id: lock,
                club_id: club,
                account_id: account,
                place_id: Some(place),
                ..self.lock.clone()
            },
            place: place::Model {
                id: place,
                club_id: club,
                account_id: account,
                ..self.place.clone()
            },
            rule: rule::Model {
                id: new_id(),
                rule_id: new_id(),
                club_id: club,
                target_id: group,
                ..self.rule.clone()
            },
            source: source::Model {
                id: source,
                club_id: club,
                path_key: source.simple().to_string(),
                secret: Some(sealed(SecretKind::SourceSecret, source, secret)),
                ..self.source.clone()
            },
        }
    }
}

async fn insert(db: &Db, copies: Vec<Template>) {
    let inserted: Result<(), StoreError> = transaction!(db, |tx| {
        let links = copies.iter().map(|copy| group_lock::Model {
            group_id: copy.group.id,
            lock_id: copy.lock.id,
            club_id: copy.club.id,
        });
        let links: Vec<group_lock::Model> = links.collect();
        macro_rules! insert {
            ($($column:ident),*) => {$(
                let rows = copies.iter().map(|copy| copy.$column.clone());
                bulk::insert(tx, rows.collect::<Vec<_>>()).await?;
            )*};
        }
        insert!(club, account, place, lock, group, rule, source);
        bulk::insert(tx, links).await
    })
    .await;
    inserted.expect("copied");
}
