//! Clubspot's API: members, their tags and memberships. Reservations and the content of billing items are not documented, so they
//! are not read; a club may send both as canonical events with Clubspot's member ids.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use super::{
    api::Api,
    failure::ReadError,
    pages::{read_by_offset, whole},
};
use crate::ingest::adapter::put;

/// Clubspot documents no rate limit.
const PACE: Duration = Duration::from_millis(500);

/// The client of the API at this address.
pub fn api(http: reqwest::Client, base: Url, api_key: &str) -> Result<Api, ReadError> {
    let key = [("api-key", SecretString::from(api_key.to_owned()))];
    Api::new(http, base, &key, PACE)
}

/// Reads everything that is documented, as the lists of a roster.
pub async fn read(api: &Api, club: &str) -> Result<Value, ReadError> {
    let query = [("club_id", club.to_owned())];
    let rows = read_by_offset(api, "members", "members", &query, &whole).await?;
    let memberships = rows.iter().map(membership).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({
        "members": rows.iter().map(member).collect::<Result<Vec<_>, _>>()?,
        "memberships": memberships.into_iter().flatten().collect::<Vec<_>>(),
    }))
}

fn text<'a>(row: &'a Value, name: &str) -> Option<&'a str> {
    let text = row.get(name).and_then(Value::as_str).map(str::trim);
    text.filter(|text| !text.is_empty())
}

fn member(row: &Value) -> Result<Value, ReadError> {
    let names: Vec<&str> = ["first_name", "last_name"]
        .into_iter()
        .filter_map(|name| text(row, name))
        .collect();
    let name = Some(names.join(" ")).filter(|name| !name.is_empty());
    let tag = |tag: &Value| match tag {
        Value::String(tag) => Some(tag.clone()),
        tag => text(tag, "name").map(str::to_owned),
    };
    let mut member = json!({ "id": row.get("id"), "email": text(row, "email"), "name": name });
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

/// The member's own share of a membership, which a household may share.
fn membership(row: &Value) -> Result<Option<Value>, ReadError> {
    let odd = |what: &str| ReadError::odd("members", what);
    let membership = match row.get("membership") {
        None | Some(Value::Null) => return Ok(None),
        Some(membership) => membership,
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
    let status = text(membership, "status").map(str::to_lowercase);
    let status = match status.as_deref() {
        Some("active" | "trialing") => "active",
        Some("paused" | "hold" | "on hold" | "frozen") => "paused",
        Some("cancelled" | "canceled" | "completed" | "expired" | "former" | "ended") => "ended",
        // Clubspot does not document its statuses. A guess could open or close a door.
        _ => {
            return Err(odd("the status of a membership has an unknown value"));
        }
    };
    let id = |value: Option<&Value>| match value {
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Number(id)) => Some(id.to_string()),
        _ => None,
    };
    let own = id(row.get("id")).ok_or_else(|| odd("a row has no id"))?;
    let shared = id(membership.get("id")).ok_or_else(|| odd("a membership has no id"))?;
    Ok(Some(json!({
        "id": format!("{shared}:{own}"),
        "member": { "id": own },
        "plan": plan,
        "status": status,
    })))
}
