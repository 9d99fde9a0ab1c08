//! Dates as programs export them: in a given order of day, month and year, in an order that the column itself shows, or as serial
//! numbers of spreadsheets.

use clap::ValueEnum;
use jiff::{ToSpan, civil::Date};

/// The order of the numbers in a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DateOrder {
    /// Day, month, year: 31/12/2026.
    Dmy,
    /// Month, day, year: 12/31/2026.
    Mdy,
    /// Year, month, day: 2026/12/31.
    Ymd,
}

/// Serial numbers of spreadsheets that are read as dates: from 1954 to 2119. Day 1 is 1 January 1900, and day 60 is a leap day that
/// did not exist, so the count of later days begins on 30 December 1899.
const SERIALS: std::ops::RangeInclusive<i64> = 20_000..=80_000;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// The order that the values of a column show; none if they fit several orders.
pub fn order_of(values: impl Iterator<Item = impl AsRef<str>>) -> Option<DateOrder> {
    let (mut first, mut second) = (false, false);
    for value in values {
        let value = value.as_ref();
        if let Some([a, b, c]) = numbers(value) {
            // A point between the numbers is written where the day comes first.
            first |= (a > 12 && c > 31) || value.contains('.');
            second |= b > 12 && c > 31;
        }
    }
    match (first, second) {
        (true, false) => Some(DateOrder::Dmy),
        (false, true) => Some(DateOrder::Mdy),
        _ => None,
    }
}

/// A value as RFC 3339 instant or ISO date; the error says what is wrong with it.
pub fn parse(value: &str, order: Option<DateOrder>) -> Result<String, String> {
    let value = value.trim();
    if value.parse::<jiff::Timestamp>().is_ok() {
        return Ok(value.to_owned());
    }
    if let Some(date) = serial(value) {
        return Ok(date.to_string());
    }
    if let Some(date) = in_words(value) {
        return Ok(date.to_string());
    }
    let Some([a, b, c]) = numbers(value) else {
        return Err(format!("{value:?} is not a date"));
    };
    let (year, month, day) = match order {
        _ if a > 31 => (a, b, c),
        Some(DateOrder::Ymd) => (a, b, c),
        Some(DateOrder::Dmy) => (c, b, a),
        Some(DateOrder::Mdy) => (c, a, b),
        None if a == b => (c, a, b),
        None => {
            return Err(format!(
                "{value:?} may be day or month first: say which with --date-order"
            ));
        }
    };
    let date = Date::new(
        i16::try_from(year).unwrap_or_default(),
        i8::try_from(month).unwrap_or_default(),
        i8::try_from(day).unwrap_or_default(),
    );
    match date {
        Ok(date) if year > 99 => Ok(date.to_string()),
        Ok(_) => Err(format!("{value:?} has a year of two digits")),
        Err(_) => Err(format!("{value:?} is not a day of the calendar")),
    }
}

/// The three numbers of a date, before a time of day.
fn numbers(value: &str) -> Option<[u32; 3]> {
    let date = value.split([' ', 'T']).next()?;
    let mut parts = date.split(['-', '/', '.']).map(str::parse::<u32>);
    let all = [
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    ];
    parts.next().is_none().then_some(all)
}

fn serial(value: &str) -> Option<Date> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let days: i64 = whole.parse().ok()?;
    let first = Date::new(1899, 12, 30).ok()?;
    SERIALS
        .contains(&days)
        .then(|| first.checked_add(days.days()).ok())?
}

/// `Dec 31, 2026` or `31 December 2026`.
fn in_words(value: &str) -> Option<Date> {
    let words: Vec<&str> = value
        .split([' ', ',', '-'])
        .filter(|word| !word.is_empty())
        .collect();
    let month_at = |word: &str| {
        let short = word.get(..3)?.to_lowercase();
        let at = MONTHS.iter().position(|month| *month == short)?;
        i8::try_from(at.checked_add(1)?).ok()
    };
    let [a, b, c, ..] = words.as_slice() else {
        return None;
    };
    let (month, day) = match (month_at(a), month_at(b)) {
        (Some(month), None) => (month, b),
        (None, Some(month)) => (month, a),
        _ => return None,
    };
    Date::new(c.parse().ok()?, month, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_exports_are_parsed() {
        use DateOrder::{Dmy, Mdy};
        for (text, order, date) in [
            ("2026-12-31", None, "2026-12-31"),
            ("2026/12/31", None, "2026-12-31"),
            ("2026-12-31 00:00:00", None, "2026-12-31"),
            ("2026-12-31T10:00:00Z", None, "2026-12-31T10:00:00Z"),
            ("31.12.2026", Some(Dmy), "2026-12-31"),
            ("31/12/2026", Some(Dmy), "2026-12-31"),
            ("12/31/2026 10:00", Some(Mdy), "2026-12-31"),
            ("Dec 31, 2026", None, "2026-12-31"),
            ("31 December 2026", None, "2026-12-31"),
            ("01/01/2026", None, "2026-01-01"),
            ("46387", None, "2026-12-31"),
            ("46387.5", None, "2026-12-31"),
        ] {
            assert_eq!(parse(text, order).as_deref(), Ok(date), "{text}");
        }
        for (text, order) in [
            ("01/02/2026", None),
            ("31/12/2026", Some(Mdy)),
            ("31.12.26", Some(Dmy)),
            ("soon", None),
            ("7", None),
        ] {
            assert!(parse(text, order).is_err(), "{text}");
        }
    }

    #[test]
    fn a_column_shows_its_order() {
        let order = |values: &[&str]| order_of(values.iter().copied());
        assert_eq!(order(&["01/02/2026", "31/01/2026"]), Some(DateOrder::Dmy));
        assert_eq!(order(&["01/02/2026", "01/31/2026"]), Some(DateOrder::Mdy));
        assert_eq!(order(&["01.02.2026"]), Some(DateOrder::Dmy));
        assert_eq!(order(&["01/02/2026", "03/04/2026"]), None);
        assert_eq!(order(&["13/02/2026", "02/13/2026"]), None);
    }
}
