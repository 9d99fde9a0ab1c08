//! Spacebring's API, location by location: the people and companies of a network, their subscriptions and bookings. A
//! subscription counts while it is active or scheduled, whatever its invoices say; a booking counts if it is confirmed.

use std::time::Duration;

use access::Instant;
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use super::{
    api::Api,
    failure::ReadError,
    pages::{read_by_token, whole},
};
use crate::ingest::values::text;
use network::Network;

mod named;
mod network;
mod sold;

pub use named::read_named;
pub use network::NETWORK;

/// Spacebring allows ten requests per second; this leaves some room.
const PACE: Duration = Duration::from_millis(110);
/// Bookings are read until this long after their end.
const BOOKINGS_BACK: Duration = Duration::from_hours(24);
/// Repeating bookings are expanded this far ahead, since they have no end. Beyond, each is read once, with its first occurrence.
const EXPANDED_AHEAD: Duration = Duration::from_hours(100 * 24);

/// The client of the API at this address.
pub fn api(http: reqwest::Client, base: Url, id: &str, secret: &str) -> Result<Api, ReadError> {
    let basic = STANDARD.encode(format!("{id}:{secret}"));
    let headers = [(
        "authorization",
        SecretString::from(format!("Basic {basic}")),
    )];
    Api::new(http, base, &headers, PACE)
}

/// Reads everything, or one location, as the lists of a roster. Plans that may not be read stay as in the last reading.
pub async fn read(
    api: &Api,
    location: Option<&str>,
    last: Option<&[u8]>,
    begun: Instant,
) -> Result<Value, ReadError> {
    let mut network = Network::default();
    let mut may_read_plans = true;
    let locations = read_by_token(api, "locations/v1", "locations", &[], &whole).await?;
    let wanted = |row: &&Value| location.is_none_or(|id| text(row, "id") == Some(id));
    let locations: Vec<&Value> = locations.iter().filter(wanted).collect();
    if let (true, Some(id)) = (locations.is_empty(), location) {
        let words = format!(
            "Spacebring has no location {id} that these credentials may read: correct locationRef (updateSource)."
        );
        return Err(ReadError::Settings(words));
    }
    for location in locations {
        let id = read_location(&mut network, api, location, begun).await?;
        may_read_plans = may_read_plans && read_plans(&mut network, api, &id).await?;
    }
    let last = last.filter(|_| !may_read_plans);
    if let Some(last) = last.and_then(|last| serde_json::from_slice::<Value>(last).ok()) {
        network.keep_plans(&last);
    }
    Ok(network.into_reading())
}

async fn read_location(
    network: &mut Network,
    api: &Api,
    location: &Value,
    begun: Instant,
) -> Result<String, ReadError> {
    let id = network.location(location)?;
    let of = [("locationRef", id.clone())];
    let path = "community/companies/v1";
    for row in read_by_token(api, path, "companies", &of, &whole).await? {
        network.company(&row)?;
    }
    let path = "community/memberships/v1";
    for row in read_by_token(api, path, "memberships", &of, &whole).await? {
        network.membership(&row)?;
    }
    let mut query = of.to_vec();
    query.push(("status", "active,scheduled".to_owned()));
    let path = "subscriptions/v1";
    for row in read_by_token(api, path, "subscriptions", &query, &whole).await? {
        network.subscription(&row)?;
    }
    for row in read_by_token(api, "resources/v1", "resources", &of, &whole).await? {
        network.resource(&row, &id)?;
    }
    for row in bookings(api, &of, begun).await? {
        network.booking(&row, Some(&id))?;
    }
    Ok(id)
}

/// Returns whether the credentials may read the plans. Plans only say which groups Spacebring gives with them, so a reading does
/// not depend on them.
async fn read_plans(network: &mut Network, api: &Api, location: &str) -> Result<bool, ReadError> {
    let of = [("locationRef", location.to_owned())];
    match read_by_token(api, "plans/v1", "plans", &of, &whole).await {
        Ok(rows) => {
            rows.iter().for_each(|row| network.plan(row));
            Ok(true)
        }
        Err(
            problem @ (ReadError::Forbidden { .. }
            | ReadError::Status {
                status: 400..=499, ..
            }),
        ) => {
            tracing::warn!(error = ?problem, "Spacebring's plans may not be read; what is known of their groups stays");
            Ok(false)
        }
        Err(problem) => Err(problem),
    }
}

/// The confirmed bookings of a location or of a resource.
async fn bookings(
    api: &Api,
    of: &[(&'static str, String)],
    begun: Instant,
) -> Result<Vec<Value>, ReadError> {
    let path = "resources/bookings/v1";
    let mut query = of.to_vec();
    query.push(("status", "confirmed".to_owned()));
    let border = begun.plus(EXPANDED_AHEAD).timestamp().to_string();
    let mut soon = query.clone();
    let since = begun.minus(BOOKINGS_BACK).timestamp().to_string();
    soon.extend([
        ("singleBookings", "true".to_owned()),
        ("endDate[gte]", since),
        ("startDate[lte]", border.clone()),
    ]);
    let mut rows = read_by_token(api, path, "bookings", &soon, &whole).await?;
    query.push(("startDate[gt]", border));
    rows.extend(read_by_token(api, path, "bookings", &query, &whole).await?);
    Ok(rows)
}
