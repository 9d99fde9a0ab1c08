//! Stores the outcome of an unlock request together with its history entry, exactly once: the first process that knows an outcome
//! wins.

use access::Instant;

use super::{is_open, real_now};
use crate::{
    app::App,
    check_ins,
    store::{
        ClubScope, StoreError, history,
        history::Entry,
        lookup,
        row::{self, HistoryKind, ScopeKind, UnlockState},
        unlock_requests,
        unlock_requests::UnlockResult,
    },
    transaction,
};

/// The message if the process that sent the request died, or if Kisi did not respond.
pub const UNKNOWN: &str = "Kisi did not respond, so it is unknown whether the door opened. The request was not repeated: check the \
                           door, and try again if it is locked.";
const NO_WORKER: &str = "No Latchkey process is connected to the Kisi account of this door right now, so the door was not asked to open. Try \
                      again in a moment; if this persists, ask the operator of Latchkey to check its processes.";

/// Copies the outcome into a row.
pub fn write(unlock_request: &mut row::UnlockRequest, ending: &UnlockResult) {
    unlock_request.state = ending.state;
    unlock_request.kisi_code.clone_from(&ending.kisi_code);
    unlock_request.message.clone_from(&ending.message);
    (unlock_request.latitude_e7, unlock_request.longitude_e7) = (None, None);
}

/// The history entry, from the names of the lock and the member and the reason of a refusal.
pub fn entry(
    unlock_request: &row::UnlockRequest,
    ending: &UnlockResult,
    (lock, member): (&str, &str),
    why: &str,
) -> Entry {
    let (kind, message) = match ending.state {
        UnlockState::Unlocked => (HistoryKind::Unlocked, format!("{member} opened {lock}")),
        UnlockState::Unknown => (
            HistoryKind::UnlockDenied,
            format!("Unknown whether {lock} opened for {member}: {why}"),
        ),
        _ => (
            HistoryKind::UnlockDenied,
            format!("{lock} did not open for {member}: {why}"),
        ),
    };
    let cause = match (ending.state, unlock_request.kisi_user_id) {
        (UnlockState::Denied | UnlockState::NotVisible, _) => {
            "an unlock request, refused before Kisi was called"
        }
        (_, Some(_)) => "an unlock request, sent to Kisi as the member",
        (_, None) => "an unlock request, sent to Kisi with the key of the account",
    };
    Entry {
        kind,
        member: Some(unlock_request.member_id),
        target: Some((ScopeKind::Lock, unlock_request.lock_id)),
        cause: cause.to_owned(),
        delivery: None,
        rule: None,
        actor: Some(unlock_request.actor.clone()),
        message,
    }
}

/// Stores the outcome of a request if it is still in the state in which it was read; otherwise another process ended it already,
/// and nothing happens.
pub async fn end(
    app: &App,
    unlock_request: &row::UnlockRequest,
    ending: UnlockResult,
) -> Result<(), StoreError> {
    let (scope, unlock_request, now) = (
        ClubScope::new(unlock_request.club_id),
        unlock_request.clone(),
        app.clock.now().micros(),
    );
    transaction!(app.db, |tx| {
        if !unlock_requests::finish(tx, scope, unlock_request.id, unlock_request.state, &ending)
            .await?
        {
            return Ok(());
        }
        let lock = lookup::by_id::<row::Lock>(tx, scope, unlock_request.lock_id).await?;
        let member = lookup::by_id::<row::Member>(tx, scope, unlock_request.member_id).await?;
        let names = (
            lock.as_ref().map_or("a door", |lock| lock.name.as_str()),
            member
                .as_ref()
                .map_or("a member", |member| member.name.as_str()),
        );
        let why = ending.message.as_deref().unwrap_or_default();
        let entry = entry(&unlock_request, &ending, names, why);
        if ending.state == UnlockState::Unlocked {
            let (member, lock) = (unlock_request.member_id, unlock_request.lock_id);
            check_ins::note(tx, scope, member, lock, Instant::from_micros(now)).await?;
        }
        history::write(tx, scope, now, vec![entry]).await
    })
    .await
}

/// Whether the process that took a request died before it stored an outcome.
pub fn is_overdue(unlock_request: &row::UnlockRequest) -> bool {
    unlock_request.state == UnlockState::Taken
        && unlock_request
            .taken_until
            .is_none_or(|until| until <= real_now())
}

/// Ends a request that no process took, or whose process died.
pub async fn give_up(app: &App, unlock_request: &row::UnlockRequest) -> Result<(), StoreError> {
    if !is_open(unlock_request) {
        return Ok(());
    }
    let (state, message) = match unlock_request.state {
        UnlockState::Asked => (UnlockState::NotSent, NO_WORKER),
        _ => (UnlockState::Unknown, UNKNOWN),
    };
    let ending = UnlockResult {
        state,
        kisi_code: None,
        message: Some(message.to_owned()),
    };
    end(app, unlock_request, ending).await
}
