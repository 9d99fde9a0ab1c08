//! Rows made by somebody else's hand: as if an admin had used Kisi's own pages.
//!
//! Promises: none of it is recorded as a call, and none of it belongs to the owner's key. Called by
//! `example`, the demo and tests, to set up a club and to disturb it.

use jiff::Timestamp;

use super::Sandbox;
use super::access::role_named;
use super::rows::{
    Assignment, Group, GroupLock, Lock, LockFlags, Login, LoginKind, Place, Second, Stamps, Target,
    User, Window,
};
use super::state::State;

const OWNER: &str = "owner@example.com";

/// The owner, their role and their key, which never expires.
pub(super) fn fresh(now: Timestamp) -> State {
    let now = Second::of(now);
    let mut state = State::default();
    state.kept = 500_000;
    let mut owner = User::new(OWNER, "Olga Owner", now);
    owner.confirmed = true;
    owner.password = Some("correct horse battery staple".to_owned());
    state.owner = state.insert_user(owner).unwrap_or_default();
    state.insert_assignment(Assignment {
        user: state.owner,
        target: Target::Organization,
        role: "organization_owner".to_owned(),
        window: Window::default(),
        notify: false,
        created_by: None,
        stamps: Stamps::at(now),
    });
    state.key_login = state.insert_login(Login {
        user: state.owner,
        kind: LoginKind::Api,
        name: "Sandbox".to_owned(),
        device: [None, None, None],
        secret: "sandbox-key".to_owned(),
        primary: false,
        expire: false,
        last_used: None,
        stamps: Stamps::at(now),
    });
    state
}

impl Sandbox {
    fn stamps(&self) -> Stamps {
        Stamps::at(Second::of(self.now()))
    }

    /// Adds a place with an IANA time zone; its number.
    pub fn add_place(&self, name: &str, time_zone: &str) -> i64 {
        let stamps = self.stamps();
        let (name, time_zone) = (name.to_owned(), time_zone.to_owned());
        self.state().places.add(Place {
            name,
            time_zone,
            locked_down_since: None,
            stamps,
        })
    }

    /// Adds a lock that works and restricts nothing; its number.
    pub fn add_lock(&self, place: i64, name: &str) -> i64 {
        let stamps = self.stamps();
        self.state().locks.add(Lock {
            place,
            name: name.to_owned(),
            description: None,
            flags: LockFlags::default(),
            latitude: 52.52,
            longitude: 13.405,
            stamps,
        })
    }

    /// Adds a group of the organization or of a place, with these doors; its number.
    pub fn add_group(&self, name: &str, place: Option<i64>, locks: &[i64]) -> i64 {
        let stamps = self.stamps();
        let state = &mut *self.state();
        let group = state.groups.add(Group::new(name, place, stamps.created));
        for lock in locks {
            state.group_locks.add(GroupLock {
                group,
                lock: *lock,
                stamps,
            });
        }
        group
    }

    /// Adds a user; the number of the one who has the address already, if there is one.
    pub fn add_user(&self, email: &str, name: &str) -> i64 {
        let now = self.stamps().created;
        let state = &mut *self.state();
        let known = state.user_by_email(email);
        let mut user = User::new(email, name, now);
        user.confirmed = true;
        known
            .or_else(|| state.insert_user(user))
            .unwrap_or_default()
    }

    /// Gives a user a group's doors, for ever or from `from` and before `until`; its number.
    pub fn add_assignment(
        &self,
        user: i64,
        group: i64,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> i64 {
        let window = Window {
            from: from.map(Second::of),
            until: until.map(Second::of),
        };
        let id = self.insert(user, Target::Group(group), "group_basic", window);
        self.tell("role_assignment.create", id);
        id
    }

    fn tell(&self, kind: &str, assignment: i64) {
        let now = self.stamps().created;
        let state = &mut *self.state();
        let shown = state
            .assignments
            .get(assignment)
            .map(|row| super::assignments::render(state, assignment, row));
        if let Some(shown) = shown {
            state.emit(kind, None, &shown, now);
        }
    }

    /// The same by the owner's key: a write that comes late, of whose answer nobody knows.
    pub fn add_late_assignment(
        &self,
        user: i64,
        group: i64,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> i64 {
        let id = self.add_assignment(user, group, from, until);
        let state = &mut *self.state();
        let owner = state.owner;
        if let Some(row) = state.assignments.get_mut(id) {
            row.created_by = Some(owner);
        }
        id
    }

    /// Changes when an assignment to a group holds; whether it is there.
    pub fn set_window(&self, id: i64, from: Option<Timestamp>, until: Option<Timestamp>) -> bool {
        let window = Window {
            from: from.map(Second::of),
            until: until.map(Second::of),
        };
        let state = &mut *self.state();
        let row = state.assignments.get_mut(id);
        row.map(|row| row.window = window).is_some()
    }

    /// Gives an assignment another role; whether there are both.
    pub fn set_role(&self, id: i64, role: &str) -> bool {
        let known = role_named(role).is_some();
        let state = &mut *self.state();
        let row = state.assignments.get_mut(id).filter(|_| known);
        row.map(|row| role.clone_into(&mut row.role)).is_some()
    }

    /// Gives a user a role on a place (`Some`) or the organization (`None`); `None` for a role that
    /// applies elsewhere.
    pub fn add_role(&self, user: i64, place: Option<i64>, role: &str) -> Option<i64> {
        let (target, kind) = match place {
            Some(place) => (Target::Place(place), "Place"),
            None => (Target::Organization, "Organization"),
        };
        role_named(role).filter(|role| role.applies_to == kind)?;
        Some(self.insert(user, target, role, Window::default()))
    }

    fn insert(&self, user: i64, target: Target, role: &str, window: Window) -> i64 {
        let stamps = self.stamps();
        self.state().insert_assignment(Assignment {
            user,
            target,
            role: role.to_owned(),
            window,
            notify: false,
            created_by: None,
            stamps,
        })
    }

    /// Takes an assignment away; whether it was there.
    pub fn remove_assignment(&self, id: i64) -> bool {
        self.tell("role_assignment.destroy", id);
        self.state().remove_assignment(id)
    }

    /// Takes a user away with everything of theirs; whether they were there.
    pub fn remove_user(&self, email: &str) -> bool {
        let state = &mut *self.state();
        state
            .user_by_email(email)
            .is_some_and(|id| state.remove_user(id))
    }

    /// Takes a group away with its assignments; whether it was there.
    pub fn remove_group(&self, id: i64) -> bool {
        self.state().remove_group(id)
    }

    /// Cuts a user off from all doors, or lets them in again; whether they are there.
    pub fn set_access_enabled(&self, email: &str, enabled: bool) -> bool {
        self.change_user(email, |user| user.access_enabled = enabled)
    }

    /// Sets the password of a user (`POST /logins`); whether they are there.
    pub fn set_password(&self, email: &str, password: &str) -> bool {
        self.change_user(email, |user| user.password = Some(password.to_owned()))
    }

    /// Asks for this second factor at each log-in of the user, or for none; whether they are there.
    pub fn set_otp_code(&self, email: &str, code: Option<&str>) -> bool {
        self.change_user(email, |user| user.otp_code = code.map(str::to_owned))
    }

    fn change_user(&self, email: &str, change: impl FnOnce(&mut User)) -> bool {
        let state = &mut *self.state();
        let id = state.user_by_email(email);
        id.and_then(|id| state.users.get_mut(id))
            .map(change)
            .is_some()
    }

    /// Gives the owner another role on the organization, as when the key's owner is no admin any
    /// more; whether there is such a role.
    pub fn set_owner_role(&self, role: &str) -> bool {
        if role_named(role).is_none_or(|role| role.applies_to != "Organization") {
            return false;
        }
        let state = &mut *self.state();
        let held: Vec<i64> = state
            .assignments_of(state.owner)
            .map(|(id, _)| id)
            .collect();
        for id in held {
            let row = state.assignments.get_mut(id);
            if let Some(row) = row.filter(|row| row.target == Target::Organization) {
                role.clone_into(&mut row.role);
            }
        }
        true
    }

    /// Takes all device logins of a user away, as Kisi does with old ones, without a word; how many there were.
    pub fn forget_logins(&self, email: &str) -> usize {
        let state = &mut *self.state();
        let Some(user) = state.user_by_email(email) else {
            return 0;
        };
        let of_user = |login: &Login| login.user == user && login.kind == LoginKind::Device;
        let gone: Vec<i64> = state
            .logins
            .iter()
            .filter(|(_, login)| of_user(login))
            .map(|(id, _)| id)
            .collect();
        gone.iter().filter(|id| state.remove_login(**id)).count()
    }

    /// Sets what stands between a right and this door; whether the door is there.
    pub fn set_lock_flags(&self, lock: i64, flags: LockFlags) -> bool {
        self.state()
            .locks
            .get_mut(lock)
            .map(|lock| lock.flags = flags)
            .is_some()
    }
}
