//! What a Kisi organization consists of: places, locks, groups, roles, webhooks; and the opening of
//! a lock.
//!
//! Promises: lists are whole; what Kisi leaves out is empty and never an error, ids alone are
//! needed. Must never change a place, a lock or a group. Called when an account is connected, by
//! the sweep, and by the unlock.

#![expect(
    missing_docs,
    reason = "the fields bear the names that Kisi gives them"
)]

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::call::Call;
use super::client::Client;
use super::error::Error;
use super::page::Row;
use super::wire;

pub(super) const UNLOCK: &str = "/locks/{id}/unlock";

/// The user whom the key belongs to.
#[derive(Clone, Debug, Deserialize)]
pub struct Me {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub name: String,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub email: String,
    pub organization: Option<OrganizationRef>,
}

/// An organization as it is named elsewhere.
#[derive(Clone, Debug, Deserialize)]
pub struct OrganizationRef {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub name: String,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub domain: String,
}

/// The organization of the key.
#[derive(Clone, Debug, Deserialize)]
pub struct Organization {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub name: String,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub domain: String,
    /// Its owner.
    pub user_id: Option<i64>,
}

/// A role and what it allows.
#[derive(Clone, Debug, Deserialize)]
pub struct Role {
    pub id: String,
    /// `Organization`, `Place` or `Group`.
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub applies_to: String,
    /// Made by the organization itself. Taken as one where Kisi is silent: such a role is never given by itself.
    #[serde(default = "wire::on")]
    pub custom: bool,
    /// As `role_assignments_write`; what is not named is not allowed. `None`: neither yes nor no.
    #[serde(default, deserialize_with = "wire::permissions")]
    pub permissions: BTreeMap<String, Option<bool>>,
}

/// A building.
#[derive(Clone, Debug, Deserialize)]
pub struct Place {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub name: String,
    /// IANA name.
    pub time_zone: Option<String>,
}

/// A door. A restriction that Kisi does not speak of is `None`.
#[derive(Clone, Debug, Deserialize)]
pub struct Lock {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub name: String,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub description: String,
    pub place_id: Option<i64>,
    pub online: Option<bool>,
    /// One must stand at the reader: no unlock from afar.
    pub reader_restriction_enabled: Option<bool>,
    /// One must be near.
    pub geofence_restriction_enabled: Option<bool>,
    /// Only at the times of its schedules.
    pub time_restriction_enabled: Option<bool>,
}

/// A group of doors that people are assigned to.
#[derive(Clone, Debug, Deserialize)]
pub struct Group {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub name: String,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub description: String,
    /// `None` for a group of the whole organization.
    pub place_id: Option<i64>,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub geofence_restriction_enabled: bool,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub primary_device_restriction_enabled: bool,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub managed_device_restriction_enabled: bool,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub reader_restriction_enabled: bool,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub time_restriction_enabled: bool,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub tap_to_access_restriction_enabled: bool,
    /// Whether its members may open by app and API at all; taken as on when Kisi is silent.
    #[serde(default = "wire::on")]
    pub login_enabled: bool,
}

/// That a lock is in a group.
#[derive(Clone, Debug, Deserialize)]
pub struct GroupLock {
    pub id: i64,
    pub group_id: i64,
    pub lock_id: i64,
}

/// Something that the organization is connected to; ours is a webhook for events.
#[derive(Clone, Debug, Deserialize)]
pub struct Integration {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub name: String,
    /// As `event_webhook`.
    #[serde(default, rename = "type", deserialize_with = "wire::or_empty")]
    pub kind: String,
    #[serde(default = "wire::on")]
    pub enabled: bool,
    /// Kisi switched it off because deliveries kept failing.
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub disabled_due_to_error: bool,
    /// Where events are sent; a list does not show it.
    pub url: Option<String>,
}

/// Where somebody is, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Location {
    /// North of the equator.
    pub latitude: f64,
    /// East of Greenwich.
    pub longitude: f64,
}

macro_rules! rows_by_id {
    ($($row:ty),+) => {
        $(impl Row for $row {
            fn id(&self) -> i64 {
                self.id
            }
        })+
    };
}
rows_by_id!(Place, Lock, Group, GroupLock, Integration);

impl Client {
    /// Whose key this is: the cheapest call that shows whether it still works.
    pub async fn me(&self) -> Result<Me, Error> {
        self.one(Call::get("/user")).await
    }

    /// The organization of the key.
    pub async fn organization(&self) -> Result<Organization, Error> {
        self.one(Call::get("/organization")).await
    }

    /// All roles; Kisi does not page them.
    pub async fn roles(&self) -> Result<Vec<Role>, Error> {
        self.one(Call::get("/roles")).await
    }

    /// All places.
    pub async fn places(&self) -> Result<Vec<Place>, Error> {
        self.list(|| Call::get("/places").with("sort", "name"))
            .await
    }

    /// All locks; with the login of a member, those that the member may open.
    pub async fn locks(&self) -> Result<Vec<Lock>, Error> {
        self.list(|| Call::get("/locks").with("sort", "name")).await
    }

    /// All groups.
    pub async fn groups(&self) -> Result<Vec<Group>, Error> {
        self.list(|| Call::get("/groups").with("sort", "name"))
            .await
    }

    /// Which locks are in the group.
    pub async fn group_locks(&self, group: i64) -> Result<Vec<GroupLock>, Error> {
        let rows: Vec<GroupLock> = self
            .list(|| Call::get("/group_locks").with("group_id", group))
            .await?;
        Ok(rows
            .into_iter()
            .filter(|row| row.group_id == group)
            .collect())
    }

    /// Opens a door as the user of this client, who is at the location where it is known: a door with a geofence asks for it.
    /// Done means that the controller took the command.
    ///
    /// # Errors
    /// Kisi's own reason is in [`Error::code`].
    pub async fn unlock(&self, lock: i64, location: Option<Location>) -> Result<(), Error> {
        let body = match location {
            None => json!({}),
            Some(Location {
                latitude,
                longitude,
            }) => json!({
                "context": { "location": { "latitude": latitude, "longitude": longitude } }
            }),
        };
        self.done(Call::post(UNLOCK, body).of(lock)).await
    }

    /// All integrations of the organization, without their addresses: Kisi shows those one by one.
    pub async fn integrations(&self) -> Result<Vec<Integration>, Error> {
        self.list(|| Call::get("/integrations")).await
    }

    /// The integration with this id, with its address; `None` when it is gone.
    pub async fn integration(&self, id: i64) -> Result<Option<Integration>, Error> {
        match self.one(Call::get("/integrations/{id}").of(id)).await {
            Ok(there) => Ok(Some(there)),
            Err(error) if error.says_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Has Kisi send these types of events to `url`, signed with the key.
    pub async fn create_event_webhook(
        &self,
        url: &Url,
        signature_key: &SecretString,
        events: &[&str],
    ) -> Result<Integration, Error> {
        let mut body = webhook(url, signature_key, events);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("type".to_owned(), json!("event_webhook"));
        }
        self.one(Call::post("/integrations", json!({ "integration": body })))
            .await
    }

    /// Has an integration that is there send these types of events to `url`, signed with the key, and switches it on.
    pub async fn update_event_webhook(
        &self,
        id: i64,
        url: &Url,
        signature_key: &SecretString,
        events: &[&str],
    ) -> Result<(), Error> {
        let body = json!({ "integration": webhook(url, signature_key, events) });
        self.done(Call::patch("/integrations/{id}", body).of(id))
            .await
    }

    /// Deletes an integration; one that is gone already is done.
    pub async fn delete_integration(&self, id: i64) -> Result<(), Error> {
        self.delete(Call::delete("/integrations/{id}").of(id)).await
    }
}

fn webhook(url: &Url, signature_key: &SecretString, events: &[&str]) -> serde_json::Value {
    json!({
        "name": "Latchkey",
        "url": url.as_str(),
        "enabled": true,
        "enabled_events": events,
        "signature_key": signature_key.expose_secret(),
    })
}
