//! Whether a reading has collapsed: it lists none, or less than half, of the people or memberships that there were. An API that
//! fails may well answer so, with a good status. Pure; called before anything is concluded from a reading.

use std::collections::BTreeSet;

use serde_json::Value;

/// The lists that nobody loses most of in a day.
const LISTS: [&str; 2] = ["members", "memberships"];

/// A list of a reading that lacks most of what there was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collapse {
    /// Its name.
    pub list: &'static str,
    /// How many there were.
    pub before: usize,
    /// How many of them are missing.
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

    /// The same for a first reading, of a source of which so many people and memberships are known: only an empty list tells.
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

    /// What is wrong and who can mend it; `name` is the platform's.
    pub fn for_people(&self, name: &str, is_repeated: bool) -> String {
        let Self {
            list,
            before,
            missing,
        } = self;
        let seen = format!(
            "{name} lists {missing} of {before} {list} no more. Nothing was concluded from that"
        );
        if is_repeated {
            format!(
                "{seen}, twice: an admin who knows that it is right confirms it (confirmReading), or mends it at {name} or gives \
                 the source other credentials (updateSource)."
            )
        } else {
            format!("{seen}: it is read again first, by itself.")
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
            let found = Collapse::between(&before, &after);
            assert_eq!(found.map(|one| one.list), list, "{after}");
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
        let found = |known, after| Collapse::of_first(known, &after).map(|one| one.list);
        assert_eq!(found((3, 2), roster(&[], &[])), Some("members"));
        assert_eq!(found((3, 2), roster(&[1], &[])), Some("memberships"));
        assert_eq!(found((3, 2), json!({ "members": [{ "id": 1 }] })), None);
        assert_eq!(found((0, 0), roster(&[], &[])), None);
    }
}
