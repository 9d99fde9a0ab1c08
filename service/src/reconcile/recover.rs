//! Resolves calls with unknown outcomes, and grants that a list of Kisi's did not show as stored. It reads the person's
//! assignments in Kisi and stores what exists; the next plan repeats what does not. A failed read changes nothing.

use std::{collections::HashMap, time::Duration};

use access::Instant;

use super::{
    execute::{AccountError, Pass, window_of},
    member_state::{MemberState, is_open},
    rounding,
};
use crate::{
    kisi::{Assignment, AssignmentFilter, Client, Lane},
    store::{
        convert::span,
        grants,
        row::{self, GrantState, HistoryKind, Intent},
    },
};
use uuid::Uuid;

/// How long Kisi may still work on a call whose response was lost. A creation that is not visible after that did not happen.
const MAX_CALL_DURATION: Duration = Duration::from_secs(3);

impl Pass<'_> {
    /// Resolves every grant of the member that has an intent or was missing in a list. Returns when to look again if a creation
    /// is not visible and Kisi may still be working on it.
    pub(super) async fn resolve_lost_calls(
        &mut self,
        member_state: &mut MemberState,
    ) -> Result<Option<Instant>, AccountError> {
        if !self.ownership.is_held() {
            return Err(AccountError::NotOwned);
        }
        let client = self.client_for(member_state, Lane::Soon);
        let mut again_at = None;
        let open: Vec<row::Grant> = (member_state.grants.iter())
            .filter(|grant| is_open(grant))
            .cloned()
            .collect();
        let mut assignments_by_user: HashMap<i64, Vec<Assignment>> = HashMap::new();
        for grant in open {
            let user = member_state
                .users
                .iter()
                .find(|user| user.id == grant.kisi_user_id);
            let Some(kisi_user) = user.and_then(|user| user.kisi_id) else {
                // Without a user in Kisi nothing can have been assigned.
                self.remove_grant(member_state, &grant, None).await?;
                continue;
            };
            let mut assignments = match assignments_by_user.get(&kisi_user) {
                Some(assignments) => assignments.clone(),
                None => {
                    // The call may wait.
                    self.store_queued(member_state).await?;
                    let assignments = self.assignments(&client, kisi_user).await?;
                    if assignments.is_empty() && grant.missed_at.is_some() {
                        self.refresh_user(&client, member_state, grant.kisi_user_id)
                            .await?;
                    }
                    assignments_by_user.insert(kisi_user, assignments.clone());
                    assignments
                }
            };
            let ids: Vec<i64> = assignments.iter().map(|assignment| assignment.id).collect();
            let (db, account) = (self.app.db.read(), self.snapshot.account.id);
            let owners = grants::by_kisi_ids(db, self.snapshot.scope, account, &ids).await?;
            // Assignments of other members are never adopted.
            assignments.retain(|assignment| {
                !owners.iter().any(|(id, member)| {
                    *id == assignment.id && *member != member_state.due.member_id
                })
            });
            let wait = self
                .resolve_grant(member_state, grant, &assignments)
                .await?;
            again_at = again_at.max(wait);
        }
        Ok(again_at)
    }

    /// Looks up a user that has no assignments left: it may have been deleted, or created again with another id.
    async fn refresh_user(
        &self,
        client: &Client,
        member_state: &mut MemberState,
        user: Uuid,
    ) -> Result<(), AccountError> {
        let Some(mut user) = member_state
            .users
            .iter()
            .find(|stored| stored.id == user)
            .cloned()
        else {
            return Ok(());
        };
        if member_state.is_stranger() {
            return Ok(());
        }
        let kisi_user = client.user_by_email(&user.email).await?;
        let kisi_id = kisi_user.map(|kisi_user| kisi_user.id);
        if kisi_id != user.kisi_id {
            user.kisi_id = kisi_id;
            self.store_user(member_state, user).await?;
        }
        Ok(())
    }

    /// All assignments of a person in Kisi.
    pub(super) async fn assignments(
        &self,
        client: &Client,
        kisi_user: i64,
    ) -> Result<Vec<Assignment>, AccountError> {
        Ok(client
            .assignments(AssignmentFilter::User(kisi_user))
            .await?)
    }

    async fn resolve_grant(
        &mut self,
        member_state: &mut MemberState,
        mut grant: row::Grant,
        assignments: &[Assignment],
    ) -> Result<Option<Instant>, AccountError> {
        let actual = grant
            .kisi_id
            .and_then(|id| assignments.iter().find(|assignment| assignment.id == id));
        match (grant.intent, actual) {
            (Intent::Create, _) => {
                return self
                    .resolve_creation(member_state, grant, assignments)
                    .await;
            }
            (Intent::Change, Some(actual))
                if window_of(actual) == span(grant.valid_from, grant.valid_until) =>
            {
                // The change did not happen; the plan repeats it.
                self.store_actual(member_state, grant, actual).await?;
            }
            (Intent::Change, Some(actual)) => {
                let want = span(grant.want_from, grant.want_until);
                let granularity = self.snapshot.abilities().granularity;
                if rounding::is_plausible_answer(&want, &window_of(actual), granularity) {
                    self.store_answer(member_state, grant, actual, Some(HistoryKind::Changed))
                        .await?;
                } else {
                    self.store_actual(member_state, grant, actual).await?;
                }
            }
            (Intent::Delete, Some(_)) => {
                grant.intent = Intent::None;
                grant.state = GrantState::Confirmed;
                self.store_grant(member_state, grant, None).await?;
            }
            (Intent::Delete, None) => {
                self.remove_grant(member_state, &grant, Some(HistoryKind::Revoked))
                    .await?
            }
            (Intent::Change, None) => {
                self.remove_grant(member_state, &grant, Some(HistoryKind::DriftFound))
                    .await?
            }
            (Intent::None, Some(actual)) => {
                let same = window_of(actual) == span(grant.valid_from, grant.valid_until);
                let event = (!same && !grant.external).then_some(HistoryKind::DriftFound);
                let grant = self.apply_assignment(grant, actual);
                self.store_grant(member_state, grant, event).await?;
            }
            (Intent::None, None) => {
                let event = (!grant.external).then_some(HistoryKind::DriftFound);
                self.remove_grant(member_state, &grant, event).await?;
            }
        }
        Ok(None)
    }

    /// Looks for the assignment of a creation whose response is not stored. Its absence counts only once Kisi must have finished
    /// the call; returns that instant if it is in the future.
    async fn resolve_creation(
        &mut self,
        member_state: &mut MemberState,
        grant: row::Grant,
        assignments: &[Assignment],
    ) -> Result<Option<Instant>, AccountError> {
        let want = span(grant.want_from, grant.want_until);
        let target = self.kisi_target(&grant);
        let is_target = |assignment: &&Assignment| {
            let of =
                |(to, role): &(_, _)| assignment.applies_to == *to && assignment.role_id == *role;
            target.as_ref().is_some_and(of)
        };
        let is_recorded = |assignment: &&Assignment| {
            let mut grants = member_state.grants.iter();
            grants.any(|grant| grant.kisi_id == Some(assignment.id))
        };
        let candidates = assignments
            .iter()
            .filter(is_target)
            .filter(|assignment| !is_recorded(assignment));
        if let Some(made) = rounding::find_answer(&want, candidates, self.snapshot) {
            self.store_answer(member_state, grant, made, Some(HistoryKind::Granted))
                .await?;
            return Ok(None);
        }
        let done_by = Instant::from_micros(grant.created_at).plus(MAX_CALL_DURATION);
        if done_by > self.now() {
            return Ok(Some(done_by));
        }
        self.remove_grant(member_state, &grant, None).await?;
        Ok(None)
    }
}
