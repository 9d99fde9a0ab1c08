//! The mutation that has Kisi send its invitation again. For ADMIN tokens.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{Editor, form::Form, id_of, invalid, not_found};
use crate::{
    graphql::{
        error::{Refusal, UserError, UserErrorCode, internal_error},
        member::Member,
    },
    id::Kind,
    invitations,
    reconcile::take_over::ReadError,
    store::{grants, lookup, row},
};

#[derive(Default)]
pub struct InvitationMutations;

payload! {
    /// The member to whose address Kisi sends its e-mail.
    ResendInvitationPayload {
        /// The member; null if the mutation was refused.
        member: Member
    }
}

/// Whose invitation is sent again, and for which account.
#[derive(InputObject)]
pub struct ResendInvitationInput {
    /// The Kisi account.
    pub account: ID,
    /// The member.
    pub member: ID,
}

#[Object(crate = "crate::graphql::resolve")]
impl InvitationMutations {
    /// Has Kisi e-mail a member again about their access in an account, with the link by which they sign in. Changes no access.
    /// Kisi has no call for the invitation itself: this uses its notification about an assignment, so the member needs access to
    /// a group now.
    async fn resend_invitation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account and the member.")] input: Option<ResendInvitationInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The Kisi account.")] account: Option<ID>,
        #[graphql(deprecation = "Use `input`.", desc = "The member.")] member: Option<ID>,
    ) -> Result<ResendInvitationPayload> {
        let admin = Editor::admin(context)?;
        let loose = account
            .zip(member)
            .map(|(account, member)| ResendInvitationInput { account, member });
        let (form, input) = Form::of(input, loose)?;
        let resent = resend(admin, &input.account, &input.member).await;
        ResendInvitationPayload::of(form.paths(resent))
    }
}

async fn resend(admin: Editor, account: &str, member: &str) -> Result<row::Member, Refusal> {
    let Editor { app, scope, .. } = admin;
    let db = app.db.read();
    let account = id_of(Kind::KisiAccount, "account", "Kisi account", account)?;
    let account = lookup::by_id::<row::KisiAccount>(db, scope, account).await?;
    let account = account
        .filter(|account| account.status != row::KisiStatus::Disconnected)
        .ok_or_else(|| not_found("account", "Kisi account"))?;
    let member = id_of(Kind::Member, "member", "member", member)?;
    let member = lookup::by_id::<row::Member>(db, scope, member).await?;
    let member = member.ok_or_else(|| not_found("member", "member"))?;
    let grants = grants::grants_of(db, scope, &[member.id]).await?;
    let is_usable = |grant: &&row::Grant| {
        grant.account_id == account.id
            && grant.scope_kind == row::ScopeKind::Group
            && grant.state == row::GrantState::Confirmed
            && grant.kisi_id.is_some()
    };
    let assignment = grants
        .iter()
        .find(is_usable)
        .and_then(|grant| grant.kisi_id);
    let assignment = assignment.ok_or_else(|| {
        let message = "has no access to a group of this account in Kisi now, and Kisi sends its e-mail only about that: resend it \
                       once the member has access";
        invalid("member", message)
    })?;
    let sent = invitations::send_again(&app, &account, assignment).await;
    sent.map_err(|problem| match problem {
        ReadError::Kisi(problem) => {
            let code = UserErrorCode::of_kisi(&problem);
            UserError::at(code, "member", problem.for_people()).into()
        }
        secret @ ReadError::Secret(_) => Refusal::Internal(internal_error(secret)),
    })?;
    Ok(member)
}
