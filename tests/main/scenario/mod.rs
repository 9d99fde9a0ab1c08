//! The scenarios of `tests/scenarios`: text files that say what happens and who can then open what. A line asserts the doors,
//! by Kisi's rows and by the service's own word; the calls to Kisi are a snapshot beside it, so that waste shows.
//!
//! The language is told in `tests/scenarios/README.md`. A new file is found by itself; `INSTA_UPDATE=always` writes its
//! snapshot.

mod body;
mod calls;
mod play;
mod script;

use std::{fs, panic::AssertUnwindSafe, path::Path};

use futures_util::{FutureExt, StreamExt, stream};

use crate::support::world::Database;

/// How many are played at once.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_comes_out_as_told_on_sqlite() {
    all(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_comes_out_as_told_on_postgres() {
    all(Database::Postgres).await;
}

/// Plays every file, those after one that fails as well.
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
        let told = AssertUnwindSafe(Box::pin(play::play(database, name.clone(), text)));
        told.catch_unwind().await.err().map(|_| name)
    });
    let played = stream::iter(played).buffer_unordered(AT_ONCE);
    let failed: Vec<String> = played.filter_map(async |failed| failed).collect().await;
    assert!(failed.is_empty(), "not as told, see above: {failed:?}");
}
