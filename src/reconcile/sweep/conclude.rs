//! What follows from a list: grants in doubt, grants with other windows, assignments taken up, and who is due for it and
//! when. All in one transaction, so that a crash leaves the next sweep to begin anew.
//!
//! A stranger who is no member of ours is kept as a user that is its own member, and what they hold as a grant of theirs:
//! nothing is desired for somebody who is no member, so the plan takes it away like anybody's, and the brake counts the
//! person like anybody. A member's assignment by somebody else's hand becomes a grant of that member, which the plan keeps
//! where it is just what is wanted.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use access::{Instant, Span};
use uuid::Uuid;

use super::{
    CHANGED, GONE, LET_IN, Report, STRANGERS, Subject, Sweep, TWICE,
    compare::{Differences, Sorted},
    list::count,
};
use crate::{
    clock::new_id,
    kisi::Assignment,
    reconcile::execute::{GROUP_ROLE, stored, window_of},
    store::{
        ClubScope, StoreError, Transaction, clubs, due, grants,
        history::{self, Entry},
        members,
        row::{self, GrantState, HistoryKind, Intent, ScopeKind, StrangerPolicy},
        setup, sweep,
    },
};

/// What is said of a group that somebody else works on as well.
pub const FOUGHT: &str = "Another integration, or an administrator, keeps undoing in Kisi what is made here: the same \
                          access was found gone or changed three times within a day. Whoever runs the Kisi account lets \
                          only one of them look after this group; until then it is made again ever more slowly.";

/// So often within a day is no accident.
const FIGHT: i64 = 3;
const DAY: Duration = Duration::from_hours(24);
/// How long the answer waits in the beginning of a fight, and at most.
const PACE: (Duration, Duration) = (Duration::from_mins(15), Duration::from_hours(12));

/// See the module.
pub struct Conclusions {
    scope: ClubScope,
    account: Uuid,
    now: i64,
    back: Vec<Uuid>,
    /// Seen otherwise for the first time in a list that is doubtful as a whole.
    doubted: Vec<Uuid>,
    missing: Vec<row::Grant>,
    changed: Vec<(row::Grant, Span)>,
    changed_role: Vec<row::Grant>,
    strangers: Vec<row::KisiUser>,
    /// Those who have the plain role: no members, when they were looked for.
    no_members: BTreeSet<Uuid>,
    adopted: Vec<(row::Grant, &'static str)>,
    /// Members whom Kisi turned out to know.
    met: Vec<row::KisiUser>,
    /// The group, where this is its first list.
    unread: Option<row::Group>,
    /// When whoever is fought over is due.
    later: BTreeMap<Uuid, i64>,
    group: Option<Uuid>,
    name: String,
}

impl Conclusions {
    /// What follows from what was found.
    pub(super) async fn of(
        sweep: &Sweep,
        subject: &Subject,
        mut found: Differences,
        sorted: Sorted,
    ) -> Result<Self, StoreError> {
        let now = sweep.app.clock.now();
        let doubted = doubted(&mut found, sweep.began);
        let (scope, account) = (sweep.scope, sweep.account.id);
        let mut conclusions = Self {
            back: found.back,
            doubted,
            missing: found.missing,
            changed: found.changed,
            changed_role: found.changed_role,
            unread: subject.unread_group().cloned(),
            ..Self::none(scope, account, subject.group.as_ref(), now)
        };
        conclusions.take_up(subject.at, sorted);
        conclusions.fights(sweep, subject, now).await?;
        Ok(conclusions)
    }

    /// What follows from a list of a group that is about to be taken over: what is in it that nobody here knows of.
    pub fn of_group(
        scope: ClubScope,
        account: Uuid,
        group: &row::Group,
        sorted: Sorted,
        now: Instant,
    ) -> Self {
        let mut conclusions = Self::none(scope, account, Some(group), now);
        conclusions.take_up((ScopeKind::Group, group.id), sorted);
        conclusions
    }

    fn none(scope: ClubScope, account: Uuid, group: Option<&row::Group>, now: Instant) -> Self {
        Self {
            scope,
            account,
            now: now.micros(),
            back: Vec::new(),
            doubted: Vec::new(),
            missing: Vec::new(),
            changed: Vec::new(),
            changed_role: Vec::new(),
            strangers: Vec::new(),
            no_members: BTreeSet::new(),
            adopted: Vec::new(),
            met: Vec::new(),
            unread: None,
            later: BTreeMap::new(),
            group: group.map(|group| group.id),
            name: group.map_or_else(
                || "what was shared".to_owned(),
                |group| format!("“{}”", group.name),
            ),
        }
    }

    fn take_up(&mut self, at: (ScopeKind, Uuid), sorted: Sorted) {
        let (club_id, account_id, now) = (self.scope.club, self.account, self.now);
        let grant = |user: &row::KisiUser, row: &Assignment, external: bool| {
            let (valid_from, valid_until) = stored(window_of(row));
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
        for (user, row) in &sorted.duplicate_assignments {
            adopted.push((grant(user, row, false), TWICE));
        }
        for (user, row) in &sorted.of_members {
            adopted.push((grant(user, row, true), LET_IN));
        }
        self.met = sorted.met;
        let mut met: HashMap<i64, row::KisiUser> = HashMap::new();
        for (known, row) in &sorted.of_strangers {
            let again = row.user_id.and_then(|id| met.get(&id)).cloned();
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
                self.no_members.insert(stranger.id);
            }
            if let Some(user) = row.user_id {
                met.insert(user, stranger.clone());
            }
            adopted.push((grant(&stranger, row, true), STRANGERS));
        }
        self.adopted = adopted;
    }

    /// Looks whether the same was found before within a day, and puts the answer off where it was.
    async fn fights(
        &mut self,
        sweep: &Sweep,
        subject: &Subject,
        now: Instant,
    ) -> Result<(), StoreError> {
        let since = now.minus(DAY).micros();
        let (db, target) = (sweep.app.db.read(), subject.at.1);
        let members: BTreeSet<Uuid> = self.drifted().map(|grant| grant.member_id).collect();
        let members: Vec<Uuid> = members.into_iter().collect();
        if !members.is_empty() {
            let before = sweep::drifts(db, self.scope, target, Some(&members), since).await?;
            for member in members {
                let times = before.get(&member).copied().unwrap_or(0) + 1;
                if times >= FIGHT {
                    self.later.insert(member, now.plus(pace(times)).micros());
                }
            }
        }
        let was_said = (subject.group.as_ref()).is_some_and(|group| group.problem.is_some());
        let mut is_fought = !self.later.is_empty();
        if was_said && !is_fought {
            let all = sweep::drifts(db, self.scope, target, None, since).await?;
            is_fought = all.values().any(|times| *times >= FIGHT);
        }
        sweep.say(subject, is_fought.then_some(FOUGHT)).await
    }

    /// What was made here and is otherwise there.
    fn drifted(&self) -> impl Iterator<Item = &row::Grant> {
        let changed = self.changed.iter().map(|(grant, _)| grant);
        let all = self.missing.iter().chain(changed).chain(&self.changed_role);
        all.filter(|grant| !grant.external)
    }

    /// Writes it down, and marks due whom it concerns.
    pub async fn write(self, sweep: &Sweep, report: &mut Report) -> Result<(), StoreError> {
        report.is_doubtful |= !self.doubted.is_empty();
        report.found.missing += count(self.missing.len());
        report.found.changed += count(self.changed.len() + self.changed_role.len());
        let of = |cause| self.adopted.iter().filter(|(_, of)| *of == cause).count();
        report.found.strangers += count(of(STRANGERS));
        report.found.duplicate_assignments += count(of(TWICE));
        if self.is_empty() {
            return Ok(());
        }
        let written = sweep
            .app
            .db
            .write(move |tx| Box::pin(async move { self.write_in(tx).await }))
            .await;
        sweep.app.waker.wake();
        written
    }

    fn is_empty(&self) -> bool {
        self.back.is_empty()
            && self.doubted.is_empty()
            && self.missing.is_empty()
            && self.changed.is_empty()
            && self.changed_role.is_empty()
            && self.adopted.is_empty()
            && self.met.is_empty()
            && self.unread.is_none()
    }

    async fn write_in(mut self, tx: &Transaction) -> Result<(), StoreError> {
        let (scope, now) = (self.scope, self.now);
        clubs::lock(tx, scope).await?;
        let marks = self.store(tx).await?;
        if let Some(group) = &self.unread {
            was_read(tx, scope, group, now).await?;
        }
        let mut by_time: BTreeMap<i64, BTreeMap<Uuid, due::Cause>> = BTreeMap::new();
        for (member, cause) in marks {
            let at = self.later.get(&member).copied().unwrap_or(now);
            let marked = by_time.entry(at).or_default();
            marked.insert(member, due::Cause::enforced(cause));
        }
        for (at, members) in by_time {
            due::mark_in(tx, scope, &[self.account], members, at).await?;
        }
        Ok(())
    }

    /// Writes it down; whom it concerns, and why. They are to be marked due in the same transaction.
    pub async fn store(
        &mut self,
        tx: &Transaction,
    ) -> Result<BTreeMap<Uuid, &'static str>, StoreError> {
        let (scope, now) = (self.scope, self.now);
        let mut marks: BTreeMap<Uuid, &'static str> = BTreeMap::new();
        let mut entries = Vec::new();
        sweep::set_missed(tx, scope, &self.back, None).await?;
        sweep::set_missed(tx, scope, &self.doubted, Some(now)).await?;
        let missing: Vec<Uuid> = self.missing.iter().map(|grant| grant.id).collect();
        sweep::set_missed(tx, scope, &missing, Some(now)).await?;
        marks.extend(self.missing.iter().map(|grant| (grant.member_id, GONE)));
        for (grant, window) in &self.changed {
            if sweep::store_window(tx, scope, grant, stored(*window)).await? {
                marks.insert(grant.member_id, CHANGED);
                if !grant.external {
                    let text = format!("Kisi held other times for {} than were made.", self.name);
                    entries.push(entry(grant, CHANGED, text));
                }
            }
        }
        for grant in &self.changed_role {
            grants::remove(tx, scope, grant.id).await?;
            marks.insert(grant.member_id, CHANGED);
            if grant.external {
                continue;
            }
            let text = format!(
                "Somebody gave the assignment for {} another role in Kisi: it is theirs now.",
                self.name
            );
            entries.push(entry(grant, CHANGED, text));
        }
        for user in &self.met {
            let known = grants::users_in(tx, scope, self.account, &[user.member_id]).await?;
            let known = known.into_iter().find(|known| known.email == user.email);
            let is_as_read = known
                .as_ref()
                .is_none_or(|known| known.id == user.id && known.kisi_id.is_none() && !known.sent);
            if is_as_read {
                grants::put_user(tx, user.clone(), known.is_none()).await?;
                grants::claim_from_strangers(tx, scope, user).await?;
                marks.insert(user.member_id, LET_IN);
            }
        }
        let mut adopted = Vec::new();
        for (grant, cause) in self.still_unknown(tx).await? {
            marks.insert(grant.member_id, cause);
            if cause == TWICE {
                let text = format!("Kisi held the access to {} twice.", self.name);
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

    /// The grants of members among what is taken up.
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
    /// What is to be taken up, but for what the loop took up meanwhile, and for strangers in a group that was given another
    /// policy, or was let go, while it was read.
    async fn still_unknown(
        &self,
        tx: &Transaction,
    ) -> Result<Vec<(row::Grant, &'static str)>, StoreError> {
        if self.adopted.is_empty() {
            return Ok(Vec::new());
        }
        // Whoever changes a policy touches the club first: one of us comes after the other.
        clubs::touch(tx, self.scope).await?;
        let group = match self.group {
            Some(group) => setup::some_groups(tx, self.scope, &[group]).await?.pop(),
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

    /// New strangers who became members meanwhile: the next list shows them as such.
    async fn became_members(&self, tx: &Transaction) -> Result<BTreeSet<Uuid>, StoreError> {
        let strangers = self.strangers.iter();
        let strangers = strangers.filter(|stranger| self.no_members.contains(&stranger.id));
        let strangers: Vec<&row::KisiUser> = strangers.collect();
        if strangers.is_empty() {
            return Ok(BTreeSet::new());
        }
        let address = |stranger: &row::KisiUser| stranger.email.trim().to_lowercase();
        let emails: BTreeSet<String> = strangers.iter().map(|it| address(it)).collect();
        let emails: Vec<String> = emails.into_iter().filter(|it| !it.is_empty()).collect();
        let taken = members::by_emails(tx, self.scope, &emails).await?;
        let taken: BTreeSet<String> = taken.into_iter().filter_map(|it| it.email).collect();
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

/// A group was read for the first time: everybody is evaluated for it now.
pub async fn was_read(
    tx: &Transaction,
    scope: ClubScope,
    group: &row::Group,
    now: i64,
) -> Result<(), StoreError> {
    if setup::mark_read(tx, scope, group.id, now).await? {
        let cause = due::Cause::enforced(format!("the group “{}” was taken over", group.name));
        due::mark_all_members(tx, scope, now, &cause).await?;
    }
    Ok(())
}

/// Of a list that differs in too much, only what an earlier one differed in as well is believed; the rest is taken out.
fn doubted(found: &mut Differences, began: Instant) -> Vec<Uuid> {
    let mut doubted = Vec::new();
    if !found.is_doubtful() {
        return doubted;
    }
    let mut is_sure = |grant: &row::Grant| {
        let sure = (grant.missed_at).is_some_and(|missed_at| missed_at < began.micros());
        if !sure {
            doubted.push(grant.id);
        }
        sure
    };
    found.missing.retain(&mut is_sure);
    found.changed.retain(|(grant, _)| is_sure(grant));
    found.changed_role.retain(&mut is_sure);
    doubted
}

/// How long the answer waits when the same was found for the n-th time.
fn pace(times: i64) -> Duration {
    let doublings = u32::try_from(times - FIGHT).unwrap_or(0).min(16);
    PACE.0.saturating_mul(1 << doublings).min(PACE.1)
}

fn entry(grant: &row::Grant, cause: &str, message: String) -> Entry {
    Entry {
        kind: HistoryKind::DriftFound,
        member: Some(grant.member_id),
        target: Some((grant.scope_kind, grant.scope_id)),
        cause: cause.to_owned(),
        delivery: None,
        rule: None,
        actor: None,
        message,
    }
}
