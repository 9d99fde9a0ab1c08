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
