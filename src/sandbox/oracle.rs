//! What a test asks the sandbox: who can open what, which assignments there are, what was called.
//!
//! Promises: answers from the rows alone, by the same judgement as an unlock; changes nothing but
//! the record of calls. Called by tests and the demo.

#![expect(missing_docs, reason = "the fields say what they are")]

use jiff::Timestamp;
use serde_json::Value;

use super::Sandbox;
use super::access::{Standing, standing};
use super::http::Call;
use super::rows::{Assignment, Second};
use super::state::{State, folded};

/// A user of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserView {
    pub id: i64,
    pub email: String,
    pub name: String,
    pub access_enabled: bool,
    pub confirmed: bool,
    pub notes: Option<String>,
}

/// A role of a user on a group, a place, or (neither) the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentView {
    pub id: i64,
    pub group: Option<i64>,
    pub place: Option<i64>,
    pub role: String,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub notify: bool,
    /// Made through the API as the owner; else by somebody else's hand.
    pub by_owner_key: bool,
}

fn view(state: &State, id: i64, row: &Assignment) -> AssignmentView {
    AssignmentView {
        id,
        group: row.target.group(),
        place: row.target.place(),
        role: row.role.clone(),
        from: row.window.from.map(Second::timestamp),
        until: row.window.until.map(Second::timestamp),
        notify: row.notify,
        by_owner_key: row.created_by == Some(state.owner),
    }
}

impl Sandbox {
    /// Whether the user's rights open this door at that instant; restrictions and the door's state
    /// do not count.
    pub fn may_open(&self, email: &str, lock: i64, at: Timestamp) -> bool {
        let state = self.state();
        let judged = state
            .user_by_email(email)
            .map(|user| standing(&state, user, lock, at));
        matches!(judged, Some(Standing::Open { .. }))
    }

    /// The user's assignments in order of creation, those that are over too.
    pub fn assignments_of(&self, email: &str) -> Vec<AssignmentView> {
        let state = self.state();
        let Some(user) = state.user_by_email(email) else {
            return Vec::new();
        };
        let rows = state.assignments_of(user);
        rows.map(|(id, row)| view(&state, id, row)).collect()
    }

    /// The assignments to a group with the addresses of those who have them, in order of creation, those that are over too.
    pub fn assignments_in(&self, group: i64) -> Vec<(String, AssignmentView)> {
        let state = self.state();
        let rows = state.assignments.iter();
        let of_group = rows.filter(|(_, row)| row.target.group() == Some(group));
        of_group
            .filter_map(|(id, row)| {
                let user = state.users.get(row.user)?;
                Some((user.email.clone(), view(&state, id, row)))
            })
            .collect()
    }

    /// The user with this address, in any case of letters.
    pub fn user(&self, email: &str) -> Option<UserView> {
        let state = self.state();
        let id = state.user_by_email(email)?;
        let user = state.users.get(id)?;
        Some(UserView {
            id,
            email: user.email.clone(),
            name: user.name.clone(),
            access_enabled: user.access_enabled,
            confirmed: user.confirmed,
            notes: user.notes.clone(),
        })
    }

    /// The first group of this name.
    pub fn group_named(&self, name: &str) -> Option<i64> {
        let state = self.state();
        state
            .groups
            .iter()
            .find(|(_, group)| folded(&group.name) == folded(name))
            .map(|(id, _)| id)
    }

    /// The first lock of this name.
    pub fn lock_named(&self, name: &str) -> Option<i64> {
        let state = self.state();
        state
            .locks
            .iter()
            .find(|(_, lock)| folded(&lock.name) == folded(name))
            .map(|(id, _)| id)
    }

    /// Every request since the start or `forget_calls`, in order of arrival, refused ones too.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.iter().cloned().collect()
    }

    /// The calls that changed users or role assignments, answered or not.
    pub fn writes(&self) -> Vec<Call> {
        let counts = |call: &&Call| {
            let mut segments = call.path.split('/').filter(|segment| !segment.is_empty());
            call.took_effect
                && matches!(segments.next(), Some("users" | "user" | "role_assignments"))
        };
        self.state().calls.iter().filter(counts).cloned().collect()
    }

    /// Empties the record of calls and of the peak rate.
    pub fn forget_calls(&self) {
        let state = &mut *self.state();
        state.forgotten += state.calls.len();
        state.calls.clear();
        state.meter.forget_peak();
        state.most_under_way = state.under_way;
    }

    /// The most requests that waited for their answer at the same time, since the start or `forget_calls`.
    pub fn most_under_way(&self) -> usize {
        self.state().most_under_way
    }

    /// The most requests by one Kisi user within any second, refused ones too.
    pub fn peak_rate(&self) -> usize {
        self.state().meter.peak()
    }

    /// The events of all attempts to unlock, in the shape of an event webhook's body.
    pub fn events(&self) -> Vec<Value> {
        let is_unlock =
            |event: &&Value| event.get("type").is_some_and(|kind| kind == "lock.unlock");
        self.state()
            .events
            .iter()
            .filter(is_unlock)
            .cloned()
            .collect()
    }
}
