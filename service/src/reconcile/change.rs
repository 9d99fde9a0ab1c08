//! Changes the window of assignments, and deletes them. A change that Kisi reports as successful is read back before it is
//! stored.

use access::{Ability, Id, Span};

use super::{
    execute::{AccountError, Pass, StepOutcome, find_grant, timestamps},
    member_state::MemberState,
};
use crate::{
    kisi::{Client, Error},
    store::{
        convert::{self, span_columns},
        row::{GrantState, HistoryKind, Intent},
    },
};

impl Pass<'_> {
    pub(super) async fn change(
        &mut self,
        client: &Client,
        member_state: &mut MemberState,
        id: Id,
        window: Span,
    ) -> Result<StepOutcome, AccountError> {
        let Some(mut grant) = find_grant(member_state, id) else {
            return Ok(StepOutcome::Replan);
        };
        let Some(kisi_id) = grant.kisi_id else {
            return Ok(StepOutcome::Replan);
        };
        grant.intent = Intent::Change;
        grant.adopted |= grant.external;
        grant.external = false;
        (grant.want_from, grant.want_until) = span_columns(window);
        self.store_grant(member_state, grant.clone(), None).await?;
        let (from, until) = timestamps(window);
        let result = match client.change_window(kisi_id, from, until).await {
            Ok(()) => client.assignment(kisi_id).await,
            Err(gone) if gone.is_object_missing() => Ok(None),
            Err(
                Error::Unprocessable { .. }
                | Error::Refused { .. }
                | Error::Conflict { .. }
                | Error::NotFound { .. },
            ) => {
                grant.intent = Intent::None;
                self.store_grant(member_state, grant, None).await?;
                self.learn(Some(Ability::No), None).await?;
                return Ok(StepOutcome::Replan);
            }
            Err(problem) => Err(problem),
        };
        match result {
            Ok(Some(assignment)) => self.store_change(member_state, grant, &assignment).await,
            Ok(None) => {
                self.remove_grant(member_state, &grant, Some(HistoryKind::DriftFound))
                    .await?;
                Ok(StepOutcome::Replan)
            }
            Err(problem) => {
                if problem.outcome_is_known() {
                    grant.intent = Intent::None;
                } else {
                    grant.state = GrantState::Unknown;
                }
                self.store_grant(member_state, grant, None).await?;
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
        let Some(mut grant) = find_grant(member_state, id) else {
            return Ok(StepOutcome::Replan);
        };
        let Some(kisi_id) = grant.kisi_id else {
            return Ok(StepOutcome::Replan);
        };
        grant.intent = Intent::Delete;
        grant.state = GrantState::Revoking;
        self.store_grant(member_state, grant.clone(), None).await?;
        match client.delete_assignment(kisi_id).await {
            Ok(()) => {
                let was_over = grant
                    .valid_until
                    .is_some_and(|until| until <= self.now().micros());
                let event = (!was_over).then_some(HistoryKind::Revoked);
                self.queue_removal(member_state, &grant, event);
                Ok(StepOutcome::Completed)
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
                    .refused_scopes
                    .insert(convert::grant(&grant).scope);
                // The person can still enter and must not, so the deletion is retried in any case.
                member_state.has_temporary_refusal = true;
                self.store_grant(member_state, grant, Some(HistoryKind::RefusedByKisi))
                    .await?;
                Ok(StepOutcome::Replan)
            }
            Err(problem) => {
                if problem.outcome_is_known() {
                    grant.intent = Intent::None;
                    grant.state = GrantState::Confirmed;
                } else {
                    grant.state = GrantState::Unknown;
                }
                self.store_grant(member_state, grant, None).await?;
                Err(problem.into())
            }
        }
    }
}
