//! Role assignments: which user has which role on what, and in which window of time.
//!
//! Contract: reads both dialects of Kisi (assignee and applies_to, or user_id and group_id) and
//! writes the current one; a window is sent in whole seconds that cover the requested one. Never
//! sends a window where Kisi stores none; never takes the id of a team or guest for a user id.
//! Called by the reconciler.

#![expect(missing_docs, reason = "the fields have the names of Kisi's API")]

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde_json::{Value, json};

use super::call::Call;
use super::client::Client;
use super::error::Error;
use super::wire::{AssignmentRow, missing_target};

const ALL: &str = "/role_assignments";
const ONE: &str = "/role_assignments/{id}";

/// The object that an assignment applies to, by Kisi's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AppliesTo {
    Organization(i64),
    Place(i64),
    Group(i64),
}

/// An assignment as stored in Kisi.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub id: i64,
    pub role_id: String,
    pub applies_to: AppliesTo,
    /// `None` if the assignee is a team or a guest.
    pub user_id: Option<i64>,
    /// The assignee's e-mail address; empty if Kisi does not show it.
    pub email: String,
    /// The assignee's name; empty if Kisi does not show it.
    pub name: String,
    /// The user that created it; `None` if it was not a user, or Kisi does not say.
    pub created_by_id: Option<i64>,
    /// `None` is open, which is always so for a place or an organization.
    pub valid_from: Option<Timestamp>,
    pub valid_until: Option<Timestamp>,
}

/// An assignment to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAssignment {
    pub user: i64,
    pub applies_to: AppliesTo,
    pub role_id: String,
    /// Only for a group.
    pub valid_from: Option<Timestamp>,
    /// Only for a group.
    pub valid_until: Option<Timestamp>,
    /// Whether Kisi sends an e-mail to the person.
    pub notify: bool,
}

/// Which assignments to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssignmentFilter {
    /// The assignments of this user, whatever they apply to.
    User(i64),
    /// The assignments to this group.
    Group(i64),
    /// The assignments to this place itself, not to its groups.
    Place(i64),
    /// The assignments to the organization itself, not to its places and groups.
    Organization,
}

/// The window as it is stored in Kisi: whole seconds, the start rounded down and the end rounded up.
pub fn as_stored(
    from: Option<Timestamp>,
    until: Option<Timestamp>,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let round = |instant: Timestamp, mode| {
        let rounding = TimestampRound::new().smallest(Unit::Second).mode(mode);
        // Fails only within a second of the end of the year 9999, where it does not matter.
        instant.round(rounding).unwrap_or(instant)
    };
    (
        from.map(|at| round(at, RoundMode::Floor)),
        until.map(|at| round(at, RoundMode::Ceil)),
    )
}

impl Client {
    /// All assignments that match the filter, without those on objects that [`AppliesTo`] does not
    /// cover.
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
        let mut assignments = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some(assignment) = row.read(ALL)? {
                assignments.push(assignment);
            }
        }
        // If Kisi ignores a filter, the list contains the rows of others.
        assignments.retain(|assignment| match filter {
            AssignmentFilter::User(id) => assignment.user_id == Some(id),
            AssignmentFilter::Group(id) => assignment.applies_to == AppliesTo::Group(id),
            AssignmentFilter::Place(id) => assignment.applies_to == AppliesTo::Place(id),
            AssignmentFilter::Organization => {
                matches!(assignment.applies_to, AppliesTo::Organization(_))
            }
        });
        Ok(assignments)
    }

    /// The assignment with this id; `None` if it does not exist.
    pub async fn assignment(&self, id: i64) -> Result<Option<Assignment>, Error> {
        match self
            .send_and_decode::<AssignmentRow>(Call::get(ONE).of(id))
            .await
        {
            Ok(row) => row
                .read(ONE)?
                .map(Some)
                .ok_or_else(|| missing_target(ONE, false)),
            Err(error) if error.is_object_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an assignment. Kisi has no idempotency key: after an error with unknown outcome, list
    /// the assignments before a retry.
    ///
    /// # Errors
    /// `Unprocessable`, without a call, for a window on anything but a group: sent without the
    /// window, the assignment would never end. `Conflict` and `Unprocessable` may also mean that the
    /// assignment already exists.
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
            insert_window(&mut body, new.valid_from, new.valid_until);
        } else if new.valid_from.is_some() || new.valid_until.is_some() {
            return Err(Error::Unprocessable {
                code: None,
                message: "Kisi stores times only for assignments to groups".to_owned(),
            });
        }
        let call = Call::post(ALL, json!({ "role_assignment": body }));
        let row = self.send_and_decode::<AssignmentRow>(call).await?;
        let malformed = || missing_target(ALL, true);
        row.read(ALL)
            .map_err(|_| malformed())?
            .ok_or_else(malformed)
    }

    /// Asks Kisi to change a window; `None` opens that end. Kisi may ignore the change: read the
    /// assignment back to verify it.
    pub async fn change_window(
        &self,
        id: i64,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<(), Error> {
        let mut body = json!({});
        insert_window(&mut body, from, until);
        self.send(Call::patch(ONE, json!({ "role_assignment": body })).of(id))
            .await
    }

    /// Sets whether Kisi e-mails the user at changes of an assignment. Setting it is a change: Kisi's specification says that the
    /// user is e-mailed "on create/update".
    pub async fn set_notify(&self, id: i64, notify: bool) -> Result<(), Error> {
        let body = json!({ "role_assignment": { "notify": notify } });
        self.send(Call::patch(ONE, body).of(id)).await
    }

    /// Deletes an assignment; succeeds if it is already gone.
    pub async fn delete_assignment(&self, id: i64) -> Result<(), Error> {
        self.delete(Call::delete(ONE).of(id)).await
    }
}

fn insert_window(body: &mut Value, from: Option<Timestamp>, until: Option<Timestamp>) {
    let (from, until) = as_stored(from, until);
    let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
    if let Some(fields) = body.as_object_mut() {
        fields.insert("valid_from".to_owned(), json!(text(from)));
        fields.insert("valid_until".to_owned(), json!(text(until)));
    }
}
