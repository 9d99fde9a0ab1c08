//! `/logins` and `/login`: secrets for API keys and devices.
//!
//! Contract: a secret is shown once, at creation; a user has at most ten API logins; of more than
//! forty device logins the least recently used are deleted; only device logins can be created on behalf
//! of others. Called by `route`.

use serde_json::{Map, Value, json};

use super::access::permits;
use super::answer::{Answer, Outcome, Refusal};
use super::http::Request;
use super::page::{self, wrapped};
use super::rows::{Login, LoginKind, Stamps};
use super::setup::DOMAIN;
use super::state::State;
use super::users::{brief, number};

const API_LOGINS: usize = 10;
const DEVICE_LOGINS: usize = 40;

pub(super) fn route(state: &mut State, request: &Request<'_>, rest: &[&str]) -> Outcome {
    match (request.method, rest) {
        ("GET", []) => list(state, request),
        ("POST", []) => create(state, request),
        ("DELETE", [id]) => {
            let id = own(state, request, number(id)?)?;
            state.remove_login(id);
            Ok(Answer::Nothing)
        }
        ("POST", [id, "promote"]) => {
            let id = own(state, request, number(id)?)?;
            promote(state, id)
        }
        _ => Err(Refusal::no_endpoint()),
    }
}

/// Handles `/login`: the login of the request.
pub(super) fn route_current(state: &mut State, request: &Request<'_>, rest: &[&str]) -> Outcome {
    let caller = request.caller()?;
    match (request.method, rest) {
        ("GET", []) => {
            let login = state
                .logins
                .get(caller.login)
                .ok_or_else(Refusal::unauthorized)?;
            Ok(Answer::One(render(state, caller.login, login)))
        }
        ("DELETE", []) => {
            state.remove_login(caller.login);
            Ok(Answer::Nothing)
        }
        _ => Err(Refusal::no_endpoint()),
    }
}

/// The id of a login that the caller may manage: their own, or any login for an admin.
fn own(state: &State, request: &Request<'_>, id: i64) -> Result<i64, Refusal> {
    let caller = request.caller()?;
    let login = state.logins.get(id).ok_or_else(Refusal::not_found)?;
    if login.user != caller.user {
        request.permitted(state, "logins_write")?;
    }
    Ok(id)
}

fn promote(state: &mut State, id: i64) -> Outcome {
    let login = state.logins.get(id).ok_or_else(Refusal::not_found)?;
    if login.kind != LoginKind::Device {
        return Err(Refusal::invalid("type", "is not a device"));
    }
    let user = login.user;
    let all: Vec<i64> = state
        .logins
        .iter()
        .filter(|(_, login)| login.user == user)
        .map(|(id, _)| id)
        .collect();
    for other in all {
        if let Some(login) = state.logins.get_mut(other) {
            login.primary = other == id;
        }
    }
    Ok(Answer::Nothing)
}

fn list(state: &State, request: &Request<'_>) -> Outcome {
    let caller = request.caller()?;
    let query = request.query;
    let user = query.user("user_id", caller.user)?.unwrap_or(caller.user);
    if user != caller.user {
        request.permitted(state, "logins_read")?;
    }
    let kind = query.get("type");
    let wanted = |login: &Login| kind.is_none_or(|kind| kind == name(login.kind));
    let rows: Vec<(i64, &Login)> = state
        .logins
        .iter()
        .filter(|(id, login)| login.user == user && wanted(login) && query.has_id(*id))
        .collect();
    page::paged(&rows, query, page::OTHERS, state, |(id, login)| {
        render(state, *id, login)
    })
}

fn name(kind: LoginKind) -> &'static str {
    match kind {
        LoginKind::Api => "api",
        LoginKind::Device => "device",
    }
}

fn render(state: &State, id: i64, login: &Login) -> Value {
    let [brand, model, os] = &login.device;
    json!({
        "id": id, "created_at": login.stamps.created, "updated_at": login.stamps.updated,
        "type": name(login.kind), "name": login.name, "primary": login.primary,
        "expire": login.expire, "last_used_at": login.last_used, "device_brand": brand,
        "device_model": model, "os_name": os, "user_id": login.user,
        "user": brief(state, login.user), "app": {}, "user_agent": {}, "device": {}, "os": {},
    })
}

/// The login with the fields that are shown only at creation.
fn render_new(state: &State, id: i64, login: &Login, secret: &str) -> Value {
    let user = state.users.get(login.user);
    let primary = |(_, other): (i64, &Login)| other.user == login.user && other.primary;
    let has_primary = state.logins.iter().any(primary);
    let scram = (login.kind == LoginKind::Device)
        .then(|| json!({"phone_key": "5a5a", "online_certificate": "a5a5"}));
    let mut shown = render(state, id, login);
    let new = json!({
        "scram_credentials": scram, "secret": secret, "authentication_token": secret,
        "email": user.map(|user| &user.email), "image": user.and_then(|user| user.image.as_ref()),
        "otp_required_for_login": user.is_some_and(|user| user.otp_code.is_some()),
        "otp_enabled_at": null, "notifications_unread_count": 0,
        "has_primary_device": has_primary, "primary_login_exists": has_primary,
    });
    if let (Some(fields), Value::Object(new)) = (shown.as_object_mut(), new) {
        fields.extend(new);
    }
    shown
}

fn create(state: &mut State, request: &Request<'_>) -> Outcome {
    let empty = Map::new();
    let body = request.body;
    let login = wrapped(body, "login").ok();
    let user = wrapped(body, "user").ok();
    if login.is_none() && user.is_none() {
        return Err(Refusal::bad_request(
            "param is missing or the value is empty: login",
        ));
    }
    let login = login.unwrap_or(&empty);
    let kind = match login.get("type").and_then(Value::as_str) {
        Some("api") => LoginKind::Api,
        None | Some("device") => LoginKind::Device,
        Some(_) => return Err(Refusal::bad_request("type is not api or device.")),
    };
    let owner = match user {
        Some(user) => by_password(state, user)?,
        None => on_behalf(state, request, login, kind)?,
    };
    if kind == LoginKind::Api {
        check_api(state, owner)?;
    }
    let text = |name: &str| login.get(name).and_then(Value::as_str).map(str::to_owned);
    let id = state.insert_login(Login {
        user: owner,
        kind,
        name: text("name").unwrap_or_default(),
        device: ["device_brand", "device_model", "os_name"].map(text),
        secret: String::new(),
        primary: false,
        expire: login.get("expire").and_then(Value::as_bool).unwrap_or(true),
        last_used: None,
        stamps: Stamps::at(request.now),
    });
    let secret = format!("sandbox-login-{id}-{}", request.now.timestamp().as_second());
    state.change_secret(id, secret.clone());
    forget_unused_devices(state, owner, id);
    let shown = state
        .logins
        .get(id)
        .map_or(Value::Null, |login| render_new(state, id, login, &secret));
    Ok(Answer::One(shown))
}

fn by_password(state: &State, given: &Map<String, Value>) -> Result<i64, Refusal> {
    let wrong = || Refusal::fault(401, "afc516", "Wrong email address or password.");
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    if text("domain").is_some_and(|domain| domain != DOMAIN) {
        return Err(wrong());
    }
    let id = text("email")
        .and_then(|email| state.user_by_email(email))
        .ok_or_else(wrong)?;
    let user = state.users.get(id).ok_or_else(wrong)?;
    if user.password.is_none() || text("password") != user.password.as_deref() {
        return Err(wrong());
    }
    // Kisi does not document this answer.
    if state.single_sign_on && id != state.owner {
        return Err(wrong());
    }
    match (&user.otp_code, text("otp_attempt")) {
        (None, _) => Ok(id),
        (Some(_), None | Some("")) => Err(Refusal::fault(401, "afc526", "2FA code needed.")),
        (Some(code), Some(attempt)) if code == attempt => Ok(id),
        (Some(_), Some(_)) => Err(Refusal::fault(401, "afc536", "Invalid 2FA code.")),
    }
}

fn on_behalf(
    state: &State,
    request: &Request<'_>,
    login: &Map<String, Value>,
    kind: LoginKind,
) -> Result<i64, Refusal> {
    let caller = request.permitted(state, "logins_write")?;
    if kind == LoginKind::Api {
        return Err(Refusal::denied());
    }
    match login.get("email").and_then(Value::as_str) {
        Some(email) => state.user_by_email(email).ok_or_else(Refusal::not_found),
        None => Ok(caller.user),
    }
}

/// API logins are only for admins, at most ten each.
fn check_api(state: &State, owner: i64) -> Result<(), Refusal> {
    if !permits(state, owner, "logins_write") {
        return Err(Refusal::denied());
    }
    let is_key = |login: &Login| login.user == owner && login.kind == LoginKind::Api;
    if state
        .logins
        .iter()
        .filter(|(_, login)| is_key(login))
        .count()
        >= API_LOGINS
    {
        let message = "You have reached the limit of 10 API logins.";
        return Err(Refusal::fault(403, "afc496", message));
    }
    Ok(())
}

fn forget_unused_devices(state: &mut State, owner: i64, kept: i64) {
    let mut devices: Vec<_> = state
        .logins
        .iter()
        .filter(|(id, login)| login.user == owner && login.kind == LoginKind::Device && *id != kept)
        .map(|(id, login)| (login.last_used.unwrap_or(login.stamps.created), id))
        .collect();
    devices.sort_unstable();
    let surplus = (devices.len() + 1).saturating_sub(DEVICE_LOGINS);
    for (_, id) in devices.into_iter().take(surplus) {
        state.remove_login(id);
    }
}
