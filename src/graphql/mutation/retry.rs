//! Tries again what Kisi refused, once a person has put right what was in the way: no clock tries it, since time does not mend
//! it. Called by admins.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{Admin, id_of, not_found};
use crate::{
    graphql::error::Refusal,
    id::Kind,
    store::{Connection, Scope, due, kisi_accounts, members, problems, setup},
};

/// Tries refused work again.
#[derive(Default)]
pub struct RetryMutations;

/// Whose problems are tried again; each field that is given narrows it.
#[derive(InputObject)]
pub struct RetryProblemsInput {
    /// In this Kisi account.
    pub account: Option<ID>,
    /// In this group.
    pub group: Option<ID>,
    /// Of this member.
    pub member: Option<ID>,
}

payload! {
    /// Whose work is tried again.
    RetryProblemsPayload {
        /// How many members that are.
        members: i32
    }
}

#[Object]
impl RetryMutations {
    /// Tries again now what Kisi refused: grants that are FAILED, and people for whom Kisi made no user. What only a person can
    /// put right is not tried again by itself, unless something about the member or the setup changes.
    async fn retry_problems(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose.")] input: RetryProblemsInput,
    ) -> Result<RetryProblemsPayload> {
        let admin = Admin::of(context)?;
        RetryProblemsPayload::of(retry(admin, input).await)
    }
}

async fn retry(admin: Admin, input: RetryProblemsInput) -> std::result::Result<i32, Refusal> {
    let Admin {
        app,
        scope,
        actor,
        now,
    } = admin;
    let id =
        |kind, path, name, id: Option<ID>| id.map(|id| id_of(kind, path, name, &id)).transpose();
    let of = problems::Of {
        account: id(
            Kind::KisiAccount,
            "input.account",
            "Kisi account",
            input.account,
        )?,
        group: id(Kind::Group, "input.group", "group", input.group)?,
        member: id(Kind::Member, "input.member", "member", input.member)?,
    };
    let marked = app.db.write(move |tx| {
        Box::pin(async move {
            refuse_unknown(tx, scope, &of).await?;
            let cause = due::Cause::judged("what Kisi refused is tried again").by(&actor);
            problems::forget_answers(tx, scope, &of).await?;
            let found = problems::find(tx, scope, &of).await?;
            let members: std::collections::BTreeSet<_> =
                found.iter().map(|key| key.member).collect();
            let marks = found.into_iter().map(|key| (key, cause.clone())).collect();
            due::look_again(tx, scope, marks, now).await?;
            Ok::<_, Refusal>(members.len())
        })
    });
    let members = marked.await?;
    app.waker.wake();
    Ok(i32::try_from(members).unwrap_or(i32::MAX))
}

/// Refuses what the club does not have.
async fn refuse_unknown(
    connection: &impl Connection,
    scope: Scope,
    of: &problems::Of,
) -> std::result::Result<(), Refusal> {
    if let Some(id) = of.account
        && kisi_accounts::get(connection, scope, id).await?.is_none()
    {
        return Err(not_found("input.account", "Kisi account"));
    }
    if let Some(id) = of.group
        && setup::some_groups(connection, scope, &[id])
            .await?
            .is_empty()
    {
        return Err(not_found("input.group", "group"));
    }
    if let Some(id) = of.member
        && members::get(connection, scope, id).await?.is_none()
    {
        return Err(not_found("input.member", "member"));
    }
    Ok(())
}
