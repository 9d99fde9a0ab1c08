//! Decides access for many members at once: loads the rules and doors of a club and the facts of members in a fixed number of
//! statements, and calls the `access` crate.
//!
//! Every reader (a member's access, the members who may pass a target, an explanation) uses the same evaluation of the same data.
//! Read-only.

use std::{collections::HashMap, time::Duration};

use access::{
    Access, AccessScope, Condition, Decision, Facts, Id, Instant, Rule, Span, SpanSet, Target,
    evaluate,
};
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::map::Map;
use crate::store::{
    ClubScope, Connection, StoreError, clubs,
    convert::{id, row_id},
    facts::{self, AsOf, Holdings},
    row, rules,
};

mod evaluations;
mod layout;
mod member_criteria;

pub use evaluations::{EvaluationBudget, MAX_EVALUATIONS, MAX_PARALLEL_CHUNKS, Question};
pub use layout::Layout;
pub use member_criteria::{AccessCriterion, FilteredMembers, MemberCriteria};

const DAY: Duration = Duration::from_hours(24);

/// The span around an instant for which recurring windows are generated.
pub fn around(at: Instant) -> Span {
    Span::new(at.minus(30 * DAY), at.plus(60 * DAY))
}

/// Everything that access decisions of a club or of one Kisi account depend on, except the members.
#[derive(Debug)]
pub struct AccessContext {
    /// The point in time of the read.
    pub as_of: AsOf,
    pub layout: Layout,
    pub zone: TimeZone,
    rules: Vec<Rule>,
    rows: HashMap<Id, row::Rule>,
}

impl AccessContext {
    /// The rules are read as of `known`. The managed groups and the locks of each group are always the current ones.
    pub async fn load(
        connection: &impl Connection,
        scope: ClubScope,
        as_of: AsOf,
    ) -> Result<Self, StoreError> {
        let layout = Layout::load(connection, scope).await?;
        Self::with_layout(connection, scope, as_of, layout).await
    }

    /// Like `load`, with this layout in place of the club's.
    pub async fn with_layout(
        connection: &impl Connection,
        scope: ClubScope,
        as_of: AsOf,
        layout: Layout,
    ) -> Result<Self, StoreError> {
        let club = clubs::get(connection, scope).await?;
        let zone = club.and_then(|club| TimeZone::get(&club.time_zone).ok());
        let rules = rules::load(connection, scope, as_of).await?.into_iter();
        let (rules, rows) = rules
            .map(|(rule, row)| (rule, (id(row.rule_id), row)))
            .unzip();
        Ok(Self {
            as_of,
            layout,
            zone: zone.unwrap_or(TimeZone::UTC),
            rules,
            rows,
        })
    }

    /// A rule with its earlier versions.
    pub fn rule(&self, rule: Id) -> Option<&Rule> {
        self.rules.iter().find(|candidate| candidate.id == rule)
    }

    pub fn row(&self, rule: Id) -> Option<&row::Rule> {
        self.rows.get(&rule)
    }

    /// A condition of a rule's current version, by its index.
    pub fn condition(&self, rule: Id, index: usize) -> Option<&Condition> {
        self.rule(rule)?.current()?.conditions.get(index)
    }

    /// The rules that apply to a target: for a group its own, if it is managed; for a lock its own and those of the managed
    /// groups that contain it.
    pub fn rules_for(&self, target: Target) -> Vec<&Rule> {
        let bearing = self.rule_targets(target);
        self.rules
            .iter()
            .filter(|rule| bearing.contains(&rule.target))
            .collect()
    }

    fn rule_targets(&self, target: Target) -> Vec<Target> {
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

    /// The scopes whose shares cover a target. Groups that are not managed are left out: this service never writes to them, so a
    /// share there gives nothing.
    pub fn covering(&self, target: Target) -> Vec<AccessScope> {
        let bearing = self.rule_targets(target).into_iter();
        let mut scopes: Vec<_> = bearing
            .filter_map(|target| match target {
                Target::Group(group) => Some(AccessScope::Group(group)),
                Target::Lock(_) => None,
            })
            .collect();
        if let Target::Lock(lock) = target
            && let Some(lock) = self.layout.lock(row_id(lock))
        {
            scopes.extend(lock.place_id.map(|place| AccessScope::Place(id(place))));
            scopes.push(AccessScope::Account(id(lock.account_id)));
        }
        scopes
    }

    pub fn access<'a>(&'a self, facts: &'a Facts, target: Target, around: Span) -> Access<'a> {
        evaluate(
            facts,
            &self.rules_for(target),
            &self.covering(target),
            around,
        )
    }

    /// When a grant of this scope has to let somebody in: by the rules and shares of the scope itself.
    pub fn spans(&self, facts: &Facts, scope: AccessScope, around: Span) -> SpanSet {
        let rules = match scope {
            AccessScope::Group(group) => self.rules_for(Target::Group(group)),
            AccessScope::Place(_) | AccessScope::Account(_) => Vec::new(),
        };
        evaluate(facts, &rules, &[scope], around).spans
    }

    pub fn decide(&self, facts: &Facts, target: Target, at: Instant) -> Decision {
        self.access(facts, target, around(at)).decide(at)
    }

    /// Like `decide`, but without the cause, and fast enough for many members.
    pub fn may_pass(&self, facts: &Facts, target: Target, at: Instant) -> bool {
        let moment = Span::new(at, at.plus(Duration::from_micros(1)));
        self.access(facts, target, moment).spans.contains(at)
    }

    /// The targets to which a rule or a share of this member applies: groups by name, then locks by name.
    pub fn targets(&self, facts: &Facts) -> Vec<Target> {
        let groups = self
            .layout
            .groups
            .iter()
            .map(|group| Target::Group(id(group.id)));
        let applies = |target: &Target| {
            let bearing = self.rule_targets(*target);
            let covering = self.covering(*target);
            self.rules.iter().any(|rule| bearing.contains(&rule.target))
                || facts
                    .shares
                    .iter()
                    .any(|share| covering.contains(&share.scope))
        };
        groups.chain(self.locks()).filter(applies).collect()
    }

    /// All locks, by name.
    pub fn locks(&self) -> impl Iterator<Item = Target> {
        self.layout
            .locks
            .iter()
            .map(|lock| Target::Lock(id(lock.id)))
    }
}

/// The access context of a club together with the facts of some members.
#[derive(Debug)]
pub struct MemberDecisions {
    pub access_context: AccessContext,
    /// By member.
    pub holdings: Map<Uuid, Holdings>,
}

impl MemberDecisions {
    /// Takes a fixed number of statements, however many members there are.
    pub async fn load(
        connection: &impl Connection,
        scope: ClubScope,
        members: &[Uuid],
        as_of: AsOf,
    ) -> Result<Self, StoreError> {
        let access_context = AccessContext::load(connection, scope, as_of).await?;
        let holdings = facts::load(connection, scope, members, as_of).await?;
        Ok(Self {
            access_context,
            holdings,
        })
    }

    /// `None` for a member that was not loaded.
    pub fn decision(&self, member: Uuid, target: Target, at: Instant) -> Option<Decision> {
        let holdings = self.holdings.get(&member)?;
        Some(self.access_context.decide(&holdings.facts, target, at))
    }

    /// `None` for a member that was not loaded.
    pub fn spans(&self, member: Uuid, target: Target, around: Span) -> Option<SpanSet> {
        let holdings = self.holdings.get(&member)?;
        Some(
            self.access_context
                .access(&holdings.facts, target, around)
                .spans,
        )
    }
}
