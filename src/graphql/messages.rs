//! What is said to people: for each cause a sentence for the person at the door, for the front desk, and for whoever reads
//! logs. Times are in the club's time zone. To the member it says nothing but what that person may know; to the desk it
//! says what to do. Never decides anything.

use access::{Code, Instant};
use jiff::tz::TimeZone;

use super::{decision::Audience, scalar::format_instant};

/// What a sentence is made of.
#[derive(Clone, Debug)]
pub struct MessageContext {
    /// The cause.
    pub code: Code,
    /// The instant that is spoken of.
    pub at: Instant,
    /// When it opens or closed, where the cause has such an instant.
    pub edge: Option<Instant>,
    /// When the answer ends.
    pub until: Option<Instant>,
    /// A share is spoken of, rather than a rule.
    pub by_share: bool,
    /// The name of the rule.
    pub rule: Option<String>,
    /// The club's.
    pub zone: TimeZone,
}

impl MessageContext {
    /// An instant by the clocks of the club: the time alone on the day that is spoken of.
    fn time(&self, instant: Instant) -> String {
        let then = self.zone.to_datetime(instant.timestamp());
        let day = self.zone.to_datetime(self.at.timestamp());
        let pattern = if then.date() == day.date() {
            "%H:%M"
        } else if then.year() == day.year() {
            "%A, %-d %B, %H:%M"
        } else {
            "%A, %-d %B %Y, %H:%M"
        };
        then.strftime(pattern).to_string()
    }

    /// The instant of the cause after a word, with a blank before it; nothing where it has none.
    fn edge(&self, word: &str) -> String {
        self.edge
            .map_or_else(String::new, |edge| format!(" {word} {}", self.time(edge)))
    }

    fn until(&self) -> String {
        self.until
            .map_or_else(String::new, |until| format!(" until {}", self.time(until)))
    }

    /// Whether the instant of the cause is still to come.
    fn is_ahead(&self) -> bool {
        self.edge.is_some_and(|edge| edge > self.at)
    }
}

/// A decision in words.
pub fn of_decision(saying: &MessageContext, audience: Audience) -> String {
    match audience {
        Audience::Member => to_member(saying),
        Audience::Desk => to_desk(saying),
        Audience::Engineer => to_engineer(saying),
    }
}

fn to_member(saying: &MessageContext) -> String {
    let early = if saying.by_share {
        "Your access"
    } else {
        "Your booking"
    };
    match saying.code {
        Code::AllowedByRule | Code::AllowedByShare => format!("You may pass{}.", saying.until()),
        Code::Suspended => format!("Your access is suspended{}. Please ask at the desk.", saying.edge("until")),
        Code::NoRule => "You have no access here. Please ask at the desk.".to_owned(),
        Code::NoMembership => "A membership is needed here. Please ask at the desk.".to_owned(),
        Code::MembershipNotStarted => match saying.edge {
            Some(edge) => format!("Your membership starts {}.", saying.time(edge)),
            None => "Your membership has not started yet.".to_owned(),
        },
        Code::MembershipPaused => "Your membership is on hold. Please ask at the desk.".to_owned(),
        Code::MembershipBlocked => "There is something to settle with your membership. Please look at your payments, or ask at the desk.".to_owned(),
        Code::MembershipUsedUp => "Nothing is left of your pack. You can buy another.".to_owned(),
        Code::MembershipEnded => format!("Your membership ended{}. You can renew it.", saying.edge("on")),
        Code::NoRegistration => "A booking is needed here.".to_owned(),
        Code::TooEarly => match saying.edge {
            Some(edge) => format!("{early} opens the door from {}.", saying.time(edge)),
            None => "It is too early.".to_owned(),
        },
        Code::TooLate => format!("{early} opened the door{}.", saying.edge("until")),
        Code::RegistrationNotConfirmed => "Your booking is not confirmed yet. Please ask at the desk.".to_owned(),
        Code::NoPurchase => "A pass is needed here. You can buy one.".to_owned(),
        Code::PurchaseNotValid if saying.is_ahead() => format!("Your pass is valid{}.", saying.edge("from")),
        Code::PurchaseNotValid if saying.edge.is_some() => format!("Your pass was valid{}.", saying.edge("until")),
        Code::PurchaseNotValid => "Your pass is not paid. Please ask at the desk.".to_owned(),
        Code::TagMissing => "You have no access here. Please ask at the desk.".to_owned(),
        Code::OutsideSchedule => match saying.edge {
            Some(edge) => format!("It opens again {}.", on(saying, edge)),
            None => "It is closed at this time.".to_owned(),
        },
    }
}

/// "at 11:30" on the same day, else "on Tuesday, …".
fn on(saying: &MessageContext, instant: Instant) -> String {
    let time = saying.time(instant);
    if time.len() == "00:00".len() {
        format!("at {time}")
    } else {
        format!("on {time}")
    }
}

fn to_desk(saying: &MessageContext) -> String {
    let rule = saying
        .rule
        .as_deref()
        .map_or_else(String::new, |rule| format!(" (rule {rule})"));
    let said = match saying.code {
        Code::AllowedByRule => format!("May pass by a rule{}", saying.until()),
        Code::AllowedByShare => format!("May pass by access given by hand{}", saying.until()),
        Code::Suspended => format!("Suspended{}: lift the suspension to let this person in", saying.edge("until")),
        Code::NoRule => "No rule gives access here: an admin can write one, or share access by hand".to_owned(),
        Code::NoMembership => "Has none of the memberships that are asked for: sell one, or look for it under another e-mail".to_owned(),
        Code::MembershipNotStarted => format!("The membership has not started{}", parenthesis(saying, "it starts")),
        Code::MembershipPaused => "The membership is on hold: resume it at the platform".to_owned(),
        Code::MembershipBlocked => format!("The membership is blocked{}: settle the payment, or lift the block at the platform", saying.edge("since")),
        Code::MembershipUsedUp => "Nothing is left of the pack: sell another".to_owned(),
        Code::MembershipEnded => format!("The membership is over{}: renew it", saying.edge("since")),
        Code::NoRegistration => "Has no booking that counts here: make one".to_owned(),
        Code::TooEarly if saying.by_share => format!("Access given by hand begins{}", saying.edge("at")),
        Code::TooEarly => format!("The booking opens the door{}: move it, or let this person wait", saying.edge("from")),
        Code::TooLate if saying.by_share => format!("Access given by hand ended{}: share again", saying.edge("at")),
        Code::TooLate => format!("The booking opened the door{}: make another", saying.edge("until")),
        Code::RegistrationNotConfirmed => "The booking is not confirmed: confirm it at the platform".to_owned(),
        Code::NoPurchase => "Has not bought what is asked for: sell it".to_owned(),
        Code::PurchaseNotValid if saying.is_ahead() => format!("What was bought is valid only{}", saying.edge("from")),
        Code::PurchaseNotValid if saying.edge.is_some() => format!("What was bought was valid{}: sell it again", saying.edge("until")),
        Code::PurchaseNotValid => "What was bought is not paid: take the payment".to_owned(),
        Code::TagMissing => "Bears none of the tags that are asked for: add one at the platform".to_owned(),
        Code::OutsideSchedule => format!("Outside of the times of the rule{}", parenthesis(saying, "the next begin")),
    };
    format!("{said}{rule}.")
}

fn parenthesis(saying: &MessageContext, words: &str) -> String {
    saying.edge.map_or_else(String::new, |edge| {
        format!(", {words} {}", on(saying, edge))
    })
}

fn to_engineer(saying: &MessageContext) -> String {
    let mut parts = vec![
        saying.code.as_str().to_owned(),
        format!("at={}", format_instant(saying.at.micros())),
    ];
    let instants = [("edge", saying.edge), ("until", saying.until)];
    for (name, instant) in instants {
        parts.extend(instant.map(|instant| format!("{name}={}", format_instant(instant.micros()))));
    }
    parts.extend(saying.rule.as_ref().map(|rule| format!("rule={rule:?}")));
    if saying.by_share {
        parts.push("by=share".to_owned());
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saying(code: Code, edge: Option<&str>) -> MessageContext {
        let at = |text: &str| Instant::from_timestamp(text.parse().unwrap());
        MessageContext {
            code,
            at: at("2026-01-12T10:00:00Z"),
            edge: edge.map(at),
            until: None,
            by_share: false,
            rule: Some("Simulator".to_owned()),
            zone: TimeZone::get("Europe/Berlin").unwrap(),
        }
    }

    #[test]
    fn times_are_the_clubs() {
        let early = saying(Code::TooEarly, Some("2026-01-12T10:30:00Z"));
        assert_eq!(
            of_decision(&early, Audience::Member),
            "Your booking opens the door from 11:30."
        );
        let tomorrow = saying(Code::TooEarly, Some("2026-01-13T10:30:00Z"));
        assert_eq!(
            of_decision(&tomorrow, Audience::Member),
            "Your booking opens the door from Tuesday, 13 January, 11:30."
        );
        assert_eq!(
            of_decision(&early, Audience::Engineer),
            "TOO_EARLY at=2026-01-12T10:00:00Z edge=2026-01-12T10:30:00Z rule=\"Simulator\""
        );
    }

    #[test]
    fn the_desk_is_told_the_rule_and_what_to_do() {
        let blocked = saying(Code::MembershipBlocked, Some("2026-01-10T10:00:00Z"));
        assert_eq!(
            of_decision(&blocked, Audience::Desk),
            "The membership is blocked since Saturday, 10 January, 11:00: settle the payment, or lift the block \
             at the platform (rule Simulator)."
        );
    }
}
