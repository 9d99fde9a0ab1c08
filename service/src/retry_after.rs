//! Parses the header `Retry-After` of a response.
//!
//! Values are capped at [`MAX_PAUSE`]: an unbounded value could stop an account or a source for ever. Uses no clock: a date is
//! compared with the `Date` of the same response. Called by the clients of Kisi and of the platforms.

use std::time::Duration;

/// The maximum pause. After it, the next request may get a new `Retry-After`.
pub const MAX_PAUSE: Duration = Duration::from_secs(60 * 60);

/// The requested pause, given in seconds or as a date. `header` returns the text of a response header by its name.
pub fn retry_after<'a>(header: impl Fn(&'static str) -> Option<&'a str>) -> Option<Duration> {
    let after = header("retry-after")?.trim();
    if let Ok(seconds) = after.parse::<f64>() {
        let seconds = (!seconds.is_nan()).then_some(seconds)?;
        let longest = MAX_PAUSE.as_secs_f64();
        return Duration::try_from_secs_f64(seconds.clamp(0.0, longest)).ok();
    }
    let date = |text: &str| {
        jiff::fmt::rfc2822::DateTimeParser::new()
            .parse_timestamp(text.trim())
            .ok()
    };
    let pause = date(after)?.duration_since(date(header("date")?)?);
    Some(Duration::try_from(pause).map_or(Duration::ZERO, |pause| pause.min(MAX_PAUSE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(after: &'static str) -> Option<Duration> {
        retry_after(|name| match name {
            "retry-after" => Some(after),
            "date" => Some("Mon, 05 Jan 2026 08:00:00 GMT"),
            _ => None,
        })
    }

    #[test]
    fn seconds_and_dates_are_parsed_and_capped_at_an_hour() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (text, pause) in [
            ("7", seconds(7)),
            (" 0.5 ", Some(Duration::from_millis(500))),
            ("0", seconds(0)),
            ("-3", seconds(0)),
            ("3601", seconds(3600)),
            ("18446744073709551615", seconds(3600)),
            ("1e300", seconds(3600)),
            ("inf", seconds(3600)),
            ("99999999999999999999999999999999999999999", seconds(3600)),
            ("nan", None),
            ("soon", None),
            ("", None),
            ("Mon, 05 Jan 2026 08:00:09 GMT", seconds(9)),
            ("Mon, 05 Jan 2026 07:00:00 GMT", seconds(0)),
            ("Mon, 31 Dec 9021 23:59:59 GMT", seconds(3600)),
            ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ] {
            assert_eq!(read(text), pause, "{text}");
        }
    }

    #[test]
    fn a_date_without_the_date_of_the_response_is_ignored() {
        let after = Some("Mon, 05 Jan 2026 08:00:09 GMT");
        assert_eq!(
            retry_after(|name| after.filter(|_| name == "retry-after")),
            None
        );
    }
}
