//! The scalars of the API: what each may hold, how it is read and how it is written.
//!
//! Promises one canonical spelling for each value, and that reading it gives the value again. Never
//! guesses: what is not written as the format asks is refused, in words that name the format. Knows
//! no clock and no database. The GraphQL objects and inputs use the types; the settings and whoever
//! reads instants or lengths of time outside GraphQL use the parse and format functions.

mod calendar;
mod duration;
mod instant;

use std::time::Duration as Length;

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use thiserror::Error;

pub use calendar::{format_date, format_local_time, parse_date, parse_local_time, parse_time_zone};
pub use duration::{MAX_DURATION, format_duration, parse_duration};
pub use instant::{format_instant, parse_instant};

/// Text that is no value of its scalar. The message says what the format asks and never repeats the
/// text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ScalarError(&'static str);

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(pub i64);

/// A length of time in whole seconds; what is below a second is left out when it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub Length);

/// Minutes since the day's 00:00 on a wall clock, 0 to 1440.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalTime(pub u16);

/// A date without a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub jiff::civil::Date);

/// The name of a time zone in the IANA database, spelled as there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeZone(pub String);

/// A JSON value, passed on as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(pub serde_json::Value);

/// Reads a scalar that is written as a string; a fault is the caller's, and says so by its code.
fn read<T, V>(
    value: &Value,
    parse: impl FnOnce(&str) -> Result<V, ScalarError>,
) -> InputValueResult<T>
where
    T: async_graphql::InputType + From<V>,
{
    let fault = |message: &dyn std::fmt::Display| {
        InputValueError::custom(message).with_extension("code", "BAD_USER_INPUT")
    };
    match value {
        Value::String(text) => parse(text).map(T::from).map_err(|error| fault(&error)),
        _ => Err(fault(&"it is written as a string")),
    }
}

macro_rules! string_scalar {
    ($(#[$doc:meta])* $scalar:ident($inner:ty), $name:literal, $parse:path, $format:expr) => {
        impl From<$inner> for $scalar {
            fn from(inner: $inner) -> Self {
                Self(inner)
            }
        }

        $(#[$doc])*
        #[Scalar(name = $name)]
        impl ScalarType for $scalar {
            fn parse(value: Value) -> InputValueResult<Self> {
                read(&value, $parse)
            }

            fn is_valid(value: &Value) -> bool {
                matches!(value, Value::String(_))
            }

            fn to_value(&self) -> Value {
                Value::String(($format)(&self.0))
            }
        }
    };
}

string_scalar!(
    /// An instant, RFC 3339, always written in UTC with a trailing Z. Any offset is accepted on
    /// input. The year 9999 as an end, and the year 1 as a start, stand for none.
    DateTime(i64), "DateTime", parse_instant, |micros: &i64| format_instant(*micros)
);
string_scalar!(
    /// A length of time, ISO 8601, weeks and smaller, whole numbers: PT30M, PT1H30M, P7D, P1W.
    /// Never negative.
    Duration(Length), "Duration", parse_duration, |length: &Length| format_duration(*length)
);
string_scalar!(
    /// A local time of day, HH:MM, 00:00 to 24:00.
    LocalTime(u16), "LocalTime", parse_local_time, |minutes: &u16| format_local_time(*minutes)
);
string_scalar!(
    /// A local calendar date, YYYY-MM-DD.
    Date(jiff::civil::Date), "Date", parse_date, |date: &jiff::civil::Date| format_date(*date)
);
string_scalar!(
    /// An IANA time zone name, such as Europe/Berlin.
    TimeZone(String), "TimeZone", parse_time_zone, String::clone
);

impl From<serde_json::Value> for Json {
    fn from(inner: serde_json::Value) -> Self {
        Self(inner)
    }
}

/// Any JSON value.
#[Scalar(name = "JSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        value.into_json().map(Self).map_err(|error| {
            InputValueError::custom(error).with_extension("code", "BAD_USER_INPUT")
        })
    }

    fn to_value(&self) -> Value {
        // Only a map whose keys are no strings is refused, and a JSON value has none.
        Value::from_json(self.0.clone()).unwrap_or(Value::Null)
    }
}

#[cfg(test)]
mod tests;
