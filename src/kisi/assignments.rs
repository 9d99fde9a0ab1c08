//! Role assignments: who may what, where, and from when until when.
//!
//! Promises: both dialects of Kisi (assignee and applies_to, or user_id and group_id) are read, the
//! current one is written; a window is sent in whole seconds that cover what was asked. Must never
//! send a window where Kisi keeps none, nor take the id of a team or guest for that of a user.
//! Called by the reconciler.

#![expect(
    missing_docs,
    reason = "the fields bear the names that Kisi gives them"
)]

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde_json::{Value, json};

use super::call::Call;
use super::client::Client;
use super::error::Error;
use super::wire::{AssignmentRow, elsewhere};

const ALL: &str = "/role_assignments";
const ONE: &str = "/role_assignments/{id}";

/// What an assignment is for, by Kisi's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AppliesTo {
    Organization(i64),
    Place(i64),
    Group(i64),
}

/// An assignment as Kisi holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub id: i64,
    pub role_id: String,
    pub applies_to: AppliesTo,
    /// `None` when a team or a guest holds it.
    pub user_id: Option<i64>,
    /// The address of whoever holds it; empty where Kisi does not show it.
    pub email: String,
    /// The name of whoever holds it; empty where Kisi does not show it.
    pub name: String,
    /// The user who made it; `None` when it was no user, or Kisi does not say.
    pub created_by_id: Option<i64>,
    /// `None` is open, as always for a place or an organization.
    pub valid_from: Option<Timestamp>,
    pub valid_until: Option<Timestamp>,
}

/// An assignment to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAssignment {
    pub user: i64,
    pub applies_to: AppliesTo,
    pub role_id: String,
    /// Only for a group.
    pub valid_from: Option<Timestamp>,
    /// Only for a group.
    pub valid_until: Option<Timestamp>,
    /// Whether Kisi writes an e-mail to the person.
    pub notify: bool,
}

/// Which assignments to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssignmentFilter {
    /// Those that this user holds, wherever they apply.
    User(i64),
    /// Those that apply to this group.
    Group(i64),
    /// Those that apply to this place itself, not to its groups.
    Place(i64),
    /// Those that apply to the organization itself, not to its places and groups.
    Organization,
}

/// A window as Kisi keeps it: whole seconds, the start rounded down and the end up.
pub fn as_kept(
    from: Option<Timestamp>,
    until: Option<Timestamp>,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let round = |instant: Timestamp, mode| {
        let rounding = TimestampRound::new().smallest(Unit::Second).mode(mode);
        // Fails only within a second of the year 9999's end, where it does not matter.
        instant.round(rounding).unwrap_or(instant)
    };
    (
        from.map(|at| round(at, RoundMode::Floor)),
        until.map(|at| round(at, RoundMode::Ceil)),
    )
}

impl Client {
    /// All assignments that the filter names. Those on things other than [`AppliesTo`] knows are
    /// left out.
    pub async fn assignments(&self, filter: AssignmentFilter) -> Result<Vec<Assignment>, Error> {
        let call = || {
            let call = Call::get(ALL).with("sort", "user.name");
            let applies_to = |call: Call, kind| call.with("applies_to_type", kind);
            match filter {
                AssignmentFilter::User(id) => {
                    call.with("assignee_type", "User").with("assignee_id", id)
                }
                AssignmentFilter::Group(id) => applies_to(call, "Group").with("applies_to_id", id),
                AssignmentFilter::Place(id) => applies_to(call, "Place").with("applies_to_id", id),
                AssignmentFilter::Organization => applies_to(call, "Organization"),
            }
        };
        let rows: Vec<AssignmentRow> = self.list(call).await?;
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some(assignment) = row.read(ALL)? {
                kept.push(assignment);
            }
        }
        // A filter that Kisi passes over would show us the rows of others.
        kept.retain(|assignment| match filter {
            AssignmentFilter::User(id) => assignment.user_id == Some(id),
            AssignmentFilter::Group(id) => assignment.applies_to == AppliesTo::Group(id),
            AssignmentFilter::Place(id) => assignment.applies_to == AppliesTo::Place(id),
            AssignmentFilter::Organization => {
                matches!(assignment.applies_to, AppliesTo::Organization(_))
            }
        });
        Ok(kept)
    }

    /// The assignment with this id; `None` when it is gone.
    pub async fn assignment(&self, id: i64) -> Result<Option<Assignment>, Error> {
        match self.one::<AssignmentRow>(Call::get(ONE).of(id)).await {
            Ok(row) => row
                .read(ONE)?
                .map(Some)
                .ok_or_else(|| elsewhere(ONE, false)),
            Err(error) if error.says_gone() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes an assignment. There is no key against repetition: after an error whose outcome is not
    /// known, list first.
    ///
    /// # Errors
    /// `Unprocessable`, without a call, for a window on anything but a group: left out, it would
    /// let people pass for ever. `Conflict` and `Unprocessable` may also mean that there is one
    /// already.
    pub async fn create_assignment(&self, new: &NewAssignment) -> Result<Assignment, Error> {
        let (kind, id) = match new.applies_to {
            AppliesTo::Organization(id) => ("Organization", id),
            AppliesTo::Place(id) => ("Place", id),
            AppliesTo::Group(id) => ("Group", id),
        };
        let mut body = json!({
            "assignee_type": "User",
            "assignee_id": new.user,
            "applies_to_type": kind,
            "applies_to_id": id,
            "role_id": new.role_id,
            "notify": new.notify,
        });
        if let AppliesTo::Group(_) = new.applies_to {
            put_window(&mut body, new.valid_from, new.valid_until);
        } else if new.valid_from.is_some() || new.valid_until.is_some() {
            return Err(Error::Unprocessable {
                code: None,
                message: "Kisi keeps times for groups alone".to_owned(),
            });
        }
        let call = Call::post(ALL, json!({ "role_assignment": body }));
        let made = self.one::<AssignmentRow>(call).await?;
        let doubtful = || elsewhere(ALL, true);
        made.read(ALL).map_err(|_| doubtful())?.ok_or_else(doubtful)
    }

    /// Asks Kisi to change a window; `None` opens that end. Whether Kisi did is only to be seen by
    /// reading it back.
    pub async fn change_window(
        &self,
        id: i64,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<(), Error> {
        let mut body = json!({});
        put_window(&mut body, from, until);
        self.done(Call::patch(ONE, json!({ "role_assignment": body })).of(id))
            .await
    }

    /// Deletes an assignment; one that is gone already is done.
    pub async fn delete_assignment(&self, id: i64) -> Result<(), Error> {
        self.delete(Call::delete(ONE).of(id)).await
    }
}

fn put_window(body: &mut Value, from: Option<Timestamp>, until: Option<Timestamp>) {
    let (from, until) = as_kept(from, until);
    let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
    if let Some(fields) = body.as_object_mut() {
        fields.insert("valid_from".to_owned(), json!(text(from)));
        fields.insert("valid_until".to_owned(), json!(text(until)));
    }
}
