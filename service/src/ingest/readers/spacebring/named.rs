//! Single objects of Spacebring, read after a webhook that names them.

use access::Instant;
use serde_json::Value;

use super::{bookings, network::Network};
use crate::ingest::{
    readers::{api::Api, failure::ReadError, strict},
    values::text,
};

/// Where an object with this noun is read; none for one that cannot be read alone.
fn path(noun: &str) -> Option<&'static str> {
    match noun {
        "booking" => Some("resources/bookings/v1"),
        "subscription" => Some("subscriptions/v1"),
        "membership" => Some("community/memberships/v1"),
        "company" => Some("community/companies/v1"),
        _ => None,
    }
}

/// The last reading with these objects read again. None if that is not enough: if an object is not found, or concerns what the
/// last reading does not know.
pub async fn read_named(
    api: &Api,
    begun: Instant,
    objects: &[String],
    last: &Value,
) -> Result<Option<Value>, ReadError> {
    let Some(mut network) = Network::of_reading(last) else {
        return Ok(None);
    };
    for object in objects {
        let Some((noun, id)) = object.split_once(':') else {
            return Ok(None);
        };
        let Some(path) = path(noun) else {
            return Ok(None);
        };
        let answer = match api.get(&format!("{path}/{id}"), &[]).await {
            // Only a complete reading concludes that something is gone.
            Err(ReadError::Status {
                status: 400 | 404, ..
            }) => return Ok(None),
            answer => answer?,
        };
        let row = answer.get(noun).unwrap_or(&answer);
        if text(row, "id").is_none() {
            return Ok(None);
        }
        if !apply(&mut network, api, begun, noun, row).await? {
            return Ok(None);
        }
    }
    Ok(Some(network.into_reading()))
}

/// Whether the object could be understood on its own.
async fn apply(
    network: &mut Network,
    api: &Api,
    begun: Instant,
    noun: &str,
    row: &Value,
) -> Result<bool, ReadError> {
    let is_deleted = text(row, "deleteDate").is_some();
    match noun {
        "booking" if is_deleted => {
            network.forget_booking(text(row, "id").unwrap_or_default());
        }
        "booking" => {
            let Some(resource) = text(row, "resourceRef").filter(|id| network.has_resource(id))
            else {
                return Ok(false);
            };
            // A booking does not say whether it repeats: the list of its resource has the occurrences.
            let of = [("resourceRef", resource.to_owned())];
            let rows = bookings(api, &of, begun).await?;
            network.forget_bookings_of(resource);
            let path = "resources/bookings/v1";
            for row in &rows {
                let booked = strict::text(path, row, "resourceRef")?;
                let booked =
                    booked.ok_or_else(|| ReadError::odd(path, "a booking names no resource"))?;
                if booked == resource {
                    network.booking(row, None)?;
                }
            }
        }
        "subscription" => network.replace_subscription(row)?,
        "membership" if !is_deleted => network.membership(row)?,
        "company" if !is_deleted => network.company(row)?,
        _ => return Ok(false),
    }
    Ok(true)
}
