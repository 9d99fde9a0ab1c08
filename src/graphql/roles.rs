//! The permissions of each role, by type and field. A field without an entry is closed to member sessions, and a mutation
//! without an entry is open to ADMIN alone.
//!
//! Permissions depend on names alone, so an operation is authorized once, on its document, before execution. What an argument
//! may refer to is checked by the resolver.

use async_graphql::{ErrorExtensionValues, ServerError, ServerResult, Value};

use super::field_analysis::RefusedField;
use crate::store::row::Role;

/// Mutations that APP may use. ADMIN may use all, READER none.
const OF_APP: [&str; 2] = ["createMemberSession", "unlock"];

/// Mutations that DESK may use. The resolvers limit what it may share, and which suspensions it may lift.
const OF_DESK: [&str; 5] = [
    "unlock",
    "shareAccess",
    "endShare",
    "suspendMember",
    "resumeMember",
];

/// Fields that only ADMIN may use, because they call Kisi, show what a sender says of people, list credentials, or prepare what only ADMIN may do.
const OF_ADMIN: [(&str, &str); 10] = [
    ("Query", "previewGroup"),
    ("Query", "pendingInvitations"),
    ("Query", "previewMapping"),
    ("Query", "suggestRules"),
    ("Query", "exportMember"),
    ("Query", "tokens"),
    ("Query", "staffSessions"),
    ("Query", "webhookEndpoints"),
    ("Query", "webhookMessages"),
    ("Delivery", "body"),
];

/// Types of which only ADMIN may read anything, however it is reached: credentials, and URLs, which can contain secrets.
const TYPES_OF_ADMIN: [&str; 4] = [
    "Token",
    "WebhookEndpoint",
    "WebhookMessage",
    "WebhookAttempt",
];

/// Mutations that a member session may use.
const OF_MEMBER: [&str; 1] = ["unlock"];

/// Refuses an operation with fields that the role may not resolve: FORBIDDEN, with the path of each of them.
///
/// # Errors
///
/// If any field is refused.
pub fn authorize(role: Role, refused: &[RefusedField<'_>]) -> ServerResult<()> {
    let Some(first) = refused.first() else {
        return Ok(());
    };
    let message = match role {
        Role::App | Role::Desk | Role::Reader if is_of_admin(first.parent, first.name) => {
            "this needs a token with the role ADMIN"
        }
        Role::Admin => "this is permitted to no role",
        Role::App => "a token with the role APP can only read, open member sessions and unlock",
        Role::Desk => {
            "a token with the role DESK can only read, unlock, share for a day and suspend"
        }
        Role::Reader => "a token with the role READER can only read",
        Role::Member => "a member session can read only its own member and that member's doors",
    };
    let mut error = ServerError::new(message, None);
    error.locations = refused.iter().map(|field| field.position).collect();
    let path = |field: &RefusedField<'_>| field.path.iter().copied().map(Value::from).collect();
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", "FORBIDDEN");
    extensions.set("paths", Value::List(refused.iter().map(path).collect()));
    error.extensions = Some(extensions);
    Err(error)
}

/// All roles, the most powerful first.
pub const ALL: [(&str, Role); 5] = [
    ("ADMIN", Role::Admin),
    ("APP", Role::App),
    ("DESK", Role::Desk),
    ("READER", Role::Reader),
    ("MEMBER", Role::Member),
];

/// Whether a role may resolve a field of a type.
pub fn may(role: Role, parent: &str, field: &str) -> bool {
    let changes = parent == "Mutation";
    match role {
        Role::Admin => true,
        Role::App if changes => OF_APP.contains(&field),
        Role::Desk if changes => OF_DESK.contains(&field),
        Role::App | Role::Desk => !is_of_admin(parent, field),
        Role::Reader => !changes && !is_of_admin(parent, field),
        Role::Member => seen_by_member(parent).contains(&field) || parent.starts_with("__"),
    }
}

fn is_of_admin(parent: &str, field: &str) -> bool {
    OF_ADMIN.contains(&(parent, field)) || TYPES_OF_ADMIN.contains(&parent)
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
            "node", "nodes", "viewer", "club", "member", "explain", "history", "__schema", "__type",
        ],
    ),
    ("Mutation", &OF_MEMBER),
    ("Subscription", &["accessEvents"]),
    (
        "AccessEvent",
        &["id", "at", "kind", "member", "target", "message"],
    ),
    (
        "AccessEventConnection",
        &["edges", "nodes", "pageInfo", "totalCount"],
    ),
    ("AccessEventEdge", &["cursor", "node"]),
    (
        "PageInfo",
        &["hasNextPage", "hasPreviousPage", "startCursor", "endCursor"],
    ),
    ("Node", &["id"]),
    ("AccessPoint", &["id", "name"]),
    (
        "Viewer",
        &[
            "role",
            "tokenName",
            "member",
            "expiresAt",
            "queries",
            "mutations",
            "subscriptions",
        ],
    ),
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
            "timeline",
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
        &[
            "target",
            "at",
            "allowed",
            "until",
            "code",
            "offerings",
            "edge",
            "message",
        ],
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
    ("AccessTimeline", &["target", "segments"]),
    ("AccessSegment", &["from", "until", "shares"]),
    ("Fix", &["code", "by", "offerings", "edge", "message"]),
    (
        "UnlockPayload",
        &["unlocked", "lock", "decision", "kisiCode", "userErrors"],
    ),
    ("UserError", &["code", "message", "field"]),
];
