//! Input types and the checks that need the database, shared by mutations and previews. Nothing here writes.

pub mod given;
pub mod kisi_credentials;
pub mod rule;
pub mod rule_change;
pub mod rule_draft;
pub mod signature_rule;
pub mod source_credentials;
