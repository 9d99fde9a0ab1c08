//! Plays one scenario in a new world. Each line is executed, all work settles, and the calls to Kisi are recorded below the line;
//! at the end the record is compared with the snapshot.

use std::collections::{BTreeMap, BTreeSet};

use latchkey_sandbox::{Duplicates, PatchWindow, Rounding};
use serde_json::{Value, json};

use super::{
    body,
    calls::Names,
    script::{Line, Zone, lines, names},
};
use crate::support::{
    api::Source,
    event::email,
    kisi_checks,
    world::{Database, Setup, World},
};

/// The state of a scenario: the world and the objects that its lines have created so far.
struct Play {
    world: World,
    zone: Zone,
    sources: BTreeMap<String, Source>,
    groups: BTreeMap<String, String>,
    shares: BTreeMap<String, String>,
    names: Names,
    snapshot_lines: Vec<String>,
}

/// Plays one file. Does nothing if the tests on `database` are skipped.
pub async fn play(database: Database, name: String, text: String) {
    let lines = lines(&name, &text);
    let first = |verb: &str| {
        lines
            .iter()
            .find(|line| line.verb == verb)
            .map(|line| line.rest.to_owned())
    };
    let time_zone = first("club").unwrap_or_else(|| "Europe/Berlin".to_owned());
    let zone = Zone::named(&time_zone);
    let beginning = first("clock").unwrap_or_else(|| panic!("{name}.txt: no clock"));
    let setup = Setup {
        beginning: zone.instant(&beginning),
        time_zone,
        bare: true,
        ..Setup::default()
    };
    let Some(world) = Box::pin(World::start(database, setup)).await else {
        return;
    };
    let mut play = Play {
        world,
        zone,
        sources: BTreeMap::new(),
        groups: BTreeMap::new(),
        shares: BTreeMap::new(),
        names: Names::default(),
        snapshot_lines: Vec::new(),
    };
    Box::pin(play.doors(&lines)).await;
    for line in &lines {
        eprintln!("{}", line.place);
        Box::pin(play.line(line)).await;
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "../../scenarios/calls", omit_expression => true }, {
        insta::assert_snapshot!(name, play.snapshot_lines.join("\n"));
    });
    Box::pin(play.world.finish()).await;
}

impl Play {
    /// Creates all doors and groups in Kisi, then connects it and makes the groups managed.
    async fn doors(&mut self, lines: &[Line<'_>]) {
        let sandbox = self.world.sandbox.clone();
        let house = sandbox.add_place("House", self.zone.0.iana_name().unwrap_or("UTC"));
        let mut doors = BTreeMap::new();
        for line in lines.iter().filter(|line| line.verb == "doors") {
            for name in names(line.rest) {
                doors.insert(name, sandbox.add_lock(house, name));
            }
        }
        let groups: Vec<(&str, &str)> = lines
            .iter()
            .filter(|line| line.verb == "group")
            .filter_map(|line| line.rest.split_once(" opens "))
            .collect();
        for (name, opens) in &groups {
            let opens: Vec<i64> = names(opens).iter().map(|door| doors[door]).collect();
            self.names
                .group(sandbox.add_group(name, None, &opens), name);
        }
        self.world.connect().await;
        for (name, _) in groups {
            self.groups
                .insert(name.to_owned(), self.world.manage(name).await);
        }
        self.source("books").await;
        self.world.settled().await;
        sandbox.clear_calls();
    }

    async fn source(&mut self, name: &str) {
        let source = self.world.api.source(name).await;
        self.sources.insert(name.to_owned(), source);
    }

    async fn line(&mut self, line: &Line<'_>) {
        match line.verb {
            "club" | "doors" | "group" => return,
            "clock" => self.world.turn_to(self.zone.instant(line.rest)),
            "kisi" => self.kisi(line),
            "source" => self.source(line.rest).await,
            "rule" => self.rule(line).await,
            "expect" | "decided" | "held" => return self.expect(line).await,
            "disconnect" => self.disconnect().await,
            "problem" => return self.problem(line).await,
            "share" | "unshare" | "suspend" | "resume" | "remove" => self.by_hand(line).await,
            "snapshot" => self.snapshot(line).await,
            _ => {
                let (kind, data) = body::event(line, &self.zone);
                let source = self.source_of(line);
                self.world.send(&source, &kind, data).await;
            }
        }
        self.world.settled().await;
        self.tell(line);
    }

    fn source_of(&self, line: &Line<'_>) -> Source {
        let (_, fields) = super::script::fields(line);
        self.sources[*fields.get("source").unwrap_or(&"books")].clone()
    }

    /// Records the line and the calls to Kisi that it caused.
    fn tell(&mut self, line: &Line<'_>) {
        let sandbox = &self.world.sandbox;
        self.names.learn(sandbox, &self.world.emails);
        let calls = self.names.format_calls(&sandbox.calls(), &self.zone);
        sandbox.clear_calls();
        self.snapshot_lines.push(line.text.to_owned());
        self.snapshot_lines.extend(calls);
    }

    /// `kisi duplicates Conflict patch Ignored`
    fn kisi(&self, line: &Line<'_>) {
        let mut switches = self.world.sandbox.switches();
        let words: Vec<&str> = line.rest.split_whitespace().collect();
        for pair in words.chunks(2) {
            match pair {
                ["duplicates", "Conflict"] => switches.duplicates = Duplicates::Conflict,
                ["duplicates", "Unprocessable"] => switches.duplicates = Duplicates::Unprocessable,
                ["duplicates", "Allow"] => switches.duplicates = Duplicates::Allow,
                ["duplicates", "AllowIfWindowsDiffer"] => {
                    switches.duplicates = Duplicates::AllowIfWindowsDiffer
                }
                ["patch", "Works"] => switches.patch_window = PatchWindow::Works,
                ["patch", "Ignored"] => switches.patch_window = PatchWindow::Ignored,
                ["patch", "Refused"] => switches.patch_window = PatchWindow::Refused,
                ["roundingDown", seconds] => {
                    switches.rounding = Rounding::Down(seconds.parse().unwrap());
                }
                _ => panic!("{}: {pair:?} is not a switch", line.place),
            }
        }
        self.world.sandbox.set(switches);
    }

    /// `rule GROUP or DOOR when CONDITION and CONDITION`
    async fn rule(&self, line: &Line<'_>) {
        let (target, when) = line
            .rest
            .split_once(" when ")
            .unwrap_or_else(|| panic!("{}: no `when`", line.place));
        let target = match self.groups.get(target) {
            Some(group) => group.clone(),
            None => self.world.api.named("locks", target).await,
        };
        let api = &self.world.api;
        let mut offering = async |kind: &str, id: &str| {
            let input = json!({ "source": self.sources["books"].id, "externalId": id, "kind": kind, "name": id });
            let saved = api
                .mutate(
                    "saveOffering",
                    &[("input", "SaveOfferingInput!", input)],
                    "offering { id }",
                )
                .await;
            saved["offering"]["id"].as_str().unwrap().to_owned()
        };
        let mut conditions = Vec::new();
        for text in when.split(" and ") {
            conditions.push(body::condition(line, text, &mut offering).await);
        }
        self.world.rule(&target, Value::Array(conditions)).await;
    }

    /// An admin's mutation: `share ada Members until 2026-01-06`, `unshare ada`, `suspend ada`, `resume ada`, `remove books`.
    async fn by_hand(&mut self, line: &Line<'_>) {
        let (who, rest) = line.rest.split_once(' ').unwrap_or((line.rest, ""));
        let api = self.world.api.clone();
        let member = api.member(&email(who)).await;
        let id = |member: &Option<String>| {
            json!(
                member
                    .as_ref()
                    .unwrap_or_else(|| panic!("{}: no such member", line.place))
            )
        };
        match line.verb {
            "share" => {
                let mut parts = rest.split(" from ").flat_map(|part| part.split(" until "));
                let scope = self.scope(parts.next().unwrap()).await;
                let after = |word: &str| {
                    rest.split_once(word)
                        .map(|(_, text)| text.split(" until ").next().unwrap_or(text))
                };
                let at = |text: Option<&str>| text.map(|text| self.zone.instant(text).to_string());
                let new = json!({ "new": { "email": email(who), "name": who } });
                let person = member
                    .as_ref()
                    .map_or(new, |member| json!({ "member": member }));
                let input = json!({ "who": person, "scope": scope, "from": at(after(" from ")), "until": at(after(" until ")) });
                self.world.emails.insert(email(who));
                let payload = api
                    .mutate(
                        "shareAccess",
                        &[("input", "ShareAccessInput!", input)],
                        "share { id }",
                    )
                    .await;
                self.shares.insert(
                    who.to_owned(),
                    payload["share"]["id"].as_str().unwrap().to_owned(),
                );
            }
            "unshare" => {
                api.mutate(
                    "endShare",
                    &[("share", "ID!", json!(self.shares[who]))],
                    "share { id }",
                )
                .await;
            }
            "suspend" => {
                let input = json!({ "member": id(&member), "reason": "lost the key" });
                api.mutate(
                    "suspendMember",
                    &[("input", "SuspendMemberInput!", input)],
                    "member { id }",
                )
                .await;
            }
            "resume" => {
                api.mutate(
                    "resumeMember",
                    &[("member", "ID!", id(&member))],
                    "member { id }",
                )
                .await;
            }
            _ => {
                api.mutate(
                    "removeSource",
                    &[("source", "ID!", json!(self.sources[who].id))],
                    "removedId",
                )
                .await;
            }
        }
    }

    /// `snapshot memberships m1 | of ada; m2 | of bob`: a complete list of one kind; `none` is an empty list.
    async fn snapshot(&mut self, line: &Line<'_>) {
        let (list, rest) = line.rest.split_once(' ').unwrap_or((line.rest, ""));
        let verb = match list {
            "registrations" => "booking",
            "companies" => "company",
            others => others.trim_end_matches('s'),
        };
        let items = rest
            .split(';')
            .map(str::trim)
            .filter(|item| !item.is_empty() && *item != "none");
        let all: Vec<Value> = items
            .map(|rest| {
                body::event(
                    &Line {
                        verb,
                        rest,
                        ..line.clone()
                    },
                    &self.zone,
                )
                .1
            })
            .collect();
        let source = self.sources["books"].clone();
        self.world
            .send(&source, "roster.snapshot", json!({ list: all }))
            .await;
    }

    /// The API id of a share's scope: a group, `place`, or `everything` (the Kisi account).
    async fn scope(&self, name: &str) -> String {
        if let Some(group) = self.groups.get(name) {
            return group.clone();
        }
        let query = "{ places { nodes { id } } kisiAccounts { id } }";
        let data = self.world.api.query(query, json!({})).await;
        let id = match name {
            "place" => &data["places"]["nodes"][0]["id"],
            "everything" => &data["kisiAccounts"][0]["id"],
            _ => panic!("{name:?} is not a group, `place` or `everything`"),
        };
        id.as_str().unwrap().to_owned()
    }

    /// Disconnects Kisi and keeps the assignments there. Later lines do not change Kisi any more.
    async fn disconnect(&mut self) {
        let account = self.world.account.take();
        let arguments = [
            ("account", "ID!", json!(account)),
            ("access", "DisconnectPolicy!", json!("KEEP")),
        ];
        let api = &self.world.api;
        api.mutate("disconnectKisi", &arguments, "account { status }")
            .await;
    }

    /// `expect DOOR [at TIME]: NAMES` checks both Kisi's rows and the service's decision; `decided` checks only the service,
    /// `held` only Kisi.
    async fn expect(&mut self, line: &Line<'_>) {
        let (what, who) = line
            .rest
            .rsplit_once(": ")
            .unwrap_or_else(|| panic!("{}: no names", line.place));
        let (door, at) = match what.split_once(" at ") {
            Some((door, time)) => (door, self.zone.instant(time)),
            None => (what, self.world.now()),
        };
        let expected: BTreeSet<String> = names(who).into_iter().map(email).collect();
        if line.verb != "held" {
            let lock = self.world.api.named("locks", door).await;
            let allowed = kisi_checks::allowed(&self.world.api, &lock, at).await;
            assert_eq!(
                allowed, expected,
                "{}: allowed by the service (left)",
                line.place
            );
        }
        if line.verb != "decided" {
            let number = self.world.sandbox.lock_named(door).unwrap();
            let can_open =
                kisi_checks::can_open(&self.world.sandbox, &self.world.emails, number, at);
            assert_eq!(can_open, expected, "{}: let in by Kisi (left)", line.place);
        }
    }

    /// `problem ada: NO_EMAIL`, by the member's name.
    async fn problem(&self, line: &Line<'_>) {
        let (who, code) = line.rest.split_once(": ").unwrap();
        let query = "query($s: String) { members(filter: {search: $s}) { nodes { name problems { code } } } }";
        let data = self.world.api.query(query, json!({ "s": who })).await;
        let codes: Vec<Value> = names(code)
            .into_iter()
            .map(|code| json!({ "code": code }))
            .collect();
        assert_eq!(
            data["members"]["nodes"][0]["problems"],
            json!(codes),
            "{}",
            line.place
        );
    }
}
