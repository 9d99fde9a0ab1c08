//! The mutation that retries work that Kisi refused, after a person has fixed the cause. No timer retries it, because time does
//! not fix it. For ADMIN tokens.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{Editor, id_of, not_found};
use crate::{
    graphql::error::Refusal,
    id::Kind,
    store::{ClubScope, Connection, due, lookup, problems, row},
    transaction,
};

#[derive(Default)]
pub struct RetryMutations;

/// The problems to retry; each given field narrows the selection.
#[derive(InputObject)]
pub struct RetryProblemsInput {
    /// Only problems in this Kisi account.
    pub account: Option<ID>,
    /// Only problems in this group.
    pub group: Option<ID>,
    /// Only problems of this member.
    pub member: Option<ID>,
}

payload! {
    /// The result of a retry.
    RetryProblemsPayload {
        /// How many members have work that is retried.
        members: i32
    }
}

#[Object(crate = "crate::graphql::resolve")]
impl RetryMutations {
    /// Retries now what Kisi refused: grants that are FAILED, and members without a Kisi user because Kisi refused it. Problems that only a
    /// person can fix are retried automatically only when something about the member or the setup changes.
    async fn retry_problems(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The problems to retry.")] input: RetryProblemsInput,
    ) -> Result<RetryProblemsPayload> {
        let admin = Editor::admin(context)?;
        RetryProblemsPayload::of(retry(admin, input).await)
    }
}

async fn retry(admin: Editor, input: RetryProblemsInput) -> std::result::Result<i32, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let id =
        |kind, path, name, id: Option<ID>| id.map(|id| id_of(kind, path, name, &id)).transpose();
    let of = problems::ProblemFilter {
        account: id(
            Kind::KisiAccount,
            "input.account",
            "Kisi account",
            input.account,
        )?,
        group: id(Kind::Group, "input.group", "group", input.group)?,
        member: id(Kind::Member, "input.member", "member", input.member)?,
    };
    let marked = transaction!(app.db, |tx| {
        refuse_unknown(tx, scope, &of).await?;
        let cause = due::Cause::enforced("a retry of work that Kisi refused").by(&actor);
        problems::clear_differences(tx, scope, &of).await?;
        let rows = problems::find(tx, scope, &of).await?;
        let members: std::collections::BTreeSet<_> = rows.iter().map(|key| key.member).collect();
        let marks = rows.into_iter().map(|key| (key, cause.clone())).collect();
        due::mark_keeping_cause(tx, scope, marks, now).await?;
        Ok::<_, Refusal>(members.len())
    });
    let members = marked.await?;
    app.waker.wake(scope);
    Ok(i32::try_from(members).unwrap_or(i32::MAX))
}

/// Refuses ids that do not exist in the club.
async fn refuse_unknown(
    connection: &impl Connection,
    scope: ClubScope,
    of: &problems::ProblemFilter,
) -> std::result::Result<(), Refusal> {
    if let Some(id) = of.account
        && lookup::by_id::<row::KisiAccount>(connection, scope, id)
            .await?
            .is_none()
    {
        return Err(not_found("input.account", "Kisi account"));
    }
    if let Some(id) = of.group
        && lookup::by_id::<row::Group>(connection, scope, id)
            .await?
            .is_none()
    {
        return Err(not_found("input.group", "group"));
    }
    if let Some(id) = of.member
        && lookup::by_id::<row::Member>(connection, scope, id)
            .await?
            .is_none()
    {
        return Err(not_found("input.member", "member"));
    }
    Ok(())
}
