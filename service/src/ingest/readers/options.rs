//! What a club says about its platform's data: what its own words for the status of a membership mean, and who of a household is
//! covered. Stored with the source, as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::store::row::Source;

/// What a platform's word for the status of a membership means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusMeaning {
    Active,
    Paused,
    Ended,
}

/// The club's words, in lower case, with their meaning.
pub type Statuses = BTreeMap<String, StatusMeaning>;

/// How a source's data is to be understood.
#[derive(Clone, Debug, Default)]
pub struct ReaderOptions {
    pub statuses: Statuses,
    /// Only the primary member of a household has its membership.
    pub primary_only: bool,
}

impl ReaderOptions {
    /// The options of a source.
    pub fn of(source: &Source) -> Self {
        Self {
            statuses: statuses_of(source.membership_statuses.as_deref()),
            primary_only: source.primary_only,
        }
    }
}

/// The stored words; none of them if the text cannot be read.
pub fn statuses_of(text: Option<&str>) -> Statuses {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// The text to store; none for no words.
pub fn statuses_text(statuses: &Statuses) -> Option<String> {
    let text = serde_json::to_string(statuses).ok()?;
    (!statuses.is_empty()).then_some(text)
}

/// The statuses without a known meaning in the last reading of a source.
pub fn unknown_of(source: &Source) -> Vec<String> {
    source
        .unknown_statuses
        .as_deref()
        .and_then(|text| serde_json::from_str::<BTreeMap<String, usize>>(text).ok())
        .map(|all| all.into_keys().collect())
        .unwrap_or_default()
}
