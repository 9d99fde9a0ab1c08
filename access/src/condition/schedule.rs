//! Schedule conditions: weekly windows in local time.
//!
//! Every window that overlaps the requested span is returned in full; adjacent windows are one span. Local times that a clock
//! change skips or repeats are read with the offset before the change. At most ten years of days are generated, however wide the
//! span. Called by `condition`.

use std::time::Duration;

use jiff::{ToSpan, civil, tz::TimeZone};

use crate::{
    instant::Instant,
    rule::ScheduleCondition,
    span::{Span, SpanSet},
};

const MINUTES_A_DAY: u16 = 1440;
const MOST_DAYS: Duration = Duration::from_hours(24 * 3660);
/// Longer than any window, including a day that a zone skipped, and longer than any run of whole days.
const MARGIN: Duration = Duration::from_hours(10 * 24);

/// The windows that overlap `around`; none where neither `around` nor the dates are bounded on any side.
pub(super) fn spans(condition: &ScheduleCondition, around: Span) -> SpanSet {
    if lasts_all_day(condition) && days_of(condition) == 0b111_1111 {
        return unbroken(condition);
    }
    let Some(around) = bounded(condition, around) else {
        return SpanSet::new();
    };
    let fixed = fixed_offset(&condition.zone, around);
    let zone = fixed.as_ref().unwrap_or(&condition.zone);
    windows(condition, zone, around)
}

/// Whether the windows of two consecutive days touch.
fn lasts_all_day(condition: &ScheduleCondition) -> bool {
    let (opens, closes) = (condition.from_minute, condition.until_minute);
    opens == closes || (opens == 0 && closes >= MINUTES_A_DAY)
}

/// The days of the week as bits; Monday is the lowest.
fn days_of(condition: &ScheduleCondition) -> u8 {
    condition.days.iter().fold(0, |days, day| days | bit(*day))
}

fn bit(day: civil::Weekday) -> u8 {
    1_u8.wrapping_shl(u32::from(day.to_monday_zero_offset().unsigned_abs()))
}

/// Open all week: a single span, bounded only by the dates.
fn unbroken(condition: &ScheduleCondition) -> SpanSet {
    let (opens, closes) = (condition.from_minute, condition.until_minute);
    // A first day beyond the range of the calendar never comes.
    let from = condition
        .start_date
        .map(|date| instant(date, opens, &condition.zone).unwrap_or(Instant::END));
    let until = condition
        .end_date
        .and_then(|date| closing(date, opens, closes, &condition.zone));
    SpanSet::from(Span::new(
        Instant::from_option_start(from),
        Instant::from_option_end(until),
    ))
}

/// `around`, cut to the dates of the schedule and to `MOST_DAYS`.
fn bounded(condition: &ScheduleCondition, around: Span) -> Option<Span> {
    let midnight = |date: civil::Date| instant(date, 0, &condition.zone);
    let first = condition
        .start_date
        .and_then(midnight)
        .map(|first| first.minus(MARGIN));
    let last = condition
        .end_date
        .and_then(midnight)
        .map(|last| last.plus(MARGIN));
    let from = around.from.max(Instant::from_option_start(first)).known();
    let until = around.until.min(Instant::from_option_end(last)).known();
    let span = match (from, until) {
        (Some(from), until) => {
            let most = from.plus(MOST_DAYS);
            Span::new(from, until.map_or(most, |until| until.min(most)))
        }
        (None, Some(until)) => Span::new(until.minus(MOST_DAYS), until),
        (None, None) => return None,
    };
    (!span.is_empty()).then_some(span)
}

/// The single offset that is valid in and near `around`, if there is one. Most weeks have no clock change, and computing with a
/// fixed offset takes a tenth of the time of a time zone lookup for each window.
fn fixed_offset(zone: &TimeZone, around: Span) -> Option<TimeZone> {
    let from = around.from.minus(MARGIN).timestamp();
    let until = around.until.plus(MARGIN).timestamp();
    let changes = zone
        .following(from)
        .next()
        .is_some_and(|change| change.timestamp() <= until);
    (!changes).then(|| TimeZone::fixed(zone.to_offset(from)))
}

fn windows(condition: &ScheduleCondition, zone: &TimeZone, around: Span) -> SpanSet {
    let date_at = |at: Instant| zone.to_datetime(at.timestamp()).date();
    // Consecutive whole days form one span; cut at the edge of `around`, it would change whenever `around` moves. Other windows
    // may still be open if they began on the day before, or before a day that the zone skipped.
    let (back, ahead) = if lasts_all_day(condition) {
        (8, 7)
    } else {
        (2, 0)
    };
    let early = date_at(around.from).saturating_sub(back.days());
    let first = condition.start_date.map_or(early, |date| date.max(early));
    let late = date_at(around.until).saturating_add(ahead.days());
    let last = condition.end_date.map_or(late, |date| date.min(late));
    let days = days_of(condition);
    let (opens, closes) = (condition.from_minute, condition.until_minute);
    let mut generated = Vec::new();
    let mut next = Some(first);
    while let Some(date) = next.filter(|date| *date <= last) {
        next = date.tomorrow().ok();
        if days & bit(date.weekday()) == 0 {
            continue;
        }
        let bounds = (
            instant(date, opens, zone),
            closing(date, opens, closes, zone),
        );
        if let (Some(from), Some(until)) = bounds {
            generated.push(Span::new(from, until));
        }
    }
    let overlapping = |window: &&Span| window.overlaps(&around);
    SpanSet::of(SpanSet::of(generated).iter().filter(overlapping).copied())
}

/// When the window that begins on `date` ends.
fn closing(date: civil::Date, opens: u16, closes: u16, zone: &TimeZone) -> Option<Instant> {
    if closes > opens {
        instant(date, closes, zone)
    } else {
        instant(date.tomorrow().ok()?, closes, zone)
    }
}

/// The instant at so many minutes after local midnight on the clock; 1440 is the next midnight.
fn instant(date: civil::Date, minute: u16, zone: &TimeZone) -> Option<Instant> {
    let (date, minute) = if minute >= MINUTES_A_DAY {
        (date.tomorrow().ok()?, 0)
    } else {
        (date, minute)
    };
    let hour = i8::try_from(minute / 60).ok()?;
    let minute = i8::try_from(minute % 60).ok()?;
    let local = civil::Time::new(hour, minute, 0, 0).ok()?.to_datetime(date);
    zone.to_ambiguous_timestamp(local)
        .compatible()
        .ok()
        .map(Instant::from_timestamp)
}
