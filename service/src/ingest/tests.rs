//! Tests of batches on a database: who becomes due, and that any order of the same events gives the same result.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use access::{Instant, Via};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::batch::{self, Job};
use crate::{
    clock::new_id,
    fixture::{NOON, account_row, club_row, source_row},
    store::{
        ClubScope, Db, StoreError, clubs, due,
        facts::{self, AsOf},
        kisi_accounts, lookup, members, revocations, row, sources,
    },
    transaction,
};

mod addresses;
mod any_order;
mod big_clubs;
mod bitemporal;
mod due_marks;
mod identity;
mod repeats;
mod retention;
mod slices;

/// An event: its type, minutes after noon, and data.
type SentEvent = (&'static str, i64, Value);

fn all(jobs: &[Job]) -> Vec<Cow<'_, Job>> {
    jobs.iter().map(Cow::Borrowed).collect()
}

fn noon() -> i64 {
    Instant::from_timestamp(NOON.parse().unwrap()).micros()
}

/// A club with one source and one account, without members.
struct TestClub {
    db: Db,
    scope: ClubScope,
    source: Uuid,
    account: Uuid,
    folder: TempDir,
}

impl TestClub {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/club.db?mode=rwc", folder.path().display());
        let db = Db::connect(&url).await.unwrap();
        db.migrate().await.unwrap();
        let (club, source, account) = (new_id(), new_id(), new_id());
        transaction!(db, |tx| {
            clubs::create(tx, club_row(club, "Example Club")).await?;
            sources::create(tx, source_row(ClubScope::new(club), source)).await?;
            kisi_accounts::create(tx, account_row(ClubScope::new(club), account)).await?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
        Self {
            db,
            scope: ClubScope::new(club),
            source,
            account,
            folder,
        }
    }

    /// Closes and reopens the database, like a restart of the service.
    async fn reopen(&mut self) {
        let url = format!("sqlite://{}/club.db", self.folder.path().display());
        self.db.clone().close().await;
        self.db = Db::connect(&url).await.unwrap();
    }

    /// Stores an event; returns the names of the members who became due.
    async fn say(&self, kind: &'static str, minute: i64, data: Value) -> BTreeSet<String> {
        let due = self.take_in(&[(kind, minute, data)]).await;
        let names = self.names().await;
        due.iter().filter_map(|id| names.get(id).cloned()).collect()
    }

    /// Stores events in one transaction; returns the members who became due.
    async fn take_in(&self, said: &[SentEvent]) -> BTreeSet<Uuid> {
        self.take_in_slices(said, usize::MAX).await
    }

    /// Like `take_in`, with at most this many statements applied at once.
    async fn take_in_slices(&self, said: &[SentEvent], most: usize) -> BTreeSet<Uuid> {
        let before = self.marks().await;
        let size = batch::Size {
            whole: most,
            slice: most,
        };
        let jobs: Vec<Job> = said.iter().map(|said| self.job(said)).collect();
        for job in &jobs {
            assert!(job.event.is_ok(), "{:?}", job.event);
        }
        let (scope, now) = (self.scope, Instant::from_micros(noon()));
        let stored = transaction!(self.db, |tx| {
            batch::store_in_slices(tx, scope, all(&jobs), now, size).await
        });
        stored.await.unwrap();
        let after = self.marks().await.into_iter();
        after
            .filter(|(id, mark)| before.get(id) != Some(mark))
            .map(|(id, _)| id)
            .collect()
    }

    fn job(&self, (kind, minute, data): &SentEvent) -> Job {
        let at = Instant::from_micros(noon() + minute * 60_000_000);
        let body = json!({ "type": kind, "timestamp": at.timestamp().to_string(), "data": data });
        let body = body.to_string().into_bytes();
        let id = format!("msg_{minute}");
        let now = Instant::from_micros(noon());
        Job::canonical(self.scope.club, self.source, id, body, now)
    }

    async fn marks(&self) -> BTreeMap<Uuid, i64> {
        let rows = due::without_lane(self.db.read(), self.account, noon(), 100_000)
            .await
            .unwrap();
        rows.into_iter()
            .map(|row| (row.member_id, row.generation))
            .collect()
    }

    async fn names(&self) -> BTreeMap<Uuid, String> {
        let read = self.db.read();
        let ids = members::ids(read, self.scope).await.unwrap();
        let names = members::names(read, self.scope, &ids).await.unwrap();
        names.into_iter().collect()
    }

    /// A description of everything that each member holds, without our own ids.
    async fn held(&self) -> BTreeMap<Uuid, String> {
        let read = self.db.read();
        let ids: Vec<Uuid> = self.names().await.into_keys().collect();
        let all = facts::load(read, self.scope, &ids, AsOf::Now)
            .await
            .unwrap();
        let rows = lookup::by_ids::<row::Member>(read, self.scope, &ids)
            .await
            .unwrap();
        let mut held = BTreeMap::new();
        for row in rows {
            let facts = &all[&row.id].facts;
            let called: BTreeMap<u128, &str> = all[&row.id]
                .held
                .iter()
                .map(|held| &held.version)
                .map(|said| (said.entitlement_id.as_u128(), said.external_id.as_str()))
                .collect();
            let version_row = |one: &access::Entitlement| {
                let via = match one.via {
                    Via::Company(_) => "company".to_owned(),
                    via => format!("{via:?}"),
                };
                let (name, zone) = (&called[&one.id.0], one.zone.iana_name());
                format!("{name} {via} {zone:?} {:?} {:?}", one.span, one.holding)
            };
            let mut version_rows: Vec<String> =
                facts.entitlements.iter().map(version_row).collect();
            version_rows.sort();
            if !version_rows.is_empty() || !facts.tags.is_empty() {
                let (name, email, tags) = (row.name, row.email, &facts.tags);
                held.insert(
                    row.id,
                    format!("{name} {email:?} {tags:?} {version_rows:?}"),
                );
            }
        }
        held
    }

    async fn dismiss(&self, member: Uuid) {
        let row = row::Revocation {
            id: new_id(),
            club_id: self.scope.club,
            account_id: self.account,
            member_id: member,
            scope_kind: row::ScopeKind::Group,
            scope_id: new_id(),
            state: row::RevocationState::Dismissed,
            cause: "an earlier roster".to_owned(),
            cause_id: Uuid::nil(),
            outage_suspected: false,
            delivery_id: None,
            rule_id: None,
            actor: None,
            asked_at: noon(),
            decided_at: Some(noon()),
        };
        transaction!(self.db, |tx| revocations::insert(tx, vec![row]).await)
            .await
            .unwrap();
    }

    async fn dismissed(&self, member: Uuid) -> Vec<row::Revocation> {
        let (read, one) = (self.db.read(), [member]);
        let open = revocations::open(read, self.scope, self.account, &one);
        open.await.unwrap()
    }

    /// The names of the members who hold anything.
    async fn holders(&self) -> BTreeSet<String> {
        let (held, names) = (self.held().await, self.names().await);
        held.keys().map(|id| names[id].clone()).collect()
    }
}

fn person(name: &str) -> Value {
    json!({ "id": name, "name": name, "email": format!("{name}@example.com") })
}

fn membership(id: &str, holder: &Value, more: Value) -> Value {
    let mut data =
        json!({ "id": id, "plan": { "id": "plan" }, "member": holder, "status": "active" });
    data.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    data
}

fn of(id: &str, name: &str) -> Value {
    membership(id, &person(name), json!({}))
}

fn for_company(id: &str, company: &str) -> Value {
    membership(id, &Value::Null, json!({ "company": { "id": company } }))
}

fn booking(id: &str, name: &str, guests: &[&str]) -> Value {
    let guests: Vec<Value> = guests.iter().map(|name| person(name)).collect();
    json!({
        "id": id, "kind": "room", "item": { "id": "room" }, "member": person(name), "guests": guests,
        "status": "confirmed", "starts_at": "2026-03-03T10:00:00Z", "ends_at": "2026-03-03T11:00:00Z",
    })
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}
