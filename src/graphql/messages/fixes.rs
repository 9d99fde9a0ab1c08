//! Texts that say what to do so that a member gets access: imperative, and never the reason again.

use access::Code;

use super::{MessageContext, list, to_engineer};
use crate::graphql::decision::Audience;

/// What to do about a cause.
pub fn of_fix(context: &MessageContext, audience: Audience) -> String {
    match audience {
        Audience::Member => for_member(context),
        Audience::Desk => for_desk(context),
        Audience::Engineer => to_engineer(context),
    }
}

fn for_member(context: &MessageContext) -> String {
    let membership = context.name_or("your membership");
    let text = match context.code {
        Code::AllowedByRule | Code::AllowedByShare => "Nothing to do".to_owned(),
        Code::NoMembership => format!("Get {}", context.name_or("a membership")),
        Code::MembershipNotStarted | Code::OutsideSchedule => wait(context),
        Code::MembershipBlocked => {
            format!("Settle your payment for {membership}, or ask at the desk")
        }
        Code::MembershipUsedUp => format!("Buy {} again", context.name_or("a pack")),
        Code::MembershipEnded => format!("Renew {membership}"),
        Code::NoRegistration => book(context),
        Code::TooEarly => wait(context),
        Code::TooLate if !context.by_share => book(context),
        Code::NoPurchase => format!("Buy {}", context.name_or("a pass")),
        Code::PurchaseNotValid if context.is_ahead() => wait(context),
        Code::PurchaseNotValid if context.edge.is_some() => {
            format!("Buy {} again", context.name_or("a pass"))
        }
        Code::PurchaseNotValid => format!("Pay for {}", context.name_or("your pass")),
        Code::Suspended
        | Code::NoRule
        | Code::MembershipPaused
        | Code::TooLate
        | Code::RegistrationNotConfirmed
        | Code::TagMissing => "Ask at the desk".to_owned(),
    };
    format!("{text}.")
}

fn for_desk(context: &MessageContext) -> String {
    let membership = context.name_or("the membership");
    let booking = context.booking("the booking");
    let text = match context.code {
        Code::AllowedByRule | Code::AllowedByShare => "Nothing to do".to_owned(),
        Code::Suspended => "Lift the suspension".to_owned(),
        Code::NoRule => "Add a rule for this door, or share access by hand".to_owned(),
        Code::NoMembership => format!(
            "Sell {}, or look for it under another e-mail address",
            context.name_or("a membership")
        ),
        Code::MembershipNotStarted => {
            format!("{}, or let {membership} start earlier", wait(context))
        }
        Code::MembershipPaused => format!("Resume {membership} on the platform"),
        Code::MembershipBlocked => {
            format!("Settle the payment for {membership}, or lift the block on the platform")
        }
        Code::MembershipUsedUp => format!("Sell {} again", context.name_or("a pack")),
        Code::MembershipEnded => format!("Renew {membership}"),
        Code::NoRegistration => book(context),
        Code::TooEarly if context.by_share => {
            format!("{}, or share access from an earlier time", wait(context))
        }
        Code::TooEarly => format!("{}, or move {booking}", wait(context)),
        Code::TooLate if context.by_share => "Share access again".to_owned(),
        Code::TooLate => book(context),
        Code::RegistrationNotConfirmed => format!("Confirm {booking} on the platform"),
        Code::NoPurchase => format!("Sell {}", context.name_or("a pass")),
        Code::PurchaseNotValid if context.is_ahead() => wait(context),
        Code::PurchaseNotValid if context.edge.is_some() => {
            format!("Sell {} again", context.name_or("a pass"))
        }
        Code::PurchaseNotValid => {
            format!("Take the payment for {}", context.name_or("the purchase"))
        }
        Code::TagMissing => match list(&context.tags) {
            Some(tags) => format!("Add the tag {tags} on the platform"),
            None => "Add one of the rule's tags on the platform".to_owned(),
        },
        Code::OutsideSchedule => format!("{}, or change the times of the rule", wait(context)),
    };
    let rule = context.rule.as_deref();
    let rule = rule.map_or_else(String::new, |rule| format!(" (rule “{rule}”)"));
    format!("{text}{rule}.")
}

fn book(context: &MessageContext) -> String {
    match list(&context.offerings) {
        Some(names) => format!("Book {names}"),
        None => "Make a booking".to_owned(),
    }
}

fn wait(context: &MessageContext) -> String {
    context.edge.map_or_else(
        || "Wait".to_owned(),
        |edge| format!("Wait until {}", context.time(edge)),
    )
}
