//! What an edit of a rule would do, to whom, before it is made: every member of the club is judged twice by the heart, as
//! the rules are and as they would be.
//!
//! Promises that the effect is that of all members, and that what is kept of them is small: who gains or loses, not their
//! spans. Never writes. Called by the API's previews, and by the mutations of rules that name one.

use std::collections::BTreeSet;

use access::{Change, Effect, Instant, Rule, RuleVersion, Target, Trial};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{
    decide::{Premises, id, row_id},
    store::{
        Connection, Scope, StoreError, clubs,
        facts::{self, Known},
        fold, members,
        rules::{self, StoredCondition},
    },
};

mod basis;
mod list;
mod warning;

pub use basis::{Basis, CheckError, GOOD_FOR, opened, sealed, stale};
pub use list::{Changed, Changes, Side};
pub use warning::{Warning, WarningCode};

/// How many members are held in memory at once.
const CHUNK: usize = 500;
/// How many are judged before other tasks have their turn.
const TURN: usize = 50;

/// What a rule is to say.
#[derive(Clone, Debug)]
pub struct Wording {
    /// How people call it.
    pub name: String,
    /// Whether it gives access at all.
    pub enabled: bool,
    /// Where it gives access.
    pub target: Target,
    /// In their order.
    pub conditions: Vec<StoredCondition>,
}

/// An edit: of a new rule without `rule`, a deletion without `to`.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The rule that is edited.
    pub rule: Option<Uuid>,
    /// What it is to say.
    pub to: Option<Wording>,
}

impl Proposal {
    /// Equal for edits that do the same to everybody's access.
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

/// Somebody whose access to a target would change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Affected {
    folded_name: String,
    member: Uuid,
    /// Where the target stands among those that were judged.
    target: usize,
    gains: bool,
    loses: bool,
}

/// What an edit would do.
#[derive(Debug)]
pub struct Preview {
    /// Over all members and targets.
    pub effect: Effect,
    /// What is worth a second look.
    pub warnings: Vec<Warning>,
    /// By name, then by id.
    affected: Vec<Affected>,
    /// Of who gains and loses what.
    fingerprint: Fingerprint,
    /// The club's revision when it was begun.
    revision: i64,
    case: Case,
}

impl Preview {
    /// How many gain something, or lose something, each target counted.
    pub fn count(&self, side: Side) -> usize {
        self.affected.iter().filter(|it| side.is_of(it)).count()
    }
}

/// The club with the edit and without it.
#[derive(Debug)]
struct Case {
    scope: Scope,
    at: Instant,
    premises: Premises,
    /// The rule as it is, and as it would be.
    before: Option<Rule>,
    after: Option<Rule>,
    /// The version that stands; 0 for a rule that is not there yet.
    version: i32,
    targets: Vec<Target>,
}

impl Case {
    /// None where there is no such rule.
    async fn load(
        connection: &impl Connection,
        scope: Scope,
        proposal: &Proposal,
        at: Instant,
    ) -> Result<Option<Self>, StoreError> {
        let premises = Premises::load(connection, scope, Known::Now).await?;
        let (mut before, mut version) = (None, 0);
        if let Some(rule) = proposal.rule.map(id) {
            let all = rules::load(connection, scope, Known::Now).await?;
            before = all.into_iter().find(|it| it.id == rule);
            let Some(row) = premises.row(rule).filter(|_| before.is_some()) else {
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
        Ok(Some(Self {
            scope,
            at,
            premises,
            before,
            after,
            version,
            targets,
        }))
    }

    /// Whether a rule on one target bears on another: the groups that contain a lock are among what covers it.
    fn bears(&self, rule: &Rule, target: Target) -> bool {
        match rule.target {
            Target::Lock(_) => rule.target == target,
            Target::Group(group) => {
                let covering = self.premises.covering(target);
                covering.contains(&access::Scope::Group(group))
            }
        }
    }

    /// The rules that bear on a target and stay as they are.
    fn kept(&self, target: Target) -> Vec<&Rule> {
        let edited = self.before.as_ref().map(|rule| rule.id);
        let mut rules = self.premises.rules_for(target);
        rules.retain(|rule| Some(rule.id) != edited);
        rules
    }

    fn trial(&self, target: Target) -> Trial<'_> {
        let bearing =
            |rule: &'_ Option<Rule>| rule.as_ref().is_some_and(|it| self.bears(it, target));
        Trial::new(
            self.kept(target),
            self.before.as_ref().filter(|_| bearing(&self.before)),
            self.after.as_ref().filter(|_| bearing(&self.after)),
            self.premises.covering(target),
            self.at,
        )
    }

    /// Equal while the same rules and shares bear on the targets: which lock is in which group is no fact of the club,
    /// and raises no revision.
    fn ground(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        for target in &self.targets {
            let (mut kept, mut covering) = (self.kept(*target), self.premises.covering(*target));
            kept.sort_by_key(|rule| rule.id);
            covering.sort();
            for rule in kept {
                hash.update(row_id(rule.id));
            }
            for scope in covering {
                let (mark, of) = match scope {
                    access::Scope::Group(of) => (b'g', of),
                    access::Scope::Place(of) => (b'p', of),
                    access::Scope::Account(of) => (b'a', of),
                };
                hash.update([mark]);
                hash.update(row_id(of));
            }
        }
        hash.finalize().into()
    }

    fn trials(&self) -> Vec<Trial<'_>> {
        self.targets.iter().map(|it| self.trial(*it)).collect()
    }
}

/// The rule with a further version that stands since `at`. Another target's versions say nothing of the new one.
fn edited(before: Option<&Rule>, to: &Wording, at: Instant) -> Rule {
    let mut versions = before.map_or_else(Vec::new, |rule| rule.versions.clone());
    let moved = before.is_some_and(|rule| rule.target != to.target);
    for version in &mut versions {
        version.enabled &= !moved;
    }
    let since = versions.last().map_or(at, |last| last.since.max(at));
    let conditions = to.conditions.iter().map(StoredCondition::to_access);
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

/// What an edit would do from an instant on, if it were made then. None where the rule that it names is not there. Everybody is
/// evaluated in the turns that are given; within a transaction that writes, which must not wait for readers, in none.
pub async fn preview(
    connection: &impl Connection,
    scope: Scope,
    proposal: &Proposal,
    at: Instant,
    turns: Option<&Semaphore>,
) -> Result<Option<Preview>, StoreError> {
    // Before anything else is read: whatever changes meanwhile raises it.
    let club = clubs::get(connection, scope).await?;
    let revision = club.map_or(0, |club| club.revision);
    let Some(case) = Case::load(connection, scope, proposal, at).await? else {
        return Ok(None);
    };
    let asked = warning::subjects(&case, proposal)?;
    let mut found = Found::new(warning::tags(&asked));
    found.walk(connection, &case, turns).await?;
    let warnings = warning::all(connection, &case, &asked, &found.missing).await?;
    found.affected.sort();
    Ok(Some(Preview {
        effect: found.effect,
        warnings,
        affected: found.affected,
        fingerprint: found.hash.finalize().into(),
        revision,
        case,
    }))
}

/// What is kept of the members that were judged.
struct Found {
    effect: Effect,
    affected: Vec<Affected>,
    hash: Sha256,
    /// The tags that nobody bears so far.
    missing: BTreeSet<String>,
}

impl Found {
    fn new(missing: BTreeSet<String>) -> Self {
        Self {
            effect: Effect::default(),
            affected: Vec::new(),
            hash: Sha256::new(),
            missing,
        }
    }

    /// Judges everybody, in the order of their ids. Whoever comes meanwhile raises the club's revision.
    async fn walk(
        &mut self,
        connection: &impl Connection,
        case: &Case,
        turns: Option<&Semaphore>,
    ) -> Result<(), StoreError> {
        let trials = case.trials();
        let everybody = members::ids(connection, case.scope).await?;
        for ids in everybody.chunks(CHUNK) {
            // It is never closed.
            let _turn = match turns {
                Some(turns) => turns.acquire().await.ok(),
                None => None,
            };
            let holdings = facts::load(connection, case.scope, ids, Known::Now).await?;
            let mut changes = Vec::new();
            for (turn, member) in ids.iter().enumerate() {
                if turn % TURN == TURN - 1 {
                    tokio::task::yield_now().await;
                }
                let Some(held) = holdings.get(member) else {
                    continue;
                };
                for tag in &held.facts.tags {
                    self.missing.remove(tag);
                }
                for (target, trial) in trials.iter().enumerate() {
                    let change = trial.change(&held.facts);
                    changes.extend(change.map(|change| (*member, target, change)));
                }
            }
            let affected: Vec<Uuid> = changes.iter().map(|(member, ..)| *member).collect();
            let names = members::names(connection, case.scope, &affected).await?;
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
