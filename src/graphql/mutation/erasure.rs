//! Mutations of erasure: remove a person's data, and let events about the person count again. For ADMIN tokens.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{Editor, form::Form, id_of, invalid, not_found};
use crate::{
    erasure,
    graphql::{error::Refusal, member::Member},
    id::Kind,
    store::{self, lookup, row},
    transaction,
};

#[derive(Default)]
pub struct ErasureMutations;

payload! {
    /// The member who is being erased.
    EraseMemberPayload {
        /// The member; null if the mutation was refused.
        member: Member
    }
}
payload! {
    /// The erased member whose events count again.
    LiftErasurePayload {
        /// The member, who stays erased; null if the mutation was refused.
        member: Member
    }
}

/// The member to erase.
#[derive(InputObject)]
pub struct EraseMemberInput {
    /// The member.
    pub member: ID,
}

/// The erased member whose events count again.
#[derive(InputObject)]
pub struct LiftErasureInput {
    /// The erased member.
    pub member: ID,
}

#[Object(crate = "crate::graphql::resolve")]
impl ErasureMutations {
    /// Erases a person for good. First all access ends, shares included, and the brake does not hold it. Once Kisi has confirmed
    /// that, names, addresses, ids, texts and the bodies of deliveries are removed from every table; counts and times stay. Later
    /// events about the person are ignored until `liftErasure`: delete the person on the platform first. Kisi's user stays
    /// (`Member.kisiUsers`, readable until the erasure is complete): delete it in Kisi. `Member.erasure` has the state.
    async fn erase_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member to erase.")] input: Option<EraseMemberInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The member.")] member: Option<ID>,
    ) -> Result<EraseMemberPayload> {
        let admin = Editor::admin(context)?;
        let loose = member.map(|member| EraseMemberInput { member });
        let (form, input) = Form::of(input, loose)?;
        EraseMemberPayload::of(form.paths(erase(admin, &input.member).await))
    }

    /// Lets events about an erased person count again: the next one makes a new member, without anything of the erased one.
    async fn lift_erasure(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The erased member whose events count again.")] input: Option<
            LiftErasureInput,
        >,
        #[graphql(deprecation = "Use `input`.", desc = "The erased member.")] member: Option<ID>,
    ) -> Result<LiftErasurePayload> {
        let admin = Editor::admin(context)?;
        let loose = member.map(|member| LiftErasureInput { member });
        let (form, input) = Form::of(input, loose)?;
        LiftErasurePayload::of(form.paths(lift(admin, &input.member).await))
    }
}

async fn erase(admin: Editor, member: &str) -> Result<row::Member, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let id = id_of(Kind::Member, "member", "member", member)?;
    let member = transaction!(app.db, |tx| {
        let before = lookup::by_id::<row::Member>(tx, scope, id).await?;
        let before = before.ok_or_else(|| not_found("member", "member"))?;
        if before.erasure.is_none() {
            erasure::begin(tx, scope, id, (&actor, now)).await?;
        }
        let after = lookup::by_id::<row::Member>(tx, scope, id).await?;
        after.ok_or_else(|| not_found("member", "member"))
    })
    .await?;
    app.waker.wake(scope);
    Ok(member)
}

async fn lift(admin: Editor, member: &str) -> Result<row::Member, Refusal> {
    let Editor { app, scope, .. } = admin;
    let id = id_of(Kind::Member, "member", "member", member)?;
    transaction!(app.db, |tx| {
        let member = lookup::by_id::<row::Member>(tx, scope, id).await?;
        let member = member.ok_or_else(|| not_found("member", "member"))?;
        if member.erasure != Some(row::ErasureState::Erased) {
            return Err(invalid("member", "this member is not erased"));
        }
        store::erasure::delete_marks(tx, scope, id).await?;
        Ok::<_, Refusal>(member)
    })
    .await
}
