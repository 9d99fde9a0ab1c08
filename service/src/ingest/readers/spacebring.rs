//! Spacebring's API, location by location: the people and companies of a network, their subscriptions and bookings. A
//! subscription counts while it is active or scheduled, whatever its invoices say; a booking counts if it is confirmed.

use std::{collections::BTreeMap, time::Duration};

use access::Instant;
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use url::Url;

use super::{
    api::Api,
    failure::ReadError,
    pages::{read_by_token, whole},
};
use crate::ingest::adapter::{
    put,
    spacebring::{booked_kind, full_name},
};

/// Spacebring allows ten requests per second; this leaves some room.
const PACE: Duration = Duration::from_millis(110);
/// Bookings are read until this long after their end.
const BOOKINGS_BACK: Duration = Duration::from_hours(24);
/// How far ahead bookings are read, since recurring ones have no end.
const BOOKINGS_AHEAD: Duration = Duration::from_hours(100 * 24);

/// The client of the API at this address.
pub fn api(http: reqwest::Client, base: Url, id: &str, secret: &str) -> Result<Api, ReadError> {
    let basic = STANDARD.encode(format!("{id}:{secret}"));
    let headers = [(
        "authorization",
        SecretString::from(format!("Basic {basic}")),
    )];
    Api::new(http, base, &headers, PACE)
}

/// Reads everything, or one location, as the lists of a roster.
pub async fn read(api: &Api, location: Option<&str>, begun: Instant) -> Result<Value, ReadError> {
    let mut network = Network::default();
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
        network.read(api, location, begun).await?;
    }
    Ok(network.into_roster())
}

fn text<'a>(row: &'a Value, name: &str) -> Option<&'a str> {
    row.get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty())
}

/// The rows read so far, by Spacebring's ids.
#[derive(Default)]
struct Network {
    people: BTreeMap<String, Value>,
    /// By person: the companies.
    companies_of: BTreeMap<String, BTreeMap<String, Value>>,
    companies: BTreeMap<String, Value>,
    /// By Spacebring membership (a person's presence in a location): the person.
    member_of: BTreeMap<String, String>,
    held: Vec<Value>,
    booked: Vec<Value>,
}

impl Network {
    async fn read(&mut self, api: &Api, location: &Value, begun: Instant) -> Result<(), ReadError> {
        let id = text(location, "id")
            .ok_or_else(|| ReadError::odd("locations/v1", "a row has no id"))?;
        let of = [("locationRef", id.to_owned())];
        let site = json!({ "id": id, "name": text(location, "title"), "time_zone": text(location, "timezoneId") });
        for row in read_by_token(api, "community/companies/v1", "companies", &of, &whole).await? {
            self.company(&row);
        }
        for row in
            read_by_token(api, "community/memberships/v1", "memberships", &of, &whole).await?
        {
            self.membership(&row)?;
        }
        let mut query = of.to_vec();
        query.push(("status", "active,scheduled".to_owned()));
        for row in read_by_token(api, "subscriptions/v1", "subscriptions", &query, &whole).await? {
            self.subscription(&row, &site)?;
        }
        let mut resources = BTreeMap::new();
        for row in read_by_token(api, "resources/v1", "resources", &of, &whole).await? {
            resources.insert(text(&row, "id").unwrap_or_default().to_owned(), row);
        }
        let mut query = of.to_vec();
        query.extend([
            ("status", "confirmed".to_owned()),
            ("singleBookings", "true".to_owned()),
            (
                "endDate[gte]",
                begun.minus(BOOKINGS_BACK).timestamp().to_string(),
            ),
            (
                "startDate[lte]",
                begun.plus(BOOKINGS_AHEAD).timestamp().to_string(),
            ),
        ]);
        for row in read_by_token(api, "resources/bookings/v1", "bookings", &query, &whole).await? {
            self.booking(&row, &resources, &site)?;
        }
        Ok(())
    }

    fn company(&mut self, row: &Value) {
        if let (Some(id), None) = (text(row, "id"), text(row, "deleteDate")) {
            let company = json!({ "id": id, "name": text(row, "title") });
            self.companies.insert(id.to_owned(), company);
        }
    }

    fn membership(&mut self, row: &Value) -> Result<(), ReadError> {
        let odd = |what: &str| ReadError::odd("community/memberships/v1", what);
        if text(row, "deleteDate").is_some() || text(row, "status") == Some("requested") {
            return Ok(());
        }
        let user = row.get("user").filter(|user| user.is_object());
        let user = user.ok_or_else(|| odd("a membership has no user"))?;
        let id = self.person(user).ok_or_else(|| odd("a user has no id"))?;
        if let Some(membership) = text(row, "id") {
            self.member_of.insert(membership.to_owned(), id.clone());
        }
        if let Some(company) = text(row, "companyRef") {
            let name = self
                .companies
                .get(company)
                .and_then(|company| company.get("name"));
            let company_ref = json!({ "id": company, "name": name });
            let of = self.companies_of.entry(id).or_default();
            of.insert(company.to_owned(), company_ref);
        }
        Ok(())
    }

    /// Stores a user; returns the id.
    fn person(&mut self, user: &Value) -> Option<String> {
        let id = text(user, "id")?.to_owned();
        let person = json!({ "id": id, "email": text(user, "email"), "name": full_name(user) });
        self.people.insert(id.clone(), person);
        Some(id)
    }

    fn subscription(&mut self, row: &Value, site: &Value) -> Result<(), ReadError> {
        let odd = |what: &str| ReadError::odd("subscriptions/v1", what);
        let status = match text(row, "status") {
            Some("active") => "active",
            Some("scheduled") => "scheduled",
            _ => return Err(odd("a subscription has a status that was not requested")),
        };
        let id = text(row, "id").ok_or_else(|| odd("a subscription has no id"))?;
        let customer = row.get("customer").unwrap_or(&Value::Null);
        let customer_id = text(row, "customerRef").or_else(|| text(customer, "id"));
        let mut membership = Map::new();
        match text(row, "subscriptionType").or_else(|| text(customer, "type")) {
            Some("company") => {
                let company = text(row, "companyRef").or(customer_id);
                let company = company.ok_or_else(|| odd("a subscription names no company"))?;
                membership.insert(
                    "company".to_owned(),
                    json!({ "id": company, "name": text(customer, "title") }),
                );
            }
            Some("user") => {
                let user = customer.get("user").and_then(|user| text(user, "id"));
                let member = [text(row, "membershipRef"), customer_id]
                    .into_iter()
                    .flatten();
                let member = member
                    .into_iter()
                    .find_map(|id| self.member_of.get(id).map(String::as_str));
                let person = user.or(text(row, "userRef")).or(member);
                let person = person.ok_or_else(|| odd("a subscription names nobody"))?;
                membership.insert("member".to_owned(), json!({ "id": person }));
            }
            _ => return Err(odd("a subscription is neither a user's nor a company's")),
        }
        let items = row.get("items").and_then(Value::as_array);
        for item in items.ok_or_else(|| odd("a subscription has no items"))? {
            let plan = item.get("plan").unwrap_or(&Value::Null);
            let Some(plan_id) = text(item, "planRef")
                .or_else(|| text(plan, "id"))
                .or_else(|| text(item, "resourceRef"))
            else {
                continue;
            };
            let item_id = text(item, "id").ok_or_else(|| odd("an item has no id"))?;
            let end = |name: &str| text(item, name).or_else(|| text(row, name));
            let mut membership = membership.clone();
            membership.extend(Map::from_iter([
                ("id".to_owned(), json!(format!("{id}:{item_id}"))),
                (
                    "plan".to_owned(),
                    json!({ "id": plan_id, "name": text(plan, "title") }),
                ),
                ("status".to_owned(), json!(status)),
                ("starts_at".to_owned(), json!(end("startDate"))),
                ("ends_at".to_owned(), json!(end("endDate"))),
                ("location".to_owned(), site.clone()),
            ]));
            self.held.push(Value::Object(membership));
        }
        Ok(())
    }

    fn booking(
        &mut self,
        row: &Value,
        resources: &BTreeMap<String, Value>,
        site: &Value,
    ) -> Result<(), ReadError> {
        let odd = |what: &str| ReadError::odd("resources/bookings/v1", what);
        if text(row, "deleteDate").is_some() {
            return Ok(());
        }
        let owner = row.get("userOwner").and_then(|user| text(user, "id"));
        let by_membership = text(row, "membershipRefOwner")
            .and_then(|id| self.member_of.get(id).map(String::as_str));
        // A booking without an owner gives nobody access.
        let Some(owner) = owner.or(by_membership).map(str::to_owned) else {
            return Ok(());
        };
        if let Some(user) = row
            .get("userOwner")
            .filter(|_| !self.people.contains_key(&owner))
        {
            self.person(user);
        }
        let resource =
            text(row, "resourceRef").ok_or_else(|| odd("a booking names no resource"))?;
        let resource_row = resources.get(resource);
        let kind = resource_row
            .and_then(|resource_row| text(resource_row, "type"))
            .or_else(|| text(row, "resourceType"));
        let attendees = row.get("attendees").and_then(Value::as_array);
        let guests = attendees.into_iter().flatten().filter_map(|attendee| {
            let user = attendee.get("user").filter(|user| user.is_object())?;
            let id = text(user, "id");
            let mut guest = json!({ "email": text(user, "email"), "name": full_name(user) });
            if let Some(id) = id {
                put(&mut guest, "id", json!(id));
            }
            Some(guest)
        });
        self.booked.push(json!({
            "id": row.get("id"),
            "kind": booked_kind(kind),
            "item": { "id": resource, "name": resource_row.and_then(|resource_row| text(resource_row, "title")) },
            "member": { "id": owner },
            "guests": guests.collect::<Vec<_>>(),
            "status": "confirmed",
            "starts_at": row.get("startDate"),
            "ends_at": row.get("endDate"),
            "location": site,
        }));
        Ok(())
    }

    fn into_roster(self) -> Value {
        let Self {
            people,
            mut companies_of,
            companies,
            held,
            booked,
            ..
        } = self;
        let members = people.into_iter().map(|(id, mut person)| {
            let companies = companies_of.remove(&id).unwrap_or_default();
            put(&mut person, "companies", companies.into_values().collect());
            person
        });
        json!({
            "members": members.collect::<Vec<_>>(),
            "companies": companies.into_values().collect::<Vec<_>>(),
            "memberships": held,
            "registrations": booked,
        })
    }
}
