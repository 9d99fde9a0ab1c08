//! Does the steps of a plan, one call after the other, and decides nothing: a surprise is written down, and the case is
//! planned again. Each write's intent is stored before the call, so that a lost answer or a crash leaves a question and
//! never a guess.

use std::{sync::Arc, time::Duration};

use access::{Ability, Id, Instant, Plan, Scope, Span, Step};
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    case::{Case, Ground},
    lease::Lease,
};
use crate::{
    app::App,
    clock::new_id,
    kisi::{self, AppliesTo, Assignment, Client, Error, NewAssignment, NewUser},
    store::{
        StoreError, kisi_accounts,
        row::{self, GrantState, HistoryKind, Intent, ScopeKind},
    },
};

/// How often a case is planned again within one pass before it is put off.
const ROUNDS: usize = 12;

/// The role that lets somebody open the doors of a group.
const GROUP_ROLE: &str = "group_basic";

/// Why the work on an account pauses.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Kisi does not answer, or not for us.
    #[error("Kisi: {0}")]
    Kisi(#[from] Error),
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// Another worker may have the account.
    #[error("the lease is gone")]
    LeaseLost,
}

/// How a case ended for now.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// Kisi holds what it should; the next look is at the instant, if any.
    Settled(Option<Instant>),
    /// Kisi refused something, or kept changing its mind: another try is due later.
    PutOff,
    /// Whether a call happened cannot be known before this instant.
    Wait(Instant),
}

/// What a step led to.
enum Done {
    /// As planned.
    Yes,
    /// Something was learned: plan again.
    Learned,
}

/// The work on one account, for as long as its ground is fresh.
pub struct Pass<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) client: &'a Client,
    pub(super) lease: &'a Lease,
    pub(super) ground: &'a mut Ground,
}

impl Pass<'_> {
    pub(super) fn now(&self) -> Instant {
        self.app.clock.now()
    }

    /// Plans and executes until nothing is left to do.
    pub async fn serve(&mut self, case: &mut Case) -> Result<End, Stop> {
        for _ in 0..ROUNDS {
            if case.is_in_flight()
                && let Some(at) = self.find_out(case).await?
            {
                return Ok(End::Wait(at));
            }
            let plan = case.plan(self.ground, self.now(), self.app.config.horizon);
            if plan.steps.is_empty() {
                let whole = case.refused.is_empty();
                return Ok(if whole {
                    End::Settled(plan.again_at)
                } else {
                    End::PutOff
                });
            }
            self.steps(case, &plan).await?;
        }
        tracing::warn!(account = %self.ground.account.id, "a case did not come to rest; it is put off");
        Ok(End::PutOff)
    }

    async fn steps(&mut self, case: &mut Case, plan: &Plan) -> Result<(), Stop> {
        let lane = match plan.lane {
            access::Lane::Revocation => kisi::Lane::Urgent,
            access::Lane::Now => kisi::Lane::Soon,
            access::Lane::Rest | access::Lane::Cleanup => kisi::Lane::Rest,
        };
        let client = self.client.in_lane(lane);
        for step in &plan.steps {
            if !self.lease.is_held() {
                return Err(Stop::LeaseLost);
            }
            let done = match *step {
                Step::CreateUser => self.create_user(&client, case, plan).await?,
                Step::Create { scope, window } => self.create(&client, case, scope, window).await?,
                Step::Change { grant, window } => self.change(&client, case, grant, window).await?,
                Step::Delete { grant } => self.delete(&client, case, grant).await?,
            };
            if matches!(done, Done::Learned) {
                break;
            }
        }
        Ok(())
    }

    /// Finds the person in Kisi by exact e-mail, or makes a user. The look-up first makes a lost answer harmless.
    async fn create_user(
        &mut self,
        client: &Client,
        case: &mut Case,
        plan: &Plan,
    ) -> Result<Done, Stop> {
        let Some(member) = case.member.clone() else {
            return Ok(Done::Learned);
        };
        let Some(email) = member.email.clone() else {
            return Ok(Done::Learned);
        };
        let known = case.users.iter().find(|user| user.email == email).cloned();
        let mut user = known.unwrap_or_else(|| row::KisiUser {
            id: new_id(),
            club_id: self.ground.scope.club,
            account_id: self.ground.account.id,
            member_id: member.id,
            email: email.clone(),
            kisi_id: None,
            sent: false,
            problem: None,
        });
        user.sent = true;
        self.put_user(case, user.clone()).await?;
        let mut found = client.user_by_email(&email).await?;
        let mut refusal = None;
        if found.is_none() {
            let invite = self.ground.account.invite_by_email;
            let new = NewUser {
                email: email.clone(),
                name: member.name,
                send_emails: invite,
                confirm: !invite,
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
                self.put_user(case, user).await?;
                Ok(Done::Yes)
            }
            (None, refusal) => {
                let text = refusal.map_or_else(
                    || "Kisi made no user".to_owned(),
                    |refused| refused.for_people(),
                );
                user.problem = Some(text.clone());
                self.put_user(case, user.clone()).await?;
                for step in &plan.steps {
                    if let Step::Create { scope, window } = *step {
                        let grant = self.intended(user.id, case, scope, window);
                        self.refused(case, grant, text.clone()).await?;
                    }
                }
                Ok(Done::Learned)
            }
        }
    }

    async fn create(
        &mut self,
        client: &Client,
        case: &mut Case,
        scope: Scope,
        window: Span,
    ) -> Result<Done, Stop> {
        let Some(user) = case.user().cloned() else {
            return Ok(Done::Learned);
        };
        let Some(kisi_user) = user.kisi_id else {
            return Ok(Done::Learned);
        };
        let mut grant = self.intended(user.id, case, scope, window);
        let Some((applies_to, role_id)) = self.in_kisi(&grant) else {
            self.refused(
                case,
                grant,
                "Kisi knows no role that could be given here".to_owned(),
            )
            .await?;
            return Ok(Done::Learned);
        };
        self.put(case, grant.clone(), None).await?;
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
                grant.intent = Intent::Create;
                self.confirm(case, grant, &made, HistoryKind::Granted)
                    .await?;
                Ok(Done::Yes)
            }
            Err(refusal @ (Error::Conflict { .. } | Error::Unprocessable { .. })) => {
                self.taken(client, case, grant, kisi_user, &refusal).await?;
                Ok(Done::Learned)
            }
            Err(refusal @ Error::NotFound { .. }) => {
                self.missing(client, case, grant, &user, &refusal).await?;
                Ok(Done::Learned)
            }
            Err(refusal @ (Error::Forbidden { .. } | Error::Refused { .. })) => {
                self.refused(case, grant, refusal.for_people()).await?;
                Ok(Done::Learned)
            }
            Err(problem) => {
                if problem.outcome_is_known() {
                    self.forget(case, &grant, None).await?;
                } else {
                    grant.state = GrantState::Unknown;
                    self.put(case, grant, None).await?;
                }
                Err(problem.into())
            }
        }
    }

    /// Kisi says that there is something already. Several assignments may not be allowed, it may be ours from before, or
    /// somebody else's.
    async fn taken(
        &mut self,
        client: &Client,
        case: &mut Case,
        mut grant: row::Grant,
        kisi_user: i64,
        refusal: &Error,
    ) -> Result<(), Stop> {
        let theirs = self.assignments(client, kisi_user).await?;
        let Some((applies_to, role_id)) = self.in_kisi(&grant) else {
            return Ok(());
        };
        let here: Vec<&Assignment> = theirs
            .iter()
            .filter(|one| one.applies_to == applies_to)
            .collect();
        let is_ours = |one: &Assignment| {
            case.grants
                .iter()
                .any(|known| known.kisi_id == Some(one.id))
        };
        if here.iter().any(|one| is_ours(one)) {
            self.forget(case, &grant, None).await?;
            return Ok(self.learn(None, Some(Ability::No)).await?);
        }
        let want = super::case::window(grant.want_from, grant.want_until);
        let made_by_us = |one: &&&Assignment| {
            one.role_id == role_id
                && one.created_by_id == self.ground.account.kisi_user_id
                && window_of(one) == want
        };
        if let Some(adopted) = here.iter().find(made_by_us) {
            grant.intent = Intent::Create;
            return Ok(self
                .confirm(case, grant, adopted, HistoryKind::Granted)
                .await?);
        }
        let strangers = self
            .ground
            .groups
            .get(&grant.scope_id)
            .map(|group| group.strangers);
        if !here.is_empty() && strangers == Some(row::StrangerPolicy::Remove) {
            for stranger in here {
                client.delete_assignment(stranger.id).await?;
            }
            self.forget(case, &grant, None).await?;
            return Ok(());
        }
        let text = if here.is_empty() {
            refusal.for_people()
        } else {
            "Kisi has an assignment for this person here already, made by somebody else. Remove it in Kisi, or let this \
             service remove strangers from the group."
                .to_owned()
        };
        self.refused(case, grant, text).await
    }

    /// Kisi does not know the person or the place of an assignment any more.
    async fn missing(
        &mut self,
        client: &Client,
        case: &mut Case,
        grant: row::Grant,
        user: &row::KisiUser,
        refusal: &Error,
    ) -> Result<(), Stop> {
        let found = client.user_by_email(&user.email).await?;
        if found.as_ref().map(|found| found.id) == user.kisi_id {
            kisi_accounts_read_again(self).await?;
            return self.refused(case, grant, refusal.for_people()).await;
        }
        self.forget(case, &grant, None).await?;
        let gone: Vec<row::Grant> = case
            .grants
            .iter()
            .filter(|known| known.kisi_user_id == user.id)
            .cloned()
            .collect();
        for grant in gone {
            self.forget(case, &grant, Some(HistoryKind::DriftFound))
                .await?;
        }
        let mut user = user.clone();
        user.kisi_id = found.map(|found| found.id);
        Ok(self.put_user(case, user).await?)
    }

    async fn change(
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
        (grant.want_from, grant.want_until) = stored(window);
        self.put(case, grant.clone(), None).await?;
        let (from, until) = ends(window);
        let changed = match client.change_window(kisi_id, from, until).await {
            Ok(()) => client.assignment(kisi_id).await,
            Err(Error::NotFound { .. }) => Ok(None),
            Err(Error::Unprocessable { .. } | Error::Refused { .. } | Error::Conflict { .. }) => {
                grant.intent = Intent::None;
                self.put(case, grant, None).await?;
                self.learn(Some(Ability::No), None).await?;
                return Ok(Done::Learned);
            }
            Err(problem) => Err(problem),
        };
        match changed {
            Ok(Some(held)) if window_of(&held) == window => {
                self.confirm(case, grant, &held, HistoryKind::Changed)
                    .await?;
                if self.ground.account.change_window == row::Ability::Unknown {
                    self.learn(Some(Ability::Yes), None).await?;
                }
                Ok(Done::Yes)
            }
            Ok(Some(held)) => {
                // It said yes and did nothing.
                self.as_held(case, grant, &held).await?;
                self.learn(Some(Ability::No), None).await?;
                Ok(Done::Learned)
            }
            Ok(None) => {
                self.forget(case, &grant, Some(HistoryKind::DriftFound))
                    .await?;
                Ok(Done::Learned)
            }
            Err(problem) => {
                grant.state = GrantState::Unknown;
                self.put(case, grant, None).await?;
                Err(problem.into())
            }
        }
    }

    async fn delete(&mut self, client: &Client, case: &mut Case, id: Id) -> Result<Done, Stop> {
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

    /// Kisi holds the grant as `held` says, read from its own answer.
    pub(super) async fn confirm(
        &self,
        case: &mut Case,
        grant: row::Grant,
        held: &Assignment,
        event: HistoryKind,
    ) -> Result<(), StoreError> {
        let grant = self.held(grant, held);
        self.put(case, grant, Some(event)).await
    }

    /// What Kisi holds is not what was asked for.
    pub(super) async fn as_held(
        &self,
        case: &mut Case,
        grant: row::Grant,
        held: &Assignment,
    ) -> Result<(), StoreError> {
        let grant = self.held(grant, held);
        self.put(case, grant, None).await
    }

    fn held(&self, mut grant: row::Grant, held: &Assignment) -> row::Grant {
        (grant.valid_from, grant.valid_until) = stored(window_of(held));
        (grant.want_from, grant.want_until) = (None, None);
        grant.kisi_id = Some(held.id);
        grant.intent = Intent::None;
        grant.state = GrantState::Confirmed;
        grant.problem = None;
        grant.confirmed_at = Some(self.now().micros());
        grant
    }

    /// Kisi refuses a grant: it is shown, and nothing more is tried there in this pass.
    async fn refused(
        &self,
        case: &mut Case,
        mut grant: row::Grant,
        text: String,
    ) -> Result<(), Stop> {
        let told = grant.problem.as_ref() == Some(&text);
        grant.intent = Intent::None;
        grant.state = GrantState::Failed;
        grant.problem = Some(text);
        case.refused.insert(super::case::known(&grant).scope);
        Ok(self
            .put(case, grant, (!told).then_some(HistoryKind::RefusedByKisi))
            .await?)
    }

    /// A grant that is about to be sent. One that Kisi refused before is tried again under the same id.
    fn intended(&self, user: Uuid, case: &Case, scope: Scope, window: Span) -> row::Grant {
        let (scope_kind, scope_id) = stored_scope(scope);
        let failed = case.grants.iter().find(|known| {
            known.kisi_id.is_none() && known.scope_kind == scope_kind && known.scope_id == scope_id
        });
        let (want_from, want_until) = stored(window);
        row::Grant {
            id: failed.map_or_else(new_id, |known| known.id),
            club_id: self.ground.scope.club,
            account_id: self.ground.account.id,
            member_id: case.due.member_id,
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
            notify: case.holdings.told_by_kisi.contains(&scope),
            problem: failed.and_then(|known| known.problem.clone()),
            created_at: self.now().micros(),
            confirmed_at: None,
        }
    }

    /// What a grant is for in Kisi's words, and the role to be given.
    pub(super) fn in_kisi(&self, grant: &row::Grant) -> Option<(AppliesTo, String)> {
        let account = &self.ground.account;
        match grant.scope_kind {
            ScopeKind::Group | ScopeKind::Lock => {
                let group = self.ground.groups.get(&grant.scope_id)?;
                Some((AppliesTo::Group(group.kisi_id), GROUP_ROLE.to_owned()))
            }
            ScopeKind::Place => {
                let place = self.ground.places.get(&grant.scope_id)?;
                Some((AppliesTo::Place(place.kisi_id), account.place_role.clone()?))
            }
            ScopeKind::Account => Some((
                AppliesTo::Organization(account.organization_id?),
                account.organization_role.clone()?,
            )),
        }
    }

    pub(super) async fn learn(
        &mut self,
        change: Option<Ability>,
        twins: Option<Ability>,
    ) -> Result<(), StoreError> {
        let stored = |ability| match ability {
            Ability::Unknown => row::Ability::Unknown,
            Ability::Yes => row::Ability::Yes,
            Ability::No => row::Ability::No,
        };
        let account = &mut self.ground.account;
        account.change_window = change.map_or(account.change_window, stored);
        account.twins = twins.map_or(account.twins, stored);
        let (id, change, twins) = (account.id, account.change_window, account.twins);
        self.app
            .db
            .write(move |tx| {
                Box::pin(async move { kisi_accounts::learn(tx, id, change, twins).await })
            })
            .await
    }
}

/// A group or place that Kisi does not know was likely removed there: read the setup again soon.
async fn kisi_accounts_read_again(pass: &Pass<'_>) -> Result<(), StoreError> {
    let (id, now) = (pass.ground.account.id, pass.now().micros());
    pass.app
        .db
        .write(move |tx| Box::pin(async move { kisi_accounts::read_due(tx, id, now).await }))
        .await
}

fn find(case: &Case, id: Id) -> Option<row::Grant> {
    case.grants
        .iter()
        .find(|grant| grant.id.as_u128() == id.0)
        .cloned()
}

/// An assignment's window.
pub fn window_of(held: &Assignment) -> Span {
    Span::new(
        Instant::from_option_start(held.valid_from.map(Instant::from_timestamp)),
        Instant::from_option_end(held.valid_until.map(Instant::from_timestamp)),
    )
}

fn ends(window: Span) -> (Option<Timestamp>, Option<Timestamp>) {
    (
        window.from.known().map(Instant::timestamp),
        window.until.known().map(Instant::timestamp),
    )
}

fn stored(window: Span) -> (Option<i64>, Option<i64>) {
    (
        window.from.known().map(Instant::micros),
        window.until.known().map(Instant::micros),
    )
}

pub fn stored_scope(scope: Scope) -> (ScopeKind, Uuid) {
    match scope {
        Scope::Group(id) => (ScopeKind::Group, Uuid::from_u128(id.0)),
        Scope::Place(id) => (ScopeKind::Place, Uuid::from_u128(id.0)),
        Scope::Account(id) => (ScopeKind::Account, Uuid::from_u128(id.0)),
    }
}

/// How long to wait before the next try: growing, and never all at once.
pub fn back_off(failures: u32, first: Duration, most: Duration) -> Duration {
    let grown = first.saturating_mul(1u32 << failures.min(16)).min(most);
    let spread = u32::from(crate::secret::random_byte());
    grown.saturating_sub(grown.saturating_mul(spread) / 1024)
}
