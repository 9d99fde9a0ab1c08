//! Clubspot's API: members with their tags and memberships, and billing items as purchases. Reservations are not documented: a club
//! sends them as canonical events, with Clubspot's member ids.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use access::Instant;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use super::{
    api::Api,
    failure::ReadError,
    options::ReaderOptions,
    pages::{read_by_offset, whole},
};
use crate::ingest::{adapter::put, values};

mod rows;

/// Clubspot documents no rate limit.
const PACE: Duration = Duration::from_millis(500);
/// Billing items are read from this many days back to as many days ahead: a year and its month of grace.
const BILLING_DAYS: Duration = Duration::from_hours(400 * 24);

/// The part of a reading that is not part of the roster: the statuses without a known meaning, with the number of memberships.
pub const UNKNOWN: &str = "unknown_statuses";

/// The client of the API at this address.
pub fn api(http: reqwest::Client, base: Url, api_key: &str) -> Result<Api, ReadError> {
    let key = [("api-key", SecretString::from(api_key.to_owned()))];
    Api::new(http, base, &key, PACE)
}

/// Reads everything that is documented, as the lists of a roster. A membership whose status has no known meaning stays as it was
/// in the last reading.
pub async fn read(
    api: &Api,
    club: &str,
    options: &ReaderOptions,
    last: Option<&[u8]>,
    begun: Instant,
) -> Result<Value, ReadError> {
    let of_club = [("club_id", club.to_owned())];
    let members = read_by_offset(api, "members", &["members"], &of_club, &whole).await?;
    let primary = if options.primary_only {
        Some(primary_members(api, &of_club).await?)
    } else {
        None
    };
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    let mut kept: BTreeSet<String> = BTreeSet::new();
    let mut memberships = Vec::new();
    for row in &members {
        let is_covered = primary
            .as_ref()
            .is_none_or(|ids| values::id(row.get("id")).is_some_and(|id| ids.contains(&id)));
        let Some(found) = rows::membership(row, &options.statuses)?.filter(|_| is_covered) else {
            continue;
        };
        match found {
            rows::Membership::Known(row) => memberships.push(row),
            rows::Membership::Unknown { id, status } => {
                let count = unknown.entry(status).or_default();
                *count = count.saturating_add(1);
                kept.insert(id);
            }
        }
    }
    let last = last.filter(|_| !kept.is_empty());
    memberships.extend(memberships_of(last, &kept));
    let mut lists = json!({
        "members": members.iter().map(rows::member).collect::<Result<Vec<_>, _>>()?,
        "memberships": memberships,
        UNKNOWN: unknown,
    });
    if let Some(purchases) = billing_items(api, &of_club, begun).await? {
        put(&mut lists, "purchases", purchases.into());
    }
    Ok(lists)
}

/// These memberships as in the last reading.
fn memberships_of(last: Option<&[u8]>, ids: &BTreeSet<String>) -> Vec<Value> {
    let last: Option<Value> = last.and_then(|last| serde_json::from_slice(last).ok());
    let rows = last
        .as_ref()
        .and_then(|last| last.get("memberships")?.as_array());
    let is_wanted = |row: &&Value| values::id(row.get("id")).is_some_and(|id| ids.contains(&id));
    rows.into_iter()
        .flatten()
        .filter(is_wanted)
        .cloned()
        .collect()
}

async fn primary_members(
    api: &Api,
    of_club: &[(&'static str, String)],
) -> Result<BTreeSet<String>, ReadError> {
    let mut query = of_club.to_vec();
    query.push(("primary_only", "true".to_owned()));
    let id = |row: &Value| {
        values::id(row.get("id")).ok_or_else(|| ReadError::odd("members", "a row has no id"))
    };
    let ids = read_by_offset(api, "members", &["members"], &query, &id).await?;
    Ok(ids.into_iter().collect())
}

/// None where they cannot be read, so that nothing is concluded about them.
async fn billing_items(
    api: &Api,
    of_club: &[(&'static str, String)],
    begun: Instant,
) -> Result<Option<Vec<Value>>, ReadError> {
    let day = |at: Instant| at.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut query = of_club.to_vec();
    query.extend([
        ("start_date", day(begun.minus(BILLING_DAYS)).to_string()),
        ("end_date", day(begun.plus(BILLING_DAYS)).to_string()),
    ]);
    let names = ["line_items", "lineItems", "items"];
    match read_by_offset(api, "line-items", &names, &query, &rows::purchase).await {
        Ok(items) => Ok(Some(items.into_iter().flatten().collect())),
        // Clubspot does not document this list: a club whose key or deployment has none, or another form of it, is read without.
        Err(
            problem @ (ReadError::Forbidden { .. }
            | ReadError::Malformed { .. }
            | ReadError::Status {
                status: 400..=499, ..
            }),
        ) => {
            tracing::warn!(error = ?problem, "Clubspot's billing items are not read; what is known of them stays");
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}
