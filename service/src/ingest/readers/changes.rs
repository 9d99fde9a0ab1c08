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

/// The list of what the platform sells: a reading may lack it, and its ids are unique within a kind.
pub const OFFERINGS: &str = "offerings";

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
    let (old, new) = (offerings(before)?, offerings(after)?);
    let changed = new.iter().filter(|(key, row)| old.get(*key) != Some(*row));
    let rows = changed.map(|(_, row)| (*row).clone());
    let rows = rows.chain(withdrawn(&old, &new));
    events.extend(rows.map(|row| ("offering.updated".to_owned(), row)));
    Some(events)
}

/// The offerings of the last reading that this one no longer lists, without their groups: a snapshot of them would not say it.
pub fn withdrawn_offerings(before: &Value, after: &Value) -> Vec<Value> {
    match (offerings(before), offerings(after)) {
        (Some(old), Some(new)) => withdrawn(&old, &new).collect(),
        _ => Vec::new(),
    }
}

type Offerings<'a> = BTreeMap<(String, String), &'a Value>;

fn withdrawn<'a>(old: &'a Offerings<'_>, new: &'a Offerings<'_>) -> impl Iterator<Item = Value> {
    let missing = old.keys().filter(|key| !new.contains_key(*key));
    missing.map(|(kind, id)| json!({ "id": id, "kind": kind, "kisi_group": null }))
}

/// By kind and id; none if two rows have the same, or a row lacks one.
fn offerings(reading: &Value) -> Option<Offerings<'_>> {
    let mut rows = BTreeMap::new();
    let Some(list) = reading.get(OFFERINGS) else {
        return Some(rows);
    };
    for row in list.as_array()? {
        let kind = values::text(row, "kind")?.to_owned();
        if rows
            .insert((kind, values::id(row.get("id"))?), row)
            .is_some()
        {
            return None;
        }
    }
    Some(rows)
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
    fn what_is_no_longer_sold_loses_its_group() {
        let row = |kind: &str, id: &str, group: i64| json!({ "kind": kind, "id": id, "kisi_group": group });
        let before = json!({ OFFERINGS: [row("room", "a", 1), row("desk", "a", 2), row("membership", "p", 3)] });
        let after = json!({ OFFERINGS: [row("room", "a", 1), row("membership", "p", 4)] });
        let updated = |row: Value| ("offering.updated".to_owned(), row);
        let withdrawn = json!({ "kind": "desk", "id": "a", "kisi_group": null });
        let events = [
            updated(row("membership", "p", 4)),
            updated(withdrawn.clone()),
        ];
        assert_eq!(between(&before, &after), Some(events.to_vec()));
        assert_eq!(withdrawn_offerings(&before, &after), [withdrawn]);
        // A reading of before offerings were read.
        assert_eq!(between(&json!({}), &after).unwrap().len(), 2);
        let twice = json!({ OFFERINGS: [row("room", "a", 1), row("room", "a", 1)] });
        assert_eq!(between(&before, &twice), None);
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
