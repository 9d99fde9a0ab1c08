//! Converts stored enum values to the types of the `access` crate, and to and from the API's enum values, which are the same
//! texts as the stored ones.

use sea_orm::ActiveEnum;

use crate::row;

/// The API's value for a stored one.
pub fn db_value<T: ActiveEnum<Value = String>>(value: &T) -> String {
    value.to_value()
}

/// Parses a stored value; `None` if it is unknown.
pub fn stored<T: ActiveEnum<Value = String>>(value: &str) -> Option<T> {
    T::try_from_value(&value.to_owned()).ok()
}

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

pub fn block(reason: row::BlockReason) -> access::BlockReason {
    match reason {
        row::BlockReason::PaymentFailed => access::BlockReason::PaymentFailed,
        row::BlockReason::PaymentRetrying => access::BlockReason::PaymentRetrying,
        row::BlockReason::Manual => access::BlockReason::Manual,
    }
}

/// Parses a membership's status; `None` if it is unknown.
pub fn membership(value: &str) -> Option<access::MembershipStatus> {
    use access::MembershipStatus as Status;
    Some(match value {
        "ACTIVE" => Status::Active,
        "SCHEDULED" => Status::Scheduled,
        "PAUSED" => Status::Paused,
        "USED_UP" => Status::UsedUp,
        "ENDED" => Status::Ended,
        _ => return None,
    })
}

/// Parses a registration's status; `None` if it is unknown.
pub fn registration(value: &str) -> Option<access::RegistrationStatus> {
    use access::RegistrationStatus as Status;
    Some(match value {
        "CONFIRMED" => Status::Confirmed,
        "TENTATIVE" => Status::Tentative,
        "WAITLISTED" => Status::Waitlisted,
        "CANCELLED" => Status::Cancelled,
        _ => return None,
    })
}

/// Parses a purchase's status; `None` if it is unknown.
pub fn purchase(value: &str) -> Option<access::PurchaseStatus> {
    use access::PurchaseStatus as Status;
    Some(match value {
        "PAID" => Status::Paid,
        "UNPAID" => Status::Unpaid,
        "REFUNDED" => Status::Refunded,
        "VOID" => Status::Void,
        _ => return None,
    })
}
