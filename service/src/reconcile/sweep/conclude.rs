//! The changes that follow from a compared list: missing grants, grants with other windows, new assignments, and which members
//! become due when. They are stored in one transaction, so that after a crash the next sweep starts again.
//!
//! A stranger is stored as a user that is its own member, with its assignments as grants: no access is wanted for it, so the plan
//! deletes them like those of members, and the brake counts the person. An assignment that others made for a member becomes an
//! external grant of the member, which the plan keeps if the rules want it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use access::{Instant, Span};
use uuid::Uuid;

use super::{
    Listing, Report, Sweep,
    compare::{Classified, Differences},
    list::count,
};
use crate::{
    clock::new_id,
    kisi::Assignment,
    reconcile::execute::{GROUP_ROLE, window_of},
    store::{
        ClubScope, StoreError, Transaction, clubs,
        convert::span_columns,
        due::{self, Recurring},
        grants,
        history::{self, Entry},
        lookup, members,
        row::{self, GrantState, HistoryKind, Intent, ScopeKind, StrangerPolicy},
        setup, sweep,
    },
    transaction,
};

/// The problem of a group that somebody else changes repeatedly.
pub const CONFLICT_PROBLEM: &str = "Another integration or an administrator keeps undoing changes of this service in Kisi: the \
                          same access was deleted or changed there three times within a day. Let only one of them manage \
                          this group. Until then each repair waits longer than the one before.";

/// This many changes of one member's access within a day are a conflict.
const CONFLICT_THRESHOLD: i64 = 3;
const DAY: Duration = Duration::from_hours(24);
/// The first and the longest delay of a repair during a conflict.
const CONFLICT_BACKOFF: (Duration, Duration) = (Duration::from_mins(15), Duration::from_hours(12));

pub struct Conclusions {
    scope: ClubScope,
    account: Uuid,
    now: i64,
    reappeared: Vec<Uuid>,
    /// Grants that differ for the first time, in a list that is doubtful as a whole.
    doubted: Vec<Uuid>,
    missing: Vec<row::Grant>,
    changed: Vec<(row::Grant, Span)>,
    changed_role: Vec<row::Grant>,
    strangers: Vec<row::KisiUser>,
    /// New strangers with the plain role. They were no members when the list was compared.
    presumed_strangers: BTreeSet<Uuid>,
    adopted: Vec<(row::Grant, Recurring)>,
    /// Users of members that were found in the list by e-mail.
    matched: Vec<row::KisiUser>,
    /// The group, if this was its first read.
    unread: Option<row::Group>,
    /// When members in a conflict become due, in microseconds.
    postponed: BTreeMap<Uuid, i64>,
    group: Option<Uuid>,
    name: String,
}

impl Conclusions {
    /// The changes that follow from the differences and the unknown assignments of a list.
    pub(super) async fn of(
        sweep: &Sweep,
        listing: &Listing,
        mut differences: Differences,
        classified: Classified,
    ) -> Result<Self, StoreError> {
        let now = sweep.app.clock.now();
        let doubted = doubted(&mut differences, sweep.began);
        let (scope, account) = (sweep.scope, sweep.account.id);
        let mut conclusions = Self {
            reappeared: differences.reappeared,
            doubted,
            missing: differences.missing,
            changed: differences.changed,
            changed_role: differences.changed_role,
            unread: listing.unread_group().cloned(),
            ..Self::none(scope, account, listing.group.as_ref(), now)
        };
        conclusions.add_unknown(listing.at, classified);
        conclusions.detect_conflicts(sweep, listing, now).await?;
        Ok(conclusions)
    }

    /// The changes that follow from the unknown assignments of a group that is about to be managed.
    pub fn of_group(
        scope: ClubScope,
        account: Uuid,
        group: &row::Group,
        classified: Classified,
        now: Instant,
    ) -> Self {
        let mut conclusions = Self::none(scope, account, Some(group), now);
        conclusions.add_unknown((ScopeKind::Group, group.id), classified);
        conclusions
    }

    fn none(scope: ClubScope, account: Uuid, group: Option<&row::Group>, now: Instant) -> Self {
        Self {
            scope,
            account,
            now: now.micros(),
            reappeared: Vec::new(),
            doubted: Vec::new(),
            missing: Vec::new(),
            changed: Vec::new(),
            changed_role: Vec::new(),
            strangers: Vec::new(),
            presumed_strangers: BTreeSet::new(),
            adopted: Vec::new(),
            matched: Vec::new(),
            unread: None,
            postponed: BTreeMap::new(),
            group: group.map(|group| group.id),
            name: group.map_or_else(
                || "a shared place or account".to_owned(),
                |group| format!("“{}”", group.name),
            ),
        }
    }

    fn add_unknown(&mut self, at: (ScopeKind, Uuid), classified: Classified) {
        let (club_id, account_id, now) = (self.scope.club, self.account, self.now);
        let grant = |user: &row::KisiUser, row: &Assignment, external: bool| {
            let (valid_from, valid_until) = span_columns(window_of(row));
            row::Grant {
                id: new_id(),
                club_id,
                account_id,
                member_id: user.member_id,
                kisi_user_id: user.id,
                scope_kind: at.0,
                scope_id: at.1,
                kisi_id: Some(row.id),
                valid_from,
                valid_until,
                state: GrantState::Confirmed,
                intent: Intent::None,
                want_from: None,
                want_until: None,
                notify: false,
                problem: None,
                created_at: now,
                confirmed_at: Some(now),
                missed_at: None,
                external,
                adopted: false,
                asked_differs: false,
                asked_from: None,
                asked_until: None,
            }
        };
        let mut adopted = Vec::new();
        for (user, row) in &classified.duplicate_assignments {
            adopted.push((grant(user, row, false), Recurring::Duplicate));
        }
        for (user, row) in &classified.of_members {
            adopted.push((grant(user, row, true), Recurring::ExternalAssignment));
        }
        self.matched = classified.matched;
        let mut matched: HashMap<i64, row::KisiUser> = HashMap::new();
        for (known, row) in &classified.of_strangers {
            let again = row.user_id.and_then(|id| matched.get(&id)).cloned();
            let stranger = known.clone().or(again).unwrap_or_else(|| {
                let id = new_id();
                let stranger = row::KisiUser {
                    id,
                    club_id,
                    account_id,
                    member_id: id,
                    email: row.email.clone(),
                    kisi_id: row.user_id,
                    sent: false,
                    problem: None,
                };
                self.strangers.push(stranger.clone());
                stranger
            });
            if row.role_id == GROUP_ROLE {
                self.presumed_strangers.insert(stranger.id);
            }
            if let Some(user) = row.user_id {
                matched.insert(user, stranger.clone());
            }
            adopted.push((grant(&stranger, row, true), Recurring::Strangers));
        }
        self.adopted = adopted;
    }

    /// Delays the repair for members whose access was changed repeatedly within a day, and sets or clears the group's problem.
    async fn detect_conflicts(
        &mut self,
        sweep: &Sweep,
        listing: &Listing,
        now: Instant,
    ) -> Result<(), StoreError> {
        let since = now.minus(DAY).micros();
        let (db, target) = (sweep.app.db.read(), listing.at.1);
        let members: BTreeSet<Uuid> = self.drifted().map(|grant| grant.member_id).collect();
        let members: Vec<Uuid> = members.into_iter().collect();
        if !members.is_empty() {
            let before = sweep::drifts(db, self.scope, target, Some(&members), since).await?;
            for member in members {
                let times = before.get(&member).copied().unwrap_or(0) + 1;
                if times >= CONFLICT_THRESHOLD {
                    self.postponed
                        .insert(member, now.plus(conflict_delay(times)).micros());
                }
            }
        }
        let had_problem = (listing.group.as_ref()).is_some_and(|group| group.problem.is_some());
        let mut is_conflict = !self.postponed.is_empty();
        if had_problem && !is_conflict {
            let all = sweep::drifts(db, self.scope, target, None, since).await?;
            is_conflict = all.values().any(|times| *times >= CONFLICT_THRESHOLD);
        }
        sweep
            .set_group_problem(listing, is_conflict.then_some(CONFLICT_PROBLEM))
            .await
    }

    /// Grants made by this service that differ in Kisi.
    fn drifted(&self) -> impl Iterator<Item = &row::Grant> {
        let changed = self.changed.iter().map(|(grant, _)| grant);
        let all = self.missing.iter().chain(changed).chain(&self.changed_role);
        all.filter(|grant| !grant.external)
    }

    /// Stores the changes and marks the members due.
    pub async fn write(self, sweep: &Sweep, report: &mut Report) -> Result<(), StoreError> {
        report.is_doubtful |= !self.doubted.is_empty();
        report.found.missing += count(self.missing.len());
        report.found.changed += count(self.changed.len() + self.changed_role.len());
        let of = |cause| self.adopted.iter().filter(|(_, of)| *of == cause).count();
        report.found.strangers += count(of(Recurring::Strangers));
        report.found.duplicate_assignments += count(of(Recurring::Duplicate));
        if self.is_empty() {
            return Ok(());
        }
        let written = transaction!(sweep.app.db, |tx| self.write_in(tx).await).await;
        sweep.app.waker.wake(sweep.scope);
        written
    }

    fn is_empty(&self) -> bool {
        self.reappeared.is_empty()
            && self.doubted.is_empty()
            && self.missing.is_empty()
            && self.changed.is_empty()
            && self.changed_role.is_empty()
            && self.adopted.is_empty()
            && self.matched.is_empty()
            && self.unread.is_none()
    }

    async fn write_in(mut self, tx: &Transaction) -> Result<(), StoreError> {
        let (scope, now) = (self.scope, self.now);
        clubs::lock(tx, scope).await?;
        let marks = self.store(tx).await?;
        if let Some(group) = &self.unread {
            mark_group_read(tx, scope, group, now).await?;
        }
        let mut by_time: BTreeMap<i64, BTreeMap<Uuid, due::Cause>> = BTreeMap::new();
        for (member, cause) in marks {
            let at = self.postponed.get(&member).copied().unwrap_or(now);
            let marked = by_time.entry(at).or_default();
            marked.insert(member, due::Cause::recurring(cause));
        }
        for (at, members) in by_time {
            due::mark_in(tx, scope, &[self.account], members, at).await?;
        }
        Ok(())
    }

    /// Stores the changes. Returns the members concerned, which the caller marks due in the same transaction, with the cause.
    pub async fn store(
        &mut self,
        tx: &Transaction,
    ) -> Result<BTreeMap<Uuid, Recurring>, StoreError> {
        let (scope, now) = (self.scope, self.now);
        let mut marks: BTreeMap<Uuid, Recurring> = BTreeMap::new();
        let mut entries = Vec::new();
        sweep::set_missed(tx, scope, &self.reappeared, None).await?;
        sweep::set_missed(tx, scope, &self.doubted, Some(now)).await?;
        let missing: Vec<Uuid> = self.missing.iter().map(|grant| grant.id).collect();
        sweep::set_missed(tx, scope, &missing, Some(now)).await?;
        marks.extend(
            self.missing
                .iter()
                .map(|grant| (grant.member_id, Recurring::MissingGrant)),
        );
        for (grant, window) in &self.changed {
            if sweep::store_window(tx, scope, grant, span_columns(*window)).await? {
                marks.insert(grant.member_id, Recurring::ChangedGrant);
                if !grant.external {
                    let text = format!(
                        "The times of the access to {} were changed in Kisi.",
                        self.name
                    );
                    entries.push(entry(grant, Recurring::ChangedGrant, text));
                }
            }
        }
        for grant in &self.changed_role {
            grants::remove(tx, scope, grant.id).await?;
            marks.insert(grant.member_id, Recurring::ChangedGrant);
            if grant.external {
                continue;
            }
            let text = format!(
                "Somebody changed the role of the assignment for {} in Kisi. This service no longer manages it.",
                self.name
            );
            entries.push(entry(grant, Recurring::ChangedGrant, text));
        }
        for user in &self.matched {
            let existing = grants::users_in(tx, scope, self.account, &[user.member_id]).await?;
            let existing = existing.into_iter().find(|row| row.email == user.email);
            let is_as_read = existing
                .as_ref()
                .is_none_or(|row| row.id == user.id && row.kisi_id.is_none() && !row.sent);
            if is_as_read {
                grants::put_user(tx, user.clone(), existing.is_none()).await?;
                grants::claim_from_strangers(tx, scope, user).await?;
                marks.insert(user.member_id, Recurring::ExternalAssignment);
            }
        }
        let mut adopted = Vec::new();
        for (grant, cause) in self.grants_to_store(tx).await? {
            marks.insert(grant.member_id, cause);
            if cause == Recurring::Duplicate {
                let text = format!("Kisi held the same assignment for {} twice.", self.name);
                entries.push(entry(&grant, cause, text));
            }
            adopted.push(grant);
        }
        let holding: BTreeSet<Uuid> = adopted.iter().map(|grant| grant.kisi_user_id).collect();
        let mut strangers = std::mem::take(&mut self.strangers);
        strangers.retain(|stranger| holding.contains(&stranger.id));
        sweep::insert_discovered(tx, strangers, adopted).await?;
        history::write(tx, scope, now, entries).await?;
        Ok(marks)
    }

    /// The new grants of members, by member.
    pub fn of_members(&self) -> BTreeMap<Uuid, Vec<row::Grant>> {
        let mut grants: BTreeMap<Uuid, Vec<row::Grant>> = BTreeMap::new();
        for (grant, _) in &self.adopted {
            if grant.member_id != grant.kisi_user_id {
                grants
                    .entry(grant.member_id)
                    .or_default()
                    .push(grant.clone());
            }
        }
        grants
    }
}

impl Conclusions {
    /// The new grants, without those that the loop stored meanwhile, and without those that a change of the group's policy or
    /// management during the read excludes.
    async fn grants_to_store(
        &self,
        tx: &Transaction,
    ) -> Result<Vec<(row::Grant, Recurring)>, StoreError> {
        if self.adopted.is_empty() {
            return Ok(Vec::new());
        }
        // Locks the club, as changes of a policy do, so that both run one after the other.
        clubs::touch(tx, self.scope).await?;
        let group = match self.group {
            Some(group) => lookup::by_id::<row::Group>(tx, self.scope, group).await?,
            None => None,
        };
        let is_ours = group.as_ref().is_none_or(|group| group.managed);
        let removes = group.is_some_and(|group| group.strangers == StrangerPolicy::Remove);
        let ids = (self.adopted.iter()).filter_map(|(grant, _)| grant.kisi_id);
        let ids: Vec<i64> = ids.collect();
        let known = grants::by_kisi_ids(tx, self.scope, self.account, &ids).await?;
        let known: BTreeSet<i64> = known.into_iter().map(|(id, _)| id).collect();
        let members = self.became_members(tx).await?;
        let mut adopted = self.adopted.clone();
        adopted.retain(|(grant, _)| {
            is_ours
                && (removes || grant.member_id != grant.kisi_user_id)
                && !members.contains(&grant.member_id)
                && !grant.kisi_id.is_some_and(|id| known.contains(&id))
        });
        Ok(adopted)
    }

    /// New strangers who became members meanwhile. The next sweep stores them as members.
    async fn became_members(&self, tx: &Transaction) -> Result<BTreeSet<Uuid>, StoreError> {
        let strangers = self.strangers.iter();
        let strangers = strangers.filter(|stranger| self.presumed_strangers.contains(&stranger.id));
        let strangers: Vec<&row::KisiUser> = strangers.collect();
        if strangers.is_empty() {
            return Ok(BTreeSet::new());
        }
        let address = |stranger: &row::KisiUser| stranger.email.trim().to_lowercase();
        let emails: BTreeSet<String> = strangers.iter().map(|stranger| address(stranger)).collect();
        let emails: Vec<String> = emails
            .into_iter()
            .filter(|email| !email.is_empty())
            .collect();
        let taken = members::by_emails(tx, self.scope, &emails).await?;
        let taken: BTreeSet<String> = taken
            .into_iter()
            .filter_map(|member| member.email)
            .collect();
        let kisi_ids = strangers.iter().filter_map(|stranger| stranger.kisi_id);
        let kisi_ids: Vec<i64> = kisi_ids.collect();
        let users = sweep::users_by_kisi_ids(tx, self.scope, self.account, &kisi_ids).await?;
        let users = users.iter().filter(|user| user.member_id != user.id);
        let known: BTreeSet<Option<i64>> = users.map(|user| user.kisi_id).collect();
        let is_member = |stranger: &&&row::KisiUser| {
            taken.contains(&address(stranger)) || known.contains(&stranger.kisi_id)
        };
        let members = strangers.iter().filter(is_member);
        Ok(members.map(|stranger| stranger.id).collect())
    }
}

/// Records the first read of a group, and marks all members due.
pub async fn mark_group_read(
    tx: &Transaction,
    scope: ClubScope,
    group: &row::Group,
    now: i64,
) -> Result<(), StoreError> {
    if setup::mark_read(tx, scope, group.id, now).await? {
        let cause = due::Cause::enforced(format!(
            "the group “{}” was read for the first time",
            group.name
        ));
        due::mark_all_members_keeping_causes(tx, scope, now, &cause).await?;
    }
    Ok(())
}

/// Removes from a doubtful list the differences that no earlier list showed. Returns their grants.
fn doubted(differences: &mut Differences, began: Instant) -> Vec<Uuid> {
    let mut doubted = Vec::new();
    if !differences.is_doubtful() {
        return doubted;
    }
    let mut is_sure = |grant: &row::Grant| {
        let sure = (grant.missed_at).is_some_and(|missed_at| missed_at < began.micros());
        if !sure {
            doubted.push(grant.id);
        }
        sure
    };
    differences.missing.retain(&mut is_sure);
    differences.changed.retain(|(grant, _)| is_sure(grant));
    differences.changed_role.retain(&mut is_sure);
    doubted
}

/// How long the repair waits after this many changes within a day.
fn conflict_delay(times: i64) -> Duration {
    let doublings = u32::try_from(times - CONFLICT_THRESHOLD)
        .unwrap_or(0)
        .min(16);
    CONFLICT_BACKOFF
        .0
        .saturating_mul(1 << doublings)
        .min(CONFLICT_BACKOFF.1)
}

fn entry(grant: &row::Grant, cause: Recurring, message: String) -> Entry {
    Entry {
        kind: HistoryKind::DriftFound,
        member: Some(grant.member_id),
        target: Some((grant.scope_kind, grant.scope_id)),
        cause: cause.text().to_owned(),
        delivery: None,
        rule: None,
        actor: None,
        message,
    }
}
