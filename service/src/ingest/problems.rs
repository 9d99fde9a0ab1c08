//! The problems of sources: what the last reading stored, and what the hours of their webhook requests tell (`rhythm`). Computed
//! when somebody asks, in a fixed number of statements for any number of sources; nothing runs for idle clubs. Each problem says
//! what happened, what to do next, and who can do it. The API and `latchkey check` read it.

use std::collections::HashMap;

use uuid::Uuid;

use super::{readers::name_of, rejections};
use crate::{
    app::App,
    store::{
        ClubScope, StoreError, check_ins,
        row::{Arrival, Platform, RejectionReason, Source, SourceProblemKind},
    },
};

mod rhythm;

use rhythm::{Failing, Growth, Silence};

const HOUR_US: i64 = 3_600_000_000;

/// Who can fix a problem.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ProblemFixer {
    /// An admin of the club, here or at the platform.
    Admin,
    /// Who maintains the system that sends the events.
    Sender,
    /// The platform's own staff; waiting may be enough.
    Platform,
    /// Who runs this service.
    Operator,
}

/// A problem of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceProblem {
    pub kind: SourceProblemKind,
    /// For people: what happened, to what, and what to do next.
    pub message: String,
    pub fixed_by: ProblemFixer,
    /// Microseconds since 1970.
    pub since: i64,
}

/// The problems of each source, those of its readings first; no entry for a source without one.
pub async fn of(
    app: &App,
    scope: ClubScope,
    sources: &[Source],
    now: i64,
) -> Result<HashMap<Uuid, Vec<SourceProblem>>, StoreError> {
    let ids: Vec<Uuid> = sources.iter().map(|source| source.id).collect();
    let arrivals = app.arrivals.of(&app.db, scope, &ids).await?;
    let rejected = app.rejections.of(&app.db, scope, &ids, now).await?;
    let told = sources.iter().filter(|source| source.check_in);
    let told: Vec<Uuid> = told.map(|source| source.id).collect();
    let check_ins = check_ins::failures(app.db.read(), scope, &told).await?;
    let mut all = HashMap::new();
    for source in sources {
        let hours = arrivals.get(&source.id).map_or(&[][..], Vec::as_slice);
        let reason = rejected.get(&source.id).map(|rejected| rejected.reason);
        let mut problems = of_source(source, hours, reason, now);
        let failures = check_ins.get(&source.id);
        problems.extend(failures.map(|failures| check_ins_fail(source, failures)));
        if !problems.is_empty() {
            all.insert(source.id, problems);
        }
    }
    Ok(all)
}

/// The problems of one source, from its requests by hour and the reason of the last rejected one.
fn of_source(
    source: &Source,
    hours: &[Arrival],
    reason: Option<RejectionReason>,
    now: i64,
) -> Vec<SourceProblem> {
    let failing = |failing| rhythm::growth(hours, failing, now);
    let problems = [
        of_reading(source),
        failing(Failing::Deliveries).map(|growth| deliveries_fail(source, growth)),
        failing(Failing::Signatures).map(|growth| requests_rejected(source, growth, reason)),
        rhythm::silence(hours, now).map(|silence| is_silent(source, silence, now)),
    ];
    problems.into_iter().flatten().collect()
}

/// The stored problem of the readings. One that was stored without a kind counts as the platform's.
fn of_reading(source: &Source) -> Option<SourceProblem> {
    let message = source.problem.clone()?;
    let kind = source.problem_kind;
    let kind = kind.unwrap_or(SourceProblemKind::PlatformUnavailable);
    Some(SourceProblem {
        kind,
        message,
        fixed_by: fixer(kind),
        since: source.problem_since.unwrap_or(source.created_at),
    })
}

/// Who can fix what a reading found.
fn fixer(kind: SourceProblemKind) -> ProblemFixer {
    match kind {
        SourceProblemKind::CredentialsRefused
        | SourceProblemKind::PermissionMissing
        | SourceProblemKind::SettingsWrong
        | SourceProblemKind::ReadingCollapsed
        | SourceProblemKind::UnknownStatuses
        | SourceProblemKind::EventsIncomplete => ProblemFixer::Admin,
        SourceProblemKind::PlatformUnavailable => ProblemFixer::Platform,
        SourceProblemKind::AnswerNotUnderstood | SourceProblemKind::ServiceFailed => {
            ProblemFixer::Operator
        }
        SourceProblemKind::DeliveriesFailing
        | SourceProblemKind::RequestsRejected
        | SourceProblemKind::CheckInsFailing
        | SourceProblemKind::Silent => ProblemFixer::Sender,
    }
}

fn deliveries_fail(source: &Source, growth: Growth) -> SourceProblem {
    let (what, fixed_by) = match source.platform {
        Platform::Mapped => (
            "correct the mapping of the source (updateSource), or have the sender correct the events",
            ProblemFixer::Admin,
        ),
        Platform::Canonical | Platform::ExerciseCom => {
            ("have the sender correct the events", ProblemFixer::Sender)
        }
        _ => (
            "tell the person who maintains Latchkey what the platform sends now",
            ProblemFixer::Operator,
        ),
    };
    SourceProblem {
        kind: SourceProblemKind::DeliveriesFailing,
        message: format!(
            "{} of {} deliveries of the last 24 hours could not be processed, more than before. Each says why (deliveries, status \
             FAILED): {what}, then replay them.",
            growth.failures, growth.requests
        ),
        fixed_by,
        since: growth.since,
    }
}

fn requests_rejected(
    source: &Source,
    growth: Growth,
    reason: Option<RejectionReason>,
) -> SourceProblem {
    let why = reason.map_or("no reason is known", rejections::for_people);
    let fixed_by = match (reason, source.platform) {
        (Some(RejectionReason::OtherScheme), _) => ProblemFixer::Admin,
        // The platform shows a secret that an admin copies.
        (_, Platform::Spacebring) => ProblemFixer::Admin,
        _ => ProblemFixer::Sender,
    };
    SourceProblem {
        kind: SourceProblemKind::RequestsRejected,
        message: format!(
            "{} of {} webhook requests of the last 24 hours were rejected, more than before; of the last one, {why}. Compare the \
             secret at the sender with that of the source (rotateSourceSecret), and have the rejected events sent again.",
            growth.failures, growth.requests
        ),
        fixed_by,
        since: growth.since,
    }
}

fn is_silent(source: &Source, silence: Silence, now: i64) -> SourceProblem {
    let hours = now.saturating_sub(silence.since) / HOUR_US;
    let usual = silence.longest_gap.max(HOUR_US) / HOUR_US;
    let name = name_of(source.platform);
    let has_own_webhooks = matches!(source.platform, Platform::Teamup | Platform::Spacebring);
    let (sender, fixed_by) = if has_own_webhooks {
        (name, ProblemFixer::Admin)
    } else {
        ("the sender", ProblemFixer::Sender)
    };
    let reading = if source.credentials.is_some() {
        format!(" The API of {name} is still read on its schedule, so that changes arrive late.")
    } else {
        " Changes of memberships and registrations are unknown until it sends again.".to_owned()
    };
    SourceProblem {
        kind: SourceProblemKind::Silent,
        message: format!(
            "No webhook has arrived for {hours} hours; before, the longest silence was {usual} hours.{reading} Check at {sender} \
             that its webhooks are enabled and go to the address of this source (webhookPath)."
        ),
        fixed_by,
        since: silence.since,
    }
}

/// The failed check-ins of a source, by the kind of their latest failure.
fn check_ins_fail(source: &Source, failures: &check_ins::Failures) -> SourceProblem {
    let name = name_of(source.platform);
    let next = match failures.kind {
        SourceProblemKind::CredentialsRefused => {
            "it refuses the credentials. Give the source new ones (updateSource)"
        }
        SourceProblemKind::PermissionMissing => {
            "the credentials lack the permission. Give them the permission to change attendances there, or switch check-ins off \
             (updateSource, checkIn)"
        }
        SourceProblemKind::PlatformUnavailable => {
            "it answers with an error or not at all. Each is tried for a day; afterwards note the attendance there by hand"
        }
        _ => {
            "its answer was not understood. Tell the person who maintains Latchkey, or switch check-ins off (updateSource, checkIn)"
        }
    };
    SourceProblem {
        kind: SourceProblemKind::CheckInsFailing,
        message: format!(
            "{} check-ins could not be sent to {name}: {next}. Doors open as usual.",
            failures.number
        ),
        fixed_by: fixer(failures.kind),
        since: failures.since,
    }
}
