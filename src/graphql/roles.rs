//! The permission table: which role may resolve which field of which type. It is checked for all fields of a document before
//! execution. A field that is not listed is closed to member sessions, and a mutation that is not listed is open to ADMIN only.
//!
//! A decision depends only on the names of type and field; the resolvers check arguments. It neither allocates nor queries
//! the database when it allows a field, because it runs often.

use async_graphql::{Error, extensions::ExtensionContext};

use super::error::forbidden;
use crate::{auth::Caller, store::row::Role};

/// Mutations that APP may use. ADMIN may use all, READER none.
const OF_APP: [&str; 2] = ["createMemberSession", "unlock"];

/// Queries that only ADMIN may use, because they call Kisi.
const OF_ADMIN: [&str; 1] = ["previewGroup"];

/// Mutations that a member session may use.
const OF_MEMBER: [&str; 1] = ["unlock"];

/// Returns FORBIDDEN if the caller's role may not resolve the field of the type.
pub fn law(context: &ExtensionContext<'_>, parent: &str, field: &str) -> Result<(), Error> {
    let role = context.data_opt::<Caller>().map(|caller| caller.role);
    if role.is_some_and(|role| may(role, parent, field)) {
        return Ok(());
    }
    if is_of_admin(parent, field) && role != Some(Role::Member) {
        return Err(forbidden("this needs a token with the role ADMIN"));
    }
    Err(forbidden(match role {
        Some(Role::Admin) | None => "this needs a token",
        Some(Role::App) => {
            "a token with the role APP can only read, open member sessions and unlock"
        }
        Some(Role::Reader) => "a token with the role READER can only read",
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

/// The fields that a member session may read, by type: about the member, its doors and why access to them is denied. No text for
/// staff, nothing about how the club is set up, and no edge to other members.
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
