//! What can be set wrong: the behaviours of Kisi that nobody has established, and failures planted
//! for single calls.
//!
//! Promises: a fault meets as many calls as it was planted for, the earliest planted first.
//! Must never change rows. Set through `Sandbox`, read by `http` and by the nouns.

use std::time::Duration;

/// What a second assignment of one user to one target meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicates {
    /// 409.
    Conflict,
    /// 422.
    Unprocessable,
    /// A second row.
    Allow,
    /// A second row, unless the window is the same: then 409. Explains all that has been observed.
    #[default]
    AllowIfWindowsDiffer,
}

/// What a change of an assignment's window does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PatchWindow {
    /// It changes.
    #[default]
    Works,
    /// 204, and nothing has changed.
    Ignored,
    /// 422.
    Refused,
}

/// What becomes of the ends of a window that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rounding {
    /// They are kept to the second.
    #[default]
    None,
    /// Both are rounded down to so many seconds.
    Down(i64),
    /// The beginning is rounded down and the end up.
    Outward(i64),
    /// Both are rounded to the nearest.
    Nearest(i64),
}

/// What the `email` filter of the list of users does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmailFilter {
    /// The same address, in any case.
    #[default]
    Exact,
    /// Addresses that contain it.
    Substring,
    /// Nothing: everybody is listed.
    Ignored,
}

/// What a `limit` above the maximum of a list does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OverLimit {
    /// The maximum is used instead.
    #[default]
    Clamp,
    /// 400.
    Refuse,
}

/// The open questions about Kisi, each with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switches {
    /// A second assignment of one user to one target.
    pub duplicates: Duplicates,
    /// A change of an assignment's window.
    pub patch_window: PatchWindow,
    /// The ends of a window.
    pub rounding: Rounding,
    /// `email=` in the list of users.
    pub email_filter: EmailFilter,
    /// A `limit` above the maximum.
    pub over_limit: OverLimit,
    /// Whether a place and the organization have roles that only open doors.
    pub door_roles: bool,
    /// Requests a second for each user; `None`: no limit.
    pub rate: Option<u32>,
    /// A 429 says in `Retry-After` when to come again.
    pub retry_after: bool,
    /// A 429 has a JSON body.
    pub rate_body: bool,
    /// Real time that passes before a request is handled.
    pub latency: Duration,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            duplicates: Duplicates::default(),
            patch_window: PatchWindow::default(),
            rounding: Rounding::default(),
            email_filter: EmailFilter::default(),
            over_limit: OverLimit::default(),
            door_roles: true,
            rate: Some(5),
            retry_after: true,
            rate_body: true,
            latency: Duration::ZERO,
        }
    }
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// 429, not handled.
    TooMany,
    /// 500 with code `ffffff`, not handled.
    ServerError,
    /// 502 with a page of HTML, not handled.
    HtmlBadGateway,
    /// 401, not handled.
    Unauthorized,
    /// Not handled; the connection closes without an answer.
    Close,
    /// Handled; the connection closes without an answer.
    Lost,
    /// Handled at once; the answer comes so much later.
    Hang(Duration),
    /// A list comes without its second half, though the header claims it all. Other answers are
    /// untouched.
    ShortPage,
    /// Handled; a list comes without any row, and its header claims that there are none. Other answers are untouched.
    EmptyList,
    /// Handled; an object comes where a list was due. Other answers are untouched.
    NotAList,
}

/// A failure that waits for its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `GET`, `POST`, …; `*` is any.
    pub method: String,
    /// Without the query; `/` is any.
    pub path_prefix: String,
    /// How the call fails.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault for calls with this method (`*` is any) whose path begins so.
    pub fn new(method: impl Into<String>, path: impl Into<String>, kind: FaultKind) -> Self {
        Self {
            method: method.into(),
            path_prefix: path.into(),
            kind,
        }
    }

    fn meets(&self, method: &str, path: &str) -> bool {
        (self.method == "*" || self.method.eq_ignore_ascii_case(method))
            && path.starts_with(&self.path_prefix)
    }
}

/// A fault and how many calls it still waits for.
#[derive(Debug)]
pub(super) struct Planted {
    pub fault: Fault,
    pub times: u32,
}

/// Takes the fault that this call meets, if any.
pub(super) fn take(
    planted: &mut std::collections::VecDeque<Planted>,
    method: &str,
    path: &str,
) -> Option<FaultKind> {
    let found = planted
        .iter_mut()
        .find(|one| one.times > 0 && one.fault.meets(method, path))?;
    found.times -= 1;
    let kind = found.fault.kind;
    planted.retain(|one| one.times > 0);
    Some(kind)
}
