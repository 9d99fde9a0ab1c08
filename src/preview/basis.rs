//! What a preview rests on, in a form that is handed out and comes back with the edit: sealed for the club, so that none
//! can be made up. Promises that an edit which names one is refused where it would now do anything else than was shown.
//! Never writes. Called by the API's previews and by the mutations of rules.

use std::time::Duration;

use access::Instant;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::Semaphore;

use super::{Case, Fingerprint, Preview, Proposal, Side, preview};
use crate::{
    secret::{Sealer, SecretError, SecretKind},
    store::{Connection, Scope, StoreError, clubs},
};

/// How long a preview is good for.
pub const GOOD_FOR: Duration = Duration::from_hours(24);
/// The query to look again with.
const PREVIEW: &str = "previewRule";
/// How far a preview may look from the instant that it was made at and still tell what an edit does now.
const AHEAD: Duration = Duration::from_secs(300);

/// What a preview rests on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Basis {
    revision: i64,
    version: i32,
    ground: Fingerprint,
    proposal: Fingerprint,
    result: Fingerprint,
    gains: usize,
    losses: usize,
    at: i64,
    made_at: i64,
}

/// Why an edit may not be made on the word of a preview.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It would do something else now; the text is for people.
    #[error("{0}")]
    Stale(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a preview rests on, as it is handed out: sealed for the club.
pub fn sealed(
    sealer: &Sealer,
    scope: Scope,
    basis: &impl Serialize,
) -> Result<String, SecretError> {
    let text = serde_json::to_string(basis).map_err(|_| SecretError::Unreadable)?;
    let text = SecretString::from(text);
    let sealed = sealer.seal(SecretKind::PreviewToken, scope.club, &text)?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// What was handed out for this club; none for anything else.
pub fn opened<T: DeserializeOwned>(sealer: &Sealer, scope: Scope, text: &str) -> Option<T> {
    let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
    let text = sealer.open(SecretKind::PreviewToken, scope.club, &sealed);
    serde_json::from_str(text.ok()?.expose_secret()).ok()
}

/// What was shown is not so any more, and the query to look again with.
pub fn stale<T>(query: &str, what: impl Into<String>) -> Result<T, CheckError> {
    let what = what.into();
    Err(CheckError::Stale(format!(
        "{what}: look again with {query}"
    )))
}

impl Basis {
    /// What this preview rests on, made at an instant.
    pub fn of(preview: &Preview, proposal: &Proposal, now: Instant) -> Self {
        Self {
            revision: preview.revision,
            version: preview.case.version,
            ground: preview.case.ground(),
            proposal: proposal.fingerprint(),
            result: preview.fingerprint,
            gains: preview.count(Side::Gains),
            losses: preview.count(Side::Losses),
            at: preview.case.at.micros(),
            made_at: now.micros(),
        }
    }

    /// As it is handed out.
    pub fn seal(&self, sealer: &Sealer, scope: Scope) -> Result<String, SecretError> {
        sealed(sealer, scope, self)
    }

    /// From what was handed out by this club.
    ///
    /// # Errors
    /// Stale for anything else.
    pub fn open(sealer: &Sealer, scope: Scope, text: &str) -> Result<Self, CheckError> {
        let read = opened(sealer, scope, text);
        read.map_or_else(|| stale(PREVIEW, "this names no preview of this club"), Ok)
    }

    /// Whether the edit does what was shown; what that was found to be true of. Everybody is judged again where the club
    /// has moved on since, and nobody where it has not. `own` is how often the caller itself has raised the revision.
    ///
    /// # Errors
    /// Stale, with what has moved.
    pub async fn check(
        self,
        connection: &impl Connection,
        scope: Scope,
        proposal: &Proposal,
        now: Instant,
        own: i64,
        turns: Option<&Semaphore>,
    ) -> Result<Self, CheckError> {
        if self.proposal != proposal.fingerprint() {
            return stale(PREVIEW, "the preview was of another change");
        }
        let made_at = Instant::from_micros(self.made_at);
        let at = Instant::from_micros(self.at);
        if now > made_at.plus(GOOD_FOR) {
            return stale(PREVIEW, "the preview is older than a day");
        }
        if at > made_at.plus(AHEAD) || at < made_at.minus(GOOD_FOR) {
            return stale(PREVIEW, "the preview was of another time than now");
        }
        let club = clubs::get(connection, scope).await?;
        let revision = club.map_or(0, |club| club.revision).saturating_sub(own);
        let Some(case) = Case::load(connection, scope, proposal, at).await? else {
            return stale(PREVIEW, "the rule was deleted since the preview");
        };
        if case.version != self.version {
            return stale(PREVIEW, "the rule was edited since the preview");
        }
        if revision == self.revision && case.ground() == self.ground {
            return Ok(self);
        }
        match preview(connection, scope, proposal, at, turns).await? {
            Some(fresh) if fresh.fingerprint == self.result => Ok(Self {
                revision: fresh.revision.saturating_sub(own),
                ground: fresh.case.ground(),
                ..self
            }),
            Some(fresh) => stale(PREVIEW, self.moved(&fresh)),
            None => stale(PREVIEW, "the rule was deleted since the preview"),
        }
    }

    fn moved(&self, fresh: &Preview) -> String {
        let (gains, losses) = (fresh.count(Side::Gains), fresh.count(Side::Losses));
        if (gains, losses) == (self.gains, self.losses) {
            return "other people, or other times, would be affected now".to_owned();
        }
        let (was_gains, was_losses) = (self.gains, self.losses);
        format!(
            "the change would now add to the access of {gains} and take from that of {losses}, \
             where the preview said {was_gains} and {was_losses}"
        )
    }
}
