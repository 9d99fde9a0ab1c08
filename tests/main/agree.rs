//! Over clubs that nobody thought up: whoever is asked whether somebody may pass says the same, and what was answered once is
//! answered again when it is asked as it was known then. Everything is written through the API and by webhooks.

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

/// Clubs that are made on SQLite, and on PostgreSQL, where each takes longer.
const CLUBS: [u32; 2] = [4, 1];
/// So many acts lie between two looks.
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
    // Shrinking would cost a world a step: the acts that fail are told.
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
    let judged = runner.run(&acts(), |acts| {
        eprintln!("{acts:#?}");
        runtime.block_on(Box::pin(one_club(database, &acts)));
        Ok(())
    });
    if let Err(problem) = judged {
        panic!("{problem}");
    }
}

/// A club while acts happen to it.
pub struct Club {
    world: World,
    source: Source,
    /// What acts name by `@name`: offerings, locations, groups, locks, the place, the account.
    ids: BTreeMap<String, Value>,
    rules: Vec<String>,
    shares: Vec<String>,
    /// Those of a place or an account: Kisi keeps no times for them, so that it knows them only while they last.
    wide: Vec<String>,
}

async fn one_club(database: Database, acts: &[Act]) {
    // The clocks of Berlin skip an hour on the Sunday.
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
        // Whatever comes now is later than what was answered.
        club.world
            .turn_to(club.world.now() + Duration::from_secs(1));
    }
    for (at, said) in answered {
        let again = remembered(&club, Some(at)).await;
        for (asked, answer) in said {
            assert_eq!(
                again.get(&asked),
                Some(&answer),
                "{asked:?} as known at {at}"
            );
        }
    }
    for share in &club.wide {
        let share = [("share", "ID!", json!(share))];
        club.world
            .api
            .change("endShare", &share, "share { id }")
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
        let found = world
            .api
            .ask("{ places { nodes { id } } kisiAccounts { id } }", json!({}))
            .await;
        ids.insert(
            "place".to_owned(),
            found["places"]["nodes"][0]["id"].clone(),
        );
        ids.insert("account".to_owned(), found["kisiAccounts"][0]["id"].clone());
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
            let made = world
                .api
                .change("saveOffering", &input, "offering { id }")
                .await;
            ids.insert(name.to_owned(), made["offering"]["id"].clone());
        }
        for (name, zone) in [("hq", "Europe/Berlin"), ("ny", "America/New_York")] {
            let input =
                json!({ "source": source.id, "externalId": name, "name": name, "timeZone": zone });
            let input = [("input", "SaveLocationInput!", input)];
            let made = world
                .api
                .change("saveLocation", &input, "location { id }")
                .await;
            ids.insert(name.to_owned(), made["location"]["id"].clone());
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

    /// `value` with ids in the place of `@names`.
    fn with_ids(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match text.strip_prefix('@') {
                Some(name) => self.ids[name].clone(),
                None => value.clone(),
            },
            Value::Array(all) => all.iter().map(|one| self.with_ids(one)).collect(),
            Value::Object(fields) => {
                let fields = fields.iter();
                Value::Object(
                    fields
                        .map(|(name, one)| (name.clone(), self.with_ids(one)))
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
                let made = self
                    .world
                    .api
                    .change("createRule", &input, "rule { id }")
                    .await;
                self.rules
                    .push(made["rule"]["id"].as_str().unwrap().to_owned());
            }
            Act::Edit { nth, input } => {
                if let Some(rule) = chosen(&self.rules, *nth) {
                    let edit = [
                        ("rule", "ID!", json!(rule)),
                        ("input", "RuleInput!", self.with_ids(input)),
                    ];
                    self.world
                        .api
                        .change("updateRule", &edit, "rule { id }")
                        .await;
                }
            }
            Act::Delete(nth) => {
                if let Some(rule) = chosen(&self.rules, *nth).cloned() {
                    self.rules.retain(|one| *one != rule);
                    let delete = [("rule", "ID!", json!(rule))];
                    self.world
                        .api
                        .change("deleteRule", &delete, "__typename")
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
                let made = world
                    .api
                    .change("shareAccess", &input, "share { id }")
                    .await;
                let share = made["share"]["id"].as_str().unwrap().to_owned();
                if matches!(*scope, "place" | "account") {
                    self.wide.push(share.clone());
                }
                self.shares.push(share);
            }
            Act::EndShare(nth) => {
                if let Some(share) = chosen(&self.shares, *nth) {
                    let share = [("share", "ID!", json!(share))];
                    world.api.change("endShare", &share, "share { id }").await;
                }
            }
            Act::Suspend { who, until } => {
                let until = until.map(|hours| later(world.now(), hours));
                let input =
                    json!({ "member": self.ids[*who], "reason": "lost the key", "until": until });
                let input = [("input", "SuspendMemberInput!", input)];
                world
                    .api
                    .change("suspendMember", &input, "__typename")
                    .await;
            }
            Act::Resume(who) => {
                // Who is not suspended cannot be resumed, and nothing is changed.
                let member = [("member", "ID!", self.ids[*who].clone())];
                world
                    .api
                    .attempt("resumeMember", &member, "__typename")
                    .await;
            }
            Act::Wait(minutes) => {
                world.turn_to(world.now() + Duration::from_secs(60 * u64::from(*minutes)));
            }
        }
        // No two acts at one instant: an answer as known then has both or neither.
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
