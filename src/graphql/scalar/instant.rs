//! Parses and formats RFC 3339 instants, as microseconds since 1970-01-01T00:00:00Z.
//!
//! Output is in UTC with a trailing Z; input may have any offset. The range is the years 0001 to 9999. Digits below a
//! microsecond are dropped, rounding towards the past. A time without an offset is refused, except a placeholder for "no
//! date" (see `sentinel`). Used by the scalar `DateTime`, and by code that reads or shows instants outside GraphQL.

use jiff::SignedDuration;
use jiff::civil::{DateTime, Time, datetime};
use jiff::fmt::temporal::DateTimePrinter;

use super::ScalarError;
use super::calendar::{digits, parse_date};
use crate::sentinel;

/// Prints the fraction of a second without trailing zeros.
static PRINTER: DateTimePrinter = DateTimePrinter::new();

/// The length of a formatted instant with microseconds.
const MAX_LENGTH: usize = 27;

const EPOCH: DateTime = datetime(1970, 1, 1, 0, 0, 0, 0);
const FIRST: DateTime = datetime(1, 1, 1, 0, 0, 0, 0);
const LAST: DateTime = datetime(9999, 12, 31, 23, 59, 59, 999_999_000);

const FORMAT: ScalarError = ScalarError(
    "expected an RFC 3339 instant with an offset, such as 2026-01-31T09:30:00Z or \
     2026-01-31T10:30:00+01:00",
);

/// Parses an RFC 3339 instant with any offset into microseconds since 1970-01-01T00:00:00Z. A leap second is read as the
/// second before it. An instant that its offset moves outside the years 0001 to 9999 is read as the nearest one inside.
///
/// # Errors
/// If the text has another format, or the date or time does not exist.
pub fn parse_instant(text: &str) -> Result<i64, ScalarError> {
    let (day, clock) = text.split_once(['T', 't']).ok_or(FORMAT)?;
    let local = parse_date(day)
        .map_err(|_| FORMAT)?
        .to_datetime(Time::midnight());
    let (hour, minute, second) = match (clock.get(..8), clock.as_bytes()) {
        (Some(hms), [_, _, b':', _, _, b':', ..]) => {
            let part = |range| hms.get(range).and_then(digits).ok_or(FORMAT);
            (part(0..2)?, part(3..5)?, part(6..8)?)
        }
        _ => return Err(FORMAT),
    };
    if hour > 23 || minute > 59 || second > 60 {
        return Err(FORMAT);
    }
    let (micros, zone) = fraction(clock.get(8..).ok_or(FORMAT)?)?;
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second.min(59));
    let since_midnight = SignedDuration::from_micros(seconds * 1_000_000 + micros);
    let ahead = if zone.is_empty() {
        None
    } else {
        Some(offset_seconds(zone)?)
    };
    let shift = SignedDuration::from_secs(ahead.unwrap_or(0));
    // Both are below two days, so their difference cannot overflow; the sum with the date can.
    let nearest = if shift.is_negative() { LAST } else { FIRST };
    let utc = local.checked_add(since_midnight - shift);
    let utc = utc.unwrap_or(nearest).clamp(FIRST, LAST);
    if ahead.is_none() && sentinel::local(utc).is_none() {
        return Err(FORMAT);
    }
    i64::try_from(utc.duration_since(EPOCH).as_micros()).map_err(|_| FORMAT)
}

/// Splits the text into the fraction, in microseconds, and the offset.
fn fraction(text: &str) -> Result<(i64, &str), ScalarError> {
    let Some(rest) = text.strip_prefix('.') else {
        return Ok((0, text));
    };
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    if end == 0 {
        return Err(FORMAT);
    }
    let (digits, zone) = rest.split_at(end);
    let micros = digits
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(6)
        .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Ok((micros, zone))
}

/// The offset of local time from UTC, in seconds; positive if local time is ahead.
fn offset_seconds(zone: &str) -> Result<i64, ScalarError> {
    if matches!(zone, "Z" | "z") {
        return Ok(0);
    }
    let sign = match zone.get(..1) {
        Some("+") => 1,
        Some("-") => -1,
        _ => return Err(FORMAT),
    };
    let (hours, minutes) = zone
        .get(1..)
        .and_then(|rest| rest.split_once(':'))
        .ok_or(FORMAT)?;
    if hours.len() != 2 || minutes.len() != 2 {
        return Err(FORMAT);
    }
    match (digits(hours), digits(minutes)) {
        (Some(hours @ 0..=23), Some(minutes @ 0..=59)) => {
            Ok(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
        }
        _ => Err(FORMAT),
    }
}

/// Formats microseconds since 1970 in UTC with a trailing Z, with a fraction only if the second is not whole.
///
/// An instant outside the years 0001 to 9999 is formatted as the nearest one inside.
pub fn format_instant(micros: i64) -> String {
    let nearest = if micros < 0 { FIRST } else { LAST };
    let utc = EPOCH
        .checked_add(SignedDuration::from_micros(micros))
        .map_or(nearest, |utc| utc.clamp(FIRST, LAST));
    let mut text = String::with_capacity(MAX_LENGTH);
    // Writing to a String cannot fail.
    let _ = PRINTER.print_datetime(&utc, &mut text);
    text.push('Z');
    text
}
