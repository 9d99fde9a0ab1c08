//! What a network sells or lets people book, with the Kisi groups that Spacebring gives with it: as the offerings of a reading.
//! The groups give no access; they become suggestions for rules. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ingest::{
    adapter::spacebring::{booked_kind, kisi_group},
    values::text,
};

/// A plan of a location.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Plan {
    title: Option<String>,
    group: Option<i64>,
}

impl Plan {
    pub fn of(row: &Value) -> Self {
        Self {
            title: text(row, "title").map(str::to_owned),
            group: row.get("access").and_then(kisi_group),
        }
    }
}

/// The groups that the items of subscriptions have for the same plan.
#[derive(Default)]
struct ItemGroups<'a> {
    title: Option<&'a str>,
    groups: BTreeSet<i64>,
    /// Whether an item has no group.
    has_bare: bool,
}

/// The offerings of plans, of what is sold without a plan, and of resources. `held`: the memberships of a reading by id, and
/// `item_groups` their groups.
pub fn offerings(
    plans: &BTreeMap<String, Plan>,
    resources: &BTreeMap<String, Value>,
    held: &BTreeMap<String, Value>,
    item_groups: &BTreeMap<String, i64>,
) -> Vec<Value> {
    let mut sold: BTreeMap<&str, ItemGroups<'_>> = plans
        .keys()
        .map(|id| (id.as_str(), ItemGroups::default()))
        .collect();
    for (item, membership) in held {
        let Some(plan) = membership.get("plan") else {
            continue;
        };
        let Some(id) = text(plan, "id") else {
            continue;
        };
        let of_plan = sold.entry(id).or_default();
        of_plan.title = of_plan.title.or(text(plan, "name"));
        match item_groups.get(item) {
            Some(group) => _ = of_plan.groups.insert(*group),
            None => of_plan.has_bare = true,
        }
    }
    let memberships = sold
        .into_iter()
        .map(|(id, items)| membership(id, plans.get(id), items));
    let booked = resources.iter().map(|(id, resource)| {
        json!({
            "id": id, "kind": booked_kind(text(resource, "type")), "name": text(resource, "title"),
            "kisi_group": resource.get("group"),
        })
    });
    memberships.chain(booked).collect()
}

/// The group of a plan is its own. Without one it is that of its items if all have the same; then it is what Spacebring gives
/// with the plan.
fn membership(id: &str, plan: Option<&Plan>, mut items: ItemGroups<'_>) -> Value {
    let own = plan.and_then(|plan| plan.group);
    let shared = items
        .groups
        .first()
        .filter(|_| items.groups.len() == 1 && !items.has_bare);
    let group = own.or(shared.copied());
    if let Some(group) = group {
        items.groups.remove(&group);
    }
    let title = plan.and_then(|plan| plan.title.as_deref()).or(items.title);
    json!({ "id": id, "kind": "membership", "name": title, "kisi_group": group, "item_kisi_groups": items.groups })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_of_a_plan_is_its_own_or_that_of_all_its_items() {
        let plan = |group: Value| {
            Plan::of(&json!({ "title": "Desk", "access": { "kisiGroupRef": group } }))
        };
        let plans = BTreeMap::from([
            ("own".to_owned(), plan(json!(1))),
            ("none".to_owned(), plan(Value::Null)),
        ]);
        let item = |id: &str, plan: &str| {
            (
                id.to_owned(),
                json!({ "id": id, "plan": { "id": plan, "name": plan } }),
            )
        };
        let held = BTreeMap::from([
            item("a", "own"),
            item("b", "none"),
            item("c", "none"),
            item("d", "sold"),
            item("e", "mixed"),
            item("f", "mixed"),
        ]);
        let groups = [("a", 2), ("b", 3), ("d", 4), ("e", 5), ("f", 6)];
        let groups = groups
            .map(|(id, group)| (id.to_owned(), group))
            .into_iter()
            .collect();
        let found: Vec<Value> = offerings(&plans, &BTreeMap::new(), &held, &groups)
            .into_iter()
            .map(|row| {
                json!([
                    row["id"],
                    row["name"],
                    row["kisi_group"],
                    row["item_kisi_groups"]
                ])
            })
            .collect();
        let wanted = [
            json!(["mixed", "mixed", null, [5, 6]]),
            json!(["none", "Desk", null, [3]]),
            json!(["own", "Desk", 1, [2]]),
            json!(["sold", "sold", 4, []]),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_resource_is_an_offering_of_its_kind() {
        let resources = BTreeMap::from([(
            "oak".to_owned(),
            json!({ "title": "Oak", "type": "meetingRoom", "group": 7 }),
        )]);
        let found = offerings(
            &BTreeMap::new(),
            &resources,
            &BTreeMap::new(),
            &BTreeMap::new(),
        );
        assert_eq!(
            found,
            [json!({ "id": "oak", "kind": "room", "name": "Oak", "kisi_group": 7 })]
        );
    }
}
