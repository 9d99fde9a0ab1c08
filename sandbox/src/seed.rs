//! Changes outside of the API, as if an admin had used Kisi's own web pages.
//!
//! Contract: these changes are not recorded as calls, and their rows are not created by the owner's key
//! (except `add_late_assignment`). Called by `example`, `lived_in` and tests, to set up a club and to cause drift.

use jiff::Timestamp;

use super::Sandbox;
use super::access::role_named;
use super::rows::{
    Assignment, Group, GroupLock, Lock, LockFlags, Login, LoginKind, Place, Second, Stamps, Target,
    User, Window,
};
use super::state::State;

const OWNER: &str = "owner@example.com";

/// A state with the owner, the owner's role and the owner's key, which never expires.
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
    state.key_login = state.insert_login(api_key(state.owner, "sandbox-key".to_owned(), now));
    state
}

fn api_key(user: i64, secret: String, now: Second) -> Login {
    Login {
        user,
        kind: LoginKind::Api,
        name: "Sandbox".to_owned(),
        device: [None, None, None],
        secret,
        primary: false,
        expire: false,
        last_used: None,
        stamps: Stamps::at(now),
    }
}

impl Sandbox {
    fn stamps(&self) -> Stamps {
        Stamps::at(Second::of(self.now()))
    }

    /// Adds another API key of the owner, and returns it.
    pub fn add_api_key(&self) -> String {
        let now = Second::of(self.now());
        let state = &mut *self.state();
        let id = state.insert_login(api_key(state.owner, String::new(), now));
        let key = format!("sandbox-key-{id}");
        state.change_secret(id, key.clone());
        key
    }

    /// Adds a place with an IANA time zone. Returns its id.
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

    /// Adds a working lock without restrictions. Returns its id.
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

    /// Adds a group of the organization or of a place, with these locks. Returns its id.
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

    /// Adds a user. Returns its id, or the id of the existing user with this e-mail address.
    pub fn add_user(&self, email: &str, name: &str) -> i64 {
        let now = self.stamps().created;
        let state = &mut *self.state();
        let existing = state.user_by_email(email);
        let mut user = User::new(email, name, now);
        user.confirmed = true;
        existing
            .or_else(|| state.insert_user(user))
            .unwrap_or_default()
    }

    /// Assigns a user to a group, from `from` and before `until` (open if `None`). Returns the assignment's id.
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
        self.emit_event("role_assignment.create", id);
        id
    }

    fn emit_event(&self, kind: &str, assignment: i64) {
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

    /// As [`Sandbox::add_assignment`], but created by the owner's key: simulates a late write whose response was lost.
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

    /// Changes the window of an assignment to a group. Returns whether it exists.
    pub fn set_window(&self, id: i64, from: Option<Timestamp>, until: Option<Timestamp>) -> bool {
        let window = Window {
            from: from.map(Second::of),
            until: until.map(Second::of),
        };
        let state = &mut *self.state();
        let row = state.assignments.get_mut(id);
        row.map(|row| row.window = window).is_some()
    }

    /// Changes the role of an assignment. Returns whether both exist.
    pub fn set_role(&self, id: i64, role: &str) -> bool {
        let role_exists = role_named(role).is_some();
        let state = &mut *self.state();
        let row = state.assignments.get_mut(id).filter(|_| role_exists);
        row.map(|row| role.clone_into(&mut row.role)).is_some()
    }

    /// Gives a user a role on a place (`Some`) or the organization (`None`). Returns the assignment's id;
    /// `None` for a role that applies to something else.
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

    /// Removes an assignment. Returns whether it existed.
    pub fn remove_assignment(&self, id: i64) -> bool {
        self.emit_event("role_assignment.destroy", id);
        self.state().remove_assignment(id)
    }

    /// Removes a user with assignments and logins. Returns whether the user existed.
    pub fn remove_user(&self, email: &str) -> bool {
        let state = &mut *self.state();
        state
            .user_by_email(email)
            .is_some_and(|id| state.remove_user(id))
    }

    /// Removes a group with its assignments. Returns whether it existed.
    pub fn remove_group(&self, id: i64) -> bool {
        self.state().remove_group(id)
    }

    /// Switches all access of a user off or on. Returns whether the user exists.
    pub fn set_access_enabled(&self, email: &str, enabled: bool) -> bool {
        self.change_user(email, |user| user.access_enabled = enabled)
    }

    /// Sets whether a user's e-mail address is confirmed, and whether the user has ever used Kisi. False if there is no such user.
    pub fn set_accepted(&self, email: &str, confirmed: bool, used: bool) -> bool {
        let now = self.stamps().created;
        self.change_user(email, |user| {
            user.confirmed = confirmed;
            user.last_accessed = used.then_some(now);
        })
    }

    /// Sets the password of a user (for `POST /logins`). Returns whether the user exists.
    pub fn set_password(&self, email: &str, password: &str) -> bool {
        self.change_user(email, |user| user.password = Some(password.to_owned()))
    }

    /// Sets the second-factor code of a user, or requires none. Returns whether the user exists.
    pub fn set_otp_code(&self, email: &str, code: Option<&str>) -> bool {
        self.change_user(email, |user| user.otp_code = code.map(str::to_owned))
    }

    /// Switches single sign-on for the organization on or off: with it, only the owner logs in by password.
    pub fn set_single_sign_on(&self, is_on: bool) {
        self.state().single_sign_on = is_on;
    }

    fn change_user(&self, email: &str, change: impl FnOnce(&mut User)) -> bool {
        let state = &mut *self.state();
        let id = state.user_by_email(email);
        id.and_then(|id| state.users.get_mut(id))
            .map(change)
            .is_some()
    }

    /// Gives the owner another role on the organization, as when the owner of the key is no longer an
    /// admin. Returns whether the role exists.
    pub fn set_owner_role(&self, role: &str) -> bool {
        if role_named(role).is_none_or(|role| role.applies_to != "Organization") {
            return false;
        }
        let state = &mut *self.state();
        let assignments: Vec<i64> = state
            .assignments_of(state.owner)
            .map(|(id, _)| id)
            .collect();
        for id in assignments {
            let row = state.assignments.get_mut(id);
            if let Some(row) = row.filter(|row| row.target == Target::Organization) {
                role.clone_into(&mut row.role);
            }
        }
        true
    }

    /// Deletes all device logins of a user without an event, as Kisi does with old ones. Returns their number.
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

    /// Sets the restrictions and device states of a lock. Returns whether the lock exists.
    pub fn set_lock_flags(&self, lock: i64, flags: LockFlags) -> bool {
        self.state()
            .locks
            .get_mut(lock)
            .map(|lock| lock.flags = flags)
            .is_some()
    }
}
