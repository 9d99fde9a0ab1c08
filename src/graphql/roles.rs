//! Who may resolve what: the one table of the house. It is asked for every field of every type, by the guard when it is its
//! turn or from the text of a query beforehand: so a field which nobody thought of is closed to member sessions, and a
//! mutation which nobody thought of is open to ADMIN alone.
//!
//! Promises an answer that hangs on the names alone: what an argument may name is the resolver's to say. Never allocates
//! and never asks the database: it runs for each field of each element of each list.

use async_graphql::{Error, extensions::ExtensionContext};

use super::error::forbidden;
use crate::{auth::Caller, store::row::Role};

/// What APP may change; ADMIN may everything, READER nothing.
const OF_APP: [&str; 2] = ["createMemberSession", "unlock"];

/// What ADMIN alone may ask: it reads Kisi.
const OF_ADMIN: [&str; 1] = ["previewGroup"];

/// What a member session may change.
const OF_MEMBER: [&str; 1] = ["unlock"];

/// The law of the executor: an error where whoever asks may not resolve the field of the type.
pub fn law(context: &ExtensionContext<'_>, parent: &str, field: &str) -> Result<(), Error> {
    let role = context.data_opt::<Caller>().map(|caller| caller.role);
    if role.is_some_and(|role| may(role, parent, field)) {
        return Ok(());
    }
    if is_of_admin(parent, field) && role != Some(Role::Member) {
        return Err(forbidden("this needs a token with the role ADMIN"));
    }
    Err(forbidden(match role {
        Some(Role::Admin) | None => "nobody may",
        Some(Role::App) => {
            "a token with the role APP reads, opens member sessions and unlocks alone"
        }
        Some(Role::Reader) => "a token with the role READER reads alone",
        Some(Role::Member) => {
            "a member session can read only its own member and that member's doors"
        }
    }))
}

/// Whether a role may resolve a field of a type.
pub fn may(role: Role, parent: &str, field: &str) -> bool {
    let changes = parent == "Mutation";
    match role {
        Role::Admin => true,
        Role::App if changes => OF_APP.contains(&field),
        Role::App => !is_of_admin(parent, field),
        Role::Reader => !changes && !is_of_admin(parent, field),
        Role::Member => seen_by_member(parent).contains(&field) || parent.starts_with("__"),
    }
}

fn is_of_admin(parent: &str, field: &str) -> bool {
    parent == "Query" && OF_ADMIN.contains(&field)
}

fn seen_by_member(parent: &str) -> &'static [&'static str] {
    SEEN_BY_MEMBER
        .iter()
        .find(|(of, _)| *of == parent)
        .map_or(&[], |(_, fields)| fields)
}

/// What a member session may see, by type: itself, its doors and why they are shut. Nothing that is written for staff,
/// nothing of how the club is set up, and no edge that leads to anybody else.
const SEEN_BY_MEMBER: &[(&str, &[&str])] = &[
    (
        "Query",
        &[
            "node", "nodes", "viewer", "club", "member", "explain", "__schema", "__type",
        ],
    ),
    ("Mutation", &OF_MEMBER),
    ("Subscription", &["accessEvents"]),
    (
        "AccessEvent",
        &["id", "at", "kind", "member", "target", "message"],
    ),
    ("Node", &["id"]),
    ("Viewer", &["role", "tokenName", "member"]),
    ("Club", &["id", "name", "timeZone", "unlockVisibility"]),
    (
        "Member",
        &[
            "id",
            "name",
            "email",
            "companies",
            "entitlements",
            "access",
            "doors",
            "shares",
            "suspension",
        ],
    ),
    ("Company", &["id", "name"]),
    (
        "Door",
        &["lock", "until", "remoteUnlockable", "unlockRestrictions"],
    ),
    (
        "Lock",
        &[
            "id",
            "kisiId",
            "name",
            "description",
            "place",
            "online",
            "remoteUnlockable",
            "unlockRestrictions",
        ],
    ),
    ("Group", &["id", "name", "description", "place"]),
    ("Place", &["id", "name", "timeZone"]),
    ("KisiAccount", &["id", "name"]),
    (
        "Entitlement",
        &[
            "id",
            "offering",
            "location",
            "company",
            "startsAt",
            "endsAt",
            "updatedAt",
        ],
    ),
    (
        "Membership",
        &[
            "id",
            "offering",
            "location",
            "company",
            "startsAt",
            "endsAt",
            "updatedAt",
            "status",
            "blocked",
        ],
    ),
    (
        "Registration",
        &[
            "id",
            "offering",
            "location",
            "company",
            "startsAt",
            "endsAt",
            "updatedAt",
            "status",
            "asGuest",
        ],
    ),
    (
        "Purchase",
        &[
            "id",
            "offering",
            "location",
            "company",
            "startsAt",
            "endsAt",
            "updatedAt",
            "status",
        ],
    ),
    ("Block", &["reason", "since"]),
    ("Offering", &["id", "kind", "name"]),
    ("Location", &["id", "name", "timeZone"]),
    ("Share", &["id", "scope", "from", "until", "createdAt"]),
    ("Suspension", &["id", "until", "createdAt"]),
    (
        "AccessDecision",
        &["target", "at", "allowed", "until", "code", "message"],
    ),
    (
        "Explanation",
        &[
            "decision",
            "shares",
            "suspension",
            "unlockRestrictions",
            "fixes",
            "nextChangeAt",
        ],
    ),
    ("Fix", &["code", "by", "message"]),
    (
        "UnlockPayload",
        &["unlocked", "lock", "decision", "kisiCode", "userErrors"],
    ),
    ("UserError", &["code", "message", "field"]),
];
