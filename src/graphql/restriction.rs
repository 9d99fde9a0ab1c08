//! The GraphQL enum `UnlockRestriction`: Kisi settings that can make Kisi refuse an unlock.

use async_graphql::Enum;

use crate::unlock::restriction::Restriction;

/// A Kisi setting that can make Kisi refuse an unlock that the rules allow.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Restriction")]
pub enum UnlockRestriction {
    /// People must be at the reader: no remote unlock.
    Reader,
    /// People must be near the door: send the location with the unlock.
    Geofence,
    /// Only during a schedule that is set in Kisi.
    Schedule,
    /// Only by tapping the reader: no remote unlock.
    TapOnly,
    /// Kisi does not let the group's members unlock by app: no remote unlock.
    NoApp,
    /// Only with the member's primary device: no remote unlock.
    PrimaryDevice,
    /// Only with a device that the organization manages: no remote unlock.
    ManagedDevice,
}

pub fn to_graphql(all: Vec<Restriction>) -> Vec<UnlockRestriction> {
    all.into_iter().map(UnlockRestriction::from).collect()
}
