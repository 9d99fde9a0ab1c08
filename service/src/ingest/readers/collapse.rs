//! Detects a collapsed reading: most of the people or memberships of the previous reading are missing. A failing API may return
//! such a list with a success status. Pure; called before a reading is used.

use std::collections::BTreeSet;

use serde_json::Value;

/// The lists that do not shrink by more than half in normal operation.
const LISTS: [&str; 2] = ["members", "memberships"];

/// A list that lacks more than half of its previous rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collapse {
    pub list: &'static str,
    /// The number of rows before.
    pub before: usize,
    /// The number of those rows that are missing now.
    pub missing: usize,
}

impl Collapse {
    /// The first list that has collapsed from one reading to the next, if any.
    pub fn between(before: &Value, after: &Value) -> Option<Self> {
        LISTS.iter().find_map(|list| {
            let (old, new) = (ids(before.get(*list)), ids(after.get(*list)));
            let missing = old.difference(&new).count();
            (missing > 0 && missing.saturating_mul(2) > old.len()).then_some(Self {
                list,
                before: old.len(),
                missing,
            })
        })
    }

    /// Checks a first reading, given how many people and memberships of the source are stored: only an empty list is a collapse.
    pub fn of_first(known: (u64, u64), after: &Value) -> Option<Self> {
        let counts = [known.0, known.1];
        LISTS.iter().zip(counts).find_map(|(list, known)| {
            let is_empty = after.get(*list)?.as_array()?.is_empty();
            let known = usize::try_from(known).unwrap_or(usize::MAX);
            (is_empty && known > 0).then_some(Self {
                list,
                before: known,
                missing: known,
            })
        })
    }

    /// The problem as a text for people, with who can fix it; `name` is the platform's.
    pub fn for_people(&self, name: &str, is_repeated: bool) -> String {
        let Self {
            list,
            before,
            missing,
        } = self;
        let seen = format!(
            "{name} no longer lists {missing} of {before} {list}. The reading was not used"
        );
        if is_repeated {
            format!(
                "{seen}, and the next one gave the same result: an admin confirms it if it is right (confirmReading), corrects the data \
                 at {name}, or gives the source other credentials (updateSource)."
            )
        } else {
            format!("{seen}: it is read again automatically.")
        }
    }
}

fn ids(list: Option<&Value>) -> BTreeSet<String> {
    let rows = list.and_then(Value::as_array);
    let ids = rows.into_iter().flatten().filter_map(|row| row.get("id"));
    ids.map(|id| match id {
        Value::String(id) => id.clone(),
        other => other.to_string(),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn roster(members: &[u64], memberships: &[u64]) -> Value {
        let rows = |ids: &[u64]| ids.iter().map(|id| json!({ "id": id })).collect::<Value>();
        json!({ "members": rows(members), "memberships": rows(memberships) })
    }

    #[test]
    fn more_than_half_or_all_has_collapsed_and_half_has_not() {
        let before = roster(&[1, 2, 3, 4], &[1, 2]);
        for (after, list) in [
            (roster(&[], &[]), Some("members")),
            (roster(&[1], &[1, 2]), Some("members")),
            (roster(&[5, 6, 7, 8], &[1, 2]), Some("members")),
            (roster(&[1, 2, 3, 4], &[]), Some("memberships")),
            (
                json!({ "members": [{ "id": "1" }, { "id": "2" }] }),
                Some("memberships"),
            ),
            (roster(&[1, 2], &[2]), None),
            (roster(&[1, 2, 3, 4, 5], &[1, 2, 3]), None),
        ] {
            let collapse = Collapse::between(&before, &after);
            assert_eq!(collapse.map(|one| one.list), list, "{after}");
        }
        assert_eq!(
            Collapse::between(&roster(&[], &[]), &roster(&[], &[])),
            None
        );
        assert_eq!(
            Collapse::between(&roster(&[1], &[]), &roster(&[], &[])).map(|one| one.missing),
            Some(1)
        );
    }

    #[test]
    fn a_first_reading_has_collapsed_where_it_is_empty_and_somebody_is_known() {
        let collapsed_list = |known, after| Collapse::of_first(known, &after).map(|one| one.list);
        assert_eq!(collapsed_list((3, 2), roster(&[], &[])), Some("members"));
        assert_eq!(
            collapsed_list((3, 2), roster(&[1], &[])),
            Some("memberships")
        );
        assert_eq!(
            collapsed_list((3, 2), json!({ "members": [{ "id": 1 }] })),
            None
        );
        assert_eq!(collapsed_list((0, 0), roster(&[], &[])), None);
    }
}
