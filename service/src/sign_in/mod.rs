//! Sign-in of the staff with an identity provider, by OpenID Connect: who a person is. `claim_roles` says what that permits. The pages and
//! cookies are those of the console, in the layer above.

mod provider;

pub use provider::{Pending, Person, Provider, ProviderError};
