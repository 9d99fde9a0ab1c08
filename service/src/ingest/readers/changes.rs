//! The differences between two readings of a platform as canonical events: new and changed rows are updates, rows that are no
//! longer listed are deletions. Pure. So a reading after an event reports only what the event was about.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::ingest::values;

/// The lists of a roster, and the noun of each list's event types.
const LISTS: [(&str, &str); 5] = [
    ("companies", "company"),
    ("members", "member"),
    ("memberships", "membership"),
    ("registrations", "registration"),
    ("purchases", "purchase"),
];

/// The types and data of the events that lead from one reading to the next; none if the two cannot be compared, so that the next
/// reading has to be stored as a whole snapshot.
pub fn between(before: &Value, after: &Value) -> Option<Vec<(String, Value)>> {
    let mut events = Vec::new();
    let mut gone = Vec::new();
    for (list, noun) in LISTS {
        let (old, new) = match (before.get(list), after.get(list)) {
            (None, None) => continue,
            (Some(old), Some(new)) => (by_id(old)?, by_id(new)?),
            _ => return None,
        };
        let changed = new.iter().filter(|(id, row)| old.get(*id) != Some(*row));
        events.extend(changed.map(|(_, row)| (format!("{noun}.updated"), (*row).clone())));
        let missing = old.keys().filter(|id| !new.contains_key(*id));
        gone.extend(missing.map(|id| (format!("{noun}.deleted"), json!({ "id": id }))));
    }
    events.extend(gone);
    Some(events)
}

/// None if two rows have the same id, or a row has no id.
fn by_id(list: &Value) -> Option<BTreeMap<String, &Value>> {
    let mut rows = BTreeMap::new();
    for row in list.as_array()? {
        let id = values::id(row.get("id"))?;
        if rows.insert(id, row).is_some() {
            return None;
        }
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_new_changed_and_missing_rows_become_events() {
        let before = json!({ "members": [{ "id": 1, "name": "Ann" }, { "id": 2, "name": "Bob" }, { "id": 3 }], "memberships": [] });
        let after = json!({ "members": [{ "id": 1, "name": "Ann" }, { "id": 2, "name": "Rob" }, { "id": "4" }], "memberships": [{ "id": "m" }] });
        let events = between(&before, &after).unwrap();
        let events: Vec<_> = events
            .iter()
            .map(|(kind, data)| (kind.as_str(), data["id"].to_string()))
            .collect();
        assert_eq!(
            events,
            [
                ("member.updated", "2".to_owned()),
                ("member.updated", "\"4\"".to_owned()),
                ("membership.updated", "\"m\"".to_owned()),
                ("member.deleted", "\"3\"".to_owned()),
            ]
        );
        assert_eq!(between(&after, &after), Some(Vec::new()));
    }

    #[test]
    fn readings_that_cannot_be_compared_give_none() {
        let good = json!({ "members": [{ "id": 1 }] });
        for other in [
            json!({}),
            json!({ "members": [{ "id": 1 }], "memberships": [] }),
            json!({ "members": [{ "id": 1 }, { "id": "1" }] }),
            json!({ "members": [{ "name": "nobody" }] }),
            json!({ "members": {} }),
        ] {
            assert_eq!(between(&good, &other), None, "{other}");
            assert_eq!(between(&other, &good), None, "{other}");
        }
    }
}
