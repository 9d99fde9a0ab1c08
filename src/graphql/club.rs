//! The GraphQL type `Club`: the club's settings, read from its row.

use std::time::Duration as Length;

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::{
    node,
    scalar::{DateTime, Duration, TimeZone},
};
use crate::{id::Kind, store::row};

/// Who may unlock doors from a front end, with a member session or on a member's behalf.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::UnlockVisibility")]
pub enum UnlockVisibility {
    /// Only people with an active membership at that moment.
    Members,
    /// Everyone who has access, including people who only booked a room.
    Public,
}

/// The brake on mass revocations. If more people would lose access early within the window than the larger of `people` and
/// `percent` of those who have access, the revocations are held until an admin decides. Grants are never held. The scheduled
/// end of access is not a revocation, nor is the loss of access that has not started. All revocations with one cause (a
/// delivery, an edit, a sweep) are judged together: if they exceed the limit, all of them are held. What an admin does to one
/// named person (endShare, suspendMember) is never held, but it counts towards the limit.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct BrakeSettings {
    /// Whether new revocations can be held. When switched off, revocations already held stay held until they are approved or
    /// dismissed. Default: on.
    enabled: bool,
    /// The number of people who may lose access early within the window. 0, together with percent 0, holds every revocation.
    /// Default: 3.
    people: i32,
    /// The same limit as a percentage of those who have access, 0 to 100; the larger of the two applies. Default: 5.
    percent: i32,
    /// The time window in which early revocations are counted. Default: PT1H.
    window: Duration,
}

#[derive(Clone, Debug)]
pub struct Club(pub row::Club);

impl From<row::Club> for Club {
    fn from(row: row::Club) -> Self {
        Self(row)
    }
}

/// A club. All other objects belong to one club.
#[Object(crate = "crate::graphql::resolve")]
impl Club {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Club, self.0.id)
    }

    /// Display name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The time zone for times in messages, and for schedules and sources that have none of their own.
    async fn time_zone(&self) -> TimeZone {
        TimeZone(self.0.time_zone.clone())
    }

    /// Settings of the brake on mass revocations.
    async fn brake(&self) -> BrakeSettings {
        BrakeSettings {
            enabled: self.0.brake_enabled,
            people: self.0.brake_people,
            percent: self.0.brake_percent,
            window: Duration(Length::from_secs(self.0.brake_window_s.unsigned_abs())),
        }
    }

    /// Who may unlock doors from a front end.
    async fn unlock_visibility(&self) -> UnlockVisibility {
        self.0.unlock_visibility.into()
    }

    /// Since when everything is stored that `explain(asKnownAt:)` needs; null if nothing was deleted yet. See the setting
    /// `keep_versions`.
    async fn known_since(&self) -> Option<DateTime> {
        self.0.known_since.map(DateTime)
    }

    /// A counter that increases with every change to facts, rules or overrides (shares and suspensions).
    async fn revision(&self) -> String {
        self.0.revision.to_string()
    }
}
