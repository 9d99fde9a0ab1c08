//! Mutations of outbound webhooks: create, change and remove endpoints, replace their secrets, send a test, send messages again.
//! A secret is returned once, when it is created, and stored sealed. For ADMIN tokens.

use async_graphql::{Context, ID, Object, Result};
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

mod inputs_and_payloads;

use super::{
    Editor, differences, id_of, invalid, name, not_found, record,
    source::{a_day, kept_until},
};
use crate::{
    clock::new_id,
    graphql::{
        error::{Refusal, checked, internal_error},
        webhook::WebhookEventType,
    },
    id::{Kind, encode},
    outbound::address,
    secret::{SecretKind, new_signing_secret},
    store::{
        ClubScope, Connection, StoreError, clubs, lookup, row, webhook_endpoints,
        webhook_messages::{self, Event, Replay, Waiting},
    },
    transaction,
};
use inputs_and_payloads::*;

/// The most endpoints of a club.
const MOST_ENDPOINTS: usize = 20;
/// The most messages that one replay names.
const MOST_REPLAYED: usize = 250;

#[derive(Default)]
pub struct WebhookMutations;

#[Object(crate = "crate::graphql::resolve")]
impl WebhookMutations {
    /// Creates an address to which events are sent from now on. Its secret is returned this once.
    async fn create_webhook_endpoint(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The address and what is sent there.")] input: CreateWebhookEndpointInput,
    ) -> Result<CreateWebhookEndpointPayload> {
        let admin = Editor::admin(context)?;
        CreateWebhookEndpointPayload::of(create(admin, input).await)
    }

    /// Changes an endpoint. Messages that already wait are sent to its new URL.
    async fn update_webhook_endpoint(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The endpoint and the changes.")] input: UpdateWebhookEndpointInput,
    ) -> Result<UpdateWebhookEndpointPayload> {
        let admin = Editor::admin(context)?;
        UpdateWebhookEndpointPayload::of(update(admin, input).await)
    }

    /// Replaces the signing secret. For a while messages are signed with both, so that the receiver can be switched over.
    async fn rotate_webhook_endpoint_secret(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The endpoint.")] input: RotateWebhookEndpointSecretInput,
    ) -> Result<RotateWebhookEndpointSecretPayload> {
        let admin = Editor::admin(context)?;
        RotateWebhookEndpointSecretPayload::of(rotate(admin, input).await)
    }

    /// Removes an endpoint and cancels the messages that wait for it.
    async fn remove_webhook_endpoint(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The endpoint.")] input: RemoveWebhookEndpointInput,
    ) -> Result<RemoveWebhookEndpointPayload> {
        let admin = Editor::admin(context)?;
        RemoveWebhookEndpointPayload::of(remove(admin, &input.endpoint).await)
    }

    /// Sends an event of the type ENDPOINT_TEST to an endpoint, whatever it subscribes to.
    async fn send_test_message(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The endpoint.")] input: SendTestMessageInput,
    ) -> Result<SendTestMessagePayload> {
        let admin = Editor::admin(context)?;
        SendTestMessagePayload::of(send_test(admin, &input.endpoint).await)
    }

    /// Sends messages again, with the same ids and bodies and new signatures, and all attempts before them. Messages of endpoints that are
    /// not ACTIVE stay.
    async fn replay_webhook_messages(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which messages.")] input: ReplayWebhookMessagesInput,
    ) -> Result<ReplayWebhookMessagesPayload> {
        let admin = Editor::admin(context)?;
        ReplayWebhookMessagesPayload::of(replay(admin, input).await)
    }
}

async fn create(
    admin: Editor,
    input: CreateWebhookEndpointInput,
) -> Result<(row::WebhookEndpoint, SecretString), Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let is_private_allowed = app.config.webhook_private_addresses;
    checked! {
        name = name("input.name", &input.name);
        url = url(&input.url, is_private_allowed);
        events = events(&input.events);
    }
    let secret = new_signing_secret();
    let id = new_id();
    let sealed = app
        .sealer
        .seal(SecretKind::EndpointSecret, id, &secret)
        .map_err(internal_error)?;
    let endpoint = transaction!(app.db, |tx| {
        clubs::lock(tx, scope).await?;
        let all = webhook_endpoints::lock_all(tx, scope).await?;
        if all.len() >= MOST_ENDPOINTS {
            let message = "the club has 20 endpoints, which is the most: remove one first";
            return Err(invalid("input", message));
        }
        refuse_taken_name(&all, None, &name)?;
        let row = row::WebhookEndpoint {
            id,
            club_id: scope.club,
            name,
            url,
            events,
            secret: sealed,
            old_secret: None,
            old_secret_until: None,
            status: row::EndpointStatus::Active,
            failing_since: None,
            created_at: now,
        };
        webhook_endpoints::create(tx, row.clone()).await?;
        let message = format!(
            "Events are sent to the endpoint “{}”: {}.",
            row.name, row.events
        );
        record_endpoint(tx, scope, (&actor, now), message).await?;
        Ok::<_, Refusal>(row)
    })
    .await?;
    Ok((endpoint, secret))
}

async fn update(
    admin: Editor,
    input: UpdateWebhookEndpointInput,
) -> Result<row::WebhookEndpoint, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let id = endpoint_id(&input.endpoint)?;
    let is_private_allowed = app.config.webhook_private_addresses;
    let new_name = input.name.as_deref();
    let new_url = input.url.as_deref();
    checked! {
        new_name = new_name.map(|text| name("input.name", text)).transpose();
        new_url = new_url.map(|text| url(text, is_private_allowed)).transpose();
        new_events = input.events.as_deref().map(events).transpose();
    }
    let paused = input.paused;
    transaction!(app.db, |tx| {
        clubs::lock(tx, scope).await?;
        let all = webhook_endpoints::lock_all(tx, scope).await?;
        let before = find(&all, id)?;
        if let Some(name) = &new_name {
            refuse_taken_name(&all, Some(id), name)?;
        }
        let mut row = before.clone();
        row.name = new_name.unwrap_or(row.name);
        row.url = new_url.unwrap_or(row.url);
        row.events = new_events.unwrap_or(row.events);
        row.status = match paused {
            Some(true) => row::EndpointStatus::Paused,
            Some(false) => row::EndpointStatus::Active,
            None => row.status,
        };
        if row.url != before.url {
            row.failing_since = None;
        }
        webhook_endpoints::set(tx, row.clone()).await?;
        if row.status != before.status {
            let is_active = row.status == row::EndpointStatus::Active;
            let at = if is_active { now } else { i64::MAX };
            webhook_messages::reschedule(tx, scope, id, Waiting::All, at).await?;
        }
        // A URL can contain a secret.
        let address = |row: &row::WebhookEndpoint| host(&row.url);
        let state = |row: &row::WebhookEndpoint| state_name(row.status).to_owned();
        let changed = differences([
            ("name", before.name.clone(), row.name.clone()),
            ("host", address(before), address(&row)),
            ("events", before.events.clone(), row.events.clone()),
            ("state", state(before), state(&row)),
        ]);
        if let Some(changed) = changed {
            let message = format!("The endpoint “{}” was changed: {changed}.", row.name);
            record_endpoint(tx, scope, (&actor, now), message).await?;
        }
        Ok::<_, Refusal>(row)
    })
    .await
}

async fn rotate(
    admin: Editor,
    input: RotateWebhookEndpointSecretInput,
) -> Result<(row::WebhookEndpoint, SecretString), Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let keep_old_for = input.keep_old_for.unwrap_or_else(a_day);
    checked! {
        id = endpoint_id(&input.endpoint);
        kept_until = kept_until("input.keepOldFor", &keep_old_for, now);
    }
    let secret = new_signing_secret();
    let sealer = app.sealer.clone();
    let sealed = sealer
        .seal(SecretKind::EndpointSecret, id, &secret)
        .map_err(internal_error)?;
    let endpoint = transaction!(app.db, |tx| {
        clubs::lock(tx, scope).await?;
        let all = webhook_endpoints::lock_all(tx, scope).await?;
        let mut row = find(&all, id)?.clone();
        let kinds = (SecretKind::EndpointSecret, SecretKind::OldEndpointSecret);
        let old = std::mem::replace(&mut row.secret, sealed);
        row.old_secret = match kept_until {
            Some(_) => sealer.move_to(kinds, id, &old).map_err(internal_error)?,
            None => None,
        };
        row.old_secret_until = kept_until.filter(|_| row.old_secret.is_some());
        webhook_endpoints::set(tx, row.clone()).await?;
        let message = format!("The secret of the endpoint “{}” was replaced.", row.name);
        record_endpoint(tx, scope, (&actor, now), message).await?;
        Ok::<_, Refusal>(row)
    })
    .await?;
    Ok((endpoint, secret))
}

async fn remove(admin: Editor, endpoint: &str) -> Result<ID, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let id = endpoint_id(endpoint)?;
    transaction!(app.db, |tx| {
        clubs::lock(tx, scope).await?;
        let all = webhook_endpoints::lock_all(tx, scope).await?;
        let mut row = find(&all, id)?.clone();
        row.status = row::EndpointStatus::Removed;
        row.secret = Vec::new();
        // The rest of a URL can contain a secret.
        row.url = host(&row.url);
        row.old_secret = None;
        row.old_secret_until = None;
        let message = format!("The endpoint “{}” was removed.", row.name);
        webhook_endpoints::set(tx, row).await?;
        webhook_messages::cancel(tx, scope, id, now).await?;
        record_endpoint(tx, scope, (&actor, now), message).await?;
        Ok::<_, Refusal>(())
    })
    .await?;
    Ok(ID(encode(Kind::WebhookEndpoint, id)))
}

async fn send_test(admin: Editor, endpoint: &str) -> Result<row::WebhookMessage, Refusal> {
    let Editor {
        app,
        scope,
        actor,
        now,
        ..
    } = admin;
    let id = endpoint_id(endpoint)?;
    transaction!(app.db, |tx| {
        let row = webhook_endpoints::get(tx, scope, id).await?;
        let row = row.ok_or_else(|| not_found("input.endpoint", "endpoint"))?;
        refuse_inactive(&row)?;
        let event = Event {
            kind: row::OutboundEvent::EndpointTest,
            at: now,
            member: None,
            data: json!({
                "endpoint": encode(Kind::WebhookEndpoint, id),
                "message": format!("This is a test of the endpoint “{}”, sent by {actor}.", row.name),
            }),
        };
        Ok::<_, Refusal>(webhook_messages::send_to(tx, &row, &event).await?)
    })
    .await
}

async fn replay(admin: Editor, input: ReplayWebhookMessagesInput) -> Result<i32, Refusal> {
    let Editor {
        app, scope, now, ..
    } = admin;
    let which = match (input.messages, input.endpoint, input.since) {
        (Some(messages), None, None) => {
            if messages.is_empty() || messages.len() > MOST_REPLAYED {
                return Err(invalid("input.messages", "must have 1 to 250 messages"));
            }
            let ids = messages
                .iter()
                .map(|id| id_of(Kind::WebhookMessage, "input.messages", "message", id));
            Replay::These(ids.collect::<Result<_, _>>()?)
        }
        (None, Some(endpoint), since) => {
            let since = since.map_or(i64::MIN, |since| since.0);
            Replay::Since(endpoint_id(&endpoint)?, since)
        }
        _ => {
            let message = "must have either messages, or endpoint and perhaps since";
            return Err(invalid("input", message));
        }
    };
    let replayed: u64 = transaction!(app.db, |tx| {
        match &which {
            Replay::These(ids) => refuse_foreign(tx, scope, ids).await?,
            Replay::Since(endpoint, _) => {
                let row = webhook_endpoints::get(tx, scope, *endpoint).await?;
                refuse_inactive(&row.ok_or_else(|| not_found("input.endpoint", "endpoint"))?)?;
            }
        }
        Ok::<_, Refusal>(webhook_messages::replay(tx, scope, &which, now).await?)
    })
    .await?;
    Ok(i32::try_from(replayed).unwrap_or(i32::MAX))
}

fn refuse_inactive(row: &row::WebhookEndpoint) -> Result<(), Refusal> {
    if row.status == row::EndpointStatus::Active {
        return Ok(());
    }
    let message = format!(
        "the endpoint is {}: resume it first (updateWebhookEndpoint, paused: false)",
        state_name(row.status)
    );
    Err(invalid("input.endpoint", message))
}

async fn refuse_foreign(
    connection: &impl Connection,
    scope: ClubScope,
    ids: &[Uuid],
) -> Result<(), Refusal> {
    let rows: Vec<row::WebhookMessage> = lookup::by_ids(connection, scope, ids).await?;
    if ids.iter().all(|id| rows.iter().any(|row| row.id == *id)) {
        return Ok(());
    }
    Err(not_found("input.messages", "message"))
}

async fn record_endpoint(
    connection: &impl Connection,
    scope: ClubScope,
    by: (&str, i64),
    message: String,
) -> Result<(), StoreError> {
    let kind = row::HistoryKind::WebhooksChanged;
    record(connection, scope, by, kind, message).await
}

fn endpoint_id(text: &str) -> Result<Uuid, Refusal> {
    id_of(Kind::WebhookEndpoint, "input.endpoint", "endpoint", text)
}

fn find(all: &[row::WebhookEndpoint], id: Uuid) -> Result<&row::WebhookEndpoint, Refusal> {
    all.iter()
        .find(|row| row.id == id)
        .ok_or_else(|| not_found("input.endpoint", "endpoint"))
}

fn refuse_taken_name(
    all: &[row::WebhookEndpoint],
    own: Option<Uuid>,
    name: &str,
) -> Result<(), Refusal> {
    let is_taken = all
        .iter()
        .any(|row| row.name == name && Some(row.id) != own);
    if is_taken {
        return Err(super::name_taken("input.name", "endpoint"));
    }
    Ok(())
}

fn url(text: &str, is_private_allowed: bool) -> Result<String, Refusal> {
    match address::parse(text, is_private_allowed) {
        Ok(url) => Ok(url.into()),
        Err(problem) => Err(invalid("input.url", problem.to_string())),
    }
}

fn events(types: &[WebhookEventType]) -> Result<String, Refusal> {
    let mut events: Vec<row::OutboundEvent> = Vec::new();
    for event in types {
        if !events.contains(&(*event).into()) {
            events.push((*event).into());
        }
    }
    if events.is_empty() {
        return Err(invalid("input.events", "must have at least one type"));
    }
    Ok(webhook_endpoints::events_text(&events))
}

fn host(url: &str) -> String {
    let host = url::Url::parse(url).ok();
    let host = host.and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_default()
}

fn state_name(status: row::EndpointStatus) -> &'static str {
    match status {
        row::EndpointStatus::Active => "active",
        row::EndpointStatus::Paused => "paused",
        row::EndpointStatus::Gone => "gone",
        row::EndpointStatus::Removed => "removed",
    }
}
