//! The conditions of a rule, as they are stored, for people to read. What they mean is for the heart to say.

use std::time::Duration as Length;

use async_graphql::{Context, Enum, Object, Result, SimpleObject, Union};
use uuid::Uuid;

use crate::{
    graphql::{
        loader,
        location::Location,
        offering::{Offering, OfferingKind},
        scalar::{Date, Duration, LocalTime, TimeZone},
    },
    store::{
        facts::kinds,
        row,
        rules::{Blocked, StoredCondition},
    },
};

/// What a block does to a membership.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::rules::Blocked")]
pub enum BlockedPolicy {
    /// A blocked membership does not count.
    Deny,
    /// A blocked membership counts as if it were not.
    Allow,
    /// It counts until the block is older than the grace. An unblocking shorter than the grace does
    /// not start a new one.
    Grace,
}

/// What the margins are added to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
pub enum RegistrationSpan {
    /// From the start to the end of the booking, with the margins.
    Booking,
    /// The whole local days that the booking touches, with the margins.
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
    /// Its number; Monday is 1.
    pub fn number(self) -> i8 {
        self as i8 + 1
    }

    /// The day of a number; Monday is 1.
    pub fn numbered(number: i8) -> Option<Self> {
        WEEK.into_iter().find(|day| day.number() == number)
    }
}

/// One thing that must hold for a rule to give access.
#[derive(Clone, Debug, Union)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Condition {
    Membership(MembershipCondition),
    Registration(RegistrationCondition),
    Purchase(PurchaseCondition),
    Tag(TagCondition),
    Schedule(ScheduleCondition),
}

/// The offerings and locations that a condition names.
#[derive(Clone, Debug)]
struct Named {
    offerings: Vec<Uuid>,
    locations: Vec<Uuid>,
}

impl Named {
    async fn offerings(&self, context: &Context<'_>) -> Result<Vec<Offering>> {
        let keys = self.offerings.iter().copied().map(loader::OfferingKey);
        Ok(loader::many(context, keys)
            .await?
            .into_iter()
            .map(Offering)
            .collect())
    }

    async fn locations(&self, context: &Context<'_>) -> Result<Vec<Location>> {
        let keys = self.locations.iter().copied().map(loader::LocationKey);
        Ok(loader::many(context, keys)
            .await?
            .into_iter()
            .map(Location)
            .collect())
    }
}

/// Around a membership.
#[derive(Clone, Debug)]
pub struct MembershipCondition {
    named: Named,
    when_blocked: Blocked,
    grace_s: Option<u64>,
}

/// Holds while the member, or the member's company, has an active membership of one of these kinds.
#[Object]
impl MembershipCondition {
    /// Empty: any membership.
    async fn offerings(&self, context: &Context<'_>) -> Result<Vec<Offering>> {
        self.named.offerings(context).await
    }

    /// Empty: at any location.
    async fn locations(&self, context: &Context<'_>) -> Result<Vec<Location>> {
        self.named.locations(context).await
    }

    /// What becomes of a blocked one.
    async fn when_blocked(&self) -> BlockedPolicy {
        self.when_blocked.into()
    }

    /// How long a blocked membership still counts, with GRACE; else null.
    async fn grace(&self) -> Option<Duration> {
        self.grace_s.map(seconds)
    }
}

/// Around a booking.
#[derive(Clone, Debug)]
pub struct RegistrationCondition {
    named: Named,
    kinds: Vec<OfferingKind>,
    opens_before: Duration,
    closes_after: Duration,
    span: RegistrationSpan,
    guests: bool,
    applies_to_ongoing: bool,
}

/// Holds around a confirmed registration.
#[Object]
impl RegistrationCondition {
    /// Empty: any offering.
    async fn offerings(&self, context: &Context<'_>) -> Result<Vec<Offering>> {
        self.named.offerings(context).await
    }

    /// Empty: any kind. Where offerings are given too, both must match.
    async fn kinds(&self) -> &[OfferingKind] {
        &self.kinds
    }

    /// Empty: at any location.
    async fn locations(&self, context: &Context<'_>) -> Result<Vec<Location>> {
        self.named.locations(context).await
    }

    /// How long before the start: of the booking, or of its first day with DAY.
    async fn opens_before(&self) -> Duration {
        self.opens_before
    }

    /// How long after the end: of the booking, or of its last day with DAY.
    async fn closes_after(&self) -> Duration {
        self.closes_after
    }

    /// What the margins are added to.
    async fn span(&self) -> RegistrationSpan {
        self.span
    }

    /// Whether people invited to the booking count.
    async fn guests(&self) -> bool {
        self.guests
    }

    /// Whether an edit of this rule reaches bookings that had begun when it was made.
    async fn applies_to_ongoing(&self) -> bool {
        self.applies_to_ongoing
    }
}

/// Around a purchase.
#[derive(Clone, Debug)]
pub struct PurchaseCondition {
    named: Named,
}

/// Holds while a paid billing item is valid.
#[Object]
impl PurchaseCondition {
    /// Any of these billing items.
    async fn offerings(&self, context: &Context<'_>) -> Result<Vec<Offering>> {
        self.named.offerings(context).await
    }

    /// Empty: at any location.
    async fn locations(&self, context: &Context<'_>) -> Result<Vec<Location>> {
        self.named.locations(context).await
    }
}

/// Holds while the member bears one of these tags or is in one of these member groups.
#[derive(Clone, Debug, SimpleObject)]
pub struct TagCondition {
    /// Any of these; they are compared as they are written.
    tags: Vec<String>,
}

/// Holds at these times of the week, between these dates.
#[derive(Clone, Debug, SimpleObject)]
pub struct ScheduleCondition {
    /// The days on which a window begins.
    days: Vec<Weekday>,
    /// When a window opens, by the clocks of the time zone.
    from: LocalTime,
    /// When a window closes: 24:00 for the end of the day; earlier than `from` to run past midnight; never the same
    /// as `from`.
    until: LocalTime,
    /// By whose clocks the days and times are read.
    time_zone: TimeZone,
    /// The first date that a window begins on; null: no first one.
    start_date: Option<Date>,
    /// The last date that a window begins on, inclusive; null: no last one.
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
                let named = Named {
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
                    named: Named {
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
                named: Named {
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
                days: days.into_iter().filter_map(Weekday::numbered).collect(),
                from: LocalTime(from_minute),
                until: LocalTime(until_minute),
                time_zone: TimeZone(time_zone),
                start_date: start_date.map(Date),
                end_date: end_date.map(Date),
            }),
        }
    }
}
