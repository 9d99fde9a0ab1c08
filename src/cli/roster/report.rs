//! What the dry run of an import prints: who would gain access, lose it or keep it for a shorter time, who cannot have it for want
//! of an e-mail address, and what the brake would hold.

use access::Instant;
use jiff::tz::TimeZone;

use crate::dry_run::{BrakeForecast, Change, DryRun};

/// The report of a dry run. `counts` says what the file contains.
pub fn report(counts: &str, dry_run: &DryRun) -> String {
    let zone = TimeZone::get(&dry_run.time_zone).unwrap_or(TimeZone::UTC);
    let mut text =
        format!("{counts}. Dry run, nothing was changed. The import would change this:\n");
    for change in &dry_run.changes {
        lines(change, &zone, &mut text);
    }
    if !dry_run.without_email.is_empty() {
        text.push_str("Without an e-mail address, so that Kisi cannot give them this access:\n");
        for person in &dry_run.without_email {
            text.push_str(&format!(
                "? {}: {}\n",
                person.name,
                person.targets.join(", ")
            ));
        }
    }
    text.push_str(&summary(dry_run));
    text
}

fn lines(change: &Change, zone: &TimeZone, text: &mut String) {
    let address = change.email.as_deref().unwrap_or("no e-mail");
    let person = format!("{} <{address}>", change.name);
    let held = if change.is_held {
        " (held by the brake until an admin approves it)"
    } else {
        ""
    };
    if !change.gains.is_empty() {
        text.push_str(&format!("+ {person}: {}\n", change.gains.join(", ")));
    }
    if !change.ends.is_empty() {
        text.push_str(&format!("- {person}: {}{held}\n", change.ends.join(", ")));
    }
    for kept in &change.shortened {
        let from = date(kept.lost_from, zone);
        let lost = if kept.lost_until == Instant::END {
            format!("not from {from} on")
        } else {
            format!("not from {from} to {}", date(kept.lost_until, zone))
        };
        text.push_str(&format!("< {person}: {}, {lost}{held}\n", kept.target));
    }
}

fn date(at: Instant, zone: &TimeZone) -> String {
    let local = at.timestamp().to_zoned(zone.clone());
    local.strftime("%Y-%m-%d %H:%M").to_string()
}

fn summary(dry_run: &DryRun) -> String {
    let count = |counts: fn(&&Change) -> bool| dry_run.changes.iter().filter(counts).count();
    let gain = count(|change| !change.gains.is_empty());
    let lose = count(|change| !change.ends.is_empty());
    let keep = count(|change| !change.shortened.is_empty());
    let held = count(|change| change.is_held);
    let mut text = format!(
        "{gain} gain access, {lose} lose access; {} members are new.\n",
        dry_run.new_members
    );
    if keep > 0 {
        text.push_str(&format!("{keep} keep access for a shorter time.\n"));
    }
    if !dry_run.without_email.is_empty() {
        let people = dry_run.without_email.len();
        text.push_str(&format!(
            "{people} have no e-mail address and get no access.\n"
        ));
    }
    text.push_str(&brake(dry_run.brake, held));
    text.push('\n');
    text
}

/// The brake's forecast in words.
fn brake(forecast: BrakeForecast, held: usize) -> String {
    let BrakeForecast {
        losing,
        left,
        holds,
        is_on,
    } = forecast;
    let people = format!(
        "{losing} people who have access in Kisi now and would lose it, or a part of it, early"
    );
    if !is_on {
        format!("The brake is off: nothing holds the revocations of {people}.")
    } else if holds {
        format!(
            "The brake would hold the revocations of {held} people, because only {left} more may lose access within its window: an \
             admin would have to approve them. There are {people}."
        )
    } else {
        format!(
            "The brake would not hold the revocations of {people}; {left} more may lose access within its window."
        )
    }
}
