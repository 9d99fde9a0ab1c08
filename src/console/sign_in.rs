//! The routes of the sign-in with an identity provider: begin, callback, session, sign-out.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::header::{CACHE_CONTROL, LOCATION},
    web,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{
    app::App,
    auth, claim_roles,
    clock::new_id,
    cookie::{self, Purpose},
    id::{Kind, decode_as},
    secret::{SecretKind, hash_token, new_token},
    sign_in::{Pending, Person},
    store::{ClubScope, StoreError, clubs, row, tokens},
    transaction,
};

/// The time from the begin of a sign-in to its callback, in seconds.
const SIGN_IN_S: i64 = 600;
const PAGE: &str = "/console/";

/// What a sign-in remembers in a sealed cookie.
#[derive(Deserialize, Serialize)]
struct Begun {
    pending: Pending,
    club: Option<Uuid>,
    /// Microseconds since 1970.
    until: i64,
}

/// Why a sign-in failed, for the page (`/console/?problem=…`).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Problem {
    /// The settings are incomplete.
    Settings,
    /// The identity provider does not answer as expected.
    Provider,
    /// The person did not sign in there, or the provider refused.
    Denied,
    /// The sign-in took too long, or began in another window.
    Expired,
    /// The person has no role in the club.
    NoRole,
    /// The database does not answer.
    Unavailable,
}

impl Problem {
    fn code(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Provider => "provider",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::NoRole => "no-role",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<StoreError> for Problem {
    fn from(problem: StoreError) -> Self {
        tracing::error!(error = ?problem, "a sign-in could not read or write the database");
        Self::Unavailable
    }
}

/// What the page learns about signing in.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    sign_in: &'static str,
    name: &'a str,
    signed_in: bool,
    /// What requests with the session must bring.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<String>,
}

/// `GET /console/session`: whether people can sign in with an identity provider, and whether this browser is signed in. 404 if the
/// settings name no provider.
pub async fn session(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    if app.identity_provider.is_none() {
        return no_store(HttpResponse::NotFound()).json(json!({}));
    }
    let name = &app.config.oidc_name;
    let mut csrf = None;
    if let Some(token) = cookie::get(request.headers(), Purpose::Session, app.is_https()) {
        let of = app.clone().into_inner();
        let proof = cookie::csrf(&token);
        let caller = app.run_on_main_runtime(async move { auth::by_token(&of, &token).await });
        match caller.await {
            Ok(caller) => csrf = caller.map(|_| proof),
            Err(problem) => {
                tracing::error!(error = ?problem, "a session could not be looked up in the store");
                return no_store(HttpResponse::ServiceUnavailable()).json(json!({}));
            }
        }
    }
    no_store(HttpResponse::Ok()).json(Session {
        sign_in: "/console/sign-in",
        name,
        signed_in: csrf.is_some(),
        csrf,
    })
}

#[derive(Deserialize)]
pub struct BeginQuery {
    /// The club to sign in to, where a person has a role in several.
    club: Option<String>,
}

/// `GET /console/sign-in`: sends the browser to the identity provider.
pub async fn begin(app: web::Data<App>, query: web::Query<BeginQuery>) -> HttpResponse {
    let app = app.into_inner();
    let club = query.into_inner().club;
    let club = club.and_then(|text| decode_as(Kind::Club, &text));
    match app
        .run_on_main_runtime(begin_at_provider(app.clone(), club))
        .await
    {
        Ok((url, sealed)) => no_store(HttpResponse::SeeOther())
            .insert_header((LOCATION, url))
            .cookie(cookie::set(
                Purpose::SignIn,
                sealed,
                app.is_https(),
                SIGN_IN_S,
            ))
            .finish(),
        Err(problem) => failed(&app, problem),
    }
}

async fn begin_at_provider(app: Arc<App>, club: Option<Uuid>) -> Result<(String, String), Problem> {
    let provider = app.identity_provider.as_ref().ok_or(Problem::Settings)?;
    let callback = callback_url(&app).ok_or(Problem::Settings)?;
    let (url, pending) = provider.begin(&callback).await.map_err(|error| {
        tracing::error!(error = %error, "a sign-in could not begin");
        Problem::Provider
    })?;
    let begun = Begun {
        pending,
        club,
        until: app
            .clock
            .now()
            .micros()
            .saturating_add(SIGN_IN_S.saturating_mul(1_000_000)),
    };
    let text = serde_json::to_string(&begun).map_err(|_| Problem::Settings)?;
    let sealed = app
        .sealer
        .seal(SecretKind::SignIn, Uuid::nil(), &SecretString::from(text))
        .map_err(|_| Problem::Settings)?;
    Ok((url, URL_SAFE_NO_PAD.encode(sealed)))
}

/// What the identity provider sends the browser back with.
#[derive(Deserialize)]
pub struct CallbackQuery {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

/// `GET /console/callback`: verifies who signed in, and begins a session.
pub async fn callback(
    app: web::Data<App>,
    query: web::Query<CallbackQuery>,
    request: HttpRequest,
) -> HttpResponse {
    let app = app.into_inner();
    let cookie = |purpose| cookie::get(request.headers(), purpose, app.is_https());
    let (sealed, earlier) = (cookie(Purpose::SignIn), cookie(Purpose::Session));
    let finished = finish(app.clone(), query.into_inner(), (sealed, earlier));
    match app.run_on_main_runtime(finished).await {
        Ok(session) => {
            let lifetime = i64::try_from(app.config.oidc_session.as_secs()).unwrap_or(i64::MAX);
            let https = app.is_https();
            no_store(HttpResponse::SeeOther())
                .insert_header((LOCATION, PAGE))
                .cookie(cookie::set(
                    Purpose::Session,
                    session.expose_secret().to_owned(),
                    https,
                    lifetime,
                ))
                .cookie(cookie::remove(Purpose::SignIn, https))
                .finish()
        }
        Err(problem) => failed(&app, problem),
    }
}

async fn finish(
    app: Arc<App>,
    query: CallbackQuery,
    (sealed, earlier): (Option<String>, Option<String>),
) -> Result<SecretString, Problem> {
    let provider = app.identity_provider.as_ref().ok_or(Problem::Settings)?;
    let callback = callback_url(&app).ok_or(Problem::Settings)?;
    let begun = sealed.and_then(|sealed| begun(&app, &sealed));
    let begun = begun.ok_or(Problem::Expired)?;
    // The state proves that this browser began the sign-in: a link of a stranger cannot sign somebody in as the stranger.
    if query.state.as_deref() != Some(begun.pending.state.as_str()) {
        return Err(Problem::Expired);
    }
    if let Some(error) = query.error {
        tracing::info!(error = %error.escape_debug(), "the identity provider refused a sign-in");
        return Err(Problem::Denied);
    }
    let code = query.code.ok_or(Problem::Denied)?;
    let person = provider.finish(&callback, code, &begun.pending).await;
    let person = person.map_err(|error| {
        tracing::error!(error = %error, "a sign-in failed");
        Problem::Provider
    })?;
    let only = clubs::only(app.db.read()).await?;
    let grants = app.config.oidc_roles.grants(&person.values);
    let Some((club, role)) = claim_roles::choose(&grants, begun.club, only) else {
        tracing::warn!(
            claim = %app.config.oidc_claim,
            values = person.values.len(),
            "somebody signed in who has no role here: see oidc_claim and oidc_roles"
        );
        return Err(Problem::NoRole);
    };
    create_session(&app, (ClubScope::new(club), role), person, earlier).await
}

fn begun(app: &App, sealed: &str) -> Option<Begun> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let opened = app.sealer.open(SecretKind::SignIn, Uuid::nil(), &sealed);
    let begun: Begun = serde_json::from_str(opened.ok()?.expose_secret()).ok()?;
    (app.clock.now().micros() < begun.until).then_some(begun)
}

async fn create_session(
    app: &App,
    (scope, role): (ClubScope, row::Role),
    person: Person,
    earlier: Option<String>,
) -> Result<SecretString, Problem> {
    if clubs::get(app.db.read(), scope).await?.is_none() {
        return Err(Problem::NoRole);
    }
    let token = new_token();
    let now = app.clock.now();
    let row = row::Token {
        id: new_id(),
        club_id: scope.club,
        name: person.name,
        role,
        hash: hash_token(token.expose_secret()),
        member_id: None,
        subject: Some(person.subject),
        created_at: now.micros(),
        expires_at: Some(now.plus(app.config.oidc_session).micros()),
    };
    let created: Result<(), StoreError> = transaction!(app.db, |tx| {
        // The browser forgets its earlier session now.
        if let Some(earlier) = earlier {
            tokens::end_session(tx, hash_token(&earlier)).await?;
        }
        tokens::create(tx, row).await
    })
    .await;
    created?;
    Ok(token)
}

/// `POST /console/sign-out`: ends the session of this browser.
pub async fn sign_out(app: web::Data<App>, request: HttpRequest) -> HttpResponse {
    let given = request.headers().get(cookie::CSRF_HEADER);
    let given = given.and_then(|value| value.to_str().ok());
    let Some(token) = cookie::session(request.headers(), given, app.is_https()) else {
        return no_store(HttpResponse::Forbidden()).finish();
    };
    let of = app.clone().into_inner();
    let ended = app.run_on_main_runtime(async move {
        let hash = hash_token(&token);
        let ended: Result<(), StoreError> =
            transaction!(of.db, |tx| tokens::end_session(tx, hash).await).await;
        ended
    });
    if let Err(problem) = ended.await {
        tracing::error!(error = ?problem, "a session could not be ended in the store");
        return no_store(HttpResponse::ServiceUnavailable()).finish();
    }
    no_store(HttpResponse::NoContent())
        .cookie(cookie::remove(Purpose::Session, app.is_https()))
        .finish()
}

fn failed(app: &App, problem: Problem) -> HttpResponse {
    let page = format!("{PAGE}?problem={}", problem.code());
    no_store(HttpResponse::SeeOther())
        .insert_header((LOCATION, page))
        .cookie(cookie::remove(Purpose::SignIn, app.is_https()))
        .finish()
}

fn no_store(mut response: HttpResponseBuilder) -> HttpResponseBuilder {
    response.insert_header((CACHE_CONTROL, "no-store"));
    response
}

fn callback_url(app: &App) -> Option<String> {
    let url = app.public_url()?.join("console/callback").ok()?;
    Some(url.into())
}
