//! What a club has of a Kisi organization that it connects: a connection that is there already, which refuses another one, or one
//! that was ended, whose groups, locks and rules come back with it.

use crate::{
    connect::is_disconnecting,
    graphql::error::{Refusal, UserError, UserErrorCode},
    store::row::{KisiAccount, KisiStatus},
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
