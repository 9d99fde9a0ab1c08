//! Previews an edit of a rule: evaluates every member of the club with the current rules and with the edited ones, and compares
//! the results.
//!
//! The effect covers all members. Of each affected member only the fact that they gain or lose is kept, not the spans, which
//! keeps previews small. Read-only. Called by the previews of the API, and by the rule mutations that refer to a preview.

use std::collections::BTreeSet;

use access::{Change, Effect, Instant, Rule, RuleVersion, Target, Trial};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{
    decide::AccessContext,
    reconcile::take_over::{self, Person},
    store::{
        ClubScope, Connection, StoreError, clubs,
        convert::{self, id, row_id},
        facts::{self, AsOf},
        fold, members,
        rules::StoredCondition,
    },
};

mod back_test;
mod list;
mod removals;
mod token;
mod warning;

pub use back_test::{BackTest, MAX_EVENTS, back_test, recorded};
pub use list::{Changed, Changes, Removed, Side};
pub use token::{CheckError, PreviewToken, VALID_FOR, open_token, seal_token, stale};
pub use warning::{Warning, WarningCode};

use removals::{HandMade, Wanted};

/// How many members are loaded at a time.
const CHUNK: usize = 500;
/// How many members are evaluated before the task yields to others.
const YIELD_EVERY: usize = 50;

/// The new content of a rule.
#[derive(Clone, Debug)]
pub struct RuleContent {
    pub name: String,
    pub enabled: bool,
    pub target: Target,
    pub conditions: Vec<StoredCondition>,
}

/// An edit of a rule: a creation if `rule` is `None`, a deletion if `to` is `None`.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub rule: Option<Uuid>,
    /// The new rule.
    pub to: Option<RuleContent>,
}

impl Proposal {
    /// Equal for edits with the same effect on access; the name of the rule is left out.
    fn fingerprint(&self) -> Fingerprint {
        #[derive(Serialize)]
        struct Canonical<'a> {
            rule: Option<Uuid>,
            to: Option<(bool, &'static str, Uuid, &'a [StoredCondition])>,
        }
        let to = self.to.as_ref().map(|to| {
            let (kind, target) = target_parts(to.target);
            (to.enabled, kind, target, to.conditions.as_slice())
        });
        let rule = self.rule;
        let text = serde_json::to_vec(&Canonical { rule, to }).unwrap_or_default();
        Sha256::digest(text).into()
    }
}

type Fingerprint = [u8; 32];

fn target_parts(target: Target) -> (&'static str, Uuid) {
    match target {
        Target::Group(group) => ("group", row_id(group)),
        Target::Lock(lock) => ("lock", row_id(lock)),
    }
}

/// A member whose access to a target would change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Affected {
    folded_name: String,
    member: Uuid,
    /// The index of the target in the targets of the preview.
    target: usize,
    gains: bool,
    loses: bool,
}

#[derive(Debug)]
pub struct Preview {
    /// The effect over all members and targets.
    pub effect: Effect,
    pub warnings: Vec<Warning>,
    /// Sorted by name, then by id.
    affected: Vec<Affected>,
    /// People whose assignments, made by others in Kisi, the edit removes. Sorted by name, then by id.
    removed: Vec<Person>,
    /// A hash of all gained and lost spans, and of the removed assignments.
    fingerprint: Fingerprint,
    /// The revision of the club at the start of the preview.
    revision: i64,
    diff: RuleDiff,
}

impl Preview {
    /// Counts the members on one side; a member counts once for each target.
    pub fn count(&self, side: Side) -> usize {
        self.affected.iter().filter(|it| side.includes(it)).count()
    }

    /// Counts the assignments, made by others in Kisi, that the edit removes.
    pub fn removed_count(&self) -> usize {
        self.removed.len()
    }
}

/// The rules of the club with and without the edit.
#[derive(Debug)]
struct RuleDiff {
    scope: ClubScope,
    at: Instant,
    access_context: AccessContext,
    /// The current rule and the edited one.
    before: Option<Rule>,
    after: Option<Rule>,
    /// The current version of the rule; 0 for a new rule.
    version: i32,
    targets: Vec<Target>,
    /// The assignments by others that the edit removes unless the rules want them.
    hand_made: Vec<HandMade>,
}

impl RuleDiff {
    /// `None` where the rule does not exist.
    async fn load(
        connection: &impl Connection,
        scope: ClubScope,
        proposal: &Proposal,
        at: Instant,
    ) -> Result<Option<Self>, StoreError> {
        let access_context = AccessContext::load(connection, scope, AsOf::Now).await?;
        let (mut before, mut version) = (None, 0);
        if let Some(rule) = proposal.rule.map(id) {
            before = access_context.rule(rule).cloned();
            let Some(row) = access_context.row(rule).filter(|_| before.is_some()) else {
                return Ok(None);
            };
            version = row.version;
        }
        let after = proposal
            .to
            .as_ref()
            .map(|to| edited(before.as_ref(), to, at));
        let mut targets: Vec<Target> = Vec::new();
        for rule in [&before, &after].into_iter().flatten() {
            if !targets.contains(&rule.target) {
                targets.push(rule.target);
            }
        }
        let mut diff = Self {
            scope,
            at,
            access_context,
            before,
            after,
            version,
            targets,
            hand_made: Vec::new(),
        };
        diff.hand_made = removals::hand_made(connection, &diff).await?;
        Ok(Some(diff))
    }

    /// Whether a rule applies to a target: a rule on a group also applies to the locks that the group contains.
    fn applies_to(&self, rule: &Rule, target: Target) -> bool {
        match rule.target {
            Target::Lock(_) => rule.target == target,
            Target::Group(group) => {
                let covering = self.access_context.covering(target);
                covering.contains(&access::AccessScope::Group(group))
            }
        }
    }

    /// The other rules that apply to a target; the edit leaves them unchanged.
    fn other_rules(&self, target: Target) -> Vec<&Rule> {
        let edited = self.before.as_ref().map(|rule| rule.id);
        let mut rules = self.access_context.rules_for(target);
        rules.retain(|rule| Some(rule.id) != edited);
        rules
    }

    fn trial(&self, target: Target) -> Trial<'_> {
        let bearing =
            |rule: &'_ Option<Rule>| rule.as_ref().is_some_and(|it| self.applies_to(it, target));
        Trial::new(
            self.other_rules(target),
            self.before.as_ref().filter(|_| bearing(&self.before)),
            self.after.as_ref().filter(|_| bearing(&self.after)),
            self.access_context.covering(target),
            self.at,
        )
    }

    /// Equal while the same rules, scopes and assignments by others apply to the targets. Needed beside the revision of the club,
    /// which does not change when locks move between groups or Kisi is read.
    fn context_fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        for target in &self.targets {
            let (mut kept, mut covering) = (
                self.other_rules(*target),
                self.access_context.covering(*target),
            );
            kept.sort_by_key(|rule| rule.id);
            covering.sort();
            for rule in kept {
                hash.update(row_id(rule.id));
            }
            for scope in covering {
                let (mark, of) = match scope {
                    access::AccessScope::Group(of) => (b'g', of),
                    access::AccessScope::Place(of) => (b'p', of),
                    access::AccessScope::Account(of) => (b'a', of),
                };
                hash.update([mark]);
                hash.update(row_id(of));
            }
        }
        for assignment in removals::ids(self) {
            hash.update(assignment);
        }
        hash.finalize().into()
    }

    fn trials(&self) -> Vec<Trial<'_>> {
        self.targets.iter().map(|it| self.trial(*it)).collect()
    }
}

/// The rule with a new version that is valid from `at`. If the edit changes the target, the earlier versions are disabled,
/// because they applied to the old target.
fn edited(before: Option<&Rule>, to: &RuleContent, at: Instant) -> Rule {
    let mut versions = before.map_or_else(Vec::new, |rule| rule.versions.clone());
    let moved = before.is_some_and(|rule| rule.target != to.target);
    for version in &mut versions {
        version.enabled &= !moved;
    }
    let since = versions.last().map_or(at, |last| last.since.max(at));
    let conditions = to.conditions.iter().map(convert::rules::condition);
    versions.push(RuleVersion {
        since,
        enabled: to.enabled,
        conditions: conditions.collect(),
    });
    Rule {
        id: before.map_or(id(Uuid::nil()), |rule| rule.id),
        target: to.target,
        versions,
    }
}

/// Computes the effect of an edit as if it were made at `at`. `None` where the rule does not exist. With `turns`, each chunk of
/// members waits for its turn; a transaction that writes passes `None`, since it must not wait for readers.
pub async fn preview(
    connection: &impl Connection,
    scope: ClubScope,
    proposal: &Proposal,
    at: Instant,
    turns: Option<&Semaphore>,
) -> Result<Option<Preview>, StoreError> {
    // Read first: any change during the preview raises the revision.
    let club = clubs::get(connection, scope).await?;
    let revision = club.map_or(0, |club| club.revision);
    let Some(diff) = RuleDiff::load(connection, scope, proposal, at).await? else {
        return Ok(None);
    };
    let subjects = warning::subjects(&diff, proposal)?;
    let mut result = PreviewBuilder::new(warning::tags(&subjects));
    result.walk(connection, &diff, turns).await?;
    let removed = removals::removed(connection, &diff, &result.wanted).await?;
    result.effect.removes |= !removed.is_empty();
    for person in &removed {
        result.hash.update(take_over::order(person).1);
    }
    let warnings = warning::all(connection, &diff, &subjects, &result.missing).await?;
    result.affected.sort();
    Ok(Some(Preview {
        effect: result.effect,
        warnings,
        affected: result.affected,
        removed,
        fingerprint: result.hash.finalize().into(),
        revision,
        diff,
    }))
}

/// The accumulated result over the evaluated members.
struct PreviewBuilder {
    effect: Effect,
    affected: Vec<Affected>,
    hash: Sha256,
    /// The tags that no evaluated member has.
    missing: BTreeSet<String>,
    /// When the rules want those in who have an assignment by others.
    wanted: Wanted,
}

impl PreviewBuilder {
    fn new(missing: BTreeSet<String>) -> Self {
        Self {
            effect: Effect::default(),
            affected: Vec::new(),
            hash: Sha256::new(),
            missing,
            wanted: Wanted::new(),
        }
    }

    /// Evaluates all members in the order of their ids. Members that are added meanwhile raise the revision of the club.
    async fn walk(
        &mut self,
        connection: &impl Connection,
        diff: &RuleDiff,
        turns: Option<&Semaphore>,
    ) -> Result<(), StoreError> {
        let trials = diff.trials();
        let holders = removals::holders(diff);
        let everybody = members::ids(connection, diff.scope).await?;
        for ids in everybody.chunks(CHUNK) {
            // Never fails: the semaphore is never closed.
            let _turn = match turns {
                Some(turns) => turns.acquire().await.ok(),
                None => None,
            };
            let holdings = facts::load(connection, diff.scope, ids, AsOf::Now).await?;
            let mut changes = Vec::new();
            for (turn, member) in ids.iter().enumerate() {
                if turn % YIELD_EVERY == YIELD_EVERY - 1 {
                    tokio::task::yield_now().await;
                }
                let Some(holdings) = holdings.get(member) else {
                    continue;
                };
                for tag in &holdings.facts.tags {
                    self.missing.remove(tag);
                }
                for (target, trial) in trials.iter().enumerate() {
                    let change = trial.change(&holdings.facts);
                    if let Some(change) = change.as_ref().filter(|_| holders.contains(member)) {
                        self.wanted.insert((*member, target), change.gained.clone());
                    }
                    changes.extend(change.map(|change| (*member, target, change)));
                }
            }
            let affected: Vec<Uuid> = changes.iter().map(|(member, ..)| *member).collect();
            let names = members::names(connection, diff.scope, &affected).await?;
            for (member, target, change) in changes {
                if let Some(name) = names.get(&member) {
                    self.take(name, member, target, &change);
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, name: &str, member: Uuid, target: usize, change: &Change) {
        self.effect.add(change);
        self.hash.update(member.as_bytes());
        for (mark, spans) in [(b'+', &change.gained), (b'-', &change.lost)] {
            for span in spans {
                self.hash.update([mark, u8::from(target > 0)]);
                self.hash.update(span.from.micros().to_be_bytes());
                self.hash.update(span.until.micros().to_be_bytes());
            }
        }
        self.affected.push(Affected {
            folded_name: fold(name),
            member,
            target,
            gains: !change.gained.is_empty(),
            loses: !change.lost.is_empty(),
        });
    }
}
