//! Parses and formats ISO 8601 durations in whole weeks, days, hours, minutes and seconds.
//!
//! A day is 24 hours and a week is seven days. Parsing a formatted duration returns it unchanged. No parsed duration exceeds
//! [`MAX_DURATION`]. Months and years are refused, since they have no fixed length. Used by the scalar `Duration` and the
//! settings.

use std::time::Duration;

use thiserror::Error;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The longest accepted duration, a thousand years: the sum with any instant of the API fits into 64 bits of microseconds.
pub const MAX_DURATION: Duration = Duration::from_secs(365_250 * DAY);

/// Text that is not a duration. The message names the expected format and never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct DurationError(&'static str);

const FORMAT: DurationError = DurationError(
    "expected an ISO 8601 duration in whole weeks, days, hours, minutes and seconds, such as PT30M, \
     PT1H30M or P7D",
);
const TOO_LONG: DurationError = DurationError("the duration must not exceed P365250D");

/// Parses `P1W`, `P7D`, `PT1H30M`, `P1DT12H`: each unit at most once, from larger to smaller.
///
/// # Errors
/// If the text has another format, or the duration exceeds [`MAX_DURATION`].
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
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

/// Sums up numbers that are each followed by a unit, in seconds. `units` has the accepted units, from larger to smaller.
fn sum(mut text: &str, units: &[(char, u64)]) -> Result<u64, DurationError> {
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
        // Continuing the same iterator refuses a unit that is repeated or follows a smaller one.
        let (_, seconds) = left.find(|(unit, _)| *unit == letter).ok_or(FORMAT)?;
        let number: u64 = digits.parse().map_err(|_| TOO_LONG)?;
        let part = number.checked_mul(*seconds).ok_or(TOO_LONG)?;
        total = total.checked_add(part).ok_or(TOO_LONG)?;
        text = letters.as_str();
    }
    Ok(total)
}

/// Formats whole days as `P7D`, other durations in hours, minutes and seconds, and zero as `PT0S`. Fractions of a second are
/// dropped.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_formatted_canonically() {
        for (given, written) in [
            ("PT30M", "PT30M"),
            ("PT90M", "PT1H30M"),
            ("P7D", "P7D"),
            ("P1W", "P7D"),
            ("P1W1D", "P8D"),
            ("PT24H", "P1D"),
            ("PT25H", "PT25H"),
            ("P1DT1H", "PT25H"),
            ("P1DT0S", "P1D"),
            ("PT0S", "PT0S"),
            ("P0D", "PT0S"),
            ("PT3661S", "PT1H1M1S"),
            ("PT007M", "PT7M"),
            ("P365250D", "P365250D"),
        ] {
            assert_eq!(
                parse_duration(given).map(format_duration).as_deref(),
                Ok(written),
                "{given}"
            );
        }
        assert_eq!(format_duration(Duration::from_millis(1_900)), "PT1S");
        assert_eq!(format_duration(Duration::MAX).get(..3), Some("PT5"));
    }

    #[test]
    fn invalid_durations_are_refused() {
        for given in [
            "",
            "P",
            "PT",
            "P1DT",
            "P1M",
            "P1Y",
            "-P1D",
            "P-1D",
            "+P1D",
            "PT1.5S",
            "PT1,5S",
            "p1d",
            "PT1",
            "PT1M1H",
            "PT1H1H",
            "P1H",
            "PT1D",
            "P1D ",
            "PTM",
            "30",
            "P365251D",
            "PT99999999999999999999S",
            "P18446744073709551615W",
        ] {
            assert!(parse_duration(given).is_err(), "{given}");
        }
    }

    proptest! {
        #[test]
        fn durations_round_trip(seconds in 0..=MAX_DURATION.as_secs()) {
            let length = Duration::from_secs(seconds);
            prop_assert_eq!(parse_duration(&format_duration(length)), Ok(length));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,32}") {
            let _ = parse_duration(&text);
        }
    }
}
