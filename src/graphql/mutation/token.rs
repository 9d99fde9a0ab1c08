//! Mutations of bearer tokens. A token is returned once, when it is created, and stored as a hash; the token itself is never
//! logged or stored. For ADMIN tokens.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use secrecy::ExposeSecret;

use super::{Editor, form::Form, future_end, invalid, name, name_taken, record};
use crate::{
    clock::new_id,
    graphql::{
        error::{Refusal, UserError, checked},
        roles,
        scalar::DateTime,
        viewer::Role,
    },
    secret::{hash_token, new_token},
    store::{clubs, row, tokens},
    transaction,
};

#[derive(Default)]
pub struct TokenMutations;

/// A token to create. MEMBER is not a role for tokens: members use member sessions.
#[derive(InputObject)]
pub struct CreateTokenInput {
    /// The name of the token, unique in the club.
    pub name: String,
    /// The role, which determines what the token may do.
    pub role: Role,
    /// When the token expires. Default: never.
    pub expires_at: Option<DateTime>,
}

payload! {
    /// The new token, which is returned only here.
    CreateTokenPayload {
        /// The token, to be sent as `Authorization: Bearer …`; null if the mutation was refused.
        token: String
    }
}

/// The result of revoking a token.
#[derive(SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct RevokeTokenPayload {
    /// False if there is no token with this name.
    pub revoked: bool,
    /// Why nothing was changed; empty on success.
    pub user_errors: Vec<UserError>,
}

/// The token to revoke.
#[derive(InputObject)]
pub struct RevokeTokenInput {
    /// The token's name.
    pub name: String,
}

/// Whose sessions end.
#[derive(InputObject)]
pub struct EndStaffSessionsInput {
    /// The sessions of this person (`staffSessions`). Default: those of all staff.
    pub name: Option<String>,
}

payload! {
    /// The sessions that ended.
    EndStaffSessionsPayload {
        /// Their number; null if the mutation was refused.
        ended: i32
    }
}

#[Object(crate = "crate::graphql::resolve")]
impl TokenMutations {
    /// Creates a token and returns it, this once.
    async fn create_token(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The name and role of the token.")] input: CreateTokenInput,
    ) -> Result<CreateTokenPayload> {
        let admin = Editor::admin(context)?;
        CreateTokenPayload::of(create(admin, input).await)
    }

    /// Ends sessions of staff who signed in to the console with the identity provider, such as of somebody who has left. A token is
    /// ended by revokeToken.
    async fn end_staff_sessions(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose sessions.")] input: EndStaffSessionsInput,
    ) -> Result<EndStaffSessionsPayload> {
        let admin = Editor::admin(context)?;
        EndStaffSessionsPayload::of(end_sessions(admin, input.name).await)
    }

    /// Revokes a token; requests with it are refused from now on.
    async fn revoke_token(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The token to revoke.")] input: Option<RevokeTokenInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The token's name.")] name: Option<String>,
    ) -> Result<RevokeTokenPayload> {
        let (_, input) = Form::of(input, name.map(|name| RevokeTokenInput { name }))?;
        let Editor {
            app,
            scope,
            actor,
            now,
            ..
        } = Editor::admin(context)?;
        let outcome: Result<bool, Refusal> = transaction!(app.db, |tx| {
            let name = input.name.trim();
            let revoked = tokens::revoke(tx, scope, name).await?;
            if revoked {
                let message = format!("The token “{name}” was revoked.");
                record(
                    tx,
                    scope,
                    (&actor, now),
                    row::HistoryKind::TokenChanged,
                    message,
                )
                .await?;
            }
            Ok(revoked)
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

async fn end_sessions(admin: Editor, name: Option<String>) -> Result<i32, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let ended: u64 = transaction!(app.db, |tx| {
        let ended = tokens::end_staff_sessions(tx, scope, name.as_deref()).await?;
        if ended > 0 {
            let of = name
                .as_ref()
                .map_or_else(|| "of all staff".to_owned(), |name| format!("of “{name}”"));
            let message = format!("{ended} sessions {of} were ended.");
            let kind = row::HistoryKind::TokenChanged;
            record(tx, scope, (&actor, now), kind, message).await?;
        }
        Ok::<_, Refusal>(ended)
    })
    .await?;
    Ok(i32::try_from(ended).unwrap_or(i32::MAX))
}

async fn create(admin: Editor, input: CreateTokenInput) -> Result<String, Refusal> {
    let (scope, now, actor) = (admin.scope, admin.now, admin.actor);
    checked! {
        name = name("input.name", &input.name);
        role = token_role(input.role.into());
        expires_at = future_end("input.expiresAt", input.expires_at, now);
    }
    let token = new_token();
    let hash = hash_token(token.expose_secret());
    transaction!(admin.app.db, |tx| {
        clubs::touch(tx, scope).await?;
        if tokens::exists(tx, scope, &name).await? {
            return Err(name_taken("input.name", "token"));
        }
        let message = format!(
            "The token “{name}” with the role {} was created.",
            role_name(role)
        );
        record(
            tx,
            scope,
            (&actor, now),
            row::HistoryKind::TokenChanged,
            message,
        )
        .await?;
        let row = row::Token {
            id: new_id(),
            club_id: scope.club,
            name,
            role,
            hash,
            subject: None,
            member_id: None,
            created_at: now,
            expires_at,
        };
        Ok(tokens::create(tx, row).await?)
    })
    .await?;
    Ok(token.expose_secret().to_owned())
}

fn token_role(role: row::Role) -> Result<row::Role, Refusal> {
    if role == row::Role::Member {
        let message = "must be ADMIN, APP, DESK or READER: members use member sessions";
        return Err(invalid("input.role", message));
    }
    Ok(role)
}

fn role_name(role: row::Role) -> &'static str {
    let known = roles::ALL.iter().find(|(_, other)| *other == role);
    known.map_or("", |(name, _)| name)
}
