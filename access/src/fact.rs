//! What is known of one member: what platforms say is held, and what was given or forbidden by
//! hand.
//!
//! Promises: plain data, already reduced to what stands (of each fact the standing version, of each
//! holding how it reaches the member). Never: says what a fact is worth; that is the conditions'
//! business. Filled in by whoever loads a member, read by `evaluate`.

use jiff::tz::TimeZone;

use crate::span::Span;

/// Names anything: a member, an offering, a rule, a group. Its bits mean nothing here.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u128);

/// What sort of thing an offering is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
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

/// How a membership stands, by the platform's word.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum MembershipStatus {
    /// Running.
    Active,
    /// Not begun yet.
    Scheduled,
    /// Frozen or on hold.
    Paused,
    /// Nothing is left of a pack.
    UsedUp,
    /// Cancelled, completed, expired.
    Ended,
}

/// How a booking stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum RegistrationStatus {
    /// The only one that opens doors.
    Confirmed,
    /// Not confirmed yet.
    Tentative,
    /// Not confirmed either.
    Waitlisted,
    /// As if it were not there.
    Cancelled,
}

/// How a purchase stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum PurchaseStatus {
    /// The only one that opens doors.
    Paid,
    /// Not paid yet.
    Unpaid,
    /// Paid back.
    Refunded,
    /// Declared never to have been.
    Void,
}

/// Why a membership is blocked.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum BlockReason {
    /// A payment failed for good.
    PaymentFailed,
    /// A payment failed and the platform tries again.
    PaymentRetrying,
    /// Staff blocked it.
    Manual,
}

/// A time during which a membership is blocked.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Why.
    pub reason: BlockReason,
    /// Ends with [`crate::Instant::END`] while it lasts.
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
    /// The member was invited by the one who booked.
    Guest,
}

/// What is held, with what only that sort of holding has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// A membership.
    Membership {
        /// As the platform says.
        status: MembershipStatus,
        /// Each block, past and present, in any order.
        blocks: Vec<Block>,
    },
    /// A booking, reservation or registration.
    Registration {
        /// The kind of what is booked.
        kind: OfferingKind,
        /// As the platform says.
        status: RegistrationStatus,
    },
    /// A billing item that was bought.
    Purchase {
        /// As the platform says.
        status: PurchaseStatus,
    },
}

/// Something that the member holds for a time.
#[derive(Clone, Debug)]
pub struct Entitlement {
    /// Its own id.
    pub id: Id,
    /// What it is an instance of.
    pub offering: Id,
    /// `None` where the platform does not tie it to one.
    pub location: Option<Id>,
    /// How it reaches the member.
    pub via: Via,
    /// From its start to its end, as the platform says.
    pub span: Span,
    /// The location's time zone, else the source's: whose days a booking touches.
    pub zone: TimeZone,
    /// What it is.
    pub holding: Holding,
}

/// What access in Kisi can be given to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One group; the only scope that has a validity window.
    Group(Id),
    /// A whole place.
    Place(Id),
    /// The whole account.
    Account(Id),
}

/// Access given by hand.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its id.
    pub id: Id,
    /// Where it gives access.
    pub scope: Scope,
    /// When.
    pub span: Span,
}

/// While it lasts, the member may pass nowhere.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// Its id.
    pub id: Id,
    /// When.
    pub span: Span,
}

/// All that bears on one member's access.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What reaches the member, however it does.
    pub entitlements: Vec<Entitlement>,
    /// Tags and member groups that the member bears.
    pub tags: Vec<String>,
    /// Access given by hand.
    pub shares: Vec<Share>,
    /// At most one stands at a time.
    pub suspension: Option<Suspension>,
}
