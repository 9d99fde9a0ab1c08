//! Reads from Kisi when an organization is connected, and when its setup is read again: the user that the API key belongs to,
//! the roles that open doors, and the places, locks and groups.
//!
//! A read is complete or an error, and rows that already exist keep their ids. Writes neither to Kisi nor to the database.
//! Called by the mutations that connect an account and by the reconcile loop.

use std::{
    collections::{BTreeSet, HashMap},
    hash::BuildHasher,
};

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

/// The Kisi permission that the API key's user needs to create and delete role assignments.
const ASSIGNS: &str = "role_assignments_write";

/// The user and the organization of an API key, and what the user may do.
#[derive(Clone, Debug)]
pub struct ApiKeyInfo {
    /// The Kisi id of the user that the key belongs to.
    pub user: i64,
    /// The Kisi id of the organization.
    pub organization: i64,
    pub roles: DoorRoles,
    /// False if Kisi shows the user's roles on the organization and none of them may assign roles to others.
    pub administers: bool,
}

/// Reads the user, the organization and the roles of the client's API key.
///
/// # Errors
/// The error of the first call to Kisi that fails.
pub async fn read_api_key_info(client: &Client) -> Result<ApiKeyInfo, kisi::Error> {
    let me = client.me().await?;
    let organization = client.organization().await?;
    let roles = client.roles().await?;
    let administers = match organization.user_id {
        Some(owner) if owner == me.id => true,
        _ => assigns(client, me.id, organization.id, &roles).await?,
    };
    Ok(ApiKeyInfo {
        user: me.id,
        organization: organization.id,
        roles: DoorRoles::of(&roles),
        administers,
    })
}

/// Whether one of the user's roles on the organization may assign roles. Also true if Kisi shows no role on the organization,
/// or one that is not in `roles`.
async fn assigns(
    client: &Client,
    user: i64,
    organization: i64,
    roles: &[Role],
) -> Result<bool, kisi::Error> {
    let assignments = client.assignments(AssignmentFilter::User(user)).await?;
    let mut assigned = assignments
        .iter()
        .filter(|assignment| assignment.applies_to == AppliesTo::Organization(organization))
        .map(|assignment| roles.iter().find(|role| role.id == assignment.role_id))
        .peekable();
    Ok(assigned.peek().is_none()
        || assigned.any(|role| role.is_none_or(|role| permits(role, ASSIGNS))))
}

fn permits(role: &Role, permission: &str) -> bool {
    role.permissions.get(permission) == Some(&Some(true))
}

/// The database row of a group, with `place_id` still empty.
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

/// Reads all places, locks and groups of an account. `known` maps Kisi ids to our ids, for places, locks and groups in this
/// order; anything new gets a new id. If the account is restricted to one place, the result holds that place, its locks, its
/// groups and the groups of the whole organization.
///
/// # Errors
/// The error of the first call to Kisi that fails. Callers must then leave the stored setup as it is.
pub async fn read_setup<S: BuildHasher>(
    client: &Client,
    account: &KisiAccount,
    known: [HashMap<i64, Uuid, S>; 3],
) -> Result<Setup, kisi::Error> {
    let places = client.places().await?;
    let locks = client.locks().await?;
    let groups = client.groups().await?;
    let [place_ids, lock_ids, group_ids] = known;
    let id =
        |ids: &HashMap<i64, Uuid, S>, kisi: i64| ids.get(&kisi).copied().unwrap_or_else(new_id);
    let places: Vec<Place> = places
        .into_iter()
        .map(|place| Place {
            id: id(&place_ids, place.id),
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
            id: id(&lock_ids, lock.id),
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
    // A group of an unlisted place would get no `place_id` below and would look like a group of the whole organization.
    let is_of_unlisted_place = |group: &kisi::Group| {
        group
            .place_id
            .is_some_and(|place| !of_place.contains_key(&place))
    };
    let groups = groups
        .into_iter()
        .filter(|group| account.place_kisi_id.is_none() || !is_of_unlisted_place(group))
        .map(|group| Group {
            place_id: group
                .place_id
                .and_then(|place| of_place.get(&place).copied()),
            ..group_row(account, id(&group_ids, group.id), group)
        })
        .collect();
    let mut setup = Setup {
        places,
        locks,
        groups,
    };
    if let Some(place) = account.place_kisi_id {
        restrict_to_place(&mut setup, place);
    }
    Ok(setup)
}

/// Adds to `opened` each group of a setup with the locks that it opens, one call for each group. What was read before an error,
/// or before the caller drops the future, stays there.
pub async fn read_group_locks(
    client: &Client,
    setup: &Setup,
    opened: &mut Vec<(Uuid, BTreeSet<Uuid>)>,
) -> Result<(), kisi::Error> {
    let locks: HashMap<i64, Uuid> = setup
        .locks
        .iter()
        .map(|lock| (lock.kisi_id, lock.id))
        .collect();
    for group in &setup.groups {
        let pairs = client.group_locks(group.kisi_id).await?;
        let of_group = pairs.iter().filter_map(|pair| locks.get(&pair.lock_id));
        opened.push((group.id, of_group.copied().collect()));
    }
    Ok(())
}

/// Reduces `setup` to one place, its locks, its groups and the groups of the whole organization.
pub fn restrict_to_place(setup: &mut Setup, place_kisi_id: i64) {
    setup.places.retain(|place| place.kisi_id == place_kisi_id);
    let kept = setup.places.first().map(|place| place.id);
    setup
        .locks
        .retain(|lock| lock.place_id.is_some() && lock.place_id == kept);
    setup
        .groups
        .retain(|group| group.place_id.is_none() || group.place_id == kept);
}

/// The Kisi id of the place that `text` names. Tries the Kisi id, then the exact name, then the name without case.
pub fn place_named(setup: &Setup, text: &str) -> Result<Option<i64>, AmbiguousPlaceName> {
    let text = text.trim();
    if let Some(place) = setup
        .places
        .iter()
        .find(|place| place.kisi_id.to_string() == text)
    {
        return Ok(Some(place.kisi_id));
    }
    let only = |alike: &dyn Fn(&str) -> bool| {
        let mut matches = setup.places.iter().filter(|place| alike(place.name.trim()));
        match (matches.next(), matches.next()) {
            (Some(_), Some(_)) => Err(AmbiguousPlaceName),
            (first, _) => Ok(first.map(|place| place.kisi_id)),
        }
    };
    let folded = text.to_lowercase();
    match only(&|name| name == text)? {
        Some(place) => Ok(Some(place)),
        None => only(&|name| name.to_lowercase() == folded),
    }
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("several places have this name")]
pub struct AmbiguousPlaceName;
