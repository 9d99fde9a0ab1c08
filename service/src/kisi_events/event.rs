//! Parses a Kisi event leniently: Kisi documents only a sample and a list of types. Missing keys become `None`, additional
//! keys are ignored; a body without a type is no event.

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The event types that Latchkey subscribes to.
pub const TYPES: &[&str] = &[
    "lock.unlock",
    "lock.create",
    "lock.update",
    "lock.destroy",
    "group.create",
    "group.update",
    "group.destroy",
    "group_lock.create",
    "group_lock.destroy",
    "place.create",
    "place.update",
    "place.destroy",
    "role_assignment.create",
    "role_assignment.update",
    "role_assignment.destroy",
    "user.create",
    "user.update",
    "user.destroy",
    "integration.update",
    "integration.destroy",
    "integration.warn_due_to_error",
    "integration.disable_due_to_error",
];

#[derive(Clone, Debug)]
pub struct Event {
    /// Unique per event, for deduplication: Kisi's uuid, else the SHA-256 of the body.
    pub key: String,
    pub kind: EventKind,
    /// Kisi's id of the user that caused it; `None` if it was not a user.
    pub actor: Option<i64>,
    pub actor_name: Option<String>,
    pub actor_email: Option<String>,
    /// Kisi's id of the object that it happened to.
    pub object: Option<i64>,
    /// Kisi's id of the user whose assignment it is about.
    pub assignee: Option<i64>,
    /// The e-mail address of the same user.
    pub assignee_email: Option<String>,
    /// `true` if Kisi does not say.
    pub success: bool,
    /// Kisi's reason for a failure, with its code.
    pub failure_reason: Option<String>,
    /// By Kisi's clock.
    pub at: Option<Timestamp>,
}

/// The kind of an event, as far as Latchkey reacts to it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// An attempt to unlock a door.
    Unlock,
    /// An assignment was created or changed.
    Assigned,
    /// An assignment was deleted.
    Unassigned,
    /// A change of a user.
    Person,
    /// A change of places, locks, groups, or the locks of a group.
    Setup,
    /// An integration was changed, or has delivery errors.
    Integration,
    /// An integration was deleted or disabled.
    IntegrationOff,
    Other,
}

impl Event {
    /// Parses a body; `None` if it is no event.
    pub fn read(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let text = |path: &str| {
            let text = value.pointer(path)?.as_str()?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let number = |path: &str| match value.pointer(path)? {
            Value::Number(number) => number.as_i64(),
            Value::String(digits) => digits.parse().ok(),
            _ => None,
        };
        let kind = text("/type")?;
        let key = text("/uuid").unwrap_or_else(|| hex::encode(Sha256::digest(body)));
        let is_user = text("/actor_type").is_none_or(|kind| kind == "User");
        let assigned = text("/object/assignee_type").is_none_or(|kind| kind == "User");
        let error = text("/error_message").or_else(|| text("/message"));
        let code = text("/error_code");
        let why = match (error, code) {
            (Some(error), Some(code)) => Some(format!("{error} (code {code})")),
            (error, code) => error.or(code),
        };
        Some(Self {
            key,
            kind: EventKind::of(&kind),
            actor: number("/actor_id").filter(|_| is_user),
            actor_name: text("/actor_name"),
            actor_email: text("/actor_email").filter(|_| is_user),
            object: number("/object_id"),
            assignee: number("/object/assignee_id")
                .or_else(|| number("/object/user_id"))
                .filter(|_| assigned),
            assignee_email: text("/object/assignee/email").or_else(|| text("/object/user/email")),
            success: value
                .pointer("/success")
                .and_then(Value::as_bool)
                .unwrap_or(true),
            failure_reason: why,
            at: text("/created_at").and_then(|at| at.parse().ok()),
        })
    }
}

impl EventKind {
    fn of(kind: &str) -> Self {
        match kind {
            "lock.unlock" => Self::Unlock,
            "role_assignment.create" | "role_assignment.update" => Self::Assigned,
            "role_assignment.destroy" => Self::Unassigned,
            "integration.destroy" | "integration.disable_due_to_error" => Self::IntegrationOff,
            _ => match kind.split_once('.') {
                Some(("user" | "member", _)) => Self::Person,
                Some(("lock" | "place" | "group", "create" | "update" | "destroy"))
                | Some(("group_lock", _)) => Self::Setup,
                Some(("integration", _)) => Self::Integration,
                _ => Self::Other,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_sample_is_read() {
        let body = br#"{"uuid":"d7cf0237","actor_type":"User","actor_id":881001,"actor_name":"Ada L",
            "object_type":"Lock","object_id":2006,"object_name":"Front door","organization_id":18,"place_id":46,
            "success":true,"type":"lock.unlock","error_code":null,"error_message":null,
            "created_at":"2022-10-06T13:49:35Z","something":{"new":1}}"#;
        let event = Event::read(body).unwrap();
        assert_eq!(event.kind, EventKind::Unlock);
        assert_eq!((event.actor, event.object), (Some(881_001), Some(2006)));
        assert!(event.success && event.failure_reason.is_none() && event.key == "d7cf0237");
        assert_eq!(event.at, "2022-10-06T13:49:35Z".parse().ok());
    }

    #[test]
    fn missing_keys_are_none() {
        let event = Event::read(br#"{"type":"lock.unlock","success":false,"error_code":"bb4faa"}"#)
            .unwrap();
        assert_eq!(event.failure_reason.as_deref(), Some("bb4faa"));
        assert!(event.key.len() == 64 && event.actor.is_none() && !event.success);
        let link = br#"{"type":"lock.unlock","actor_type":"GroupLink","actor_id":7,"actor_name":"Gate link"}"#;
        assert_eq!(Event::read(link).unwrap().actor, None, "no user");
        for body in [&b"[]"[..], b"{}", b"nonsense", br#"{"type":7}"#] {
            assert!(Event::read(body).is_none());
        }
        for kind in TYPES {
            assert_ne!(EventKind::of(kind), EventKind::Other, "{kind}");
        }
        assert_eq!(
            EventKind::of("lock.opened"),
            EventKind::Other,
            "an opened door is no change of the setup"
        );
    }
}
