//! Has Kisi send its events to this server. Called by admins; Kisi is asked while the caller waits, since only Kisi can say
//! whether it does.

use async_graphql::{Context, ID, Object, Result};

use super::{Admin, id_of, invalid, kisi_account::refuse_disconnected, not_found};
use crate::{
    config,
    graphql::{
        error::{Refusal, UserError, UserErrorCode, inside},
        kisi_account::KisiAccount,
    },
    id::Kind,
    kisi_events::listen::{ListenError, listen},
    store::{kisi_accounts, row},
};

/// Listens to Kisi.
#[derive(Default)]
pub struct ListeningMutations;

payload! {
    /// The account whose events come here.
    ListenToKisiPayload {
        /// The account; null where nothing was changed.
        account: KisiAccount
    }
}

#[Object]
impl ListeningMutations {
    /// Has Kisi send its events to this server, whose address from outside is given, with a signing key of their own.
    async fn listen_to_kisi(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account.")] account: ID,
        #[graphql(
            desc = "This server's address from outside: https, without credentials, query or fragment."
        )]
        public_url: String,
    ) -> Result<ListenToKisiPayload> {
        let admin = Admin::of(context)?;
        ListenToKisiPayload::of(start(admin, &account, &public_url).await)
    }
}

async fn start(admin: Admin, account: &ID, public_url: &str) -> Result<row::KisiAccount, Refusal> {
    let Admin { app, scope, .. } = admin;
    let id = id_of(Kind::KisiAccount, "account", "Kisi account", account)?;
    let account = kisi_accounts::get(app.db.read(), scope, id).await?;
    let account = account.ok_or_else(|| not_found("account", "Kisi account"))?;
    let url = config::address(public_url.trim()).ok_or_else(|| {
        let message = "it has to be an https address without credentials, query or fragment; http for this machine alone";
        invalid("publicUrl", message)
    })?;
    refuse_disconnected(&account, "account")?;
    listen(&app, &account, &url).await.map_err(refusal)?;
    let account = kisi_accounts::get(app.db.read(), scope, id).await?;
    account.ok_or_else(|| not_found("account", "Kisi account"))
}

fn refusal(error: ListenError) -> Refusal {
    let ListenError::Kisi(problem) = error else {
        return inside(error).into();
    };
    let code = UserErrorCode::of_kisi(&problem);
    UserError::at(code, "account", problem.for_people()).into()
}
