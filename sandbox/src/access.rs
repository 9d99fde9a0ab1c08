//! Roles and permissions: which calls a user may make, and which doors a user may open when.
//!
//! Contract: the same decision for unlocking, for the list of a user's locks and for `Sandbox::may_open`;
//! an assignment is effective only in its window. Restrictions are not considered here but in `unlock`.
//! Called by `unlock`, `oracle`, `http`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Outcome, Refusal};
use super::http::Request;
use super::rows::{Assignment, Target};
use super::state::State;

/// A built-in role: what it applies to, its permissions and its rank.
#[derive(Debug)]
pub(super) struct Role {
    pub id: &'static str,
    pub applies_to: &'static str,
    name: &'static str,
    /// A caller cannot assign a role with a higher rank than their own.
    pub rank: u8,
    reads: bool,
    writes: &'static [&'static str],
    opens: bool,
}

const EVERYTHING: &[&str] = &[
    "users",
    "role_assignments",
    "places",
    "locks",
    "groups",
    "group_locks",
    "group_links",
    "logins",
    "integrations",
    "schedules",
];
const READABLE: &[&str] = &[
    "users",
    "role_assignments",
    "places",
    "locks",
    "groups",
    "group_locks",
    "group_links",
    "logins",
    "events",
    "integrations",
    "schedules",
];

const fn role(id: &'static str, applies_to: &'static str, name: &'static str, rank: u8) -> Role {
    Role {
        id,
        applies_to,
        name,
        rank,
        reads: false,
        writes: &[],
        opens: true,
    }
}

/// All roles.
pub(super) const ROLES: &[Role] = &[
    role("group_basic", "Group", "Basic", 0),
    Role {
        reads: true,
        writes: &["role_assignments", "group_links"],
        ..role("group_manager", "Group", "Manager", 1)
    },
    role("place_basic", "Place", "Basic", 0),
    Role {
        reads: true,
        writes: &["role_assignments", "groups", "group_locks", "group_links"],
        ..role("place_access_manager", "Place", "Access manager", 2)
    },
    Role {
        reads: true,
        writes: &[
            "role_assignments",
            "locks",
            "groups",
            "group_locks",
            "group_links",
            "schedules",
        ],
        ..role("place_administrator", "Place", "Administrator", 3)
    },
    role("organization_basic", "Organization", "Basic", 0),
    Role {
        reads: true,
        opens: false,
        ..role("organization_observer", "Organization", "Observer", 1)
    },
    Role {
        reads: true,
        writes: EVERYTHING,
        ..role(
            "organization_administrator",
            "Organization",
            "Administrator",
            4,
        )
    },
    Role {
        reads: true,
        writes: EVERYTHING,
        ..role("organization_owner", "Organization", "Owner", 5)
    },
];

impl Role {
    fn permits(&self, permission: &str) -> bool {
        if permission == "locks_unlock" {
            return self.opens;
        }
        match permission.rsplit_once('_') {
            Some((noun, "read")) => self.reads && READABLE.contains(&noun),
            Some((noun, "write")) => self.writes.contains(&noun),
            _ => false,
        }
    }

    fn render(&self) -> Value {
        let mut permissions = Map::new();
        permissions.insert("locks_unlock".to_owned(), self.opens.into());
        for noun in READABLE {
            let name = format!("{noun}_read");
            permissions.insert(name.clone(), self.permits(&name).into());
        }
        for noun in EVERYTHING {
            let name = format!("{noun}_write");
            permissions.insert(name.clone(), self.permits(&name).into());
        }
        json!({
            "id": self.id, "resource_type": "Role", "applies_to": self.applies_to,
            "name": self.name, "description": null, "custom": false,
            "permissions": permissions, "custom_role_id": null,
        })
    }
}

/// The roles that the organization has; depends on the switch `door_roles`.
pub(super) fn roles(state: &State) -> impl Iterator<Item = &'static Role> {
    let has_all = state.switches.door_roles;
    let is_of_doors = |role: &Role| role.rank == 0 && role.applies_to != "Group";
    ROLES
        .iter()
        .filter(move |role| has_all || !is_of_doors(role))
}

pub(super) fn role_named(id: &str) -> Option<&'static Role> {
    ROLES.iter().find(|role| role.id == id)
}

/// Handles `/roles`.
pub(super) fn route(state: &State, request: &Request<'_>, rest: &[&str]) -> Outcome {
    request.caller()?;
    match (request.method, rest) {
        ("GET", []) => Ok(Answer::Many {
            rows: roles(state).map(Role::render).collect(),
            range: None,
        }),
        ("GET", [id]) => roles(state)
            .find(|role| role.id == *id)
            .map(|role| Answer::One(role.render()))
            .ok_or_else(Refusal::not_found),
        _ => Err(Refusal::no_endpoint()),
    }
}

/// Whether a role on the organization grants this permission. In the sandbox, roles on places and
/// groups only open doors.
pub(super) fn permits(state: &State, user: i64, permission: &str) -> bool {
    organization_roles(state, user).any(|role| role.permits(permission))
}

/// The rank of the user's highest role on the organization.
pub(super) fn rank(state: &State, user: i64) -> u8 {
    organization_roles(state, user)
        .map(|role| role.rank)
        .max()
        .unwrap_or(0)
}

fn organization_roles(state: &State, user: i64) -> impl Iterator<Item = &'static Role> {
    let on_it = |row: &Assignment| row.target == Target::Organization;
    state
        .assignments_of(user)
        .filter(move |(_, row)| on_it(row))
        .filter_map(|(_, row)| role_named(&row.role))
}

/// The result of a user's assignments for a door at one instant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DoorAccess {
    /// Access by these groups, and, if `above`, by a role on the place or the organization.
    Open {
        groups: Vec<i64>,
        above: bool,
    },
    /// `access_enabled` is off.
    Disabled,
    NotYet,
    NoLonger,
    Never,
}

/// Evaluates the assignments of a user for a door.
pub(super) fn door_access(state: &State, user: i64, lock: i64, at: Timestamp) -> DoorAccess {
    let (Some(person), Some(door)) = (state.users.get(user), state.locks.get(lock)) else {
        return DoorAccess::Never;
    };
    if !person.access_enabled {
        return DoorAccess::Disabled;
    }
    let (mut groups, mut above, mut early, mut late) = (Vec::new(), false, false, false);
    for (_, row) in state.assignments_of(user) {
        let covers = match row.target {
            Target::Organization => true,
            Target::Place(place) => place == door.place,
            Target::Group(group) => state.group_has(group, lock),
        };
        if !covers || !role_named(&row.role).is_some_and(|role| role.opens) {
            continue;
        }
        if row.window.from.is_some_and(|from| at < from.timestamp()) {
            early = true;
        } else if row
            .window
            .until
            .is_some_and(|until| at >= until.timestamp())
        {
            late = true;
        } else if let Target::Group(group) = row.target {
            groups.push(group);
        } else {
            above = true;
        }
    }
    if above || !groups.is_empty() {
        DoorAccess::Open { groups, above }
    } else if early {
        DoorAccess::NotYet
    } else if late {
        DoorAccess::NoLonger
    } else {
        DoorAccess::Never
    }
}
