//! Selects the Kisi roles that this service assigns for shares: those that can only open doors.
//!
//! A role is selected only if every permission that Kisi lists for it is known and harmless. An unknown permission disqualifies
//! a role, and so does being a custom role, because the organization can change it later. Called when an account is connected
//! and whenever its setup is read.

use crate::{kisi::Role, store::row::KisiAccount};

/// The permission that opens doors.
const OPENS: &str = "locks_unlock";
/// All permissions that a door role may have: unlock doors and list them.
const DOORS_ONLY: [&str; 2] = [OPENS, "locks_read"];

/// The door-only roles of an organization, as Kisi role ids. `None` if it has no such role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoorRoles {
    /// For the doors of a place.
    pub place: Option<String>,
    /// For the doors of the whole organization.
    pub organization: Option<String>,
}

impl DoorRoles {
    /// Selects from all roles that Kisi lists.
    pub fn of(roles: &[Role]) -> Self {
        Self {
            place: least(roles, "Place"),
            organization: least(roles, "Organization"),
        }
    }

    /// The roles stored when the account was last read; `None` if only a version without this selection has read it.
    pub fn of_account(account: &KisiAccount) -> Option<Self> {
        account.roles_judged_at.map(|_| Self {
            place: account.place_role.clone(),
            organization: account.organization_role.clone(),
        })
    }
}

/// The door-only role with the fewest permissions; of equals, the first by id.
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

/// The permissions that Kisi does not state as denied: granted or unclear.
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
