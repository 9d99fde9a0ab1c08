//! The GraphQL inputs of rules. `rule_draft` validates what their types cannot express.

use async_graphql::{ID, InputObject, OneofObject};

use super::given::Given;
use crate::graphql::{
    offering::OfferingKind,
    rule::{BlockedPolicy, RegistrationSpan, Weekday},
    scalar::{Date, Duration, LocalTime, TimeZone},
};

/// The default of `opensBefore` and `closesAfter`: half an hour.
fn margin() -> Given<Duration> {
    Duration(std::time::Duration::from_secs(1_800)).into()
}

/// A rule: grants access to the target while all conditions hold.
#[derive(Clone, Debug, InputObject)]
pub struct RuleInput {
    /// The name of the rule; 1 to 200 characters.
    pub name: String,
    /// A group or a lock. A rule for an unmanaged group takes effect once the group is managed.
    pub target: ID,
    /// At least one; all must hold.
    pub conditions: Vec<ConditionInput>,
    /// Whether the rule is active; a disabled rule grants nothing.
    #[graphql(default = true)]
    pub enabled: bool,
}

/// One condition: exactly one of these.
#[derive(Clone, Debug, OneofObject)]
pub enum ConditionInput {
    /// An active membership.
    Membership(MembershipConditionInput),
    /// The time around a confirmed registration.
    Registration(RegistrationConditionInput),
    /// A valid, paid billing item.
    Purchase(PurchaseConditionInput),
    /// A tag or member group.
    Tag(TagConditionInput),
    /// Times of the week.
    Schedule(ScheduleConditionInput),
}

/// Holds while the member, or the member's company, has an active membership of one of these offerings.
#[derive(Clone, Debug, InputObject)]
pub struct MembershipConditionInput {
    /// The memberships. Empty: any membership.
    #[graphql(default)]
    pub offerings: Vec<ID>,
    /// The locations. Empty: any location.
    #[graphql(default)]
    pub locations: Vec<ID>,
    /// How a blocked membership counts.
    #[graphql(default_with = "BlockedPolicy::Deny")]
    pub when_blocked: BlockedPolicy,
    /// How long a blocked membership still counts; required with GRACE, and allowed only then. At most P366D.
    pub grace: Option<Given<Duration>>,
}

/// Holds around a confirmed registration.
#[derive(Clone, Debug, InputObject)]
pub struct RegistrationConditionInput {
    /// The offerings. Empty: any offering.
    #[graphql(default)]
    pub offerings: Vec<ID>,
    /// The kinds of offerings. Empty: any kind. If offerings are given too, both must match.
    #[graphql(default)]
    pub kinds: Vec<OfferingKind>,
    /// The locations. Empty: any location.
    #[graphql(default)]
    pub locations: Vec<ID>,
    /// How long before the start access begins: the start of the booking or, with DAY, of its first day. At most P366D.
    #[graphql(default_with = "margin()")]
    pub opens_before: Given<Duration>,
    /// How long after the end access lasts: the end of the booking or, with DAY, of its last day. At most P366D.
    #[graphql(default_with = "margin()")]
    pub closes_after: Given<Duration>,
    /// The time span that `opensBefore` and `closesAfter` extend.
    #[graphql(default_with = "RegistrationSpan::Booking")]
    pub span: RegistrationSpan,
    /// Whether people invited to the booking get access too.
    #[graphql(default = true)]
    pub guests: bool,
    /// Whether an edit of this rule applies to bookings that had already started when the edit was made.
    #[graphql(default = true)]
    pub applies_to_ongoing: bool,
}

/// Holds while a paid billing item is valid.
#[derive(Clone, Debug, InputObject)]
pub struct PurchaseConditionInput {
    /// The billing items, at least one; any of them is enough.
    pub offerings: Vec<ID>,
    /// The locations. Empty: any location.
    #[graphql(default)]
    pub locations: Vec<ID>,
}

/// Holds while the member has one of these tags or is in one of these member groups.
#[derive(Clone, Debug, InputObject)]
pub struct TagConditionInput {
    /// The tags or member groups, at least one, spelled as the platform spells them, including case; any of them is enough.
    pub tags: Vec<String>,
}

/// Holds at these times of the week, between these dates.
#[derive(Clone, Debug, InputObject)]
pub struct ScheduleConditionInput {
    /// The days on which a window begins; at least one.
    pub days: Vec<Weekday>,
    /// When a window opens; 24:00 is not allowed.
    pub from: Given<LocalTime>,
    /// When a window closes: 24:00 for the end of the day; earlier than `from` to run past midnight; must differ from
    /// `from`.
    pub until: Given<LocalTime>,
    /// The time zone of the days and times. Default: the club's.
    pub time_zone: Option<Given<TimeZone>>,
    /// The first date on which a window begins. Default: no limit.
    pub start_date: Option<Date>,
    /// The last date on which a window begins. Default: no limit.
    pub end_date: Option<Date>,
}
