//! Assignments that get another window, or go. What Kisi says that it did is read back before it is believed.

use access::{Ability, Id, Span};

use super::{
    case::Case,
    execute::{Done, Pass, Stop, ends, find, stored},
};
use crate::{
    kisi::{Client, Error},
    store::row::{GrantState, HistoryKind, Intent},
};

impl Pass<'_> {
    pub(super) async fn change(
        &mut self,
        client: &Client,
        case: &mut Case,
        id: Id,
        window: Span,
    ) -> Result<Done, Stop> {
        let Some(mut grant) = find(case, id) else {
            return Ok(Done::Learned);
        };
        let Some(kisi_id) = grant.kisi_id else {
            return Ok(Done::Learned);
        };
        grant.intent = Intent::Change;
        grant.adopted |= grant.stray;
        grant.stray = false;
        (grant.want_from, grant.want_until) = stored(window);
        self.put(case, grant.clone(), None).await?;
        let (from, until) = ends(window);
        let changed = match client.change_window(kisi_id, from, until).await {
            Ok(()) => client.assignment(kisi_id).await,
            Err(gone) if gone.says_gone() => Ok(None),
            Err(
                Error::Unprocessable { .. }
                | Error::Refused { .. }
                | Error::Conflict { .. }
                | Error::NotFound { .. },
            ) => {
                grant.intent = Intent::None;
                self.put(case, grant, None).await?;
                self.learn(Some(Ability::No), None).await?;
                return Ok(Done::Learned);
            }
            Err(problem) => Err(problem),
        };
        match changed {
            Ok(Some(held)) => self.changed(case, grant, &held).await,
            Ok(None) => {
                self.forget(case, &grant, Some(HistoryKind::DriftFound))
                    .await?;
                Ok(Done::Learned)
            }
            Err(problem) => {
                if problem.outcome_is_known() {
                    grant.intent = Intent::None;
                } else {
                    grant.state = GrantState::Unknown;
                }
                self.put(case, grant, None).await?;
                Err(problem.into())
            }
        }
    }

    pub(super) async fn delete(
        &mut self,
        client: &Client,
        case: &mut Case,
        id: Id,
    ) -> Result<Done, Stop> {
        let Some(mut grant) = find(case, id) else {
            return Ok(Done::Learned);
        };
        let Some(kisi_id) = grant.kisi_id else {
            return Ok(Done::Learned);
        };
        grant.intent = Intent::Delete;
        grant.state = GrantState::Revoking;
        self.put(case, grant.clone(), None).await?;
        match client.delete_assignment(kisi_id).await {
            Ok(()) => {
                let was_over = grant
                    .valid_until
                    .is_some_and(|until| until <= self.now().micros());
                let event = (!was_over).then_some(HistoryKind::Revoked);
                self.forget(case, &grant, event).await?;
                Ok(Done::Yes)
            }
            Err(
                refusal @ (Error::Forbidden { .. }
                | Error::Refused { .. }
                | Error::Unprocessable { .. }
                | Error::Conflict { .. }),
            ) => {
                grant.intent = Intent::None;
                grant.state = GrantState::Failed;
                grant.problem = Some(refusal.for_people());
                case.refused.insert(super::case::known(&grant).scope);
                // Somebody can still pass who should not: that is tried again in any case.
                case.passes = true;
                self.put(case, grant, Some(HistoryKind::RefusedByKisi))
                    .await?;
                Ok(Done::Learned)
            }
            Err(problem) => {
                if problem.outcome_is_known() {
                    grant.intent = Intent::None;
                    grant.state = GrantState::Confirmed;
                } else {
                    grant.state = GrantState::Unknown;
                }
                self.put(case, grant, None).await?;
                Err(problem.into())
            }
        }
    }
}
