//! The inputs and payloads of the mutations of Kisi accounts.

use async_graphql::{ID, InputObject};

use super::DisconnectPolicy;
use crate::graphql::{input::kisi_credentials::KisiCredentialsInput, kisi_account::KisiAccount};

/// A Kisi organization to connect.
#[derive(InputObject)]
pub struct ConnectKisiInput {
    /// The club's name for the connection.
    pub name: String,
    /// Credentials of an owner or administrator of the organization; Kisi recommends the owner's.
    pub credentials: KisiCredentialsInput,
    /// Whether Kisi sends people its own invitation e-mail when their user is created there.
    #[graphql(default = true)]
    pub invite_by_email: bool,
    /// Limits the connection to one place, given by Kisi id or name. Default: the whole organization.
    pub place: Option<String>,
}

/// The changes to an account; fields that are left out keep their values.
#[derive(InputObject)]
pub struct UpdateKisiAccountInput {
    /// The account.
    pub account: ID,
    /// The club's name for the connection.
    pub name: Option<String>,
    /// New credentials for the same organization.
    pub credentials: Option<KisiCredentialsInput>,
    /// Whether Kisi sends people its own invitation e-mail when their user is created there.
    pub invite_by_email: Option<bool>,
}

payload! {
    /// The connected account.
    ConnectKisiPayload {
        /// The account; null if the mutation was refused.
        account: KisiAccount
    }
}
payload! {
    /// The updated account.
    UpdateKisiAccountPayload {
        /// The account; null if the mutation was refused.
        account: KisiAccount
    }
}
payload! {
    /// The account that is read again.
    RefreshKisiPayload {
        /// The account; null if the mutation was refused.
        account: KisiAccount
    }
}
payload! {
    /// The account that was disconnected or is being disconnected.
    DisconnectKisiPayload {
        /// The account; null if the mutation was refused.
        account: KisiAccount
    }
}

/// The account to read.
#[derive(InputObject)]
pub struct RefreshKisiInput {
    /// The account.
    pub account: ID,
}

/// The account to disconnect.
#[derive(InputObject)]
pub struct DisconnectKisiInput {
    /// The account.
    pub account: ID,
    /// What happens to the granted access.
    pub access: DisconnectPolicy,
}
