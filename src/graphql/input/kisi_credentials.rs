//! How an account at Kisi is entered: by a key, or by e-mail and password, which make one. Promises that neither a key nor
//! a password is shown by Debug.

use async_graphql::{InputObject, OneofObject};

/// A key, or what makes one: exactly one of these.
#[derive(OneofObject)]
pub enum KisiCredentialsInput {
    /// A key that an owner or administrator made in Kisi under My Account, API.
    ApiKey(String),
    /// The login of an owner or administrator. It is used once, to make a key, and not kept.
    Login(KisiLoginInput),
}

/// The login of an owner or administrator.
#[derive(InputObject)]
pub struct KisiLoginInput {
    /// The address to log in with.
    pub email: String,
    /// The password.
    pub password: String,
    /// The organization's domain, as in its address at Kisi.
    pub domain: String,
    /// The present code of the second factor, where that is on.
    pub otp: Option<String>,
}
