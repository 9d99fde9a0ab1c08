//! The scalars of the API: their formats, parsing and formatting.
//!
//! Each value has one canonical spelling, and parsing that spelling returns the value. Text in another format is refused with
//! a message that names the expected format. No clock, no database. The GraphQL types use the scalar types; code that
//! reads dates outside GraphQL uses the parse and format functions.

mod calendar;
mod instant;

use std::time::Duration as Length;

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use thiserror::Error;

use crate::duration::{format_duration, parse_duration};

pub use calendar::{format_date, format_local_time, parse_date, parse_local_time, parse_time_zone};
pub use instant::{format_instant, parse_instant};

/// Text in the wrong format. The message names the expected format and never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ScalarError(&'static str);

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(pub i64);

/// A duration in whole seconds; fractions of a second are dropped when it is formatted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub Length);

/// Minutes since 00:00 on a wall clock, 0 to 1440.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalTime(pub u16);

/// A date without a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub jiff::civil::Date);

/// An IANA time zone name, in the spelling of the database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeZone(pub String);

/// A JSON value, passed through unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(pub serde_json::Value);

/// Parses a scalar from a string. Errors have the code BAD_USER_INPUT.
fn read<T, V, E>(value: &Value, parse: impl FnOnce(&str) -> Result<V, E>) -> InputValueResult<T>
where
    T: async_graphql::InputType + From<V>,
    E: std::fmt::Display,
{
    let fault = |message: &dyn std::fmt::Display| {
        InputValueError::custom(message).with_extension("code", "BAD_USER_INPUT")
    };
    match value {
        Value::String(text) => parse(text).map(T::from).map_err(|error| fault(&error)),
        _ => Err(fault(&"must be a string")),
    }
}

/// A scalar that is written as text.
pub trait TextScalar: async_graphql::InputType {
    /// # Errors
    /// Why the text is no such value.
    fn of_text(text: &str) -> Result<Self, String>;
}

macro_rules! string_scalar {
    ($(#[$doc:meta])* $scalar:ident($inner:ty), $name:literal, $specification:literal, $parse:path, $format:expr) => {
        impl From<$inner> for $scalar {
            fn from(inner: $inner) -> Self {
                Self(inner)
            }
        }

        impl TextScalar for $scalar {
            fn of_text(text: &str) -> Result<Self, String> {
                $parse(text).map(Self::from).map_err(|error| error.to_string())
            }
        }

        $(#[$doc])*
        #[Scalar(name = $name, specified_by_url = $specification)]
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
    /// A point in time in RFC 3339 format, always returned in UTC with a trailing Z. Input may have any offset. As an end,
    /// the year 9999 means no end; as a start, the year 1 means no start.
    DateTime(i64), "DateTime", "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
    parse_instant, |micros: &i64| format_instant(*micros)
);
string_scalar!(
    /// An ISO 8601 duration in whole weeks, days, hours, minutes and seconds, such as PT30M, PT1H30M, P7D or P1W. Never
    /// negative.
    Duration(Length), "Duration", "https://www.rfc-editor.org/rfc/rfc3339#appendix-A",
    parse_duration, |length: &Length| format_duration(*length)
);
string_scalar!(
    /// A local time of day in the format HH:MM, from 00:00 to 24:00.
    LocalTime(u16), "LocalTime", "https://www.rfc-editor.org/rfc/rfc3339#appendix-A",
    parse_local_time, |minutes: &u16| format_local_time(*minutes)
);
string_scalar!(
    /// A local calendar date in the format YYYY-MM-DD.
    Date(jiff::civil::Date), "Date", "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
    parse_date, |date: &jiff::civil::Date| format_date(*date)
);
string_scalar!(
    /// An IANA time zone name, such as Europe/Berlin.
    TimeZone(String), "TimeZone", "https://www.iana.org/time-zones",
    parse_time_zone, String::clone
);

impl From<serde_json::Value> for Json {
    fn from(inner: serde_json::Value) -> Self {
        Self(inner)
    }
}

/// Any JSON value.
#[Scalar(
    name = "JSON",
    specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259"
)]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        value.into_json().map(Self).map_err(|error| {
            InputValueError::custom(error).with_extension("code", "BAD_USER_INPUT")
        })
    }

    fn to_value(&self) -> Value {
        // The conversion fails only for maps with keys that are not strings, which JSON does not have.
        Value::from_json(self.0.clone()).unwrap_or(Value::Null)
    }
}

#[cfg(test)]
mod tests;
