//! Compares a new Kisi connection with the club's existing ones: an overlapping one refuses it, and a disconnected one is
//! revived, together with its groups, locks and rules. Called by `connectKisi`.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Editor, record};
use crate::{
    graphql::error::{Refusal, UserError, UserErrorCode},
    store::{
        clubs, due, kisi_accounts,
        row::{HistoryKind, KisiAccount, KisiStatus},
        setup,
    },
    transaction,
};

/// The disconnected connection to revive, if there is one.
///
/// # Errors
/// If the club is already connected to the organization or to this place of it. Connections to different places are allowed.
pub(super) fn find_disconnected(
    accounts: Vec<KisiAccount>,
    organization: Option<i64>,
    place: Option<i64>,
) -> Result<Option<KisiAccount>, Refusal> {
    let of_organization = accounts
        .into_iter()
        .filter(|account| account.organization_id == organization);
    let mut ended = None;
    for account in of_organization {
        if account.status == KisiStatus::Disconnected {
            if account.place_kisi_id == place {
                ended = Some(account);
            }
        } else if overlap(account.place_kisi_id, place) {
            return Err(overlap_error(&account));
        }
    }
    Ok(ended)
}

/// Whether two connections share a place; a connection without a place covers all of them.
fn overlap(one: Option<i64>, other: Option<i64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

fn overlap_error(account: &KisiAccount) -> Refusal {
    let name = &account.name;
    let message = if account.status == KisiStatus::Disconnecting {
        format!(
            "“{name}” is connected to this organization and is being disconnected: connect it again when that is done"
        )
    } else {
        format!(
            "this organization is already connected, as “{name}”: change its credentials there, or limit each connection to a \
             place of its own"
        )
    };
    UserError::at(UserErrorCode::AlreadyExists, "input.credentials", message).into()
}

/// Stores a connection and its Kisi setup, with the locks that each group in `opened` opens: revives the disconnected row if that has the same id, else creates a row.
pub(super) async fn store(
    editor: &Editor,
    account: KisiAccount,
    setup: setup::Setup,
    opened: Vec<(Uuid, BTreeSet<Uuid>)>,
) -> Result<KisiAccount, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = editor.clone();
    transaction!(app.db, |tx| {
        clubs::touch(tx, scope).await?;
        // Another request may have connected the organization in the meantime.
        let all = kisi_accounts::all(tx, scope).await?;
        let (organization, place) = (account.organization_id, account.place_kisi_id);
        let earlier = find_disconnected(all, organization, place)?;
        match earlier.filter(|earlier| earlier.id == account.id) {
            Some(_) => kisi_accounts::reconnect(tx, account.clone()).await?,
            None => kisi_accounts::create(tx, account.clone()).await?,
        }
        setup::store_setup(tx, scope, account.id, setup, now).await?;
        for (group, locks) in opened {
            setup::store_group_locks(tx, scope, group, locks).await?;
        }
        let message = format!("The Kisi account “{}” was connected.", account.name);
        record(tx, scope, (&actor, now), HistoryKind::KisiChanged, message).await?;
        let cause = due::Cause::enforced("a Kisi account was connected");
        due::mark_all_members(tx, scope, now, &cause).await?;
        Ok::<_, Refusal>(account)
    })
    .await
}
