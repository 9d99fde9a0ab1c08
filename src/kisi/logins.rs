//! Secrets that Kisi gives out: a key for an account, a login for a member.
//!
//! Promises: a secret leaves only inside a `SecretString`. Must never keep or log a password.
//! Called when an account is connected, and by the unlock that is made on behalf of a member.

#![expect(
    missing_docs,
    reason = "the fields bear the names that Kisi gives them"
)]

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::call::Call;
use super::client::Client;
use super::error::Error;
use super::pacer::{Lane, Pacer};

const LOGINS: &str = "/logins";

/// What an owner types in to connect an account.
#[derive(Clone, Debug)]
pub struct Login {
    pub email: String,
    pub password: SecretString,
    /// The organization's, as in its address at Kisi.
    pub domain: String,
    /// The code of the second factor, where that is on.
    pub otp: Option<String>,
}

/// Makes an API key that does not expire. The key is the organization's that `domain` names.
/// `pacer` is one for calls without a key: Kisi counts those by our own address.
///
/// # Errors
/// A wrong password, a missing or wrong second factor and too many keys come out of
/// [`Error::for_people`] as such.
pub async fn log_in(
    base: Url,
    http: reqwest::Client,
    pacer: Arc<Pacer>,
    login: &Login,
) -> Result<ApiLogin, Error> {
    let mut user = json!({
        "domain": login.domain,
        "email": login.email,
        "password": login.password.expose_secret(),
    });
    if let (Some(otp), Some(fields)) = (&login.otp, user.as_object_mut()) {
        fields.insert("otp_attempt".to_owned(), json!(otp));
    }
    let body = json!({
        "login": { "type": "api", "name": "Latchkey", "expire": false },
        "user": user,
    });
    let client = Client::with(base, None, pacer, http).in_lane(Lane::Urgent);
    let made: Made = client.one(Call::post(LOGINS, body)).await?;
    let id = made.id;
    let secret = made.secret()?;
    Ok(ApiLogin { secret, id })
}

/// An API key that was made.
#[derive(Clone, Debug)]
pub struct ApiLogin {
    pub secret: SecretString,
    /// `None` where Kisi does not say.
    pub id: Option<i64>,
}

/// A login that was made for somebody else.
#[derive(Debug)]
pub struct OnBehalf {
    /// By which calls act as that user.
    pub secret: SecretString,
    /// Whose it is, where Kisi says so.
    pub user_id: Option<i64>,
}

impl Client {
    /// Deletes a key or login; one that is gone already is done.
    pub async fn delete_login(&self, id: i64) -> Result<(), Error> {
        self.delete(Call::delete("/logins/{id}").of(id)).await
    }

    /// A login of a user of the organization, by which calls act as that user.
    ///
    /// # Errors
    /// `NotFound` when nobody has that address.
    pub async fn create_login_on_behalf(&self, email: &str) -> Result<OnBehalf, Error> {
        let body = json!({
            "login": {
                "type": "device",
                "device_brand": "Web",
                "device_model": "Browser",
                "os_name": "Web",
                "email": email,
                "expire": false,
            }
        });
        let made: Made = self.one(Call::post(LOGINS, body)).await?;
        let user_id = made.user_id;
        let secret = made.secret()?;
        Ok(OnBehalf { secret, user_id })
    }
}

#[derive(Deserialize)]
struct Made {
    id: Option<i64>,
    secret: Option<String>,
    /// The older name of the same.
    authentication_token: Option<String>,
    user_id: Option<i64>,
}

impl Made {
    fn secret(self) -> Result<SecretString, Error> {
        self.secret
            .or(self.authentication_token)
            .filter(|secret| !secret.is_empty())
            .map(SecretString::from)
            .ok_or_else(|| Error::Malformed {
                what: format!("{LOGINS} answers without a secret"),
                of_write: true,
            })
    }
}
