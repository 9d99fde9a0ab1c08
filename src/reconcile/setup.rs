//! Reads an account's places, locks and groups again, and which group opens which lock. A read that fails changes nothing.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use uuid::Uuid;

use super::execute::AccountError;
use crate::{
    app::App,
    connect::{DoorRoles, read_setup},
    kisi::{Client, Guard},
    kisi_events::listen,
    store::{ClubScope, StoreError, clubs, due, kisi_accounts, row, setup},
};

/// How soon to look again for what was missing.
pub const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Reads all of it; true where something is to be looked for again soon.
pub async fn read(
    app: &Arc<App>,
    account: &row::KisiAccount,
    client: &Client,
    guard: &Guard,
) -> Result<bool, AccountError> {
    let scope = ClubScope::new(account.club_id);
    if let Err(problem) = listen::check(app, account, client).await {
        // Whether events come is no reason to leave the setup unread: what is wrong with Kisi shows there too.
        tracing::warn!(account = %account.id, error = ?problem, "it is not known whether Kisi sends its events");
    }
    let known = setup::ids_by_kisi_id(app.db.read(), scope, account.id).await?;
    let read = read_setup(client, account, known).await?;
    let locks: HashMap<i64, Uuid> = read
        .locks
        .iter()
        .map(|lock| (lock.kisi_id, lock.id))
        .collect();
    let mut opens: Vec<(Uuid, BTreeSet<Uuid>)> = Vec::new();
    for group in &read.groups {
        let pairs = client.group_locks(group.kisi_id).await?;
        let of_group = pairs
            .iter()
            .filter_map(|pair| locks.get(&pair.lock_id).copied())
            .collect();
        opens.push((group.id, of_group));
    }
    let roles = DoorRoles::of(&client.roles().await?);
    let roles_changed = DoorRoles::of_account(account).as_ref() != Some(&roles);
    if !guard() {
        return Err(AccountError::LeaseLost);
    }
    let (id, now) = (account.id, app.clock.now().micros());
    let kept: Result<setup::SetupChanges, StoreError> = app
        .db
        .write(move |tx| {
            Box::pin(async move {
                clubs::lock(tx, scope).await?;
                let kept = setup::store_setup(tx, scope, id, read, now).await?;
                for (group, locks) in opens {
                    setup::store_group_locks(tx, scope, group, locks).await?;
                }
                if roles_changed {
                    let roles = (roles.place, roles.organization);
                    kisi_accounts::set_door_roles(tx, id, roles, now).await?;
                    let cause = due::Cause::enforced("Kisi has other roles that open doors");
                    due::mark_all_members(tx, scope, now, &cause).await?;
                }
                if kept.groups_changed {
                    let cause = due::Cause::enforced("a group is gone from Kisi, or back");
                    due::mark_all_members(tx, scope, now, &cause).await?;
                }
                Ok(kept)
            })
        })
        .await;
    let kept = kept?;
    if kept.groups_changed || roles_changed {
        app.waker.wake();
    }
    Ok(kept.is_missing)
}
