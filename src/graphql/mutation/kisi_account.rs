//! Mutations of Kisi accounts: connect an organization, change its credentials, refresh, disconnect. Kisi is called while the
//! caller waits, because only Kisi can verify credentials, and never inside a transaction. Connecting writes nothing to Kisi
//! except the API login that creates a key. For ADMIN tokens.

use async_graphql::{Context, Enum, Object, Result};
use uuid::Uuid;

use super::{
    Editor, connection, differences, form::Form, id_of, invalid, name, not_found, record, text_of,
};
use crate::{
    app::App,
    clock::new_id,
    connect,
    graphql::{
        error::{Refusal, UserError, UserErrorCode, checked, internal_error},
        input::kisi_credentials::KisiCredentialsInput,
    },
    id::Kind,
    kisi::ApiLogin,
    kisi_events::listen,
    secret::SecretKind,
    store::{
        ClubScope, Connection, clubs, due, grants, kisi_accounts, logins, lookup, revocations, row,
        setup,
    },
    transaction,
};

mod credentials;
mod inputs_and_payloads;

use credentials::{forget_refused, introduce, key, of_kisi, patient_client};
pub use inputs_and_payloads::*;

#[derive(Default)]
pub struct KisiAccountMutations;

/// What happens to the access that this service granted in Kisi when it stops managing it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
pub enum DisconnectPolicy {
    /// Granted access stays in Kisi, to be managed there by hand.
    Keep,
    /// Every role assignment that this service made is removed first.
    Revoke,
}

#[Object(crate = "crate::graphql::resolve")]
impl KisiAccountMutations {
    /// Connects a Kisi organization and reads its places, locks and groups. Nothing is written to Kisi, except an API key if a
    /// login is given.
    async fn connect_kisi(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization and its credentials.")] input: ConnectKisiInput,
    ) -> Result<ConnectKisiPayload> {
        let admin = Editor::admin(context)?;
        ConnectKisiPayload::of(connect_account(admin, input).await)
    }

    /// Changes an account. With new credentials, work that waited for them continues.
    async fn update_kisi_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account and the changes.")] input: UpdateKisiAccountInput,
    ) -> Result<UpdateKisiAccountPayload> {
        let admin = Editor::admin(context)?;
        UpdateKisiAccountPayload::of(update(admin, input).await)
    }

    /// Schedules an immediate read of places, locks and groups; `lastReadAt` shows when it was done.
    async fn refresh_kisi(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account to read.")] input: Option<RefreshKisiInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The account.")] account: Option<
            async_graphql::ID,
        >,
    ) -> Result<RefreshKisiPayload> {
        let admin = Editor::admin(context)?;
        let loose = account.map(|account| RefreshKisiInput { account });
        let (form, input) = Form::of(input, loose)?;
        RefreshKisiPayload::of(form.paths(refresh(admin, &input.account).await))
    }

    /// Disconnects an account. With REVOKE the connection stays until the last role assignment is removed.
    async fn disconnect_kisi(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account to disconnect.")] input: Option<DisconnectKisiInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The account.")] account: Option<
            async_graphql::ID,
        >,
        #[graphql(
            deprecation = "Use `input`.",
            desc = "What happens to the granted access."
        )]
        access: Option<DisconnectPolicy>,
    ) -> Result<DisconnectKisiPayload> {
        let admin = Editor::admin(context)?;
        let loose = account
            .zip(access)
            .map(|(account, access)| DisconnectKisiInput { account, access });
        let (form, input) = Form::of(input, loose)?;
        let disconnected = disconnect(admin, &input.account, input.access).await;
        DisconnectKisiPayload::of(form.paths(disconnected))
    }
}

async fn connect_account(
    admin: Editor,
    input: ConnectKisiInput,
) -> Result<row::KisiAccount, Refusal> {
    let place = input.place.as_deref();
    let place_of = |text| text_of("input.place", "a place's Kisi id or name", text, 200);
    checked! {
        name = name("input.name", &input.name);
        place = place.map(place_of).transpose();
    }
    let key = key(&admin.app, input.credentials).await?;
    let wish = ConnectRequest {
        name,
        place,
        invite_by_email: input.invite_by_email,
    };
    let connected = connect_by(&admin, &key, wish).await;
    forget_refused(&admin.app, &key, &connected).await;
    connected
}

/// How long a connection waits for the locks of its groups: at Kisi's 5 requests a second, 100 groups. Clients give up after
/// about 30 s.
const GROUP_LOCKS_TIME: std::time::Duration = std::time::Duration::from_secs(20);

struct ConnectRequest {
    name: String,
    /// The Kisi id or name of the place.
    place: Option<String>,
    invite_by_email: bool,
}

async fn connect_by(
    admin: &Editor,
    key: &ApiLogin,
    wish: ConnectRequest,
) -> Result<row::KisiAccount, Refusal> {
    let Editor {
        app, scope, now, ..
    } = admin;
    let (scope, now) = (*scope, *now);
    let ConnectRequest {
        name,
        place,
        invite_by_email,
    } = wish;
    let client = patient_client(app, key);
    let known = introduce(&client).await?;
    let mut account = row::KisiAccount {
        id: new_id(),
        club_id: scope.club,
        name,
        organization_id: Some(known.organization),
        kisi_user_id: Some(known.user),
        credentials: Vec::new(),
        place_kisi_id: None,
        invite_by_email,
        status: row::KisiStatus::Connected,
        problem: None,
        last_read_at: None,
        read_due_at: now,
        stopped_until: None,
        change_window: row::Ability::Unknown,
        duplicate_assignments: row::Ability::Unknown,
        granularity_s: 1,
        place_role: known.roles.place,
        organization_role: known.roles.organization,
        roles_judged_at: Some(now),
        created_at: now,
    };
    let mut setup = connect::read_setup(
        &client,
        &account,
        <[std::collections::HashMap<i64, Uuid>; 3]>::default(),
    )
    .await
    .map_err(of_kisi)?;
    if let Some(place) = place {
        let kisi_id = place_named(&setup, &place)?;
        account.place_kisi_id = Some(kisi_id);
        connect::restrict_to_place(&mut setup, kisi_id);
    }
    let all = kisi_accounts::all(app.db.read(), scope).await?;
    let (organization, place) = (account.organization_id, account.place_kisi_id);
    if let Some(ended) = connection::find_disconnected(all, organization, place)? {
        // Groups, locks and places keep their ids, so that the rules about them apply again.
        (account.id, account.created_at) = (ended.id, ended.created_at);
        let rows = setup::ids_by_kisi_id(app.db.read(), scope, ended.id).await?;
        let again = connect::read_setup(&client, &account, rows).await;
        setup = again.map_err(of_kisi)?;
    }
    let sealed = app
        .sealer
        .seal(SecretKind::KisiCredentials, account.id, &key.secret);
    account.credentials = sealed.map_err(internal_error)?;
    let mut opened = Vec::new();
    let reading = connect::read_group_locks(&client, &setup, &mut opened);
    match tokio::time::timeout(GROUP_LOCKS_TIME, reading).await {
        Ok(read) => read.map_err(of_kisi)?,
        Err(_) => tracing::info!(
            account = %account.id,
            groups = setup.groups.len(),
            "the locks of some groups were not read yet; the first sweep reads them"
        ),
    }
    let account = connection::store(admin, account, setup, opened).await?;
    app.waker.wake(scope);
    Ok(account)
}

/// Kisi's id of the place that the caller gave by Kisi id or name.
fn place_named(setup: &setup::Setup, text: &str) -> Result<i64, Refusal> {
    let path = "input.place";
    let place = connect::place_named(setup, text)
        .map_err(|_| invalid(path, "several places have this name: give the Kisi id"))?;
    place.ok_or_else(|| {
        let message = "the credentials see no place with this id or name in Kisi";
        UserError::at(UserErrorCode::NotFound, path, message).into()
    })
}

async fn update(admin: Editor, input: UpdateKisiAccountInput) -> Result<row::KisiAccount, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let id = id_of(
        Kind::KisiAccount,
        "input.account",
        "Kisi account",
        &input.account,
    )?;
    let new_name = input
        .name
        .as_deref()
        .map(|text| name("input.name", text))
        .transpose()?;
    let before = find(app.db.read(), scope, id, "input.account").await?;
    let renewed = match input.credentials {
        Some(credentials) => Some(renew(&app, &before, credentials).await?),
        None => None,
    };
    let account = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let mut account = find(tx, scope, id, "input.account").await?;
        let before = account.clone();
        if let Some(name) = new_name {
            account.name = name;
        }
        account.invite_by_email = input.invite_by_email.unwrap_or(account.invite_by_email);
        if let Some((user, sealed)) = renewed {
            account.credentials = sealed;
            account.kisi_user_id = Some(user);
            // A disconnect in progress continues, with the new credentials.
            if account.status != row::KisiStatus::Disconnecting {
                account.status = row::KisiStatus::Connected;
            }
            account.problem = None;
            kisi_accounts::request_sweep(tx, id, now).await?;
            account.read_due_at = now;
            kisi_accounts::set(tx, &account).await?;
            due::mark_all_members(
                tx,
                scope,
                now,
                &due::Cause::enforced("a Kisi account got new credentials"),
            )
            .await?;
        } else {
            kisi_accounts::set(tx, &account).await?;
        }
        if let Some(changes) = changes(&before, &account) {
            let message = format!("The Kisi account “{}” was changed: {changes}.", before.name);
            record(
                tx,
                scope,
                (&actor, now),
                row::HistoryKind::KisiChanged,
                message,
            )
            .await?;
        }
        Ok::<_, Refusal>(account)
    })
    .await?;
    app.waker.wake(scope);
    Ok(account)
}

/// What was changed, with the values before and after.
fn changes(before: &row::KisiAccount, after: &row::KisiAccount) -> Option<String> {
    let invites = |it: &row::KisiAccount| if it.invite_by_email { "on" } else { "off" }.to_owned();
    // Each sealing gives other bytes, so credentials that were given again count as new.
    let is_new = before.credentials != after.credentials;
    let credentials = |new: bool| if new { "new" } else { "old" }.to_owned();
    differences([
        (
            "name",
            format!("“{}”", before.name),
            format!("“{}”", after.name),
        ),
        ("invitations by e-mail", invites(before), invites(after)),
        ("credentials", credentials(false), credentials(is_new)),
    ])
}

/// Verifies new credentials at Kisi. Returns Kisi's id of their user, and the sealed key.
async fn renew(
    app: &App,
    account: &row::KisiAccount,
    credentials: KisiCredentialsInput,
) -> Result<(i64, Vec<u8>), Refusal> {
    let key = key(app, credentials).await?;
    let renewed = renew_by(app, account, &key).await;
    forget_refused(app, &key, &renewed).await;
    renewed
}

async fn renew_by(
    app: &App,
    account: &row::KisiAccount,
    key: &ApiLogin,
) -> Result<(i64, Vec<u8>), Refusal> {
    let client = patient_client(app, key);
    let known = introduce(&client).await?;
    if account
        .organization_id
        .is_some_and(|organization| organization != known.organization)
    {
        let message = "these credentials belong to another Kisi organization: connect it as a separate account";
        return Err(invalid("input.credentials", message));
    }
    let sealed = app
        .sealer
        .seal(SecretKind::KisiCredentials, account.id, &key.secret)
        .map_err(internal_error)?;
    Ok((known.user, sealed))
}

async fn refresh(admin: Editor, account: &str) -> Result<row::KisiAccount, Refusal> {
    let Editor {
        app, scope, now, ..
    } = admin;
    let id = id_of(Kind::KisiAccount, "account", "Kisi account", account)?;
    let account = transaction!(app.db, |tx| {
        let account = find(tx, scope, id, "account").await?;
        refuse_disconnected(&account, "account")?;
        kisi_accounts::request_sweep(tx, id, now).await?;
        // The cause of an earlier refusal may be fixed in Kisi, so the abilities are probed again.
        let unknown = row::Ability::Unknown;
        kisi_accounts::set_abilities(tx, id, unknown, unknown).await?;
        Ok::<_, Refusal>(row::KisiAccount {
            read_due_at: now,
            ..account
        })
    })
    .await?;
    app.waker.wake(scope);
    Ok(account)
}

async fn disconnect(
    admin: Editor,
    account: &str,
    access: DisconnectPolicy,
) -> Result<row::KisiAccount, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let id = id_of(Kind::KisiAccount, "account", "Kisi account", account)?;
    let account = transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        let mut account = find(tx, scope, id, "account").await?;
        if account.status == row::KisiStatus::Disconnected {
            return Ok(account);
        }
        setup::unmanage_all(tx, scope, id).await?;
        let policy = match access {
            DisconnectPolicy::Keep => "keeps",
            DisconnectPolicy::Revoke => "loses",
        };
        let message = format!(
            "The Kisi account “{}” was disconnected; who had access {policy} it.",
            account.name
        );
        record(
            tx,
            scope,
            (&actor, now),
            row::HistoryKind::KisiChanged,
            message,
        )
        .await?;
        match access {
            DisconnectPolicy::Keep => {
                grants::delete_in_scope(tx, scope, id, None).await?;
                due::forget_account(tx, scope, id).await?;
                logins::forget_account(tx, scope, id).await?;
                revocations::forget_account(tx, scope, id).await?;
                kisi_accounts::set_disconnected(tx, id).await?;
                (account.status, account.problem) = (row::KisiStatus::Disconnected, None);
            }
            DisconnectPolicy::Revoke => {
                grants::delete_external(tx, scope, id, None).await?;
                // No group is managed any more, so no access is desired and every grant is removed.
                let cause = due::Cause::enforced("a Kisi account is being disconnected").by(&actor);
                due::mark_all_members(tx, scope, now, &cause).await?;
                kisi_accounts::set_disconnecting(tx, id).await?;
                (account.status, account.problem) = (row::KisiStatus::Disconnecting, None);
            }
        }
        Ok::<_, Refusal>(account)
    })
    .await?;
    app.waker.wake(scope);
    // If this call fails, events from Kisi are rejected all the same.
    if let Err(problem) = listen::remove(&app, &account).await {
        tracing::warn!(account = %id, error = ?problem, "the event integration could not be removed in Kisi");
    }
    Ok(account)
}

async fn find(
    connection: &impl Connection,
    scope: ClubScope,
    id: Uuid,
    path: &str,
) -> Result<row::KisiAccount, Refusal> {
    lookup::by_id::<row::KisiAccount>(connection, scope, id)
        .await?
        .ok_or_else(|| not_found(path, "Kisi account"))
}

/// Refuses an account that is disconnected or being disconnected.
pub(super) fn refuse_disconnected(account: &row::KisiAccount, path: &str) -> Result<(), Refusal> {
    disconnected(account).map_or(Ok(()), |problem| Err(invalid(path, problem)))
}

/// The error message for an account that is disconnected or being disconnected; none for any other.
pub(super) fn disconnected(account: &row::KisiAccount) -> Option<&'static str> {
    let is_over = matches!(
        account.status,
        row::KisiStatus::Disconnecting | row::KisiStatus::Disconnected
    );
    is_over.then_some("the Kisi account is disconnected: connect the organization again first")
}
