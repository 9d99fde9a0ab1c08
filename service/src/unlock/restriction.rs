//! The restrictions that keep Kisi from opening a door for a member anywhere and at any time, from the settings of the lock and
//! its groups in Kisi. Each lock and group stores its set of restrictions as a bit mask.
//!
//! A restriction of a lock applies to everyone; one of a group applies only if no other group of the member opens the door with
//! fewer restrictions. Called when Kisi is read, and where the obstacles to an unlock are shown.

use access::Instant;

use super::checks::assignments_opening;
use crate::{
    decide::Layout,
    kisi,
    store::row::{Grant, Group, Lock, ScopeKind},
};

/// A restriction of a lock or a group. The values are bits of the stored masks and must not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Restriction {
    /// The person must be at the reader.
    Reader = 1,
    /// The person must be near the door, and the unlock must include their location.
    Geofence = 1 << 1,
    /// Opens only at the times of a schedule in Kisi.
    Schedule = 1 << 2,
    /// The person must tap the reader.
    TapOnly = 1 << 3,
    /// Apps and the API cannot open it.
    NoApp = 1 << 4,
    /// Only the primary device of the member can open it.
    PrimaryDevice = 1 << 5,
    /// Only a device that the organization manages can open it.
    ManagedDevice = 1 << 6,
}

use Restriction::{Geofence, ManagedDevice, NoApp, PrimaryDevice, Reader, Schedule, TapOnly};

const ALL: [Restriction; 7] = [
    Reader,
    Geofence,
    Schedule,
    TapOnly,
    NoApp,
    PrimaryDevice,
    ManagedDevice,
];

impl Restriction {
    /// Whether no unlock call can satisfy it, whatever it sends.
    fn is_final(self) -> bool {
        !matches!(self, Geofence | Schedule)
    }

    /// The text for operators.
    pub fn for_people(self) -> &'static str {
        match self {
            Reader => "people must be at its reader",
            Geofence => "people must be near the door, so an unlock must include their location",
            Schedule => "it opens only at the times of a schedule in Kisi",
            TapOnly => "people must tap its reader",
            NoApp => "members of its group cannot open it with an app",
            PrimaryDevice => "people must use their primary device",
            ManagedDevice => "people must use a managed device",
        }
    }
}

fn set(all: &[(Restriction, bool)]) -> i32 {
    let on = all.iter().filter(|(_, is_on)| *is_on);
    on.fold(0, |set, (restriction, _)| set | *restriction as i32)
}

/// The restrictions of a lock as a bit mask. A setting that Kisi does not report is off.
pub fn of_lock(lock: &kisi::Lock) -> i32 {
    let is_on = |flag: Option<bool>| flag == Some(true);
    set(&[
        (Reader, is_on(lock.reader_restriction_enabled)),
        (Geofence, is_on(lock.geofence_restriction_enabled)),
        (Schedule, is_on(lock.time_restriction_enabled)),
    ])
}

/// The restrictions of a group as a bit mask.
pub fn of_group(group: &kisi::Group) -> i32 {
    set(&[
        (Reader, group.reader_restriction_enabled),
        (Geofence, group.geofence_restriction_enabled),
        (Schedule, group.time_restriction_enabled),
        (TapOnly, group.tap_to_access_restriction_enabled),
        (NoApp, !group.login_enabled),
        (PrimaryDevice, group.primary_device_restriction_enabled),
        (ManagedDevice, group.managed_device_restriction_enabled),
    ])
}

fn in_set(set: i32) -> Vec<Restriction> {
    ALL.into_iter()
        .filter(|restriction| set & *restriction as i32 != 0)
        .collect()
}

/// The restrictions at a door for someone who can open it through any of these groups: those of the lock, plus those of the least
/// restricted group. Without a group, only those of the lock apply: Kisi is called with the key of the account, or the member has
/// access to the place or the account.
pub fn at_door<'a>(lock: &Lock, groups: impl IntoIterator<Item = &'a Group>) -> Vec<Restriction> {
    let of_groups = groups.into_iter().map(|group| group.restrictions);
    let least = of_groups.min_by_key(|set| {
        let all = in_set(*set);
        let are_final = all
            .iter()
            .filter(|restriction| restriction.is_final())
            .count();
        (are_final, all.len())
    });
    in_set(lock.restrictions | least.unwrap_or(0))
}

/// The restrictions at a door for a member with these assignments, at an instant.
pub fn for_member(layout: &Layout, lock: &Lock, held: &[Grant], at: Instant) -> Vec<Restriction> {
    let open: Vec<&Grant> = assignments_opening(layout, lock, held, at).collect();
    let is_by_more = open
        .iter()
        .any(|grant| matches!(grant.scope_kind, ScopeKind::Place | ScopeKind::Account));
    let groups = open.iter().filter(|_| !is_by_more);
    at_door(
        lock,
        groups.filter_map(|grant| layout.group(grant.scope_id)),
    )
}
