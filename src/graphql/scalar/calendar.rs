//! Parses and formats local dates, local times of day and time zone names.
//!
//! Accepts only dates and zones that exist, and returns zones in the spelling of the IANA database. Refuses the system's own
//! zone, bare offsets and POSIX zone rules. Used by the scalars `Date`, `LocalTime` and `TimeZone`, and by code that reads
//! such values outside GraphQL.

use jiff::civil::Date;
use jiff::tz;

use super::ScalarError;

const DATE: ScalarError =
    ScalarError("expected an existing date YYYY-MM-DD, from 0001-01-01 to 9999-12-31");
const LOCAL_TIME: ScalarError =
    ScalarError("expected a local time of day HH:MM, from 00:00 to 24:00");
const TIME_ZONE: ScalarError =
    ScalarError("expected an IANA time zone name, such as Europe/Berlin");

/// 24:00, in minutes since 00:00.
const END_OF_DAY: u16 = 24 * 60;

/// Parses one to four ASCII digits, without sign or spaces.
pub(super) fn digits(text: &str) -> Option<u16> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Parses `YYYY-MM-DD`.
///
/// # Errors
/// If the text has another format or the date does not exist.
pub fn parse_date(text: &str) -> Result<Date, ScalarError> {
    let [_, _, _, _, b'-', _, _, b'-', _, _] = text.as_bytes() else {
        return Err(DATE);
    };
    let part = |range| text.get(range).and_then(digits).ok_or(DATE);
    let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    match (i16::try_from(year), i8::try_from(month), i8::try_from(day)) {
        (Ok(year @ 1..), Ok(month), Ok(day)) => Date::new(year, month, day).map_err(|_| DATE),
        _ => Err(DATE),
    }
}

/// Formats as `YYYY-MM-DD`.
pub fn format_date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

/// Parses `HH:MM`, 00:00 to 24:00, into minutes since 00:00.
///
/// # Errors
/// If the text has another format.
pub fn parse_local_time(text: &str) -> Result<u16, ScalarError> {
    let [_, _, b':', _, _] = text.as_bytes() else {
        return Err(LOCAL_TIME);
    };
    let part = |range| text.get(range).and_then(digits).ok_or(LOCAL_TIME);
    match (part(0..2)?, part(3..5)?) {
        (24, 0) => Ok(END_OF_DAY),
        (hour @ 0..=23, minute @ 0..=59) => Ok(hour * 60 + minute),
        _ => Err(LOCAL_TIME),
    }
}

/// Formats minutes since 00:00 as `HH:MM`; values above 1440 as `24:00`.
pub fn format_local_time(minutes: u16) -> String {
    let minutes = minutes.min(END_OF_DAY);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Parses an IANA time zone name in any case, and returns it in the spelling of the database.
///
/// # Errors
/// If the database does not have the name, or the name is a placeholder or a system-specific copy.
pub fn parse_time_zone(text: &str) -> Result<String, ScalarError> {
    let zone = tz::TimeZone::get(text).map_err(|_| TIME_ZONE)?;
    let name = zone.iana_name().ok_or(TIME_ZONE)?;
    // A system's zoneinfo directory also contains copies, some of which count leap seconds, and placeholders for "no zone".
    let stand_in = matches!(name, "Factory" | "localtime" | "posixrules" | "Etc/Unknown")
        || name.starts_with("posix/")
        || name.starts_with("right/");
    if stand_in {
        Err(TIME_ZONE)
    } else {
        Ok(name.to_owned())
    }
}
