//! A process is killed in the middle of reading a platform: another one reads from the beginning within seconds, and nothing of
//! the first reading is used.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{customer, customer_membership};
use crate::support::{
    api::{Api, eventually},
    child::{self, ServerProcess},
    platform::FakePlatform,
    postgres,
};

/// The bound of the time from the end of a process to the first request of the next one. The lease of a reading lasts three
/// seconds, and due sources are looked for every second; the rest is for a slow machine.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_continues_on_postgres() {
    let Some(database) = postgres::fresh().await else {
        return;
    };
    let url = database.url().to_owned();
    let reader = Reader::start(&url).await;
    // It is running when the first one ends, as a replica is.
    let replica = child::serve(&reader.settings(&url));
    reader.kill_and_continue(replica.base.clone()).await;
    drop(replica);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_process_continues_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latchkey.db");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let reader = Reader::start(&url).await;
    let settings = reader.platform.url.clone();
    let settings = [("DATABASE_URL", url.as_str()), ("TEAMUP_URL", &settings)];
    reader.serving.kill();
    let begun = Instant::now();
    let next = child::serve(&settings);
    let api = reader.api.at(next.base.clone());
    continues(&reader.platform, &api, &reader.source, begun).await;
}

/// A process that is in the middle of a reading: the third list is not answered.
struct Reader {
    platform: FakePlatform,
    serving: ServerProcess,
    api: Api,
    source: String,
}

impl Reader {
    async fn start(database: &str) -> Self {
        let platform = FakePlatform::start();
        platform.list("customers", json!([customer(1, "ada"), customer(2, "bob")]));
        let memberships = json!([customer_membership(10, 1, "active")]);
        platform.list("customer_memberships", memberships);
        platform.hold("customer_memberships");
        let settings = [("DATABASE_URL", database), ("TEAMUP_URL", &platform.url)];
        let zone = ["--time-zone", "Europe/Berlin"];
        let arguments = [
            "club", "create", "--name", "Club", zone[0], zone[1], "--json",
        ];
        let club = child::json(&arguments, &settings);
        let serving = child::serve(&settings);
        let api = Api::new(
            serving.base.clone(),
            club["token"].as_str().unwrap().to_owned(),
        );
        let credentials = json!({ "teamUp": { "token": "key" } });
        let input = json!({ "name": "TeamUp", "platform": "TEAMUP", "credentials": credentials });
        let variable = [("input", "CreateSourceInput!", input)];
        let payload = api.mutate("createSource", &variable, "source { id }").await;
        let source = payload["source"]["id"].as_str().unwrap().to_owned();
        let reads = async || (platform.asked("customer_memberships").len() == 1).then_some(());
        eventually(reads, async || "nobody reads the memberships".to_owned()).await;
        Self {
            platform,
            serving,
            api,
            source,
        }
    }

    fn settings<'a>(&'a self, database: &'a str) -> [(&'static str, &'a str); 2] {
        [
            ("DATABASE_URL", database),
            ("TEAMUP_URL", &self.platform.url),
        ]
    }

    async fn kill_and_continue(self, replica: String) {
        self.serving.kill();
        let begun = Instant::now();
        let api = self.api.at(replica);
        continues(&self.platform, &api, &self.source, begun).await;
    }
}

/// Checks that the source is read from the beginning soon, once, and completely.
async fn continues(platform: &FakePlatform, api: &Api, source: &str, begun: Instant) {
    let again = async || (platform.asked("customers").len() > 1).then_some(());
    eventually(again, async || "no other process reads".to_owned()).await;
    let taken = begun.elapsed();
    println!("another process reads after {} ms", taken.as_millis());
    assert!(taken < TAKEN_OVER_WITHIN, "{taken:?}");
    assert_eq!(api.member("ada@example.com").await, None, "half a reading");
    platform.release();
    let query = "query($id: ID!) { node(id: $id) { ... on Source { lastReadAt problem } } }";
    let state = async || api.query(query, json!({ "id": source })).await["node"].clone();
    let read = async || (state().await["lastReadAt"] != Value::Null).then_some(());
    eventually(read, async || state().await.to_string()).await;
    assert_eq!(state().await["problem"], Value::Null);
    assert!(api.member("ada@example.com").await.is_some());
    assert_eq!(
        platform.asked("customers").len(),
        2,
        "read once more, and by one process"
    );
}
