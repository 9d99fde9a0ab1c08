//! A rule as an admin writes it. What the fields may hold beyond their types is checked where a draft is made of it.

use async_graphql::{ID, InputObject, OneofObject};

use crate::graphql::{
    offering::OfferingKind,
    rule::{BlockedPolicy, RegistrationSpan, Weekday},
    scalar::{Date, Duration, LocalTime, TimeZone},
};

/// Half an hour: how long before and after a booking the door opens, where nothing is said.
fn margin() -> Duration {
    Duration(std::time::Duration::from_secs(1_800))
}

/// A rule: access to the target whenever all conditions hold.
#[derive(Clone, Debug, InputObject)]
pub struct RuleInput {
    /// How people call it, in 1 to 200 characters.
    pub name: String,
    /// A group, or a lock. A rule of a group that is not managed yet takes effect once it is.
    pub target: ID,
    /// At least one; all must hold.
    pub conditions: Vec<ConditionInput>,
    /// Whether it gives access at all.
    #[graphql(default = true)]
    pub enabled: bool,
}

/// One condition: exactly one of these.
#[derive(Clone, Debug, OneofObject)]
pub enum ConditionInput {
    /// A membership runs.
    Membership(MembershipConditionInput),
    /// Around a confirmed registration.
    Registration(RegistrationConditionInput),
    /// A paid billing item is valid.
    Purchase(PurchaseConditionInput),
    /// A tag is borne.
    Tag(TagConditionInput),
    /// Times of the week.
    Schedule(ScheduleConditionInput),
}

/// Holds while the member, or the member's company, has an active membership of one of these kinds.
#[derive(Clone, Debug, InputObject)]
pub struct MembershipConditionInput {
    /// Empty: any membership.
    #[graphql(default)]
    pub offerings: Vec<ID>,
    /// Empty: at any location.
    #[graphql(default)]
    pub locations: Vec<ID>,
    /// What becomes of a blocked one.
    #[graphql(default_with = "BlockedPolicy::Deny")]
    pub when_blocked: BlockedPolicy,
    /// How long a blocked membership still counts: with GRACE, and only then. P366D at most.
    pub grace: Option<Duration>,
}

/// Holds around a confirmed registration.
#[derive(Clone, Debug, InputObject)]
pub struct RegistrationConditionInput {
    /// Empty: any offering.
    #[graphql(default)]
    pub offerings: Vec<ID>,
    /// Empty: any kind. Where offerings are given too, both must match.
    #[graphql(default)]
    pub kinds: Vec<OfferingKind>,
    /// Empty: at any location.
    #[graphql(default)]
    pub locations: Vec<ID>,
    /// How long before the start: of the booking, or of its first day with DAY. P366D at most.
    #[graphql(default_with = "margin()")]
    pub opens_before: Duration,
    /// How long after the end: of the booking, or of its last day with DAY. P366D at most.
    #[graphql(default_with = "margin()")]
    pub closes_after: Duration,
    /// What the margins are added to.
    #[graphql(default_with = "RegistrationSpan::Booking")]
    pub span: RegistrationSpan,
    /// Whether people invited to the booking count.
    #[graphql(default = true)]
    pub guests: bool,
    /// Whether an edit of this rule reaches bookings that had begun when it was made.
    #[graphql(default = true)]
    pub applies_to_ongoing: bool,
}

/// Holds while a paid billing item is valid.
#[derive(Clone, Debug, InputObject)]
pub struct PurchaseConditionInput {
    /// Any of these billing items; at least one.
    pub offerings: Vec<ID>,
    /// Empty: at any location.
    #[graphql(default)]
    pub locations: Vec<ID>,
}

/// Holds while the member bears one of these tags or is in one of these member groups.
#[derive(Clone, Debug, InputObject)]
pub struct TagConditionInput {
    /// Any of these, written as the platform writes them; at least one.
    pub tags: Vec<String>,
}

/// Holds at these times of the week, between these dates.
#[derive(Clone, Debug, InputObject)]
pub struct ScheduleConditionInput {
    /// The days on which a window begins; at least one.
    pub days: Vec<Weekday>,
    /// When a window opens: not 24:00.
    pub from: LocalTime,
    /// When a window closes: 24:00 for the end of the day; earlier than `from` to run past midnight; never the same
    /// as `from`.
    pub until: LocalTime,
    /// By whose clocks the days and times are read. Left out: by the club's.
    pub time_zone: Option<TimeZone>,
    /// The first date that a window begins on. Left out: no first one.
    pub start_date: Option<Date>,
    /// The last date that a window begins on. Left out: no last one.
    pub end_date: Option<Date>,
}
