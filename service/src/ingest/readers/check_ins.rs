//! Sends the check-ins of a source, under the lease, the credentials and the pacing of its readings. Each is looked up at the
//! platform before it is sent: after a lost answer nothing is sent twice. What fails is tried again after growing pauses, and
//! given up a day after the door was opened.

use std::{sync::Arc, time::Duration};

use access::Instant;
use uuid::Uuid;

use super::platform_api::PlatformApi;
use crate::{
    app::App,
    lease::Lease,
    store::{
        ClubScope, StoreError, check_ins, lookup,
        row::{CheckIn, CheckInState, Source, SourceProblemKind},
    },
    transaction,
};

/// How many are sent before the next reading.
const MOST: u64 = 20;
/// The first pause after a failure; it doubles each time up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// How long a check-in is tried.
const TRIED_FOR: Duration = Duration::from_hours(24);
/// How long one is kept that was sent or given up: longer than Kisi's events are late.
const KEPT: Duration = Duration::from_hours(8 * 24);

/// What became of a check-in at the platform.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum CheckedIn {
    /// The platform counts the member as attended.
    Attended,
    /// The registration is gone or cancelled, or staff noted something else.
    NotStanding,
}

/// Sends the check-ins of a source that are due.
pub async fn send(
    app: &Arc<App>,
    http: &reqwest::Client,
    scope: ClubScope,
    id: Uuid,
    lease: &Lease,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let due = check_ins::due_of(app.db.read(), scope, id, now.micros(), MOST).await?;
    if due.is_empty() {
        return Ok(());
    }
    let source = lookup::by_id::<Source>(app.db.read(), scope, id).await?;
    let wanted =
        source.filter(|it| it.check_in && it.removed_at.is_none() && it.credentials.is_some());
    let Some(source) = wanted else {
        let dropped = transaction!(app.db, |tx| check_ins::drop_waiting(tx, scope, id).await);
        return dropped.await;
    };
    let api = PlatformApi::open(app, http, &source);
    for row in due {
        let outcome = match &api {
            Ok(api) => api.check_in(&row.external_id).await.map_err(|it| it.kind()),
            Err(failure) => Err(failure.kind()),
        };
        if let Err(kind) = outcome {
            tracing::warn!(source = %id, ?kind, attempts = row.attempts, "a check-in could not be sent; trying again after a pause");
        }
        let is_over = outcome.is_err();
        let row = after(row, outcome, app.clock.now());
        let claim = lease.claim();
        let stored: Result<(), StoreError> = transaction!(app.db, |tx| {
            if claim.is_held(tx).await? {
                check_ins::set(tx, scope, &row).await?;
            }
            Ok(())
        })
        .await;
        stored?;
        // The others would wait for the same failure; a reading comes first.
        if is_over {
            break;
        }
    }
    let before = now.minus(KEPT).micros();
    transaction!(app.db, |tx| check_ins::forget(tx, scope, id, before).await).await
}

/// The row after an attempt.
fn after(row: CheckIn, outcome: Result<CheckedIn, SourceProblemKind>, now: Instant) -> CheckIn {
    let attempts = row.attempts.saturating_add(1);
    let pause = FIRST_PAUSE
        .saturating_mul(2_u32.saturating_pow(u32::try_from(row.attempts).unwrap_or(u32::MAX)))
        .min(LONGEST_PAUSE);
    let is_late = now >= Instant::from_micros(row.opened_at).plus(TRIED_FOR);
    let state = match outcome {
        Ok(CheckedIn::Attended) => CheckInState::Sent,
        Ok(CheckedIn::NotStanding) => CheckInState::Dropped,
        Err(_) if is_late => CheckInState::Failed,
        Err(_) => CheckInState::Waiting,
    };
    CheckIn {
        state,
        attempts,
        due_at: now.plus(pause).micros(),
        tried_at: Some(now.micros()),
        problem_kind: outcome.err(),
        ..row
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const OPENED: i64 = 1_000_000_000_000;

    fn row(attempts: i64) -> CheckIn {
        CheckIn {
            id: Uuid::nil(),
            club_id: Uuid::nil(),
            source_id: Uuid::nil(),
            entitlement_id: Uuid::nil(),
            external_id: "1".to_owned(),
            member_id: Uuid::nil(),
            lock_id: Uuid::nil(),
            opened_at: OPENED,
            state: CheckInState::Waiting,
            due_at: OPENED,
            attempts,
            tried_at: None,
            problem_kind: None,
        }
    }

    #[test]
    fn a_failure_is_tried_again_after_growing_pauses_for_a_day() {
        let failure = Err(SourceProblemKind::PlatformUnavailable);
        let opened = Instant::from_micros(OPENED);
        for (attempts, pause_s) in [(0, 30), (1, 60), (2, 120), (6, 1920), (7, 3600), (90, 3600)] {
            let row = after(row(attempts), failure, opened);
            let pause = Duration::from_secs(pause_s);
            assert_eq!(row.due_at, opened.plus(pause).micros(), "{attempts}");
            let state = (row.state, row.attempts);
            assert_eq!(state, (CheckInState::Waiting, attempts + 1));
        }
        let late = after(row(30), failure, opened.plus(TRIED_FOR));
        assert_eq!(late.state, CheckInState::Failed);
        assert_eq!(late.problem_kind, failure.err());
    }

    #[test]
    fn an_answer_ends_it() {
        let now = Instant::from_micros(OPENED);
        let sent = after(row(0), Ok(CheckedIn::Attended), now);
        assert_eq!((sent.state, sent.problem_kind), (CheckInState::Sent, None));
        let dropped = after(row(0), Ok(CheckedIn::NotStanding), now);
        assert_eq!(dropped.state, CheckInState::Dropped);
    }
}
