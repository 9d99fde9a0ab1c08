//! Kisi as its documents say: a server in memory for the demo, for tests and for teams without a
//! Kisi account.
//!
//! Promises: the surface, the limits and the failures that are known of Kisi, with a switch for
//! each open question; time comes from the given clock alone. Written apart from the client: it
//! shares no type with it and uses nothing else of this program. Must never call out, but to deliver
//! events to the integrations that it was told of. Called by the demo and by tests.

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
    reason = "the limit is measured in real time here"
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
use faults::Planted;
use http::Request;
use state::State;

/// Says what time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// Says how much time has passed since a moment of its own choice; never goes back.
pub type Stopwatch = Arc<dyn Fn() -> Duration + Send + Sync>;

/// A Kisi organization in memory. Clones share it.
#[derive(Clone)]
pub struct Sandbox {
    clock: Clock,
    stopwatch: Stopwatch,
    state: Arc<Mutex<State>>,
    watch: Arc<OnceLock<Watch>>,
}

/// Called after each request that changed something.
type Watch = Box<dyn Fn(&Sandbox) + Send + Sync>;

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

impl Sandbox {
    /// An organization with its owner (owner@example.com) and the owner's key, and nothing else.
    ///
    /// The rate limit is measured on the clock as well: with one that stands still, set
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

    /// Measures the rate limit and the peak rate by this instead of the clock.
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

    /// Lets the owner's key fail with 401, or work again.
    pub fn set_key_good(&self, good: bool) {
        self.state().key_refused = !good;
    }

    /// The answers that are in force to the open questions about Kisi.
    pub fn switches(&self) -> Switches {
        self.state().switches.clone()
    }

    /// Sets all switches.
    pub fn set(&self, switches: Switches) {
        self.state().switches = switches;
    }

    /// Keeps this many calls and events, the latest, instead of half a million.
    pub fn keep_calls(&self, most: usize) {
        self.state().kept = most;
    }

    /// Plants a fault for the next `times` calls that it meets. Calls refused by the rate limit are
    /// not met.
    pub fn fault(&self, fault: Fault, times: u32) {
        self.state().faults.push_back(Planted { fault, times });
    }

    /// Whatever fault still waits for its calls comes no more.
    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Has a test look at the rows after each request that changed something, before it is answered. Only the first who asks
    /// for it is called.
    pub fn watch(&self, look: impl Fn(&Self) + Send + Sync + 'static) {
        let _ = self.watch.set(Box::new(look));
    }

    /// Serves on one thread until the server is stopped; the server has to be awaited or spawned.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn serve(&self, listener: TcpListener) -> io::Result<actix_web::dev::Server> {
        http::serve(self.clone(), listener)
    }

    /// The time of its clock.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    fn elapsed(&self) -> Duration {
        (self.stopwatch)()
    }

    /// Rows stay whole when a holder panics: each change is made after all checks.
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
