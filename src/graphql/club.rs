//! The club: its settings as they are kept in its row.

use std::time::Duration as Length;

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::{
    node,
    scalar::{Duration, TimeZone},
};
use crate::{id::Kind, store::row};

/// Who may open doors from a front end, by a member session or in somebody's name.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::UnlockVisibility")]
pub enum UnlockVisibility {
    /// Only people who hold an active membership at that moment.
    Members,
    /// Anybody who has access, such as someone who only booked a room.
    Public,
}

/// The brake on mass revocation. When more people would lose access early, within the window, than
/// the larger of `people` and `percent` of those who have access, the revocations wait for an
/// admin. Grants always flow. Access that runs out at the end it was given is no revocation, nor is
/// the loss of access that has not begun. What one cause (a delivery, an edit, a sweep) would take
/// away is judged together: where it goes past the limit, all of it is held. What an admin does to
/// one person by name (endShare, suspendMember) is never held, and counts.
#[derive(Clone, Debug, SimpleObject)]
pub struct BrakeSettings {
    /// Off: nothing new is held. What is held stays so until it is approved or dismissed. Default: on.
    enabled: bool,
    /// So many people may lose access early within the window; 0, with percent 0, holds every revocation. Default: 3.
    people: i32,
    /// The same as a percentage of those who have access, 0 to 100; the larger of the two counts. Default: 5.
    percent: i32,
    /// How far back early revocations are counted. Default: PT1H.
    window: Duration,
}

/// A club, by its row.
#[derive(Clone, Debug)]
pub struct Club(pub row::Club);

impl From<row::Club> for Club {
    fn from(row: row::Club) -> Self {
        Self(row)
    }
}

/// A club: everything else belongs to one.
#[Object(crate = "crate::graphql::prompt")]
impl Club {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::Club, self.0.id)
    }

    /// What the club is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Where its clocks are: for the times in messages, and for schedules and sources that name no time zone.
    async fn time_zone(&self) -> TimeZone {
        TimeZone(self.0.time_zone.clone())
    }

    /// How mass revocations are held.
    async fn brake(&self) -> BrakeSettings {
        BrakeSettings {
            enabled: self.0.brake_enabled,
            people: self.0.brake_people,
            percent: self.0.brake_percent,
            window: Duration(Length::from_secs(self.0.brake_window_s.unsigned_abs())),
        }
    }

    /// Who may open doors from a front end.
    async fn unlock_visibility(&self) -> UnlockVisibility {
        self.0.unlock_visibility.into()
    }

    /// A count that grows with every change to facts, rules or overrides.
    async fn revision(&self) -> String {
        self.0.revision.to_string()
    }
}
