//! The options of a source that updateSource may change.

use super::{StatusMappingInput, platform_input};
use crate::{
    graphql::{error::Refusal, scalar::Json},
    ingest::readers::options::statuses_text,
    store::row,
};

/// The options of a source that an update gives.
pub(super) struct Options {
    pub mapping: Option<Json>,
    pub statuses: Option<Vec<StatusMappingInput>>,
    pub primary_members_only: Option<bool>,
    pub check_in: Option<bool>,
}

impl Options {
    /// Sets the given options. True if what the platform's API gives has another meaning now.
    pub(super) fn set(&self, source: &mut row::Source) -> Result<bool, Refusal> {
        let platform = source.platform;
        if let Some(mapping) = platform_input::mapping(platform, self.mapping.as_ref())? {
            source.mapping = Some(mapping);
        }
        let statuses = platform_input::statuses(platform, self.statuses.as_deref())?;
        let primary_only = platform_input::primary_only(platform, self.primary_members_only)?;
        let check_in = platform_input::check_in(platform, self.check_in)?;
        source.check_in = check_in.unwrap_or(source.check_in);
        source.primary_only = primary_only.unwrap_or(source.primary_only);
        let is_new_meaning = statuses.is_some() || primary_only.is_some();
        if let Some(statuses) = statuses {
            source.membership_statuses = statuses_text(&statuses);
        }
        Ok(is_new_meaning)
    }
}
