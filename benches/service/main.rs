//! Measures the service: durable webhooks per second on SQLite and PostgreSQL against plain inserts of the same rows in batches,
//! latency from webhook to confirmation by Kisi, cold start, idle memory, and webhooks during the most expensive queries. Run
//! with `cargo bench --bench service` (`-- beside` for the last one only). PostgreSQL is measured if
//! `LATCHKEY_TEST_POSTGRES_URL` is set, on the databases with its URL and the suffixes `_service` and `_bare`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark measures time, prints it, and panics on any error"
)]

mod insert_baseline;
mod load;
mod mixed_load;
mod process;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/service.rs"]
mod service;
mod workload;

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
            "webhook to confirmation by the sandbox, one at a time, idle, sandbox without latency:"
        );
        let mut times = workload::latencies(300).await;
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
                println!("PostgreSQL: not measured, LATCHKEY_TEST_POSTGRES_URL is not set")
            }
        }
        beside_queries(&folder).await;
        process::start_and_memory();
    });
}

async fn beside_queries(folder: &tempfile::TempDir) {
    println!("webhooks one at a time in a club of 6,000, SQLite, 2 cores:");
    // Eleven lists are the maximum per document for a club that grows to nine thousand members during the run.
    for (name, lists) in [
        ("alone", 0),
        ("with ten tokens that list all members", 1),
        (
            "with ten tokens that list all members eleven times per document",
            11,
        ),
    ] {
        let path = folder.path().join(format!("beside-{lists}.db"));
        let database = format!("sqlite://{}?mode=rwc", path.display());
        let beside = mixed_load::run(&database, 6_000, Duration::from_secs(20), lists).await;
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
        "durable webhooks per second, {name}: each is the membership of a new person, 2 cores shared with the sender:"
    );
    for connections in [1, 16, 64] {
        let service = service::Service::start(database, "http://127.0.0.1:9").await;
        let (rate, p50, p99) = load::run(&service, connections, Duration::from_secs(4)).await;
        print!(
            "  {connections:2} connections: {rate:.0} per second, p50 {} p99 {}",
            ms(p50),
            ms(p99)
        );
        if connections == 64 {
            let (limit, rows) = insert_baseline::insert_again(&service, bare, 64).await;
            print!(
                "; plain inserts of the same rows ({rows:.1} per webhook), 64 webhooks per transaction: {limit:.0}, ratio {:.2}",
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
