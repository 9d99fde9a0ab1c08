//! The objects that Spacebring's webhooks name, for the reader of its API. Pure.

use crate::ingest::statement::Reads;

/// The nouns of the objects that can be read alone.
const NOUNS: [&str; 4] = ["booking", "subscription", "membership", "company"];

/// What an event about this object asks to be read: the object, or everything.
pub fn reads(kind: &str, id: Option<&str>) -> Reads {
    let object = object(kind, id);
    object.map_or(Reads::Everything, |object| Reads::Objects(vec![object]))
}

fn object(kind: &str, id: Option<&str>) -> Option<String> {
    let noun = kind.split('.').next().unwrap_or_default();
    let id = id.filter(|id| NOUNS.contains(&noun) && is_plain(id))?;
    Some(format!("{noun}:{id}"))
}

/// Whether an id can be a part of a path: ids of Spacebring are UUIDs, those of occurrences have a date added.
fn is_plain(id: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_:.+".contains(c);
    let begins = id.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins && id.len() <= 100 && id.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_with_plain_ids_are_read_alone() {
        let object = |kind: &str, id: &str| object(kind, Some(id));
        assert_eq!(
            object("booking.created", "b-1"),
            Some("booking:b-1".to_owned())
        );
        assert_eq!(
            object("booking.deleted", "b1_2026-03-01T09:00:00.000Z"),
            Some("booking:b1_2026-03-01T09:00:00.000Z".to_owned())
        );
        assert_eq!(
            object("subscription.updated", "s1"),
            Some("subscription:s1".to_owned())
        );
        for id in ["", "..", "../x", "a/b", "a?b", "a b", &"a".repeat(101)] {
            assert_eq!(object("booking.created", id), None, "{id}");
        }
        assert_eq!(object("shop.order.created", "o1"), None);
        assert_eq!(super::object("booking.created", None), None);
    }
}
