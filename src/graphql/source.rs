//! The GraphQL type `Source`: a club platform that sends webhooks. The API never returns its secrets, except in the payload of
//! the mutation that creates them.

use std::time::Duration as Length;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use super::{
    context::{self, require_staff},
    input::signature_rule::SignatureRule,
    loader, node,
    scalar::{DateTime, Duration, Json, TimeZone},
    source_problem::SourceProblem,
};
use crate::{
    id::Kind,
    ingest::{accept, readers::options, rejections, signature::Settings},
    public_url,
    store::row,
};

/// The platform that a source belongs to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::Platform")]
pub enum Platform {
    /// Any sender of the canonical event format (see the documentation).
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
    /// Arbitrary JSON, converted by the source's mapping.
    Mapped,
}

/// How a source signs its webhooks.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::SignatureScheme")]
pub enum SignatureScheme {
    /// The scheme of standardwebhooks.com: headers webhook-id, webhook-timestamp and webhook-signature.
    StandardWebhooks,
    /// The same scheme with the headers svix-id, svix-timestamp and svix-signature.
    Svix,
    /// The scheme of Stripe: header Stripe-Signature.
    Stripe,
    /// The scheme of OfficeRnD: header officernd-signature.
    #[graphql(name = "OFFICERND")]
    Officernd,
    /// The header X-Hub-Signature-256, used by many senders.
    #[graphql(name = "HUB_SHA256")]
    HubSha256,
    /// The scheme of Mindbody: header X-Mindbody-Signature.
    Mindbody,
    /// The scheme of Nexudus: header X-Nexudus-Hook-Signature.
    Nexudus,
    /// The scheme of PushPress: header webhook-signature.
    #[graphql(name = "PUSHPRESS")]
    Pushpress,
    /// Unsigned requests to an unguessable URL. Their content is never trusted; each only triggers an authenticated read of
    /// the platform's API.
    Nudge,
    /// An HMAC that the source's `signatureRule` describes.
    Custom,
    /// No signature: a header repeats the secret, for tools that can do no more, such as Zapier and Make. It proves who sends,
    /// but neither the time of a request nor that its body is unchanged. Allowed only for MAPPED.
    SharedSecret,
}

/// What a platform's word for the status of a membership means.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::ingest::readers::options::StatusMeaning")]
pub enum StatusMeaning {
    /// The membership counts.
    Active,
    /// The membership is paused: it does not count.
    Paused,
    /// The membership has ended.
    Ended,
}

/// A platform's word for the status of a membership, with its meaning.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct StatusMapping {
    /// The platform's word; upper and lower case are the same.
    pub status: String,
    /// Its meaning.
    pub meaning: StatusMeaning,
}

/// Why a webhook request was rejected.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "crate::store::row::RejectionReason")]
pub enum RejectionReason {
    /// A signature header is missing or malformed.
    Header,
    /// It is signed with another scheme.
    OtherScheme,
    /// The signed timestamp is too far from the current time.
    Timestamp,
    /// The signed timestamp is in milliseconds.
    Milliseconds,
    /// It was signed with the right secret in the wrong encoding.
    SecretEncoding,
    /// The signature matches none of the source's secrets.
    Signature,
    /// The body lacks the part that is signed.
    Body,
}

/// A rejected webhook request. Nothing else of the request is stored.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(crate = "crate::graphql::resolve")]
pub struct Rejection {
    /// When it was received.
    pub at: DateTime,
    /// The reason as a code.
    pub code: RejectionReason,
    /// The reason as text.
    pub reason: &'static str,
}

#[derive(Clone, Debug)]
pub struct RejectedRequests(pub row::Rejection);

/// The rejected webhook requests of a source in one hour. Nothing else of the requests is stored.
#[Object(crate = "crate::graphql::resolve")]
impl RejectedRequests {
    /// The source.
    async fn source(&self, context: &Context<'_>) -> Result<Source> {
        let key = loader::SourceKey(self.0.source_id);
        loader::load_required(context, key).await.map(Source)
    }

    /// How many were rejected.
    async fn count(&self) -> i32 {
        i32::try_from(self.0.requests).unwrap_or(i32::MAX)
    }

    /// The last of them.
    async fn last(&self) -> Rejection {
        Rejection {
            at: DateTime(self.0.last_at),
            code: self.0.last_reason.into(),
            reason: rejections::for_people(self.0.last_reason),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Source(pub row::Source);

impl From<row::Source> for Source {
    fn from(row: row::Source) -> Self {
        Self(row)
    }
}

/// A club platform that sends webhooks to this service.
#[Object(crate = "crate::graphql::resolve")]
impl Source {
    /// Opaque, globally unique id.
    pub async fn id(&self) -> ID {
        node::id(Kind::Source, self.0.id)
    }

    /// Display name, chosen by the club.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The platform.
    async fn platform(&self) -> Platform {
        self.0.platform.into()
    }

    /// How its webhooks are signed.
    async fn signature(&self) -> SignatureScheme {
        self.0.signature.into()
    }

    /// How its requests are verified, for CUSTOM and SHARED_SECRET; null for other schemes.
    async fn signature_rule(&self, context: &Context<'_>) -> Result<Option<SignatureRule>> {
        require_staff(context)?;
        let rule = self.0.signature_rule.as_deref();
        Ok(rule.and_then(Settings::from_json).map(Into::into))
    }

    /// The path on this server that the platform sends its webhooks to.
    async fn webhook_path(&self, context: &Context<'_>) -> Result<String> {
        require_staff(context)?;
        Ok(accept::path(&self.0))
    }

    /// The URL that the platform sends its webhooks to; null if the service does not know its public address (setting
    /// `public_url`): then it is that address followed by `webhookPath`.
    async fn webhook_url(&self, context: &Context<'_>) -> Result<Option<String>> {
        require_staff(context)?;
        let base = context::app(context)?.public_url();
        Ok(base.map(|base| public_url::below(base, &accept::path(&self.0)).into()))
    }

    /// The time zone for dates without a time, if their location has no time zone of its own.
    async fn time_zone(&self) -> TimeZone {
        TimeZone(self.0.time_zone.clone())
    }

    /// When the latest delivery was accepted, not counting repeats; null before the first.
    async fn last_delivery_at(&self, context: &Context<'_>) -> Result<Option<DateTime>> {
        require_staff(context)?;
        let figures = loader::load(context, loader::FiguresKey(self.0.id)).await?;
        Ok(figures.and_then(|(latest, _)| latest).map(DateTime))
    }

    /// Number of deliveries that could not be processed and need a person to look at them; without those that were dismissed.
    async fn failed_deliveries(&self, context: &Context<'_>) -> Result<i32> {
        require_staff(context)?;
        let figures = loader::load(context, loader::FiguresKey(self.0.id)).await?;
        Ok(figures.map_or(0, |(_, failed)| i32::try_from(failed).unwrap_or(i32::MAX)))
    }

    /// How often the platform's API is read in full; null if the platform has no API or no credentials were given.
    async fn read_every(&self) -> Option<Duration> {
        self.0
            .read_every_s
            .map(|seconds| Duration(Length::from_secs(seconds.unsigned_abs())))
    }

    /// When the platform's API was last read in full; null before the first time.
    async fn last_read_at(&self) -> Option<DateTime> {
        self.0.last_read_at.map(DateTime)
    }

    /// The mapping for the JSON of a MAPPED source (see the documentation); null for other platforms.
    async fn mapping(&self, context: &Context<'_>) -> Result<Option<Json>> {
        require_staff(context)?;
        let mapping = self.0.mapping.as_deref().map(serde_json::from_str);
        Ok(mapping
            .transpose()
            .map_err(super::error::internal_error)?
            .map(Json))
    }

    /// What the club said its platform's words for the status of a membership mean, beside those that are known.
    async fn status_mappings(&self, context: &Context<'_>) -> Result<Vec<StatusMapping>> {
        require_staff(context)?;
        let statuses = options::statuses_of(self.0.membership_statuses.as_deref());
        let one = |(status, meaning): (String, options::StatusMeaning)| StatusMapping {
            status,
            meaning: meaning.into(),
        };
        Ok(statuses.into_iter().map(one).collect())
    }

    /// The statuses of memberships without a known meaning at the latest read: these memberships stay as they were.
    async fn unknown_statuses(&self, context: &Context<'_>) -> Result<Vec<String>> {
        require_staff(context)?;
        Ok(options::unknown_of(&self.0))
    }

    /// Whether only the primary member of a household has its membership.
    async fn primary_members_only(&self) -> bool {
        self.0.primary_only
    }

    /// Whether the platform is told who opens a door for a class or an appointment.
    async fn check_in(&self) -> bool {
        self.0.check_in
    }

    /// Whether the latest two reads of the platform's API lacked most of the previous data and were therefore not applied. An
    /// admin either confirms the read (confirmReading) or corrects the problem on the platform.
    async fn reading_needs_confirmation(&self) -> bool {
        self.0.reading_doubt == Some(row::ReadingDoubt::ConfirmationNeeded)
    }

    /// The latest rejected request to its webhook path; null if there is none.
    async fn last_rejection(&self, context: &Context<'_>) -> Result<Option<Rejection>> {
        require_staff(context)?;
        let rejected = loader::load(context, loader::RejectedKey(self.0.id)).await?;
        Ok(rejected.map(|rejected| Rejection {
            at: DateTime(rejected.last_at),
            code: rejected.reason.into(),
            reason: rejections::for_people(rejected.reason),
        }))
    }

    /// Number of rejected requests to its webhook path in the last 24 hours, counted by the hour.
    async fn rejections_last_day(&self, context: &Context<'_>) -> Result<i32> {
        require_staff(context)?;
        let rejected = loader::load(context, loader::RejectedKey(self.0.id)).await?;
        Ok(rejected.map_or(0, |rejected| {
            i32::try_from(rejected.requests).unwrap_or(i32::MAX)
        }))
    }

    /// What is wrong and what to do next: the message of the first of `problems`; null if there is no problem.
    async fn problem(&self, context: &Context<'_>) -> Result<Option<String>> {
        require_staff(context)?;
        let problems = loader::load(context, loader::ProblemsKey(self.0.id)).await?;
        let first = problems.and_then(|problems| problems.into_iter().next());
        Ok(first.map(|problem| problem.message))
    }

    /// What is wrong, with who can fix it; those of the reads of its platform's API first.
    async fn problems(&self, context: &Context<'_>) -> Result<Vec<SourceProblem>> {
        require_staff(context)?;
        let problems = loader::load(context, loader::ProblemsKey(self.0.id)).await?;
        Ok(problems.into_iter().flatten().map(Into::into).collect())
    }
}
