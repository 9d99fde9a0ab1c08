//! Assignments that get another window, or go. What Kisi says that it did is read back before it is believed.

use access::{Ability, Id, Span};

use super::{
    execute::{AccountError, Pass, StepOutcome, ends, find, stored},
    member_state::MemberState,
};
use crate::{
    kisi::{Client, Error},
    store::row::{GrantState, HistoryKind, Intent},
};

impl Pass<'_> {
    pub(super) async fn change(
        &mut self,
        client: &Client,
        member_state: &mut MemberState,
        id: Id,
        window: Span,
    ) -> Result<StepOutcome, AccountError> {
        let Some(mut grant) = find(member_state, id) else {
            return Ok(StepOutcome::Learned);
        };
        let Some(kisi_id) = grant.kisi_id else {
            return Ok(StepOutcome::Learned);
        };
        grant.intent = Intent::Change;
        grant.adopted |= grant.external;
        grant.external = false;
        (grant.want_from, grant.want_until) = stored(window);
        self.put(member_state, grant.clone(), None).await?;
        let (from, until) = ends(window);
        let changed = match client.change_window(kisi_id, from, until).await {
            Ok(()) => client.assignment(kisi_id).await,
            Err(gone) if gone.is_object_missing() => Ok(None),
            Err(
                Error::Unprocessable { .. }
                | Error::Refused { .. }
                | Error::Conflict { .. }
                | Error::NotFound { .. },
            ) => {
                grant.intent = Intent::None;
                self.put(member_state, grant, None).await?;
                self.learn(Some(Ability::No), None).await?;
                return Ok(StepOutcome::Learned);
            }
            Err(problem) => Err(problem),
        };
        match changed {
            Ok(Some(held)) => self.changed(member_state, grant, &held).await,
            Ok(None) => {
                self.forget(member_state, &grant, Some(HistoryKind::DriftFound))
                    .await?;
                Ok(StepOutcome::Learned)
            }
            Err(problem) => {
                if problem.outcome_is_known() {
                    grant.intent = Intent::None;
                } else {
                    grant.state = GrantState::Unknown;
                }
                self.put(member_state, grant, None).await?;
                Err(problem.into())
            }
        }
    }

    pub(super) async fn delete(
        &mut self,
        client: &Client,
        member_state: &mut MemberState,
        id: Id,
    ) -> Result<StepOutcome, AccountError> {
        let Some(mut grant) = find(member_state, id) else {
            return Ok(StepOutcome::Learned);
        };
        let Some(kisi_id) = grant.kisi_id else {
            return Ok(StepOutcome::Learned);
        };
        grant.intent = Intent::Delete;
        grant.state = GrantState::Revoking;
        self.put(member_state, grant.clone(), None).await?;
        match client.delete_assignment(kisi_id).await {
            Ok(()) => {
                let was_over = grant
                    .valid_until
                    .is_some_and(|until| until <= self.now().micros());
                let event = (!was_over).then_some(HistoryKind::Revoked);
                self.forget(member_state, &grant, event).await?;
                Ok(StepOutcome::Yes)
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
                member_state
                    .refused
                    .insert(super::member_state::known(&grant).scope);
                // Somebody can still pass who should not: that is tried again in any case.
                member_state.passes = true;
                self.put(member_state, grant, Some(HistoryKind::RefusedByKisi))
                    .await?;
                Ok(StepOutcome::Learned)
            }
            Err(problem) => {
                if problem.outcome_is_known() {
                    grant.intent = Intent::None;
                    grant.state = GrantState::Confirmed;
                } else {
                    grant.state = GrantState::Unknown;
                }
                self.put(member_state, grant, None).await?;
                Err(problem.into())
            }
        }
    }
}
