//! `/groups` and `/group_locks`: groups of locks, and the locks of each group.
//!
//! Contract: a group of a place has only locks of that place; deleting a group deletes its
//! assignments. The list of group locks requires a `group_id`. Called by
//! `route`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::answer::{Answer, FieldErrors, Outcome, Refusal};
use super::http::Request;
use super::page::{self, flag, optional, required, wrapped};
use super::rows::{Group, GroupLock, Stamps, Target};
use super::setup::{embed, group_brief, place_brief};
use super::state::State;
use super::users::number;

pub(super) fn route(state: &mut State, request: &Request<'_>, rest: &[&str]) -> Outcome {
    let needed = if request.method == "GET" {
        "groups_read"
    } else {
        "groups_write"
    };
    request.permitted(state, needed)?;
    match (request.method, rest) {
        ("GET", []) => list(state, request),
        ("POST", []) => create(state, request),
        ("GET", [id]) => {
            let id = number(id)?;
            let group = state.groups.get(id).ok_or_else(Refusal::not_found)?;
            Ok(Answer::One(render(state, id, group)))
        }
        ("PATCH", [id]) => {
            let group = state
                .groups
                .get_mut(number(id)?)
                .ok_or_else(Refusal::not_found)?;
            fill(group, wrapped(request.body, "group")?);
            group.stamps.updated = request.now;
            Ok(Answer::Nothing)
        }
        ("DELETE", [id]) => {
            if state.remove_group(number(id)?) {
                Ok(Answer::Nothing)
            } else {
                Err(Refusal::not_found())
            }
        }
        _ => Err(Refusal::no_endpoint()),
    }
}

fn list(state: &State, request: &Request<'_>) -> Outcome {
    let query = request.query;
    let (place, lock) = (query.number("place_id")?, query.number("lock_id")?);
    let scope = query.get("scope");
    let mut rows: Vec<(i64, &Group)> = state
        .groups
        .iter()
        .filter(|(id, group)| {
            query.has_id(*id)
                && query.finds([&*group.name])
                && place.is_none_or(|place| group.place == Some(place))
                && lock.is_none_or(|lock| state.group_has(*id, lock))
                && scope.is_none_or(|scope| (scope == "place") == group.place.is_some())
        })
        .collect();
    page::sort_by(&mut rows, query, "name", |(_, group)| group.name.clone());
    page::paged(&rows, query, page::OTHERS, state, |(id, group)| {
        render(state, *id, group)
    })
}

fn create(state: &mut State, request: &Request<'_>) -> Outcome {
    let fields = wrapped(request.body, "group")?;
    let mut wrong = FieldErrors::default();
    let name = required(fields, "name", &mut wrong);
    let place = fields.get("place_id").and_then(Value::as_i64);
    if place.is_some_and(|place| state.places.get(place).is_none()) {
        wrong.add("place", "must exist");
    }
    wrong.into_result()?;
    let mut group = Group::new(name, place, request.now);
    fill(&mut group, fields);
    let id = state.groups.add(group);
    let group = state.groups.get(id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::One(render(state, id, group)))
}

fn fill(group: &mut Group, fields: &Map<String, Value>) {
    if let Some(name) = fields.get("name").and_then(Value::as_str) {
        name.clone_into(&mut group.name);
    }
    optional(fields, "description", &mut group.description);
    for (name, into) in [
        (
            "geofence_restriction_enabled",
            &mut group.geofence_restriction,
        ),
        ("reader_restriction_enabled", &mut group.reader_restriction),
        ("time_restriction_enabled", &mut group.time_restriction),
        (
            "primary_device_restriction_enabled",
            &mut group.primary_device_restriction,
        ),
        (
            "managed_device_restriction_enabled",
            &mut group.managed_device_restriction,
        ),
        (
            "tap_to_access_restriction_enabled",
            &mut group.tap_to_access_restriction,
        ),
        ("login_enabled", &mut group.login_enabled),
    ] {
        flag(fields, name, into);
    }
}

fn render(state: &State, id: i64, group: &Group) -> Value {
    let is_in_group = |row: &super::rows::Assignment| row.target == Target::Group(id);
    let users: BTreeSet<i64> = state
        .assignments
        .iter()
        .filter(|(_, row)| is_in_group(row))
        .map(|(_, row)| row.user)
        .collect();
    let shown = json!({
        "id": id, "resource_type": "Group", "name": group.name, "description": group.description,
        "created_at": group.stamps.created, "updated_at": group.stamps.updated,
        "geofence_restriction_enabled": group.geofence_restriction,
        "geofence_restriction_radius": 300,
        "primary_device_restriction_enabled": group.primary_device_restriction,
        "managed_device_restriction_enabled": group.managed_device_restriction,
        "reader_restriction_enabled": group.reader_restriction,
        "time_restriction_enabled": group.time_restriction, "time_restriction_time_zone": null,
        "tap_to_access_restriction_enabled": group.tap_to_access_restriction,
        "login_enabled": group.login_enabled, "users_count": users.len(),
        "members_count": users.len(), "elevator_stops_count": 0,
        "locks_count": state.group_locks.iter().filter(|(_, row)| row.group == id).count(),
        "place_id": group.place,
    });
    let place = group.place.map(|place| place_brief(state, place));
    embed(shown, "place", place)
}

/// Handles `/group_locks`.
pub(super) fn route_locks(state: &mut State, request: &Request<'_>, rest: &[&str]) -> Outcome {
    let needed = if request.method == "GET" {
        "group_locks_read"
    } else {
        "group_locks_write"
    };
    request.permitted(state, needed)?;
    match (request.method, rest) {
        ("GET", []) => list_locks(state, request),
        ("POST", []) => join(state, request),
        ("GET", [id]) => {
            let id = number(id)?;
            let row = state.group_locks.get(id).ok_or_else(Refusal::not_found)?;
            Ok(Answer::One(render_lock(state, id, row)))
        }
        ("DELETE", [id]) => {
            let id = number(id)?;
            let row = state.group_locks.get(id).ok_or_else(Refusal::not_found)?;
            let shown = render_lock(state, id, row);
            state.group_locks.remove(id);
            let by = request.caller.map(|caller| caller.user);
            state.emit("group_lock.destroy", by, &shown, request.now);
            Ok(Answer::Nothing)
        }
        _ => Err(Refusal::no_endpoint()),
    }
}

fn list_locks(state: &State, request: &Request<'_>) -> Outcome {
    let query = request.query;
    let missing = || Refusal::bad_request("param is missing or the value is empty: group_id");
    let group = query.number("group_id")?.ok_or_else(missing)?;
    let lock = query.number("lock_id")?;
    let name = |id: i64| state.locks.get(id).map_or("", |lock| &*lock.name);
    let rows: Vec<(i64, &GroupLock)> = state
        .group_locks
        .iter()
        .filter(|(id, row)| {
            row.group == group
                && query.has_id(*id)
                && lock.is_none_or(|lock| lock == row.lock)
                && query.finds([name(row.lock)])
        })
        .collect();
    page::paged(&rows, query, page::OTHERS, state, |(id, row)| {
        render_lock(state, *id, row)
    })
}

fn join(state: &mut State, request: &Request<'_>) -> Outcome {
    let fields = wrapped(request.body, "group_lock")?;
    let id = |name: &str| fields.get(name).and_then(Value::as_i64).unwrap_or_default();
    let (group, lock) = (id("group_id"), id("lock_id"));
    let mut wrong = FieldErrors::default();
    let place = state.groups.get(group).map(|group| group.place);
    let door = state.locks.get(lock).map(|lock| lock.place);
    if place.is_none() {
        wrong.add("group", "must exist");
    }
    if door.is_none() {
        wrong.add("lock", "must exist");
    }
    if place.flatten().is_some() && place.flatten() != door {
        wrong.add("lock", "must be in the place of the group");
    }
    if state.group_has(group, lock) {
        wrong.add("lock_id", "has already been taken");
    }
    wrong.into_result()?;
    let id = state.group_locks.add(GroupLock {
        group,
        lock,
        stamps: Stamps::at(request.now),
    });
    let row = state.group_locks.get(id).ok_or_else(Refusal::not_found)?;
    let shown = render_lock(state, id, row);
    let by = request.caller.map(|caller| caller.user);
    state.emit("group_lock.create", by, &shown, request.now);
    Ok(Answer::One(shown))
}

fn render_lock(state: &State, id: i64, row: &GroupLock) -> Value {
    let lock = state.locks.get(row.lock);
    let place = lock.map(|lock| lock.place);
    json!({
        "id": id, "resource_type": "GroupLock",
        "created_at": row.stamps.created, "updated_at": row.stamps.updated,
        "group_id": row.group, "group": group_brief(state, row.group), "lock_id": row.lock,
        "lock": lock.map(|lock| json!({
            "id": row.lock, "name": lock.name, "description": lock.description,
        })),
        "place_id": place, "place": place.map_or(Value::Null, |place| place_brief(state, place)),
    })
}
