//! What keeps Kisi from opening a door at an unlock, for front ends.

use async_graphql::Enum;

use crate::unlock::restriction::Restriction;

/// Something in Kisi's settings that can make Kisi refuse an unlock which the rules allow.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Restriction")]
pub enum UnlockRestriction {
    /// People have to stand at the reader: no unlock from afar.
    Reader,
    /// People have to be near: send the location with the unlock.
    Geofence,
    /// Only at the times of a schedule in Kisi.
    Schedule,
    /// Only by tapping the reader: no unlock from afar.
    TapOnly,
    /// Kisi lets nobody of the group open doors by app: no unlock from afar.
    NoApp,
    /// Only with the member's main device: no unlock from afar.
    PrimaryDevice,
    /// Only with a device that the organization manages: no unlock from afar.
    ManagedDevice,
}

/// For an answer.
pub fn shown(all: Vec<Restriction>) -> Vec<UnlockRestriction> {
    all.into_iter().map(UnlockRestriction::from).collect()
}
