//! When a failed message is sent again: after growing pauses, for three days. The pauses are those that the specification of
//! Standard Webhooks recommends, with up to a tenth more, so that messages that failed together are not repeated together.

use std::time::Duration;

use crate::secret::random_byte;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The pauses after the first attempt, the second one and so on, in seconds. Together 75 hours and 35 minutes.
const PAUSES_S: [u64; 9] = [
    5,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// When a message is given up at the latest, whatever its number of attempts.
pub const LONGEST: Duration = Duration::from_hours(84);

/// The pause after the attempt with this number, from 1; none after the last one.
pub fn pause(attempt: i32) -> Option<Duration> {
    let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
    let pause = Duration::from_secs(*PAUSES_S.get(index)?);
    Some(pause.saturating_add(pause / 10 * u32::from(random_byte()) / 256))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_after_three_days() {
        let pauses: Vec<Duration> = (1..).map_while(pause).collect();
        assert_eq!(pauses.len(), 9);
        assert!(pauses.is_sorted());
        let total: Duration = pauses.iter().sum();
        assert!(total >= Duration::from_hours(72), "{total:?}");
        assert!(total <= Duration::from_hours(84), "{total:?}");
        assert_eq!(pause(10), None);
        assert_eq!(pause(0), None);
        assert_eq!(pause(i32::MAX), None);
    }
}
