//! Connections to Kisi organizations: made, given new credentials, read again, ended. Kisi is called here while a caller
//! waits, because only Kisi can say whether credentials are good; nothing there is written but the key that a login makes.
//! Never holds a transaction open meanwhile. Called by admins.

use async_graphql::{Context, Enum, InputObject, Object, Result};
use uuid::Uuid;

use super::{Admin, connection, id_of, invalid, name, not_found, text_of};
use crate::{
    app::App,
    clock::new_id,
    connect::{self, DISCONNECTING},
    graphql::{
        error::{Refusal, UserError, UserErrorCode, inside},
        input::kisi_credentials::KisiCredentialsInput,
        kisi_account::KisiAccount,
    },
    id::Kind,
    kisi::{ApiLogin, Lane},
    kisi_events::listen,
    secret::SecretKind,
    store::{
        Connection, Scope, clubs, due, grants, kisi_accounts, logins, revocations, row, setup,
    },
};

mod credentials;

use credentials::{forget_refused, introduce, key, of_kisi};

/// Connects, changes and disconnects accounts.
#[derive(Default)]
pub struct KisiAccountMutations;

/// What becomes of the access that this service gave in Kisi, when it ceases to look after it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
pub enum DisconnectPolicy {
    /// Access that was given stays in Kisi, to be managed there by hand.
    Keep,
    /// Every assignment that this service made is removed first.
    Revoke,
}

/// A Kisi organization to connect.
#[derive(InputObject)]
pub struct ConnectKisiInput {
    /// How the club calls the connection.
    pub name: String,
    /// Of an owner or administrator of the organization; Kisi recommends the owner's.
    pub credentials: KisiCredentialsInput,
    /// Whether Kisi invites people by an e-mail of its own when they are created there.
    #[graphql(default = true)]
    pub invite_by_email: bool,
    /// Only this place is used, where it is given: its Kisi id or its name. Left out: the whole organization.
    pub place: Option<String>,
}

/// What to change of an account; what is left out stays.
#[derive(InputObject)]
pub struct UpdateKisiAccountInput {
    /// The account.
    pub account: async_graphql::ID,
    /// How the club calls the connection.
    pub name: Option<String>,
    /// New credentials for the same organization.
    pub credentials: Option<KisiCredentialsInput>,
    /// Whether Kisi invites people by an e-mail of its own when they are created there.
    pub invite_by_email: Option<bool>,
}

payload! {
    /// The account that was connected.
    ConnectKisiPayload {
        /// The account; null where nothing was changed.
        account: KisiAccount
    }
}
payload! {
    /// The account as it is now.
    UpdateKisiAccountPayload {
        /// The account; null where nothing was changed.
        account: KisiAccount
    }
}
payload! {
    /// The account that is being read.
    RefreshKisiPayload {
        /// The account; null where nothing was changed.
        account: KisiAccount
    }
}
payload! {
    /// The account that was, or is being, disconnected.
    DisconnectKisiPayload {
        /// The account; null where nothing was changed.
        account: KisiAccount
    }
}

#[Object]
impl KisiAccountMutations {
    /// Connects a Kisi organization and reads its places, locks and groups. Nothing is written to Kisi.
    async fn connect_kisi(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization, and how it is entered.")] input: ConnectKisiInput,
    ) -> Result<ConnectKisiPayload> {
        let admin = Admin::of(context)?;
        ConnectKisiPayload::of(connect_account(admin, input).await)
    }

    /// Gives an account another name or new credentials: what waited for them goes on where it stopped.
    async fn update_kisi_account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account, and what to change.")] input: UpdateKisiAccountInput,
    ) -> Result<UpdateKisiAccountPayload> {
        let admin = Admin::of(context)?;
        UpdateKisiAccountPayload::of(update(admin, input).await)
    }

    /// Reads places, locks and groups again, soon after this has answered: `lastReadAt` tells when.
    async fn refresh_kisi(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account.")] account: async_graphql::ID,
    ) -> Result<RefreshKisiPayload> {
        let admin = Admin::of(context)?;
        RefreshKisiPayload::of(refresh(admin, &account).await)
    }

    /// Ends a connection. With REVOKE it stays until the last assignment is gone.
    async fn disconnect_kisi(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account.")] account: async_graphql::ID,
        #[graphql(desc = "What becomes of the access that was given.")] access: DisconnectPolicy,
    ) -> Result<DisconnectKisiPayload> {
        let admin = Admin::of(context)?;
        DisconnectKisiPayload::of(disconnect(admin, &account, access).await)
    }
}

async fn connect_account(
    admin: Admin,
    input: ConnectKisiInput,
) -> Result<row::KisiAccount, Refusal> {
    let name = name("input.name", &input.name)?;
    let place = input
        .place
        .map(|text| text_of("input.place", "a place's Kisi id or name", &text, 200))
        .transpose()?;
    let key = key(&admin.app, input.credentials).await?;
    let wish = Wish {
        name,
        place,
        invite_by_email: input.invite_by_email,
    };
    let connected = connect_by(&admin, &key, wish).await;
    forget_refused(&admin.app, &key, &connected).await;
    connected
}

/// How an account is to be connected.
struct Wish {
    name: String,
    /// Its Kisi id or name.
    place: Option<String>,
    invite_by_email: bool,
}

async fn connect_by(
    admin: &Admin,
    key: &ApiLogin,
    wish: Wish,
) -> Result<row::KisiAccount, Refusal> {
    let Admin {
        app, scope, now, ..
    } = admin;
    let (scope, now) = (*scope, *now);
    let Wish {
        name,
        place,
        invite_by_email,
    } = wish;
    let client = app.kisi.with_key(key.secret.clone()).in_lane(Lane::Urgent);
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
        twins: row::Ability::Unknown,
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
        connect::narrow(&mut setup, kisi_id);
    }
    let all = kisi_accounts::all(app.db.read(), scope).await?;
    let (organization, place) = (account.organization_id, account.place_kisi_id);
    if let Some(ended) = connection::ended(all, organization, place)? {
        // The same groups, locks and places as before, with whatever rules there are about them.
        (account.id, account.created_at) = (ended.id, ended.created_at);
        let rows = setup::known(app.db.read(), scope, ended.id).await?;
        let again = connect::read_setup(&client, &account, rows).await;
        setup = again.map_err(of_kisi)?;
    }
    let sealed = app
        .sealer
        .seal(SecretKind::KisiCredentials, account.id, &key.secret);
    account.credentials = sealed.map_err(inside)?;
    let account = connection::store(app, account, setup, now).await?;
    app.waker.wake();
    Ok(account)
}

/// Kisi's id of the place that a caller names.
fn place_named(setup: &setup::Setup, text: &str) -> Result<i64, Refusal> {
    let path = "input.place";
    let found = connect::place_named(setup, text)
        .map_err(|_| invalid(path, "several places bear this name: give the Kisi id"))?;
    found.ok_or_else(|| {
        let message = "Kisi has no place of this id or name that the credentials may see";
        UserError::at(UserErrorCode::NotFound, path, message).into()
    })
}

async fn update(admin: Admin, input: UpdateKisiAccountInput) -> Result<row::KisiAccount, Refusal> {
    let Admin {
        app, scope, now, ..
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
    let account = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let mut account = find(tx, scope, id, "input.account").await?;
                if let Some(name) = new_name {
                    account.name = name;
                }
                account.invite_by_email = input.invite_by_email.unwrap_or(account.invite_by_email);
                if let Some((user, sealed)) = renewed {
                    account.credentials = sealed;
                    account.kisi_user_id = Some(user);
                    account.status = row::KisiStatus::Connected;
                    // What is being disconnected goes on being so, with the new credentials.
                    account.problem = account
                        .problem
                        .take()
                        .filter(|problem| problem.starts_with(DISCONNECTING));
                    kisi_accounts::read_due(tx, id, now).await?;
                    account.read_due_at = now;
                    kisi_accounts::set(tx, &account).await?;
                    due::mark_everybody(
                        tx,
                        scope,
                        now,
                        &due::Cause::judged("a Kisi account got new credentials"),
                    )
                    .await?;
                } else {
                    kisi_accounts::set(tx, &account).await?;
                }
                Ok::<_, Refusal>(account)
            })
        })
        .await?;
    app.waker.wake();
    Ok(account)
}

/// Tries new credentials; Kisi's id of their user, and the key, sealed.
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
    let client = app.kisi.with_key(key.secret.clone()).in_lane(Lane::Urgent);
    let known = introduce(&client).await?;
    if account
        .organization_id
        .is_some_and(|organization| organization != known.organization)
    {
        let message = "these credentials are of another Kisi organization: connect that as an account of its own";
        return Err(invalid("input.credentials", message));
    }
    let sealed = app
        .sealer
        .seal(SecretKind::KisiCredentials, account.id, &key.secret)
        .map_err(inside)?;
    Ok((known.user, sealed))
}

async fn refresh(admin: Admin, account: &str) -> Result<row::KisiAccount, Refusal> {
    let Admin {
        app, scope, now, ..
    } = admin;
    let id = id_of(Kind::KisiAccount, "account", "Kisi account", account)?;
    let account = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                let account = find(tx, scope, id, "account").await?;
                refuse_disconnected(&account, "account")?;
                kisi_accounts::read_due(tx, id, now).await?;
                // What Kisi refused once may have been mended there: it is found out again.
                let unknown = row::Ability::Unknown;
                kisi_accounts::learn(tx, id, unknown, unknown).await?;
                Ok::<_, Refusal>(row::KisiAccount {
                    read_due_at: now,
                    ..account
                })
            })
        })
        .await?;
    app.waker.wake();
    Ok(account)
}

async fn disconnect(
    admin: Admin,
    account: &str,
    access: DisconnectPolicy,
) -> Result<row::KisiAccount, Refusal> {
    let Admin {
        app,
        scope,
        actor,
        now,
    } = admin;
    let id = id_of(Kind::KisiAccount, "account", "Kisi account", account)?;
    let account = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                let mut account = find(tx, scope, id, "account").await?;
                if account.status == row::KisiStatus::Disconnected {
                    return Ok(account);
                }
                setup::let_all_go(tx, scope, id).await?;
                match access {
                    DisconnectPolicy::Keep => {
                        grants::let_go(tx, scope, id, None).await?;
                        due::forget_account(tx, scope, id).await?;
                        logins::forget_account(tx, scope, id).await?;
                        revocations::forget_account(tx, scope, id).await?;
                        kisi_accounts::is_disconnected(tx, id).await?;
                        (account.status, account.problem) = (row::KisiStatus::Disconnected, None);
                    }
                    DisconnectPolicy::Revoke => {
                        grants::let_strays_go(tx, scope, id, None).await?;
                        // No group is managed any more, so that nothing is wanted and each of the grants goes.
                        let cause =
                            due::Cause::judged("a Kisi account is being disconnected").by(&actor);
                        due::mark_everybody(tx, scope, now, &cause).await?;
                        kisi_accounts::begins_to_disconnect(tx, id).await?;
                        account.problem = Some(DISCONNECTING.to_owned());
                    }
                }
                Ok::<_, Refusal>(account)
            })
        })
        .await?;
    app.waker.wake();
    // Where Kisi cannot be told, nothing of what it sends is let in any more all the same.
    if let Err(problem) = listen::end(&app, &account).await {
        tracing::warn!(account = %id, error = ?problem, "the integration at Kisi could not be removed");
    }
    Ok(account)
}

async fn find(
    connection: &impl Connection,
    scope: Scope,
    id: Uuid,
    path: &str,
) -> Result<row::KisiAccount, Refusal> {
    kisi_accounts::get(connection, scope, id)
        .await?
        .ok_or_else(|| not_found(path, "Kisi account"))
}

/// Refuses an account that no work is done for any more.
pub(super) fn refuse_disconnected(account: &row::KisiAccount, path: &str) -> Result<(), Refusal> {
    disconnected(account).map_or(Ok(()), |problem| Err(invalid(path, problem)))
}

/// What is said of an account that no work is done for any more.
pub(super) fn disconnected(account: &row::KisiAccount) -> Option<&'static str> {
    let is_over =
        account.status == row::KisiStatus::Disconnected || connect::is_disconnecting(account);
    is_over.then_some("its Kisi account is disconnected: connect the organization again first")
}
