//! Texts for people about a decision: for the member at the door, for the front desk, and for engineers who read logs. They name
//! the offering that is meant ("Full membership", "Simulator 1"). Times are in the club's time zone. A text for the member
//! reveals nothing about others or about how the club is set up. `fixes` has the texts that say what to do.

use access::{Code, Instant};
use jiff::tz::TimeZone;

use super::{decision::Audience, scalar::format_instant};

mod cause;
mod fixes;
#[cfg(test)]
mod tests;

pub use cause::{Cause, Message};
pub use fixes::of_fix;

/// What a text is made from. Names are looked up by the caller.
#[derive(Clone, Debug)]
pub struct MessageContext {
    pub code: Code,
    /// The time of the decision.
    pub at: Instant,
    /// When access begins or when it ended, if the cause has such a time.
    pub edge: Option<Instant>,
    /// When the decision changes next.
    pub until: Option<Instant>,
    /// Whether a share is meant instead of a rule.
    pub by_share: bool,
    /// The name of the rule.
    pub rule: Option<String>,
    /// Names of offerings: that of the entitlement that decides, else those that the rule's condition accepts.
    pub offerings: Vec<String>,
    /// Tags that the rule's condition accepts.
    pub tags: Vec<String>,
    /// Whether the entitlement is a cancelled booking.
    pub is_cancelled: bool,
    /// The club's time zone.
    pub zone: TimeZone,
}

/// How many names a list shows before it counts the others.
const NAMES_SHOWN: usize = 3;

impl MessageContext {
    /// A time by the club's clocks. Only the time of day on the day of the decision.
    fn time(&self, instant: Instant) -> String {
        let then = self.zone.to_datetime(instant.timestamp());
        let day = self.zone.to_datetime(self.at.timestamp());
        let pattern = match (then.date() == day.date(), then.year() == day.year()) {
            (true, _) => "%H:%M",
            (false, true) if instant < self.at => "%-d %B, %H:%M",
            (false, true) => "%A, %-d %B, %H:%M",
            (false, false) => "%-d %B %Y, %H:%M",
        };
        then.strftime(pattern).to_string()
    }

    /// The same with the city of the time zone, for readers elsewhere.
    fn time_and_zone(&self, instant: Instant) -> String {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        let city = zone.rsplit('/').next().unwrap_or(zone).replace('_', " ");
        format!("{} ({city})", self.time(instant))
    }

    /// The edge after a preposition, with a space before; empty without an edge.
    fn edge(&self, preposition: &str) -> String {
        self.edge.map_or_else(String::new, |edge| {
            format!(" {preposition} {}", self.time(edge))
        })
    }

    fn edge_and_zone(&self, preposition: &str) -> String {
        self.edge.map_or_else(String::new, |edge| {
            format!(" {preposition} {}", self.time_and_zone(edge))
        })
    }

    fn until(&self) -> String {
        self.until
            .map_or_else(String::new, |until| format!(" until {}", self.time(until)))
    }

    /// Whether the edge is in the future.
    fn is_ahead(&self) -> bool {
        self.edge.is_some_and(|edge| edge > self.at)
    }

    /// The offerings by name, or `generic` if none is known.
    fn name_or(&self, generic: &str) -> String {
        list(&self.offerings).unwrap_or_else(|| generic.to_owned())
    }

    /// "The booking of Simulator 1", or "The booking" if no name is known.
    fn booking(&self, noun: &str) -> String {
        match list(&self.offerings) {
            Some(names) => format!("{noun} of {names}"),
            None => noun.to_owned(),
        }
    }

    /// "at 11:30" on the day of the decision, else "on Tuesday, …".
    fn on(&self, instant: Instant) -> String {
        let time = self.time(instant);
        if time.len() == "00:00".len() {
            format!("at {time}")
        } else {
            format!("on {time}")
        }
    }
}

/// "A", "A or B", "A, B or C", "A, B or 4 others".
fn list(names: &[String]) -> Option<String> {
    let quoted: Vec<&str> = names.iter().map(String::as_str).collect();
    match quoted.as_slice() {
        [] => None,
        [only] => Some((*only).to_owned()),
        [first @ .., last] if quoted.len() <= NAMES_SHOWN => {
            Some(format!("{} or {last}", first.join(", ")))
        }
        [first, second, others @ ..] => {
            Some(format!("{first}, {second} or {} others", others.len()))
        }
    }
}

/// The text with a capital letter at the start.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// A decision and its cause as text.
pub fn of_decision(context: &MessageContext, audience: Audience) -> String {
    match audience {
        Audience::Member => to_member(context),
        Audience::Desk => to_desk(context),
        Audience::Engineer => to_engineer(context),
    }
}

fn to_member(context: &MessageContext) -> String {
    let membership = || sentence(&context.name_or("your membership"));
    let pass = || sentence(&context.name_or("your pass"));
    let booking = || context.booking("Your booking");
    let begins = || match context.by_share {
        true => "Your access".to_owned(),
        false => booking(),
    };
    match context.code {
        Code::AllowedByRule | Code::AllowedByShare => match list(&context.offerings) {
            Some(names) => format!("You may enter{}: {names}.", context.until()),
            None => format!("You may enter{}.", context.until()),
        },
        Code::Suspended => format!(
            "Your access is suspended{}. Please ask at the desk.",
            context.edge("until")
        ),
        Code::NoRule | Code::TagMissing => {
            "You have no access here. Please ask at the desk.".to_owned()
        }
        Code::NoMembership => format!(
            "You need {} here. Please ask at the desk.",
            context.name_or("a membership")
        ),
        Code::MembershipNotStarted => match context.edge {
            Some(edge) => format!("{} starts {}.", membership(), context.on(edge)),
            None => format!("{} has not started yet.", membership()),
        },
        Code::MembershipPaused => format!("{} is on hold. Please ask at the desk.", membership()),
        Code::MembershipBlocked => {
            format!(
                "There is something to settle for {}. Please look at your payments, or ask at the desk.",
                context.name_or("your membership")
            )
        }
        Code::MembershipUsedUp => format!("{} is used up. You can buy another.", pass()),
        Code::MembershipEnded => format!(
            "{} ended{}. You can renew it.",
            membership(),
            context.edge("on")
        ),
        Code::NoRegistration if context.is_cancelled => format!("{} was cancelled.", booking()),
        Code::NoRegistration => match list(&context.offerings) {
            Some(names) => format!("You need a booking of {names} here."),
            None => "You need a booking here.".to_owned(),
        },
        Code::TooEarly => match context.edge {
            Some(edge) => format!("{} opens the door from {}.", begins(), context.time(edge)),
            None => "It is too early.".to_owned(),
        },
        Code::TooLate => format!("{} opened the door{}.", begins(), context.edge("until")),
        Code::RegistrationNotConfirmed => format!(
            "{} is not confirmed yet. Please ask at the desk.",
            booking()
        ),
        Code::NoPurchase => format!(
            "You need {} here. You can buy one.",
            context.name_or("a pass")
        ),
        Code::PurchaseNotValid if context.is_ahead() => {
            format!("{} is valid{}.", pass(), context.edge("from"))
        }
        Code::PurchaseNotValid if context.edge.is_some() => {
            format!("{} was valid{}.", pass(), context.edge("until"))
        }
        Code::PurchaseNotValid => format!("{} is not paid. Please ask at the desk.", pass()),
        Code::OutsideSchedule => match context.edge {
            Some(edge) => format!("It opens again {}.", context.on(edge)),
            None => "It is closed at this time.".to_owned(),
        },
    }
}

fn to_desk(context: &MessageContext) -> String {
    let membership = || sentence(&context.name_or("the membership"));
    let purchase = || sentence(&context.name_or("the purchase"));
    let booking = || context.booking("The booking");
    let text = match context.code {
        Code::AllowedByRule => match list(&context.offerings) {
            Some(names) => format!("Allowed{}: {names}", context.until()),
            None => format!("Allowed{}", context.until()),
        },
        Code::AllowedByShare => {
            format!("Allowed{}: access that was shared by hand", context.until())
        }
        Code::Suspended => format!("Suspended{}", context.edge_and_zone("until")),
        Code::NoRule => "No enabled rule gives access here".to_owned(),
        Code::NoMembership => match list(&context.offerings) {
            Some(names) => format!("Has no membership {names}"),
            None => "Has no membership".to_owned(),
        },
        Code::MembershipNotStarted => format!(
            "{} has not started{}",
            membership(),
            parenthesis(context, "it starts")
        ),
        Code::MembershipPaused => format!("{} is on hold", membership()),
        Code::MembershipBlocked => format!(
            "{} is blocked{}",
            membership(),
            context.edge_and_zone("since")
        ),
        Code::MembershipUsedUp => format!("{} is used up", membership()),
        Code::MembershipEnded => format!("{} ended{}", membership(), context.edge_and_zone("on")),
        Code::NoRegistration if context.is_cancelled => format!("{} was cancelled", booking()),
        Code::NoRegistration => match list(&context.offerings) {
            Some(names) => format!("Has no booking of {names}"),
            None => "Has no booking".to_owned(),
        },
        Code::TooEarly if context.by_share => format!(
            "Access that was shared by hand begins{}",
            context.edge_and_zone("at")
        ),
        Code::TooEarly => format!(
            "{} opens the door{}",
            booking(),
            context.edge_and_zone("from")
        ),
        Code::TooLate if context.by_share => format!(
            "Access that was shared by hand ended{}",
            context.edge_and_zone("at")
        ),
        Code::TooLate => format!(
            "{} opened the door{}",
            booking(),
            context.edge_and_zone("until")
        ),
        Code::RegistrationNotConfirmed => format!("{} is not confirmed", booking()),
        Code::NoPurchase => match list(&context.offerings) {
            Some(names) => format!("Has not bought {names}"),
            None => "Has not bought anything that gives access".to_owned(),
        },
        Code::PurchaseNotValid if context.is_ahead() => {
            format!("{} is valid{}", purchase(), context.edge_and_zone("from"))
        }
        Code::PurchaseNotValid if context.edge.is_some() => {
            format!("{} was valid{}", purchase(), context.edge_and_zone("until"))
        }
        Code::PurchaseNotValid => format!("{} is not paid", purchase()),
        Code::TagMissing => match list(&context.tags) {
            Some(tags) => format!("Does not have the tag {tags}"),
            None => "Has none of the rule's tags".to_owned(),
        },
        Code::OutsideSchedule => format!(
            "Outside the times of the rule{}",
            parenthesis(context, "they begin again")
        ),
    };
    let rule = context.rule.as_deref();
    let rule = rule.map_or_else(String::new, |rule| format!(" (rule “{rule}”)"));
    format!("{text}{rule}.")
}

fn parenthesis(context: &MessageContext, verb: &str) -> String {
    context
        .edge
        .map_or_else(String::new, |edge| format!(", {verb} {}", context.on(edge)))
}

fn to_engineer(context: &MessageContext) -> String {
    let mut parts = vec![
        context.code.as_str().to_owned(),
        format!("at={}", format_instant(context.at.micros())),
    ];
    let instants = [("edge", context.edge), ("until", context.until)];
    for (name, instant) in instants {
        parts.extend(instant.map(|instant| format!("{name}={}", format_instant(instant.micros()))));
    }
    parts.extend(context.rule.as_ref().map(|rule| format!("rule={rule:?}")));
    if !context.offerings.is_empty() {
        parts.push(format!("offerings={:?}", context.offerings));
    }
    if context.is_cancelled {
        parts.push("cancelled=true".to_owned());
    }
    if context.by_share {
        parts.push("by=share".to_owned());
    }
    parts.join(" ")
}
