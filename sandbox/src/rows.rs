//! The row types: users, places, locks, groups, assignments, logins and their relations.
//!
//! Contract: times are whole seconds, by type. No behaviour except constructors: `state` stores the
//! rows, the resource modules render and change them.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::faults::Rounding;

/// The id of the only organization.
pub(super) const ORGANIZATION: i64 = 18;
/// How long an unused login lives, if it may expire: Kisi's default, two weeks.
pub(super) const LOGIN_LIFE: Duration = Duration::from_secs(1_209_600);

/// When a row was created and last changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamps {
    pub created: Second,
    pub updated: Second,
}

impl Stamps {
    pub(super) fn at(now: Second) -> Self {
        Self {
            created: now,
            updated: now,
        }
    }
}

#[derive(Debug)]
pub(super) struct User {
    pub email: String,
    pub name: String,
    pub image: Option<String>,
    pub notes: Option<String>,
    pub metadata: Map<String, Value>,
    pub access_enabled: bool,
    pub password_flow_enabled: bool,
    pub confirmed: bool,
    pub password: Option<String>,
    pub otp_code: Option<String>,
    pub last_accessed: Option<Second>,
    pub stamps: Stamps,
}

impl User {
    pub(super) fn new(email: &str, name: &str, now: Second) -> Self {
        Self {
            email: email.to_owned(),
            name: name.to_owned(),
            image: None,
            notes: None,
            metadata: Map::new(),
            access_enabled: true,
            password_flow_enabled: true,
            confirmed: false,
            password: None,
            otp_code: None,
            last_accessed: None,
            stamps: Stamps::at(now),
        }
    }
}

#[derive(Debug)]
pub(super) struct Place {
    pub name: String,
    pub time_zone: String,
    pub locked_down_since: Option<Second>,
    pub stamps: Stamps,
}

/// Restrictions and device states of a lock that can keep a permitted user from opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockFlags {
    /// Refuses a caller who is not at the reader (`bb4faa`).
    pub reader_restriction: bool,
    /// Refuses a caller who sends no location (`bbb99f`) or one too far from the lock (`a3995f`).
    pub geofence_restriction: bool,
    /// The lock is outside its hours (`34ffaa`); the sandbox has no schedules.
    pub time_restriction: bool,
    /// The door is locked down (`fad001`).
    pub locked_down: bool,
    /// The controller is reachable; else `fac001`.
    pub online: bool,
    /// The door has a controller; else `ff420a`.
    pub configured: bool,
}

impl Default for LockFlags {
    fn default() -> Self {
        Self {
            reader_restriction: false,
            geofence_restriction: false,
            time_restriction: false,
            locked_down: false,
            online: true,
            configured: true,
        }
    }
}

#[derive(Debug)]
pub(super) struct Lock {
    pub place: i64,
    pub name: String,
    pub description: Option<String>,
    pub flags: LockFlags,
    pub latitude: f64,
    pub longitude: f64,
    pub stamps: Stamps,
}

#[derive(Debug)]
pub(super) struct Group {
    pub name: String,
    pub description: Option<String>,
    pub place: Option<i64>,
    pub geofence_restriction: bool,
    pub reader_restriction: bool,
    pub time_restriction: bool,
    pub primary_device_restriction: bool,
    pub managed_device_restriction: bool,
    pub tap_to_access_restriction: bool,
    pub login_enabled: bool,
    pub stamps: Stamps,
}

impl Group {
    pub(super) fn new(name: &str, place: Option<i64>, now: Second) -> Self {
        Self {
            name: name.to_owned(),
            description: None,
            place,
            geofence_restriction: false,
            reader_restriction: false,
            time_restriction: false,
            primary_device_restriction: false,
            managed_device_restriction: false,
            tap_to_access_restriction: false,
            login_enabled: true,
            stamps: Stamps::at(now),
        }
    }
}

#[derive(Debug)]
pub(super) struct GroupLock {
    pub group: i64,
    pub lock: i64,
    pub stamps: Stamps,
}

/// The object that an assignment applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Organization,
    Place(i64),
    Group(i64),
}

impl Target {
    pub(super) fn group(self) -> Option<i64> {
        if let Self::Group(id) = self {
            Some(id)
        } else {
            None
        }
    }

    pub(super) fn place(self) -> Option<i64> {
        if let Self::Place(id) = self {
            Some(id)
        } else {
            None
        }
    }
}

/// When an assignment is effective: from `from` and before `until`; either end may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Window {
    pub from: Option<Second>,
    pub until: Option<Second>,
}

impl Window {
    /// The window as stored with this rounding.
    pub(super) fn rounded(self, rounding: Rounding) -> Self {
        let (unit, from, until) = match rounding {
            Rounding::None => return self,
            Rounding::Down(unit) => (unit, 0, 0),
            Rounding::Outward(unit) => (unit, 0, unit - 1),
            Rounding::Nearest(unit) => (unit, unit / 2, unit / 2),
        };
        Self {
            from: self.from.map(|at| at.floor(unit, from)),
            until: self.until.map(|at| at.floor(unit, until)),
        }
    }
}

#[derive(Debug)]
pub(super) struct Assignment {
    pub user: i64,
    pub target: Target,
    pub role: String,
    pub window: Window,
    pub notify: bool,
    pub created_by: Option<i64>,
    pub stamps: Stamps,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoginKind {
    Api,
    Device,
}

#[derive(Debug)]
pub(super) struct Login {
    pub user: i64,
    pub kind: LoginKind,
    pub name: String,
    pub device: [Option<String>; 3],
    pub secret: String,
    pub primary: bool,
    pub expire: bool,
    pub last_used: Option<Second>,
    pub stamps: Stamps,
}

#[derive(Debug)]
pub(super) struct Integration {
    pub name: String,
    pub url: String,
    pub enabled: bool,
    pub enabled_events: Vec<String>,
    pub signature_key: Option<String>,
    /// Consecutive failed deliveries.
    pub failures: u32,
    /// When it was disabled after errors.
    pub disabled: Option<Second>,
    pub stamps: Stamps,
}

#[derive(Debug)]
pub(super) struct EventSet {
    pub events: Vec<Value>,
    pub interval: Option<String>,
    pub created: Second,
}

/// An instant as stored in Kisi: whole seconds, fractions cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Second(Timestamp);

impl Second {
    pub(super) fn of(at: Timestamp) -> Self {
        Self(Timestamp::from_second(at.as_second()).unwrap_or(at))
    }

    pub(super) fn timestamp(self) -> Timestamp {
        self.0
    }

    /// Adds `added` seconds, then rounds down to a multiple of `unit` seconds.
    fn floor(self, unit: i64, added: i64) -> Self {
        let second = self.0.as_second().saturating_add(added);
        let kept = second.saturating_sub(second.rem_euclid(unit.max(1)));
        Timestamp::from_second(kept).map_or(self, Self)
    }
}

impl Serialize for Second {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}
