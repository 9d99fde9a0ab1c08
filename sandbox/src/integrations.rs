//! `/integrations` and `/event_sets`: event webhooks, and polling of events.
//!
//! Contract: a signing key is stored and never returned. The delivery of events is in `delivery`.
//! Called by `route`.

use serde_json::{Map, Value, json};

use super::answer::{Answer, FieldErrors, Outcome, Refusal};
use super::http::Request;
use super::page::{self, flag, optional, required, wrapped};
use super::rows::{EventSet, Integration, ORGANIZATION, Stamps};
use super::setup::{embed, organization_brief};
use super::state::State;
use super::users::number;

pub(super) fn route(state: &mut State, request: &Request<'_>, rest: &[&str]) -> Outcome {
    let needed = if request.method == "GET" {
        "integrations_read"
    } else {
        "integrations_write"
    };
    request.permitted(state, needed)?;
    match (request.method, rest) {
        ("GET", []) => list(state, request),
        ("POST", []) => create(state, request),
        ("GET", [id]) => {
            let id = number(id)?;
            let row = state.integrations.get(id).ok_or_else(Refusal::not_found)?;
            Ok(Answer::One(render(id, row)))
        }
        ("PATCH", [id]) => {
            let row = state
                .integrations
                .get_mut(number(id)?)
                .ok_or_else(Refusal::not_found)?;
            fill(row, wrapped(request.body, "integration")?);
            if row.enabled {
                (row.failures, row.disabled) = (0, None);
            }
            row.stamps.updated = request.now;
            Ok(Answer::Nothing)
        }
        ("DELETE", [id]) => match state.integrations.remove(number(id)?) {
            Some(_) => Ok(Answer::Nothing),
            None => Err(Refusal::not_found()),
        },
        _ => Err(Refusal::no_endpoint()),
    }
}

fn list(state: &State, request: &Request<'_>) -> Outcome {
    let query = request.query;
    let enabled = query.flag("enabled");
    let rows: Vec<(i64, &Integration)> = state
        .integrations
        .iter()
        .filter(|(id, row)| {
            query.has_id(*id)
                && query.finds([&*row.name])
                && enabled.is_none_or(|wanted| wanted == row.enabled)
                // All integrations belong to the organization.
                && query.get("place_id").is_none()
                && query.get("scope").is_none_or(|scope| scope == "organization")
        })
        .collect();
    page::paged(&rows, query, page::OTHERS, state, |(id, row)| {
        render_row(*id, row)
    })
}

fn create(state: &mut State, request: &Request<'_>) -> Outcome {
    let fields = wrapped(request.body, "integration")?;
    let mut wrong = FieldErrors::default();
    let kind = required(fields, "type", &mut wrong);
    if !kind.is_empty() && kind != "event_webhook" {
        wrong.add("type", "is not included in the list");
    }
    let mut row = Integration {
        name: required(fields, "name", &mut wrong).to_owned(),
        url: required(fields, "url", &mut wrong).to_owned(),
        enabled: true,
        enabled_events: Vec::new(),
        signature_key: None,
        failures: 0,
        disabled: None,
        stamps: Stamps::at(request.now),
    };
    wrong.into_result()?;
    fill(&mut row, fields);
    let id = state.integrations.add(row);
    let row = state.integrations.get(id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::One(render(id, row)))
}

fn fill(row: &mut Integration, fields: &Map<String, Value>) {
    for (name, into) in [("name", &mut row.name), ("url", &mut row.url)] {
        if let Some(text) = fields.get(name).and_then(Value::as_str) {
            text.clone_into(into);
        }
    }
    flag(fields, "enabled", &mut row.enabled);
    optional(fields, "signature_key", &mut row.signature_key);
    if let Some(Value::Array(names)) = fields.get("enabled_events") {
        row.enabled_events = names
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
    }
}

fn render(id: i64, row: &Integration) -> Value {
    let shown = embed(render_row(id, row), "url", Some(json!(row.url)));
    embed(shown, "enabled_events", Some(json!(row.enabled_events)))
}

/// The form of the list: without the fields that only integrations of this type have.
fn render_row(id: i64, row: &Integration) -> Value {
    json!({
        "id": id, "resource_type": "Integration", "name": row.name, "type": "event_webhook",
        "enabled": row.enabled,
        "disabled_due_to_error": row.disabled.is_some(), "disabled_due_to_error_at": row.disabled,
        "created_at": row.stamps.created, "updated_at": row.stamps.updated,
        "organization_id": ORGANIZATION, "organization": organization_brief(),
        "place_id": null,
    })
}

/// Handles `/event_sets`: returns all events of the requested types at once, already finished.
pub(super) fn route_event_sets(state: &mut State, request: &Request<'_>, rest: &[&str]) -> Outcome {
    request.permitted(state, "events_read")?;
    match (request.method, rest) {
        ("POST", []) => {
            if state.switches.rate.is_some() && !state.meter.admit_event_set(request.elapsed) {
                let retry_after = state.switches.retry_after.then_some(1);
                return Err(Refusal::TooMany {
                    retry_after,
                    body: state.switches.rate_body,
                });
            }
            let fields = wrapped(request.body, "event_set")?;
            let text = |name: &str| fields.get(name).and_then(Value::as_str);
            let types = text("event_type");
            let is_wanted = |event: &Value| {
                let kind = event.get("type").and_then(Value::as_str);
                types.is_none_or(|types| types.split(',').any(|one| Some(one.trim()) == kind))
            };
            let events = state
                .events
                .iter()
                .filter(|event| is_wanted(event))
                .cloned()
                .collect();
            let interval = text("interval").map(str::to_owned);
            let id = state.event_sets.add(EventSet {
                events,
                interval,
                created: request.now,
            });
            event_set(state, id)
        }
        ("GET", [id]) => event_set(state, number(id)?),
        _ => Err(Refusal::no_endpoint()),
    }
}

fn event_set(state: &State, id: i64) -> Outcome {
    let set = state.event_sets.get(id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::One(json!({
        "id": id, "created_at": set.created, "status": "finished", "interval": set.interval,
        "events": set.events, "cursor": null, "place_id": null,
    })))
}
