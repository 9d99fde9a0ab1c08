//! Finds out what became of calls whose answers are not known, and of what a list of Kisi's did not show: reads the person's
//! assignments in Kisi, and adopts what is there or lets the plan repeat what is not. Concludes nothing from a read that
//! failed.

use std::{collections::HashMap, time::Duration};

use access::Instant;

use super::{
    execute::{AccountError, Pass, window_of},
    member_state::{MemberState, is_open, window},
    rounding,
};
use crate::{
    kisi::{Assignment, AssignmentFilter, Client, Lane},
    store::grants,
    store::row::{self, GrantState, HistoryKind, Intent},
};
use uuid::Uuid;

/// How long Kisi may go on with a call whose answer was lost: what is not to be seen after that did not happen.
const UNDER_WAY: Duration = Duration::from_secs(3);

impl Pass<'_> {
    /// Settles every grant of the case that bears an intent or was missed. Where a creation is not to be seen yet and may still be under
    /// way within Kisi, gives the instant at which to look again.
    pub(super) async fn find_out(
        &mut self,
        member_state: &mut MemberState,
    ) -> Result<Option<Instant>, AccountError> {
        if !self.lease.is_held() {
            return Err(AccountError::LeaseLost);
        }
        let client = self.client.in_lane(Lane::Soon);
        let mut again_at = None;
        let open: Vec<row::Grant> = (member_state.grants.iter())
            .filter(|grant| is_open(grant))
            .cloned()
            .collect();
        let mut read: HashMap<i64, Vec<Assignment>> = HashMap::new();
        for grant in open {
            let user = member_state
                .users
                .iter()
                .find(|user| user.id == grant.kisi_user_id);
            let Some(kisi_user) = user.and_then(|user| user.kisi_id) else {
                // Without a user nothing can have been assigned.
                self.forget(member_state, &grant, None).await?;
                continue;
            };
            let mut held = match read.get(&kisi_user) {
                Some(held) => held.clone(),
                None => {
                    let held = self.assignments(&client, kisi_user).await?;
                    if held.is_empty() && grant.missed_at.is_some() {
                        self.look_up(&client, member_state, grant.kisi_user_id)
                            .await?;
                    }
                    read.insert(kisi_user, held.clone());
                    held
                }
            };
            let ids: Vec<i64> = held.iter().map(|one| one.id).collect();
            let (db, account) = (self.app.db.read(), self.snapshot.account.id);
            let known = grants::by_kisi_ids(db, self.snapshot.scope, account, &ids).await?;
            // Another member's is never adopted.
            held.retain(|one| {
                !known
                    .iter()
                    .any(|(id, member)| *id == one.id && *member != member_state.due.member_id)
            });
            let wait = self.settle_one(member_state, grant, &held).await?;
            again_at = again_at.max(wait);
        }
        Ok(again_at)
    }

    /// Somebody has nothing in Kisi any more: the user may have been deleted, or made anew under another id.
    async fn look_up(
        &self,
        client: &Client,
        member_state: &mut MemberState,
        user: Uuid,
    ) -> Result<(), AccountError> {
        let Some(mut user) = member_state
            .users
            .iter()
            .find(|known| known.id == user)
            .cloned()
        else {
            return Ok(());
        };
        if member_state.is_stranger() {
            return Ok(());
        }
        let found = client.user_by_email(&user.email).await?;
        let kisi_id = found.map(|found| found.id);
        if kisi_id != user.kisi_id {
            user.kisi_id = kisi_id;
            self.put_user(member_state, user).await?;
        }
        Ok(())
    }

    /// All that a person holds in Kisi.
    pub(super) async fn assignments(
        &self,
        client: &Client,
        kisi_user: i64,
    ) -> Result<Vec<Assignment>, AccountError> {
        Ok(client
            .assignments(AssignmentFilter::User(kisi_user))
            .await?)
    }

    async fn settle_one(
        &mut self,
        member_state: &mut MemberState,
        mut grant: row::Grant,
        held: &[Assignment],
    ) -> Result<Option<Instant>, AccountError> {
        let there = grant
            .kisi_id
            .and_then(|id| held.iter().find(|one| one.id == id));
        match (grant.intent, there) {
            (Intent::Create, _) => return self.settle_creation(member_state, grant, held).await,
            (Intent::Change, Some(there))
                if window_of(there) == window(grant.valid_from, grant.valid_until) =>
            {
                // Nothing came of it: the plan repeats it.
                self.as_held(member_state, grant, there).await?;
            }
            (Intent::Change, Some(there)) => {
                let want = window(grant.want_from, grant.want_until);
                let known = self.snapshot.abilities().granularity;
                if rounding::is_answer(&want, &window_of(there), known) {
                    self.answered(member_state, grant, there, Some(HistoryKind::Changed))
                        .await?;
                } else {
                    self.as_held(member_state, grant, there).await?;
                }
            }
            (Intent::Delete, Some(_)) => {
                grant.intent = Intent::None;
                grant.state = GrantState::Confirmed;
                self.put(member_state, grant, None).await?;
            }
            (Intent::Delete, None) => {
                self.forget(member_state, &grant, Some(HistoryKind::Revoked))
                    .await?
            }
            (Intent::Change, None) => {
                self.forget(member_state, &grant, Some(HistoryKind::DriftFound))
                    .await?
            }
            (Intent::None, Some(there)) => {
                let same = window_of(there) == window(grant.valid_from, grant.valid_until);
                let event = (!same && !grant.external).then_some(HistoryKind::DriftFound);
                let grant = self.held(grant, there);
                self.put(member_state, grant, event).await?;
            }
            (Intent::None, None) => {
                let event = (!grant.external).then_some(HistoryKind::DriftFound);
                self.forget(member_state, &grant, event).await?;
            }
        }
        Ok(None)
    }

    /// Looks for the assignment that a creation without a stored answer made. Until Kisi can be taken to have finished the
    /// call, its absence proves nothing; returns when it does.
    async fn settle_creation(
        &mut self,
        member_state: &mut MemberState,
        grant: row::Grant,
        held: &[Assignment],
    ) -> Result<Option<Instant>, AccountError> {
        let want = window(grant.want_from, grant.want_until);
        let target = self.in_kisi(&grant);
        let is_target = |assignment: &&Assignment| {
            let of =
                |(to, role): &(_, _)| assignment.applies_to == *to && assignment.role_id == *role;
            target.as_ref().is_some_and(of)
        };
        let is_recorded = |assignment: &&Assignment| {
            let mut grants = member_state.grants.iter();
            grants.any(|known| known.kisi_id == Some(assignment.id))
        };
        let candidates = held.iter().filter(is_target).filter(|it| !is_recorded(it));
        if let Some(made) = rounding::answer_to(&want, candidates, self.snapshot) {
            self.answered(member_state, grant, made, Some(HistoryKind::Granted))
                .await?;
            return Ok(None);
        }
        let surely = Instant::from_micros(grant.created_at).plus(UNDER_WAY);
        if surely > self.now() {
            return Ok(Some(surely));
        }
        self.forget(member_state, &grant, None).await?;
        Ok(None)
    }
}
