//! One club with many people who wait for Kisi, and how long an event of another club takes beside it. Kisi is called as often as by
//! default, so that the backlog stays.

use std::time::{Duration, Instant as Stopwatch};

use super::clubs::{Deployment, Size};

/// The default of `kisi_rate`.
const KISI_RATE: u32 = 5;
/// The events of the first club in each measurement, and the pause after each, in which Kisi's rate recovers.
const EVENTS: usize = 40;
const PAUSE: Duration = Duration::from_secs(1);

/// Measures an event of the first of two clubs: alone, while the events of the other arrive, and when these are a backlog.
pub async fn measure(database: &str, backlog: usize, replicas: usize) {
    let size = Size { clubs: 2, replicas };
    let deployment = Deployment::open(database, size, KISI_RATE).await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    println!("an event of a club beside one with a backlog of {backlog}");
    let alone = deployment.latency(EVENTS, PAUSE).await;
    say("alone", alone, alone);
    let began = Stopwatch::now();
    let sending = async {
        deployment.send_all(backlog, |_| 1).await;
        backlog as f64 / began.elapsed().as_secs_f64()
    };
    let (rate, arriving) = tokio::join!(sending, deployment.latency(EVENTS, PAUSE));
    say(
        &format!("while {rate:.0} events a second arrive"),
        arriving,
        alone,
    );
    deployment.wait_until_idle().await;
    let spent = deployment.cpu_time();
    let (began, waiting) = (Stopwatch::now(), deployment.latency(EVENTS, PAUSE).await);
    let cpu = (deployment.cpu_time() - spent).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    say(
        &format!("beside the backlog ({cpu:.0} % of a core)"),
        waiting,
        alone,
    );
}

fn say(what: &str, (p50, p99): (Duration, Duration), alone: (Duration, Duration)) {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "  {what}: p50 {:.1} ms ({:.2}x), longest {:.1} ms ({:.2}x)",
        ms(p50),
        ms(p50) / ms(alone.0),
        ms(p99),
        ms(p99) / ms(alone.1),
    );
}
