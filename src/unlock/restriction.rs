//! What keeps Kisi from opening a door for a member who is anywhere and asks at any time, as Kisi's settings of the lock and of
//! its groups say. Each door and group keeps a set of them in one number.
//!
//! Promises that a restriction of a lock counts for everybody, and one of a group only where no other group lets the member in
//! with fewer. Called when Kisi is read, and by whoever says what stands in the way of an unlock.

use access::Instant;

use super::judge::opening;
use crate::{
    decide::Layout,
    kisi,
    store::row::{Grant, Group, Lock, ScopeKind},
};

/// One thing that stands in the way. Its number is a bit of the sets that are stored, and stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Restriction {
    /// One must stand at the reader.
    Reader = 1,
    /// One must be near, and say where one is.
    Geofence = 1 << 1,
    /// Only at the times of Kisi's own schedule.
    Schedule = 1 << 2,
    /// Only by tapping the reader.
    TapOnly = 1 << 3,
    /// Not by an app or an API.
    NoApp = 1 << 4,
    /// Only with the member's main device.
    PrimaryDevice = 1 << 5,
    /// Only with a device that the organization manages.
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
    /// Whether nothing that is sent with an unlock can satisfy it.
    fn is_final(self) -> bool {
        !matches!(self, Geofence | Schedule)
    }

    /// What it is, and who can lift it, for whoever runs the service.
    pub fn for_people(self) -> &'static str {
        match self {
            Reader => "people have to stand at its reader",
            Geofence => "people have to be near, so an unlock has to bear their location",
            Schedule => "it opens only at the times of a schedule in Kisi",
            TapOnly => "people have to tap its reader",
            NoApp => "Kisi lets nobody of the group open it by app",
            PrimaryDevice => "people have to use their main device",
            ManagedDevice => "people have to use a managed device",
        }
    }
}

fn set(all: &[(Restriction, bool)]) -> i32 {
    let on = all.iter().filter(|(_, is_on)| *is_on);
    on.fold(0, |set, (one, _)| set | *one as i32)
}

/// Those of a lock. What Kisi does not speak of is off.
pub fn of_lock(lock: &kisi::Lock) -> i32 {
    let is_on = |flag: Option<bool>| flag == Some(true);
    set(&[
        (Reader, is_on(lock.reader_restriction_enabled)),
        (Geofence, is_on(lock.geofence_restriction_enabled)),
        (Schedule, is_on(lock.time_restriction_enabled)),
    ])
}

/// Those of a group.
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
        .filter(|one| set & *one as i32 != 0)
        .collect()
}

/// What stands between a door and whoever may open it by one of these groups. Without a group, Kisi is asked by the account's
/// key or by a right to more than a group, and only the door's own count.
pub fn at_door<'a>(lock: &Lock, groups: impl IntoIterator<Item = &'a Group>) -> Vec<Restriction> {
    let of_groups = groups.into_iter().map(|group| group.restrictions);
    let least = of_groups.min_by_key(|set| {
        let all = in_set(*set);
        let are_final = all.iter().filter(|one| one.is_final()).count();
        (are_final, all.len())
    });
    in_set(lock.restrictions | least.unwrap_or(0))
}

/// What stands between a door and a member who holds these assignments, at an instant.
pub fn for_member(layout: &Layout, lock: &Lock, held: &[Grant], at: Instant) -> Vec<Restriction> {
    let open: Vec<&Grant> = opening(layout, lock, held, at).collect();
    let is_by_more = open
        .iter()
        .any(|grant| matches!(grant.scope_kind, ScopeKind::Place | ScopeKind::Account));
    let groups = open.iter().filter(|_| !is_by_more);
    at_door(
        lock,
        groups.filter_map(|grant| layout.group(grant.scope_id)),
    )
}
