//! The rows of the sandbox and their indexes.
//!
//! Contract: each kind of row has its own id sequence, so that ids of users, groups and assignments
//! overlap as they may in Kisi; removing a row removes its dependent rows. Renders no JSON (except
//! events) and checks no request. Used by every resource module of the sandbox, under one mutex.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde_json::{Value, json};
use uuid::Uuid;

use super::delivery::SentEvent;
use super::faults::{PendingFault, Switches};
use super::http::Call;
use super::rate::Meter;
use super::rows::{
    Assignment, EventSet, Group, GroupLock, Integration, Lock, Login, ORGANIZATION, Place, Second,
    Target, User,
};

/// Rows of one kind by id; ids ascend from 1.
#[derive(Debug)]
pub(super) struct Table<T> {
    rows: BTreeMap<i64, T>,
    last: i64,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            last: 0,
        }
    }
}

impl<T> Table<T> {
    pub(super) fn add(&mut self, row: T) -> i64 {
        self.last += 1;
        self.rows.insert(self.last, row);
        self.last
    }

    pub(super) fn get(&self, id: i64) -> Option<&T> {
        self.rows.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: i64) -> Option<&mut T> {
        self.rows.get_mut(&id)
    }

    pub(super) fn remove(&mut self, id: i64) -> Option<T> {
        self.rows.remove(&id)
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.rows.retain(|_, row| keep(row));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &T)> {
        self.rows.iter().map(|(id, row)| (*id, row))
    }
}

/// The whole state of the sandbox.
#[derive(Debug, Default)]
pub(super) struct State {
    pub users: Table<User>,
    pub places: Table<Place>,
    pub locks: Table<Lock>,
    pub groups: Table<Group>,
    pub group_locks: Table<GroupLock>,
    pub assignments: Table<Assignment>,
    pub logins: Table<Login>,
    pub integrations: Table<Integration>,
    pub event_sets: Table<EventSet>,
    pub events: VecDeque<Value>,
    /// Event deliveries that are still to be sent.
    pub outbox: Vec<SentEvent>,
    pub owner: i64,
    pub key_login: i64,
    pub key_refused: bool,
    pub single_sign_on: bool,
    pub switches: Switches,
    pub faults: VecDeque<PendingFault>,
    pub calls: VecDeque<Call>,
    /// The number of requests in flight, and its maximum.
    pub under_way: usize,
    pub most_under_way: usize,
    /// The maximum number of recorded calls and events.
    pub kept: usize,
    /// The number of dropped calls, which keeps the numbering of calls continuous.
    pub forgotten: usize,
    forgotten_events: usize,
    pub meter: Meter,
    by_email: HashMap<String, i64>,
    by_user: HashMap<i64, BTreeSet<i64>>,
    by_secret: HashMap<String, i64>,
}

impl State {
    /// Records a call. Returns its sequence number.
    pub(super) fn record(&mut self, call: Call) -> usize {
        while self.calls.len() >= self.kept.max(1) {
            self.calls.pop_front();
            self.forgotten += 1;
        }
        self.calls.push_back(call);
        self.forgotten + self.calls.len() - 1
    }

    /// The sequence number of the next event.
    pub(super) fn event_number(&self) -> usize {
        self.forgotten_events + self.events.len() + 1
    }

    /// Records an event, and queues a delivery for each integration that subscribes to its type.
    pub(super) fn record_event(&mut self, event: Value) {
        let kind = event.get("type").and_then(Value::as_str).unwrap_or("");
        for (id, integration) in self.integrations.iter() {
            if integration.enabled && integration.enabled_events.iter().any(|one| one == kind) {
                self.outbox.push(SentEvent::new(id, integration, &event));
            }
        }
        while self.events.len() >= self.kept.max(1) {
            self.events.pop_front();
            self.forgotten_events += 1;
        }
        self.events.push_back(event);
    }

    /// Records an event about a row. `by`: the id of the user that caused it; `None` for changes outside of the API.
    pub(super) fn emit(&mut self, kind: &str, by: Option<i64>, object: &Value, now: Second) {
        if self.integrations.iter().next().is_none() {
            // Saves the memory for the events of a large club when no integration exists.
            return;
        }
        let actor = by.and_then(|by| self.users.get(by));
        let event = json!({
            "uuid": Uuid::from_u128(u128::try_from(self.event_number()).unwrap_or_default()),
            "type": kind, "action": kind.split('.').next_back(),
            "actor_type": by.map(|_| "User"), "actor_id": by,
            "actor_name": actor.map(|user| &user.name), "actor_email": actor.map(|user| &user.email),
            "object_type": object.get("resource_type"), "object_id": object.get("id"), "object": object,
            "organization_id": ORGANIZATION, "place_id": null, "success": true, "code": "000000",
            "error_code": null, "error_message": null, "created_at": now,
        });
        self.record_event(event);
    }

    /// The call with this sequence number, unless it was dropped.
    pub(super) fn call_mut(&mut self, number: usize) -> Option<&mut Call> {
        self.calls.get_mut(number.checked_sub(self.forgotten)?)
    }

    /// Adds a user; `None` when the address is taken.
    pub(super) fn insert_user(&mut self, user: User) -> Option<i64> {
        let key = normalized(&user.email);
        if self.by_email.contains_key(&key) {
            return None;
        }
        let id = self.users.add(user);
        self.by_email.insert(key, id);
        Some(id)
    }

    pub(super) fn user_by_email(&self, email: &str) -> Option<i64> {
        self.by_email.get(&normalized(email)).copied()
    }

    /// Removes a user with all assignments and logins.
    pub(super) fn remove_user(&mut self, id: i64) -> bool {
        let Some(user) = self.users.remove(id) else {
            return false;
        };
        self.by_email.remove(&normalized(&user.email));
        for assignment in self.by_user.remove(&id).unwrap_or_default() {
            self.assignments.remove(assignment);
        }
        self.logins.retain(|login| login.user != id);
        let logins = &self.logins;
        self.by_secret
            .retain(|_, login| logins.get(*login).is_some());
        true
    }

    pub(super) fn insert_assignment(&mut self, assignment: Assignment) -> i64 {
        let user = assignment.user;
        let id = self.assignments.add(assignment);
        self.by_user.entry(user).or_default().insert(id);
        id
    }

    pub(super) fn remove_assignment(&mut self, id: i64) -> bool {
        let Some(gone) = self.assignments.remove(id) else {
            return false;
        };
        if let Some(of_user) = self.by_user.get_mut(&gone.user) {
            of_user.remove(&id);
        }
        true
    }

    pub(super) fn assignments_of(&self, user: i64) -> impl Iterator<Item = (i64, &Assignment)> {
        let ids = self.by_user.get(&user).into_iter().flatten();
        ids.filter_map(|id| Some((*id, self.assignments.get(*id)?)))
    }

    pub(super) fn insert_login(&mut self, login: Login) -> i64 {
        let secret = login.secret.clone();
        let id = self.logins.add(login);
        self.by_secret.insert(secret, id);
        id
    }

    pub(super) fn remove_login(&mut self, id: i64) -> bool {
        let Some(login) = self.logins.remove(id) else {
            return false;
        };
        self.by_secret.remove(&login.secret);
        true
    }

    pub(super) fn change_secret(&mut self, id: i64, secret: String) {
        if let Some(login) = self.logins.get_mut(id) {
            self.by_secret.remove(&login.secret);
            login.secret.clone_from(&secret);
            self.by_secret.insert(secret, id);
        }
    }

    pub(super) fn login_by_secret(&self, secret: &str) -> Option<i64> {
        self.by_secret.get(secret).copied()
    }

    pub(super) fn group_has(&self, group: i64, lock: i64) -> bool {
        self.group_locks
            .iter()
            .any(|(_, row)| row.group == group && row.lock == lock)
    }

    /// Removes a group with its lock memberships and the assignments to it.
    pub(super) fn remove_group(&mut self, id: i64) -> bool {
        if self.groups.remove(id).is_none() {
            return false;
        }
        self.group_locks.retain(|row| row.group != id);
        let to_it = |row: &Assignment| row.target == Target::Group(id);
        let gone: Vec<i64> = self
            .assignments
            .iter()
            .filter(|(_, row)| to_it(row))
            .map(|(id, _)| id)
            .collect();
        for assignment in gone {
            self.remove_assignment(assignment);
        }
        true
    }
}

/// Normalizes an e-mail address or a name for comparison.
pub(super) fn normalized(email: &str) -> String {
    email.trim().to_lowercase()
}
