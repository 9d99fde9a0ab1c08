//! Bearer tokens: made once, shown once, kept as hashes. Never logs or stores a token itself. Called by admins.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use secrecy::ExposeSecret;

use super::{Admin, ahead, invalid, name, taken};
use crate::{
    clock::new_id,
    graphql::{
        error::{Refusal, UserError},
        scalar::DateTime,
        viewer::Role,
    },
    secret::{hash_token, new_token},
    store::{clubs, row, tokens},
};

/// Makes and revokes tokens.
#[derive(Default)]
pub struct TokenMutations;

/// Names are unique in a club. MEMBER is no role for a token: a member session is.
#[derive(InputObject)]
pub struct CreateTokenInput {
    /// How people tell it from others.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// From when on it is good no more; left out: never.
    pub expires_at: Option<DateTime>,
}

payload! {
    /// The token is shown here once, and never again.
    CreateTokenPayload {
        /// To be sent as `Authorization: Bearer …`; null where nothing was changed.
        token: String
    }
}

/// Whether there was a token to revoke.
#[derive(SimpleObject)]
pub struct RevokeTokenPayload {
    /// False where there is no token of this name.
    pub revoked: bool,
    /// Why nothing was changed; empty where it was.
    pub user_errors: Vec<UserError>,
}

#[Object]
impl TokenMutations {
    /// Makes a token, and shows it this once.
    async fn create_token(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its name, and what it may do.")] input: CreateTokenInput,
    ) -> Result<CreateTokenPayload> {
        let admin = Admin::of(context)?;
        CreateTokenPayload::of(create(admin, input).await)
    }

    /// Ends a token; whoever bears it is refused from now on.
    async fn revoke_token(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token's name.")] name: String,
    ) -> Result<RevokeTokenPayload> {
        let Admin { app, scope, .. } = Admin::of(context)?;
        let outcome: Result<bool, Refusal> = app
            .db
            .write(move |tx| {
                Box::pin(async move { Ok(tokens::revoke(tx, scope, name.trim()).await?) })
            })
            .await;
        Ok(match outcome {
            Ok(revoked) => RevokeTokenPayload {
                revoked,
                user_errors: Vec::new(),
            },
            Err(refusal) => RevokeTokenPayload {
                revoked: false,
                user_errors: refusal.into_user_errors()?,
            },
        })
    }
}

async fn create(admin: Admin, input: CreateTokenInput) -> Result<String, Refusal> {
    let (scope, now) = (admin.scope, admin.now);
    let name = name("input.name", &input.name)?;
    let role = row::Role::from(input.role);
    if role == row::Role::Member {
        return Err(invalid(
            "input.role",
            "it has to be ADMIN, APP or READER: a member is let in by a member session",
        ));
    }
    let expires_at = ahead("input.expiresAt", input.expires_at, now)?;
    let token = new_token();
    let hash = hash_token(token.expose_secret());
    admin
        .app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                if tokens::exists(tx, scope, &name).await? {
                    return Err(taken("input.name", "token"));
                }
                let row = row::Token {
                    id: new_id(),
                    club_id: scope.club,
                    name,
                    role,
                    hash,
                    member_id: None,
                    created_at: now,
                    expires_at,
                };
                Ok(tokens::create(tx, row).await?)
            })
        })
        .await?;
    Ok(token.expose_secret().to_owned())
}
