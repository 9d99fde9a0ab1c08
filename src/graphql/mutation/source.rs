//! Sources of events: made with a signing secret, changed, given a new secret, removed. A secret is shown once, when it is
//! made, and kept sealed. Called by admins.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

mod given;

use super::{Admin, id_of, invalid, name, not_found, taken};
use crate::{
    clock::new_id,
    graphql::{
        error::{Refusal, UserError, inside, internal},
        input::source_credentials::SourceCredentialsInput,
        scalar::{Duration, Json, TimeZone},
        source::{Platform, SignatureScheme, Source},
    },
    id::{Kind, encode},
    ingest::{removal, signature::secret_is_usable},
    secret::{SecretKind, new_path_key, new_signing_secret},
    store::{Connection, Scope, clubs, due, readings, revocations, row, sources},
};

/// The longest that an old secret is kept, in seconds.
const LONGEST_KEPT_S: u64 = 366 * 86_400;
/// The longest secret that is taken, in bytes.
const LONGEST_SECRET: usize = 1_000;

/// Makes, changes and removes sources.
#[derive(Default)]
pub struct SourceMutations;

/// A platform that is to send its events here.
#[derive(InputObject)]
pub struct CreateSourceInput {
    /// How the club calls it.
    pub name: String,
    /// Whose events it sends.
    pub platform: Platform,
    /// How they are signed. Left out: the platform's own way.
    pub signature: Option<SignatureScheme>,
    /// The signing secret, where the platform makes it. Left out: one is made.
    pub secret: Option<String>,
    /// For dates without a time. Left out: the club's.
    pub time_zone: Option<TimeZone>,
    /// For platforms whose API is read.
    pub credentials: Option<SourceCredentialsInput>,
    /// How often everything is read from the platform's API.
    pub read_every: Option<Duration>,
    /// For MAPPED, which must have one.
    pub mapping: Option<Json>,
}

/// What to change of a source; what is left out stays.
#[derive(InputObject)]
pub struct UpdateSourceInput {
    /// The source.
    pub source: ID,
    /// How the club calls it.
    pub name: Option<String>,
    /// For dates without a time.
    pub time_zone: Option<TimeZone>,
    /// For platforms whose API is read.
    pub credentials: Option<SourceCredentialsInput>,
    /// How often everything is read from the platform's API.
    pub read_every: Option<Duration>,
    /// For MAPPED.
    pub mapping: Option<Json>,
}

/// The secret is shown here once, and never again.
#[derive(SimpleObject)]
pub struct CreateSourcePayload {
    /// The source.
    pub source: Option<Source>,
    /// What the platform signs with.
    pub secret: Option<String>,
    /// Why nothing was changed; empty where it was.
    pub user_errors: Vec<UserError>,
}

/// The secret is shown here once, and never again.
#[derive(SimpleObject)]
pub struct RotateSourceSecretPayload {
    /// The source.
    pub source: Option<Source>,
    /// What the platform signs with from now on.
    pub secret: Option<String>,
    /// Why nothing was changed; empty where it was.
    pub user_errors: Vec<UserError>,
}

payload! {
    /// The source as it is now.
    UpdateSourcePayload {
        /// The source.
        source: Source
    }
}
payload! {
    /// What was removed.
    RemoveSourcePayload {
        /// The id of the source that is gone.
        removed_id: ID
    }
}

#[Object]
impl SourceMutations {
    /// Makes a source. Its `webhookPath` and the secret are what the platform is given.
    async fn create_source(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The platform, and how it signs.")] input: CreateSourceInput,
    ) -> Result<CreateSourcePayload> {
        let admin = Admin::of(context)?;
        Ok(match create(admin, input).await {
            Ok((source, secret)) => CreateSourcePayload {
                source: Some(source.into()),
                secret: secret.map(|secret| secret.expose_secret().to_owned()),
                user_errors: Vec::new(),
            },
            Err(refusal) => CreateSourcePayload {
                source: None,
                secret: None,
                user_errors: refusal.into_user_errors()?,
            },
        })
    }

    /// A new signing secret. The old one stays good for a while, so that the platform can be changed over.
    async fn rotate_source_secret(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The source.")] source: ID,
        #[graphql(
            default_with = "Duration(std::time::Duration::from_secs(86_400))",
            desc = "How long the old one stays good, P366D at most."
        )]
        keep_old_for: Duration,
        #[graphql(desc = "The new one, where the platform makes it. Left out: one is made.")]
        secret: Option<String>,
    ) -> Result<RotateSourceSecretPayload> {
        let admin = Admin::of(context)?;
        Ok(match rotate(admin, &source, keep_old_for, secret).await {
            Ok((source, secret)) => RotateSourceSecretPayload {
                source: Some(source.into()),
                secret: Some(secret.expose_secret().to_owned()),
                user_errors: Vec::new(),
            },
            Err(refusal) => RotateSourceSecretPayload {
                source: None,
                secret: None,
                user_errors: refusal.into_user_errors()?,
            },
        })
    }

    /// Gives a source another name, time zone, mapping, or way of reading its platform's API. What failed by an old mapping can
    /// be replayed.
    async fn update_source(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The source, and what to change.")] input: UpdateSourceInput,
    ) -> Result<UpdateSourcePayload> {
        let admin = Admin::of(context)?;
        UpdateSourcePayload::of(update(admin, input).await)
    }

    /// Ends all that its members hold from it; the brake counts what follows.
    async fn remove_source(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The source.")] source: ID,
    ) -> Result<RemoveSourcePayload> {
        let admin = Admin::of(context)?;
        RemoveSourcePayload::of(remove(admin, &source).await)
    }
}

async fn create(
    admin: Admin,
    input: CreateSourceInput,
) -> Result<(row::Source, Option<SecretString>), Refusal> {
    let Admin {
        app, scope, now, ..
    } = admin;
    let name = name("input.name", &input.name)?;
    let platform = row::Platform::from(input.platform);
    let scheme = given::scheme(platform, input.signature.map(Into::into))?;
    let credentials = given::credentials(platform, input.credentials)?;
    given::needs_credentials(scheme, credentials.is_some())?;
    let read_every_s = given::read_every(input.read_every, credentials.is_some())?;
    let read_every_s = credentials
        .as_ref()
        .map(|_| read_every_s.unwrap_or(given::usual_reading(platform)));
    let mapping = given::mapping(platform, input.mapping.as_ref())?;
    if platform == row::Platform::Mapped && mapping.is_none() {
        let message = "MAPPED needs one: it says how the sender's JSON is read";
        return Err(invalid("input.mapping", message));
    }
    let secret = match (scheme, input.secret) {
        (row::SignatureScheme::Nudge, None) => None,
        (row::SignatureScheme::Nudge, Some(_)) => {
            return Err(invalid("input.secret", "nothing is signed: leave it out"));
        }
        (scheme, given) => Some(secret("input.secret", given, scheme)?),
    };
    let id = new_id();
    let seal = |kind, secret: &SecretString| app.sealer.seal(kind, id, secret).map_err(inside);
    let sealed = secret
        .as_ref()
        .map(|secret| seal(SecretKind::SourceSecret, secret))
        .transpose()?;
    let credentials = credentials
        .map(|credentials| seal(SecretKind::SourceCredentials, &credentials.to_text()))
        .transpose()?;
    let zone = input.time_zone.map(|zone| zone.0);
    let source = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                if is_taken(tx, scope, &name, None).await? {
                    return Err(taken("input.name", "source"));
                }
                let time_zone = match zone {
                    Some(zone) => zone,
                    None => club_zone(tx, scope).await?,
                };
                let source = row::Source {
                    name,
                    platform,
                    signature: scheme,
                    path_key: new_path_key(),
                    time_zone,
                    secret: sealed,
                    read_every_s,
                    mapping,
                    problem: given::problem(platform, credentials.is_some()),
                    credentials,
                    ..sources::blank(scope, id, now)
                };
                sources::create(tx, source.clone()).await?;
                Ok::<_, Refusal>(source)
            })
        })
        .await?;
    app.waker.wake();
    Ok((source, secret))
}

async fn club_zone(connection: &impl Connection, scope: Scope) -> Result<String, Refusal> {
    let club = clubs::get(connection, scope).await?;
    let club = club.ok_or_else(|| internal("the club of a token is gone"))?;
    Ok(club.time_zone)
}

async fn rotate(
    admin: Admin,
    source: &str,
    keep_old_for: Duration,
    given: Option<String>,
) -> Result<(row::Source, SecretString), Refusal> {
    let Admin {
        app, scope, now, ..
    } = admin;
    let id = id_of(Kind::Source, "source", "source", source)?;
    let kept_s = keep_old_for.0.as_secs();
    if kept_s > LONGEST_KEPT_S {
        return Err(invalid("keepOldFor", "it has to be P366D at most"));
    }
    let kept_until = now.saturating_add(
        i64::try_from(kept_s)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000),
    );
    let scheme = find(app.db.read(), scope, id, "source").await?.signature;
    if scheme == row::SignatureScheme::Nudge {
        let message = "this source has no secret: its platform does not sign";
        return Err(invalid("source", message));
    }
    let secret = secret("secret", given, scheme)?;
    let sealer = app.sealer.clone();
    let sealed = sealer
        .seal(SecretKind::SourceSecret, id, &secret)
        .map_err(inside)?;
    let source = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let mut source = find(tx, scope, id, "source").await?;
                // One that cannot be opened is good for nothing where it goes either.
                let old = source.secret.replace(sealed).filter(|_| kept_s > 0);
                let old = old.and_then(|old| sealer.open(SecretKind::SourceSecret, id, &old).ok());
                source.old_secret = old
                    .map(|old| {
                        sealer
                            .seal(SecretKind::OldSourceSecret, id, &old)
                            .map_err(inside)
                    })
                    .transpose()?;
                source.old_secret_until = source.old_secret.is_some().then_some(kept_until);
                sources::set(tx, &source).await?;
                Ok::<_, Refusal>(source)
            })
        })
        .await?;
    Ok((source, secret))
}

async fn update(admin: Admin, input: UpdateSourceInput) -> Result<row::Source, Refusal> {
    let Admin {
        app, scope, now, ..
    } = admin;
    let id = id_of(Kind::Source, "input.source", "source", &input.source)?;
    let new_name = input
        .name
        .as_deref()
        .map(|text| name("input.name", text))
        .transpose()?;
    let sealer = app.sealer.clone();
    let source = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let mut source = find(tx, scope, id, "input.source").await?;
                if let Some(name) = new_name {
                    if is_taken(tx, scope, &name, Some(id)).await? {
                        return Err(taken("input.name", "source"));
                    }
                    source.name = name;
                }
                if let Some(zone) = input.time_zone
                    && zone.0 != source.time_zone
                {
                    source.time_zone = zone.0;
                    // Days that were said without a time begin and end elsewhere now.
                    let cause = due::Cause::judged(format!(
                        "the time zone of the source “{}” was changed",
                        source.name
                    ));
                    due::mark_source(tx, scope, id, now, &cause).await?;
                }
                if let Some(given) = given::credentials(source.platform, input.credentials)? {
                    source.credentials = Some(
                        sealer
                            .seal(SecretKind::SourceCredentials, id, &given.to_text())
                            .map_err(inside)?,
                    );
                    let usual = given::usual_reading(source.platform);
                    source.read_every_s.get_or_insert(usual);
                    // They are tried at once, and what an earlier account held is nothing to compare with.
                    readings::order(tx, scope, id, now).await?;
                }
                let has = source.credentials.is_some();
                if let Some(every) = given::read_every(input.read_every, has)? {
                    source.read_every_s = Some(every);
                    readings::within(
                        tx,
                        scope,
                        id,
                        now.saturating_add(every.saturating_mul(1_000_000)),
                    )
                    .await?;
                }
                if let Some(mapping) = given::mapping(source.platform, input.mapping.as_ref())? {
                    source.mapping = Some(mapping);
                }
                sources::set(tx, &source).await?;
                Ok::<_, Refusal>(source)
            })
        })
        .await?;
    app.waker.wake();
    Ok(source)
}

async fn remove(admin: Admin, source: &str) -> Result<ID, Refusal> {
    let Admin {
        app,
        scope,
        actor,
        now,
    } = admin;
    let id = id_of(Kind::Source, "source", "source", source)?;
    app.db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let source = find(tx, scope, id, "source").await?;
                sources::remove(tx, scope, id, now).await?;
                readings::delete(tx, scope, id).await?;
                let words = format!("the source “{}” was removed", source.name);
                let cause = due::Cause::judged(words).by(&actor);
                due::mark_source(tx, scope, id, now, &cause).await?;
                removal::free_addresses(tx, scope, id, now, &cause).await?;
                // What its people held is over: a fact about them.
                let people = due::members_of_source(tx, scope, id).await?;
                revocations::forget_dismissed(tx, scope, &people).await?;
                Ok::<_, Refusal>(())
            })
        })
        .await?;
    app.waker.wake();
    Ok(ID(encode(Kind::Source, id)))
}

/// A source that is not removed.
pub(super) async fn find(
    connection: &impl Connection,
    scope: Scope,
    id: Uuid,
    path: &str,
) -> Result<row::Source, Refusal> {
    let source = sources::get(connection, scope, id).await?;
    source
        .filter(|source| source.removed_at.is_none())
        .ok_or_else(|| not_found(path, "source"))
}

async fn is_taken(
    connection: &impl Connection,
    scope: Scope,
    name: &str,
    by_other_than: Option<Uuid>,
) -> Result<bool, Refusal> {
    let all = sources::all(connection, scope).await?;
    Ok(all
        .iter()
        .any(|source| source.name == name && Some(source.id) != by_other_than))
}

/// The secret that was given, or a new one.
fn secret(
    path: &str,
    given: Option<String>,
    scheme: row::SignatureScheme,
) -> Result<SecretString, Refusal> {
    let Some(given) = given else {
        return Ok(new_signing_secret());
    };
    let secret = SecretString::from(given.trim().to_owned());
    if secret.expose_secret().len() > LONGEST_SECRET || !secret_is_usable(scheme, &secret) {
        let message = "it has to be the secret as the platform shows it; STANDARD_WEBHOOKS and SVIX ask for whsec_ and base64";
        return Err(invalid(path, message));
    }
    Ok(secret)
}
