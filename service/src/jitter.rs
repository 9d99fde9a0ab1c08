//! Spreads jobs that repeat, so that those of thousands of clubs do not fall on one moment after a restart or an outage.

use std::time::Duration;

use uuid::Uuid;

/// Shortens an interval by up to a tenth, always by the same for one id.
pub fn spread(interval: Duration, id: Uuid) -> Duration {
    let (_, low) = id.as_u64_pair();
    let part = u32::try_from(low % 1000).unwrap_or(0);
    interval.saturating_sub(interval / 10_000 * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_spread_over_a_tenth() {
        let day = Duration::from_hours(24);
        let all = (0..1000).map(|id| spread(day, Uuid::from_u128(id)));
        let (shortest, longest) = (all.clone().min(), all.max());
        assert_eq!(longest, Some(day));
        assert!(shortest.is_some_and(|it| it < day.mul_f64(0.91) && it > day.mul_f64(0.89)));
    }
}
