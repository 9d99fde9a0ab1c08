//! Judges the fields of a canonical event that nobody reads. Most are worth a warning. One that looks as if it narrowed access (an
//! end, a beginning, a status, a block) is refused: to pass over it would open more than its sender meant. Pure; called by
//! `canonical` for every event, at every level.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    NotUnderstood,
    field::{Field, Read, Unread},
};

/// How many warnings one event bears.
const MOST_WARNINGS: usize = 20;

/// How a field would narrow access.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Narrows {
    Start,
    End,
    Status,
    /// By being true.
    Block,
    /// By being false.
    Validity,
}

const WORDS: [(Narrows, &[&str]); 5] = [
    (
        Narrows::Start,
        &[
            "start",
            "starts",
            "started",
            "starting",
            "begin",
            "begins",
            "beginning",
            "from",
        ],
    ),
    (
        Narrows::End,
        &[
            "end",
            "ends",
            "ended",
            "ending",
            "expire",
            "expires",
            "expired",
            "expiry",
            "expiration",
            "until",
            "till",
            "to",
            "finish",
            "finishes",
            "finished",
            "stop",
            "stops",
            "terminates",
            "terminated",
            "termination",
            "lapses",
            "lapsed",
        ],
    ),
    (Narrows::Status, &["status", "state"]),
    (
        Narrows::Block,
        &[
            "block",
            "blocked",
            "suspend",
            "suspended",
            "suspension",
            "cancel",
            "canceled",
            "cancelled",
            "cancelation",
            "cancellation",
            "freeze",
            "frozen",
            "pause",
            "paused",
            "hold",
            "void",
            "voided",
            "refunded",
            "revoked",
            "banned",
            "disabled",
            "inactive",
            "deactivated",
            "archived",
            "deleted",
            "removed",
            "overdue",
            "unpaid",
            "locked",
            "restricted",
            "denied",
        ],
    ),
    (
        Narrows::Validity,
        &[
            "active",
            "valid",
            "enabled",
            "paid",
            "confirmed",
            "approved",
        ],
    ),
];

/// Words that change nothing of what a name means.
const FILLERS: &[&str] = &[
    "at",
    "on",
    "date",
    "time",
    "day",
    "datetime",
    "timestamp",
    "utc",
    "is",
    "was",
    "has",
    "been",
    "by",
    "reason",
    "since",
    "flag",
    "member",
    "membership",
    "subscription",
    "plan",
    "contract",
    "booking",
    "registration",
    "purchase",
    "period",
    "current",
    "payment",
    "billing",
    "access",
    "account",
];

/// Names that a slip of the pen makes another of.
const NAMES: [(Narrows, &str); 12] = [
    (Narrows::Start, "startsat"),
    (Narrows::Start, "startdate"),
    (Narrows::End, "endsat"),
    (Narrows::End, "enddate"),
    (Narrows::End, "expiresat"),
    (Narrows::End, "validuntil"),
    (Narrows::End, "expiry"),
    (Narrows::Status, "status"),
    (Narrows::Block, "blocked"),
    (Narrows::Block, "cancelled"),
    (Narrows::Block, "suspended"),
    (Narrows::Block, "paused"),
];

/// The warnings for an event of a type that was read whole from here on, or the first field that would have narrowed access.
pub fn judge(root: &Field<'_>, kind: &str) -> Read<Vec<String>> {
    // A deletion ends everything: no field of it could narrow that.
    let is_deletion = kind.ends_with(".deleted");
    let mut paths = BTreeSet::new();
    for unread in root.unread() {
        if !is_deletion && let Some(how) = narrows(&unread) {
            return Err(refusal(&unread, how));
        }
        paths.insert(without_numbers(&unread.path));
    }
    let more = paths.len().saturating_sub(MOST_WARNINGS);
    let mut warnings: Vec<String> = paths
        .into_iter()
        .take(MOST_WARNINGS)
        .map(|path| format!("{path} is not read"))
        .collect();
    if more > 0 {
        warnings.push(format!("{more} more fields are not read"));
    }
    Ok(warnings)
}

fn narrows(unread: &Unread<'_>) -> Option<Narrows> {
    let how = meaning(unread.name)?;
    // The state of a location is a part of its address.
    let is_address = how == Narrows::Status
        && unread.name.eq_ignore_ascii_case("state")
        && unread.known.contains(&"time_zone");
    let says_nothing = match unread.value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Bool(yes) => match how {
            Narrows::Block => !yes,
            Narrows::Validity => *yes,
            _ => false,
        },
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::Number(_) => false,
    };
    (!is_address && !says_nothing).then_some(how)
}

/// What a name means, where all of it is a word that narrows, with or without fillers, or nearly such a name.
fn meaning(name: &str) -> Option<Narrows> {
    let mut meaning = None;
    let mut is_known = true;
    for word in words_of(name) {
        let found = WORDS
            .iter()
            .find(|(_, words)| words.contains(&word.as_str()));
        match found {
            // "valid until": the end is what it says.
            Some((how, _)) if meaning.is_none_or(|before| before == Narrows::Validity) => {
                meaning = Some(*how);
            }
            Some(_) => {}
            None if FILLERS.contains(&word.as_str()) => {}
            None => is_known = false,
        }
    }
    if is_known && meaning.is_some() {
        return meaning;
    }
    let plain: String = name
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .take(40)
        .collect();
    let near = NAMES.iter().find(|(_, known)| is_one_slip(&plain, known));
    near.map(|(how, _)| *how)
}

/// The words of a name, in lower case: parted by what is no letter, and by capitals.
fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_small = false;
    for letter in name.chars().take(80) {
        let begins = !letter.is_alphabetic() || (letter.is_uppercase() && was_small);
        if begins {
            words.push(String::new());
        }
        if letter.is_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_lowercase());
        }
        was_small = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether two names differ by at most one letter that is missing, added, another, or changed places with its neighbour.
fn is_one_slip(name: &str, known: &str) -> bool {
    let (name, known): (Vec<char>, Vec<char>) = (name.chars().collect(), known.chars().collect());
    let same = name.iter().zip(&known).take_while(|(a, b)| a == b).count();
    let rest = |letters: &[char], skipped: usize| -> Vec<char> {
        letters.iter().skip(same + skipped).copied().collect()
    };
    let swapped = || {
        let ends = |letters: &[char]| (letters.get(same).copied(), letters.get(same + 1).copied());
        let ((a, b), (c, d)) = (ends(&name), ends(&known));
        a == d && b == c && rest(&name, 2) == rest(&known, 2)
    };
    match (name.len(), known.len()) {
        (long, short) if long == short => rest(&name, 1) == rest(&known, 1) || swapped(),
        (long, short) if long == short + 1 => rest(&name, 1) == rest(&known, 0),
        (short, long) if short + 1 == long => rest(&name, 0) == rest(&known, 1),
        _ => false,
    }
}

fn refusal(unread: &Unread<'_>, how: Narrows) -> NotUnderstood {
    let candidates: &[&str] = match how {
        Narrows::Start => &["starts_at"],
        Narrows::End => &["ends_at", "status"],
        Narrows::Status | Narrows::Validity => &["status"],
        Narrows::Block => &["blocked", "status"],
    };
    let parent = unread
        .path
        .rsplit_once('.')
        .map_or("", |(parent, _)| parent);
    let right = candidates.iter().find(|name| unread.known.contains(name));
    let advice = match right {
        Some(name) if parent.is_empty() => format!("say it in {name}"),
        Some(name) => format!("say it in {parent}.{name}"),
        None => "say it in status, ends_at or blocked of a membership, or in status, starts_at or ends_at of a registration or \
                 purchase"
            .to_owned(),
    };
    NotUnderstood {
        field: Some(unread.path.clone()),
        message: format!(
            "{} is not read, and looks as if it narrowed access: {advice}, or leave it out",
            unread.path
        ),
        kind: None,
    }
}

/// A path that is the same for every element of a list.
fn without_numbers(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut inside = false;
    for letter in path.chars() {
        inside &= letter != ']';
        if !inside {
            plain.push(letter);
        }
        inside |= letter == '[';
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_narrow_access_are_known_in_any_spelling() {
        for (name, how) in [
            ("endsAt", Narrows::End),
            ("end_date", Narrows::End),
            ("expires_at", Narrows::End),
            ("expiry", Narrows::End),
            ("ExpirationDate", Narrows::End),
            ("valid_until", Narrows::End),
            ("validTo", Narrows::End),
            ("currentPeriodEnd", Narrows::End),
            ("end_at", Narrows::End),
            ("ends_ta", Narrows::End),
            ("end", Narrows::End),
            ("startsAt", Narrows::Start),
            ("valid-from", Narrows::Start),
            ("state", Narrows::Status),
            ("Status", Narrows::Status),
            ("staus", Narrows::Status),
            ("membershipStatus", Narrows::Status),
            ("blocked_at", Narrows::Block),
            ("isBlocked", Narrows::Block),
            ("bloked", Narrows::Block),
            ("cancelled", Narrows::Block),
            ("cancellationDate", Narrows::Block),
            ("deleted_at", Narrows::Block),
            ("is_active", Narrows::Validity),
        ] {
            assert_eq!(meaning(name), Some(how), "{name}");
        }
        for name in [
            "phone",
            "nickname",
            "created_at",
            "updatedAt",
            "booked_at",
            "gender",
            "weekend_access",
            "front_end",
            "notes",
            "price",
            "currency",
            "address",
            "member_since",
            "renewal",
            "stage",
            "id",
            "",
        ] {
            assert_eq!(meaning(name), None, "{name}");
        }
    }

    #[test]
    fn paths_of_lists_are_one() {
        assert_eq!(
            without_numbers("data.members[12].a[0].b"),
            "data.members[].a[].b"
        );
    }
}
