//! TeamUp's API: customers, their registration blocks and payments, memberships with holds and shares, registrations for classes,
//! appointments and courses. TeamUp's webhooks are unsigned: they only name the customers to read.

use std::{collections::BTreeSet, time::Duration};

use access::Instant;
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use super::{
    api::Api,
    failure::ReadError,
    pages::{Convert, Numbered, REPORT, RESULTS, read_by_number},
};

mod attendance;
mod patch;
mod rows;

pub use attendance::check_in;
pub use patch::read_named;

use rows::{Standing, Standings};

/// TeamUp allows 250 requests per minute; this leaves some room.
const PACE: Duration = Duration::from_millis(260);
/// Registrations are read until this long after their start.
const BACK: Duration = Duration::from_hours(30 * 24);

/// The client of the API at this address.
pub fn api(
    http: reqwest::Client,
    base: Url,
    token: &str,
    provider: Option<&str>,
) -> Result<Api, ReadError> {
    let bearer = SecretString::from(format!("Bearer {token}"));
    let mut headers = vec![("authorization", bearer)];
    let provider = provider.map(|id| SecretString::from(id.to_owned()));
    headers.extend(provider.map(|id| ("teamup-provider-id", id)));
    Api::new(http, base, &headers, PACE)
}

/// Reads everything, as the lists of a roster. What a business does not offer (404) stays as in the last reading.
pub async fn read(api: &Api, begun: Instant, last: Option<&[u8]>) -> Result<Value, ReadError> {
    let all = Lists {
        api,
        begun,
        only: None,
    };
    let members = all.customers().await?;
    let mut standings = Standings::new();
    let has_blocks = all.blocks(&mut standings).await?;
    let has_payments = all.payments(&mut standings).await?;
    let courses = all.courses().await?;
    let is_complete = has_blocks && has_payments && courses.is_some();
    let last: Option<Value> = last
        .filter(|_| !is_complete)
        .and_then(|last| serde_json::from_slice(last).ok());
    let known = last.as_ref().and_then(patch::standings_of);
    for (id, known) in known.unwrap_or_default() {
        let standing = standings.entry(id).or_default();
        if !has_blocks {
            standing.blocked_since = known.blocked_since;
        }
        if !has_payments {
            standing.has_failed_payments = known.has_failed_payments;
            standing.has_retry_payments = known.has_retry_payments;
        }
    }
    let memberships = all.memberships(&standings).await?;
    let mut registrations = all.attendances().await?;
    registrations.extend(courses.unwrap_or_else(|| patch::courses_of(last.as_ref())));
    Ok(json!({
        "members": members,
        "memberships": memberships,
        "registrations": registrations,
        STANDINGS: to_keep(standings),
    }))
}

/// The part of a reading that is not part of the roster: what blocks the memberships of each customer.
pub const STANDINGS: &str = "standings";

/// The standings that block anything.
fn to_keep(mut standings: Standings) -> Standings {
    standings.retain(|_, standing| *standing != Standing::default());
    standings
}

/// The lists of the API: of all customers, or only of some.
struct Lists<'a> {
    api: &'a Api,
    begun: Instant,
    only: Option<&'a BTreeSet<String>>,
}

impl Lists<'_> {
    async fn list<T>(
        &self,
        shape: &Numbered,
        path: &str,
        mut query: Vec<(&str, String)>,
        filter: &'static str,
        convert: Convert<'_, T>,
    ) -> Result<Vec<T>, ReadError> {
        if let Some(only) = self.only {
            let ids: Vec<&str> = only.iter().map(String::as_str).collect();
            query.push((filter, ids.join(",")));
        }
        read_by_number(self.api, shape, path, &query, convert).await
    }

    async fn customers(&self) -> Result<Vec<Value>, ReadError> {
        let query = vec![("deleted", "false".to_owned())];
        self.list(&RESULTS, "customers", query, "ids", &rows::customer)
            .await
    }

    /// Notes who is blocked by staff. Returns whether the business offers the list.
    async fn blocks(&self, standings: &mut Standings) -> Result<bool, ReadError> {
        let query = vec![("is_active", "true".to_owned())];
        let path = "customer_registration_blocks";
        let blocks = self
            .list(&RESULTS, path, query, "customer", &rows::block)
            .await;
        let Some(blocks) = offered(path, blocks)? else {
            return Ok(false);
        };
        for (id, standing) in standings.iter_mut() {
            if self.only.is_none_or(|only| only.contains(id)) {
                standing.blocked_since = None;
            }
        }
        for (customer, since) in blocks.into_iter().flatten() {
            let standing = standings.entry(customer).or_default();
            let earlier = standing.blocked_since.take();
            standing.blocked_since = Some(earlier.map_or(since.clone(), |it| it.min(since)));
        }
        Ok(true)
    }

    /// Notes whose payments failed or are tried again. Returns whether the business offers the report.
    async fn payments(&self, standings: &mut Standings) -> Result<bool, ReadError> {
        let columns = "id,has_failed_payments,has_retry_payments";
        let query = vec![
            ("format", "json".to_owned()),
            ("columns", columns.to_owned()),
            ("sort", "id".to_owned()),
        ];
        let path = "reports/customers/data";
        let rows = self
            .list(&REPORT, path, query, "ids", &rows::payments)
            .await;
        let Some(rows) = offered(path, rows)? else {
            return Ok(false);
        };
        for (customer, has_failed, has_retry) in rows {
            if has_failed || has_retry || standings.contains_key(&customer) {
                let standing = standings.entry(customer).or_default();
                standing.has_failed_payments = has_failed;
                standing.has_retry_payments = has_retry;
            }
        }
        Ok(true)
    }

    async fn memberships(&self, standings: &Standings) -> Result<Vec<Value>, ReadError> {
        let expand = "membership,shared_with,active_hold,payment_subscription";
        let query = vec![
            ("status", "active,hold".to_owned()),
            ("expand", expand.to_owned()),
        ];
        let filter = match self.only {
            Some(only) if only.len() == 1 => "owned_or_shared_with_customer",
            _ => "customer",
        };
        let convert = |row: &Value| rows::memberships(row, standings);
        let rows = self.list(&RESULTS, "customer_memberships", query, filter, &convert);
        Ok(rows.await?.into_iter().flatten().collect())
    }

    fn since(&self) -> String {
        self.begun.minus(BACK).timestamp().to_string()
    }

    async fn attendances(&self) -> Result<Vec<Value>, ReadError> {
        let query = vec![
            ("event_starts_at_gte", self.since()),
            ("expand", "event,event.offering_type,event.venue".to_owned()),
            ("sort", "event_starts_at".to_owned()),
        ];
        let rows = self.list(
            &RESULTS,
            "attendances",
            query,
            "customer",
            &rows::registration,
        );
        Ok(rows.await?.into_iter().flatten().collect())
    }

    /// None where the business does not offer the list.
    async fn courses(&self) -> Result<Option<Vec<Value>>, ReadError> {
        let expand = "course_session,course_session.course,course_session.venue";
        let query = vec![
            ("course_session_starts_at_gte", self.since()),
            ("expand", expand.to_owned()),
        ];
        let path = "course_session_attendances";
        let rows = self.list(
            &RESULTS,
            path,
            query,
            "customer",
            &rows::course_registration,
        );
        let rows = offered(path, rows.await)?;
        Ok(rows.map(|rows| rows.into_iter().flatten().collect()))
    }
}

/// A list; none if there is no such list.
fn offered<T>(path: &str, list: Result<Vec<T>, ReadError>) -> Result<Option<Vec<T>>, ReadError> {
    match list {
        Err(ReadError::Status { status: 404, .. }) => {
            tracing::warn!(
                path,
                "TeamUp does not offer this list; what is known of it stays"
            );
            Ok(None)
        }
        list => list.map(Some),
    }
}
