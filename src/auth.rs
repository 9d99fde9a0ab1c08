//! Authentication: from the `Authorization` header, or the cookie of a session of the console, to the caller. Tokens are looked up by the hash of 256 random
//! bits, so the duration of a look-up reveals nothing about a token.

use std::borrow::Cow;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use uuid::Uuid;

use crate::{
    app::App,
    cookie,
    secret::hash_token,
    store::{
        ClubScope, StoreError, lookup,
        row::{self, Role},
        tokens,
    },
};

/// The holder of the token in the request.
#[derive(Clone, Debug)]
pub struct Caller {
    pub scope: ClubScope,
    pub role: Role,
    /// None for a member session.
    pub token_name: Option<String>,
    /// Set for a member session only.
    pub member: Option<Uuid>,
    /// When the token or session expires, in microseconds since 1970; none for a token without an end.
    pub expires_at: Option<i64>,
}

impl Caller {
    /// Whether a second look-up of the same token returned the same club, role and member. The token's name may differ.
    pub fn is_same(&self, other: &Self) -> bool {
        self.scope.club == other.scope.club
            && self.role == other.role
            && self.member == other.member
    }

    /// The caller's name in history entries.
    pub fn actor(&self) -> String {
        self.token_name
            .clone()
            .unwrap_or_else(|| "a member".to_owned())
    }
}

/// The bearer token of a request's `Authorization` header; without this header, the session of its cookie, if the request proves by
/// [`cookie::CSRF_HEADER`] that a page of this service sent it.
pub fn token<'h>(app: &App, headers: &'h HeaderMap) -> Option<Cow<'h, str>> {
    if let Some(header) = headers.get(AUTHORIZATION) {
        return bearer(header.to_str().ok()?).map(Cow::Borrowed);
    }
    let proof = headers.get(cookie::CSRF_HEADER)?.to_str().ok()?;
    cookie::session(headers, Some(proof), app.is_https()).map(Cow::Owned)
}

/// The caller that a token belongs to. `None` if the token is unknown or expired, or if its member no longer exists (after two
/// members were merged).
pub async fn by_token(app: &App, token: &str) -> Result<Option<Caller>, StoreError> {
    let row = tokens::by_hash(app.db.read(), hash_token(token)).await?;
    let now = app.clock.now().micros();
    let Some(row) = row.filter(|row| row.expires_at.is_none_or(|at| at > now)) else {
        return Ok(None);
    };
    let scope = ClubScope::new(row.club_id);
    if let Some(member) = row.member_id
        && lookup::by_id::<row::Member>(app.db.read(), scope, member)
            .await?
            .is_none()
    {
        return Ok(None);
    }
    Ok(Some(Caller {
        scope,
        role: row.role,
        token_name: row.member_id.is_none().then_some(row.name),
        member: row.member_id,
        expires_at: row.expires_at,
    }))
}

/// The token in the value of an `Authorization` header.
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}
