//! Users in Kisi.
//!
//! Contract: a user is found by the exact e-mail address, never by the first hit of a search. Never
//! deletes or changes a user: users belong to the club. Called by the reconciler.

#![expect(missing_docs, reason = "the fields have the names of Kisi's API")]

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::call::Call;
use super::client::Client;
use super::error::Error;
use super::page::Row;
use super::wire;

/// A user of the organization.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct User {
    pub id: i64,
    /// In Kisi's spelling; compare case-insensitively.
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub email: String,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub name: String,
    /// If false, the user can open no door, whatever is assigned.
    #[serde(default = "wire::default_true")]
    pub access_enabled: bool,
    /// Whether the e-mail address is confirmed; none if Kisi does not say. Kisi calls the field deprecated.
    #[serde(default, deserialize_with = "wire::readable")]
    pub confirmed: Option<bool>,
    /// When the user last used Kisi: `Some(None)` for never, none if Kisi does not say.
    #[serde(default, deserialize_with = "wire::readable")]
    pub last_accessed_at: Option<Option<Timestamp>>,
    #[serde(default, deserialize_with = "wire::readable")]
    pub created_at: Option<Timestamp>,
}

/// A user to create.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub email: String,
    /// If empty, Kisi chooses one.
    pub name: String,
    /// Whether Kisi sends e-mails to the person.
    pub send_emails: bool,
}

impl Row for User {
    const LIMIT: u64 = 100;
    fn id(&self) -> i64 {
        self.id
    }
}

impl Client {
    /// The user with this e-mail address; case and surrounding space are ignored.
    ///
    /// # Errors
    /// Also when two users have the address, because either could be meant.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, Error> {
        let wanted = email.trim().to_lowercase();
        let users: Vec<User> = self
            .list(|| {
                Call::get("/users")
                    .with("email", &wanted)
                    .with("sort", "name")
            })
            .await?;
        let mut matches = users
            .into_iter()
            .filter(|user| user.email.trim().to_lowercase() == wanted);
        match (matches.next(), matches.next()) {
            (Some(_), Some(_)) => Err(Error::malformed("two users have the same e-mail address")),
            (first, _) => Ok(first),
        }
    }

    /// Every user of the organization.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        self.list(|| Call::get("/users").with("sort", "name")).await
    }

    /// The number of calls that it takes to read every user, from a request for one user; `None` if Kisi does not say.
    pub async fn user_pages(&self) -> Result<Option<u64>, Error> {
        let total = self.total(Call::get("/users").with("sort", "name")).await?;
        Ok(total.map(|users| users.div_ceil(User::LIMIT)))
    }

    /// Creates a user with a confirmed e-mail address, as Kisi's guides do. A user with an unconfirmed address cannot open doors
    /// by app, and Kisi's confirmation e-mail may never arrive.
    ///
    /// # Errors
    /// `Unprocessable` or `Conflict` also when the address is taken: look the user up with
    /// [`Client::user_by_email`].
    pub async fn create_user(&self, user: &NewUser) -> Result<User, Error> {
        let mut body = json!({
            "email": user.email,
            "send_emails": user.send_emails,
            "confirm": true,
        });
        if !user.name.trim().is_empty()
            && let Some(fields) = body.as_object_mut()
        {
            fields.insert("name".to_owned(), json!(user.name));
        }
        self.send_and_decode(Call::post("/users", json!({ "user": body })))
            .await
    }
}
