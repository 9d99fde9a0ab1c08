//! How fast the service is, each figure beside the machine's own limit in the same run: durable webhooks a second on
//! SQLite and PostgreSQL beside bare batched inserts of the same rows, webhook to Kisi's confirmation, cold start, idle
//! memory, webhooks beside the heaviest queries. `cargo bench --bench service` (`-- beside` for the last alone); PostgreSQL where `LATCHKEY_TEST_POSTGRES_URL` names a server's empty database.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark measures time, tells it, and ends where anything is wrong"
)]

mod bare;
mod beside;
mod load;
mod process;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/service.rs"]
mod service;
mod world;

use std::time::Duration;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        if std::env::args().any(|argument| argument == "beside") {
            return beside_queries(&tempfile::tempdir().expect("a folder")).await;
        }
        println!(
            "webhook to the sandbox's confirmation, one at a time, idle, sandbox without latency:"
        );
        let mut times = world::latencies(300).await;
        times.sort();
        println!(
            "  p50 {}  p99 {}",
            ms(times[times.len() / 2]),
            ms(times[times.len() * 99 / 100])
        );

        let folder = tempfile::tempdir().expect("a folder");
        let sqlite = format!("sqlite://{}/bench.db?mode=rwc", folder.path().display());
        let bare_sqlite = format!("sqlite://{}/bare.db?mode=rwc", folder.path().display());
        throughput("SQLite, full synchronous commits", &sqlite, &bare_sqlite).await;
        match std::env::var("LATCHKEY_TEST_POSTGRES_URL") {
            Ok(url) => {
                throughput(
                    "PostgreSQL",
                    &format!("{url}_service"),
                    &format!("{url}_bare"),
                )
                .await
            }
            Err(_) => {
                println!("PostgreSQL: not measured, LATCHKEY_TEST_POSTGRES_URL names no server")
            }
        }
        beside_queries(&folder).await;
        process::start_and_memory();
    });
}

async fn beside_queries(folder: &tempfile::TempDir) {
    println!("webhooks one at a time in a club of 6,000, SQLite, 2 cores:");
    // The last is as much as a document may ask for of a club that grows to nine thousand meanwhile.
    for (name, lists) in [
        ("alone", 0),
        ("beside ten tokens that ask for everybody", 1),
        (
            "beside ten tokens that ask for everybody eleven times a document",
            11,
        ),
    ] {
        let path = folder.path().join(format!("beside-{lists}.db"));
        let database = format!("sqlite://{}?mode=rwc", path.display());
        let beside = beside::run(&database, 6_000, Duration::from_secs(20), lists).await;
        println!(
            "  {name}: {} webhooks, p50 {} p99 {}; {} documents answered, {} refused",
            beside.webhooks,
            ms(beside.p50),
            ms(beside.p99),
            beside.answered,
            beside.refused
        );
    }
}

async fn throughput(name: &str, database: &str, bare: &str) {
    println!(
        "durable webhooks a second, {name}: each a membership of somebody new, 2 cores shared with the sender:"
    );
    for connections in [1, 16, 64] {
        let service = service::Service::start(database, "http://127.0.0.1:9").await;
        let (rate, p50, p99) = load::run(&service, connections, Duration::from_secs(4)).await;
        print!(
            "  {connections:2} connections: {rate:.0} a second, p50 {} p99 {}",
            ms(p50),
            ms(p99)
        );
        if connections == 64 {
            let (limit, rows) = bare::insert_again(&service, bare, 64).await;
            print!(
                "; bare inserts of the same rows ({rows:.1} a webhook), 64 webhooks a transaction: {limit:.0}, ratio {:.2}",
                limit / rate
            );
        }
        println!();
        service.end().await;
    }
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
