//! An in-memory simulation of Kisi's REST API for the demo, for tests and for teams without a Kisi
//! account.
//!
//! Contract: implements the documented API, limits and failures of Kisi, with a switch for each open
//! question about its behaviour; time comes only from the given clock. Independent of the client: it
//! shares no type with it and uses nothing else of this workspace. Makes no outgoing calls except the
//! delivery of events to its integrations. Used by the demo, `latchkey sandbox` and tests.

mod access;
mod answer;
mod assignments;
mod delivery;
mod example;
mod faults;
mod groups;
mod http;
mod integrations;
mod lived_in;
mod logins;
mod oracle;
mod page;
mod rate;
mod rows;
mod seed;
mod setup;
mod state;
#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the tests measure the rate limit in real time"
)]
mod tests;
mod unlock;
mod users;

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

pub use example::example;
pub use faults::{
    Duplicates, EmailFilter, Fault, FaultKind, OverLimit, PatchWindow, Rounding, Switches,
};
pub use http::Call;
pub use lived_in::{ROWING, lived_in, rowers};
pub use oracle::{AssignmentView, UserView};
pub use rows::LockFlags;

use answer::{Outcome, Refusal};
use faults::PendingFault;
use http::Request;
use state::State;

/// Returns the current time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// Returns the time since an arbitrary start; monotonic.
pub type Stopwatch = Arc<dyn Fn() -> Duration + Send + Sync>;

/// A Kisi organization in memory. Clones share its state.
#[derive(Clone)]
pub struct Sandbox {
    clock: Clock,
    stopwatch: Stopwatch,
    state: Arc<Mutex<State>>,
    watch: Arc<OnceLock<Watch>>,
}

/// Called after each request that changed rows.
type Watch = Box<dyn Fn(&Sandbox) + Send + Sync>;

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

impl Sandbox {
    /// An organization with only its owner (owner@example.com) and the owner's key.
    ///
    /// The rate limit is measured by the same clock; if the clock does not advance, set
    /// `with_stopwatch`.
    pub fn new(clock: Clock) -> Self {
        let ticking = Arc::clone(&clock);
        let stopwatch = move || {
            let since = ticking().duration_since(Timestamp::UNIX_EPOCH);
            Duration::try_from(since).unwrap_or_default()
        };
        let state = seed::fresh(clock());
        Self {
            clock,
            stopwatch: Arc::new(stopwatch),
            state: Arc::new(Mutex::new(state)),
            watch: Arc::default(),
        }
    }

    /// Measures the rate limit and the peak rate by a stopwatch instead of the clock.
    #[must_use]
    pub fn with_stopwatch(mut self, stopwatch: Stopwatch) -> Self {
        self.stopwatch = stopwatch;
        self
    }

    /// Sets the owner's key.
    #[must_use]
    pub fn with_key(self, key: String) -> Self {
        {
            let state = &mut *self.state();
            state.change_secret(state.key_login, key);
        }
        self
    }

    /// The owner's key.
    pub fn api_key(&self) -> String {
        let state = self.state();
        state
            .logins
            .get(state.key_login)
            .map(|login| login.secret.clone())
            .unwrap_or_default()
    }

    /// Makes the owner's key fail with 401, or work again.
    pub fn set_key_good(&self, good: bool) {
        self.state().key_refused = !good;
    }

    /// The current switches for the open questions about Kisi.
    pub fn switches(&self) -> Switches {
        self.state().switches.clone()
    }

    pub fn set(&self, switches: Switches) {
        self.state().switches = switches;
    }

    /// Keeps the latest `most` calls and events; the default is half a million.
    pub fn keep_calls(&self, most: usize) {
        self.state().kept = most;
    }

    /// Injects a fault into the next `times` matching calls. Calls refused by the rate limit do not
    /// count.
    pub fn fault(&self, fault: Fault, times: u32) {
        self.state().faults.push_back(PendingFault { fault, times });
    }

    /// Removes all pending faults.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Registers a callback for each request that changed rows; it runs before the response is sent. Only the first registration
    /// has an effect.
    pub fn watch(&self, look: impl Fn(&Self) + Send + Sync + 'static) {
        let _ = self.watch.set(Box::new(look));
    }

    /// Serves on one thread until the server is stopped. The caller must await or spawn the server.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn serve(&self, listener: TcpListener) -> io::Result<actix_web::dev::Server> {
        http::serve(self.clone(), listener)
    }

    /// The current time of the sandbox's clock.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn elapsed(&self) -> Duration {
        (self.stopwatch)()
    }

    /// A poisoned lock is safe to use: each change is made after all checks, so that a panic leaves the rows consistent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn route(state: &mut State, request: &Request<'_>, path: &str) -> Outcome {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let Some((first, rest)) = segments.split_first() else {
        return Err(Refusal::no_endpoint());
    };
    match *first {
        "user" => users::route_me(state, request, rest),
        "users" => users::route(state, request, rest),
        "role_assignments" => assignments::route(state, request, rest),
        "roles" => access::route(state, request, rest),
        "organization" if rest.is_empty() => setup::route_organization(state, request, false),
        "organizations" if rest.is_empty() => setup::route_organization(state, request, true),
        "organizations" => setup::route_public_organization(state, request, rest),
        "places" => setup::route_places(state, request, rest),
        "locks" => setup::route_locks(state, request, rest),
        "groups" => groups::route(state, request, rest),
        "group_locks" => groups::route_locks(state, request, rest),
        "logins" => logins::route(state, request, rest),
        "login" => logins::route_current(state, request, rest),
        "integrations" => integrations::route(state, request, rest),
        "event_sets" => integrations::route_event_sets(state, request, rest),
        _ => Err(Refusal::no_endpoint()),
    }
}
