//! `POST /locks/{id}/unlock`: one attempt to open a door.
//!
//! Contract: checks assignments first, then restrictions, then the state of the door, and refuses with
//! Kisi's own codes; each attempt of a user records an event. Changes no assignment.
//! Called by `setup`.

use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{self, DoorAccess};
use super::answer::{Answer, Outcome, Refusal};
use super::http::{Caller, Request};
use super::rows::{Group, Lock, ORGANIZATION};
use super::state::State;
use super::users::number;

const RADIUS_METRES: f64 = 300.0;

pub(super) fn unlock(state: &mut State, request: &Request<'_>, id: &str) -> Outcome {
    let caller = request.caller()?;
    let id = number(id)?;
    let outcome = attempt(state, request, caller, id);
    record(state, request, caller.user, id, outcome.as_ref().err());
    outcome?;
    if let Some(user) = state.users.get_mut(caller.user) {
        user.last_accessed = Some(request.now);
    }
    Ok(Answer::One(json!({"message": "Unlocked!"})))
}

fn attempt(state: &State, request: &Request<'_>, caller: Caller, id: i64) -> Result<(), Refusal> {
    let no_door = || Refusal::fault(404, "fad10e", "Door not found.");
    let lock = state.locks.get(id).ok_or_else(no_door)?;
    let refuse = |code, message| Err(Refusal::fault(403, code, message));
    let (groups, above) = match access::door_access(state, caller.user, id, request.now.timestamp())
    {
        DoorAccess::Open { groups, above } => (groups, above),
        DoorAccess::Disabled => return refuse("fcd8ff", "Your access is disabled."),
        DoorAccess::NotYet => return refuse("f358de", "Your access is not yet valid."),
        DoorAccess::NoLonger => return refuse("f35ade", "Your access is no longer valid."),
        DoorAccess::Never => return refuse("fcd8ef", "Access denied."),
    };
    let nearness = Nearness::read(request.body, lock);
    restricted_by_lock(lock, &nearness)?;
    if !above {
        // One group that permits is enough; otherwise the first refusal is returned.
        let primary = state
            .logins
            .get(caller.login)
            .is_some_and(|login| login.primary);
        let groups = groups.iter().filter_map(|group| state.groups.get(*group));
        let mut refused = None;
        for group in groups {
            match restricted_by_group(group, &nearness, primary) {
                Ok(()) => {
                    refused = None;
                    break;
                }
                Err(why) => refused = refused.or(Some(why)),
            }
        }
        if let Some(why) = refused {
            return Err(why);
        }
    }
    ready(state, lock)
}

/// The caller's proof of presence: proximity proof and location.
struct Nearness {
    proof: bool,
    distance_metres: Option<f64>,
}

impl Nearness {
    fn read(body: Option<&Value>, lock: &Lock) -> Self {
        // The proof is a text in the description and a number in Kisi's own sample, where 0 means
        // no proof.
        let proof = body.and_then(|body| body.pointer("/lock/proximity_proof"));
        let proof = match proof {
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Number(number)) => number.as_i64() != Some(0),
            _ => false,
        };
        let degree = |name: &str| {
            body?
                .pointer(&format!("/context/location/{name}"))?
                .as_f64()
        };
        let distance_metres = degree("latitude")
            .zip(degree("longitude"))
            .map(|(north, east)| {
                let metres_a_degree = 111_320.0;
                let shrunk = lock.latitude.to_radians().cos();
                let (dy, dx) = (north - lock.latitude, (east - lock.longitude) * shrunk);
                dy.hypot(dx) * metres_a_degree
            });
        Self {
            proof,
            distance_metres,
        }
    }

    fn geofence(&self) -> Result<(), Refusal> {
        match self.distance_metres {
            None => Err(Refusal::fault(403, "bbb99f", "Your location is not valid.")),
            Some(far) if far > RADIUS_METRES => Err(Refusal::fault(
                403,
                "a3995f",
                "You are too far away from the door.",
            )),
            Some(_) => Ok(()),
        }
    }

    fn reader(&self) -> Result<(), Refusal> {
        if self.proof {
            return Ok(());
        }
        Err(Refusal::fault(
            403,
            "bb4faa",
            "You are not close enough to the door.",
        ))
    }
}

fn out_of_hours() -> Refusal {
    Refusal::fault(
        403,
        "34ffaa",
        "Access is not allowed at this moment, retry later.",
    )
}

fn restricted_by_lock(lock: &Lock, nearness: &Nearness) -> Result<(), Refusal> {
    if lock.flags.time_restriction {
        return Err(out_of_hours());
    }
    if lock.flags.geofence_restriction {
        nearness.geofence()?;
    }
    if lock.flags.reader_restriction {
        nearness.reader()?;
    }
    Ok(())
}

fn restricted_by_group(group: &Group, nearness: &Nearness, primary: bool) -> Result<(), Refusal> {
    let refuse = |code, message| Err(Refusal::fault(403, code, message));
    if !group.login_enabled {
        return refuse("f01337", "The group's rights do not include apps.");
    }
    if group.tap_to_access_restriction {
        return refuse("bbc93f", "In-app access is disabled, tap the reader.");
    }
    if group.managed_device_restriction || (group.primary_device_restriction && !primary) {
        return refuse("34bd8f", "This device is not the primary one.");
    }
    if group.time_restriction {
        return Err(out_of_hours());
    }
    if group.geofence_restriction {
        nearness.geofence()?;
    }
    if group.reader_restriction {
        nearness.reader()?;
    }
    Ok(())
}

/// Checks that the door is not locked down and its controller is available.
fn ready(state: &State, lock: &Lock) -> Result<(), Refusal> {
    if state
        .places
        .get(lock.place)
        .is_some_and(|place| place.locked_down_since.is_some())
    {
        return Err(Refusal::fault(409, "fad002", "The place is locked down."));
    }
    if lock.flags.locked_down {
        return Err(Refusal::fault(409, "fad001", "The door is locked down."));
    }
    if !lock.flags.configured {
        return Err(Refusal::fault(503, "ff420a", "The door has no controller."));
    }
    if !lock.flags.online {
        return Err(Refusal::fault(
            503,
            "fac001",
            "The controller is unavailable.",
        ));
    }
    Ok(())
}

fn record(
    state: &mut State,
    request: &Request<'_>,
    user: i64,
    lock: i64,
    refusal: Option<&Refusal>,
) {
    let (code, message) = match refusal {
        Some(Refusal::Fault { code, message, .. }) => (Some(*code), Some(message.as_str())),
        _ => (None, None),
    };
    let actor = state.users.get(user);
    let door = state.locks.get(lock);
    let number = state.event_number();
    let event = json!({
        "uuid": Uuid::from_u128(u128::try_from(number).unwrap_or_default()),
        "type": "lock.unlock", "action": "unlock",
        "actor_type": "User", "actor_id": user, "actor_name": actor.map(|user| &user.name),
        "actor_email": actor.map(|user| &user.email),
        "object_type": "Lock", "object_id": lock, "object_name": door.map(|door| &door.name),
        "organization_id": ORGANIZATION, "place_id": door.map(|door| door.place),
        "success": refusal.is_none(), "code": code.unwrap_or("000000"),
        "error_code": code, "error_message": message, "created_at": request.now,
    });
    state.record_event(event);
}
