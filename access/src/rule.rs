//! The rules of a club, with all their versions.
//!
//! Plain data without validation: a rule without a version, or a version without a condition, never holds. The caller loads
//! rules; `evaluate` reads them.

use std::time::Duration;

use jiff::{civil, tz::TimeZone};

use crate::{
    fact::{Id, OfferingKind},
    instant::Instant,
};

/// The group or lock that a rule gives access to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A group; access is given by role assignments in Kisi.
    Group(Id),
    /// A single lock; access is enforced by this service only, when it unlocks the door.
    Lock(Id),
}

/// Gives access to its target while all of its conditions hold.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The id of the rule.
    pub id: Id,
    /// The group or lock that it opens.
    pub target: Target,
    /// All versions, ascending by `since`; the last one is current.
    pub versions: Vec<RuleVersion>,
}

impl Rule {
    /// The current version; `None` for a rule without versions.
    #[must_use]
    pub fn current(&self) -> Option<&RuleVersion> {
        self.versions.last()
    }

    /// The version that was current at `at`; `None` before the first version.
    #[must_use]
    pub fn version_at(&self, at: Instant) -> Option<&RuleVersion> {
        self.versions
            .iter()
            .rev()
            .find(|version| version.since <= at)
    }
}

/// One version of a rule, valid from `since` until the next version.
#[derive(Clone, Debug)]
pub struct RuleVersion {
    /// The time of the edit.
    pub since: Instant,
    /// A disabled rule never holds.
    pub enabled: bool,
    /// All must hold. A version without conditions never holds.
    pub conditions: Vec<Condition>,
}

impl RuleVersion {
    /// True for a version that is enabled and has a condition.
    #[must_use]
    pub fn can_hold(&self) -> bool {
        self.enabled && !self.conditions.is_empty()
    }
}

/// A condition of a rule.
#[derive(Clone, Debug)]
pub enum Condition {
    /// The member has an active membership.
    Membership(MembershipCondition),
    /// The time lies in or near a booking of the member.
    Registration(RegistrationCondition),
    /// The member has a paid purchase.
    Purchase(PurchaseCondition),
    /// The member has a tag.
    Tag(TagCondition),
    /// The time lies in a weekly window.
    Schedule(ScheduleCondition),
}

/// Holds while the member has an active membership, own, shared or through a company.
#[derive(Clone, Debug)]
pub struct MembershipCondition {
    /// The accepted offerings; empty accepts all.
    pub offerings: Vec<Id>,
    /// The accepted locations; empty accepts all, and memberships without a location.
    pub locations: Vec<Id>,
    /// The effect of a block.
    pub when_blocked: BlockedPolicy,
}

/// The effect of a block on a membership.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum BlockedPolicy {
    /// Access stops when the block begins.
    Deny,
    /// Blocks have no effect.
    Allow,
    /// Access stops this long after the block began. Blocks that are less than this apart count as one block.
    Grace(Duration),
}

/// Holds during a confirmed booking, with a margin before and after.
#[derive(Clone, Debug)]
pub struct RegistrationCondition {
    /// The accepted offerings; empty accepts all.
    pub offerings: Vec<Id>,
    /// The accepted kinds of offerings; empty accepts all.
    pub kinds: Vec<OfferingKind>,
    /// The accepted locations; empty accepts all, and bookings without a location.
    pub locations: Vec<Id>,
    /// How long before the start the door opens.
    pub opens_before: Duration,
    /// How long after the end the door stays open.
    pub closes_after: Duration,
    /// The span that the margins are added to.
    pub span: RegistrationSpan,
    /// Whether guests of the booking may pass too.
    pub guests: bool,
    /// Whether an edit of the rule also applies to bookings that had begun before the edit.
    pub applies_to_ongoing: bool,
}

/// The span that the margins of a registration condition are added to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum RegistrationSpan {
    /// From the start to the end of the booking.
    Booking,
    /// The whole local days that the booking touches.
    Day,
}

/// Holds from the start to the end of a paid purchase.
#[derive(Clone, Debug)]
pub struct PurchaseCondition {
    /// The accepted offerings; empty accepts all.
    pub offerings: Vec<Id>,
    /// The accepted locations; empty accepts all, and purchases without a location.
    pub locations: Vec<Id>,
}

/// Holds at all times for a member with one of these tags. An empty list never holds.
#[derive(Clone, Debug)]
pub struct TagCondition {
    /// Compared exactly, including case.
    pub tags: Vec<String>,
}

/// Holds in a daily window on some days of the week, in local time.
#[derive(Clone, Debug)]
pub struct ScheduleCondition {
    /// The days of the week on which a window begins.
    pub days: Vec<civil::Weekday>,
    /// The start of the window, in minutes after local midnight, 0 to 1440.
    pub from_minute: u16,
    /// The end of the window, in minutes after local midnight, 0 to 1440. If it is not greater than `from_minute`, the window
    /// ends on the next day.
    pub until_minute: u16,
    /// The time zone of the window.
    pub zone: TimeZone,
    /// The first date on which a window begins.
    pub start_date: Option<civil::Date>,
    /// The last date on which a window begins.
    pub end_date: Option<civil::Date>,
}
