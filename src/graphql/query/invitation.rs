//! The query for members who have not accepted Kisi's invitation. Reads Kisi.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use crate::{
    graphql::{
        context,
        error::{bad_input, internal_error},
        kisi_error::of_kisi,
        member::Member,
        node,
        scalar::DateTime,
    },
    id::Kind,
    invitations::{self, Invitation, InvitationError},
    reconcile::take_over::ReadError,
    store::{lookup, row},
};

/// The most members of one response.
const MOST: i32 = 1_000;

#[derive(Default)]
pub struct InvitationQuery;

/// What Kisi tells about an invitation that was not accepted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::invitations::Pending")]
pub enum InvitationState {
    /// The e-mail address is not confirmed: the person cannot open doors by Kisi's app. The link in Kisi's e-mail confirms it.
    NotConfirmed,
    /// The person has never signed in to Kisi or opened a door.
    NeverUsed,
}

/// A member who has not accepted Kisi's invitation, as far as Kisi tells.
#[derive(SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct PendingInvitation {
    /// The member.
    pub member: Member,
    /// Kisi's id of the user.
    pub kisi_id: ID,
    /// What Kisi tells.
    pub state: InvitationState,
    /// When the user was created in Kisi; null if Kisi does not say.
    pub invited_at: Option<DateTime>,
}

/// Members who have not accepted Kisi's invitation.
#[derive(SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct PendingInvitations {
    /// The number of all of them.
    pub total_count: i32,
    /// The first of them, by name.
    pub nodes: Vec<PendingInvitation>,
}

#[Object(crate = "crate::graphql::resolve")]
impl InvitationQuery {
    /// Members with a user in Kisi who have not accepted the invitation, as far as Kisi tells. Reads all users of the organization
    /// from Kisi. See `resendInvitation`. Requires an ADMIN token.
    #[graphql(complexity = "crate::graphql::page::capped_product(10, child_complexity) + 2_000")]
    async fn pending_invitations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The Kisi account.")] account: ID,
        #[graphql(default = 100, desc = "How many members, 0 to 1000.")] first: i32,
    ) -> Result<PendingInvitations> {
        let scope = context::require_admin(context)?.scope;
        let app = context::app(context)?;
        let missing = || bad_input("account: no such Kisi account exists in this club");
        let most = usize::try_from(first).ok().filter(|_| first <= MOST);
        let most = most.ok_or_else(|| bad_input("first: must be from 0 to 1000"))?;
        let id = node::decode_id("account", Kind::KisiAccount, &account)?;
        let account = lookup::by_id::<row::KisiAccount>(app.db.read(), scope, id).await;
        let account = account.map_err(internal_error)?;
        let account = account
            .filter(|account| account.status != row::KisiStatus::Disconnected)
            .ok_or_else(missing)?;
        let pending = invitations::pending(app, scope, &account).await;
        let pending = pending.map_err(|problem| match problem {
            InvitationError::Kisi(ReadError::Kisi(problem)) => of_kisi(&problem),
            other => internal_error(other),
        })?;
        Ok(PendingInvitations {
            total_count: i32::try_from(pending.len()).unwrap_or(i32::MAX),
            nodes: pending.into_iter().take(most).map(shown).collect(),
        })
    }
}

fn shown(invitation: Invitation) -> PendingInvitation {
    let Invitation {
        member,
        kisi_user,
        pending,
        invited_at,
    } = invitation;
    PendingInvitation {
        member: Member(member),
        kisi_id: ID(kisi_user.to_string()),
        state: pending.into(),
        invited_at: invited_at.map(|at| DateTime(at.micros())),
    }
}
