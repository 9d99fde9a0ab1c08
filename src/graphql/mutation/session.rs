//! Member sessions: what a front end's own server hands to the app of one member. Made once, shown once, kept as a hash,
//! and over by itself. Called by admins and front ends' servers; a session opens no other.

use std::time::Duration as Length;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use secrecy::ExposeSecret;

use super::{id_of, invalid, not_found};
use crate::{
    clock::new_id,
    graphql::{
        context::{self, acts_for_members},
        error::{Refusal, UserError},
        scalar::{DateTime, Duration},
    },
    id::Kind,
    secret::{hash_token, new_token},
    store::{members, row, tokens},
};

/// A session is good for so long at least.
const SHORTEST: Length = Length::from_secs(60);
/// A session is good for so long at most: nobody can end one before its time.
const LONGEST: Length = Length::from_secs(24 * 60 * 60);

/// Opens member sessions.
#[derive(Default)]
pub struct SessionMutations;

/// The session is shown here once, and never again.
#[derive(SimpleObject)]
pub struct CreateMemberSessionPayload {
    /// To be sent as `Authorization: Bearer …`; null where none was opened.
    pub session: Option<String>,
    /// From when on it is good no more; null where none was opened.
    pub expires_at: Option<DateTime>,
    /// Why nothing was changed; empty where it was.
    pub user_errors: Vec<UserError>,
}

#[Object]
impl SessionMutations {
    /// Opens a session by which one member sees itself and its doors, and unlocks them. For ADMIN and APP tokens.
    async fn create_member_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose session it is.")] member: ID,
        #[graphql(
            default_with = "Duration(Length::from_secs(3_600))",
            desc = "How long it is good: from PT1M to P1D."
        )]
        lifetime: Duration,
    ) -> Result<CreateMemberSessionPayload> {
        Ok(match open(context, &member, lifetime.0).await {
            Ok((session, expires_at)) => CreateMemberSessionPayload {
                session: Some(session),
                expires_at: Some(DateTime(expires_at)),
                user_errors: Vec::new(),
            },
            Err(refusal) => CreateMemberSessionPayload {
                session: None,
                expires_at: None,
                user_errors: refusal.into_user_errors()?,
            },
        })
    }
}

/// The session and the instant of its end.
async fn open(
    context: &Context<'_>,
    member: &ID,
    lifetime: Length,
) -> Result<(String, i64), Refusal> {
    let scope = acts_for_members(context)?.scope;
    let app = context::app(context)?;
    let member = id_of(Kind::Member, "member", "member", member)?;
    if lifetime < SHORTEST || lifetime > LONGEST {
        return Err(invalid("lifetime", "it has to be from PT1M to P1D"));
    }
    let now = app.clock.now();
    let (created_at, expires_at) = (now.micros(), now.plus(lifetime).micros());
    let session = new_token();
    let hash = hash_token(session.expose_secret());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                if members::get(tx, scope, member).await?.is_none() {
                    return Err(not_found("member", "member"));
                }
                tokens::clean_sessions(tx, scope, created_at).await?;
                let id = new_id();
                let row = row::Token {
                    id,
                    club_id: scope.club,
                    // Nobody calls a session by a name, but names are unique in a club.
                    name: format!("session {id}"),
                    role: row::Role::Member,
                    hash,
                    member_id: Some(member),
                    created_at,
                    expires_at: Some(expires_at),
                };
                Ok(tokens::create(tx, row).await?)
            })
        })
        .await?;
    Ok((session.expose_secret().to_owned(), expires_at))
}
