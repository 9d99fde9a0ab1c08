//! Everything at once: random events in any order, edits of rules, suspensions, edits in Kisi's own dashboard, failures of Kisi and of
//! the database, crashes and restarts, over simulated weeks and one to three accounts. At every quiet point Kisi is as the test's own
//! reference says; nobody who may pass throughout is locked out at any instant; and nobody else stays in longer than the bound.
//!
//! A failure prints its seed, and `LATCHKEY_CHAOS_SEED` repeats it as far as chance in the service allows.
//! `LATCHKEY_CHAOS_STEPS` takes more steps in each test.

mod club;
mod random;
mod reference;

use club::Club;
use random::Random;

use crate::support::world::Database;

/// With four tests, ten thousand in all.
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
