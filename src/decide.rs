//! Decides for many members at once: loads what the club's doors hang on and what members hold, in a fixed number of
//! statements, and asks the heart. Promises that every reader (a member's access, who may pass a target, an explanation)
//! asks the same evaluation of the same premises. Never decides anything by itself, and writes nothing.

use std::{collections::HashMap, time::Duration};

use access::{Access, Decision, Facts, Id, Instant, Rule, Span, SpanSet, Target, evaluate};
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::map::Map;
use crate::store::{
    Connection, Scope, StoreError, clubs,
    facts::{self, Holdings, Known},
    row, rules,
};

mod evaluations;
mod layout;
mod standing;

pub use evaluations::{Evaluations, MAX_EVALUATIONS, PARALLEL, Walk};
pub use layout::Layout;
pub use standing::{Passing, Standing, Wanted};

const DAY: Duration = Duration::from_hours(24);

/// The id of a row, as the heart knows it.
pub fn id(id: Uuid) -> Id {
    Id(id.as_u128())
}

/// The id of a row that the heart names.
pub fn row_id(id: Id) -> Uuid {
    Uuid::from_u128(id.0)
}

/// How far around an instant recurring windows are looked at.
pub fn around(at: Instant) -> Span {
    Span::new(at.minus(30 * DAY), at.plus(60 * DAY))
}

/// What decisions about a club's doors hang on, but for the members.
#[derive(Debug)]
pub struct Premises {
    /// As of when rules and facts are asked.
    pub known: Known,
    /// Places, locks and groups.
    pub layout: Layout,
    /// The club's time zone.
    pub zone: TimeZone,
    rules: Vec<Rule>,
    rows: HashMap<Id, row::Rule>,
}

impl Premises {
    /// Loads them. What is managed and which group opens which lock is as it is now.
    pub async fn load(
        connection: &impl Connection,
        scope: Scope,
        known: Known,
    ) -> Result<Self, StoreError> {
        let layout = Layout::load(connection, scope).await?;
        let club = clubs::get(connection, scope).await?;
        let zone = club.and_then(|club| TimeZone::get(&club.time_zone).ok());
        let rows = rules::rows(connection, scope, known).await?;
        Ok(Self {
            known,
            layout,
            zone: zone.unwrap_or(TimeZone::UTC),
            rules: rules::load(connection, scope, known).await?,
            rows: rows.into_iter().map(|row| (id(row.rule_id), row)).collect(),
        })
    }

    /// The row of a rule.
    pub fn row(&self, rule: Id) -> Option<&row::Rule> {
        self.rows.get(&rule)
    }

    /// The rules that bear on a target: a managed group's own; a lock's own and those of the
    /// managed groups that contain it.
    pub fn rules_for(&self, target: Target) -> Vec<&Rule> {
        let bearing = self.bearing(target);
        self.rules
            .iter()
            .filter(|rule| bearing.contains(&rule.target))
            .collect()
    }

    fn bearing(&self, target: Target) -> Vec<Target> {
        let managed = |group: &&row::Group| group.managed;
        match target {
            Target::Group(group) => {
                let group = self.layout.group(row_id(group)).filter(managed);
                group
                    .map(|group| Target::Group(id(group.id)))
                    .into_iter()
                    .collect()
            }
            Target::Lock(lock) => {
                let groups = self.layout.groups_of(row_id(lock)).filter(managed);
                groups
                    .map(|group| Target::Group(id(group.id)))
                    .chain([target])
                    .collect()
            }
        }
    }

    /// The scopes whose shares cover a target. A group that is not managed is never written to, so
    /// that nothing can be given in it.
    pub fn covering(&self, target: Target) -> Vec<access::Scope> {
        let bearing = self.bearing(target).into_iter();
        let mut scopes: Vec<_> = bearing
            .filter_map(|target| match target {
                Target::Group(group) => Some(access::Scope::Group(group)),
                Target::Lock(_) => None,
            })
            .collect();
        if let Target::Lock(lock) = target
            && let Some(lock) = self.layout.lock(row_id(lock))
        {
            scopes.extend(lock.place_id.map(|place| access::Scope::Place(id(place))));
            scopes.push(access::Scope::Account(id(lock.account_id)));
        }
        scopes
    }

    /// When somebody may pass a target, and why.
    pub fn access<'a>(&'a self, facts: &'a Facts, target: Target, around: Span) -> Access<'a> {
        evaluate(
            facts,
            &self.rules_for(target),
            &self.covering(target),
            around,
        )
    }

    /// Whether somebody may pass a target at an instant, and the cause.
    pub fn decide(&self, facts: &Facts, target: Target, at: Instant) -> Decision {
        self.access(facts, target, around(at)).decide(at)
    }

    /// Whether somebody may pass a target at an instant: what `decide` says, without the cause, for
    /// large numbers of people.
    pub fn may_pass(&self, facts: &Facts, target: Target, at: Instant) -> bool {
        let moment = Span::new(at, at.plus(Duration::from_micros(1)));
        self.access(facts, target, moment).spans.contains(at)
    }

    /// The targets that a rule, or a share of this member, bears on: groups by name, then locks.
    pub fn targets(&self, facts: &Facts) -> Vec<Target> {
        let groups = self
            .layout
            .groups
            .iter()
            .map(|group| Target::Group(id(group.id)));
        let bears = |target: &Target| {
            let bearing = self.bearing(*target);
            let covering = self.covering(*target);
            self.rules.iter().any(|rule| bearing.contains(&rule.target))
                || facts
                    .shares
                    .iter()
                    .any(|share| covering.contains(&share.scope))
        };
        groups.chain(self.locks()).filter(bears).collect()
    }

    /// Each lock, by name.
    pub fn locks(&self) -> impl Iterator<Item = Target> {
        self.layout
            .locks
            .iter()
            .map(|lock| Target::Lock(id(lock.id)))
    }
}

/// Premises with what some members hold.
#[derive(Debug)]
pub struct Deciding {
    /// What decisions hang on, but for the members.
    pub premises: Premises,
    /// What each member holds.
    pub holdings: Map<Uuid, Holdings>,
}

impl Deciding {
    /// Loads both, in a fixed number of statements.
    pub async fn load(
        connection: &impl Connection,
        scope: Scope,
        members: &[Uuid],
        known: Known,
    ) -> Result<Self, StoreError> {
        let premises = Premises::load(connection, scope, known).await?;
        let holdings = facts::load(connection, scope, members, known).await?;
        Ok(Self { premises, holdings })
    }

    /// Whether a member may pass a target at an instant, and the cause. None for a member that was
    /// not loaded.
    pub fn decision(&self, member: Uuid, target: Target, at: Instant) -> Option<Decision> {
        let holdings = self.holdings.get(&member)?;
        Some(self.premises.decide(&holdings.facts, target, at))
    }

    /// When a member may pass a target. None for a member that was not loaded.
    pub fn spans(&self, member: Uuid, target: Target, around: Span) -> Option<SpanSet> {
        let holdings = self.holdings.get(&member)?;
        Some(self.premises.access(&holdings.facts, target, around).spans)
    }
}
