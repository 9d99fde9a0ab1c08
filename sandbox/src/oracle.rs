//! Queries for tests and the demo: who can open which door, which assignments exist, which calls were made.
//!
//! Contract: reads only the rows, with the same decision as an unlock; changes nothing but the record of
//! calls.

#![expect(missing_docs, reason = "the field names are self-explanatory")]

use jiff::Timestamp;
use serde_json::Value;

use super::Sandbox;
use super::access::{DoorAccess, door_access};
use super::http::Call;
use super::rows::{Assignment, Second};
use super::state::{State, normalized};

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
    /// Created through the API with the owner's key; otherwise by somebody else.
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
    /// Whether the user's assignments open this door at that instant; restrictions and the door's state
    /// are ignored.
    pub fn may_open(&self, email: &str, lock: i64, at: Timestamp) -> bool {
        let state = self.state();
        let judged = state
            .user_by_email(email)
            .map(|user| door_access(&state, user, lock, at));
        matches!(judged, Some(DoorAccess::Open { .. }))
    }

    /// The user's assignments in order of creation, including ended ones.
    pub fn assignments_of(&self, email: &str) -> Vec<AssignmentView> {
        let state = self.state();
        let Some(user) = state.user_by_email(email) else {
            return Vec::new();
        };
        let rows = state.assignments_of(user);
        rows.map(|(id, row)| view(&state, id, row)).collect()
    }

    /// The assignments to a group with their users' e-mail addresses, in order of creation, including ended ones.
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

    /// The user with this e-mail address, regardless of case.
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

    /// The first group with this name, regardless of case.
    pub fn group_named(&self, name: &str) -> Option<i64> {
        let state = self.state();
        state
            .groups
            .iter()
            .find(|(_, group)| normalized(&group.name) == normalized(name))
            .map(|(id, _)| id)
    }

    /// The first lock with this name, regardless of case.
    pub fn lock_named(&self, name: &str) -> Option<i64> {
        let state = self.state();
        state
            .locks
            .iter()
            .find(|(_, lock)| normalized(&lock.name) == normalized(name))
            .map(|(id, _)| id)
    }

    /// Every request since the start or `forget_calls`, in order of arrival, including refused ones.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.iter().cloned().collect()
    }

    /// The calls that changed users or role assignments, including those whose response was lost.
    pub fn writes(&self) -> Vec<Call> {
        let counts = |call: &&Call| {
            let mut segments = call.path.split('/').filter(|segment| !segment.is_empty());
            call.took_effect
                && matches!(segments.next(), Some("users" | "user" | "role_assignments"))
        };
        self.state().calls.iter().filter(counts).cloned().collect()
    }

    /// Clears the record of calls and the peak rate.
    pub fn clear_calls(&self) {
        let state = &mut *self.state();
        state.forgotten += state.calls.len();
        state.calls.clear();
        state.meter.forget_peak();
        state.most_under_way = state.under_way;
    }

    /// The maximum number of requests in flight, since the start or `forget_calls`.
    pub fn most_under_way(&self) -> usize {
        self.state().most_under_way
    }

    /// The maximum number of requests of one Kisi user within any second, including refused ones.
    pub fn peak_rate(&self) -> usize {
        self.state().meter.peak()
    }

    /// The events of all unlock attempts, in the format of an event webhook's body.
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
