//! Queries against a small club: two doors, three members with different entitlements, and one rule of each kind.

mod access;
mod authorization;
mod back_test;
mod executor;
mod library;
mod lists;
mod preview;
mod roles;

use std::{collections::BTreeSet, ops::Deref};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    clock::new_id,
    fixture::{self, account_row, source_row},
    id::{Kind, encode},
    ingest::batch::Job,
    store::{
        StoreError, Transaction, Work, kisi_accounts, members, overrides,
        row::{self, Role, TargetKind},
        rules::{self, Blocked, StoredCondition},
        setup, sources,
    },
    transaction,
};

pub use crate::fixture::{NOON, instant};

/// A test club with two doors and three members, and the ids of its rows.
pub struct TestClub {
    club: fixture::TestClub,
    pub front: Uuid,
    pub simulator: Uuid,
    pub members: Uuid,
    pub staff: Uuid,
    pub source: Uuid,
    pub account: Uuid,
    pub place: Uuid,
}

impl Deref for TestClub {
    type Target = fixture::TestClub;

    fn deref(&self) -> &Self::Target {
        &self.club
    }
}

impl TestClub {
    pub async fn new() -> Self {
        let [account, source, place, front, simulator, members, staff] =
            std::array::from_fn(|_| new_id());
        let club = Self {
            club: fixture::TestClub::new().await,
            front,
            simulator,
            members,
            staff,
            source,
            account,
            place,
        };
        club.insert_fixtures().await;
        club
    }

    async fn insert_fixtures(&self) {
        let (scope, now) = (self.scope, instant(NOON));
        let account = account_row(scope, self.account);
        let source = source_row(scope, self.source);
        let setup = setup::Setup {
            places: vec![row::Place {
                id: self.place,
                club_id: scope.club,
                account_id: self.account,
                kisi_id: 1,
                name: "Clubhouse".to_owned(),
                folded_name: String::new(),
                time_zone: None,
                missing_since: None,
                gone_at: None,
            }],
            locks: vec![
                self.lock(self.front, 1, "Front"),
                self.lock(self.simulator, 2, "Simulator"),
            ],
            groups: vec![
                self.group(self.members, 1, "Members"),
                self.group(self.staff, 2, "Staff"),
            ],
        };
        let (account_id, members, staff, front) =
            (self.account, self.members, self.staff, self.front);
        let rules = [
            self.rule(
                TargetKind::Group,
                self.members,
                "Unlimited",
                &[unlimited(), daytime()],
            ),
            self.rule(TargetKind::Lock, self.simulator, "Bookings", &[booking()]),
            // A rule on an unmanaged group has no effect.
            self.rule(TargetKind::Group, self.staff, "Staff", &[unlimited()]),
        ];
        transaction!(self, |tx| {
            kisi_accounts::create(tx, account).await?;
            sources::create(tx, source).await?;
            setup::store_setup(tx, scope, account_id, setup, now).await?;
            let keep = row::StrangerPolicy::Keep;
            setup::manage(tx, scope, members, true, keep).await?;
            for group in [members, staff] {
                setup::store_group_locks(tx, scope, group, BTreeSet::from([front])).await?;
            }
            for rule in rules {
                rules::insert_version(tx, scope, rule).await?;
            }
            Ok(())
        })
        .await;
        self.event(
            "membership.updated",
            "2026-03-01T08:00:00Z",
            membership("m-1", "ann", "active"),
        )
        .await;
        let booked = json!({
            "id": "b-1", "kind": "resource", "item": {"id": "sim", "name": "Simulator bay"},
            "member": person("bob"), "guests": [{"email": "cyd@example.com", "name": "cyd"}],
            "status": "confirmed", "starts_at": "2026-03-02T14:00:00Z",
            "ends_at": "2026-03-02T15:00:00Z",
        });
        self.event("registration.updated", "2026-03-01T08:00:00Z", booked)
            .await;
    }

    pub async fn write<W>(&self, work: W)
    where
        W: for<'a> FnOnce(&'a Transaction) -> Work<'a, (), StoreError> + Send + 'static,
    {
        self.app.db.write(work).await.unwrap();
    }

    /// Stores a canonical event as an accepted delivery.
    pub async fn event(&self, kind: &str, at: &str, data: Value) {
        let body = json!({"type": kind, "timestamp": at, "data": data})
            .to_string()
            .into_bytes();
        let now = self.app.clock.now();
        let job = Job::canonical(
            self.scope.club,
            self.source,
            new_id().to_string(),
            body,
            now,
        );
        assert!(job.event.is_ok(), "{:?}", job.event);
        self.app.queue.store(job).await.unwrap();
    }

    /// The id of the member with this name, who must exist.
    pub async fn member(&self, name: &str) -> Uuid {
        let email = format!("{name}@example.com");
        members::by_email(self.app.db.read(), self.scope, &email)
            .await
            .unwrap()
            .unwrap()
            .id
    }

    /// Shares the place with a member.
    pub async fn share(&self, member: Uuid, until: Option<i64>) {
        let row = row::Share {
            id: new_id(),
            club_id: self.scope.club,
            member_id: member,
            scope_kind: row::ScopeKind::Place,
            scope_id: self.place,
            from_at: None,
            until_at: until,
            notify: false,
            note: None,
            actor: None,
            learned_at: self.app.clock.now().micros(),
            superseded_at: None,
        };
        transaction!(self, |tx| overrides::create_share(tx, row).await).await;
    }

    /// The response to a caller with this role.
    pub async fn answer(
        &self,
        role: Role,
        member: Option<Uuid>,
        query: &str,
    ) -> async_graphql::Response {
        self.send(self.caller(role, member), query, json!({})).await
    }

    /// The data of the response to a READER; panics on errors.
    pub async fn query(&self, query: &str) -> Value {
        let response = self.answer(Role::Reader, None, query).await;
        assert!(response.errors.is_empty(), "{query}: {:?}", response.errors);
        response.data.into_json().unwrap()
    }

    /// The code and message of the first error of the response to a READER.
    pub async fn first_error(&self, query: &str) -> (String, String) {
        let response = self.answer(Role::Reader, None, query).await;
        let error = response
            .errors
            .first()
            .unwrap_or_else(|| panic!("{query} was answered"));
        (code(error), error.message.clone())
    }

    fn lock(&self, id: Uuid, kisi_id: i64, name: &str) -> row::Lock {
        row::Lock {
            id,
            club_id: self.scope.club,
            account_id: self.account,
            kisi_id,
            place_id: Some(self.place),
            name: name.to_owned(),
            folded_name: String::new(),
            description: None,
            online: Some(true),
            restrictions: 0,
            missing_since: None,
            gone_at: None,
        }
    }

    fn group(&self, id: Uuid, kisi_id: i64, name: &str) -> row::Group {
        row::Group {
            id,
            club_id: self.scope.club,
            account_id: self.account,
            kisi_id,
            place_id: Some(self.place),
            name: name.to_owned(),
            folded_name: String::new(),
            description: None,
            restrictions: 0,
            managed: false,
            strangers: row::StrangerPolicy::Keep,
            problem: None,
            missing_since: None,
            gone_at: None,
            read_at: None,
            evaluated_at: None,
        }
    }

    fn rule(
        &self,
        target_kind: TargetKind,
        target_id: Uuid,
        name: &str,
        conditions: &[StoredCondition],
    ) -> row::Rule {
        row::Rule {
            id: new_id(),
            club_id: self.scope.club,
            rule_id: new_id(),
            version: 1,
            target_kind,
            target_id,
            name: name.to_owned(),
            folded_name: String::new(),
            enabled: true,
            conditions: serde_json::to_string(conditions).unwrap(),
            actor: None,
            learned_at: instant("2026-01-01T00:00:00Z"),
            superseded_at: None,
        }
    }
}

pub fn person(name: &str) -> Value {
    json!({"id": name, "email": format!("{name}@example.com"), "name": name})
}

pub fn membership(id: &str, name: &str, status: &str) -> Value {
    json!({
        "id": id, "plan": {"id": "all", "name": "Unlimited"}, "member": person(name),
        "status": status, "starts_at": "2026-01-01T00:00:00Z",
    })
}

pub fn code(error: &async_graphql::ServerError) -> String {
    let extensions = error.extensions.as_ref();
    let code = extensions.and_then(|values| values.get("code")).cloned();
    code.and_then(|code| code.into_json().ok()?.as_str().map(str::to_owned))
        .unwrap_or_default()
}

pub fn gid(kind: Kind, id: Uuid) -> String {
    encode(kind, id)
}

fn unlimited() -> StoredCondition {
    StoredCondition::Membership {
        offerings: vec![],
        locations: vec![],
        when_blocked: Blocked::Deny,
        grace_s: None,
    }
}

fn daytime() -> StoredCondition {
    StoredCondition::Schedule {
        days: (1..=7).collect(),
        from_minute: 360,
        until_minute: 1380,
        time_zone: "Europe/Berlin".to_owned(),
        start_date: None,
        end_date: None,
    }
}

fn booking() -> StoredCondition {
    StoredCondition::Registration {
        offerings: vec![],
        kinds: vec!["RESOURCE".to_owned()],
        locations: vec![],
        opens_before_s: 1800,
        closes_after_s: 1800,
        day: false,
        guests: true,
        applies_to_ongoing: true,
    }
}
