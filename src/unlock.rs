//! Opens a door for a member, once for each press. The decision comes first, of the same evaluation as an explanation; then
//! the press is stored, and only then is Kisi asked: in the member's name where Kisi holds that right too, else by the
//! account's key.
//!
//! Promises: nothing is sent to Kisi twice, whatever answer is lost, whoever asks at once, whichever process dies; what
//! became of a press is in the history by the transaction that records it. Never holds a transaction open while Kisi is
//! asked. Called by the API; the loop's worker carries out what other replicas were asked for.

use std::{sync::Arc, time::Duration};

use access::Instant;

use crate::{
    app::App,
    clock::{Clock, new_id},
    connect::is_disconnecting,
    kisi,
    store::{
        Scope, StoreError, kisi_accounts, leases, presses,
        row::{self, KisiStatus, PressState},
    },
};

mod claim;
pub mod desk;
mod judge;
mod record;
pub mod restriction;
mod send;

use claim::Claimed;
pub use judge::{Judged, judge};

/// For so long a key is of one press.
pub const ONE_PRESS: Duration = Duration::from_secs(300);
/// So many presses of one member are taken within [`RATE_WINDOW`], those that were refused too. A retry that bears the
/// key of its press is none.
pub const MOST_PRESSES: u64 = 10;
/// See [`MOST_PRESSES`].
pub const RATE_WINDOW: Duration = Duration::from_secs(60);
/// How long whoever asked waits for somebody else to carry a press out.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether a press has ended.
const LOOK: Duration = Duration::from_millis(50);

/// Who wants which door open.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The club.
    pub scope: Scope,
    /// The door.
    pub lock: row::Lock,
    /// For whom.
    pub member: row::Member,
    /// The caller's key of this press: two calls that bear one within [`ONE_PRESS`] are one press.
    pub key: Option<String>,
    /// Who asked: a token's name or the member's.
    pub actor: String,
    /// Where the member is, as far as the caller says: a door with a geofence asks for it.
    pub location: Option<Location>,
}

/// A place on Earth in ten-millionths of a degree, a centimetre: what is kept of a location until the press has ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Location {
    latitude_e7: i64,
    longitude_e7: i64,
}

impl Location {
    /// Of degrees; `None` for what is nowhere on Earth.
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        // INVARIANT: at most 1.8 thousand million, which every float of 64 bits and i64 hold.
        let e7 = |degrees: f64, most: f64| {
            (degrees.abs() <= most).then_some((degrees * 1e7).round() as i64)
        };
        Some(Self {
            latitude_e7: e7(latitude, 90.0)?,
            longitude_e7: e7(longitude, 180.0)?,
        })
    }

    fn of(press: &row::Press) -> Option<kisi::Location> {
        let degrees = |e7: i64| e7 as f64 / 1e7;
        Some(kisi::Location {
            latitude: degrees(press.latitude_e7?),
            longitude: degrees(press.longitude_e7?),
        })
    }
}

/// A refusal by the rules in words: for the member, and for the history.
#[derive(Clone, Debug)]
pub struct Words {
    /// For whoever stands at the door.
    pub member: String,
    /// For the desk.
    pub desk: String,
}

/// What became of an ask.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The press, ended; or TAKEN where nobody knows yet.
    Press(Box<row::Press>),
    /// Too many for this member: from this instant on another is taken.
    TooMany(Instant),
}

/// Why a door cannot be opened by anybody.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum NoDoor {
    /// Kisi lists it no more.
    Gone,
    /// Its account is disconnected, or about to be.
    Disconnected,
}

/// Whether there is a way to a door at all.
pub async fn way_to(
    app: &App,
    scope: Scope,
    lock: &row::Lock,
) -> Result<Option<NoDoor>, StoreError> {
    if lock.gone_at.is_some() {
        return Ok(Some(NoDoor::Gone));
    }
    let account = kisi_accounts::get(app.db.read(), scope, lock.account_id).await?;
    let works = |account: &row::KisiAccount| {
        account.status != KisiStatus::Disconnected && !is_disconnecting(account)
    };
    Ok((!account.as_ref().is_some_and(works)).then_some(NoDoor::Disconnected))
}

/// Presses: stores it, has it carried out unless the rules say no, and waits for what it comes to.
pub async fn press(
    app: &Arc<App>,
    ask: Ask,
    judged: &Judged,
    words: Words,
) -> Result<Answer, StoreError> {
    let (scope, account) = (ask.scope, ask.lock.account_id);
    let is_here = app.db.is_one_machine() || is_ours(app, account).await?;
    let press = row::Press {
        id: new_id(),
        club_id: scope.club,
        account_id: account,
        lock_id: ask.lock.id,
        member_id: ask.member.id,
        press_key: ask.key.clone(),
        actor: ask.actor.clone(),
        kisi_user_id: judged.kisi_user,
        state: if is_here {
            PressState::Taken
        } else {
            PressState::Asked
        },
        kisi_code: None,
        message: None,
        asked_at: judged.decision.at.micros(),
        taken_until: is_here.then(send::until),
        event_key: None,
        latitude_e7: ask.location.map(|at| at.latitude_e7),
        longitude_e7: ask.location.map(|at| at.longitude_e7),
    };
    let press = match claim::claim(app, &ask, press, judged, words).await? {
        Claimed::TooMany(again_at) => return Ok(Answer::TooMany(again_at)),
        Claimed::Ended(press) => return Ok(Answer::Press(Box::new(press))),
        Claimed::Earlier(press) => press,
        Claimed::Ours(press) => {
            if press.state == PressState::Taken {
                // It goes on to its end even where the caller hangs up.
                let carried = tokio::spawn(send::carry_out(app.clone(), press.clone(), None));
                carried.await.map_err(|_| StoreError::TaskEnded)??;
            } else {
                app.waker.wake();
            }
            press
        }
    };
    let press = outcome(app, scope, press).await?;
    Ok(Answer::Press(Box::new(press)))
}

/// Whether this process does the account's work.
async fn is_ours(app: &App, account: uuid::Uuid) -> Result<bool, StoreError> {
    leases::is_held_by(app.db.read(), &account.to_string(), &app.holder).await
}

/// Waits, not for ever, until a press has ended. What nobody carries out is given up; of what somebody took and did not
/// finish nobody knows.
async fn outcome(app: &App, scope: Scope, press: row::Press) -> Result<row::Press, StoreError> {
    let id = press.id;
    let mut latest = press;
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(row) = presses::get(app.db.read(), scope, id).await? {
                latest = row;
            }
            if !is_open(&latest) || record::is_overdue(&latest) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    })
    .await;
    if let Ok(Err(problem)) = waited {
        return Err(problem);
    }
    if latest.state == PressState::Asked || record::is_overdue(&latest) {
        record::give_up(app, &latest).await?;
        latest = presses::get(app.db.read(), scope, id)
            .await?
            .unwrap_or(latest);
    }
    Ok(latest)
}

/// Whether nobody has said yet what a press came to.
pub fn is_open(press: &row::Press) -> bool {
    matches!(press.state, PressState::Asked | PressState::Taken)
}

/// Real time, as leases go by: processes die in it.
fn real_now() -> i64 {
    Clock::system().now().micros()
}
