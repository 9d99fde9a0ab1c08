//! ISO 8601 lengths of time out of weeks, days, hours, minutes and seconds, in whole numbers.
//!
//! Promises that a day is 24 hours and a week seven days, that reading what was written gives the
//! length again, and that no length it reads is longer than [`MAX_DURATION`]. Never reads months or
//! years, which have no fixed length. The scalar `Duration` and the settings call it.

use std::time::Duration;

use super::ScalarError;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The longest length that is read, a thousand years: added to any instant of the API it stays
/// within 64 bits of microseconds.
pub const MAX_DURATION: Duration = Duration::from_secs(365_250 * DAY);

const FORMAT: ScalarError = ScalarError(
    "a length of time is written in ISO 8601 with weeks, days, hours, minutes and seconds in whole \
     numbers, such as PT30M, PT1H30M or P7D",
);
const TOO_LONG: ScalarError = ScalarError("a length of time is at most P365250D");

/// Reads `P1W`, `P7D`, `PT1H30M`, `P1DT12H`: each unit at most once, from the greater to the
/// smaller.
///
/// # Errors
/// Where the text is not so written, or is longer than [`MAX_DURATION`].
pub fn parse_duration(text: &str) -> Result<Duration, ScalarError> {
    let rest = text.strip_prefix('P').ok_or(FORMAT)?;
    let (days, clock) = match rest.split_once('T') {
        Some((_, "")) => return Err(FORMAT),
        Some((days, clock)) => (days, clock),
        None if rest.is_empty() => return Err(FORMAT),
        None => (rest, ""),
    };
    let seconds = sum(days, &[('W', 7 * DAY), ('D', DAY)])?
        .checked_add(sum(clock, &[('H', HOUR), ('M', MINUTE), ('S', 1)])?)
        .ok_or(TOO_LONG)?;
    let length = Duration::from_secs(seconds);
    if length > MAX_DURATION {
        Err(TOO_LONG)
    } else {
        Ok(length)
    }
}

/// The seconds that a run of numbers, each with its unit, stands for.
fn sum(mut text: &str, units: &[(char, u64)]) -> Result<u64, ScalarError> {
    let mut left = units.iter();
    let mut total = 0_u64;
    while !text.is_empty() {
        let end = text.find(|c: char| !c.is_ascii_digit()).ok_or(FORMAT)?;
        let (digits, rest) = text.split_at(end);
        let mut letters = rest.chars();
        let letter = letters.next().ok_or(FORMAT)?;
        if digits.is_empty() {
            return Err(FORMAT);
        }
        // Going on in the one iterator refuses a unit that is repeated or comes after a smaller
        // one.
        let (_, seconds) = left.find(|(unit, _)| *unit == letter).ok_or(FORMAT)?;
        let number: u64 = digits.parse().map_err(|_| TOO_LONG)?;
        let part = number.checked_mul(*seconds).ok_or(TOO_LONG)?;
        total = total.checked_add(part).ok_or(TOO_LONG)?;
        text = letters.as_str();
    }
    Ok(total)
}

/// Writes whole days as `P7D`, everything else in hours, minutes and seconds, nothing as `PT0S`.
/// What is below a second is left out.
pub fn format_duration(length: Duration) -> String {
    let seconds = length.as_secs();
    if seconds == 0 {
        return "PT0S".to_owned();
    }
    if seconds.is_multiple_of(DAY) {
        return format!("P{}D", seconds / DAY);
    }
    let mut text = "PT".to_owned();
    let parts = [
        ('H', seconds / HOUR),
        ('M', seconds % HOUR / MINUTE),
        ('S', seconds % MINUTE),
    ];
    for (unit, number) in parts {
        if number > 0 {
            text.push_str(&number.to_string());
            text.push(unit);
        }
    }
    text
}
