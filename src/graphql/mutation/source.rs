//! Mutations of sources: create, update, rotate the signing secret, remove. A secret is returned once, when it is created, and
//! stored sealed. For ADMIN tokens.

use access::Instant;
use async_graphql::{Context, ID, InputObject, Object, Result};
use secrecy::SecretString;
use uuid::Uuid;

mod create;
mod options;
mod platform_input;
mod update;

use super::{Editor, form::Form, id_of, invalid, not_found, record};
use crate::{
    graphql::{
        error::{Refusal, checked, internal, internal_error},
        input::{
            given::Given, signature_rule::SignatureRuleInput,
            source_credentials::SourceCredentialsInput,
        },
        scalar::{Duration, Json, TimeZone},
        source::{Platform, SignatureScheme, Source, StatusMeaning},
    },
    id::{Kind, encode},
    ingest::{removal, signature},
    secret::SecretKind,
    store::{
        ClubScope, Connection, StoreError, arrivals, clubs, due, lookup, readings, revocations,
        row, sources,
    },
    transaction,
};

/// The maximum of `keepOldFor`, in seconds.
const MAX_KEEP_OLD_S: u64 = 366 * 86_400;

#[derive(Default)]
pub struct SourceMutations;

/// A source to create: a platform that sends its events to this service.
#[derive(InputObject)]
pub struct CreateSourceInput {
    /// The club's name for the source.
    pub name: String,
    /// The platform that sends the events.
    pub platform: Platform,
    /// The signature scheme of the events. Default: the platform's own.
    pub signature: Option<SignatureScheme>,
    /// How requests are verified; required for CUSTOM and SHARED_SECRET, and allowed only there.
    pub signature_rule: Option<SignatureRuleInput>,
    /// The signing secret, if the platform generates it. Default: a new secret is generated.
    pub secret: Option<String>,
    /// The time zone of dates without a time. Default: the club's.
    pub time_zone: Option<Given<TimeZone>>,
    /// Credentials for the platform's API, if it has one that this service reads.
    pub credentials: Option<SourceCredentialsInput>,
    /// The interval between full reads of the platform's API, from PT5M to P1D. Default: PT1H for CLUBSPOT, else P1D.
    pub read_every: Option<Given<Duration>>,
    /// The mapping of the sender's JSON: required for MAPPED, and allowed only there.
    pub mapping: Option<Json>,
    /// What the platform's words for the status of a membership mean, beside those that are known; only for CLUBSPOT.
    pub status_mappings: Option<Vec<StatusMappingInput>>,
    /// Whether only the primary member of a household has its membership; only for CLUBSPOT. Default: false, every member has it.
    pub primary_members_only: Option<bool>,
    /// Whether the platform is told who opens a door for a class or an appointment; only for TEAMUP. Default: false.
    pub check_in: Option<bool>,
}

/// A platform's word for the status of a membership, and its meaning.
#[derive(Clone, InputObject)]
pub struct StatusMappingInput {
    /// The platform's word; upper and lower case are the same.
    pub status: String,
    /// Its meaning.
    pub meaning: StatusMeaning,
}

/// The changes to a source; fields that are left out keep their values.
#[derive(InputObject)]
pub struct UpdateSourceInput {
    /// The source.
    pub source: ID,
    /// The club's name for the source.
    pub name: Option<String>,
    /// The time zone of dates without a time.
    pub time_zone: Option<Given<TimeZone>>,
    /// Credentials for the platform's API, if it has one that this service reads.
    pub credentials: Option<SourceCredentialsInput>,
    /// The interval between full reads of the platform's API, from PT5M to P1D.
    pub read_every: Option<Given<Duration>>,
    /// The mapping of the sender's JSON; only for MAPPED.
    pub mapping: Option<Json>,
    /// How requests are verified; only for CUSTOM and SHARED_SECRET.
    pub signature_rule: Option<SignatureRuleInput>,
    /// What the platform's words for the status of a membership mean, in place of those given before; only for CLUBSPOT.
    pub status_mappings: Option<Vec<StatusMappingInput>>,
    /// Whether only the primary member of a household has its membership; only for CLUBSPOT.
    pub primary_members_only: Option<bool>,
    /// Whether the platform is told who opens a door for a class or an appointment; only for TEAMUP.
    pub check_in: Option<bool>,
}

payload! {
    /// The new source and its secret. The secret is returned only here.
    CreateSourcePayload {
        /// The source.
        source: Source,
        /// The signing secret to configure at the platform; null for a source whose events are unsigned.
        secret
    }
}

payload! {
    /// The source and its new secret. The secret is returned only here.
    RotateSourceSecretPayload {
        /// The source.
        source: Source,
        /// The new signing secret to configure at the platform.
        secret
    }
}

payload! {
    /// The updated source.
    UpdateSourcePayload {
        /// The source.
        source: Source
    }
}
payload! {
    /// The removed source.
    RemoveSourcePayload {
        /// The id of the removed source.
        removed_id: ID
    }
}

/// The source to remove.
#[derive(InputObject)]
pub struct RemoveSourceInput {
    /// The source.
    pub source: ID,
}

pub(super) fn a_day() -> Given<Duration> {
    Duration(std::time::Duration::from_secs(86_400)).into()
}

/// The source whose secret is replaced.
#[derive(InputObject)]
pub struct RotateSourceSecretInput {
    /// The source.
    pub source: ID,
    /// How long the old secret stays valid; at most P366D.
    #[graphql(default_with = "a_day()")]
    pub keep_old_for: Given<Duration>,
    /// The new secret, if the platform generates it. Default: a new secret is generated.
    pub secret: Option<String>,
}

#[Object(crate = "crate::graphql::resolve")]
impl SourceMutations {
    /// Creates a source. Configure its `webhookPath` and the secret at the platform.
    async fn create_source(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The platform and its settings.")] input: CreateSourceInput,
    ) -> Result<CreateSourcePayload> {
        let admin = Editor::admin(context)?;
        CreateSourcePayload::of(create::create(admin, input).await)
    }

    /// Replaces the signing secret. The old one stays valid for a while, so that the platform can be switched over.
    async fn rotate_source_secret(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The source and its new secret.")] input: Option<RotateSourceSecretInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The source.")] source: Option<ID>,
        #[graphql(
            default_with = "Duration(std::time::Duration::from_secs(86_400))",
            deprecation = "Use `input`.",
            desc = "How long the old secret stays valid; at most P366D."
        )]
        keep_old_for: Duration,
        #[graphql(
            deprecation = "Use `input`.",
            desc = "The new secret, if the platform generates it. Default: a new secret is generated."
        )]
        secret: Option<String>,
    ) -> Result<RotateSourceSecretPayload> {
        let admin = Editor::admin(context)?;
        let loose = source.map(|source| RotateSourceSecretInput {
            source,
            keep_old_for: keep_old_for.into(),
            secret,
        });
        let (form, input) = Form::of(input, loose)?;
        let rotated = rotate(admin, &input.source, &input.keep_old_for, input.secret).await;
        RotateSourceSecretPayload::of(form.paths(rotated))
    }

    /// Changes a source's name, time zone, mapping, or how its platform's API is read. Deliveries that failed with an old mapping
    /// can be replayed.
    async fn update_source(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The source and the changes.")] input: UpdateSourceInput,
    ) -> Result<UpdateSourcePayload> {
        let admin = Editor::admin(context)?;
        UpdateSourcePayload::of(update::update(admin, input).await)
    }

    /// Removes a source and ends everything that members hold from it. The brake counts the resulting revocations.
    async fn remove_source(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The source to remove.")] input: Option<RemoveSourceInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The source.")] source: Option<ID>,
    ) -> Result<RemoveSourcePayload> {
        let admin = Editor::admin(context)?;
        let loose = source.map(|source| RemoveSourceInput { source });
        let (form, input) = Form::of(input, loose)?;
        RemoveSourcePayload::of(form.paths(remove(admin, &input.source).await))
    }
}

async fn club_zone(connection: &impl Connection, scope: ClubScope) -> Result<String, Refusal> {
    let club = clubs::get(connection, scope).await?;
    let club = club.ok_or_else(|| internal("the club of the token no longer exists"))?;
    Ok(club.time_zone)
}

async fn rotate(
    admin: Editor,
    source: &str,
    keep_old_for: &Given<Duration>,
    given: Option<String>,
) -> Result<(row::Source, SecretString), Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    checked! {
        id = id_of(Kind::Source, "source", "source", source);
        kept_until = kept_until("keepOldFor", keep_old_for, now);
    }
    let source = find(app.db.read(), scope, id, "source").await?;
    if source.signature == row::SignatureScheme::Nudge {
        let message = "this source has no secret: its platform does not sign its events";
        return Err(invalid("source", message));
    }
    let verification = signature::of_source(&source).ok_or_else(|| {
        let message =
            "its signature settings cannot be read: set signatureRule again (updateSource)";
        invalid("source", message)
    })?;
    let secret = platform_input::secret("secret", given, &verification)?;
    let sealer = app.sealer.clone();
    let sealed = sealer
        .seal(SecretKind::SourceSecret, id, &secret)
        .map_err(internal_error)?;
    let source = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let mut source = find(tx, scope, id, "source").await?;
        let kinds = (SecretKind::SourceSecret, SecretKind::OldSourceSecret);
        let old = source.secret.replace(sealed);
        source.old_secret = match old.filter(|_| kept_until.is_some()) {
            Some(old) => sealer.move_to(kinds, id, &old).map_err(internal_error)?,
            None => None,
        };
        source.old_secret_until = kept_until.filter(|_| source.old_secret.is_some());
        sources::set(tx, &source).await?;
        let message = format!("The secret of the source “{}” was replaced.", source.name);
        record_source(tx, scope, (&actor, now), message).await?;
        Ok::<_, Refusal>(source)
    })
    .await?;
    Ok((source, secret))
}

async fn remove(admin: Editor, source: &str) -> Result<ID, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let id = id_of(Kind::Source, "source", "source", source)?;
    transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let source = find(tx, scope, id, "source").await?;
        sources::remove(tx, scope, id, now).await?;
        readings::delete(tx, scope, id).await?;
        arrivals::delete(tx, scope, id).await?;
        let message = format!("The source “{}” was removed.", source.name);
        record_source(tx, scope, (&actor, now), message).await?;
        let description = format!("the source “{}” was removed", source.name);
        let cause = due::Cause::enforced(description).by(&actor);
        due::mark_source(tx, scope, id, now, &cause).await?;
        removal::free_addresses(tx, scope, id, now, &cause).await?;
        // The end of its entitlements is a new fact about its members, so their dismissals no longer apply.
        let people = due::members_of_source(tx, scope, id).await?;
        revocations::forget_dismissed(tx, scope, &people).await?;
        Ok::<_, Refusal>(())
    })
    .await?;
    app.waker.wake_with_readers(scope);
    Ok(ID(encode(Kind::Source, id)))
}

/// Until when an old secret stays valid, in microseconds; none if it ends at once.
pub(super) fn kept_until(
    path: &str,
    given: &Given<Duration>,
    now: i64,
) -> Result<Option<i64>, Refusal> {
    match given.check(path)?.0 {
        std::time::Duration::ZERO => Ok(None),
        length if length.as_secs() <= MAX_KEEP_OLD_S => {
            Ok(Some(Instant::from_micros(now).plus(length).micros()))
        }
        _ => Err(invalid(path, "must be at most P366D")),
    }
}

/// Loads a source; a removed one counts as not found.
pub(super) async fn find(
    connection: &impl Connection,
    scope: ClubScope,
    id: Uuid,
    path: &str,
) -> Result<row::Source, Refusal> {
    let source = lookup::by_id::<row::Source>(connection, scope, id).await?;
    source
        .filter(|source| source.removed_at.is_none())
        .ok_or_else(|| not_found(path, "source"))
}

async fn is_taken(
    connection: &impl Connection,
    scope: ClubScope,
    name: &str,
    by_other_than: Option<Uuid>,
) -> Result<bool, Refusal> {
    let all = sources::all(connection, scope).await?;
    Ok(all
        .iter()
        .any(|source| source.name == name && Some(source.id) != by_other_than))
}

/// Records a change of a source.
pub(super) async fn record_source(
    connection: &impl Connection,
    scope: ClubScope,
    by: (&str, i64),
    message: String,
) -> Result<(), StoreError> {
    record(
        connection,
        scope,
        by,
        row::HistoryKind::SourceChanged,
        message,
    )
    .await
}
