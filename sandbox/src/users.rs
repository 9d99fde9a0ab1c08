//! `/users` and `/user`: the users of the organization.
//!
//! Contract: an e-mail address is unique regardless of case, and never changes; metadata is replaced as
//! a whole. Never returns a password or a second-factor code. Called by `route`.

use serde_json::{Map, Value, json};

use super::answer::{Answer, FieldErrors, Outcome, Refusal};
use super::faults::EmailFilter;
use super::http::Request;
use super::page::{self, flag, optional, required, wrapped};
use super::rows::{ORGANIZATION, User};
use super::state::{State, normalized};

pub(super) fn route(state: &mut State, request: &Request<'_>, rest: &[&str]) -> Outcome {
    match (request.method, rest) {
        ("GET", []) => list(state, request),
        ("POST", []) => create(state, request),
        ("GET", [id]) => {
            request.permitted(state, "users_read")?;
            let id = number(id)?;
            let user = state.users.get(id).ok_or_else(Refusal::not_found)?;
            Ok(Answer::One(render(state, id, user)))
        }
        ("PATCH", [id]) => {
            request.permitted(state, "users_write")?;
            update(state, request, number(id)?)
        }
        ("DELETE", [id]) => delete(state, request, number(id)?),
        _ => Err(Refusal::no_endpoint()),
    }
}

/// Handles `/user`: the calling user.
pub(super) fn route_me(state: &mut State, request: &Request<'_>, rest: &[&str]) -> Outcome {
    let caller = request.caller()?;
    match (request.method, rest) {
        ("GET", []) => {
            let user = state
                .users
                .get(caller.user)
                .ok_or_else(Refusal::unauthorized)?;
            Ok(Answer::One(json!({
                "id": caller.user, "resource_type": "User", "name": user.name,
                "email": user.email, "image": user.image, "locale": null,
                "created_at": user.stamps.created, "updated_at": user.stamps.updated,
                "otp_required_for_login": user.otp_code.is_some(), "otp_enabled_at": null,
                "notifications_unread_count": 0, "last_read_at": null,
                "announcements_last_seen_at": null, "notes": user.notes,
                "primary_login_exists": state.logins.iter()
                    .any(|(_, login)| login.user == caller.user && login.primary),
                "organization_id": ORGANIZATION,
                "organization": super::setup::organization_brief(),
            })))
        }
        ("PATCH", []) => update(state, request, caller.user),
        _ => Err(Refusal::no_endpoint()),
    }
}

/// An id in a path; anything else is a 404.
pub(super) fn number(text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| Refusal::not_found())
}

/// The short form that other objects embed.
pub(super) fn brief(state: &State, id: i64) -> Value {
    state.users.get(id).map_or(
        Value::Null,
        |user| json!({"id": id, "resource_type": "User", "email": user.email, "name": user.name}),
    )
}

fn render(state: &State, id: i64, user: &User) -> Value {
    let groups = state
        .assignments_of(id)
        .filter_map(|(_, row)| row.target.group());
    let groups: std::collections::BTreeSet<i64> = groups.collect();
    json!({
        "id": id, "resource_type": "User", "name": user.name, "email": user.email,
        "created_at": user.stamps.created, "updated_at": user.stamps.updated,
        "metadata": user.metadata, "image": user.image,
        "otp_required_for_login": user.otp_code.is_some(),
        "password_flow_enabled": user.password_flow_enabled,
        "access_enabled": user.access_enabled, "last_accessed_at": user.last_accessed,
        "scim_access_enabled": true, "notes": user.notes, "organization_id": ORGANIZATION,
        "confirmed": user.confirmed, "groups_count": groups.len(),
    })
}

fn list(state: &State, request: &Request<'_>) -> Outcome {
    let caller = request.permitted(state, "users_read")?;
    let query = request.query;
    let (group, place) = (query.number("group_id")?, query.number("place_id")?);
    let only = query.user("user_id", caller.user)?;
    let email = query.get("email").map(normalized);
    let is_named = |user: &User| match (&email, state.switches.email_filter) {
        (None, _) | (_, EmailFilter::Ignored) => true,
        (Some(wanted), EmailFilter::Exact) => normalized(&user.email) == *wanted,
        (Some(wanted), EmailFilter::Substring) => normalized(&user.email).contains(wanted),
    };
    let holds = |id: i64| {
        let within = |wanted: Option<i64>, of: fn(super::rows::Target) -> Option<i64>| {
            wanted.is_none_or(|wanted| {
                state
                    .assignments_of(id)
                    .any(|(_, row)| of(row.target) == Some(wanted))
            })
        };
        within(group, super::rows::Target::group) && within(place, super::rows::Target::place)
    };
    let mut rows: Vec<(i64, &User)> = state
        .users
        .iter()
        .filter(|(id, user)| {
            query.has_id(*id)
                && only.is_none_or(|only| only == *id)
                && is_named(user)
                && query.finds([
                    &*user.email,
                    &*user.name,
                    user.notes.as_deref().unwrap_or(""),
                ])
                && holds(*id)
        })
        .collect();
    page::sort_by(&mut rows, query, "name", |(_, user)| user.name.clone());
    page::paged(&rows, query, page::USERS, state, |(id, user)| {
        render(state, *id, user)
    })
}

fn create(state: &mut State, request: &Request<'_>) -> Outcome {
    request.permitted(state, "users_write")?;
    let fields = wrapped(request.body, "user")?;
    let mut wrong = FieldErrors::default();
    let email = required(fields, "email", &mut wrong);
    if !email.is_empty()
        && email
            .split_once('@')
            .is_none_or(|(name, host)| name.is_empty() || host.is_empty())
    {
        wrong.add("email", "is invalid");
    } else if state.user_by_email(email).is_some() {
        wrong.add("email", "has already been taken");
    }
    let mut user = User::new(email, "", request.now);
    fill(&mut user, fields, &mut wrong);
    flag(fields, "confirm", &mut user.confirmed);
    wrong.into_result()?;
    let taken = || Refusal::invalid("email", "has already been taken");
    let id = state.insert_user(user).ok_or_else(taken)?;
    let user = state.users.get(id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::One(render(state, id, user)))
}

fn update(state: &mut State, request: &Request<'_>, id: i64) -> Outcome {
    let user = state.users.get_mut(id).ok_or_else(Refusal::not_found)?;
    let fields = wrapped(request.body, "user")?;
    let mut wrong = FieldErrors::default();
    check_metadata(fields, &mut wrong);
    wrong.into_result()?;
    fill(user, fields, &mut FieldErrors::default());
    user.stamps.updated = request.now;
    Ok(Answer::Nothing)
}

fn delete(state: &mut State, request: &Request<'_>, id: i64) -> Outcome {
    request.permitted(state, "users_write")?;
    if id == state.owner {
        return Err(Refusal::invalid(
            "base",
            "The owner of the organization can't be deleted",
        ));
    }
    if state.remove_user(id) {
        Ok(Answer::Nothing)
    } else {
        Err(Refusal::not_found())
    }
}

fn fill(user: &mut User, fields: &Map<String, Value>, wrong: &mut FieldErrors) {
    check_metadata(fields, wrong);
    if let Some(name) = fields.get("name").and_then(Value::as_str) {
        name.clone_into(&mut user.name);
    }
    optional(fields, "image", &mut user.image);
    optional(fields, "notes", &mut user.notes);
    flag(fields, "access_enabled", &mut user.access_enabled);
    flag(
        fields,
        "password_flow_enabled",
        &mut user.password_flow_enabled,
    );
    if let Some(metadata) = fields.get("metadata") {
        user.metadata = metadata.as_object().cloned().unwrap_or_default();
    }
}

/// Metadata is a flat object: at most 50 entries, keys of 50 characters, texts of 500 characters.
fn check_metadata(fields: &Map<String, Value>, wrong: &mut FieldErrors) {
    let metadata = match fields.get("metadata") {
        None | Some(Value::Null) => return,
        Some(Value::Object(metadata)) => metadata,
        Some(_) => return wrong.add("metadata", "is not an object"),
    };
    if metadata.len() > 50 {
        wrong.add("metadata", "has too many keys (maximum is 50)");
    }
    for (key, value) in metadata {
        let too_long = value
            .as_str()
            .is_some_and(|text| text.chars().count() > 500);
        if key.chars().count() > 50 || too_long {
            wrong.add("metadata", "is too long");
        }
        if value.is_array() || value.is_object() {
            wrong.add("metadata", "is not flat");
        }
    }
}
