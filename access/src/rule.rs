//! What a club's rules say, in versions.
//!
//! Promises: plain data that is refused nowhere in here; a rule that says nothing (no version, no
//! condition) holds never. Never: judges anything. Filled in by whoever loads rules, read by
//! `evaluate`.

use std::time::Duration;

use jiff::{civil, tz::TimeZone};

use crate::{
    fact::{Id, OfferingKind},
    instant::Instant,
};

/// What a rule gives access to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Made true in Kisi.
    Group(Id),
    /// Kept by us alone.
    Lock(Id),
}

/// Gives access to its target whenever all of its conditions hold.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its id.
    pub id: Id,
    /// Where it gives access.
    pub target: Target,
    /// Ascending by `since`; the last one stands.
    pub versions: Vec<RuleVersion>,
}

impl Rule {
    /// The version that stands now.
    #[must_use]
    pub fn standing(&self) -> Option<&RuleVersion> {
        self.versions.last()
    }

    /// The version that stood at `at`; `None` where there was none yet.
    #[must_use]
    pub fn version_at(&self, at: Instant) -> Option<&RuleVersion> {
        self.versions
            .iter()
            .rev()
            .find(|version| version.since <= at)
    }
}

/// What a rule says from an instant on, until the next version.
#[derive(Clone, Debug)]
pub struct RuleVersion {
    /// When the edit was made.
    pub since: Instant,
    /// A disabled rule holds never.
    pub enabled: bool,
    /// All must hold; where there is none the rule holds never.
    pub conditions: Vec<Condition>,
}

impl RuleVersion {
    /// Whether it can give access at all: enabled, and with a condition.
    #[must_use]
    pub fn can_hold(&self) -> bool {
        self.enabled && !self.conditions.is_empty()
    }
}

/// One thing that must hold.
#[derive(Clone, Debug)]
pub enum Condition {
    /// A membership runs.
    Membership(MembershipCondition),
    /// Around a booking.
    Registration(RegistrationCondition),
    /// A paid item is valid.
    Purchase(PurchaseCondition),
    /// A tag is borne.
    Tag(TagCondition),
    /// The time of the week is right.
    Schedule(ScheduleCondition),
}

/// Holds while an active membership reaches the member.
#[derive(Clone, Debug)]
pub struct MembershipCondition {
    /// Empty: any.
    pub offerings: Vec<Id>,
    /// Empty: any, and none.
    pub locations: Vec<Id>,
    /// What becomes of a blocked one.
    pub when_blocked: BlockedPolicy,
}

/// What a block does to a membership.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum BlockedPolicy {
    /// Cut off from the moment of the block.
    Deny,
    /// Untouched.
    Allow,
    /// Cut off so long after the block; blocks that lie less than that apart count as one.
    Grace(Duration),
}

/// Holds around a confirmed booking.
#[derive(Clone, Debug)]
pub struct RegistrationCondition {
    /// Empty: any.
    pub offerings: Vec<Id>,
    /// Empty: any.
    pub kinds: Vec<OfferingKind>,
    /// Empty: any, and none.
    pub locations: Vec<Id>,
    /// How long before the start.
    pub opens_before: Duration,
    /// How long after the end.
    pub closes_after: Duration,
    /// What the margins are added to.
    pub span: RegistrationSpan,
    /// Whether those invited to the booking count.
    pub guests: bool,
    /// Whether an edit of the rule reaches bookings that had begun when it was made.
    pub applies_to_ongoing: bool,
}

/// What the margins of a registration condition are added to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum RegistrationSpan {
    /// From the start to the end of the booking.
    Booking,
    /// The whole local days that it touches.
    Day,
}

/// Holds while a paid item is valid.
#[derive(Clone, Debug)]
pub struct PurchaseCondition {
    /// Empty: any.
    pub offerings: Vec<Id>,
    /// Empty: any, and none.
    pub locations: Vec<Id>,
}

/// Holds while the member bears one of these; of none, never.
#[derive(Clone, Debug)]
pub struct TagCondition {
    /// Compared as they are written.
    pub tags: Vec<String>,
}

/// Holds in a window on these days of the week, by the clocks of a zone.
#[derive(Clone, Debug)]
pub struct ScheduleCondition {
    /// The days that a window begins on.
    pub days: Vec<civil::Weekday>,
    /// Minutes after local midnight, 0 to 1440.
    pub from_minute: u16,
    /// Minutes after local midnight, 0 to 1440; not greater than `from_minute`: on the next day.
    pub until_minute: u16,
    /// Whose clocks.
    pub zone: TimeZone,
    /// The first date that a window begins on.
    pub start_date: Option<civil::Date>,
    /// The last date that a window begins on.
    pub end_date: Option<civil::Date>,
}
