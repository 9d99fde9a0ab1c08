//! Bearer token authentication: from the `Authorization` header to the caller. Tokens are looked up by the hash of 256 random
//! bits, so the duration of a look-up reveals nothing about a token.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};

use crate::{
    app::App,
    graphql::context::Caller,
    secret::hash_token,
    store::{ClubScope, StoreError, members, tokens},
};

/// The bearer token of a request's `Authorization` header.
pub fn token(headers: &HeaderMap) -> Option<&str> {
    bearer(headers.get(AUTHORIZATION)?.to_str().ok()?)
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
        && members::get(app.db.read(), scope, member).await?.is_none()
    {
        return Ok(None);
    }
    Ok(Some(Caller {
        scope,
        role: row.role,
        token_name: row.member_id.is_none().then_some(row.name),
        member: row.member_id,
    }))
}

/// The token in the value of an `Authorization` header.
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}
