//! Credentials of a Kisi account: an API key, or an e-mail address and password that create one. The types do not implement
//! `Debug`, so that keys and passwords cannot reach a log.

use async_graphql::{InputObject, OneofObject};

/// The credentials of a Kisi account: exactly one of these.
#[derive(OneofObject)]
pub enum KisiCredentialsInput {
    /// An API key that an owner or administrator created in Kisi under My Account, API.
    ApiKey(String),
    /// The login of an owner or administrator. It is used once, to create an API key, and not stored.
    Login(KisiLoginInput),
}

/// The login of an owner or administrator.
#[derive(InputObject)]
pub struct KisiLoginInput {
    /// The e-mail address to log in with.
    pub email: String,
    /// The password.
    pub password: String,
    /// The organization's domain, as in its Kisi address.
    pub domain: String,
    /// The current one-time code, if two-factor authentication is on.
    pub otp: Option<String>,
}
