//! Clubspot's rows as rows of a roster. Pure. The fields are those that public clients read; Clubspot does not document them all.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::ingest::{
    adapter::put,
    readers::{failure::ReadError, options::StatusMeaning, strict},
    values::{id, joined_name, text},
};

/// Numbers above this are instants in milliseconds: in seconds it is the year 5138.
const SECONDS_LIMIT: i64 = 100_000_000_000;

fn trimmed<'a>(row: &'a Value, name: &str) -> Option<&'a str> {
    text(row, name).map(str::trim)
}

pub fn member(row: &Value) -> Result<Value, ReadError> {
    let tag = |tag: &Value| match tag {
        Value::String(tag) => Some(tag.clone()),
        tag => trimmed(tag, "name").map(str::to_owned),
    };
    let mut member = json!({
        "id": row.get("id"),
        "email": strict::text("members", row, "email")?.map(str::trim),
        "name": joined_name(row, ["first_name", "last_name"]),
    });
    match row.get("member_tags") {
        None | Some(Value::Null) => {}
        Some(Value::Array(tags)) => {
            let tags: Option<Vec<String>> = tags.iter().map(tag).collect();
            let tags = tags.ok_or_else(|| ReadError::odd("members", "a tag is not a text"))?;
            let tags = tags
                .into_iter()
                .filter(|tag| !tag.trim().is_empty())
                .collect();
            put(&mut member, "tags", tags);
        }
        Some(_) => return Err(ReadError::odd("members", "member_tags is not a list")),
    }
    Ok(member)
}

pub enum Membership {
    Known(Value),
    /// Its status has no known meaning. A guess could open or close a door.
    Unknown {
        id: String,
        status: String,
    },
}

/// The member's own share of a membership, which a household may share.
pub fn membership(
    row: &Value,
    statuses: &BTreeMap<String, StatusMeaning>,
) -> Result<Option<Membership>, ReadError> {
    let odd = |what: &str| ReadError::odd("members", what);
    let Some(membership) = strict::object("members", row, "membership")? else {
        return Ok(None);
    };
    let plan = match membership.get("category") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(name)) if name.trim().is_empty() => return Ok(None),
        Some(Value::String(name)) => json!({ "id": name, "name": name }),
        Some(Value::Object(fields)) => {
            json!({ "id": fields.get("id"), "name": fields.get("name") })
        }
        Some(_) => return Err(odd("a category is not a text")),
    };
    let own = id(row.get("id")).ok_or_else(|| odd("a row has no id"))?;
    let shared = id(membership.get("id")).ok_or_else(|| odd("a membership has no id"))?;
    let id = format!("{shared}:{own}");
    let status = trimmed(membership, "status")
        .unwrap_or_default()
        .to_lowercase();
    let Some(meaning) = meaning(&status, statuses) else {
        return Ok(Some(Membership::Unknown { id, status }));
    };
    let status = match meaning {
        StatusMeaning::Active => "active",
        StatusMeaning::Paused => "paused",
        StatusMeaning::Ended => "ended",
    };
    Ok(Some(Membership::Known(json!({
        "id": id,
        "member": { "id": own },
        "plan": plan,
        "status": status,
    }))))
}

fn meaning(status: &str, mapped: &BTreeMap<String, StatusMeaning>) -> Option<StatusMeaning> {
    if let Some(meaning) = mapped.get(status) {
        return Some(*meaning);
    }
    match status {
        "active" | "trialing" => Some(StatusMeaning::Active),
        "paused" | "hold" | "on hold" | "frozen" => Some(StatusMeaning::Paused),
        "cancelled" | "canceled" | "completed" | "expired" | "former" | "ended" => {
            Some(StatusMeaning::Ended)
        }
        _ => None,
    }
}

/// The fields that say whose a billing item is, and what was bought.
const PURCHASE_IDS: [&str; 13] = [
    "member_id",
    "memberId",
    "member",
    "item",
    "product",
    "billing_item",
    "item_id",
    "product_id",
    "sku",
    "code",
    "name",
    "description",
    "title",
];

/// A billing item as a purchase. None if it names no member or no item, or if its status has no known meaning: then it gives
/// nothing.
pub fn purchase(row: &Value) -> Result<Option<Value>, ReadError> {
    for name in PURCHASE_IDS {
        if let Some(Value::Bool(_) | Value::Array(_)) = row.get(name) {
            let what = format!("{name} is neither an id nor a text nor an object");
            return Err(ReadError::odd("line-items", what));
        }
    }
    if let Some(member) = row.get("member").filter(|member| member.is_object())
        && id(member.get("id")).is_none()
    {
        return Err(ReadError::odd("line-items", "a member has no id"));
    }
    let id_in = |names: &[&str]| names.iter().find_map(|name| id(row.get(*name)));
    let nested = |name: &str| row.get(name).filter(|value| value.is_object());
    let member = id_in(&["member_id", "memberId"])
        .or_else(|| id(nested("member")?.get("id")))
        .or_else(|| id(row.get("member")));
    let item = ["item", "product", "billing_item"]
        .iter()
        .find_map(|name| nested(name));
    let name = item.and_then(|item| trimmed(item, "name")).or_else(|| {
        ["name", "description", "item", "title"]
            .iter()
            .find_map(|name| trimmed(row, name))
    });
    let item_id = item
        .and_then(|item| id(item.get("id")))
        .or_else(|| id_in(&["item_id", "product_id", "sku", "code"]))
        .or_else(|| name.map(str::to_owned));
    strict::texts("line-items", row, &["status", "payment_status"])?;
    let (Some(member), Some(item_id), Some(status)) = (member, item_id, paid_status(row)) else {
        return Ok(None);
    };
    let first = |names: &[&str]| first_moment(row, names);
    Ok(Some(json!({
        "id": row.get("id"),
        "member": { "id": member },
        "item": { "id": item_id, "name": name },
        "status": status,
        "starts_at": first(&["start_date", "starts_at", "date", "created_at", "created"])?,
        "ends_at": first(&["end_date", "ends_at", "expiration_date", "expires_at"])?,
    })))
}

/// A billing item without a status is on the member's account, which is how clubs bill.
fn paid_status(row: &Value) -> Option<&'static str> {
    let status = trimmed(row, "status").or_else(|| trimmed(row, "payment_status"));
    let Some(status) = status else {
        let is_unpaid = row.get("paid") == Some(&Value::Bool(false));
        return Some(if is_unpaid { "unpaid" } else { "paid" });
    };
    match status.to_lowercase().as_str() {
        "active" | "billed" | "completed" | "invoiced" | "paid" | "posted" | "settled"
        | "succeeded" => Some("paid"),
        "due" | "failed" | "open" | "overdue" | "past_due" | "pending" | "unpaid" => Some("unpaid"),
        "refunded" => Some("refunded"),
        "canceled" | "cancelled" | "deleted" | "void" | "voided" => Some("void"),
        _ => None,
    }
}

/// The first of these fields that is given. One that is no moment is not passed over: without an end, a purchase has no end.
fn first_moment(row: &Value, names: &[&str]) -> Result<Option<String>, ReadError> {
    let is_given = |value: &&Value| {
        let is_blank = value.as_str().is_some_and(|text| text.trim().is_empty());
        !value.is_null() && !is_blank
    };
    let given = names
        .iter()
        .find_map(|name| row.get(*name).filter(is_given));
    let odd = || ReadError::odd("line-items", "a date is neither a text nor a number");
    given
        .map(|given| moment(Some(given)).ok_or_else(odd))
        .transpose()
}

/// A date or an instant as text; a number is an instant in seconds or milliseconds.
fn moment(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => {
            let number = number.as_i64()?;
            let at = if number > SECONDS_LIMIT {
                Timestamp::from_millisecond(number)
            } else {
                Timestamp::from_second(number)
            };
            at.ok().map(|at| at.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_known_or_mapped() {
        let status = |text: &str, mapped: &BTreeMap<String, StatusMeaning>| {
            let row =
                json!({ "id": 1, "membership": { "id": "h", "status": text, "category": "Full" } });
            match membership(&row, mapped).unwrap().unwrap() {
                Membership::Known(row) => row["status"].as_str().unwrap().to_owned(),
                Membership::Unknown { id, status } => format!("{id} {status}"),
            }
        };
        let none = BTreeMap::new();
        assert_eq!(status("Active", &none), "active");
        assert_eq!(status("Resting", &none), "h:1 resting");
        let mapped = BTreeMap::from([
            ("resting".to_owned(), StatusMeaning::Paused),
            ("active".to_owned(), StatusMeaning::Ended),
        ]);
        assert_eq!(status("Resting", &mapped), "paused");
        assert_eq!(
            status("ACTIVE", &mapped),
            "ended",
            "the club's own word counts"
        );
    }

    #[test]
    fn a_billing_item_is_a_purchase() {
        let row = json!({
            "id": "l1", "member_id": "m1", "item": { "id": "range", "name": "Driving range pass" }, "status": "Paid",
            "start_date": "2026-01-01", "end_date": "2026-12-31",
        });
        let wanted = json!({
            "id": "l1", "member": { "id": "m1" }, "item": { "id": "range", "name": "Driving range pass" }, "status": "paid",
            "starts_at": "2026-01-01", "ends_at": "2026-12-31",
        });
        assert_eq!(purchase(&row).unwrap(), Some(wanted));
        let flat = json!({ "id": 2, "member": { "id": 7 }, "description": "Locker", "created": 1_767_225_600 });
        let found = purchase(&flat).unwrap().unwrap();
        assert_eq!(found["item"], json!({ "id": "Locker", "name": "Locker" }));
        assert_eq!(
            (&found["status"], &found["starts_at"]),
            (&json!("paid"), &json!("2026-01-01T00:00:00Z"))
        );
        for nothing in [
            json!({ "id": 3, "description": "Locker" }),
            json!({ "id": 3, "member_id": "m1" }),
            json!({ "id": 3, "member_id": "m1", "description": "Locker", "status": "odd" }),
        ] {
            assert_eq!(purchase(&nothing).unwrap(), None);
        }
    }
}
