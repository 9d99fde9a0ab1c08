//! Finds out what became of calls whose answers are not known, and of what a list of Kisi's did not show: reads the person's
//! assignments in Kisi, and adopts what is there or lets the plan repeat what is not. Concludes nothing from a read that
//! failed.

use std::{collections::HashMap, time::Duration};

use access::Instant;

use super::{
    case::{Case, is_open, window},
    execute::{Pass, Stop, window_of},
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
    pub(super) async fn find_out(&mut self, case: &mut Case) -> Result<Option<Instant>, Stop> {
        if !self.lease.is_held() {
            return Err(Stop::LeaseLost);
        }
        let client = self.client.in_lane(Lane::Soon);
        let mut again_at = None;
        let open: Vec<row::Grant> = (case.grants.iter())
            .filter(|grant| is_open(grant))
            .cloned()
            .collect();
        let mut read: HashMap<i64, Vec<Assignment>> = HashMap::new();
        for grant in open {
            let user = case.users.iter().find(|user| user.id == grant.kisi_user_id);
            let Some(kisi_user) = user.and_then(|user| user.kisi_id) else {
                // Without a user nothing can have been assigned.
                self.forget(case, &grant, None).await?;
                continue;
            };
            let mut held = match read.get(&kisi_user) {
                Some(held) => held.clone(),
                None => {
                    let held = self.assignments(&client, kisi_user).await?;
                    if held.is_empty() && grant.missed_at.is_some() {
                        self.look_up(&client, case, grant.kisi_user_id).await?;
                    }
                    read.insert(kisi_user, held.clone());
                    held
                }
            };
            let ids: Vec<i64> = held.iter().map(|one| one.id).collect();
            let (db, account) = (self.app.db.read(), self.ground.account.id);
            let known = grants::by_kisi_ids(db, self.ground.scope, account, &ids).await?;
            // Another member's is never adopted.
            held.retain(|one| {
                !known
                    .iter()
                    .any(|(id, member)| *id == one.id && *member != case.due.member_id)
            });
            let wait = self.settle_one(case, grant, &held).await?;
            again_at = again_at.max(wait);
        }
        Ok(again_at)
    }

    /// Somebody has nothing in Kisi any more: the user may have been deleted, or made anew under another id.
    async fn look_up(&self, client: &Client, case: &mut Case, user: Uuid) -> Result<(), Stop> {
        let Some(mut user) = case.users.iter().find(|known| known.id == user).cloned() else {
            return Ok(());
        };
        if case.is_stranger() {
            return Ok(());
        }
        let found = client.user_by_email(&user.email).await?;
        let kisi_id = found.map(|found| found.id);
        if kisi_id != user.kisi_id {
            user.kisi_id = kisi_id;
            self.put_user(case, user).await?;
        }
        Ok(())
    }

    /// All that a person holds in Kisi.
    pub(super) async fn assignments(
        &self,
        client: &Client,
        kisi_user: i64,
    ) -> Result<Vec<Assignment>, Stop> {
        Ok(client
            .assignments(AssignmentFilter::User(kisi_user))
            .await?)
    }

    async fn settle_one(
        &mut self,
        case: &mut Case,
        mut grant: row::Grant,
        held: &[Assignment],
    ) -> Result<Option<Instant>, Stop> {
        let there = grant
            .kisi_id
            .and_then(|id| held.iter().find(|one| one.id == id));
        match (grant.intent, there) {
            (Intent::Create, _) => {
                let want = window(grant.want_from, grant.want_until);
                let target = self.in_kisi(&grant);
                let ours = |one: &Assignment| {
                    case.grants
                        .iter()
                        .any(|known| known.kisi_id == Some(one.id))
                };
                let candidates = held.iter().filter(|one| {
                    target
                        .as_ref()
                        .is_some_and(|(to, role)| one.applies_to == *to && one.role_id == *role)
                        && !ours(one)
                });
                match rounding::answer_to(&want, candidates, self.ground) {
                    Some(made) => {
                        self.answered(case, grant, made, Some(HistoryKind::Granted))
                            .await?
                    }
                    None => {
                        let surely = Instant::from_micros(grant.created_at).plus(UNDER_WAY);
                        if surely > self.now() {
                            return Ok(Some(surely));
                        }
                        self.forget(case, &grant, None).await?;
                    }
                }
            }
            (Intent::Change, Some(there))
                if window_of(there) == window(grant.valid_from, grant.valid_until) =>
            {
                // Nothing came of it: the plan repeats it.
                self.as_held(case, grant, there).await?;
            }
            (Intent::Change, Some(there)) => {
                let want = window(grant.want_from, grant.want_until);
                let known = self.ground.abilities().granularity;
                if rounding::is_answer(&want, &window_of(there), known) {
                    self.answered(case, grant, there, Some(HistoryKind::Changed))
                        .await?;
                } else {
                    self.as_held(case, grant, there).await?;
                }
            }
            (Intent::Delete, Some(_)) => {
                grant.intent = Intent::None;
                grant.state = GrantState::Confirmed;
                self.put(case, grant, None).await?;
            }
            (Intent::Delete, None) => {
                self.forget(case, &grant, Some(HistoryKind::Revoked))
                    .await?
            }
            (Intent::Change, None) => {
                self.forget(case, &grant, Some(HistoryKind::DriftFound))
                    .await?
            }
            (Intent::None, Some(there)) => {
                let same = window_of(there) == window(grant.valid_from, grant.valid_until);
                let event = (!same && !grant.stray).then_some(HistoryKind::DriftFound);
                let grant = self.held(grant, there);
                self.put(case, grant, event).await?;
            }
            (Intent::None, None) => {
                let event = (!grant.stray).then_some(HistoryKind::DriftFound);
                self.forget(case, &grant, event).await?;
            }
        }
        Ok(None)
    }
}
