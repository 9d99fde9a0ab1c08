//! What a club has of a Kisi organization that it connects: a connection that is there already, which refuses another one, or one
//! that was ended, whose groups, locks and rules come back with it.

use crate::{
    app::App,
    connect::is_disconnecting,
    graphql::error::{Refusal, UserError, UserErrorCode},
    store::{
        Scope, clubs, due, kisi_accounts,
        row::{KisiAccount, KisiStatus},
        setup,
    },
};

/// The ended connection that is taken up again; none where there was none.
///
/// # Errors
/// Where the club is connected to the organization, or to that place of it. Two connections to different places are fine.
pub(super) fn ended(
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
            return Err(refused(&account));
        }
    }
    Ok(ended)
}

/// Whether two connections see a place in common: one without a place sees them all.
fn overlap(one: Option<i64>, other: Option<i64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

fn refused(account: &KisiAccount) -> Refusal {
    let name = &account.name;
    let message = if is_disconnecting(account) {
        format!(
            "“{name}” is this organization, and is being disconnected: connect it again once that is done"
        )
    } else {
        format!(
            "this organization is connected already, as “{name}”: change its credentials there, or limit each connection to a \
             place of its own"
        )
    };
    UserError::at(UserErrorCode::AlreadyExists, "input.credentials", message).into()
}

/// Stores a connection and what it sees of Kisi: the one that was ended, where that has the same id, else a new one.
pub(super) async fn store(
    app: &App,
    account: KisiAccount,
    setup: setup::Setup,
    now: i64,
) -> Result<KisiAccount, Refusal> {
    let scope = Scope::new(account.club_id);
    app.db
        .write(move |tx| {
            Box::pin(async move {
                clubs::touch(tx, scope).await?;
                // Somebody else may have connected it meanwhile.
                let all = kisi_accounts::all(tx, scope).await?;
                let (organization, place) = (account.organization_id, account.place_kisi_id);
                let earlier = ended(all, organization, place)?;
                match earlier.filter(|earlier| earlier.id == account.id) {
                    Some(_) => kisi_accounts::revive(tx, account.clone()).await?,
                    None => kisi_accounts::create(tx, account.clone()).await?,
                }
                setup::keep(tx, scope, account.id, setup, now).await?;
                let cause = due::Cause::judged("a Kisi account was connected");
                due::mark_everybody(tx, scope, now, &cause).await?;
                Ok::<_, Refusal>(account)
            })
        })
        .await
}
