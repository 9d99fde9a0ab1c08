//! Opens a door for a member, once for each unlock request. First the access decision is made, by the same evaluation as an
//! explanation; then the request is stored; only then is Kisi called: as the member if Kisi also grants them the door, otherwise
//! with the API key of the account.
//!
//! A request is never sent to Kisi twice, even if a response is lost, several clients repeat it at once or a process dies. The
//! transaction that stores the outcome also writes the history entry. No transaction is open during the call to Kisi. Called by
//! the API; `dispatcher` carries out requests that other replicas received.

use std::{sync::Arc, time::Duration};

use access::Instant;

use crate::{
    app::App,
    clock::{Clock, new_id},
    kisi,
    store::{
        ClubScope, StoreError, lookup,
        row::{self, KisiStatus, UnlockState},
        unlock_requests,
    },
};

mod checks;
mod claim;
pub mod dispatcher;
mod record;
pub mod restriction;
mod send;

pub use checks::{UnlockCheck, check};
use claim::Claimed;

/// How long an idempotency key deduplicates unlock requests.
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_secs(300);
/// The limit of unlock requests of one member within [`RATE_WINDOW`], refused ones included. A repetition with the same
/// idempotency key does not count.
pub const MAX_REQUESTS: u64 = 10;
/// The window of the limit above.
pub const RATE_WINDOW: Duration = Duration::from_secs(60);
/// How long the caller waits for the outcome of a request that another task or process carries out.
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the caller checks whether the request has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The door to open and the member that asks.
#[derive(Clone, Debug)]
pub struct UnlockCall {
    pub scope: ClubScope,
    pub lock: row::Lock,
    pub member: row::Member,
    /// The idempotency key of the caller: two calls with the same key, for the same member and lock and within [`IDEMPOTENCY_WINDOW`], are
    /// one request.
    pub key: Option<String>,
    /// The name of the token or of the member that made the call.
    pub actor: String,
    /// The location of the member as reported by the caller; doors with a geofence require it.
    pub location: Option<Location>,
}

/// A position in ten-millionths of a degree, about a centimetre. It is deleted when the request ends.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Location {
    latitude_e7: i64,
    longitude_e7: i64,
}

impl Location {
    /// From degrees; `None` for values outside the range of coordinates.
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        // INVARIANT: at most 1.8 billion, which f64 and i64 represent exactly.
        let e7 = |degrees: f64, most: f64| {
            (degrees.abs() <= most).then_some((degrees * 1e7).round() as i64)
        };
        Some(Self {
            latitude_e7: e7(latitude, 90.0)?,
            longitude_e7: e7(longitude, 180.0)?,
        })
    }

    fn of(unlock_request: &row::UnlockRequest) -> Option<kisi::Location> {
        let degrees = |e7: i64| e7 as f64 / 1e7;
        Some(kisi::Location {
            latitude: degrees(unlock_request.latitude_e7?),
            longitude: degrees(unlock_request.longitude_e7?),
        })
    }
}

/// The texts of a refusal by the rules.
#[derive(Clone, Debug)]
pub struct RefusalTexts {
    /// For the person at the door.
    pub member: String,
    /// For the front desk, in the history.
    pub desk: String,
}

/// The result of an unlock call.
#[derive(Clone, Debug)]
pub enum UnlockOutcome {
    /// The request, ended; or TAKEN while the outcome is still unknown.
    UnlockRequest(Box<row::UnlockRequest>),
    /// The member made too many requests; the next one is accepted at this instant.
    TooMany(Instant),
}

/// Why nobody can open a door.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DoorUnavailable {
    /// The lock no longer exists in Kisi.
    Gone,
    /// The Kisi account is disconnected, or is being disconnected.
    Disconnected,
}

/// Checks that the door and its Kisi account are usable; `None` if they are.
pub async fn door_availability(
    app: &App,
    scope: ClubScope,
    lock: &row::Lock,
) -> Result<Option<DoorUnavailable>, StoreError> {
    if lock.gone_at.is_some() {
        return Ok(Some(DoorUnavailable::Gone));
    }
    let account = lookup::by_id::<row::KisiAccount>(app.db.read(), scope, lock.account_id).await?;
    let works = |account: &row::KisiAccount| {
        !matches!(
            account.status,
            KisiStatus::Disconnecting | KisiStatus::Disconnected
        )
    };
    Ok((!account.as_ref().is_some_and(works)).then_some(DoorUnavailable::Disconnected))
}

/// Stores the request, carries it out unless the rules refuse it, and waits for the outcome.
pub async fn unlock_request(
    app: &Arc<App>,
    ask: UnlockCall,
    judged: &UnlockCheck,
    words: RefusalTexts,
) -> Result<UnlockOutcome, StoreError> {
    let (scope, account) = (ask.scope, ask.lock.account_id);
    let is_owned = app.db.is_sqlite() || app.owned.get(account).is_some();
    let is_here = is_owned && app.config.write_to_kisi;
    let unlock_request = row::UnlockRequest {
        id: new_id(),
        club_id: scope.club,
        account_id: account,
        lock_id: ask.lock.id,
        member_id: ask.member.id,
        idempotency_key: ask.key.clone(),
        actor: ask.actor.clone(),
        kisi_user_id: judged.kisi_user,
        state: if is_here {
            UnlockState::Taken
        } else {
            UnlockState::Asked
        },
        kisi_code: None,
        message: None,
        asked_at: judged.decision.at.micros(),
        taken_until: is_here.then(send::until),
        event_key: None,
        latitude_e7: ask.location.map(|at| at.latitude_e7),
        longitude_e7: ask.location.map(|at| at.longitude_e7),
    };
    let unlock_request = match claim::claim(app, &ask, unlock_request, judged, words).await? {
        Claimed::TooMany(again_at) => return Ok(UnlockOutcome::TooMany(again_at)),
        Claimed::Ended(unlock_request) => {
            return Ok(UnlockOutcome::UnlockRequest(Box::new(unlock_request)));
        }
        Claimed::Earlier(unlock_request) => unlock_request,
        Claimed::New(unlock_request) => {
            if unlock_request.state == UnlockState::Taken {
                // A task of its own, so that it completes even if the caller disconnects.
                let carried =
                    tokio::spawn(send::carry_out(app.clone(), unlock_request.clone(), None));
                carried.await.map_err(|_| StoreError::TaskEnded)??;
            }
            unlock_request
        }
    };
    let unlock_request = outcome(app, scope, unlock_request).await?;
    Ok(UnlockOutcome::UnlockRequest(Box::new(unlock_request)))
}

/// Waits up to `PATIENCE` until a request has ended. A request that no process took is given up as not sent; one that was taken
/// and is overdue ends with an unknown outcome.
async fn outcome(
    app: &App,
    scope: ClubScope,
    unlock_request: row::UnlockRequest,
) -> Result<row::UnlockRequest, StoreError> {
    let id = unlock_request.id;
    let mut latest = unlock_request;
    let polling = tokio::time::timeout(OUTCOME_TIMEOUT, async {
        loop {
            if let Some(row) = unlock_requests::get(app.db.read(), scope, id).await? {
                latest = row;
            }
            if !is_open(&latest) || record::is_overdue(&latest) {
                return Ok(());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    })
    .await;
    if let Ok(Err(problem)) = polling {
        return Err(problem);
    }
    if latest.state == UnlockState::Asked || record::is_overdue(&latest) {
        record::give_up(app, &latest).await?;
        latest = unlock_requests::get(app.db.read(), scope, id)
            .await?
            .unwrap_or(latest);
    }
    Ok(latest)
}

/// Whether the request has no outcome yet.
pub fn is_open(unlock_request: &row::UnlockRequest) -> bool {
    matches!(
        unlock_request.state,
        UnlockState::Asked | UnlockState::Taken
    )
}

/// The system time instead of `app.clock`: the deadline of a taken request tells whether a real process is still alive.
fn real_now() -> i64 {
    Clock::system().now().micros()
}
