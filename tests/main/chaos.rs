//! Chaos tests: random events in any order, rule edits, suspensions, edits in Kisi's dashboard, failures of Kisi and the
//! database, crashes and restarts, over simulated weeks and one to three accounts. At each quiet point Kisi must match the
//! test's own reference model; a member with uninterrupted access must never be locked out; others must lose access within the
//! bound.
//!
//! A failure prints its seed; `LATCHKEY_CHAOS_SEED` repeats the run, apart from randomness inside the service.
//! `LATCHKEY_CHAOS_STEPS` sets the number of steps of each test.

mod club;
mod random;
mod reference;

use club::Club;
use random::Random;

use crate::support::world::Database;

/// Steps per test. The four tests take ten thousand together.
const STEPS: usize = 2500;

async fn chaos(database: Database, accounts: usize, has_brake: bool, seed: u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed = number("LATCHKEY_CHAOS_SEED").unwrap_or(seed);
    let steps = number("LATCHKEY_CHAOS_STEPS")
        .and_then(|steps| usize::try_from(steps).ok())
        .unwrap_or(STEPS);
    eprintln!("LATCHKEY_CHAOS_SEED={seed}");
    let Some(mut club) = Box::pin(Club::start(database, accounts, has_brake, Random(seed))).await
    else {
        return;
    };
    for step in 0..steps {
        Box::pin(club.step(step)).await;
    }
    Box::pin(club.finish()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_account() {
    chaos(Database::Sqlite, 1, false, 20_261_127).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_accounts() {
    chaos(Database::Sqlite, 2, true, 51_413).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_accounts() {
    chaos(Database::Sqlite, 3, false, 8_128).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_accounts_on_postgres() {
    chaos(Database::Postgres, 2, true, 65_537).await;
}
