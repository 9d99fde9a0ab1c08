//! The call to Kisi. Sent once; where it is certain that it did nothing because a login had vanished, once more with a new
//! one. Nothing else is ever repeated.

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
        Scope, StoreError, grants, kisi_accounts, logins,
        presses::Ending,
        row::{self, PressState},
        setup,
    },
};

/// How long a press may wait for its turn at Kisi: somebody stands at the door.
const TURN: Duration = Duration::from_secs(8);
/// How long the making of a login may take, its turn included.
const LOGIN: Duration = Duration::from_secs(15);
/// Longer than the longest way from taking a press to the answer: two logins, two turns, two answers of ten seconds.
const TAKEN_FOR: Duration = Duration::from_secs(75);

/// A lock by Kisi's id, and where the member is who asks for it.
type Door = (i64, Option<kisi::Location>);

/// Until when whoever takes a press now has surely ended, in real time.
pub fn until() -> i64 {
    let micros = i64::try_from(TAKEN_FOR.as_micros()).unwrap_or(i64::MAX);
    real_now().saturating_add(micros)
}

/// Carries out a press that was taken, and records what it comes to. `guard` is asked right before the call.
pub async fn carry_out(
    app: Arc<App>,
    press: row::Press,
    guard: Option<Guard>,
) -> Result<(), StoreError> {
    let ending = match open(&app, &press, guard).await {
        Ok(ending) => ending,
        Err(problem) => {
            tracing::error!(error = ?problem, "a door could not be asked to open");
            not_sent("Something went wrong on our side, so the door was not asked to open.")
        }
    };
    record::end(&app, &press, ending).await
}

/// Why nothing was sent, for the log.
#[derive(Debug, thiserror::Error)]
enum Inside {
    #[error("the database failed")]
    Store(#[from] StoreError),
    #[error("a stored secret cannot be opened")]
    Secret(#[from] crate::secret::SecretError),
}

async fn open(app: &App, press: &row::Press, guard: Option<Guard>) -> Result<Ending, Inside> {
    let (db, scope) = (app.db.read(), Scope::new(press.club_id));
    let account = kisi_accounts::get(db, scope, press.account_id).await?;
    let lock = setup::lock(db, scope, press.lock_id).await?;
    let (Some(account), Some(lock)) = (account, lock) else {
        return Ok(not_sent("The door is gone."));
    };
    let key = app.sealer.open(
        SecretKind::KisiCredentials,
        account.id,
        &account.credentials,
    )?;
    let by_key = app
        .kisi
        .of_user(account.kisi_user_id, key)
        .in_lane(Lane::Urgent);
    let door = (lock.kisi_id, Location::of(press));
    let person = match press.kisi_user_id {
        Some(user) => grants::user(db, scope, user).await?,
        None => None,
    };
    let Some((person, kisi_id)) = person.and_then(|user| user.kisi_id.map(|id| (user, id))) else {
        return Ok(match send(&by_key, door, guard).await {
            Ok(()) => unlocked(),
            Err(Error::Unauthorized { code, message }) => Ending {
                state: PressState::Unauthorized,
                kisi_code: code.clone(),
                message: Some(Error::Unauthorized { code, message }.for_people()),
            },
            Err(error) => refused(&error),
        });
    };
    let behalf = Behalf {
        app,
        account: &account,
        person: &person,
        kisi_id,
        by_key: &by_key,
    };
    behalf.open(door, guard).await
}

/// One person in Kisi, as whom the door is asked to open.
struct Behalf<'a> {
    app: &'a App,
    account: &'a row::KisiAccount,
    person: &'a row::KisiUser,
    kisi_id: i64,
    by_key: &'a Client,
}

impl Behalf<'_> {
    async fn open(&self, door: Door, guard: Option<Guard>) -> Result<Ending, Inside> {
        let kept = self.kept().await?;
        let was_kept = kept.is_some();
        let login = match kept {
            Some(login) => login,
            None => match self.make().await? {
                Ok(login) => login,
                Err(ending) => return Ok(ending),
            },
        };
        let outcome = send(&self.client(login), door, guard.clone()).await;
        let outcome = match outcome {
            // Old logins vanish without a word: this one did nothing.
            Err(Error::Unauthorized { .. }) if was_kept => match self.make().await? {
                Ok(login) => send(&self.client(login), door, guard).await,
                Err(ending) => return Ok(ending),
            },
            outcome => outcome,
        };
        Ok(match outcome {
            Ok(()) => unlocked(),
            Err(Error::Unauthorized { code, .. }) => Ending {
                state: PressState::Refused,
                kisi_code: code,
                message: Some(
                    "Kisi does not accept the login that it has just given out for this member. An administrator looks at \
                     the person in Kisi."
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

    /// The login that is kept. One that cannot be opened is as good as none.
    async fn kept(&self) -> Result<Option<SecretString>, StoreError> {
        let scope = Scope::new(self.person.club_id);
        let kept = logins::get(self.app.db.read(), scope, self.person.id).await?;
        Ok(kept.and_then(|row| {
            self.app
                .sealer
                .open(SecretKind::KisiLogin, self.person.id, &row.secret)
                .ok()
        }))
    }

    /// Makes a login and keeps it; an ending where Kisi gives none.
    async fn make(&self) -> Result<Result<SecretString, Ending>, Inside> {
        let made = timeout(
            LOGIN,
            self.by_key.create_login_on_behalf(&self.person.email),
        )
        .await;
        let made = match made {
            Err(_) => return Ok(Err(not_sent(NO_TURN))),
            Ok(Err(error)) => return Ok(Err(no_login(&error))),
            Ok(Ok(made)) => made,
        };
        if made.user_id.is_some_and(|user| user != self.kisi_id) {
            let text = "Kisi gave a login of somebody else for this member's e-mail address, so it was not used. It is \
                        looked up anew when the member's access is next sent to Kisi.";
            return Ok(Err(not_sent(text)));
        }
        let row = row::KisiLogin {
            kisi_user_id: self.person.id,
            club_id: self.person.club_id,
            account_id: self.account.id,
            secret: self
                .app
                .sealer
                .seal(SecretKind::KisiLogin, self.person.id, &made.secret)?,
            made_at: self.app.clock.now().micros(),
        };
        let kept: Result<(), StoreError> = self
            .app
            .db
            .write(move |tx| Box::pin(async move { logins::put(tx, row).await }))
            .await;
        kept?;
        Ok(Ok(made.secret))
    }
}

const NO_TURN: &str = "Kisi takes no more requests for the moment, so the door was not asked to open. Try again in a moment.";

/// Sends the unlock once its turn comes, or gives up before that. `Withheld` is surely not sent.
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

fn unlocked() -> Ending {
    Ending {
        state: PressState::Unlocked,
        kisi_code: None,
        message: None,
    }
}

fn not_sent(message: &str) -> Ending {
    Ending {
        state: PressState::NotSent,
        kisi_code: None,
        message: Some(message.to_owned()),
    }
}

/// What a failed unlock means.
fn refused(error: &Error) -> Ending {
    let (state, message) = match error {
        Error::Withheld => (PressState::NotSent, NO_TURN.to_owned()),
        Error::NotSent(_) | Error::RateLimited { .. } => (
            PressState::NotSent,
            format!("The door did not open. {}", error.for_people()),
        ),
        error if !error.outcome_is_known() => (PressState::Unknown, record::UNKNOWN.to_owned()),
        error => (PressState::Refused, error.for_people()),
    };
    Ending {
        state,
        kisi_code: error.code().map(str::to_owned),
        message: Some(message),
    }
}

/// Why there is no login to ask with: nothing was asked of the door, whatever became of the login.
fn no_login(error: &Error) -> Ending {
    let state = match error {
        Error::Unauthorized { .. } => PressState::Unauthorized,
        Error::Forbidden { .. }
        | Error::NotFound { .. }
        | Error::Conflict { .. }
        | Error::Unprocessable { .. }
        | Error::Refused { .. } => PressState::Refused,
        _ => PressState::NotSent,
    };
    let message = match error {
        Error::NotFound { .. } => "Kisi knows nobody by this member's e-mail address any more, so the door was not asked to \
                                   open. The member's access has to be sent to Kisi again."
            .to_owned(),
        error => format!("The door was not asked to open: {}", error.for_people()),
    };
    Ending {
        state,
        kisi_code: error.code().map(str::to_owned),
        message: Some(message),
    }
}
