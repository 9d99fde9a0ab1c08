//! The words of the tables as the heart knows them, and as the API writes them.

use sea_orm::ActiveEnum;

use crate::store::row;

/// The word of the API for a stored one.
pub fn word<T: ActiveEnum<Value = String>>(value: &T) -> String {
    value.to_value()
}

/// A stored word; none where it is no such.
pub fn stored<T: ActiveEnum<Value = String>>(word: &str) -> Option<T> {
    T::try_from_value(&word.to_owned()).ok()
}

/// The kind of an offering.
pub fn offering(kind: row::OfferingKind) -> access::OfferingKind {
    use access::OfferingKind as To;
    use row::OfferingKind as From;
    match kind {
        From::Membership => To::Membership,
        From::BillingItem => To::BillingItem,
        From::Class => To::Class,
        From::Appointment => To::Appointment,
        From::Course => To::Course,
        From::Room => To::Room,
        From::Desk => To::Desk,
        From::Office => To::Office,
        From::Equipment => To::Equipment,
        From::Parking => To::Parking,
        From::Resource => To::Resource,
    }
}

/// Why a membership is blocked.
pub fn block(reason: row::BlockReason) -> access::BlockReason {
    match reason {
        row::BlockReason::PaymentFailed => access::BlockReason::PaymentFailed,
        row::BlockReason::PaymentRetrying => access::BlockReason::PaymentRetrying,
        row::BlockReason::Manual => access::BlockReason::Manual,
    }
}

/// The status of a membership, by the API's word.
pub fn membership(word: &str) -> Option<access::MembershipStatus> {
    use access::MembershipStatus as Status;
    Some(match word {
        "ACTIVE" => Status::Active,
        "SCHEDULED" => Status::Scheduled,
        "PAUSED" => Status::Paused,
        "USED_UP" => Status::UsedUp,
        "ENDED" => Status::Ended,
        _ => return None,
    })
}

/// The status of a registration, by the API's word.
pub fn registration(word: &str) -> Option<access::RegistrationStatus> {
    use access::RegistrationStatus as Status;
    Some(match word {
        "CONFIRMED" => Status::Confirmed,
        "TENTATIVE" => Status::Tentative,
        "WAITLISTED" => Status::Waitlisted,
        "CANCELLED" => Status::Cancelled,
        _ => return None,
    })
}

/// The status of a purchase, by the API's word.
pub fn purchase(word: &str) -> Option<access::PurchaseStatus> {
    use access::PurchaseStatus as Status;
    Some(match word {
        "PAID" => Status::Paid,
        "UNPAID" => Status::Unpaid,
        "REFUNDED" => Status::Refunded,
        "VOID" => Status::Void,
        _ => return None,
    })
}
