//! One event, read leniently: Kisi documents a sample and a list of types, and more keys may come. What is missing is
//! missing; only what is no object, or has no type, is not understood.

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The types that are asked for.
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

/// See the module.
#[derive(Clone, Debug)]
pub struct Event {
    /// Tells an event from every other; where Kisi names none, made from the body.
    pub key: String,
    /// What kind of thing happened.
    pub what: What,
    /// Who did it: Kisi's id, where it is a user.
    pub actor: Option<i64>,
    /// How whoever did it is called.
    pub actor_name: Option<String>,
    /// Their address.
    pub actor_email: Option<String>,
    /// What it happened to, by Kisi's id.
    pub object: Option<i64>,
    /// Whose assignment it is about, by Kisi's id of the user.
    pub assignee: Option<i64>,
    /// The same, by address.
    pub assignee_email: Option<String>,
    /// Whether it came off.
    pub success: bool,
    /// Why not, as Kisi says it.
    pub why: Option<String>,
    /// When, by Kisi's clock.
    pub at: Option<Timestamp>,
}

/// What an event is to us.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Somebody tried a door.
    Unlock,
    /// An assignment was made or changed.
    Assigned,
    /// An assignment is gone.
    Unassigned,
    /// Something about a person.
    Person,
    /// Something about places, locks, groups, or which group opens which lock.
    Setup,
    /// An integration was changed, or is in trouble.
    Integration,
    /// An integration sends nothing any more.
    IntegrationOff,
    /// Nothing that matters here.
    Other,
}

impl Event {
    /// Reads a body; none where it is no event.
    pub fn read(body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let text = |path: &str| {
            let found = value.pointer(path)?.as_str()?.trim();
            (!found.is_empty()).then(|| found.to_owned())
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
            what: What::of(&kind),
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
            why,
            at: text("/created_at").and_then(|at| at.parse().ok()),
        })
    }
}

impl What {
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
        assert_eq!(event.what, What::Unlock);
        assert_eq!((event.actor, event.object), (Some(881_001), Some(2006)));
        assert!(event.success && event.why.is_none() && event.key == "d7cf0237");
        assert_eq!(event.at, "2022-10-06T13:49:35Z".parse().ok());
    }

    #[test]
    fn what_is_missing_is_missing() {
        let one = Event::read(br#"{"type":"lock.unlock","success":false,"error_code":"bb4faa"}"#)
            .unwrap();
        assert_eq!(one.why.as_deref(), Some("bb4faa"));
        assert!(one.key.len() == 64 && one.actor.is_none() && !one.success);
        let link = br#"{"type":"lock.unlock","actor_type":"GroupLink","actor_id":7,"actor_name":"Gate link"}"#;
        assert_eq!(Event::read(link).unwrap().actor, None, "no user");
        for body in [&b"[]"[..], b"{}", b"nonsense", br#"{"type":7}"#] {
            assert!(Event::read(body).is_none());
        }
        for kind in TYPES {
            assert_ne!(What::of(kind), What::Other, "{kind}");
        }
        assert_eq!(
            What::of("lock.opened"),
            What::Other,
            "a door that is used is no change of the setup"
        );
    }
}
