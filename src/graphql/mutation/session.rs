//! Member sessions: short-lived tokens that a front end's server passes to the app of one member. A session is returned once,
//! stored as a hash, and expires by itself. For ADMIN and APP tokens; a session cannot create another session.

use std::time::Duration as Length;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use secrecy::ExposeSecret;

use super::{form::Form, id_of, invalid, not_found};
use crate::{
    clock::new_id,
    graphql::{
        context::{self, require_admin_or_app},
        error::{Refusal, UserError, checked},
        input::given::Given,
        scalar::{DateTime, Duration},
    },
    id::Kind,
    secret::{hash_token, new_token},
    store::{lookup, row, tokens},
    transaction,
};

/// The minimum lifetime of a session.
const MIN_LIFETIME: Length = Length::from_secs(60);
/// The maximum lifetime of a session, which cannot be ended early.
const MAX_LIFETIME: Length = Length::from_secs(24 * 60 * 60);

#[derive(Default)]
pub struct SessionMutations;

/// The new session, which is returned only here.
#[derive(SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct CreateMemberSessionPayload {
    /// The session token, to be sent as `Authorization: Bearer …`; null if the mutation was refused.
    pub session: Option<String>,
    /// When the session expires; null if the mutation was refused.
    pub expires_at: Option<DateTime>,
    /// Why nothing was changed; empty on success.
    pub user_errors: Vec<UserError>,
}

/// Whose session it is, and how long it is valid.
#[derive(InputObject)]
pub struct CreateMemberSessionInput {
    /// The member whose session it is.
    pub member: ID,
    /// How long the session is valid, from PT1M to P1D.
    #[graphql(default_with = "Duration(Length::from_secs(3_600)).into()")]
    pub lifetime: Given<Duration>,
}

#[Object(crate = "crate::graphql::resolve")]
impl SessionMutations {
    /// Creates a session with which one member can view their own data and doors, and unlock them. For ADMIN and APP tokens.
    async fn create_member_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member and the lifetime.")] input: Option<CreateMemberSessionInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The member whose session it is.")]
        member: Option<ID>,
        #[graphql(
            default_with = "Duration(Length::from_secs(3_600))",
            deprecation = "Use `input`.",
            desc = "How long the session is valid, from PT1M to P1D."
        )]
        lifetime: Duration,
    ) -> Result<CreateMemberSessionPayload> {
        let loose = member.map(|member| CreateMemberSessionInput {
            member,
            lifetime: lifetime.into(),
        });
        let (form, input) = Form::of(input, loose)?;
        let created = create_session(context, &input.member, &input.lifetime).await;
        Ok(match form.paths(created) {
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

/// The session token, and when it expires, in microseconds.
async fn create_session(
    context: &Context<'_>,
    member: &ID,
    lifetime: &Given<Duration>,
) -> Result<(String, i64), Refusal> {
    let scope = require_admin_or_app(context)?.scope;
    let app = context::app(context)?;
    checked! {
        member = id_of(Kind::Member, "member", "member", member);
        lifetime = length(lifetime);
    }
    let now = app.clock.now();
    let (created_at, expires_at) = (now.micros(), now.plus(lifetime).micros());
    let session = new_token();
    let hash = hash_token(session.expose_secret());
    transaction!(app.db, |tx| {
        if lookup::by_id::<row::Member>(tx, scope, member)
            .await?
            .is_none()
        {
            return Err(not_found("member", "member"));
        }
        tokens::clean_sessions(tx, scope, created_at).await?;
        let id = new_id();
        let row = row::Token {
            id,
            club_id: scope.club,
            // Token names are unique in a club, so a session gets one too, although nobody uses it.
            name: format!("session {id}"),
            role: row::Role::Member,
            hash,
            subject: None,
            member_id: Some(member),
            created_at,
            expires_at: Some(expires_at),
        };
        Ok(tokens::create(tx, row).await?)
    })
    .await?;
    Ok((session.expose_secret().to_owned(), expires_at))
}

fn length(lifetime: &Given<Duration>) -> Result<Length, Refusal> {
    let lifetime = lifetime.check("lifetime")?.0;
    if lifetime < MIN_LIFETIME || lifetime > MAX_LIFETIME {
        return Err(invalid("lifetime", "must be from PT1M to P1D"));
    }
    Ok(lifetime)
}
