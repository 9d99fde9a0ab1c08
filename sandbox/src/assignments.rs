//! `/role_assignments`: which user has which role on what, and when.
//!
//! Contract: both dialects are read and written; only assignments to groups have windows, in whole
//! seconds, rounded by a switch; an ended assignment stays listed and counts as a duplicate. Whether an assignment opens a
//! door is decided in `access`. Called by `route`.

use serde_json::{Map, Value, json};

use super::access::{self, role_named};
use super::answer::{Answer, FieldErrors, Outcome, Refusal};
use super::faults::{Duplicates, PatchWindow};
use super::http::Request;
use super::page::{self, Query, flag, instant, wrapped};
use super::rows::{Assignment, ORGANIZATION, Stamps, Target, Window};
use super::setup;
use super::state::State;
use super::users::{self, number};

pub(super) fn route(state: &mut State, request: &Request<'_>, rest: &[&str]) -> Outcome {
    match (request.method, rest) {
        ("GET", []) => list(state, request),
        ("POST", []) => create(state, request),
        ("GET", [id]) => {
            request.permitted(state, "role_assignments_read")?;
            let id = number(id)?;
            let row = state.assignments.get(id).ok_or_else(Refusal::not_found)?;
            Ok(Answer::One(render(state, id, row)))
        }
        ("PATCH", [id]) => update(state, request, number(id)?),
        ("DELETE", [id]) => {
            let by = request.permitted(state, "role_assignments_write")?.user;
            let id = number(id)?;
            if state
                .assignments
                .get(id)
                .is_some_and(|row| row.role == "organization_owner")
            {
                return Err(Refusal::denied());
            }
            emit_event(state, "role_assignment.destroy", by, id, request);
            if state.remove_assignment(id) {
                Ok(Answer::Nothing)
            } else {
                Err(Refusal::not_found())
            }
        }
        _ => Err(Refusal::no_endpoint()),
    }
}

pub(super) fn render(state: &State, id: i64, row: &Assignment) -> Value {
    let user = users::brief(state, row.user);
    let (kind, target_id, target) = match row.target {
        Target::Organization => ("Organization", ORGANIZATION, setup::organization_brief()),
        Target::Place(place) => ("Place", place, setup::place_brief(state, place)),
        Target::Group(group) => ("Group", group, setup::group_brief(state, group)),
    };
    let scope = kind.to_lowercase();
    let mut shown = json!({
        "id": id, "resource_type": "RoleAssignment",
        "created_at": row.stamps.created, "updated_at": row.stamps.updated,
        "role_id": row.role, "notify": row.notify,
        "applies_to_type": kind, "applies_to_id": target_id, "applies_to": target.clone(),
        "assignee_type": "User", "assignee_id": row.user, "assignee": user.clone(),
        "created_by_type": row.created_by.map(|_| "User"), "created_by_id": row.created_by,
        "user_id": row.user, "user": user, "assignee_team_id": null, "guest_id": null,
        "issued_by_id": row.created_by, "type": scope.clone(), "scope": scope.clone(),
    });
    if let Some(fields) = shown.as_object_mut() {
        fields.insert(format!("{scope}_id"), target_id.into());
        fields.insert(scope, target);
        if row.target.group().is_some() {
            fields.insert("valid_from".to_owned(), json!(row.window.from));
            fields.insert("valid_until".to_owned(), json!(row.window.until));
        }
    }
    shown
}

/// The filters of the list.
struct Filter {
    user: Option<i64>,
    target: Option<Target>,
    kind: Option<String>,
    nobody: bool,
}

impl Filter {
    fn read(query: &Query, me: i64) -> Result<Self, Refusal> {
        let needs = |id: &str, kind: &str| {
            if query.get(id).is_some() && query.get(kind).is_none() {
                Err(Refusal::bad_request(&format!("{id} needs {kind}.")))
            } else {
                query.number(id)
            }
        };
        let assignee = needs("assignee_id", "assignee_type")?;
        let applies_to = needs("applies_to_id", "applies_to_type")?;
        let user = query.user("user_id", me)?;
        let kind = query
            .get("applies_to_type")
            .or_else(|| query.get("scope"))
            .map(str::to_lowercase);
        let by_kind = |id: i64| match kind.as_deref() {
            Some("group") => Some(Target::Group(id)),
            Some("place") => Some(Target::Place(id)),
            Some("organization") if id == ORGANIZATION => Some(Target::Organization),
            _ => None,
        };
        let target = applies_to.map(by_kind);
        let legacy = query.number("group_id")?.map(Target::Group);
        let legacy = legacy.or(query.number("place_id")?.map(Target::Place));
        Ok(Self {
            user: assignee.or(user),
            target: target.flatten().or(legacy),
            kind,
            // The sandbox has no teams or guests, and no targets of an unknown kind.
            nobody: query
                .get("assignee_type")
                .is_some_and(|kind| kind != "User")
                || target == Some(None)
                || (assignee.is_some() && user.is_some() && assignee != user),
        })
    }

    fn lets_through(&self, row: &Assignment) -> bool {
        let kind = match row.target {
            Target::Organization => "organization",
            Target::Place(_) => "place",
            Target::Group(_) => "group",
        };
        !self.nobody
            && self.user.is_none_or(|user| user == row.user)
            && self.target.is_none_or(|target| target == row.target)
            && self.kind.as_ref().is_none_or(|wanted| wanted == kind)
    }
}

fn list(state: &State, request: &Request<'_>) -> Outcome {
    let caller = request.caller()?;
    let query = request.query;
    let filter = Filter::read(query, caller.user)?;
    // A user may read its own assignments without the permission.
    if filter.user != Some(caller.user) {
        request.permitted(state, "role_assignments_read")?;
    }
    let all: Box<dyn Iterator<Item = (i64, &Assignment)>> = match filter.user {
        Some(user) => Box::new(state.assignments_of(user)),
        None => Box::new(state.assignments.iter()),
    };
    let texts = |row: &Assignment| {
        state
            .users
            .get(row.user)
            .map_or(["", ""], |user| [&*user.email, &*user.name])
    };
    let mut rows: Vec<(i64, &Assignment)> = all
        .filter(|(id, row)| {
            filter.lets_through(row)
                && query.has_id(*id)
                && query.get("role_id").is_none_or(|role| role == row.role)
                && (query.get("query").is_none() || query.finds(texts(row)))
        })
        .collect();
    page::sort_by(&mut rows, query, "user.name", |(_, row)| {
        texts(row).last().copied().unwrap_or_default().to_owned()
    });
    page::paged(&rows, query, page::OTHERS, state, |(id, row)| {
        render(state, *id, row)
    })
}

fn create(state: &mut State, request: &Request<'_>) -> Outcome {
    let caller = request.permitted(state, "role_assignments_write")?;
    let fields = wrapped(request.body, "role_assignment")?;
    let mut wrong = FieldErrors::default();
    let user = assignee(fields, &mut wrong);
    let target = target(fields, &mut wrong);
    let role = page::required(fields, "role_id", &mut wrong).to_owned();
    let window = Window {
        from: instant(fields, "valid_from", &mut wrong).flatten(),
        until: instant(fields, "valid_until", &mut wrong).flatten(),
    };
    check_window(target.and_then(Target::group).is_some(), window, &mut wrong);
    let known = access::roles(state).find(|known| known.id == role);
    if !role.is_empty() && known.is_none_or(|known| Some(known.applies_to) != target.map(kind)) {
        wrong.add("role_id", "is not included in the list");
    }
    wrong.into_result()?;
    let (Some(user), Some(target), Some(known)) = (user, target, known) else {
        return Err(Refusal::not_found());
    };
    let there = match target {
        Target::Organization => true,
        Target::Place(place) => state.places.get(place).is_some(),
        Target::Group(group) => state.groups.get(group).is_some(),
    };
    if state.users.get(user).is_none() || !there {
        return Err(Refusal::not_found());
    }
    if known.id == "organization_owner" || known.rank > access::rank(state, caller.user) {
        return Err(Refusal::denied());
    }
    let window = window.rounded(state.switches.rounding);
    check_duplicate(state, user, target, window)?;
    let mut row = Assignment {
        user,
        target,
        role,
        window,
        notify: false,
        created_by: Some(caller.user),
        stamps: Stamps::at(request.now),
    };
    flag(fields, "notify", &mut row.notify);
    let id = state.insert_assignment(row);
    let row = state.assignments.get(id).ok_or_else(Refusal::not_found)?;
    let shown = render(state, id, row);
    state.emit(
        "role_assignment.create",
        Some(caller.user),
        &shown,
        request.now,
    );
    Ok(Answer::One(shown))
}

fn kind(target: Target) -> &'static str {
    match target {
        Target::Organization => "Organization",
        Target::Place(_) => "Place",
        Target::Group(_) => "Group",
    }
}

/// The assignee of a body in either dialect. The sandbox has no teams or guests: they become id 0, which
/// no user has.
fn assignee(fields: &Map<String, Value>, wrong: &mut FieldErrors) -> Option<i64> {
    let id = |name: &str| fields.get(name).and_then(Value::as_i64);
    let assignee = match fields.get("assignee_type").and_then(Value::as_str) {
        Some("User") => id("assignee_id"),
        Some("Team" | "Guest") => id("assignee_id").map(|_| 0),
        Some(_) => {
            wrong.add("assignee_type", "is not included in the list");
            return None;
        }
        None => id("user_id"),
    };
    if assignee.is_none() {
        wrong.add("assignee_id", "can't be blank");
    }
    assignee
}

fn target(fields: &Map<String, Value>, wrong: &mut FieldErrors) -> Option<Target> {
    let id = |name: &str| fields.get(name).and_then(Value::as_i64);
    let target = match fields.get("applies_to_type").and_then(Value::as_str) {
        Some("Group") => id("applies_to_id").map(Target::Group),
        Some("Place") => id("applies_to_id").map(Target::Place),
        Some("Organization") => id("applies_to_id").map(|_| Target::Organization),
        Some(_) => {
            wrong.add("applies_to_type", "is not included in the list");
            return None;
        }
        None => id("group_id")
            .map(Target::Group)
            .or_else(|| id("place_id").map(Target::Place))
            .or_else(|| id("organization_id").map(|_| Target::Organization)),
    };
    if target.is_none() {
        wrong.add("applies_to_id", "can't be blank");
    }
    target
}

fn check_window(windowed: bool, window: Window, wrong: &mut FieldErrors) {
    for (name, end) in [("valid_from", window.from), ("valid_until", window.until)] {
        if !windowed && end.is_some() {
            wrong.add(name, "must be blank");
        }
    }
    if let (Some(from), Some(until)) = (window.from, window.until)
        && from >= until
    {
        wrong.add("valid_until", "must be after valid from");
    }
}

/// One role per user and target, whatever the role and even if it has ended; the switch `duplicates` decides.
fn check_duplicate(
    state: &State,
    user: i64,
    target: Target,
    window: Window,
) -> Result<(), Refusal> {
    let mut same = state
        .assignments_of(user)
        .filter(|(_, row)| row.target == target);
    let conflict = || Refusal::fault(409, "000409", "The role assignment already exists.");
    match state.switches.duplicates {
        Duplicates::Allow => Ok(()),
        Duplicates::Conflict if same.next().is_some() => Err(conflict()),
        Duplicates::Unprocessable if same.next().is_some() => {
            Err(Refusal::invalid("user_id", "has already been taken"))
        }
        Duplicates::AllowIfWindowsDiffer if same.any(|(_, row)| row.window == window) => {
            Err(conflict())
        }
        _ => Ok(()),
    }
}

fn update(state: &mut State, request: &Request<'_>, id: i64) -> Outcome {
    let caller = request.permitted(state, "role_assignments_write")?;
    let fields = wrapped(request.body, "role_assignment")?;
    let rank = access::rank(state, caller.user);
    let (patching, rounding) = (state.switches.patch_window, state.switches.rounding);
    let row = state
        .assignments
        .get_mut(id)
        .ok_or_else(Refusal::not_found)?;
    if row.role == "organization_owner" {
        return Err(Refusal::denied());
    }
    let mut wrong = FieldErrors::default();
    let from = instant(fields, "valid_from", &mut wrong);
    let until = instant(fields, "valid_until", &mut wrong);
    let changed = from.is_some() || until.is_some();
    let window = Window {
        from: from.unwrap_or(row.window.from),
        until: until.unwrap_or(row.window.until),
    };
    check_window(row.target.group().is_some(), window, &mut wrong);
    let role = fields.get("role_id").and_then(Value::as_str);
    let known = role.and_then(role_named);
    if role.is_some() && known.is_none_or(|known| known.applies_to != kind(row.target)) {
        wrong.add("role_id", "is not included in the list");
    }
    if changed && patching == PatchWindow::Refused {
        wrong.add("valid_until", "can't be changed");
    }
    wrong.into_result()?;
    if known.is_some_and(|known| known.rank > rank || known.id == "organization_owner") {
        return Err(Refusal::denied());
    }
    if let Some(role) = role {
        role.clone_into(&mut row.role);
    }
    if patching == PatchWindow::Works {
        row.window = window.rounded(rounding);
    }
    flag(fields, "notify", &mut row.notify);
    row.stamps.updated = request.now;
    emit_event(state, "role_assignment.update", caller.user, id, request);
    Ok(Answer::Nothing)
}

fn emit_event(state: &mut State, kind: &str, by: i64, id: i64, request: &Request<'_>) {
    if let Some(row) = state.assignments.get(id) {
        let shown = render(state, id, row);
        state.emit(kind, Some(by), &shown, request.now);
    }
}
