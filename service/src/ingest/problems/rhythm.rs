//! What the hours in which requests of a source arrived tell: silence that is longer than usual, and a growing share of requests
//! that fail. Pure. Sources with few requests have no rhythm, and no alarm.

use crate::store::row::Arrival;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
/// The time before the latest request whose gaps are the usual ones.
const USUAL_US: i64 = 30 * DAY_US;
/// The shortest time that shows a rhythm: two weekends lie in it.
const LEAST_SPAN_US: i64 = 14 * DAY_US;
/// The least requests, and hours with requests, that show a rhythm.
const LEAST_REQUESTS: i64 = 20;
const LEAST_HOURS: usize = 10;
/// How many times the longest usual gap a silence lasts before it counts.
const LONGER: i64 = 4;
/// The least failures within a day that count, and the least share of all requests (one of so many).
const LEAST_FAILURES: i64 = 5;
const LEAST_SHARE: i64 = 20;
/// How many times its earlier share the failures have grown to.
const GROWN: i64 = 2;

/// A silence that is much longer than usual.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The last request.
    pub since: i64,
    /// The longest gap before, in microseconds.
    pub longest_gap: i64,
}

/// The silence of a source at `now`, if it is longer than a day and than four times the longest gap of the 30 days before. Gaps
/// are measured to the end of an hour, so that they are rather too long than too short.
pub fn silence(hours: &[Arrival], now: i64) -> Option<Silence> {
    let heard = || hours.iter().filter(|hour| hour.requests > 0);
    let last = heard().next_back()?.last_at;
    let usual: Vec<&Arrival> = heard()
        .filter(|hour| hour.last_at >= last - USUAL_US)
        .collect();
    let requests: i64 = usual.iter().map(|hour| hour.requests).sum();
    let first = usual.first()?.last_at;
    if requests < LEAST_REQUESTS || usual.len() < LEAST_HOURS || last - first < LEAST_SPAN_US {
        return None;
    }
    let gap = |pair: &[&Arrival]| match pair {
        [before, after] => (after.hour + 1) * HOUR_US - before.last_at,
        _ => 0,
    };
    let longest_gap = usual.windows(2).map(gap).max()?;
    let limit = longest_gap.saturating_mul(LONGER).max(DAY_US);
    (now.saturating_sub(last) > limit).then_some(Silence {
        since: last,
        longest_gap,
    })
}

/// Which requests fail.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Failing {
    /// Deliveries that cannot be processed, of those that are stored.
    Deliveries,
    /// Rejected requests, of all.
    Signatures,
}

/// Failures of the last 24 hours whose share has grown.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// The beginning of the hour of the first one.
    pub since: i64,
    pub failures: i64,
    /// All requests of the last 24 hours.
    pub requests: i64,
}

/// Whether the share of failures of the last 24 hours is more than twice that of the seven days before. It is over once the latest
/// hour with requests had no failure.
pub fn growth(hours: &[Arrival], failing: Failing, now: i64) -> Option<Growth> {
    let this_hour = now.div_euclid(HOUR_US);
    let sum = |after: i64, until: i64| {
        let within = hours
            .iter()
            .filter(|hour| hour.hour > after && hour.hour <= until);
        within.fold((0_i64, 0_i64), |(failures, all), hour| {
            let (more_failures, more) = counts(hour, failing);
            (
                failures.saturating_add(more_failures),
                all.saturating_add(more),
            )
        })
    };
    let (failures, requests) = sum(this_hour - 24, this_hour);
    let (failures_before, requests_before) = sum(this_hour - 24 - 7 * 24, this_hour - 24);
    let mut active = hours.iter().rev().map(|hour| counts(hour, failing));
    let latest = active.find(|(_, requests)| *requests > 0);
    let is_over = latest.is_some_and(|(failures, _)| failures == 0);
    let has_grown = failures.saturating_mul(requests_before)
        > failures_before
            .saturating_mul(requests)
            .saturating_mul(GROWN)
        || requests_before == 0;
    let is_much = failures >= LEAST_FAILURES && failures.saturating_mul(LEAST_SHARE) >= requests;
    let first = hours
        .iter()
        .find(|hour| hour.hour > this_hour - 24 && counts(hour, failing).0 > 0)?;
    (is_much && has_grown && !is_over).then_some(Growth {
        since: first.hour * HOUR_US,
        failures,
        requests,
    })
}

/// The failures of an hour, and the requests that they are part of.
fn counts(hour: &Arrival, failing: Failing) -> (i64, i64) {
    match failing {
        Failing::Deliveries => (hour.failed, hour.requests),
        Failing::Signatures => (hour.rejected, hour.requests.saturating_add(hour.rejected)),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn hour(hour: i64, requests: i64, failed: i64, rejected: i64) -> Arrival {
        Arrival {
            source_id: Uuid::nil(),
            hour,
            club_id: Uuid::nil(),
            requests,
            failed,
            rejected,
            last_at: hour * HOUR_US,
        }
    }

    /// One request at each of these hours.
    fn heard(hours: impl IntoIterator<Item = i64>) -> Vec<Arrival> {
        hours.into_iter().map(|at| hour(at, 1, 0, 0)).collect()
    }

    fn silent_since(hours: &[Arrival], now_hour: i64) -> Option<i64> {
        silence(hours, now_hour * HOUR_US).map(|silence| silence.since / HOUR_US)
    }

    #[test]
    fn silence_counts_after_four_times_the_longest_gap() {
        // Every twelve hours for 20 days: the longest gap is 13 hours, to the end of the hour.
        let rhythm = heard((0..=40).map(|nth| nth * 12));
        assert_eq!(silent_since(&rhythm, 480 + 52), None);
        assert_eq!(silent_since(&rhythm, 480 + 53), Some(480));
        let gap = silence(&rhythm, 600 * HOUR_US).map(|silence| silence.longest_gap);
        assert_eq!(gap, Some(13 * HOUR_US));
        // With one weekend of 60 hours in it, the limit is ten days.
        let mut weekend = rhythm.clone();
        weekend.retain(|hour| !(100..160).contains(&hour.hour));
        assert_eq!(silent_since(&weekend, 480 + 200), None);
        assert_eq!(silent_since(&weekend, 480 + 300), Some(480));
    }

    #[test]
    fn a_busy_source_may_be_silent_for_a_day() {
        let busy = heard(0..=400);
        assert_eq!(silent_since(&busy, 424), None);
        assert_eq!(silent_since(&busy, 425), Some(400));
    }

    #[test]
    fn few_requests_a_burst_and_a_short_time_show_no_rhythm() {
        let few = heard((0..19).map(|nth| nth * 24));
        assert_eq!(silent_since(&few, 9_000), None, "19 requests");
        let burst = [hour(0, 500, 0, 0), hour(400, 500, 0, 0)];
        assert_eq!(silent_since(&burst, 9_000), None, "two hours");
        assert_eq!(silent_since(&heard(0..200), 9_000), None, "nine days");
        assert_eq!(silence(&[], 0), None);
        let rejected: Vec<_> = (0..=400).map(|at| hour(at, 0, 0, 9)).collect();
        assert_eq!(silent_since(&rejected, 9_000), None, "only rejected ones");
    }

    #[test]
    fn only_the_thirty_days_before_the_last_request_are_usual() {
        let mut hours = heard([0, 300]);
        hours.extend(heard(1_000..=1_400));
        assert_eq!(silent_since(&hours, 1_426), Some(1_400));
    }

    #[test]
    fn failures_count_where_their_share_grows() {
        let day = |from: i64, requests, failed| {
            (from..from + 24).map(move |at| hour(at, requests, failed, 0))
        };
        let now = 8 * 24 * HOUR_US - 1;
        let of = |hours: Vec<Arrival>| growth(&hours, Failing::Deliveries, now);
        let good = || (0..7).flat_map(|nth| day(nth * 24, 10, 0));
        assert_eq!(of(good().chain(day(168, 10, 0)).collect()), None);
        let bad = of(good().chain(day(168, 10, 1)).collect()).unwrap();
        assert_eq!(
            (bad.failures, bad.requests, bad.since),
            (24, 240, 168 * HOUR_US)
        );
        let always = || (0..7).flat_map(|nth| day(nth * 24, 10, 1));
        assert_eq!(
            of(always().chain(day(168, 10, 2)).collect()),
            None,
            "not more than twice"
        );
        assert!(of(always().chain(day(168, 10, 3)).collect()).is_some());
        let four = [hour(190, 4, 4, 0)];
        assert_eq!(of(four.to_vec()), None, "fewer than five");
        assert!(of(vec![hour(190, 5, 5, 0)]).is_some(), "a new source");
        assert_eq!(
            of(vec![hour(185, 50, 50, 0), hour(191, 1, 0, 0)]),
            None,
            "over"
        );
        assert_eq!(
            of(vec![hour(190, 200, 9, 0)]),
            None,
            "less than one in twenty"
        );
    }

    #[test]
    fn rejected_requests_are_a_share_of_all() {
        let hours = [hour(150, 100, 0, 0), hour(190, 0, 0, 6)];
        let now = 8 * 24 * HOUR_US - 1;
        let bad = growth(&hours, Failing::Signatures, now).unwrap();
        assert_eq!((bad.failures, bad.requests), (6, 6));
        assert_eq!(growth(&hours, Failing::Deliveries, now), None);
    }
}
