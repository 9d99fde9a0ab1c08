//! Finds out what became of calls whose answers are not known: reads the person's assignments in Kisi, and adopts what is
//! there or lets the plan repeat what is not. Concludes nothing from a read that failed.

use std::time::Duration;

use access::Instant;

use super::{
    case::{Case, window},
    execute::{Pass, Stop, window_of},
};
use crate::{
    kisi::{Assignment, AssignmentFilter, Client, Lane},
    store::grants,
    store::row::{self, GrantState, HistoryKind, Intent},
};

/// How long Kisi may go on with a call whose answer was lost: what is not to be seen after that did not happen.
const UNDER_WAY: Duration = Duration::from_secs(3);

impl Pass<'_> {
    /// Settles every grant of the case that bears an intent. Where a creation is not to be seen yet and may still be under
    /// way within Kisi, gives the instant at which to look again.
    pub(super) async fn find_out(&mut self, case: &mut Case) -> Result<Option<Instant>, Stop> {
        if !self.lease.is_held() {
            return Err(Stop::LeaseLost);
        }
        let client = self.client.in_lane(Lane::Soon);
        let mut again_at = None;
        let open: Vec<row::Grant> = case
            .grants
            .iter()
            .filter(|grant| grant.intent != Intent::None)
            .cloned()
            .collect();
        for grant in open {
            let user = case.users.iter().find(|user| user.id == grant.kisi_user_id);
            let Some(kisi_user) = user.and_then(|user| user.kisi_id) else {
                // Without a user nothing can have been assigned.
                self.forget(case, &grant, None).await?;
                continue;
            };
            let mut held = self.assignments(&client, kisi_user).await?;
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
        &self,
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
                let made = held.iter().find(|one| {
                    target
                        .as_ref()
                        .is_some_and(|(to, role)| one.applies_to == *to && one.role_id == *role)
                        && window_of(one) == want
                        && !ours(one)
                });
                match made {
                    Some(made) => {
                        self.confirm(case, grant, made, HistoryKind::Granted)
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
                if window_of(there) == window(grant.want_from, grant.want_until) =>
            {
                self.confirm(case, grant, there, HistoryKind::Changed)
                    .await?;
            }
            (Intent::Change, Some(there)) => self.as_held(case, grant, there).await?,
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
            (Intent::None, _) => {}
        }
        Ok(None)
    }
}
