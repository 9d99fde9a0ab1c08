//! The mutation that has Kisi send its events to this server. Kisi is called while the caller waits, because only Kisi can tell
//! whether it accepts. For ADMIN tokens.

use async_graphql::{Context, ID, InputObject, Object, Result};

use super::{
    Editor, form::Form, id_of, invalid, kisi_account::refuse_disconnected, not_found, record,
};
use crate::{
    config,
    graphql::{
        error::{Refusal, UserError, UserErrorCode, internal_error},
        kisi_account::KisiAccount,
    },
    id::Kind,
    kisi_events::listen::{ListenError, listen},
    store::{lookup, row},
    transaction,
};

#[derive(Default)]
pub struct ListeningMutations;

payload! {
    /// The account whose events Kisi sends to this server.
    ListenToKisiPayload {
        /// The account; null if the mutation was refused.
        account: KisiAccount
    }
}

/// The account whose events are sent, and where to.
#[derive(InputObject)]
pub struct ListenToKisiInput {
    /// The account.
    pub account: ID,
    /// The public address of this server: https, without credentials, query or fragment. Default: the setting `public_url`.
    pub public_url: Option<String>,
}

#[Object(crate = "crate::graphql::resolve")]
impl ListeningMutations {
    /// Has Kisi send its events to this server, at its public address, signed with a key of their own.
    async fn listen_to_kisi(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account.")] input: Option<ListenToKisiInput>,
        #[graphql(deprecation = "Use `input`.", desc = "The account.")] account: Option<ID>,
        #[graphql(
            deprecation = "Use `input`.",
            desc = "The public address of this server: https, without credentials, query or fragment. Default: the \
                    setting `public_url`."
        )]
        public_url: Option<String>,
    ) -> Result<ListenToKisiPayload> {
        let admin = Editor::admin(context)?;
        let loose = account.map(|account| ListenToKisiInput {
            account,
            public_url,
        });
        let (form, input) = Form::of(input, loose)?;
        let started = start(admin, &input.account, input.public_url.as_deref()).await;
        ListenToKisiPayload::of(form.paths(started))
    }
}

async fn start(
    admin: Editor,
    account: &ID,
    public_url: Option<&str>,
) -> Result<row::KisiAccount, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let id = id_of(Kind::KisiAccount, "account", "Kisi account", account)?;
    let account = lookup::by_id::<row::KisiAccount>(app.db.read(), scope, id).await?;
    let account = account.ok_or_else(|| not_found("account", "Kisi account"))?;
    let given = public_url.map(|text| config::parse_outbound_url(text.trim()));
    let message = "must be an https address without credentials, query or fragment; http is allowed only for this machine";
    let url = given
        .unwrap_or_else(|| app.public_url().cloned())
        .ok_or_else(|| invalid("publicUrl", message))?;
    refuse_disconnected(&account, "account")?;
    listen(&app, &account, &url).await.map_err(refusal)?;
    let message = format!("Kisi sends the events of “{}” to {url}.", account.name);
    transaction!(app.db, |tx| {
        record(
            tx,
            scope,
            (&actor, now),
            row::HistoryKind::KisiChanged,
            message,
        )
        .await
    })
    .await?;
    let account = lookup::by_id::<row::KisiAccount>(app.db.read(), scope, id).await?;
    account.ok_or_else(|| not_found("account", "Kisi account"))
}

fn refusal(error: ListenError) -> Refusal {
    let ListenError::Kisi(problem) = error else {
        return internal_error(error).into();
    };
    let code = UserErrorCode::of_kisi(&problem);
    UserError::at(code, "account", problem.for_people()).into()
}
