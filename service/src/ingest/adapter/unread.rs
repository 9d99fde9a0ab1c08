//! Checks the fields of a canonical event that no adapter read. Most cause a warning. A field that looks as if it restricts
//! access (an end, a start, a status, a block) is refused, because ignoring it would give more access than the sender meant.
//! Pure; `canonical` calls it for every event, and it checks every level.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    TranslateError,
    field::{Field, Read, Unread},
};

/// The most warnings for one event.
const MOST_WARNINGS: usize = 20;

/// How a field would restrict access.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Restriction {
    Start,
    End,
    Status,
    /// Restricts access if true.
    Block,
    /// Restricts access if false.
    Validity,
}

const WORDS: [(Restriction, &[&str]); 5] = [
    (
        Restriction::Start,
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
        Restriction::End,
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
    (Restriction::Status, &["status", "state"]),
    (
        Restriction::Block,
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
        Restriction::Validity,
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

/// VersionedRows that do not change the meaning of a field name.
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

/// Names that are recognized with one typing error.
const NAMES: [(Restriction, &str); 12] = [
    (Restriction::Start, "startsat"),
    (Restriction::Start, "startdate"),
    (Restriction::End, "endsat"),
    (Restriction::End, "enddate"),
    (Restriction::End, "expiresat"),
    (Restriction::End, "validuntil"),
    (Restriction::End, "expiry"),
    (Restriction::Status, "status"),
    (Restriction::Block, "blocked"),
    (Restriction::Block, "cancelled"),
    (Restriction::Block, "suspended"),
    (Restriction::Block, "paused"),
];

/// The fields that were not read.
#[derive(Default)]
pub struct Unused {
    /// Without list indexes.
    paths: BTreeSet<String>,
    /// The error for the first one that would restrict access.
    refusal: Option<TranslateError>,
}

impl Unused {
    /// Adds those of the next entry of the same list.
    pub fn add(&mut self, next: Self) {
        self.paths.extend(next.paths);
        self.refusal = self.refusal.take().or(next.refusal);
    }
}

/// The fields below `root` that were not read through it. Those of a deletion are not refused: a deletion ends everything, so no
/// field could restrict it further.
pub fn find(root: &Field<'_>, is_deletion: bool) -> Unused {
    let mut unused = Unused::default();
    for unread in root.unread() {
        if !is_deletion && let Some(how) = narrows(&unread) {
            unused.refusal = Some(refusal(&unread, how));
            break;
        }
        unused.paths.insert(without_numbers(&unread.path));
    }
    unused
}

/// Returns the warnings for an event whose fields were all read through `root`, but for those of the entries that were read one by
/// one; or an error for the first field that would restrict access.
pub fn check(
    root: &Field<'_>,
    kind: &str,
    of_entries: impl Iterator<Item = Unused>,
) -> Read<Vec<String>> {
    let of_body = find(root, kind.ends_with(".deleted"));
    let (mut paths, mut refusals) = (BTreeSet::new(), Vec::new());
    for unused in of_entries.chain([of_body]) {
        paths.extend(unused.paths);
        refusals.extend(unused.refusal);
    }
    // The fields of an object are in the order of their names.
    let first = refusals
        .into_iter()
        .min_by(|one, other| names_of(one).cmp(&names_of(other)));
    if let Some(refusal) = first {
        return Err(refusal);
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

/// The names of the field of the body and of the field of its data in which a fault is.
fn names_of(problem: &TranslateError) -> Vec<&str> {
    let path = problem.field.as_deref().unwrap_or_default();
    let end = |name: &&str| !name.is_empty();
    path.split(['.', '[']).take(2).filter(end).collect()
}

fn narrows(unread: &Unread<'_>) -> Option<Restriction> {
    let how = meaning(unread.name)?;
    // `state` beside a location's `time_zone` is part of an address.
    let is_address = how == Restriction::Status
        && unread.name.eq_ignore_ascii_case("state")
        && unread.known.contains(&"time_zone");
    let says_nothing = match unread.value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Bool(yes) => match how {
            Restriction::Block => !yes,
            Restriction::Validity => *yes,
            _ => false,
        },
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::Number(_) => false,
    };
    (!is_address && !says_nothing).then_some(how)
}

/// The meaning of a name that consists of restricting words and fillers, or that is one typing error away from such a name.
fn meaning(name: &str) -> Option<Restriction> {
    let mut meaning = None;
    let mut is_known = true;
    for word in words_of(name) {
        let found = WORDS
            .iter()
            .find(|(_, words)| words.contains(&word.as_str()));
        match found {
            // "valid until" means the end.
            Some((how, _)) if meaning.is_none_or(|before| before == Restriction::Validity) => {
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
    let near = NAMES
        .iter()
        .find(|(_, known)| is_one_typo_away(&plain, known));
    near.map(|(how, _)| *how)
}

/// The words of a name in lower case, split at non-letters and at capitals.
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

/// Whether two names are equal or differ by one letter: missing, added, replaced, or swapped with its neighbour.
fn is_one_typo_away(name: &str, known: &str) -> bool {
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

fn refusal(unread: &Unread<'_>, how: Restriction) -> TranslateError {
    let candidates: &[&str] = match how {
        Restriction::Start => &["starts_at"],
        Restriction::End => &["ends_at", "status"],
        Restriction::Status | Restriction::Validity => &["status"],
        Restriction::Block => &["blocked", "status"],
    };
    let parent = unread
        .path
        .rsplit_once('.')
        .map_or("", |(parent, _)| parent);
    let right = candidates.iter().find(|name| unread.known.contains(name));
    let advice = match right {
        Some(name) if parent.is_empty() => format!("use {name}"),
        Some(name) => format!("use {parent}.{name}"),
        None => "use status, ends_at or blocked of a membership, or status, starts_at or ends_at of a registration or \
                 purchase"
            .to_owned(),
    };
    TranslateError {
        field: Some(unread.path.clone()),
        message: format!(
            "{} is not a known field, and looks as if it restricts access: {advice}, or leave it out",
            unread.path
        ),
        kind: None,
    }
}

/// The path without list indexes, so that all elements of a list have the same path.
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
            ("endsAt", Restriction::End),
            ("end_date", Restriction::End),
            ("expires_at", Restriction::End),
            ("expiry", Restriction::End),
            ("ExpirationDate", Restriction::End),
            ("valid_until", Restriction::End),
            ("validTo", Restriction::End),
            ("currentPeriodEnd", Restriction::End),
            ("end_at", Restriction::End),
            ("ends_ta", Restriction::End),
            ("end", Restriction::End),
            ("startsAt", Restriction::Start),
            ("valid-from", Restriction::Start),
            ("state", Restriction::Status),
            ("Status", Restriction::Status),
            ("staus", Restriction::Status),
            ("membershipStatus", Restriction::Status),
            ("blocked_at", Restriction::Block),
            ("isBlocked", Restriction::Block),
            ("bloked", Restriction::Block),
            ("cancelled", Restriction::Block),
            ("cancellationDate", Restriction::Block),
            ("deleted_at", Restriction::Block),
            ("is_active", Restriction::Validity),
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
