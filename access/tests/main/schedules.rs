//! Tests of weekly windows in local time.

use access::{Condition, Instant, ScheduleCondition, Span, SpanSet, evaluate};
use jiff::civil::{Weekday, date};

use crate::build::{around, at, berlin, facts, rule, set};

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

fn weekly(days: &[Weekday], from_minute: u16, until_minute: u16) -> ScheduleCondition {
    ScheduleCondition {
        days: days.to_vec(),
        from_minute,
        until_minute,
        zone: berlin(),
        start_date: None,
        end_date: None,
    }
}

fn windows(schedule: ScheduleCondition, around: Span) -> SpanSet {
    let rule = rule(1, vec![Condition::Schedule(schedule)]);
    evaluate(&facts(vec![]), &[&rule], &[], around).spans
}

fn between(from: &str, until: &str) -> Span {
    Span::new(at(from), at(until))
}

#[test]
fn windows_begin_on_their_days() {
    let week = between("2026-07-06T00:00:00Z", "2026-07-13T00:00:00Z");
    let found = windows(
        weekly(&[Weekday::Monday, Weekday::Wednesday], 9 * 60, 17 * 60),
        week,
    );
    let expected = [
        between("2026-07-06T07:00:00Z", "2026-07-06T15:00:00Z"),
        between("2026-07-08T07:00:00Z", "2026-07-08T15:00:00Z"),
    ];
    assert_eq!(found, set(&expected));
}

#[test]
fn mornings_and_evenings_of_every_day_leave_the_rest_of_it() {
    let monday = between("2026-07-06T00:00:00Z", "2026-07-06T12:00:00Z");
    let morning = between("2026-07-05T22:00:00Z", "2026-07-06T07:00:00Z");
    assert_eq!(windows(weekly(&WEEK, 0, 9 * 60), monday), set(&[morning]));
    let evening = between("2026-07-06T15:00:00Z", "2026-07-06T22:00:00Z");
    let late = between("2026-07-06T14:00:00Z", "2026-07-06T20:00:00Z");
    assert_eq!(
        windows(weekly(&WEEK, 17 * 60, 24 * 60), late),
        set(&[evening])
    );
}

#[test]
fn a_repeated_day_counts_once() {
    let monday = between("2026-07-06T00:00:00Z", "2026-07-06T12:00:00Z");
    let twice = weekly(&[Weekday::Monday, Weekday::Monday], 9 * 60, 17 * 60);
    let expected = between("2026-07-06T07:00:00Z", "2026-07-06T15:00:00Z");
    assert_eq!(windows(twice, monday), set(&[expected]));
}

#[test]
fn a_window_may_run_past_midnight_and_is_whole() {
    let night = weekly(&[Weekday::Friday], 22 * 60, 2 * 60);
    let expected = between("2026-07-10T20:00:00Z", "2026-07-11T00:00:00Z");
    let late = between("2026-07-10T23:30:00Z", "2026-07-10T23:40:00Z");
    assert_eq!(
        windows(night.clone(), late),
        set(&[expected]),
        "began before the requested span"
    );
    let early = between("2026-07-10T19:00:00Z", "2026-07-10T20:30:00Z");
    assert_eq!(windows(night, early), set(&[expected]));
}

#[test]
fn adjacent_windows_are_one_span() {
    let days = [Weekday::Monday, Weekday::Tuesday];
    let week = between("2026-07-06T00:00:00Z", "2026-07-12T00:00:00Z");
    let expected = between("2026-07-05T22:00:00Z", "2026-07-07T22:00:00Z");
    assert_eq!(windows(weekly(&days, 0, 1440), week), set(&[expected]));
    let nights = windows(weekly(&days, 12 * 60, 12 * 60), week);
    assert_eq!(
        nights,
        set(&[between("2026-07-06T10:00:00Z", "2026-07-08T10:00:00Z")])
    );
}

#[test]
fn consecutive_whole_days_are_one_span_for_any_requested_span() {
    let but_sunday = weekly(&WEEK[..6], 0, 1440);
    let expected = between("2026-07-05T22:00:00Z", "2026-07-11T22:00:00Z");
    for day in ["06", "08", "11"] {
        let noon = at(&format!("2026-07-{day}T12:00:00Z"));
        let near = Span::new(noon, noon.plus(std::time::Duration::from_hours(1)));
        assert_eq!(windows(but_sunday.clone(), near), set(&[expected]));
    }
}

#[test]
fn dates_are_inclusive_and_apply_to_the_start_of_a_window() {
    let mut night = weekly(&WEEK, 22 * 60, 2 * 60);
    night.start_date = Some(date(2026, 7, 10));
    night.end_date = Some(date(2026, 7, 11));
    let expected = [
        between("2026-07-10T20:00:00Z", "2026-07-11T00:00:00Z"),
        between("2026-07-11T20:00:00Z", "2026-07-12T00:00:00Z"),
    ];
    assert_eq!(windows(night.clone(), around()), set(&expected));
    assert_eq!(
        windows(night, Span::ALWAYS),
        set(&expected),
        "bounded by the dates"
    );
}

#[test]
fn a_schedule_open_all_week_is_one_span() {
    let mut always = weekly(&WEEK, 0, 1440);
    assert_eq!(windows(always.clone(), Span::ALWAYS), SpanSet::always());
    always.start_date = Some(date(2026, 7, 10));
    let from = at("2026-07-09T22:00:00Z");
    assert_eq!(
        windows(always.clone(), around()),
        set(&[Span::new(from, Instant::END)])
    );
    always.end_date = Some(date(2026, 7, 10));
    let until = at("2026-07-10T22:00:00Z");
    assert_eq!(windows(always, around()), set(&[Span::new(from, until)]));
}

#[test]
fn skipped_times_use_the_offset_before_the_change() {
    let sunday = between("2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z");
    // 02:30 does not exist that day: 02:30 at +01:00 is 03:30 at +02:00.
    let skipped = windows(weekly(&[Weekday::Sunday], 150, 240), sunday);
    assert_eq!(
        skipped,
        set(&[between("2026-03-29T01:30:00Z", "2026-03-29T02:00:00Z")])
    );
    assert!(windows(weekly(&[Weekday::Sunday], 150, 180), sunday).is_empty());
    let night = windows(weekly(&[Weekday::Saturday], 22 * 60, 6 * 60), sunday);
    assert_eq!(
        night,
        set(&[between("2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z")])
    );
}

#[test]
fn repeated_times_use_the_offset_before_the_change() {
    let sunday = between("2026-10-25T00:00:00Z", "2026-10-25T12:00:00Z");
    let repeated = windows(weekly(&[Weekday::Sunday], 150, 240), sunday);
    assert_eq!(
        repeated,
        set(&[between("2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z")])
    );
}

#[test]
fn a_nearby_clock_change_does_not_affect_other_windows() {
    let schedule = weekly(&[Weekday::Monday, Weekday::Sunday], 8 * 60, 20 * 60);
    let year = windows(schedule.clone(), around());
    let mut noon = at("2026-01-05T12:00:00Z");
    while noon < at("2026-12-20T00:00:00Z") {
        let near = Span::new(noon, noon.plus(std::time::Duration::from_hours(1)));
        assert_eq!(
            windows(schedule.clone(), near).span_at(noon),
            year.span_at(noon)
        );
        noon = noon.plus(std::time::Duration::from_hours(24));
    }
}

#[test]
fn unbounded_spans_terminate() {
    let schedule = weekly(&[Weekday::Monday], 8 * 60, 20 * 60);
    assert!(windows(schedule.clone(), Span::ALWAYS).is_empty());
    let open = Span::new(at("2026-07-06T00:00:00Z"), Instant::END);
    assert!(windows(schedule, open).contains(at("2030-07-08T10:00:00Z")));
}
