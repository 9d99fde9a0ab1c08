//! Back-tests an edit of a rule: evaluates the recorded entries and refusals at the doors that the rule concerns, with the current
//! rules and with the edited ones, as if the edit had always been in effect. The facts are those known now. Read-only.

use std::{collections::BTreeMap, time::Duration};

use access::{Facts, Instant, Rule, RuleVersion, Span, Target, evaluate};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{Proposal, RuleDiff};
use crate::store::{
    ClubScope, Db, StoreError,
    convert::id,
    facts::{self, AsOf},
    listings::{self, HistoryFilter},
    page::{ByTime, Key, Listed, Window},
    row::{HistoryEntry, HistoryKind, ScopeKind},
};

/// How many history entries are read at a time.
const PAGE: u64 = 1_000;
/// How many history entries are read at most.
pub const MAX_EVENTS: usize = 50_000;
/// How many members are evaluated before the task yields to others.
const YIELD_EVERY: usize = 50;

/// What an edit would have changed.
#[derive(Debug, Default)]
pub struct BackTest {
    /// The entries at the doors that the rule concerns.
    pub entries: usize,
    /// The refusals there.
    pub refusals: usize,
    /// The entries that the current rules do not explain, such as those of staff in groups that are not managed.
    pub unexplained: usize,
    /// The entries that the edited rules would have refused, the oldest first.
    pub refused: Vec<HistoryEntry>,
    /// The refusals that the edited rules would have allowed, the oldest first.
    pub allowed: Vec<HistoryEntry>,
    /// Until when events were read, if there are more than `MAX_EVENTS`.
    pub ends_early: Option<i64>,
}

/// The recorded entries and refusals of a period, the oldest first.
pub fn recorded(scope: ClubScope, period: Span) -> impl Listed<Row = HistoryEntry> {
    let filter = HistoryFilter {
        kinds: Some(vec![HistoryKind::Unlocked, HistoryKind::UnlockDenied]),
        from: Some(period.from.micros()),
        until: Some(period.until.micros()),
        ..HistoryFilter::default()
    };
    listings::history(scope, filter, ByTime::OldestFirst)
}

/// Back-tests an edit with the events from `period.from` until `period.until`. None if the rule does not exist.
pub async fn back_test(
    db: &Db,
    scope: ClubScope,
    proposal: &Proposal,
    period: Span,
    turns: &Semaphore,
) -> Result<Option<BackTest>, StoreError> {
    let Some(mut diff) = RuleDiff::load(db.read(), scope, proposal, period.from).await? else {
        return Ok(None);
    };
    diff.after = diff.after.map(always);
    let mut result = BackTest::default();
    let list = recorded(scope, period);
    let mut window = Window {
        most: PAGE,
        ..Window::default()
    };
    let mut count = 0;
    loop {
        let rows = list.rows(db, &window).await?;
        let Some(last) = rows.last() else {
            return Ok(Some(result));
        };
        count += rows.len();
        window.after = Some(Key {
            name: String::new(),
            id: last.id,
        });
        let last_at = last.at;
        result.add(db, &diff, rows, turns).await?;
        if count >= MAX_EVENTS {
            result.ends_early = Some(last_at);
            return Ok(Some(result));
        }
    }
}

/// The rule with its last version alone, since always.
fn always(rule: Rule) -> Rule {
    let last = rule.versions.into_iter().last();
    let versions = last.map(|version| RuleVersion {
        since: Instant::BEGINNING,
        ..version
    });
    Rule {
        versions: versions.into_iter().collect(),
        ..rule
    }
}

impl BackTest {
    async fn add(
        &mut self,
        db: &Db,
        diff: &RuleDiff,
        rows: Vec<HistoryEntry>,
        turns: &Semaphore,
    ) -> Result<(), StoreError> {
        let concerned = rows.into_iter().filter_map(|row| {
            let lock = row
                .target_id
                .filter(|_| row.target_kind == Some(ScopeKind::Lock))?;
            let (member, target) = (row.member_id?, Target::Lock(id(lock)));
            diff.concerns(target).then_some((member, target, row))
        });
        let mut by_member: BTreeMap<Uuid, Vec<(Target, HistoryEntry)>> = BTreeMap::new();
        for (member, target, row) in concerned {
            by_member.entry(member).or_default().push((target, row));
        }
        let members: Vec<Uuid> = by_member.keys().copied().collect();
        // Never fails: the semaphore is never closed.
        let _turn = turns.acquire().await.ok();
        let holdings = facts::load(db.read(), diff.scope, &members, AsOf::Now).await?;
        for (turn, (member, events)) in by_member.into_iter().enumerate() {
            if turn % YIELD_EVERY == YIELD_EVERY - 1 {
                tokio::task::yield_now().await;
            }
            if let Some(holdings) = holdings.get(&member) {
                for (target, row) in events {
                    self.count(diff, &holdings.facts, target, row);
                }
            }
        }
        self.refused.sort_by_key(|row| row.id);
        self.allowed.sort_by_key(|row| row.id);
        Ok(())
    }

    fn count(&mut self, diff: &RuleDiff, facts: &Facts, target: Target, row: HistoryEntry) {
        let (before, after) = diff.passes(facts, target, Instant::from_micros(row.at));
        if row.kind == HistoryKind::Unlocked {
            self.entries += 1;
            self.unexplained += usize::from(!before);
            if before && !after {
                self.refused.push(row);
            }
        } else {
            self.refusals += 1;
            if !before && after {
                self.allowed.push(row);
            }
        }
    }
}

impl RuleDiff {
    /// Whether the rule applies to a target, before or after the edit.
    fn concerns(&self, target: Target) -> bool {
        let mut rules = [&self.before, &self.after].into_iter().flatten();
        rules.any(|rule| self.applies_to(rule, target))
    }

    /// Whether a member may pass a target at `at`: with the current rules, and with the edited ones.
    fn passes(&self, facts: &Facts, target: Target, at: Instant) -> (bool, bool) {
        let moment = Span::new(at, at.plus(Duration::from_micros(1)));
        let covering = self.access_context.covering(target);
        let passes = |rules: &[&Rule]| evaluate(facts, rules, &covering, moment).spans.contains(at);
        let mut edited = self.other_rules(target);
        edited.extend(
            self.after
                .iter()
                .filter(|rule| self.applies_to(rule, target)),
        );
        (
            passes(&self.access_context.rules_for(target)),
            passes(&edited),
        )
    }
}
