//! `/organization`, `/places` and `/locks`.
//!
//! Contract: a caller who is not an admin sees only the locks that open for them now. Unlocking is in
//! `unlock`. Called by `route`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::access::{self, DoorAccess};
use super::answer::{Answer, Outcome, Refusal};
use super::http::Request;
use super::page::{self, flag, optional, wrapped};
use super::rows::{Lock, LockFlags, ORGANIZATION, Place, Target};
use super::state::State;
use super::unlock;
use super::users::number;

const ORGANIZATION_NAME: &str = "Example Club";
/// The domain for a log-in by password.
pub(super) const DOMAIN: &str = "example-club";

pub(super) fn organization_brief() -> Value {
    json!({
        "id": ORGANIZATION, "resource_type": "Organization",
        "name": ORGANIZATION_NAME, "domain": DOMAIN,
    })
}

pub(super) fn place_brief(state: &State, id: i64) -> Value {
    state.places.get(id).map_or(
        Value::Null,
        |place| json!({"id": id, "resource_type": "Place", "name": place.name}),
    )
}

pub(super) fn group_brief(state: &State, id: i64) -> Value {
    state.groups.get(id).map_or(
        Value::Null,
        |group| json!({"id": id, "resource_type": "Group", "name": group.name}),
    )
}

/// Handles `/organization` and `/organizations`.
pub(super) fn route_organization(state: &State, request: &Request<'_>, all: bool) -> Outcome {
    request.caller()?;
    if request.method != "GET" {
        return Err(Refusal::no_endpoint());
    }
    let since = state
        .users
        .get(state.owner)
        .map(|owner| owner.stamps.created);
    let shown = json!({
        "id": ORGANIZATION, "resource_type": "Organization", "name": ORGANIZATION_NAME,
        "domain": DOMAIN, "logo": null, "address": null, "description": null,
        "device_logins_expire_after": super::rows::LOGIN_LIFE.as_secs(),
        "places_count": state.places.iter().count(), "scim_enabled": false,
        "sso_flow_enabled": state.single_sign_on, "sso_expiration_override_enabled": false,
        "sso_expiration_override": null, "metadata": null, "time_zone": "Europe/Berlin",
        "web_authentication_api_enabled": false, "apple_pass_enabled": false,
        "created_at": since, "updated_at": since, "user_id": state.owner,
        "transfer_to_id": null, "image": null, "color": null,
    });
    Ok(if all {
        Answer::Many {
            rows: vec![shown],
            range: None,
        }
    } else {
        Answer::One(shown)
    })
}

/// Handles `/organizations/{domain}/public`, which needs no login.
pub(super) fn route_public_organization(
    state: &State,
    request: &Request<'_>,
    rest: &[&str],
) -> Outcome {
    match (request.method, rest) {
        ("GET", [DOMAIN, "public"]) => Ok(Answer::One(json!({
            "id": ORGANIZATION, "name": ORGANIZATION_NAME, "domain": DOMAIN, "logo": null,
            "time_zone": "Europe/Berlin", "sso_flow_enabled": state.single_sign_on,
            "web_authentication_api_enabled": false,
        }))),
        ("GET", [_, "public"]) => Err(Refusal::not_found()),
        _ => Err(Refusal::no_endpoint()),
    }
}

pub(super) fn route_places(state: &mut State, request: &Request<'_>, rest: &[&str]) -> Outcome {
    match (request.method, rest) {
        ("GET", []) => {
            request.permitted(state, "places_read")?;
            let query = request.query;
            let keep =
                |(id, place): &(i64, &Place)| query.has_id(*id) && query.finds([&*place.name]);
            let mut rows: Vec<(i64, &Place)> = state.places.iter().filter(keep).collect();
            page::sort_by(&mut rows, query, "name", |(_, place)| place.name.clone());
            page::paged(&rows, query, page::DOORS, state, |(id, place)| {
                render_place(state, *id, place)
            })
        }
        ("GET", [id]) => {
            request.permitted(state, "places_read")?;
            let id = number(id)?;
            let place = state.places.get(id).ok_or_else(Refusal::not_found)?;
            Ok(Answer::One(render_place(state, id, place)))
        }
        ("POST", [id, action @ ("lock_down" | "cancel_lockdown")]) => {
            request.permitted(state, "places_write")?;
            let place = state
                .places
                .get_mut(number(id)?)
                .ok_or_else(Refusal::not_found)?;
            place.locked_down_since = (*action == "lock_down").then_some(request.now);
            Ok(Answer::Nothing)
        }
        _ => Err(Refusal::no_endpoint()),
    }
}

fn render_place(state: &State, id: i64, place: &Place) -> Value {
    json!({
        "id": id, "resource_type": "Place", "name": place.name, "description": null,
        "created_at": place.stamps.created, "updated_at": place.stamps.updated,
        "latitude": null, "longitude": null, "address": "Example Street 1", "image": null,
        "time_zone": place.time_zone, "tz_time_zone": place.time_zone,
        "locks_count": state.locks.iter().filter(|(_, lock)| lock.place == id).count(),
        "integrations_count": 0, "locked_down": place.locked_down_since.is_some(),
        "locked_down_since": place.locked_down_since, "occupancy_rate": null,
        "organization_id": ORGANIZATION, "organization": organization_brief(),
        "color": null, "logo": null, "user_id": null, "members_count": members_of(state, id),
    })
}

/// The number of users with a role on a place or on one of its groups.
fn members_of(state: &State, place: i64) -> usize {
    let is_there = |target: Target| match target {
        Target::Organization => false,
        Target::Place(id) => id == place,
        Target::Group(id) => {
            let group = state.groups.get(id);
            group.is_some_and(|group| group.place == Some(place))
        }
    };
    let there = state.assignments.iter();
    let there = there.filter(|(_, row)| is_there(row.target));
    let users: BTreeSet<i64> = there.map(|(_, row)| row.user).collect();
    users.len()
}

/// The short form of a place that a lock embeds.
fn place_of_lock(state: &State, id: i64) -> Value {
    state.places.get(id).map_or(
        Value::Null,
        |place| json!({"id": id, "name": place.name, "latitude": null, "longitude": null}),
    )
}

/// Adds a field that Kisi leaves out if it has no value.
pub(super) fn embed(mut shown: Value, name: &str, embedded: Option<Value>) -> Value {
    if let (Some(fields), Some(embedded)) = (shown.as_object_mut(), embedded) {
        fields.insert(name.to_owned(), embedded);
    }
    shown
}

pub(super) fn route_locks(state: &mut State, request: &Request<'_>, rest: &[&str]) -> Outcome {
    match (request.method, rest) {
        ("GET", []) => list_locks(state, request),
        ("GET", [id]) => {
            let id = number(id)?;
            if !may_see_lock(state, request, id)? {
                return Err(Refusal::not_found());
            }
            let lock = state.locks.get(id).ok_or_else(Refusal::not_found)?;
            Ok(Answer::One(render_lock(state, id, lock)))
        }
        ("PATCH", [id]) => {
            request.permitted(state, "locks_write")?;
            let lock = state
                .locks
                .get_mut(number(id)?)
                .ok_or_else(Refusal::not_found)?;
            let fields = wrapped(request.body, "lock")?;
            if let Some(name) = fields.get("name").and_then(Value::as_str) {
                name.clone_into(&mut lock.name);
            }
            optional(fields, "description", &mut lock.description);
            flag(
                fields,
                "geofence_restriction_enabled",
                &mut lock.flags.geofence_restriction,
            );
            flag(
                fields,
                "reader_restriction_enabled",
                &mut lock.flags.reader_restriction,
            );
            flag(
                fields,
                "time_restriction_enabled",
                &mut lock.flags.time_restriction,
            );
            lock.stamps.updated = request.now;
            Ok(Answer::Nothing)
        }
        ("POST", [id, "unlock"]) => unlock::unlock(state, request, id),
        ("POST", [id, action @ ("lock_down" | "cancel_lockdown")]) => {
            request.permitted(state, "locks_write")?;
            let lock = state
                .locks
                .get_mut(number(id)?)
                .ok_or_else(Refusal::not_found)?;
            lock.flags.locked_down = *action == "lock_down";
            Ok(Answer::Nothing)
        }
        _ => Err(Refusal::no_endpoint()),
    }
}

/// Whether the caller may see a lock: admins see all locks, others the ones that open for them now.
fn may_see_lock(state: &State, request: &Request<'_>, lock: i64) -> Result<bool, Refusal> {
    let user = request.caller()?.user;
    let opens = || access::door_access(state, user, lock, request.now.timestamp());
    Ok(access::permits(state, user, "locks_read") || matches!(opens(), DoorAccess::Open { .. }))
}

fn list_locks(state: &State, request: &Request<'_>) -> Outcome {
    request.caller()?;
    let query = request.query;
    let place = query.number("place_id")?;
    let is = |name: &str, is: bool| query.flag(name).is_none_or(|wanted| wanted == is);
    let mut rows = Vec::new();
    for (id, lock) in state.locks.iter() {
        if query.has_id(id)
            && query.finds([&*lock.name])
            && place.is_none_or(|place| place == lock.place)
            && is("online", lock.flags.online)
            && is("configured", lock.flags.configured)
            && is("locked_down", lock.flags.locked_down)
            && is("unlocked", false)
            && may_see_lock(state, request, id)?
        {
            rows.push((id, lock));
        }
    }
    page::sort_by(&mut rows, query, "name", |(_, lock)| lock.name.clone());
    page::paged(&rows, query, page::DOORS, state, |(id, lock)| {
        render_lock(state, *id, lock)
    })
}

fn render_lock(state: &State, id: i64, lock: &Lock) -> Value {
    let LockFlags {
        reader_restriction,
        geofence_restriction,
        time_restriction,
        ..
    } = lock.flags;
    let groups = state
        .group_locks
        .iter()
        .filter(|(_, row)| row.lock == id)
        .count();
    json!({
        "id": id, "resource_type": "Lock", "name": lock.name, "description": lock.description,
        "created_at": lock.stamps.created, "updated_at": lock.stamps.updated,
        "configured": lock.flags.configured, "online": lock.flags.online,
        "open": false, "unlocked": false, "unlocked_until": null, "order_id": null,
        "first_to_arrive_required_until": null, "first_to_arrive_satisfied": false,
        "on_scheduled_unlock": false, "latitude": lock.latitude, "longitude": lock.longitude,
        "locked_down": lock.flags.locked_down,
        "locked_down_since": lock.flags.locked_down.then_some(lock.stamps.updated),
        "geofence_restriction_enabled": geofence_restriction, "geofence_restriction_radius": 300,
        "reader_restriction_enabled": reader_restriction,
        "time_restriction_enabled": time_restriction, "time_restriction_time_zone": null,
        "place_id": lock.place, "place": place_of_lock(state, lock.place), "floor_id": null,
        "groups_count": groups,
    })
}
