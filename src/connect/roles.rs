//! Which roles this service gives by itself, for what is shared: those that open doors and can do nothing else.
//!
//! Promises that a role is only taken when everything that Kisi says of it is known to be harmless: a permission that is not known
//! counts as more than doors, and so does whatever the organization made itself, since it can change under our hands. Called
//! when an account is connected and whenever its setup is read.

use crate::{kisi::Role, store::row::KisiAccount};

/// The permission that opens doors.
const OPENS: &str = "locks_unlock";
/// All that such a role may do: open doors and see which there are.
const DOORS_ONLY: [&str; 2] = [OPENS, "locks_read"];

/// The roles of an organization that can do nothing but open doors; none where it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoorRoles {
    /// For the doors of a place.
    pub place: Option<String>,
    /// For the doors of the whole organization.
    pub organization: Option<String>,
}

impl DoorRoles {
    /// Of all roles that Kisi lists.
    pub fn of(roles: &[Role]) -> Self {
        Self {
            place: least(roles, "Place"),
            organization: least(roles, "Organization"),
        }
    }

    /// As they were judged when the account was last read; `None` where no version that judges so has read it yet.
    pub fn of_account(account: &KisiAccount) -> Option<Self> {
        account.roles_judged_at.map(|_| Self {
            place: account.place_role.clone(),
            organization: account.organization_role.clone(),
        })
    }
}

/// Of several the one that allows the least, and of equals the first by id.
fn least(roles: &[Role], applies_to: &str) -> Option<String> {
    roles
        .iter()
        .filter(|role| role.applies_to == applies_to && opens_doors_alone(role))
        .min_by_key(|role| (allowed(role).count(), &role.id))
        .map(|role| role.id.clone())
}

fn opens_doors_alone(role: &Role) -> bool {
    !role.custom
        && role.permissions.get(OPENS) == Some(&Some(true))
        && allowed(role).all(|name| DOORS_ONLY.contains(&name))
}

/// What a role allows, or may allow for all that is known.
fn allowed(role: &Role) -> impl Iterator<Item = &str> {
    role.permissions
        .iter()
        .filter(|(_, allowed)| **allowed != Some(false))
        .map(|(name, _)| name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(id: &str, applies_to: &str, allowed: &[(&str, Option<bool>)]) -> Role {
        Role {
            id: id.to_owned(),
            applies_to: applies_to.to_owned(),
            custom: false,
            permissions: allowed
                .iter()
                .map(|(name, allowed)| ((*name).to_owned(), *allowed))
                .collect(),
        }
    }

    #[test]
    fn only_a_role_that_does_nothing_but_open_doors_is_taken() {
        let (yes, no) = (Some(true), Some(false));
        let own = Role {
            custom: true,
            ..role("aaa", "Place", &[(OPENS, yes)])
        };
        let roles = [
            own,
            role(
                "manager",
                "Place",
                &[(OPENS, yes), ("role_assignments_write", yes)],
            ),
            role("reader", "Place", &[(OPENS, yes), ("users_read", yes)]),
            role("unknown", "Place", &[(OPENS, yes), ("teleport", yes)]),
            role("unclear", "Place", &[(OPENS, yes), ("users_write", None)]),
            role("viewer", "Place", &[("locks_read", yes)]),
            role("silent", "Place", &[]),
            role(
                "everything",
                "Organization",
                &[(OPENS, yes), ("places_write", yes)],
            ),
        ];
        assert_eq!(DoorRoles::of(&roles), DoorRoles::default());
        let second = role("second", "Place", &[(OPENS, yes), ("users_write", no)]);
        let sees = role("first", "Place", &[(OPENS, yes), ("locks_read", yes)]);
        let all = [&roles[..], &[sees, second]].concat();
        assert_eq!(DoorRoles::of(&all).place.as_deref(), Some("second"));
    }
}
