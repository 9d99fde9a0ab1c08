//! Parsing, refusal and formatting of each scalar; and parsing of formatted values.

use std::time::Duration as Length;

use async_graphql::{ScalarType, Value};
use proptest::prelude::*;

use super::*;
use crate::duration::MAX_DURATION;

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z, in microseconds since 1970.
const YEARS: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

#[test]
fn instants_with_any_offset_are_formatted_in_utc() {
    for (given, written) in [
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00Z"),
        ("2026-01-31t09:30:00z", "2026-01-31T09:30:00Z"),
        ("2026-01-31T00:30:00+01:00", "2026-01-30T23:30:00Z"),
        ("2026-01-31T23:30:00-05:45", "2026-02-01T05:15:00Z"),
        ("2026-01-31T09:30:00-00:00", "2026-01-31T09:30:00Z"),
        ("2026-01-31T09:30:00.5Z", "2026-01-31T09:30:00.5Z"),
        ("2026-01-31T09:30:00.000000Z", "2026-01-31T09:30:00Z"),
        (
            "2026-01-31T09:30:00.1234569Z",
            "2026-01-31T09:30:00.123456Z",
        ),
        (
            "1969-12-31T23:59:59.9999999Z",
            "1969-12-31T23:59:59.999999Z",
        ),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999999Z"),
        ("9999-12-31T23:59:59.9999999", "9999-12-31T23:59:59.999999Z"),
        ("0001-01-01T00:00:00+00:01", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00Z"),
    ] {
        assert_eq!(
            parse_instant(given).map(format_instant).as_deref(),
            Ok(written),
            "{given}"
        );
    }
    assert_eq!(parse_instant("1970-01-01T00:00:01Z"), Ok(1_000_000));
}

#[test]
fn invalid_instants_are_refused() {
    for given in [
        "",
        "2026-01-31",
        "2026-01-31T09:30:00",
        "2026-01-31 09:30:00Z",
        "2026-01-31T09:30Z",
        "2026-01-31T09:30:00.Z",
        "2026-01-31T24:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-31T09:30:00+1:00",
        "2026-01-31T09:30:00+24:00",
        "2026-01-31T09:30:00+0100",
        "2026-01-31T09:30:00Z ",
        "2026-01-31T09:30:00é",
        "+2026-01-31T09:30:00Z",
        "0000-12-31T00:00:00Z",
        "0002-01-01T00:00:00",
        "9998-12-31T23:59:59",
        "２０26-01-31T09:30:00Z",
    ] {
        assert!(parse_instant(given).is_err(), "{given}");
    }
}

#[test]
fn instants_out_of_range_are_formatted_as_the_nearest_in_range() {
    assert_eq!(format_instant(i64::MAX), "9999-12-31T23:59:59.999999Z");
    assert_eq!(format_instant(i64::MIN), "0001-01-01T00:00:00Z");
    assert_eq!(format_instant(*YEARS.start() - 1), "0001-01-01T00:00:00Z");
    assert_eq!(
        format_instant(*YEARS.end() + 1),
        "9999-12-31T23:59:59.999999Z"
    );
}

#[test]
fn local_times_and_dates_are_strict() {
    assert_eq!(parse_local_time("00:00"), Ok(0));
    assert_eq!(parse_local_time("23:59"), Ok(1439));
    assert_eq!(parse_local_time("24:00"), Ok(1440));
    for given in [
        "24:01", "25:00", "9:30", "09:60", "09:30:00", "0930", "+9:30", "09:3é", "",
    ] {
        assert!(parse_local_time(given).is_err(), "{given}");
    }
    assert_eq!(
        parse_date("2024-02-29").map(format_date).as_deref(),
        Ok("2024-02-29")
    );
    for given in [
        "2026-02-29",
        "2026-1-31",
        "20260131",
        "0000-01-01",
        "2026-01-31T",
        "+026-01-01",
    ] {
        assert!(parse_date(given).is_err(), "{given}");
    }
}

#[test]
fn time_zones_are_returned_in_the_spelling_of_the_database() {
    assert_eq!(
        parse_time_zone("Europe/Berlin").as_deref(),
        Ok("Europe/Berlin")
    );
    assert_eq!(
        parse_time_zone("europe/berlin").as_deref(),
        Ok("Europe/Berlin")
    );
    assert_eq!(parse_time_zone("UTC").as_deref(), Ok("UTC"));
    for given in [
        "",
        "Europe/Berlin ",
        "Mars/Olympus",
        "+01:00",
        "CET-1CEST",
        "Etc/Unknown",
        "Factory",
        "localtime",
        "right/Europe/Berlin",
        "../../etc/passwd",
        "Europe",
    ] {
        assert!(parse_time_zone(given).is_err(), "{given}");
    }
}

#[test]
fn refused_values_have_the_code_bad_user_input() {
    for value in [Value::from(5), Value::from("soon"), Value::Null] {
        let fault = <Duration as ScalarType>::parse(value)
            .unwrap_err()
            .into_server_error(async_graphql::Pos::default());
        let code = fault
            .extensions
            .as_ref()
            .and_then(|extensions| extensions.get("code"))
            .cloned();
        assert_eq!(code, Some(Value::from("BAD_USER_INPUT")));
        assert!(
            fault.message.starts_with("Failed to parse \"Duration\": "),
            "{}",
            fault.message
        );
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<u64>().prop_map(serde_json::Value::from),
        ".*".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::hash_map(".*", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn instants_round_trip(micros in YEARS) {
        let text = format_instant(micros);
        prop_assert!(text.ends_with('Z'));
        prop_assert_eq!(parse_instant(&text), Ok(micros));
        prop_assert_eq!(DateTime::parse(DateTime(micros).to_value()).ok(), Some(DateTime(micros)));
    }

    #[test]
    fn the_offset_is_subtracted_from_the_instant(
        seconds in -62_000_000_000_i64..253_000_000_000,
        ahead in -1439_i64..=1439,
    ) {
        let local = format_instant((seconds + ahead * 60) * 1_000_000);
        let sign = if ahead < 0 { '-' } else { '+' };
        let (hours, minutes) = (ahead.abs() / 60, ahead.abs() % 60);
        let text = format!("{}{sign}{hours:02}:{minutes:02}", local.trim_end_matches('Z'));
        prop_assert_eq!(parse_instant(&text), Ok(seconds * 1_000_000));
    }

    #[test]
    fn durations_round_trip(seconds in 0..=MAX_DURATION.as_secs()) {
        let length = Length::from_secs(seconds);
        prop_assert_eq!(Duration::parse(Duration(length).to_value()).ok(), Some(Duration(length)));
    }

    #[test]
    fn local_times_round_trip(minutes in 0_u16..=1440) {
        prop_assert_eq!(parse_local_time(&format_local_time(minutes)), Ok(minutes));
    }

    #[test]
    fn dates_round_trip(days in 0_i32..3_652_058) {
        let day = jiff::civil::date(1, 1, 1) + jiff::Span::new().days(days);
        prop_assert_eq!(parse_date(&format_date(day)), Ok(day));
    }

    #[test]
    fn json_round_trips(value in any_json()) {
        prop_assert_eq!(Json::parse(Json(value.clone()).to_value()).ok(), Some(Json(value)));
    }

    #[test]
    fn parsers_never_panic(text in "\\PC{0,32}") {
        let _ = (parse_instant(&text), parse_date(&text));
        let _ = (parse_local_time(&text), parse_time_zone(&text));
    }
}
