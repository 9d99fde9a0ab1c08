//! The facts of one member: what the platforms report (entitlements, tags) and what staff entered by hand (shares, suspensions).
//!
//! Plain data that is already reduced to the current version of each fact, and to the way in which each entitlement reaches the
//! member. The conditions interpret it. The caller loads it; `evaluate` reads it.

use jiff::tz::TimeZone;

use crate::span::Span;

/// The id of a member, offering, rule, group or any other entity. This crate only compares ids.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u128);

/// The kind of thing that is sold or booked.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum OfferingKind {
    Membership,
    BillingItem,
    Class,
    Appointment,
    Course,
    Room,
    Desk,
    Office,
    Equipment,
    Parking,
    Resource,
}

/// The status of a membership, as the platform reports it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum MembershipStatus {
    /// In effect.
    Active,
    /// The membership has not started.
    Scheduled,
    /// The membership is frozen or on hold.
    Paused,
    /// All uses of a pack are spent.
    UsedUp,
    /// Cancelled, completed, expired.
    Ended,
}

/// The status of a booking.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum RegistrationStatus {
    /// The only status that gives access.
    Confirmed,
    /// Waiting for a confirmation; gives no access.
    Tentative,
    /// On the waiting list; gives no access.
    Waitlisted,
    /// Treated like a missing booking.
    Cancelled,
}

/// The status of a purchase.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum PurchaseStatus {
    /// The only status that gives access.
    Paid,
    /// Waiting for the payment; gives no access.
    Unpaid,
    /// The money was returned; gives no access.
    Refunded,
    /// Voided; gives no access.
    Void,
}

/// Why a membership is blocked.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum BlockReason {
    /// A payment failed and the platform stopped retrying.
    PaymentFailed,
    /// A payment failed and the platform still retries it.
    PaymentRetrying,
    /// Staff blocked the membership.
    Manual,
}

/// A period in which a membership is blocked.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The cause of the block.
    pub reason: BlockReason,
    /// The period; it ends at [`crate::Instant::END`] while the block is still in place.
    pub span: Span,
}

/// How an entitlement reaches the member.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// The member holds it.
    Own,
    /// A company that the member is in holds it.
    Company(Id),
    /// Its holder shares it with the member.
    Shared,
    /// The person who made the booking invited the member.
    Guest,
}

/// The kind of an entitlement, with the data of that kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// A membership.
    Membership {
        /// As reported by the platform.
        status: MembershipStatus,
        /// All blocks, past and present, in any order.
        blocks: Vec<Block>,
    },
    /// A booking, reservation or registration.
    Registration {
        /// The kind of the booked offering.
        kind: OfferingKind,
        /// As reported by the platform.
        status: RegistrationStatus,
    },
    /// A billing item that was bought.
    Purchase {
        /// As reported by the platform.
        status: PurchaseStatus,
    },
}

impl Holding {
    /// Whether it has ended or was cancelled, whatever its span says.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Membership {
                status: MembershipStatus::Ended,
                ..
            } | Self::Registration {
                status: RegistrationStatus::Cancelled,
                ..
            } | Self::Purchase {
                status: PurchaseStatus::Refunded | PurchaseStatus::Void
            }
        )
    }
}

/// A membership, booking or purchase that reaches the member, and the time that it covers.
#[derive(Clone, Debug)]
pub struct Entitlement {
    /// The id of the entitlement.
    pub id: Id,
    /// The offering that it belongs to.
    pub offering: Id,
    /// The location; `None` where the platform names none.
    pub location: Option<Id>,
    /// How it reaches the member.
    pub via: Via,
    /// From its start to its end, as reported by the platform.
    pub span: Span,
    /// The time zone of the location, else of the source. It defines the local days that a booking touches.
    pub zone: TimeZone,
    /// The kind and its data.
    pub holding: Holding,
}

/// The extent of an access grant in Kisi.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessScope {
    /// One group. Role assignments have a validity window in this scope only.
    Group(Id),
    /// A whole place.
    Place(Id),
    /// The whole account.
    Account(Id),
}

/// Access that staff gave by hand.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The id of the share.
    pub id: Id,
    /// The group, place or account that it opens.
    pub scope: AccessScope,
    /// The time in which it gives access.
    pub span: Span,
}

/// A suspension: while it lasts, the member may pass nowhere.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// The id of the suspension.
    pub id: Id,
    /// The time in which access is suspended.
    pub span: Span,
}

/// Everything that decides about the access of one member.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// All entitlements that reach the member, own, shared, as a guest or through a company.
    pub entitlements: Vec<Entitlement>,
    /// The tags and member groups of the member.
    pub tags: Vec<String>,
    /// Access that staff gave by hand.
    pub shares: Vec<Share>,
    /// The current suspension; a member has at most one.
    pub suspension: Option<Suspension>,
}
