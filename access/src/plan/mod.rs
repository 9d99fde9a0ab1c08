//! Plans the calls to Kisi that make it hold the access of one member from now up to a horizon.
//!
//! Planning again after all steps are done yields no steps. Between two steps nobody is locked out who may pass both before and
//! after, except where Kisi can neither change a window nor take a second assignment for a group. Only the given assignments are
//! touched. Called by the reconcile loop and by previews; the executor runs the steps in order and chooses nothing.

mod pairing;
mod scope;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    fact::{AccessScope, Id},
    instant::Instant,
    rounding::Granularity,
    span::{Span, SpanSet},
};

/// How long an assignment is kept after its window has ended, so that it can be reused.
pub const KEEP_EXPIRED: Duration = Duration::from_hours(24);
/// A window that opens within this time is as urgent as an open one.
pub const SOON: Duration = Duration::from_hours(1);

/// When the member may pass in one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// The scope of the access.
    pub scope: AccessScope,
    /// The exact times. Requests to Kisi round them outward, to whole seconds or to the coarser unit of the account.
    pub windows: SpanSet,
}

/// A role assignment of this service that is confirmed in Kisi and has no call in flight.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id in this service.
    pub id: Id,
    /// The scope of the assignment.
    pub scope: AccessScope,
    /// The Kisi user that holds it.
    pub user: Id,
    /// Its window; [`Span::ALWAYS`] for an assignment without one.
    pub window: Span,
}

/// Whether Kisi supports something; unknown abilities are tried.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Ability {
    /// Not tried yet.
    Unknown,
    /// Kisi supports it.
    Yes,
    /// Kisi refused it.
    No,
}

impl Ability {
    /// True unless Kisi is known to refuse it.
    #[must_use]
    pub fn may_work(self) -> bool {
        self != Self::No
    }
}

/// What the Kisi account supports.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// The window of an assignment can be changed.
    pub change_window: Ability,
    /// One person may have several assignments for one group.
    pub duplicate_assignments: Ability,
    /// The unit to which Kisi rounds windows. Requests are rounded outward to it, so that the response equals the request and
    /// nobody loses the last seconds.
    pub granularity: Granularity,
}

/// One step: a single call to Kisi, with the follow-up calls that confirm it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Creates the Kisi user of a person who has none; the following steps use it.
    CreateUser,
    /// Creates an assignment for the user.
    Create {
        /// The scope.
        scope: AccessScope,
        /// The window.
        window: Span,
    },
    /// Changes the window of an existing assignment.
    Change {
        /// The assignment to change.
        grant: Id,
        /// The new window.
        window: Span,
    },
    /// Deletes an assignment.
    Delete {
        /// The assignment to delete.
        grant: Id,
    },
}

/// The priority of a plan; the smallest value is the most urgent.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Removes time that Kisi would still grant.
    Revocation,
    /// Grants a window that is open or opens within the hour.
    Now,
    /// Grants any other window.
    Rest,
    /// Affects nobody's access.
    Cleanup,
}

/// The steps, in order, and when to plan again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Run one after the other; if one fails, the rest must not run.
    pub steps: Vec<Step>,
    /// When to plan again even without an event; later than the instant of planning.
    pub replan_at: Option<Instant>,
    /// The lane of the most urgent step; [`Lane::Cleanup`] without steps.
    pub lane: Lane,
}

/// The inputs of the plan that are the same for every scope.
#[derive(Copy, Clone)]
struct PlanInput {
    abilities: Abilities,
    now: Instant,
    horizon: Duration,
}

/// Plans the steps that turn `grants` into `desired`.
///
/// `user`: the person's current user in Kisi; grants of any other user are deleted. Sends the desired windows that end after
/// `now` and begin by `now + horizon`, with their real ends.
#[must_use]
pub fn plan(
    desired: &[Desired],
    grants: &[Grant],
    user: Option<Id>,
    abilities: Abilities,
    now: Instant,
    horizon: Duration,
) -> Plan {
    let setting = PlanInput {
        abilities,
        now,
        horizon,
    };
    let mut scopes: BTreeMap<AccessScope, (SpanSet, Vec<Grant>)> = BTreeMap::new();
    for wish in desired {
        let (windows, _) = scopes.entry(wish.scope).or_default();
        *windows = windows.union(&wish.windows);
    }
    let mut draft = Draft::default();
    for grant in grants {
        if Some(grant.user) == user {
            scopes.entry(grant.scope).or_default().1.push(*grant);
        } else {
            draft.delete_of_other_user(grant, now);
        }
    }
    for (scope, (windows, grants)) in &scopes {
        match scope {
            AccessScope::Group(_) => scope::windowed(*scope, windows, grants, setting, &mut draft),
            AccessScope::Place(_) | AccessScope::Account(_) => {
                scope::unbounded(*scope, windows, grants, setting, &mut draft);
            }
        }
    }
    draft.finish(user)
}

/// Collects the steps of all scopes by phase.
#[derive(Default)]
struct Draft {
    creates: Vec<Step>,
    changes: Vec<Step>,
    /// The last resort: a deletion and the creation that must follow at once.
    replacements: Vec<Step>,
    deletes: Vec<Step>,
    replan_at: Option<Instant>,
    lane: Option<Lane>,
}

impl Draft {
    fn create(&mut self, scope: AccessScope, window: Span, now: Instant) {
        self.creates.push(Step::Create { scope, window });
        self.raise_lane(lane_of(window, now));
    }

    fn change(&mut self, grant: Id, window: Span, now: Instant) {
        self.changes.push(Step::Change { grant, window });
        self.raise_lane(lane_of(window, now));
    }

    fn delete(&mut self, grant: Id, lane: Lane) {
        self.deletes.push(Step::Delete { grant });
        self.raise_lane(lane);
    }

    /// Deletes the grant of another Kisi user. It is a revocation because another person may use that account now, unless the
    /// grant has expired.
    fn delete_of_other_user(&mut self, grant: &Grant, now: Instant) {
        let bounded = matches!(grant.scope, AccessScope::Group(_));
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

    /// Deletes the old grants and creates the new one, with no step in between.
    fn replace(&mut self, old: &[&Grant], scope: AccessScope, window: Span, now: Instant) {
        self.replacements
            .extend(old.iter().map(|grant| Step::Delete { grant: grant.id }));
        self.replacements.push(Step::Create { scope, window });
        self.raise_lane(lane_of(window, now));
    }

    fn raise_lane(&mut self, lane: Lane) {
        self.lane = Some(self.lane.map_or(lane, |most| most.min(lane)));
    }

    fn replan_by(&mut self, at: Instant) {
        if let Some(at) = at.known() {
            self.replan_at = Some(self.replan_at.map_or(at, |first| first.min(at)));
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
            replan_at: self.replan_at,
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
