//! Creates a source. Its secret is generated unless the platform gave one.

use secrecy::SecretString;

use super::{CreateSourceInput, club_zone, is_taken, platform_input, record_source};
use crate::{
    clock::new_id,
    graphql::{
        error::{Refusal, checked, internal_error},
        input::{given::Given, signature_rule::SignatureRuleInput},
        mutation::{Editor, invalid, name, name_taken},
    },
    ingest::{readers::options::statuses_text, signature::Verification},
    secret::{SecretKind, new_path_key},
    store::{ClubScope, Connection, clubs, row, sources},
    transaction,
};

pub(super) async fn create(
    admin: Editor,
    input: CreateSourceInput,
) -> Result<(row::Source, Option<SecretString>), Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let platform = row::Platform::from(input.platform);
    checked! {
        name = name("input.name", &input.name);
        zone = Given::optional(input.time_zone.as_ref(), "input.timeZone");
        _read_every = Given::optional(input.read_every.as_ref(), "input.readEvery");
        scheme = platform_input::scheme(platform, input.signature.map(Into::into));
        rule = input.signature_rule.map(SignatureRuleInput::settings).transpose();
        credentials = platform_input::credentials(platform, input.credentials);
        mapping = platform_input::new_mapping(platform, input.mapping.as_ref());
        statuses = platform_input::statuses(platform, input.status_mappings.as_deref());
        primary_only = platform_input::primary_only(platform, input.primary_members_only);
        check_in = platform_input::check_in(platform, input.check_in);
    }
    let has_credentials = credentials.is_some();
    // These depend on each other and on the fields above.
    let (verification, signature_rule) = platform_input::verification(scheme, rule)?;
    checked! {
        _needed = platform_input::needs_credentials(scheme, has_credentials);
        read_every_s = platform_input::read_every(input.read_every.as_ref(), has_credentials);
        secret = secret(scheme, input.secret, &verification);
    }
    let read_every_s = credentials
        .as_ref()
        .map(|_| read_every_s.unwrap_or(platform_input::default_read_interval(platform)));
    let id = new_id();
    let seal =
        |kind, secret: &SecretString| app.sealer.seal(kind, id, secret).map_err(internal_error);
    let sealed = secret
        .as_ref()
        .map(|secret| seal(SecretKind::SourceSecret, secret))
        .transpose()?;
    let credentials = credentials
        .map(|credentials| seal(SecretKind::SourceCredentials, &credentials.to_text()))
        .transpose()?;
    let zone = zone.map(|zone| zone.0);
    let source = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        if is_taken(tx, scope, &name, None).await? {
            return Err(name_taken("input.name", "source"));
        }
        let time_zone = zone_or_clubs(tx, scope, zone).await?;
        let source = row::Source {
            name,
            platform,
            signature: scheme,
            signature_rule,
            path_key: new_path_key(),
            time_zone,
            secret: sealed,
            read_every_s,
            mapping,
            membership_statuses: statuses.as_ref().and_then(statuses_text),
            primary_only: primary_only.unwrap_or(false),
            check_in: check_in.unwrap_or(false),
            credentials,
            ..sources::blank(scope, id, now)
        };
        let source = platform_input::with_problem(source);
        sources::create(tx, source.clone()).await?;
        let message = format!("The source “{}” was created.", source.name);
        record_source(tx, scope, (&actor, now), message).await?;
        Ok::<_, Refusal>(source)
    })
    .await?;
    app.waker.wake_with_readers(scope);
    Ok((source, secret))
}

async fn zone_or_clubs(
    connection: &impl Connection,
    scope: ClubScope,
    zone: Option<String>,
) -> Result<String, Refusal> {
    match zone {
        Some(zone) => Ok(zone),
        None => club_zone(connection, scope).await,
    }
}

/// The secret of a source with this scheme; none if its events are unsigned.
fn secret(
    scheme: row::SignatureScheme,
    given: Option<String>,
    verification: &Verification,
) -> Result<Option<SecretString>, Refusal> {
    match (scheme, given) {
        (row::SignatureScheme::Nudge, None) => Ok(None),
        (row::SignatureScheme::Nudge, Some(_)) => Err(invalid(
            "input.secret",
            "the events of this source are unsigned: leave the secret out",
        )),
        (_, given) => platform_input::secret("input.secret", given, verification).map(Some),
    }
}
