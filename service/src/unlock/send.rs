//! The unlock call to Kisi. It is sent once, and a second time only if it certainly had no effect because the stored login of the
//! member had expired; then with a new login. Nothing else is ever repeated.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use secrecy::SecretString;
use tokio::time::{sleep, timeout};

use super::{Location, real_now, record};
use crate::{
    app::App,
    kisi::{self, Client, Error, Guard, Lane},
    secret::SecretKind,
    store::{
        ClubScope, StoreError, logins, lookup,
        row::{self, UnlockState},
        unlock_requests::UnlockResult,
    },
    transaction,
};

/// How long an unlock request may wait for its turn in the rate limit of Kisi; someone is waiting at the door.
const TURN: Duration = Duration::from_secs(8);
/// How long the creation of a login may take, including the wait for its turn.
const LOGIN: Duration = Duration::from_secs(15);
/// The deadline of a taken request. Longer than its longest path: two logins, two turns, two responses of ten seconds each.
const REQUEST_DEADLINE: Duration = Duration::from_secs(75);

/// The id of a lock in Kisi, and the location of the member.
type Door = (i64, Option<kisi::Location>);

/// When a process that takes a request now has certainly finished with it, in real time.
pub fn until() -> i64 {
    let micros = i64::try_from(REQUEST_DEADLINE.as_micros()).unwrap_or(i64::MAX);
    real_now().saturating_add(micros)
}

/// Carries out a taken request and stores its outcome. `guard` is checked right before the call.
pub async fn carry_out(
    app: Arc<App>,
    unlock_request: row::UnlockRequest,
    guard: Option<Guard>,
) -> Result<(), StoreError> {
    let ending = match open(&app, &unlock_request, guard).await {
        Ok(ending) => ending,
        Err(problem) => {
            tracing::error!(error = ?problem, "unlock failed before Kisi was called");
            not_sent("Something went wrong on our side, so the door was not asked to open.")
        }
    };
    record::end(&app, &unlock_request, ending).await
}

/// Internal errors before the call, for the log.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("the database failed")]
    Store(#[from] StoreError),
    #[error("a stored secret cannot be decrypted")]
    Secret(#[from] crate::secret::SecretError),
}

async fn open(
    app: &App,
    unlock_request: &row::UnlockRequest,
    guard: Option<Guard>,
) -> Result<UnlockResult, SendError> {
    let (db, scope) = (app.db.read(), ClubScope::new(unlock_request.club_id));
    let account = lookup::by_id::<row::KisiAccount>(db, scope, unlock_request.account_id).await?;
    let lock = lookup::by_id::<row::Lock>(db, scope, unlock_request.lock_id).await?;
    let (Some(account), Some(lock)) = (account, lock) else {
        return Ok(not_sent("The door no longer exists."));
    };
    let key = app.sealer.open(
        SecretKind::KisiCredentials,
        account.id,
        &account.credentials,
    )?;
    let by_key = app
        .kisi
        .for_user(account.kisi_user_id, key)
        .in_lane(Lane::Urgent);
    let door = (lock.kisi_id, Location::of(unlock_request));
    let person = match unlock_request.kisi_user_id {
        Some(user) => lookup::by_id::<row::KisiUser>(db, scope, user).await?,
        None => None,
    };
    let Some((person, kisi_id)) = person.and_then(|user| user.kisi_id.map(|id| (user, id))) else {
        return Ok(match send(&by_key, door, guard).await {
            Ok(()) => unlocked(),
            Err(Error::Unauthorized { code, message }) => UnlockResult {
                state: UnlockState::Unauthorized,
                kisi_code: code.clone(),
                message: Some(Error::Unauthorized { code, message }.for_people()),
            },
            Err(error) => refused(&error),
        });
    };
    let behalf = UserCall {
        app,
        account: &account,
        person: &person,
        kisi_id,
        by_key: &by_key,
    };
    behalf.open(door, guard).await
}

/// A call to Kisi as one Kisi user.
struct UserCall<'a> {
    app: &'a App,
    account: &'a row::KisiAccount,
    person: &'a row::KisiUser,
    kisi_id: i64,
    by_key: &'a Client,
}

impl UserCall<'_> {
    async fn open(&self, door: Door, guard: Option<Guard>) -> Result<UnlockResult, SendError> {
        let stored = self.stored_login().await?;
        let was_stored = stored.is_some();
        let login = match stored {
            Some(login) => login,
            None => match self.create_login().await? {
                Ok(login) => login,
                Err(ending) => return Ok(ending),
            },
        };
        let outcome = send(&self.client(login), door, guard.clone()).await;
        let outcome = match outcome {
            // Kisi removes old logins without notice, so this call had no effect.
            Err(Error::Unauthorized { .. }) if was_stored => match self.create_login().await? {
                Ok(login) => send(&self.client(login), door, guard).await,
                Err(ending) => return Ok(ending),
            },
            outcome => outcome,
        };
        Ok(match outcome {
            Ok(()) => unlocked(),
            Err(Error::Unauthorized { code, .. }) => UnlockResult {
                state: UnlockState::Refused,
                kisi_code: code,
                message: Some(
                    "Kisi rejected the login that it has just issued for this member. Ask an administrator to check the \
                     user in Kisi."
                        .to_owned(),
                ),
            },
            Err(error) => refused(&error),
        })
    }

    fn client(&self, login: SecretString) -> Client {
        self.app
            .kisi
            .on_behalf(self.kisi_id, login)
            .in_lane(Lane::Urgent)
    }

    /// The stored login; `None` also for one that cannot be decrypted.
    async fn stored_login(&self) -> Result<Option<SecretString>, StoreError> {
        let scope = ClubScope::new(self.person.club_id);
        let row = logins::get(self.app.db.read(), scope, self.person.id).await?;
        Ok(row.and_then(|row| {
            self.app
                .sealer
                .open(SecretKind::KisiLogin, self.person.id, &row.secret)
                .ok()
        }))
    }

    /// Creates and stores a login; the inner error is the outcome if Kisi gives none.
    async fn create_login(&self) -> Result<Result<SecretString, UnlockResult>, SendError> {
        let response = timeout(
            LOGIN,
            self.by_key.create_login_on_behalf(&self.person.email),
        )
        .await;
        let login = match response {
            Err(_) => return Ok(Err(not_sent(NO_TURN))),
            Ok(Err(error)) => return Ok(Err(no_login(&error))),
            Ok(Ok(login)) => login,
        };
        if login.user_id.is_some_and(|user| user != self.kisi_id) {
            let text = "Kisi issued a login of another user for this member's e-mail address, so it was not used. The user is \
                        looked up again when the member's access is next sent to Kisi.";
            return Ok(Err(not_sent(text)));
        }
        let row = row::KisiLogin {
            kisi_user_id: self.person.id,
            club_id: self.person.club_id,
            account_id: self.account.id,
            secret: self
                .app
                .sealer
                .seal(SecretKind::KisiLogin, self.person.id, &login.secret)?,
            made_at: self.app.clock.now().micros(),
        };
        let stored: Result<(), StoreError> =
            transaction!(self.app.db, |tx| logins::put(tx, row).await).await;
        stored?;
        Ok(Ok(login.secret))
    }
}

const NO_TURN: &str = "Kisi accepts no more requests for the moment, so the door was not asked to open. Try again in a moment.";

/// Sends the unlock when its turn comes, or gives up before that. `Withheld` means that it was certainly not sent.
async fn send(client: &Client, (lock, location): Door, lease: Option<Guard>) -> Result<(), Error> {
    let sent = Arc::new(AtomicBool::new(false));
    let flag = sent.clone();
    let guard: Guard = Arc::new(move || {
        let may = lease.as_ref().is_none_or(|lease| lease());
        flag.store(may, Ordering::Release);
        may
    });
    let client = client.guarded(guard);
    let mut call = Box::pin(client.unlock(lock, location));
    tokio::select! {
        outcome = &mut call => return outcome,
        () = sleep(TURN) => {}
    }
    if sent.load(Ordering::Acquire) {
        call.await
    } else {
        Err(Error::Withheld)
    }
}

fn unlocked() -> UnlockResult {
    UnlockResult {
        state: UnlockState::Unlocked,
        kisi_code: None,
        message: None,
    }
}

fn not_sent(message: &str) -> UnlockResult {
    UnlockResult {
        state: UnlockState::NotSent,
        kisi_code: None,
        message: Some(message.to_owned()),
    }
}

/// The outcome of a failed unlock call.
fn refused(error: &Error) -> UnlockResult {
    let (state, message) = match error {
        Error::Withheld => (UnlockState::NotSent, NO_TURN.to_owned()),
        Error::NotSent(_) | Error::RateLimited { .. } => (
            UnlockState::NotSent,
            format!("The door did not open. {}", error.for_people()),
        ),
        error if !error.outcome_is_known() => (UnlockState::Unknown, record::UNKNOWN.to_owned()),
        error => (UnlockState::Refused, error.for_people()),
    };
    UnlockResult {
        state,
        kisi_code: error.code().map(str::to_owned),
        message: Some(message),
    }
}

/// The outcome if no login could be created: the unlock was not sent, whatever happened to the login.
fn no_login(error: &Error) -> UnlockResult {
    let state = match error {
        Error::Unauthorized { .. } => UnlockState::Unauthorized,
        Error::Forbidden { .. }
        | Error::NotFound { .. }
        | Error::Conflict { .. }
        | Error::Unprocessable { .. }
        | Error::Refused { .. } => UnlockState::Refused,
        _ => UnlockState::NotSent,
    };
    let message = match error {
        Error::NotFound { .. } => "Kisi no longer has a user with this member's e-mail address, so the door was not asked to \
                                   open. Sync the member's access to Kisi again."
            .to_owned(),
        error => format!("The door was not asked to open: {}", error.for_people()),
    };
    UnlockResult {
        state,
        kisi_code: error.code().map(str::to_owned),
        message: Some(message),
    }
}
