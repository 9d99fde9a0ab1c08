//! The codes that name the cause of a decision.
//!
//! [`Code::as_str`] is stable: programs compare it. Used by everything that reads a decision.

/// The cause that an operator should look at first.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are self-explanatory")]
pub enum Code {
    AllowedByRule,
    AllowedByShare,
    Suspended,
    NoRule,
    NoMembership,
    MembershipNotStarted,
    MembershipPaused,
    MembershipBlocked,
    MembershipUsedUp,
    MembershipEnded,
    NoRegistration,
    TooEarly,
    TooLate,
    RegistrationNotConfirmed,
    NoPurchase,
    PurchaseNotValid,
    TagMissing,
    OutsideSchedule,
}

impl Code {
    /// The stable name for programs, as the API returns it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowedByRule => "ALLOWED_BY_RULE",
            Self::AllowedByShare => "ALLOWED_BY_SHARE",
            Self::Suspended => "SUSPENDED",
            Self::NoRule => "NO_RULE",
            Self::NoMembership => "NO_MEMBERSHIP",
            Self::MembershipNotStarted => "MEMBERSHIP_NOT_STARTED",
            Self::MembershipPaused => "MEMBERSHIP_PAUSED",
            Self::MembershipBlocked => "MEMBERSHIP_BLOCKED",
            Self::MembershipUsedUp => "MEMBERSHIP_USED_UP",
            Self::MembershipEnded => "MEMBERSHIP_ENDED",
            Self::NoRegistration => "NO_REGISTRATION",
            Self::TooEarly => "TOO_EARLY",
            Self::TooLate => "TOO_LATE",
            Self::RegistrationNotConfirmed => "REGISTRATION_NOT_CONFIRMED",
            Self::NoPurchase => "NO_PURCHASE",
            Self::PurchaseNotValid => "PURCHASE_NOT_VALID",
            Self::TagMissing => "TAG_MISSING",
            Self::OutsideSchedule => "OUTSIDE_SCHEDULE",
        }
    }
}
