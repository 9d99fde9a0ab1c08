//! Compares two independent implementations: the span algebra of the crate, and a reference that decides one instant at a time
//! and shares no code with it.

mod clubs;
mod judge;

use access::{Instant, evaluate};
use proptest::prelude::*;

use self::{
    clubs::{Club, any_club},
    judge::may_pass,
};

/// Each moment, and the instants one second and one microsecond around it.
fn about(moments: &[Instant]) -> Vec<Instant> {
    let mut about: Vec<_> = moments
        .iter()
        .flat_map(|moment| {
            [-1_000_000, -1, 0, 1_000_000]
                .map(|micros| Instant::from_micros(moment.micros() + micros))
        })
        .collect();
    about.sort_unstable();
    about.dedup();
    about
}

fn judge(club: &Club) -> Result<(), TestCaseError> {
    let rules: Vec<_> = club.rules.iter().collect();
    let access = evaluate(&club.facts, &rules, &club.covering, club.around);
    let edges = access.spans.iter().flat_map(|span| [span.from, span.until]);
    let by_condition = access.rules.iter().flat_map(|rule| &rule.conditions);
    let inner =
        by_condition.flat_map(|it| it.spans.iter().flat_map(|span| [span.from, span.until]));
    let mut moments: Vec<_> = edges.chain(inner).collect();
    moments.extend(&club.moments);
    moments.retain(|moment| moment.known().is_some());
    let about = about(&moments).into_iter();
    for moment in about.filter(|moment| club.asked.contains(*moment)) {
        let expected = may_pass(&club.facts, &rules, &club.covering, moment);
        prop_assert_eq!(
            access.spans.contains(moment),
            expected,
            "at {}: left is the crate, right is the reference",
            moment.timestamp()
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn crate_and_reference_agree(club in any_club()) {
        judge(&club)?;
    }
}
