//! The setup of a Kisi organization (places, locks, groups, roles, integrations), and unlocking.
//!
//! Contract: lists are complete; a field that Kisi leaves out is empty and never an error, only ids
//! are required. Never changes a place, a lock or a group. Called when an account is connected, by
//! the sweep and by unlock requests.

#![expect(missing_docs, reason = "the fields have the names of Kisi's API")]

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::call::{Call, UNLOCK};
use super::client::Client;
use super::error::Error;
use super::page::Row;
use super::wire;

/// The user that owns the key.
#[derive(Clone, Debug, Deserialize)]
pub struct Me {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub name: String,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub email: String,
    pub organization: Option<OrganizationRef>,
}

/// The short form of an organization that other objects embed.
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
    /// The owner's user id.
    pub user_id: Option<i64>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Role {
    pub id: String,
    /// `Organization`, `Place` or `Group`.
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub applies_to: String,
    /// Whether the organization defined this role. `true` if Kisi does not say, because custom roles are never assigned
    /// automatically.
    #[serde(default = "wire::default_true")]
    pub custom: bool,
    /// By name, for example `role_assignments_write`; a missing permission is not granted. `None`: neither true nor false.
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

/// A door. A restriction that Kisi does not mention is `None`.
#[derive(Clone, Debug, Deserialize)]
pub struct Lock {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub name: String,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub description: String,
    pub place_id: Option<i64>,
    pub online: Option<bool>,
    /// The person has to be at the reader: no remote unlock.
    pub reader_restriction_enabled: Option<bool>,
    /// The person has to be near the door.
    pub geofence_restriction_enabled: Option<bool>,
    /// Opens only at the times of its schedules.
    pub time_restriction_enabled: Option<bool>,
}

/// A group of locks that users are assigned to.
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
    /// Whether its members may open by app and API; `true` if Kisi does not say.
    #[serde(default = "wire::default_true")]
    pub login_enabled: bool,
}

/// The membership of a lock in a group.
#[derive(Clone, Debug, Deserialize)]
pub struct GroupLock {
    pub id: i64,
    pub group_id: i64,
    pub lock_id: i64,
}

/// An integration of the organization; Latchkey's own is an event webhook.
#[derive(Clone, Debug, Deserialize)]
pub struct Integration {
    pub id: i64,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub name: String,
    /// For example `event_webhook`.
    #[serde(default, rename = "type", deserialize_with = "wire::or_empty")]
    pub kind: String,
    #[serde(default = "wire::default_true")]
    pub enabled: bool,
    /// Kisi disabled it because deliveries kept failing.
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub disabled_due_to_error: bool,
    /// The URL that events are sent to; absent in lists.
    pub url: Option<String>,
}

/// The location of a person, in degrees.
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
    /// The user that owns the key: the cheapest call to check whether the key still works.
    pub async fn me(&self) -> Result<Me, Error> {
        self.send_and_decode(Call::get("/user")).await
    }

    pub async fn organization(&self) -> Result<Organization, Error> {
        self.send_and_decode(Call::get("/organization")).await
    }

    /// All roles. Kisi does not page this list.
    pub async fn roles(&self) -> Result<Vec<Role>, Error> {
        self.send_and_decode(Call::get("/roles")).await
    }

    pub async fn places(&self) -> Result<Vec<Place>, Error> {
        self.list(|| Call::get("/places").with("sort", "name"))
            .await
    }

    /// All locks; for a member's login, the locks that the member may open.
    pub async fn locks(&self) -> Result<Vec<Lock>, Error> {
        self.list(|| Call::get("/locks").with("sort", "name")).await
    }

    pub async fn groups(&self) -> Result<Vec<Group>, Error> {
        self.list(|| Call::get("/groups").with("sort", "name"))
            .await
    }

    /// The locks of one group.
    pub async fn group_locks(&self, group: i64) -> Result<Vec<GroupLock>, Error> {
        let rows: Vec<GroupLock> = self
            .list(|| Call::get("/group_locks").with("group_id", group))
            .await?;
        Ok(rows
            .into_iter()
            .filter(|row| row.group_id == group)
            .collect())
    }

    /// Opens a door as the user of this client. `location` is where that user is; a door with a geofence requires it. Success
    /// means that the controller accepted the command.
    ///
    /// # Errors
    /// [`Error::code`] has Kisi's own reason.
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
        self.send(Call::post(UNLOCK, body).of(lock)).await
    }

    /// All integrations of the organization, without their URLs: those are only in [`Client::integration`].
    pub async fn integrations(&self) -> Result<Vec<Integration>, Error> {
        self.list(|| Call::get("/integrations")).await
    }

    /// The integration with this id, with its URL; `None` if it does not exist.
    pub async fn integration(&self, id: i64) -> Result<Option<Integration>, Error> {
        match self
            .send_and_decode(Call::get("/integrations/{id}").of(id))
            .await
        {
            Ok(integration) => Ok(Some(integration)),
            Err(error) if error.is_object_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an event webhook: Kisi sends these types of events to `url`, signed with the key.
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
        self.send_and_decode(Call::post("/integrations", json!({ "integration": body })))
            .await
    }

    /// Sets the URL, the signature key and the event types of an existing event webhook, and enables it.
    pub async fn update_event_webhook(
        &self,
        id: i64,
        url: &Url,
        signature_key: &SecretString,
        events: &[&str],
    ) -> Result<(), Error> {
        let body = json!({ "integration": webhook(url, signature_key, events) });
        self.send(Call::patch("/integrations/{id}", body).of(id))
            .await
    }

    /// Deletes an integration; succeeds if it is already gone.
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
