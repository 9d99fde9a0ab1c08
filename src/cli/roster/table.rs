//! Converts a table of members and their memberships to the data of a `roster.snapshot`. A row is a member, and a membership if
//! it names a plan; a member may have several rows. The values are validated later, by the code that validates every
//! event.

use std::collections::BTreeMap;

use anyhow::bail;
use serde_json::{Map, Value, json};

use super::csv::Record;
use crate::ingest::adapter::put;

const COLUMNS: &[&str] = &[
    "id",
    "email",
    "name",
    "tags",
    "plan_id",
    "plan_name",
    "membership_id",
    "status",
    "blocked",
    "starts_at",
    "ends_at",
    "location_id",
    "location_name",
    "time_zone",
];

/// The data of a snapshot: `members`, and `memberships` if the table has a column for plans.
///
/// # Errors
/// An unknown column, a row without member, two rows that contradict each other about one member.
pub fn roster((names, records): &(Vec<String>, Vec<Record>)) -> anyhow::Result<Value> {
    if let Some(name) = names.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        bail!(
            "line 1: unknown column {name:?}; the columns are {}",
            COLUMNS.join(", ")
        );
    }
    let has = |name: &str| names.iter().any(|column| column == name);
    if !has("id") && !has("email") {
        bail!("line 1: a column id or email is required");
    }
    let mut members: BTreeMap<String, (usize, Value)> = BTreeMap::new();
    let mut memberships: BTreeMap<String, (usize, Value)> = BTreeMap::new();
    for record in records {
        let get = |name: &str| record.fields.get(name).map(String::as_str);
        let email = get("email").map(str::to_lowercase);
        let id = get("id").map(str::to_owned);
        let Some(id) = id.or_else(|| email.map(|email| format!("mailto:{email}"))) else {
            bail!("line {}: neither id nor email is given", record.line);
        };
        let member = member(&id, record, &has);
        let previous = members
            .entry(id.clone())
            .or_insert_with(|| (record.line, member.clone()));
        if previous.1 != member {
            bail!(
                "lines {} and {} contradict each other about the member {id:?}",
                previous.0,
                record.line
            );
        }
        let Some(plan) = get("plan_id").or_else(|| get("plan_name")) else {
            continue;
        };
        let membership_id =
            get("membership_id").map_or_else(|| format!("{id}:{plan}"), str::to_owned);
        let before = memberships.insert(
            membership_id.clone(),
            (record.line, membership(&membership_id, &id, plan, record)),
        );
        if let Some((line, _)) = before {
            bail!(
                "lines {line} and {} have the same membership {membership_id:?}: add a column membership_id to tell them apart",
                record.line
            );
        }
    }
    let listed = |all: BTreeMap<String, (usize, Value)>| {
        all.into_values().map(|(_, value)| value).collect::<Value>()
    };
    let mut data = json!({ "members": listed(members) });
    if has("plan_id") || has("plan_name") {
        put(&mut data, "memberships", listed(memberships));
    }
    Ok(data)
}

/// A field without a column is left out, so that its value stays; a blank field becomes null or empty, which clears the value.
fn member(id: &str, record: &Record, has: &impl Fn(&str) -> bool) -> Value {
    let mut member = Map::from_iter([("id".to_owned(), json!(id))]);
    for name in ["email", "name"] {
        if has(name) {
            member.insert(name.to_owned(), json!(record.fields.get(name)));
        }
    }
    if has("tags") {
        let tags = record
            .fields
            .get("tags")
            .map(String::as_str)
            .unwrap_or_default();
        let tags = tags
            .split(['|', ',', ';'])
            .map(str::trim)
            .filter(|tag| !tag.is_empty());
        member.insert("tags".to_owned(), tags.collect());
    }
    Value::Object(member)
}

fn membership(id: &str, member: &str, plan: &str, record: &Record) -> Value {
    let get = |name: &str| record.fields.get(name);
    let location = get("location_id").or_else(|| get("location_name"));
    let location = location
        .map(|id| json!({ "id": id, "name": get("location_name"), "time_zone": get("time_zone") }));
    json!({
        "id": id,
        "member": { "id": member },
        "plan": { "id": plan, "name": get("plan_name") },
        "status": get("status").map_or_else(|| "active".to_owned(), |status| status.to_lowercase()),
        "blocked": get("blocked").map(|reason| json!({ "reason": reason.to_lowercase() })),
        "starts_at": get("starts_at"),
        "ends_at": get("ends_at"),
        "location": location,
    })
}

#[cfg(test)]
mod tests {
    use super::{super::csv::records, *};

    fn read(text: &str) -> anyhow::Result<Value> {
        roster(&records(text)?)
    }

    #[test]
    fn rows_become_members_and_memberships() {
        let text = "id,email,name,tags,plan_id,status,ends_at,location_name,time_zone,blocked\n\
                    1,Ann@Example.com,Ann,range|pool,gold,Active,2026-12-31,Pier,Europe/Berlin,\n\
                    1,Ann@Example.com,Ann,range|pool,pool,,,,,manual\n\
                    2,,Bob,,,,,,,\n";
        let data = read(text).unwrap();
        assert_eq!(
            data["members"],
            json!([
                { "id": "1", "email": "Ann@Example.com", "name": "Ann", "tags": ["range", "pool"] },
                { "id": "2", "email": null, "name": "Bob", "tags": [] },
            ])
        );
        assert_eq!(data["memberships"].as_array().unwrap().len(), 2);
        assert_eq!(
            data["memberships"][0],
            json!({
                "id": "1:gold", "member": { "id": "1" }, "plan": { "id": "gold", "name": null }, "status": "active", "blocked": null,
                "starts_at": null, "ends_at": "2026-12-31",
                "location": { "id": "Pier", "name": "Pier", "time_zone": "Europe/Berlin" },
            })
        );
        assert_eq!(
            data["memberships"][1]["blocked"],
            json!({ "reason": "manual" })
        );
    }

    #[test]
    fn without_a_column_for_plans_the_memberships_are_left_out() {
        let data = read("email\nAnn@Example.com\n").unwrap();
        assert_eq!(
            data,
            json!({ "members": [{ "id": "mailto:ann@example.com", "email": "Ann@Example.com" }] })
        );
        let nobody = read("id,plan_id\n").unwrap();
        assert_eq!(nobody, json!({ "members": [], "memberships": [] }));
    }

    #[test]
    fn an_error_names_its_lines() {
        for (text, words) in [
            ("id,mail\n1,a\n", "unknown column \"mail\""),
            ("name\nAnn\n", "id or email"),
            ("id,name\n1,Ann\n,Bob\n", "line 3: neither id"),
            (
                "id,name\n1,Ann\n1,Bob\n",
                "lines 2 and 3 contradict each other",
            ),
            (
                "id,plan_id\n1,gold\n1,gold\n",
                "lines 2 and 3 have the same membership",
            ),
        ] {
            let wrong = read(text).unwrap_err().to_string();
            assert!(wrong.contains(words), "{wrong}");
        }
    }
}
