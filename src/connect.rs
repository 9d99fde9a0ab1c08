//! What is asked of Kisi when an organization is connected, and again when its setup is read anew: whose key it is, which
//! roles open doors, which places, locks and groups there are.
//!
//! Promises that what is read is whole or an error, and that rows which are known keep their ids. Never writes to Kisi and
//! never to the database. Called by the mutations that connect an account and by the loop.

use std::{collections::HashMap, hash::BuildHasher};

use uuid::Uuid;

use crate::{
    clock::new_id,
    kisi::{self, AppliesTo, AssignmentFilter, Client, Role},
    store::{
        row::{Group, KisiAccount, Lock, Place, StrangerPolicy},
        setup::Setup,
    },
    unlock::restriction,
};

mod roles;
#[cfg(test)]
mod tests;

pub use roles::DoorRoles;

/// How the problem of an account begins whose assignments are being removed before it is disconnected.
pub const DISCONNECTING: &str = "disconnecting: its assignments are being removed";

/// The permission without which nothing can be kept in step.
const ASSIGNS: &str = "role_assignments_write";

/// Whether an account waits for its assignments to be gone.
pub fn is_disconnecting(account: &KisiAccount) -> bool {
    account
        .problem
        .as_deref()
        .is_some_and(|problem| problem.starts_with(DISCONNECTING))
}

/// Whose key it is, and what it is good for.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// Kisi's id of the user whose key it is.
    pub user: i64,
    /// Kisi's id of the organization.
    pub organization: i64,
    /// The roles that open doors and can do nothing else.
    pub roles: DoorRoles,
    /// False where Kisi shows the user's role on the organization, and it may not give access to others.
    pub administers: bool,
}

/// Asks whose key it is and what its owner may do.
///
/// # Errors
/// Kisi's, of whichever call failed first.
pub async fn introduce(client: &Client) -> Result<Introduction, kisi::Error> {
    let me = client.me().await?;
    let organization = client.organization().await?;
    let roles = client.roles().await?;
    let administers = match organization.user_id {
        Some(owner) if owner == me.id => true,
        _ => assigns(client, me.id, organization.id, &roles).await?,
    };
    Ok(Introduction {
        user: me.id,
        organization: organization.id,
        roles: DoorRoles::of(&roles),
        administers,
    })
}

/// Whether one of the user's roles on the organization may assign roles. Where Kisi shows none, or one that it does not
/// describe, nothing is concluded.
async fn assigns(
    client: &Client,
    user: i64,
    organization: i64,
    roles: &[Role],
) -> Result<bool, kisi::Error> {
    let held = client.assignments(AssignmentFilter::User(user)).await?;
    let mut shown = held
        .iter()
        .filter(|assignment| assignment.applies_to == AppliesTo::Organization(organization))
        .map(|assignment| roles.iter().find(|role| role.id == assignment.role_id))
        .peekable();
    Ok(shown.peek().is_none() || shown.any(|role| role.is_none_or(|role| permits(role, ASSIGNS))))
}

fn permits(role: &Role, permission: &str) -> bool {
    role.permissions.get(permission) == Some(&Some(true))
}

/// A group as it is kept, without its place.
fn group_row(account: &KisiAccount, id: Uuid, group: kisi::Group) -> Group {
    Group {
        restrictions: restriction::of_group(&group),
        id,
        club_id: account.club_id,
        account_id: account.id,
        kisi_id: group.id,
        place_id: None,
        name: group.name,
        folded_name: String::new(),
        description: Some(group.description).filter(|text| !text.is_empty()),
        managed: false,
        strangers: StrangerPolicy::Keep,
        problem: None,
        missing_since: None,
        gone_at: None,
        read_at: None,
        evaluated_at: None,
    }
}

/// Reads an account's places, locks and groups whole. `known` are the ids of places, locks and groups by Kisi's ids: they
/// are kept, whatever is new gets an id of its own. An account of one place gets that place, its locks, its groups and the
/// groups of the whole organization.
///
/// # Errors
/// Kisi's, of whichever call failed first: nothing may be concluded then.
pub async fn read_setup<S: BuildHasher>(
    client: &Client,
    account: &KisiAccount,
    known: [HashMap<i64, Uuid, S>; 3],
) -> Result<Setup, kisi::Error> {
    let places = client.places().await?;
    let locks = client.locks().await?;
    let groups = client.groups().await?;
    let [known_places, known_locks, known_groups] = known;
    let id =
        |known: &HashMap<i64, Uuid, S>, kisi: i64| known.get(&kisi).copied().unwrap_or_else(new_id);
    let places: Vec<Place> = places
        .into_iter()
        .map(|place| Place {
            id: id(&known_places, place.id),
            club_id: account.club_id,
            account_id: account.id,
            kisi_id: place.id,
            name: place.name,
            folded_name: String::new(),
            time_zone: place
                .time_zone
                .filter(|zone| jiff::tz::TimeZone::get(zone).is_ok()),
            missing_since: None,
            gone_at: None,
        })
        .collect();
    let of_place: HashMap<i64, Uuid> = places
        .iter()
        .map(|place| (place.kisi_id, place.id))
        .collect();
    let locks = locks
        .into_iter()
        .map(|lock| Lock {
            id: id(&known_locks, lock.id),
            club_id: account.club_id,
            account_id: account.id,
            kisi_id: lock.id,
            place_id: lock
                .place_id
                .and_then(|place| of_place.get(&place).copied()),
            restrictions: restriction::of_lock(&lock),
            name: lock.name,
            folded_name: String::new(),
            description: Some(lock.description).filter(|text| !text.is_empty()),
            online: lock.online,
            missing_since: None,
            gone_at: None,
        })
        .collect();
    // A group of a place that is not listed is no group of the whole organization.
    let stray = |group: &kisi::Group| {
        group
            .place_id
            .is_some_and(|place| !of_place.contains_key(&place))
    };
    let groups = groups
        .into_iter()
        .filter(|group| account.place_kisi_id.is_none() || !stray(group))
        .map(|group| Group {
            place_id: group
                .place_id
                .and_then(|place| of_place.get(&place).copied()),
            ..group_row(account, id(&known_groups, group.id), group)
        })
        .collect();
    let mut setup = Setup {
        places,
        locks,
        groups,
    };
    if let Some(place) = account.place_kisi_id {
        narrow(&mut setup, place);
    }
    Ok(setup)
}

/// Leaves one place, its locks, its groups and the groups of the whole organization.
pub fn narrow(setup: &mut Setup, place_kisi_id: i64) {
    setup.places.retain(|place| place.kisi_id == place_kisi_id);
    let kept = setup.places.first().map(|place| place.id);
    setup
        .locks
        .retain(|lock| lock.place_id.is_some() && lock.place_id == kept);
    setup
        .groups
        .retain(|group| group.place_id.is_none() || group.place_id == kept);
}

/// The Kisi id of the place that a text names: its Kisi id, else its name, else its name in any case. `Err` where several
/// places bear the name.
pub fn place_named(setup: &Setup, text: &str) -> Result<Option<i64>, Ambiguous> {
    let text = text.trim();
    if let Some(place) = setup
        .places
        .iter()
        .find(|place| place.kisi_id.to_string() == text)
    {
        return Ok(Some(place.kisi_id));
    }
    let only = |alike: &dyn Fn(&str) -> bool| {
        let mut found = setup.places.iter().filter(|place| alike(place.name.trim()));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(Ambiguous),
            (first, _) => Ok(first.map(|place| place.kisi_id)),
        }
    };
    let folded = text.to_lowercase();
    match only(&|name| name == text)? {
        Some(place) => Ok(Some(place)),
        None => only(&|name| name.to_lowercase() == folded),
    }
}

/// Several places bear one name.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("several places bear this name")]
pub struct Ambiguous;
