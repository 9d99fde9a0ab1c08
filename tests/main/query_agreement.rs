//! Property tests over random clubs: all queries about whether a member may pass agree, and a query with `asKnownAt` repeats the
//! answer that was given at that time. All data is written through the API and webhooks.

mod club;
mod readers;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use self::{
    club::{Act, PEOPLE, acts},
    readers::{all_agree, remembered},
};
use crate::support::{
    api::Source,
    event,
    world::{Database, Setup, World},
};

/// The number of clubs on SQLite, and on PostgreSQL, where each takes longer.
const CLUBS: [u32; 2] = [4, 1];
/// The number of acts between two checks.
const LOOK_AFTER: usize = 9;

#[test]
fn every_reader_agrees_and_remembers_on_sqlite() {
    over_clubs(Database::Sqlite);
}

#[test]
fn every_reader_agrees_and_remembers_on_postgres() {
    over_clubs(Database::Postgres);
}

fn over_clubs(database: Database) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    // No shrinking: each attempt would start a world. The acts of a failing case are printed instead.
    let config = Config {
        cases: CLUBS[usize::from(database == Database::Postgres)],
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    };
    let mut runner = match std::env::var("LATCHKEY_TEST_SEED") {
        Err(_) => TestRunner::new(config),
        Ok(seed) => {
            let mut bytes = [0; 32];
            bytes[..seed.len()].copy_from_slice(seed.as_bytes());
            let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
            TestRunner::new_with_rng(config, rng)
        }
    };
    let result = runner.run(&acts(), |acts| {
        eprintln!("{acts:#?}");
        runtime.block_on(Box::pin(one_club(database, &acts)));
        Ok(())
    });
    if let Err(problem) = result {
        panic!("{problem}");
    }
}

/// A club that acts are applied to.
pub struct Club {
    world: World,
    source: Source,
    /// The ids that acts refer to as `@name`: offerings, locations, groups, locks, members, the place, the account.
    ids: BTreeMap<String, Value>,
    rules: Vec<String>,
    shares: Vec<String>,
    /// The shares of a place or an account. Kisi stores no window for them, so their assignments exist only while they last. They
    /// are ended before the final check.
    wide: Vec<String>,
}

async fn one_club(database: Database, acts: &[Act]) {
    // A Friday before daylight saving time begins in Berlin, on Sunday 29 March.
    let setup = Setup {
        beginning: "2026-03-27T17:00:00Z".parse().unwrap(),
        ..Setup::default()
    };
    let Some(world) = Box::pin(World::start(database, setup)).await else {
        return;
    };
    let mut club = Club::furnished(world).await;
    let mut answered = Vec::new();
    for part in acts.chunks(LOOK_AFTER) {
        for act in part {
            Box::pin(club.play(act)).await;
        }
        all_agree(&club).await;
        answered.push((club.world.now(), remembered(&club, None).await));
        // The following acts must be later than the answers.
        club.world
            .turn_to(club.world.now() + Duration::from_secs(1));
    }
    for (at, answers) in answered {
        let repeated = remembered(&club, Some(at)).await;
        for (question, answer) in answers {
            assert_eq!(
                repeated.get(&question),
                Some(&answer),
                "{question:?} as known at {at}"
            );
        }
    }
    for share in &club.wide {
        let share = [("share", "ID!", json!(share))];
        club.world
            .api
            .mutate("endShare", &share, "share { id }")
            .await;
    }
    Box::pin(club.world.finish()).await;
}

impl Club {
    async fn furnished(mut world: World) -> Self {
        let source = world.api.source("Front desk").await;
        world.connect().await;
        let mut ids = BTreeMap::new();
        for name in ["Members", "Simulator bookings"] {
            ids.insert(name.to_owned(), json!(world.manage(name).await));
        }
        for name in ["Front door", "Range", "Simulator 1"] {
            ids.insert(name.to_owned(), json!(world.api.named("locks", name).await));
        }
        let data = world
            .api
            .query("{ places { nodes { id } } kisiAccounts { id } }", json!({}))
            .await;
        ids.insert("place".to_owned(), data["places"]["nodes"][0]["id"].clone());
        ids.insert("account".to_owned(), data["kisiAccounts"][0]["id"].clone());
        for (name, kind) in [
            ("gold", "MEMBERSHIP"),
            ("silver", "MEMBERSHIP"),
            ("oak", "ROOM"),
            ("bay", "RESOURCE"),
            ("pass", "BILLING_ITEM"),
        ] {
            let input =
                json!({ "source": source.id, "externalId": name, "kind": kind, "name": name });
            let input = [("input", "SaveOfferingInput!", input)];
            let payload = world
                .api
                .mutate("saveOffering", &input, "offering { id }")
                .await;
            ids.insert(name.to_owned(), payload["offering"]["id"].clone());
        }
        for (name, zone) in [("hq", "Europe/Berlin"), ("ny", "America/New_York")] {
            let input =
                json!({ "source": source.id, "externalId": name, "name": name, "timeZone": zone });
            let input = [("input", "SaveLocationInput!", input)];
            let payload = world
                .api
                .mutate("saveLocation", &input, "location { id }")
                .await;
            ids.insert(name.to_owned(), payload["location"]["id"].clone());
        }
        for name in PEOPLE {
            world
                .send(&source, "member.updated", event::person(name))
                .await;
        }
        for name in PEOPLE {
            let id = world.api.member(&event::email(name)).await;
            ids.insert(name.to_owned(), json!(id));
        }
        Self {
            world,
            source,
            ids,
            rules: Vec::new(),
            shares: Vec::new(),
            wide: Vec::new(),
        }
    }

    /// `value` with each `@name` replaced by its id.
    fn with_ids(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match text.strip_prefix('@') {
                Some(name) => self.ids[name].clone(),
                None => value.clone(),
            },
            Value::Array(items) => items.iter().map(|item| self.with_ids(item)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter();
                Value::Object(
                    fields
                        .map(|(name, field)| (name.clone(), self.with_ids(field)))
                        .collect(),
                )
            }
            _ => value.clone(),
        }
    }

    async fn play(&mut self, act: &Act) {
        let world = &mut self.world;
        match act {
            Act::Event { kind, data, late } => {
                let body = event::event(
                    kind,
                    world.now() - Duration::from_secs(u64::from(*late)),
                    data,
                );
                let answer = world.post(&self.source, &body).await;
                assert_eq!(answer.word(), (202, "accepted"), "{body}: {answer:?}");
            }
            Act::Rule(input) => {
                let input = [("input", "RuleInput!", self.with_ids(input))];
                let payload = self
                    .world
                    .api
                    .mutate("createRule", &input, "rule { id }")
                    .await;
                self.rules
                    .push(payload["rule"]["id"].as_str().unwrap().to_owned());
            }
            Act::Edit { nth, input } => {
                if let Some(rule) = chosen(&self.rules, *nth) {
                    let edit = [
                        ("rule", "ID!", json!(rule)),
                        ("input", "RuleInput!", self.with_ids(input)),
                    ];
                    self.world
                        .api
                        .mutate("updateRule", &edit, "rule { id }")
                        .await;
                }
            }
            Act::Delete(nth) => {
                if let Some(rule) = chosen(&self.rules, *nth).cloned() {
                    self.rules.retain(|other| *other != rule);
                    let delete = [("rule", "ID!", json!(rule))];
                    self.world
                        .api
                        .mutate("deleteRule", &delete, "__typename")
                        .await;
                }
            }
            Act::Share {
                who,
                scope,
                from,
                until,
            } => {
                let at = |hours: &i64| json!(later(world.now(), *hours));
                let input = json!({ "who": { "member": self.ids[*who] }, "scope": self.ids[*scope],
                    "from": from.as_ref().map(at), "until": until.as_ref().map(at) });
                let input = [("input", "ShareAccessInput!", input)];
                let payload = world
                    .api
                    .mutate("shareAccess", &input, "share { id }")
                    .await;
                let share = payload["share"]["id"].as_str().unwrap().to_owned();
                if matches!(*scope, "place" | "account") {
                    self.wide.push(share.clone());
                }
                self.shares.push(share);
            }
            Act::EndShare(nth) => {
                if let Some(share) = chosen(&self.shares, *nth) {
                    let share = [("share", "ID!", json!(share))];
                    world.api.mutate("endShare", &share, "share { id }").await;
                }
            }
            Act::Suspend { who, until } => {
                let until = until.map(|hours| later(world.now(), hours));
                let input =
                    json!({ "member": self.ids[*who], "reason": "lost the key", "until": until });
                let input = [("input", "SuspendMemberInput!", input)];
                world
                    .api
                    .mutate("suspendMember", &input, "__typename")
                    .await;
            }
            Act::Resume(who) => {
                // Resuming a member who is not suspended is a user error and changes nothing.
                let member = [("member", "ID!", self.ids[*who].clone())];
                world
                    .api
                    .mutate_unchecked("resumeMember", &member, "__typename")
                    .await;
            }
            Act::Wait(minutes) => {
                world.turn_to(world.now() + Duration::from_secs(60 * u64::from(*minutes)));
            }
        }
        // Each act has its own instant: with two acts at one instant, `asKnownAt` could not separate them.
        let world = &self.world;
        world.turn_to(world.now() + Duration::from_secs(1));
    }
}

fn chosen(all: &[String], nth: usize) -> Option<&String> {
    all.get(nth.checked_rem(all.len())?)
}

fn later(now: Timestamp, hours: i64) -> String {
    (now + jiff::ToSpan::hours(hours)).to_string()
}
