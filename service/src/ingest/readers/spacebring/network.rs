//! What was read of a network so far, by Spacebring's ids; and again from the last reading, so that single objects can be read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::sold::{self, Plan};
use crate::ingest::{
    adapter::{
        put,
        spacebring::{booked_kind, full_name, item, kisi_group},
    },
    readers::{changes::OFFERINGS, failure::ReadError, strict},
    values::text,
};

/// The part of a reading that is not part of the roster: what is needed to understand single objects.
pub const NETWORK: &str = "network";

#[derive(Default)]
pub struct Network {
    /// By location: id, name and time zone, as a roster has them.
    sites: BTreeMap<String, Value>,
    /// By resource: its title, type, location and access group.
    resources: BTreeMap<String, Value>,
    plans: BTreeMap<String, Plan>,
    people: BTreeMap<String, Value>,
    /// By Spacebring membership (a person's presence in a location): the person, and the company if there is one.
    presences: BTreeMap<String, (String, Option<String>)>,
    companies: BTreeMap<String, Value>,
    held: BTreeMap<String, Value>,
    /// By item of a subscription: its access group.
    item_groups: BTreeMap<String, i64>,
    booked: BTreeMap<String, Value>,
}

impl Network {
    /// Notes a location; returns its id.
    pub fn location(&mut self, row: &Value) -> Result<String, ReadError> {
        let path = "locations/v1";
        let id = text(row, "id").ok_or_else(|| ReadError::odd(path, "a row has no id"))?;
        let zone = strict::text(path, row, "timezoneId")?;
        let site = json!({ "id": id, "name": text(row, "title"), "time_zone": zone });
        self.sites.insert(id.to_owned(), site);
        Ok(id.to_owned())
    }

    pub fn resource(&mut self, row: &Value, location: &str) -> Result<(), ReadError> {
        let path = "resources/v1";
        let id = strict::text(path, row, "id")?;
        let id = id.ok_or_else(|| ReadError::odd(path, "a resource has no id"))?;
        let resource = json!({
            "title": text(row, "title"), "type": strict::text(path, row, "type")?, "location": location,
            "group": kisi_group(row),
        });
        self.resources.insert(id.to_owned(), resource);
        Ok(())
    }

    pub fn plan(&mut self, row: &Value) {
        if let Some(id) = text(row, "id") {
            self.plans.insert(id.to_owned(), Plan::of(row));
        }
    }

    /// Takes the plans of the last reading for those that were not read.
    pub fn keep_plans(&mut self, last: &Value) {
        let plans = last.get(NETWORK).and_then(|kept| kept.get("plans"));
        let plans = plans.and_then(|plans| BTreeMap::deserialize(plans).ok());
        for (id, plan) in plans.unwrap_or_default() {
            self.plans.entry(id).or_insert(plan);
        }
    }

    pub fn has_resource(&self, id: &str) -> bool {
        self.resources.contains_key(id)
    }

    pub fn company(&mut self, row: &Value) -> Result<(), ReadError> {
        let path = "community/companies/v1";
        let id = strict::text(path, row, "id")?;
        let id = id.ok_or_else(|| ReadError::odd(path, "a company has no id"))?;
        if strict::text(path, row, "deleteDate")?.is_none() {
            let company = json!({ "id": id, "name": text(row, "title") });
            self.companies.insert(id.to_owned(), company);
        }
        Ok(())
    }

    pub fn membership(&mut self, row: &Value) -> Result<(), ReadError> {
        let path = "community/memberships/v1";
        let odd = |what: &str| ReadError::odd(path, what);
        if strict::text(path, row, "deleteDate")?.is_some()
            || strict::text(path, row, "status")? == Some("requested")
        {
            return Ok(());
        }
        let user = strict::object(path, row, "user")?;
        let user = user.ok_or_else(|| odd("a membership has no user"))?;
        strict::text(path, user, "email")?;
        let person = self.person(user).ok_or_else(|| odd("a user has no id"))?;
        let id = text(row, "id").ok_or_else(|| odd("a membership has no id"))?;
        let company = strict::text(path, row, "companyRef")?.map(str::to_owned);
        self.presences.insert(id.to_owned(), (person, company));
        Ok(())
    }

    /// Stores a user; returns the id.
    fn person(&mut self, user: &Value) -> Option<String> {
        let id = text(user, "id")?.to_owned();
        let person = json!({ "id": id, "email": text(user, "email"), "name": full_name(user) });
        self.people.insert(id.clone(), person);
        Some(id)
    }

    fn person_of(&self, membership: &str) -> Option<&str> {
        self.presences
            .get(membership)
            .map(|(person, _)| person.as_str())
    }

    /// Replaces what the subscription gave by its items. One that does not count gives nothing.
    pub fn replace_subscription(&mut self, row: &Value) -> Result<(), ReadError> {
        let path = "subscriptions/v1";
        let odd = |what: &str| ReadError::odd(path, what);
        let id = text(row, "id").ok_or_else(|| odd("a subscription has no id"))?;
        let status = strict::text(path, row, "status")?;
        let status = status.ok_or_else(|| odd("a subscription has no status"))?;
        let items = format!("{id}:");
        self.held.retain(|held, _| !held.starts_with(&items));
        self.item_groups.retain(|held, _| !held.starts_with(&items));
        let counts = matches!(status, "active" | "scheduled");
        if counts && strict::text(path, row, "deleteDate")?.is_none() {
            self.subscription(row)?;
        }
        Ok(())
    }

    pub fn subscription(&mut self, row: &Value) -> Result<(), ReadError> {
        let odd = |what: &str| ReadError::odd("subscriptions/v1", what);
        let status = match text(row, "status") {
            Some("active") => "active",
            Some("scheduled") => "scheduled",
            _ => return Err(odd("a subscription has a status that was not requested")),
        };
        let id = text(row, "id").ok_or_else(|| odd("a subscription has no id"))?;
        let path = "subscriptions/v1";
        strict::texts(path, row, &["startDate", "endDate", "locationRef"])?;
        let holder = self.holder(row)?;
        let site = text(row, "locationRef").and_then(|id| self.sites.get(id));
        let site = site.cloned().unwrap_or(Value::Null);
        let items = row.get("items").and_then(Value::as_array);
        for sold in items.ok_or_else(|| odd("a subscription has no items"))? {
            check_item(sold)?;
            let Some(item) = item(sold, row) else {
                continue;
            };
            let item_id = item.id.ok_or_else(|| odd("an item has no id"))?;
            let id = format!("{id}:{item_id}");
            let mut membership = holder.clone();
            membership.extend(Map::from_iter([
                ("id".to_owned(), json!(id)),
                ("plan".to_owned(), item.plan),
                ("status".to_owned(), json!(status)),
                ("starts_at".to_owned(), json!(item.starts)),
                ("ends_at".to_owned(), json!(item.ends)),
                ("location".to_owned(), site.clone()),
            ]));
            if let Some(group) = item.group {
                self.item_groups.insert(id.clone(), group);
            }
            self.held.insert(id, Value::Object(membership));
        }
        Ok(())
    }

    /// The member or the company of a subscription.
    fn holder(&self, row: &Value) -> Result<Map<String, Value>, ReadError> {
        let odd = |what: &str| ReadError::odd("subscriptions/v1", what);
        let customer = row.get("customer").unwrap_or(&Value::Null);
        let customer_id = text(row, "customerRef").or_else(|| text(customer, "id"));
        let (name, holder) = match text(row, "subscriptionType").or_else(|| text(customer, "type"))
        {
            Some("company") => {
                let company = text(row, "companyRef").or(customer_id);
                let company = company.ok_or_else(|| odd("a subscription names no company"))?;
                (
                    "company",
                    json!({ "id": company, "name": text(customer, "title") }),
                )
            }
            Some("user") => {
                let user = customer.get("user").and_then(|user| text(user, "id"));
                let memberships = [text(row, "membershipRef"), customer_id];
                let member = memberships
                    .into_iter()
                    .flatten()
                    .find_map(|id| self.person_of(id));
                let person = user.or(text(row, "userRef")).or(member);
                let person = person.ok_or_else(|| odd("a subscription names nobody"))?;
                ("member", json!({ "id": person }))
            }
            _ => return Err(odd("a subscription is neither a user's nor a company's")),
        };
        Ok(Map::from_iter([(name.to_owned(), holder)]))
    }

    /// Forgets a booking and its occurrences.
    pub fn forget_booking(&mut self, id: &str) {
        let occurrences = format!("{id}_");
        self.booked
            .retain(|booked, _| booked != id && !booked.starts_with(&occurrences));
    }

    /// Forgets the bookings of a resource.
    pub fn forget_bookings_of(&mut self, resource: &str) {
        self.booked
            .retain(|_, row| row.pointer("/item/id").and_then(Value::as_str) != Some(resource));
    }

    /// `location`: where the booking was found, in case its resource is not listed.
    pub fn booking(&mut self, row: &Value, location: Option<&str>) -> Result<(), ReadError> {
        let path = "resources/bookings/v1";
        let odd = |what: &str| ReadError::odd(path, what);
        if strict::text(path, row, "deleteDate")?.is_some() {
            return Ok(());
        }
        let user = strict::object(path, row, "userOwner")?;
        let owner = match user {
            Some(user) => strict::text(path, user, "id")?,
            None => None,
        };
        let by_membership = strict::text(path, row, "membershipRefOwner")?;
        let by_membership = by_membership.and_then(|id| self.person_of(id));
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
        let id = text(row, "id").ok_or_else(|| odd("a booking has no id"))?;
        let resource =
            text(row, "resourceRef").ok_or_else(|| odd("a booking names no resource"))?;
        let known = self.resources.get(resource);
        let kind = known
            .and_then(|known| text(known, "type"))
            .or_else(|| text(row, "resourceType"));
        let site = known.map_or(location, |known| text(known, "location"));
        let site = site.and_then(|id| self.sites.get(id));
        let mut guests = Vec::new();
        for attendee in strict::list(path, row, "attendees")? {
            guests.extend(self.guest(attendee)?);
        }
        let booking = json!({
            "id": id,
            "kind": booked_kind(kind),
            "item": { "id": resource, "name": known.and_then(|known| text(known, "title")) },
            "member": { "id": owner },
            "guests": guests,
            "status": "confirmed",
            "starts_at": row.get("startDate"),
            "ends_at": row.get("endDate"),
            "location": site,
        });
        self.booked.insert(id.to_owned(), booking);
        Ok(())
    }

    /// An attendee: a user, or a membership of the location.
    fn guest(&self, attendee: &Value) -> Result<Option<Value>, ReadError> {
        let path = "resources/bookings/v1";
        if !attendee.is_object() {
            return Err(ReadError::odd(path, "an attendee is not an object"));
        }
        let membership = strict::text(path, attendee, "membershipRef")?;
        let by_membership = || {
            let person = self.person_of(membership?)?;
            self.people.get(person).cloned()
        };
        let Some(user) = strict::object(path, attendee, "user")? else {
            return Ok(by_membership());
        };
        let email = strict::text(path, user, "email")?;
        let mut guest = json!({ "email": email, "name": full_name(user) });
        match strict::text(path, user, "id")? {
            Some(id) => put(&mut guest, "id", json!(id)),
            None if email.is_none() => return Ok(by_membership()),
            None => {}
        }
        Ok(Some(guest))
    }

    /// The lists of a roster, and what later readings of single objects need.
    pub fn into_reading(self) -> Value {
        let mut companies_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (person, company) in self.presences.values() {
            let of = companies_of.entry(person).or_default();
            of.extend(company.as_deref());
        }
        let members = self.people.iter().map(|(id, person)| {
            let mut person = person.clone();
            let companies = companies_of.remove(id.as_str()).unwrap_or_default();
            let company = |id: &str| {
                let known = self.companies.get(id);
                known
                    .cloned()
                    .unwrap_or_else(|| json!({ "id": id, "name": null }))
            };
            let companies = companies.into_iter().map(company).collect();
            put(&mut person, "companies", companies);
            person
        });
        let members: Vec<Value> = members.collect();
        let offerings =
            sold::offerings(&self.plans, &self.resources, &self.held, &self.item_groups);
        json!({
            OFFERINGS: offerings,
            "members": members,
            "companies": self.companies.into_values().collect::<Vec<_>>(),
            "memberships": self.held.into_values().collect::<Vec<_>>(),
            "registrations": self.booked.into_values().collect::<Vec<_>>(),
            NETWORK: {
                "sites": self.sites, "resources": self.resources, "plans": self.plans, "item_groups": self.item_groups,
                "presences": self.presences,
            },
        })
    }

    /// The network of a reading; none if the reading was stored by a version that kept no network.
    pub fn of_reading(reading: &Value) -> Option<Self> {
        let kept = reading.get(NETWORK)?;
        let by_id = |list: &str| {
            let rows = reading.get(list)?.as_array()?;
            let row = |row: &Value| Some((text(row, "id")?.to_owned(), row.clone()));
            rows.iter().map(row).collect::<Option<BTreeMap<_, _>>>()
        };
        let mut people = by_id("members")?;
        for person in people.values_mut() {
            person.as_object_mut()?.remove("companies");
        }
        Some(Self {
            sites: BTreeMap::deserialize(kept.get("sites")?).ok()?,
            resources: BTreeMap::deserialize(kept.get("resources")?).ok()?,
            plans: BTreeMap::deserialize(kept.get("plans")?).ok()?,
            item_groups: BTreeMap::deserialize(kept.get("item_groups")?).ok()?,
            presences: BTreeMap::deserialize(kept.get("presences")?).ok()?,
            people,
            companies: by_id("companies")?,
            held: by_id("memberships")?,
            booked: by_id("registrations")?,
        })
    }
}

/// Checks the fields of a subscription's item that decide whether it gives access, and until when.
fn check_item(sold: &Value) -> Result<(), ReadError> {
    let path = "subscriptions/v1";
    if !sold.is_object() {
        return Err(ReadError::odd(path, "an item is not an object"));
    }
    let texts = ["planRef", "resourceRef", "startDate", "endDate"];
    strict::texts(path, sold, &texts)?;
    for name in ["plan", "resource"] {
        if let Some(object) = strict::object(path, sold, name)? {
            strict::text(path, object, "id")?;
        }
    }
    match sold.get("kisiGroupRef") {
        None | Some(Value::Null | Value::String(_) | Value::Number(_)) => Ok(()),
        Some(_) => Err(ReadError::odd(path, "kisiGroupRef is not an id")),
    }
}
