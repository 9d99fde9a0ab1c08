//! Logins: an API key for an account, a login of a member.
//!
//! Contract: secrets are returned only as `SecretString`; a password is never stored or logged.
//! Called when an account is connected, and by unlock requests that act as the member.

#![expect(missing_docs, reason = "the fields have the names of Kisi's API")]

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

/// The input of an owner who connects an account by password.
#[derive(Clone, Debug)]
pub struct Login {
    pub email: String,
    pub password: SecretString,
    /// The organization's domain at Kisi.
    pub domain: String,
    /// The code of the second factor, if it is enabled.
    pub otp: Option<String>,
}

/// Creates an API key that does not expire, for the organization that `domain` names. `pacer` must
/// be one for calls without a key: Kisi counts those by the caller's IP address.
///
/// # Errors
/// [`Error::for_people`] tells a wrong password, a missing or wrong second factor and too many keys
/// apart.
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
    let login: LoginRow = client.send_and_decode(Call::post(LOGINS, body)).await?;
    let id = login.id;
    let secret = login.secret()?;
    Ok(ApiLogin { secret, id })
}

/// What Kisi tells everybody about an organization.
#[derive(Clone, Debug, Deserialize)]
pub struct PublicOrganization {
    /// Whether people log in by single sign-on; `None` if Kisi does not say.
    pub sso_flow_enabled: Option<bool>,
}

/// Reads what Kisi tells about the organization with this domain, without a login. `pacer`: as for [`log_in`].
///
/// # Errors
/// `NotFound` when no organization has the domain.
pub async fn public_organization(
    base: Url,
    http: reqwest::Client,
    pacer: Arc<Pacer>,
    domain: &str,
) -> Result<PublicOrganization, Error> {
    let client = Client::with(base, None, pacer, http).in_lane(Lane::Urgent);
    let call = Call::get("/organizations/{domain}/public").of_domain(domain);
    let call = call.ok_or_else(|| Error::NotFound {
        code: None,
        message: String::new(),
    })?;
    client.patient().send_and_decode(call).await
}

/// A new API key.
#[derive(Clone, Debug)]
pub struct ApiLogin {
    pub secret: SecretString,
    /// `None` if Kisi does not say.
    pub id: Option<i64>,
}

/// A new login of another user.
#[derive(Debug)]
pub struct MemberLogin {
    /// Calls with this secret act as that user.
    pub secret: SecretString,
    /// The user of the login; `None` if Kisi does not say.
    pub user_id: Option<i64>,
}

impl Client {
    /// Deletes a key or login; succeeds if it is already gone.
    pub async fn delete_login(&self, id: i64) -> Result<(), Error> {
        self.delete(Call::delete("/logins/{id}").of(id)).await
    }

    /// Creates a login of another user of the organization; calls with it act as that user.
    ///
    /// # Errors
    /// `NotFound` when no user has that e-mail address.
    pub async fn create_login_on_behalf(&self, email: &str) -> Result<MemberLogin, Error> {
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
        let login: LoginRow = self.send_and_decode(Call::post(LOGINS, body)).await?;
        let user_id = login.user_id;
        let secret = login.secret()?;
        Ok(MemberLogin { secret, user_id })
    }
}

#[derive(Deserialize)]
struct LoginRow {
    id: Option<i64>,
    secret: Option<String>,
    /// The older name of `secret`.
    authentication_token: Option<String>,
    user_id: Option<i64>,
}

impl LoginRow {
    fn secret(self) -> Result<SecretString, Error> {
        self.secret
            .or(self.authentication_token)
            .filter(|secret| !secret.is_empty())
            .map(SecretString::from)
            .ok_or_else(|| Error::Malformed {
                what: format!("{LOGINS}: the response has no secret"),
                of_write: true,
            })
    }
}
