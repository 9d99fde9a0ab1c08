//! The objects that a webhook of TeamUp names. The request is not signed, so they are only a hint as to what to read; their
//! content is ignored. TeamUp does not document the types of feed items completely: a customer's id is looked for in the item,
//! and its type by the words that it contains.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::ingest::values;

/// The most customers that one webhook may name; beyond, everything is read.
const MOST_CUSTOMERS: usize = 20;
/// How deep a customer's id is looked for.
const DEPTH: usize = 8;

/// What to read for a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Customers,
    Memberships,
    Blocks,
    Payments,
    Attendances,
    Courses,
}

/// The words of a type that decide, in this order, and what is read; the last entry is for all other types.
const TYPES: [(&[&str], &str, &[Part]); 6] = [
    (&["course"], "course", &[Part::Customers, Part::Courses]),
    (
        &["payment", "invoice"],
        "payment",
        &[Part::Payments, Part::Memberships],
    ),
    (&["block"], "block", &[Part::Blocks, Part::Memberships]),
    (
        &["membership", "hold"],
        "membership",
        &[Part::Customers, Part::Memberships, Part::Blocks],
    ),
    (
        &["registration", "attendance", "waitlist", "booking"],
        "registration",
        &[Part::Customers, Part::Attendances],
    ),
    (
        &[],
        "customer",
        &[Part::Customers, Part::Memberships, Part::Attendances],
    ),
];

/// What a webhook names, each as a text for [`of_texts`]; none if it names no customer, so that everything has to be read.
pub fn named(body: &[u8]) -> Option<Vec<String>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let items = body.get("feed_items")?.as_array()?;
    let mut texts = BTreeSet::new();
    for item in items {
        let mut customers = BTreeSet::new();
        collect(item, DEPTH, &mut customers);
        if customers.is_empty() {
            return None;
        }
        let noun = noun(item);
        texts.extend(customers.iter().map(|id| format!("{noun}:{id}")));
    }
    (!texts.is_empty() && texts.len() <= MOST_CUSTOMERS).then(|| texts.into_iter().collect())
}

/// The parts and the customers of such texts; none if one cannot be read.
pub fn of_texts<'t>(
    texts: impl Iterator<Item = &'t str>,
) -> Option<(BTreeSet<Part>, BTreeSet<String>)> {
    let (mut parts, mut customers) = (BTreeSet::new(), BTreeSet::new());
    for text in texts {
        let (noun, id) = text.split_once(':')?;
        let (_, _, read) = TYPES.iter().find(|(_, name, _)| *name == noun)?;
        parts.extend(*read);
        customers.insert(id.to_owned());
    }
    Some((parts, customers))
}

fn noun(item: &Value) -> &'static str {
    let kind = ["type", "event_type", "event", "action"]
        .iter()
        .find_map(|name| item.get(*name)?.as_str());
    // Without a type, the names of the nested objects say what the item is about.
    let words = match (kind, item) {
        (Some(kind), _) => kind.to_lowercase(),
        (None, Value::Object(fields)) => {
            let names = fields.keys().filter(|name| *name != "customer");
            names
                .map(|name| name.to_lowercase())
                .collect::<Vec<_>>()
                .join(" ")
        }
        _ => String::new(),
    };
    let found = TYPES
        .iter()
        .find(|(any, _, _)| any.iter().any(|word| words.contains(word)));
    found.map_or("customer", |(_, noun, _)| *noun)
}

/// The ids of customers: of `customer`, `customer_id`, and of objects that call themselves customers.
fn collect(value: &Value, depth: usize, customers: &mut BTreeSet<String>) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match value {
        Value::Object(fields) => {
            if fields.get("object").and_then(Value::as_str) == Some("customer") {
                customers.extend(number(fields.get("id")));
            }
            for (name, value) in fields {
                if name == "customer" || name == "customer_id" {
                    customers.extend(number(Some(value)));
                }
                collect(value, depth, customers);
            }
        }
        Value::Array(all) => all.iter().for_each(|one| collect(one, depth, customers)),
        _ => {}
    }
}

/// TeamUp's ids are whole numbers; anything else in an unsigned request is not sent anywhere. An entity is an id or an object.
fn number(value: Option<&Value>) -> Option<String> {
    let nested = value.and_then(|value| value.get("id"));
    let id = values::id(nested.or(value))?;
    (id.len() <= 18 && !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn texts(items: Value) -> Option<Vec<String>> {
        named(json!({ "feed_items": items }).to_string().as_bytes())
    }

    #[test]
    fn customers_are_found_by_id_and_as_objects() {
        let nested = json!([{
            "object": "feed_item", "id": 1, "type": "event_registration.created",
            "data": { "attendance": { "id": 5, "customer": { "object": "customer", "id": 7 } } },
        }]);
        assert_eq!(texts(nested), Some(vec!["registration:7".to_owned()]));
        let flat = json!([
            { "type": "customer_membership.updated", "customer": 8 },
            { "type": "payment.failed", "customer_id": "9" },
        ]);
        let all = ["membership:8", "payment:9"].map(str::to_owned);
        assert_eq!(texts(flat), Some(all.to_vec()));
        let untyped = json!([{ "object": "feed_item", "customer": { "id": 3 }, "course_session_attendance": {} }]);
        assert_eq!(texts(untyped), Some(vec!["course:3".to_owned()]));
    }

    #[test]
    fn whatever_names_no_customer_reads_everything() {
        let many: Vec<_> = (0..=MOST_CUSTOMERS)
            .map(|id| json!({ "customer": id }))
            .collect();
        for items in [
            json!([]),
            json!([{ "type": "venue.updated" }]),
            json!([{ "customer": 1 }, { "type": "venue.updated" }]),
            json!([{ "customer": "../../1" }]),
            json!([{ "customer": -1 }]),
            json!({}),
            json!(many),
        ] {
            assert_eq!(texts(items.clone()), None, "{items}");
        }
        assert_eq!(named(b"not json"), None);
        assert_eq!(named(b""), None);
    }

    #[test]
    fn one_webhook_reads_at_most_three_lists() {
        for (_, noun, parts) in TYPES {
            assert!(parts.len() <= 3, "{noun}");
            let texts = [format!("{noun}:1")];
            let (read, _) = of_texts(texts.iter().map(String::as_str)).unwrap();
            assert_eq!(read.len(), parts.len());
        }
        assert_eq!(of_texts(["unknown:1"].into_iter()), None);
    }
}
