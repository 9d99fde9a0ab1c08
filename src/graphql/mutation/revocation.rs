//! What the brake holds: let through or dismissed, some or all. Called by admins.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use uuid::Uuid;

use super::{Admin, id_of, not_found};
use crate::{
    graphql::error::{Refusal, UserError},
    id::Kind,
    store::{
        clubs,
        due::Cause,
        revocations::{self, Answer},
        row::{self, RevocationState},
    },
};

/// Approves and dismisses.
#[derive(Default)]
pub struct RevocationMutations;

/// How many revocations were let through.
#[derive(SimpleObject)]
pub struct ApproveRevocationsPayload {
    /// How many were let through.
    pub approved: i32,
    /// Why nothing was changed; empty where it was.
    pub user_errors: Vec<UserError>,
}

/// How many revocations were dismissed.
#[derive(SimpleObject)]
pub struct DismissRevocationsPayload {
    /// How many were dismissed.
    pub dismissed: i32,
    /// Why nothing was changed; empty where it was.
    pub user_errors: Vec<UserError>,
}

#[Object]
impl RevocationMutations {
    /// Lets held revocations through: all of them, where none are named.
    async fn approve_revocations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Those that go through. Left out: all.")] held: Option<Vec<ID>>,
    ) -> Result<ApproveRevocationsPayload> {
        let admin = Admin::of(context)?;
        Ok(
            match decide(admin, held, RevocationState::Approved, "approved").await {
                Ok(approved) => ApproveRevocationsPayload {
                    approved,
                    user_errors: Vec::new(),
                },
                Err(refusal) => ApproveRevocationsPayload {
                    approved: 0,
                    user_errors: refusal.into_user_errors()?,
                },
            },
        )
    }

    /// Keeps the people's access as it is until the facts about them change again: all, where none are named.
    async fn dismiss_revocations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Those that are not to happen. Left out: all.")] held: Option<Vec<ID>>,
    ) -> Result<DismissRevocationsPayload> {
        let admin = Admin::of(context)?;
        Ok(
            match decide(admin, held, RevocationState::Dismissed, "dismissed").await {
                Ok(dismissed) => DismissRevocationsPayload {
                    dismissed,
                    user_errors: Vec::new(),
                },
                Err(refusal) => DismissRevocationsPayload {
                    dismissed: 0,
                    user_errors: refusal.into_user_errors()?,
                },
            },
        )
    }
}

async fn decide(
    admin: Admin,
    named: Option<Vec<ID>>,
    state: RevocationState,
    what: &'static str,
) -> Result<i32, Refusal> {
    let Admin {
        app,
        scope,
        actor,
        now,
    } = admin;
    let named: Option<Vec<Uuid>> = named
        .map(|ids| {
            ids.iter()
                .map(|id| id_of(Kind::HeldRevocation, "held", "held revocation", id))
                .collect()
        })
        .transpose()?;
    let decided = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let mut held = revocations::in_state(tx, scope, RevocationState::Held).await?;
                if let Some(named) = named {
                    if named.iter().any(|id| !held.iter().any(|row| row.id == *id)) {
                        return Err(not_found("held", "held revocation"));
                    }
                    held.retain(|row| named.contains(&row.id));
                }
                let mark = |row: &row::Revocation| Cause {
                    delivery: row.delivery_id,
                    rule: row.rule_id,
                    ..Cause::judged(format!("{actor} {what} what the brake held: {}", row.cause))
                        .by(&actor)
                };
                let answer = Answer {
                    mark: Some(&mark),
                    ..Answer::of(state)
                };
                revocations::decide(tx, scope, &held, answer, now).await?;
                Ok(held.len())
            })
        })
        .await?;
    app.waker.wake();
    Ok(i32::try_from(decided).unwrap_or(i32::MAX))
}
