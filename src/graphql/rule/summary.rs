//! Describes a rule in one sentence, such as "Members with Unlimited, 06:00 to 23:00". States what the conditions require,
//! not whether they are satisfied. An offering or location that no longer exists is shown as unknown.

use std::collections::HashMap;

use async_graphql::{Context, Result};
use uuid::Uuid;

use crate::{
    graphql::{error::internal_error, loader, scalar::format_local_time},
    store::{
        convert::kinds,
        row,
        rules::{self, Blocked, StoredCondition},
    },
};

/// The names of offerings and locations, by id.
#[derive(Default)]
struct Names(HashMap<Uuid, String>);

impl Names {
    async fn load(context: &Context<'_>, conditions: &[StoredCondition]) -> Result<Self> {
        let mut wanted: (Vec<Uuid>, Vec<Uuid>) = Default::default();
        for condition in conditions {
            if let StoredCondition::Membership {
                offerings,
                locations,
                ..
            }
            | StoredCondition::Registration {
                offerings,
                locations,
                ..
            }
            | StoredCondition::Purchase {
                offerings,
                locations,
            } = condition
            {
                wanted.0.extend(offerings);
                wanted.1.extend(locations);
            }
        }
        let offerings =
            loader::load_many(context, wanted.0.into_iter().map(loader::OfferingKey)).await?;
        let locations =
            loader::load_many(context, wanted.1.into_iter().map(loader::LocationKey)).await?;
        let offerings = offerings.into_iter().map(|row| (row.id, row.name.clone()));
        Ok(Self(
            offerings
                .chain(locations.into_iter().map(|row| (row.id, row.name)))
                .collect(),
        ))
    }

    fn list(&self, ids: &[Uuid]) -> String {
        let name = |id| self.0.get(id).map_or("(unknown)", String::as_str);
        either(&ids.iter().map(name).collect::<Vec<_>>())
    }

    fn at(&self, locations: &[Uuid]) -> String {
        if locations.is_empty() {
            String::new()
        } else {
            format!(" at {}", self.list(locations))
        }
    }
}

pub(super) async fn of_rule(context: &Context<'_>, rule: &row::Rule) -> Result<String> {
    let conditions = rules::conditions(rule).map_err(internal_error)?;
    let names = Names::load(context, &conditions).await?;
    let sentence = sentence(&names, &conditions);
    Ok(if rule.enabled {
        sentence
    } else {
        format!("Disabled: {sentence}")
    })
}

/// The enabled rules of a group in one text.
pub async fn summary_of(
    context: &Context<'_>,
    group: &row::Group,
    rules: &[row::Rule],
) -> Result<String> {
    if !group.managed {
        return Ok("Not managed: its members are not changed".to_owned());
    }
    let enabled: Vec<_> = rules.iter().filter(|rule| rule.enabled).collect();
    let mut sentences = Vec::new();
    for (rule, conditions) in enabled
        .iter()
        .map(|rule| (rule, rules::conditions(rule).map_err(internal_error)))
    {
        let conditions = conditions?;
        // The loaders batch these with those of other groups that are requested at the same time.
        let names = Names::load(context, &conditions).await?;
        sentences.push((rule.rule_id, sentence(&names, &conditions)));
    }
    let mut words: Vec<String> = sentences.into_iter().map(|(_, words)| words).collect();
    let Some(last) = words.pop() else {
        return Ok("Nobody: the group has no enabled rule".to_owned());
    };
    Ok(if words.is_empty() {
        last
    } else {
        format!("{}; or {last}", words.join("; "))
    })
}

/// One sentence for all conditions: first those that select people, then the schedules.
fn sentence(names: &Names, conditions: &[StoredCondition]) -> String {
    let who = conditions.iter().filter(|condition| !condition.recurs());
    let who: Vec<String> = who.map(|condition| phrase(names, condition)).collect();
    let when = conditions.iter().filter(|condition| condition.recurs());
    let when: Vec<String> = when.map(|condition| phrase(names, condition)).collect();
    let mut people = if who.is_empty() {
        "Anybody".to_owned()
    } else {
        who.join(" and ")
    };
    if let Some(first) = people.get(..1).map(str::to_uppercase) {
        people.replace_range(..1, &first);
    }
    [vec![people], when].concat().join(", ")
}

fn phrase(names: &Names, condition: &StoredCondition) -> String {
    match condition {
        StoredCondition::Membership {
            offerings,
            locations,
            when_blocked,
            grace_s,
        } => {
            let what = if offerings.is_empty() {
                "members".to_owned()
            } else {
                format!("members with {}", names.list(offerings))
            };
            let block = match when_blocked {
                Blocked::Deny => String::new(),
                Blocked::Allow => " even if blocked".to_owned(),
                Blocked::Grace => format!(" up to {} into a block", length(grace_s.unwrap_or(0))),
            };
            format!("{what}{}{block}", names.at(locations))
        }
        StoredCondition::Registration { .. } => booking(names, condition),
        StoredCondition::Purchase {
            offerings,
            locations,
        } => {
            format!(
                "anybody who bought {}{}",
                names.list(offerings),
                names.at(locations)
            )
        }
        StoredCondition::Tag { tags } => format!("anybody tagged {}", either(tags)),
        StoredCondition::Schedule {
            days,
            from_minute,
            until_minute,
            start_date,
            end_date,
            ..
        } => {
            let days = week(days);
            let (from, until) = (
                format_local_time(*from_minute),
                format_local_time(*until_minute),
            );
            let times = format!("{days}{from} to {until}");
            match (start_date, end_date) {
                (Some(start), Some(end)) => format!("{times}, {start} to {end}"),
                (Some(start), None) => format!("{times}, from {start}"),
                (None, Some(end)) => format!("{times}, until {end}"),
                (None, None) => times,
            }
        }
    }
}

fn booking(names: &Names, condition: &StoredCondition) -> String {
    let StoredCondition::Registration {
        offerings,
        kinds: words,
        locations,
        opens_before_s,
        closes_after_s,
        day,
        guests,
        ..
    } = condition
    else {
        return String::new();
    };
    let kinds: Vec<&str> = words
        .iter()
        .filter_map(|word| kinds::stored(word))
        .map(kind_word)
        .collect();
    let what = match (offerings.is_empty(), kinds.is_empty()) {
        (false, _) => format!("booked {}", names.list(offerings)),
        (true, false) => format!("booked {}", either(&kinds)),
        (true, true) => "booking".to_owned(),
    };
    let around = match (*opens_before_s, *closes_after_s, *day) {
        (0, 0, false) => "during the booking".to_owned(),
        (0, 0, true) => "on the whole day of the booking".to_owned(),
        (before, after, day) => {
            let of = if day { " the day" } else { "" };
            format!(
                "from {} before{of} to {} after",
                length(before),
                length(after)
            )
        }
    };
    let guests = if *guests { "" } else { ", not for guests" };
    format!(
        "anybody with a {what}{} {around}{guests}",
        names.at(locations)
    )
}

fn kind_word(kind: row::OfferingKind) -> &'static str {
    use row::OfferingKind as Kind;
    match kind {
        Kind::Membership => "membership",
        Kind::BillingItem => "item",
        Kind::Class => "class",
        Kind::Appointment => "appointment",
        Kind::Course => "course",
        Kind::Room => "room",
        Kind::Desk => "desk",
        Kind::Office => "office",
        Kind::Equipment => "equipment",
        Kind::Parking => "parking space",
        Kind::Resource => "resource",
    }
}

/// The days as a prefix of the times; empty for the whole week.
fn week(days: &[i8]) -> String {
    const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let named = |wanted: &i8| days.contains(wanted);
    let picked: Vec<i8> = (1..=7).filter(named).collect();
    let name = |day: i8| {
        usize::try_from(day - 1)
            .ok()
            .and_then(|at| NAMES.get(at))
            .copied()
    };
    match picked.as_slice() {
        [] | [_, _, _, _, _, _, _] => String::new(),
        [first, .., last]
            if picked.len() > 2 && usize::try_from(last - first + 1) == Ok(picked.len()) =>
        {
            format!(
                "{} to {} ",
                name(*first).unwrap_or(""),
                name(*last).unwrap_or("")
            )
        }
        days => format!(
            "{} ",
            days.iter()
                .filter_map(|day| name(*day))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

/// A duration as readable text, in the largest unit that divides it.
fn length(seconds: u64) -> String {
    let (count, unit) = match seconds {
        s if s > 0 && s % 86_400 == 0 => (s / 86_400, "day"),
        s if s > 0 && s % 3_600 == 0 => (s / 3_600, "hour"),
        s if s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn either<S: AsRef<str>>(names: &[S]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => one.as_ref().to_owned(),
        [rest @ .., last] => {
            let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", rest.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_length_has_the_largest_unit_that_divides_it() {
        for (seconds, text) in [
            (0, "0 minutes"),
            (10, "10 seconds"),
            (60, "1 minute"),
            (5_400, "90 minutes"),
            (7_200, "2 hours"),
            (86_400, "1 day"),
        ] {
            assert_eq!(super::length(seconds), text);
        }
    }

    use super::*;

    fn names() -> Names {
        Names(HashMap::from([
            (Uuid::from_u128(1), "Unlimited".to_owned()),
            (Uuid::from_u128(2), "simulator".to_owned()),
        ]))
    }

    #[test]
    fn a_membership_with_a_schedule() {
        let membership = StoredCondition::Membership {
            offerings: vec![Uuid::from_u128(1)],
            locations: vec![],
            when_blocked: Blocked::Deny,
            grace_s: None,
        };
        let schedule = StoredCondition::Schedule {
            days: (1..=7).collect(),
            from_minute: 360,
            until_minute: 1380,
            time_zone: "UTC".to_owned(),
            start_date: None,
            end_date: None,
        };
        let text = sentence(&names(), &[schedule, membership]);
        assert_eq!(text, "Members with Unlimited, 06:00 to 23:00");
    }

    #[test]
    fn a_booking_with_margins() {
        let booking = StoredCondition::Registration {
            offerings: vec![Uuid::from_u128(2)],
            kinds: vec![],
            locations: vec![],
            opens_before_s: 1800,
            closes_after_s: 1800,
            day: false,
            guests: true,
            applies_to_ongoing: true,
        };
        assert_eq!(
            sentence(&names(), &[booking]),
            "Anybody with a booked simulator from 30 minutes before to 30 minutes after"
        );
    }

    #[test]
    fn consecutive_days_are_shown_as_a_range() {
        assert_eq!(week(&[1, 2, 3, 4, 5]), "Mon to Fri ");
        assert_eq!(week(&[6, 7]), "Sat, Sun ");
        assert_eq!(week(&[1, 2, 3, 4, 5, 6, 7]), "");
    }
}
