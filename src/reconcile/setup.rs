//! Reads an account's places, locks and groups again, and which group opens which lock. A read that fails changes nothing.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use uuid::Uuid;

use super::{execute::Stop, lease::Lease};
use crate::{
    app::App,
    connect::read_setup,
    kisi::{Client, Lane},
    store::{Scope, kisi_accounts, row, setup},
};

/// Reads all of it, and says when it is due again.
pub async fn read(
    app: &Arc<App>,
    account: &row::KisiAccount,
    client: &Client,
    lease: &Lease,
) -> Result<(), Stop> {
    let scope = Scope::new(account.club_id);
    let client = client.in_lane(Lane::Rest);
    let known = setup::known(app.db.read(), scope, account.id).await?;
    let read = read_setup(&client, account, known).await?;
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
    if !lease.is_held() {
        return Err(Stop::LeaseLost);
    }
    let now = app.clock.now();
    let again_at = now.plus(app.config.sweep_interval).micros();
    let (id, now) = (account.id, now.micros());
    app.db
        .write(move |tx| {
            Box::pin(async move {
                setup::keep(tx, scope, id, read, now).await?;
                for (group, locks) in opens {
                    setup::keep_group_locks(tx, scope, group, locks).await?;
                }
                kisi_accounts::was_read(tx, id, now, again_at).await
            })
        })
        .await?;
    Ok(())
}
