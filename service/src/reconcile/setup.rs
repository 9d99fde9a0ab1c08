//! Reads the places, locks and groups of an account, which group opens which lock, and Kisi's roles. A failed read changes
//! nothing.

use std::{sync::Arc, time::Duration};

use super::execute::AccountError;
use crate::{
    app::App,
    connect::{DoorRoles, read_group_locks, read_setup},
    kisi::{Client, Guard},
    kisi_events::listen,
    store::{ClubScope, StoreError, clubs, due, kisi_accounts, row, setup},
    transaction,
};

/// How soon to read again when something was missing in the lists.
pub const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Reads and stores the setup. True if something was missing, so that it should be read again soon.
pub async fn read(
    app: &Arc<App>,
    account: &row::KisiAccount,
    client: &Client,
    guard: &Guard,
) -> Result<bool, AccountError> {
    let scope = ClubScope::new(account.club_id);
    if let Err(problem) = listen::check(app, account, client).await {
        // The setup is read anyway: if Kisi fails, that read fails too.
        tracing::warn!(account = %account.id, error = ?problem, "the check whether Kisi sends its events failed");
    }
    let known_ids = setup::ids_by_kisi_id(app.db.read(), scope, account.id).await?;
    let read = read_setup(client, account, known_ids).await?;
    let mut opens = Vec::new();
    read_group_locks(client, &read, &mut opens).await?;
    let roles = DoorRoles::of(&client.roles().await?);
    let roles_changed = DoorRoles::of_account(account).as_ref() != Some(&roles);
    if !guard() {
        return Err(AccountError::NotOwned);
    }
    let (id, now) = (account.id, app.clock.now().micros());
    let changes: Result<setup::SetupChanges, StoreError> = transaction!(app.db, |tx| {
        clubs::lock(tx, scope).await?;
        let changes = setup::store_setup(tx, scope, id, read, now).await?;
        for (group, locks) in opens {
            setup::store_group_locks(tx, scope, group, locks).await?;
        }
        if roles_changed {
            let roles = (roles.place, roles.organization);
            kisi_accounts::set_door_roles(tx, id, roles, now).await?;
            let cause = due::Cause::enforced("the roles in Kisi that open doors changed");
            due::mark_all_members_keeping_causes(tx, scope, now, &cause).await?;
        }
        if changes.groups_changed {
            let cause = due::Cause::enforced("a group was deleted in Kisi or appeared again");
            due::mark_all_members_keeping_causes(tx, scope, now, &cause).await?;
        }
        Ok(changes)
    })
    .await;
    let changes = changes?;
    if changes.groups_changed || roles_changed {
        app.waker.wake(scope);
    }
    Ok(changes.is_missing)
}
