//! Runs the scenarios of `tests/scenarios`: text files with events and the expected access. `expect` lines compare who can open
//! a door, both in Kisi's rows and by the service's decision. The calls to Kisi are compared with a snapshot, so that unneeded
//! calls show up in review.
//!
//! `tests/scenarios/README.md` describes the language. New files are picked up automatically; `INSTA_UPDATE=always` writes their
//! snapshots.

mod body;
mod calls;
mod play;
mod script;

use std::{fs, panic::AssertUnwindSafe, path::Path};

use futures_util::{FutureExt, StreamExt, stream};

use crate::support::world::Database;

/// The number of scenarios that run at the same time.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_comes_out_as_told_on_sqlite() {
    all(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_comes_out_as_told_on_postgres() {
    all(Database::Postgres).await;
}

/// Plays every file; a failing one does not stop the others.
async fn all(database: Database) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no scenario was found");
    let played = files.into_iter().map(async |file| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap();
        let playing = AssertUnwindSafe(Box::pin(play::play(database, name.clone(), text)));
        playing.catch_unwind().await.err().map(|_| name)
    });
    let played = stream::iter(played).buffer_unordered(AT_ONCE);
    let failed: Vec<String> = played.filter_map(async |failed| failed).collect().await;
    assert!(failed.is_empty(), "scenarios failed, see above: {failed:?}");
}
