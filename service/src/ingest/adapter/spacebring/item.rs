//! Spacebring's items of subscriptions as memberships, for the reader and for events. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::ingest::values::{self, text};

/// What an item of a subscription gives: its id, what was bought, and its first and last instant.
pub struct Item<'a> {
    pub id: Option<&'a str>,
    pub plan: Value,
    pub starts: Option<&'a str>,
    pub ends: Option<&'a str>,
    /// Kisi's id of its access group.
    pub group: Option<i64>,
}

/// Kisi's id of the access group that Spacebring gives with an object.
pub fn kisi_group(object: &Value) -> Option<i64> {
    let group = values::id(object.get("kisiGroupRef"))?.parse().ok()?;
    (group > 0).then_some(group)
}

/// None for an item that can give no access: without a plan, a resource and an access group.
pub fn item<'a>(item: &'a Value, subscription: &'a Value) -> Option<Item<'a>> {
    let plan = item.get("plan").unwrap_or(&Value::Null);
    let resource = item.get("resource").unwrap_or(&Value::Null);
    let named = |id: &str, name: Option<&str>| json!({ "id": id, "name": name });
    let plan = if let Some(id) = text(item, "planRef").or_else(|| text(plan, "id")) {
        named(id, text(plan, "title").or_else(|| text(item, "title")))
    } else if let Some(id) = text(item, "resourceRef").or_else(|| text(resource, "id")) {
        named(id, text(resource, "title").or_else(|| text(item, "title")))
    } else {
        let group = kisi_group(item)?;
        let name =
            text(item, "title").map_or_else(|| format!("Access group {group}"), str::to_owned);
        named(&format!("kisi-group:{group}"), Some(&name))
    };
    Some(Item {
        id: text(item, "id"),
        plan,
        starts: within(item, subscription, "startDate", Timestamp::max),
        ends: within(item, subscription, "endDate", Timestamp::min),
        group: kisi_group(item),
    })
}

/// The item's date within its subscription, which it never outlasts.
fn within<'a>(
    item: &'a Value,
    subscription: &'a Value,
    name: &str,
    narrower: fn(Timestamp, Timestamp) -> Timestamp,
) -> Option<&'a str> {
    match (text(item, name), text(subscription, name)) {
        (Some(own), Some(whole)) => {
            let parsed = (own.parse::<Timestamp>(), whole.parse::<Timestamp>());
            match parsed {
                (Ok(of_item), Ok(of_whole)) if narrower(of_item, of_whole) == of_item => Some(own),
                // What cannot be compared is told by the subscription: an item is a part of it.
                _ => Some(whole),
            }
        }
        (own, whole) => own.or(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: [&str; 2] = ["2026-01-01T00:00:00+01:00", "2026-06-30T23:59:59+02:00"];

    fn read(of_item: Value) -> Option<(Value, Option<String>, Option<String>)> {
        let [starts, ends] = SUBSCRIPTION;
        let subscription = json!({ "startDate": starts, "endDate": ends });
        let item = item(&of_item, &subscription)?;
        let text = |text: Option<&str>| text.map(str::to_owned);
        Some((item.plan, text(item.starts), text(item.ends)))
    }

    #[test]
    fn an_item_never_outlasts_its_subscription() {
        let dates = |starts: Value, ends: Value| {
            let item = json!({ "id": "i", "planRef": "p", "startDate": starts, "endDate": ends });
            let (_, starts, ends) = read(item).unwrap();
            [starts.unwrap(), ends.unwrap()]
        };
        let inside = ["2026-02-01T00:00:00Z", "2026-06-30T21:00:00Z"];
        assert_eq!(dates(json!(inside[0]), json!(inside[1])), inside);
        let outside = dates(json!("2025-01-01T00:00:00Z"), json!("2027-01-01T00:00:00Z"));
        assert_eq!(outside, SUBSCRIPTION);
        assert_eq!(dates(Value::Null, Value::Null), SUBSCRIPTION);
        assert_eq!(dates(json!("soon"), json!("later")), SUBSCRIPTION);
    }

    #[test]
    fn what_was_bought_is_a_plan_a_resource_or_an_access_group() {
        let plan = |item: Value| read(item).map(|(plan, _, _)| plan);
        assert_eq!(
            plan(json!({ "id": "i", "plan": { "id": "p", "title": "Desk" } })),
            Some(json!({ "id": "p", "name": "Desk" }))
        );
        assert_eq!(
            plan(
                json!({ "id": "i", "resourceRef": "r", "resource": { "title": "Office 4" }, "kisiGroupRef": 9 })
            ),
            Some(json!({ "id": "r", "name": "Office 4" }))
        );
        assert_eq!(
            plan(json!({ "id": "i", "kisiGroupRef": 9, "title": "Storage" })),
            Some(json!({ "id": "kisi-group:9", "name": "Storage" }))
        );
        assert_eq!(
            plan(json!({ "id": "i", "kisiGroupRef": null, "title": "Coffee" })),
            None
        );
    }
}
