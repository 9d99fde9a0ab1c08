//! New users and new assignments: found before they are made, and where Kisi says that there is something already, what that
//! is. Adopts nothing that another member has, and removes a stranger's only where the group says so.

use access::{Ability, AccessScope, Plan, Span, Step};
use uuid::Uuid;

use super::{
    directory::Found,
    execute::{
        AccountError, Pass, StepOutcome, ends, read_setup_again, stored, stored_scope, window_of,
    },
    member_state::MemberState,
    rounding,
};
use crate::{
    clock::new_id,
    kisi::{Assignment, Client, Error, NewAssignment, NewUser},
    store::{
        due, grants,
        row::{self, GrantState, HistoryKind, Intent},
    },
};

const NO_ROLE: &str = "Kisi has no role here that can only open doors, and one that can do more is not given. Make a group with \
                       these doors in Kisi, manage it here and share that.";

impl Pass<'_> {
    /// Finds the person in Kisi by exact e-mail, or makes a user. Of somebody who was never looked for, the directory tells it
    /// where many wait; anybody else is looked up first, which makes a lost answer harmless.
    pub(super) async fn create_user(
        &mut self,
        client: &Client,
        member_state: &mut MemberState,
        plan: &Plan,
    ) -> Result<StepOutcome, AccountError> {
        let Some(member) = member_state.member.clone() else {
            return Ok(StepOutcome::Learned);
        };
        let Some(email) = member.email.clone() else {
            return Ok(StepOutcome::Learned);
        };
        let known = member_state
            .users
            .iter()
            .find(|user| user.email == email)
            .cloned();
        let told = match known {
            Some(_) => Found::Unread,
            None => self.told_by_directory(client, &email).await?,
        };
        let mut user = known.unwrap_or_else(|| self.new_user(member.id, email.clone()));
        let (mut found, is_absent) = match told {
            Found::There(user) => (Some(user), false),
            Found::Absent => (None, true),
            Found::Unread => (None, false),
        };
        if found.is_none() {
            user.sent = true;
            self.put_user(member_state, user.clone()).await?;
            if !is_absent {
                found = client.user_by_email(&email).await?;
            }
        }
        let mut refusal = None;
        if found.is_none() {
            let new = NewUser {
                email: email.clone(),
                name: member.name,
                send_emails: self.snapshot.account.invite_by_email,
            };
            match client.create_user(&new).await {
                Ok(created) => found = Some(created),
                // Taken meanwhile, or by somebody whom the list did not show.
                Err(refused @ (Error::Unprocessable { .. } | Error::Conflict { .. })) => {
                    found = client.user_by_email(&email).await?;
                    refusal = Some(refused);
                }
                Err(refused @ (Error::Forbidden { .. } | Error::Refused { .. })) => {
                    refusal = Some(refused)
                }
                Err(problem) => return Err(problem.into()),
            }
        }
        user.sent = false;
        match (found, refusal) {
            (Some(found), _) => {
                user.kisi_id = Some(found.id);
                user.problem = (!found.access_enabled)
                    .then(|| "Kisi has this user's access switched off: an administrator can switch it on there.".to_owned());
                self.put_user(member_state, user).await?;
                Ok(StepOutcome::Yes)
            }
            (None, refusal) => {
                let text = refusal.map_or_else(
                    || "Kisi made no user".to_owned(),
                    |refused| refused.for_people(),
                );
                user.problem = Some(text.clone());
                self.put_user(member_state, user.clone()).await?;
                for step in &plan.steps {
                    if let Step::Create { scope, window } = *step {
                        let grant = self.intended(user.id, member_state, scope, window);
                        self.refused(member_state, grant, text.clone()).await?;
                    }
                }
                Ok(StepOutcome::Learned)
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

    async fn told_by_directory(&self, client: &Client, email: &str) -> Result<Found, AccountError> {
        let (db, account) = (self.app.db.read(), self.snapshot.account.id);
        let waiting = due::in_lanes(db, account, self.now().micros());
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
            return Ok(StepOutcome::Learned);
        };
        let Some(kisi_user) = user.kisi_id else {
            return Ok(StepOutcome::Learned);
        };
        let mut grant = self.intended(user.id, member_state, scope, window);
        let Some((applies_to, role_id)) = self.in_kisi(&grant) else {
            self.refused(member_state, grant, NO_ROLE.to_owned())
                .await?;
            return Ok(StepOutcome::Learned);
        };
        self.put(member_state, grant.clone(), None).await?;
        let (valid_from, valid_until) = ends(window);
        let new = NewAssignment {
            user: kisi_user,
            applies_to,
            role_id,
            valid_from,
            valid_until,
            notify: grant.notify,
        };
        match client.create_assignment(&new).await {
            Ok(made) => {
                let is_as_asked = window_of(&made) == window;
                self.answered(member_state, grant, &made, Some(HistoryKind::Granted))
                    .await?;
                Ok(if is_as_asked {
                    StepOutcome::Yes
                } else {
                    StepOutcome::Learned
                })
            }
            Err(refusal @ (Error::Conflict { .. } | Error::Unprocessable { .. })) => {
                self.taken(client, member_state, grant, kisi_user, &refusal)
                    .await?;
                Ok(StepOutcome::Learned)
            }
            Err(refusal @ Error::NotFound { .. }) => {
                self.missing(client, member_state, grant, &user, &refusal)
                    .await?;
                Ok(StepOutcome::Learned)
            }
            Err(refusal @ (Error::Forbidden { .. } | Error::Refused { .. })) => {
                self.refused(member_state, grant, refusal.for_people())
                    .await?;
                Ok(StepOutcome::Learned)
            }
            Err(problem) => {
                if problem.outcome_is_known() {
                    self.forget(member_state, &grant, None).await?;
                } else {
                    grant.state = GrantState::Unknown;
                    self.put(member_state, grant, None).await?;
                }
                Err(problem.into())
            }
        }
    }

    /// Kisi says that there is something already. Several assignments may not be allowed, it may be ours from before, or
    /// somebody else's.
    pub(super) async fn taken(
        &mut self,
        client: &Client,
        member_state: &mut MemberState,
        mut grant: row::Grant,
        kisi_user: i64,
        refusal: &Error,
    ) -> Result<(), AccountError> {
        let theirs = self.assignments(client, kisi_user).await?;
        let Some((applies_to, role_id)) = self.in_kisi(&grant) else {
            return Ok(());
        };
        let here: Vec<&Assignment> = theirs
            .iter()
            .filter(|one| one.applies_to == applies_to)
            .collect();
        let is_ours = |one: &Assignment| {
            member_state
                .grants
                .iter()
                .any(|known| known.kisi_id == Some(one.id))
        };
        if here.iter().any(|one| is_ours(one)) {
            self.forget(member_state, &grant, None).await?;
            return Ok(self.learn(None, Some(Ability::No)).await?);
        }
        let ids: Vec<i64> = here.iter().map(|one| one.id).collect();
        let db = self.app.db.read();
        let known =
            grants::by_kisi_ids(db, self.snapshot.scope, self.snapshot.account.id, &ids).await?;
        if !known.is_empty() {
            // Another member's, who was this person in Kisi until a moment ago: it goes or moves when that one's turn comes.
            let text = "Another member has this assignment in Kisi: two share an e-mail there";
            member_state.passes = true;
            return self.refused(member_state, grant, text.to_owned()).await;
        }
        let want = super::member_state::window(grant.want_from, grant.want_until);
        let own_user = self.snapshot.account.kisi_user_id;
        let made_by_us = here
            .iter()
            .filter(|one| one.role_id == role_id && one.created_by_id == own_user);
        if let Some(made) = rounding::answer_to(&want, made_by_us.copied(), self.snapshot) {
            return Ok(self
                .answered(member_state, grant, made, Some(HistoryKind::Granted))
                .await?);
        }
        if let Some(other) = here.iter().find(|one| one.role_id == role_id) {
            // Somebody else's, and the rules want the member in: adopted, and planned again.
            grant.adopted = true;
            return Ok(self
                .confirm(member_state, grant, other, HistoryKind::Adopted)
                .await?);
        }
        if !here.is_empty() && self.snapshot.removes(grant.scope_id) {
            for stranger in here {
                client.delete_assignment(stranger.id).await?;
            }
            self.forget(member_state, &grant, None).await?;
            return Ok(());
        }
        let text = if here.is_empty() {
            refusal.for_people()
        } else {
            "Kisi has given this person another role here, by somebody else's hand, and takes no second one. Remove that role in \
             Kisi, or let this service remove strangers from the group."
                .to_owned()
        };
        self.refused(member_state, grant, text).await
    }

    /// Kisi does not know the person or the place of an assignment any more.
    pub(super) async fn missing(
        &mut self,
        client: &Client,
        member_state: &mut MemberState,
        grant: row::Grant,
        user: &row::KisiUser,
        refusal: &Error,
    ) -> Result<(), AccountError> {
        let found = client.user_by_email(&user.email).await?;
        if found.as_ref().map(|found| found.id) == user.kisi_id {
            read_setup_again(self).await?;
            member_state.passes = true;
            return self
                .refused(member_state, grant, refusal.for_people())
                .await;
        }
        let theirs = match user.kisi_id {
            Some(id) => self.assignments(client, id).await?,
            None => Vec::new(),
        };
        let is_there = |known: &row::Grant| theirs.iter().any(|one| known.kisi_id == Some(one.id));
        if member_state.grants.iter().any(is_there) {
            // The user is there still, under another e-mail: what is there stays known.
            member_state.passes = true;
            return self
                .refused(member_state, grant, refusal.for_people())
                .await;
        }
        self.forget(member_state, &grant, None).await?;
        let gone: Vec<row::Grant> = member_state
            .grants
            .iter()
            .filter(|known| known.kisi_user_id == user.id)
            .cloned()
            .collect();
        for grant in gone {
            self.forget(member_state, &grant, Some(HistoryKind::DriftFound))
                .await?;
        }
        let mut user = user.clone();
        user.kisi_id = found.map(|found| found.id);
        Ok(self.put_user(member_state, user).await?)
    }

    /// Kisi refuses a grant: it is shown, and nothing more is tried there in this pass.
    pub(super) async fn refused(
        &self,
        member_state: &mut MemberState,
        mut grant: row::Grant,
        text: String,
    ) -> Result<(), AccountError> {
        let told = grant.problem.as_ref() == Some(&text);
        grant.intent = Intent::None;
        grant.state = GrantState::Failed;
        grant.problem = Some(text);
        member_state
            .refused
            .insert(super::member_state::known(&grant).scope);
        Ok(self
            .put(
                member_state,
                grant,
                (!told).then_some(HistoryKind::RefusedByKisi),
            )
            .await?)
    }

    /// A grant that is about to be sent. One that Kisi refused before is tried again under the same id.
    pub(super) fn intended(
        &self,
        user: Uuid,
        member_state: &MemberState,
        scope: AccessScope,
        window: Span,
    ) -> row::Grant {
        let (scope_kind, scope_id) = stored_scope(scope);
        let failed = member_state.grants.iter().find(|known| {
            known.kisi_id.is_none() && known.scope_kind == scope_kind && known.scope_id == scope_id
        });
        let (want_from, want_until) = stored(window);
        row::Grant {
            id: failed.map_or_else(new_id, |known| known.id),
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
            problem: failed.and_then(|known| known.problem.clone()),
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
