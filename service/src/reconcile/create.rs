//! Creates users and assignments. It looks for an existing one first, and if Kisi reports a conflict, finds out what exists
//! there. It never adopts an assignment of another member, and deletes one that others made only if the group's policy is REMOVE.

use access::{Ability, AccessScope, Plan, Span, Step};
use uuid::Uuid;

use super::{
    directory::Lookup,
    execute::{AccountError, Pass, StepOutcome, request_sweep, timestamps, window_of},
    member_state::MemberState,
    rounding,
};
use crate::{
    clock::new_id,
    kisi::{Assignment, Client, Error, NewAssignment, NewUser},
    store::{
        convert::{self, scope_columns, span, span_columns},
        due, grants,
        row::{self, GrantState, HistoryKind, Intent},
    },
};

const NO_ROLE: &str = "Kisi has no role here that can only open doors, and this service assigns no other role. Create a group \
                       with these doors in Kisi, manage it here, and share that.";

impl Pass<'_> {
    /// Finds the Kisi user by exact e-mail, or creates one. The directory answers for members who were never looked up before, if
    /// many wait; others are looked up first, so that a lost response creates no second user.
    pub(super) async fn create_user(
        &mut self,
        client: &Client,
        member_state: &mut MemberState,
        plan: &Plan,
    ) -> Result<StepOutcome, AccountError> {
        let member = member_state.member.clone();
        let Some((member, email)) = member.and_then(|it| Some((it.clone(), it.email?))) else {
            return Ok(StepOutcome::Replan);
        };
        let mut users = member_state.users.iter();
        let stored = users.find(|user| user.email == email).cloned();
        let lookup = match stored {
            Some(_) => Lookup::NotCached,
            None => self.find_in_directory(client, &email).await?,
        };
        let mut user = stored.unwrap_or_else(|| self.new_user(member.id, email.clone()));
        let (mut kisi_user, is_absent) = match lookup {
            Lookup::Found(user) => (Some(user), false),
            Lookup::Absent => (None, true),
            Lookup::NotCached => (None, false),
        };
        if kisi_user.is_none() {
            user.sent = true;
            self.store_user(member_state, user.clone()).await?;
            if !is_absent {
                kisi_user = client.user_by_email(&email).await?;
            }
        }
        let mut refusal = None;
        if kisi_user.is_none() {
            let new = NewUser {
                email: email.clone(),
                name: member.name,
                send_emails: self.snapshot.account.invite_by_email,
            };
            match client.create_user(&new).await {
                Ok(created) => kisi_user = Some(created),
                // The e-mail was taken since the look-up, or belongs to a user whom the list did not contain.
                Err(refused @ (Error::Unprocessable { .. } | Error::Conflict { .. })) => {
                    kisi_user = client.user_by_email(&email).await?;
                    refusal = Some(refused);
                }
                Err(refused @ (Error::Forbidden { .. } | Error::Refused { .. })) => {
                    refusal = Some(refused)
                }
                Err(problem) => return Err(problem.into()),
            }
        }
        user.sent = false;
        match (kisi_user, refusal) {
            (Some(kisi_user), _) => {
                user.kisi_id = Some(kisi_user.id);
                user.problem = (!kisi_user.access_enabled)
                    .then(|| "Access is disabled for this user in Kisi: an administrator can enable it there.".to_owned());
                self.queue_user(member_state, user);
                Ok(StepOutcome::Completed)
            }
            (None, refusal) => {
                let text = refusal.map_or_else(
                    || "Kisi created no user and gave no reason".to_owned(),
                    |refused| refused.for_people(),
                );
                user.problem = Some(text.clone());
                self.store_user(member_state, user.clone()).await?;
                for step in &plan.steps {
                    if let Step::Create { scope, window } = *step {
                        let grant = self.pending_grant(user.id, member_state, scope, window);
                        self.record_refusal(member_state, grant, text.clone())
                            .await?;
                    }
                }
                Ok(StepOutcome::Replan)
            }
        }
    }

    fn new_user(&self, member_id: Uuid, email: String) -> row::KisiUser {
        row::KisiUser {
            id: new_id(),
            club_id: self.snapshot.scope.club,
            account_id: self.snapshot.account.id,
            member_id,
            email,
            kisi_id: None,
            sent: false,
            problem: None,
        }
    }

    async fn find_in_directory(
        &self,
        client: &Client,
        email: &str,
    ) -> Result<Lookup, AccountError> {
        let (db, account) = (self.app.db.read(), self.snapshot.account.id);
        let waiting = due::never_looked_up(db, account, self.now().micros());
        self.worker.directory.find(client, email, waiting).await
    }

    pub(super) async fn create(
        &mut self,
        client: &Client,
        member_state: &mut MemberState,
        scope: AccessScope,
        window: Span,
    ) -> Result<StepOutcome, AccountError> {
        let Some(user) = member_state.user().cloned() else {
            return Ok(StepOutcome::Replan);
        };
        let Some(kisi_user) = user.kisi_id else {
            return Ok(StepOutcome::Replan);
        };
        let mut grant = self.pending_grant(user.id, member_state, scope, window);
        let Some((applies_to, role_id)) = self.kisi_target(&grant) else {
            self.record_refusal(member_state, grant, NO_ROLE.to_owned())
                .await?;
            return Ok(StepOutcome::Replan);
        };
        self.store_grant(member_state, grant.clone(), None).await?;
        let (valid_from, valid_until) = timestamps(window);
        let new = NewAssignment {
            user: kisi_user,
            applies_to,
            role_id,
            valid_from,
            valid_until,
            notify: grant.notify,
        };
        match client.create_assignment(&new).await {
            Ok(assignment) => {
                let is_as_asked = window_of(&assignment) == window;
                self.store_answer(member_state, grant, &assignment, Some(HistoryKind::Granted))
                    .await?;
                Ok(if is_as_asked {
                    StepOutcome::Completed
                } else {
                    StepOutcome::Replan
                })
            }
            Err(refusal @ (Error::Conflict { .. } | Error::Unprocessable { .. })) => {
                self.resolve_conflict(client, member_state, grant, kisi_user, &refusal)
                    .await?;
                Ok(StepOutcome::Replan)
            }
            Err(refusal @ Error::NotFound { .. }) => {
                self.resolve_missing(client, member_state, grant, &user, &refusal)
                    .await?;
                Ok(StepOutcome::Replan)
            }
            Err(refusal @ (Error::Forbidden { .. } | Error::Refused { .. })) => {
                self.record_refusal(member_state, grant, refusal.for_people())
                    .await?;
                Ok(StepOutcome::Replan)
            }
            Err(problem) => {
                if problem.outcome_is_known() {
                    self.remove_grant(member_state, &grant, None).await?;
                } else {
                    grant.state = GrantState::Unknown;
                    self.store_grant(member_state, grant, None).await?;
                }
                Err(problem.into())
            }
        }
    }

    /// Handles a conflict with an existing assignment. Kisi may refuse a second assignment, the existing one may come from an
    /// earlier call of ours, or others made it.
    pub(super) async fn resolve_conflict(
        &mut self,
        client: &Client,
        member_state: &mut MemberState,
        mut grant: row::Grant,
        kisi_user: i64,
        refusal: &Error,
    ) -> Result<(), AccountError> {
        let assignments = self.assignments(client, kisi_user).await?;
        let Some((applies_to, role_id)) = self.kisi_target(&grant) else {
            return Ok(());
        };
        let existing: Vec<&Assignment> = assignments
            .iter()
            .filter(|assignment| assignment.applies_to == applies_to)
            .collect();
        let is_ours = |assignment: &Assignment| {
            member_state
                .grants
                .iter()
                .any(|stored| stored.kisi_id == Some(assignment.id))
        };
        if existing.iter().any(|assignment| is_ours(assignment)) {
            self.remove_grant(member_state, &grant, None).await?;
            return Ok(self.learn(None, Some(Ability::No)).await?);
        }
        let ids: Vec<i64> = existing.iter().map(|assignment| assignment.id).collect();
        let db = self.app.db.read();
        let owners =
            grants::by_kisi_ids(db, self.snapshot.scope, self.snapshot.account.id, &ids).await?;
        if !owners.is_empty() {
            // It belongs to another member who had this Kisi user until now. It is deleted or moved when that member is served.
            let text = "Another member with the same e-mail in Kisi still has this assignment. The request is repeated later.";
            member_state.has_temporary_refusal = true;
            return self
                .record_refusal(member_state, grant, text.to_owned())
                .await;
        }
        let want = span(grant.want_from, grant.want_until);
        let own_user = self.snapshot.account.kisi_user_id;
        let made_by_us = existing.iter().filter(|assignment| {
            assignment.role_id == role_id && assignment.created_by_id == own_user
        });
        if let Some(made) = rounding::find_answer(&want, made_by_us.copied(), self.snapshot) {
            return Ok(self
                .store_answer(member_state, grant, made, Some(HistoryKind::Granted))
                .await?);
        }
        if let Some(other) = existing
            .iter()
            .find(|assignment| assignment.role_id == role_id)
        {
            // Others made it and the rules want the member in: it is adopted, and the plan is made again.
            grant.adopted = true;
            self.confirm(member_state, grant, other, HistoryKind::Adopted);
            return Ok(());
        }
        if !existing.is_empty() && self.snapshot.removes_strangers(grant.scope_id) {
            for stranger in existing {
                client.delete_assignment(stranger.id).await?;
            }
            self.remove_grant(member_state, &grant, None).await?;
            return Ok(());
        }
        let text = if existing.is_empty() {
            refusal.for_people()
        } else {
            "Somebody else gave this person another role here in Kisi, and Kisi accepts no second assignment. Remove that role \
             in Kisi, or set the group's policy for strangers to REMOVE."
                .to_owned()
        };
        self.record_refusal(member_state, grant, text).await
    }

    /// Handles a 404: Kisi no longer has the user or the target of an assignment.
    pub(super) async fn resolve_missing(
        &mut self,
        client: &Client,
        member_state: &mut MemberState,
        grant: row::Grant,
        user: &row::KisiUser,
        refusal: &Error,
    ) -> Result<(), AccountError> {
        let kisi_user = client.user_by_email(&user.email).await?;
        if kisi_user.as_ref().map(|kisi_user| kisi_user.id) == user.kisi_id {
            request_sweep(self).await?;
            member_state.has_temporary_refusal = true;
            return self
                .record_refusal(member_state, grant, refusal.for_people())
                .await;
        }
        let assignments = match user.kisi_id {
            Some(id) => self.assignments(client, id).await?,
            None => Vec::new(),
        };
        let is_there = |stored: &row::Grant| {
            assignments
                .iter()
                .any(|assignment| stored.kisi_id == Some(assignment.id))
        };
        if member_state.grants.iter().any(is_there) {
            // The user still exists under another e-mail, so its grants are kept.
            member_state.has_temporary_refusal = true;
            return self
                .record_refusal(member_state, grant, refusal.for_people())
                .await;
        }
        self.remove_grant(member_state, &grant, None).await?;
        let gone: Vec<row::Grant> = member_state
            .grants
            .iter()
            .filter(|stored| stored.kisi_user_id == user.id)
            .cloned()
            .collect();
        for grant in gone {
            self.remove_grant(member_state, &grant, Some(HistoryKind::DriftFound))
                .await?;
        }
        let mut user = user.clone();
        user.kisi_id = kisi_user.map(|kisi_user| kisi_user.id);
        Ok(self.store_user(member_state, user).await?)
    }

    /// Stores a refusal as the problem of the grant. Nothing else is tried in that scope in this pass.
    pub(super) async fn record_refusal(
        &self,
        member_state: &mut MemberState,
        mut grant: row::Grant,
        text: String,
    ) -> Result<(), AccountError> {
        let was_reported = grant.problem.as_ref() == Some(&text);
        grant.intent = Intent::None;
        grant.state = GrantState::Failed;
        grant.problem = Some(text);
        member_state
            .refused_scopes
            .insert(convert::grant(&grant).scope);
        Ok(self
            .store_grant(
                member_state,
                grant,
                (!was_reported).then_some(HistoryKind::RefusedByKisi),
            )
            .await?)
    }

    /// The grant row of a creation that is about to be sent. A grant that Kisi refused before keeps its id.
    pub(super) fn pending_grant(
        &self,
        user: Uuid,
        member_state: &MemberState,
        scope: AccessScope,
        window: Span,
    ) -> row::Grant {
        let (scope_kind, scope_id) = scope_columns(scope);
        let failed = member_state.grants.iter().find(|grant| {
            grant.kisi_id.is_none() && grant.scope_kind == scope_kind && grant.scope_id == scope_id
        });
        let (want_from, want_until) = span_columns(window);
        row::Grant {
            id: failed.map_or_else(new_id, |grant| grant.id),
            club_id: self.snapshot.scope.club,
            account_id: self.snapshot.account.id,
            member_id: member_state.due.member_id,
            kisi_user_id: user,
            scope_kind,
            scope_id,
            kisi_id: None,
            valid_from: None,
            valid_until: None,
            state: GrantState::Pending,
            intent: Intent::Create,
            want_from,
            want_until,
            notify: member_state.holdings.notified_scopes.contains(&scope),
            problem: failed.and_then(|grant| grant.problem.clone()),
            created_at: self.now().micros(),
            confirmed_at: None,
            missed_at: None,
            external: false,
            adopted: false,
            asked_differs: false,
            asked_from: None,
            asked_until: None,
        }
    }
}
