//! Mutations of the revocations that the brake holds: approve or dismiss some or all of them. For ADMIN tokens.

use std::collections::BTreeMap;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use uuid::Uuid;

use super::{Editor, form::Form, id_of, not_found, record};
use crate::{
    graphql::{
        error::{Refusal, UserError},
        held_cause,
    },
    id::Kind,
    store::{
        clubs,
        due::Cause,
        revocations::{self, Decision},
        row::{self, RevocationState},
    },
    transaction,
};

/// How many causes a history entry names.
const CAUSES_SHOWN: usize = 5;

#[derive(Default)]
pub struct RevocationMutations;

/// The result of approving revocations.
#[derive(SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct ApproveRevocationsPayload {
    /// How many revocations were approved.
    pub approved: i32,
    /// Why nothing was changed; empty on success.
    pub user_errors: Vec<UserError>,
}

/// The result of dismissing revocations.
#[derive(SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct DismissRevocationsPayload {
    /// How many revocations were dismissed.
    pub dismissed: i32,
    /// Why nothing was changed; empty on success.
    pub user_errors: Vec<UserError>,
}

/// The held revocations to approve: all, if neither field is given.
#[derive(Default, InputObject)]
pub struct ApproveRevocationsInput {
    /// These revocations.
    pub held: Option<Vec<ID>>,
    /// All revocations of these causes (heldRevocationCauses), beside those in `held`.
    pub causes: Option<Vec<ID>>,
}

/// The held revocations to dismiss: all, if neither field is given.
#[derive(Default, InputObject)]
pub struct DismissRevocationsInput {
    /// These revocations.
    pub held: Option<Vec<ID>>,
    /// All revocations of these causes (heldRevocationCauses), beside those in `held`.
    pub causes: Option<Vec<ID>>,
}

#[Object(crate = "crate::graphql::resolve")]
impl RevocationMutations {
    /// Approves held revocations, so that the access is revoked.
    async fn approve_revocations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The revocations to approve. Default: all held ones.")] input: Option<
            ApproveRevocationsInput,
        >,
        #[graphql(
            deprecation = "Use `input`.",
            desc = "The revocations to approve. Default: all held ones."
        )]
        held: Option<Vec<ID>>,
        #[graphql(
            deprecation = "Use `input`.",
            desc = "Causes (heldRevocationCauses) of which all revocations are decided, beside those in `held`."
        )]
        causes: Option<Vec<ID>>,
    ) -> Result<ApproveRevocationsPayload> {
        let admin = Editor::admin(context)?;
        let is_loose = input.is_none() || held.is_some() || causes.is_some();
        let loose = is_loose.then_some(ApproveRevocationsInput { held, causes });
        let (form, input) = Form::of(input, loose)?;
        let which = (input.held, input.causes);
        let decided = decide(admin, which, RevocationState::Approved, "approved").await;
        Ok(match form.paths(decided) {
            Ok(approved) => ApproveRevocationsPayload {
                approved,
                user_errors: Vec::new(),
            },
            Err(refusal) => ApproveRevocationsPayload {
                approved: 0,
                user_errors: refusal.into_user_errors()?,
            },
        })
    }

    /// Dismisses held revocations: the members keep their access until the facts about them change again.
    async fn dismiss_revocations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The revocations to dismiss. Default: all held ones.")] input: Option<
            DismissRevocationsInput,
        >,
        #[graphql(
            deprecation = "Use `input`.",
            desc = "The revocations to dismiss. Default: all held ones."
        )]
        held: Option<Vec<ID>>,
        #[graphql(
            deprecation = "Use `input`.",
            desc = "Causes (heldRevocationCauses) of which all revocations are decided, beside those in `held`."
        )]
        causes: Option<Vec<ID>>,
    ) -> Result<DismissRevocationsPayload> {
        let admin = Editor::admin(context)?;
        let is_loose = input.is_none() || held.is_some() || causes.is_some();
        let loose = is_loose.then_some(DismissRevocationsInput { held, causes });
        let (form, input) = Form::of(input, loose)?;
        let which = (input.held, input.causes);
        let decided = decide(admin, which, RevocationState::Dismissed, "dismissed").await;
        Ok(match form.paths(decided) {
            Ok(dismissed) => DismissRevocationsPayload {
                dismissed,
                user_errors: Vec::new(),
            },
            Err(refusal) => DismissRevocationsPayload {
                dismissed: 0,
                user_errors: refusal.into_user_errors()?,
            },
        })
    }
}

/// The held revocations that a mutation names.
struct Selection {
    ids: Vec<Uuid>,
    causes: Vec<Uuid>,
}

impl Selection {
    /// None if nothing is named, which means all.
    fn of(held: Option<Vec<ID>>, causes: Option<Vec<ID>>) -> Result<Option<Self>, Refusal> {
        if held.is_none() && causes.is_none() {
            return Ok(None);
        }
        let held = held.unwrap_or_default();
        let ids = held
            .iter()
            .map(|id| id_of(Kind::HeldRevocation, "held", "held revocation", id));
        let causes = causes.unwrap_or_default();
        let causes = causes
            .iter()
            .map(|id| held_cause::decode(id).ok_or_else(|| not_found("causes", "cause")));
        Ok(Some(Self {
            ids: ids.collect::<Result<_, _>>()?,
            causes: causes.collect::<Result<_, _>>()?,
        }))
    }

    /// # Errors
    /// NOT_FOUND if one of them is no longer held.
    fn among(&self, mut held: Vec<row::Revocation>) -> Result<Vec<row::Revocation>, Refusal> {
        if self
            .ids
            .iter()
            .any(|id| held.iter().all(|row| row.id != *id))
        {
            return Err(not_found("held", "held revocation"));
        }
        let is_missing = |cause: &Uuid| held.iter().all(|row| row.cause_id != *cause);
        if self.causes.iter().any(is_missing) {
            return Err(not_found("causes", "cause of held revocations"));
        }
        held.retain(|row| self.ids.contains(&row.id) || self.causes.contains(&row.cause_id));
        Ok(held)
    }
}

async fn decide(
    admin: Editor,
    (held, causes): (Option<Vec<ID>>, Option<Vec<ID>>),
    state: RevocationState,
    what: &'static str,
) -> Result<i32, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let selection = Selection::of(held, causes)?;
    let decided = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let mut held = revocations::in_state(tx, scope, RevocationState::Held).await?;
        if let Some(selection) = selection {
            held = selection.among(held)?;
        }
        let mark = |row: &row::Revocation| Cause {
            delivery: row.delivery_id,
            rule: row.rule_id,
            ..Cause::enforced(format!(
                "{actor} {what} a revocation that the brake held: {}",
                row.cause
            ))
            .by(&actor)
        };
        let answer = Decision {
            mark: Some(&mark),
            ..Decision::of(state)
        };
        revocations::decide(tx, scope, &held, answer, now).await?;
        if !held.is_empty() {
            let message = decided(&held, what);
            let kind = row::HistoryKind::RevocationsDecided;
            record(tx, scope, (&actor, now), kind, message).await?;
        }
        Ok::<_, Refusal>(held.len())
    })
    .await?;
    app.waker.wake(scope);
    Ok(i32::try_from(decided).unwrap_or(i32::MAX))
}

/// How many revocations of which causes were decided.
fn decided(held: &[row::Revocation], what: &str) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in held {
        *counts.entry(&row.cause).or_default() += 1;
    }
    let causes: Vec<String> = counts
        .iter()
        .take(CAUSES_SHOWN)
        .map(|(cause, count)| format!("{count} because of {cause}"))
        .collect();
    let more = counts.len().saturating_sub(CAUSES_SHOWN);
    let more = if more > 0 {
        format!("; and {more} other causes")
    } else {
        String::new()
    };
    let count = held.len();
    format!(
        "{count} held revocations were {what}: {}{more}.",
        causes.join("; ")
    )
}
