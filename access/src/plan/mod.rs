//! What Kisi must be told, so that it holds what a member may do from now up to a horizon.
//!
//! Promises: planning again after the steps were done gives no steps. At no instant between two
//! steps is anybody shut out who may pass before and after, except where Kisi neither changes a
//! window nor takes a second assignment. Never: touches an assignment that was not handed in, or
//! looks at a clock. Called by the loop and by previews; the executor does the steps in order and
//! chooses nothing.

mod pairing;
mod scope;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    fact::{Id, Scope},
    instant::Instant,
    rounding::Granularity,
    span::{Span, SpanSet},
};

/// How long an assignment whose window is over is kept, in case that it can be reused.
pub const KEEP_EXPIRED: Duration = Duration::from_hours(24);
/// A window that opens within this is as urgent as an open one.
pub const SOON: Duration = Duration::from_hours(1);

/// When somebody may pass by one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Where.
    pub scope: Scope,
    /// When, exactly; what Kisi gets is rounded outward, to whole seconds or what else it keeps.
    pub windows: SpanSet,
}

/// One assignment of ours, known to be in Kisi, with nothing in flight.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Our id of it.
    pub id: Id,
    /// Where.
    pub scope: Scope,
    /// Whose, in Kisi.
    pub user: Id,
    /// When; no window is [`Span::ALWAYS`].
    pub window: Span,
}

/// Whether Kisi can do something; what is unknown is tried.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Ability {
    /// To be found out.
    Unknown,
    /// It can.
    Yes,
    /// It refused.
    No,
}

impl Ability {
    /// Whether it is worth a try.
    #[must_use]
    pub fn may_work(self) -> bool {
        self != Self::No
    }
}

/// What Kisi can do.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// The window of an assignment can be changed.
    pub change_window: Ability,
    /// One person may have several assignments for one group.
    pub twins: Ability,
    /// What windows are rounded to there. They are asked for rounded outward, so that the answer is what was asked for and
    /// nobody loses the last seconds.
    pub granularity: Granularity,
}

/// One call, or the few that it takes to be sure of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The person is not in Kisi yet; the steps that follow are about the new user.
    CreateUser,
    /// A new assignment for the user.
    Create {
        /// Where.
        scope: Scope,
        /// When.
        window: Span,
    },
    /// Another window for one that is there.
    Change {
        /// Which.
        grant: Id,
        /// When from then on.
        window: Span,
    },
    /// One goes.
    Delete {
        /// Which.
        grant: Id,
    },
}

/// How urgent; the least is the most urgent.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Takes time away that Kisi would still give.
    Revocation,
    /// A window that is open, or opens within the hour.
    Now,
    /// Any other window.
    Rest,
    /// Nobody's access depends on it.
    Cleanup,
}

/// What to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// To be done one after the other; the rest is void where one fails.
    pub steps: Vec<Step>,
    /// When to plan again though nothing happens; later than the instant of planning.
    pub again_at: Option<Instant>,
    /// Of the most urgent step; [`Lane::Cleanup`] where there is none.
    pub lane: Lane,
}

/// The instant of planning and what is known of Kisi: the same for every scope.
#[derive(Copy, Clone)]
struct Setting {
    abilities: Abilities,
    now: Instant,
    horizon: Duration,
}

/// The steps that turn `grants` into what is `desired`.
///
/// `user`: the person's present user in Kisi; grants of any other user are on their way out. Of the
/// desired windows those are sent that end after `now` and begin by `now + horizon`, with their
/// true ends.
#[must_use]
pub fn plan(
    desired: &[Desired],
    grants: &[Grant],
    user: Option<Id>,
    abilities: Abilities,
    now: Instant,
    horizon: Duration,
) -> Plan {
    let setting = Setting {
        abilities,
        now,
        horizon,
    };
    let mut scopes: BTreeMap<Scope, (SpanSet, Vec<Grant>)> = BTreeMap::new();
    for wish in desired {
        let (windows, _) = scopes.entry(wish.scope).or_default();
        *windows = windows.union(&wish.windows);
    }
    let mut draft = Draft::default();
    for grant in grants {
        if Some(grant.user) == user {
            scopes.entry(grant.scope).or_default().1.push(*grant);
        } else {
            draft.let_go(grant, now);
        }
    }
    for (scope, (windows, grants)) in &scopes {
        match scope {
            Scope::Group(_) => scope::windowed(*scope, windows, grants, setting, &mut draft),
            Scope::Place(_) | Scope::Account(_) => {
                scope::unbounded(*scope, windows, grants, setting, &mut draft);
            }
        }
    }
    draft.finish(user)
}

/// The steps of all scopes, by when they may be done.
#[derive(Default)]
struct Draft {
    creates: Vec<Step>,
    changes: Vec<Step>,
    /// Where Kisi allows nothing better: a deletion, and the creation that must follow at once.
    replacements: Vec<Step>,
    deletes: Vec<Step>,
    again_at: Option<Instant>,
    lane: Option<Lane>,
}

impl Draft {
    fn create(&mut self, scope: Scope, window: Span, now: Instant) {
        self.creates.push(Step::Create { scope, window });
        self.urge(lane_of(window, now));
    }

    fn change(&mut self, grant: Id, window: Span, now: Instant) {
        self.changes.push(Step::Change { grant, window });
        self.urge(lane_of(window, now));
    }

    fn delete(&mut self, grant: Id, lane: Lane) {
        self.deletes.push(Step::Delete { grant });
        self.urge(lane);
    }

    /// Another user's grant: whoever that is now must not keep it, unless it is over anyway.
    fn let_go(&mut self, grant: &Grant, now: Instant) {
        let bounded = matches!(grant.scope, Scope::Group(_));
        let over = bounded && grant.window.until <= now;
        self.delete(
            grant.id,
            if over {
                Lane::Cleanup
            } else {
                Lane::Revocation
            },
        );
    }

    /// Deletes what must go, creates what must come, with nothing in between.
    fn replace(&mut self, old: &[&Grant], scope: Scope, window: Span, now: Instant) {
        self.replacements
            .extend(old.iter().map(|grant| Step::Delete { grant: grant.id }));
        self.replacements.push(Step::Create { scope, window });
        self.urge(lane_of(window, now));
    }

    fn urge(&mut self, lane: Lane) {
        self.lane = Some(self.lane.map_or(lane, |most| most.min(lane)));
    }

    fn again(&mut self, at: Instant) {
        if let Some(at) = at.known() {
            self.again_at = Some(self.again_at.map_or(at, |first| first.min(at)));
        }
    }

    fn finish(self, user: Option<Id>) -> Plan {
        let mut steps = Vec::new();
        if user.is_none() && !self.creates.is_empty() {
            steps.push(Step::CreateUser);
        }
        for part in [self.creates, self.changes, self.replacements, self.deletes] {
            steps.extend(part);
        }
        Plan {
            steps,
            again_at: self.again_at,
            lane: self.lane.unwrap_or(Lane::Cleanup),
        }
    }
}

fn lane_of(window: Span, now: Instant) -> Lane {
    if window.from <= now.plus(SOON) {
        Lane::Now
    } else {
        Lane::Rest
    }
}
