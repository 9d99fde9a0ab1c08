//! Events and edits in any order and at any moment, with any fault of Kisi in between: once no work is left, each organization
//! holds exactly the assignments that it should. The expected assignments are computed here, from the events and edits, without
//! any code of the service.
//!
//! Each case is generated from a seed, which is printed if it fails. `LATCHKEY_TEST_CASES` sets the number of cases,
//! `LATCHKEY_TEST_SEED` the first seed.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Span, Timestamp, ToSpan};
use latchkey_sandbox::{Duplicates, Fault, FaultKind, PatchWindow};
use serde_json::{Value, json};

use super::club::{Club, Organization, a_club};
use crate::{
    brake::brake,
    support::{
        event::{email, membership, with},
        world::{Database, Setup, World},
    },
};

const CASES: u64 = 3;
const STEPS: usize = 24;
const PEOPLE: [&str; 6] = ["ada", "bob", "cyd", "dan", "eve", "fay"];
/// The faults that can replace the regular answer to a call.
const FAULTS: [FaultKind; 7] = [
    FaultKind::ServerError,
    FaultKind::HtmlBadGateway,
    FaultKind::Close,
    FaultKind::Lost,
    FaultKind::TooMany,
    FaultKind::NotAList,
    FaultKind::Hang(Duration::from_millis(150)),
];
const DUPLICATES: [Duplicates; 4] = [
    Duplicates::Conflict,
    Duplicates::Unprocessable,
    Duplicates::Allow,
    Duplicates::AllowIfWindowsDiffer,
];
const CHANGES: [PatchWindow; 3] = [
    PatchWindow::Works,
    PatchWindow::Ignored,
    PatchWindow::Refused,
];
const CALLS: [(&str, &str); 6] = [
    ("GET", "/users"),
    ("POST", "/users"),
    ("POST", "/role_assignments"),
    ("PATCH", "/role_assignments"),
    ("DELETE", "/role_assignments"),
    ("GET", "/role_assignments"),
];

/// The expected state by the events and edits so far.
#[derive(Debug, Default)]
struct Reference {
    /// The end of each membership; `None` for one without an end.
    memberships: BTreeMap<&'static str, Option<Timestamp>>,
    suspended: BTreeMap<&'static str, bool>,
    /// The rule of each organization that has one, and whether it is enabled.
    rules: BTreeMap<usize, (String, bool)>,
}

impl Reference {
    fn should_be_in(&self, house: usize, who: &str, now: Timestamp) -> bool {
        let is_member = self
            .memberships
            .get(who)
            .is_some_and(|until| until.is_none_or(|until| until > now));
        let is_suspended = self.suspended.get(who).copied().unwrap_or(false);
        let is_ruled = self.rules.get(&house).is_some_and(|(_, enabled)| *enabled);
        is_member && is_ruled && !is_suspended
    }
}

/// Pseudo-random numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn is_one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        let limit = u64::try_from(all.len()).unwrap();
        all[usize::try_from(self.below(limit)).unwrap()]
    }

    fn minutes(&mut self, most: u64) -> Span {
        i64::try_from(1 + self.below(most)).unwrap().minutes()
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

async fn cases(database: Database) {
    let first = number("LATCHKEY_TEST_SEED", 1);
    for seed in first..first + number("LATCHKEY_TEST_CASES", CASES) {
        println!("seed {seed}");
        if !Box::pin(case(database, seed)).await {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assignments_match_the_reference_on_sqlite() {
    cases(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn assignments_match_the_reference_on_postgres() {
    cases(Database::Postgres).await;
}

/// Returns false if the database is not available and its tests are to be skipped.
async fn case(database: Database, seed: u64) -> bool {
    let Some(mut world) = World::start(database, Setup::default()).await else {
        return false;
    };
    let mut random = Random(seed);
    let club = a_club(&mut world, random.pick(&[1, 2, 3])).await;
    for house in &club.organizations {
        house.switch(|switches| {
            switches.duplicates = random.pick(&DUPLICATES);
            switches.patch_window = random.pick(&CHANGES);
        });
    }
    if random.is_one_in(2) {
        let limit = random.below(3);
        brake(
            &world,
            json!({ "enabled": true, "people": limit, "percent": 0 }),
        )
        .await;
    }
    let mut reference = Reference::default();
    for _ in 0..STEPS {
        step(&mut world, &club, &mut reference, &mut random).await;
    }
    for house in &club.organizations {
        house.switch(|switches| switches.latency = Duration::ZERO);
    }
    approve_all(&world).await;
    judge(&world, &club, &reference, seed);
    club.close().await;
    world.finish().await;
    true
}

async fn step(world: &mut World, club: &Club, reference: &mut Reference, random: &mut Random) {
    let who = random.pick(&PEOPLE);
    let nth = usize::try_from(random.next()).unwrap() % club.organizations.len();
    let house = &club.organizations[nth];
    match random.below(12) {
        0..=2 => {
            let until = (random.is_one_in(2)).then(|| world.now() + random.minutes(200));
            let ends = json!({ "ends_at": until.map(|until| until.to_string()) });
            let data = with(membership(&format!("m-{who}"), who), ends);
            world.send(&club.source, "membership.updated", data).await;
            reference.memberships.insert(who, until);
        }
        3..=5 => {
            let gone = json!({ "id": format!("m-{who}") });
            world.send(&club.source, "membership.deleted", gone).await;
            reference.memberships.remove(who);
        }
        6 => suspend_or_resume(world, reference, who).await,
        7 => edit_rule(world, reference, nth, house).await,
        8 | 9 => {
            let (method, path) = random.pick(&CALLS);
            let kind = random.pick(&FAULTS);
            let times = random.pick(&[1, 2]);
            house.sandbox.fault(Fault::new(method, path, kind), times);
        }
        10 => {
            let length = Duration::from_millis(random.below(40));
            house.switch(|switches| switches.latency = length);
        }
        _ => {
            world.turn_to(world.now() + random.minutes(15));
            if random.is_one_in(3) {
                world.stop().await;
                world.start_again().await;
            }
        }
    }
    // Now and then the service finishes its work before the next step.
    if random.is_one_in(7) {
        world.settled_in_time().await;
    }
}

async fn suspend_or_resume(world: &World, reference: &mut Reference, who: &'static str) {
    let Some(member) = world.api.member(&email(who)).await else {
        return;
    };
    let is_suspended = reference.suspended.entry(who).or_default();
    *is_suspended = !*is_suspended;
    if *is_suspended {
        let input = json!({ "member": member, "reason": "a dispute" });
        let arguments = [("input", "SuspendMemberInput!", input)];
        let selection = "member { id }";
        world
            .api
            .mutate("suspendMember", &arguments, selection)
            .await;
    } else {
        let arguments = [("member", "ID!", json!(member))];
        let selection = "member { id }";
        world
            .api
            .mutate("resumeMember", &arguments, selection)
            .await;
    }
}

/// Creates the rule of an organization, or disables or enables it.
async fn edit_rule(world: &World, reference: &mut Reference, nth: usize, house: &Organization) {
    match reference.rules.get_mut(&nth) {
        None => {
            let rule = house.rule(world).await;
            reference.rules.insert(nth, (rule, true));
        }
        Some((rule, enabled)) => {
            *enabled = !*enabled;
            let input = json!({ "name": "any membership", "target": house.group, "enabled": *enabled,
                "conditions": [{ "membership": {} }] });
            let arguments = [("rule", "ID!", json!(rule)), ("input", "RuleInput!", input)];
            let selection = "rule { id }";
            world.api.mutate("updateRule", &arguments, selection).await;
        }
    }
}

/// Approves held revocations until no work is left and nothing is held.
async fn approve_all(world: &World) {
    loop {
        world.settled_in_time().await;
        let all = [("held", "[ID!]", Value::Null)];
        let done = world.api.mutate("approveRevocations", &all, "approved");
        if done.await["approved"] == 0 {
            return;
        }
    }
}

fn judge(world: &World, club: &Club, reference: &Reference, seed: u64) {
    let now = world.now();
    for (nth, house) in club.organizations.iter().enumerate() {
        for who in PEOPLE {
            let inside = house.open_assignments(world, who);
            let should_be = reference.should_be_in(nth, who, now);
            assert_eq!(
                inside,
                usize::from(should_be),
                "seed {seed}: {who} in organization {nth} at {now}: {reference:#?}\n{:?}",
                house.sandbox.assignments_of(&email(who))
            );
        }
    }
}
