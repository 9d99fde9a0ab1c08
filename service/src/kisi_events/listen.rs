//! Registers Latchkey's event webhook in Kisi: an integration in the organization, identified by its stored id, with a signing
//! key of its own. Called by the API, and by the reconcile loop, which checks the integration whenever it reads the setup.

use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

use super::{TYPES, path};
use crate::{
    app::App,
    kisi::{Client, Error, Integration, Lane},
    secret::{SecretError, SecretKind, new_path_key, new_signing_secret},
    store::{ClubScope, StoreError, kisi_accounts, listeners, row},
    transaction,
};

/// Kisi's type name of an integration that sends events.
const EVENT_WEBHOOK: &str = "event_webhook";

/// The start of the account's problem text when its events no longer arrive; stored problems are recognized by it.
const NO_EVENTS: &str = "Kisi does not send its events here any more";

/// Why the event webhook could not be registered, checked or removed.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("the database failed")]
    Store(#[from] StoreError),
    #[error("a stored secret cannot be used")]
    Secret(#[from] SecretError),
    #[error("Kisi: {0}")]
    Kisi(#[from] Error),
}

/// Creates or updates the integration. If Kisi's response is lost, the next call finds the integration by its URL.
pub async fn listen(
    app: &App,
    account: &row::KisiAccount,
    public_url: &Url,
) -> Result<(), ListenError> {
    let scope = ClubScope::new(account.club_id);
    let listener = load_or_create(app, scope, account.id).await?;
    let key = app
        .sealer
        .open(SecretKind::KisiEventSecret, account.id, &listener.secret)?;
    let client = client(app, account)?;
    let url = address(public_url, &listener.path_key);
    let kisi_id = match find_integration(&client, &listener).await? {
        Some(integration) => {
            client
                .update_event_webhook(integration.id, &url, &key, TYPES)
                .await?;
            integration.id
        }
        None => client.create_event_webhook(&url, &key, TYPES).await?.id,
    };
    let (id, problem) = (account.id, account.problem.clone());
    transaction!(app.db, |tx| {
        listeners::set(tx, scope, id, Some(kisi_id), true).await?;
        if let Some(silent) = problem.filter(|problem| problem.starts_with(NO_EVENTS)) {
            kisi_accounts::set_problem(tx, id, Some(silent), None).await?;
        }
        Ok::<_, StoreError>(())
    })
    .await?;
    Ok(())
}

/// The account's listener; created in the database before its integration is created in Kisi.
async fn load_or_create(
    app: &App,
    scope: ClubScope,
    account: Uuid,
) -> Result<row::KisiListener, ListenError> {
    if let Some(listener) = listeners::get(app.db.read(), scope, account).await? {
        return Ok(listener);
    }
    let row = row::KisiListener {
        account_id: account,
        club_id: scope.club,
        path_key: new_path_key(),
        secret: app
            .sealer
            .seal(SecretKind::KisiEventSecret, account, &new_signing_secret())?,
        kisi_id: None,
        registered: false,
        created_at: app.clock.now().micros(),
    };
    let kept: Result<_, StoreError> = transaction!(app.db, |tx| {
        listeners::create(tx, row).await?;
        listeners::get(tx, scope, account).await
    })
    .await;
    Ok(kept?.ok_or(StoreError::Unreadable { what: "listener" })?)
}

fn client(app: &App, account: &row::KisiAccount) -> Result<Client, SecretError> {
    let key: SecretString = app.sealer.open(
        SecretKind::KisiCredentials,
        account.id,
        &account.credentials,
    )?;
    Ok(app
        .kisi
        .for_user(account.kisi_user_id, key)
        .in_lane(Lane::Rest))
}

fn address(public_url: &Url, path_key: &str) -> Url {
    crate::public_url::below(public_url, &path(path_key))
}

/// Whether an integration sends to this listener. Compares only the path, because the service's public URL may have changed.
fn sends_here(integration: &Integration, listener: &row::KisiListener) -> bool {
    let end = format!("/{}", path(&listener.path_key));
    integration
        .url
        .as_deref()
        .is_some_and(|url| url.ends_with(&end))
}

/// Latchkey's integration: the one with the stored id, else one that sends here (left by a lost response). Kisi's list has no
/// URLs, so each integration is read individually.
async fn find_integration(
    client: &Client,
    listener: &row::KisiListener,
) -> Result<Option<Integration>, Error> {
    if let Some(id) = listener.kisi_id
        && let Some(integration) = client.integration(id).await?
    {
        return Ok(Some(integration));
    }
    for row in client.integrations().await? {
        if row.kind != EVENT_WEBHOOK {
            continue;
        }
        let integration = client.integration(row.id).await?;
        let integration = integration.filter(|integration| sends_here(integration, listener));
        if integration.is_some() {
            return Ok(integration);
        }
    }
    Ok(None)
}

/// Checks the integration and records a problem on the account if no events arrive. Another problem of the account is kept.
pub async fn check(
    app: &App,
    account: &row::KisiAccount,
    client: &Client,
) -> Result<(), ListenError> {
    let scope = ClubScope::new(account.club_id);
    let listener = listeners::get(app.db.read(), scope, account.id).await?;
    let Some(listener) = listener.filter(|listener| listener.kisi_id.is_some()) else {
        return Ok(());
    };
    let integration = find_integration(client, &listener).await?;
    let reason = match &integration {
        None => Some("the integration was deleted in Kisi"),
        Some(integration) if integration.disabled_due_to_error => {
            Some("Kisi disabled the integration after delivery errors")
        }
        Some(integration) if !integration.enabled => {
            Some("the integration is switched off in Kisi")
        }
        Some(integration) if !sends_here(integration, &listener) => {
            Some("the integration has another URL in Kisi")
        }
        Some(_) => None,
    };
    let problem = reason.map(|reason| {
        format!("{NO_EVENTS}: {reason}. An admin checks that Kisi can reach this server, and calls listenToKisi again.")
    });
    let says_so = account
        .problem
        .as_deref()
        .is_some_and(|text| text.starts_with(NO_EVENTS));
    let (id, kisi_id) = (
        account.id,
        integration.map_or(listener.kisi_id, |integration| Some(integration.id)),
    );
    let before = account.problem.clone();
    let is_free = before.is_none() || says_so;
    let done: Result<(), StoreError> = transaction!(app.db, |tx| {
        listeners::set(tx, scope, id, kisi_id, problem.is_none()).await?;
        if is_free {
            kisi_accounts::set_problem(tx, id, before, problem).await?;
        }
        Ok(())
    })
    .await;
    Ok(done?)
}

/// Removes the listener, so that later events are rejected, and then deletes the integration in Kisi.
pub async fn remove(app: &App, account: &row::KisiAccount) -> Result<(), ListenError> {
    let (scope, id) = (ClubScope::new(account.club_id), account.id);
    let Some(listener) = listeners::get(app.db.read(), scope, id).await? else {
        return Ok(());
    };
    let removed: Result<(), StoreError> =
        transaction!(app.db, |tx| listeners::remove(tx, scope, id).await).await;
    removed?;
    if let Some(kisi_id) = listener.kisi_id {
        client(app, account)?.delete_integration(kisi_id).await?;
    }
    Ok(())
}
