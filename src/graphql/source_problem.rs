//! The GraphQL type `SourceProblem`: what is wrong with a source, and who can fix it.

use async_graphql::{Enum, SimpleObject};

use super::scalar::DateTime;
use crate::ingest::problems;

/// The kind of a problem of a source.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::SourceProblemKind")]
pub enum SourceProblemKind {
    /// The platform's API refuses the credentials.
    CredentialsRefused,
    /// The credentials may not read everything that is needed.
    PermissionMissing,
    /// The source's settings do not fit the platform's account.
    SettingsWrong,
    /// The platform's API answers with errors, too late or not at all.
    PlatformUnavailable,
    /// The platform's API answers in a form that is not documented.
    AnswerNotUnderstood,
    /// This service could not open the credentials or store what was read.
    ServiceFailed,
    /// A read lacks most of the previous data and was not applied.
    ReadingCollapsed,
    /// Memberships have statuses without a known meaning.
    UnknownStatuses,
    /// The platform's events do not report everything, and its API is not read.
    EventsIncomplete,
    /// More and more deliveries cannot be processed.
    DeliveriesFailing,
    /// More and more webhook requests are rejected because of their signatures.
    RequestsRejected,
    /// No webhook has arrived for much longer than usual.
    Silent,
    /// The platform does not take check-ins (`checkIn`).
    CheckInsFailing,
}

/// Who can fix a problem of a source.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::ingest::problems::ProblemFixer")]
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
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct SourceProblem {
    /// The kind as a code.
    pub kind: SourceProblemKind,
    /// What happened, to what, and what to do next.
    pub message: String,
    /// Who can fix it.
    pub fixed_by: ProblemFixer,
    /// Since when it lasts, as far as it is known.
    pub since: DateTime,
}

impl From<problems::SourceProblem> for SourceProblem {
    fn from(problem: problems::SourceProblem) -> Self {
        Self {
            kind: problem.kind.into(),
            message: problem.message,
            fixed_by: problem.fixed_by.into(),
            since: DateTime(problem.since),
        }
    }
}
