//! The GraphQL types of a rule's conditions, converted from the stored conditions. The `access` crate defines their
//! semantics.

use std::time::Duration as Length;

use async_graphql::{Context, Enum, Object, Result, SimpleObject, Union};
use uuid::Uuid;

use crate::{
    graphql::{
        loader,
        location::Location,
        offering::{Offering, OfferingKind},
        resolve::one_of,
        scalar::{Date, Duration, LocalTime, TimeZone},
    },
    store::{
        convert::kinds,
        row,
        rules::{Blocked, StoredCondition},
    },
};

/// How blocked memberships are treated.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::rules::Blocked")]
pub enum BlockedPolicy {
    /// A blocked membership gives no access.
    Deny,
    /// A blocked membership gives access as if it were not blocked.
    Allow,
    /// A blocked membership gives access until the block is older than the grace period. An interruption of the block that is
    /// shorter than the grace period does not restart it.
    Grace,
}

/// The period that the margins are added to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
pub enum RegistrationSpan {
    /// The booking, from start to end.
    Booking,
    /// The whole local days that the booking touches.
    Day,
}

/// A day of the week.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

impl Weekday {
    /// 1 for Monday to 7 for Sunday.
    pub fn number(self) -> i8 {
        self as i8 + 1
    }

    /// The weekday of 1 (Monday) to 7 (Sunday).
    pub fn from_number(number: i8) -> Option<Self> {
        WEEK.into_iter().find(|day| day.number() == number)
    }
}

/// A condition of a rule. All conditions of a rule must be satisfied.
#[derive(Clone, Debug, Union)]
#[graphql(crate = "crate::graphql::resolve::interface")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Condition {
    Membership(MembershipCondition),
    Registration(RegistrationCondition),
    Purchase(PurchaseCondition),
    Tag(TagCondition),
    Schedule(ScheduleCondition),
}

one_of!(Condition: Membership, Registration, Purchase, Tag, Schedule);

/// The ids of the offerings and locations of a condition.
#[derive(Clone, Debug)]
struct OfferingsAndLocations {
    offerings: Vec<Uuid>,
    locations: Vec<Uuid>,
}

impl OfferingsAndLocations {
    async fn offerings(&self, context: &Context<'_>) -> Result<Vec<Offering>> {
        let keys = self.offerings.iter().copied().map(loader::OfferingKey);
        Ok(loader::load_many(context, keys)
            .await?
            .into_iter()
            .map(Offering)
            .collect())
    }

    async fn locations(&self, context: &Context<'_>) -> Result<Vec<Location>> {
        let keys = self.locations.iter().copied().map(loader::LocationKey);
        Ok(loader::load_many(context, keys)
            .await?
            .into_iter()
            .map(Location)
            .collect())
    }
}

#[derive(Clone, Debug)]
pub struct MembershipCondition {
    named: OfferingsAndLocations,
    when_blocked: Blocked,
    grace_s: Option<u64>,
}

/// Satisfied while the member, or the member's company, has an active membership of one of these offerings.
#[Object(crate = "crate::graphql::resolve")]
impl MembershipCondition {
    /// The accepted offerings; empty means any membership.
    async fn offerings(&self, context: &Context<'_>) -> Result<Vec<Offering>> {
        self.named.offerings(context).await
    }

    /// The accepted locations; empty means any location.
    async fn locations(&self, context: &Context<'_>) -> Result<Vec<Location>> {
        self.named.locations(context).await
    }

    /// How a blocked membership is treated.
    async fn when_blocked(&self) -> BlockedPolicy {
        self.when_blocked.into()
    }

    /// How long a blocked membership still gives access, with GRACE; otherwise null.
    async fn grace(&self) -> Option<Duration> {
        self.grace_s.map(seconds)
    }
}

#[derive(Clone, Debug)]
pub struct RegistrationCondition {
    named: OfferingsAndLocations,
    kinds: Vec<OfferingKind>,
    opens_before: Duration,
    closes_after: Duration,
    span: RegistrationSpan,
    guests: bool,
    applies_to_ongoing: bool,
}

/// Satisfied during a confirmed booking, extended by the margins.
#[Object(crate = "crate::graphql::resolve")]
impl RegistrationCondition {
    /// The accepted offerings; empty means any offering.
    async fn offerings(&self, context: &Context<'_>) -> Result<Vec<Offering>> {
        self.named.offerings(context).await
    }

    /// The accepted kinds; empty means any kind. If offerings are given too, both must match.
    async fn kinds(&self) -> &[OfferingKind] {
        &self.kinds
    }

    /// The accepted locations; empty means any location.
    async fn locations(&self, context: &Context<'_>) -> Result<Vec<Location>> {
        self.named.locations(context).await
    }

    /// The margin before the start of the booking, or of its first day with DAY.
    async fn opens_before(&self) -> Duration {
        self.opens_before
    }

    /// The margin after the end of the booking, or of its last day with DAY.
    async fn closes_after(&self) -> Duration {
        self.closes_after
    }

    /// The period that the margins are added to.
    async fn span(&self) -> RegistrationSpan {
        self.span
    }

    /// Whether guests of the booking get access too.
    async fn guests(&self) -> bool {
        self.guests
    }

    /// Whether an edit of this rule applies to bookings that had already started when the edit was made.
    async fn applies_to_ongoing(&self) -> bool {
        self.applies_to_ongoing
    }
}

#[derive(Clone, Debug)]
pub struct PurchaseCondition {
    named: OfferingsAndLocations,
}

/// Satisfied while a paid billing item is valid.
#[Object(crate = "crate::graphql::resolve")]
impl PurchaseCondition {
    /// The accepted billing items; any of them suffices.
    async fn offerings(&self, context: &Context<'_>) -> Result<Vec<Offering>> {
        self.named.offerings(context).await
    }

    /// The accepted locations; empty means any location.
    async fn locations(&self, context: &Context<'_>) -> Result<Vec<Location>> {
        self.named.locations(context).await
    }
}

/// Satisfied while the member has one of these tags or belongs to one of these member groups.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct TagCondition {
    /// The accepted tags; any of them suffices. Compared exactly as written, including case.
    tags: Vec<String>,
}

/// Satisfied in weekly time windows, between two dates.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct ScheduleCondition {
    /// The days on which a window starts.
    days: Vec<Weekday>,
    /// The local time when a window starts.
    from: LocalTime,
    /// The local time when a window ends: 24:00 for the end of the day; earlier than `from` if the window runs past midnight;
    /// never equal to `from`.
    until: LocalTime,
    /// The time zone of the days and times.
    time_zone: TimeZone,
    /// The first date on which a window may start; null if unbounded.
    start_date: Option<Date>,
    /// The last date on which a window may start, inclusive; null if unbounded.
    end_date: Option<Date>,
}

fn seconds(seconds: u64) -> Duration {
    Duration(Length::from_secs(seconds))
}

impl From<StoredCondition> for Condition {
    fn from(stored: StoredCondition) -> Self {
        match stored {
            StoredCondition::Membership {
                offerings,
                locations,
                when_blocked,
                grace_s,
            } => {
                let named = OfferingsAndLocations {
                    offerings,
                    locations,
                };
                Self::Membership(MembershipCondition {
                    named,
                    when_blocked,
                    grace_s,
                })
            }
            StoredCondition::Registration {
                offerings,
                kinds: words,
                locations,
                opens_before_s,
                closes_after_s,
                day,
                guests,
                applies_to_ongoing,
            } => {
                let kinds = words.iter().filter_map(|word| kinds::stored(word));
                Self::Registration(RegistrationCondition {
                    named: OfferingsAndLocations {
                        offerings,
                        locations,
                    },
                    kinds: kinds.map(|kind: row::OfferingKind| kind.into()).collect(),
                    opens_before: seconds(opens_before_s),
                    closes_after: seconds(closes_after_s),
                    span: if day {
                        RegistrationSpan::Day
                    } else {
                        RegistrationSpan::Booking
                    },
                    guests,
                    applies_to_ongoing,
                })
            }
            StoredCondition::Purchase {
                offerings,
                locations,
            } => Self::Purchase(PurchaseCondition {
                named: OfferingsAndLocations {
                    offerings,
                    locations,
                },
            }),
            StoredCondition::Tag { tags } => Self::Tag(TagCondition { tags }),
            StoredCondition::Schedule {
                days,
                from_minute,
                until_minute,
                time_zone,
                start_date,
                end_date,
            } => Self::Schedule(ScheduleCondition {
                days: days.into_iter().filter_map(Weekday::from_number).collect(),
                from: LocalTime(from_minute),
                until: LocalTime(until_minute),
                time_zone: TimeZone(time_zone),
                start_date: start_date.map(Date),
                end_date: end_date.map(Date),
            }),
        }
    }
}
