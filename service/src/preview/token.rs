//! The preview token: the state on which a preview was computed, handed out with the preview and sent back with the edit. It is
//! sealed for the club, so that a client cannot forge one.
//!
//! An edit with a token is refused if its effect now differs from the previewed one. Read-only. Called by the previews of the API
//! and by the rule mutations.

use std::time::Duration;

use access::Instant;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::Semaphore;

use super::{Fingerprint, Preview, Proposal, RuleDiff, Side, preview};
use crate::{
    secret::{Sealer, SecretError, SecretKind},
    store::{ClubScope, Connection, StoreError, clubs},
};

/// How long a preview token is valid.
pub const VALID_FOR: Duration = Duration::from_hours(24);
/// The query that error messages name for a new preview.
const PREVIEW: &str = "previewRule";
/// How far ahead of its creation the instant of a preview may lie, so that the preview still describes an edit that is made now.
const AHEAD: Duration = Duration::from_secs(300);

/// The state on which a preview was computed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PreviewToken {
    revision: i64,
    version: i32,
    context_fingerprint: Fingerprint,
    proposal: Fingerprint,
    result: Fingerprint,
    gains: usize,
    losses: usize,
    at: i64,
    made_at: i64,
}

/// Why an edit with a preview token is refused.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The effect may differ from the preview; the text is shown to people.
    #[error("{0}")]
    Stale(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Encrypts a token for one club.
pub fn seal_token(
    sealer: &Sealer,
    scope: ClubScope,
    basis: &impl Serialize,
) -> Result<String, SecretError> {
    let text = serde_json::to_string(basis).map_err(|_| SecretError::Unreadable)?;
    let text = SecretString::from(text);
    let sealed = sealer.seal(SecretKind::PreviewToken, scope.club, &text)?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// Decrypts a token of this club; `None` for any other text.
pub fn open_token<T: DeserializeOwned>(sealer: &Sealer, scope: ClubScope, text: &str) -> Option<T> {
    let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
    let text = sealer.open(SecretKind::PreviewToken, scope.club, &sealed);
    serde_json::from_str(text.ok()?.expose_secret()).ok()
}

/// The error of an outdated preview: what changed, and the query for a new one.
pub fn stale<T>(query: &str, what: impl Into<String>) -> Result<T, CheckError> {
    let what = what.into();
    Err(CheckError::Stale(format!(
        "{what}: preview the change again with {query}"
    )))
}

impl PreviewToken {
    /// The token of a preview that was made at `now`.
    pub fn of(preview: &Preview, proposal: &Proposal, now: Instant) -> Self {
        Self {
            revision: preview.revision,
            version: preview.diff.version,
            context_fingerprint: preview.diff.context_fingerprint(),
            proposal: proposal.fingerprint(),
            result: preview.fingerprint,
            gains: preview.count(Side::Gains),
            losses: preview.count(Side::Losses),
            at: preview.diff.at.micros(),
            made_at: now.micros(),
        }
    }

    /// The text for the client.
    pub fn seal(&self, sealer: &Sealer, scope: ClubScope) -> Result<String, SecretError> {
        seal_token(sealer, scope, self)
    }

    /// Reads the text from the client.
    ///
    /// # Errors
    /// Stale, if the text is no token of this club.
    pub fn open(sealer: &Sealer, scope: ClubScope, text: &str) -> Result<Self, CheckError> {
        let read = open_token(sealer, scope, text);
        read.map_or_else(
            || stale(PREVIEW, "the preview token is not valid for this club"),
            Ok,
        )
    }

    /// Checks that the edit still has the previewed effect, and returns a token for the current state. All members are evaluated
    /// again only if the club has changed since the preview. `own` is how often the caller itself has raised the revision.
    ///
    /// # Errors
    /// Stale, with what changed.
    pub async fn check(
        self,
        connection: &impl Connection,
        scope: ClubScope,
        proposal: &Proposal,
        now: Instant,
        own: i64,
        turns: Option<&Semaphore>,
    ) -> Result<Self, CheckError> {
        if self.proposal != proposal.fingerprint() {
            return stale(PREVIEW, "the preview is of a different change");
        }
        let made_at = Instant::from_micros(self.made_at);
        let at = Instant::from_micros(self.at);
        if now > made_at.plus(VALID_FOR) {
            return stale(PREVIEW, "the preview is older than a day");
        }
        if at > made_at.plus(AHEAD) || at < made_at.minus(VALID_FOR) {
            return stale(PREVIEW, "the preview is of a different time");
        }
        let club = clubs::get(connection, scope).await?;
        let revision = club.map_or(0, |club| club.revision).saturating_sub(own);
        let Some(diff) = RuleDiff::load(connection, scope, proposal, at).await? else {
            return stale(PREVIEW, "the rule was deleted since the preview");
        };
        if diff.version != self.version {
            return stale(PREVIEW, "the rule was edited since the preview");
        }
        if revision == self.revision && diff.context_fingerprint() == self.context_fingerprint {
            return Ok(self);
        }
        match preview(connection, scope, proposal, at, turns).await? {
            Some(fresh) if fresh.fingerprint == self.result => Ok(Self {
                revision: fresh.revision.saturating_sub(own),
                context_fingerprint: fresh.diff.context_fingerprint(),
                ..self
            }),
            Some(fresh) => stale(PREVIEW, self.describe_change(&fresh)),
            None => stale(PREVIEW, "the rule was deleted since the preview"),
        }
    }

    fn describe_change(&self, fresh: &Preview) -> String {
        let (gains, losses) = (fresh.count(Side::Gains), fresh.count(Side::Losses));
        if (gains, losses) == (self.gains, self.losses) {
            return "the change would now affect other people or other times".to_owned();
        }
        let (was_gains, was_losses) = (self.gains, self.losses);
        format!(
            "the change would now give access to {gains} and take access from {losses}, while the preview \
             showed {was_gains} and {was_losses}"
        )
    }
}
