//! What differs between two readings of one platform, as canonical events: what is new or other is updated, what is no longer
//! listed is deleted. Pure. A reading that follows an event says by it what the event was about, and no more.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The lists of a roster, and what one of each is called.
const LISTS: [(&str, &str); 5] = [
    ("companies", "company"),
    ("members", "member"),
    ("memberships", "membership"),
    ("registrations", "registration"),
    ("purchases", "purchase"),
];

/// The types and data of the events that lead from one reading to the next; none where the two cannot be compared, so that the
/// next one has to be said whole.
pub fn between(before: &Value, after: &Value) -> Option<Vec<(String, Value)>> {
    let mut events = Vec::new();
    let mut gone = Vec::new();
    for (list, noun) in LISTS {
        let (old, new) = match (before.get(list), after.get(list)) {
            (None, None) => continue,
            (Some(old), Some(new)) => (by_id(old)?, by_id(new)?),
            _ => return None,
        };
        let other = new.iter().filter(|(id, one)| old.get(*id) != Some(*one));
        events.extend(other.map(|(_, one)| (format!("{noun}.updated"), (*one).clone())));
        let missing = old.keys().filter(|id| !new.contains_key(*id));
        gone.extend(missing.map(|id| (format!("{noun}.deleted"), json!({ "id": id }))));
    }
    events.extend(gone);
    Some(events)
}

/// None where two bear one id, or one bears none.
fn by_id(list: &Value) -> Option<BTreeMap<String, &Value>> {
    let mut found = BTreeMap::new();
    for one in list.as_array()? {
        let id = match one.get("id")? {
            Value::String(id) => id.clone(),
            Value::Number(id) => id.to_string(),
            _ => return None,
        };
        if found.insert(id, one).is_some() {
            return None;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_other_or_gone_is_said_and_nothing_else() {
        let before = json!({ "members": [{ "id": 1, "name": "Ann" }, { "id": 2, "name": "Bob" }, { "id": 3 }], "memberships": [] });
        let after = json!({ "members": [{ "id": 1, "name": "Ann" }, { "id": 2, "name": "Rob" }, { "id": "4" }], "memberships": [{ "id": "m" }] });
        let said = between(&before, &after).unwrap();
        let said: Vec<_> = said
            .iter()
            .map(|(kind, data)| (kind.as_str(), data["id"].to_string()))
            .collect();
        assert_eq!(
            said,
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
    fn what_cannot_be_compared_is_said_whole() {
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
