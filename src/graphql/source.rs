//! A club platform that sends events here. Its secrets are nowhere in the API, but for the moment when they are made.

use std::time::Duration as Length;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use super::{
    context::reads,
    loader, node,
    scalar::{DateTime, Duration, Json, TimeZone},
};
use crate::{
    id::Kind,
    ingest::{accept, rejections},
    store::row,
};

/// Whose events a source sends.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::Platform")]
pub enum Platform {
    /// Any sender of the canonical events (see the documentation).
    Canonical,
    /// Clubspot.
    Clubspot,
    /// TeamUp.
    #[graphql(name = "TEAMUP")]
    Teamup,
    /// Spacebring.
    Spacebring,
    /// Exercise.com.
    ExerciseCom,
    /// Arbitrary JSON, read through the source's mapping.
    Mapped,
}

/// How a source signs what it sends.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::SignatureScheme")]
pub enum SignatureScheme {
    /// As standardwebhooks.com says: the headers webhook-id, webhook-timestamp and webhook-signature.
    StandardWebhooks,
    /// The same with the headers svix-id, svix-timestamp and svix-signature.
    Svix,
    /// As Stripe signs: the header Stripe-Signature.
    Stripe,
    /// As OfficeRnD signs: the header officernd-signature.
    #[graphql(name = "OFFICERND")]
    Officernd,
    /// The header X-Hub-Signature-256, which many senders use.
    #[graphql(name = "HUB_SHA256")]
    HubSha256,
    /// As Mindbody signs: the header X-Mindbody-Signature.
    Mindbody,
    /// As Nexudus signs: the header X-Nexudus-Hook-Signature.
    Nexudus,
    /// As PushPress signs: the header webhook-signature.
    #[graphql(name = "PUSHPRESS")]
    Pushpress,
    /// Unsigned: an unguessable URL whose content is never trusted, and only starts an
    /// authenticated read.
    Nudge,
}

/// Why a webhook request was rejected.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::RejectionReason")]
pub enum RejectionReason {
    /// A header of the signature is missing or malformed.
    Header,
    /// It bears the signature of another scheme.
    OtherScheme,
    /// Its signed timestamp lies too far from the present time.
    Timestamp,
    /// Its signed timestamp counts milliseconds.
    Milliseconds,
    /// It was signed with the right secret in the wrong encoding.
    SecretEncoding,
    /// Its signature fits no secret.
    Signature,
    /// Its body has not the part that is signed.
    Body,
}

/// A webhook request that was rejected. Nothing else is kept of it.
#[derive(Clone, Debug, SimpleObject)]
pub struct Rejection {
    /// When it came.
    pub at: DateTime,
    /// Why it was rejected.
    pub code: RejectionReason,
    /// The same in words.
    pub reason: &'static str,
}

/// A source, by its row.
#[derive(Clone, Debug)]
pub struct Source(pub row::Source);

impl From<row::Source> for Source {
    fn from(row: row::Source) -> Self {
        Self(row)
    }
}

/// A club platform that sends events here.
#[Object(crate = "crate::graphql::prompt")]
impl Source {
    /// Opaque and globally unique.
    pub async fn id(&self) -> ID {
        node::id(Kind::Source, self.0.id)
    }

    /// How the club calls it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whose events it sends.
    async fn platform(&self) -> Platform {
        self.0.platform.into()
    }

    /// How they are signed.
    async fn signature(&self) -> SignatureScheme {
        self.0.signature.into()
    }

    /// Where the platform sends its events: a path on this server.
    async fn webhook_path(&self, context: &Context<'_>) -> Result<String> {
        reads(context)?;
        Ok(accept::path(&self.0))
    }

    /// For dates without a time, where their location has no time zone of its own.
    async fn time_zone(&self) -> TimeZone {
        TimeZone(self.0.time_zone.clone())
    }

    /// When the last delivery was let in, repeats aside; null before the first.
    async fn last_delivery_at(&self, context: &Context<'_>) -> Result<Option<DateTime>> {
        reads(context)?;
        let figures = loader::one(context, loader::FiguresKey(self.0.id)).await?;
        Ok(figures.and_then(|(latest, _)| latest).map(DateTime))
    }

    /// Deliveries that could not be applied and wait for a person.
    async fn failed_deliveries(&self, context: &Context<'_>) -> Result<i32> {
        reads(context)?;
        let figures = loader::one(context, loader::FiguresKey(self.0.id)).await?;
        Ok(figures.map_or(0, |(_, failed)| i32::try_from(failed).unwrap_or(i32::MAX)))
    }

    /// Null where the platform has no API to read, or no credentials for it were given.
    async fn read_every(&self) -> Option<Duration> {
        self.0
            .read_every_s
            .map(|seconds| Duration(Length::from_secs(seconds.unsigned_abs())))
    }

    /// When everything was last read from the platform's API.
    async fn last_read_at(&self) -> Option<DateTime> {
        self.0.last_read_at.map(DateTime)
    }

    /// How a MAPPED source's JSON is read (see the documentation).
    async fn mapping(&self, context: &Context<'_>) -> Result<Option<Json>> {
        reads(context)?;
        let mapping = self.0.mapping.as_deref().map(serde_json::from_str);
        Ok(mapping.transpose().map_err(super::error::inside)?.map(Json))
    }

    /// The latest reading of the platform's API lacked most of what there was, twice, and nothing was concluded from it: an
    /// admin confirms it (confirmReading), or mends what is wrong at the platform.
    async fn reading_needs_confirmation(&self) -> bool {
        self.0.reading_doubt == Some(row::ReadingDoubt::ConfirmationNeeded)
    }

    /// The latest request to its webhook path that was rejected; null where none was.
    async fn last_rejection(&self, context: &Context<'_>) -> Result<Option<Rejection>> {
        reads(context)?;
        let rejected = loader::one(context, loader::RejectedKey(self.0.id)).await?;
        Ok(rejected.map(|rejected| Rejection {
            at: DateTime(rejected.last_at),
            code: rejected.reason.into(),
            reason: rejections::for_people(rejected.reason),
        }))
    }

    /// How many requests to its webhook path were rejected within the last 24 hours, counted by the hour.
    async fn rejections_last_day(&self, context: &Context<'_>) -> Result<i32> {
        reads(context)?;
        let rejected = loader::one(context, loader::RejectedKey(self.0.id)).await?;
        Ok(rejected.map_or(0, |rejected| {
            i32::try_from(rejected.requests).unwrap_or(i32::MAX)
        }))
    }

    /// In words, what is wrong and who can mend it; null while all is well.
    async fn problem(&self, context: &Context<'_>) -> Result<Option<&str>> {
        reads(context)?;
        Ok(self.0.problem.as_deref())
    }
}
