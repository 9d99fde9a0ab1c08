//! What is wrong with what comes from platforms: the closed sets of words for it. No behaviour.

use sea_orm::entity::prelude::*;

/// Why a webhook request was rejected.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum RejectionReason {
    /// `HEADER`
    #[sea_orm(string_value = "HEADER")]
    Header,
    /// `OTHER_SCHEME`
    #[sea_orm(string_value = "OTHER_SCHEME")]
    OtherScheme,
    /// `TIMESTAMP`
    #[sea_orm(string_value = "TIMESTAMP")]
    Timestamp,
    /// `MILLISECONDS`
    #[sea_orm(string_value = "MILLISECONDS")]
    Milliseconds,
    /// `SECRET_ENCODING`
    #[sea_orm(string_value = "SECRET_ENCODING")]
    SecretEncoding,
    /// `SIGNATURE`
    #[sea_orm(string_value = "SIGNATURE")]
    Signature,
    /// `BODY`
    #[sea_orm(string_value = "BODY")]
    Body,
}

/// What is doubtful about the latest reading of a platform's API.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum ReadingDoubt {
    /// `COLLAPSED`: it lacks most of what there was, and is read once more.
    #[sea_orm(string_value = "COLLAPSED")]
    Collapsed,
    /// `CONFIRMATION_NEEDED`: it lacked most of what there was again, and an admin has to confirm that.
    #[sea_orm(string_value = "CONFIRMATION_NEEDED")]
    ConfirmationNeeded,
    /// `CONFIRMED`: an admin confirmed it, and the next reading is accepted.
    #[sea_orm(string_value = "CONFIRMED")]
    Confirmed,
}
