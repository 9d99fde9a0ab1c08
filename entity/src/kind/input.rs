//! The enums for problems with input from platforms. No behaviour.

use sea_orm::entity::prelude::*;

/// Why a webhook request was rejected.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum RejectionReason {
    #[sea_orm(string_value = "HEADER")]
    Header,
    #[sea_orm(string_value = "OTHER_SCHEME")]
    OtherScheme,
    #[sea_orm(string_value = "TIMESTAMP")]
    Timestamp,
    #[sea_orm(string_value = "MILLISECONDS")]
    Milliseconds,
    #[sea_orm(string_value = "SECRET_ENCODING")]
    SecretEncoding,
    #[sea_orm(string_value = "SIGNATURE")]
    Signature,
    #[sea_orm(string_value = "BODY")]
    Body,
}

/// A doubt about the latest reading of a platform API.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum ReadingDoubt {
    /// Most of the earlier objects are missing; the reading is repeated.
    #[sea_orm(string_value = "COLLAPSED")]
    Collapsed,
    /// Most of the earlier objects are missing again; an admin must confirm that.
    #[sea_orm(string_value = "CONFIRMATION_NEEDED")]
    ConfirmationNeeded,
    /// An admin confirmed it; the next reading is accepted.
    #[sea_orm(string_value = "CONFIRMED")]
    Confirmed,
}

/// What is wrong with a source.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum SourceProblemKind {
    /// The platform's API refuses the credentials.
    #[sea_orm(string_value = "CREDENTIALS_REFUSED")]
    CredentialsRefused,
    /// The credentials may not read everything that is needed.
    #[sea_orm(string_value = "PERMISSION_MISSING")]
    PermissionMissing,
    /// The source's settings do not fit the platform's account.
    #[sea_orm(string_value = "SETTINGS_WRONG")]
    SettingsWrong,
    /// The platform's API answers with errors, too late or not at all.
    #[sea_orm(string_value = "PLATFORM_UNAVAILABLE")]
    PlatformUnavailable,
    /// The platform's API answers in a form that is not documented.
    #[sea_orm(string_value = "ANSWER_NOT_UNDERSTOOD")]
    AnswerNotUnderstood,
    /// This service could not open the credentials or store what was read.
    #[sea_orm(string_value = "SERVICE_FAILED")]
    ServiceFailed,
    /// A reading lacks most of the previous data and was not used.
    #[sea_orm(string_value = "READING_COLLAPSED")]
    ReadingCollapsed,
    /// Memberships have statuses without a known meaning.
    #[sea_orm(string_value = "UNKNOWN_STATUSES")]
    UnknownStatuses,
    /// The platform's events do not report everything, and its API is not read.
    #[sea_orm(string_value = "EVENTS_INCOMPLETE")]
    EventsIncomplete,
    /// More and more deliveries cannot be processed.
    #[sea_orm(string_value = "DELIVERIES_FAILING")]
    DeliveriesFailing,
    /// More and more requests are rejected because of their signatures.
    #[sea_orm(string_value = "REQUESTS_REJECTED")]
    RequestsRejected,
    /// The source has been silent for much longer than usual.
    #[sea_orm(string_value = "SILENT")]
    Silent,
    /// The platform does not take check-ins.
    #[sea_orm(string_value = "CHECK_INS_FAILING")]
    CheckInsFailing,
}

/// The state of a check-in.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum CheckInState {
    /// To be sent.
    #[sea_orm(string_value = "WAITING")]
    Waiting,
    /// The platform has it.
    #[sea_orm(string_value = "SENT")]
    Sent,
    /// The registration no longer stands, or check-ins were switched off: there is nothing to send.
    #[sea_orm(string_value = "DROPPED")]
    Dropped,
    /// Given up after a day.
    #[sea_orm(string_value = "FAILED")]
    Failed,
}
