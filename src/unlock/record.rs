//! What a press came to, written once together with its entry in the history, by whoever is first to know.

use super::{is_open, real_now};
use crate::{
    app::App,
    store::{
        Scope, StoreError, history,
        history::Entry,
        members, presses,
        presses::Ending,
        row::{self, HistoryKind, PressState, ScopeKind},
        setup,
    },
};

/// What is said where whoever pressed has ended, or was given no answer.
pub const UNKNOWN: &str = "No answer came from Kisi, so nobody knows whether the door opened. It was not sent again: look at the \
                           door, and press anew if it is shut.";
const NOBODY: &str = "Nobody speaks to the door's Kisi account at present, so the door was not asked to open. Try again in a \
                      moment; if this stays, whoever runs Latchkey looks after its processes.";

/// Writes an ending into a row.
pub fn write(press: &mut row::Press, ending: &Ending) {
    press.state = ending.state;
    press.kisi_code.clone_from(&ending.kisi_code);
    press.message.clone_from(&ending.message);
    (press.latitude_e7, press.longitude_e7) = (None, None);
}

/// The entry of the history, of a lock's and a member's name and why not.
pub fn entry(
    press: &row::Press,
    ending: &Ending,
    (lock, member): (&str, &str),
    why: &str,
) -> Entry {
    let (kind, message) = match ending.state {
        PressState::Unlocked => (HistoryKind::Unlocked, format!("{member} opened {lock}")),
        PressState::Unknown => (
            HistoryKind::UnlockDenied,
            format!("Whether {lock} opened for {member} is not known: {why}"),
        ),
        _ => (
            HistoryKind::UnlockDenied,
            format!("{lock} did not open for {member}: {why}"),
        ),
    };
    let cause = match (ending.state, press.kisi_user_id) {
        (PressState::Denied | PressState::NotVisible, _) => {
            "an unlock, refused before Kisi was asked"
        }
        (_, Some(_)) => "an unlock in the member's name at Kisi",
        (_, None) => "an unlock by the account's key at Kisi",
    };
    Entry {
        kind,
        member: Some(press.member_id),
        target: Some((ScopeKind::Lock, press.lock_id)),
        cause: cause.to_owned(),
        delivery: None,
        rule: None,
        actor: Some(press.actor.clone()),
        message,
    }
}

/// Ends a press that is in the state it was read in; nothing happens where somebody else ended it.
pub async fn end(app: &App, press: &row::Press, ending: Ending) -> Result<(), StoreError> {
    let (scope, press, now) = (
        Scope::new(press.club_id),
        press.clone(),
        app.clock.now().micros(),
    );
    app.db
        .write(move |tx| {
            Box::pin(async move {
                if !presses::end(tx, scope, press.id, press.state, &ending).await? {
                    return Ok(());
                }
                let lock = setup::lock(tx, scope, press.lock_id).await?;
                let member = members::get(tx, scope, press.member_id).await?;
                let names = (
                    lock.as_ref().map_or("a door", |lock| lock.name.as_str()),
                    member
                        .as_ref()
                        .map_or("somebody", |member| member.name.as_str()),
                );
                let why = ending.message.as_deref().unwrap_or_default();
                let entry = entry(&press, &ending, names, why);
                history::write(tx, scope, now, vec![entry]).await
            })
        })
        .await
}

/// Whether whoever took a press has ended without saying what it came to.
pub fn is_overdue(press: &row::Press) -> bool {
    press.state == PressState::Taken && press.taken_until.is_none_or(|until| until <= real_now())
}

/// Ends a press that nobody took, or whose taker has ended.
pub async fn give_up(app: &App, press: &row::Press) -> Result<(), StoreError> {
    if !is_open(press) {
        return Ok(());
    }
    let (state, message) = match press.state {
        PressState::Asked => (PressState::NotSent, NOBODY),
        _ => (PressState::Unknown, UNKNOWN),
    };
    let ending = Ending {
        state,
        kisi_code: None,
        message: Some(message.to_owned()),
    };
    end(app, press, ending).await
}
