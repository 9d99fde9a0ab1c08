//! The brake on mass revocation: which access would be lost early, how much loss is too much, and what Kisi keeps holding while a
//! loss is held for review.
//!
//! Grants always flow: holding a loss back never delays new access. Access that ends at its planned time is no loss, and neither
//! is access that has not begun. Keeps no state. The reconcile loop calls it before it executes a plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    fact::AccessScope,
    instant::Instant,
    plan::{Desired, Grant},
    span::SpanSet,
};

/// The brake settings of a club.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Brake {
    /// While false, no new loss is held.
    pub enabled: bool,
    /// The number of people who may lose access within the window.
    pub people: u64,
    /// The percentage of people with access who may lose it within the window; the larger of the two limits applies.
    pub percent: u64,
}

impl Brake {
    /// How many people may lose access early within the window; `with_access` is the number of people who have access now.
    #[must_use]
    pub fn limit(self, with_access: u64) -> u64 {
        self.people
            .max(with_access.saturating_mul(self.percent) / 100)
    }

    /// Whether all losses of one cause are held. `asked`: the people who would lose access now; `let_through`: those who already
    /// lost it within the window.
    #[must_use]
    pub fn holds(self, asked: u64, let_through: u64, with_access: u64) -> bool {
        self.enabled && asked > 0 && asked.saturating_add(let_through) > self.limit(with_access)
    }
}

/// The scopes in which access that is open now would end earlier than granted. Only groups can appear: assignments for places and
/// accounts have no window in Kisi, and a share there ends on its own or by hand, never for many people at once.
#[must_use]
pub fn losses(desired: &[Desired], grants: &[Grant], now: Instant) -> BTreeSet<AccessScope> {
    let granted = granted(grants);
    let lost = granted.into_iter().filter(|(scope, windows)| {
        let Some(open) = windows.span_at(now) else {
            return false;
        };
        let wished =
            desired
                .iter()
                .filter(|wish| wish.scope == *scope)
                .fold(SpanSet::new(), |all, wish| {
                    all.union(&SpanSet::of(
                        wish.windows.iter().map(|window| window.whole_seconds()),
                    ))
                });
        matches!(scope, AccessScope::Group(_))
            && wished
                .span_at(now)
                .is_none_or(|kept| kept.until < open.until)
    });
    lost.map(|(scope, _)| scope).collect()
}

/// What Kisi must hold while the losses in these scopes are held back: the desired windows plus those already granted.
#[must_use]
pub fn held_back(
    desired: &[Desired],
    grants: &[Grant],
    held: &BTreeSet<AccessScope>,
) -> Vec<Desired> {
    let mut all: BTreeMap<AccessScope, SpanSet> = BTreeMap::new();
    for wish in desired {
        let windows = all.entry(wish.scope).or_default();
        *windows = windows.union(&wish.windows);
    }
    for (scope, windows) in granted(grants) {
        if held.contains(&scope) {
            let kept = all.entry(scope).or_default();
            *kept = kept.union(&windows);
        }
    }
    all.into_iter()
        .map(|(scope, windows)| Desired { scope, windows })
        .collect()
}

fn granted(grants: &[Grant]) -> BTreeMap<AccessScope, SpanSet> {
    let mut all: BTreeMap<AccessScope, SpanSet> = BTreeMap::new();
    for grant in grants {
        let windows = all.entry(grant.scope).or_default();
        *windows = windows.union(&SpanSet::of([grant.window]));
    }
    all
}
