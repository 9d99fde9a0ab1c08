//! Has Kisi send its events here: an integration of ours in the organization, found again by its id, signed with a key of its
//! own. Looks after it whenever the setup is read.

use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

use super::{TYPES, path};
use crate::{
    app::App,
    kisi::{Client, Error, Integration, Lane},
    secret::{SecretError, SecretKind, new_path_key, new_signing_secret},
    store::{Scope, StoreError, kisi_accounts, listeners, row},
};

/// Kisi's word for an integration that sends events.
const EVENT_WEBHOOK: &str = "event_webhook";

/// How the problem of an account begins whose events do not come any more.
const SILENT: &str = "Kisi does not send its events here any more";

/// Why Kisi does not listen to us.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// A secret cannot be sealed or opened.
    #[error("a stored secret cannot be used")]
    Secret(#[from] SecretError),
    /// Kisi said no, or nothing.
    #[error("Kisi: {0}")]
    Kisi(#[from] Error),
}

/// Makes or updates the integration. Where its answer is lost, the next call finds what was made.
pub async fn listen(
    app: &App,
    account: &row::KisiAccount,
    public_url: &Url,
) -> Result<(), ListenError> {
    let scope = Scope::new(account.club_id);
    let listener = kept(app, scope, account.id).await?;
    let key = app
        .sealer
        .open(SecretKind::KisiEventSecret, account.id, &listener.secret)?;
    let client = client(app, account)?;
    let url = address(public_url, &listener.path_key);
    let kisi_id = match ours(&client, &listener).await? {
        Some(there) => {
            client
                .update_event_webhook(there.id, &url, &key, TYPES)
                .await?;
            there.id
        }
        None => client.create_event_webhook(&url, &key, TYPES).await?.id,
    };
    let (id, problem) = (account.id, account.problem.clone());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                listeners::set(tx, scope, id, Some(kisi_id), true).await?;
                if let Some(silent) = problem.filter(|problem| problem.starts_with(SILENT)) {
                    kisi_accounts::set_problem(tx, id, Some(silent), None).await?;
                }
                Ok::<_, StoreError>(())
            })
        })
        .await?;
    Ok(())
}

/// The listener of an account, made before Kisi is told of it.
async fn kept(app: &App, scope: Scope, account: Uuid) -> Result<row::KisiListener, ListenError> {
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
        stands: false,
        created_at: app.clock.now().micros(),
    };
    let kept: Result<_, StoreError> = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                listeners::create(tx, row).await?;
                listeners::get(tx, scope, account).await
            })
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
        .of_user(account.kisi_user_id, key)
        .in_lane(Lane::Rest))
}

fn address(public_url: &Url, path_key: &str) -> Url {
    let mut url = public_url.clone();
    let below = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{below}/{}", path(path_key)));
    url
}

/// Whether an integration sends to the address of this listener, whatever the address of this service was when it was made.
fn sends_here(integration: &Integration, listener: &row::KisiListener) -> bool {
    let end = format!("/{}", path(&listener.path_key));
    integration
        .url
        .as_deref()
        .is_some_and(|url| url.ends_with(&end))
}

/// Our integration: the one whose id is kept, else one that sends here, as after a lost answer. Kisi's list shows no
/// addresses, so that each is read by itself.
async fn ours(client: &Client, listener: &row::KisiListener) -> Result<Option<Integration>, Error> {
    if let Some(id) = listener.kisi_id
        && let Some(there) = client.integration(id).await?
    {
        return Ok(Some(there));
    }
    for row in client.integrations().await? {
        if row.kind != EVENT_WEBHOOK {
            continue;
        }
        let there = client.integration(row.id).await?;
        if let Some(there) = there.filter(|there| sends_here(there, listener)) {
            return Ok(Some(there));
        }
    }
    Ok(None)
}

/// Looks whether the integration stands, and says on the account where it does not.
pub async fn look(
    app: &App,
    account: &row::KisiAccount,
    client: &Client,
) -> Result<(), ListenError> {
    let scope = Scope::new(account.club_id);
    let listener = listeners::get(app.db.read(), scope, account.id).await?;
    let Some(listener) = listener.filter(|listener| listener.kisi_id.is_some()) else {
        return Ok(());
    };
    let there = ours(client, &listener).await?;
    let trouble = match &there {
        None => Some("its integration was deleted there"),
        Some(one) if one.disabled_due_to_error => {
            Some("it switched the integration off after errors")
        }
        Some(one) if !one.enabled => Some("its integration is switched off there"),
        Some(one) if !sends_here(one, &listener) => {
            Some("its integration was given another address there")
        }
        Some(_) => None,
    };
    let problem = trouble.map(|trouble| {
        format!("{SILENT}: {trouble}. An admin sees to it that Kisi can reach this server, and calls listenToKisi again.")
    });
    let says_so = account
        .problem
        .as_deref()
        .is_some_and(|text| text.starts_with(SILENT));
    let (id, kisi_id) = (
        account.id,
        there.map_or(listener.kisi_id, |one| Some(one.id)),
    );
    let before = account.problem.clone();
    let is_free = before.is_none() || says_so;
    let done: Result<(), StoreError> = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                listeners::set(tx, scope, id, kisi_id, problem.is_none()).await?;
                if is_free {
                    kisi_accounts::set_problem(tx, id, before, problem).await?;
                }
                Ok(())
            })
        })
        .await;
    Ok(done?)
}

/// Ends it: what comes to the address is refused from now on, and Kisi is told where it can be.
pub async fn end(app: &App, account: &row::KisiAccount) -> Result<(), ListenError> {
    let (scope, id) = (Scope::new(account.club_id), account.id);
    let Some(listener) = listeners::get(app.db.read(), scope, id).await? else {
        return Ok(());
    };
    let removed: Result<(), StoreError> = app
        .db
        .write(move |tx| Box::pin(async move { listeners::remove(tx, scope, id).await }))
        .await;
    removed?;
    if let Some(kisi_id) = listener.kisi_id {
        client(app, account)?.delete_integration(kisi_id).await?;
    }
    Ok(())
}
