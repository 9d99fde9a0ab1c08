//! Sentinel dates that mean "no date". Many systems have no null for "without end" and write their last date instead: SQL's
//! 9999-12-31, .NET's `DateTime.MaxValue`, the greatest number of milliseconds. `DateTime.MinValue`, in the year 1, means
//! "without start".
//!
//! The only place that interprets them: an end in the year 9999 or later is no end; a start in the year 1 or earlier is no start.
//! Dates in between are taken literally. A start in the year 9999 stays a start, and an end in the year 1 stays an end: neither
//! gives access. Used for events, the API and the dates from Kisi.

use access::Instant;
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, date, datetime},
    fmt::temporal::Pieces,
};

/// An earlier start is no start: 0002-01-01T00:00:00Z.
const FIRST: Instant = Instant::from_micros(-62_104_060_800_000_000);
/// An end at this instant or later is no end: 9999-01-01T00:00:00Z.
const LAST: Instant = Instant::from_micros(253_370_764_800_000_000);
const FIRST_DAY: Date = date(2, 1, 1);
const LAST_DAY: Date = date(9999, 1, 1);

const EPOCH: DateTime = datetime(1970, 1, 1, 0, 0, 0, 0);

/// A start; `None` for a sentinel.
pub fn start(at: Instant) -> Option<Instant> {
    (at >= FIRST).then(|| at.min(LAST))
}

/// An end; `None` for a sentinel.
pub fn end(at: Instant) -> Option<Instant> {
    (at < LAST).then(|| at.max(FIRST))
}

/// A first day; `None` for a sentinel.
pub fn start_day(day: Date) -> Option<Date> {
    (day >= FIRST_DAY).then(|| day.min(LAST_DAY))
}

/// A last day; `None` for a sentinel.
pub fn end_day(day: Date) -> Option<Date> {
    (day < LAST_DAY).then(|| day.max(FIRST_DAY))
}

/// Parses an RFC 3339 instant of any year; one beyond the range of `Timestamp` becomes `Instant::BEGINNING` or `Instant::END`. A
/// sentinel may lack the offset, as .NET omits it, because no offset makes a difference there. `None` for an invalid instant.
pub fn parse(text: &str) -> Option<Instant> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(Instant::from_timestamp(at));
    }
    if let Some(far) = expanded_year(text) {
        return Some(far);
    }
    let pieces = Pieces::parse(text).ok()?;
    let local = pieces.date().to_datetime(pieces.time()?);
    let offset = pieces.to_numeric_offset();
    let ahead = offset.map_or(0, |offset| offset.seconds());
    let micros = micros_of(local) - i128::from(ahead) * 1_000_000;
    let at = from_micros(micros);
    (offset.is_some() || is_sentinel(at)).then_some(at)
}

/// The instant of a local time that is a sentinel in every time zone; `None` for every other time.
pub fn local(time: DateTime) -> Option<Instant> {
    Some(from_micros(micros_of(time))).filter(|at| is_sentinel(*at))
}

/// The instant of microseconds since 1970; `Instant::BEGINNING` or `Instant::END` beyond the range of `Timestamp`.
pub fn from_micros(micros: i128) -> Instant {
    if micros > i128::from(Timestamp::MAX.as_microsecond()) {
        Instant::END
    } else if micros < i128::from(Timestamp::MIN.as_microsecond()) {
        Instant::BEGINNING
    } else {
        // INVARIANT: the value lies between two numbers of 64 bits.
        Instant::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// Formats an instant so that `parse` returns an equivalent one.
pub fn format(at: Instant) -> String {
    match at {
        Instant::BEGINNING => "0001-01-01T00:00:00Z".to_owned(),
        Instant::END => "9999-12-31T23:59:59Z".to_owned(),
        at => at.timestamp().to_string(),
    }
}

fn is_sentinel(at: Instant) -> bool {
    start(at).is_none() || end(at).is_none()
}

fn micros_of(time: DateTime) -> i128 {
    let since: SignedDuration = time.duration_since(EPOCH);
    since.as_micros()
}

/// `Instant::BEGINNING` or `Instant::END` for a date or an instant whose year has more than four digits, with or without a sign.
fn expanded_year(text: &str) -> Option<Instant> {
    let (far, rest) = match text.strip_prefix('-') {
        Some(rest) => (Instant::BEGINNING, rest),
        None => (Instant::END, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (year, tail) = rest.split_at_checked(digits)?;
    if year.trim_start_matches('0').len() <= 4 || !tail.starts_with('-') {
        return None;
    }
    // The rest is validated in a leap year within range.
    Pieces::parse(&format!("2000{tail}")).ok().map(|_| far)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_end(text: &str) -> Option<Instant> {
        end(parse(text).unwrap_or_else(|| panic!("{text} is not parsed")))
    }

    fn as_start(text: &str) -> Option<Instant> {
        start(parse(text).unwrap_or_else(|| panic!("{text} is not parsed")))
    }

    #[test]
    fn the_maximum_dates_of_other_systems_are_no_end() {
        for text in [
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59.9999999",
            "9999-12-31T23:59:59.9999999Z",
            "9999-12-31T23:59:59.999-05:00",
            "9999-12-31T23:59:59-12:00",
            "9999-12-31T00:00:00+14:00",
            "9999-12-31T00:00:00",
            "9999-12-31 23:59:59",
            "9999-12-31T23:59Z",
            "+10000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "+275760-09-13T00:00:00.000Z",
            "+1000000000-12-31T23:59:59.999999999Z",
            "+999999999-12-31",
        ] {
            assert_eq!(as_end(text), None, "{text}");
            assert_eq!(as_start(text), Some(LAST), "{text}");
        }
        assert_eq!(end_day(date(9999, 12, 31)), None);
        assert_eq!(start_day(date(9999, 12, 31)), Some(LAST_DAY));
    }

    #[test]
    fn the_minimum_dates_of_other_systems_are_no_start() {
        for text in [
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00",
            "0001-01-01T00:00:00.0000000",
            "0001-01-01T23:59:59-12:00",
            "0001-01-01T00:00:00+14:00",
            "0001-01-01T05:30:00+05:30",
            "-271821-04-20T00:00:00.000Z",
            "-1000000000-01-01T00:00:00Z",
        ] {
            assert_eq!(as_start(text), None, "{text}");
            assert_eq!(as_end(text), Some(FIRST), "{text}");
        }
        assert_eq!(start_day(date(1, 1, 1)), None);
        assert_eq!(end_day(date(1, 1, 1)), Some(FIRST_DAY));
    }

    #[test]
    fn unusual_dates_are_taken_literally() {
        for text in [
            "0002-01-01T00:00:00Z",
            "1753-01-01T00:00:00Z",
            "2999-12-31T23:59:59Z",
            "9998-12-31T23:59:59.999999Z",
        ] {
            let at = Instant::from_timestamp(text.parse().unwrap());
            assert_eq!((as_start(text), as_end(text)), (Some(at), Some(at)));
            assert_eq!(parse(&format(at)), Some(at));
        }
        for far in [Instant::BEGINNING, Instant::END] {
            let read = parse(&format(far)).unwrap();
            assert_eq!((start(read), end(read)), (start(far), end(far)));
        }
    }

    #[test]
    fn invalid_instants_are_not_parsed() {
        for text in [
            "",
            "2026-01-05T09:30:00",
            "2026-01-05 09:30",
            "2026-01-05",
            "9999-12-31",
            "9999-13-31T00:00:00Z",
            "10000-13-01T00:00:00Z",
            "10000-01-01T25:00:00Z",
            "100000",
            "253402300799",
            "soon",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
