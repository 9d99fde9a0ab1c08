//! Local dates, local times of day and time zone names.
//!
//! Promises that only dates and zones that exist are read, and that a zone is spelled as the
//! database spells it. Never reads a system's own zone, a bare offset or a zone rule. The scalars
//! `Date`, `LocalTime` and `TimeZone` call it, and whoever reads them outside GraphQL.

use jiff::civil::Date;
use jiff::tz;

use super::ScalarError;

const DATE: ScalarError =
    ScalarError("a date is written YYYY-MM-DD, 0001-01-01 to 9999-12-31, and exists");
const LOCAL_TIME: ScalarError =
    ScalarError("a local time of day is written HH:MM, from 00:00 to 24:00");
const TIME_ZONE: ScalarError =
    ScalarError("a time zone is a name in the IANA database, such as Europe/Berlin");

/// The last minute mark of a day, 24:00.
const END_OF_DAY: u16 = 24 * 60;

/// Reads a number out of ASCII digits alone: no sign, no space, at most four of them.
pub(super) fn digits(text: &str) -> Option<u16> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Reads `YYYY-MM-DD`.
///
/// # Errors
/// Where the text is not so written, or the date does not exist.
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

/// Writes `YYYY-MM-DD`.
pub fn format_date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

/// Reads `HH:MM`, 00:00 to 24:00: minutes since 00:00.
///
/// # Errors
/// Where the text is not so written.
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

/// Writes minutes since 00:00 as `HH:MM`; more than a day of them as `24:00`.
pub fn format_local_time(minutes: u16) -> String {
    let minutes = minutes.min(END_OF_DAY);
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Reads the name of a time zone, in whatever case, and gives it in the database's own.
///
/// # Errors
/// Where the database does not know the name, or knows it as something else than a place's time.
pub fn parse_time_zone(text: &str) -> Result<String, ScalarError> {
    let zone = tz::TimeZone::get(text).map_err(|_| TIME_ZONE)?;
    let name = zone.iana_name().ok_or(TIME_ZONE)?;
    // A system's folder of zones also holds copies, some of which count leap seconds, and stand-ins
    // for "none".
    let stand_in = matches!(name, "Factory" | "localtime" | "posixrules" | "Etc/Unknown")
        || name.starts_with("posix/")
        || name.starts_with("right/");
    if stand_in {
        Err(TIME_ZONE)
    } else {
        Ok(name.to_owned())
    }
}
