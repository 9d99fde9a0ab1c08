//! The brake on mass revocation: which access would be lost early, how much of that is too much, and what Kisi goes on
//! holding while somebody looks at it.
//!
//! Promises: both limits are compared with who has access now. Grants always flow: holding a loss back never holds back
//! what would be given. Access that runs out at the end it was given is no loss, nor is that of access which has not begun.
//! Never: remembers anything. Called by the loop before it executes a plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    fact::Scope,
    instant::Instant,
    plan::{Desired, Grant},
    span::SpanSet,
};

/// A club's settings.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Brake {
    /// Off: nothing new is held.
    pub enabled: bool,
    /// So many people may lose access within the window.
    pub people: u64,
    /// Or so many of a hundred of those who have access, whichever is more.
    pub percent: u64,
}

impl Brake {
    /// How many people may lose access early within the window, with so many having access now.
    #[must_use]
    pub fn limit(self, with_access: u64) -> u64 {
        self.people
            .max(with_access.saturating_mul(self.percent) / 100)
    }

    /// Whether what one cause asks for is held, all of it: `asked` more people beside those who were `let_through`
    /// within the window.
    #[must_use]
    pub fn holds(self, asked: u64, let_through: u64, with_access: u64) -> bool {
        self.enabled && asked > 0 && asked.saturating_add(let_through) > self.limit(with_access)
    }
}

/// The scopes where access that is open now would end earlier than it was given. Places and accounts bear no window in
/// Kisi: what is shared there ends by itself or by somebody's hand, and is never lost to many at once.
#[must_use]
pub fn losses(desired: &[Desired], grants: &[Grant], now: Instant) -> BTreeSet<Scope> {
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
        matches!(scope, Scope::Group(_))
            && wished
                .span_at(now)
                .is_none_or(|kept| kept.until < open.until)
    });
    lost.map(|(scope, _)| scope).collect()
}

/// What Kisi is to hold while the losses in these scopes are held back: what is desired, and what was granted.
#[must_use]
pub fn held_back(desired: &[Desired], grants: &[Grant], held: &BTreeSet<Scope>) -> Vec<Desired> {
    let mut all: BTreeMap<Scope, SpanSet> = BTreeMap::new();
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

fn granted(grants: &[Grant]) -> BTreeMap<Scope, SpanSet> {
    let mut all: BTreeMap<Scope, SpanSet> = BTreeMap::new();
    for grant in grants {
        let windows = all.entry(grant.scope).or_default();
        *windows = windows.union(&SpanSet::of([grant.window]));
    }
    all
}
