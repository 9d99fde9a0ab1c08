//! Single objects of Spacebring, read after a webhook that names them.

use access::Instant;
use serde_json::Value;

use super::{
    bookings,
    network::{Network, text},
};
use crate::ingest::readers::{api::Api, failure::ReadError};

/// The nouns of the objects that can be read, with the path of each, and the member of the response that is the object.
const OBJECTS: [(&str, &str); 4] = [
    ("booking", "resources/bookings/v1"),
    ("subscription", "subscriptions/v1"),
    ("membership", "community/memberships/v1"),
    ("company", "community/companies/v1"),
];

/// The object that an event is about, for [`read_named`]; none if everything has to be read.
pub fn object(kind: &str, id: Option<&str>) -> Option<String> {
    let noun = kind.split('.').next().unwrap_or_default();
    let (noun, _) = OBJECTS.iter().find(|(name, _)| *name == noun)?;
    let id = id.filter(|id| is_plain(id))?;
    Some(format!("{noun}:{id}"))
}

/// Whether an id can be a part of a path: ids of Spacebring are UUIDs, those of occurrences have a date added.
fn is_plain(id: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_:.+".contains(c);
    let begins = id.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins && id.len() <= 100 && id.chars().all(is_allowed)
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
        let Some((_, path)) = OBJECTS.iter().find(|(name, _)| *name == noun) else {
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
            for row in rows
                .iter()
                .filter(|row| text(row, "resourceRef") == Some(resource))
            {
                network.booking(row, None)?;
            }
        }
        "subscription" => network.replace_subscription(row)?,
        "membership" if !is_deleted => network.membership(row)?,
        "company" if !is_deleted => network.company(row),
        _ => return Ok(false),
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_with_plain_ids_are_read_alone() {
        let object = |kind: &str, id: &str| object(kind, Some(id));
        assert_eq!(
            object("booking.created", "b-1"),
            Some("booking:b-1".to_owned())
        );
        assert_eq!(
            object("booking.deleted", "b1_2026-03-01T09:00:00.000Z"),
            Some("booking:b1_2026-03-01T09:00:00.000Z".to_owned())
        );
        assert_eq!(
            object("subscription.updated", "s1"),
            Some("subscription:s1".to_owned())
        );
        for id in ["", "..", "../x", "a/b", "a?b", "a b", &"a".repeat(101)] {
            assert_eq!(object("booking.created", id), None, "{id}");
        }
        assert_eq!(object("shop.order.created", "o1"), None);
        assert_eq!(super::object("booking.created", None), None);
    }
}
