//! Switches for Kisi's unknown behaviours, and faults that can be injected into single calls.
//!
//! Contract: a fault applies to as many calls as requested, the earliest added fault first. Changes no
//! rows. Set through `Sandbox`, read by `http` and the resource modules.

use std::time::Duration;

/// The response to a second assignment of one user to one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicates {
    /// 409.
    Conflict,
    /// 422.
    Unprocessable,
    /// A second row.
    Allow,
    /// A second row, unless the window is the same: then 409. Consistent with all observations of Kisi.
    #[default]
    AllowIfWindowsDiffer,
}

/// The effect of a change of an assignment's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PatchWindow {
    /// The window changes.
    #[default]
    Works,
    /// 204, and nothing has changed.
    Ignored,
    /// 422.
    Refused,
}

/// The rounding of the ends of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rounding {
    /// Kept to the second.
    #[default]
    None,
    /// Both ends are rounded down to a multiple of so many seconds.
    Down(i64),
    /// The start is rounded down and the end is rounded up.
    Outward(i64),
    /// Both ends are rounded to the nearest multiple.
    Nearest(i64),
}

/// The effect of the filter `email` of the list of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmailFilter {
    /// Matches the same address, regardless of case.
    #[default]
    Exact,
    /// Matches addresses that contain the text.
    Substring,
    /// No effect: all users are listed.
    Ignored,
}

/// The effect of a `limit` above the maximum of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OverLimit {
    /// The maximum is used instead.
    #[default]
    Clamp,
    /// 400.
    Refuse,
}

/// The open questions about Kisi's behaviour, each with the answer to simulate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switches {
    pub duplicates: Duplicates,
    pub patch_window: PatchWindow,
    pub rounding: Rounding,
    /// `email=` in the list of users.
    pub email_filter: EmailFilter,
    /// A `limit` above the maximum.
    pub over_limit: OverLimit,
    /// Whether a place and the organization have roles that only open doors.
    pub door_roles: bool,
    /// Requests per second for each user; `None`: no limit.
    pub rate: Option<u32>,
    /// Whether a 429 has a `Retry-After` header.
    pub retry_after: bool,
    /// Whether a 429 has a JSON body.
    pub rate_body: bool,
    /// Real time to wait before a request is handled.
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
    /// 429; the call is not executed.
    TooMany,
    /// 500 with code `ffffff`; the call is not executed.
    ServerError,
    /// 502 with an HTML page; the call is not executed.
    HtmlBadGateway,
    /// 401; the call is not executed.
    Unauthorized,
    /// The connection closes without a response; the call is not executed.
    Close,
    /// The call is executed; the connection closes without a response.
    Lost,
    /// The call is executed immediately; the response is delayed by this time.
    Hang(Duration),
    /// A list lacks its second half, although the range header claims all of it. Other responses are
    /// unchanged.
    ShortPage,
    /// The call is executed; a list is empty, and its range header says so. Other responses are unchanged.
    EmptyList,
    /// The call is executed; a list response is an object. Other responses are unchanged.
    NotAList,
}

/// A fault for calls that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `GET`, `POST`, …; `*` is any.
    pub method: String,
    /// The start of the path, without query; `/` is any.
    pub path_prefix: String,
    /// The kind of failure.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault for calls with this method (`*` is any) and a path that starts with `path`.
    pub fn new(method: impl Into<String>, path: impl Into<String>, kind: FaultKind) -> Self {
        Self {
            method: method.into(),
            path_prefix: path.into(),
            kind,
        }
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        (self.method == "*" || self.method.eq_ignore_ascii_case(method))
            && path.starts_with(&self.path_prefix)
    }
}

/// A fault and the number of calls that it still applies to.
#[derive(Debug)]
pub(super) struct PendingFault {
    pub fault: Fault,
    pub times: u32,
}

/// Returns the first fault that matches this call, and counts it down.
pub(super) fn take_matching(
    planted: &mut std::collections::VecDeque<PendingFault>,
    method: &str,
    path: &str,
) -> Option<FaultKind> {
    let matching = planted
        .iter_mut()
        .find(|fault| fault.times > 0 && fault.fault.matches(method, path))?;
    matching.times -= 1;
    let kind = matching.fault.kind;
    planted.retain(|fault| fault.times > 0);
    Some(kind)
}
