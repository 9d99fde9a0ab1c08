//! People in Kisi.
//!
//! Promises: a person is found by the exact e-mail address and never by the first hit of a search.
//! Must never delete or change a user: they are the club's, not ours. Called by the reconciler.

#![expect(
    missing_docs,
    reason = "the fields bear the names that Kisi gives them"
)]

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
    /// As Kisi writes it; compare without regard to case.
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub email: String,
    #[serde(default, deserialize_with = "wire::or_empty")]
    pub name: String,
    /// When false, the user passes nowhere, whatever is assigned.
    #[serde(default = "wire::on")]
    pub access_enabled: bool,
}

/// A user to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub email: String,
    /// Left to Kisi when empty.
    pub name: String,
    /// Whether Kisi writes e-mails to the person.
    pub send_emails: bool,
}

impl Row for User {
    const LIMIT: u64 = 100;
    fn id(&self) -> i64 {
        self.id
    }
}

impl Client {
    /// The user with exactly this address, case and surrounding space aside.
    ///
    /// # Errors
    /// Also when two users bear it: which of them is meant, nobody can tell.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, Error> {
        let wanted = email.trim().to_lowercase();
        let found: Vec<User> = self
            .list(|| {
                Call::get("/users")
                    .with("email", &wanted)
                    .with("sort", "name")
            })
            .await?;
        let mut same = found
            .into_iter()
            .filter(|user| user.email.trim().to_lowercase() == wanted);
        match (same.next(), same.next()) {
            (Some(_), Some(_)) => Err(Error::malformed("two users bear one e-mail address")),
            (first, _) => Ok(first),
        }
    }

    /// Every user of the organization.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        self.list(|| Call::get("/users").with("sort", "name")).await
    }

    /// How many calls it takes to read every user, by asking for one; none where Kisi does not say.
    pub async fn user_pages(&self) -> Result<Option<u64>, Error> {
        let total = self.total(Call::get("/users").with("sort", "name")).await?;
        Ok(total.map(|users| users.div_ceil(User::LIMIT)))
    }

    /// Makes a user whose address counts as confirmed, as Kisi's guides do: somebody who has to confirm it first passes nowhere
    /// by app until then, and Kisi's e-mail that asks for it may never come.
    ///
    /// # Errors
    /// `Unprocessable` or `Conflict` also when the address is taken: look again with
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
        self.one(Call::post("/users", json!({ "user": body })))
            .await
    }
}
