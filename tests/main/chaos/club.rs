//! The club of the chaos tests: applies each random step to the service and to the reference, and checks after each change in
//! Kisi that no protected person is locked out.

use latchkey::transaction;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{Timestamp, ToSpan};
use latchkey::store::{Connection, StoreError};
use latchkey_sandbox::{Fault, FaultKind};
use serde_json::{Value, json};

use super::{
    random::Random,
    reference::{Entitlement, Person, Reference, Rule, Window},
};
use crate::support::{
    api::{Signed, Source, WebhookResponse, eventually},
    event, kisi_checks,
    world::{Database, Setup, World},
};

const PEOPLE: usize = 6;
const PLANS: [&str; 2] = ["gold", "silver"];
const ROOM: &str = "oak";
/// How soon Kisi must be in step after the last failure: the longest pause of the service when somebody keeps undoing its changes
/// in Kisi (12 hours), plus the longest back-off of a member, plus sweeps.
const BOUND: Duration = Duration::from_secs(16 * 3600);
/// The minimum time between edits in Kisi: the service reverts several edits within a day after growing pauses.
const EDITS_APART: Duration = Duration::from_secs(48 * 3600);
/// The instants at which Kisi is compared with the reference, in minutes from now.
const AHEAD: [i64; 4] = [0, 45, 26 * 60, 5 * 24 * 60];

/// A managed group with one door of its own, so that exactly its members can open that door.
struct Group {
    id: String,
    number: i64,
    lock: i64,
}

/// The pairs of person and group with access at the last quiet point and at every instant since: they must not be locked out.
type Protected = Arc<Mutex<BTreeSet<(usize, usize)>>>;

pub struct Club {
    world: World,
    source: Source,
    random: Random,
    groups: Vec<Group>,
    members: Vec<String>,
    offerings: Vec<(&'static str, String)>,
    reference: Reference,
    /// The references since the last quiet point, the first of them at that point: a failure may delay later changes, so Kisi may
    /// still be in any of these states.
    since_quiet: Vec<Reference>,
    protected: Protected,
    locked_out: Arc<Mutex<Vec<String>>>,
    /// The ids and bodies of the events so far.
    sent: Vec<(String, Vec<u8>)>,
    /// Whether the brake is enabled; held revocations are approved at quiet points.
    has_brake: bool,
    edited_in_kisi: Timestamp,
    trace: Vec<String>,
}

fn email(person: usize) -> String {
    event::email(&format!("p{person}"))
}

impl Club {
    pub async fn start(
        database: Database,
        accounts: usize,
        has_brake: bool,
        random: Random,
    ) -> Option<Self> {
        let setup = Setup {
            bare: true,
            may_crash: true,
            ..Setup::default()
        };
        let mut world = World::start(database, setup).await?;
        world.sandbox.keep_calls(200);
        let mut kisi = Vec::new();
        for account in 0..accounts {
            let place = world
                .sandbox
                .add_place(&format!("Place {account}"), "Europe/Berlin");
            for nth in 0..2 {
                let name = format!("Group {account}.{nth}");
                let lock = world.sandbox.add_lock(place, &name);
                let number = world.sandbox.add_group(&name, Some(place), &[lock]);
                kisi.push((account, name, number, lock));
            }
        }
        for account in 0..accounts {
            let input = json!({ "name": format!("Kisi {account}"), "inviteByEmail": false,
                "credentials": { "apiKey": world.sandbox.api_key() }, "place": format!("Place {account}") });
            let input = [("input", "ConnectKisiInput!", input)];
            let payload = world
                .api
                .mutate("connectKisi", &input, "account { id }")
                .await;
            world.account = Some(payload["account"]["id"].as_str().unwrap().to_owned());
        }
        world.settled().await;
        let source = world.api.source("Front desk").await;
        let mut groups = Vec::new();
        for (_, name, number, lock) in kisi {
            let id = world.manage(&name).await;
            groups.push(Group { id, number, lock });
        }
        let mut club = Self {
            source,
            random,
            groups,
            members: Vec::new(),
            offerings: Vec::new(),
            reference: Reference::default(),
            since_quiet: vec![Reference::default()],
            protected: Arc::default(),
            locked_out: Arc::default(),
            sent: Vec::new(),
            has_brake,
            edited_in_kisi: Timestamp::UNIX_EPOCH,
            trace: Vec::new(),
            world,
        };
        club.create_fixtures().await;
        club.watch();
        Some(club)
    }

    async fn create_fixtures(&mut self) {
        for (name, kind) in PLANS
            .map(|plan| (plan, "MEMBERSHIP"))
            .into_iter()
            .chain([(ROOM, "ROOM")])
        {
            let input =
                json!({ "source": self.source.id, "externalId": name, "kind": kind, "name": name });
            let input = [("input", "SaveOfferingInput!", input)];
            let payload = self
                .world
                .api
                .mutate("saveOffering", &input, "offering { id }")
                .await;
            let id = payload["offering"]["id"].as_str().unwrap().to_owned();
            self.offerings.push((name, id));
        }
        let brake = json!({ "brake": { "enabled": self.has_brake } });
        let input = [("input", "UpdateClubInput!", brake)];
        self.world
            .api
            .mutate("updateClub", &input, "club { id }")
            .await;
        for person in 0..PEOPLE {
            let data = event::person(&format!("p{person}"));
            self.world.send(&self.source, "member.updated", data).await;
            let member = self.world.api.member(&email(person)).await;
            self.members.push(member.unwrap());
            self.reference.people.push(Person::default());
        }
    }

    /// Checks after each change in Kisi that no protected person is locked out.
    fn watch(&self) {
        let (protected, locked_out) = (self.protected.clone(), self.locked_out.clone());
        let locks: Vec<i64> = self.groups.iter().map(|group| group.lock).collect();
        let clock = self.world.clock.clone();
        self.world.sandbox.watch(move |sandbox| {
            let at = clock.now().timestamp();
            let out = protected.lock().unwrap().clone().into_iter();
            let out =
                out.filter(|(person, group)| !sandbox.may_open(&email(*person), locks[*group], at));
            let out = out.map(|pair| format!("{pair:?} is locked out at {at}"));
            locked_out.lock().unwrap().extend(out);
        });
    }

    pub async fn step(&mut self, number: usize) {
        let what = self.random.below(100);
        match what {
            0..=37 => self.membership().await,
            38..=51 => self.booking().await,
            52..=57 => self.repeat().await,
            58..=62 => self.suspend_or_resume().await,
            63..=68 => self.edit_rules().await,
            69..=71 => self.edit_in_kisi(),
            72..=80 => self.fail_kisi(),
            81..=83 => self.fail_database().await,
            84 => self.restart().await,
            85..=94 => self.turn_clock(),
            _ => self.wait_until_in_step().await,
        }
        let locked_out = self.locked_out.lock().unwrap().clone();
        assert!(
            locked_out.is_empty(),
            "step {number}: {locked_out:#?}\nlatest steps: {:#?}",
            &self.trace[self.trace.len().saturating_sub(40)..]
        );
    }

    fn note(&mut self, step: String) {
        let at = self.world.now();
        self.trace.push(format!("{at} {step}"));
    }

    /// Removes the protection of pairs without access throughout from now to `until`, by the current or an earlier reference since
    /// the last quiet point.
    fn narrow_protection(&mut self, until: Timestamp) {
        let span = (self.world.now(), until);
        self.since_quiet.push(self.reference.clone());
        let stays = |&(person, group): &(usize, usize)| {
            let mut references = self.since_quiet.iter();
            references.all(|reference| reference.may_pass_throughout(person, group, span))
        };
        self.protected.lock().unwrap().retain(stays);
    }

    fn window(&mut self) -> Window {
        let now = self.world.now();
        let mut edge = |from, to| now + self.random.between(from, to).minutes();
        let (from, until) = (edge(-3000, 600), edge(-200, 9000));
        let from = self.random.once_in(2).then_some(from);
        // The service refuses an end before the start.
        let until = Some(until).filter(|until| from.is_none_or(|from| from < *until));
        (from, until.filter(|_| self.random.once_in(2)))
    }

    async fn membership(&mut self) {
        let person = self.random.below(PEOPLE);
        let id = format!("m{person}.{}", self.random.below(2));
        let plan = self.random.one_of(&PLANS);
        let status = self
            .random
            .one_of(&["active", "active", "active", "paused", "ended"]);
        let (from, until) = self.window();
        let data = json!({ "id": id, "plan": { "id": plan, "name": plan }, "member": event::person(&format!("p{person}")),
            "status": status, "starts_at": text(from), "ends_at": text(until) });
        let entitlement = (plan, status == "active", (from, until));
        self.send_event("membership.updated", person, &id, entitlement, &data)
            .await;
    }

    async fn booking(&mut self) {
        let person = self.random.below(PEOPLE);
        let id = format!("b{person}.{}", self.random.below(2));
        let from = self.world.now() + self.random.between(-120, 3000).minutes();
        let until = from + self.random.between(10, 300).minutes();
        let status = self
            .random
            .one_of(&["confirmed", "confirmed", "confirmed", "cancelled"]);
        let data = json!({ "id": id, "kind": "room", "item": { "id": ROOM, "name": ROOM },
            "member": event::person(&format!("p{person}")), "status": status,
            "starts_at": from.to_string(), "ends_at": until.to_string() });
        let entitlement = (ROOM, status == "confirmed", (Some(from), Some(until)));
        self.send_event("registration.updated", person, &id, entitlement, &data)
            .await;
    }

    /// Sends an event, sometimes up to 90,000 seconds late, and applies it to the reference.
    async fn send_event(
        &mut self,
        kind: &str,
        person: usize,
        id: &str,
        (offering, counts, window): (&'static str, bool, Window),
        data: &Value,
    ) {
        let late = if self.random.once_in(4) {
            self.random.between(1, 90_000)
        } else {
            0
        };
        let at = self.world.now() - late.seconds();
        let delivery = self.world.next_id();
        self.note(format!("{kind} of {at}, {delivery}: {data}"));
        let version = (at, delivery.clone());
        self.reference.apply(
            person,
            id,
            Entitlement {
                version,
                offering,
                counts,
                window,
            },
        );
        self.narrow_protection(self.world.now());
        let body = event::event(kind, at, data);
        let body = body.to_string().into_bytes();
        self.sent.push((delivery.clone(), body.clone()));
        let signed = self.world.signed(&self.source, &delivery, body);
        self.deliver(signed).await;
        self.world
            .turn_to(self.world.now() + Duration::from_secs(1));
    }

    /// Sends a webhook until it is accepted; 503 is retried.
    async fn deliver(&self, signed: Signed) {
        let attempt = async || {
            let WebhookResponse { status, .. } =
                self.world.api.deliver(&self.source, signed.clone()).await;
            assert!([200, 202, 503].contains(&status), "{status}");
            (status != 503).then_some(())
        };
        eventually(attempt, async || "an event is not accepted".to_owned()).await;
    }

    /// Resends a random earlier event with a new signature.
    async fn repeat(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let (id, body) = self.sent[self.random.below(self.sent.len())].clone();
        self.note(format!("{id} once more"));
        let signed = self.world.signed(&self.source, &id, body);
        self.deliver(signed).await;
    }

    async fn suspend_or_resume(&mut self) {
        let (person, now) = (self.random.below(PEOPLE), self.world.now());
        let suspended = self.reference.people[person].suspended;
        let is_suspended =
            suspended.is_some_and(|(_, until)| until.is_none_or(|until| until > now));
        let member = json!(self.members[person]);
        self.note(format!("suspend or resume p{person}"));
        if is_suspended {
            self.reference.people[person].suspended = None;
            let member = [("member", "ID!", member)];
            self.world
                .api
                .mutate("resumeMember", &member, "__typename")
                .await;
        } else {
            let until = self
                .random
                .once_in(2)
                .then(|| now + self.random.between(30, 2000).minutes());
            self.reference.people[person].suspended = Some((Some(now), until));
            self.narrow_protection(now);
            let input = json!({ "member": member, "reason": "chaos", "until": text(until) });
            let input = [("input", "SuspendMemberInput!", input)];
            self.world
                .api
                .mutate("suspendMember", &input, "__typename")
                .await;
        }
    }

    async fn edit_rules(&mut self) {
        let rules: Vec<String> = self.reference.rules.keys().cloned().collect();
        if rules.len() > 5 || (rules.len() > 2 && self.random.once_in(4)) {
            let rule = rules[self.random.below(rules.len())].clone();
            self.note(format!("delete rule {rule}"));
            self.reference.rules.remove(&rule);
            self.narrow_protection(self.world.now());
            let rule = [("rule", "ID!", json!(rule))];
            self.world
                .api
                .mutate("deleteRule", &rule, "__typename")
                .await;
            return;
        }
        let (offering, offering_id) =
            self.offerings[self.random.below(self.offerings.len())].clone();
        let margin = if offering == ROOM {
            self.random.between(0, 60)
        } else {
            0
        };
        let group = self.random.below(self.groups.len());
        let enabled = !self.random.once_in(6);
        let condition = if offering == ROOM {
            let margin = format!("PT{margin}M");
            json!({ "registration": { "offerings": [offering_id], "opensBefore": margin, "closesAfter": margin } })
        } else {
            json!({ "membership": { "offerings": [offering_id] } })
        };
        let input = json!({ "name": "a rule", "target": self.groups[group].id, "conditions": [condition], "enabled": enabled });
        let rule = Rule {
            group,
            enabled,
            offering,
            margin,
        };
        if !rules.is_empty() && self.random.once_in(2) {
            let id = rules[self.random.below(rules.len())].clone();
            self.note(format!("rule {id} is now {rule:?}"));
            self.reference.rules.insert(id.clone(), rule);
            self.narrow_protection(self.world.now());
            let edit = [("rule", "ID!", json!(id)), ("input", "RuleInput!", input)];
            self.world
                .api
                .mutate("updateRule", &edit, "rule { id }")
                .await;
        } else {
            let input = [("input", "RuleInput!", input)];
            let payload = self
                .world
                .api
                .mutate("createRule", &input, "rule { id }")
                .await;
            let id = payload["rule"]["id"].as_str().unwrap().to_owned();
            self.note(format!("rule {id} is {rule:?}"));
            self.reference.rules.insert(id, rule);
        }
    }

    /// Removes one of the service's assignments in Kisi's dashboard, or changes its window.
    fn edit_in_kisi(&mut self) {
        let person = self.random.below(PEOPLE);
        let all = self.world.sandbox.assignments_of(&email(person));
        let since = self
            .world
            .now()
            .duration_since(self.edited_in_kisi)
            .unsigned_abs();
        if all.is_empty() || since < EDITS_APART {
            return;
        }
        self.edited_in_kisi = self.world.now();
        let assignment = &all[self.random.below(all.len())];
        self.note(format!("{assignment:?} of p{person} is changed in Kisi"));
        self.protected
            .lock()
            .unwrap()
            .retain(|(who, _)| *who != person);
        if self.random.once_in(2) {
            self.world.sandbox.remove_assignment(assignment.id);
        } else {
            let until = self
                .random
                .once_in(2)
                .then(|| self.world.now() + 90.minutes());
            self.world.sandbox.set_window(assignment.id, None, until);
        }
    }

    /// Makes the next matching calls to Kisi fail. A well-formed but wrongly empty list is not among the faults: if both the list
    /// of all assignments and that of the person are empty, the service believes them, and can then no longer tell the
    /// assignments that it has forgotten from those of others.
    fn fail_kisi(&mut self) {
        let kinds = [
            FaultKind::TooMany,
            FaultKind::ServerError,
            FaultKind::HtmlBadGateway,
            FaultKind::Unauthorized,
            FaultKind::Close,
            FaultKind::Lost,
            FaultKind::Lost,
            FaultKind::Hang(Duration::from_millis(30)),
            FaultKind::ShortPage,
            FaultKind::NotAList,
        ];
        let method = self.random.one_of(&["*", "GET", "POST", "PATCH", "DELETE"]);
        let path = self.random.one_of(&["/", "/users", "/role_assignments"]);
        let fault = Fault::new(method, path, self.random.one_of(&kinds));
        let times = u32::try_from(self.random.between(1, 3)).unwrap();
        self.note(format!("{fault:?}, {times} times"));
        self.world.sandbox.fault(fault, times);
    }

    /// Makes the next write fail on SQLite; terminates all connections on PostgreSQL. Sends an event, then removes the fault.
    async fn fail_database(&mut self) {
        self.note("the database fails".to_owned());
        let db = self.world.app().db.clone();
        let fault = match self.world.database() {
            Database::Sqlite => self
                .random
                .one_of(&["PRAGMA query_only = ON", "PRAGMA max_page_count = 1"]),
            Database::Postgres => {
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()"
            }
        };
        let planted: Result<(), StoreError> = transaction!(db, |tx| {
            tx.execute_unprepared(fault).await?;
            Ok(())
        })
        .await;
        // An earlier fault may have failed this statement.
        drop(planted);
        self.membership().await;
        // Removes the fault, if it is still in effect.
        let repair = match self.world.database() {
            Database::Sqlite => [
                "PRAGMA query_only = OFF",
                "PRAGMA max_page_count = 4294967294",
            ],
            Database::Postgres => ["SELECT 1"; 2],
        };
        let works = async || {
            let written: Result<(), StoreError> = transaction!(db, |tx| {
                for statement in repair {
                    tx.execute_unprepared(statement).await?;
                }
                latchkey::store::probe::write(tx).await
            })
            .await;
            written.is_ok().then_some(())
        };
        eventually(works, async || "the database cannot be written".to_owned()).await;
    }

    async fn restart(&mut self) {
        let crashes = self.random.once_in(2);
        self.note(format!("restart, by a crash: {crashes}"));
        if crashes {
            self.world.crash().await;
        } else {
            self.world.stop().await;
        }
        self.world.start_again().await;
    }

    fn turn_clock(&mut self) {
        let longest = self.random.one_of(&[5, 60, 1200]);
        let to = self.world.now() + self.random.between(1, longest).minutes();
        self.note(format!("the clock is turned to {to}"));
        self.narrow_protection(to);
        self.world.turn_to(to);
    }

    /// Waits until Kisi matches the reference, at most [`BOUND`]. From then on every pair with access is protected.
    async fn wait_until_in_step(&mut self) {
        self.note("quiet".to_owned());
        self.world.sandbox.clear_faults();
        let began = self.world.now();
        let (world, reference, groups) = (&self.world, &self.reference, &self.groups);
        let mut looks = 0_usize;
        loop {
            let is_settled = world.api.open_work().await.is_none();
            let now = world.now();
            let difference = differences(world, reference, groups, now);
            if is_settled && difference.is_empty() {
                break;
            }
            let waited = now.duration_since(began).unsigned_abs();
            if waited >= BOUND {
                panic!(
                    "not quiet after {waited:?}: {difference:#?}\n{:?}\n{}\n{}\nlatest steps: {:#?}",
                    world.api.open_work().await,
                    kisi_checks::grants(&world.api).await,
                    held(world).await,
                    &self.trace[self.trace.len().saturating_sub(120)..]
                );
            }
            if self.has_brake && looks.is_multiple_of(8) {
                approve_all(world).await;
            }
            looks += 1;
            // The reconcile loop runs in real time and its timers follow the manual clock, so the clock must not outrun the loop.
            tokio::time::sleep(Duration::from_millis(2)).await;
            let (every, seconds) = match looks {
                0..100 => (5, 1),
                100..600 => (25, 60),
                _ => (25, 600),
            };
            if looks.is_multiple_of(every) {
                world.turn_to(now + Duration::from_secs(seconds));
            }
        }
        self.since_quiet = vec![self.reference.clone()];
        let now = self.world.now();
        let all =
            (0..PEOPLE).flat_map(|person| (0..self.groups.len()).map(move |group| (person, group)));
        let may_pass = all.filter(|(person, group)| self.reference.may_pass(*person, *group, now));
        *self.protected.lock().unwrap() = may_pass.collect();
    }

    pub async fn finish(mut self) {
        self.wait_until_in_step().await;
        for person in 0..PEOPLE {
            let rows = self.world.sandbox.assignments_of(&email(person));
            let ours: BTreeSet<_> = rows
                .iter()
                .map(|row| (row.group, row.from, row.until))
                .collect();
            assert_eq!(ours.len(), rows.len(), "duplicate assignments: {rows:#?}");
            let groups: Vec<i64> = self.groups.iter().map(|group| group.number).collect();
            assert!(
                rows.iter()
                    .all(|row| row.group.is_some_and(|group| groups.contains(&group)))
            );
        }
        self.world.finish().await;
    }
}

/// The held revocations, for failure messages.
async fn held(world: &World) -> Value {
    let query = "{ heldRevocations(first: 50) { nodes { member { email } cause } } }";
    world.api.query_raw(query, json!({})).await
}

/// Approves all held revocations.
async fn approve_all(world: &World) {
    let approve = "mutation { approveRevocations { userErrors { code } } }";
    world.api.query(approve, json!({})).await;
}

/// The differences between Kisi and the reference, now and at the instants of [`AHEAD`].
fn differences(
    world: &World,
    reference: &Reference,
    groups: &[Group],
    now: Timestamp,
) -> Vec<String> {
    let mut differences = Vec::new();
    for ahead in AHEAD {
        let at = now + ahead.minutes();
        for person in 0..PEOPLE {
            for (nth, group) in groups.iter().enumerate() {
                let should = reference.may_pass(person, nth, at);
                if world.sandbox.may_open(&email(person), group.lock, at) != should {
                    differences.push(format!(
                        "p{person} should pass group {nth} at {at}: {should}"
                    ));
                }
            }
        }
    }
    differences
}

fn text(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| json!(at.to_string()))
}
