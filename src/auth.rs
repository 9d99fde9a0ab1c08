//! Bearer tokens: from a request's header to the caller. What is compared is a hash of 256 random bits, so that the time
//! that a look-up takes says nothing of a token.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};

use crate::{
    app::App,
    graphql::context::Caller,
    secret::hash_token,
    store::{Scope, StoreError, members, tokens},
};

/// The token that a request bears.
pub fn token(headers: &HeaderMap) -> Option<&str> {
    bearer(headers.get(AUTHORIZATION)?.to_str().ok()?)
}

/// The caller who holds a token. The session of a member who is there no more, since two turned out
/// to be one, is good no more either.
pub async fn by_token(app: &App, token: &str) -> Result<Option<Caller>, StoreError> {
    let row = tokens::by_hash(app.db.read(), hash_token(token)).await?;
    let now = app.clock.now().micros();
    let Some(row) = row.filter(|row| row.expires_at.is_none_or(|at| at > now)) else {
        return Ok(None);
    };
    let scope = Scope::new(row.club_id);
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

/// The token in what `Authorization` says.
pub fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty()).then(|| token.trim())
}
